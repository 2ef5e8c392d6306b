/*
 * hba_files.c
 *		Finds pg_hba.conf, and reads it with its includes, as a policy.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/fd.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/grow.h"
#include "hba/text/options.h"
#include "hba/text/read.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/reading.h"
#include "server/hba_files.h"
#include "server/process/caller.h"
#include "server/process/platform.h"
#include "server/world.h"

/* The state of the callbacks. */
typedef struct Reading
{
	const CastsslHbaOverlay *overlay;
	int noverlay;
	bool resolved;   /* the overlay's path has its links resolved */
	bool restricted; /* the caller may only name certain files */
	List *allowed;   /* use_text() of what the live files name */
	List *seen;      /* use_text() of all names seen so far */
	List *paths;     /* the paths of seen */
} Reading;

char *
castssl_hba_file_bytes(const char *path, size_t *length, int *error)
{
	const CastsslReading *reading = castssl_reading_find(path);
	/*
	 * A caller who is not a superuser must not see a file that somebody put in the place of a
	 * list by changing a link.
	 */
	bool guarded = OidIsValid(castssl_caller()) && !castssl_caller_is_superuser();
	struct stat st;
	char *data;
	int fd;

	*error = 0;
	if (reading && reading->data)
		return castssl_reading_copy(reading, length);
	fd = castssl_file_open_following(path, guarded);
	if (fd < 0)
	{
		*error = errno;
		return NULL;
	}
	data = castssl_file_read_open(fd, CASTSSL_HBA_LIMIT, length, &st, error);
	if (data && guarded && st.st_nlink > 1 && strcmp(path, HbaFileName) != 0 &&
		!path_is_prefix_of_path(castssl_path_data_directory(), path))
		*error = EMLINK;
	if (*error != 0)
		return NULL;
	castssl_reading_keep(path, data, *length, &st);
	return data;
}

char *
castssl_hba_file_locate(const char *name, const char *outer)
{
	char path[MAXPGPATH];

	if (is_absolute_path(name))
		return pstrdup(name);
	strlcpy(path, outer, sizeof(path));
	get_parent_directory(path);
	join_path_components(path, path, name);
	canonicalize_path(path);
	return pstrdup(path);
}

/* LCOV_EXCL_START: since 16, and coverage is measured with 15 */
static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Does include_dir take an entry of that name?  It must end in ".conf" and not be hidden. */
static bool
is_conf_name(const char *name)
{
	size_t length = strlen(name);

	return length >= 6 && name[0] != '.' && strcmp(name + length - 5, ".conf") == 0;
}

bool
castssl_hba_file_list(const char *directory, char ***paths, int *count, char **error)
{
	DIR *dir = AllocateDir(directory);
	struct dirent *entry;
	int capacity = 0;

	if (dir == NULL)
	{
		*error = psprintf("could not open directory \"%s\"", directory);
		return false;
	}
	*paths = NULL;
	*count = 0;
	while ((entry = ReadDir(dir, directory)) != NULL)
	{
		struct stat st;
		char *path;

		CHECK_FOR_INTERRUPTS();
		if (!is_conf_name(entry->d_name))
			continue;
		path = castssl_path_in(directory, entry->d_name);
		if (stat(path, &st) != 0)
		{
			*error = psprintf("could not stat file \"%s\"", path);
			FreeDir(dir);
			return false;
		}
		if (S_ISDIR(st.st_mode))
			continue;
		CASTSSL_GROW(*paths, *count, capacity);
		(*paths)[(*count)++] = path;
	}
	FreeDir(dir);
	qsort(*paths, *count, sizeof(char *), compare_names);
	return true;
}
/* LCOV_EXCL_STOP */

/* ---- the callbacks of CastsslHbaReader ---- */

/* A path and the field that names it, as one text. */
static char *
use_text(const char *path, int field)
{
	return psprintf("%d %s", field, path);
}

