/*
 * plan.c
 *		A change as a value: the difference between what is wanted and what exists.
 *		Writes nothing.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "change/record.h"
#include "flow/plan/plan.h"
#include "flow/plan/steps.h"
#include "flow/plan/target.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/platform.h"

CastsslPlan *
castssl_plan_new(const char *action)
{
	CastsslPlan *plan = palloc0(sizeof(CastsslPlan));

	plan->action = action;
	return plan;
}

void
castssl_plan_step(CastsslPlan *plan, const char *action, const char *target, CastsslOutcome outcome,
				  const char *detail)
{
	plan->steps = castssl_step_add(plan->steps, action, target, outcome, detail);
}

void
castssl_plan_warn(CastsslPlan *plan, const char *action, const char *target, CastsslCode code,
				  const char *detail)
{
	castssl_plan_step(plan, action, target, CASTSSL_STEP_WARNING, detail);
	((CastsslStep *) llast(plan->steps))->code = code;
}

const CastsslSession *
castssl_plan_sessions(CastsslPlan *plan, int *count)
{
	if (plan->sessions == NULL)
		plan->sessions = castssl_sessions_read(&plan->nsessions);
	*count = plan->nsessions;
	return plan->sessions;
}

bool
castssl_plan_writes(const CastsslPlan *plan)
{
	return plan->files != NIL || plan->parameters != NIL;
}

bool
castssl_plan_changes(const CastsslPlan *plan)
{
	return castssl_plan_writes(plan) || plan->reload;
}

static CastsslPlannedFile *
add_file(CastsslPlan *plan, const char *path, const char *data, size_t length, mode_t mode)
{
	CastsslPlannedFile *file = palloc0(sizeof(CastsslPlannedFile));

	file->path = path;
	file->data = data;
	file->length = length;
	file->mode = mode;
	plan->files = lappend(plan->files, file);
	return file;
}

void
castssl_plan_file(CastsslPlan *plan, const char *path, const char *data, size_t length, mode_t mode)
{
	size_t now_length;
	struct stat st;
	char *now = castssl_file_read_if_exists(path, CASTSSL_HBA_LIMIT, &now_length, &st);

	if (now == NULL ? data == NULL
					: (data != NULL && now_length == length && memcmp(now, data, length) == 0 &&
					   (st.st_mode & 07777) == mode))
		return;
	add_file(plan, path, data, length, mode);
}

static void
add_parameter(CastsslPlan *plan, const char *name, const char *after)
{
	CastsslChangedParameter *parameter = palloc0(sizeof(CastsslChangedParameter));

	parameter->name = name;
	parameter->after = after;
	plan->parameters = lappend(plan->parameters, parameter);
}

/*
 * What the value replaces: the value in effect or, if that is the same, the stored one, which a
 * reload would load.
 */
static char *
value_before(const char *name, const char *value)
{
	char *now = castssl_parameter_value(name);
	char *stored = castssl_parameter_stored(name);

	if (strcmp(now, value) != 0)
		return psprintf("'%s'", now);
	return stored ? psprintf("stored '%s'", stored) : "not stored";
}

void
castssl_plan_parameter(CastsslPlan *plan, const char *name, const char *value)
{
	char *now = castssl_parameter_value(name);
	char *stored = castssl_parameter_stored(name);

	/* A parameter that ALTER SYSTEM cannot change may stay if the value is in effect. */
	if (strcmp(now, value) == 0 &&
		(stored == NULL || strcmp(stored, value) == 0 || castssl_parameter_unchangeable(name)))
	{
		castssl_plan_step(plan, "set parameter", name, CASTSSL_STEP_UNCHANGED,
						  psprintf("'%s'", value));
		return;
	}
	add_parameter(plan, name, value);
	castssl_plan_step(plan, "set parameter", name, CASTSSL_STEP_CHANGES,
					  psprintf("%s -> '%s'", value_before(name, value), value));
}

void
castssl_plan_parameter_stored(CastsslPlan *plan, const char *name, const char *stored)
{
	if (castssl_parameter_is_stored(name, stored))
	{
		castssl_plan_step(plan, "set parameter", name, CASTSSL_STEP_UNCHANGED,
						  stored ? psprintf("'%s'", stored) : "not stored");
		return;
	}
	add_parameter(plan, name, stored);
	castssl_plan_step(plan, "set parameter", name, CASTSSL_STEP_CHANGES,
					  stored ? psprintf("%s -> '%s'", value_before(name, stored), stored)
							 : psprintf("'%s' -> reset to '%s'", castssl_parameter_value(name),
										castssl_parameter_value_if_reset(name)));
}

void
castssl_plan_guard_ssl(CastsslPlan *plan)
{
	ListCell *cell;

	plan->touches_tls |= plan->parameters != NIL;
	foreach (cell, plan->files)
		plan->touches_tls |= ((CastsslPlannedFile *) lfirst(cell))->is_tls;
	/* A value from the command line overrides a stored ssl = off, so it would guard nothing. */
	if (plan->touches_tls && castssl_changed_parameter(plan->parameters, "ssl") == NULL &&
		castssl_parameter_unchangeable("ssl") == NULL)
		add_parameter(plan, "ssl", castssl_parameter_stored("ssl"));
}

/* The value for a ssl_*_file parameter: relative if the file is in the data directory. */
static const char *
parameter_value_of(const char *name)
{
	if (path_is_prefix_of_path(DataDir, name) && strlen(name) > strlen(DataDir) + 1)
		return name + strlen(DataDir) + 1;
	return name;
}

/* A private key is private, even if the mode that stat shows means nothing. */
static mode_t
mode_to_write(const CastsslMaterialFile *file, CastsslRole role)
{
	if (role == CASTSSL_ROLE_KEY && !castssl_platform_has_modes())
		return 0600; /* LCOV_EXCL_LINE: only on Windows */
	return file->mode ? file->mode : file->st.st_mode & 07777;
}

