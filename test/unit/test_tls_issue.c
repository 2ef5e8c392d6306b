/*
 * test_tls_issue.c
 *		Keys, requests, certificates, CRLs and PKCS#12 that we make, read by openssl.
 */
#include "postgres_fe.h"

#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "check.h"
#include "certificates.h"
#include "tls/crl.h"
#include "tls/key.h"
#include "tls/openssl.h"
#include "tls/pkcs12.h"
#include "tls/request.h"

#define DAY 86400

static int64 now;

static const char *const dns_names[] = { "db.example.com", "*.db.example.com" };
static const CastsslIpAddress addresses[] = {
	{ 4, { 192, 0, 2, 7 } },
	{ 6, { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7 } },
};
static const CastsslNames names = { dns_names, 2, addresses, 2 };
static const CastsslNames no_names = { NULL, 0, NULL, 0 };

static void
write_file(const char *name, const char *data, size_t length)
{
	FILE *file = fopen(name, "wb");

	if (CHECK(file != NULL && data != NULL))
		CHECK(fwrite(data, 1, length, file) == length);
	if (file != NULL)
		fclose(file);
}

static CastsslPem
text_of(const char *name, const char *text)
{
	CastsslPem pem = { name, text, strlen(text) };

	write_file(name, text, strlen(text));
	return pem;
}

static void
check_none(const CastsslFindings *findings)
{
	if (!CHECK_INT(findings->count, 0))
		printf("     %s: %s\n", findings->items[0].message,
			   findings->items[0].detail ? findings->items[0].detail : "");
}

/* Does the shell command succeed? */
static bool
succeeds(const char *command)
{
	return system(psprintf("{ %s; } >output.txt 2>&1", command)) == 0;
}

static void
check_error(CastsslFindings *findings, const char *check, const char *message)
{
	const CastsslFinding *error = castssl_finding_first(findings, CASTSSL_ERROR);

	if (CHECK(error != NULL))
	{
		CHECK_STRING(error->check, check);
		CHECK_STRING(error->message, message);
	}
	CHECK(ERR_peek_error() == 0);
	findings->count = 0;
}

/* A CA with a key of that type, in ca.crt and ca.key. */
static CastsslAuthority
make_ca(const char *key_type, int64 valid_for)
{
	CastsslFindings findings = { 0 };
	CastsslAuthority authority = { 0 };
	EVP_PKEY *key = castssl_key_generate(key_type, &findings);
	const char *pem = castssl_ca_make("Prüf-CA", key, now, valid_for, &findings);
	CastsslPem certificate = text_of("ca.crt", pem);
	CastsslPem key_pem = text_of("ca.key", castssl_key_pem(key, NULL, &findings));

	CHECK(castssl_authority_read(&certificate, &key_pem, now, &authority, &findings));
	check_none(&findings);
	CHECK(succeeds("openssl verify -x509_strict -CAfile ca.crt ca.crt"));
	CHECK_STRING(certificates_command("openssl x509 -in ca.crt -noout -subject -nameopt "
									  "RFC2253,-esc_msb | sed 's/= */=/'"),
				 "subject=CN=Prüf-CA");
	return authority;
}

static char *
extensions_of(const char *file)
{
	return certificates_command(psprintf(
		"openssl x509 -in %s -noout -ext basicConstraints,keyUsage,extendedKeyUsage,subjectAltName"
		" | sed 's/^ *//; s/ *$//' | tr '\\n' '|'",
		file));
}

