/*
 * diff.h
 *		A unified diff of two texts.
 */
#ifndef CASTSSL_HBA_TEXT_DIFF_H
#define CASTSSL_HBA_TEXT_DIFF_H

#include "lib/stringinfo.h"

#include "hba/text/document.h"

/*
 * Append the unified diff (three lines of context) that makes after of before;
 * nothing where they are the same.  patch(1) applies it, but for secrets: they are
 * shown as ***.
 */
extern void castssl_diff(StringInfo diff, const CastsslHbaDocument *before,
						 const CastsslHbaDocument *after);

/*
 * Hand over every line that differs, in order: those of before that are gone with
 * their number there, those of after that are new with theirs; without line ends.
 */
extern void castssl_diff_lines(const CastsslHbaDocument *before, const CastsslHbaDocument *after,
							   void (*show)(void *arg, bool added, int line_number,
											const char *text),
							   void *arg);

#endif
