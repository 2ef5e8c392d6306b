/*
 * manifest.h
 *		Small state files: a line name = 'value' for each fact.
 */
#ifndef CASTSSL_CHANGE_MANIFEST_H
#define CASTSSL_CHANGE_MANIFEST_H

#include "lib/stringinfo.h"
#include "utils/guc.h"

/* Append name = 'value'; nothing where value is NULL.  Any bytes but NUL. */
extern void castssl_manifest_append(StringInfo text, const char *name, const char *value);

/* The same with a number. */
extern void castssl_manifest_append_number(StringInfo text, const char *name, int64 value);

/*
 * Read a file of such lines; NULL when it does not exist or is empty.  F0000
 * when it is not as castssl_manifest_append writes it.  Palloc'd.
 */
extern ConfigVariable *castssl_manifest_read(const char *path);

/* The last value of that name, NULL if there is none. */
extern const char *castssl_manifest_value(const ConfigVariable *manifest, const char *name);

/* The same as a number, 0 if there is none. */
extern int64 castssl_manifest_number(const ConfigVariable *manifest, const char *name);

#endif
