/*
 * own_crl.h
 *		What the small CA of this server has revoked: does the server itself refuse it?
 *
 * A server that trusts a CA and checks no CRL of it accepts its revoked certificates.  And one that
 * checks any CRL refuses all certificates of a CA of which it has none.
 */
#ifndef CASTSSL_FLOW_RECIPE_OWN_CRL_H
#define CASTSSL_FLOW_RECIPE_OWN_CRL_H

#include "flow/plan/plan.h"

/*
 * How many certificates that the small CA has revoked would the server accept?  0 if it does not
 * trust this CA, or if there is none that can be read.
 */
extern int castssl_own_crl_accepted(void);

/*
 * The names of the other CAs in the CA file in use of which the server has no CRL, a list; NULL:
 * there are none.  Palloc'd.
 */
extern char *castssl_own_crl_others(void);

/* Does the server trust the small CA, and check no CRL of any CA? */
extern bool castssl_own_crl_is_unused(void);

/* Does the small CA's CRL list any certificate? */
extern bool castssl_own_crl_lists(void);

/*
 * An argument of castssl_install() that joins the file in use (if any) and a file of the small
 * CA; NULL: it cannot be pasted safely.  Palloc'd.
 */
extern char *castssl_own_crl_joined(const char *argument, CastsslRole role, const char *file);

/*
 * What makes this server check the CRL of the small CA, with ca, another argument of
 * castssl_install() that ends with ", " (or an empty text): a statement, or, if another CA has no
 * CRL, how to get one and the statement.  NULL: it cannot be pasted safely.  Palloc'd.
 */
extern char *castssl_own_crl_hint(const char *ca);

/*
 * 55000 if the plan makes the server accept a certificate that the small CA has revoked, and that
 * it does not accept now.
 */
extern void castssl_own_crl_check(const CastsslPlan *plan);

#endif
