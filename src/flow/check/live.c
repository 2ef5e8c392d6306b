/*
 * live.c
 *		Checks of changes, of other programs that manage the files, and of live
 *		sessions.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/words.h"
#include "change/journal.h"
#include "change/lock.h"
#include "change/rollback.h"
#include "change/told.h"
#include "flow/apply/managed.h"
#include "flow/ask/cron.h"
#include "flow/ask/rotation.h"
#include "flow/check/checks.h"
#include "flow/plan/baseline.h"
#include "hba/edit/edit.h"
#include "server/disk/directories.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/process/platform.h"

static char *
change_name(const CastsslChange *change)
{
	return psprintf("change " INT64_FORMAT " (%s)", change->id, change->action);
}

/* It waits to be undone: who does that, and what a person may type. */
static const char *
hint_to_undo(void)
{
	if (castssl_watch_exists())
		return "SELECT * FROM castssl_changes(); by a superuser undoes it.  So does the background "
			   "worker, unless the server's log says why it cannot.";
	return "SELECT * FROM castssl_changes(); by a superuser undoes it.";
}

/* It has not ended: somebody is at it, or it waits to be undone. */
static void
report_unfinished(CastsslCheckScope *scope, const CastsslChange *change)
{
	bool applying = (change->state == CASTSSL_APPLYING);

	if (castssl_lock_is_held())
		castssl_check_report(
			scope, CASTSSL_WARNING, change_name(change),
			applying ? "is being applied" : "belongs to a transaction that has not ended",
			applying ? "Wait until its call ends: then it is in effect, or undone."
					 : "Wait until that ends: COMMIT keeps the change, ROLLBACK takes it back.");
	else
		castssl_check_report(scope, CASTSSL_WARNING, change_name(change),
							 applying ? "was interrupted, and waits to be undone"
									  : "its transaction did not commit, and it waits to be undone",
							 hint_to_undo());
}

static void
report_open(CastsslCheckScope *scope, const CastsslChange *change)
{
	const char *deadline = timestamptz_to_str(change->confirm_deadline);

	if (change->state != CASTSSL_UNCONFIRMED)
		report_unfinished(scope, change);
	else if (change->confirm_deadline <= GetCurrentTimestamp())
		castssl_check_report(scope, CASTSSL_ERROR, change_name(change),
							 "its deadline has passed, and it was not undone", hint_to_undo());
	else if (castssl_watch_exists())
		castssl_check_report(
			scope, CASTSSL_WARNING, change_name(change),
			psprintf("waits for confirmation, and is undone at %s", deadline),
			psprintf("SELECT castssl_confirm(" INT64_FORMAT
					 "); by a superuser, in a new connection of the kind that clients are to use, "
					 "keeps it.",
					 change->id));
	else
		castssl_check_report(
			scope, CASTSSL_WARNING, change_name(change),
			psprintf("waits for confirmation until %s, and nobody watches over it since the server "
					 "was restarted",
					 deadline),
			"SELECT * FROM castssl_changes(); by a superuser has it watched, and undone then.");
}

/* What the journal of this data directory does not know, or could not take back. */
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
				psprintf("Put right by hand what it has left, then remove the folder \"%s\".%s",
						 castssl_journal_path(change->id, NULL),
						 newest ? "  Until then nothing can be changed." : ""));
		else if (change->state == CASTSSL_EXPIRED && newest)
			castssl_check_report(
				scope, CASTSSL_INFO, change_name(change), castssl_change_told(change),
				"Where it is wanted still, make it again, and confirm it in time.  "
				"The next change ends this row.");
		else if (change->left_alone && newest)
			castssl_check_report(scope, CASTSSL_WARNING, change_name(change), change->reason,
								 "Look at these files, and put right what this server needs.  The "
								 "next change ends this row.");
	}
}

/* After pg_upgrade, say, which leaves the journal behind. */
static void
report_marks_without_record(CastsslCheckScope *scope)
{
	if (castssl_journal_ids() != NIL || castssl_baseline_exists())
		return;
	if (castssl_hba_is_marked(scope->policy))
		castssl_check_report(
			scope, CASTSSL_WARNING, scope->policy->files[0]->path,
			"lines are marked as those of pg_castssl, but this data directory has no record of any "
			"change, as after pg_upgrade: nothing can be rolled back, and castssl_disable() does "
			"not know the parameters of before",
			"Nothing to do where the file is as wanted; the next change begins a record.");
}

/* A line that was commented out by castssl_enable() and no longer stands beside its twin. */
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
							 "castssl_enable() commented this line out, and its twin no longer "
							 "stands directly above "
							 "it: castssl_disable() leaves it as it is",
							 "Remove the comment where the rule is not wanted any more.");
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

void
castssl_check_edited_since(CastsslCheckScope *scope)
{
	CastsslChange *last = castssl_journal_in_effect();
	/* what was made before the data directory was copied here need not be this server's files */
	char *paths = last && !last->moved ? castssl_change_edited_since(last) : NULL;

	if (paths)
		castssl_check_report(scope, CASTSSL_INFO, paths,
							 psprintf("edited by hand since change " INT64_FORMAT
									  ", which can therefore not be rolled back",
									  last->id),
							 "Nothing to do where the edits are wanted.");
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
castssl_check_cron_jobs(CastsslCheckScope *scope)
{
	CastsslCronRefused refused = castssl_cron_refused(scope->policy, scope->ssl);

	if (refused.count > 0)
		castssl_check_report(
			scope, CASTSSL_WARNING, "pg_cron",
			psprintf("%s by TCP and would be refused, such as %s",
					 castssl_counted(refused.count, "active job connects", "active jobs connect"),
					 refused.example),
			"Have the jobs use the socket (UPDATE cron.job SET nodename = '', by a superuser) or "
			"background workers (cron.use_background_workers, with a restart), or admit them in "
			"pg_hba.conf.");
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
			psprintf("%s showed certificates of an issuer that is not "
					 "in ssl_ca_file (%s): they can come back only if that is an "
					 "intermediate CA whose certificate they send along",
					 castssl_counted(count, "live session", "live sessions"), issuer),
			"Give these clients new certificates, or have ssl_ca_file hold both CAs "
			"until they have them: castssl_install(ca => ...).");
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
			"Drop a CA when none of its clients is left: castssl_install(ca => "
			"...).");
}

void
castssl_check_standby(CastsslCheckScope *scope)
{
	char *conninfo = castssl_parameter_value("primary_conninfo");
	char *sslmode;

	if (!RecoveryInProgress() || conninfo[0] == '\0')
		return;
	/* What a service file or the environment adds is unknown here. */
	if (castssl_conninfo_value(conninfo, "service") != NULL)
		return;
	sslmode = castssl_conninfo_value(conninfo, "sslmode");
	if (sslmode == NULL || strncmp(sslmode, "verify-", 7) != 0)
		castssl_check_report(scope, CASTSSL_WARNING, "primary_conninfo",
							 "replication does not verify the primary's certificate",
							 "Add sslmode=verify-full and the sslrootcert to what primary_conninfo "
							 "says now, by ALTER SYSTEM or where it is set, and keep the rest of "
							 "it.  Then reload.");
}
