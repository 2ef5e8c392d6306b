/*
 * terms.c
 *		Could the client of a session connect again with other TLS settings of the server?
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>

#include "tls/terms.h"

/* The ciphers of a version that the server accepts, in its order. */
typedef struct Ciphers
{
	const SSL_CIPHER **items;
	int count;
} Ciphers;

/* TLS 1.3 has a list of ciphers of its own; "TLSv1.3" is the last in the order of strings. */
static bool
is_tls13(const char *version)
{
	return strcmp(version, "TLSv1.3") >= 0;
}

/* The ciphers (static in OpenSSL) that the terms allow for that version; none for invalid lists. */
static Ciphers
ciphers_for(const CastsslTlsTerms *terms, const char *version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	STACK_OF(SSL_CIPHER) *list = NULL;
	Ciphers found = { 0 };

	if (context && SSL_CTX_set_cipher_list(context, terms->ciphers) == 1 &&
		(terms->suites[0] == '\0' || SSL_CTX_set_ciphersuites(context, terms->suites) == 1))
		list = SSL_CTX_get_ciphers(context);
	found.items = palloc((list ? sk_SSL_CIPHER_num(list) + 1 : 1) * sizeof(SSL_CIPHER *));
	for (int i = 0; list && i < sk_SSL_CIPHER_num(list); i++)
	{
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(list, i);

		if (is_tls13(SSL_CIPHER_get_version(cipher)) == is_tls13(version))
			found.items[found.count++] = cipher;
	}
	SSL_CTX_free(context);
	ERR_clear_error();
	return found;
}

static int
find_cipher(const Ciphers *list, const char *name)
{
	for (int i = 0; i < list->count; i++)
	{
		if (strcmp(SSL_CIPHER_get_name(list->items[i]), name) == 0)
			return i;
	}
	return -1;
}

/* Is the name in a list separated by colons? */
static bool
is_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at++)
	{
		if ((at == list || at[-1] == ':') && (at[length] == ':' || at[length] == '\0'))
			return true;
	}
	return false;
}

/* Is the cipher for the same kind of key as the chosen one?  The server has no other key. */
static bool
fits_key(const SSL_CIPHER *cipher, const SSL_CIPHER *chosen)
{
	return chosen == NULL || SSL_CIPHER_get_auth_nid(cipher) == SSL_CIPHER_get_auth_nid(chosen);
}

/*
 * Did the client offer none of the ciphers in after?  A server with its own order chooses the
 * first of its ciphers that the client offers.  So the client offers none that stands in before
 * above the chosen one, at rank.
 */
static bool
were_declined(const Ciphers *before, const Ciphers *after, const SSL_CIPHER *chosen, int rank)
{
	for (int i = 0; i < after->count; i++)
	{
		int was = find_cipher(before, SSL_CIPHER_get_name(after->items[i]));

		if (fits_key(after->items[i], chosen) && (was < 0 || was > rank))
			return false;
	}
	return true;
}

static CastsslTlsAnswer
judge_cipher(const CastsslTlsTerms *before, const CastsslTlsTerms *after,
			 const CastsslTlsPast *past, const char *version, char **reason)
{
	const char *parameter = is_tls13(version) ? "ssl_tls13_ciphers" : "ssl_ciphers";
	Ciphers old = ciphers_for(before, version);
	Ciphers new = ciphers_for(after, version);
	int rank = find_cipher(&old, past->cipher);
	const SSL_CIPHER *chosen = rank < 0 ? NULL : old.items[rank];

	if (find_cipher(&new, past->cipher) >= 0)
		return CASTSSL_TLS_AGREES;
	if (past->ciphers)
	{
		for (int i = 0; i < new.count; i++)
		{
			if (fits_key(new.items[i], chosen) &&
				is_listed(past->ciphers, SSL_CIPHER_get_name(new.items[i])))
				return CASTSSL_TLS_AGREES;
		}
		*reason = psprintf(
			"The client offers none of the ciphers that the server would accept (%s).", parameter);
		return CASTSSL_TLS_DISAGREES;
	}
	if (before->prefers && rank >= 0 && were_declined(&old, &new, chosen, rank))
	{
		*reason = psprintf("The server would no longer accept %s (%s), and the client offered none "
						   "of the others when it connected.",
						   past->cipher, parameter);
		return CASTSSL_TLS_DISAGREES;
	}
	*reason = psprintf("The server would no longer accept %s (%s).  Nobody can know whether the "
					   "client offers another cipher.",
					   past->cipher, parameter);
	return CASTSSL_TLS_UNKNOWN;
}

