/*
 * diff.h
 *		The differences of two texts, and a merge of three.
 */
#ifndef CASTSSL_HBA_TEXT_DIFF_H
#define CASTSSL_HBA_TEXT_DIFF_H

#include "lib/stringinfo.h"

#include "hba/text/document.h"

/*
 * Append the unified diff (three lines of context) from before to after; nothing if they
 * are equal. patch(1) can apply it, unless it contains secrets, which are shown as ***.
 */
extern void castssl_diff(StringInfo diff, const CastsslHbaDocument *before,
						 const CastsslHbaDocument *after);

/*
 * Report every different line, in order, without its line end: removed lines with their
 * number in before, added lines with their number in after.
 */
extern void castssl_diff_lines(const CastsslHbaDocument *before, const CastsslHbaDocument *after,
							   void (*show)(void *arg, bool added, int line_number,
											const char *text),
							   void *arg);

/*
 * Undo the change from before to after, and keep the later edit from after to live.  Appends
 * before, with the lines that live has and after does not, and without the lines that after
 * has and live does not.  An added line keeps its place, above the lines that come back there.
 * Each text must end with a line end.
 */
extern void castssl_diff_merge(StringInfo merged, const CastsslHbaDocument *before,
							   const CastsslHbaDocument *after, const CastsslHbaDocument *live);

#endif
