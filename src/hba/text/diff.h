/*
 * diff.h
 *		A unified diff of two texts.
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
 * Take back what made after of before, and keep what made live of after: append before with the
 * lines that live has and after has not, and without those that after has and live has not.  A
 * line comes where it stood, above the lines that come back there.  Each text ends with a line end.
 */
extern void castssl_diff_merge(StringInfo merged, const CastsslHbaDocument *before,
							   const CastsslHbaDocument *after, const CastsslHbaDocument *live);

#endif
