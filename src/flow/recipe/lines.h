/*
 * lines.h
 *		Edits of single lines of pg_hba.conf: add, change, move, remove.
 *
 * Each function adds to edits what has to be staged, and nothing where all is as
 * wanted already: a NOTICE says so.  line_number and before_line are lines of the
 * staged file.  Errors: 22023 for a file or a line that does not exist, 55000
 * (castssl_stale) for a line that is not the one that was meant.
 */
#ifndef CASTSSL_FLOW_RECIPE_LINES_H
#define CASTSSL_FLOW_RECIPE_LINES_H

#include "hba/edit/edit.h"

typedef struct CastsslLine
{
	const char *file_name; /* as pg_hba.conf's rules name it; NULL: the main file */
	int line_number;       /* the line to change, move or remove */
	int before_line;       /* the line above which to put it; 0: none is named */
	const char *rule;      /* the new line; for remove: the line as it must be, NULL: any */
} CastsslLine;

/*
 * A new line, above before_line: a WARNING names the line that blocks it there, if one
 * does.  If before_line is not named: at the end of the file if the rule is reached
 * there, else directly above the first of the lines that block it (a NOTICE says where).
 * A rule that stands already, and is reached, is not added again.
 */
extern void castssl_line_add(const CastsslLine *line, const CastsslHbaPolicy *policy,
							 CastsslHbaEdits *edits);

extern void castssl_line_change(const CastsslLine *line, const CastsslHbaPolicy *policy,
								CastsslHbaEdits *edits);

/*
 * To the place above before_line; to the end of its file if that is not named.  A WARNING
 * names the line that blocks it there, if one does.
 */
extern void castssl_line_move(const CastsslLine *line, const CastsslHbaPolicy *policy,
							  CastsslHbaEdits *edits);

/* With a rule that is gone already, nothing is removed. */
extern void castssl_line_remove(const CastsslLine *line, const CastsslHbaPolicy *policy,
								CastsslHbaEdits *edits);

#endif
