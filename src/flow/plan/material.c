/*
 * material.c
 *		Certificate, key, CA and CRL of a change: where they come from, their contents,
 *		their targets.
 */
#include "postgres.h"

#include <unistd.h>

#include <openssl/pem.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/words.h"
#include "change/attempt.h"
#include "flow/plan/material.h"
#include "server/disk/files.h"
#include "server/disk/modes.h"
#include "server/disk/paths.h"
#include "server/disk/swap.h"
#include "server/other_cluster.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/process/platform.h"
#include "server/process/raise.h"
#include "tls/key.h"
#include "tls/openssl.h"

CastsslWhich
castssl_material_call(const CastsslMaterial *material)
{
	return material->which ? *material->which : (CastsslWhich){ .call = CASTSSL_CALL_ENABLE };
}

size_t
castssl_role_limit(CastsslRole role)
{
	return role == CASTSSL_ROLE_CRL ? CASTSSL_CRL_LIMIT : CASTSSL_PEM_LIMIT;
}

/* Read what is at file->path now, and whether it already is what we want. */
static void
compare_with_disk(CastsslMaterialFile *file, CastsslRole role)
{
	size_t length;
	char *data =
		castssl_file_read_if_exists(file->path, castssl_role_limit(role), &length, &file->st);

	file->exists = (data != NULL);
	file->same = (data != NULL && length == file->length && memcmp(data, file->data, length) == 0);
	if (data)
		castssl_openssl_wipe_later(data, length); /* it may be a private key */
}

/* A file that we write has mode 0600, because only the server needs it.  A stricter mode stays. */
static mode_t
installed_mode(const CastsslMaterialFile *file)
{
	mode_t now = file->st.st_mode & 07777;

	if (!castssl_platform_has_modes())
		return file->exists ? now : 0700; /* LCOV_EXCL_LINE: what stat says of a new file there */
	if (file->exists && file->st.st_uid == castssl_platform_user_id())
		return now & 0600;
	return 0600;
}

/* The target of a file that we write: never through a symbolic link. */
static void
set_target(CastsslMaterialFile *file, const char *target_dir, const char *name)
{
	const char *folder;

	file->name = castssl_path_in(target_dir, name);
	folder = castssl_path_resolve_target(castssl_path_folder(file->name), true);
	castssl_path_check_open_target(folder);
	file->path = castssl_path_in(folder, last_dir_separator(file->name) + 1);
	if (strcmp(castssl_path_resolve(file->name, true), file->path) != 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("\"%s\" is a symbolic link", file->name),
			 errdetail(
				 "A file would be installed there, but pg_basebackup leaves out symbolic links."),
			 errhint("Remove the link, or name another target_dir.")));
}

static void
wipe_key_later(const CastsslMaterialFile *file, CastsslRole role)
{
	if (role == CASTSSL_ROLE_KEY)
		castssl_openssl_wipe_later(unconstify(char *, file->data), file->length);
}

/*
 * A superuser may install any text around the PEM blocks.  For other callers only the blocks are
 * kept, so that nothing else of a file is copied.
 */
static void
keep_blocks_alone(CastsslMaterialFile *file, CastsslRole role)
{
	CastsslPem pem = { .name = file->source ? file->source : castssl_role_parameter(role),
					   .data = file->data,
					   .length = file->length };
	CastsslFindings findings = { 0 };
	size_t length;
	char *blocks;

	if (castssl_caller_is_superuser())
		return;
	blocks = castssl_pem_blocks(&pem, &length, &findings);
	castssl_raise_first_error(&findings, ERRCODE_CONFIG_FILE_ERROR);
	if (blocks == NULL)
		return; /* it is no PEM file, and a later check refuses it */
	file->data = blocks;
	file->length = length;
}

/* A caller who can make a hard link to a key but not read it must not make the server use it. */
static void
check_single_name(const char *path, const struct stat *st)
{
	if (castssl_caller_is_superuser() || st->st_nlink <= 1 ||
		path_is_prefix_of_path(castssl_path_data_directory(), path))
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("private key file \"%s\" has more than one name", path),
					errdetail("It has %d hard links, so it may be somebody else's key.",
							  (int) st->st_nlink),
					errhint("Copy the key, or let a superuser make this call.")));
}

