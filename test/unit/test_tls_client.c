/*
 * test_tls_client.c
 *		The judgement of castssl_client_judge, compared with a handshake in memory with
 *		a server that loads its files as PostgreSQL does.
 */
#include "postgres_fe.h"

#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "check.h"
#include "certificates.h"
#include "tls/client.h"

static const char *const clients[] = {
	"client.crt",
	"client-inter.crt",
	"client-chain.crt",
	"client-other.crt",
	"client-expired-root.crt",
	"client-future-root.crt",
	"client-rsa1024-root.crt",
	"client-sha1-root.crt",
	"client-nosign-root.crt",
	"client-serveronly-root.crt",
	"client-pathlen.crt",
	"server.crt",
	"self.crt",
};

static const char *const authorities[] = {
	"root.crt",
	"ca-two.crt",
	"ca-inter.crt",
	"inter.crt",
	"ca-expired-and-good.crt",
	"ca-pathlen.crt",
	"root-nosign.crt",
	"ca-and-leaf.crt",
	"root-serveronly.crt",
	"root-expired.crt",
	"root-future.crt",
	"root-rsa1024.crt",
	"root-sha1.crt",
	"ca-with-crl.crt",
};

static const char *const lists[] = {
	NULL,         "root.crl",
	"stale.crl",  "stale-and-fresh.crl",
	"other.crl",  "root-other.crl",
	"both.crl",   "revoked-ca.crl",
	"forged.crl", "with-certificate.crl",
};

/* As be_tls_init. */
static SSL_CTX *
load_server(const char *ca, const char *crl)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());

	CHECK(SSL_CTX_use_certificate_chain_file(context, "server.crt") == 1);
	CHECK(SSL_CTX_use_PrivateKey_file(context, "server.key", SSL_FILETYPE_PEM) == 1);
	CHECK(SSL_CTX_load_verify_locations(context, ca, NULL) == 1);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, NULL);
	if (crl != NULL)
	{
		X509_STORE *store = SSL_CTX_get_cert_store(context);

		CHECK(X509_STORE_load_locations(store, crl, NULL) == 1);
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	}
	return context;
}

/* A client with the certificate and the first of these keys that matches it. */
static SSL_CTX *
load_client(const char *certificate)
{
	static const char *const keys[] = { "client.key", "server.key", "self.key" };
	SSL_CTX *context = SSL_CTX_new(TLS_method());

	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	for (int i = 0; i < lengthof(keys); i++)
	{
		/* OpenSSL 1.1.1 drops the certificate when a key does not fit. */
		CHECK(SSL_CTX_use_certificate_chain_file(context, certificate) == 1);
		if (SSL_CTX_use_PrivateKey_file(context, keys[i], SSL_FILETYPE_PEM) == 1 &&
			SSL_CTX_check_private_key(context) == 1)
			break;
	}
	CHECK(SSL_CTX_check_private_key(context) == 1);
	ERR_clear_error();
	return context;
}

static bool
is_accepted(SSL_CTX *server_context, SSL_CTX *client_context)
{
	SSL *server = SSL_new(server_context);
	SSL *client = SSL_new(client_context);
	BIO *one = NULL;
	BIO *two = NULL;
	int done = 0;
	bool shown;

	BIO_new_bio_pair(&one, 1 << 17, &two, 1 << 17);
	SSL_set_bio(server, one, one);
	SSL_set_bio(client, two, two);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	for (int i = 0; i < 20; i++)
	{
		(void) SSL_do_handshake(client);
		done = SSL_do_handshake(server);
	}
	shown = done == 1 && SSL_get_peer_certificate(server) != NULL;
	SSL_free(server);
	SSL_free(client);
	ERR_clear_error();
	return shown;
}

/* castssl_client_judge with OpenSSL's default ciphers. */
static bool
judge(const CastsslPem *shown, const CastsslPem *ca, const CastsslPem *crl, int64 now,
	  CastsslClient *client, CastsslFindings *findings)
{
	CastsslClientTerms terms = { .ca = *ca, .crl = *crl };

	return castssl_client_judge(shown, &terms, now, client, findings);
}

