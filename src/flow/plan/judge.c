/*
 * judge.c
 *		Judges the TLS files on this host, at this moment.
 */
#include "postgres.h"

#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/varlena.h"

#include "base/settings.h"
#include "flow/plan/crls.h"
#include "flow/plan/judge.h"
#include "tls/set.h"
#include "tls/verify.h"

/*
 * Names that clients may use for this host: its own, and those in listen_addresses; with the
 * address of the loopback the name localhost.
 */
static void
collect_host_names(CastsslTlsSet *set)
{
	char own[256];
	List *listen = NIL;
	ListCell *cell;

	set->nhost_names = 0;
	(void) SplitGUCList(pstrdup(ListenAddresses), ',', &listen);
	set->host_names = palloc((2 * list_length(listen) + 1) * sizeof(char *));
	if (gethostname(own, sizeof(own)) == 0)
	{
		own[sizeof(own) - 1] = '\0';
		set->host_names[set->nhost_names++] = pstrdup(own);
	}
	foreach (cell, listen)
	{
		const char *name = lfirst(cell);

		if (strcmp(name, "*") != 0 && strcmp(name, "0.0.0.0") != 0 && strcmp(name, "::") != 0)
			set->host_names[set->nhost_names++] = name;
		if (strcmp(name, "127.0.0.1") == 0 || strcmp(name, "::1") == 0)
			set->host_names[set->nhost_names++] = "localhost";
	}
}

void
castssl_judge_material(const CastsslMaterial *material, CastsslFindings *findings,
					   CastsslCertificates *server, CastsslCertificates *ca)
{
	CastsslTlsSet set = { 0 };

	set.certificate = castssl_material_pem(material, CASTSSL_ROLE_CERTIFICATE);
	set.key = castssl_material_pem(material, CASTSSL_ROLE_KEY);
	set.ca = castssl_material_pem(material, CASTSSL_ROLE_CA);
	set.crl = castssl_crls_with_directory(castssl_material_pem(material, CASTSSL_ROLE_CRL));
	set.now = (int64) time(NULL);
	set.expiry_warning = castssl_expiry_warning;
	collect_host_names(&set);
	castssl_tls_verify(&set, findings, server, ca, NULL);
}
