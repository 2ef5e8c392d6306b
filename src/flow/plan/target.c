/*
 * target.c
 *		Which files a certificate, key, CA or CRL may be written over.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/settings.h"
#include "flow/plan/target.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/included.h"
#include "server/process/caller.h"
#include "server/process/platform.h"
#include "tls/pem.h"

/* Names in the data directory that have a meaning for the server, even if they do not exist. */
static const char *const server_names[] = {
	"standby.signal", "recovery.signal",  "backup_label",    "backup_manifest",
	"tablespace_map", "current_logfiles", "promote",         "fallback_promote",
	"logrotate",      "recovery.conf",    "postgresql.conf", "pg_hosts.conf"
};
static const char *const server_prefixes[] = { "pg_",         "PG_",           "postgresql.",
											   "postmaster.", "backup_label.", "tablespace_map." };

static bool
is_server_name(const char *name)
{
	for (int i = 0; i < lengthof(server_names); i++)
	{
		if (pg_strcasecmp(name, server_names[i]) == 0)
			return true;
	}
	for (int i = 0; i < lengthof(server_prefixes); i++)
	{
		if (pg_strncasecmp(name, server_prefixes[i], strlen(server_prefixes[i])) == 0)
			return true;
	}
	return false;
}

static bool
is_file(const char *path, const char *other)
{
	char *real = other ? castssl_platform_real_path(other) : NULL;

	return real != NULL && strcmp(real, path) == 0;
}

/* Does a configuration file name it, or the folder that it lies in (include_dir)? */
static bool
is_included(const char *path)
{
	const char *folder = castssl_path_folder(path);
	ListCell *cell;

	foreach (cell, castssl_included_paths())
	{
		const char *included = lfirst(cell);
		char *real = castssl_platform_real_path(included);

		/* A missing file may be named by a path that leads through links. */
		if (real == NULL && (real = castssl_platform_real_path(castssl_path_folder(included))))
			real = castssl_path_in(real, last_dir_separator(included) + 1);
		if (real && (strcmp(real, path) == 0 || strcmp(real, folder) == 0))
			return true;
	}
	return false;
}

/* Why the server, or the CA, needs that path for itself; NULL if neither does. */
static const char *
why_not(const char *path)
{
	const char *data_directory = castssl_path_data_directory();
	char *authority =
		castssl_ca_directory[0]
			? castssl_platform_real_path(castssl_path_in(DataDir, castssl_ca_directory))
			: NULL;

	if (is_file(path, ConfigFileName) || is_file(path, HbaFileName) ||
		is_file(path, IdentFileName) || is_included(path))
		return "It is a configuration file of the server, or one of them names it.";
	if (authority && path_is_prefix_of_path(authority, path))
		return "It lies in castssl.ca_directory, where the CA keeps its files.";
	if (!path_is_prefix_of_path(data_directory, path))
		return NULL;
	if (strcmp(castssl_path_folder(path), data_directory) != 0)
		return "It lies in a subfolder of the data directory, where the server keeps its own "
			   "files.";
	if (is_server_name(last_dir_separator(path) + 1))
		return "The server uses a file of that name in its data directory.";
	return NULL;
}

/* The data directory needs no check, because the server relies on it in any case. */
static void
check_folder(const char *folder)
{
	if (!castssl_caller_is_superuser() && strcmp(folder, castssl_path_data_directory()) != 0)
		castssl_directory_check_guarded(folder);
}

static void
check_content(const CastsslMaterialFile *file, CastsslRole role)
{
	static const char *const kinds[] = { "CERTIFICATE", "PRIVATE KEY", "CERTIFICATE", "X509 CRL" };
	size_t length;
	char *now = castssl_file_read_if_exists(file->path, castssl_role_limit(role), &length, NULL);
	CastsslPem pem = { .name = file->name, .data = now, .length = length };
	bool good = now == NULL || castssl_pem_is_written_so(&pem, kinds[role]);

	if (now)
	{
		explicit_bzero(now, length);
		pfree(now);
	}
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("\"%s\" is not replaced, because it is not a PEM file of the kind \"%s\"",
						file->name, kinds[role]),
				 errdetail("Its content would be lost."),
				 errhint("Move it away, or name another file or target_dir.")));
}

void
castssl_target_check(const CastsslMaterial *material)
{
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const CastsslMaterialFile *file = &material->files[role];
		const char *reason;

		if (file->path == NULL || file->same)
			continue;
		reason = why_not(file->path);
		if (reason)
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
							errmsg("\"%s\" cannot be installed there", file->name),
							errdetail("%s", reason), errhint("Name another file or target_dir.")));
		check_folder(castssl_path_folder(file->path));
		for (int other = 0; other < CASTSSL_NROLES; other++)
		{
			if (other != role && material->files[other].path &&
				strcmp(material->files[other].path, file->path) == 0)
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								errmsg("\"%s\" cannot be both %s and %s", file->name,
									   castssl_role_parameter(role), castssl_role_parameter(other)),
								errdetail("One would be written over the other."),
								errhint("Give each a name of its own.")));
		}
		check_content(file, role);
	}
}
