/*
 * test_tls_verify.c
 *		Our judgement of each set of files, compared with what OpenSSL does with it.
 *
 * Every case compares the findings of castssl_tls_verify with two facts: whether the
 * server's calls load the files, and whether a handshake in memory between that server
 * and a client, each with a certificate, succeeds.  If we report an error, one of these
 * must fail; if we report not even a warning, both must succeed.
 */
#include "postgres_fe.h"

#include <time.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "check.h"
#include "certificates.h"
#include "tls/chain.h"
#include "tls/key.h"
#include "tls/revoked.h"
#include "tls/judge.h"
#include "tls/verify.h"

/* What OpenSSL does. */
typedef enum Reality
{
	WORKS,
	REFUSED,
	ELSEWHERE /* refused here, but the server's files do not tell what others would do */
} Reality;

typedef struct Case
{
	const char *certificate; /* file name; ".crt" is added if it has no dot */
	const char *key;
	const char *ca;
	const char *crl;
	const char *client; /* the client's certificate */
	const char *roots;  /* the roots that the client trusts */
	CastsslSeverity worst;
	const char *check; /* of the first finding with that severity; NULL: worst is OK */
	Reality reality;
} Case;

#define SERVER(file, worst, check, reality)                                                        \
	{                                                                                              \
		file, "server.key", "root.crt", NULL, "client.crt", "root.crt", worst, check, reality      \
	}
#define SERVER_KEY(file, key, worst, check, reality)                                               \
	{                                                                                              \
		file, key, "root.crt", NULL, "client.crt", "root.crt", worst, check, reality               \
	}
#define ROOT(file, ca, client)                                                                     \
	{                                                                                              \
		file, "server.key", ca, NULL, client, ca, CASTSSL_WARNING, "chain", REFUSED                \
	}
#define CA(file, client, worst, check, reality)                                                    \
	{                                                                                              \
		"server.crt", "server.key", file, NULL, client, "root.crt", worst, check, reality          \
	}
#define CRL(ca, crl, client, worst, check, reality)                                                \
	{                                                                                              \
		"server.crt", "server.key", ca, crl, client, "root.crt", worst, check, reality             \
	}

