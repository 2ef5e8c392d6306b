/*
 * pem.c
 *		PEM texts: their blocks, and what is wrong with a text without the expected
 *		block.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "lib/stringinfo.h"
#include "base/interrupts.h"
#include "base/words.h"
#include "tls/encryption.h"
#include "tls/openssl.h"
#include "tls/pem.h"
#include "tls/repair.h"

#define BEGIN_MARK "-----BEGIN "

/*
 * The first "-----BEGIN " at the start of a line at or after offset; the end of the text
 * if there is none.
 */
static size_t
find_begin(const CastsslPem *pem, size_t offset)
{
	const size_t mark = strlen(BEGIN_MARK);

	for (size_t i = offset; i + mark <= pem->length; i++)
	{
		const char *newline;

		if (memcmp(pem->data + i, BEGIN_MARK, mark) == 0)
			return i;
		newline = memchr(pem->data + i, '\n', pem->length - i);
		if (newline == NULL)
			break;
		i = newline - pem->data;
	}
	return pem->length;
}

CastsslPemResult
castssl_pem_next(const CastsslPem *pem, size_t *offset, CastsslPemBlock *block)
{
	size_t left = Min(pem->length - *offset, INT_MAX);
	BIO *bio;
	int ok;

	memset(block, 0, sizeof(*block));
	if (left == 0)
		return CASTSSL_PEM_END;
	block->offset = find_begin(pem, *offset);
	ERR_clear_error();
	bio = BIO_new_mem_buf(pem->data + *offset, (int) left);
	if (bio == NULL)
		return CASTSSL_PEM_BROKEN; /* LCOV_EXCL_LINE: out of memory */
	ok = PEM_read_bio(bio, &block->name, &block->header, &block->data, &block->length);
	*offset += left - BIO_pending(bio);
	BIO_free(bio);
	if (ok)
		return CASTSSL_PEM_BLOCK;
	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
	{
		ERR_clear_error();
		return CASTSSL_PEM_END;
	}
	return CASTSSL_PEM_BROKEN;
}

void
castssl_pem_block_free(CastsslPemBlock *block)
{
	OPENSSL_free(block->name);
	OPENSSL_free(block->header);
	OPENSSL_clear_free(block->data, block->length);
	block->name = block->header = NULL;
	block->data = NULL;
}

const char *
castssl_pem_file(const CastsslPem *pem)
{
	return !pem->in_memory && strpbrk(pem->name, "./") ? pem->name : NULL;
}

int
castssl_pem_line(const CastsslPem *pem, size_t offset)
{
	int line = 1;

	for (size_t i = 0; i < offset && i < pem->length; i++)
	{
		if (pem->data[i] == '\n')
			line++;
	}
	return line;
}

bool
castssl_pem_has_bom(const CastsslPem *pem)
{
	return pem->length >= 3 && memcmp(pem->data, "\xEF\xBB\xBF", 3) == 0;
}

/*
 * Set *line to the line at *offset, and *offset to the next line.  Returns its length without
 * the line end and blanks at its end.
 */
static size_t
cut_line(const CastsslPem *pem, size_t *offset, const char **line)
{
	const char *start = pem->data + *offset;
	const char *end = memchr(start, '\n', pem->length - *offset);
	size_t length = end ? (size_t) (end - start) : pem->length - *offset;

	*offset += length + (end != NULL);
	*line = start;
	while (length > 0 && strchr(" \t\r", start[length - 1]) && start[length - 1] != '\0')
		length--;
	return length;
}

/* Does the line consist of mark, a label, and five hyphens?  Then sets *label. */
static bool
read_mark(const char *line, size_t length, const char *mark, const char **label,
		  size_t *label_length)
{
	size_t n = strlen(mark);

	if (length < n + 5 || memcmp(line, mark, n) != 0 || memcmp(line + length - 5, "-----", 5) != 0)
		return false;
	*label = line + n;
	*label_length = length - n - 5;
	return true;
}

