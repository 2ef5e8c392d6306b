/*
 * live.c
 *		Checks of changes, of other programs that manage the files, and of live
 *		sessions.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "libpq-fe.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/settings.h"
#include "base/words.h"
#include "change/journal.h"
#include "change/lock.h"
#include "change/recover.h"
#include "change/rollback.h"
#include "change/told.h"
#include "flow/apply/managed.h"
#include "flow/ask/cron.h"
#include "flow/ask/foreign.h"
#include "flow/ask/rotation.h"
#include "flow/check/checks.h"
#include "flow/plan/baseline.h"
#include "flow/recipe/edited_since.h"
#include "hba/edit/edit.h"
#include "server/disk/directories.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/platform.h"

static char *
change_name(const CastsslChange *change)
{
	return psprintf("change " INT64_FORMAT " (%s)", change->id, change->action);
}

/*
 * The hint for a change that waits to be undone: who undoes it.  reason: why it is not undone here;
 * NULL: it is.
 */
static const char *
hint_to_undo(const CastsslChange *change, const char *reason)
{
	if (reason)
		return castssl_change_hint_to_end(change);
	if (castssl_watch_exists())
		return "SELECT * FROM castssl_changes(); by a superuser undoes it.  So does the background "
			   "worker, unless the server's log says why it cannot.";
	return "SELECT * FROM castssl_changes(); by a superuser undoes it.";
}

/* Report a change that has not ended: it is being made, or it waits to be undone. */
static void
report_unfinished(CastsslCheckScope *scope, const CastsslChange *change)
{
	bool applying = (change->state == CASTSSL_APPLYING);
	const char *reason = castssl_change_why_left_alone(change);

	if (castssl_lock_is_held())
		castssl_check_report(
			scope, CASTSSL_WARNING, change_name(change),
			applying ? "is being applied" : "belongs to a transaction that has not ended",
			applying ? "Wait until the call ends: then the change is in effect, or undone."
					 : "Wait until the transaction ends: COMMIT keeps the change, ROLLBACK takes "
					   "it back.");
	else
		castssl_check_report(
			scope, CASTSSL_WARNING, change_name(change),
			psprintf("%s %s%s",
					 applying ? "was interrupted, and" : "its transaction did not commit, and it",
					 reason ? "is not undone here: " : "waits to be undone", reason ? reason : ""),
			hint_to_undo(change, reason));
}

static void
report_open(CastsslCheckScope *scope, const CastsslChange *change)
{
	const char *deadline = castssl_clock_text(change->confirm_deadline);
	const char *reason = castssl_change_why_left_alone(change);

	if (change->state != CASTSSL_UNCONFIRMED)
		report_unfinished(scope, change);
	else if (change->confirm_deadline <= GetCurrentTimestamp())
		castssl_check_report(scope, CASTSSL_ERROR, change_name(change),
							 psprintf("its deadline has passed, and it %s%s",
									  reason ? "is not undone here: " : "was not undone",
									  reason ? reason : ""),
							 hint_to_undo(change, reason));
	else if (reason)
		castssl_check_report(
			scope, CASTSSL_WARNING, change_name(change),
			psprintf("waits to be confirmed, and is not undone at %s: %s", deadline, reason),
			castssl_change_hint_to_end(change));
	else if (castssl_watch_exists())
		castssl_check_report(scope, CASTSSL_WARNING, change_name(change),
							 psprintf("waits to be confirmed, and will be undone at %s", deadline),
							 psprintf("To keep it, as a superuser in a new connection of the kind "
									  "that clients will use: SELECT castssl_confirm(" INT64_FORMAT
									  ");",
									  change->id));
	else
		castssl_check_report(
			scope, CASTSSL_WARNING, change_name(change),
			psprintf("waits to be confirmed until %s, and no worker watches it since the server "
					 "was restarted",
					 deadline),
			"SELECT * FROM castssl_changes(); by a superuser starts the worker that undoes it "
			"then.");
}

/* Report changes that are damaged, have expired, or were not taken back completely. */
static void
report_unknown(CastsslCheckScope *scope)
{
	List *changes = castssl_journal_list();
	ListCell *cell;

	foreach (cell, changes)
	{
		const CastsslChange *change = lfirst(cell);
		bool newest = (change == llast(changes));

		if (change->state == CASTSSL_DAMAGED)
			castssl_check_report(
				scope, newest ? CASTSSL_ERROR : CASTSSL_WARNING, change_name(change),
				psprintf("its record is damaged: %s", change->reason),
				psprintf(
					"Repair by hand what the change has left, then remove the folder \"%s\".%s",
					castssl_journal_path(change->id, NULL),
					newest ? "  Until then nothing can be changed." : ""));
		else if (change->state == CASTSSL_EXPIRED && newest)
			castssl_check_report(scope, CASTSSL_INFO, change_name(change),
								 castssl_change_told(change),
								 "If the change is still wanted, make it again and confirm it in "
								 "time.  The next change ends this row.");
		else if (change->left_alone && newest)
			castssl_check_report(scope, CASTSSL_WARNING, change_name(change), change->reason,
								 "Look at these files, and repair what this server needs.  The "
								 "next change ends this row.");
	}
}

