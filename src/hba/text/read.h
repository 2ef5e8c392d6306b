/*
 * read.h
 *		pg_hba.conf as values: the rules of a file and of all included files.
 *
 * Pure: bytes in, values out.  Reaches files through callbacks.  Raises nothing except
 * out of memory.  Compiles with FRONTEND too.
 */
#ifndef CASTSSL_HBA_TEXT_READ_H
#define CASTSSL_HBA_TEXT_READ_H

#include "hba/text/parse.h"

/*
 * Read path and the files that it includes.  Never fails: a line that the server would
 * refuse is a rule with error set; a main file that cannot be read is one such rule with
 * line_number 0.  Everything is palloc'd in the current context.
 */
extern CastsslHbaPolicy *castssl_hba_policy_read(const char *path, const CastsslHbaReader *reader,
												 int version);

/* Like castssl_hba_parse_rule: makes a rule from the fields of a line. */
typedef void (*CastsslHbaParser)(const CastsslHbaFields *fields, int version,
								 const CastsslHbaReader *reader, CastsslHbaRule *rule);

/*
 * castssl_hba_policy_read for another kind of file with the same grammar.  The parser
 * sets databases, users, options, address and error.
 */
extern CastsslHbaPolicy *castssl_hba_lines_read(const char *path, const CastsslHbaReader *reader,
												int version, CastsslHbaParser parser);

#endif
