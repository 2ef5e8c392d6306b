/*
 * client.c
 *		How a server judges a client's certificate.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "tls/chain.h"
#include "tls/client.h"
#include "tls/openssl.h"
#include "tls/trust.h"

/* The first commonName, NULL if there is none; *length includes any NUL bytes inside it. */
static char *
common_name(const X509 *x509, int *length)
{
	X509_NAME *name = X509_get_subject_name(x509);
	char *text;

	*length = X509_NAME_get_text_by_NID(name, NID_commonName, NULL, 0);
	if (*length < 0)
		return NULL;
	text = palloc0(*length + 1);
	(void) X509_NAME_get_text_by_NID(name, NID_commonName, text, *length + 1);
	return text;
}

/* The security level of the server's SSL context: OpenSSL's default, or what the ciphers set. */
static int
security_level(const char *ciphers)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	int level = 1;

	if (context && ciphers)
		(void) SSL_CTX_set_cipher_list(context, ciphers);
	if (context)
		level = SSL_CTX_get_security_level(context);
	SSL_CTX_free(context);
	ERR_clear_error();
	return level;
}

/* A store that trusts these CAs; check_crls: it checks every certificate against the CRLs. */
static X509_STORE *
make_store(const CastsslCertificates *ca, const CastsslCertificates *crl, bool check_crls)
{
	X509_STORE *store = castssl_trust_store(ca, crl);

	if (store && check_crls)
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return store;
}

static STACK_OF(X509) * intermediates(const CastsslCertificates *shown)
{
	STACK_OF(X509) *list = castssl_adopt_list(sk_X509_new_null());

	for (int i = 1; list && i < shown->count; i++)
	{
		if (shown->items[i].x509)
			sk_X509_push(list, shown->items[i].x509);
	}
	return list;
}

/* A CA of that name in the CA file; NULL if there is none. */
static const CastsslCertificate *
find_ca(const CastsslCertificates *authorities, const X509_NAME *name)
{
	for (int i = 0; i < authorities->count; i++)
	{
		if (authorities->items[i].x509 &&
			X509_NAME_cmp(X509_get_subject_name(authorities->items[i].x509), name) == 0)
			return &authorities->items[i];
	}
	return NULL;
}

/* The reason for one of OpenSSL's errors, a clause; NULL if OpenSSL's own text is enough. */
static char *
explain_error(int error, X509 *culprit, const CastsslCertificates *authorities)
{
	const X509_NAME *issuer = culprit ? X509_get_issuer_name(culprit) : NULL;

	switch (error)
	{
		case X509_V_ERR_INVALID_PURPOSE:
			return pstrdup("its extended key usage lacks clientAuth (TLS client authentication)");
		case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
		case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		case X509_V_ERR_CERT_SIGNATURE_FAILURE:
			if (issuer == NULL)
				return NULL; /* LCOV_EXCL_LINE: these errors are about a certificate */
			return psprintf(
				find_ca(authorities, issuer)
					? "a CA \"%s\" is in the CA file, but another key signed the certificate"
					: "its issuer \"%s\" is not in the CA file, and the client does not send the "
					  "issuer's certificate",
				castssl_name_rfc2253(issuer));
		case X509_V_ERR_UNABLE_TO_GET_CRL:
			return issuer
					   ? psprintf("the server has no CRL of \"%s\"", castssl_name_rfc2253(issuer))
					   : NULL;
		default:
			return NULL;
	}
}

