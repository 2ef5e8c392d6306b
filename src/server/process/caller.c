/*
 * caller.c
 *		The role that called.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "base/compat.h"
#include "server/process/caller.h"

static Oid caller = InvalidOid;

Oid
castssl_caller_set(Oid role)
{
	Oid before = caller;

	caller = role;
	return before;
}

Oid
castssl_caller(void)
{
	return caller;
}

bool
castssl_caller_is_superuser(void)
{
	return OidIsValid(caller) && superuser_arg(caller);
}

bool
castssl_caller_may_see_sessions(void)
{
	return OidIsValid(caller) && has_privs_of_role(caller, CASTSSL_ROLE_READ_ALL_STATS);
}

const char *
castssl_caller_name(void)
{
	return OidIsValid(caller) ? GetUserNameFromId(caller, true) : NULL;
}
