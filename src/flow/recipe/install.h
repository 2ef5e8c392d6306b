/*
 * install.h
 *		Certificates given as texts, and the keys that wait for theirs.
 */
#ifndef CASTSSL_FLOW_RECIPE_INSTALL_H
#define CASTSSL_FLOW_RECIPE_INSTALL_H

#include "flow/plan/plan.h"
#include "tls/request.h"

/*
 * PEM texts; what is NULL stays as it is in use.  At least one of certificate, ca and crl is
 * given (22023).  For a certificate without private_key its key is looked for.
 */
typedef struct CastsslInstallOptions
{
	const char *certificate;
	const char *ca;
	char *private_key; /* wiped when it is no longer needed */
	const char *crl;
} CastsslInstallOptions;

/*
 * The plan of castssl_install: the texts become server.crt, server.key, root.crt
 * and root.crl in the folder of config_file, with ssl on.  Without a private key
 * the pending one, or else the current one, that fits the certificate is used;
 * 58P01 when there is none.
 */
extern CastsslPlan *castssl_install_plan(const CastsslInstallOptions *options);

/*
 * Make a key that waits in pg_castssl/pending/ (0600) for its certificate, and
 * return the request for it, PEM.  22023 for a key type or name that cannot be.
 */
extern char *castssl_install_request(const char *key_type, const char *common_name,
									 const CastsslNames *names);

#endif