/* For example after pg_upgrade, which does not copy the journal. */
static void
report_marks_without_record(CastsslCheckScope *scope)
{
	if (castssl_journal_ids() != NIL || castssl_baseline_exists())
		return;
	if (castssl_hba_is_marked(scope->policy))
		castssl_check_report(
			scope, CASTSSL_WARNING, scope->policy->files[0]->path,
			"lines have the mark of pg_castssl, but this data directory has no record of any "
			"change, as after pg_upgrade: nothing can be rolled back, and castssl_disable() does "
			"not know the earlier parameters",
			"Nothing to do if the file is as wanted: the next change begins a record.");
}

/* Report lines that castssl_enable() commented out and that no longer stand beside their twin. */
static void
report_moved_marks(CastsslCheckScope *scope)
{
	CastsslHbaEdits edits = { 0 };
	CastsslHbaEdits left = { 0 };

	castssl_hba_undo(scope->policy, &edits, &left);
	for (int i = 0; i < left.count; i++)
		castssl_check_report(scope, CASTSSL_WARNING,
							 psprintf("%s:%d", scope->policy->files[left.items[i].file]->path,
									  left.items[i].line_number),
							 "castssl_enable() commented this line out, and the line that it wrote "
							 "from it is no longer directly above: castssl_disable() leaves it as "
							 "it is",
							 "If the rule is not wanted any more, remove the comment.");
}

void
castssl_check_changes(CastsslCheckScope *scope)
{
	CastsslChange *open = castssl_journal_open_change();

	if (open)
		report_open(scope, open);
	report_unknown(scope);
	report_marks_without_record(scope);
	report_moved_marks(scope);
}

/* What the change wrote, without the files of a CA that somebody has moved since. */
static CastsslChange
without_moved_authority(const CastsslChange *change)
{
	CastsslChange part = *change;
	ListCell *cell;

	if (castssl_ca_directory[0] == '\0')
		return part;
	part.files = NIL;
	foreach (cell, change->files)
	{
		CastsslChangedFile *file = lfirst(cell);

		if (!path_is_prefix_of_path(castssl_state_path("ca"), file->path))
			part.files = lappend(part.files, file);
	}
	return part;
}

static bool
is_among(const List *files, const char *path)
{
	const ListCell *cell;

	foreach (cell, files)
	{
		if (strcmp(((const CastsslChangedFile *) lfirst(cell))->path, path) == 0)
			return true;
	}
	return false;
}

/* What nobody has loaded and comes first, besides edits of these files, which are put back. */
static const char *
unloaded_besides(const CastsslCheckScope *scope, const List *files)
{
	CastsslCheckScope others = *scope;
	ListCell *cell;

	others.unloaded_rules = NIL;
	foreach (cell, scope->unloaded_rules)
	{
		if (!is_among(files, lfirst(cell)))
			others.unloaded_rules = lappend(others.unloaded_rules, lfirst(cell));
	}
	if (others.unloaded_authority && is_among(files, others.unloaded_authority))
		others.unloaded_authority = NULL;
	return castssl_check_unloaded_first(&others);
}

void
castssl_check_edited_since(CastsslCheckScope *scope)
{
	CastsslChange *last = castssl_journal_in_effect();
	CastsslChange part;
	const char *first;
	char *paths;

	/*
	 * a change made before the data directory was copied here may be about another server's files
	 */
	if (last == NULL || last->moved)
		return;
	part = without_moved_authority(last);
	paths = castssl_change_edited_since(&part);
	if (paths == NULL)
		return;
	/* where the change waits, its undoing keeps the edits, and loads them */
	first = unloaded_besides(scope, last->state == CASTSSL_UNCONFIRMED ? NIL : part.files);
	castssl_check_report(scope, CASTSSL_INFO, paths,
						 psprintf("edited by hand since change " INT64_FORMAT
								  ", so that this change cannot be rolled back",
								  last->id),
						 psprintf("%s%sIf the edits are wanted, there is nothing to do: the "
								  "next change ends this row.",
								  first ? first : castssl_change_ways_back(last, part.files),
								  first ? "  " : ""));
}

void
castssl_check_managed_elsewhere(CastsslCheckScope *scope)
{
	const char *const paths[] = { ConfigFileName, HbaFileName };

	for (int i = 0; i < lengthof(paths); i++)
	{
		const char *manager = castssl_managed_by(paths[i]);

		if (manager)
			castssl_check_report(
				scope, CASTSSL_WARNING, paths[i],
				psprintf("%s writes this file: changes made here do not last", manager),
				psprintf("Change the configuration in %s.", manager));
		if (castssl_platform_is_read_only(paths[i]))
			castssl_check_report(
				scope, CASTSSL_INFO, paths[i], "lies on a read-only file system",
				psprintf("Change the configuration where it is managed from.  %s",
						 castssl_directory_read_only_hint(castssl_path_folder(paths[i]))));
	}
}

