/*
 * certificate.c
 *		Facts of certificates and certificate revocation lists (RFC 5280).
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/stringinfo.h"
#include "base/grow.h"
#include "base/interrupts.h"
#include "base/words.h"
#include "tls/certificate.h"
#include "tls/instant.h"
#include "tls/openssl.h"
#include "tls/pem.h"
#include "tls/unread_key.h"

#define CHECK_NAME "certificate_parse"

static char *
print_name(const X509_NAME *name, unsigned long flags)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio == NULL || X509_NAME_print_ex(bio, name, 0, flags) < 0)
	{
		/* LCOV_EXCL_START: only out of memory */
		BIO_free(bio);
		return psprintf("(unreadable name: %s)", castssl_openssl_error());
		/* LCOV_EXCL_STOP */
	}
	return castssl_openssl_bytes(bio, NULL);
}

char *
castssl_name_rfc2253(const X509_NAME *name)
{
	char *text = print_name(name, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);

	/* A UTF8String may hold any bytes.  Invalid UTF-8 is shown escaped. */
	return castssl_is_utf8(text) ? text : castssl_name_ascii(name);
}

char *
castssl_name_ascii(const X509_NAME *name)
{
	return print_name(name, XN_FLAG_RFC2253);
}

char *
castssl_certificate_fingerprint(const X509 *x509)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	/*
	 * X509_digest() would search the library context that the certificate was read in:
	 * see unread_key.c
	 */
	if (!ASN1_item_digest(ASN1_ITEM_rptr(X509), EVP_sha256(), unconstify(X509 *, x509), digest,
						  &length))
		ERR_clear_error(); /* LCOV_EXCL_LINE: out of memory alone */
	return castssl_lower_hex(digest, length);
}

/* OpenSSL's form of a serial number, but in lower case. */
static char *
serial_text(const ASN1_INTEGER *serial)
{
	char *hex;

	if (serial == NULL)
		return NULL;
	hex = castssl_lower_hex(ASN1_STRING_get0_data(serial), ASN1_STRING_length(serial));
	return ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? psprintf("-%s", hex) : hex;
}

/* A dNSName may hold any bytes.  A zero byte in it must not end the string. */
static char *
dns_text(const ASN1_IA5STRING *name)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(name);
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < ASN1_STRING_length(name); i++)
	{
		if (bytes[i] <= ' ' || bytes[i] >= 0x7F || bytes[i] == '\\')
			appendStringInfo(&text, "\\%02x", bytes[i]);
		else
			appendStringInfoChar(&text, bytes[i]);
	}
	return text.data;
}

static void
read_alternative_names(CastsslCertificate *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate->x509, NID_subject_alt_name, NULL, NULL);
	int count;

	if (names == NULL)
	{
		ERR_clear_error();
		return;
	}
	castssl_adopt_names(names);
	count = sk_GENERAL_NAME_num(names);
	certificate->dns_names = palloc(count * sizeof(char *));
	certificate->ip_addresses = palloc(count * sizeof(CastsslIpAddress));
	for (int i = 0; i < count; i++)
	{
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			certificate->dns_names[certificate->ndns_names++] = dns_text(name->d.dNSName);
		else if (name->type == GEN_IPADD)
		{
			int length = ASN1_STRING_length(name->d.iPAddress);
			CastsslIpAddress *ip = &certificate->ip_addresses[certificate->nip_addresses];

			if (length != 4 && length != 16)
				continue;
			ip->family = length == 4 ? 4 : 6;
			memset(ip->address, 0, sizeof(ip->address));
			memcpy(ip->address, ASN1_STRING_get0_data(name->d.iPAddress), length);
			certificate->nip_addresses++;
		}
	}
}

static char *
object_text(const ASN1_OBJECT *object)
{
	char text[128];

	if (OBJ_obj2txt(text, sizeof(text), object, 0) <= 0)
		return pstrdup("unknown"); /* LCOV_EXCL_LINE: every algorithm has an object */
	return pstrdup(text);
}

