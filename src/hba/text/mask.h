/*
 * mask.h
 *		Secrets in lines of pg_hba.conf, made unreadable before anybody sees them.
 */
#ifndef CASTSSL_HBA_TEXT_MASK_H
#define CASTSSL_HBA_TEXT_MASK_H

/*
 * One logical line with the values of ldapbindpasswd and radiussecrets replaced by
 * ***; to the end of the line where it is a comment.  Every other byte stays.
 * Palloc'd.  Without a line end, except where physical lines are joined.
 */
extern char *castssl_hba_mask(const char *text, size_t length);

/* An option "name=value", likewise. */
extern const char *castssl_hba_mask_option(const char *option);

#endif
