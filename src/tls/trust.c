/*
 * trust.c
 *		The CA file and the CRL file: which client certificates the server accepts.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/stringinfo.h"

#include "base/interrupts.h"
#include "base/words.h"
#include "tls/chain.h"
#include "tls/judge.h"
#include "tls/openssl.h"
#include "tls/repair.h"
#include "tls/trust.h"

X509_STORE *
castssl_trust_store(const CastsslCertificates *ca, const CastsslCertificates *crl)
{
	const CastsslCertificates *lists[] = { ca, crl };
	X509_STORE *store = castssl_adopt_store(X509_STORE_new());

	for (int i = 0; i < lengthof(lists) && store != NULL; i++)
	{
		for (int j = 0; lists[i] != NULL && j < lists[i]->count; j++)
		{
			if (lists[i]->items[j].x509 != NULL)
				X509_STORE_add_cert(store, lists[i]->items[j].x509);
			else
				X509_STORE_add_crl(store, lists[i]->items[j].crl);
		}
	}
	ERR_clear_error();
	return store;
}

/* May it issue certificates according to OpenSSL: basicConstraints and keyUsage? */
static bool
is_ca(const CastsslCertificate *certificate)
{
	return certificate->x509 != NULL && X509_check_ca(certificate->x509) != 0;
}

/* Does a "TRUSTED CERTIFICATE" itself reject use for clients? */
static bool
is_rejected(const CastsslCertificate *ca)
{
	return ca->trusted &&
		   X509_check_trust(ca->x509, X509_TRUST_SSL_CLIENT, 0) == X509_TRUST_REJECTED;
}

static const char *
why_no_ca(const CastsslCertificate *certificate)
{
	if (certificate->is_ca)
		return "Its key usage lacks keyCertSign.";
	if (certificate->self_signed)
		return "It is self-signed, but its basic constraints are not CA:TRUE: it can only stand "
			   "for itself.";
	return "Its basic constraints are not CA:TRUE.";
}

/* The topmost CA above this one in the file: the one whose issuer is missing. */
static const CastsslCertificate *
topmost(const CastsslCertificates *cas, const CastsslCertificate *ca)
{
	for (int steps = 0; steps < cas->count; steps++)
	{
		const CastsslCertificate *issuer = NULL;

		for (int i = 0; i < cas->count && issuer == NULL; i++)
		{
			if (cas->items[i].x509 && cas->items[i].x509 != ca->x509 &&
				X509_check_issued(cas->items[i].x509, ca->x509) == X509_V_OK)
				issuer = &cas->items[i];
		}
		if (issuer == NULL)
			break;
		ca = issuer;
	}
	return ca;
}

/* A hint to make a file of certificates without trust settings of OpenSSL. */
static const char *
hint_to_trust(const CastsslPem *pem)
{
	char *statement = castssl_repair_trusted(castssl_pem_file(pem));

	return statement ? psprintf("Make a file of certificates alone: %s", statement)
					 : "Give certificates alone: BEGIN CERTIFICATE, as openssl x509 writes it.";
}

