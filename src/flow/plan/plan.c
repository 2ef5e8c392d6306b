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

/* What the value replaces: where the same is in effect, what is stored, which would be loaded. */
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

	/* What ALTER SYSTEM cannot change need not be changed where it is in effect. */
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
	bool has_ssl = false;
	ListCell *cell;

	foreach (cell, plan->parameters)
	{
		plan->touches_tls = true;
		has_ssl |= strcmp(((CastsslChangedParameter *) lfirst(cell))->name, "ssl") == 0;
	}
	foreach (cell, plan->files)
		plan->touches_tls |= ((CastsslPlannedFile *) lfirst(cell))->is_tls;
	/* Where it comes from the command line it guards nothing. */
	if (plan->touches_tls && !has_ssl && castssl_parameter_unchangeable("ssl") == NULL)
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

/* A private key is private, even where the mode that stat shows means nothing. */
static mode_t
mode_to_write(const CastsslMaterialFile *file, CastsslRole role)
{
	if (role == CASTSSL_ROLE_KEY && !castssl_platform_has_modes())
		return 0600; /* LCOV_EXCL_LINE: only on Windows */
	return file->mode ? file->mode : file->st.st_mode & 07777;
}

/*
 * Where the bytes of a file come from: its folder is said for the first file of a folder, and
 * its name where that is another.
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
		castssl_plan_step(plan, "set permissions", label, CASTSSL_STEP_SKIPPED,
						  "access control lists decide here, which the server does "
						  "not check; castssl_check() does");
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

/* The value of a parameter after the plan. */
char *
castssl_plan_value(const CastsslPlan *plan, const char *name)
{
	ListCell *cell;

	foreach (cell, plan->parameters)
	{
		CastsslChangedParameter *planned = lfirst(cell);

		if (strcmp(planned->name, name) == 0)
			return planned->after ? pstrdup(planned->after)
								  : castssl_parameter_value_if_reset(name);
	}
	return castssl_parameter_value(name);
}

/* The planned contents of that path; NULL if the plan does not write it. */
static const CastsslPlannedFile *
find_planned_file(const CastsslPlan *plan, const char *path)
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
		planned = find_planned_file(plan, castssl_path_resolve(name, false));
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
	for (int role = 0; role < CASTSSL_NROLES; role++)
		material_afterwards(plan, role);
}
