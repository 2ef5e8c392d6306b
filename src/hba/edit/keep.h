/*
 * keep.h
 *		What a changed line keeps of the old one: its comment, and its line breaks.
 */
#ifndef CASTSSL_HBA_EDIT_KEEP_H
#define CASTSSL_HBA_EDIT_KEEP_H

#include "hba/text/document.h"

/*
 * The comment of a record that is a rule, with the blanks before it; "" without one.  Our mark is
 * left out where it makes no line ours.  Palloc'd.
 */
extern char *castssl_hba_comment(const CastsslHbaDocument *document, int record);

/*
 * The text of the record, by which a statement names it and is refused for another line; NULL if it
 * may hold a secret.  Palloc'd.
 */
extern char *castssl_hba_held(const CastsslHbaDocument *document, int record);

/*
 * Does the record have the same tokens as the text, which is one line?  Without any (a comment):
 * the same text.
 */
extern bool castssl_hba_same_line(const CastsslHbaDocument *document, int record, const char *text);

/*
 * The text of one line as the new bytes of a record, without its line end: if the record has
 * several physical lines, the tokens before and after those that change keep their bytes, and so
 * their line breaks.  Palloc'd.
 */
extern char *castssl_hba_keep_breaks(const CastsslHbaDocument *document, int record,
									 const char *text);

#endif
