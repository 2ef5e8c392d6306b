/*
 * text.h
 *		Text of files, certificates and other databases, made valid in this database.
 */
#ifndef CASTSSL_SERVER_PROCESS_TEXT_H
#define CASTSSL_SERVER_PROCESS_TEXT_H

/*
 * The text itself if it is valid in the database's encoding; else a palloc'd copy in which each
 * invalid byte is written as \HH.
 */
extern const char *castssl_valid_text(const char *text);

/*
 * A callback for error_context_stack: makes message, DETAIL and HINT of the report valid, and
 * names the schema of our functions in them (server/process/schema.h).  Adds no line of context.
 */
extern void castssl_report_text(void *arg);

#endif
