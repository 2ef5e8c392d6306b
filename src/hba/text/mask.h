/*
 * mask.h
 *		Masks secrets in lines of pg_hba.conf before anybody sees them.
 */
#ifndef CASTSSL_HBA_TEXT_MASK_H
#define CASTSSL_HBA_TEXT_MASK_H

/*
 * One logical line with the values of ldapbindpasswd and radiussecrets replaced by ***;
 * in a comment, up to the end of the line.  Every other byte stays.  Palloc'd.  Has no
 * line end, except between joined physical lines.
 */
extern char *castssl_hba_mask(const char *text, size_t length);

/* As above, for an option "name=value". */
extern const char *castssl_hba_mask_option(const char *option);

#endif
