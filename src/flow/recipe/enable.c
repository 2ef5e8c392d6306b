/*
 * enable.c
 *		What castssl_enable() and castssl_disable() plan.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "flow/plan/baseline.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/profile.h"
#include "flow/recipe/enable.h"
#include "server/disk/paths.h"
#include "server/parameters.h"

static CastsslMaterial *
find_material(const CastsslEnableOptions *options)
{
	CastsslMaterial *material = palloc0(sizeof(CastsslMaterial));
	const char *target_dir =
		options->target_dir ? options->target_dir : castssl_path_folder(ConfigFileName);

	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		if (options->names[role])
			castssl_material_find(material, role, options->source_dir, target_dir,
								  options->names[role]);
		else if (role == CASTSSL_ROLE_CRL)
			/* A missing argument must not make revoked certificates valid again: keep the CRL. */
			castssl_material_configured(material, role,
										castssl_parameter_value(castssl_role_parameter(role)));
	}
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
	castssl_hba_plan_finish(plan);
	castssl_plan_guard_ssl(plan);
	castssl_baseline_extend(plan);
	return plan;
}

CastsslPlan *
castssl_plan_disable(void)
{
	CastsslPlan *plan = castssl_plan_new("disable");
	const char *ssl_stored;
	CastsslHbaEdits edits = { 0 };

	if (castssl_baseline_plan_restore(plan, &ssl_stored))
		castssl_plan_parameter_stored(plan, "ssl", ssl_stored);
	else
		castssl_plan_parameter(plan, "ssl", "off");
	castssl_plan_material_afterwards(plan);

	castssl_hba_plan_read_to_edit(plan);
	castssl_hba_undo(plan->hba_after, &edits);
	castssl_hba_plan_edit(plan, &edits);
	castssl_hba_plan_finish(plan);
	castssl_plan_guard_ssl(plan);
	return plan;
}
