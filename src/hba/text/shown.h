/*
 * shown.h
 *		The options of a rule as the server shows them.
 *
 * PostgreSQL: get_hba_options in hbafuncs.c (hba.c up to 14).
 */
#ifndef CASTSSL_HBA_TEXT_SHOWN_H
#define CASTSSL_HBA_TEXT_SHOWN_H

#include "hba/text/rule.h"

/*
 * Options "name=value" in the server's order.  Options without effect are left out, and
 * options that the method implies are included ("clientcert=verify-full",
 * "include_realm=true").  After them come the options that are in effect but that the
 * server does not show ("clientname=DN", "pam_use_hostname=1", ...).  An ldapurl stays
 * as written. *count strings, palloc'd or the rule's own.
 */
extern const char **castssl_hba_shown_options(const CastsslHbaRule *rule, int *count);

#endif
