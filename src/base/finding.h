/*
 * finding.h
 *		The result of a check, as a value.
 *
 * Pure code (src/hba and src/tls) does not raise an error: it adds findings to a list.
 * Higher floors decide which findings stop a change.  Compiles with and without FRONTEND.
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
 * Strings are static, or palloc'd in the context that is current at
 * castssl_finding_add.  They never hold a secret. detail and hint may be NULL.
 */
typedef struct CastsslFinding
{
	CastsslSeverity severity;
	const char *check;   /* static name of the check, e.g. "certificate_dates" */
	const char *subject; /* the file, line, parameter or certificate */
	const char *message; /* lower case, no full stop, as in ereport */
	const char *detail;  /* the fact, a sentence */
	const char *hint;    /* what to do next, a sentence or a statement */
	const char *fix;     /* complete SQL, safe to run unchanged; may be NULL */
	/* files that the hint writes, to be named in place of the subject; NULL: none */
	const char *repaired;
	const char *repaired_key; /* the private key apart from the certificate */
} CastsslFinding;

/* A growable list; zero-initialize it ({0}) before the first use. */
typedef struct CastsslFindings
{
	CastsslFinding *items;
	int count;
	int capacity;
} CastsslFindings;

/*
 * Append one finding.  Keeps the strings, does not copy them.  Leaves out a hint that is not
 * castssl_is_pasteable().
 */
extern void castssl_finding_add(CastsslFindings *findings, CastsslSeverity severity,
								const char *check, const char *subject, const char *message,
								const char *detail, const char *hint);

/* Note the files that the hint of the last finding writes, if it has a hint. */
extern void castssl_finding_repairs(CastsslFindings *findings, const char *repaired,
									const char *repaired_key);

/* Append a finding unchanged.  Its strings are not copied. */
extern void castssl_finding_copy(CastsslFindings *findings, const CastsslFinding *finding);

/* The first finding of the given severity or worse; NULL if there is none. */
extern const CastsslFinding *castssl_finding_first(const CastsslFindings *findings,
												   CastsslSeverity at_least);

/* 'ok', 'info', 'warning' or 'error', as in castssl_check(). */
extern const char *castssl_severity_name(CastsslSeverity severity);

#endif