/* Judge one CA of many.  Findings have the given severity if its clients are refused. */
static void
judge_one_ca(const CastsslTlsSet *set, const CastsslCertificates *cas, const CastsslCertificate *ca,
			 int error, CastsslSeverity severity, CastsslFindings *findings)
{
	const char *name = set->ca.name;
	const char *label = castssl_certificate_label(ca, name);

	castssl_judge_dates(set, ca, name, severity, findings);
	castssl_judge_strength(ca, name, severity, findings);
	castssl_judge_defects(ca, name, severity, findings);
	if (X509_check_purpose(ca->x509, X509_PURPOSE_SSL_CLIENT, 1) == 0)
		castssl_finding_add(findings, severity, "key_usage", name,
							psprintf("%s may not issue client certificates", label),
							"Its extended key usage does not include clientAuth.",
							"Name another CA in ssl_ca_file for the certificates of clients.");
	if (is_rejected(ca))
		castssl_finding_add(findings, severity, "key_usage", name,
							psprintf("%s is not trusted for clients", label),
							"The trust settings of OpenSSL in its \"TRUSTED CERTIFICATE\" say so.",
							hint_to_trust(&set->ca));
	if (is_rejected(ca) && castssl_pem_file(&set->ca) != NULL)
		castssl_finding_repairs(findings, psprintf("%s.pem", castssl_pem_file(&set->ca)), NULL);
	if (error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
		error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
	{
		const char *missing = topmost(cas, ca)->issuer;

		castssl_finding_add(findings, severity, "chain", name,
							psprintf("the root of %s is missing", label),
							psprintf("The server refuses its clients: a chain must end in a "
									 "self-signed certificate, and \"%s\" is not in the file.",
									 missing),
							psprintf("Append the certificate of \"%s\" to \"%s\".", missing, name));
	}
	else if (error != X509_V_OK && castssl_in_force(ca, set->now))
		castssl_finding_add(
			findings, severity, "chain", name,
			psprintf("the server would refuse %s: %s", label, X509_verify_cert_error_string(error)),
			"The server refuses clients with certificates that this CA issued.",
			"Name a CA certificate in ssl_ca_file that OpenSSL accepts.");
}

/*
 * The error (X509_V_...) of the server for a client's chain with this CA.  Of a self-signed CA
 * in the CA file, OpenSSL checks only the dates.
 */
static int
ca_error(const CastsslTlsSet *set, X509_STORE *store, const CastsslCertificate *ca)
{
	if (ca->self_signed)
		return castssl_in_force(ca, set->now) ? X509_V_OK : X509_V_ERR_CERT_HAS_EXPIRED;
	return castssl_ca_chain_error(store, ca->x509, 0, set->now);
}

void
castssl_judge_ca(const CastsslTlsSet *set, const CastsslCertificates *ca, CastsslFindings *findings)
{
	X509_STORE *store = castssl_trust_store(ca, NULL);
	const char *name = set->ca.name;
	int *errors = palloc(ca->count * sizeof(int));
	int cas = 0;
	int working = 0;

	if (store == NULL)
		return; /* LCOV_EXCL_LINE: out of memory */
	for (int i = 0; i < ca->count; i++)
	{
		const CastsslCertificate *item = &ca->items[i];

		castssl_let_interrupt();
		if (!is_ca(item))
			continue;
		cas++;
		errors[i] = ca_error(set, store, item);
		if (errors[i] == X509_V_OK && castssl_weakness(item) == NULL &&
			castssl_defect(item) == NULL && !is_rejected(item) &&
			X509_check_purpose(item->x509, X509_PURPOSE_SSL_CLIENT, 1) != 0)
			working++;
	}
	if (cas == 0)
		castssl_finding_add(findings, CASTSSL_ERROR, "ca_is_ca", name,
							psprintf("\"%s\" holds no CA certificate", name),
							ca->count > 0 && ca->items[0].x509 != NULL
								? psprintf("%s is not a CA: %s",
										   castssl_certificate_label(&ca->items[0], name),
										   why_no_ca(&ca->items[0]))
								: "It holds only CRLs.",
							"Name the file with the certificate of the CA that issued the client "
							"certificates.");
	for (int i = 0; i < ca->count && cas > 0; i++)
	{
		const CastsslCertificate *item = &ca->items[i];

		if (is_ca(item))
			judge_one_ca(set, ca, item, errors[i], working > 0 ? CASTSSL_WARNING : CASTSSL_ERROR,
						 findings);
		else if (item->x509 != NULL)
			castssl_finding_add(
				findings, CASTSSL_WARNING, "ca_is_ca", name,
				psprintf("%s is not a CA certificate", castssl_certificate_label(item, name)),
				why_no_ca(item), NULL);
	}
}

/* Does the CRL name this CA as its issuer?  Its signature is not verified: see crl_verifies(). */
static bool
crl_names(const CastsslCertificate *crl, const CastsslCertificate *ca)
{
	return crl->crl != NULL && ca->x509 != NULL &&
		   X509_NAME_cmp(X509_CRL_get_issuer(crl->crl), X509_get_subject_name(ca->x509)) == 0;
}

static bool
is_named_by(const CastsslCertificate *ca, const CastsslCertificates *list)
{
	for (int i = 0; list && i < list->count; i++)
	{
		if (crl_names(&list->items[i], ca))
			return true;
	}
	return false;
}

char *
castssl_trust_without_crl(const CastsslCertificates *ca, const CastsslCertificates *crl,
						  EVP_PKEY *except)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < ca->count; i++)
	{
		const CastsslCertificate *item = &ca->items[i];

		castssl_let_interrupt();
		if (is_ca(item) && !(except && castssl_openssl_has_key(item->x509, except)) &&
			!is_named_by(item, ca) && !is_named_by(item, crl))
			castssl_append_listed(&names, item->subject);
	}
	return names.len > 0 ? names.data : NULL;
}

