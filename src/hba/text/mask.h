/*
 * mask.h
 *		Hides secrets in lines of pg_hba.conf before anybody sees them.
 *
 * Values of secret options are hidden.  A word that is not an option may be a misspelt option
 * or a part of a value with blanks.  In a line with such a word, everything is hidden from the
 * first secret option or such word on.  The same holds for a rule inside a comment.
 */
#ifndef CASTSSL_HBA_TEXT_MASK_H
#define CASTSSL_HBA_TEXT_MASK_H

/*
 * One logical line with each secret replaced by ***, and also the comment after a secret.
 * Every other byte stays.  Palloc'd.  text has no line end, except where physical lines are
 * joined.
 */
extern char *castssl_hba_mask(const char *text, size_t length);

/* The same for an option "name=value".  option itself, or palloc'd. */
extern const char *castssl_hba_mask_option(const char *option);

/*
 * The server's error for a line (in English), without secrets.  If the line or an @file of it
 * may contain a secret, the error ends at the first text that it quotes, except names of
 * methods and options, and words of the line that castssl_hba_mask shows and that are in no
 * secret.  error itself, or palloc'd.
 */
extern const char *castssl_hba_mask_error(const char *error, const char *text, size_t length);

#endif
