/*
 * text.h
 *		Text of files, certificates and other databases, made valid in this database.
 */
#ifndef CASTSSL_SERVER_PROCESS_TEXT_H
#define CASTSSL_SERVER_PROCESS_TEXT_H

/*
 * The text itself where it is valid in the database's encoding; else a palloc'd copy in which
 * each byte that is not is \HH.
 */
extern const char *castssl_valid_text(const char *text);

/*
 * A callback for error_context_stack: makes message, DETAIL and HINT of what is reported valid, and
 * names the schema of our functions there (server/process/schema.h).  Nothing is added to its
 * context.
 */
extern void castssl_report_text(void *arg);

#endif
