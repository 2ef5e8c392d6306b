/*
 * words.h
 *		Names and values in what people paste: into a shell, into SQL.
 *
 * Compiles with and without FRONTEND.  Results are palloc'd.
 */
#ifndef CASTSSL_BASE_WORDS_H
#define CASTSSL_BASE_WORDS_H

/*
 * May this text be shown to be pasted?  It is UTF-8, and none of its characters is unseen: a
 * terminal would act on it, or it would show something else than is pasted.  NULL may not.
 */
extern bool castssl_is_pasteable(const char *text);

/*
 * A character of Unicode that controls a terminal or the direction of text, or is not seen
 * though it makes another name?
 */
extern bool castssl_is_unseen(uint32 character);

/* Is it valid UTF-8? */
extern bool castssl_is_utf8(const char *text);

/* A name as one word of a POSIX shell's command; NULL where it is not pasteable. */
extern char *castssl_shell_word(const char *name);

/*
 * A value as a string of SQL, whatever standard_conforming_strings says; NULL where it is not
 * pasteable.
 */
extern char *castssl_sql_literal(const char *value);

/*
 * A path between double quotes of Windows' command line; NULL where it is not pasteable, or has
 * a character that means something there between quotes.
 */
extern char *castssl_windows_word(const char *path);

/*
 * text with each %s replaced by word, which one of the functions above made; NULL where word is
 * NULL, so that there is no hint.
 */
extern char *castssl_hint_with(const char *text, const char *word);

/* "1 live session", "3 live sessions".  Palloc'd. */
extern char *castssl_counted(int count, const char *one, const char *several);

/* castssl_hint_with for a name in a sentence, as it is. */
extern char *castssl_hint_naming(const char *text, const char *name);

#endif
