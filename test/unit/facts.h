/*
 * facts.h
 *		All facts of certificates and CRLs as text, to compare two ways of reading them.
 */
#ifndef CASTSSL_TEST_FACTS_H
#define CASTSSL_TEST_FACTS_H

#include "lib/stringinfo.h"
#include "tls/certificate.h"

static inline void
facts_append(StringInfo text, const CastsslCertificate *c)
{
	appendStringInfo(text, "%d %d %d|%s|%s|%s|%lld|%lld|%s|%d|%s|%d|%d|%s", c->position,
					 c->crl != NULL, c->trusted, c->subject ? c->subject : "-", c->issuer,
					 c->serial ? c->serial : "-", (long long) c->not_before,
					 (long long) c->not_after, c->key_algorithm ? c->key_algorithm : "-",
					 c->key_bits, c->signature_algorithm, c->is_ca, c->self_signed, c->fingerprint);
	for (int i = 0; i < c->ndns_names; i++)
		appendStringInfo(text, "|%s", c->dns_names[i]);
	for (int i = 0; i < c->nip_addresses; i++)
	{
		appendStringInfo(text, "|%d ", c->ip_addresses[i].family);
		for (int j = 0; j < lengthof(c->ip_addresses[i].address); j++)
			appendStringInfo(text, "%02x", c->ip_addresses[i].address[j]);
	}
	appendStringInfoChar(text, '\n');
}

/* The facts and the findings of a PEM text.  Palloc'd. */
static inline char *
facts_text(const CastsslCertificates *list, const CastsslFindings *findings)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < list->count; i++)
		facts_append(&text, &list->items[i]);
	for (int i = 0; i < findings->count; i++)
		appendStringInfo(&text, "%s %s\n", findings->items[i].message,
						 findings->items[i].detail ? findings->items[i].detail : "-");
	return text.data;
}

#endif
