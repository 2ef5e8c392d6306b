/*
 * statements.h
 *		Statements that edit pg_hba.conf, for the columns hint and fix.
 *
 * Each returns one statement with its semicolon (palloc'd), or NULL where it could not be pasted
 * or would show what may be secret.  Lines are named with the file where it is not the main one.
 */
#ifndef CASTSSL_FLOW_CHECK_STATEMENTS_H
#define CASTSSL_FLOW_CHECK_STATEMENTS_H

#include "flow/check/scope.h"

/* Replace the rule by this line; NULL: no line is known. */
extern char *castssl_check_change(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
								  const char *line);

/*
 * Remove the rule.  Its text is named as well, so that no other line goes if lines have moved,
 * by another hint or by hand.
 */
extern char *castssl_check_remove(const CastsslCheckScope *scope, const CastsslHbaRule *rule);

/* Put a line above the rule. */
extern char *castssl_check_add(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
							   const char *line);

/* Move the rule above another one; NULL also where they are in different files. */
extern char *castssl_check_move(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
								const CastsslHbaRule *above);

/* The text of the rule's line; NULL where it may hold a secret. */
extern char *castssl_check_rule_text(const CastsslCheckScope *scope, const CastsslHbaRule *rule);

/* What makes staged edits live; with a leading blank. */
#define CASTSSL_CHECK_APPLY " SELECT * FROM castssl_hba_apply(confirm_within => '10 min');"

/*
 * Report with these statements, followed by what makes them live, as hint and fix.  NULL: with
 * the hint otherwise.  Where something is staged already, the hint says to see to that first,
 * for it would be made live, too.
 */
extern void castssl_check_report_edit(CastsslCheckScope *scope, CastsslSeverity severity,
									  const char *subject, const char *message,
									  const char *statements, const char *apply,
									  const char *otherwise);

#endif
