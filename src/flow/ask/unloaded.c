/*
 * unloaded.c
 *		Edits that the server has not loaded.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/words.h"
#include "change/journal.h"
#include "flow/ask/unloaded.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/material.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/hba_files.h"
#include "server/included.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/reload.h"

static void
add_unloaded_parameters(StringInfo list, const char *path)
{
	if (castssl_reload_covers_parameters(path) == CASTSSL_NOT_LOADED)
		castssl_append_listed(list, path);
}

static char *
hash_of_rules(const CastsslHbaPolicy *policy)
{
	StringInfoData text;
	char *hash;

	initStringInfo(&text);
	for (int i = 0; i < policy->nfiles; i++)
		appendStringInfo(&text, "%s %s\n",
						 castssl_file_hash(policy->files[i]->data, policy->files[i]->length),
						 policy->files[i]->path);
	hash = castssl_file_hash(text.data, text.len);
	pfree(text.data);
	return hash;
}

/* NULL material: the one in use. */
static char *
hash_of_role(const CastsslMaterial *material, CastsslRole role)
{
	CastsslPem pem =
		material ? castssl_material_pem(material, role) : castssl_material_pem_in_use(role);

	return pem.data ? castssl_file_hash(pem.data, pem.length) : NULL;
}

void
castssl_unloaded_remember(CastsslChange *change, const CastsslPlan *plan)
{
	change->rules = hash_of_rules(plan->hba_after);
	if (plan->material == NULL && plan->touches_tls)
		return; /* it turns TLS off, and the files may be others afterwards */
	change->ca = hash_of_role(plan->material, CASTSSL_ROLE_CA);
	change->crl = hash_of_role(plan->material, CASTSSL_ROLE_CRL);
}

/* The newest change, if it is in effect and nobody has loaded anything since; otherwise NULL. */
static const CastsslChange *
change_loaded_last(void)
{
	const CastsslChange *change = castssl_journal_latest();

	return change && castssl_change_is_in_effect(change) && change->server_start == PgStartTime &&
				   PgReloadTime <= change->applied_at
			   ? change
			   : NULL;
}

/* Has the newest change loaded these rules, and nobody loaded anything since? */
static bool
are_loaded_by_change(const CastsslHbaPolicy *policy)
{
	const CastsslChange *change = change_loaded_last();

	return change && change->rules && strcmp(change->rules, hash_of_rules(policy)) == 0;
}

/* The same for the CA or CRL file in use. */
static bool
is_loaded_by_change(CastsslRole role)
{
	const CastsslChange *change = change_loaded_last();
	const char *loaded = NULL;
	const char *now;

	if (change && role == CASTSSL_ROLE_CA)
		loaded = change->ca;
	else if (change && role == CASTSSL_ROLE_CRL)
		loaded = change->crl;
	now = loaded ? hash_of_role(NULL, role) : NULL;
	return now && strcmp(loaded, now) == 0;
}

static List *
add_unloaded(List *list, const char *path)
{
	ListCell *cell;

	foreach (cell, list)
	{
		if (strcmp(lfirst(cell), path) == 0)
			return list;
	}
	return castssl_reload_covers(path) == CASTSSL_NOT_LOADED ? lappend(list, pstrdup(path)) : list;
}

List *
castssl_unloaded_rules(const CastsslHbaPolicy *policy)
{
	List *list = NIL;
	ListCell *cell;

	for (int i = 0; i < policy->nfiles; i++)
		list = add_unloaded(list, policy->files[i]->path);
	if (list != NIL && are_loaded_by_change(policy))
		list = NIL;
	list = add_unloaded(list, IdentFileName);
	foreach (cell, castssl_hba_files_named())
	{
		if (castssl_hba_policy_file(policy, lfirst(cell)) == NULL)
			list = add_unloaded(list, lfirst(cell));
	}
	return list;
}