static bool
is_among(const List *uses, const char *use)
{
	ListCell *cell;

	foreach (cell, uses)
	{
		if (strcmp((const char *) lfirst(cell), use) == 0)
			return true;
	}
	return false;
}

/* Refuse a name that a restricted caller may not use, before anybody looks whether it exists. */
static void
note_use(void *arg, const char *path, int field)
{
	Reading *reading = arg;
	char *use = use_text(path, field);

	if (reading->restricted && !is_among(reading->allowed, use))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for path \"%s\"", path),
				 errdetail("Only superusers may name a file in pg_hba.conf that the live one does "
						   "not name in the same field."),
				 errhint("Write the names into the rule, or let a superuser do it.")));
	if (!is_among(reading->seen, use))
	{
		reading->seen = lappend(reading->seen, use);
		reading->paths = lappend(reading->paths, pstrdup(path));
	}
}

/* Is it a file whose text nobody may see, not even a superuser? */
static bool
is_private(const char *path, const char *data, size_t length)
{
	char *real = castssl_platform_real_path(path);

	if (real != NULL && path_is_prefix_of_path(castssl_state_path(NULL), real))
		return true;
	return castssl_file_holds_key(data, length);
}

char *
castssl_hba_file_error(const char *path, int error)
{
	const char *what = "file";

	if (error == EFBIG)
		return psprintf("file \"%s\" is larger than %zu MB", path,
						CASTSSL_HBA_LIMIT / ((size_t) 1024 * 1024));
	if (error == EINVAL)
		return psprintf("\"%s\" is not a regular file", path);
	if (error == EAGAIN)
		return psprintf("file \"%s\" changed while it was being read", path); /* LCOV_EXCL_LINE */
	if (error == EPERM || error == EMLINK)
		return psprintf("\"%s\" is %s: only superusers can see its content", path,
						error == EPERM ? "reached by a link that other accounts can change"
									   : "a file with another name (hard link)");
	if (error == EISDIR)
		return psprintf("could not read file \"%s\": %s", path, strerror(error));
	if (CASTSSL_SERVER_MAJOR < 16 && strcmp(path, HbaFileName) == 0)
		what = "configuration file";
	return psprintf("could not open %s \"%s\": %s", what, path, strerror(error));
}

static bool
is_overlaid(const Reading *reading, const CastsslHbaOverlay *overlay, const char *path)
{
	if (strcmp(overlay->path, path) == 0)
		return true;
	if (reading->resolved)
		path = castssl_platform_real_path(path);
	return reading->resolved && path && strcmp(overlay->path, path) == 0;
}

static bool
read_file(void *arg, const char *path, char **data, size_t *length, bool *missing, char **error)
{
	Reading *reading = arg;
	int reason;

	for (int i = 0; i < reading->noverlay; i++)
	{
		const CastsslHbaOverlay *overlay = &reading->overlay[i];

		if (is_overlaid(reading, overlay, path))
		{
			*length = overlay->length;
			*data = palloc(overlay->length + 1);
			memcpy(*data, overlay->data, overlay->length);
			(*data)[overlay->length] = '\0';
			return true;
		}
	}
	*data = castssl_hba_file_bytes(path, length, &reason);
	if (*data != NULL && is_private(path, *data, *length))
	{
		if (reading->noverlay > 0)
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
							errmsg("\"%s\" cannot be a part of pg_hba.conf", path),
							errdetail("It holds a private key, or is a file of pg_castssl."),
							errhint("Name another file.")));
		*data = NULL;
		*missing = false;
		*error = psprintf("could not open file \"%s\": it holds a private key, or is a file of "
						  "pg_castssl",
						  path);
		return false;
	}
	*missing = *data == NULL && reason == ENOENT;
	if (*data == NULL)
		*error = castssl_hba_file_error(path, reason);
	return *data != NULL;
}

static char *
locate_file(void *arg, const char *name, const char *outer)
{
	return castssl_hba_file_locate(name, outer);
}

