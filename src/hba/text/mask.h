/*
 * mask.h
 *		Secrets in lines of pg_hba.conf, made unreadable before anybody sees them.
 *
 * What is secret, or may be: the value of a secret option, and, in a line where
 * something stands that is no option (a misspelt one, a part of a value with
 * blanks), everything from the first of both.  Also in comments, where a whole
 * rule may stand.
 */
#ifndef CASTSSL_HBA_TEXT_MASK_H
#define CASTSSL_HBA_TEXT_MASK_H

/*
 * One logical line with what is secret replaced by ***; behind a secret the
 * comment as well.  Every other byte stays.  Palloc'd.  Without a line end, except where
 * physical lines are joined.
 */
extern char *castssl_hba_mask(const char *text, size_t length);

/* An option "name=value", likewise. */
extern const char *castssl_hba_mask_option(const char *option);

/*
 * What the server says of a line (in English), for everybody: where the line may hold a
 * secret, itself or by an @file, without what it quotes of it, but for names of methods and
 * options.  error itself, or palloc'd.
 */
extern const char *castssl_hba_mask_error(const char *error, const char *text, size_t length);

#endif
