/*
 * authority_place.c
 *		Where the small CA of this server lies, and whether it is complete.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "base/settings.h"
#include "base/words.h"
#include "flow/plan/material.h"
#include "flow/recipe/authority_place.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/process/platform_account.h"
#include "server/process/raise.h"
#include "tls/key.h"
#include "tls/openssl.h"

/* The folder for a CA that leaves the data directory. */
#define FOLDER_OF_CAS "/etc/postgresql"

static bool
has(const char *name)
{
	struct stat st;

	return stat(castssl_authority_path(name), &st) == 0 || errno == EACCES;
}

bool
castssl_authority_exists(void)
{
	return has("root.crt") || has("ca.key");
}

/* A file in the default directory of the CA. */
static char *
usual_path(const char *name)
{
	return castssl_path_in(castssl_state_path("ca"), name);
}

bool
castssl_authority_is_left_behind(void)
{
	struct stat st;

	return castssl_ca_directory[0] != '\0' && stat(usual_path("root.crt"), &st) == 0 &&
		   strcmp(castssl_authority_path("root.crt"), usual_path("root.crt")) != 0;
}

/* ---- another place ---- */

/*
 * The command that makes a directory of the CA's own, with the statements that name it.  from: a
 * directory with a CA, as a shell word: it is copied first and removed last, so that there is a CA
 * wherever somebody stops.  NULL: there is none.
 */
static char *
hint_for_place(const char *path, const char *from)
{
	char *literal = castssl_sql_literal(path);
	char *word = castssl_shell_word(path);

	if (literal == NULL || word == NULL)
		return NULL;
	return psprintf(
		"Run as root: install -d -o %s -m 700 %s%s  Then: LOAD 'pg_castssl'; ALTER SYSTEM "
		"SET castssl.ca_directory = %s; SELECT * FROM castssl_reload();%s",
		castssl_account_word(), word, from ? psprintf(" && cp -Rp %s/. %s", from, word) : "",
		literal, from ? psprintf("  At last, as root: rm -r %s", from) : "");
}

char *
castssl_authority_way_out_hint(void)
{
	char *path = castssl_path_free(FOLDER_OF_CAS, "ca");
	char *from = castssl_shell_word(castssl_authority_path(NULL));

	return from ? hint_for_place(path, from) : NULL;
}

char *
castssl_authority_other_place_hint(void)
{
	return hint_for_place(castssl_path_free(FOLDER_OF_CAS, "ca"), NULL);
}

void
castssl_authority_check_place(void)
{
	char *path;
	char *hint;
	struct stat st;

	if (castssl_ca_directory[0] == '\0')
		return;
	path = castssl_authority_path(NULL);
	hint = castssl_authority_other_place_hint();
	if (path_is_prefix_of_path(castssl_path_data_directory(), path) &&
		!path_is_prefix_of_path(castssl_state_path("ca"), path))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("castssl.ca_directory names \"%s\", in the data directory", path),
				 errdetail("The server keeps its own files there, and base backups would hold the "
						   "CA's key."),
				 errhint("%s", hint)));
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		castssl_directory_check_private(path, hint);
}

/* ---- what is left of a CA ---- */

/*
 * The position, from 1, of the certificate in the file that has this key; 0: none.  *count: the
 * number of certificates.
 */
static int
number_of(const char *path, EVP_PKEY *key, int *count)
{
	CastsslCertificates list = { 0 };
	CastsslFindings findings = { 0 };
	size_t length;
	char *data = castssl_file_read_if_exists(path, CASTSSL_PEM_LIMIT, &length, NULL);

	*count = 0;
	if (data == NULL || !castssl_certificates_read(data, length, path, &list, &findings))
		return 0;
	*count = list.count;
	return castssl_certificates_with_key(&list, key);
}

/* A copy of the CA's certificate that a client was given; NULL: there is none. */
static char *
issued_copy(EVP_PKEY *key)
{
	const char *folder = castssl_state_path("issued");
	DIR *directory = AllocateDir(folder);
	struct dirent *entry;
	char *found = NULL;
	int count;

	while (directory && found == NULL && (entry = ReadDir(directory, folder)) != NULL)
	{
		char *path = psprintf("%s/%s/root.crt", folder, entry->d_name);

		CHECK_FOR_INTERRUPTS();
		if (entry->d_name[0] != '.' && number_of(path, key, &count) == 1)
			found = path;
	}
	if (directory)
		FreeDir(directory);
	return found;
}