/*
 * The name of a role's file for the call that copies the files: as the caller named it, or the
 * file in use, so that the copy changes nothing else; "": none; NULL: one is found.
 */
static const char *
name_to_copy(const CastsslWhich *call, CastsslRole role)
{
	const char *folder = call->target_dir ? call->target_dir : castssl_path_folder(ConfigFileName);
	const char *named = call->names[role];
	char *in_use = castssl_material_named(role);

	if (named)
		return named[0] ? castssl_path_in(folder, named) : named;
	if (in_use)
		return in_use;
	return role == CASTSSL_ROLE_CA && call->needs_ca ? NULL : "";
}

/*
 * The hint to let the server use a copy: then a mounted secret, or a file that another account
 * owns, needs no change.  NULL if the copy would be the file itself.
 */
static char *
hint_to_copy(const CastsslMaterial *material, const char *name, bool by_caller)
{
	char *folder = castssl_sql_literal(castssl_path_folder(name));
	char *real = castssl_platform_real_path(castssl_path_folder(name));
	char *own = castssl_platform_real_path(castssl_path_folder(ConfigFileName));
	CastsslWhich copies = castssl_material_call(material);
	const char *names[CASTSSL_NROLES];
	char *statement;

	if (folder == NULL || (real && own && strcmp(real, own) == 0))
		return NULL;
	if (by_caller)
		return psprintf(
			"Add source_dir => %s to this call: then the server uses copies of its own.", folder);
	if (material->is_restored)
		return NULL;
	for (int role = 0; role < CASTSSL_NROLES; role++)
		names[role] = role == CASTSSL_ROLE_KEY ? name : name_to_copy(&copies, role);
	copies.source_dir = castssl_path_folder(name);
	memcpy(copies.names, names, sizeof(names));
	statement = castssl_which_statement(&copies);
	return statement ? psprintf("%s lets the server use copies of its own.", statement) : NULL;
}

/* The call with another file.  The key and its certificate belong together: both are replaced. */
static int
hint_for_missing(const CastsslMaterial *material, CastsslRole role)
{
	CastsslWhich other = castssl_material_call(material);
	bool is_pair = role == CASTSSL_ROLE_CERTIFICATE || role == CASTSSL_ROLE_KEY;
	char *statement;

	if (is_pair)
		other.source_dir = "...";
	else
		other.names[role] = "...";
	statement = material->is_restored ? NULL : castssl_which_statement(&other);
	if (statement == NULL)
		return errhint("Put it back there, from where it is now or from a backup.");
	return errhint("Put it back there, from where it is now or from a backup.  Or %s: %s",
				   is_pair ? "install another certificate with its key" : "name another file",
				   statement);
}

static void
check_in_use(const CastsslMaterial *material, CastsslRole role, const char *name)
{
	CastsslWhich call = castssl_material_call(material);
	struct stat st;

	if (!material->is_restored)
		castssl_which_check_in_use(&call, role, name);
	if (stat(name, &st) == 0 || errno != ENOENT)
		return;
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FILE), errmsg("could not open file \"%s\": %m", name),
					errdetail("Parameter \"%s\" names it.", castssl_role_parameter(role)),
					hint_for_missing(material, role)));
}

static void
find_in_place(CastsslMaterial *material, CastsslRole role, char *name, bool by_caller)
{
	CastsslMaterialFile *file = &material->files[role];

	if (!by_caller)
		check_in_use(material, role, name);
	file->name = name;
	file->path = castssl_path_resolve(name, by_caller);
	file->data = castssl_file_read(file->path, castssl_role_limit(role), &file->length, &file->st);
	wipe_key_later(file, role);
	file->exists = file->same = true;
	if (role == CASTSSL_ROLE_KEY && by_caller)
		check_single_name(file->path, &file->st);
	if (role == CASTSSL_ROLE_KEY)
		file->mode =
			castssl_key_mode_wanted(file->path, &file->st, hint_to_copy(material, name, by_caller));
	if (file->mode && by_caller && strcmp(castssl_path_resolve_target(name, true), file->path) != 0)
		castssl_swap_raise_changed(name); /* LCOV_EXCL_LINE: possible only within microseconds */
}

