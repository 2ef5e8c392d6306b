/*
 * files.c
 *		Checks of the files that TLS uses, and of private keys in other files.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/settings.h"
#include "base/words.h"
#include "change/attempt.h"
#include "flow/check/checks.h"
#include "flow/plan/crls.h"
#include "flow/recipe/authority.h"
#include "flow/recipe/authority_place.h"
#include "hba/edit/rewrite.h"
#include "server/disk/files.h"
#include "server/disk/modes.h"
#include "server/disk/paths.h"
#include "server/process/platform.h"
#include "server/process/platform_link.h"
#include "tls/key.h"
#include "tls/openssl.h"
#include "tls/pem.h"

static void
report_unread(CastsslCheckScope *scope)
{
	CastsslFindings lists = { 0 };
	ListCell *cell;

	foreach (cell, scope->unread)
	{
		const ErrorData *error = lfirst(cell);

		castssl_check_report(scope, CASTSSL_ERROR, "server", error->message, error->hint);
	}
	castssl_crl_directory_problems(&lists);
	for (int i = 0; i < lists.count; i++)
		castssl_check_report(scope, CASTSSL_ERROR, "ssl_crl_dir", lists.items[i].message,
							 lists.items[i].hint);
}

static void
load_authority(void *arg)
{
	char *certificate;

	castssl_authority_check_place();
	if (castssl_authority_exists())
		(void) castssl_authority_load(&certificate);
	else if (castssl_authority_is_left_behind())
		castssl_authority_raise_none(NULL);
}

/* Report a CA of this server that is missing or cannot sign. */
static void
report_authority(CastsslCheckScope *scope)
{
	char *path = castssl_path_in(DataDir, castssl_ca_directory);
	char *move = castssl_authority_move_hint();
	ErrorData *error = castssl_attempt(load_authority, NULL);
	struct stat st;

	if (castssl_ca_directory[0] != '\0' &&
		(error == NULL || error->sqlerrcode == ERRCODE_UNDEFINED_FILE) &&
		(stat(path, &st) != 0 || !S_ISDIR(st.st_mode)))
		castssl_check_report(
			scope, CASTSSL_WARNING, "castssl.ca_directory",
			psprintf("\"%s\" is not a directory that the server can read: nothing can "
					 "be signed or revoked",
					 path),
			move ? move
				 : "Put the directory back, or make a CA: SELECT castssl_create_ca(common_name => "
				   "'...');");
	else if (error)
		castssl_check_report(scope, CASTSSL_WARNING,
							 castssl_ca_directory[0] ? "castssl.ca_directory" : "the small CA",
							 psprintf("%s%s%s", error->message, error->detail ? ": " : "",
									  error->detail ? error->detail : ""),
							 error->hint);
}

void
castssl_check_files_readable(CastsslCheckScope *scope)
{
	report_unread(scope);
	report_authority(scope);
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		if (scope->material_problem[role])
			castssl_check_report(scope, scope->ssl ? CASTSSL_ERROR : CASTSSL_INFO,
								 castssl_role_parameter(role), scope->material_problem[role],
								 scope->material_hint[role]);
	}
}

/* Would a call of castssl_enable() also repair a rule? */
static bool
repairs_rules(const CastsslCheckScope *scope)
{
	CastsslHbaRule repaired;
	const char *value;

	for (int i = 0; i < scope->policy->nrules; i++)
	{
		if (castssl_hba_repair(scope->policy, &scope->policy->rules[i], &repaired, &value))
			return true;
	}
	return false;
}

/*
 * castssl_enable() without arguments only repairs the mode, unless TLS is off, which it would turn
 * on, or a rule has an outdated option.
 */
static void
report_open_key(CastsslCheckScope *scope, const CastsslMaterialFile *key)
{
	const char *message = psprintf("other accounts can read the private key (mode %04o)",
								   (unsigned) (key->st.st_mode & 07777));

	if (scope->ssl && !repairs_rules(scope))
		castssl_check_report_fix(scope, CASTSSL_ERROR, key->name, message,
								 "SELECT * FROM castssl_enable();");
	else
		castssl_check_report(scope, CASTSSL_ERROR, key->name, message,
							 castssl_hint_with("chmod 0600 %s", castssl_shell_word(key->path)));
}

/* LCOV_EXCL_START: only on Windows */
#define SID_OF_SYSTEM "S-1-5-18"
#define SID_OF_ADMINISTRATORS "S-1-5-32-544"

/*
 * /reset removes the permissions of the file, and /inheritance:r those that the folder passes on.
 */
