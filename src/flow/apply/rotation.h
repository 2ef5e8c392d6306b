/*
 * rotation.h
 *		Replacing a CA by another one, while clients of both come and go.
 *
 * Live sessions are told apart by the name of the CA that issued their certificate
 * (pg_stat_ssl.issuer_dn), which is cut to NAMEDATALEN - 1 bytes.  Two CAs may
 * have the same one: then what is said is that it cannot be known.
 */
#ifndef CASTSSL_FLOW_APPLY_ROTATION_H
#define CASTSSL_FLOW_APPLY_ROTATION_H

#include "base/finding.h"
#include "flow/plan/plan.h"
#include "server/sessions.h"
#include "tls/certificate.h"

/* One row with this check name. */
#define CASTSSL_ROTATION_CHECK "ca_rotation"

/*
 * While the CA file of that name trusts several CAs: one finding that lists the
 * live sessions that showed a certificate of any but the newest.  A warning when
 * there are such, else an info.
 */
extern void castssl_rotation_judge(const char *name, const CastsslCertificates *ca,
								   const CastsslSession *sessions, int nsessions,
								   CastsslFindings *findings);

/*
 * Warnings of what the CA file of a plan's material, read already, means: for sessions of CAs that
 * are trusted now and would not be any longer, one each, and castssl_rotation_judge's row
 * (a warning in any case) while several are trusted.
 */
extern void castssl_rotation_compare(CastsslPlan *plan, const CastsslCertificates *ca,
									 CastsslFindings *findings);

/*
 * Why the certificate that this session's client showed would be refused with
 * that CA and CRL, a clause; NULL when it would not, or there was none.
 */
extern const char *castssl_rotation_refuses_caller(const CastsslMaterial *after);

#endif
