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
	const char *name; /* file name; without a dot or slash: a text that is no file */
	const char *data;
	size_t length;
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
 * Read the first block at or after *offset, and move *offset behind it.  Call
 * castssl_pem_block_free before anything that may raise an error: the block is OpenSSL's
 * memory and may be a private key, which is wiped.
 */
extern CastsslPemResult castssl_pem_next(const CastsslPem *pem, size_t *offset,
										 CastsslPemBlock *block);
extern void castssl_pem_block_free(CastsslPemBlock *block);

/* The number, from 1, of the line that contains an offset. */
extern int castssl_pem_line(const CastsslPem *pem, size_t offset);

/* Does the text begin with a UTF-8 byte-order mark? */
extern bool castssl_pem_has_bom(const CastsslPem *pem);

/*
 * Is this a PEM file that a program wrote as such?  It has a block whose label ends in kind
 * ("CERTIFICATE", "PRIVATE KEY", "X509 CRL"), and each line that begins with "-----BEGIN "
 * begins a block in lines of its own: BEGIN and END alone on their lines, and at most 76
 * characters of base64 in each between, below the headers of an encrypted key.  Other
 * text may be above and between blocks.  OpenSSL reads more: a block in one long line, which
 * a file of another kind can hold as a comment.
 */
extern bool castssl_pem_is_written_so(const CastsslPem *pem, const char *kind);

/*
 * The certificates, CRLs and private keys of a text alone, written anew: nothing that stands
 * around them, no block of another kind.  NULL if it has none of them.  NULL and an error
 * finding ("pem") if a block is broken.  Palloc'd, and wiped later like a secret.
 */
extern char *castssl_pem_blocks(const CastsslPem *pem, size_t *length, CastsslFindings *findings);

/*
 * Is there a line that begins a block and holds something else as well?  Then add the error
 * finding that says so, and how to repair it.
 */
extern bool castssl_pem_explain_line_breaks(const CastsslPem *pem, const char *check,
											CastsslFindings *findings);

/*
 * Add the error finding for a text without any "wanted" block ("certificate", "private
 * key"): it is empty, DER, UTF-16, another kind of PEM, or no PEM at all.
 */
extern void castssl_pem_explain(const CastsslPem *pem, const char *check, const char *wanted,
								CastsslFindings *findings);

#endif
