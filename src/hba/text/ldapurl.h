/*
 * ldapurl.h
 *		What the server's LDAP library says of an ldapurl option.
 *
 * OpenLDAP: ldap_url_parse, RFC 4516.  Only what decides whether the server
 * accepts the rule is read.
 */
#ifndef CASTSSL_HBA_TEXT_LDAPURL_H
#define CASTSSL_HBA_TEXT_LDAPURL_H

typedef struct CastsslLdapUrl
{
	bool has_dn;        /* gives a base DN, may be empty */
	bool has_attribute; /* names an attribute */
	bool has_filter;
} CastsslLdapUrl;

/* NULL, or what the server says (palloc'd). */
extern const char *castssl_ldap_url_check(const char *text, CastsslLdapUrl *url);

#endif