/* As ssl_verify_cert_chain does for a server.  NULL, or a clause that says why it fails. */
static char *
verify(X509_STORE *store, X509 *target, STACK_OF(X509) * untrusted,
	   const CastsslCertificates *authorities, const CastsslClientTerms *terms, int64 now)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;
	const char *subject = NULL;
	const char *more = NULL;

	if (context && store && X509_STORE_CTX_init(context, store, target, untrusted))
	{
		X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

		X509_STORE_CTX_set_default(context, "ssl_client");
		X509_VERIFY_PARAM_set_auth_level(parameters, security_level(terms->ciphers));
		X509_VERIFY_PARAM_set_time(parameters, (time_t) now);
		error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
		if (error != X509_V_OK)
		{
			X509 *culprit = X509_STORE_CTX_get_current_cert(context);

			if (X509_STORE_CTX_get_error_depth(context) > 0 && culprit)
				subject = castssl_name_rfc2253(X509_get_subject_name(culprit));
			more = explain_error(error, culprit, authorities);
		}
	}
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	if (error == X509_V_OK)
		return NULL;
	return psprintf("%s%s%s%s%s%s", X509_verify_cert_error_string(error),
					subject ? " (of the CA certificate " : "", subject ? subject : "",
					subject ? ")" : "", more ? ": " : "", more ? more : "");
}

bool
castssl_client_judge(const CastsslPem *shown, const CastsslClientTerms *terms, int64 now,
					 CastsslClient *client, CastsslFindings *findings)
{
	CastsslCertificates certificates = { 0 };
	CastsslCertificates authorities = { 0 };
	CastsslCertificates lists = { 0 };
	const CastsslPem *ca = &terms->ca;
	const CastsslPem *crl = &terms->crl;
	int length;

	if (!castssl_certificates_read(shown->data, shown->length, shown->name, &certificates,
								   findings) ||
		!castssl_certificates_read(ca->data, ca->length, ca->name, &authorities, findings) ||
		(crl->data && crl->length > 0 &&
		 !castssl_certificates_read(crl->data, crl->length, crl->name, &lists, findings)))
		return false;
	if (certificates.items[0].x509 == NULL)
	{
		castssl_finding_add(findings, CASTSSL_ERROR, "certificate_parse", shown->name,
							"a client shows a certificate, and this is a revocation list", NULL,
							NULL);
		return false;
	}
	client->certificate = certificates.items[0];
	client->cn = common_name(client->certificate.x509, &length);
	client->dn = castssl_name_ascii(X509_get_subject_name(client->certificate.x509));
	client->problem =
		verify(make_store(&authorities, &lists, crl->data != NULL), client->certificate.x509,
			   intermediates(&certificates), &authorities, terms, now);
	if (client->cn == NULL || strlen(client->cn) == (size_t) length)
		return true;
	/* PostgreSQL: be_tls_open_server, because of CVE-2009-4034 */
	client->cn = NULL;
	if (client->problem == NULL)
		client->problem = "its common name holds a zero byte (as a BMPString does), and PostgreSQL "
						  "refuses such a name";
	return true;
}

CastsslIssuers *
castssl_client_issuers(const CastsslCertificates *ca, const CastsslCertificates *crls, int64 now)
{
	CastsslIssuers *issuers = palloc(sizeof(CastsslIssuers));
	X509_STORE *store = make_store(ca, crls, crls != NULL);

	issuers->count = 0;
	issuers->names = palloc(Max(ca->count, 1) * sizeof(*issuers->names));
	issuers->errors = palloc(Max(ca->count, 1) * sizeof(*issuers->errors));
	for (int i = 0; i < ca->count; i++)
	{
		X509 *x509 = ca->items[i].x509;

		if (x509 == NULL)
			continue;
		issuers->names[issuers->count] = castssl_name_slashes(X509_get_subject_name(x509));
		issuers->errors[issuers->count++] = castssl_ca_chain_error(store, x509, 0, now);
	}
	return issuers;
}

int
castssl_client_issuer_error(const CastsslIssuers *issuers, const char *issuer)
{
	int error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;

	for (int i = 0; i < issuers->count && error != X509_V_OK; i++)
	{
		if (strncmp(issuers->names[i], issuer, NAMEDATALEN - 1) == 0)
			error = issuers->errors[i];
	}
	return error;
}