/*
 * A delta CRL (RFC 5280, section 5.2.4) lists only the changes since a full CRL.  OpenSSL does
 * not combine the two in the server.  Some versions use the delta CRL as a full one: then
 * certificates that were revoked before are accepted again.
 */
static bool
is_delta(const CastsslCertificate *crl)
{
	return X509_CRL_get_ext_by_NID(crl->crl, NID_delta_crl, -1) >= 0;
}

static bool
crl_verifies(const CastsslCertificate *crl, const CastsslCertificate *ca)
{
	EVP_PKEY *key = X509_get0_pubkey(ca->x509);
	bool may_sign = (X509_get_extension_flags(ca->x509) & EXFLAG_KUSAGE) == 0 ||
					(X509_get_key_usage(ca->x509) & KU_CRL_SIGN) != 0;
	bool result = may_sign && key != NULL && X509_CRL_verify(crl->crl, key) == 1;

	ERR_clear_error();
	return result;
}

/*
 * May the CRL cover every client?  A CRL with an issuing distribution point (RFC 5280,
 * section 5.2.5) may cover only some certificates.
 */
static bool
crl_is_for_clients(const CastsslCertificate *crl)
{
	ISSUING_DIST_POINT *scope =
		X509_CRL_get_ext_d2i(crl->crl, NID_issuing_distribution_point, NULL, NULL);
	bool result = scope == NULL || (scope->onlyCA <= 0 && scope->onlyattr <= 0 &&
									scope->onlysomereasons == NULL && scope->distpoint == NULL);

	ISSUING_DIST_POINT_free(scope);
	ERR_clear_error();
	return result;
}

/* Does a valid CRL of this CA cover all its clients? */
static bool
has_crl_for_clients(const CastsslTlsSet *set, const CastsslCertificate *ca,
					const CastsslCertificates *list)
{
	for (int i = 0; i < list->count; i++)
	{
		if (crl_names(&list->items[i], ca) && !is_delta(&list->items[i]) &&
			castssl_in_force(&list->items[i], set->now) && crl_is_for_clients(&list->items[i]))
			return true;
	}
	return false;
}

/* Does the list have a CRL of this CA that is valid now?  If all are outdated, *stale is one. */
static bool
has_crl(const CastsslTlsSet *set, const CastsslCertificate *ca, const CastsslCertificates *list,
		const CastsslCertificate **stale)
{
	for (int i = 0; i < list->count; i++)
	{
		castssl_let_interrupt();
		if (!crl_names(&list->items[i], ca) || is_delta(&list->items[i]) ||
			!crl_verifies(&list->items[i], ca))
			continue;
		if (castssl_in_force(&list->items[i], set->now))
			return true;
		*stale = &list->items[i];
	}
	return false;
}

static bool
has_delta(const CastsslCertificate *ca, const CastsslCertificates *list)
{
	for (int i = 0; i < list->count; i++)
	{
		if (crl_names(&list->items[i], ca) && is_delta(&list->items[i]))
			return true;
	}
	return false;
}

/* A hint to install the file without this item; argument: the one of castssl_install(). */
static const char *
hint_to_leave_out(const CastsslPem *pem, const char *argument, const CastsslCertificate *item)
{
	char *text = castssl_repair_text_without(castssl_pem_file(pem), item->fingerprint);

	return text ? psprintf("To remove it from that file: SELECT * FROM castssl_install(%s => %s);",
						   argument, text)
				: psprintf("Remove it from \"%s\".", pem->name);
}

