/*
 * html.h
 *		Text as HTML in which no text can act as markup.
 */
#ifndef CASTSSL_FLOW_REPORT_HTML_H
#define CASTSSL_FLOW_REPORT_HTML_H

#include "lib/stringinfo.h"

/*
 * Append text.  Escapes every character with a meaning in HTML, for content and for
 * quoted attributes alike.  Characters outside of ASCII become numeric references, so
 * the page is valid in the encoding of any database.  Bytes that are not UTF-8, and
 * control characters, become U+FFFD.
 */
extern void castssl_html_text(StringInfo out, const char *text, size_t length);

/* Append markup.  Each %s is a text, which is escaped; each %d is an int. */
extern void castssl_html(StringInfo out, const char *markup, ...) pg_attribute_printf(2, 3);

#endif