static char *
keep_private_hint(const char *path)
{
	char *account = castssl_platform_account_sid();
	char *word = castssl_windows_word(path);
	const char *own;

	if (account == NULL)
		return NULL;
	own = strcmp(account, SID_OF_SYSTEM) == 0 ? "" : psprintf("\"*%s:F\" ", account);
	return castssl_hint_with(psprintf("icacls %%s /reset, then icacls %%s /inheritance:r /grant:r "
									  "%s\"*" SID_OF_SYSTEM ":F\" \"*" SID_OF_ADMINISTRATORS
									  ":F\", then SELECT * FROM castssl_check();",
									  own),
							 word);
}
/* LCOV_EXCL_STOP */

void
castssl_check_key_permissions(CastsslCheckScope *scope)
{
	const CastsslMaterialFile *key = &scope->material.files[CASTSSL_ROLE_KEY];
	char *readers;

	/* An owner and mode that only root can repair count as a problem of reading the key. */
	if (key->path && key->mode != 0)
		report_open_key(scope, key);
	if (key->path && (readers = castssl_platform_other_readers(key->path)) != NULL)
		castssl_check_report(
			scope, CASTSSL_WARNING, key->name,
			psprintf("other accounts can read the private key, by its access control list: %s",
					 readers),
			keep_private_hint(key->path));
}

void
castssl_check_symbolic_links(CastsslCheckScope *scope)
{
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *name = scope->material.files[role].name;
		struct stat st;

		if (scope->material.files[role].path && path_is_prefix_of_path(DataDir, name) &&
			lstat(name, &st) == 0 && S_ISLNK(st.st_mode))
			castssl_check_report_set(
				scope, CASTSSL_WARNING, name, castssl_role_parameter(role),
				"a symbolic link in the data directory: pg_basebackup leaves it out, and a standby "
				"that it makes does not start",
				castssl_sql_literal(
					castssl_platform_link_out_of(name, castssl_path_data_directory())));
	}
}

/* Is it one of the server's own files, whose contents are known? */
static bool
is_servers_own(const char *path)
{
	const char *const own[] = { ConfigFileName,
								HbaFileName,
								IdentFileName,
								castssl_path_in(DataDir, PG_AUTOCONF_FILENAME),
								castssl_path_in(DataDir, "postmaster.opts"),
								castssl_path_in(DataDir, "postmaster.pid") };

	for (int i = 0; i < lengthof(own); i++)
	{
		if (strcmp(path, own[i]) == 0)
			return true;
	}
	return false;
}

/* Does the file contain a private key? *pem is its text. */
static bool
holds_key(const char *path, CastsslPem *pem)
{
	struct stat st;

	/*
	 * Skip what cannot be a PEM file that the server can read.  No failure here is worth an
	 * error.
	 */
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > CASTSSL_PEM_LIMIT ||
		access(path, R_OK) != 0)
		return false;
	pem->name = path;
	pem->data = castssl_file_read_if_exists(castssl_path_resolve(path, false), CASTSSL_PEM_LIMIT,
											&pem->length, NULL);
	if (pem->data == NULL)
		return false;
	castssl_openssl_wipe_later(unconstify(char *, pem->data), pem->length);
	return castssl_key_present(pem);
}

/* Call visit for each private key in a folder. */
static void
visit_keys(CastsslCheckScope *scope, const char *folder,
		   void (*visit)(CastsslCheckScope *scope, const CastsslPem *key, const struct stat *st))
{
	DIR *directory = AllocateDir(folder);
	struct dirent *entry;

	if (directory == NULL)
		castssl_check_report(scope, CASTSSL_WARNING, folder,
							 psprintf("could not look for private keys there: %s", strerror(errno)),
							 NULL);
	while (directory && (entry = ReadDir(directory, folder)) != NULL)
	{
		char *path = castssl_path_in(folder, entry->d_name);
		CastsslPem pem = { 0 };
		struct stat st;

		CHECK_FOR_INTERRUPTS();
		if (strpbrk(entry->d_name, ".") == NULL || is_servers_own(path) || !holds_key(path, &pem))
			continue;
		if (stat(path, &st) == 0)
			visit(scope, &pem, &st);
	}
	if (directory)
		FreeDir(directory);
}

/* Visit the two folders where people keep keys. */
static void
visit_all_keys(CastsslCheckScope *scope,
			   void (*visit)(CastsslCheckScope *scope, const CastsslPem *key,
							 const struct stat *st))
{
	char *folder = castssl_path_folder(ConfigFileName);

	visit_keys(scope, DataDir, visit);
	if (strcmp(folder, DataDir) != 0)
		visit_keys(scope, folder, visit);
}

