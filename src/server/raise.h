/*
 * raise.h
 *		Findings as errors: where values become ereport.
 */
#ifndef CASTSSL_SERVER_RAISE_H
#define CASTSSL_SERVER_RAISE_H

#include "base/compat.h"
#include "base/finding.h"

/* Raise a finding as an error of that SQLSTATE. */
pg_noreturn extern void castssl_raise_finding(const CastsslFinding *finding, int sqlstate);

/* Raise the first error among findings, if there is one. */
extern void castssl_raise_first_error(const CastsslFindings *findings, int sqlstate);

/* Raise the first error among the findings of what failed: there is one. */
pg_noreturn extern void castssl_raise_failure(const CastsslFindings *findings, int sqlstate);

#endif