/* Every client with every CA and every CRL. */
static void
test_handshakes(void)
{
	int accepted = 0;

	for (int c = 0; c < lengthof(clients); c++)
	{
		CastsslPem shown = certificates_file(clients[c]);
		SSL_CTX *client = load_client(clients[c]);

		for (int a = 0; a < lengthof(authorities); a++)
		{
			CastsslPem ca = certificates_file(authorities[a]);

			for (int l = 0; l < lengthof(lists); l++)
			{
				CastsslPem crl = certificates_file(lists[l]);
				SSL_CTX *server = load_server(authorities[a], lists[l]);
				bool real = is_accepted(server, client);
				CastsslClient judged = { { 0 } };
				CastsslFindings findings = { 0 };

				CHECK(judge(&shown, &ca, &crl, (int64) time(NULL), &judged, &findings));
				if (!CHECK_INT(judged.problem == NULL, real))
					printf("  client %s, CA %s, CRL %s: %s\n", clients[c], authorities[a],
						   lists[l] ? lists[l] : "none",
						   judged.problem ? judged.problem : "accepted");
				accepted += real;
				SSL_CTX_free(server);
			}
		}
		SSL_CTX_free(client);
	}
	CHECK(accepted > 20);
}

static void
test_names(void)
{
	CastsslPem shown = certificates_file("client-chain.crt");
	CastsslPem ca = certificates_file("root.crt");
	CastsslPem none = { NULL };
	CastsslPem crl = certificates_file("root.crl");
	CastsslPem garbage = { .name = "garbage", .data = "nothing", .length = 7 };
	CastsslClient client = { { 0 } };
	CastsslFindings findings = { 0 };

	CHECK(judge(&shown, &ca, &none, (int64) time(NULL), &client, &findings));
	CHECK_STRING(client.cn, "alice");
	CHECK_STRING(client.dn, "CN=alice");
	CHECK_INT(client.certificate.position, 1);
	shown = certificates_file("inter.crt");
	CHECK(judge(&shown, &ca, &none, (int64) time(NULL), &client, &findings));
	CHECK_STRING(client.cn, "Test Intermediate");
	CHECK_STRING(client.dn, "CN=Test Intermediate,O=Test");
	CHECK_INT(findings.count, 0);

	CHECK(!judge(&garbage, &ca, &none, 0, &client, &findings));
	CHECK(!judge(&crl, &ca, &none, 0, &client, &findings));
	CHECK(!judge(&shown, &garbage, &none, 0, &client, &findings));
	CHECK_INT(findings.count, 3);
	CHECK_STRING(findings.items[0].subject, "garbage");
	CHECK_STRING(findings.items[1].subject, "root.crl");
}

/* The reasons for a refusal, also because of ssl_ciphers. */
static void
test_reasons(void)
{
	static const struct
	{
		const char *shown;
		const char *ca;
		const char *crl;
		const char *ciphers;
		const char *problem; /* a part of it; NULL: accepted */
	} cases[] = {
		{ "server.crt", "root.crt", NULL, NULL, "clientAuth" },
		{ "client-inter.crt", "root.crt", NULL, NULL,
		  "is not in the CA file, and the client does not send the issuer's certificate" },
		{ "client-chain.crt", "root.crt", "other.crl", NULL, "the server has no CRL of" },
		{ "client-rsa1024-root.crt", "root-rsa1024.crt", NULL, "DEFAULT@SECLEVEL=2", "key too" },
		{ "client-rsa1024-root.crt", "root-rsa1024.crt", NULL, "DEFAULT@SECLEVEL=0", NULL },
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		CastsslPem shown = certificates_file(cases[i].shown);
		CastsslClientTerms terms = { .ca = certificates_file(cases[i].ca),
									 .crl = certificates_file(cases[i].crl),
									 .ciphers = cases[i].ciphers };
		CastsslClient client = { { 0 } };
		CastsslFindings findings = { 0 };
		bool as_said;

		CHECK(castssl_client_judge(&shown, &terms, (int64) time(NULL), &client, &findings));
		as_said = cases[i].problem ? client.problem && strstr(client.problem, cases[i].problem)
								   : client.problem == NULL;
		if (!CHECK(as_said))
			printf("  %s with %s: %s\n", cases[i].shown, cases[i].ca,
				   client.problem ? client.problem : "accepted");
	}
	/* the server checks CRLs, but has none */
	{
		CastsslPem shown = certificates_file("client-chain.crt");
		CastsslPem ca = certificates_file("root.crt");
		CastsslPem empty = { .name = "crls", .data = "", .length = 0 };
		CastsslClient client = { { 0 } };
		CastsslFindings findings = { 0 };

		CHECK(judge(&shown, &ca, &empty, (int64) time(NULL), &client, &findings));
		CHECK(client.problem && strstr(client.problem, "the server has no CRL of"));
	}
}

