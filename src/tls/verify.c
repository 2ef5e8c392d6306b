/*
 * verify.c
 *		Judges a set of certificate, key, CA and CRL, with findings as the result.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/stringinfo.h"
#include "base/words.h"
#include "tls/chain.h"
#include "tls/judge.h"
#include "tls/key.h"
#include "tls/openssl.h"
#include "tls/repair.h"
#include "tls/trust.h"
#include "tls/verify.h"

/* Read one file, with its own check name.  False if the server would refuse the file. */
static bool
read_file(const CastsslPem *pem, const char *check, CastsslCertificates *list,
		  CastsslFindings *findings)
{
	int before = findings->count;
	bool ok = castssl_certificates_read(pem->data, pem->length, pem->name, list, findings);

	for (int i = before; i < findings->count; i++)
		findings->items[i].check = check;
	if (ok && castssl_pem_has_bom(pem))
		castssl_finding_add(findings, CASTSSL_WARNING, check, pem->name,
							psprintf("\"%s\" begins with a byte-order mark", pem->name),
							"OpenSSL before 3.0 passes over a PEM block that has one.",
							castssl_pem_bom_hint(pem));
	return ok;
}

/* One finding for all RSA keys that will be too short one day, not one for each CA of a bundle. */
static void
judge_rsa_sizes(const char *name, const CastsslCertificates *list, CastsslFindings *findings)
{
	int count = 0;

	for (int i = 0; i < list->count; i++)
		count += castssl_is_small_rsa(&list->items[i]);
	if (count > 0)
		castssl_finding_add(findings, CASTSSL_INFO, "weak", name,
							psprintf("\"%s\" has an RSA key of under 3072 bits", name),
							psprintf("Certificates with such a key: %d of %d.  From 2031 on NIST "
									 "SP 800-57 requires 3072 bits.",
									 count, list->count),
							NULL);
}

/* If others than the server may read the file, they may read the key in it. */
static void
judge_stray_key(const CastsslTlsSet *set, const CastsslPem *pem, const char *check,
				const char *argument, CastsslFindings *findings)
{
	const char *text;

	if (!castssl_key_present(pem) ||
		(set->key.data != NULL && set->key.name != NULL && strcmp(pem->name, set->key.name) == 0))
		return;
	text = castssl_repair_text_without_keys(castssl_pem_file(pem));
	castssl_finding_add(
		findings, CASTSSL_WARNING, check, pem->name,
		psprintf("\"%s\" holds a private key, too", pem->name),
		"Files of certificates are often readable for everybody.",
		text ? psprintf("To remove it from that file: SELECT * FROM castssl_install(%s => %s);",
						argument, text)
			 : castssl_hint_naming("Remove the private key from \"%s\".", pem->name));
}

static char *
key_kind(EVP_PKEY *key)
{
	switch (EVP_PKEY_base_id(key))
	{
		case EVP_PKEY_RSA:
			return psprintf("RSA, %d bits", EVP_PKEY_bits(key));
		case EVP_PKEY_RSA_PSS:
			return psprintf("RSA-PSS, %d bits", EVP_PKEY_bits(key));
		case EVP_PKEY_EC:
			return psprintf("EC, %d bits", EVP_PKEY_bits(key));
		case EVP_PKEY_ED25519:
			return pstrdup("ED25519");
		default:
			return psprintf("another kind, %d bits", EVP_PKEY_bits(key));
	}
}

static const char *
hint_to_put_first(const CastsslPem *pem, const CastsslCertificate *fitting)
{
	char *statement = castssl_repair_first(castssl_pem_file(pem), fitting->position);
	const char *first =
		castssl_hint_naming("The key belongs to %s, which must be the first one in the file",
							castssl_certificate_label(fitting, pem->name));

	if (first == NULL)
		return NULL;
	return statement ? psprintf("%s: %s", first, statement) : psprintf("%s.", first);
}

static void
judge_match(const CastsslTlsSet *set, const CastsslCertificates *list, EVP_PKEY *key,
			CastsslFindings *findings)
{
	const CastsslCertificate *server = castssl_certificates_first(list);
	const CastsslCertificate *fitting = NULL;
	EVP_PKEY *public_key = X509_get0_pubkey(server->x509);
	const char *hint = "Name the key that the certificate's request was made with.";

	if (castssl_openssl_has_key(server->x509, key))
		return;
	for (int i = 0; i < list->count && fitting == NULL; i++)
	{
		if (list->items[i].x509 != NULL && castssl_openssl_has_key(list->items[i].x509, key))
			fitting = &list->items[i];
	}
	if (fitting != NULL)
		hint = hint_to_put_first(&set->certificate, fitting);
	castssl_finding_add(findings, CASTSSL_ERROR, "key_matches_certificate", set->key.name,
						psprintf("the private key in \"%s\" does not belong to the certificate in "
								 "\"%s\"",
								 set->key.name, set->certificate.name),
						psprintf("The certificate's key is %s; the private key is %s.",
								 public_key ? key_kind(public_key) : "of an unknown kind",
								 key_kind(key)),
						hint);
	if (fitting != NULL && castssl_pem_file(&set->certificate) != NULL)
		castssl_finding_repairs(findings, psprintf("%s.pem", castssl_pem_file(&set->certificate)),
								NULL);
}