/* One key type from the key to the certificate, and into PKCS#8 and PKCS#12. */
static void
test_key_type(const char *key_type, const char *algorithm, const char *usage)
{
	CastsslFindings findings = { 0 };
	CastsslAuthority authority = make_ca(key_type, 3650 * DAY);
	EVP_PKEY *key = castssl_key_generate(key_type, &findings);
	CastsslPem key_pem = text_of("new.key", castssl_key_pem(key, NULL, &findings));
	CastsslPem request;
	CastsslPem certificate;
	CastsslCertificates list = { 0 };
	CastsslCertificates cas = { 0 };
	CastsslPem ca = certificates_file("ca.crt");
	const char *bytes;
	size_t length;

	CHECK(!castssl_key_is_encrypted(&key_pem));
	CHECK(succeeds("openssl pkey -in new.key -noout"));
	request = text_of("new.csr", castssl_request_make(key, "db", &names, &findings));
	CHECK(succeeds("openssl req -in new.csr -noout -verify"));
	CHECK(succeeds("openssl req -in new.csr -noout -text | grep -q "
				   "'DNS:db.example.com, DNS:\\*.db.example.com, IP Address:192.0.2.7, "
				   "IP Address:2001:DB8:0:0:0:0:0:7'"));
	certificate = text_of("new.crt", castssl_request_sign(&request, &authority, now, 90 * DAY,
														  CASTSSL_FOR_SERVER, &findings));
	check_none(&findings);
	CHECK(succeeds("openssl verify -x509_strict -purpose sslserver -CAfile ca.crt new.crt"));
	CHECK(succeeds("openssl verify -x509_strict -verify_hostname x.db.example.com -CAfile ca.crt "
				   "new.crt"));
	CHECK(!succeeds("openssl verify -x509_strict -purpose sslclient -CAfile ca.crt new.crt"));
	CHECK_STRING(
		extensions_of("new.crt"),
		psprintf("X509v3 Basic Constraints: critical|CA:FALSE|X509v3 Key Usage: critical|%s|"
				 "X509v3 Extended Key Usage:|TLS Web Server Authentication|"
				 "X509v3 Subject Alternative Name:|DNS:db.example.com, DNS:*.db.example.com, "
				 "IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7|",
				 usage));
	CHECK(castssl_certificates_read(certificate.data, certificate.length, "new.crt", &list,
									&findings));
	CHECK_STRING(list.items[0].key_algorithm, algorithm);
	CHECK(list.items[0].not_after == now + 90 * DAY);
	CHECK(list.items[0].not_before <= now && !list.items[0].is_ca);
	CHECK(list.items[0].serial[0] != '-' && strlen(list.items[0].serial) <= 34);
	CHECK(castssl_key_fits(&key_pem, list.items[0].x509));
	CHECK(!castssl_key_fits(&key_pem, authority.certificate));

	bytes = castssl_key_pkcs8_der(key, &length, &findings);
	write_file("new.pk8", bytes, length);
	CHECK(succeeds("openssl pkcs8 -inform der -in new.pk8 -nocrypt -out again.key && "
				   "openssl pkey -in new.key -pubout -out one.pub && "
				   "openssl pkey -in again.key -pubout -out two.pub && cmp one.pub two.pub"));
	CHECK(castssl_certificates_read(ca.data, ca.length, "ca.crt", &cas, &findings));
	bytes =
		castssl_pkcs12_make(key, list.items[0].x509, &cas, "alice", "sécret", &length, &findings);
	write_file("new.pfx", bytes, length);
	CHECK(succeeds("openssl pkcs12 -in new.pfx -passin pass:sécret -nodes -out all.pem && "
				   "openssl pkey -in all.pem -pubout -out two.pub && cmp one.pub two.pub"));
	CHECK_STRING(certificates_command("grep -c 'BEGIN CERTIFICATE' all.pem"), "2");
	CHECK(!succeeds("openssl pkcs12 -in new.pfx -passin pass:wrong -nodes"));
	CHECK(succeeds("openssl pkcs12 -in new.pfx -passin pass:sécret -info -noout && "
				   "grep -q 'MAC: sha256' output.txt && ! grep -v AES-256-CBC output.txt | "
				   "grep -q -i pbe"));
	check_none(&findings);
}

