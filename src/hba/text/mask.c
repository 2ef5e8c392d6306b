/*
 * mask.c
 *		Secrets in lines of pg_hba.conf, made unreadable before anybody sees them.
 *
 * Rather too much than too little: what stands where the rest of a secret may be
 * is hidden as well.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "base/majors.h"
#include "hba/text/lex.h"
#include "hba/text/mask.h"
#include "hba/text/options.h"
#include "hba/text/rule.h"

#define HIDDEN "***"
#define OWN_COMMENT "# castssl" /* behind a line that we wrote */

/* Of which the name of a secret is made, however it is misspelt. */
static const char *const telling[] = { "pas", "pwd", "pw", "secre", "sekre", "token", "cred" };

/* What of a line is to be hidden. */
typedef struct Hidden
{
	int options;    /* index of the first lexeme that is an option, or should be */
	bool secret;    /* one of them is secret */
	bool from_file; /* one of them is an @file */
	int irregular;  /* the first that is secret or no option, where one is none; else -1 */
} Hidden;

static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		   c == '-' || c == '.';
}

/* Length of the name before the equals sign of an option; 0 where there is none. */
static size_t
name_length(const char *option)
{
	size_t length = 0;

	while (is_name_character(option[length]))
		length++;
	return option[length] == '=' ? length : 0;
}

/* An option that everybody may see? */
static bool
is_harmless(const char *option)
{
	size_t length = name_length(option);

	/* a URL may name a user with a password before the host */
	return length > 0 && castssl_hba_option_is_harmless(option, length) &&
		   !(strncmp(option, "ldapurl=", 8) == 0 && strchr(option, '@') != NULL);
}

/* An option at all? */
static bool
is_known(const char *option)
{
	size_t length = name_length(option);

	return length > 0 && (castssl_hba_option_is_known(option, length) ||
						  strncmp(option, "validator.", strlen("validator.")) == 0);
}

static bool
tells_of_secret(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		for (int j = 0; j < lengthof(telling); j++)
		{
			size_t n = strlen(telling[j]);

			if (n <= length - i && pg_strncasecmp(name + i, telling[j], n) == 0)
				return true;
		}
	}
	return false;
}

/* Is it the name of an option that is secret? */
static bool
names_secret(const char *name, size_t length)
{
	return length > 0 && castssl_hba_option_is_known(name, length) &&
		   !castssl_hba_option_is_harmless(name, length);
}

static bool
is_type(const char *word, size_t length)
{
	for (CastsslHbaType type = CASTSSL_HBA_LOCAL; type <= CASTSSL_HBA_HOSTNOGSSENC; type++)
	{
		const char *name = castssl_hba_type_name(type);

		if (strlen(name) == length && pg_strncasecmp(name, word, length) == 0)
			return true;
	}
	return false;
}

/* Index of the lexeme behind the method, which is in that field or behind it; -1: there is none. */
static int
behind_method(const CastsslHbaLine *line, int least)
{
	int field = 0;

	for (int i = 0; i < line->nlexemes; i++)
	{
		if (field >= least && castssl_hba_method_is_known(line->lexemes[i].string))
			return i + 1;
		if (!line->lexemes[i].comma)
			field++;
	}
	return -1;
}

/*
 * Where the options begin.  In a line that is no rule, at the first word that may
 * be one.
 */
static int
find_options(const CastsslHbaLine *line)
{
	int options = behind_method(line, 3);
	int field = 0;

	if (options < 0)
		options = behind_method(line, 2);
	for (int i = 0; i < (options < 0 ? line->nlexemes : options); i++)
	{
		const char *string = line->lexemes[i].string;
		size_t length = strcspn(string, "=");

		/* no type, name or address of a rule has the sign */
		if (string[length] == '=' && (options < 0 || field >= 3 || tells_of_secret(string, length)))
			return i;
		/* "ldapbindpasswd = x" */
		if (options < 0 && i > 2 && tells_of_secret(string, length))
			return i;
		field += !line->lexemes[i].comma;
	}
	return options < 0 ? line->nlexemes : options;
}

static Hidden
look(const CastsslHbaLine *line)
{
	Hidden hidden = { .irregular = -1 };
	int first = -1;
	bool irregular = false;

	if (line->nlexemes == 2 && strncmp(line->lexemes[0].string, "include", 7) == 0)
	{
		hidden.options = line->nlexemes;
		return hidden;
	}
	hidden.options = find_options(line);
	for (int i = hidden.options; i < line->nlexemes; i++)
	{
		const char *option = line->lexemes[i].string;

		if (line->lexemes[i].file)
		{
			hidden.from_file = true;
			continue;
		}
		if (is_harmless(option))
			continue;
		if (first < 0)
			first = i;
		hidden.secret = true;
		irregular = irregular || !is_known(option);
	}
	if (irregular)
		hidden.irregular = first;
	return hidden;
}

/*
 * A comment in which something like "password = x", "password: x" or "ldapbindpasswd x" stands:
 * hidden from there to its end.
 */
static void
append_prose(StringInfo masked, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		size_t end = i;
		size_t begin;

		if (text[i] != '=' && text[i] != ':' &&
			!(text[i] == ' ' && i > 0 && is_name_character(text[i - 1])))
			continue;
		while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t' || text[end - 1] == '"'))
			end--;
		for (begin = end; begin > 0 && is_name_character(text[begin - 1]);)
			begin--;
		if (text[i] == ' ' ? names_secret(text + begin, end - begin)
						   : tells_of_secret(text + begin, end - begin))
		{
			appendBinaryStringInfo(masked, text, (int) i + 1);
			appendStringInfoString(masked, HIDDEN);
			return;
		}
	}
	appendBinaryStringInfo(masked, text, (int) length);
}

