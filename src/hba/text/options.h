/*
 * options.h
 *		Authentication methods and their options, by PostgreSQL major.
 *
 * PostgreSQL: parse_hba_auth_opt and the checks at the end of parse_hba_line.  This
 * code assumes a build with every method that usual builds of that major have (gss,
 * ldap, pam, cert, radius up to 18, oauth from 18 on), and without bsd, and sspi only on Windows.
 * Some checks depend on more than the server's major: regular expressions, whether the name
 * of a RADIUS server resolves, oauth_validator_libraries, db_user_namespace.  These
 * checks are left to the server's own parser, or the reader answers them.
 */
#ifndef CASTSSL_HBA_TEXT_OPTIONS_H
#define CASTSSL_HBA_TEXT_OPTIONS_H

#include "hba/text/rule.h"

/* How an option is shown: by pg_hba_file_rules, or by castssl_hba_shown_options alone. */
typedef enum CastsslHbaForm
{
	CASTSSL_HBA_TEXT,
	CASTSSL_HBA_NUMBER,
	CASTSSL_HBA_FLAG,         /* "true" if it is 1, else not shown */
	CASTSSL_HBA_FLAG_WRITTEN, /* as written if it is 1, else not shown */
	CASTSSL_HBA_SCOPE,        /* not an option: the default scope of ldap */
	CASTSSL_HBA_CLIENTCERT,   /* what the rule requires, by option or method */
	CASTSSL_HBA_NOT_CN,       /* not shown if it is CN, the default */
	CASTSSL_HBA_PREFIX        /* every option whose name begins with this name */
} CastsslHbaForm;

struct CastsslHbaCheck;

/* An option as one line of the table; since and until are the majors that know it. */
typedef struct CastsslHbaOption
{
	const char *name;
	int methods; /* bits of options.c: the methods that accept it */
	int since;
	int until;
	CastsslHbaForm form;
	bool secret; /* its value is shown only to superusers */
	/* returns NULL, or the server's error for the value; without a check every value is valid */
	const char *(*check)(struct CastsslHbaCheck *check, const char *name, const char *value);
} CastsslHbaOption;

/* The table, in the order in which the server shows options. */
extern const CastsslHbaOption *castssl_hba_known_options(int *count);

/* The static name of a method of that major (also of bsd and sspi); NULL if there is none. */
extern const char *castssl_hba_method(const char *name, int version);

/* Does the method compare the client's password with the one that is stored for the role? */
extern bool castssl_hba_method_takes_password(const char *method);

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
 * May everybody see the value of the option of that name?  Not if it is secret, if no major
 * knows it (it may be a misspelt secret one), or if it belongs to an OAuth validator.  No
 * other code decides what is secret.
 */
extern bool castssl_hba_option_is_harmless(const char *name, size_t length);

/* Does that method accept this option ("name=value")? */
extern bool castssl_hba_option_fits(const char *option, const char *method, int version);

/* The value of an option "name=value" if it has that name; else NULL.  Points into option. */
extern const char *castssl_hba_option_value(const char *option, const char *name);

/* The value of the rule's last option of that name, which takes effect; NULL if there is none. */
extern const char *castssl_hba_rule_option(const CastsslHbaRule *rule, const char *name);

/* The map of pg_ident.conf that the rule names; NULL: none, or the rule has an error. */
extern const char *castssl_hba_rule_map(const CastsslHbaRule *rule);

#endif
