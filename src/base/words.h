/*
 * words.h
 *		Names and values in text that people paste into a shell or into SQL.
 *
 * Compiles with and without FRONTEND.  Results are palloc'd.
 */
#ifndef CASTSSL_BASE_WORDS_H
#define CASTSSL_BASE_WORDS_H

#include "lib/stringinfo.h"

/*
 * Can a person safely paste this text?  Only if it is valid UTF-8 without characters that
 * castssl_is_unseen(): a terminal would act on them, or would show other text than is pasted.
 * False for NULL.
 */
extern bool castssl_is_pasteable(const char *text);

/*
 * Is this code point a control character, bidirectional formatting, or invisible?  With the
 * last, two different names look the same.
 */
extern bool castssl_is_unseen(uint32 character);

/* Is it valid UTF-8? */
extern bool castssl_is_utf8(const char *text);

/* A name as one word for a POSIX shell; NULL if it is not pasteable. */
extern char *castssl_shell_word(const char *name);

/*
 * A value as an SQL string, correct with any standard_conforming_strings; NULL if it is not
 * pasteable, tabs aside.
 */
extern char *castssl_sql_literal(const char *value);

/*
 * A path in double quotes for the command line of Windows; NULL if it is not pasteable, or if
 * it has a character that is special there even in quotes.
 */
extern char *castssl_windows_word(const char *path);

/*
 * text with each %s replaced by word, a result of one of the functions above.  NULL if word is
 * NULL: then there is no hint.
 */
extern char *castssl_hint_with(const char *text, const char *word);

/* Are the texts equal?  Both may be NULL. */
extern bool castssl_same_text(const char *a, const char *b);

/* "1 live session", "3 live sessions". */
extern char *castssl_counted(int count, const char *one, const char *several);

/* Append a word to a list in a sentence: with ", " before it if the text is not empty. */
extern void castssl_append_listed(StringInfo list, const char *word);

/* castssl_hint_with for a name in a sentence, without quotes; NULL if it is not pasteable. */
extern char *castssl_hint_naming(const char *text, const char *name);

#endif