/* The command that writes the CA's certificate again; NULL: no copy is known. */
static char *
command_for_certificate(void)
{
	CastsslPem pem = { .name = castssl_authority_path("ca.key") };
	CastsslFindings findings = { 0 };
	char *to = castssl_shell_word(castssl_authority_path("root.crt"));
	char *owner = castssl_account_word();
	char *from = castssl_material_named(CASTSSL_ROLE_CA);
	EVP_PKEY *key;
	int number = 0;
	int count;

	pem.data = castssl_file_read(pem.name, CASTSSL_PEM_LIMIT, &pem.length, NULL);
	castssl_openssl_wipe_later(unconstify(char *, pem.data), pem.length);
	key = castssl_key_read(&pem, &findings);
	if (key && from)
		number = number_of(castssl_path_resolve(from, false), key, &count);
	if (key && number == 0)
	{
		from = issued_copy(key);
		number = count = 1;
	}
	from = key && from ? castssl_shell_word(from) : NULL;
	if (from == NULL || to == NULL)
		return NULL;
	if (count == 1)
		return psprintf("install -o %s -m 600 %s %s", owner, from, to);
	return psprintf("awk '/-----BEGIN .*CERTIFICATE-----/{n++} n==%d' %s | install -o %s -m 600 "
					"/dev/stdin %s",
					number, from, owner, to);
}

const char *
castssl_authority_in_use(void)
{
	struct stat own;
	struct stat st;

	if (stat(castssl_authority_path(NULL), &own) != 0)
		return NULL;
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		char *named = castssl_material_named(role);

		/* the file itself may be a link into the folder */
		if (named && stat(named, &st) == 0 &&
			stat(castssl_path_folder(castssl_path_resolve(named, false)), &st) == 0 &&
			st.st_dev == own.st_dev && st.st_ino == own.st_ino)
			return castssl_role_parameter(role);
	}
	return NULL;
}

/* 55000 if castssl.ca_directory names a folder that pg_castssl has not made, with other files. */
static void
check_is_ours(void)
{
	const char *in_use;

	if (castssl_ca_directory[0] == '\0' || has("certificates") || has("revoked"))
		return;
	in_use = castssl_authority_in_use();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("castssl.ca_directory names a folder that is not of the small CA"),
			 errdetail("\"%s\" has %s, and neither %s nor what the small CA has issued.%s",
					   castssl_authority_path(NULL), has("ca.key") ? "ca.key" : "root.crt",
					   has("ca.key") ? "root.crt" : "ca.key",
					   in_use ? psprintf("  Parameter \"%s\" names a file there.", in_use) : ""),
			 errhint("Leave the folder as it is, and use the usual one: LOAD 'pg_castssl'; ALTER "
					 "SYSTEM RESET castssl.ca_directory; SELECT * FROM castssl_reload();"),
			 castssl_err_reason("castssl_no_ca")));
}

/* Without its key a CA is lost.  A file that the server uses must stay where it is. */
static int
hint_to_start_again(void)
{
	char *other = castssl_authority_in_use() ? castssl_authority_other_place_hint() : NULL;

	return other ? errhint("Put it back from a backup.  Where there is none, start again with a "
						   "new CA in another folder.  %s",
						   other)
				 : errhint("Put it back from a backup.  Where there is none, start again with a "
						   "new CA: move that directory away.");
}

void
castssl_authority_check_whole(void)
{
	bool certificate = has("root.crt");
	char *command;

	if (certificate == has("ca.key"))
		return;
	check_is_ours();
	if (certificate)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the private key of this server's CA is missing"),
						errdetail("\"%s\" does not exist.", castssl_authority_path("ca.key")),
						hint_to_start_again(), castssl_err_reason("castssl_no_ca")));
	command = command_for_certificate();
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the certificate of this server's CA is missing"),
					errdetail("\"%s\" does not exist, and \"%s\" does.",
							  castssl_authority_path("root.crt"), castssl_authority_path("ca.key")),
					command ? errhint("There is a copy: put it back.  Run as root: %s", command)
							: errhint("Put it back from a backup, or from a client's root.crt."),
					castssl_err_reason("castssl_no_ca")));
}

char *
castssl_authority_move_hint(void)
{
	char *from = castssl_shell_word(castssl_state_path("ca"));
	char *to = castssl_shell_word(castssl_path_in(DataDir, castssl_ca_directory));
	struct stat st;

	if (from == NULL || to == NULL || stat(usual_path("root.crt"), &st) != 0)
		return NULL;
	return psprintf("As the server's account: mkdir -p -m 700 %s && cp -Rp %s/. %s && rm -r %s", to,
					from, to, from);
}

void
castssl_authority_raise_none(const char *issuer)
{
	char *path = castssl_authority_path("root.crt");
	char *move = castssl_authority_move_hint();

	if (castssl_authority_is_left_behind())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("there is no CA in castssl.ca_directory"),
						errdetail("The CA is in \"%s\", and \"%s\" does not exist.",
								  castssl_state_path("ca"), path),
						move ? errhint("%s", move) : 0, castssl_err_reason("castssl_no_ca")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("this server has no CA"),
			 issuer ? errdetail("\"%s\" does not exist, and the certificate was issued by %s.",
								path, issuer)
					: errdetail("\"%s\" does not exist.", path),
			 issuer
				 ? errhint("Let that CA revoke it.  Then install its new CRL, in one text with the "
						   "CRLs of the other CAs: castssl_install(crl => '...').")
				 : errhint("SELECT castssl_create_ca(common_name => '...') makes one."),
			 castssl_err_reason("castssl_no_ca")));
	pg_unreachable();
}
