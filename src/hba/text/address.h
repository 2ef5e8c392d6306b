/*
 * address.h
 *		The address field of a rule: reading, comparing, writing.
 */
#ifndef CASTSSL_HBA_TEXT_ADDRESS_H
#define CASTSSL_HBA_TEXT_ADDRESS_H

#include "hba/text/rule.h"

/*
 * Read the address field, and the netmask field where there is one (mask is
 * NULL when the line ends before it).  *mask_used tells whether it belongs to
 * the address.  Returns NULL, or what the server says (palloc'd or static).
 * result->name points into token.
 */
extern const char *castssl_hba_address_read(const CastsslHbaToken *token,
											const CastsslHbaTokens *mask, CastsslHbaAddress *result,
											bool *mask_used);

/*
 * Read an address as a person gives it: as in the file, but an address without
 * a mask means that one host, and what cannot be a host name is refused.
 * *text becomes what to write in the file (palloc'd).  False if it is no address.
 */
extern bool castssl_hba_address_parse(const char *given, CastsslHbaAddress *result, char **text);

/* Do both match the same clients, as far as their text tells? */
extern bool castssl_hba_address_equal(const CastsslHbaAddress *a, const CastsslHbaAddress *b);

/* Is every client of inner surely a client of outer?  false where that cannot be known. */
extern bool castssl_hba_address_contains(const CastsslHbaAddress *outer,
										 const CastsslHbaAddress *inner);

/* Are bits set outside of the mask ("172.18.0.1/16")?  Then the range meant is *range, palloc'd. */
extern bool castssl_hba_address_has_host_bits(const CastsslHbaAddress *address, char **range);

#endif
