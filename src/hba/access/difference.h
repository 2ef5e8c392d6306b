/*
 * difference.h
 *		A row of a comparison: connections that another rule answers now.
 */
#ifndef CASTSSL_HBA_ACCESS_DIFFERENCE_H
#define CASTSSL_HBA_ACCESS_DIFFERENCE_H

#include "hba/match/match.h"
#include "hba/match/outcome.h"

/*
 * Connections that one rule answered before and another rule (or none) answers
 * now, with another outcome.
 *
 * database, user and address name them as the two lines do, without those that
 * earlier lines answer for everybody the row names.  So "all" means "all that no
 * earlier line answers", and every block in address has connections that change.
 * Names are quoted as in the file where they would mean something else; "+a and
 * +b" are the members of both.  Beyond 8 blocks those of the lines are shown.
 *
 * certain: the witness is proved: castssl_hba_match, without a doubt, gives
 * before_rule in the one policy and after_rule in the other.  Otherwise the row
 * depends on what nobody can know here (DNS, a role that does not exist, a name
 * that a regular expression would match), and the witness is only an example of
 * what would have to be true.
 */
typedef struct CastsslHbaDifference
{
	CastsslHbaChange change;
	const char *encryption; /* "socket", "none", "tls" or "gss" */
	const char *database;   /* "all", "replication", or names and the like joined by ", " */
	const char *user;       /* "all", or names, +groups and /patterns joined by ", " */
	const char *address;    /* CIDR blocks joined by ", "; "all"; NULL for a socket */
	const char *before;     /* the outcome before, for a person: "scram-sha-256", "refused", ... */
	const char *after;      /* secrets in options are shown as *** */
	int before_rule;        /* index in the policy before; -1: no line */
	int after_rule;         /* index in the policy after; -1: no line */
	bool certain;
	CastsslConnection witness; /* one connection of the class */
} CastsslHbaDifference;

typedef struct CastsslHbaDifferences
{
	CastsslHbaDifference *items;
	int count;
	int capacity;
} CastsslHbaDifferences;

/*
 * Add what changes where the pair's first rule answered before and its second rule
 * answers now.  Of the pair the rules and the channel are set, the keys are not; pattern
 * has what is common to all its rows (change, encryption, outcomes, rules).
 */
struct CastsslHbaAtom;
extern void castssl_hba_pair_differences(const struct CastsslHbaAtom *pair,
										 const CastsslHbaDifference *pattern,
										 CastsslHbaDifferences *differences);

#endif
