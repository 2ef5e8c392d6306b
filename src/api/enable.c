/*
 * enable.c
 *		castssl_enable and castssl_disable.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/arguments.h"
#include "api/entry.h"
#include "flow/recipe/enable.h"

static CastsslPlan *
make_enable_plan(void *arg)
{
	return castssl_plan_enable(arg);
}

static CastsslPlan *
make_disable_plan(void *arg)
{
	return castssl_plan_disable();
}

/*
 * castssl_enable(source_dir, cert_file, key_file, ca_file, crl_file, clientcert,
 *				  plaintext, addresses, auth_method, target_dir, confirm_within,
 *				  force, dry_run, profile)
 */
CASTSSL_FUNCTION(castssl_enable)
{
	CastsslEnableOptions enable = { 0 };
	CastsslApplyOptions options;

	enable.source_dir = castssl_argument_optional(fcinfo, 0, "source_dir");
	enable.names[CASTSSL_ROLE_CERTIFICATE] = castssl_argument_required(fcinfo, 1, "cert_file");
	enable.names[CASTSSL_ROLE_KEY] = castssl_argument_required(fcinfo, 2, "key_file");
	enable.names[CASTSSL_ROLE_CA] = castssl_argument_optional(fcinfo, 3, "ca_file");
	enable.names[CASTSSL_ROLE_CRL] = castssl_argument_optional(fcinfo, 4, "crl_file");
	enable.wanted = castssl_argument_wanted(fcinfo, 5, 6, 7, 8);
	enable.target_dir = castssl_argument_optional(fcinfo, 9, "target_dir");
	options = castssl_argument_options(fcinfo, 10, 11, 12);
	enable.profile = castssl_argument_text(fcinfo, 13);

	if (enable.names[CASTSSL_ROLE_CA] == NULL &&
		enable.wanted.clientcert != CASTSSL_CLIENTCERT_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("clientcert => '%s' needs a CA file",
						castssl_clientcert_name(enable.wanted.clientcert)),
				 errdetail("Client certificates are checked against ca_file, which is NULL."),
				 errhint("Name a ca_file, or use clientcert => 'none'.")));

	castssl_run_plan(make_enable_plan, &enable, &options, fcinfo);
	return (Datum) 0;
}

/* castssl_disable(confirm_within, force, dry_run) */
CASTSSL_FUNCTION(castssl_disable)
{
	CastsslApplyOptions options = castssl_argument_options(fcinfo, 0, 1, 2);

	castssl_run_plan(make_disable_plan, NULL, &options, fcinfo);
	return (Datum) 0;
}