static void
test_client_certificate(const CastsslAuthority *authority)
{
	CastsslFindings findings = { 0 };
	EVP_PKEY *key = castssl_key_generate("ec:P-256", &findings);
	CastsslPem request = text_of(
		"alice.csr", castssl_request_make(key, "Älice, \"the\" <1st>", &no_names, &findings));
	const char *one;
	const char *two;

	one = castssl_request_sign(&request, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings);
	two = castssl_request_sign(&request, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings);
	check_none(&findings);
	text_of("alice.crt", one);
	CHECK(strcmp(one, two) != 0);
	CHECK(succeeds("openssl verify -x509_strict -purpose sslclient -CAfile ca.crt alice.crt"));
	CHECK(!succeeds("openssl verify -x509_strict -purpose sslserver -CAfile ca.crt alice.crt"));
	CHECK_STRING(extensions_of("alice.crt"),
				 "X509v3 Basic Constraints: critical|CA:FALSE|X509v3 Key Usage: critical|"
				 "Digital Signature|X509v3 Extended Key Usage:|TLS Web Client Authentication|");
	CHECK(castssl_request_sign(&request, authority, now, DAY, CASTSSL_FOR_SERVER, &findings) ==
		  NULL);
	check_error(&findings, "request", "the request has no subject alternative name");
	/* A certificate ends with its CA at the latest; one that would never be valid is an error. */
	text_of("alice.crt", castssl_request_sign(&request, authority, now, 99999 * (int64) DAY,
											  CASTSSL_FOR_CLIENT, &findings));
	CHECK_INT(findings.count, 1);
	CHECK_INT(findings.items[0].severity, CASTSSL_WARNING);
	CHECK_STRING(certificates_command("openssl x509 -in alice.crt -noout -enddate"),
				 certificates_command("openssl x509 -in ca.crt -noout -enddate"));
	findings.count = 0;
	CHECK(castssl_request_sign(&request, authority, now, 0, CASTSSL_FOR_CLIENT, &findings) == NULL);
	check_error(&findings, "certificate_dates", "the certificate would never be valid");
	CHECK(castssl_request_sign(&request, authority, now + 9999 * (int64) DAY, DAY,
							   CASTSSL_FOR_CLIENT, &findings) == NULL);
	check_error(&findings, "certificate_dates", "the certificate would never be valid");
}

/* With an empty subject, the subject alternative names are critical. */
static void
test_empty_subject(const CastsslAuthority *authority)
{
	CastsslFindings findings = { 0 };
	EVP_PKEY *key = castssl_key_generate("ec:P-256", &findings);
	CastsslPem request = text_of("none.csr", castssl_request_make(key, "", &names, &findings));

	text_of("none.crt",
			castssl_request_sign(&request, authority, now, DAY, CASTSSL_FOR_SERVER, &findings));
	check_none(&findings);
	CHECK(succeeds("openssl verify -x509_strict -CAfile ca.crt none.crt"));
	CHECK(
		succeeds("openssl x509 -in none.crt -noout -text | grep -q 'Alternative Name: critical'"));
	CHECK(castssl_request_sign(&request, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings) ==
		  NULL);
	check_error(&findings, "request", "the request has no common name");
}

/* Sign a request that openssl made with these extensions; NULL if it is refused. */
static const char *
sign_foreign(const CastsslAuthority *authority, const char *key, const char *extensions,
			 CastsslFindings *findings)
{
	CastsslPem request;

	CHECK(succeeds(
		psprintf("printf '[req]\\ndistinguished_name=d\\nreq_extensions=e\\n[d]\\n[e]\\n%s\\n'"
				 " >foreign.cnf && openssl req -new -config foreign.cnf -key %s.key"
				 " -subj /O=Other/CN=db -out foreign.csr",
				 extensions, key)));
	request = certificates_file("foreign.csr");
	return castssl_request_sign(&request, authority, now, DAY, CASTSSL_FOR_SERVER, findings);
}

