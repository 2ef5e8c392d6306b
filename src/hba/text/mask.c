/*
 * mask.c
 *		Masks secrets in lines of pg_hba.conf before anybody sees them.
 *
 * Masks too much rather than too little: what may be the rest of a secret is masked as
 * well.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "hba/text/lex.h"
#include "hba/text/mask.h"

#define HIDDEN "***"
#define GRAMMAR 19 /* a major without a limit on the length of a token */

static const char *const secrets[] = { "ldapbindpasswd=", "radiussecrets=" };

/* Length of the name and its equals sign if a secret begins here, else 0. */
static size_t
secret_at(const char *text, size_t left)
{
	for (int i = 0; i < lengthof(secrets); i++)
	{
		size_t length = strlen(secrets[i]);

		if (length <= left && memcmp(text, secrets[i], length) == 0)
			return length;
	}
	return 0;
}

/*
 * Mask a comment up to its end: quotes mean nothing in a comment, so the end of a value
 * is unknown.
 */
static void
append_comment(StringInfo masked, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		size_t name = secret_at(text + i, length - i);

		appendBinaryStringInfo(masked, text + i, name ? name : 1);
		if (name)
		{
			appendStringInfoString(masked, HIDDEN);
			return;
		}
	}
}

char *
castssl_hba_mask(const char *text, size_t length)
{
	CastsslHbaLine line = { 0 };
	StringInfoData masked;
	size_t shown = 0;     /* the text before this offset has been appended */
	bool goes_on = false; /* a secret without quotes may continue after its comma */

	initStringInfo(&masked);
	castssl_hba_lex(&line, text, length, GRAMMAR);
	for (int i = 0; i < line.nlexemes; i++)
	{
		const CastsslHbaLexeme *lexeme = &line.lexemes[i];
		size_t name = secret_at(lexeme->string, strlen(lexeme->string));

		if (name == 0 && !(goes_on && strchr(lexeme->string, '=') == NULL))
		{
			goes_on = false;
			continue;
		}
		appendBinaryStringInfo(&masked, text + shown, lexeme->start - shown);
		appendBinaryStringInfo(&masked, lexeme->string, name);
		appendStringInfoString(&masked, HIDDEN);
		shown = lexeme->end;
		goes_on = lexeme->comma;
		/* "secret#1" without quotes: the server reads a comment, the author meant a secret. */
		if (shown == line.comment)
		{
			castssl_hba_line_free(&line);
			return masked.data;
		}
	}
	appendBinaryStringInfo(&masked, text + shown, line.comment - shown);
	append_comment(&masked, text + line.comment, length - line.comment);
	castssl_hba_line_free(&line);
	return masked.data;
}

const char *
castssl_hba_mask_option(const char *option)
{
	size_t name = secret_at(option, strlen(option));

	return name ? psprintf("%.*s" HIDDEN, (int) name, option) : option;
}
