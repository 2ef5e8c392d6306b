/*
 * schema.c
 *		Names the schema of our SQL functions in statements for the caller.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc_tables.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "server/process/call.h"
#include "server/process/schema.h"

#define PREFIX "castssl_"

/* The quoted schema to write before our functions' names; NULL: none. */
static const char *prefix;

/* The search_path of the caller, which the SET clause of our function hides. */
static const char *
path_of_caller(void)
{
	int count;
	struct config_generic **variables = castssl_guc_variables(&count);

	for (int i = 0; i < count; i++)
	{
		const GucStack *stack = variables[i]->stack;

		if (strcmp(variables[i]->name, "search_path") == 0 && stack && stack->state == GUC_SAVE)
			return stack->prior.val.stringval;
	}
	return namespace_search_path; /* somebody has removed the SET clause */
}

static bool
is_in_path(const char *schema)
{
	const char *path = path_of_caller();
	List *names = NIL;
	ListCell *cell;

	if (path == NULL || !SplitIdentifierString(pstrdup(path), ',', &names))
		return false;
	foreach (cell, names)
	{
		if (strcmp((const char *) lfirst(cell), schema) == 0)
			return true;
	}
	return false;
}

const char *
castssl_schema_set(Oid schema)
{
	const char *before = prefix;
	char *name = schema == PG_CATALOG_NAMESPACE ? NULL : get_namespace_name(schema);

	prefix = NULL;
	if (name && !(strcmp(name, "public") == 0 && is_in_path(name)))
		prefix = MemoryContextStrdup(castssl_call_context(), quote_identifier(name));
	return before;
}

void
castssl_schema_restore(const char *before)
{
	prefix = before;
}

/* Does an unqualified function call begin here? */
static bool
begins_call(const char *text, const char *at)
{
	size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");

	/* a part of a longer name or of a path is no call */
	return at[length] == '(' && (at == text || strchr(" \n(>", at[-1]) != NULL);
}

const char *
castssl_schema_named(const char *text)
{
	StringInfoData named;
	const char *copied = text;

	if (prefix == NULL || text == NULL || strstr(text, PREFIX) == NULL)
		return text;
	initStringInfo(&named);
	for (const char *at = strstr(text, PREFIX); at; at = strstr(at + 1, PREFIX))
	{
		if (!begins_call(text, at))
			continue;
		appendBinaryStringInfo(&named, copied, (int) (at - copied));
		appendStringInfo(&named, "%s.", prefix);
		copied = at;
	}
	appendStringInfoString(&named, copied);
	return named.data;
}
