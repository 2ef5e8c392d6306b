/*
 * rewrite.h
 *		A rule as a changed line: another type, another method, a client certificate.
 *
 * Unchanged parts keep their bytes.  Every new line is parsed before it is returned, so no
 * line is written that the server would refuse.
 */
#ifndef CASTSSL_HBA_EDIT_REWRITE_H
#define CASTSSL_HBA_EDIT_REWRITE_H

#include "hba/text/rule.h"

/*
 * The line of a valid (or repaired) rule with that type, with at least that clientcert,
 * and with that method (NULL: its own; options that do not fit a new method are
 * dropped).  No comment, no line end.  If the server would not accept it, returns NULL
 * and sets *problem (palloc'd).
 */
extern char *castssl_hba_rewrite(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule,
								 CastsslHbaType type, CastsslClientCert clientcert,
								 const char *method, char **problem);

/*
 * The line of a valid rule with that clientcert, which may be weaker than its own.  NULL if it
 * cannot be weaker, as with method cert.  Palloc'd.
 */
extern char *castssl_hba_loosen(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule,
								CastsslClientCert clientcert);

/*
 * The whole record, without its line end, with clientcert=1 replaced by verify-ca
 * (verify-full for method cert) and clientcert=0 or no-verify removed.  Every other byte
 * stays. *repaired is the resulting rule (it shares the strings of rule), *value the first
 * replaced value; both palloc'd.  NULL if there is nothing to repair, or if the line has
 * another error.  In 13, where such a line is valid, the repaired one means the same.
 */
extern char *castssl_hba_repair(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule,
								CastsslHbaRule *repaired, const char **value);

#endif