/* LCOV_EXCL_START: since 16, and coverage is measured with 15 */
static bool
list_files(void *arg, const char *directory, char ***paths, int *count, char **error)
{
	return castssl_hba_file_list(directory, paths, count, error);
}
/* LCOV_EXCL_STOP */

static char *
regexp_error(void *arg, const char *pattern)
{
	return castssl_hba_regexp_error(pattern);
}

static char *
radius_error(void *arg, const char *server)
{
	return castssl_hba_radius_error(server);
}

static CastsslHbaReader
make_reader(Reading *reading)
{
	return (CastsslHbaReader){ .read = read_file,
							   .locate = locate_file,
							   .list = list_files,
							   .arg = reading,
							   .regexp_error = regexp_error,
							   .radius_error = radius_error,
							   .uses = note_use };
}

/*
 * Look up the maps that the rules name.  While the server refuses pg_ident.conf, its maps are not
 * known.
 */
static void
find_maps(CastsslHbaPolicy *policy)
{
	CastsslIdent *ident = NULL;
	bool known = false;

	for (int i = 0; i < policy->nrules; i++)
	{
		const char *map = castssl_hba_rule_map(&policy->rules[i]);

		if (map == NULL)
			continue;
		if (ident == NULL)
		{
			ident = castssl_ident_file_read();
			known = castssl_ident_error(ident) == NULL;
		}
		policy->rules[i].map_is_missing = known && !castssl_ident_has_map(ident, map);
	}
	policy->ident = ident;
}

static CastsslHbaPolicy *
read_policy(Reading *reading, int version)
{
	CastsslHbaReader reader = make_reader(reading);
	CastsslHbaPolicy *policy = castssl_hba_policy_read(HbaFileName, &reader, version);

	find_maps(policy);
	return policy;
}

CastsslHbaPolicy *
castssl_hba_files_read_from(const char *path)
{
	Reading reading = { 0 };
	CastsslHbaReader reader = make_reader(&reading);

	return castssl_hba_policy_read(path, &reader, CASTSSL_SERVER_MAJOR);
}

CastsslHbaPolicy *
castssl_hba_files_read_as(int version)
{
	Reading reading = { 0 };

	return read_policy(&reading, version);
}

CastsslHbaPolicy *
castssl_hba_files_read(const CastsslHbaOverlay *overlay, int noverlay)
{
	Reading reading = { 0 };

	/* The author of an overlay must learn nothing from a file that only the overlay names. */
	if (noverlay > 0 && !castssl_caller_is_superuser())
	{
		(void) read_policy(&reading, CASTSSL_SERVER_MAJOR);
		reading.allowed = reading.seen;
		reading.restricted = true;
	}
	reading.overlay = overlay;
	reading.noverlay = noverlay;
	return read_policy(&reading, CASTSSL_SERVER_MAJOR);
}

CastsslHbaPolicy *
castssl_hba_files_read_undone(const CastsslHbaOverlay *overlay)
{
	Reading reading = { .overlay = overlay, .noverlay = 1, .resolved = true };

	return read_policy(&reading, CASTSSL_SERVER_MAJOR);
}

CastsslIdent *
castssl_ident_file_read(void)
{
	Reading reading = { 0 };
	CastsslHbaReader reader = make_reader(&reading);

	return castssl_ident_read(IdentFileName, &reader, CASTSSL_SERVER_MAJOR);
}

char *
castssl_ident_file_problem(const CastsslIdent *ident)
{
	const CastsslIdentLine *line = castssl_ident_error(ident);

	if (line == NULL)
		return NULL;
	return line->line_number > 0
			   ? psprintf("line %d of \"%s\": %s", line->line_number, line->path, line->error)
			   : pstrdup(line->error);
}

List *
castssl_hba_files_named(void)
{
	Reading reading = { 0 };
	CastsslHbaReader reader = make_reader(&reading);

	(void) castssl_hba_policy_read(HbaFileName, &reader, CASTSSL_SERVER_MAJOR);
	(void) castssl_ident_read(IdentFileName, &reader, CASTSSL_SERVER_MAJOR);
	return reading.paths;
}
