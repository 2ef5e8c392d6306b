/*
 * baseline.c
 *		The stored parameters before castssl_enable first changed them.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "common/file_perm.h"

#include "change/manifest.h"
#include "change/record.h"
#include "flow/plan/baseline.h"
#include "server/disk/paths.h"
#include "server/parameters.h"

/*
 * Two entries for each parameter: that it is known, and its stored value.  A known
 * parameter without a value had none stored.
 */
#define KNOWN(name) psprintf("%s_known", name)
#define STORED(name) psprintf("%s_stored", name)

#define FORGET                                                                                     \
	"Restore the file from a backup.  Or remove it: then castssl_disable() leaves the parameters " \
	"as they are."

void
castssl_baseline_extend(CastsslPlan *plan)
{
	char *path = castssl_state_path("baseline");
	ConfigVariable *baseline;
	StringInfoData text;
	ListCell *cell;
	bool grows = false;

	if (plan->parameters == NIL)
		return;
	baseline = castssl_manifest_read(path, FORGET);
	castssl_manifest_begin(&text);
	for (ConfigVariable *item = baseline; item != NULL; item = item->next)
		castssl_manifest_append(&text, item->name, item->value);
	foreach (cell, plan->parameters)
	{
		const char *name = ((CastsslChangedParameter *) lfirst(cell))->name;

		if (castssl_manifest_value(baseline, KNOWN(name)) != NULL)
			continue;
		castssl_manifest_append(&text, KNOWN(name), name);
		castssl_manifest_append(&text, STORED(name), castssl_parameter_stored(name));
		grows = true;
	}
	if (!grows)
		return;
	castssl_manifest_seal(&text);
	castssl_plan_file(plan, path, text.data, text.len, pg_file_create_mode);
}

bool
castssl_baseline_plan_restore(CastsslPlan *plan, const char **ssl_stored)
{
	char *path = castssl_state_path("baseline");
	ConfigVariable *baseline = castssl_manifest_read(path, FORGET);

	*ssl_stored = NULL;
	if (baseline == NULL)
		return false;
	for (ConfigVariable *item = baseline; item != NULL; item = item->next)
	{
		const char *stored = castssl_manifest_value(baseline, STORED(item->value));

		if (strcmp(item->name, KNOWN(item->value)) != 0)
			continue;
		if (strcmp(item->value, "ssl") == 0)
			*ssl_stored = stored;
		else
			castssl_plan_parameter_stored(plan, item->value, stored);
	}
	castssl_plan_file(plan, path, NULL, 0, 0);
	return true;
}

const char *
castssl_baseline_stored(const char *name)
{
	return castssl_manifest_value(castssl_manifest_read(castssl_state_path("baseline"), FORGET),
								  STORED(name));
}

bool
castssl_baseline_exists(void)
{
	struct stat st;

	return lstat(castssl_state_path("baseline"), &st) == 0;
}