static void
judge_key(const CastsslTlsSet *set, const CastsslCertificates *list, CastsslFindings *findings)
{
	EVP_PKEY *key;

	/* of an encrypted key only the server's own loader can tell */
	if (castssl_key_encryption(&set->key, findings) != NULL)
		return;
	key = castssl_key_read(&set->key, findings);
	if (key != NULL && castssl_certificates_first(list) != NULL)
		judge_match(set, list, key, findings);
}

/* libpq's rule: no wildcard for part of a label; addresses are compared only with addresses. */
static bool
is_for(X509 *x509, const char *name)
{
	bool result = X509_check_ip_asc(x509, name, 0) == 1 ||
				  X509_check_host(x509, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;

	ERR_clear_error();
	return result;
}

/* Is it a DNS name that a request can have, and no address? */
static bool
is_dns_name(const char *name)
{
	bool has_letter = false;

	for (; *name; name++)
	{
		if (!isalnum((unsigned char) *name) && *name != '.' && *name != '-')
			return false;
		has_letter |= isalpha((unsigned char) *name) != 0;
	}
	return has_letter;
}

/* The hint to ask for one with the host's names, and with the common name that it has now. */
static const char *
hint_for_names(const CastsslTlsSet *set, const CastsslCertificate *server)
{
	char *now = castssl_name_slashes_cn(castssl_name_slashes(X509_get_subject_name(server->x509)));
	StringInfoData names;

	initStringInfo(&names);
	if (now && is_dns_name(now))
		castssl_append_listed(&names, now);
	/* a common name that cannot be written here must not get lost */
	for (int i = 0; now && (names.len > 0 || now[0] == '\0') && i < set->nhost_names; i++)
	{
		if (is_dns_name(set->host_names[i]) && strcmp(set->host_names[i], now) != 0)
			castssl_append_listed(&names, set->host_names[i]);
	}
	if (names.len == 0)
		return "Ask for a certificate with the host's names: castssl_csr(dns_names => ...) makes "
			   "the request.";
	return psprintf("Ask for a certificate with the host's names.  This makes the request: SELECT "
					"castssl_csr('%s', dns_names => '{%s}');",
					pnstrdup(names.data, strcspn(names.data, ",")), names.data);
}

static void
judge_names(const CastsslTlsSet *set, const CastsslCertificate *server, CastsslFindings *findings)
{
	const char *name = set->certificate.name;
	StringInfoData hosts;
	StringInfoData names;
	char text[INET6_ADDRSTRLEN];

	if (server->ndns_names + server->nip_addresses == 0)
		castssl_finding_add(
			findings, CASTSSL_WARNING, "names", name,
			psprintf("%s has no subject alternative name", castssl_certificate_label(server, name)),
			"Go looks for the host's name only there, and refuses the server; libpq, pgjdbc and "
			"Node.js take the common name of the subject, too.",
			hint_for_names(set, server));
	if (set->host_names == NULL || set->nhost_names == 0)
		return;
	initStringInfo(&hosts);
	initStringInfo(&names);
	for (int i = 0; i < set->nhost_names; i++)
	{
		if (is_for(server->x509, set->host_names[i]))
			return;
		castssl_append_listed(&hosts, set->host_names[i]);
	}
	for (int i = 0; i < server->ndns_names; i++)
		castssl_append_listed(&names, server->dns_names[i]);
	for (int i = 0; i < server->nip_addresses; i++)
	{
		const CastsslIpAddress *address = &server->ip_addresses[i];

		if (inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->address, text,
					  sizeof(text)) != NULL)
			castssl_append_listed(&names, text);
	}
	castssl_finding_add(
		findings, CASTSSL_WARNING, "names", name,
		psprintf("%s is for none of this host's names", castssl_certificate_label(server, name)),
		names.len > 0
			? psprintf("It has %s, and this host is called %s.", names.data, hosts.data)
			: psprintf("It has no DNS name and no IP address, and this host is called %s.",
					   hosts.data),
		"Clients with sslmode=verify-full must connect by a name in the certificate.");
}

