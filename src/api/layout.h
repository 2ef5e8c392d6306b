/*
 * layout.h
 *		Text in lines, so that the rows of a change fit a terminal.
 */
#ifndef CASTSSL_API_LAYOUT_H
#define CASTSSL_API_LAYOUT_H

#include "nodes/pg_list.h"

/* How wide a terminal is that the rows of a change are to fit, in psql's usual format. */
#define CASTSSL_TERMINAL 120

/*
 * How wide column detail may be beside the other columns of these steps (CastsslStep), so that a
 * row fits the terminal; where a long name leaves too little, lines of a usual width.
 */
extern int castssl_layout_detail_width(const List *steps, bool changes, bool dry_run);

/*
 * The text with blanks replaced by newlines, so that no line is wider than width, as far as that
 * goes: what stands between quotes, such as a line for a rule, can be pasted and stays whole.
 * One blank is one newline: replacing them gives back the text.  Palloc'd.
 */
extern char *castssl_layout_lines(const char *text, int width);

#endif
