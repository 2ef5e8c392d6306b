/*
 * parameters.h
 *		Reads the server parameters in effect and those stored by ALTER SYSTEM, and stores new
 *		ones.
 */
#ifndef CASTSSL_SERVER_PARAMETERS_H
#define CASTSSL_SERVER_PARAMETERS_H

#include "nodes/pg_list.h"
#include "utils/guc.h"

/*
 * postgresql.conf and postgresql.auto.conf are read once for a call of a SQL function
 * (server/process/call.h).
 */

/* The value in effect in this backend; never NULL, '' if it is empty.  Palloc'd. */
extern char *castssl_parameter_value(const char *name);

/* Does this server offer TLS, according to the parameters in effect? */
extern bool castssl_tls_is_on(void);

/* Do the parameters in effect name a CA file for checking client certificates? */
extern bool castssl_ca_is_configured(void);

/* The value that ALTER SYSTEM stored; NULL if there is none.  Palloc'd. */
extern char *castssl_parameter_stored(const char *name);

/* The names of the parameters that have a stored value: strings, each once. */
extern List *castssl_parameters_stored(void);

/* Is exactly this value stored?  NULL: is nothing stored? */
extern bool castssl_parameter_is_stored(const char *name, const char *value);

/*
 * The value that a reload would bring if none were stored: the value in postgresql.conf
 * and the files that it includes, or else the built-in one.  Palloc'd.
 */
extern char *castssl_parameter_value_if_reset(const char *name);

/* The same, but NULL if it would be the built-in one.  Needs no database, as in a worker. */
extern char *castssl_parameter_configured(const char *name);

/* The file that has that value, its path; NULL if none has one.  Palloc'd. */
extern char *castssl_parameter_configured_in(const char *name);

/*
 * The value for the next start, from the configuration files on disk:
 * postgresql.auto.conf, or else postgresql.conf with the files that it includes.  If a
 * file cannot be parsed, the part before the error counts
 * (castssl_parameter_file_problem names the error).  NULL if no file has the parameter.
 * Palloc'd.
 */
extern char *castssl_parameter_on_disk(const char *name);

/*
 * The value that the next start brings: that of the command line, which stays the same, or
 * else the one on disk, or the built-in one.  Palloc'd.
 */
extern char *castssl_parameter_at_start(const char *name);

/* The built-in value of a parameter; '' if it has none.  Palloc'd. */
extern char *castssl_parameter_built_in(const char *name);

/*
 * The first error in postgresql.conf and the files that it includes, as they are on disk
 * (pg_file_settings), that would keep the server from starting: "file:line: name:
 * text".  NULL if there is none.  Palloc'd.
 */
extern char *castssl_parameter_file_problem(void);

/* Would the server take this value, as ALTER SYSTEM and a start try it? */
extern bool castssl_parameter_takes(const char *name, const char *value);

/* Why ALTER SYSTEM cannot change the parameter, a sentence; NULL if it can. */
extern const char *castssl_parameter_unchangeable(const char *name);

/* The statement that stores the value; NULL: that drops the stored one.  Palloc'd. */
extern char *castssl_parameter_statement(const char *name, const char *value);

/*
 * How to set a parameter that takes effect with a restart; value is SQL.  It is a statement, or
 * says where to change what ALTER SYSTEM cannot change.  Palloc'd.
 */
extern char *castssl_parameter_restart_hint(const char *name, const char *value);

/*
 * Why ALTER SYSTEM can store nothing, as a sentence; NULL if it can.  The reason is that
 * allow_alter_system is off (17 and later), or that postgresql.auto.conf is a symbolic link, a
 * mount point or not writable.
 */
extern const char *castssl_parameters_unwritable(void);

/*
 * The names of the ssl* parameters that the next reload would change, because the configuration
 * files have another value than the one in effect: a sorted list of palloc'd strings.
 */
extern List *castssl_parameters_waiting(void);

/* The same joined by ", "; NULL if there are none.  Palloc'd. */
extern char *castssl_parameters_not_in_effect(void);

/* The value to store for one parameter; value NULL: reset it. */
typedef struct CastsslSetting
{
	const char *name;
	const char *value;
	bool check;           /* store only if expected is stored now */
	const char *expected; /* NULL: no value */
} CastsslSetting;

/*
 * Store settings (CastsslSetting) in postgresql.auto.conf as ALTER SYSTEM does, but all
 * of them with one write: after a crash, or for another session's reload, all or none of
 * them are stored.  Durable whatever the parameter fsync says; not yet in effect.  22023
 * when the server would refuse a value; 55000 when something else is stored than was
 * expected.  Does not write if they are already stored.
 */
extern void castssl_parameters_store(const List *settings);

/* The same for one. */
extern void castssl_parameter_store(const char *name, const char *value);

#endif
