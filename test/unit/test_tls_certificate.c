/*
 * test_tls_certificate.c
 *		Every fact we read of a certificate or CRL, against what openssl prints.
 */
#include "postgres_fe.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "check.h"
#include "certificates.h"
#include "facts.h"
#include "lib/stringinfo.h"
#include "tls/certificate.h"
#include "tls/instant.h"
#include "tls/judge.h"
#include "tls/openssl.h"

static const char *const files[] = {
	"server.crt",    "rsa2048.crt", "rsa3072.crt",   "rsapss.crt",      "p384.crt",
	"ed25519.crt",   "rsa1024.crt", "p192.crt",      "sha1.crt",        "expired.crt",
	"future.crt",    "y2049.crt",   "y2050.crt",     "y9999.crt",       "nosan.crt",
	"wildcard.crt",  "ip.crt",      "othername.crt", "caleaf.crt",      "selfca.crt",
	"self.crt",      "utf8.crt",    "multi.crt",     "emptyname.crt",   "serial.crt",
	"negative.crt",  "zero.crt",    "v1.crt",        "root.crt",        "inter.crt",
	"root-sha1.crt", "crlf.crt",    "trailing.crt",  "text.crt",        "trusted.crt",
	"combined.pem",  "chain.crt",   "pathlen0.crt",  "root-nosign.crt", "client.crt",
	"dsa.crt",
};

/* castssl_certificates_read_facts gives the same facts, and no X509 handle. */
static void
check_facts_alone(const CastsslPem *pem, const CastsslCertificates *list,
				  const CastsslFindings *findings)
{
	CastsslCertificates facts = { 0 };
	CastsslFindings found = { 0 };

	CHECK(castssl_certificates_read_facts(pem->data, pem->length, pem->name, &facts, &found) ==
		  (found.count == 0));
	CHECK_INT(facts.count, list->count);
	for (int i = 0; i < Min(facts.count, list->count); i++)
	{
		CHECK(facts.items[i].x509 == NULL);
		/* it verifies no signature */
		CHECK(facts.items[i].self_signed >= list->items[i].self_signed);
		facts.items[i].self_signed = list->items[i].self_signed;
		CHECK(facts.items[i].is_ca >= list->items[i].is_ca);
		facts.items[i].is_ca = list->items[i].is_ca;
	}
	CHECK_STRING(facts_text(&facts, &found), facts_text(list, findings));
	CHECK((castssl_certificates_first(&facts) == NULL) ==
		  (castssl_certificates_first(list) == NULL));
}

static CastsslCertificates
read_file(const char *name)
{
	CastsslPem pem = certificates_file(name);
	CastsslCertificates list = { 0 };
	CastsslFindings findings = { 0 };

	if (!CHECK(castssl_certificates_read(pem.data, pem.length, name, &list, &findings)))
		printf("  in %s: %s\n", name, findings.items[0].message);
	CHECK_INT(findings.count, 0);
	check_facts_alone(&pem, &list, &findings);
	return list;
}

static char *
address_text(const CastsslIpAddress *ip)
{
	const uint8 *a = ip->address;

	if (ip->family == 4)
		return psprintf("%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
	return psprintf("%X:%X:%X:%X:%X:%X:%X:%X", a[0] << 8 | a[1], a[2] << 8 | a[3], a[4] << 8 | a[5],
					a[6] << 8 | a[7], a[8] << 8 | a[9], a[10] << 8 | a[11], a[12] << 8 | a[13],
					a[14] << 8 | a[15]);
}

/* Our facts in the form that the shell commands below print. */
static char *
our_facts(const CastsslCertificate *c)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "subject=%s\nissuer=%s\nserial=%s\nfrom=%lld\nuntil=%lld\nsha256=%s\n",
					 c->subject, c->issuer, c->serial, (long long) c->not_before,
					 (long long) c->not_after, c->fingerprint);
	appendStringInfo(&text, "signature=%s\n", c->signature_algorithm);
	appendStringInfo(&text, "key=%s\n", c->key_algorithm);
	/* openssl prints no key size for Ed25519; 1.1.1 prints none for DSA */
	if (strcmp(c->key_algorithm, "ED25519") != 0 && strcmp(c->key_algorithm, "DSA") != 0)
		appendStringInfo(&text, "bits=%d\n", c->key_bits);
	appendStringInfo(&text, "ca=%d\n", c->is_ca);
	for (int i = 0; i < c->ndns_names; i++)
		appendStringInfo(&text, "DNS:%s\n", c->dns_names[i]);
	for (int i = 0; i < c->nip_addresses; i++)
		appendStringInfo(&text, "IP Address:%s\n", address_text(&c->ip_addresses[i]));
	return text.data;
}