/*
 * Where the bytes of a file come from.  The folder is named for the first file from it, and the
 * file if its name is another one.
 */
static const char *
install_detail(const CastsslMaterial *material, CastsslRole role)
{
	const CastsslMaterialFile *file = &material->files[role];
	const char *folder;
	const char *name;
	bool said = false;
	bool renamed;

	if (file->source == NULL)
		return file->same ? "already in place" : "written";
	folder = castssl_path_folder(file->source);
	name = castssl_path_base(file->source);
	renamed = strcmp(name, castssl_path_base(file->name)) != 0;
	for (int other = 0; other < (int) role; other++)
	{
		const char *source = material->files[other].source;

		said |= source && strcmp(castssl_path_folder(source), folder) == 0;
	}
	if (said && !renamed)
		return file->same ? "the same" : "copied";
	return psprintf("%s%s %s", file->same ? "same as" : "copied from",
					file->same && !renamed ? " in" : "",
					!renamed ? folder
					: said   ? name
							 : file->source);
}

/* Add the steps and the planned file for one file of the material. */
static void
plan_material_file(CastsslPlan *plan, CastsslRole role)
{
	CastsslMaterialFile *file = &plan->material->files[role];
	const char *label = castssl_path_base(file->name);
	bool stays = castssl_material_stays(file);
	CastsslOutcome outcome = file->same ? CASTSSL_STEP_UNCHANGED : CASTSSL_STEP_CHANGES;

	castssl_plan_step(plan, "install file", label, outcome, install_detail(plan->material, role));

	if (!stays)
	{
		CastsslPlannedFile *planned =
			add_file(plan, file->path, file->data, file->length, mode_to_write(file, role));

		planned->content_same = file->same;
		planned->is_tls = true;
	}
	if (role == CASTSSL_ROLE_KEY && !castssl_platform_has_modes())
	{
		/* LCOV_EXCL_START: only on Windows */
		castssl_plan_step(
			plan, "set permissions", label, CASTSSL_STEP_SKIPPED,
			"access control lists decide here: castssl_check() checks them, the server does not");
		((CastsslStep *) llast(plan->steps))->code = CASTSSL_CODE_access_lists;
		/* LCOV_EXCL_STOP */
	}
	else if (role == CASTSSL_ROLE_KEY)
	{
		castssl_plan_step(plan, "set permissions", label,
						  stays ? CASTSSL_STEP_UNCHANGED : CASTSSL_STEP_CHANGES,
						  psprintf("%04o", (unsigned) mode_to_write(file, role)));
		if (file->source_is_open)
			castssl_plan_warn(
				plan, "set permissions", file->source, CASTSSL_CODE_key_readable,
				"other accounts can read the private key that was copied from here; this "
				"file stays as it is");
	}
}

void
castssl_plan_material(CastsslPlan *plan, CastsslMaterial *material)
{
	plan->material = material;
	castssl_material_separate(material);
	castssl_target_check(material);
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		if (material->files[role].path)
			plan_material_file(plan, role);
	}
	if (material->ca_left)
		castssl_plan_warn(
			plan, "install file", castssl_path_base(material->ca_left), CASTSSL_CODE_ca_left,
			psprintf(
				"not installed: its CAs are not those of \"%s\", against which the server checks "
				"client certificates.  To install it: ca_file => '%s'",
				material->files[CASTSSL_ROLE_CA].name, castssl_path_base(material->ca_left)));
	castssl_plan_step(plan, "check certificate",
					  castssl_path_base(material->files[CASTSSL_ROLE_CERTIFICATE].name),
					  CASTSSL_STEP_FOLLOWS, NULL);
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *name = material->files[role].name;

		castssl_plan_parameter(plan, castssl_role_parameter(role),
							   name ? parameter_value_of(name) : "");
	}
	castssl_plan_parameter(plan, "ssl", "on");
	plan->ssl_after = true;
}

char *
castssl_plan_value(const CastsslPlan *plan, const char *name)
{
	const CastsslChangedParameter *planned = castssl_changed_parameter(plan->parameters, name);

	if (planned == NULL)
		return castssl_parameter_value(name);
	return planned->after ? pstrdup(planned->after) : castssl_parameter_value_if_reset(name);
}

const CastsslPlannedFile *
castssl_plan_written(const CastsslPlan *plan, const char *path)
{
	ListCell *cell;

	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *planned = lfirst(cell);

		if (planned->data && strcmp(planned->path, path) == 0)
			return planned;
	}
	return NULL;
}

/* If the plan writes the file, use its planned bytes.  The file need not exist yet. */
static void
material_afterwards(CastsslPlan *plan, CastsslRole role)
{
	CastsslMaterialFile *file = &plan->material->files[role];
	char *value = castssl_plan_value(plan, castssl_role_parameter(role));
	char *name = castssl_path_in(DataDir, value);
	const CastsslPlannedFile *planned = NULL;

	if (value[0] != '\0')
		planned = castssl_plan_written(plan, castssl_path_resolve(name, false));
	if (planned == NULL)
	{
		castssl_material_configured(plan->material, role, value);
		return;
	}
	file->name = name;
	file->path = planned->path;
	file->data = planned->data;
	file->length = planned->length;
}

void
castssl_plan_material_afterwards(CastsslPlan *plan)
{
	if (!parse_bool(castssl_plan_value(plan, "ssl"), &plan->ssl_after) || !plan->ssl_after)
		return;
	plan->material = palloc0(sizeof(CastsslMaterial));
	plan->material->is_restored = true;
	for (int role = 0; role < CASTSSL_NROLES; role++)
		material_afterwards(plan, role);
}
