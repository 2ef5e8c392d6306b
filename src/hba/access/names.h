/*
 * names.h
 *		The words of a rule's lists as numbers.
 *
 * Policies that are looked at together share one CastsslHbaNames, so that equal words
 * have equal keys.
 */
#ifndef CASTSSL_HBA_ACCESS_NAMES_H
#define CASTSSL_HBA_ACCESS_NAMES_H

#include "base/ints.h"
#include "hba/text/rule.h"

/* Words as they stand in the file, +group and /pattern too; zero-initialize before the first use.
 */
typedef struct CastsslHbaNames
{
	const char **items;
	int count;
	int capacity;
	struct castssl_names_hash *hash;
} CastsslHbaNames;

/* A key: what the word means (CastsslHbaWord), and above three bits the number of the word. */
#define CASTSSL_KEY(kind, number) ((number) *8 + (int) (kind))
#define CASTSSL_KEY_KIND(key) ((CastsslHbaWord) ((key) &7))
#define CASTSSL_KEY_NUMBER(key) ((key) >> 3)

/* The number of a word; -1 if it is not there and may not be added.  The string is kept. */
extern int castssl_hba_names_number(CastsslHbaNames *names, const char *name, bool add);

/* The name that a key names, the group or the pattern. */
extern const char *castssl_hba_key_name(const CastsslHbaNames *names, int key);

/* A name that is not there: the stem, with as many _ behind it as it takes; palloc'd. */
extern char *castssl_hba_unmentioned(CastsslHbaNames *names, const char *stem);

/*
 * The keys of a list, each once and ascending.  Beside all only replication says
 * something more, and nobody has an empty name.
 */
extern CastsslInts castssl_hba_keys(CastsslHbaNames *names, const CastsslHbaTokens *tokens,
									bool of_database, int version);

#endif
