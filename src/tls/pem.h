/*
 * pem.h
 *		PEM texts: their blocks, and what is wrong with a text without the expected
 *		block.
 *
 * The reader is OpenSSL's own, the same as in the server.  So both agree on what is
 * read and what is skipped: text around blocks, CRLF and, since OpenSSL 3.0, a
 * byte-order mark.
 */
#ifndef CASTSSL_TLS_PEM_H
#define CASTSSL_TLS_PEM_H

#include "base/finding.h"

/* A PEM text, and a name for messages. data NULL: there is no text. */
typedef struct CastsslPem
{
	const char *name; /* file name; without a dot and a slash: the text is no file */
	const char *data;
	size_t length;
	bool in_memory; /* a file of that name does not contain this text, or does not exist */
} CastsslPem;

typedef struct CastsslPemBlock
{
	char *name;          /* "CERTIFICATE", ... */
	char *header;        /* "Proc-Type: 4,ENCRYPTED..." or "" */
	unsigned char *data; /* DER, unless the header says that it is encrypted */
	long length;
	size_t offset; /* of its BEGIN line in the text */
} CastsslPemBlock;

typedef enum CastsslPemResult
{
	CASTSSL_PEM_BLOCK,
	CASTSSL_PEM_END,
	CASTSSL_PEM_BROKEN /* the error is in OpenSSL's queue, block->offset is set */
} CastsslPemResult;

/*
 * Read the first block at or after *offset, and move *offset to its end.  The block is in
 * OpenSSL's memory and may be a private key.  Call castssl_pem_block_free, which wipes it,
 * before anything that may raise an error.
 */
extern CastsslPemResult castssl_pem_next(const CastsslPem *pem, size_t *offset,
										 CastsslPemBlock *block);
extern void castssl_pem_block_free(CastsslPemBlock *block);

/*
 * The name of the file with this text, for a statement or command that reads it again; NULL: the
 * text is no file.
 */
extern const char *castssl_pem_file(const CastsslPem *pem);

/* The number, from 1, of the line that contains an offset. */
extern int castssl_pem_line(const CastsslPem *pem, size_t offset);

/* Does the text begin with a UTF-8 byte-order mark? */
extern bool castssl_pem_has_bom(const CastsslPem *pem);

/*
 * Is this a PEM file as programs write them?  It must have a block whose label ends in kind
 * ("CERTIFICATE", "PRIVATE KEY", "X509 CRL").  Each line that begins with "-----BEGIN " must
 * begin a whole block: BEGIN and END alone on their lines, optional headers, and lines of at most
 * 76 characters of base64.  Other text may stand between blocks.  OpenSSL accepts more: also a
 * block in one long line, which can be a comment in a file of another kind.
 */
extern bool castssl_pem_is_written_so(const CastsslPem *pem, const char *kind);

/*
 * A new PEM text with only the certificates, CRLs, private keys and EC parameters of a text,
 * without other blocks and without text between blocks.  NULL if it has none of them; NULL and
 * an error finding ("pem") if a block is broken.  Palloc'd; wiped with the memory context
 * (castssl_openssl_secret).
 */
extern char *castssl_pem_blocks(const CastsslPem *pem, size_t *length, CastsslFindings *findings);

/* Is it the label of a private key: "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY"? */
extern bool castssl_pem_is_key_label(const char *label, size_t length);

/*
 * Does a line contain a BEGIN mark and other text?  Then adds an error finding with a hint how to
 * repair it.
 */
extern bool castssl_pem_explain_line_breaks(const CastsslPem *pem, const char *check,
											CastsslFindings *findings);

/* A hint how to remove a byte-order mark; NULL: the file's name is not castssl_is_pasteable(). */
extern const char *castssl_pem_bom_hint(const CastsslPem *pem);

/*
 * Add the error finding for a text that has no wanted block ("certificate", "private key"): it
 * is empty, DER, UTF-16, another kind of PEM, or no PEM at all.
 */
extern void castssl_pem_explain(const CastsslPem *pem, const char *check, const char *wanted,
								CastsslFindings *findings);

#endif
