/*
 * reader.h
 *		CastsslHbaReaders for the unit tests: real files, and files in memory.
 */
#ifndef CASTSSL_TEST_READER_H
#define CASTSSL_TEST_READER_H

#include <dirent.h>
#include <sys/stat.h>

#include "hba/text/read.h"

/* As PostgreSQL's AbsoluteConfigLocation. */
static char *
reader_locate(void *arg, const char *name, const char *outer)
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

static int
reader_order(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool
reader_is_taken(const char *name)
{
	size_t length = strlen(name);

	return length >= 6 && name[0] != '.' && strcmp(name + length - 5, ".conf") == 0;
}

static bool
file_read(void *arg, const char *path, char **data, size_t *length, bool *missing, char **error)
{
	FILE *file = fopen(path, "rb");
	StringInfoData content;
	char buffer[8192];
	size_t got;

	if (file == NULL)
	{
		*missing = errno == ENOENT;
		*error = psprintf("could not open file \"%s\": %s", path, strerror(errno));
		return false;
	}
	initStringInfo(&content);
	while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
		appendBinaryStringInfo(&content, buffer, (int) got);
	fclose(file);
	*data = content.data;
	*length = content.len;
	return true;
}

static bool
file_list(void *arg, const char *directory, char ***paths, int *count, char **error)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	if (dir == NULL)
	{
		*error = psprintf("could not open directory \"%s\"", directory);
		return false;
	}
	*count = 0;
	*paths = palloc(1000 * sizeof(char *));
	while ((entry = readdir(dir)) != NULL && *count < 1000)
	{
		if (reader_is_taken(entry->d_name))
			(*paths)[(*count)++] = psprintf("%s/%s", directory, entry->d_name);
	}
	closedir(dir);
	qsort(*paths, *count, sizeof(char *), reader_order);
	return true;
}

static const CastsslHbaReader file_reader = { .read = file_read,
											  .locate = reader_locate,
											  .list = file_list };

/*
 * A file in memory; an array of them ends with one whose path is NULL. length 0: strlen.
 * data NULL: include_dir lists the file, but it cannot be read.
 */
typedef struct MemoryFile
{
	const char *path;
	const char *data;
	size_t length;
} MemoryFile;

static bool
memory_read(void *arg, const char *path, char **data, size_t *length, bool *missing, char **error)
{
	for (const MemoryFile *file = arg; file->path; file++)
	{
		if (strcmp(file->path, path) == 0 && file->data)
		{
			*length = file->length ? file->length : strlen(file->data);
			*data = palloc(*length + 1);
			memcpy(*data, file->data, *length);
			return true;
		}
	}
	*missing = true;
	*error = psprintf("could not open file \"%s\": No such file or directory", path);
	return false;
}

static bool
memory_list(void *arg, const char *directory, char ***paths, int *count, char **error)
{
	size_t length = strlen(directory);

	*count = 0;
	*paths = palloc(100 * sizeof(char *));
	for (const MemoryFile *file = arg; file->path; file++)
	{
		if (strncmp(file->path, directory, length) == 0 && file->path[length] == '/' &&
			reader_is_taken(file->path + length + 1))
			(*paths)[(*count)++] = pstrdup(file->path);
	}
	if (*count == 0)
	{
		*error = psprintf("could not open directory \"%s\"", directory);
		return false;
	}
	qsort(*paths, *count, sizeof(char *), reader_order);
	return true;
}

/* The policy of files[0] and what it includes. */
static inline CastsslHbaPolicy *
memory_policy(const MemoryFile *files, int version)
{
	CastsslHbaReader reader = {
		.read = memory_read, .locate = reader_locate, .list = memory_list, .arg = (void *) files
	};

	return castssl_hba_policy_read(files[0].path, &reader, version);
}

/* The policy of one text. */
static inline CastsslHbaPolicy *
text_policy(const char *text, int version)
{
	MemoryFile files[] = { { "/main", text }, { NULL } };

	return memory_policy(files, version);
}

static const CastsslHbaReader *const reader_unused[] pg_attribute_unused() = { &file_reader };

#endif