/* Extensions and names of a request that the certificate must not get. */
static void
test_requests_of_openssl(const CastsslAuthority *authority)
{
	CastsslFindings findings = { 0 };
	const char *pem = sign_foreign(authority, "rsa2048",
								   "basicConstraints=critical,CA:TRUE\\nkeyUsage=keyCertSign\\n"
								   "nsComment=hello\\nsubjectAltName=DNS:db,email:a@example.com,"
								   "URI:https://db/,otherName:1.2.3;UTF8:root",
								   &findings);

	text_of("foreign.crt", pem);
	CHECK_INT(findings.count, 1);
	CHECK_STRING(findings.items[0].message, "some names of the request are left out");
	findings.count = 0;
	CHECK_STRING(extensions_of("foreign.crt"),
				 "X509v3 Basic Constraints: critical|CA:FALSE|X509v3 Key Usage: critical|"
				 "Digital Signature, Key Encipherment|X509v3 Extended Key Usage:|"
				 "TLS Web Server Authentication|X509v3 Subject Alternative Name:|DNS:db, "
				 "email:a@example.com, URI:https://db/|");
	CHECK(!succeeds("openssl x509 -in foreign.crt -noout -text | grep -q hello"));
	CHECK(succeeds("openssl verify -x509_strict -CAfile ca.crt foreign.crt"));

	CHECK(sign_foreign(authority, "rsa1024", "subjectAltName=DNS:db", &findings) == NULL);
	check_error(&findings, "weak", "the key of the request is too weak");
	CHECK(sign_foreign(authority, "server", "subjectAltName=DER:30:06:82:04:61:00:62:63",
					   &findings) == NULL);
	check_error(&findings, "request", "the request's subject alternative names are malformed");
	CHECK(sign_foreign(authority, "server", "subjectAltName=DER:30:05:87:03:01:02:03", &findings) ==
		  NULL);
	check_error(&findings, "request", "the request's subject alternative names are malformed");
	CHECK(sign_foreign(authority, "server", "subjectAltName=DER:04:00", &findings) == NULL);
	check_error(&findings, "request", "the request's subject alternative names are malformed");
	CHECK(sign_foreign(authority, "server", "subjectAltName=otherName:1.2.3;UTF8:root",
					   &findings) == NULL);
	CHECK_INT(findings.count, 2);
	check_error(&findings, "request", "the request has no subject alternative name");
}

/* Proof of possession: one changed byte, and the request is refused. */
static void
test_forged_request(const CastsslAuthority *authority)
{
	CastsslFindings findings = { 0 };
	EVP_PKEY *key = castssl_key_generate("ec:P-256", &findings);
	CastsslPem good = text_of("good.csr", castssl_request_make(key, "alice", &no_names, &findings));
	CastsslPem forged;

	CHECK(succeeds("openssl req -in good.csr -outform der | sed 's/alice/admin/' >forged.der && "
				   "openssl req -inform der -in forged.der -out forged.csr"));
	forged = certificates_file("forged.csr");
	CHECK(castssl_request_sign(&good, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings) != NULL);
	check_none(&findings);
	CHECK(castssl_request_sign(&forged, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings) ==
		  NULL);
	check_error(&findings, "request",
				"the certificate request in \"forged.csr\" is not signed with its own key");
	good = certificates_file("ca.crt");
	CHECK(castssl_request_sign(&good, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings) == NULL);
	check_error(&findings, "request", "\"ca.crt\" holds no certificate request");
	good = text_of("cut.csr", "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n");
	CHECK(castssl_request_sign(&good, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings) == NULL);
	check_error(&findings, "request", "could not read the certificate request in \"cut.csr\"");
}