void
castssl_material_find(CastsslMaterial *material, CastsslRole role, const char *source_dir,
					  const char *target_dir, const char *name, const char *copy)
{
	CastsslMaterialFile *file = &material->files[role];
	struct stat st;

	memset(file, 0, sizeof(*file));
	if (source_dir == NULL)
	{
		find_in_place(material, role, castssl_path_in(target_dir, name), true);
		return;
	}

	file->source = castssl_path_resolve(castssl_path_in(source_dir, name), true);
	file->data = castssl_file_read(file->source, castssl_role_limit(role), &file->length, &st);
	wipe_key_later(file, role);
	if (role == CASTSSL_ROLE_KEY)
		check_single_name(file->source, &st);
	keep_blocks_alone(file, role);
	file->source_is_open = (role == CASTSSL_ROLE_KEY && castssl_file_is_open_to_others(&st));
	set_target(file, target_dir, copy);
	compare_with_disk(file, role);
	file->mode = installed_mode(file);
}

char *
castssl_material_folder(void)
{
	char *folder = castssl_path_folder(ConfigFileName);
	char *named = castssl_material_named(CASTSSL_ROLE_CERTIFICATE);
	char *other = named ? castssl_path_folder(named) : NULL;

	if (access(folder, W_OK) == 0)
		return folder;
	if (other && access(other, W_OK) == 0 && castssl_other_cluster_owner(named) == NULL)
		return other;
	return pstrdup(castssl_path_data_directory());
}

/*
 * If the text is no PEM at all, the error names the argument, because its file may not exist yet.
 */
static void
check_text(const CastsslMaterialFile *file, CastsslRole role)
{
	static const char *const arguments[] = { "certificate", "private_key", "ca", "crl" };
	CastsslPem pem = { .name = arguments[role], .data = file->data, .length = file->length };
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	CastsslPemBlock block;
	size_t offset = 0;

	if (castssl_pem_next(&pem, &offset, &block) == CASTSSL_PEM_BLOCK)
	{
		bool other = strcmp(block.name, PEM_STRING_PKCS7) == 0;

		castssl_pem_block_free(&block);
		if (!other)
			return;
	}
	if (role == CASTSSL_ROLE_KEY)
		(void) castssl_key_read(&pem, &findings);
	else
		(void) castssl_certificates_read(pem.data, pem.length, pem.name, &certificates, &findings);
	castssl_raise_first_error(&findings, ERRCODE_CONFIG_FILE_ERROR);
}

void
castssl_material_text(CastsslMaterial *material, CastsslRole role, const char *target_dir,
					  const char *name, const char *text)
{
	CastsslMaterialFile *file = &material->files[role];

	memset(file, 0, sizeof(*file));
	file->data = text;
	file->length = strlen(text);
	/* A longer file could not be read back by this extension. */
	if (file->length > castssl_role_limit(role))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the text for \"%s\" is too long", name),
						errdetail("It has %zu bytes; at most %zu are installed.", file->length,
								  castssl_role_limit(role))));
	check_text(file, role);
	keep_blocks_alone(file, role);
	set_target(file, target_dir, name);
	compare_with_disk(file, role);
	file->mode = installed_mode(file);
}

/* LCOV_EXCL_START: only on Windows */
#define MARK_LENGTH 16

/* The length of a name without its mark, if it has one. */
static int
without_mark(const char *name, int length)
{
	int before = length - MARK_LENGTH - 1;

	if (before > 0 && name[before] == '-' &&
		strspn(name + before + 1, "0123456789abcdef") >= MARK_LENGTH)
		return before;
	return length;
}

