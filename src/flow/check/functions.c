/*
 * functions.c
 *		A check of functions of this database that take calls of ours.
 */
#include "postgres.h"

#include "base/words.h"
#include "flow/check/checks.h"
#include "server/process/query.h"

/* What pg_depend knows as functions of this extension. */
#define OURS                                                                                       \
	"SELECT d.objid FROM pg_catalog.pg_depend d"                                                   \
	" JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid"                                        \
	" WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass"                                 \
	" AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"                           \
	" AND d.deptype = 'e' AND e.extname = 'pg_castssl'"

/*
 * castssl_confirm(int) is a better match for castssl_confirm(72) than our castssl_confirm(bigint),
 * in whatever schema of the search path it is.  The path of the caller is not known here, and
 * another caller's is another one: so each schema counts.  In pg_temp no function is found by its
 * name alone.
 */
void
castssl_check_function_names(CastsslCheckScope *scope)
{
	MemoryContext outer = CurrentMemoryContext;

	SPI_connect();
	castssl_query("SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text,"
				  " pg_catalog.pg_get_userbyid(p.proowner)::pg_catalog.text"
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
		MemoryContext context = MemoryContextSwitchTo(outer);

		castssl_check_report(scope, CASTSSL_ERROR, pstrdup(function),
							 psprintf("this function of role \"%s\" takes calls that are meant for "
									  "pg_castssl, where they name no schema",
									  owner),
							 castssl_hint_naming("DROP ROUTINE %s;", function));
		MemoryContextSwitchTo(context);
	}
	SPI_finish();
}
