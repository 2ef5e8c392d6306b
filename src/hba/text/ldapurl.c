/*
 * ldapurl.c
 *		The error of the server's LDAP library for an ldapurl option.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/text/ldapurl.h"

/*
 * OpenLDAP numbers the faults of a URL (LDAP_URL_ERR_*).  The server shows the number
 * with ldap_err2string(), which has other errors under the same numbers.  So the log and
 * pg_hba_file_rules show these strange texts.
 */
#define BAD_SCHEME "Time limit exceeded"               /* 3 */
#define BAD_ENCLOSURE "Size limit exceeded"            /* 4 */
#define BAD_URL "Compare False"                        /* 5 */
#define BAD_SCOPE "Strong(er) authentication required" /* 8 */
#define BAD_EXTENSIONS "Referral"                      /* 10 */

static const char *const schemes[] = { "ldap://", "ldaps://", "ldapi://", "pldap://", "pldaps://" };

static const char *const scopes[] = { "base",    "one",      "onelevel",    "sub",
									  "subtree", "children", "subordinate", "subord" };

/* Cut the text at the next question mark.  Returns the part after it, NULL without one. */
static char *
cut_part(char *part)
{
	char *mark = strchr(part, '?');

	if (mark == NULL)
		return NULL;
	*mark = '\0';
	return mark + 1;
}

static const char *
check_host(char *host)
{
	char *port = host;
	char *end;

	if (host[0] == '[')
	{
		port = strchr(host, ']');
		if (port == NULL)
			return BAD_URL;
		port = port[1] == ':' ? port + 1 : NULL;
	}
	else
		port = strchr(host, ':');
	if (port)
	{
		(void) strtol(port + 1, &end, 10);
		if (port[1] == '\0' || *end != '\0')
			return BAD_URL;
	}
	return NULL;
}

/* dn[?attributes[?scope[?filter[?extensions]]]] */
static const char *
check_parts(char *dn, CastsslLdapUrl *url)
{
	char *attributes = cut_part(dn);
	char *scope = attributes ? cut_part(attributes) : NULL;
	char *filter = scope ? cut_part(scope) : NULL;
	char *extensions = filter ? cut_part(filter) : NULL;
	bool known = false;

	url->has_dn = true;
	url->has_attribute = attributes && attributes[strspn(attributes, ",")] != '\0';
	for (int i = 0; scope && i < lengthof(scopes); i++)
		known = known || pg_strcasecmp(scope, scopes[i]) == 0;
	if (scope && *scope && !known)
		return BAD_SCOPE;
	url->has_filter = filter && *filter;
	if (extensions && strchr(extensions, '?'))
		return BAD_URL;
	if (extensions && extensions[strspn(extensions, ",")] == '\0')
		return BAD_EXTENSIONS;
	return NULL;
}

/* The part after the scheme.  Changes text. */
static const char *
check_after_scheme(char *text, CastsslLdapUrl *url)
{
	char *dn = strchr(text, '/');
	const char *fault;

	if (dn)
		*dn++ = '\0';
	else
		(void) cut_part(text); /* "ldap://host?...": the rest is not read */
	fault = check_host(text);
	if (fault == NULL && dn)
		fault = check_parts(dn, url);
	return fault;
}

const char *
castssl_ldap_url_check(const char *given, CastsslLdapUrl *url)
{
	char *text = pstrdup(given);
	char *rest = text;
	const char *scheme = NULL;
	const char *fault = NULL;

	*url = (CastsslLdapUrl){ 0 };
	if (*rest == '<')
	{
		size_t length = strlen(++rest);

		if (length == 0 || rest[length - 1] != '>')
			fault = BAD_ENCLOSURE;
		else
			rest[length - 1] = '\0';
	}
	if (pg_strncasecmp(rest, "URL:", 4) == 0)
		rest += 4;
	for (int i = 0; i < lengthof(schemes); i++)
	{
		if (pg_strncasecmp(rest, schemes[i], strlen(schemes[i])) == 0)
			scheme = schemes[i];
	}
	if (scheme == NULL)
		fault = BAD_SCHEME;
	if (fault == NULL)
		fault = check_after_scheme(rest + strlen(scheme), url);

	pfree(text);
	if (fault)
		return psprintf("could not parse LDAP URL \"%s\": %s", given, fault);
	if (strcmp(scheme, "ldap://") != 0 && strcmp(scheme, "ldaps://") != 0)
		return psprintf("unsupported LDAP URL scheme: %.*s", (int) strlen(scheme) - 3, scheme);
	return NULL;
}
