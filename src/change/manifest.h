/*
 * manifest.h
 *		Small state files: one line name = 'value' for each fact.
 */
#ifndef CASTSSL_CHANGE_MANIFEST_H
#define CASTSSL_CHANGE_MANIFEST_H

#include "lib/stringinfo.h"
#include "utils/guc.h"

/*
 * Since 0.2.0 a state file begins with a line for its version and ends with the SHA-256
 * of all bytes above that line.  So a file that was cut or edited is never believed.  A
 * file without a version is one of 0.1.0, and stays readable.
 */

/* An empty state file of this version, to append to. */
extern void castssl_manifest_begin(StringInfo text);

/* Append name = 'value'; nothing where value is NULL.  Any bytes but NUL. */
extern void castssl_manifest_append(StringInfo text, const char *name, const char *value);

/* As above, with a number. */
extern void castssl_manifest_append_number(StringInfo text, const char *name, int64 value);

/* Complete the file with its hash: nothing is appended after that. */
extern void castssl_manifest_seal(StringInfo text);

/* castssl_manifest_seal, and replace the file durably.  Keys never go into one. */
extern void castssl_manifest_write(const char *path, StringInfo text);

/*
 * Read a state file, without its version and hash; NULL when it does not exist.
 * F0000 when it is empty, cut, edited, or no regular file; 42501 when another account than the
 * server's owns it or one of its folders up to pg_castssl, or can write there; hint says how to go
 * on without it.  Palloc'd.
 */
extern ConfigVariable *castssl_manifest_read(const char *path, const char *hint);

/* The last value of that name, NULL if there is none. */
extern const char *castssl_manifest_value(const ConfigVariable *manifest, const char *name);

/* As above for a number, 0 if there is none. */
extern int64 castssl_manifest_number(const ConfigVariable *manifest, const char *name);

#endif