void
castssl_check_foreign_servers(CastsslCheckScope *scope)
{
	CastsslForeignRefused refused = castssl_foreign_refused(scope->policy, scope->ssl);

	if (refused.count > 0)
		castssl_check_report(scope, CASTSSL_WARNING, "foreign servers",
							 psprintf("%s at this server and would be refused, such as %s",
									  castssl_counted(refused.count, "foreign server points",
													  "foreign servers point"),
									  refused.example),
							 refused.hint);
}

void
castssl_check_cron_jobs(CastsslCheckScope *scope)
{
	CastsslCronRefused refused = castssl_cron_refused(scope->policy, scope->ssl);

	if (refused.count > 0)
		castssl_check_report(
			scope, CASTSSL_WARNING, "pg_cron",
			psprintf("%s by TCP and would be refused, such as %s",
					 castssl_counted(refused.count, "active job connects", "active jobs connect"),
					 refused.example),
			psprintf("%sHave all jobs use background workers (cron.use_background_workers, with a "
					 "restart), or admit them in pg_hba.conf.",
					 refused.statement ? psprintf("%s  by a superuser has these jobs use the "
												  "socket.  Or: ",
												  refused.statement)
									   : ""));
}

/*
 * Does a CA in the current bundle have this name, in the form of pg_stat_ssl (cut to
 * NAMEDATALEN)?
 */
static bool
is_trusted(const CastsslCertificates *authorities, const char *issuer_dn)
{
	for (int i = 0; i < authorities->count; i++)
	{
		char *name;

		if (authorities->items[i].x509 == NULL)
			continue;
		name = castssl_name_slashes(X509_get_subject_name(authorities->items[i].x509));
		if (strncmp(name, issuer_dn, NAMEDATALEN - 1) == 0)
			return true;
	}
	return false;
}

void
castssl_check_sessions_ca(CastsslCheckScope *scope)
{
	int count = 0;
	const char *issuer = NULL;

	if (scope->material.files[CASTSSL_ROLE_CA].path == NULL)
		return;
	for (int i = 0; i < scope->nsessions; i++)
	{
		const CastsslSession *session = &scope->sessions[i];

		if (session->issuer_dn && !is_trusted(&scope->authorities, session->issuer_dn))
		{
			issuer = session->issuer_dn;
			count++;
		}
	}
	if (count > 0)
		castssl_check_report(
			scope, CASTSSL_WARNING, "sessions",
			psprintf("%s showed certificates of an issuer that is not in ssl_ca_file (%s): their "
					 "clients can come back only if the issuer is an intermediate CA and they send "
					 "its certificate, too",
					 castssl_counted(count, "live session", "live sessions"), issuer),
			"Give these clients new certificates, or keep both CAs in ssl_ca_file until they have "
			"them: castssl_install(ca => ...).");
}

void
castssl_check_ca_rotation(CastsslCheckScope *scope)
{
	const CastsslMaterialFile *ca = &scope->material.files[CASTSSL_ROLE_CA];
	CastsslFindings findings = { 0 };

	if (!scope->ssl || ca->path == NULL)
		return;
	castssl_rotation_judge(ca->name, &scope->authorities, scope->sessions, scope->nsessions,
						   &findings);
	for (int i = 0; i < findings.count; i++)
		castssl_check_report(
			scope, findings.items[i].severity, findings.items[i].subject,
			psprintf("%s.  %s", findings.items[i].message, findings.items[i].detail),
			"Drop a CA when no client uses its certificates any more: castssl_install(ca => ...).");
}

/*
 * The value of a parameter in a connection string, as libpq reads it; NULL if it is not given, or
 * if the string is not valid.
 */
static char *
conninfo_value(const char *conninfo, const char *keyword)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
	char *value = NULL;

	for (PQconninfoOption *one = options; one && one->keyword && value == NULL; one++)
	{
		if (strcmp(one->keyword, keyword) == 0 && one->val != NULL)
			value = pstrdup(one->val);
	}
	PQconninfoFree(options);
	return value;
}

void
castssl_check_standby(CastsslCheckScope *scope)
{
	char *conninfo = castssl_parameter_value("primary_conninfo");
	char *sslmode;

	if (!RecoveryInProgress() || conninfo[0] == '\0')
		return;
	/* What a service file or the environment adds is unknown here. */
	if (conninfo_value(conninfo, "service") != NULL)
		return;
	sslmode = conninfo_value(conninfo, "sslmode");
	if (sslmode == NULL || strncmp(sslmode, "verify-", 7) != 0)
		castssl_check_report(scope, CASTSSL_WARNING, "primary_conninfo",
							 "replication does not verify the primary's certificate",
							 "Add sslmode=verify-full and sslrootcert to the value of "
							 "primary_conninfo, by ALTER SYSTEM or where it is set.  Then reload.");
}