static void
read_key_facts(CastsslCertificate *certificate)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate->x509);
	ASN1_OBJECT *algorithm = NULL;

	X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, X509_get_X509_PUBKEY(certificate->x509));
	switch (OBJ_obj2nid(algorithm))
	{
		case NID_rsaEncryption:
			certificate->key_algorithm = "RSA";
			break;
		case NID_rsassaPss:
			certificate->key_algorithm = "RSA-PSS";
			break;
		case NID_X9_62_id_ecPublicKey:
			certificate->key_algorithm = "EC";
			break;
		case NID_dsa:
			certificate->key_algorithm = "DSA";
			break;
		default: /* "ED25519", or the number of an algorithm that this OpenSSL does not know */
			certificate->key_algorithm = object_text(algorithm);
			break;
	}
	if (key != NULL)
		certificate->key_bits = EVP_PKEY_bits(key);
	/* OpenSSL 1.1.1 returns 253 for Ed25519, and for no other key */
	if (certificate->key_bits == 253)
		certificate->key_bits = 256; /* LCOV_EXCL_LINE */
	ERR_clear_error();
}

/*
 * Compare the key identifiers if the certificate has them.  RFC 5280, section 4.2.1.1, allows
 * only a self-signed certificate to omit the authority key identifier.  Without a subject key
 * identifier, verify the signature, unless facts_alone, because that is slow.
 */
static bool
is_self_signed(X509 *x509, bool facts_alone)
{
	const ASN1_OCTET_STRING *subject_key;
	const ASN1_OCTET_STRING *authority_key;

	if ((X509_get_extension_flags(x509) & EXFLAG_SI) == 0)
		return false;
	subject_key = X509_get0_subject_key_id(x509);
	authority_key = X509_get0_authority_key_id(x509);
	if (subject_key != NULL)
		return authority_key == NULL || ASN1_OCTET_STRING_cmp(subject_key, authority_key) == 0;
	if (facts_alone)
		return true;
	return castssl_openssl_is_signed_with(x509, X509_get0_pubkey(x509));
}

/* False when a date is unreadable.  OpenSSL counts that as an error, too. */
static bool
read_certificate(CastsslCertificate *certificate, bool facts_alone)
{
	X509 *x509 = certificate->x509;
	const X509_ALGOR *algorithm;
	uint32_t flags;

	certificate->subject = castssl_name_rfc2253(X509_get_subject_name(x509));
	certificate->issuer = castssl_name_rfc2253(X509_get_issuer_name(x509));
	certificate->serial = serial_text(X509_get0_serialNumber(x509));
	X509_get0_signature(NULL, &algorithm, x509);
	certificate->signature_algorithm = object_text(algorithm->algorithm);
	read_alternative_names(certificate);
	read_key_facts(certificate);
	certificate->self_signed = is_self_signed(x509, facts_alone);
	flags = X509_get_extension_flags(x509);
	certificate->is_ca =
		(flags & EXFLAG_CA) != 0 || ((flags & EXFLAG_V1) != 0 && certificate->self_signed);
	certificate->fingerprint = castssl_certificate_fingerprint(x509);
	ERR_clear_error();
	return castssl_asn1_seconds(X509_get0_notBefore(x509), &certificate->not_before) &&
		   castssl_asn1_seconds(X509_get0_notAfter(x509), &certificate->not_after);
}

static bool
read_crl(CastsslCertificate *certificate)
{
	X509_CRL *crl = certificate->crl;
	const X509_ALGOR *algorithm;
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	certificate->serial = serial_text(number);
	ASN1_INTEGER_free(number);
	certificate->issuer = castssl_name_rfc2253(X509_CRL_get_issuer(crl));
	X509_CRL_get0_signature(crl, NULL, &algorithm);
	certificate->signature_algorithm = object_text(algorithm->algorithm);
	X509_CRL_digest(crl, EVP_sha256(), digest, &length);
	certificate->fingerprint = castssl_lower_hex(digest, length);
	ERR_clear_error();
	certificate->not_after = PG_INT64_MAX;
	return castssl_asn1_seconds(X509_CRL_get0_lastUpdate(crl), &certificate->not_before) &&
		   (X509_CRL_get0_nextUpdate(crl) == NULL ||
			castssl_asn1_seconds(X509_CRL_get0_nextUpdate(crl), &certificate->not_after));
}