static bool
is_base64(const char *line, size_t length)
{
	if (length == 0 || length > 76)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		char c = line[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			  c == '+' || c == '/' || c == '='))
			return false;
	}
	return true;
}

/*
 * Move *offset to the line after the block with that label, from the line after its BEGIN line.
 * False if this is no such block.
 */
static bool
skip_block(const CastsslPem *pem, size_t *offset, const char *label, size_t label_length)
{
	bool headers = true;
	int lines = 0;

	while (*offset < pem->length)
	{
		const char *line;
		size_t length = cut_line(pem, offset, &line);
		const char *end;
		size_t end_length;

		if (read_mark(line, length, "-----END ", &end, &end_length))
			return lines > 0 && end_length == label_length && memcmp(end, label, label_length) == 0;
		if (headers && length < 76 && (length == 0 || memchr(line, ':', length) != NULL))
		{
			headers = length > 0;
			continue;
		}
		headers = false;
		if (!is_base64(line, length))
			return false;
		lines++;
	}
	return false;
}

bool
castssl_pem_is_written_so(const CastsslPem *pem, const char *kind)
{
	const size_t mark = strlen(BEGIN_MARK);
	const size_t suffix = strlen(kind);
	bool found = false;
	size_t offset = 0;

	while (offset < pem->length)
	{
		const char *line;
		size_t length = cut_line(pem, &offset, &line);
		const char *label;
		size_t label_length;

		castssl_let_interrupt();
		if (length < mark || memcmp(line, BEGIN_MARK, mark) != 0)
			continue;
		if (!read_mark(line, length, BEGIN_MARK, &label, &label_length) ||
			!skip_block(pem, &offset, label, label_length))
			return false;
		found |= label_length >= suffix && memcmp(label + label_length - suffix, kind, suffix) == 0;
	}
	return found;
}

bool
castssl_pem_is_key_label(const char *label, size_t length)
{
	const char *suffix = "PRIVATE KEY";
	size_t n = strlen(suffix);

	return length >= n && memcmp(label + length - n, suffix, n) == 0;
}

/*
 * Is it a certificate, a CRL, a private key or EC parameters?  Blocks with other labels or other
 * headers may contain any text.
 */
