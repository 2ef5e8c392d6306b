/*
 * install.h
 *		Certificates given as texts, and the keys that wait for their certificates.
 */
#ifndef CASTSSL_FLOW_RECIPE_INSTALL_H
#define CASTSSL_FLOW_RECIPE_INSTALL_H

#include "flow/plan/plan.h"
#include "tls/request.h"

/*
 * PEM texts; NULL keeps what is in use.  At least one of certificate, ca and crl is
 * given (22023).  For a certificate without private_key, the plan looks for the key.
 */
typedef struct CastsslInstallOptions
{
	const char *certificate;
	const char *ca;
	char *private_key; /* wiped when no longer needed */
	const char *crl;
} CastsslInstallOptions;

/*
 * The plan of castssl_install: the texts become server.crt, server.key, root.crt and root.crl in
 * castssl_material_folder(), with ssl on.  Without a private key, the plan uses the pending key
 * that fits the certificate, or else the current key if it fits. 58P01 if there is none.
 */
extern CastsslPlan *castssl_install_plan(const CastsslInstallOptions *options);

/*
 * Make a key that waits in pg_castssl/pending/ (0600) for its certificate.  Returns the
 * request for the certificate, PEM. 22023 for an impossible key type or name.
 */
extern char *castssl_install_request(const char *key_type, const char *common_name,
									 const CastsslNames *names);

#endif