/* Judge one CA.  Without a valid CRL, the server refuses every certificate of the CA. */
static void
judge_ca_crl(const CastsslTlsSet *set, X509_STORE *store, const CastsslCertificate *ca,
			 const CastsslCertificates *cas, const CastsslCertificates *crl,
			 CastsslFindings *findings)
{
	const char *label = castssl_certificate_label(ca, set->ca.name);
	const char *name = set->crl.name;
	const CastsslCertificate *stale = NULL;
	int error;

	/* The server also reads CRLs from the CA file. */
	if (!has_crl(set, ca, cas, &stale) && !has_crl(set, ca, crl, &stale))
	{
		if (stale != NULL)
			castssl_judge_dates(set, stale, name, CASTSSL_ERROR, findings);
		else if (has_delta(ca, crl))
			castssl_finding_add(
				findings, CASTSSL_ERROR, "crl_issuer", name,
				psprintf("the only CRL for %s is a delta CRL", label),
				"It lists only what changed since the full CRL.  Certificates that were revoked "
				"before would be accepted, or all certificates would be refused.",
				psprintf("Append the full CRL of \"%s\" to \"%s\".", ca->subject, name));
		else
			castssl_finding_add(findings, CASTSSL_ERROR, "crl_issuer", name,
								psprintf("there is no CRL for %s", label),
								"With a CRL file the server refuses every certificate whose CA has "
								"no CRL in it, signed by that CA.",
								psprintf("Get the CRL of \"%s\" from that CA, and give the CRLs of "
										 "all CAs as one text, one after the other.",
										 ca->subject));
		return;
	}
	if (!has_crl_for_clients(set, ca, cas) && !has_crl_for_clients(set, ca, crl))
		castssl_finding_add(
			findings, CASTSSL_WARNING, "crl_issuer", name,
			psprintf("the CRL for %s is only for some certificates", label),
			"Its extension issuingDistributionPoint limits it; the server refuses all other "
			"certificates of this CA.",
			psprintf("Append the full CRL of \"%s\" to \"%s\".", ca->subject, name));
	error = castssl_ca_chain_error(store, ca->x509,
								   X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL, set->now);
	if (error == X509_V_ERR_CERT_REVOKED)
		castssl_finding_add(findings, CASTSSL_WARNING, "crl_issuer", name,
							psprintf("%s is revoked", label),
							"The server refuses every certificate that it issued.",
							hint_to_leave_out(&set->ca, "ca", ca));
	/* A missing CRL of this CA or of a CA above it has a finding of its own. */
	else if (error != X509_V_OK && error != X509_V_ERR_UNABLE_TO_GET_CRL &&
			 error != X509_V_ERR_CRL_HAS_EXPIRED && error != X509_V_ERR_CRL_NOT_YET_VALID &&
			 castssl_ca_chain_error(store, ca->x509, 0, set->now) == X509_V_OK)
		castssl_finding_add(findings, CASTSSL_ERROR, "crl_issuer", name,
							psprintf("the CRL for %s cannot be used: %s", label,
									 X509_verify_cert_error_string(error)),
							NULL, NULL);
}

void
castssl_judge_crl(const CastsslTlsSet *set, const CastsslCertificates *ca,
				  const CastsslCertificates *crl, CastsslFindings *findings)
{
	X509_STORE *store = castssl_trust_store(ca, crl);
	const char *name = set->crl.name;

	if (store == NULL)
		return; /* LCOV_EXCL_LINE: out of memory */
	for (int i = 0; i < ca->count; i++)
	{
		if (is_ca(&ca->items[i]))
			judge_ca_crl(set, store, &ca->items[i], ca, crl, findings);
	}
	for (int i = 0; i < crl->count; i++)
	{
		const CastsslCertificate *item = &crl->items[i];
		bool ours = false;

		for (int j = 0; j < ca->count; j++)
			ours = ours || crl_names(item, &ca->items[j]);
		if (item->x509 != NULL)
			castssl_finding_add(findings, CASTSSL_WARNING, "crl_parse", name,
								psprintf("\"%s\" holds a certificate, which the server trusts as a "
										 "CA, too",
										 name),
								psprintf("It is %s.", castssl_certificate_label(item, name)),
								hint_to_leave_out(&set->crl, "crl", item));
		else if (is_delta(item))
			castssl_finding_add(findings, CASTSSL_WARNING, "crl_issuer", name,
								psprintf("%s is a delta CRL, which has no effect beside a full one",
										 castssl_certificate_label(item, name)),
								"OpenSSL does not combine the two.",
								"Install the full CRL as often as the delta CRL comes out.");
		else
		{
			if (!ours)
				castssl_finding_add(findings, CASTSSL_INFO, "crl_issuer", name,
									psprintf("the issuer of %s is not in the CA file",
											 castssl_certificate_label(item, name)),
									"The server uses it only for clients that send the issuer's "
									"certificate as an intermediate.",
									NULL);
			if (!ours || castssl_in_force(item, set->now))
				castssl_judge_dates(set, item, name, CASTSSL_WARNING, findings);
		}
	}
}
