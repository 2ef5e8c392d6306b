/*
 * judge.c
 *		What is wrong with one certificate by itself: its dates, its strength, its form.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "tls/instant.h"
#include "tls/judge.h"

#define RSA_BITS_WANTED 2048
#define RSA_BITS_GOOD 3072 /* NIST SP 800-57 part 1: needed beyond 2030 */

char *
castssl_certificate_label(const CastsslCertificate *certificate, const char *file)
{
	const char *name = certificate->crl ? certificate->issuer : certificate->subject;

	return psprintf("%s %d of \"%s\" (%s)", certificate->crl ? "CRL" : "certificate",
					certificate->position, file, name[0] != '\0' ? name : "no name");
}

bool
castssl_in_force(const CastsslCertificate *certificate, int64 now)
{
	/* For OpenSSL a certificate has expired at notAfter itself. */
	return certificate->not_before <= now && now < certificate->not_after;
}

/* Seconds before the end in which an item expires soon, however short its lifetime is. */
#define SOON_FOR_CRL ((int64) 6 * 60 * 60)
#define SOON_FOR_CERTIFICATE ((int64) 3 * 24 * 60 * 60)

bool
castssl_expires_soon(const CastsslCertificate *item, int64 now, int64 warning)
{
	int64 lifetime;

	if (item->not_after == PG_INT64_MAX)
		return false;
	lifetime = item->not_after - item->not_before;
	return item->not_after - now <=
		   Min(warning, Max(lifetime / 3, item->crl ? SOON_FOR_CRL : SOON_FOR_CERTIFICATE));
}

static void
judge_crl_dates(const CastsslTlsSet *set, const CastsslCertificate *crl, const char *file,
				CastsslSeverity severity, CastsslFindings *findings)
{
	const char *label = castssl_certificate_label(crl, file);
	const char *hint = "Get a new CRL from its issuer.";

	if (crl->not_before > set->now)
		castssl_finding_add(findings, severity, "crl_dates", file,
							psprintf("%s is not yet valid", label),
							psprintf("It is valid from %s.", castssl_instant_text(crl->not_before)),
							"Check the clock of this host, and of the CRL's issuer.");
	else if (crl->not_after <= set->now)
		castssl_finding_add(findings, severity, "crl_dates", file,
							psprintf("%s has expired", label),
							psprintf("A new CRL was due on %s.  Until there is one, the server "
									 "refuses every client of this CA.",
									 castssl_instant_text(crl->not_after)),
							hint);
	else if (castssl_expires_soon(crl, set->now, set->expiry_warning))
		castssl_finding_add(
			findings, CASTSSL_WARNING, "crl_dates", file,
			psprintf("this CRL expires on %s; after that every client of this CA is "
					 "refused",
					 castssl_instant_text(crl->not_after)),
			psprintf("It is %s.", label), hint);
}

void
castssl_judge_dates(const CastsslTlsSet *set, const CastsslCertificate *certificate,
					const char *file, CastsslSeverity severity, CastsslFindings *findings)
{
	const char *label;

	if (certificate->crl != NULL)
	{
		judge_crl_dates(set, certificate, file, severity, findings);
		return;
	}
	label = castssl_certificate_label(certificate, file);
	if (certificate->not_before > set->now)
		castssl_finding_add(
			findings, severity, "certificate_dates", file, psprintf("%s is not yet valid", label),
			psprintf("It is valid from %s.", castssl_instant_text(certificate->not_before)),
			"Check the clock of this host, or wait until then.");
	else if (certificate->not_after <= set->now)
		castssl_finding_add(
			findings, severity, "certificate_dates", file, psprintf("%s has expired", label),
			psprintf("It was valid until %s.", castssl_instant_text(certificate->not_after)),
			"Get a new certificate from its issuer.");
	else if (castssl_expires_soon(certificate, set->now, set->expiry_warning))
		castssl_finding_add(
			findings, CASTSSL_WARNING, "certificate_dates", file,
			psprintf("%s expires soon", label),
			psprintf("It is valid until %s.", castssl_instant_text(certificate->not_after)),
			"Get a new certificate from its issuer in time.");
}

