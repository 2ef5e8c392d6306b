/*
 * other_cluster.c
 *		Does a file lie in a folder of another cluster?
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "server/disk/paths.h"
#include "server/other_cluster.h"
#include "server/process/platform.h"

/*
 * The major of the part of the path that stands where own, a path of this server, has its own
 * major: 12 of /etc/postgresql/12/main with own /etc/postgresql/15/main.  0: there is none.  So a
 * part of a date is no major.
 */
static int
major_beside(const char *path, const char *own)
{
	for (const char *c = own; (c = strchr(c, '/')) != NULL; c++)
	{
		size_t before = c + 1 - own;
		char *end;
		long major;

		if (strtol(c + 1, &end, 10) != CASTSSL_SERVER_MAJOR || (*end != '/' && *end != '\0') ||
			strncmp(path, own, before) != 0)
			continue;
		major = strtol(path + before, &end, 10);
		if (end != path + before && (*end == '/' || *end == '\0') && major >= 9 &&
			major < CASTSSL_SERVER_MAJOR)
			return (int) major;
	}
	return 0;
}

static bool
is_same_folder(const struct stat *folder, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == folder->st_dev && st.st_ino == folder->st_ino;
}

static bool
has_file(const char *folder, const char *name)
{
	struct stat st;

	return stat(castssl_path_in(folder, name), &st) == 0;
}

typedef enum Owner
{
	OWNER_NOBODY,
	OWNER_OTHER,
	OWNER_SELF
} Owner;

/*
 * Whose data directory or folder of the configuration the file lies in; *folder: that of another
 * server.
 */
static Owner
owner_of(const char *path, const char **folder)
{
	*folder = path;
	do
	{
		struct stat st;

		*folder = castssl_path_folder(*folder);
		if (stat(*folder, &st) != 0)
			continue;
		if (is_same_folder(&st, DataDir) ||
			is_same_folder(&st, castssl_path_folder(ConfigFileName)))
			return OWNER_SELF;
		if (has_file(*folder, "PG_VERSION") ||
			(has_file(*folder, "postgresql.conf") && has_file(*folder, "pg_hba.conf")))
			return OWNER_OTHER;
	} while (strcmp(*folder, castssl_path_folder(*folder)) != 0);
	return OWNER_NOBODY;
}

/* A clause; NULL: no other cluster's. */
static const char *
other_owner(const char *path)
{
	const char *folder;
	Owner owner = owner_of(path, &folder);
	int older = Max(major_beside(path, DataDir), major_beside(path, ConfigFileName));

	if (owner == OWNER_OTHER)
		return psprintf("in \"%s\", a folder of another cluster", folder);
	return owner == OWNER_NOBODY && older ? psprintf("in a folder of PostgreSQL %d", older) : NULL;
}

const char *
castssl_other_cluster_owner(const char *file)
{
	const char *path = castssl_path_in(DataDir, file);
	char *real = castssl_platform_real_path(path);
	const char *owner = real ? other_owner(real) : NULL;

	return owner ? owner : other_owner(path);
}
