/*
 * lex.h
 *		The tokens of one logical line of pg_hba.conf, and their places.
 *
 * PostgreSQL: next_token in src/backend/libpq/hba.c.  An edit can change one token and
 * leave every other byte, because the places are known.
 */
#ifndef CASTSSL_HBA_TEXT_LEX_H
#define CASTSSL_HBA_TEXT_LEX_H

/* One token as written.  Tokens joined by commas make one field. */
typedef struct CastsslHbaLexeme
{
	size_t start;       /* offset of its first byte in the line's text */
	size_t end;         /* offset after its last byte, quotes included */
	const char *string; /* quotes removed, NUL-terminated; lives until the next castssl_hba_lex */
	bool quoted;        /* began with a quote */
	bool comma;         /* ends at a comma: the next token belongs to the same field */
	bool open;          /* its last quote is not closed: the token runs to the end of the line */
	bool file;          /* @file: means the tokens of that file (string + 1) */
} CastsslHbaLexeme;

/* Reusable: zero-initialize once, lex many lines, castssl_hba_line_free at the end. */
typedef struct CastsslHbaLine
{
	const char *text; /* the text that was lexed, not copied */
	size_t length;
	CastsslHbaLexeme *lexemes;
	int nlexemes;
	size_t comment;    /* offset of the "#" of its comment; length without a comment */
	const char *error; /* static; the server's error for a token that is too long; else NULL */

	int capacity;
	char *strings;
	size_t strings_size;
} CastsslHbaLine;

/* Cut text, which contains no NUL and no line end, into tokens. */
extern void castssl_hba_lex(CastsslHbaLine *line, const char *text, size_t length, int version);

extern void castssl_hba_line_free(CastsslHbaLine *line);

/* Is c white space between tokens?  PostgreSQL: pg_isblank; since 19 isblank, which excludes CR. */
static inline bool
castssl_hba_is_blank(char c, int version)
{
	return c == ' ' || c == '\t' || (c == '\r' && version <= 18);
}

/* Does this byte, outside of quotes, end a token in some major, or begin a quote or a comment? */
static inline bool
castssl_hba_is_special_byte(char c)
{
	return c != '\0' && strchr(" \t\r\n,#\"", c) != NULL;
}

/* Must the string have quotes, so that the server reads it as one token with these bytes? */
extern bool castssl_hba_needs_quotes(const char *string);

#endif
