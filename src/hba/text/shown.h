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
 * "name=value" in the server's order: what overrides what is settled, what the
 * method implies is there ("clientcert=verify-full", "include_realm=true").
 * Behind them what the server does not show and is in force all the same
 * ("clientname=DN", "pam_use_hostname=1", ...).  An ldapurl stays as it is
 * written.  *count strings, palloc'd or the rule's own.
 */
extern const char **castssl_hba_shown_options(const CastsslHbaRule *rule, int *count);

#endif