static char *
their_facts(const char *file)
{
	static const char *const script =
		"x() { openssl x509 -in %s -noout \"$@\"; }\n"
		"seconds() { date -u -d \"$1\" +%%s; }\n"
		"text=$(x -text)\n"
		"x -subject -issuer -nameopt RFC2253,-esc_msb | sed 's/= */=/'\n"
		"x -serial | tr A-F a-f\n"
		"echo from=$(seconds \"$(x -startdate | sed 's/.*=//')\")\n"
		"echo until=$(seconds \"$(x -enddate | sed 's/.*=//')\")\n"
		"x -fingerprint -sha256 | tr -d : | tr A-F a-f | sed 's/.*=/sha256=/'\n"
		"echo \"$text\" | sed -n 's/^ *Signature Algorithm: */signature=/p' | head -n 1\n"
		"echo \"$text\" | sed -n 's/^ *Public Key Algorithm: */key=/p' |"
		" sed 's/=dsaEncryption/=DSA/; s/=rsaEncryption/=RSA/; s/=rsassaPss/=RSA-PSS/; "
		"s/=id-ecPublicKey/=EC/'\n"
		"echo \"$text\" | grep -q dsaEncryption ||"
		" echo \"$text\" | sed -n 's/.*Public-Key: (\\([0-9]*\\) bit.*/bits=\\1/p'\n"
		"echo ca=$(echo \"$text\" | grep -c CA:TRUE)\n"
		"echo \"$text\" | grep -A1 'Subject Alternative Name' | tail -n +2 | tr , '\\n' |"
		" sed -n 's/^ *\\(DNS:.*\\)/\\1/p'\n"
		"echo \"$text\" | grep -A1 'Subject Alternative Name' | tail -n +2 | tr , '\\n' |"
		" sed -n 's/^ *\\(IP Address:.*\\)/\\1/p'\n"
		"true\n";

	return psprintf("%s\n", certificates_command(psprintf(script, file)));
}

static void
test_against_openssl(void)
{
	for (int i = 0; i < lengthof(files); i++)
	{
		CastsslCertificates list = read_file(files[i]);

		if (CHECK(list.count > 0) &&
			!CHECK_STRING(our_facts(&list.items[0]), their_facts(files[i])))
			printf("  in %s\n", files[i]);
	}
}

static void
test_crl_against_openssl(const char *file)
{
	static const char *const script =
		"x() { openssl crl -in %s -noout \"$@\"; }\n"
		"seconds() { date -u -d \"$1\" +%%s; }\n"
		"x -issuer -nameopt RFC2253,-esc_msb | sed 's/= */=/'\n"
		"x -crlnumber | tr A-F a-f | sed 's/.*=\\(0x\\)*/number=/'\n"
		"echo from=$(seconds \"$(x -lastupdate | sed 's/.*=//')\")\n"
		"echo until=$(seconds \"$(x -nextupdate | sed 's/.*=//')\")\n"
		"x -fingerprint -sha256 | tr -d : | tr A-F a-f | sed 's/.*=/sha256=/'\n"
		"x -text | sed -n 's/^ *Signature Algorithm: */signature=/p' | head -n 1\n";
	CastsslCertificates list = read_file(file);
	const CastsslCertificate *c = &list.items[0];

	CHECK_STRING(psprintf("issuer=%s\nnumber=%s\nfrom=%lld\nuntil=%lld\nsha256=%s\nsignature=%s",
						  c->issuer, c->serial, (long long) c->not_before, (long long) c->not_after,
						  c->fingerprint, c->signature_algorithm),
				 certificates_command(psprintf(script, file)));
	CHECK(c->crl != NULL && c->x509 == NULL && c->subject == NULL && c->key_algorithm == NULL);
}

