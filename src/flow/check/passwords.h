/*
 * passwords.h
 *		Roles whose stored password a rule of method scram-sha-256 would refuse.
 */
#ifndef CASTSSL_FLOW_CHECK_PASSWORDS_H
#define CASTSSL_FLOW_CHECK_PASSWORDS_H

#include "flow/check/scope.h"

/* How a password becomes one that SCRAM takes, in psql. */
#define CASTSSL_CHECK_SET_PASSWORD                                                                 \
	"in psql: SET password_encryption = 'scram-sha-256'; and \\password for each"

/*
 * "alice, bob and 3 more": roles that the rule is for and that may log in, but not by SCRAM:
 * their secret is MD5, or (with none_as_well) there is none that is of use.  NULL: there is
 * none, or the caller may not know.  Palloc'd.
 */
extern char *castssl_check_roles_without_scram(CastsslCheckScope *scope, const CastsslHbaRule *rule,
											   bool none_as_well);

#endif