char *
castssl_weakness(const CastsslCertificate *certificate)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate->x509);
	bool factored = strcmp(certificate->key_algorithm, "EC") != 0;
	int signature_bits = 0;
	char *weakness = NULL;

	if (key != NULL && strncmp(certificate->key_algorithm, "RSA", 3) == 0 &&
		certificate->key_bits < RSA_BITS_WANTED)
		weakness = psprintf("Its %s key has %d bits; at least %d are needed.",
							certificate->key_algorithm, certificate->key_bits, RSA_BITS_WANTED);
	else if (key != NULL && EVP_PKEY_security_bits(key) > 0 &&
			 EVP_PKEY_security_bits(key) < CASTSSL_SECURITY_BITS_WANTED)
		weakness =
			psprintf("Its %s key of %d bits has a strength of %d bits; at least %d are needed%s.",
					 certificate->key_algorithm, certificate->key_bits, EVP_PKEY_security_bits(key),
					 CASTSSL_SECURITY_BITS_WANTED, factored ? "" : ", as curve P-256 has");
	else if (!certificate->self_signed &&
			 X509_get_signature_info(certificate->x509, NULL, NULL, &signature_bits, NULL) &&
			 signature_bits < CASTSSL_SECURITY_BITS_WANTED)
		weakness = psprintf("It is signed with %s, which has a strength of %d bits; at least %d "
							"are needed, as SHA-256 has.",
							certificate->signature_algorithm, signature_bits,
							CASTSSL_SECURITY_BITS_WANTED);
	ERR_clear_error();
	return weakness;
}

void
castssl_judge_strength(const CastsslCertificate *certificate, const char *file,
					   CastsslSeverity severity, CastsslFindings *findings)
{
	const char *weakness = castssl_weakness(certificate);

	if (weakness != NULL)
		castssl_finding_add(
			findings, severity, "weak", file,
			psprintf("%s is too weak", castssl_certificate_label(certificate, file)), weakness,
			"Get a new certificate, with a key of type ec:P-256, for example.");
}

/*
 * Does an EC key contain the parameters of its curve instead of the name, which RFC
 * 5480, section 2.1.1, requires?
 */
static bool
has_explicit_curve(const CastsslCertificate *certificate)
{
	X509_ALGOR *algorithm;
	int type = V_ASN1_UNDEF;

	if (strcmp(certificate->key_algorithm, "EC") != 0 ||
		!X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm,
								X509_get_X509_PUBKEY(certificate->x509)))
		return false;
	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	return type == V_ASN1_SEQUENCE;
}

const char *
castssl_defect(const CastsslCertificate *certificate)
{
	uint32_t flags = X509_get_extension_flags(certificate->x509);

	if ((flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0)
		return "It has an invalid or unknown critical extension: OpenSSL refuses every chain with "
			   "it.";
	if (has_explicit_curve(certificate))
		return "Its EC key lists the parameters of its curve instead of naming the curve, and "
			   "OpenSSL 3 refuses that.";
	return NULL;
}

void
castssl_judge_defects(const CastsslCertificate *certificate, const char *file,
					  CastsslSeverity severity, CastsslFindings *findings)
{
	const char *defect = castssl_defect(certificate);

	if (defect != NULL)
		castssl_finding_add(
			findings, severity, "certificate_parse", file,
			psprintf("%s is defective", castssl_certificate_label(certificate, file)), defect,
			"Ask its issuer for a new one.");
}

bool
castssl_is_small_rsa(const CastsslCertificate *certificate)
{
	return certificate->x509 != NULL && strncmp(certificate->key_algorithm, "RSA", 3) == 0 &&
		   certificate->key_bits >= RSA_BITS_WANTED && certificate->key_bits < RSA_BITS_GOOD;
}

bool
castssl_signature_has_no_hash(const X509 *x509)
{
	int nid = X509_get_signature_nid(x509);

	return nid == NID_ED25519 || nid == NID_ED448;
}