/* Both ways of reading give the same result for a certificate with any one byte changed. */
static void
test_damaged(void)
{
	static const char *const names[] = { "rsa2048.crt", "server.crt", "ed25519.crt", "rsapss.crt" };
	static const unsigned char flips[] = { 0x80, 0x20 };

	for (int i = 0; i < lengthof(names); i++)
	{
		CastsslPem pem = certificates_file(names[i]);
		CastsslPemBlock block;
		size_t offset = 0;

		if (!CHECK_INT(castssl_pem_next(&pem, &offset, &block), CASTSSL_PEM_BLOCK))
			continue;
		for (long at = 0; at < block.length; at++)
		{
			for (int flip = 0; flip < lengthof(flips); flip++)
			{
				BIO *bio = BIO_new(BIO_s_mem());
				CastsslPem damaged = { .name = psprintf("%s byte %ld ^ %02x", names[i], at,
														flips[flip]) };
				CastsslCertificates list = { 0 };
				CastsslFindings findings = { 0 };

				block.data[at] ^= flips[flip];
				PEM_write_bio(bio, block.name, "", block.data, block.length);
				block.data[at] ^= flips[flip];
				damaged.data = castssl_openssl_bytes(bio, &damaged.length);
				castssl_certificates_read(damaged.data, damaged.length, damaged.name, &list,
										  &findings);
				check_facts_alone(&damaged, &list, &findings);
				castssl_openssl_release_all();
			}
		}
		castssl_pem_block_free(&block);
	}
}

static void
test_single_facts(void)
{
	CastsslCertificates nul = read_file("nul.crt");
	CastsslCertificates y9999 = read_file("y9999.crt");
	CastsslCertificates empty = read_file("emptyname.crt");
	CastsslCertificates utf8 = read_file("utf8.crt");

	CHECK_STRING(read_file("nonumber.crl").items[0].serial, NULL);
	CHECK_INT(nul.items[0].ndns_names, 2);
	CHECK_STRING(nul.items[0].dns_names[0], "db.example.com\\00.evil.org");
	CHECK_STRING(nul.items[0].dns_names[1], "a\\5cb");
	CHECK_INT(nul.items[0].nip_addresses, 0);
	CHECK_STRING(castssl_name_slashes(X509_get_subject_name(utf8.items[0].x509)),
				 "/C=DE/O=Käse \\\"GmbH\\\"\\, Münster/CN=日本");
	CHECK(y9999.items[0].not_after == INT64CONST(253402300799));
	CHECK(y9999.items[0].not_before == INT64CONST(-631152000));
	CHECK_STRING(empty.items[0].subject, "");
	CHECK_STRING(utf8.items[0].subject, "CN=日本,O=Käse \\\"GmbH\\\"\\, Münster,C=DE");
	CHECK(read_file("bare.crt").items[0].self_signed);
	CHECK(read_file("root.crt").items[0].self_signed);
	CHECK(read_file("self.crt").items[0].self_signed);
	CHECK(!read_file("inter.crt").items[0].self_signed);
	CHECK(!read_file("server.crt").items[0].self_signed);
}

/* Names are always valid UTF-8.  OpenSSL refuses files with others, but a newer one may not. */
static void
test_names_that_are_not_utf8(void)
{
	static const char *const bytes[] = { "\xff",         "a\xc3",    "\xe2\x82",
										 "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80" };
	static const char *const texts[] = { "CN=\\FF",         "CN=a\\C3",    "CN=\\E2\\82",
										 "CN=\\ED\\A0\\80", "CN=\\C0\\80", "CN=\\F4\\90\\80\\80" };

	for (int i = 0; i < lengthof(bytes); i++)
	{
		X509_NAME *name = X509_NAME_new();

		X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
								   (const unsigned char *) bytes[i], -1, -1, 0);
		CHECK_STRING(castssl_name_rfc2253(name), texts[i]);
		X509_NAME_free(name);
	}
}

