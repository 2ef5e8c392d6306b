/*
 * names.h
 *		Names as numbers, and what the words of a rule's lists mean as keys.
 *
 * Two policies that are compared share one CastsslHbaNames, so that equal names
 * have equal numbers.
 */
#ifndef CASTSSL_HBA_ACCESS_NAMES_H
#define CASTSSL_HBA_ACCESS_NAMES_H

#include "base/ints.h"
#include "hba/text/rule.h"

struct castssl_names_hash;

typedef struct CastsslHbaNames
{
	const char **items;
	int count;
	int capacity;
	struct castssl_names_hash *hash;
} CastsslHbaNames;

/* Kinds of keys, in the lowest three bits; above them the number of the name. */
typedef enum CastsslHbaKeyKind
{
	CASTSSL_KEY_ALL,
	CASTSSL_KEY_NAME,
	CASTSSL_KEY_GROUP, /* users only */
	CASTSSL_KEY_REGEXP,
	CASTSSL_KEY_SAMEUSER, /* from here on databases only */
	CASTSSL_KEY_SAMEROLE,
	CASTSSL_KEY_REPLICATION
} CastsslHbaKeyKind;

#define CASTSSL_KEY(kind, name) ((int) (kind) | (name) << 3)
#define CASTSSL_KEY_KIND(key) ((CastsslHbaKeyKind) ((key) &7))
#define CASTSSL_KEY_NAME_OF(key) ((key) >> 3)

/* The number of a name; -1 if it is not there and may not be added.  The string is kept. */
extern int castssl_hba_names_number(CastsslHbaNames *names, const char *name, bool add);

/* A name that is not there: the stem, with as many _ behind it as it takes. */
extern const char *castssl_hba_unmentioned(CastsslHbaNames *names, const char *stem);

/*
 * Set keys to those of a list, each once and ascending.  Beside all only replication
 * says something more, and nobody has an empty name.
 */
extern void castssl_hba_keys(CastsslHbaNames *names, const CastsslHbaTokens *tokens,
							 bool of_database, int version, CastsslInts *keys);

#endif
