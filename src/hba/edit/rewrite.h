/*
 * rewrite.h
 *		A rule as a changed line: another type, another method, a client certificate.
 *
 * What need not change keeps its bytes.  Every line that is made here is read
 * back before it is handed out, so none is written that the server would refuse.
 */
#ifndef CASTSSL_HBA_EDIT_REWRITE_H
#define CASTSSL_HBA_EDIT_REWRITE_H

#include "hba/text/rule.h"

/*
 * The line of a good (or repaired) rule with that type, with at least that
 * clientcert, and with that method (NULL: its own; options that do not fit a
 * new one are dropped).  No comment, no line end.  NULL with *problem (palloc'd)
 * when the server would not take it.
 */
extern char *castssl_hba_rewrite(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule,
								 CastsslHbaType type, CastsslClientCert clientcert,
								 const char *method, char **problem);

/*
 * The whole record, without its line end, with clientcert=1 as verify-ca and
 * clientcert=0 or no-verify taken away; every other byte as it is.  *repaired
 * becomes the rule that this makes (values shared with rule), *value the value
 * that was there.  NULL when there is nothing to repair, or something else is
 * wrong with the line too.
 */
extern char *castssl_hba_repair(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule,
								CastsslHbaRule *repaired, const char **value);

#endif
