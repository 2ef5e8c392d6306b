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
 * clientcert=verify-full, and the method cert: does the certificate's name fit?  Where the
 * name is not known: could any?  Says why.
 */
extern bool castssl_certificate_name_fits(CastsslInquiry *inquiry);

/*
 * The same of the name that the rule's method finds out.  True for a method that needs none,
 * such as a password.
 */
extern bool castssl_method_name_fits(CastsslInquiry *inquiry);

#endif