/* An attribute that OpenSSL has no name for. */
static void
test_unknown_attribute(void)
{
	X509_NAME *name = X509_NAME_new();
	ASN1_OBJECT *attribute = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);

	X509_NAME_add_entry_by_OBJ(name, attribute, V_ASN1_UTF8STRING, (const unsigned char *) "x", -1,
							   -1, 0);
	CHECK_STRING(castssl_name_slashes(name), "/undefined=x");
	ASN1_OBJECT_free(attribute);
	X509_NAME_free(name);
}

/* The CN in the form with slashes, which does not mark where a value ends. */
static void
test_common_names(void)
{
	CHECK_STRING(castssl_name_slashes_cn("/CN=alice"), "alice");
	CHECK_STRING(castssl_name_slashes_cn("/C=DE/O=Test/CN=alice/emailAddress=a@b"), "alice");
	CHECK_STRING(castssl_name_slashes_cn("/CN=al/ice"), "al/ice");
	CHECK_STRING(castssl_name_slashes_cn("/CN=al/ice=x/O=Test"), "al/ice=x");
	CHECK_STRING(castssl_name_slashes_cn("/CN=HTTP/db.example.com/OU=x"), "HTTP/db.example.com");
	CHECK_STRING(castssl_name_slashes_cn("/CN=/O=Test"), "");
	CHECK_STRING(castssl_name_slashes_cn("/O=Test"), "");
	CHECK_STRING(castssl_name_slashes_cn("/O=a/b"), "");
	CHECK_STRING(castssl_name_slashes_cn(""), "");
	/* ambiguous: one of them may be a part of another value */
	CHECK(castssl_name_slashes_cn("/O=x/CN=alice/CN=bob") == NULL);
	CHECK(castssl_name_slashes_cn("/CN=a\\,b") == NULL);
	CHECK_STRING(castssl_name_slashes_cn("/CN=ab/O=a\\,b"), "ab");
}

/* A bundle gives every certificate and CRL, in order; other blocks are skipped. */
static void
test_bundles(void)
{
	CastsslCertificates list = read_file("chain-root.crt");
	const char *const subjects[] = { "CN=db.example.com", "CN=Test Intermediate 2,O=Test",
									 "CN=Test Intermediate,O=Test", "CN=Test Root,O=Test" };

	CHECK_INT(list.count, 4);
	for (int i = 0; i < list.count; i++)
	{
		CHECK_INT(list.items[i].position, i + 1);
		CHECK_STRING(list.items[i].subject, subjects[i]);
	}
	list = read_file("ca-with-crl.crt");
	CHECK_INT(list.count, 2);
	CHECK(list.items[0].x509 != NULL && list.items[1].crl != NULL);
	CHECK_INT(list.items[1].position, 2);
	list = read_file("ca-with-key.crt");
	CHECK_INT(list.count, 1);
	if (system("for i in $(seq 250); do cat chain-root.crt; done > thousand.crt") != 0)
		CHECK(false);
	CHECK_INT(read_file("thousand.crt").count, 1000);
}

static void
check_message(const char *file, const char *message, const char *hint)
{
	CastsslPem pem = certificates_file(file);
	CastsslCertificates list = { 0 };
	CastsslFindings findings = { 0 };

	CHECK(!castssl_certificates_read(pem.data, pem.length, file, &list, &findings));
	CHECK_INT(findings.count, 1);
	CHECK_STRING(findings.items[0].message, message);
	CHECK_STRING(findings.items[0].hint, hint);
	CHECK_STRING(findings.items[0].subject, file);
	CHECK(findings.items[0].detail != NULL);
	check_facts_alone(&pem, &list, &findings);
}

