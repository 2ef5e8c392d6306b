/*
 * raise.h
 *		Findings as errors: turns values into ereport.
 */
#ifndef CASTSSL_SERVER_PROCESS_RAISE_H
#define CASTSSL_SERVER_PROCESS_RAISE_H

#include "base/compat.h"
#include "base/finding.h"

/*
 * The index of value in names, which end with NULL; 22023 if it is none of them.  The DETAIL
 * lists them all: t/053_documentation.pl compares it with the documentation.  parameter is the
 * SQL name.
 */
extern int castssl_choice(const char *parameter, const char *value, const char *const *names,
						  const char *hint);

/* Raise a finding as an error of that SQLSTATE. */
pg_noreturn extern void castssl_raise_finding(const CastsslFinding *finding, int sqlstate);

/* Raise the first error among the findings, if there is one. */
extern void castssl_raise_first_error(const CastsslFindings *findings, int sqlstate);

/* The same, with this HINT where the finding has none. */
extern void castssl_raise_first_error_hinting(const CastsslFindings *findings, int sqlstate,
											  const char *hint);

/* Raise the first error among the findings.  The caller knows that there is one. */
pg_noreturn extern void castssl_raise_failure(const CastsslFindings *findings, int sqlstate);

/*
 * The field constraint_name of an error, for programs: if one SQLSTATE has several reasons, a
 * word of the closed list in docs/reference.md.
 */
extern int castssl_err_reason(const char *reason);

/*
 * errhint() with a shell command, in which each %s stands for the path as one word.  No hint if
 * the path cannot be pasted safely (base/words.h).
 */
extern int castssl_hint_for_path(const char *path, const char *command);

/* errhint() with a sentence, in which each %s stands for the name, unquoted.  No hint as above. */
extern int castssl_hint_for_name(const char *name, const char *hint);

#endif
