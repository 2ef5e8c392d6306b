/*
 * enable.c
 *		What castssl_enable() and castssl_disable() plan.
 */
#include "postgres.h"

#include "flow/plan/baseline.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/profile.h"
#include "flow/plan/usual.h"
#include "flow/recipe/enable.h"

static void
raise_no_ca(CastsslClientCert clientcert)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("clientcert => '%s' needs a CA file", castssl_clientcert_name(clientcert)),
			 errdetail("The server checks client certificates against ca_file, and there is none."),
			 errhint("Name a ca_file, or use clientcert => 'none'.")));
}

static CastsslMaterial *
find_material(const CastsslEnableOptions *options)
{
	CastsslWhich which = options->files;
	const char *ca = which.names[CASTSSL_ROLE_CA];
	CastsslMaterial *material;

	which.needs_ca = options->wanted.clientcert != CASTSSL_CLIENTCERT_NONE;
	if (which.needs_ca && ca && ca[0] == '\0')
		raise_no_ca(options->wanted.clientcert);
	material = castssl_usual_material(&which);
	if (which.needs_ca && material->files[CASTSSL_ROLE_CA].path == NULL)
		raise_no_ca(options->wanted.clientcert);
	return material;
}

CastsslPlan *
castssl_plan_enable(const CastsslEnableOptions *options)
{
	CastsslPlan *plan = castssl_plan_new("enable");

	castssl_plan_material(plan, find_material(options));
	if (options->profile)
		castssl_profile_plan(plan, options->profile);
	castssl_hba_plan_read_to_edit(plan);
	castssl_hba_plan_require(plan, &options->wanted);
	castssl_stricter_warn(plan, &options->wanted, &options->reading);
	castssl_hba_plan_finish(plan);
	castssl_plan_guard_ssl(plan);
	castssl_baseline_extend(plan);
	return plan;
}

/* Plan the later value of ssl.  Without a baseline it stays, because nobody knows who set it. */
static void
plan_ssl_before(CastsslPlan *plan)
{
	const char *ssl_stored;

	if (castssl_baseline_plan_restore(plan, &ssl_stored))
		castssl_plan_parameter_stored(plan, "ssl", ssl_stored);
	else if (castssl_hba_is_marked(plan->hba_before))
		castssl_plan_warn(plan, "set parameter", "ssl", CASTSSL_CODE_no_baseline,
						  "stays as it is: there is no record of the parameters before "
						  "castssl_enable(), as after pg_upgrade");
	else
		castssl_plan_step(plan, "set parameter", "ssl", CASTSSL_STEP_UNCHANGED,
						  "nothing to take back");
}

CastsslPlan *
castssl_plan_disable(void)
{
	CastsslPlan *plan = castssl_plan_new("disable");
	CastsslHbaEdits edits = { 0 };
	CastsslHbaEdits left = { 0 };

	plan->takes_back = true;
	castssl_hba_plan_read_to_edit(plan);
	plan_ssl_before(plan);
	castssl_plan_material_afterwards(plan);

	castssl_hba_undo(plan->hba_after, &edits, &left);
	for (int i = 0; i < left.count; i++)
		castssl_plan_warn(
			plan, "edit pg_hba",
			psprintf("%s:%d", plan->hba_after->files[left.items[i].file]->path,
					 left.items[i].line_number),
			CASTSSL_CODE_line_left,
			psprintf(
				"stays commented out: %s, and clients that are refused now could be newly admitted",
				left.items[i].why));
	castssl_hba_plan_edit(plan, &edits);
	castssl_hba_plan_finish(plan);
	castssl_plan_guard_ssl(plan);
	return plan;
}
