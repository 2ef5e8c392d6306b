/*
 * account.c
 *		What the catalogs say of a role and of a database that a connection asks for.
 *
 * PostgreSQL: get_role_password, InitializeSessionUserId, InitPostgres, CheckMyDatabase.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "libpq/crypt.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h" /* for get_database_oid, since 19 */
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/grow.h"
#include "server/account.h"

/*
 * The value of datconnlimit after an interrupted DROP DATABASE; older minor releases have no name
 * for it.
 */
#define BROKEN_DATABASE (-2)

static CastsslSecret
kind_of(Datum password)
{
	char *secret = TextDatumGetCString(password);
	PasswordType type = get_password_type(secret);

	explicit_bzero(secret, strlen(secret));
	pfree(secret);
	if (type == PASSWORD_TYPE_MD5)
		return CASTSSL_SECRET_MD5;
	return type == PASSWORD_TYPE_SCRAM_SHA_256 ? CASTSSL_SECRET_SCRAM : CASTSSL_SECRET_USELESS;
}

/*
 * The facts of a row of pg_authid.  Does not use heap_getattr(), which is inline: in a newer
 * minor release it calls a function that an older server of the same major does not have.
 */
static CastsslRoleFacts
role_facts(HeapTuple tuple)
{
	Form_pg_authid row = (Form_pg_authid) GETSTRUCT(tuple);
	CastsslRoleFacts facts = { .oid = row->oid,
							   .superuser = row->rolsuper,
							   .can_login = row->rolcanlogin,
							   .can_replicate = row->rolreplication,
							   .connection_limit = row->rolconnlimit };
	bool isnull;
	Datum value = SysCacheGetAttr(AUTHNAME, tuple, Anum_pg_authid_rolpassword, &isnull);

	facts.secret = isnull ? CASTSSL_SECRET_NONE : kind_of(value);
	value = SysCacheGetAttr(AUTHNAME, tuple, Anum_pg_authid_rolvaliduntil, &isnull);
	if (!isnull)
	{
		facts.valid_until = DatumGetTimestampTz(value);
		facts.password_expired = facts.valid_until < GetCurrentTimestamp();
	}
	return facts;
}

CastsslRoleFacts
castssl_role_facts(const char *name)
{
	CastsslRoleFacts facts = { 0 };
	HeapTuple tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(name));

	if (HeapTupleIsValid(tuple))
	{
		facts = role_facts(tuple);
		ReleaseSysCache(tuple);
	}
	return facts;
}

CastsslDatabaseFacts
castssl_database_facts(const char *name, Oid role)
{
	CastsslDatabaseFacts facts = { 0 };
	Oid oid = get_database_oid(name, true);
	HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(oid));

	if (!HeapTupleIsValid(tuple))
		return facts;
	facts.exists = true;
	facts.broken = ((Form_pg_database) GETSTRUCT(tuple))->datconnlimit == BROKEN_DATABASE;
	facts.allows_connections = ((Form_pg_database) GETSTRUCT(tuple))->datallowconn;
	facts.connection_limit = ((Form_pg_database) GETSTRUCT(tuple))->datconnlimit;
	facts.role_may_connect =
		DatumGetBool(DirectFunctionCall3(has_database_privilege_id_id, ObjectIdGetDatum(role),
										 ObjectIdGetDatum(oid), CStringGetTextDatum("CONNECT")));
	ReleaseSysCache(tuple);
	return facts;
}

/* Names of the roles that are wanted (NULL: all). */
static const char **
role_names(bool (*wanted)(HeapTuple tuple), int *count)
{
	Relation relation = table_open(AuthIdRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	const char **names = NULL;
	int capacity = 0;

	*count = 0;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (wanted && !wanted(tuple))
			continue;
		CASTSSL_GROW(names, *count, capacity);
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the array has grown */
		names[(*count)++] = pstrdup(NameStr(((Form_pg_authid) GETSTRUCT(tuple))->rolname));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return names;
}

const char **
castssl_role_names(int *count)
{
	return role_names(NULL, count);
}

static bool
is_superuser_with_login(HeapTuple tuple)
{
	Form_pg_authid row = (Form_pg_authid) GETSTRUCT(tuple);

	return row->rolsuper && row->rolcanlogin;
}

const char **
castssl_superuser_names(int *count)
{
	return role_names(is_superuser_with_login, count);
}

const char **
castssl_database_names(int *count)
{
	Relation relation = table_open(DatabaseRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	const char **names = NULL;
	int capacity = 0;

	*count = 0;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_database row = (Form_pg_database) GETSTRUCT(tuple);

		if (!row->datallowconn)
			continue;
		CASTSSL_GROW(names, *count, capacity);
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the array has grown */
		names[(*count)++] = pstrdup(NameStr(row->datname));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return names;
}

static bool
has_md5_secret(HeapTuple tuple)
{
	CastsslRoleFacts facts = role_facts(tuple);

	return facts.secret == CASTSSL_SECRET_MD5 && facts.can_login && !facts.password_expired;
}

static bool
has_no_scram_secret(HeapTuple tuple)
{
	CastsslRoleFacts facts = role_facts(tuple);

	return facts.can_login && (facts.secret != CASTSSL_SECRET_SCRAM || facts.password_expired);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static const char **
sorted_names(bool (*wanted)(HeapTuple tuple), int *count)
{
	const char **names = role_names(wanted, count);

	if (*count > 1)
		qsort(names, *count, sizeof(char *), compare_names);
	return names;
}

const char **
castssl_roles_without_scram_secrets(int *count)
{
	return sorted_names(has_no_scram_secret, count);
}

const char **
castssl_roles_with_md5_secrets(int *count)
{
	return sorted_names(has_md5_secret, count);
}

bool
castssl_limits_bind_walsenders(void)
{
	static const int until[] = { 130019, 140016, 150011, 160007, 170003 };
	int running = pg_strtoint32(GetConfigOption("server_version_num", false, false));

	for (int i = 0; i < lengthof(until); i++)
	{
		if (running / 10000 == until[i] / 10000)
			return running < until[i];
	}
	return false;
}
