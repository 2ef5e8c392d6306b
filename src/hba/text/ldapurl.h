/*
 * ldapurl.h
 *		The error of the server's LDAP library for an ldapurl option.
 *
 * OpenLDAP: ldap_url_parse, RFC 4516.  Reads only what decides whether the server
 * accepts the rule.
 */
#ifndef CASTSSL_HBA_TEXT_LDAPURL_H
#define CASTSSL_HBA_TEXT_LDAPURL_H

typedef struct CastsslLdapUrl
{
	bool has_dn;        /* has a base DN, which may be empty */
	bool has_attribute; /* names an attribute */
	bool has_filter;
} CastsslLdapUrl;

/* NULL, or the server's error (palloc'd). */
extern const char *castssl_ldap_url_check(const char *text, CastsslLdapUrl *url);

#endif