/* The first certificate of a text, and a finding where it holds only CRLs. */
static void
test_first(void)
{
	CastsslPem server = certificates_file("server.crt");
	CastsslPem crl = certificates_file("root.crl");
	CastsslCertificates list = { 0 };
	CastsslCertificate first;
	CastsslFindings findings = { 0 };

	CHECK(castssl_certificates_read(server.data, server.length, "server.crt", &list, &findings));
	CHECK(castssl_certificates_read_first(server.data, server.length, "server.crt", &first,
										  &findings));
	CHECK_STRING(first.fingerprint, list.items[0].fingerprint);
	CHECK_INT(findings.count, 0);
	CHECK(!castssl_certificates_read_first(crl.data, crl.length, "root.crl", &first, &findings));
	CHECK_INT(findings.count, 1);
	CHECK_STRING(findings.items[0].message, "\"root.crl\" holds no certificate");
}

static void
test_messages(void)
{
	const char *again = "Copy the file again from its source, or ask the issuer for it.";

	check_message("empty.crt", "\"empty.crt\" is empty",
				  "Get the file again from where it came from.");
	check_message("blank.crt", "\"blank.crt\" is empty",
				  "Get the file again from where it came from.");
	check_message("garbage.crt", "\"garbage.crt\" is not in PEM form",
				  "Get the file in PEM form: a text that has \"-----BEGIN \" in a line.");
	check_message("der.crt", "\"der.crt\" is in DER form",
				  "Convert it: COPY (SELECT unnest(ARRAY['-----BEGIN CERTIFICATE-----'] || "
				  "string_to_array(encode(pg_read_binary_file('der.crt'), 'base64'), E'\\n') || "
				  "ARRAY['-----END CERTIFICATE-----'])) TO 'der.crt.pem';");
	check_message("der.crl", "\"der.crl\" is in DER form",
				  "Convert it: COPY (SELECT unnest(ARRAY['-----BEGIN X509 CRL-----'] || "
				  "string_to_array(encode(pg_read_binary_file('der.crl'), 'base64'), E'\\n') || "
				  "ARRAY['-----END X509 CRL-----'])) TO 'der.crl.pem';");
	check_message(
		"pkcs12.crt", "\"pkcs12.crt\" is in DER form",
		"Make two files of it: openssl pkcs12 -in pkcs12.crt -nokeys -out pkcs12.crt.crt && "
		"openssl pkcs12 -in pkcs12.crt -nocerts -nodes -out pkcs12.crt.key");
	check_message("pkcs7.crt", "\"pkcs7.crt\" holds no certificate",
				  "Convert it: openssl pkcs7 -print_certs -in pkcs7.crt -out pkcs7.crt.pem");
	check_message("utf16.crt", "\"utf16.crt\" is UTF-16 text",
				  "Convert it: COPY (SELECT regexp_split_to_table(convert_from(decode("
				  "regexp_replace(encode(substr(pg_read_binary_file('utf16.crt'), 3), 'hex'), "
				  "'(..)00', '\\1', 'g'), 'hex'), 'SQL_ASCII'), E'\\r?\\n')) TO "
				  "'utf16.crt.pem';");
	check_message("server.key", "\"server.key\" holds no certificate",
				  "Name the file that holds the certificate instead.");
	check_message("server.csr", "\"server.csr\" holds no certificate",
				  "A request is what a CA makes a certificate from: name the file that it sent "
				  "back.");
	check_message("zero-text.crt", "\"zero-text.crt\" is not in PEM form",
				  "Get the file in PEM form: a text that has \"-----BEGIN \" in a line.");
	check_message("pkcs7-der.crt", "\"pkcs7-der.crt\" is in DER form",
				  "Convert it: openssl pkcs7 -inform der -print_certs -in pkcs7-der.crt -out "
				  "pkcs7-der.crt.pem");
	check_message("header.crt", "could not read certificate 1 of \"header.crt\"", again);
	check_message("baddate.crt", "could not read certificate 1 of \"baddate.crt\"", again);
	check_message("truncated.crt", "could not read certificate 1 of \"truncated.crt\"", again);
	check_message("base64.crt", "could not read certificate 1 of \"base64.crt\"", again);
	check_message("asn1.crt", "could not read certificate 1 of \"asn1.crt\"", again);
	check_message("truncated-second.crt",
				  "could not read certificate 2 of \"truncated-second.crt\"", again);
}

