/*
 * functions.c
 *		The check for functions of this database that are called instead of ours.
 */
#include "postgres.h"

#include "flow/check/checks.h"
#include "server/process/query.h"

/* The functions of this extension, according to pg_depend. */
#define OURS                                                                                       \
	"SELECT d.objid FROM pg_catalog.pg_depend d"                                                   \
	" JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid"                                        \
	" WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass"                                 \
	" AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"                           \
	" AND d.deptype = 'e' AND e.extname = 'pg_castssl'"

/*
 * castssl_confirm(int) is a better match for castssl_confirm(72) than our
 * castssl_confirm(bigint), in whatever schema of the search_path it is.  Each schema counts,
 * because the search_path of callers is unknown here.  In pg_temp no function is found by its
 * bare name.
 */
void
castssl_check_function_names(CastsslCheckScope *scope)
{
	MemoryContext outer = CurrentMemoryContext;

	SPI_connect();
	castssl_query("SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text,"
				  " pg_catalog.pg_get_userbyid(p.proowner)::pg_catalog.text,"
				  " n.nspname::pg_catalog.text, p.proname::pg_catalog.text"
				  " FROM pg_catalog.pg_proc p"
				  " JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
				  " WHERE p.proname IN (SELECT o.proname FROM pg_catalog.pg_proc o"
				  "  WHERE o.oid IN (" OURS "))"
				  " AND p.oid NOT IN (" OURS ")"
				  " AND n.nspname !~ '^pg_temp_' ORDER BY 1");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *function = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		char *owner = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		char *schema = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 3);
		char *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 4);
		MemoryContext context = MemoryContextSwitchTo(outer);

		/* Views and other objects may depend on it, so it is renamed and not dropped. */
		castssl_check_report(
			scope, CASTSSL_ERROR, pstrdup(function),
			psprintf("in a session with schema \"%s\" in its search_path, a call without a schema "
					 "can run this function of role \"%s\", and not the one of pg_castssl",
					 schema, owner),
			psprintf("Call those of pg_castssl with their schema, and give this one another name.  "
					 "What calls it by its name has to follow.  ALTER ROUTINE %s RENAME TO "
					 "other_%s;",
					 function, name));
		MemoryContextSwitchTo(context);
	}
	SPI_finish();
}
