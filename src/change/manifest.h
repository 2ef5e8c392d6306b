/*
 * manifest.h
 *		Small state files: one line name = 'value' for each fact.
 */
#ifndef CASTSSL_CHANGE_MANIFEST_H
#define CASTSSL_CHANGE_MANIFEST_H

#include "lib/stringinfo.h"
#include "utils/guc.h"

/* Append name = 'value'; nothing if value is NULL.  The value may contain any bytes except NUL. */
extern void castssl_manifest_append(StringInfo text, const char *name, const char *value);

/* As above, with a number. */
extern void castssl_manifest_append_number(StringInfo text, const char *name, int64 value);

/*
 * Read a file of such lines; NULL if it does not exist or is empty.  F0000 if it is not
 * in the form of castssl_manifest_append.  Palloc'd.
 */
extern ConfigVariable *castssl_manifest_read(const char *path);

/* The last value of that name, NULL if there is none. */
extern const char *castssl_manifest_value(const ConfigVariable *manifest, const char *name);

/* As above for a number, 0 if there is none. */
extern int64 castssl_manifest_number(const ConfigVariable *manifest, const char *name);

#endif