static bool
is_certificate_block(const char *name)
{
	return strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0 ||
		   strcmp(name, PEM_STRING_X509_TRUSTED) == 0;
}

/*
 * Decode one PEM block.  Returns 1 for a certificate or CRL, and stores it in "to"; 0
 * for another block; -1 for a broken block, with the error in OpenSSL's queue.
 */
static int
decode_block(const CastsslPemBlock *block, bool facts_alone, CastsslCertificate *to)
{
	const unsigned char *der = block->data;
	bool is_crl = strcmp(block->name, PEM_STRING_X509_CRL) == 0;

	if (!is_crl && !is_certificate_block(block->name))
		return 0;
	if (block->header != NULL && block->header[0] != '\0')
	{
		ERR_put_error(ERR_LIB_PEM, 0, PEM_R_NOT_PROC_TYPE, __FILE__, __LINE__);
		return -1;
	}
	if (is_crl)
		to->crl = d2i_X509_CRL(NULL, &der, block->length);
	else if (strcmp(block->name, PEM_STRING_X509_TRUSTED) == 0)
	{
		to->trusted = true;
		to->x509 = d2i_X509_AUX(NULL, &der, block->length);
	}
	else
	{
		to->x509 = facts_alone ? castssl_x509_without_key(block->data, block->length, &to->key_bits)
							   : NULL;
		if (to->x509 == NULL)
			to->x509 = d2i_X509(NULL, &der, block->length);
	}
	return to->crl != NULL || to->x509 != NULL ? 1 : -1;
}

static CastsslCertificate *
next_item(CastsslCertificates *certificates)
{
	CastsslCertificate *item;

	CASTSSL_GROW(certificates->items, certificates->count, certificates->capacity);
	item = &certificates->items[certificates->count];
	memset(item, 0, sizeof(*item));
	item->position = certificates->count + 1;
	return item;
}

static bool
broken(const CastsslPem *pem, int position, size_t offset, const char *reason,
	   CastsslFindings *findings)
{
	castssl_finding_add(findings, CASTSSL_ERROR, CHECK_NAME, pem->name,
						psprintf("could not read certificate %d of \"%s\"", position, pem->name),
						psprintf("The PEM block that begins in line %d is damaged or cut off: %s.",
								 castssl_pem_line(pem, offset), reason),
						"Copy the file again from its source, or ask the issuer for it.");
	return false;
}

static CastsslPemResult
next_block(const CastsslPem *pem, size_t *offset, CastsslPemBlock *block)
{
	castssl_let_interrupt();
	return castssl_pem_next(pem, offset, block);
}

static bool
read_all(const char *data, size_t length, const char *subject, bool facts_alone,
		 CastsslCertificates *certificates, CastsslFindings *findings)
{
	CastsslPem pem = { .name = subject, .data = data, .length = length };
	CastsslPemBlock block;
	CastsslPemResult result;
	size_t offset = 0;

	while ((result = next_block(&pem, &offset, &block)) == CASTSSL_PEM_BLOCK)
	{
		CastsslCertificate *item = next_item(certificates);
		int decoded = decode_block(&block, facts_alone, item);

		castssl_pem_block_free(&block);
		castssl_adopt_x509(item->x509);
		castssl_adopt_crl(item->crl);
		if (decoded == 0)
			continue;
		if (decoded < 0)
			return broken(&pem, item->position, block.offset, castssl_openssl_error(), findings);
		if (!(item->crl ? read_crl(item) : read_certificate(item, facts_alone)))
			return broken(&pem, item->position, block.offset, "a date in it is invalid", findings);
		if (facts_alone)
			item->x509 = NULL;
		certificates->count++;
	}
	if (result == CASTSSL_PEM_BROKEN && castssl_pem_explain_line_breaks(&pem, CHECK_NAME, findings))
	{
		ERR_clear_error();
		return false;
	}
	if (result == CASTSSL_PEM_BROKEN)
		return broken(&pem, certificates->count + 1, block.offset, castssl_openssl_error(),
					  findings);
	if (certificates->count == 0)
	{
		castssl_pem_explain(&pem, CHECK_NAME, "certificate", findings);
		return false;
	}
	return true;
}

