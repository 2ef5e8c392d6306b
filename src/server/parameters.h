/*
 * parameters.h
 *		Server parameters: in effect, stored by ALTER SYSTEM, and storing them.
 */
#ifndef CASTSSL_SERVER_PARAMETERS_H
#define CASTSSL_SERVER_PARAMETERS_H

#include "utils/guc.h"

/*
 * postgresql.conf and postgresql.auto.conf are read once for a call of a SQL
 * function (server/call.h).
 */

/* The value in effect in this backend; never NULL, '' when it is empty.  Palloc'd. */
extern char *castssl_parameter_value(const char *name);

/* Does this server offer TLS, as far as the parameters in effect say? */
extern bool castssl_tls_is_on(void);

/* Do they name a CA file, with which client certificates are checked? */
extern bool castssl_ca_is_configured(void);

/* The value that ALTER SYSTEM stored; NULL when there is none.  Palloc'd. */
extern char *castssl_parameter_stored(const char *name);

/* Is it that value which is stored, or, where value is NULL, nothing? */
extern bool castssl_parameter_is_stored(const char *name, const char *value);

/*
 * The value that a reload would bring were nothing stored for it: that of
 * postgresql.conf and what it includes, or else the built-in one.  Palloc'd.
 */
extern char *castssl_parameter_value_if_reset(const char *name);

/*
 * The value that the configuration files have for the next start, as they lie on
 * disk: postgresql.auto.conf, else postgresql.conf with what it includes, and of a
 * file that cannot be parsed what comes before (castssl_parameter_file_problem says
 * why).  NULL when none has it.  Palloc'd.
 */
extern char *castssl_parameter_on_disk(const char *name);

/* The built-in value of a parameter; '' where it has none.  Palloc'd. */
extern char *castssl_parameter_built_in(const char *name);

/*
 * The first error in postgresql.conf and what it includes, as they lie on disk
 * (pg_file_settings), with which the server would not start: "file:line: name:
 * text"; NULL when there is none.  Palloc'd.
 */
extern char *castssl_parameter_file_problem(void);

/* Why ALTER SYSTEM cannot change the parameter, a sentence; NULL when it can. */
extern const char *castssl_parameter_unchangeable(const char *name);

/*
 * 55000 when ALTER SYSTEM cannot change the parameter: allow_alter_system is
 * off (17 and later), or it was given on the command line of the server.
 */
extern void castssl_parameter_check_changeable(const char *name);

/*
 * ALTER SYSTEM SET, or RESET where value is NULL: durable, not yet in effect.
 * PostgreSQL: AlterSystemSetConfigFile.  Nothing is written when it is stored
 * so already.
 */
extern void castssl_parameter_store(const char *name, const char *value);

#endif
