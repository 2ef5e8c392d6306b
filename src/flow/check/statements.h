/*
 * statements.h
 *		Statements that edit pg_hba.conf, for the columns hint and fix.
 *
 * Each function returns one statement with its semicolon (palloc'd), or NULL if it could not be
 * pasted safely or might show a secret.  A statement names a line by the text that it holds, by
 * its file unless that is the main one, and mostly by its number: an earlier statement, or
 * somebody else, may have moved or changed the line.
 */
#ifndef CASTSSL_FLOW_CHECK_STATEMENTS_H
#define CASTSSL_FLOW_CHECK_STATEMENTS_H

#include "flow/check/scope.h"

/*
 * The arguments that name the rule's line: "line_number => 7", with file_name if it is not in the
 * main file.  NULL: they cannot be pasted safely.
 */
extern char *castssl_check_place(const CastsslCheckScope *scope, const CastsslHbaRule *rule);

/* The line that castssl_hba_rewrite makes of the rule, with the rule's comment; NULL: none. */
extern char *castssl_check_rewritten(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
									 CastsslHbaType type, CastsslClientCert clientcert,
									 const char *method);

/* Replace the rule by this line; NULL: no line is known. */
extern char *castssl_check_change(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
								  const char *line);

extern char *castssl_check_remove(const CastsslCheckScope *scope, const CastsslHbaRule *rule);

/* Put a line above the rule's line. holds is the text that the rule's line has by then. */
extern char *castssl_check_add(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
							   const char *line, const char *holds);

/*
 * Remove the rule, or put it above another one (a copy of it if they are in different files):
 * wherever they stand when the statement is typed.  For edits that somebody looks at before
 * applying them.  The numbers stand in them only if the text alone names several lines.
 */
extern char *castssl_check_remove_wherever(const CastsslCheckScope *scope,
										   const CastsslHbaRule *rule);
extern char *castssl_check_put_above(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
									 const CastsslHbaRule *above);

/* The text of the rule's line; NULL if it may hold a secret. */
extern char *castssl_check_rule_text(const CastsslCheckScope *scope, const CastsslHbaRule *rule);

/* Applies the staged edits; with a leading blank. */
#define CASTSSL_CHECK_APPLY " SELECT * FROM castssl_hba_apply(confirm_within => '10 min');"

/* The statements and apply in one transaction, so that nothing stays staged if a part fails. */
extern char *castssl_check_in_transaction(const char *statements, const char *apply);

/*
 * The hint of a finding that edits can correct: hint itself, or what must be done before any edit
 * can be applied.  A change that waits, or lines that the server refuses, would make the edit
 * fail.  Edits that are staged already would be applied, too, and what somebody has edited and
 * nobody has loaded would be made live.
 */
extern const char *castssl_check_edit_hint(const CastsslCheckScope *scope, const char *hint);

/*
 * Report with these statements, followed by apply, in one transaction, as hint and fix.
 * statements NULL: report with the hint otherwise.
 */
extern void castssl_check_report_edit(CastsslCheckScope *scope, CastsslSeverity severity,
									  const char *subject, const char *message,
									  const char *statements, const char *apply,
									  const char *otherwise);

#endif
