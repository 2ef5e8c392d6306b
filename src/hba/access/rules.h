/*
 * rules.h
 *		The rules of a policy, made ready to be looked at: keys, intervals, and an index.
 */
#ifndef CASTSSL_HBA_ACCESS_RULES_H
#define CASTSSL_HBA_ACCESS_RULES_H

#include "hba/access/interval.h"
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
#define CASTSSL_ENCRYPTION(channel) ((CastsslEncryption) Max((channel) -CASTSSL_CHANNEL_NONE, 0))
#define CASTSSL_CHANNELS_NETWORK                                                                   \
	(1 << CASTSSL_CHANNEL_NONE | 1 << CASTSSL_CHANNEL_TLS | 1 << CASTSSL_CHANNEL_GSS)

/* What all policies have in common that are looked at together. */
typedef struct CastsslHbaSpace
{
	const CastsslHbaWorld *world;
	CastsslHbaNames names;
	CastsslHbaNames kinds;      /* rules of one kind say the same of all but blocks and outcome */
	const char *other_user;     /* for every name that no rule has */
	const char *other_database; /* and another one */
	CastsslHbaPatience patience;
	bool by_encryption; /* is there a rule that takes some network channels and not all? */
	int *answers;       /* of each kind: what was answered, and in which round */
	int round;
	CastsslAnswer **members; /* of each name: is each of the world's roles in it? NULL: not asked */
} CastsslHbaSpace;

/* A rule. */
typedef struct CastsslHbaBox
{
	CastsslHbaRule rule; /* its block or mask is left to interval: that every address is taken */
	int kind;
	uint8 channels; /* 1 << CastsslHbaChannel; none: nobody can come */
	bool by_word;   /* samehost, samenet or a host name: who of interval, only the world knows */
	CastsslInts databases; /* keys */
	CastsslInts users;
	CastsslInterval interval;
	CastsslInterval block; /* around it */
} CastsslHbaBox;

/* boxes[i] is of rule i; the last one is "no line", which takes everything. */
typedef struct CastsslHbaRules
{
	CastsslHbaSpace *space;
	const CastsslHbaPolicy *policy;
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

/* Is a role (its number in the world's list) in the group whose name has a number? */
extern CastsslAnswer castssl_hba_space_member(CastsslHbaSpace *space, int role, int group);

#endif
