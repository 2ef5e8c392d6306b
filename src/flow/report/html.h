/*
 * html.h
 *		Text as HTML, such that nothing in it can be taken for markup.
 */
#ifndef CASTSSL_FLOW_REPORT_HTML_H
#define CASTSSL_FLOW_REPORT_HTML_H

#include "lib/stringinfo.h"

/*
 * Append text with every character escaped that means something in HTML, in
 * content and in quoted attributes alike.  What is not ASCII becomes a numeric
 * reference, so that the page is valid in the encoding of any database; bytes
 * that are no UTF-8, and control characters, become U+FFFD.
 */
extern void castssl_html_text(StringInfo out, const char *text, size_t length);

/* Append markup, in which each %s stands for a text to be escaped and each %d for an int. */
extern void castssl_html(StringInfo out, const char *markup, ...) pg_attribute_printf(2, 3);

#endif