static void
add_configuration(StringInfo list, const CastsslHbaPolicy *policy)
{
	ListCell *cell;

	foreach (cell, castssl_unloaded_rules(policy))
		castssl_append_listed(list, lfirst(cell));
	add_unloaded_parameters(list, ConfigFileName);
	add_unloaded_parameters(list, castssl_path_in(DataDir, PG_AUTOCONF_FILENAME));
	foreach (cell, castssl_included_by_parameters())
		add_unloaded_parameters(list, lfirst(cell));
}

char *
castssl_unloaded_configuration(const CastsslHbaPolicy *policy)
{
	StringInfoData list;

	initStringInfo(&list);
	add_configuration(&list, policy);
	return list.len > 0 ? list.data : NULL;
}

bool
castssl_unloaded_role(CastsslRole role)
{
	char *name = castssl_tls_is_on() ? castssl_material_named(role) : NULL;

	return name && castssl_reload_covers(name) == CASTSSL_NOT_LOADED && !is_loaded_by_change(role);
}

char *
castssl_unloaded_files(const CastsslHbaPolicy *policy)
{
	StringInfoData list;

	initStringInfo(&list);
	add_configuration(&list, policy);
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		if (castssl_unloaded_role(role))
			castssl_append_listed(&list, castssl_material_named(role));
	}
	return list.len > 0 ? list.data : NULL;
}

bool
castssl_unloaded_turns_tls_off(void)
{
	bool on = true;

	return castssl_tls_is_on() && parse_bool(castssl_parameter_at_start("ssl"), &on) && !on;
}

/* "ALTER SYSTEM SET ssl = 'on';", ...: the statements that keep the values in effect. */
char *
castssl_unloaded_keep_statements(const List *names)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, names)
	{
		const char *name = lfirst(cell);
		char *value = castssl_parameter_value(name);

		if (text.len > 0)
			appendStringInfoChar(&text, ' ');
		/* its value may hold a secret, and others than superusers read the hint */
		if (strcmp(name, "ssl_passphrase_command") == 0)
			appendStringInfo(&text, "Put the value of %s back.", name);
		else
		{
			bool reset = castssl_same_text(castssl_parameter_value_if_reset(name), value);

			appendStringInfoString(&text, castssl_parameter_statement(name, reset ? NULL : value));
		}
	}
	return text.data;
}

/* Does the plan itself set the value that the parameter gets?  For ssl, only if it sets on. */
static bool
is_set_by(const CastsslPlan *plan, const char *name)
{
	bool on = false;

	if (castssl_changed_parameter(plan->parameters, name) == NULL)
		return false;
	return strcmp(name, "ssl") != 0 || (parse_bool(castssl_plan_value(plan, name), &on) && on);
}

/* Has the caller named the file that the parameter is to have? */
static bool
is_named(const CastsslPlan *plan, const char *name)
{
	const CastsslWhich *which = plan->material ? plan->material->which : NULL;

	for (int role = 0; which && role < CASTSSL_NROLES; role++)
	{
		if (strcmp(castssl_role_parameter(role), name) == 0)
			return which->names[role] || (which->source_dir && role <= CASTSSL_ROLE_KEY);
	}
	return false;
}

/*
 * Does the plan store the value in effect instead of the one that waits?  Nobody asked for that:
 * a value that the call does not name stays as it is.  What turns TLS on is asked for.
 */
static bool
is_dropped_by(const CastsslPlan *plan, const char *name)
{
	return strcmp(name, "ssl") != 0 && !is_named(plan, name) &&
		   castssl_changed_parameter(plan->parameters, name) != NULL &&
		   castssl_same_text(castssl_plan_value(plan, name), castssl_parameter_value(name));
}

/* These do not affect clients.  The proof shows whether the key can be loaded. */
static bool
concerns_nobody(const char *name)
{
	return strcmp(name, "ssl_prefer_server_ciphers") == 0 ||
		   strncmp(name, "ssl_passphrase_command", strlen("ssl_passphrase_command")) == 0;
}

/*
 * May the plan load them?  Only if it writes nothing, since a reload is what it was called for,
 * and if no session uses TLS.
 */
