/*
 * options.h
 *		Authentication methods and their options, by PostgreSQL major.
 *
 * PostgreSQL: parse_hba_auth_opt and the checks at the end of parse_hba_line.
 * The build is taken to support every method that any usual build of that
 * major has (gss, ldap, pam, cert, radius up to 18, oauth from 18 on), and
 * neither bsd nor sspi.  What depends on the running server beyond its major is
 * left to its own parser, or asked of the reader: regular expressions, whether a
 * RADIUS server's name resolves, oauth_validator_libraries, db_user_namespace.
 */
#ifndef CASTSSL_HBA_TEXT_OPTIONS_H
#define CASTSSL_HBA_TEXT_OPTIONS_H

#include "hba/text/rule.h"

/* The static name of a method of that major (also of bsd and sspi); NULL if there is none such. */
extern const char *castssl_hba_method(const char *name, int version);

/* Is it a method that the build is taken to lack? */
extern bool castssl_hba_method_is_unsupported(const char *method);

/*
 * Check the options of a rule whose other fields are set, and set clientcert.
 * NULL, or what the server says (palloc'd or static).  reader may be NULL.
 */
extern const char *castssl_hba_options_check(CastsslHbaRule *rule, int version,
											 const CastsslHbaReader *reader);

/* May this option ("name=value") stand with that method? */
extern bool castssl_hba_option_fits(const char *option, const char *method, int version);

/* Is it the option of that name ("clientcert")?  Then its value, else NULL. */
extern const char *castssl_hba_option_value(const char *option, const char *name);

#endif
