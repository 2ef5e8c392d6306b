/*
 * read.h
 *		pg_hba.conf as values: the rules of a file and of all included files.
 *
 * Pure: bytes in, values out.  Reaches files through callbacks.  Raises no errors except out
 * of memory and those of castssl_let_interrupt.  Compiles with FRONTEND too.
 */
#ifndef CASTSSL_HBA_TEXT_READ_H
#define CASTSSL_HBA_TEXT_READ_H

#include "hba/text/parse.h"

/*
 * Limits that the server does not have: @files and names from @files in one line, and lines in
 * included files.  Without them, files that include each other several times on each level
 * would keep a backend busy for years.
 */
#define CASTSSL_HBA_MOST_REFERENCES 100000
#define CASTSSL_HBA_MOST_NAMES 1000000
#define CASTSSL_HBA_MOST_INCLUDED_LINES 1000000

/*
 * Read path and the files that it includes.  Never fails: a line that the server would
 * refuse is a rule with error set; a main file that cannot be read is one such rule with
 * line_number 0.  A line that exceeds a limit has an error too, and policy->beyond_limit names
 * the limit: the server would accept this line.  All is palloc'd in the current context.
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
