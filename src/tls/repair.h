/*
 * repair.h
 *		Statements that write certificates and CRLs as PEM files that the server can read.
 *
 * They are for hints: a server on Windows has no programs that could do this.  A statement writes
 * NAME.pem beside the file NAME.  Everybody can read what COPY writes, so do not use it for a file
 * with a private key.  Results are palloc'd; NULL if name is NULL (the text is no file) or not
 * castssl_is_pasteable().
 */
#ifndef CASTSSL_TLS_REPAIR_H
#define CASTSSL_TLS_REPAIR_H

/* From DER form; label: the label of the PEM block, such as "CERTIFICATE". */
extern char *castssl_repair_der(const char *name, const char *label);

/* From UTF-16 with a byte-order mark. */
extern char *castssl_repair_utf16(const char *name, bool big_endian);

/* From UTF-8 with a byte-order mark. */
extern char *castssl_repair_bom(const char *name);

/* From PEM whose line breaks are written as \n or \r\n, are blanks, or are missing. */
extern char *castssl_repair_line_breaks(const char *name);

/* From "TRUSTED CERTIFICATE": without the trust settings that OpenSSL adds to the certificate. */
extern char *castssl_repair_trusted(const char *name);

/* The certificate at that position (tls/certificate.h) first, then the others in their order. */
extern char *castssl_repair_first(const char *name, int position);

/*
 * An SQL expression, for an argument of castssl_install(): the text of the file's blocks at these
 * positions, in this order.
 */
extern char *castssl_repair_ordered_text(const char *name, const int *positions, int count);

/*
 * An SQL expression: the text of the file's certificates and CRLs without the one with that
 * fingerprint (tls/certificate.h).
 */
extern char *castssl_repair_text_without(const char *name, const char *fingerprint);

/* An SQL expression: the text of the file without its private keys. */
extern char *castssl_repair_text_without_keys(const char *name);

#endif
