/*
 * manifest.h
 *		Small state files: one line name = 'value' for each fact.
 */
#ifndef CASTSSL_CHANGE_MANIFEST_H
#define CASTSSL_CHANGE_MANIFEST_H

#include "lib/stringinfo.h"
#include "utils/guc.h"

/*
 * Since 0.2.0 a state file begins with a line for its version.  It ends with a line for the
 * SHA-256 of all bytes above that line, so a file that was cut or edited is refused.  A file
 * without a version is one of 0.1.0, and can still be read.
 */

/* Initialize text as an empty state file of the current version. */
extern void castssl_manifest_begin(StringInfo text);

/* Append name = 'value'; nothing if value is NULL.  The value may have any bytes but NUL. */
extern void castssl_manifest_append(StringInfo text, const char *name, const char *value);

/* As above, with a number. */
extern void castssl_manifest_append_number(StringInfo text, const char *name, int64 value);

/* Complete the file with its hash.  Append nothing after that. */
extern void castssl_manifest_seal(StringInfo text);

/* castssl_manifest_seal, and replace the file durably.  It must not contain keys. */
extern void castssl_manifest_write(const char *path, StringInfo text);

/*
 * Read a state file, without its version and hash; NULL if it does not exist.  Palloc'd.  F0000
 * if it is empty, cut, edited, or no regular file.  42501 if another account than the server's
 * owns it or one of its folders up to pg_castssl, or can write to one of them. hint is the HINT
 * of these errors.
 */
extern ConfigVariable *castssl_manifest_read(const char *path, const char *hint);

/* The last value of that name, NULL if there is none. */
extern const char *castssl_manifest_value(const ConfigVariable *manifest, const char *name);

/* As above for a number, 0 if there is none. */
extern int64 castssl_manifest_number(const ConfigVariable *manifest, const char *name);

#endif