static const Case cases[] = {
	/* kinds of keys and signatures */
	SERVER("server.crt", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("rsa2048.crt", "rsa2048.key", CASTSSL_INFO, "weak", WORKS),
	SERVER_KEY("rsa3072.crt", "rsa3072.key", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("rsapss.crt", "rsapss.key", CASTSSL_INFO, "weak", WORKS),
	SERVER_KEY("p384.crt", "p384.key", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("ed25519.crt", "ed25519.key", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("rsa1024.crt", "rsa1024.key", CASTSSL_ERROR, "weak", REFUSED),
	SERVER_KEY("p192.crt", "p192.key", CASTSSL_ERROR, "weak", REFUSED),
	SERVER("sha1.crt", CASTSSL_ERROR, "weak", REFUSED),
	SERVER_KEY("server.crt", "ed25519.key", CASTSSL_ERROR, "key_matches_certificate", REFUSED),
	SERVER_KEY("server.crt", "rsapss.key", CASTSSL_ERROR, "key_matches_certificate", REFUSED),
	SERVER_KEY("server.crt", "dsa.key", CASTSSL_ERROR, "key_matches_certificate", REFUSED),
	/* dates */
	SERVER("expired.crt", CASTSSL_ERROR, "certificate_dates", REFUSED),
	SERVER("future.crt", CASTSSL_ERROR, "certificate_dates", REFUSED),
	SERVER("soon.crt", CASTSSL_WARNING, "certificate_dates", WORKS),
	SERVER("short.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("y2049.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("y2050.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("y9999.crt", CASTSSL_OK, NULL, WORKS),
	/* names */
	SERVER("nosan.crt", CASTSSL_WARNING, "names", WORKS),
	SERVER("wildcard.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("ip.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("othername.crt", CASTSSL_WARNING, "names", WORKS),
	SERVER("nul.crt", CASTSSL_WARNING, "names", WORKS),
	SERVER("badnames.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("empty.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("emptyname.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("utf8.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("multi.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("negative.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("zero.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("v1.crt", CASTSSL_WARNING, "names", WORKS),
	/* uses */
	SERVER("caleaf.crt", CASTSSL_ERROR, "key_usage", REFUSED),
	SERVER("caleaf-nousage.crt", CASTSSL_WARNING, "key_usage", WORKS),
	SERVER("clienteku.crt", CASTSSL_ERROR, "key_usage", REFUSED),
	SERVER("noeku.crt", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("keyencipherment.crt", "rsa2048.key", CASTSSL_WARNING, "key_usage", WORKS),
	{ "self.crt", "server.key", "root.crt", NULL, "client.crt", "self.crt", CASTSSL_OK, NULL,
	  WORKS },
	{ "selfca.crt", "server.key", "root.crt", NULL, "client.crt", "selfca.crt", CASTSSL_ERROR,
	  "key_usage", REFUSED },
	/* chains */
	SERVER("chain.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("chain-root.crt", CASTSSL_INFO, "chain", WORKS),
	SERVER("chain-disorder.crt", CASTSSL_WARNING, "chain", WORKS),
	SERVER("chain-reversed.crt", CASTSSL_ERROR, "key_matches_certificate", REFUSED),
	SERVER("chain-missing.crt", CASTSSL_INFO, "chain", ELSEWHERE),
	SERVER("leaf1.crt", CASTSSL_WARNING, "chain", REFUSED),
	SERVER("chain-extra.crt", CASTSSL_INFO, "chain", WORKS),
	SERVER("chain-sha1.crt", CASTSSL_ERROR, "weak", REFUSED),
	SERVER("chain-notca.crt", CASTSSL_ERROR, "chain", REFUSED),
	SERVER("chain-expired.crt", CASTSSL_ERROR, "certificate_dates", REFUSED),
	SERVER("chain-impostor.crt", CASTSSL_ERROR, "chain", REFUSED),
	{ "chain-pathlen.crt", "server.key", "root.crt", NULL, "client.crt", "pathlen0.crt",
	  CASTSSL_ERROR, "chain", REFUSED },
	/* the server completes the chain from the CA file only if it has a single certificate */
	{ "leaf1.crt", "server.key", "ca-inter.crt", NULL, "client.crt", "root.crt", CASTSSL_INFO,
	  "chain", WORKS },
	{ "chain-missing.crt", "server.key", "ca-inter.crt", NULL, "client.crt", "root.crt",
	  CASTSSL_WARNING, "chain", REFUSED },
	{ "server.crt", "server.key", "other.crt", NULL, "client-other.crt", "root.crt",
	  CASTSSL_WARNING, "chain", WORKS },
	{ "server.crt", "server.key", NULL, NULL, NULL, "root.crt", CASTSSL_WARNING, "chain", WORKS },
	/* forms of files, and damage */
	SERVER_KEY("crlf.crt", "crlf.key", CASTSSL_OK, NULL, WORKS),
	SERVER("trailing.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("text.crt", CASTSSL_OK, NULL, WORKS),
	SERVER("trusted.crt", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("combined.pem", "combined.pem", CASTSSL_OK, NULL, WORKS),
	SERVER("combined.pem", CASTSSL_WARNING, "certificate_parse", WORKS),
	SERVER("der.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("pkcs7.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("pkcs12.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("utf16.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("blank.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("garbage.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("truncated.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("truncated-second.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("base64.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("header.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("baddate.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("notutf8.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("asn1.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("root.crl", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER_KEY("server.crt", "two.key", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("server.crt", "two-wrong.key", CASTSSL_ERROR, "key_matches_certificate", REFUSED),
	SERVER_KEY("server.crt", "rsa2048.key", CASTSSL_ERROR, "key_matches_certificate", REFUSED),
	SERVER_KEY("p521.crt", "p521.key", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("ed448.crt", "ed448.key", CASTSSL_OK, NULL, WORKS),
#if OPENSSL_VERSION_NUMBER >= 0x30000000L /* 1.1.1 still accepts this */
	SERVER_KEY("explicit.crt", "explicit.key", CASTSSL_ERROR, "certificate_parse", ELSEWHERE),
#endif
	SERVER_KEY("server.crt", "parameters.key", CASTSSL_OK, NULL, WORKS),
	SERVER_KEY("rsa2048.crt", "rsa-traditional.key", CASTSSL_INFO, "weak", WORKS),
	SERVER_KEY("server.crt", "truncated.key", CASTSSL_ERROR, "key_parse", REFUSED),
	SERVER_KEY("server.crt", "der.key", CASTSSL_ERROR, "key_parse", REFUSED),
	SERVER_KEY("server.crt", "holds-certificate.key", CASTSSL_ERROR, "key_parse", REFUSED),
	SERVER_KEY("server.crt", "empty.crt", CASTSSL_ERROR, "key_parse", REFUSED),
	SERVER("critical.crt", CASTSSL_ERROR, "certificate_parse", REFUSED),
	SERVER("chain-trusted.crt", CASTSSL_WARNING, "chain", REFUSED),
	/* roots that do not allow the certificates below them */
	ROOT("names.crt", "root-names.crt", "client-names.crt"),
	ROOT("clientonly.crt", "root-clientonly.crt", "client-clientonly.crt"),
	ROOT("chain-pathlen-noroot.crt", "pathlen0.crt", "client-pathlen0.crt"),
	/* CAs */
	CA("ca-rejected.crt", "client.crt", CASTSSL_WARNING, "key_usage", REFUSED),
	CA("ca-two.crt", "client.crt", CASTSSL_OK, NULL, WORKS),
	CA("ca-expired-and-good.crt", "client.crt", CASTSSL_WARNING, "certificate_dates", WORKS),
	CA("root-expired.crt", "client-expired-root.crt", CASTSSL_ERROR, "certificate_dates", REFUSED),
	CA("root-future.crt", "client-future-root.crt", CASTSSL_ERROR, "certificate_dates", REFUSED),
	CA("root-rsa1024.crt", "client-rsa1024-root.crt", CASTSSL_ERROR, "weak", REFUSED),
	CA("root-nosign.crt", "client-nosign-root.crt", CASTSSL_ERROR, "ca_is_ca", REFUSED),
	CA("root-serveronly.crt", "client-serveronly-root.crt", CASTSSL_ERROR, "key_usage", REFUSED),
	CA("inter.crt", "client-inter.crt", CASTSSL_ERROR, "chain", REFUSED),
	CA("ca-inter.crt", "client-inter.crt", CASTSSL_OK, NULL, WORKS),
	CA("root.crt", "client-chain.crt", CASTSSL_OK, NULL, WORKS),
	CA("ca-no-root.crt", "client-inter.crt", CASTSSL_ERROR, "chain", REFUSED),
	CA("ca-pathlen.crt", "client-pathlen.crt", CASTSSL_WARNING, "chain", REFUSED),
	CA("self.crt", "client.crt", CASTSSL_ERROR, "ca_is_ca", REFUSED),
	CA("client.crt", "client.crt", CASTSSL_ERROR, "ca_is_ca", REFUSED),
	CA("ca-and-leaf.crt", "client.crt", CASTSSL_WARNING, "ca_is_ca", WORKS),
	CA("root.crl", "client.crt", CASTSSL_ERROR, "ca_is_ca", REFUSED),
	CA("ca-with-key.crt", "client.crt", CASTSSL_WARNING, "ca_parse", WORKS),
	CA("ca-with-crl.crt", "client.crt", CASTSSL_OK, NULL, WORKS),
	CA("truncated-second.crt", "client.crt", CASTSSL_ERROR, "ca_parse", REFUSED),
	CA("der.crt", "client.crt", CASTSSL_ERROR, "ca_parse", REFUSED),
	/* CRLs */
	CRL("root.crt", "root.crl", "client.crt", CASTSSL_OK, NULL, WORKS),
	CRL("root.crt", "soon.crl", "client.crt", CASTSSL_WARNING, "crl_dates", WORKS),
	CRL("root.crt", "short.crl", "client.crt", CASTSSL_OK, NULL, WORKS),
	CRL("root.crt", "stale.crl", "client.crt", CASTSSL_ERROR, "crl_dates", REFUSED),
	CRL("root.crt", "stale-and-fresh.crl", "client.crt", CASTSSL_OK, NULL, WORKS),
	CRL("root.crt", "other.crl", "client.crt", CASTSSL_ERROR, "crl_issuer", REFUSED),
	CRL("root.crt", "root-other.crl", "client.crt", CASTSSL_INFO, "crl_issuer", WORKS),
	CRL("root.crt", "forged.crl", "client.crt", CASTSSL_ERROR, "crl_issuer", REFUSED),
	CRL("root.crt", "delta-and-root.crl", "client.crt", CASTSSL_WARNING, "crl_issuer", WORKS),
	CRL("root.crt", "root-and-inter-stale.crl", "client.crt", CASTSSL_WARNING, "crl_dates", WORKS),
	CRL("root.crt", "cas.crl", "client.crt", CASTSSL_WARNING, "crl_issuer", REFUSED),
#if OPENSSL_VERSION_NUMBER < 0x30600000L
	CRL("root.crt", "users.crl", "client.crt", CASTSSL_ERROR, "crl_issuer", REFUSED),
#else /* newer versions check no CRL for the root itself */
	CRL("root.crt", "users.crl", "client.crt", CASTSSL_OK, NULL, WORKS),
#endif
	CRL("root.crt", "split.crl", "client.crt", CASTSSL_OK, NULL, WORKS),
	CRL("root.crt", "with-certificate.crl", "client.crt", CASTSSL_WARNING, "crl_parse", WORKS),
	CRL("root.crt", "server.crt", "client.crt", CASTSSL_ERROR, "crl_parse", REFUSED),
	CRL("root.crt", "der.crl", "client.crt", CASTSSL_ERROR, "crl_parse", REFUSED),
	CRL("root.crt", "empty.crt", "client.crt", CASTSSL_ERROR, "crl_parse", REFUSED),
	CRL("ca-two.crt", "root.crl", "client-other.crt", CASTSSL_ERROR, "crl_issuer", REFUSED),
	CRL("ca-two.crt", "root-other.crl", "client-other.crt", CASTSSL_OK, NULL, WORKS),
	CRL("ca-inter.crt", "root.crl", "client-inter.crt", CASTSSL_ERROR, "crl_issuer", REFUSED),
	/* this client is revoked, and nothing is wrong with the files */
	CRL("ca-inter.crt", "both.crl", "client-inter.crt", CASTSSL_OK, NULL, ELSEWHERE),
	/* every CRL of the chain must be valid: that of the intermediate CA is outdated */
	CRL("ca-inter.crt", "root-and-inter-stale.crl", "client-inter.crt", CASTSSL_ERROR, "crl_dates",
		REFUSED),
	CRL("ca-inter.crt", "revoked-ca.crl", "client-inter.crt", CASTSSL_WARNING, "crl_issuer",
		REFUSED),
	CRL("ca-inter.crt", "forged-and-inter.crl", "client-inter.crt", CASTSSL_ERROR, "crl_issuer",
		REFUSED),
	{ "server.crt", "server.key", NULL, "root.crl", NULL, "root.crt", CASTSSL_WARNING, "chain",
	  WORKS },
	CRL("ca-with-crl.crt", "inter.crl", "client.crt", CASTSSL_INFO, "crl_issuer", WORKS),
};

static const char *host_names[] = { "db", "db.example.com" };

/* Encrypted keys are not decrypted here. */
static int
no_passphrase(char *buffer, int size, int writing, void *data)
{
	return 0;
}

static SSL_CTX *
new_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());

	/* Debian's default, with any configuration of this system. */
	SSL_CTX_set_security_level(context, 2);
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	return context;
}

/* The calls of the server's be_tls_init, in its order; NULL if one fails. */
static SSL_CTX *
load_server(const Case *test)
{
	SSL_CTX *context = new_context();
	bool ok = SSL_CTX_use_certificate_chain_file(context, test->certificate) == 1 &&
			  SSL_CTX_use_PrivateKey_file(context, test->key, SSL_FILETYPE_PEM) == 1 &&
			  SSL_CTX_check_private_key(context) == 1;

	if (ok && test->ca != NULL)
	{
		STACK_OF(X509_NAME) *names = NULL;

		ok = SSL_CTX_load_verify_locations(context, test->ca, NULL) == 1 &&
			 (names = SSL_load_client_CA_file(test->ca)) != NULL;
		if (ok)
			SSL_CTX_set_client_CA_list(context, names);
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, NULL);
	}
	if (ok && test->crl != NULL)
	{
		X509_STORE *store = SSL_CTX_get_cert_store(context);

		ok = X509_STORE_load_locations(store, test->crl, NULL) == 1;
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	}
	ERR_clear_error();
	if (ok)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

static SSL_CTX *
load_client(const Case *test)
{
	SSL_CTX *context = new_context();

	SSL_CTX_load_verify_locations(context, test->roots, NULL);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (test->client != NULL)
	{
		CHECK(SSL_CTX_use_certificate_chain_file(context, test->client) == 1);
		CHECK(SSL_CTX_use_PrivateKey_file(context, "client.key", SSL_FILETYPE_PEM) == 1);
	}
	return context;
}

/* Does the handshake succeed on both sides? */
static bool
shake_hands(SSL_CTX *server_context, SSL_CTX *client_context, bool with_client)
{
	SSL *server = SSL_new(server_context);
	SSL *client = SSL_new(client_context);
	BIO *one = NULL;
	BIO *two = NULL;
	int done_server = 0;
	int done_client = 0;
	bool ok;

	BIO_new_bio_pair(&one, 1 << 17, &two, 1 << 17);
	SSL_set_bio(server, one, one);
	SSL_set_bio(client, two, two);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	for (int i = 0; i < 20; i++)
	{
		done_client = SSL_do_handshake(client);
		done_server = SSL_do_handshake(server);
	}
	ok = done_server == 1 && done_client == 1 && SSL_get_verify_result(client) == X509_V_OK;
	if (ok && with_client)
	{
		X509 *peer = SSL_get_peer_certificate(server);

		ok = peer != NULL && SSL_get_verify_result(server) == X509_V_OK;
		X509_free(peer);
	}
	SSL_free(server);
	SSL_free(client);
	ERR_clear_error();
	return ok;
}

static bool
really_works(const Case *test)
{
	SSL_CTX *server = load_server(test);
	SSL_CTX *client = load_client(test);
	bool ok = server != NULL && shake_hands(server, client, test->client != NULL);

	SSL_CTX_free(server);
	SSL_CTX_free(client);
	return ok;
}

static void
print_findings(const CastsslFindings *findings)
{
	for (int i = 0; i < findings->count; i++)
		printf("     %s %s: %s\n", castssl_severity_name(findings->items[i].severity),
			   findings->items[i].check, findings->items[i].message);
}

static CastsslTlsSet
set_of(const char *certificate, const char *key, const char *ca, const char *crl)
{
	CastsslTlsSet set = { 0 };

	set.certificate = certificates_file(certificate);
	set.key = certificates_file(key);
	set.ca = certificates_file(ca);
	set.crl = certificates_file(crl);
	set.now = time(NULL);
	set.expiry_warning = 30 * 86400;
	set.host_names = host_names;
	set.nhost_names = lengthof(host_names);
	return set;
}

static void
run_case(const Case *test)
{
	CastsslTlsSet set = set_of(test->certificate, test->key, test->ca, test->crl);
	CastsslFindings findings = { 0 };
	CastsslSeverity worst = CASTSSL_OK;
	const char *check = NULL;
	bool works = really_works(test);
	int failed = check_failed;

	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK(ERR_peek_error() == 0);
	for (int i = 0; i < findings.count; i++)
	{
		if (findings.items[i].severity > worst)
		{
			worst = findings.items[i].severity;
			check = findings.items[i].check;
		}
	}
	CHECK_STRING(castssl_severity_name(worst), castssl_severity_name(test->worst));
	CHECK_STRING(check, test->check);
	CHECK_INT(works, test->reality == WORKS);
	/* No error for what works, and at least a warning for what does not. */
	CHECK(!(worst == CASTSSL_ERROR && works));
	CHECK(!(worst < CASTSSL_WARNING && !works && test->reality != ELSEWHERE));
	if (check_failed != failed)
	{
		printf("  in the case of %s %s %s %s\n", test->certificate, test->key,
			   test->ca ? test->ca : "-", test->crl ? test->crl : "-");
		print_findings(&findings);
	}
}

/* Nobody here knows the passphrase: the set is left to the server's loader. */
static void
test_encrypted_key(const char *file)
{
	CastsslTlsSet set = set_of("server.crt", file, "root.crt", NULL);
	CastsslCertificates list = { 0 };
	CastsslFindings unopened = { 0 };
	CastsslFindings findings = { 0 };

	CHECK(castssl_key_is_encrypted(&set.key));
	CHECK(castssl_certificates_read(set.certificate.data, set.certificate.length, "server.crt",
									&list, &findings));
	CHECK(!castssl_key_fits(&set.key, list.items[0].x509));
	CHECK(castssl_key_read(&set.key, &unopened) == NULL);
	CHECK_STRING(unopened.items[0].detail,
				 "The key is encrypted with AES-256-CBC.  No passphrase is known.");
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK_INT(findings.count, 0);
}

/* A block with a key that is encrypted in a way that is not known. */
static void
check_unknown_encryption(const char *text)
{
	CastsslPem key = { .name = "unknown.key", .data = text, .length = strlen(text) };
	CastsslFindings findings = { 0 };

	CHECK(castssl_key_is_encrypted(&key));
	CHECK(castssl_key_read(&key, &findings) == NULL);
	CHECK_INT(findings.count, 1);
	CHECK_STRING(findings.items[0].message, "could not decrypt the private key in \"unknown.key\"");
	CHECK_STRING(findings.items[0].detail, "The key is encrypted.  No passphrase is known.");
	CHECK(ERR_peek_error() == 0);
}

static void
test_unknown_encryption(void)
{
	X509_SIG *encrypted = X509_SIG_new();
	BIO *bio = BIO_new(BIO_s_mem());
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *content;
	char *text;
	long length;

	/* a hash encrypts nothing */
	X509_SIG_getm(encrypted, &algorithm, &content);
	X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL);
	ASN1_STRING_set(content, "secret", 6);
	PEM_write_bio_PKCS8(bio, encrypted);
	length = BIO_get_mem_data(bio, &text);
	check_unknown_encryption(pnstrdup(text, length));
	BIO_free(bio);
	X509_SIG_free(encrypted);
	/* no cipher is named */
	check_unknown_encryption("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nTUlJ\n"
							 "-----END EC PRIVATE KEY-----\n");
}

/* A byte-order mark: OpenSSL 3.0 accepts it, older versions do not, and neither do we then. */
static void
test_byte_order_mark(void)
{
	static const Case test = { "bom.crt", "bom.key", "root.crt", NULL, "client.crt", "root.crt" };
	CastsslTlsSet set = set_of(test.certificate, test.key, test.ca, NULL);
	CastsslFindings findings = { 0 };

	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK(castssl_finding_first(&findings, CASTSSL_WARNING) != NULL);
	CHECK_INT(castssl_finding_first(&findings, CASTSSL_ERROR) == NULL, really_works(&test));
}

/* A clock that is years late: no certificate is valid yet. */
static void
test_late_clock(void)
{
	CastsslTlsSet set = set_of("server.crt", "server.key", "root.crt", "root.crl");
	CastsslFindings findings = { 0 };
	bool crl_too_early = false;

	set.now -= INT64CONST(5) * 365 * 86400;
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	for (int i = 0; i < findings.count; i++)
		crl_too_early =
			crl_too_early || (strcmp(findings.items[i].check, "crl_dates") == 0 &&
							  strstr(findings.items[i].message, "is not yet valid") != NULL);
	CHECK(crl_too_early);
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_ERROR)->check, "certificate_dates");
}

/* The hints of findings. */
static void
test_hints(void)
{
	CastsslFindings findings = { 0 };
	CastsslTlsSet set = set_of("der.crt", NULL, NULL, NULL);

	set.certificate.name = "it's $HOME.der";
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK_STRING(findings.items[0].message, "\"it's $HOME.der\" is in DER form");
	CHECK_STRING(
		findings.items[0].hint,
		"Convert it: COPY (SELECT unnest(ARRAY['-----BEGIN CERTIFICATE-----'] || "
		"string_to_array(encode(pg_read_binary_file('it''s $HOME.der'), 'base64'), E'\\n') "
		"|| ARRAY['-----END CERTIFICATE-----'])) TO 'it''s $HOME.der.pem';");
	set = set_of("truncated-second.crt", NULL, NULL, NULL);
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK_STRING(findings.items[1].message,
				 "could not read certificate 2 of \"truncated-second.crt\"");
	CHECK(strstr(findings.items[1].detail, "begins in line ") != NULL);
	set = set_of("chain-reversed.crt", "server.key", NULL, NULL);
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK(strstr(findings.items[2].hint, "certificate 3") != NULL);

	/* the same in a file whose name cannot be shown */
	memset(&findings, 0, sizeof(findings));
	set.certificate.name = "chain\n.crt";
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_ERROR)->check, "key_matches_certificate");
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_ERROR)->hint, NULL);

	/* the issuer is in the CA file: a statement for files, and words for a text */
	memset(&findings, 0, sizeof(findings));
	set = set_of("chain-missing.crt", "server.key", "ca-inter.crt", NULL);
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK(strstr(castssl_finding_first(&findings, CASTSSL_WARNING)->hint,
				 "SELECT * FROM castssl_install(certificate => ") != NULL);
	memset(&findings, 0, sizeof(findings));
	set.certificate.name = "certificate";
	set.certificate.in_memory = true;
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_WARNING)->hint,
				 "Append it to \"certificate\".");

	memset(&findings, 0, sizeof(findings));
	set = set_of("server.crt", "server.key", "ca-no-root.crt", NULL);
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_ERROR)->hint,
				 "Append the certificate of \"CN=Test Root,O=Test\" to \"ca-no-root.crt\".");

	memset(&findings, 0, sizeof(findings));
	set = set_of("signed-by-ed25519.crt", "server.key", "root-ed25519.crt", NULL);
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_WARNING)->check, "chain");
	CHECK(strstr(castssl_finding_first(&findings, CASTSSL_WARNING)->message, "(SCRAM) fail") !=
		  NULL);

	/* OpenSSL 3.0 uses a delta CRL as a full one, and accepts certificates revoked before */
	memset(&findings, 0, sizeof(findings));
	set = set_of("server.crt", "server.key", "root.crt", "delta.crl");
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK(strstr(castssl_finding_first(&findings, CASTSSL_ERROR)->message, "is a delta CRL") !=
		  NULL);

	/* an empty file */
	memset(&findings, 0, sizeof(findings));
	set = set_of("server.crt", "server.key", "root.crt", NULL);
	set.crl = (CastsslPem){ .name = "root.crl", .data = "" };
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_ERROR)->check, "crl_parse");
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_ERROR)->hint,
				 "Get the CRL from its CA again, and put it there; then: SELECT * FROM "
				 "castssl_reload();");

	/* certificate and key are swapped */
	memset(&findings, 0, sizeof(findings));
	set = set_of("server.key", "server.crt", "root.crt", NULL);
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	CHECK(findings.count == 1);
	CHECK_STRING(castssl_finding_first(&findings, CASTSSL_ERROR)->hint,
				 "SELECT * FROM castssl_enable(cert_file => 'server.crt', key_file => "
				 "'server.key');");
}

static CastsslCertificates
read_list(const char *name)
{
	CastsslPem pem = certificates_file(name);
	CastsslCertificates list = { 0 };
	CastsslFindings findings = { 0 };

	if (pem.data != NULL)
		castssl_certificates_read(pem.data, pem.length, name, &list, &findings);
	return list;
}

/* The root of castssl_chain_keeps_root if it changes; "same" if it does not. */
static const char *
new_root(const char *before, const char *ca_before, const char *after, const char *ca_after)
{
	CastsslCertificates lists[] = { read_list(before), read_list(ca_before), read_list(after),
									read_list(ca_after) };
	const char *root = "";

	return castssl_chain_keeps_root(&lists[0], &lists[1], &lists[2], &lists[3], &root) ? "same"
																					   : root;
}

/* Does a client that verified the server also verify the new certificate? */
static void
test_new_root(void)
{
	CHECK_STRING(new_root("server.crt", "root.crt", "server.crt", "root.crt"), "same");
	CHECK_STRING(new_root("server.crt", "root.crt", "rsa2048.crt", NULL), "same");
	CHECK_STRING(new_root("server.crt", "root.crt", "expired.crt", "root.crt"), "same");
	CHECK_STRING(new_root("server.crt", "root.crt", "chain.crt", "other.crt"), "same");
	CHECK_STRING(new_root("chain-root.crt", NULL, "chain1.crt", NULL), "same");
	/* the server completes the chain of a single certificate, and of no other */
	CHECK_STRING(new_root("server.crt", "root.crt", "leaf1.crt", "chain-root.crt"), "same");
	CHECK_STRING(new_root("server.crt", "root.crt", "leaf1.crt", "root.crt"),
				 "CN=Test Root,O=Test");
	CHECK_STRING(new_root("server.crt", "root.crt", "chain-missing.crt", "chain-root.crt"),
				 "CN=Test Root,O=Test");
	/* another CA */
	CHECK_STRING(new_root("server.crt", "root.crt", "signed-by-ed25519.crt", "root.crt"),
				 "CN=Test Root,O=Test");
	/* the root is in no file: the issuers that the chains name are compared */
	CHECK_STRING(new_root("chain.crt", "other.crt", "chain1.crt", "other.crt"), "same");
	CHECK_STRING(new_root("server.crt", NULL, "chain1.crt", NULL), "same");
	CHECK_STRING(new_root("server.crt", NULL, "signed-by-ed25519.crt", NULL),
				 "CN=Test Root,O=Test");
	/* clients could not verify the server before; a CA certificate is not one for a server */
	CHECK_STRING(new_root("root.crt", NULL, "other.crt", NULL), "same");
	CHECK_STRING(new_root("garbage.crt", NULL, "server.crt", "root.crt"), "same");
	CHECK_STRING(new_root("chain-missing.crt", "root.crt", "other.crt", NULL),
				 "CN=Test Intermediate,O=Test");
}

static CastsslRevoked
revoked(const char *crls, const char *issuer, const char *certificate)
{
	CastsslCertificates list = read_list(crls);
	CastsslCertificates one = read_list(certificate);
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(one.items[0].x509), NULL);

	return castssl_revoked(&list, NULL, issuer, BN_bn2dec(number));
}

static void
test_revoked(void)
{
	const char *inter = "/O=Test/CN=Test Intermediate";

	CHECK_INT(revoked("inter.crl", inter, "client-inter.crt"), CASTSSL_REVOKED);
	CHECK_INT(revoked("inter.crl", inter, "leaf1.crt"), CASTSSL_NOT_REVOKED);
	CHECK_INT(revoked("root.crl", inter, "client-inter.crt"), CASTSSL_WITHOUT_CRL);
	CHECK_INT(revoked("root.crt", inter, "client-inter.crt"), CASTSSL_WITHOUT_CRL);
	/* a certificate in the file of CRLs */
	CHECK_INT(revoked("with-certificate.crl", "/O=Test/CN=Test Root", "client.crt"),
			  CASTSSL_NOT_REVOKED);
}

#define LONG "A CA with a name that is longer than the server shows it: "
#define SHOWN "/CN=A CA with a name that is longer than the server shows it: o"

/* A CRL of that CA with one entry. */
static CastsslCertificate
crl_of(const char *cn, long entry)
{
	CastsslCertificate item = { .crl = X509_CRL_new() };
	X509_NAME *name = X509_NAME_new();
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *) cn,
							   -1, -1, 0);
	X509_CRL_set_issuer_name(item.crl, name);
	ASN1_INTEGER_set(serial, entry);
	X509_REVOKED_set_serialNumber(revoked, serial);
	X509_CRL_add0_revoked(item.crl, revoked);
	X509_NAME_free(name);
	ASN1_INTEGER_free(serial);
	return item;
}

/* pg_stat_ssl cuts the name of an issuer: each CA whose name begins with it may be the issuer. */
static void
test_revoked_by_one_of_several(void)
{
	CastsslCertificate items[] = { crl_of(LONG "one", 5), crl_of(LONG "other", 6) };
	CastsslCertificates lists = { .items = items, .count = 2 };
	const char *names[] = { "/CN=" LONG "one", "/CN=" LONG "old" };
	int errors[] = { X509_V_OK, X509_V_OK };
	CastsslIssuers issuers = { .names = names, .errors = errors, .count = 1 };

	CHECK_INT((int) strlen(SHOWN), NAMEDATALEN - 1);
	CHECK_INT(castssl_revoked(&lists, &issuers, SHOWN, "7"), CASTSSL_NOT_REVOKED);
	CHECK_INT(castssl_revoked(&lists, &issuers, SHOWN, "5"), CASTSSL_PERHAPS_REVOKED);
	CHECK_INT(castssl_revoked(&lists, NULL, SHOWN, "6"), CASTSSL_PERHAPS_REVOKED);
	/* a name that is not cut means one CA */
	CHECK_INT(castssl_revoked(&lists, &issuers, "/CN=A CA", "5"), CASTSSL_WITHOUT_CRL);
	lists.count = 1;
	CHECK_INT(castssl_revoked(&lists, &issuers, SHOWN, "5"), CASTSSL_REVOKED);
	CHECK_INT(castssl_revoked(&lists, &issuers, SHOWN, "6"), CASTSSL_NOT_REVOKED);
	/* no number of a certificate */
	CHECK_INT(castssl_revoked(&lists, &issuers, SHOWN, "five"), CASTSSL_NOT_REVOKED);
	/* a CA that is revoked; one that has no CRL */
	errors[0] = X509_V_ERR_CERT_REVOKED;
	CHECK_INT(castssl_revoked(&lists, &issuers, SHOWN, "6"), CASTSSL_ISSUER_REVOKED);
	errors[0] = X509_V_OK;
	issuers.count = 2;
	CHECK_INT(castssl_revoked(&lists, &issuers, SHOWN, "6"), CASTSSL_PERHAPS_REVOKED);
	for (int i = 0; i < lengthof(items); i++)
		X509_CRL_free(items[i].crl);
}

/* Revocations that other CRLs of the same CA no longer have; without CRLs there are none. */
static void
test_revocations_dropped(void)
{
	CastsslCertificate items[] = { crl_of("one", 5), crl_of("two", 6), crl_of("one", 7) };
	CastsslCertificates before = { .items = items, .count = 2 };
	CastsslCertificates after = { .items = items + 1, .count = 2 };

	CHECK_INT(castssl_revocations_dropped(&before, &before), 0);
	CHECK_INT(castssl_revocations_dropped(&before, &after), 1);
	CHECK_INT(castssl_revocations_dropped(&before, NULL), 2);
	for (int i = 0; i < lengthof(items); i++)
		X509_CRL_free(items[i].crl);
}

int
main(void)
{
	certificates_make();
	for (int i = 0; i < lengthof(cases); i++)
		run_case(&cases[i]);
	test_encrypted_key("encrypted.key");
	test_encrypted_key("encrypted-traditional.key");
	test_unknown_encryption();
	test_byte_order_mark();
	test_late_clock();
	test_hints();
	test_new_root();
	test_revoked();
	test_revoked_by_one_of_several();
	test_revocations_dropped();
	return check_summary();
}
