/*
 * meant.h
 *		Which line of pg_hba.conf a call means: by its number, by what it holds, or by both.
 */
#ifndef CASTSSL_FLOW_RECIPE_MEANT_H
#define CASTSSL_FLOW_RECIPE_MEANT_H

#include "hba/text/rule.h"

typedef struct CastsslMeant
{
	const char *argument; /* that has the number: line_number or before_line */
	int number;           /* 0: none is given */
	const char *holds;    /* what the line must hold; NULL: anything */
} CastsslMeant;

/* Index of the file that a call names; the main file for NULL. 22023 for another file. */
extern int castssl_meant_file(const CastsslHbaPolicy *policy, const char *file_name);

/* Does the record with this line hold the text? 22023 if there is no such line. */
extern bool castssl_meant_holds(const CastsslHbaDocument *document, int number, const char *text);

/*
 * Index of the record that is meant; nrecords if neither a number nor a text is given; -1 if no
 * line holds the text. 22023 for a line that does not exist, or if there is no number and several
 * lines hold the text. 55000 (castssl_stale) if another line than that number holds it.
 */
extern int castssl_meant_look(const CastsslHbaDocument *document, const CastsslMeant *meant);

/* The same, and 55000 if no line holds the text. */
extern int castssl_meant_record(const CastsslHbaDocument *document, const CastsslMeant *meant);

#endif
