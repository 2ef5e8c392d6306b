/*
 * universe.h
 *		Rules in the form that dead.c and compare.c calculate with.
 *
 * A token becomes a key: an int in which equal tokens are equal.  A key is a set
 * of users (or databases), and what is known of these sets is only
 *		- all takes everything, but not physical replication;
 *		- a name takes itself, sameuser where both names are equal;
 *		- what a group, a regular expression or samerole takes, only the world knows.
 * An address is a set of blocks, or else a predicate of the address of which
 * only the world knows whom it takes (a host name, samehost, samenet, and a
 * mask with very many holes).
 */
#ifndef CASTSSL_HBA_ACCESS_UNIVERSE_H
#define CASTSSL_HBA_ACCESS_UNIVERSE_H

#include "hba/access/prefix.h"
#include "hba/access/table.h"
#include "hba/match/match.h"

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

/* Classes of connections by encryption; what a rule takes is a set of these bits. */
typedef enum CastsslHbaChannel
{
	CASTSSL_CHANNEL_SOCKET,
	CASTSSL_CHANNEL_NONE,
	CASTSSL_CHANNEL_TLS,
	CASTSSL_CHANNEL_GSS
} CastsslHbaChannel;

#define CASTSSL_NCHANNELS 4
#define CASTSSL_NO_PREDICATE (-1)

/* A rule: databases x users x addresses, for some channels. */
typedef struct CastsslHbaBox
{
	int rule;       /* index in the policy; -1: the end of every policy, where all is refused */
	uint8 channels; /* 1 << CastsslHbaChannel */
	int *databases; /* keys, sorted, each once; with all, no key that all includes */
	int ndatabases;
	int *users;
	int nusers;
	CastsslPrefix *prefixes; /* disjoint; a predicate is true in them only */
	int nprefixes;
	int predicate; /* number of its name, or CASTSSL_NO_PREDICATE */
	uint64 hash;   /* of databases, users, prefixes and predicate */
} CastsslHbaBox;

/* What names and predicates mean; one for all policies that are looked at together. */
typedef struct CastsslHbaUniverse
{
	const CastsslHbaWorld *world;
	const char **names;
	int *next_name; /* chain of names with equal hash */
	int nnames;
	int name_capacity;
	CastsslTable by_hash;
} CastsslHbaUniverse;

extern CastsslHbaUniverse *castssl_hba_universe_create(const CastsslHbaWorld *world);

/* The number of a name; CASTSSL_ABSENT if it is not there and may not be added. */
extern int castssl_hba_universe_name(CastsslHbaUniverse *universe, const char *name, bool add);

/*
 * The boxes of a policy's rules, policy->nrules of them.  A rule with an error,
 * or one that names only the empty name, has no channels.
 */
extern CastsslHbaBox *castssl_hba_boxes(CastsslHbaUniverse *universe,
										const CastsslHbaPolicy *policy);

/* The box of "no line": takes everything. */
extern CastsslHbaBox castssl_hba_box_of_all(void);

/* The predicates, other than itself, that follow from this one: added to implied. */
extern int castssl_hba_implied_predicates(CastsslHbaUniverse *universe, int predicate, int *implied,
										  int max);

/* Does one box surely take all that the other takes?  Channels do not count. */
extern bool castssl_hba_box_covers(CastsslHbaUniverse *universe, const CastsslHbaBox *outer,
								   const CastsslHbaBox *inner);

/* The same databases, users and addresses? */
extern bool castssl_hba_box_equal(const CastsslHbaBox *a, const CastsslHbaBox *b);

/* Does the world say that it is so?  user or string NULL: not known. */
extern CastsslAnswer castssl_hba_ask_member(const CastsslHbaUniverse *universe, const char *user,
											const char *role);
extern CastsslAnswer castssl_hba_ask_regexp(const CastsslHbaUniverse *universe, const char *pattern,
											const char *string);

extern CastsslEncryption castssl_hba_channel_encryption(CastsslHbaChannel channel);

#endif
