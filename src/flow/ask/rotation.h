/*
 * rotation.h
 *		Replacing a CA by another one, while clients of both are connecting.
 *
 * Live sessions are told apart by the name of the CA that issued their certificate
 * (pg_stat_ssl.issuer_dn), which is cut to NAMEDATALEN - 1 bytes.  Two CAs may have
 * the same name.  Then the finding says that it is unknown which one issued the
 * certificate.
 */
#ifndef CASTSSL_FLOW_ASK_ROTATION_H
#define CASTSSL_FLOW_ASK_ROTATION_H

#include "base/finding.h"
#include "flow/plan/plan.h"
#include "server/sessions.h"
#include "tls/certificate.h"

/* The check name of its row. */
#define CASTSSL_ROTATION_CHECK "ca_rotation"

/*
 * If the CA file of that name trusts several CAs: add one finding that lists the live
 * sessions with a certificate of any CA except the newest.  It is a warning if there are
 * such sessions, else an info.
 */
extern void castssl_rotation_judge(const char *name, const CastsslCertificates *ca,
								   const CastsslSession *sessions, int nsessions,
								   CastsslFindings *findings);

/*
 * Compare the CA file of a plan's material, which is already read, with the one in use.  Sets
 * plan->rotation if it changes, or if the file in use was written after the server had loaded it.
 * In the second case the server is asked for the names of the CAs that it has loaded.  If several
 * CAs are trusted, adds castssl_rotation_judge's row, always as a warning.
 */
extern void castssl_rotation_compare(CastsslPlan *plan, const CastsslCertificates *ca,
									 CastsslFindings *findings);

/*
 * The same for a plan without material, which leaves the files of TLS as they are: its reload loads
 * a CA file that somebody has written since the last one.
 */
extern void castssl_rotation_of_reload(CastsslPlan *plan);

/* Do the CAs change so that somebody could not come back?  rotation may be NULL. */
extern bool castssl_rotation_drops(const CastsslRotation *rotation);

/*
 * Of a reload: the names of the CAs that the server has loaded and that the CA file no longer
 * holds, joined by ", "; "" if there are none.  NULL: nobody can know.  Palloc'd.
 */
extern char *castssl_rotation_dropped(const CastsslRotation *rotation);

/*
 * A sentence why the server would no longer accept a certificate of that issuer (as pg_stat_ssl
 * shows it), palloc'd; NULL: nothing changes for it.  *certain is false if it may still accept
 * it.
 */
extern char *castssl_rotation_problem(const CastsslRotation *rotation, const char *issuer_dn,
									  bool *certain);

#endif