/* Only the key is encrypted: its cipher says whether openssl needs -legacy. */
static void
test_pkcs12_with_open_certificate(void)
{
	static const struct
	{
		const char *cipher;
		const char *legacy;
	} cases[] = {
		{ "AES-256-CBC", "" },
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
		{ "PBE-SHA1-RC2-40", " -legacy" },
#endif
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		certificates_command(
			psprintf("openssl pkcs12 -export%s -in server.crt -inkey server.key -certpbe NONE "
					 "-keypbe %s -passout pass:secret -out open.p12",
					 cases[i].legacy, cases[i].cipher));
		check_message("open.p12", "\"open.p12\" is in DER form",
					  psprintf("Make two files of it: openssl pkcs12%s -in open.p12 -nokeys -out "
							   "open.p12.crt && openssl pkcs12%s -in open.p12 -nocerts -nodes -out "
							   "open.p12.key",
							   cases[i].legacy, cases[i].legacy));
	}
}

/* The only finding of a text; the name is that of a file or of a parameter. */
static CastsslFinding
finding_of(const char *name, const char *text)
{
	CastsslCertificates list = { 0 };
	CastsslFindings findings = { 0 };

	CHECK(!castssl_certificates_read(text, strlen(text), name, &list, &findings));
	CHECK_INT(findings.count, 1);
	CHECK(ERR_peek_error() == 0);
	return findings.items[0];
}

/* Line breaks are lost only in the second certificate; then in a text with a byte-order mark. */
static void
test_lost_line_breaks(void)
{
	char *whole = pstrdup(certificates_file("server.crt").data);
	char *one_line = pstrdup(whole);
	CastsslFinding finding;

	for (char *c = one_line; *c != '\0'; c++)
		*c = *c == '\n' ? ' ' : *c;
	finding =
		finding_of("lost.crt", psprintf("%s-----BEGIN CERTIFICATE-----\n%s", whole, one_line));
	CHECK_STRING(finding.message, "line breaks are missing in \"lost.crt\"");
	CHECK(strncmp(finding.hint, "Put them back: COPY (SELECT ", 28) == 0);
	finding = finding_of("bom.crt", psprintf("\xEF\xBB\xBF%s", one_line));
	CHECK_STRING(finding.message, "\"bom.crt\" begins with a byte-order mark");
	CHECK(strncmp(finding.hint, "Remove it: COPY (SELECT ", 24) == 0);
	finding = finding_of("certificate", psprintf("\xEF\xBB\xBF%s", one_line));
	CHECK_STRING(finding.hint, "Give the text without it.");
	/* then its line breaks are the next thing */
	finding = finding_of("certificate", one_line);
	CHECK_STRING(finding.hint, "Give the text with its line breaks, as the file has them.");
}

