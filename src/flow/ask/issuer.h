/*
 * issuer.h
 *		A new server certificate that clients with the old root do not verify.
 */
#ifndef CASTSSL_FLOW_ASK_ISSUER_H
#define CASTSSL_FLOW_ASK_ISSUER_H

#include "flow/plan/plan.h"
#include "tls/certificate.h"

/*
 * Add a warning step if the plan replaces the certificate in use, and the root of the one in use
 * does not verify the new one.  server and ca are what the plan's files hold.
 */
extern void castssl_issuer_warn(CastsslPlan *plan, const CastsslCertificates *server,
								const CastsslCertificates *ca);

#endif