/* "server.crt", or one with another mark, becomes "server-<mark>.crt" in the same directory. */
static void
rename_target(CastsslMaterialFile *file, CastsslRole role, const char *mark)
{
	const char *base = last_dir_separator(file->name) + 1;
	const char *dot = strrchr(base, '.');
	const char *end = dot ? dot : base + strlen(base);
	int stem = without_mark(base, (int) (end - base));
	char *name = psprintf("%.*s-%s%s", stem, base, mark, end);

	file->name = castssl_path_in(castssl_path_folder(file->name), name);
	file->path = castssl_path_in(castssl_path_folder(file->path), name);
	compare_with_disk(file, role);
}
/* LCOV_EXCL_STOP */

void
castssl_material_separate(CastsslMaterial *material)
{
	CastsslMaterialFile *certificate = &material->files[CASTSSL_ROLE_CERTIFICATE];
	CastsslMaterialFile *key = &material->files[CASTSSL_ROLE_KEY];
	char *mark;

	if (!castssl_platform_reads_live_files() || certificate->path == NULL || key->path == NULL)
		return;
	if (certificate->same || key->same || !(certificate->exists || key->exists))
		return;
	/* LCOV_EXCL_START: only on Windows */
	mark = pnstrdup(castssl_file_hash(certificate->data, certificate->length), MARK_LENGTH);
	rename_target(certificate, CASTSSL_ROLE_CERTIFICATE, mark);
	rename_target(key, CASTSSL_ROLE_KEY, mark);
	/* LCOV_EXCL_STOP */
}

bool
castssl_material_stays(const CastsslMaterialFile *file)
{
	return file->same && (file->mode == 0 || (file->st.st_mode & 07777) == file->mode);
}

void
castssl_material_configured(CastsslMaterial *material, CastsslRole role, const char *value)
{
	memset(&material->files[role], 0, sizeof(CastsslMaterialFile));
	if (value[0] != '\0')
		find_in_place(material, role, castssl_path_in(DataDir, value), false);
}

char *
castssl_material_named(CastsslRole role)
{
	char *value = castssl_parameter_value(castssl_role_parameter(role));

	return value[0] ? castssl_path_in(DataDir, value) : NULL;
}

char *
castssl_material_read_named(CastsslRole role, size_t *length)
{
	char *path = castssl_material_named(role);

	return path ? castssl_file_read_if_exists(castssl_path_resolve(path, false),
											  castssl_role_limit(role), length, NULL)
				: NULL;
}

typedef struct Named
{
	CastsslRole role;
	char *data; /* NULL: none */
	size_t length;
} Named;

static void
read_named(void *arg)
{
	Named *named = arg;

	named->data = castssl_material_read_named(named->role, &named->length);
}

char *
castssl_material_try_named(CastsslRole role, size_t *length)
{
	Named named = { .role = role };

	(void) castssl_attempt(read_named, &named);
	*length = named.length;
	return named.data;
}

CastsslPem
castssl_material_pem_in_use(CastsslRole role)
{
	CastsslPem pem = { .name = castssl_role_parameter(role) };

	pem.data = castssl_material_try_named(role, &pem.length);
	return pem;
}

bool
castssl_material_certificate_on_disk(CastsslCertificate *certificate)
{
	CastsslFindings findings = { 0 };
	size_t length;
	/* castssl_check() says why it cannot be read. */
	char *data = castssl_material_try_named(CASTSSL_ROLE_CERTIFICATE, &length);

	return data &&
		   castssl_certificates_read_first(data, length, "ssl_cert_file", certificate, &findings);
}

bool
castssl_material_is_not_on_disk(const char *fingerprint)
{
	CastsslCertificate certificate;

	return castssl_material_certificate_on_disk(&certificate) &&
		   strcmp(fingerprint, certificate.fingerprint) != 0;
}

CastsslPem
castssl_material_pem(const CastsslMaterial *material, CastsslRole role)
{
	const CastsslMaterialFile *file = &material->files[role];

	return (CastsslPem){ .name = file->source ? file->source : file->name,
						 .data = file->data,
						 .length = file->length,
						 .in_memory = file->source == NULL && !file->same };
}
