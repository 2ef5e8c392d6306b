/*
 * compare.h
 *		What an edit of pg_hba.conf does to access.
 */
#ifndef CASTSSL_HBA_ACCESS_COMPARE_H
#define CASTSSL_HBA_ACCESS_COMPARE_H

#include "hba/access/difference.h"

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
