/*
 * passwords.h
 *		Roles whose stored password a rule of method scram-sha-256 would refuse.
 */
#ifndef CASTSSL_FLOW_CHECK_PASSWORDS_H
#define CASTSSL_FLOW_CHECK_PASSWORDS_H

#include "flow/check/scope.h"

/* May the caller know which roles have what kind of secret? */
extern bool castssl_check_sees_passwords(void);

/*
 * "First set the password of bob (in psql: ...): ...": what comes before the rule asks for SCRAM,
 * if it is for roles that may come in by it, but not by SCRAM: their secret is MD5, or (with
 * none_as_well) missing or unusable.  NULL if there are none.  Only if
 * castssl_check_sees_passwords().  Palloc'd.
 */
extern char *castssl_check_passwords_first(CastsslCheckScope *scope, const CastsslHbaRule *rule,
										   bool none_as_well);

#endif