static void
test_bad_names(void)
{
	CastsslFindings findings = { 0 };
	EVP_PKEY *key = castssl_key_generate("ed25519", &findings);
	const char *const bad[] = {
		"",           "a b",
		"münster.de", "a..b",
		"-a.b",       "a.b.",
		"*",          "a.*.b",
		"*a.b",       "0123456789012345678901234567890123456789012345678901234567890123"
	};

	for (int i = 0; i < lengthof(bad); i++)
	{
		CastsslNames one = { &bad[i], 1, NULL, 0 };

		CHECK(castssl_request_make(key, "db", &one, &findings) == NULL);
		check_error(&findings, "request", psprintf("\"%s\" is not a DNS name", bad[i]));
	}
	CHECK(castssl_is_dns_name("a") && castssl_is_dns_name("x_1.xn--mnster-3ya.de"));
	CHECK(castssl_request_make(key,
							   "0123456789012345678901234567890123456789012345678901234567890123x",
							   &no_names, &findings) == NULL);
	check_error(&findings, "request", "could not make a certificate request");
	CHECK(castssl_request_make(key, "\xff\xfe", &no_names, &findings) == NULL);
	check_error(&findings, "request", "could not make a certificate request");
	CHECK(castssl_key_generate("rsa:1024", &findings) == NULL);
	check_error(&findings, "key_type", "unknown key type \"rsa:1024\"");
	CHECK(castssl_ca_make("", key, now, DAY, &findings) == NULL);
	check_error(&findings, "ca", "a CA needs a name and a time to be valid");
	CHECK(castssl_ca_make("0123456789012345678901234567890123456789012345678901234567890123x", key,
						  now, DAY, &findings) == NULL);
	check_error(&findings, "ca", "could not make the CA certificate");
	CHECK(castssl_ca_make("x", key, now, 0, &findings) == NULL);
	check_error(&findings, "ca", "a CA needs a name and a time to be valid");
}

static void
test_bad_authorities(void)
{
	CastsslFindings findings = { 0 };
	CastsslAuthority authority;
	CastsslPem ca = certificates_file("root.crt");
	CastsslPem key = certificates_file("root.key");
	CastsslPem other_key = certificates_file("other.key");
	CastsslPem leaf = certificates_file("server.crt");
	CastsslPem leaf_key = certificates_file("server.key");
	CastsslPem old = certificates_file("root-expired.crt");
	CastsslPem empty = certificates_file("empty.crt");

	CHECK(castssl_authority_read(&ca, &key, now, &authority, &findings));
	CHECK(!castssl_authority_read(&ca, &other_key, now, &authority, &findings));
	check_error(&findings, "ca",
				"the private key in \"other.key\" does not belong to the CA certificate in "
				"\"root.crt\"");
	CHECK(!castssl_authority_read(&leaf, &leaf_key, now, &authority, &findings));
	check_error(&findings, "ca", "\"server.crt\" is not a CA certificate");
	CHECK(!castssl_authority_read(&old, &key, now, &authority, &findings));
	check_error(&findings, "ca", "the CA certificate in \"root-expired.crt\" is not valid now");
	CHECK(!castssl_authority_read(&ca, &empty, now, &authority, &findings));
	check_error(&findings, "key_parse", "\"empty.crt\" is empty");
	CHECK(!castssl_authority_read(&empty, &key, now, &authority, &findings));
	check_error(&findings, "certificate_parse", "\"empty.crt\" is empty");
}

