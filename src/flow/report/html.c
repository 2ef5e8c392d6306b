/*
 * html.c
 *		Text as HTML in which no text can act as markup.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/words.h"
#include "flow/report/html.h"

/* Append one character that is not ASCII.  Returns its length in bytes. */
static size_t
append_beyond_ascii(StringInfo out, const unsigned char *text, size_t length)
{
	size_t n = pg_utf_mblen(text);

	if (n > length || !pg_utf8_islegal(text, (int) n))
	{
		appendStringInfoString(out, "&#xFFFD;");
		return 1;
	}
	if (castssl_is_unseen(utf8_to_unicode(text)))
		appendStringInfoString(out, "&#xFFFD;");
	else
		appendStringInfo(out, "&#x%X;", (unsigned) utf8_to_unicode(text));
	return n;
}

void
castssl_html_text(StringInfo out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = text[i];

		if (IS_HIGHBIT_SET(c))
			i += append_beyond_ascii(out, (const unsigned char *) text + i, length - i) - 1;
		else if (c == '&')
			appendStringInfoString(out, "&amp;");
		else if (c == '<')
			appendStringInfoString(out, "&lt;");
		else if (c == '>')
			appendStringInfoString(out, "&gt;");
		else if (c == '"')
			appendStringInfoString(out, "&quot;");
		else if (c == '\'')
			appendStringInfoString(out, "&#39;");
		else if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f)
			appendStringInfoString(out, "&#xFFFD;");
		else
			appendStringInfoChar(out, c);
	}
}

void
castssl_html(StringInfo out, const char *markup, ...)
{
	va_list arguments;

	va_start(arguments, markup);
	for (const char *at = markup; *at; at++)
	{
		if (at[0] == '%' && at[1] == 's')
		{
			const char *text = va_arg(arguments, const char *);

			castssl_html_text(out, text, strlen(text));
			at++;
		}
		else if (at[0] == '%' && at[1] == 'd')
		{
			appendStringInfo(out, "%d", va_arg(arguments, int));
			at++;
		}
		else
		{
			if (at[0] == '%' && at[1] == '%')
				at++;
			appendStringInfoChar(out, *at);
		}
	}
	va_end(arguments);
}
