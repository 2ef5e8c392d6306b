/*
 * rules.h
 *		The rules of policies, prepared for comparison: keys, intervals, and an index.
 *
 * Policies that are compared share one space, so that equal words have equal keys.
 */
#ifndef CASTSSL_HBA_ACCESS_RULES_H
#define CASTSSL_HBA_ACCESS_RULES_H

#include "hba/access/cut.h"
#include "hba/match/match.h"
#include "hba/match/outcome.h"

/* How a client connects.  The channels that a rule takes are a set of bits 1 << channel. */
typedef enum CastsslHbaChannel
{
	CASTSSL_CHANNEL_SOCKET,
	CASTSSL_CHANNEL_NONE, /* this and the following: in the order of CastsslEncryption */
	CASTSSL_CHANNEL_TLS,
	CASTSSL_CHANNEL_GSS
} CastsslHbaChannel;

#define CASTSSL_NCHANNELS 4
#define CASTSSL_CHANNELS_ALL ((1 << CASTSSL_NCHANNELS) - 1)

static inline CastsslEncryption
castssl_hba_channel_encryption(CastsslHbaChannel channel)
{
	return (CastsslEncryption) (Max(channel, CASTSSL_CHANNEL_NONE) - CASTSSL_CHANNEL_NONE);
}

/* A key: the meaning of a word (CastsslHbaWord) in the lower 3 bits, then the word's number. */
#define CASTSSL_KEY(kind, number) ((number) *8 + (int) (kind))
#define CASTSSL_KEY_KIND(key) ((CastsslHbaWord) ((key) &7))
#define CASTSSL_KEY_NUMBER(key) ((key) >> 3)

typedef struct CastsslHbaSpace
{
	CastsslHbaWorld world;
	const char **words; /* by number; as written in the file, +group and /pattern too */
	int nwords;
	int capacity;
	struct castssl_words_hash *numbers;
	char *others[2][4]; /* users and databases that no rule names; [0] stands for all of them */
	char **members; /* by word: for each role of the world, is it in that group?  NULL: not asked */
	uint8 alike[CASTSSL_NCHANNELS]; /* for each channel, those that no rule tells apart from it */
	long patience;
	CastsslHbaParts takers, rest, named_rest; /* scratch */
} CastsslHbaSpace;

/* A rule. */
typedef struct CastsslHbaBox
{
	CastsslInterval interval; /* all addresses for samehost, samenet and host names */
	CastsslInterval block;    /* the smallest CIDR block around interval */
	uint8 channels;           /* bits 1 << CastsslHbaChannel; 0: the rule matches nobody */
	CastsslInts keys[2];      /* of its users and databases; ascending, each once */
	uint64 names[2];          /* bits (castssl_hba_name_bit); all bits for more than plain names */
	int twin;                 /* see castssl_hba_rules_twin, in the other policy */
	CastsslHbaOutcome outcome;
	CastsslHbaRule rule; /* its address is ALL instead of MASK, because interval has the mask */
} CastsslHbaBox;

/* Does only the world know which addresses it takes: samehost, samenet, a host name? */
static inline bool
castssl_hba_box_asks(const CastsslHbaBox *box)
{
	return box->rule.address.kind > CASTSSL_HBA_ADDRESS_ALL;
}

typedef struct CastsslHbaRules
{
	CastsslHbaSpace *space;
	int version;
	CastsslHbaBox *boxes; /* by number of the rule; [nrules] is "no line", which takes everything */
	int nrules;           /* without "no line" */
	struct CastsslHbaEntry *index;
	int nindex;
} CastsslHbaRules;

/*
 * Make rules[i] from policies[i], n of them; the world may be NULL.  All is palloc'd in the
 * current memory context.
 */
extern CastsslHbaSpace *castssl_hba_space_create(const CastsslHbaWorld *world,
												 const CastsslHbaPolicy *const *policies, int n,
												 CastsslHbaRules *rules);

/* The name, group or pattern of a key, without + or /. */
extern const char *castssl_hba_key_name(const CastsslHbaSpace *space, int key);

/* A bit for a name, which other names may share; the highest bit if no rule mentions it. */
extern uint64 castssl_hba_name_bit(const CastsslHbaSpace *space, const char *name);

/*
 * Add to found the numbers of the rules before limit that may take a user and a database with
 * these bits in an interval: all that do, and perhaps some that do not; each once, in no order.
 */
extern void castssl_hba_rules_find(const CastsslHbaRules *rules, const uint64 *names,
								   const CastsslInterval *interval, int limit, CastsslInts *found);

/*
 * The number of the first rule that takes exactly the connections that box takes (nrules: "no
 * line" does); INT_MAX if there is none.
 */
extern int castssl_hba_rules_twin(const CastsslHbaRules *rules, const CastsslHbaBox *box);

#endif
