/*
 * account.h
 *		What the catalogs say of a role and of a database that a connection asks for.
 */
#ifndef CASTSSL_SERVER_ACCOUNT_H
#define CASTSSL_SERVER_ACCOUNT_H

#include "datatype/timestamp.h"

/* What is stored as a role's password. */
typedef enum CastsslSecret
{
	CASTSSL_SECRET_NONE,
	CASTSSL_SECRET_MD5,
	CASTSSL_SECRET_SCRAM,
	CASTSSL_SECRET_USELESS /* another text, which no password matches */
} CastsslSecret;

typedef struct CastsslRoleFacts
{
	Oid oid; /* InvalidOid: there is no such role, and nothing else is set */
	bool superuser;
	bool can_login;
	bool can_replicate;
	int connection_limit;    /* -1: none */
	bool password_expired;   /* VALID UNTIL is past */
	TimestampTz valid_until; /* of an expired password */
	CastsslSecret secret;    /* only superusers may see it */
} CastsslRoleFacts;

typedef struct CastsslDatabaseFacts
{
	bool exists; /* false: nothing else is set */
	bool broken; /* a DROP DATABASE of it was interrupted */
	bool allows_connections;
	int connection_limit;  /* -1: none */
	bool role_may_connect; /* the role has the privilege CONNECT, as every superuser has */
} CastsslDatabaseFacts;

/*
 * Both need a transaction and check no privileges of the caller.  They return the kind of the
 * stored password, never the password itself.
 */
extern CastsslRoleFacts castssl_role_facts(const char *name);
extern CastsslDatabaseFacts castssl_database_facts(const char *name, Oid role);

/*
 * Do the connection limits of roles and databases count walsenders as well?  They do before
 * 13.19, 14.16, 15.11, 16.7 and 17.3: the running minor release decides.
 */
extern bool castssl_limits_bind_walsenders(void);

/* Names of all roles, palloc'd, in no order. */
extern const char **castssl_role_names(int *count);

/* Names of the superusers that may log in, palloc'd, in no order. */
extern const char **castssl_superuser_names(int *count);

/* Names of the databases that allow connections, palloc'd, in no order. */
extern const char **castssl_database_names(int *count);

/*
 * The names of the roles that may log in but have no SCRAM secret, or an expired one, sorted.
 * Palloc'd.
 */
extern const char **castssl_roles_without_scram_secrets(int *count);

/*
 * The names of the roles that may log in with an MD5 secret that has not expired, sorted; *count
 * of them.  Palloc'd.
 */
extern const char **castssl_roles_with_md5_secrets(int *count);

#endif
