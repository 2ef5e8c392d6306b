/*
 * compare.h
 *		What an edit of pg_hba.conf does to access.
 */
#ifndef CASTSSL_HBA_ACCESS_COMPARE_H
#define CASTSSL_HBA_ACCESS_COMPARE_H

#include "hba/match/match.h"
#include "hba/match/outcome.h"

/*
 * Connections that one rule answered before and another rule (or none) answers
 * now, with another outcome.
 *
 * database, user and address are those of the two lines, without the connections that
 * earlier lines answer.  So "all" means "all that no earlier line answers", and every
 * block in address has connections that change.  Names are quoted as in the file if they
 * would mean something else without quotes; "+a and +b" are the members of both.  Instead
 * of more than 8 blocks, address shows what both lines have in common.
 *
 * certain: the witness is proved: castssl_hba_match, without a doubt, gives
 * before_rule in the one policy and after_rule in the other.  Otherwise the row
 * depends on what is unknown here (DNS, a role that does not exist, a name that a
 * regular expression would match), or the search ended, and the witness is only an
 * example.
 */
typedef struct CastsslHbaDifference
{
	CastsslHbaChange change;
	const char *encryption; /* "socket", "none", "tls" or "gss" */
	const char *database;   /* "all", "replication", names, /patterns, ... joined by ", " */
	const char *user;       /* "all", or names, +groups and /patterns joined by ", " */
	const char *address;    /* "10.0.0.0/8, ::/0", "all", "samenet in 10.0.0.0/8"; NULL: socket */
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
 * All differences between two policies.  They are complete: every connection whose outcome
 * changes is in a row.  They are exact: every row that is certain has a witness.  A pair of
 * rules has one row if possible.  Sorted by change (newly admitted first), then by encryption
 * and rule.
 *
 * An outcome is refused (reject, or no line), or it is the method, its options and
 * clientcert.  If both clientcert and the method change, change names the certificate;
 * before and after show both.
 *
 * tls_before and tls_after: whether the server offers TLS.  Off in both: there are no
 * rows for TLS.  From off to on: both policies are compared as if TLS had been on, so the
 * rows show what the edit does, and not what switching TLS on does.  From on to off: all
 * connections over TLS are refused after.
 *
 * Strings are palloc'd or static, or belong to the policies or the world.  For policies
 * with usual rules, the time grows about linearly with their size.
 */
extern void castssl_hba_compare(const CastsslHbaPolicy *before, bool tls_before,
								const CastsslHbaPolicy *after, bool tls_after,
								const CastsslHbaWorld *world, CastsslHbaDifferences *differences);

/* Sort rows in that order again, after the caller has added some. */
extern void castssl_hba_differences_sort(CastsslHbaDifferences *differences);

#endif
