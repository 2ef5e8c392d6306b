/*
 * managed.c
 *		Configuration files that another program writes, and what to tell that program.
 *
 * Patroni writes postgresql.conf whenever it starts or reloads the server.  If its own
 * configuration has a list of rules, it writes pg_hba.conf, too.  So a change made
 * here would be in effect on this node until then, and on no other node.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "base/compat.h"
#include "base/words.h"
#include "change/record.h"
#include "flow/apply/managed.h"
#include "hba/text/mask.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/platform.h"

#define PATRONI "Patroni"

const char *
castssl_managed_by(const char *path)
{
	static const struct
	{
		const char *mark;
		const char *name;
	} managers[] = { { "Patroni", PATRONI },
					 { "managed by Puppet", "Puppet" },
					 { "managed by Chef", "Chef" },
					 { "Ansible managed", "Ansible" } };
	size_t length;
	char *data = castssl_file_read_if_exists(castssl_path_resolve(path, false), CASTSSL_HBA_LIMIT,
											 &length, NULL);

	if (data == NULL)
		return NULL;
	if (length > 1024)
		data[1024] = '\0';
	for (int i = 0; i < lengthof(managers); i++)
	{
		if (strstr(data, managers[i].mark))
			return managers[i].name;
	}
	return NULL;
}

/* Does the plan change the value? ssl may be in the plan only to be off during the switch. */
static bool
is_changed(const CastsslChangedParameter *parameter)
{
	if (parameter->after == NULL)
		return castssl_parameter_stored(parameter->name) != NULL;
	return strcmp(parameter->after, castssl_parameter_value(parameter->name)) != 0;
}

static bool
changes_parameters(const CastsslPlan *plan)
{
	ListCell *cell;

	foreach (cell, plan->parameters)
	{
		if (is_changed(lfirst(cell)))
			return true;
	}
	return false;
}

/* A JSON string is a YAML string, too. */
static void
add_parameters(StringInfo yaml, const CastsslPlan *plan)
{
	ListCell *cell;

	appendStringInfoString(yaml, "\n  parameters:");
	foreach (cell, plan->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);

		if (!is_changed(parameter))
			continue;
		appendStringInfo(yaml, "\n    %s: ", parameter->name);
		if (parameter->after)
			escape_json(yaml, parameter->after);
		else
			appendStringInfoString(yaml, "null");
	}
}

/* All rules, because such a list replaces the whole file.  Passwords in them are masked. */
static void
add_rules(StringInfo yaml, const CastsslHbaPolicy *policy)
{
	StringInfoData joined;

	initStringInfo(&joined);
	appendStringInfoString(yaml, "\n  pg_hba:");
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];
		size_t length;
		const char *text =
			castssl_hba_record_text(policy->files[rule->file], rule->record, &joined, &length);

		appendStringInfoString(yaml, "\n    - ");
		escape_json(yaml, castssl_hba_mask(text, length));
	}
	pfree(joined.data);
}

/* Where the TLS files must be, on every node.  NULL: the plan writes none. */
static char *
files_to_copy(const CastsslPlan *plan)
{
	StringInfoData files;
	ListCell *cell;

	initStringInfo(&files);
	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *file = lfirst(cell);

		if (file->is_tls && file->data)
			appendStringInfo(&files, "%s\"%s\"", files.len > 0 ? ", " : "", file->path);
	}
	return files.len > 0 ? files.data : NULL;
}

/*
 * Why the plan must not be carried out here; NULL: it can be. *manager: the program to
 * tell, or NULL.
 */
static const char *
why_not_here(const CastsslPlan *plan, bool parameters, const char **manager)
{
	const char *path = HbaFileName;

	*manager = plan->hba_changes ? castssl_managed_by(path) : NULL;
	if (*manager == NULL && (parameters || plan->hba_changes))
	{
		/* what other programs write into postgresql.conf does not touch postgresql.auto.conf */
		path = ConfigFileName;
		*manager = castssl_managed_by(path);
		if (*manager && strcmp(*manager, PATRONI) != 0)
			*manager = NULL;
	}
	if (*manager)
		return psprintf("%s writes \"%s\": a change made here would not last", *manager, path);
	if (plan->hba_changes && castssl_platform_is_read_only(HbaFileName))
		return psprintf("\"%s\" lies on a read-only file system", HbaFileName);
	if (plan->hba_changes && castssl_platform_is_mount_point(HbaFileName))
		return psprintf("\"%s\" is a mount point, and cannot be replaced", HbaFileName);
	if (parameters && !castssl_alter_system_allowed())
		return "allow_alter_system is off: this server's parameters are managed from outside";
	return NULL;
}

void
castssl_managed_refuse(const CastsslPlan *plan)
{
	bool parameters = changes_parameters(plan);
	const char *manager;
	const char *why = why_not_here(plan, parameters, &manager);
	char *files;
	StringInfoData yaml;

	if (why == NULL)
		return;
	initStringInfo(&yaml);
	appendStringInfoString(&yaml, "postgresql:");
	if (parameters)
		add_parameters(&yaml, plan);
	if (plan->hba_changes)
		add_rules(&yaml, plan->hba_after);
	files = files_to_copy(plan);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", why),
			 errdetail("What is asked for is this, as YAML:\n%s", yaml.data),
			 errhint("%sPut it where the server is configured from%s%s",
					 castssl_is_pasteable(files)
						 ? psprintf("Copy the files to their places on every node: %s.  ", files)
						 : "",
					 manager && strcmp(manager, PATRONI) == 0 ? " (patronictl edit-config)." : ".",
					 manager ? "  With force => true it is done here nonetheless." : "")));
}