/* CRLs in the CA file are no issuers, and each issuer has its own answer. */
static void
test_issuers(void)
{
	static const char *const files[] = { "ca-with-crl.crt", "root.crt" };

	for (int i = 0; i < lengthof(files); i++)
	{
		CastsslPem pem = certificates_file(files[i]);
		CastsslCertificates list = { 0 };
		CastsslFindings findings = { 0 };
		CastsslIssuers *issuers;

		CHECK(castssl_certificates_read(pem.data, pem.length, pem.name, &list, &findings));
		CHECK_INT(list.count, i == 0 ? 2 : 1);
		issuers = castssl_client_issuers(&list, NULL, (int64) time(NULL));
		CHECK_INT(issuers->count, 1);
		CHECK_STRING(issuers->names[0], "/O=Test/CN=Test Root");
		CHECK_INT(castssl_client_issuer_error(issuers, "/O=Test/CN=Test Root"), X509_V_OK);
		CHECK_INT(castssl_client_issuer_error(issuers, "/O=Test/CN=Other"),
				  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	}
}

/* A self-signed certificate with that common name; NULL: without one. */
static CastsslPem
with_common_name(EVP_PKEY *key, const char *name, int length)
{
	X509 *certificate = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	CastsslPem pem = { .name = "client.crt" };
	char *data;

	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_organizationName,
							   V_ASN1_UTF8STRING, (const unsigned char *) "Test", -1, -1, 0);
	if (name)
		X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
								   V_ASN1_UTF8STRING, (const unsigned char *) name, length, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_sign(certificate, key, EVP_sha256());
	PEM_write_bio_X509(bio, certificate);
	pem.length = BIO_get_mem_data(bio, &data);
	pem.data = pnstrdup(data, pem.length);
	BIO_free(bio);
	X509_free(certificate);
	return pem;
}

/* The server refuses a common name with a zero byte. */
static void
test_common_name(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;
	CastsslPem ca = certificates_file("root.crt");
	CastsslPem none = { NULL };
	CastsslClient client = { { 0 } };
	CastsslFindings findings = { 0 };
	CastsslPem shown;

	EVP_PKEY_keygen_init(context);
	EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1);
	EVP_PKEY_keygen(context, &key);
	shown = with_common_name(key, NULL, 0);
	CHECK(judge(&shown, &ca, &none, (int64) time(NULL), &client, &findings));
	CHECK_STRING(client.cn, NULL);
	CHECK_STRING(client.dn, "O=Test");
	shown = with_common_name(key, "alice\0bob", 9);
	CHECK(judge(&shown, &ca, &none, (int64) time(NULL), &client, &findings));
	CHECK_STRING(client.cn, NULL);
	/* the client's certificate is in the CA file and so trusted, but its name is refused */
	CHECK(judge(&shown, &shown, &none, (int64) time(NULL) + 60, &client, &findings));
	CHECK_STRING(client.cn, NULL);
	CHECK(client.problem && strstr(client.problem, "zero byte"));
	shown = with_common_name(key, "alice", 5);
	CHECK(judge(&shown, &ca, &none, (int64) time(NULL), &client, &findings));
	CHECK_STRING(client.cn, "alice");
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(context);
}

int
main(void)
{
	certificates_make();
	test_handshakes();
	test_names();
	test_issuers();
	test_common_name();
	test_reasons();
	return check_summary();
}
