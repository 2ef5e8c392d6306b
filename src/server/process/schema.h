/*
 * schema.h
 *		Names the schema of our SQL functions in statements for the caller.
 */
#ifndef CASTSSL_SERVER_PROCESS_SCHEMA_H
#define CASTSSL_SERVER_PROCESS_SCHEMA_H

/*
 * Note the schema of the function that was called.  Returns what was noted before, to be restored
 * by castssl_schema_restore at the end of the call.
 */
extern const char *castssl_schema_set(Oid schema);
extern void castssl_schema_restore(const char *before);

/*
 * The text with the schema before each call of our functions, so that the caller can type it.  No
 * schema is added if it is pg_catalog, or public and in the caller's search_path.  Any other
 * schema is always named, because a new connection may have another search_path than this
 * session.  Returns the text itself or a palloc'd copy; NULL for NULL.
 */
extern const char *castssl_schema_named(const char *text);

#endif