static void
test_crl(const CastsslAuthority *authority)
{
	CastsslFindings findings = { 0 };
	EVP_PKEY *key = castssl_key_generate("ec:P-256", &findings);
	CastsslPem request = text_of("r.csr", castssl_request_make(key, "r", &no_names, &findings));
	CastsslPem revoked =
		text_of("revoked.crt",
				castssl_request_sign(&request, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings));
	CastsslCertificates list = { 0 };
	CastsslCertificates replaced = { 0 };
	CastsslPem file;
	const char *pem;
	CastsslRevocation revocations[] = { { NULL, now - 60, "keyCompromise" },
										{ "ff00", now - 120, "unspecified" },
										{ "01", now - 180, "certificateHold" } };

	text_of("good.crt",
			castssl_request_sign(&request, authority, now, DAY, CASTSSL_FOR_CLIENT, &findings));
	CHECK(castssl_certificates_read(revoked.data, revoked.length, "r", &list, &findings));
	revocations[0].serial = list.items[0].serial;
	text_of("our.crl",
			castssl_crl_make(authority, revocations, 3, 4711, now - 10, now + DAY, &findings));
	check_none(&findings);
	CHECK(succeeds("openssl verify -x509_strict -crl_check_all -CRLfile our.crl -CAfile ca.crt "
				   "good.crt"));
	CHECK(succeeds("openssl verify -crl_check -CRLfile our.crl -CAfile ca.crt revoked.crt 2>&1 | "
				   "grep 'certificate revoked'"));
	CHECK(succeeds("openssl crl -in our.crl -noout -text -CAfile ca.crt"));
	CHECK_STRING(certificates_command("openssl crl -in our.crl -noout -text | grep -A1 'Reason' | "
									  "grep -v Reason | tr -d ' \\n-'"),
				 "CertificateHoldKeyCompromise");
	CHECK_STRING(certificates_command("openssl crl -in our.crl -noout -crlnumber | tr -d 'x' | "
									  "sed 's/=0*/=/'"),
				 "crlNumber=1267");
	/* Our CRL in a file with others: the old one is replaced, the others stay. */
	file = text_of("file.crl", psprintf("%s%s%s", certificates_file("our.crl").data,
										certificates_file("root.crl").data,
										certificates_file("other.crl").data));
	pem = castssl_crl_make(authority, NULL, 0, 4712, now - 10, now + DAY, &findings);
	pem = castssl_crl_replace(file.data, file.length, authority->certificate, pem, &findings);
	CHECK(castssl_certificates_read(pem, strlen(pem), "file.crl", &replaced, &findings));
	CHECK_INT(replaced.count, 3);
	CHECK_STRING(replaced.items[0].issuer, "CN=Test Root,O=Test");
	CHECK_STRING(replaced.items[1].issuer, "CN=Other Root,O=Other");
	CHECK_STRING(replaced.items[2].serial, "1268");
	check_none(&findings);
	CHECK(castssl_crl_replace("x", 1, authority->certificate, pem, &findings) == NULL);
	check_error(&findings, "certificate_parse", "\"CRL file\" is not in PEM form");
	/* An empty CRL, and invalid entries. */
	text_of("none.crl", castssl_crl_make(authority, NULL, 0, 1, now, now + DAY, &findings));
	CHECK(succeeds("openssl verify -crl_check_all -CRLfile none.crl -CAfile ca.crt revoked.crt"));
	revocations[1].serial = "xyz";
	CHECK(castssl_crl_make(authority, revocations, 3, 2, now, now + DAY, &findings) == NULL);
	check_error(&findings, "crl", "could not add an entry to the CRL");
	revocations[0].reason = "removeFromCRL";
	CHECK(castssl_crl_make(authority, revocations, 1, 2, now, now + DAY, &findings) == NULL);
	check_error(&findings, "crl", "could not add an entry to the CRL");
	CHECK(castssl_is_revocation_reason("superseded") && !castssl_is_revocation_reason("boredom"));
}

/* The only name of a request whose subject has that CN, of that kind, and perhaps another part. */
static char *
only_name(int kind, const char *value, const char *organization)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(request);
	char *result;

	if (value)
		X509_NAME_add_entry_by_NID(name, NID_commonName, kind, (const unsigned char *) value, -1,
								   -1, 0);
	if (organization)
		X509_NAME_add_entry_by_NID(name, NID_organizationName, V_ASN1_UTF8STRING,
								   (const unsigned char *) organization, -1, -1, 0);
	result = castssl_request_only_name(request);
	CHECK(ERR_peek_error() == 0);
	X509_REQ_free(request);
	return result;
}

