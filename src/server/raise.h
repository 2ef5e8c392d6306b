/*
 * raise.h
 *		Findings as errors: turns values into ereport.
 */
#ifndef CASTSSL_SERVER_RAISE_H
#define CASTSSL_SERVER_RAISE_H

#include "base/compat.h"
#include "base/finding.h"

/* Raise a finding as an error with that SQLSTATE. */
pg_noreturn extern void castssl_raise_finding(const CastsslFinding *finding, int sqlstate);

/* Raise the first error among the findings, if there is one. */
extern void castssl_raise_first_error(const CastsslFindings *findings, int sqlstate);

/* Raise the first error among the findings.  Something failed, so there is one. */
pg_noreturn extern void castssl_raise_failure(const CastsslFindings *findings, int sqlstate);

/*
 * errhint() with a command for a shell, in which each %s stands for the path as one word.  No
 * hint for a path with a control character, which a terminal would obey.
 */
extern int castssl_hint_for_path(const char *path, const char *command);

#endif
