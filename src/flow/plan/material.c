/*
 * material.c
 *		Certificate, key, CA and CRL of a change: where they come from, their contents,
 *		their targets.
 */
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/words.h"
#include "change/attempt.h"
#include "flow/plan/material.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/swap.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/process/platform.h"
#include "server/process/raise.h"
#include "tls/key.h"
#include "tls/openssl.h"

const char *
castssl_role_parameter(CastsslRole role)
{
	static const char *const names[] = { "ssl_cert_file", "ssl_key_file", "ssl_ca_file",
										 "ssl_crl_file" };

	return names[role];
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
	file->name = castssl_path_in(target_dir, name);
	file->path = castssl_path_in(castssl_path_resolve_target(castssl_path_folder(file->name), true),
								 last_dir_separator(file->name) + 1);
	if (strcmp(castssl_path_resolve(file->name, true), file->path) != 0)
		ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
						errmsg("\"%s\" is a symbolic link", file->name),
						errdetail("A file is to be installed there; pg_basebackup, for one, leaves "
								  "out symbolic links."),
						errhint("Remove the link, or name another target_dir.")));
}

static void
wipe_key_later(const CastsslMaterialFile *file, CastsslRole role)
{
	if (role == CASTSSL_ROLE_KEY)
		castssl_openssl_wipe_later(unconstify(char *, file->data), file->length);
}

/* A superuser gets what he names; somebody else the PEM blocks alone, as no other file holds them.
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
		return; /* what it is instead is said later, and it is refused */
	file->data = blocks;
	file->length = length;
}

/* Who can make a hard link to a key that he cannot read must not have the server use it. */
static void
check_single_name(const char *path, const struct stat *st)
{
	if (castssl_caller_is_superuser() || st->st_nlink <= 1 ||
		path_is_prefix_of_path(castssl_path_data_directory(), path))
		return;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("private key file \"%s\" has another name", path),
					errdetail("It has %d hard links, so it may be somebody else's key.",
							  (int) st->st_nlink),
					errhint("Copy the key, or have a superuser do it.")));
}

/*
 * A mounted secret and what another account owns need no change: the server takes a copy.  NULL
 * where the copy would be the file itself.
 */
static char *
hint_to_copy(const char *name, bool by_caller)
{
	char *folder = castssl_sql_literal(castssl_path_folder(name));
	char *real = castssl_platform_real_path(castssl_path_folder(name));
	char *own = castssl_platform_real_path(castssl_path_folder(ConfigFileName));
	char *certificate;
	char *key;

	if (folder == NULL || (real && own && strcmp(real, own) == 0))
		return NULL;
	if (by_caller)
		return psprintf("Add source_dir => %s to this call: the server then uses copies of the "
						"files, which are its own.",
						folder);
	certificate = castssl_material_named(CASTSSL_ROLE_CERTIFICATE);
	certificate = certificate ? castssl_sql_literal(certificate) : NULL;
	key = castssl_sql_literal(name);
	if (certificate == NULL || key == NULL)
		return NULL;
	return psprintf("SELECT * FROM castssl_enable(source_dir => %s, cert_file => %s, key_file => "
					"%s); has the server use copies of the files, which are its own.",
					folder, certificate, key);
}

static void
find_in_place(CastsslMaterialFile *file, CastsslRole role, char *name, bool by_caller)
{
	file->name = name;
	file->path = castssl_path_resolve(name, by_caller);
	file->data = castssl_file_read(file->path, castssl_role_limit(role), &file->length, &file->st);
	wipe_key_later(file, role);
	file->exists = file->same = true;
	if (role == CASTSSL_ROLE_KEY && by_caller)
		check_single_name(file->path, &file->st);
	if (role == CASTSSL_ROLE_KEY)
		file->mode = castssl_key_mode_wanted(file->path, &file->st, hint_to_copy(name, by_caller));
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
		find_in_place(file, role, castssl_path_in(target_dir, name), true);
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

	if (access(folder, W_OK) != 0 && other && access(other, W_OK) == 0)
		return other;
	return folder;
}

/* What is no PEM text at all is said of the argument: the file that it is for may not exist yet. */
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
		castssl_pem_block_free(&block);
		return;
	}
	if (role == CASTSSL_ROLE_KEY)
		(void) castssl_key_read(&pem, NULL, &findings);
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
		find_in_place(&material->files[role], role, castssl_path_in(DataDir, value), false);
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
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	size_t length;
	/* Why it cannot be read is for castssl_check() to say. */
	char *data = castssl_material_try_named(CASTSSL_ROLE_CERTIFICATE, &length);

	if (data == NULL ||
		!castssl_certificates_read_facts(data, length, "ssl_cert_file", &certificates, &findings) ||
		castssl_certificates_first(&certificates) == NULL)
		return false;
	*certificate = *castssl_certificates_first(&certificates);
	return true;
}

CastsslPem
castssl_material_pem(const CastsslMaterial *material, CastsslRole role)
{
	const CastsslMaterialFile *file = &material->files[role];

	return (CastsslPem){ .name = file->source ? file->source : file->name,
						 .data = file->data,
						 .length = file->length };
}