static void
judge_certificate(const CastsslTlsSet *set, const CastsslCertificates *certificate,
				  const CastsslCertificates *ca, CastsslFindings *findings)
{
	const CastsslCertificate *server = castssl_certificates_first(certificate);

	if (server == NULL)
	{
		castssl_finding_add(findings, CASTSSL_ERROR, "certificate_parse", set->certificate.name,
							psprintf("\"%s\" holds no certificate", set->certificate.name),
							"It holds only CRLs.",
							"Name the file that holds the server's certificate instead.");
		return;
	}
	castssl_judge_chain(set, certificate, ca, findings);
	judge_names(set, server, findings);
}

static void
judge_crl(const CastsslTlsSet *set, const CastsslCertificates *ca, const CastsslCertificates *crl,
		  CastsslFindings *findings)
{
	const char *name = set->crl.name;
	bool any = false;

	for (int i = 0; i < crl->count; i++)
		any = any || crl->items[i].crl != NULL;
	if (!any)
		castssl_finding_add(findings, CASTSSL_ERROR, "crl_parse", name,
							psprintf("\"%s\" holds no certificate revocation list", name),
							"The server would refuse every client certificate.",
							"Name the file that holds it, or none: crl_file => ''.");
	else if (set->ca.data == NULL)
		castssl_finding_add(findings, CASTSSL_WARNING, "crl_issuer", name,
							psprintf("\"%s\" has no effect without a CA file", name),
							"The server asks clients for no certificate.", NULL);
	else
		castssl_judge_crl(set, ca, crl, findings);
}

/* Does the certificate file have only a key, and the key file only a certificate? */
static bool
are_swapped(const CastsslTlsSet *set)
{
	CastsslCertificates list = { 0 };
	CastsslFindings unread = { 0 };

	if (set->certificate.data == NULL || set->key.data == NULL ||
		!castssl_key_present(&set->certificate) || castssl_key_present(&set->key))
		return false;
	return !castssl_certificates_read(set->certificate.data, set->certificate.length,
									  set->certificate.name, &list, &unread) &&
		   castssl_certificates_read(set->key.data, set->key.length, set->key.name, &list, &unread);
}

static void
add_swapped(const CastsslTlsSet *set, CastsslFindings *findings)
{
	const char *certificate_name = castssl_pem_file(&set->certificate);
	const char *key_name = castssl_pem_file(&set->key);
	char *certificate = certificate_name ? castssl_sql_literal(certificate_name) : NULL;
	char *key = key_name ? castssl_sql_literal(key_name) : NULL;

	castssl_finding_add(
		findings, CASTSSL_ERROR, "certificate_parse", set->certificate.name,
		psprintf("certificate and private key are swapped: \"%s\" holds the key, and \"%s\" the "
				 "certificate",
				 set->certificate.name, set->key.name),
		"Each is named where the other belongs.",
		set->swapped != NULL ? set->swapped
		: certificate && key
			? psprintf("SELECT * FROM castssl_enable(cert_file => %s, key_file => %s);", key,
					   certificate)
			: "Exchange the two names.");
}

void
castssl_tls_verify(const CastsslTlsSet *set, CastsslFindings *findings,
				   CastsslCertificates *certificate, CastsslCertificates *ca,
				   CastsslCertificates *crl)
{
	CastsslCertificates own[3] = { { 0 } };
	bool certificate_ok = false;
	bool ca_ok = false;
	bool crl_ok = false;

	certificate = certificate != NULL ? certificate : &own[0];
	ca = ca != NULL ? ca : &own[1];
	crl = crl != NULL ? crl : &own[2];
	if (are_swapped(set))
	{
		add_swapped(set, findings);
		return;
	}
	if (set->certificate.data != NULL)
		certificate_ok = read_file(&set->certificate, "certificate_parse", certificate, findings);
	if (set->ca.data != NULL)
		ca_ok = read_file(&set->ca, "ca_parse", ca, findings);
	if (set->crl.data != NULL && set->crl.length == 0)
		castssl_finding_add(findings, CASTSSL_ERROR, "crl_parse", set->crl.name,
							psprintf("\"%s\" is empty", set->crl.name),
							"It should hold a certificate revocation list.",
							"Get the CRL from its CA again, and put it there; then: SELECT * FROM "
							"castssl_reload();");
	else if (set->crl.data != NULL)
		crl_ok = read_file(&set->crl, "crl_parse", crl, findings);
	if (set->key.data != NULL)
		judge_key(set, certificate, findings);
	if (certificate_ok)
	{
		judge_certificate(set, certificate, ca, findings);
		judge_rsa_sizes(set->certificate.name, certificate, findings);
		judge_stray_key(set, &set->certificate, "certificate_parse", "certificate", findings);
	}
	if (ca_ok)
	{
		castssl_judge_ca(set, ca, findings);
		judge_rsa_sizes(set->ca.name, ca, findings);
		judge_stray_key(set, &set->ca, "ca_parse", "ca", findings);
	}
	if (crl_ok)
		judge_crl(set, ca, crl, findings);
}