/* One name for a group that has several; a name without a NID in OpenSSL stays as it is. */
static const char *
group_name(const char *name, size_t length)
{
	char *copy = pnstrdup(name, length);
	int nid = EC_curve_nist2nid(copy);

	if (nid == NID_undef)
		nid = OBJ_txt2nid(strcmp(copy, "secp256r1") == 0 ? "prime256v1" : copy);
	ERR_clear_error();
	return nid == NID_undef ? copy : OBJ_nid2sn(nid);
}

/* Is any (all: every one) of the groups also in others? */
static bool
shares_groups(const char *groups, const char *others, bool all)
{
	for (const char *at = groups; *at != '\0'; at += strspn(at, ":"))
	{
		size_t length = strcspn(at, ":");
		const char *name = group_name(at, length);
		bool found = false;

		for (const char *other = others; *other != '\0' && !found; other += strspn(other, ":"))
		{
			size_t other_length = strcspn(other, ":");

			found = pg_strcasecmp(name, group_name(other, other_length)) == 0;
			other += other_length;
		}
		if (found != all)
			return found;
		at += length;
	}
	return all;
}

static CastsslTlsAnswer
judge_groups(const CastsslTlsTerms *before, const CastsslTlsTerms *after,
			 const CastsslTlsPast *past, char **reason)
{
	if (shares_groups(before->groups, after->groups, true) ||
		(past->groups && shares_groups(past->groups, after->groups, false)))
		return CASTSSL_TLS_AGREES;
	if (past->groups)
	{
		*reason =
			psprintf("The client offers none of the groups that the server would accept (%s).",
					 after->groups);
		return CASTSSL_TLS_DISAGREES;
	}
	*reason = psprintf("The server would accept only the groups %s.  Nobody can know whether the "
					   "client offers one of them.",
					   after->groups);
	return CASTSSL_TLS_UNKNOWN;
}

CastsslTlsAnswer
castssl_tls_terms_judge(const CastsslTlsTerms *before, const CastsslTlsTerms *after,
						const CastsslTlsPast *past, char **reason)
{
	const char *version = past->version;
	CastsslTlsAnswer answer;

	if (strcmp(version, after->min_version) < 0)
	{
		bool newest = before->max_version[0] != '\0' && strcmp(before->max_version, version) <= 0;

		/* TLS uses the newest version that both sides support. */
		*reason = psprintf(
			newest ? "The server would accept %s and later (ssl_min_protocol_version).  Nobody can "
					 "know whether the client, which came with %s, supports such a version."
				   : "The server would accept %s and later (ssl_min_protocol_version), and the "
					 "client came with %s although it was offered more.",
			after->min_version, version);
		return newest ? CASTSSL_TLS_UNKNOWN : CASTSSL_TLS_DISAGREES;
	}
	if (after->max_version[0] != '\0' && strcmp(version, after->max_version) > 0)
	{
		version = after->max_version;
		if (past->ciphers == NULL)
		{
			*reason = psprintf(
				"The server would accept %s at most (ssl_max_protocol_version).  Nobody can know "
				"whether the client, which came with %s, supports such a version.",
				version, past->version);
			return CASTSSL_TLS_UNKNOWN;
		}
	}
	answer = judge_cipher(before, after, past, version, reason);
	return answer == CASTSSL_TLS_AGREES ? judge_groups(before, after, past, reason) : answer;
}
