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

#include "tls/client.h"
#include "tls/openssl.h"

/* The bytes of the first commonName; NULL if there is none, or if it contains a NUL byte. */
static char *
common_name(const X509 *x509)
{
	X509_NAME *name = X509_get_subject_name(x509);
	int length = X509_NAME_get_text_by_NID(name, NID_commonName, NULL, 0);
	char *text;

	if (length < 0)
		return NULL;
	text = palloc0(length + 1);
	if (X509_NAME_get_text_by_NID(name, NID_commonName, text, length + 1) != length ||
		strlen(text) != (size_t) length)
		return NULL;
	return text;
}

/* The subject as the server prints it.  The form for people is less strict. */
static char *
distinguished_name(const X509 *x509)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio == NULL || X509_NAME_print_ex(bio, X509_get_subject_name(x509), 0, XN_FLAG_RFC2253) < 0)
	{
		/* LCOV_EXCL_START: out of memory */
		BIO_free(bio);
		ERR_clear_error();
		return pstrdup("");
		/* LCOV_EXCL_STOP */
	}
	return castssl_openssl_bytes(bio, NULL);
}

/* The security level of a server's SSL context on this machine. */
static int
security_level(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	int level = context ? SSL_CTX_get_security_level(context) : 1;

	SSL_CTX_free(context);
	return level;
}

/* OpenSSL reads both certificates and CRLs from either file. */
static void
add_to_store(X509_STORE *store, const CastsslCertificates *from)
{
	for (int i = 0; store && i < from->count; i++)
	{
		if (from->items[i].x509)
			X509_STORE_add_cert(store, from->items[i].x509);
		else
			X509_STORE_add_crl(store, from->items[i].crl);
	}
}

/* Trust these CAs.  If there is a file of CRLs, check every certificate against them. */
static X509_STORE *
make_store(const CastsslCertificates *ca, const CastsslCertificates *crl)
{
	X509_STORE *store = castssl_adopt_store(X509_STORE_new());

	add_to_store(store, ca);
	add_to_store(store, crl);
	if (store && crl->count > 0)
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	ERR_clear_error();
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

/* Verify as ssl_verify_cert_chain does for a server.  NULL, or a clause that says what is wrong. */
static char *
verify(X509_STORE *store, X509 *target, STACK_OF(X509) * untrusted, int64 now)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;
	int depth = 0;
	char subject[256] = "";

	if (context && store && X509_STORE_CTX_init(context, store, target, untrusted))
	{
		X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
		X509 *culprit;

		X509_STORE_CTX_set_default(context, "ssl_client");
		X509_VERIFY_PARAM_set_auth_level(parameters, security_level());
		X509_VERIFY_PARAM_set_time(parameters, (time_t) now);
		error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
		depth = X509_STORE_CTX_get_error_depth(context);
		culprit = X509_STORE_CTX_get_current_cert(context);
		if (depth > 0 && culprit)
			strlcpy(subject, castssl_name_rfc2253(X509_get_subject_name(culprit)), sizeof(subject));
	}
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	if (error == X509_V_OK)
		return NULL;
	if (subject[0])
		return psprintf("%s (of the CA certificate %s)", X509_verify_cert_error_string(error),
						subject);
	return pstrdup(X509_verify_cert_error_string(error));
}

bool
castssl_client_judge(const CastsslPem *shown, const CastsslPem *ca, const CastsslPem *crl,
					 int64 now, CastsslClient *client, CastsslFindings *findings)
{
	CastsslCertificates certificates = { 0 };
	CastsslCertificates authorities = { 0 };
	CastsslCertificates lists = { 0 };

	if (!castssl_certificates_read(shown->data, shown->length, shown->name, &certificates,
								   findings) ||
		!castssl_certificates_read(ca->data, ca->length, ca->name, &authorities, findings) ||
		(crl->data &&
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
	client->cn = common_name(client->certificate.x509);
	client->dn = distinguished_name(client->certificate.x509);
	client->problem = verify(make_store(&authorities, &lists), client->certificate.x509,
							 intermediates(&certificates), now);
	return true;
}
