/*
 * finding.h
 *		What a check found, as a value.
 *
 * Floors 1 and 2 never raise an error: they add findings to a list, and floor 5
 * decides what stops a change.  Everything here compiles with and without
 * FRONTEND.
 */
#ifndef CASTSSL_BASE_FINDING_H
#define CASTSSL_BASE_FINDING_H

typedef enum CastsslSeverity
{
	CASTSSL_OK,
	CASTSSL_INFO,
	CASTSSL_WARNING,
	CASTSSL_ERROR
} CastsslSeverity;

/*
 * Strings are palloc'd in the context that was current at castssl_finding_add
 * (or static), and never hold a secret.  detail and hint may be NULL.
 */
typedef struct CastsslFinding
{
	CastsslSeverity severity;
	const char *check;   /* static name of the check, e.g. "certificate_dates" */
	const char *subject; /* file, line, parameter or certificate it is about */
	const char *message; /* lower case, no full stop, as in ereport */
	const char *detail;  /* the fact, a sentence */
	const char *hint;    /* what to do next, a sentence or a statement */
} CastsslFinding;

/* A growable list; zero-initialize it ({0}) before the first use. */
typedef struct CastsslFindings
{
	CastsslFinding *items;
	int count;
	int capacity;
} CastsslFindings;

/* Append one finding.  The strings are kept, not copied. */
extern void castssl_finding_add(CastsslFindings *findings, CastsslSeverity severity,
								const char *check, const char *subject, const char *message,
								const char *detail, const char *hint);

/* The first finding of the given severity or worse; NULL if there is none. */
extern const CastsslFinding *castssl_finding_first(const CastsslFindings *findings,
												   CastsslSeverity at_least);

/* 'ok', 'info', 'warning' or 'error': as castssl_check() shows it. */
extern const char *castssl_severity_name(CastsslSeverity severity);

#endif
