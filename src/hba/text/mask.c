/*
 * mask.c
 *		Hides secrets in lines of pg_hba.conf before anybody sees them.
 *
 * It hides rather too much than too little: also text that may be the rest of a secret.
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
#define OWN_COMMENT "# castssl" /* at the end of a line that castssl wrote */

/* Parts of the names of secrets, so that misspelt names are found too. */
static const char *const telling[] = { "pas", "pwd", "pw", "secre", "sekre", "token", "cred" };

/* The parts of a line that must be hidden. */
typedef struct Hidden
{
	int options;    /* index of the first lexeme in the place of an option */
	bool secret;    /* one of these may be secret */
	bool from_file; /* one of these is an @file */
	int irregular;  /* if one is not an option: the first that may be secret; else -1 */
} Hidden;

static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		   c == '-' || c == '.';
}

/* Length of the name before the equals sign of an option; 0 if there is none. */
static size_t
name_length(const char *option)
{
	size_t length = 0;

	while (is_name_character(option[length]))
		length++;
	return option[length] == '=' ? length : 0;
}

/* May everybody see this option? */
static bool
is_harmless(const char *option)
{
	size_t length = name_length(option);

	/* a URL may name a user with a password before the host */
	return length > 0 && castssl_hba_option_is_harmless(option, length) &&
		   !(strncmp(option, "ldapurl=", 8) == 0 && strchr(option, '@') != NULL);
}

/* Is it "name=value" with the name of an option? */
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

/* Is it the name of a secret option? */
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

/* Index of the lexeme after the method, which is in field number least or later; -1: no method. */
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
 * Index of the lexeme at which the options begin.  In a line that is no rule, the first word
 * that may be an option.
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

		/* a "=" in a line that is no rule, behind the names of a rule, or in a telling name */
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
 * Append a comment.  After something like "password = x", "password: x" or "ldapbindpasswd x"
 * the rest of it is hidden.
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

/* Append a comment.  It may contain a rule that castssl or a person has disabled. */
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
	/* find the first word that may begin a rule; the words before it are prose */
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

/* A comment after a secret may be part of the secret ("secret#1" without quotes). */
static void
append_comment_behind_secret(StringInfo masked, const char *text, size_t length)
{
	if (length == strlen(OWN_COMMENT) && memcmp(text, OWN_COMMENT, length) == 0)
		appendStringInfoString(masked, OWN_COMMENT);
	else if (length > 0)
		appendStringInfoString(masked, HIDDEN);
}

/* Append the name of the option, and *** for its value. */
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

/* What may be shown of an error, apart from the names of methods and options. */
typedef struct Shown
{
	const char *first; /* a name */
	size_t first_length;
	const CastsslHbaLine *line; /* what castssl_hba_mask shows of this line; NULL: nothing */
	int options;                /* index of the first lexeme in the place of an option */
} Shown;

/* Is the text an item of the list, or the list as a whole? */
static bool
is_item(const char *list, const char *text, size_t length)
{
	const char *item = list;

	if (strlen(list) == length && memcmp(list, text, length) == 0)
		return true;
	for (;; item++)
	{
		size_t end;

		item += strspn(item, " \"");
		end = strcspn(item, ",\"");
		while (end > 0 && item[end - 1] == ' ')
			end--;
		if (end == length && memcmp(item, text, length) == 0)
			return true;
		item = strchr(item, ',');
		if (item == NULL)
			return false;
	}
}

/* Is it a word of the line that may be seen, and no part of a secret? */
static bool
is_seen(const Shown *shown, const char *text, size_t length)
{
	char *word = pnstrdup(text, length);
	bool seen = false;

	for (int i = 0; shown->line && i < shown->line->nlexemes; i++)
	{
		const char *string = shown->line->lexemes[i].string;
		bool option = i >= shown->options;

		if (option && !is_harmless(string) && strstr(string, word) != NULL)
		{
			seen = false;
			break;
		}
		if (!option || is_harmless(string))
			seen =
				seen || is_item(option ? string + name_length(string) + 1 : string, word, length);
	}
	pfree(word);
	return seen;
}

/* If text begins with a name in quotes that may be shown, its length with the quotes; else 0. */
static size_t
shown_name(const char *text, const Shown *shown)
{
	const char *end = text[0] == '"' ? strchr(text + 1, '"') : NULL;
	size_t length;
	char *name;
	bool known;

	if (end == NULL || end == text + 1)
		return 0;
	length = (size_t) (end - text) - 1;
	if (length == shown->first_length && memcmp(text + 1, shown->first, length) == 0)
		return length + 2;
	name = pnstrdup(text + 1, length);
	known = castssl_hba_method_is_known(name) || castssl_hba_option_is_known(name, length) ||
			is_seen(shown, name, length);
	pfree(name);
	return known ? length + 2 : 0;
}

/* Does the error end so that what follows ": " is of the operating system, and not of the line? */
static bool
names_cause_next(const StringInfoData *error)
{
	static const char to_address[] = "\" to address";
	int length = (int) strlen(to_address);

	return error->len >= length &&
		   memcmp(error->data + error->len - length, to_address, length) == 0;
}

/*
 * Does the error end in the name of an option, and so what follows is its value?  The line shows
 * that, unless the option is a secret.
 */
static bool
names_harmless_option(const StringInfoData *error)
{
	static const char before[] = "invalid value for ";
	size_t length = strlen(before);

	return error->len > length && memcmp(error->data, before, length) == 0 &&
		   castssl_hba_option_is_harmless(error->data + length, error->len - length);
}

/* The error up to the first text that it quotes and that may not be shown. */
static const char *
cut_error(const char *error, const Shown *shown)
{
	StringInfoData masked;

	initStringInfo(&masked);
	while (*error)
	{
		size_t name = shown_name(error, shown);

		if (shown->line && strncmp(error, ": ", 2) == 0 && names_harmless_option(&masked))
		{
			appendStringInfoString(&masked, error);
			break;
		}
		if (name == 0 && error[0] == '"')
		{
			appendStringInfoString(&masked, "\"" HIDDEN "\"");
			break;
		}
		if (strncmp(error, ": ", 2) == 0 && shown_name(error + 2, shown) == 0 &&
			!names_cause_next(&masked))
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
		/* castssl_hba_mask also shows the name of this one */
		const char *first = line.lexemes[hidden.irregular].string;

		error = cut_error(error, &(Shown){ .first = first, .first_length = name_length(first) });
	}
	else if (hidden.secret || hidden.from_file)
		error = cut_error(error, &(Shown){ .first = "",
										   .line = hidden.from_file ? NULL : &line,
										   .options = hidden.options });
	castssl_hba_line_free(&line);
	return error;
}