/* Each day of the calendar there and back, and as text. */
static void
test_instants(void)
{
	int64 seconds = INT64CONST(-2208988800);
	ASN1_TIME *early = ASN1_TIME_new();
	int wrong = 0;

	CHECK_STRING(castssl_instant_text(seconds), "1900-01-01 00:00:00 UTC");
	CHECK_STRING(castssl_instant_text(0), "1970-01-01 00:00:00 UTC");
	CHECK_STRING(castssl_instant_text(-1), "1969-12-31 23:59:59 UTC");
	CHECK_STRING(castssl_instant_text(951782400), "2000-02-29 00:00:00 UTC");
	CHECK_STRING(castssl_instant_text(INT64CONST(4107542400)), "2100-03-01 00:00:00 UTC");
	CHECK_STRING(castssl_instant_text(INT64CONST(253402300799)), "9999-12-31 23:59:59 UTC");
	CHECK_STRING(castssl_instant_text(PG_INT64_MAX), "9999-12-31 23:59:59 UTC");
	CHECK_STRING(castssl_instant_text(PG_INT64_MIN), "1900-01-01 00:00:00 UTC");
	for (; seconds < INT64CONST(253402300800); seconds += 86400 * 13 + 3607)
	{
		ASN1_TIME *time = castssl_asn1_time(seconds);
		int64 back = 0;

		if (!castssl_asn1_seconds(time, &back) || back != seconds)
			wrong++;
		ASN1_TIME_free(time);
	}
	CHECK_INT(wrong, 0);
	CHECK(!castssl_asn1_seconds(NULL, &seconds));
	CHECK(ASN1_TIME_set_string(early, "00010101000000Z"));
	CHECK(castssl_asn1_seconds(early, &seconds) && seconds == INT64CONST(-62135596800));
	ASN1_TIME_free(early);
}

static bool
written_so(const char *text, const char *kind)
{
	CastsslPem pem = { .name = "x", .data = text, .length = strlen(text) };

	return castssl_pem_is_written_so(&pem, kind);
}