static bool
is_known_block(const CastsslPemBlock *block)
{
	static const char *const names[] = { PEM_STRING_X509,         PEM_STRING_X509_OLD,
										 PEM_STRING_X509_TRUSTED, PEM_STRING_X509_CRL,
										 PEM_STRING_PKCS8INF,     PEM_STRING_PKCS8,
										 PEM_STRING_RSA,          PEM_STRING_ECPRIVATEKEY,
										 PEM_STRING_DSA,          PEM_STRING_ECPARAMETERS };
	static const char encrypted[] = "Proc-Type: 4,ENCRYPTED\nDEK-Info: ";
	const char *info;

	if (strncmp(block->header, encrypted, strlen(encrypted)) == 0)
	{
		info = block->header + strlen(encrypted);
		if (strcmp(info + strspn(info, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-,"), "\n") != 0)
			return false;
	}
	else if (block->header[0] != '\0')
		return false;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(block->name, names[i]) == 0)
			return true;
	}
	return false;
}

static void
explain_broken_block(const CastsslPem *pem, size_t offset, CastsslFindings *findings)
{
	castssl_finding_add(
		findings, CASTSSL_ERROR, "pem", pem->name,
		psprintf("a PEM block of \"%s\" cannot be read: %s", pem->name, castssl_openssl_error()),
		psprintf("It begins in line %d.", castssl_pem_line(pem, offset)),
		"Get the file again from where it came from.");
}

char *
castssl_pem_blocks(const CastsslPem *pem, size_t *length, CastsslFindings *findings)
{
	BIO *bio = BIO_new(BIO_s_mem());
	CastsslPemResult result;
	CastsslPemBlock block;
	size_t offset = 0;
	bool any = false;
	bool written = bio != NULL;

	while ((result = castssl_pem_next(pem, &offset, &block)) == CASTSSL_PEM_BLOCK)
	{
		if (written && is_known_block(&block))
		{
			any = true;
			written = PEM_write_bio(bio, block.name, block.header, block.data, block.length) > 0;
		}
		castssl_pem_block_free(&block);
	}
	if (result == CASTSSL_PEM_BROKEN || !written)
		explain_broken_block(pem, block.offset, findings);
	else if (any)
		return castssl_openssl_secret(bio, length);
	BIO_free_all(bio); /* which wipes it */
	return NULL;
}

/*
 * The hint "what: command"; each %s in the command is the file's name.  A command that may write
 * a private key by a redirection begins with umask 077.  NULL: the text is no file, or the
 * file's name is not castssl_is_pasteable().
 */
static const char *
by_command(const char *what, const char *command, const CastsslPem *pem)
{
	const char *file = castssl_pem_file(pem);

	return file ? castssl_hint_with(psprintf("%s: %s", what, command), castssl_shell_word(file))
				: NULL;
}

/* The hint "what: statement"; NULL if statement is NULL. */
static const char *
by_statement(const char *what, const char *statement)
{
	return statement ? psprintf("%s: %s", what, statement) : NULL;
}

/* Note that the hint of the last finding writes NAME.pem, as all statements of repair.h do. */
static void
note_repaired(const CastsslPem *pem, CastsslFindings *findings)
{
	const char *file = castssl_pem_file(pem);

	if (file != NULL)
		castssl_finding_repairs(findings, psprintf("%s.pem", file), NULL);
}

/*
 * Could the text contain a private key?  Then no hint is a statement: everybody can read the
 * files that COPY writes.  NUL bytes are skipped, because in UTF-16 every second byte is one.
 */
static bool
may_hold_key(const CastsslPem *pem)
{
	const char *mark = "PRIVATE KEY";
	size_t found = 0;

	for (size_t i = 0; i < pem->length && mark[found] != '\0'; i++)
	{
		if (pem->data[i] == mark[found])
			found++;
		else if (pem->data[i] != '\0')
			found = pem->data[i] == mark[0];
	}
	return mark[found] == '\0';
}

const char *
castssl_pem_bom_hint(const CastsslPem *pem)
{
	const char *file = castssl_pem_file(pem);

	if (file == NULL)
		return "Give the text without it.";
	return may_hold_key(pem) ? by_command("Remove it", "(umask 077; tail -c +4 %s > %s.pem)", pem)
							 : by_statement("Remove it", castssl_repair_bom(file));
}

#define PKCS12 "a PKCS#12 file"

/*
 * What a text in DER form contains; NULL if it is not DER. *hint converts it to PEM.  It makes two
 * files of a PKCS#12 file, because everybody can often read files of certificates.
 */
static const char *
der_content(const CastsslPem *pem, const char **hint)
{
	const unsigned char *start = (const unsigned char *) pem->data;
	long length = pem->length > LONG_MAX ? LONG_MAX : (long) pem->length;
	const char *file = castssl_pem_file(pem);
	const char *content = NULL;
	const unsigned char *p;
	void *object;

	if (length < 2 || start[0] != 0x30)
		return NULL;
	if ((p = start, object = d2i_X509(NULL, &p, length)) != NULL)
	{
		X509_free(object);
		content = "a certificate";
		*hint = by_statement("Convert it", castssl_repair_der(file, PEM_STRING_X509));
	}
	else if ((p = start, object = d2i_X509_CRL(NULL, &p, length)) != NULL)
	{
		X509_CRL_free(object);
		content = "a certificate revocation list";
		*hint = by_statement("Convert it", castssl_repair_der(file, PEM_STRING_X509_CRL));
	}
	else if ((p = start, object = d2i_PKCS12(NULL, &p, length)) != NULL)
	{
		const char *legacy = castssl_encryption_is_legacy_pkcs12(start, length) ? " -legacy" : "";

		PKCS12_free(object);
		content = PKCS12;
		*hint = by_command("Make two files of it",
						   psprintf("openssl pkcs12%s -in %%s -nokeys -out %%s.crt && openssl "
									"pkcs12%s -in %%s -nocerts -nodes -out %%s.key",
									legacy, legacy),
						   pem);
	}
	else if ((p = start, object = d2i_PKCS7(NULL, &p, length)) != NULL)
	{
		PKCS7_free(object);
		content = "a PKCS#7 file";
		*hint = by_command("Convert it",
						   "openssl pkcs7 -inform der -print_certs -in %s -out %s.pem", pem);
	}
	else if ((p = start, object = d2i_AutoPrivateKey(NULL, &p, length)) != NULL)
	{
		EVP_PKEY_free(object);
		content = "a private key";
		*hint = by_command("Convert it", "openssl pkey -inform der -in %s -out %s.pem", pem);
	}
	ERR_clear_error();
	return content;
}

/*
 * A command that repairs PEM blocks whose line breaks are written as \n or \r\n, are blanks, or
 * are missing, or whose lines begin with blanks.
 */
#define ADD_LINE_BREAKS                                                                            \
	"(umask 077; awk '{gsub(/\\\\r|\\\\n|\\r/, \" \"); "                                           \
	"gsub(/-----(BEGIN|END) [A-Z0-9 ]*-----/, \"\\n&\\n\"); print}' "                              \
	"%s | sed '/-----/!s/[[:space:]]//g; /^$/d' | fold -w 64 > %s.pem)"

/* Does the line contain a BEGIN mark and other text? */
static bool
holds_more_than_mark(const char *line, size_t length)
{
	const size_t mark = strlen(BEGIN_MARK);

	for (size_t i = 0; i + mark <= length; i++)
	{
		if (memcmp(line + i, BEGIN_MARK, mark) != 0)
			continue;
		/* the label ends at the first hyphen, and the line must end five bytes later */
		for (size_t end = i + mark; end < length; end++)
		{
			if (line[end] == '-')
				return i > 0 || length > end + 5;
		}
		return false;
	}
	return false;
}

bool
castssl_pem_explain_line_breaks(const CastsslPem *pem, const char *check, CastsslFindings *findings)
{
	size_t offset = 0;

	while (offset < pem->length)
	{
		const char *line;
		size_t length = cut_line(pem, &offset, &line);

		if (!holds_more_than_mark(line, length))
			continue;
		castssl_finding_add(
			findings, CASTSSL_ERROR, check, pem->name,
			psprintf("line breaks are missing in \"%s\"", pem->name),
			"\"-----BEGIN ...-----\" must stand in a line of its own, and so must "
			"\"-----END ...-----\"; the base64 text between them has lines of 64 characters.",
			castssl_pem_file(pem) == NULL
				? "Give the text with its line breaks, as the file has them."
			: may_hold_key(pem)
				? by_command("Put them back", ADD_LINE_BREAKS, pem)
				: by_statement("Put them back", castssl_repair_line_breaks(castssl_pem_file(pem))));
		note_repaired(pem, findings);
		return true;
	}
	return false;
}

/* Explain a text that has PEM blocks, but none of the expected kind; name and offset: the first. */
static void
explain_other_blocks(const CastsslPem *pem, const char *check, const char *wanted, const char *name,
					 size_t offset, CastsslFindings *findings)
{
	const char *hint = NULL;

	if (strcmp(name, PEM_STRING_PKCS7) == 0)
		hint = castssl_pem_file(pem)
				   ? by_command("Convert it", "openssl pkcs7 -print_certs -in %s -out %s.pem", pem)
				   : "Give the certificates that openssl pkcs7 -print_certs makes of it.";
	else if (strstr(name, "REQUEST") != NULL)
		hint = "A request is what a CA makes a certificate from: name the file that it sent back.";
	else
		hint = castssl_hint_naming("Name the file that holds the %s instead.", wanted);
	castssl_finding_add(findings, CASTSSL_ERROR, check, pem->name,
						psprintf("\"%s\" holds no %s", pem->name, wanted),
						psprintf("The first PEM block in it is \"%s\", in line %d.", name,
								 castssl_pem_line(pem, offset)),
						hint);
	if (strcmp(name, PEM_STRING_PKCS7) == 0)
		note_repaired(pem, findings);
}

static bool
has_begin(const CastsslPem *pem)
{
	static const char begin[] = "-----BEGIN ";
	size_t length = strlen(begin);

	for (size_t i = 0; i + length <= pem->length; i++)
	{
		if (memcmp(pem->data + i, begin, length) == 0)
			return true;
	}
	return false;
}

void
castssl_pem_explain(const CastsslPem *pem, const char *check, const char *wanted,
					CastsslFindings *findings)
{
	const char *name = pem->name;
	const char *file = castssl_pem_file(pem);
	const char *message = psprintf("\"%s\" is not in PEM form", name);
	const char *detail =
		"No line of it begins with \"-----BEGIN \", as the server's PEM reader expects.";
	const char *hint = file ? "Get the file in PEM form: a text that has \"-----BEGIN \" in a line."
							: "Give the text of a file in PEM form, with its \"-----BEGIN \" line.";
	const char *content = NULL;
	bool repaired = true;
	CastsslPemBlock block;
	size_t offset = 0;
	size_t blank = 0;

	if (castssl_pem_next(pem, &offset, &block) == CASTSSL_PEM_BLOCK)
	{
		char other[64];

		strlcpy(other, block.name, sizeof(other));
		castssl_pem_block_free(&block);
		explain_other_blocks(pem, check, wanted, other, block.offset, findings);
		return;
	}
	ERR_clear_error();
	while (blank < pem->length && strchr(" \t\r\n", pem->data[blank]) && pem->data[blank])
		blank++;
	if (blank == pem->length)
	{
		message = psprintf("\"%s\" is empty", name);
		detail = psprintf("A %s in PEM form was expected.", wanted);
		hint = "Get the file again from where it came from.";
		repaired = false;
	}
	else if ((content = der_content(pem, &hint)) != NULL)
	{
		message = psprintf("\"%s\" is in DER form", name);
		detail = psprintf("It is %s in binary form; the server reads PEM only.", content);
	}
	else if (pem->length >= 2 &&
			 (memcmp(pem->data, "\xFF\xFE", 2) == 0 || memcmp(pem->data, "\xFE\xFF", 2) == 0))
	{
		message = psprintf("\"%s\" is UTF-16 text", name);
		hint =
			may_hold_key(pem)
				? by_command("Convert it", "(umask 077; iconv -f UTF-16 -t ASCII %s > %s.pem)", pem)
				: by_statement("Convert it", castssl_repair_utf16(file, pem->data[0] == '\xFE'));
	}
	else if (castssl_pem_has_bom(pem) && has_begin(pem))
	{
		/* test this before line breaks, or the byte-order mark would count as text before BEGIN */
		message = psprintf("\"%s\" begins with a byte-order mark", name);
		detail = "OpenSSL before 3.0 passes over a PEM block that has one.";
		hint = castssl_pem_bom_hint(pem);
	}
	else if (castssl_pem_explain_line_breaks(pem, check, findings))
		return;
	else
		repaired = false;
	castssl_finding_add(findings, CASTSSL_ERROR, check, name, message, detail, hint);
	if (content && strcmp(content, PKCS12) == 0 && file)
		castssl_finding_repairs(findings, psprintf("%s.crt", file), psprintf("%s.key", file));
	else if (repaired)
		note_repaired(pem, findings);
}
