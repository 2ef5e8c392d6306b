/*
 * unloaded.c
 *		What somebody has edited that the server has not loaded.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "change/journal.h"
#include "flow/ask/unloaded.h"
#include "flow/plan/material.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/swap.h"
#include "server/included.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/reload.h"

static void
add_name(StringInfo list, const char *name)
{
	appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", name);
}

static void
add_unloaded(StringInfo list, const char *path)
{
	if (castssl_reload_covers(path) == CASTSSL_NOT_LOADED)
		add_name(list, path);
}

static void
add_unloaded_parameters(StringInfo list, const char *path)
{
	if (castssl_reload_covers_parameters(path) == CASTSSL_NOT_LOADED)
		add_name(list, path);
}

char *
castssl_unloaded_hash(const CastsslHbaPolicy *policy)
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

/* Has the newest change loaded these rules, and nobody loaded anything since? */
static bool
are_loaded_by_change(const CastsslHbaPolicy *policy)
{
	const CastsslChange *change = castssl_journal_latest();

	return change && castssl_change_is_in_effect(change) && change->rules &&
		   change->server_start == PgStartTime && PgReloadTime <= change->applied_at &&
		   strcmp(change->rules, castssl_unloaded_hash(policy)) == 0;
}

static void
add_rules(StringInfo list, const CastsslHbaPolicy *policy)
{
	StringInfoData files;

	initStringInfo(&files);
	for (int i = 0; i < policy->nfiles; i++)
		add_unloaded(&files, policy->files[i]->path);
	if (files.len > 0 && !are_loaded_by_change(policy))
		appendStringInfoString(list, files.data);
}

static void
add_configuration(StringInfo list, const CastsslHbaPolicy *policy)
{
	ListCell *cell;

	add_rules(list, policy);
	add_unloaded(list, IdentFileName);
	add_unloaded_parameters(list, ConfigFileName);
	add_unloaded_parameters(list, castssl_path_in(DataDir, PG_AUTOCONF_FILENAME));
	foreach (cell, castssl_included_paths())
	{
		if (castssl_hba_policy_file(policy, lfirst(cell)) == NULL)
			add_unloaded_parameters(list, lfirst(cell));
	}
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

	return name && castssl_reload_covers(name) == CASTSSL_NOT_LOADED;
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
			add_name(&list, castssl_material_named(role));
	}
	return list.len > 0 ? list.data : NULL;
}

bool
castssl_unloaded_turns_tls_off(void)
{
	bool on = true;

	return castssl_tls_is_on() && parse_bool(castssl_parameter_at_start("ssl"), &on) && !on;
}

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
		if (castssl_same_text(castssl_parameter_value_if_reset(name), value))
			appendStringInfo(&text, "ALTER SYSTEM RESET %s;", name);
		else
			appendStringInfo(&text, "ALTER SYSTEM SET %s = %s;", name, quote_literal_cstr(value));
	}
	return text.data;
}

/* Does the plan itself say what the parameter is afterwards?  ssl is stored only to be as it was.
 */
static bool
is_set_by(const CastsslPlan *plan, const char *name)
{
	bool is_ssl = strcmp(name, "ssl") == 0;
	bool on = false;
	ListCell *cell;

	foreach (cell, plan->parameters)
	{
		if (strcmp(((CastsslChangedParameter *) lfirst(cell))->name, name) == 0)
			return !is_ssl || (parse_bool(castssl_plan_value(plan, name), &on) && on);
	}
	return false;
}

/* These decide nothing about clients; whether the key can be loaded the proof says. */
static bool
concerns_nobody(const char *name)
{
	return strcmp(name, "ssl_prefer_server_ciphers") == 0 ||
		   strncmp(name, "ssl_passphrase_command", strlen("ssl_passphrase_command")) == 0;
}

/* A call that only loads what is there is asked for it: it may, where nobody has come by TLS. */
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

void
castssl_unloaded_check_parameters(CastsslPlan *plan, bool force)
{
	List *waiting;
	bool allowed;
	List *names = NIL;
	StringInfoData list;
	ListCell *cell;

	if (!castssl_tls_is_on() || !plan->ssl_after)
		return;
	waiting = castssl_parameters_waiting();
	if (waiting == NIL)
		return; /* nor is there any need to look at sessions */
	allowed = force || may_only_load(plan);
	initStringInfo(&list);
	foreach (cell, waiting)
	{
		char *name = lfirst(cell);

		if (concerns_nobody(name) || is_set_by(plan, name) || (allowed && strcmp(name, "ssl") != 0))
			continue;
		names = lappend(names, name);
		add_name(&list, name);
	}
	foreach (cell, names)
	{
		if (strcmp(lfirst(cell), "ssl") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("TLS would go off with this change"),
					 errdetail("Somebody has set ssl to off since the last reload, and the reload "
							   "of this change would put that into effect."),
					 errhint("To keep TLS: ALTER SYSTEM SET ssl = on;  To turn it off first: "
							 "SELECT * FROM castssl_reload();"),
					 castssl_err_reason("castssl_would_cut_off")));
	}
	if (names != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this change would load parameters that somebody else has set"),
				 errdetail("The values of %s in the configuration files are not in effect, and the "
						   "reload of this change would load them.  Whom that cuts off is not "
						   "known, and confirm_within would not take it back.",
						   list.data),
				 errhint("To keep what is in effect: %s  To load them first: SELECT * FROM "
						 "castssl_reload();",
						 castssl_unloaded_keep_statements(names)),
				 castssl_err_reason("castssl_would_cut_off")));
}