static void
test_written_so(void)
{
	const char *good = "-----BEGIN CERTIFICATE-----\nTUlJ\nQg==\n-----END CERTIFICATE-----\n";
	char *line = psprintf("-----BEGIN CERTIFICATE-----\n%0*d\n-----END CERTIFICATE-----\n", 77, 0);

	CHECK(written_so(good, "CERTIFICATE"));
	CHECK(!written_so(good, "PRIVATE KEY"));
	CHECK(!written_so("", "CERTIFICATE"));
	CHECK(
		written_so(psprintf("Certificate:\n    Data: %0*d\n%s\nsubject=x\n%s", 300, 0, good, good),
				   "CERTIFICATE"));
	CHECK(
		written_so("-----BEGIN X509 CERTIFICATE-----\r\nTUlJ\r\n-----END X509 CERTIFICATE-----\r\n",
				   "CERTIFICATE"));
	CHECK(written_so(
		"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nTUlJ\n"
		"-----END EC PRIVATE KEY-----",
		"PRIVATE KEY"));
	/* lines that are too long, or BEGIN and END not alone on their lines */
	CHECK(!written_so(line, "CERTIFICATE"));
	CHECK(!written_so("# -----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n",
					  "CERTIFICATE"));
	CHECK(!written_so("-----BEGIN CERTIFICATE----- # x\nTUlJ\n-----END CERTIFICATE-----\n",
					  "CERTIFICATE"));
	CHECK(
		!written_so("-----BEGIN CERTIFICATE-----\nlocal all all trust\n-----END CERTIFICATE-----\n",
					"CERTIFICATE"));
	CHECK(!written_so("-----BEGIN CERTIFICATE-----\nTUlJ\n-----END PRIVATE KEY-----\n",
					  "CERTIFICATE"));
	CHECK(!written_so("-----BEGIN CERTIFICATE-----\nTUlJ\n", "CERTIFICATE"));
	CHECK(!written_so("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "CERTIFICATE"));
	CHECK(!written_so(psprintf("%s-----BEGIN x", good), "CERTIFICATE"));
}

/* castssl_pem_blocks of a text; NULL: none.  *findings is the number of findings. */
static char *
blocks_of(const char *text, int *findings)
{
	CastsslPem pem = { .name = "x", .data = text, .length = strlen(text) };
	CastsslFindings found = { 0 };
	size_t length = 0;
	char *blocks = castssl_pem_blocks(&pem, &length, &found);

	*findings = found.count;
	CHECK_INT(length, blocks ? (int) strlen(blocks) : 0);
	return blocks;
}

/* Only certificates, CRLs and keys are left of a text, unchanged. */
static void
test_blocks(void)
{
	static const char key[] = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
							  "DEK-Info: AES-128-CBC,00\n\nTUlJ\n-----END EC PRIVATE KEY-----\n";
	static const char certificate[] =
		"-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n";
	int findings;

	CHECK_STRING(
		blocks_of(psprintf("local all all trust\n%s# text\r\n%shost", certificate, key), &findings),
		psprintf("%s%s", certificate, key));
	CHECK_STRING(
		blocks_of("-----BEGIN CERTIFICATE-----\r\nTUlJ\r\n-----END CERTIFICATE-----", &findings),
		certificate);
	/* blocks with other labels or headers, which could contain any text */
	CHECK_STRING(blocks_of(psprintf("-----BEGIN all all trust-----\nTUlJ\n-----END all all "
									"trust-----\n%s",
									certificate),
						   &findings),
				 certificate);
	CHECK(blocks_of("-----BEGIN PRIVATE KEY-----\nlocal all all trust: x\n\nTUlJ\n"
					"-----END PRIVATE KEY-----\n",
					&findings) == NULL);
	CHECK(blocks_of("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
					"DEK-Info: AES-128-CBC,00 local all all trust\n\nTUlJ\n"
					"-----END EC PRIVATE KEY-----\n",
					&findings) == NULL);
	CHECK(blocks_of("no PEM at all", &findings) == NULL);
	CHECK_INT(findings, 0);
	CHECK(blocks_of(psprintf("%s-----BEGIN CERTIFICATE-----\nTUlJ\n", certificate), &findings) ==
		  NULL);
	CHECK_INT(findings, 1);
}

/* The item must expire soon that many seconds before its end, and not yet one second earlier. */
static void
check_soon(int64 lifetime, int64 warning, bool is_crl, int64 before)
{
	X509_CRL *crl = X509_CRL_new();
	CastsslCertificate item = { .not_before = 1000,
								.not_after = 1000 + lifetime,
								.crl = is_crl ? crl : NULL };

	CHECK(castssl_expires_soon(&item, item.not_after - before, warning));
	CHECK(!castssl_expires_soon(&item, item.not_after - before - 1, warning));
	X509_CRL_free(crl);
}

/* castssl_expires_soon, to the second. */
static void
test_expires_soon(void)
{
	const int64 day = 24 * 60 * 60;
	CastsslCertificate endless = { .not_after = PG_INT64_MAX };

	/* a third of the lifetime, at most castssl.expiry_warning */
	check_soon(365 * day, 30 * day, false, 30 * day);
	check_soon(90 * day, 30 * day, false, 30 * day);
	check_soon(90 * day, 60 * day, false, 30 * day);
	check_soon(89 * day, 30 * day, false, 89 * day / 3);
	check_soon(30 * day, 30 * day, true, 10 * day);
	check_soon(365 * day, 7 * day, false, 7 * day);
	/* of seven days: a CRL expires soon in the last third, a certificate in the last three days */
	check_soon(7 * day, 30 * day, true, 7 * day / 3);
	check_soon(7 * day, 30 * day, false, 3 * day);
	check_soon(9 * day, 30 * day, false, 3 * day);
	check_soon(9 * day + 3, 30 * day, false, 3 * day + 1);
	/* a CRL of one day, which is made every night */
	check_soon(day, 30 * day, true, 8 * 60 * 60);
	check_soon(day / 2, 30 * day, true, day / 4);
	/* castssl.expiry_warning is 0 */
	check_soon(7 * day, 0, false, 0);
	CHECK(!castssl_expires_soon(&endless, PG_INT64_MAX, 30 * day));
}

int
main(void)
{
	test_expires_soon();
	test_written_so();
	test_blocks();
	certificates_make();
	test_against_openssl();
	test_crl_against_openssl("root.crl");
	test_crl_against_openssl("stale.crl");
	test_crl_against_openssl("inter.crl");
	test_single_facts();
	test_damaged();
	test_names_that_are_not_utf8();
	test_unknown_attribute();
	test_common_names();
	test_bundles();
	test_messages();
	test_pkcs12_with_open_certificate();
	test_lost_line_breaks();
	test_first();
	test_instants();
	return check_summary();
}
