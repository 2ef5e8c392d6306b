/*
 * address.h
 *		The address field of a rule: reading, comparing, writing.
 */
#ifndef CASTSSL_HBA_TEXT_ADDRESS_H
#define CASTSSL_HBA_TEXT_ADDRESS_H

#include "hba/text/rule.h"

/*
 * Read the address field, and the netmask field if there is one (mask is NULL when the
 * line ends before it). *mask_used tells whether the netmask field belongs to the
 * address.  Returns NULL, or the server's error (palloc'd or static). result->name
 * points into token.
 */
extern const char *castssl_hba_address_read(const CastsslHbaToken *token,
											const CastsslHbaTokens *mask, CastsslHbaAddress *result,
											bool *mask_used);

/*
 * Read an address that a person gives.  The form is that of the file, but an address without
 * a mask means that one host, and a text that cannot be a host name is refused. *text becomes
 * the form to write into the file (palloc'd).  False if it is no address.
 */
extern bool castssl_hba_address_parse(const char *given, CastsslHbaAddress *result, char **text);

/* Do both match the same clients?  Host names are compared as text, not resolved. */
extern bool castssl_hba_address_equal(const CastsslHbaAddress *a, const CastsslHbaAddress *b);

/* Is every client of inner certainly a client of outer?  False if unknown. */
extern bool castssl_hba_address_contains(const CastsslHbaAddress *outer,
										 const CastsslHbaAddress *inner);

/* Room for an address as text, with its NUL. */
#define CASTSSL_IP_SIZE 46

/*
 * Write an address into text, which has CASTSSL_IP_SIZE bytes, and return text. bytes are in
 * network order, family is 4 or 6.
 */
extern const char *castssl_ip_text(int family, const uint8 *bytes, char *text);

/* For kind MASK: "10.0.0.0/8", or "10.0.0.0 255.0.255.0" if the mask has gaps.  Palloc'd. */
extern char *castssl_hba_range_text(const CastsslHbaAddress *address);

/*
 * Are bits set outside of the mask ("172.18.0.1/16")?  Then *range is the range that the
 * author meant, palloc'd.
 */
extern bool castssl_hba_address_has_host_bits(const CastsslHbaAddress *address, char **range);

#endif