static void
test_only_name(void)
{
	CHECK_STRING(only_name(V_ASN1_UTF8STRING, "J\xC3\xB6rg", NULL), "J\xC3\xB6rg");
	CHECK_STRING(only_name(V_ASN1_PRINTABLESTRING, "alice", NULL), "alice");
	CHECK_STRING(only_name(V_ASN1_T61STRING, "alice", NULL), "alice");
	/* other bytes than the text has */
	CHECK_STRING(only_name(V_ASN1_T61STRING, "J\xF6rg", NULL), NULL);
	CHECK_STRING(only_name(V_ASN1_T61STRING, "J\xC3\xB6rg", NULL), NULL);
	CHECK_STRING(only_name(V_ASN1_BMPSTRING, "abcd", NULL), NULL);
	/* no text */
	CHECK_STRING(only_name(V_ASN1_UTF8STRING, "J\xF6rg", NULL), NULL);
	/* not the only part */
	CHECK_STRING(only_name(V_ASN1_UTF8STRING, "alice", "Test"), NULL);
	CHECK_STRING(only_name(V_ASN1_UTF8STRING, NULL, "Test"), NULL);
	CHECK_STRING(only_name(V_ASN1_UTF8STRING, NULL, NULL), NULL);
}

/* A CA without its private half of the key: the errors of OpenSSL become findings. */
static void
test_refusals_of_openssl(const CastsslAuthority *authority)
{
	CastsslFindings findings = { 0 };
	CastsslAuthority half = { authority->certificate, X509_get0_pubkey(authority->certificate) };
	EVP_PKEY *key = castssl_key_generate("ec:P-256", &findings);
	CastsslPem request = text_of("h.csr", castssl_request_make(key, "h", &no_names, &findings));

	check_none(&findings);
	CHECK(castssl_request_sign(&request, &half, now, DAY, CASTSSL_FOR_CLIENT, &findings) == NULL);
	check_error(&findings, "request", "could not sign the request");
	CHECK(castssl_crl_make(&half, NULL, 0, 1, now, now + DAY, &findings) == NULL);
	check_error(&findings, "crl", "could not make the CRL");
	CHECK(castssl_key_pem(half.key, NULL, &findings) == NULL);
	check_error(&findings, "key_write", "could not encode a private key");
	CHECK(castssl_pkcs12_make(key, authority->certificate, NULL, "x", "x", NULL, &findings) ==
		  NULL);
	check_error(&findings, "pkcs12", "could not make a PKCS#12 file");
}

/* The text of a key is wiped with its memory context. */
static void
test_secret_is_wiped(void)
{
	CastsslFindings findings = { 0 };
	EVP_PKEY *key = castssl_key_generate("ec:P-256", &findings);
	size_t length;
	const char *pem = castssl_key_pem(key, &length, &findings);
	size_t left = 0;

	CHECK(strncmp(pem, "-----BEGIN PRIVATE KEY-----", 27) == 0);
	castssl_openssl_release_all();
	for (size_t i = 0; i < length; i++)
		left += pem[i] != '\0';
	CHECK_INT(left, 0);
}

int
main(void)
{
	CastsslAuthority authority;

	certificates_make();
	now = time(NULL);
	test_key_type("rsa:2048", "RSA", "Digital Signature, Key Encipherment");
	test_key_type("rsa:3072", "RSA", "Digital Signature, Key Encipherment");
	test_key_type("ec:P-256", "EC", "Digital Signature");
	test_key_type("EC:p-384", "EC", "Digital Signature");
	test_key_type("ed25519", "ED25519", "Digital Signature");
	authority = make_ca("ec:P-384", 3650 * DAY);
	test_client_certificate(&authority);
	test_empty_subject(&authority);
	test_requests_of_openssl(&authority);
	test_forged_request(&authority);
	test_crl(&authority);
	test_refusals_of_openssl(&authority);
	test_only_name();
	test_bad_names();
	test_bad_authorities();
	test_secret_is_wiped();
	return check_summary();
}
