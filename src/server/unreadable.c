/*
 * unreadable.c
 *		Configuration files that the server's account may not read.
 *
 * An editor run by root can leave such files.  PostgreSQL then treats postgresql.auto.conf, and
 * what include_if_exists names, as missing, and continues without them.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "server/disk/closed.h"
#include "server/disk/paths.h"
#include "server/included.h"
#include "server/parameters.h"
#include "server/unreadable.h"

static char *
auto_path(void)
{
	return castssl_path_in(DataDir, PG_AUTOCONF_FILENAME);
}

List *
castssl_unreadable_parameters(void)
{
	List *paths =
		list_concat(list_make2(ConfigFileName, auto_path()), castssl_included_by_parameters());
	List *closed = NIL;
	ListCell *cell;

	foreach (cell, paths)
	{
		if (castssl_closed_is(lfirst(cell)))
			closed = lappend(closed, lfirst(cell));
	}
	return closed;
}

/* Would TLS go off without what ALTER SYSTEM has stored? */
static bool
loses_tls(void)
{
	bool on = true;

	return castssl_tls_is_on() && parse_bool(castssl_parameter_value_if_reset("ssl"), &on) && !on;
}

char *
castssl_unreadable_effect(const char *path)
{
	if (strcmp(path, auto_path()) == 0)
		return psprintf("a reload drops everything that ALTER SYSTEM has set%s",
						loses_tls() ? ", TLS too" : "");
	return pstrdup(castssl_parameter_file_problem()
					   ? "a reload loads no parameter, and the server does not start again"
					   : "a reload drops everything that it sets");
}

void
castssl_unreadable_refuse_reload(void)
{
	List *closed = castssl_unreadable_parameters();

	if (closed != NIL)
		castssl_closed_refuse(linitial(closed), castssl_unreadable_effect(linitial(closed)));
	castssl_closed_refuse(HbaFileName, NULL);
	castssl_closed_refuse(IdentFileName, NULL);
}
