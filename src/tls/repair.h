/*
 * repair.h
 *		Statements that write a certificate or CRL as a PEM file, for hints: a server on Windows
 *		has none of the programs that could.
 *
 * Each makes NAME.pem beside the file NAME (palloc'd), and others can read what COPY writes: they
 * are for no file with a private key.  NULL: it is no file, or its name is not to be pasted.
 */
#ifndef CASTSSL_TLS_REPAIR_H
#define CASTSSL_TLS_REPAIR_H

/* Is it the name of a file, which can be converted?  Texts have the names of arguments. */
extern bool castssl_repair_is_file(const char *name);

/* From DER form; label: what stands behind BEGIN, such as "CERTIFICATE". */
extern char *castssl_repair_der(const char *name, const char *label);

/* From UTF-16 with a byte-order mark. */
extern char *castssl_repair_utf16(const char *name, bool big_endian);

/* From UTF-8 with a byte-order mark. */
extern char *castssl_repair_bom(const char *name);

#endif