/* Is it the private key that the server uses, by whatever name? */
static bool
is_key_in_use(const CastsslCheckScope *scope, const CastsslPem *key)
{
	const CastsslMaterialFile *current = &scope->material.files[CASTSSL_ROLE_KEY];

	return current->data && current->length == key->length &&
		   memcmp(current->data, key->data, key->length) == 0;
}

static void
report_ca_key(CastsslCheckScope *scope, const CastsslPem *key, const struct stat *st)
{
	const CastsslCertificates *authorities = &scope->authorities;
	CastsslFindings findings = { 0 };
	EVP_PKEY *pkey = NULL;

	if (authorities->count > 0)
		pkey = castssl_key_read(key, &findings);
	for (int i = 0; pkey != NULL && i < authorities->count; i++)
	{
		X509 *x509 = authorities->items[i].x509;

		if (x509 == NULL || !castssl_openssl_has_key(x509, pkey))
			continue;
		if (is_key_in_use(scope, key))
			castssl_check_report(
				scope, CASTSSL_WARNING, key->name,
				psprintf(
					"the server's own key is the private key of CA %s, which the server trusts for "
					"clients: whoever gets the key can make certificates for every user",
					authorities->items[i].subject),
				"The server needs this key, so it must stay.  Let another CA sign a new "
				"certificate for the server: castssl_csr() makes the request, and "
				"castssl_install() installs the answer, together with that CA.");
		else
			castssl_check_report(scope, CASTSSL_WARNING, key->name,
								 psprintf("the private key of CA %s lies on this server: whoever "
										  "gets the key can make certificates for every user",
										  authorities->items[i].subject),
								 "Move the key to a machine without a network.");
	}
}

void
castssl_check_ca_key(CastsslCheckScope *scope)
{
	struct stat st;

	visit_all_keys(scope, report_ca_key);
	if (stat(castssl_state_path("ca/ca.key"), &st) == 0)
		castssl_check_report(scope, CASTSSL_INFO, castssl_state_path("ca/ca.key"),
							 "the private key of this server's small CA lies in the data "
							 "directory, and so in base backups",
							 castssl_ca_directory[0] ? NULL : castssl_authority_way_out_hint());
}

/*
 * Is it the file that ssl_key_file names?  Other rows are about that one, also if the server would
 * refuse it.
 */
static bool
is_named_key(const CastsslCheckScope *scope, const struct stat *st)
{
	struct stat named;

	return stat(castssl_path_in(DataDir, castssl_check_value(scope, "ssl_key_file")), &named) ==
			   0 &&
		   named.st_dev == st->st_dev && named.st_ino == st->st_ino;
}

typedef struct Owned
{
	const char *path;
	const struct stat *st;
} Owned;

static void
ask_for_mode(void *arg)
{
	const Owned *owned = arg;

	(void) castssl_key_mode_wanted(owned->path, owned->st, NULL);
}

/* The server could use it afterwards: of root's keys it accepts another mode than of its own. */
static const char *
private_copy_hint(const char *path, const struct stat *st)
{
	Owned owned = { path, st };
	ErrorData *error = st->st_uid == 0 ? castssl_attempt(ask_for_mode, &owned) : NULL;

	if (error)
		return error->hint;
	return castssl_hint_with(castssl_file_is_of_another(st) ? "Run as root: chmod 0600 %s"
															: "chmod 0600 %s",
							 castssl_shell_word(path));
}

static void
report_open_copy(CastsslCheckScope *scope, const CastsslPem *key, const struct stat *st)
{
	if (is_named_key(scope, st) || !castssl_file_is_open_to_others(st))
		return;
	castssl_check_report(scope, CASTSSL_WARNING, key->name,
						 psprintf("other accounts can read the private key (mode %04o)",
								  (unsigned) (st->st_mode & 07777)),
						 private_copy_hint(key->name, st));
}

void
castssl_check_key_copies(CastsslCheckScope *scope)
{
	visit_all_keys(scope, report_open_copy);
}

void
castssl_check_judgement(CastsslCheckScope *scope)
{
	if (!scope->judged)
		castssl_check_report(scope, CASTSSL_INFO, "server", "not checked: see files_readable",
							 NULL);
	for (int i = 0; i < scope->judgement.count; i++)
	{
		const CastsslFinding *finding = &scope->judgement.items[i];
		const char *message = finding->message;

		if (finding->severity == CASTSSL_OK || strcmp(finding->check, scope->check) != 0)
			continue;
		if (finding->detail)
			message = psprintf("%s: %s", message, finding->detail);
		castssl_check_report(scope, finding->severity, finding->subject, message, finding->hint);
	}
}
