/*
 * lex.c
 *		The tokens of one logical line of pg_hba.conf, and their places.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#include "base/grow.h"
#include "hba/text/lex.h"

/* Up to 16 the server has a buffer of this size for a token (MAX_TOKEN). */
#define TOKEN_BUFFER 10240
#define LAST_VERSION_WITH_TOKEN_BUFFER 16

static void
reserve(CastsslHbaLine *line, size_t length)
{
	/* a token takes its bytes and a NUL: at most twice the text, and one more */
	size_t needed = 2 * length + 1;

	if (needed > line->strings_size)
	{
		if (line->strings)
			pfree(line->strings);
		line->strings_size = Max(needed, 512);
		line->strings = palloc(line->strings_size);
	}
}

/* Make room for one more lexeme.  The lexeme does not count yet. */
static CastsslHbaLexeme *
next_lexeme(CastsslHbaLine *line)
{
	CASTSSL_GROW(line->lexemes, line->nlexemes, line->capacity);
	return &line->lexemes[line->nlexemes];
}

#define EVERY_BYTE(c) (~UINT64CONST(0) / 255 * (c))

/* Eight bytes as a little-endian number. */
static inline uint64
eight_bytes(const char *text)
{
	uint64 word;

	memcpy(&word, text, sizeof(word));
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word;
}

/* The number of blanks here.  Files with aligned columns are full of blanks. */
static inline size_t
space_length(const char *text, size_t most)
{
	const char *end = text + most;
	const char *next = text;

	for (; end - next >= 8; next += 8)
	{
		uint64 other = eight_bytes(next) ^ EVERY_BYTE(' ');

		if (other)
			return next + pg_rightmost_one_pos64(other) / 8 - text;
	}
	while (next < end && *next == ' ')
		next++;
	return next - text;
}

/* The number of bytes here that have no special meaning, quoted or not, as nearly all bytes. */
static inline size_t
plain_length(const char *text, size_t most)
{
	const char *end = text + most;
	const char *next = text;

	for (; end - next >= 8; next += 8)
	{
		uint64 word = eight_bytes(next);
		/* sets the high bit of each byte that is at most ','; only the lowest one is reliable */
		uint64 found = (word - EVERY_BYTE(',' + 1)) & ~word & EVERY_BYTE(0x80);

		if (found)
		{
			next += pg_rightmost_one_pos64(found) / 8;
			break;
		}
	}
	for (; next < end; next++)
	{
		unsigned char c = (unsigned char) *next;

		if (c <= ',' && (c <= '#' || c == ','))
			break;
	}
	return next - text;
}

/*
 * Read the token that begins at position, which is no blank, comma or comment.  Returns
 * where the next token may begin; *output moves past the token's string.
 */
static size_t
read_token(CastsslHbaLine *line, size_t position, char **output, size_t limit, int version)
{
	const char *text = line->text;
	size_t length = line->length;
	char *string = *output;
	char *out = string;
	bool in_quote = false;
	bool was_quote = false;
	bool saw_quote = false;
	CastsslHbaLexeme *lexeme = next_lexeme(line);

	lexeme->start = position;
	lexeme->string = string;
	lexeme->quoted = lexeme->comma = false;
	for (; position < length; position++)
	{
		char c;
		size_t plain =
			plain_length(text + position, Min(length - position, limit - (out - string)));

		if (plain > 0)
		{
			memcpy(out, text + position, plain);
			out += plain;
			position += plain;
			was_quote = false;
			if (position == length)
				break;
		}
		c = text[position];
		if (!in_quote && (castssl_hba_is_blank(c, version) || c == '#'))
			break;
		/* the server tests its buffer before it tests for a comma */
		if (out - string >= limit)
		{
			line->error = "authentication file token too long";
			return length;
		}
		if (c == ',' && !in_quote)
		{
			lexeme->comma = true;
			break;
		}
		if (c != '"' || was_quote)
			*out++ = c;
		/* inside quotes, two quotes mean one */
		was_quote = in_quote && c == '"' && !was_quote;
		if (c == '"')
		{
			in_quote = !in_quote;
			saw_quote = true;
			if (out == string)
				lexeme->quoted = true;
		}
	}

	*out++ = '\0';
	lexeme->end = position;
	lexeme->open = in_quote;
	lexeme->file = !lexeme->quoted && string[0] == '@' && string[1] != '\0';
	if (saw_quote || string[0] != '\0')
	{
		line->nlexemes++;
		*output = out;
	}
	return position;
}

void
castssl_hba_lex(CastsslHbaLine *line, const char *text, size_t length, int version)
{
	size_t limit = version <= LAST_VERSION_WITH_TOKEN_BUFFER ? TOKEN_BUFFER - 1 : length + 1;
	size_t position = 0;
	char *output;

	reserve(line, length);
	line->text = text;
	line->length = length;
	line->nlexemes = 0;
	line->comment = length;
	line->error = NULL;
	output = line->strings;

	while (position < length)
	{
		char c = text[position];

		if (c == ' ')
			position += space_length(text + position, length - position);
		else if (castssl_hba_is_blank(c, version) || c == ',')
			position++;
		else if (c == '#')
		{
			line->comment = position;
			break;
		}
		else
			position = read_token(line, position, &output, limit, version);
	}
}

void
castssl_hba_line_free(CastsslHbaLine *line)
{
	if (line->lexemes)
		pfree(line->lexemes);
	if (line->strings)
		pfree(line->strings);
	*line = (CastsslHbaLine){ 0 };
}

bool
castssl_hba_needs_quotes(const char *string)
{
	size_t length = strlen(string);

	for (size_t i = 0; i < length; i++)
	{
		if (castssl_hba_is_special_byte(string[i]))
			return true;
	}
	/* a backslash at the end of a line would join the next one */
	return length == 0 || string[length - 1] == '\\';
}