/* A comment: a rule may stand in it, disabled by us or by somebody else. */
static void
append_comment(StringInfo masked, const char *text, size_t length)
{
	static const char ours[] = "castssl#";
	size_t begin = 0;
	size_t end;

	while (begin < length)
	{
		if (text[begin] == '#' || text[begin] == ' ' || text[begin] == '\t')
			begin++;
		else if (length - begin >= strlen(ours) && memcmp(text + begin, ours, strlen(ours)) == 0)
			begin += strlen(ours);
		else
			break;
	}
	/* the first word that may begin a rule; what is before it is prose */
	for (; begin < length; begin = end + 1)
	{
		for (end = begin; end < length && is_name_character(text[end]);)
			end++;
		if (!is_type(text + begin, end - begin))
			continue;
		append_prose(masked, text, begin);
		if (strstr(masked->data, HIDDEN) == NULL)
			appendStringInfoString(masked, castssl_hba_mask(text + begin, length - begin));
		return;
	}
	append_prose(masked, text, length);
}

/* Behind a secret there may be more of it ("secret#1" without quotes). */
static void
append_comment_behind_secret(StringInfo masked, const char *text, size_t length)
{
	if (length == strlen(OWN_COMMENT) && memcmp(text, OWN_COMMENT, length) == 0)
		appendStringInfoString(masked, OWN_COMMENT);
	else if (length > 0)
		appendStringInfoString(masked, HIDDEN);
}

/* The name of the option that stands there, and that its value is hidden. */
static void
append_hidden(StringInfo masked, const CastsslHbaLexeme *lexeme)
{
	size_t name = name_length(lexeme->string);

	if (name > 0)
		appendBinaryStringInfo(masked, lexeme->string, (int) name + 1);
	appendStringInfoString(masked, HIDDEN);
}

char *
castssl_hba_mask(const char *text, size_t length)
{
	CastsslHbaLine line = { 0 };
	StringInfoData masked;
	size_t shown = 0; /* text before this is appended */
	Hidden hidden;

	initStringInfo(&masked);
	castssl_hba_lex(&line, text, length, CASTSSL_NEWEST_MAJOR);
	hidden = look(&line);
	if (hidden.irregular >= 0)
	{
		const CastsslHbaLexeme *lexeme = &line.lexemes[hidden.irregular];

		appendBinaryStringInfo(&masked, text, (int) lexeme->start);
		append_hidden(&masked, lexeme);
		castssl_hba_line_free(&line);
		return masked.data;
	}
	for (int i = hidden.options; i < line.nlexemes; i++)
	{
		const CastsslHbaLexeme *lexeme = &line.lexemes[i];

		if (lexeme->file || is_harmless(lexeme->string))
			continue;
		appendBinaryStringInfo(&masked, text + shown, (int) (lexeme->start - shown));
		append_hidden(&masked, lexeme);
		shown = lexeme->end;
	}
	appendBinaryStringInfo(&masked, text + shown, (int) (line.comment - shown));
	if (hidden.secret)
		append_comment_behind_secret(&masked, text + line.comment, length - line.comment);
	else
		append_comment(&masked, text + line.comment, length - line.comment);
	castssl_hba_line_free(&line);
	return masked.data;
}

const char *
castssl_hba_mask_option(const char *option)
{
	size_t name = name_length(option);

	if (is_harmless(option))
		return option;
	return name > 0 ? psprintf("%.*s" HIDDEN, (int) name + 1, option) : HIDDEN;
}

/* Length of a quoted name at the start of text that may be shown, quotes included; else 0. */
static size_t
shown_name(const char *text, const char *first, size_t first_length)
{
	const char *end = text[0] == '"' ? strchr(text + 1, '"') : NULL;
	size_t length;
	char *name;
	bool known;

	if (end == NULL)
		return 0;
	length = (size_t) (end - text) - 1;
	if (length == first_length && length > 0 && memcmp(text + 1, first, length) == 0)
		return length + 2;
	name = pnstrdup(text + 1, length);
	known = castssl_hba_method_is_known(name) || castssl_hba_option_is_known(name, length);
	pfree(name);
	return known ? length + 2 : 0;
}

/* The error up to the first thing that it quotes and that is not shown. */
static const char *
cut_error(const char *error, const char *first, size_t first_length)
{
	StringInfoData masked;

	initStringInfo(&masked);
	while (*error)
	{
		size_t name = shown_name(error, first, first_length);

		if (name == 0 && error[0] == '"')
		{
			appendStringInfoString(&masked, "\"" HIDDEN "\"");
			break;
		}
		if (strncmp(error, ": ", 2) == 0 && shown_name(error + 2, first, first_length) == 0)
		{
			appendStringInfoString(&masked, ": " HIDDEN);
			break;
		}
		appendBinaryStringInfo(&masked, error, name > 0 ? (int) name : 1);
		error += name > 0 ? name : 1;
	}
	return masked.data;
}

const char *
castssl_hba_mask_error(const char *error, const char *text, size_t length)
{
	CastsslHbaLine line = { 0 };
	Hidden hidden;

	castssl_hba_lex(&line, text, length, CASTSSL_NEWEST_MAJOR);
	hidden = look(&line);
	if (hidden.irregular >= 0)
	{
		/* castssl_hba_mask shows its name, too */
		const char *first = line.lexemes[hidden.irregular].string;

		error = cut_error(error, first, name_length(first));
	}
	else if (hidden.secret || hidden.from_file)
		error = cut_error(error, "", 0);
	castssl_hba_line_free(&line);
	return error;
}
