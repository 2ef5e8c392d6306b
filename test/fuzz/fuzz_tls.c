/*
 * fuzz_tls.c
 *		libFuzzer target: the readers of certificates, CRLs, keys and requests.
 *
 * The first byte of an input says what the rest is: PEM text, or DER that is
 * wrapped in PEM here, so that the fuzzer need not find base64.  It starts from
 * a CA, a certificate, a CRL, a request and keys, made anew at every start.
 */
#include "postgres_fe.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "../unit/facts.h"
#include "fuzz_memory.h"
#include "tls/crl.h"
#include "tls/key.h"
#include "tls/openssl.h"
#include "tls/request.h"
#include "tls/verify.h"

#define NOW INT64CONST(1767225600) /* 2026-01-01, so that a finding can be repeated */

extern int LLVMFuzzerInitialize(int *argc, char ***argv);
extern int LLVMFuzzerTestOneInput(const uint8 *data, size_t size);
extern size_t LLVMFuzzerCustomMutator(uint8 *data, size_t size, size_t max_size, unsigned int seed);
extern size_t LLVMFuzzerMutate(uint8 *data, size_t size, size_t max_size);

static void
release_memory(void)
{
	castssl_openssl_release_all();
	fuzz_free_all();
}

static void run_certificates(const CastsslPem *input);
static void run_key(const CastsslPem *input);
static void run_request(const CastsslPem *input);

/* What the first byte of an input chooses; without a label the rest is PEM text. */
static const struct
{
	const char *label;
	void (*run)(const CastsslPem *input);
} kinds[] = {
	{ "CERTIFICATE", run_certificates },
	{ "X509 CRL", run_certificates },
	{ "PRIVATE KEY", run_key },
	{ "CERTIFICATE REQUEST", run_request },
	{ NULL, run_certificates },
	{ NULL, run_key },
	{ NULL, run_request },
	{ "TRUSTED CERTIFICATE", run_certificates },
};

typedef struct Seed
{
	uint8 *data;
	size_t size;
} Seed;

static Seed seeds[128];
static int nseeds;

static CastsslAuthority authority;

static void
add_seed(int kind, const void *data, size_t size)
{
	Seed *seed = &seeds[nseeds++];

	seed->size = size + 1;
	seed->data = malloc(seed->size);
	seed->data[0] = kind;
	memcpy(seed->data + 1, data, size);
}

/* The text itself as a seed, and what its first block holds. */
static void
add_seeds(const char *text)
{
	CastsslPem pem = { "seed", text, strlen(text) };
	CastsslPemBlock block;
	size_t offset = 0;

	if (castssl_pem_next(&pem, &offset, &block) != CASTSSL_PEM_BLOCK)
		abort();
	for (int kind = 0; kind < lengthof(kinds); kind++)
	{
		if (kinds[kind].label == NULL)
			add_seed(kind, text, pem.length);
		else if (strcmp(kinds[kind].label, block.name) == 0)
			add_seed(kind, block.data, block.length);
	}
	castssl_pem_block_free(&block);
}

/* What readers of a key disagreed on: an RSA modulus that is negative, and a SEQUENCE that is
 * primitive. */
static void
add_odd_keys(const char *text)
{
	static const uint8 modulus[] = { 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00 };
	CastsslPem pem = { "seed", text, strlen(text) };
	CastsslPemBlock block;
	size_t offset = 0;

	if (castssl_pem_next(&pem, &offset, &block) != CASTSSL_PEM_BLOCK)
		abort();
	for (long i = 0; i + (long) sizeof(modulus) <= block.length; i++)
	{
		if (memcmp(block.data + i, modulus, sizeof(modulus)) != 0)
			continue;
		block.data[i + sizeof(modulus) - 1] = 0x80;
		add_seed(0, block.data, block.length);
		block.data[i + sizeof(modulus) - 1] = 0;
		block.data[i] = 0x10;
		add_seed(0, block.data, block.length);
		block.data[i] = 0x30;
	}
	castssl_pem_block_free(&block);
}

/* A text with lines as OpenSSL reads them in pieces of 254 bytes: a block in a comment, and long
 * lines. */
static void
add_long_lines(const char *text)
{
	StringInfoData lines;

	initStringInfo(&lines);
	appendStringInfo(&lines, "# %0252d", 0);
	for (const char *c = text; *c; c++)
	{
		if (*c != '\n')
			appendStringInfoChar(&lines, *c);
	}
	appendStringInfo(&lines, "\nlocal all all trust\n%0300d\n%s", 0, text);
	for (int kind = 0; kind < lengthof(kinds); kind++)
	{
		if (kinds[kind].label == NULL)
			add_seed(kind, lines.data, lines.len);
	}
}

