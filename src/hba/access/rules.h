/*
 * rules.h
 *		The rules of policies, made ready to be looked at: keys, intervals, and an index.
 *
 * Policies that are looked at together share one space, so that equal words have equal
 * keys.
 */
#ifndef CASTSSL_HBA_ACCESS_RULES_H
#define CASTSSL_HBA_ACCESS_RULES_H

#include "hba/access/cut.h"
#include "hba/match/match.h"
#include "hba/match/outcome.h"

/* Connections by encryption; what a rule takes is a set of these bits. */
typedef enum CastsslHbaChannel
{
	CASTSSL_CHANNEL_SOCKET,
	CASTSSL_CHANNEL_NONE, /* from here on as CastsslEncryption */
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

/* A key: what a word means (CastsslHbaWord), and above three bits the number of the word. */
#define CASTSSL_KEY(kind, number) ((number) *8 + (int) (kind))
#define CASTSSL_KEY_KIND(key) ((CastsslHbaWord) ((key) &7))
#define CASTSSL_KEY_NUMBER(key) ((key) >> 3)

typedef struct CastsslHbaSpace
{
	CastsslHbaWorld world;
	const char **words; /* by number; as they stand in the file, +group and /pattern too */
	int nwords;
	int capacity;
	struct castssl_words_hash *numbers;
	char *others[2][4]; /* users and databases that no rule names; the first: all of them */
	char **members;     /* of each word, if it was asked: is each of the world's roles in it? */
	uint8 alike[CASTSSL_NCHANNELS]; /* of each channel, those that no rule tells from it */
	long patience;
	CastsslHbaParts takers, rest, named_rest; /* scratch */
} CastsslHbaSpace;

/* A rule. */
typedef struct CastsslHbaBox
{
	CastsslInterval interval; /* where only the world knows the addresses: all */
	CastsslInterval block;    /* around it */
	uint8 channels;           /* 1 << CastsslHbaChannel; none: nobody can come */
	CastsslInts keys[2];      /* of its users and databases; ascending, each once */
	uint64 names[2];          /* their bits (castssl_hba_name_bit); all for more than names */
	int twin;                 /* the rule of the other policy that takes just the same */
	CastsslHbaOutcome outcome;
	CastsslHbaRule rule; /* a block or mask is left to interval: here it is every address */
} CastsslHbaBox;

/* Does only the world know which addresses it takes? */
static inline bool
castssl_hba_box_asks(const CastsslHbaBox *box)
{
	return box->rule.address.kind > CASTSSL_HBA_ADDRESS_ALL;
}

typedef struct CastsslHbaRules
{
	CastsslHbaSpace *space;
	int version;
	CastsslHbaBox *boxes; /* by number of the rule; the last is "no line", which takes everything */
	int nrules;           /* without "no line" */
	struct CastsslHbaEntry *index;
	int nindex;
} CastsslHbaRules;

/*
 * Make rules[i] of policies[i], n of them; the world may be NULL.  All is kept in the
 * memory context of the caller.
 */
extern CastsslHbaSpace *castssl_hba_space_create(const CastsslHbaWorld *world,
												 const CastsslHbaPolicy *const *policies, int n,
												 CastsslHbaRules *rules);

/* The name that a key names, the group or the pattern. */
extern const char *castssl_hba_key_name(const CastsslHbaSpace *space, int key);

/* A bit for a name, which others may have too; the highest where no rule has the name. */
extern uint64 castssl_hba_name_bit(const CastsslHbaSpace *space, const char *name);

/*
 * Add to found the numbers of the rules before limit that may take somebody with names
 * of these bits in an interval: all that do and perhaps some that do not, each once, in
 * no order.
 */
extern void castssl_hba_rules_find(const CastsslHbaRules *rules, const uint64 *names,
								   const CastsslInterval *interval, int limit, CastsslInts *found);

/* The number of the first rule that takes just what a box takes; INT_MAX if there is none. */
extern int castssl_hba_rules_twin(const CastsslHbaRules *rules, const CastsslHbaBox *box);

#endif