bool
castssl_certificates_read(const char *data, size_t length, const char *subject,
						  CastsslCertificates *certificates, CastsslFindings *findings)
{
	return read_all(data, length, subject, false, certificates, findings);
}

bool
castssl_certificates_read_facts(const char *data, size_t length, const char *subject,
								CastsslCertificates *certificates, CastsslFindings *findings)
{
	return read_all(data, length, subject, true, certificates, findings);
}

const CastsslCertificate *
castssl_certificates_first(const CastsslCertificates *certificates)
{
	for (int i = 0; i < certificates->count; i++)
	{
		if (certificates->items[i].crl == NULL)
			return &certificates->items[i];
	}
	return NULL;
}

int
castssl_certificates_with_key(const CastsslCertificates *certificates, EVP_PKEY *key)
{
	for (int i = 0; i < certificates->count; i++)
	{
		X509 *x509 = certificates->items[i].x509;

		if (x509 && castssl_openssl_has_key(x509, key))
			return i + 1;
	}
	return 0;
}

bool
castssl_certificates_read_first(const char *data, size_t length, const char *subject,
								CastsslCertificate *certificate, CastsslFindings *findings)
{
	CastsslCertificates certificates = { 0 };
	const CastsslCertificate *first;

	if (!castssl_certificates_read(data, length, subject, &certificates, findings))
		return false;
	first = castssl_certificates_first(&certificates);
	if (first == NULL)
	{
		castssl_finding_add(findings, CASTSSL_ERROR, CHECK_NAME, subject,
							psprintf("\"%s\" holds no certificate", subject),
							"It holds only certificate revocation lists.", NULL);
		return false;
	}
	*certificate = *first;
	return true;
}

char *
castssl_name_slashes(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());

	for (int i = 0; bio && i < X509_NAME_entry_count(name); i++)
	{
		X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		const char *field = nid == NID_undef ? NULL : OBJ_nid2sn(nid);

		if (field == NULL)
			field = OBJ_nid2ln(nid);
		BIO_printf(bio, "/%s=", field);
		ASN1_STRING_print_ex(bio, X509_NAME_ENTRY_get_data(entry),
							 (ASN1_STRFLGS_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) |
								 ASN1_STRFLGS_UTF8_CONVERT);
	}
	return bio ? castssl_openssl_bytes(bio, NULL) : pstrdup("");
}

/* Does this slash begin an attribute of a name, "/CN="? */
static bool
begins_part(const char *slash)
{
	size_t length = strcspn(slash + 1, "/=");
	char *field;
	bool known;

	if (slash[1 + length] != '=')
		return false;
	field = pnstrdup(slash + 1, length);
	known = OBJ_sn2nid(field) != NID_undef || OBJ_ln2nid(field) != NID_undef;
	pfree(field);
	return known;
}

char *
castssl_name_slashes_cn(const char *name)
{
	const char *found = NULL;
	const char *end = NULL;

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
	{
		if (!begins_part(slash))
			continue;
		if (found && end == NULL)
			end = slash;
		if (strncmp(slash, "/CN=", 4) != 0)
			continue;
		if (found)
			return NULL;
		found = slash + 4;
	}
	if (found == NULL)
		return pstrdup("");
	if (end == NULL)
		end = found + strlen(found);
	return memchr(found, '\\', end - found) ? NULL : pnstrdup(found, end - found);
}
