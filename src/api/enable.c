/*
 * enable.c
 *		castssl_enable and castssl_disable.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/again.h"
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

	enable.files.source_dir = castssl_argument_optional(fcinfo, 0, "source_dir");
	enable.files.names[CASTSSL_ROLE_CERTIFICATE] =
		castssl_argument_optional(fcinfo, 1, "cert_file");
	enable.files.names[CASTSSL_ROLE_KEY] = castssl_argument_optional(fcinfo, 2, "key_file");
	enable.files.names[CASTSSL_ROLE_CA] = castssl_argument_text(fcinfo, 3);
	enable.files.names[CASTSSL_ROLE_CRL] = castssl_argument_text(fcinfo, 4);
	enable.wanted = castssl_argument_wanted(fcinfo, 5, 6, 7, 8);
	enable.files.target_dir = castssl_argument_optional(fcinfo, 9, "target_dir");
	enable.files.call = castssl_again(fcinfo).up_to_files;
	options = castssl_argument_options(fcinfo, 10, 11, 12);
	enable.reading.dry_run = options.dry_run;
	enable.reading.waits = options.confirm_within > 0 && !options.dry_run;
	enable.profile = castssl_argument_text(fcinfo, 13);

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