static bool
may_only_load(CastsslPlan *plan)
{
	int count;
	const CastsslSession *sessions;

	if (castssl_plan_writes(plan))
		return false;
	sessions = castssl_plan_sessions(plan, &count);
	for (int i = 0; i < count; i++)
	{
		if (sessions[i].connection.encryption == CASTSSL_TLS)
			return false;
	}
	return true;
}

/* Lines in one row */
#define MOST_LINES 5

/*
 * A sentence with the lines of the file that ask for no proof, to be appended.  Which of them the
 * server has loaded is not known.  "": there are none.
 */
static const char *
without_password(const CastsslHbaPolicy *policy, const char *path)
{
	StringInfoData places;
	int count = 0;

	initStringInfo(&places);
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		if (rule->error == NULL && strcmp(rule->method, "trust") == 0 &&
			strcmp(policy->files[rule->file]->path, path) == 0 && count++ < MOST_LINES)
			castssl_append_listed(&places,
								  castssl_hba_plan_place(policy, rule->file, rule->line_number));
	}
	if (count > MOST_LINES)
		castssl_append_listed(&places, psprintf("and %d more", count - MOST_LINES));
	return count == 0
			   ? ""
			   : psprintf(".  It lets clients in without a password (trust): %s", places.data);
}

void
castssl_unloaded_warn(CastsslPlan *plan)
{
	ListCell *cell;

	foreach (cell, castssl_unloaded_rules(plan->hba_before))
		castssl_plan_warn(
			plan, strcmp(lfirst(cell), IdentFileName) == 0 ? "edit pg_ident" : "edit pg_hba",
			lfirst(cell), CASTSSL_CODE_loads_edits,
			psprintf("somebody has edited this file since the last reload: what was edited "
					 "takes effect with this change, and stays when the change is undone%s",
					 without_password(plan->hba_before, lfirst(cell))));
}

void
castssl_unloaded_check_parameters(CastsslPlan *plan, bool force)
{
	List *waiting;
	bool allowed;
	List *names = NIL;
	List *dropped = NIL;
	StringInfoData list;
	StringInfoData list_dropped;
	ListCell *cell;

	if (!castssl_tls_is_on() || !plan->ssl_after)
		return;
	waiting = castssl_parameters_waiting();
	if (waiting == NIL)
		return; /* so there is no need to read the sessions */
	allowed = force || may_only_load(plan);
	initStringInfo(&list);
	initStringInfo(&list_dropped);
	foreach (cell, waiting)
	{
		char *name = lfirst(cell);

		if (!allowed && is_dropped_by(plan, name))
		{
			dropped = lappend(dropped, name);
			castssl_append_listed(&list_dropped, name);
		}
		if (concerns_nobody(name) || is_set_by(plan, name) || (allowed && strcmp(name, "ssl") != 0))
			continue;
		names = lappend(names, name);
		castssl_append_listed(&list, name);
	}
	foreach (cell, names)
	{
		if (strcmp(lfirst(cell), "ssl") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("this change would turn TLS off"),
					 errdetail("Somebody has set ssl = off since the last reload, and the reload "
							   "of this change would load it."),
					 errhint("To keep TLS: ALTER SYSTEM SET ssl = on;  To turn it off first: "
							 "SELECT * FROM castssl_reload();"),
					 castssl_err_reason("castssl_would_cut_off")));
	}
	if (dropped != NIL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this change would drop parameters that somebody else has set"),
						errdetail("The values of %s in the configuration files are not in effect, "
								  "and this change would store the values in effect instead.",
								  list_dropped.data),
						errhint("To drop them: %s  To load them first: SELECT * FROM "
								"castssl_reload();",
								castssl_unloaded_keep_statements(dropped)),
						castssl_err_reason("castssl_would_cut_off")));
	if (names != NIL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this change would load parameters that somebody else has set"),
						errdetail("The values of %s in the configuration files are not in effect, "
								  "and the reload of this change would load them.  Nobody can know "
								  "whom that cuts off, and confirm_within would not undo it.",
								  list.data),
						errhint("To keep what is in effect: %s  To load them first: SELECT * FROM "
								"castssl_reload();",
								castssl_unloaded_keep_statements(names)),
						castssl_err_reason("castssl_would_cut_off")));
}
