/*
 * rules.h
 *		The rules of a policy, made ready to be looked at: keys, intervals, and an index.
 */
#ifndef CASTSSL_HBA_ACCESS_RULES_H
#define CASTSSL_HBA_ACCESS_RULES_H

#include "hba/access/cut.h"
#include "hba/access/names.h"
#include "hba/match/match.h"

/* Connections by encryption; what a rule takes is a set of these bits. */
typedef enum CastsslHbaChannel
{
	CASTSSL_CHANNEL_SOCKET,
	CASTSSL_CHANNEL_NONE,
	CASTSSL_CHANNEL_TLS,
	CASTSSL_CHANNEL_GSS
} CastsslHbaChannel;

#define CASTSSL_NCHANNELS 4
#define CASTSSL_CHANNELS_ALL ((1 << CASTSSL_NCHANNELS) - 1)
#define CASTSSL_CHANNELS_NETWORK (CASTSSL_CHANNELS_ALL & ~(1 << CASTSSL_CHANNEL_SOCKET))

/* What all policies have in common that are looked at together. */
typedef struct CastsslHbaSpace
{
	CastsslHbaWorld world;
	CastsslHbaNames names;
	char
		*others[2][4]; /* users and databases that no rule names; the first stand for all of them */
	long patience;
	bool by_encryption;     /* is there a rule that takes some network channels and not all? */
	CastsslHbaParts takers; /* scratch */
	char **members;         /* of each name: is each of the world's roles in it? NULL: not asked */
} CastsslHbaSpace;

/* A rule. */
typedef struct CastsslHbaBox
{
	CastsslInterval interval; /* where only the world knows the addresses: all */
	CastsslInterval block;    /* around it */
	uint8 channels;           /* 1 << CastsslHbaChannel; none: nobody can come */
	CastsslInts databases;    /* keys */
	CastsslInts users;
	CastsslHbaRule rule; /* a block or mask is left to interval: here it is every address */
} CastsslHbaBox;

/* Does only the world know which addresses it takes? */
static inline bool
castssl_hba_box_asks(const CastsslHbaBox *box)
{
	return box->rule.address.kind > CASTSSL_HBA_ADDRESS_ALL;
}

/* boxes[i] is of rule i; the last one is "no line", which takes everything. */
typedef struct CastsslHbaRules
{
	CastsslHbaSpace *space;
	int version;
	CastsslHbaBox *boxes;
	int nrules; /* without "no line" */
	struct CastsslHbaEntry *entries;
	int nentries;
	int capacity;
	int *starts;       /* of the entries of each list, and their end */
	CastsslInts found; /* by castssl_hba_rules_find */
	int *seen;
	int search;
} CastsslHbaRules;

/* The family and the encryption of a channel's connections. */
extern void castssl_hba_channel(CastsslHbaChannel channel, CastsslConnection *connection);

/*
 * Make rules[i] of policies[i], n of them; the world may be NULL.  All is kept in the
 * memory context of the caller.
 */
extern CastsslHbaSpace *castssl_hba_space_create(const CastsslHbaWorld *world,
												 const CastsslHbaPolicy *const *policies, int n,
												 CastsslHbaRules *rules);
/*
 * Set rules->found to the rules before limit that may take somebody of both lists of
 * keys in an interval: all that do and perhaps some that do not, each once, in no order.
 */
extern void castssl_hba_rules_find(CastsslHbaRules *rules, const CastsslInts *users,
								   const CastsslInts *databases, const CastsslInterval *interval,
								   int limit);

/* Is a role (its number in the world's list) in the group of a key? */
extern CastsslAnswer castssl_hba_space_member(CastsslHbaSpace *space, int role, int group);

#endif
