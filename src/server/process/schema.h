/*
 * schema.h
 *		The schema of our SQL functions, named in what the caller is to type.
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
 * The text with the schema before each of our functions that is called in it, so that it can be
 * typed by the caller: unless that is pg_catalog, or public and in the caller's search_path.  A new
 * connection may have another search_path than the caller has set, so each other schema is named.
 * Returns the text itself or a palloc'd copy; NULL for NULL.
 */
extern const char *castssl_schema_named(const char *text);

#endif
