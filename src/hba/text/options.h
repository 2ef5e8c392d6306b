/*
 * options.h
 *		Authentication methods and their options, by PostgreSQL major.
 *
 * PostgreSQL: parse_hba_auth_opt and the checks at the end of parse_hba_line.  This
 * code assumes a build with every method that usual builds of that major have (gss,
 * ldap, pam, cert, radius up to 18, oauth from 18 on), and without bsd and sspi.  Some
 * checks depend on more than the server's major: regular expressions, whether the name
 * of a RADIUS server resolves, oauth_validator_libraries, db_user_namespace.  These
 * checks are left to the server's own parser, or the reader answers them.
 */
#ifndef CASTSSL_HBA_TEXT_OPTIONS_H
#define CASTSSL_HBA_TEXT_OPTIONS_H

#include "hba/text/rule.h"

/*
 * The static name of a method of that major (bsd and sspi included); NULL if there is no
 * such method.
 */
extern const char *castssl_hba_method(const char *name, int version);

/* Is it a method that usual builds do not have? */
extern bool castssl_hba_method_is_unsupported(const char *method);

/*
 * Check the options of a rule whose other fields are set, and set clientcert.  Returns
 * NULL, or the server's error (palloc'd or static). reader may be NULL.
 */
extern const char *castssl_hba_options_check(CastsslHbaRule *rule, int version,
											 const CastsslHbaReader *reader);

/* Is it the name of a method, or of an option, of any major? */
extern bool castssl_hba_method_is_known(const char *name);
extern bool castssl_hba_option_is_known(const char *name, size_t length);

/*
 * May everybody see the value of the option of that name?  Not of a secret one, nor
 * of one that no major knows (it may be misspelt), nor of those that an OAuth
 * validator brings.  This is the one list of what is secret.
 */
extern bool castssl_hba_option_is_harmless(const char *name, size_t length);

/* Does that method accept this option ("name=value")? */
extern bool castssl_hba_option_fits(const char *option, const char *method, int version);

/* If the option has that name ("clientcert"), its value; else NULL. */
extern const char *castssl_hba_option_value(const char *option, const char *name);

#endif
