/*
 * maps.h
 *		Whether a name from outside the database may log in as the user.
 *
 * PostgreSQL: check_usermap, and what auth.c gives it: the name in a certificate, the
 * operating-system account (peer, ident), the principal (gss, sspi), the identity (oauth).
 */
#ifndef CASTSSL_FLOW_ASK_MAPS_H
#define CASTSSL_FLOW_ASK_MAPS_H

#include "flow/ask/inquiry.h"

/*
 * For clientcert=verify-full and the method cert: does the certificate's name fit the user?  If
 * the name is unknown: could any name fit?  Says why.
 */
extern bool castssl_certificate_name_fits(CastsslInquiry *inquiry);

/*
 * The same for the name that the rule's method finds.  True for a method without a name, such as
 * a password.
 */
extern bool castssl_method_name_fits(CastsslInquiry *inquiry);

#endif
