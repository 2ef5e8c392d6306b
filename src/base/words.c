/*
 * words.c
 *		Names and values in text that people paste into a shell or into SQL.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "mb/pg_wchar.h"

#include "base/words.h"

/* Control characters, bidirectional formatting and invisible characters: ranges of code points. */
static const struct
{
	uint32 first;
	uint32 last;
} unseen[] = {
	{ 0x0001, 0x001F }, { 0x007F, 0x009F }, { 0x00AD, 0x00AD },   { 0x061C, 0x061C },
	{ 0x180E, 0x180E }, { 0x200B, 0x200F }, { 0x2028, 0x202E },   { 0x2060, 0x206F },
	{ 0xFEFF, 0xFEFF }, { 0xFFF9, 0xFFFB }, { 0xE0000, 0xE007F },
};

bool
castssl_is_unseen(uint32 character)
{
	for (int i = 0; i < lengthof(unseen); i++)
	{
		if (character >= unseen[i].first && character <= unseen[i].last)
			return true;
	}
	return false;
}

/* The length in bytes of the UTF-8 character at c; 0: there is no valid one. */
static int
character_length(const unsigned char *c)
{
	int length = c[0] < 0x80 ? 1 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : 4;

	for (int i = 1; i < length; i++)
	{
		if (c[i] == '\0')
			return 0;
	}
	return pg_utf8_islegal(c, length) ? length : 0;
}

bool
castssl_is_utf8(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;
	int length = 1;

	for (; *c != '\0' && length > 0; c += length)
		length = character_length(c);
	return length > 0;
}

bool
castssl_is_pasteable(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;
	int length;

	if (text == NULL)
		return false;
	for (; *c != '\0'; c += length)
	{
		length = character_length(c);
		if (length == 0 || castssl_is_unseen(utf8_to_unicode(c)))
			return false;
	}
	return true;
}

char *
castssl_shell_word(const char *name)
{
	StringInfoData word;

	if (!castssl_is_pasteable(name))
		return NULL;
	if (name[0] != '\0' && name[0] != '-' &&
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-:,@") ==
			strlen(name))
		return pstrdup(name);
	initStringInfo(&word);
	/* a word that begins with - is an option even in quotes */
	appendStringInfoString(&word, name[0] == '-' ? "./'" : "'");
	for (const char *c = name; *c != '\0'; c++)
	{
		if (*c == '\'')
			appendStringInfoString(&word, "'\\''");
		else
			appendStringInfoChar(&word, *c);
	}
	appendStringInfoChar(&word, '\'');
	return word.data;
}

char *
castssl_sql_literal(const char *value)
{
	StringInfoData word;
	char *blank;

	if (value == NULL)
		return NULL;
	/* a tab, which psql would take for a key, is written as an escape */
	blank = pstrdup(value);
	for (char *c = blank; *c != '\0'; c++)
	{
		if (*c == '\t')
			*c = ' ';
	}
	if (!castssl_is_pasteable(blank))
		return NULL;
	initStringInfo(&word);
	appendStringInfoString(&word, strpbrk(value, "\\\t") ? "E'" : "'");
	for (const char *c = value; *c != '\0'; c++)
	{
		if (*c == '\'' || *c == '\\')
			appendStringInfoChar(&word, *c);
		if (*c == '\t')
			appendStringInfoString(&word, "\\t");
		else
			appendStringInfoChar(&word, *c);
	}
	appendStringInfoChar(&word, '\'');
	return word.data;
}

char *
castssl_windows_word(const char *path)
{
	if (!castssl_is_pasteable(path) || strpbrk(path, "\"%!`$") != NULL)
		return NULL;
	return psprintf("\"%s\"", path);
}

char *
castssl_hint_with(const char *text, const char *word)
{
	StringInfoData hint;

	if (word == NULL)
		return NULL;
	initStringInfo(&hint);
	for (const char *at = text; *at != '\0'; at++)
	{
		if (strncmp(at, "%s", 2) == 0)
		{
			appendStringInfoString(&hint, word);
			at++;
		}
		else
			appendStringInfoChar(&hint, *at);
	}
	return hint.data;
}

char *
castssl_hint_naming(const char *text, const char *name)
{
	return castssl_hint_with(text, castssl_is_pasteable(name) ? name : NULL);
}

char *
castssl_counted(int count, const char *one, const char *several)
{
	return psprintf("%d %s", count, count == 1 ? one : several);
}

bool
castssl_same_text(const char *a, const char *b)
{
	return a == NULL ? b == NULL : (b != NULL && strcmp(a, b) == 0);
}

void
castssl_append_listed(StringInfo list, const char *word)
{
	appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", word);
}
