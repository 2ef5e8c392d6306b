/*
 * read.h
 *		pg_hba.conf as values: the rules of a file and of all that it includes.
 *
 * Pure: bytes in, values out.  Files are reached through callbacks, nothing is
 * raised except out of memory, and everything compiles with FRONTEND too.
 */
#ifndef CASTSSL_HBA_TEXT_READ_H
#define CASTSSL_HBA_TEXT_READ_H

#include "hba/text/parse.h"

/*
 * Read path and what it includes.  Never fails: what the server would refuse
 * is a rule with error set; a main file that cannot be read is one such rule
 * with line_number 0.  Everything is palloc'd in the current context.
 */
extern CastsslHbaPolicy *castssl_hba_policy_read(const char *path, const CastsslHbaReader *reader,
												 int version);

/* As castssl_hba_parse_rule: what makes a line's fields a rule. */
typedef void (*CastsslHbaParser)(const CastsslHbaFields *fields, int version,
								 const CastsslHbaReader *reader, CastsslHbaRule *rule);

/*
 * castssl_hba_policy_read for another file of that grammar, with a parser of its
 * own: databases, users, options, address and error are what it sets.
 */
extern CastsslHbaPolicy *castssl_hba_lines_read(const char *path, const CastsslHbaReader *reader,
												int version, CastsslHbaParser parser);

#endif
