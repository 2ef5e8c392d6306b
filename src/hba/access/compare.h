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
 * All differences between two policies: complete (every connection whose
 * outcome changes is in a row) and exact (every row has a witness), with one row
 * for a pair of rules wherever one can say it.  Sorted: what admits anybody
 * first, then by encryption and rule.
 *
 * An outcome is refused (reject, or no line) or method, options and the
 * certificate asked for.  Where both the certificate asked for and the method
 * change, the row is the certificate's; before and after show both.
 *
 * tls_before and tls_after: whether the server offers TLS.  Off in both: nothing
 * is said of TLS.  From off to on: both policies are taken as if TLS had been on,
 * so that the rows show what the edit does and not what the switch does (no
 * connection over TLS was possible at all).  From on to off: over TLS all is
 * refused after.
 *
 * Strings are palloc'd or static, or belong to the policies or the world.
 * Takes time that grows about as the policies do, as long as rules are as
 * distinct as they usually are.
 */
extern void castssl_hba_compare(const CastsslHbaPolicy *before, bool tls_before,
								const CastsslHbaPolicy *after, bool tls_after,
								const CastsslHbaWorld *world, CastsslHbaDifferences *differences);

/* Put rows in that order, after some were added. */
extern void castssl_hba_differences_sort(CastsslHbaDifferences *differences);

#endif
