/*
 * account.c
 *		What the server checks of the role and the database after a line of pg_hba.conf admits.
 *
 * PostgreSQL: get_role_password and what calls it; then InitializeSessionUserId, InitPostgres and
 * CheckMyDatabase, in this order.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "flow/ask/account.h"
#include "hba/text/options.h"
#include "server/account.h"

/* Is there a password that the server accepts for the role? */
static bool
password_exists(CastsslInquiry *inquiry, const CastsslRoleFacts *role)
{
	const char *method = inquiry->rule->method;
	const char *name = inquiry->question->connection.user;
	bool known = inquiry->question->knows_secrets;

	if (known && role->secret == CASTSSL_SECRET_NONE)
		castssl_say(inquiry, "No password is stored for the role \"%s\".", name);
	else if (role->password_expired)
		castssl_say(inquiry, "The password of the role \"%s\" was valid until %s.", name,
					castssl_clock_text(role->valid_until));
	else if (known && role->secret == CASTSSL_SECRET_USELESS)
		castssl_say(
			inquiry,
			"The stored password of the role \"%s\" has a format that the server does not know.",
			name);
	else if (known && role->secret == CASTSSL_SECRET_MD5 && strcmp(method, "scram-sha-256") == 0)
		castssl_say(inquiry,
					"The password of the role \"%s\" is stored as MD5, which scram-sha-256 does "
					"not accept: set it again while password_encryption is scram-sha-256.",
					name);
	else
	{
		if (!known)
			castssl_say(inquiry,
						"Only superusers can see whether a suitable password is stored for the "
						"role \"%s\".",
						name);
		return true;
	}
	return false;
}

static bool
limited(bool walsender)
{
	return !walsender || castssl_limits_bind_walsenders();
}

static bool
role_logs_in(CastsslInquiry *inquiry, const CastsslRoleFacts *role, bool walsender)
{
	const char *name = inquiry->question->connection.user;

	if (!role->can_login)
		castssl_say(inquiry, "The role \"%s\" may not log in (NOLOGIN).", name);
	else if (role->connection_limit == 0 && !role->superuser && limited(walsender))
		castssl_say(inquiry, "The role \"%s\" may not have a connection (CONNECTION LIMIT 0).",
					name);
	else if (walsender && !role->superuser && !role->can_replicate)
		castssl_say(inquiry, "The role \"%s\" may not replicate (NOREPLICATION).", name);
	else
		return true;
	return false;
}

static bool
database_opens(CastsslInquiry *inquiry, const CastsslRoleFacts *role, bool walsender)
{
	const char *name = inquiry->question->connection.database;
	CastsslDatabaseFacts database = castssl_database_facts(name, role->oid);

	if (!database.exists)
		castssl_say(inquiry, "There is no database \"%s\".", name);
	else if (database.broken)
		castssl_say(inquiry,
					"The database \"%s\" is broken: a DROP DATABASE of it was interrupted.", name);
	else if (!database.allows_connections)
		castssl_say(inquiry,
					"The database \"%s\" accepts no connections (ALLOW_CONNECTIONS false).", name);
	else if (!database.role_may_connect)
		castssl_say(inquiry, "The role \"%s\" has no CONNECT privilege on the database \"%s\".",
					inquiry->question->connection.user, name);
	else if (database.connection_limit == 0 && !role->superuser && limited(walsender))
		castssl_say(inquiry, "The database \"%s\" may not have a connection (CONNECTION LIMIT 0).",
					name);
	else
		return true;
	return false;
}

bool
castssl_account_admits(CastsslInquiry *inquiry)
{
	const CastsslQuestion *question = inquiry->question;
	CastsslRoleFacts role = castssl_role_facts(question->connection.user);
	bool walsender = question->walsender || question->connection.replication;

	if (!OidIsValid(role.oid))
	{
		castssl_say(inquiry, "There is no role \"%s\".", question->connection.user);
		return false;
	}
	return (!castssl_hba_method_takes_password(inquiry->rule->method) ||
			password_exists(inquiry, &role)) &&
		   role_logs_in(inquiry, &role, walsender) &&
		   (question->connection.replication || database_opens(inquiry, &role, walsender));
}