static void
make_seeds(const char *key_type)
{
	static const char *const dns_names[] = { "db.example.com", "*.example.org" };
	static const CastsslIpAddress addresses[] = { { 4, { 192, 0, 2, 7 } }, { 6, { 0x20 } } };
	static const CastsslNames names = { dns_names, 2, addresses, 2 };
	static const CastsslRevocation revoked[] = { { "1234", NOW - 10, "keyCompromise" } };
	CastsslFindings findings = { 0 };
	CastsslAuthority ca = { 0 };
	CastsslPem certificate = { "ca" };
	CastsslPem key = { "key" };
	CastsslPem request = { "request" };
	EVP_PKEY *pkey = castssl_key_generate(key_type, &findings);

	certificate.data = castssl_ca_make("Fuzz CA", pkey, NOW, 86400 * 365, &findings);
	certificate.length = strlen(certificate.data);
	key.data = castssl_key_pem(pkey, &key.length, &findings);
	request.data = castssl_request_make(pkey, "d\xc3\xbc", &names, &findings);
	request.length = strlen(request.data);
	if (!castssl_authority_read(&certificate, &key, NOW, &ca, &findings))
		abort();
	add_seeds(certificate.data);
	add_odd_keys(certificate.data);
	add_long_lines(certificate.data);
	add_long_lines(key.data);
	add_seeds(key.data);
	add_seeds(request.data);
	add_seeds(castssl_request_sign(&request, &ca, NOW, 86400, CASTSSL_FOR_SERVER, &findings));
	add_seeds(castssl_crl_make(&ca, revoked, 1, 1, NOW - 60, NOW + 86400, &findings));
	/* The last one stays, whatever is released. */
	X509_up_ref(ca.certificate);
	EVP_PKEY_up_ref(ca.key);
	authority = ca;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	make_seeds("rsa:2048");
	make_seeds("ed25519");
	make_seeds("ec:P-256");
	release_memory();
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8 *data, size_t size, size_t max_size, unsigned int random)
{
	const Seed *seed = &seeds[random / 16 % nseeds];

	if ((size < 32 || random % 16 == 0) && seed->size <= max_size)
	{
		memcpy(data, seed->data, seed->size);
		size = seed->size;
	}
	/* The kind stays, most of the time. */
	if (random % 7 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	return 1 + LLVMFuzzerMutate(data + 1, size - 1, max_size - 1);
}

static CastsslPem
wrap(const char *label, const uint8 *data, size_t size)
{
	CastsslPem pem = { .name = "input", .data = (const char *) data, .length = size };
	BIO *bio;

	if (label == NULL)
		return pem;
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio(bio, label, "", data, size);
	pem.data = castssl_openssl_bytes(bio, &pem.length);
	return pem;
}

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* What holds for whatever was read. */
static void
check_facts(const CastsslCertificate *c)
{
	require((c->x509 == NULL) != (c->crl == NULL));
	require(strlen(c->fingerprint) == 64 && c->issuer != NULL && c->signature_algorithm != NULL);
	require(c->x509 == NULL || (c->subject != NULL && c->key_algorithm != NULL));
	for (int i = 0; i < c->ndns_names; i++)
		require(strpbrk(c->dns_names[i], " \r\n\t") == NULL);
}

static void
check_findings(const CastsslFindings *findings)
{
	for (int i = 0; i < findings->count; i++)
		require(findings->items[i].check != NULL && findings->items[i].message != NULL &&
				(findings->items[i].detail == NULL ||
				 strstr(findings->items[i].detail, "PRIVATE KEY-----") == NULL));
}

static void
run_certificates(const CastsslPem *input)
{
	CastsslCertificates list = { 0 };
	CastsslFindings findings = { 0 };
	CastsslCertificates facts = { 0 };
	CastsslFindings found = { 0 };
	CastsslTlsSet set = { .now = NOW, .expiry_warning = 86400 };
	bool ok = castssl_certificates_read(input->data, input->length, input->name, &list, &findings);

	castssl_certificates_read_facts(input->data, input->length, input->name, &facts, &found);
	require(facts.count == list.count);
	for (int i = 0; i < facts.count; i++)
	{
		/* no signature is verified for them */
		require(facts.items[i].self_signed >= list.items[i].self_signed);
		facts.items[i].self_signed = list.items[i].self_signed;
		facts.items[i].is_ca = list.items[i].is_ca;
	}
	require(strcmp(facts_text(&list, &findings), facts_text(&facts, &found)) == 0);
	require(ok == (findings.count == 0));
	require(!ok || list.count > 0);
	for (int i = 0; i < list.count; i++)
		check_facts(&list.items[i]);
	if (!ok)
		return;
	set.certificate = set.ca = set.crl = *input;
	castssl_tls_verify(&set, &findings, NULL, NULL, NULL);
	check_findings(&findings);
}

static void
run_key(const CastsslPem *input)
{
	CastsslFindings findings = { 0 };
	EVP_PKEY *key = castssl_key_read(input, NULL, &findings);

	require((key != NULL) == (findings.count == 0));
	if (castssl_key_is_encrypted(input))
		require(castssl_key_present(input));
	check_findings(&findings);
}

static void
run_request(const CastsslPem *input)
{
	CastsslFindings findings = { 0 };
	char *pem = castssl_request_sign(input, &authority, NOW, 86400, CASTSSL_FOR_SERVER, &findings);

	require((pem != NULL) == (castssl_finding_first(&findings, CASTSSL_ERROR) == NULL));
	check_findings(&findings);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	int kind = size > 0 ? data[0] % lengthof(kinds) : 0;
	CastsslPem input;

	if (size == 0)
		return 0;
	input = wrap(kinds[kind].label, data + 1, size - 1);
	kinds[kind].run(&input);
	require(ERR_peek_error() == 0);
	release_memory();
	return 0;
}
