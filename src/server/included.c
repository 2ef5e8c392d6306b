/*
 * included.c
 *		What the server's configuration files name.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "server/hba_files.h"
#include "server/included.h"

#define MOST_INCLUDES 10 /* levels of nesting (PostgreSQL: CONF_FILE_MAX_DEPTH) */
#define BLANKS " \t\r"

/*
 * Cut the next word, bare or in single quotes, off a line of postgresql.conf; NULL if there is
 * none.
 */
static char *
cut_word(const char **line)
{
	const char *at = *line + strspn(*line, BLANKS);
	StringInfoData word;

	initStringInfo(&word);
	if (*at == '\'')
	{
		for (at++; *at && (*at != '\'' || at[1] == '\''); at++)
		{
			if ((*at == '\'' || *at == '\\') && at[1])
				at++;
			appendStringInfoChar(&word, *at);
		}
		at += (*at != '\0');
	}
	else
	{
		size_t length = strcspn(at, BLANKS "='#");

		appendBinaryStringInfo(&word, at, (int) length);
		at += length;
	}
	*line = at;
	return word.len > 0 ? word.data : NULL;
}

/*
 * The name that a line includes; NULL if the line is no include.  *directory: it is an
 * include_dir.
 */
static char *
included_name(const char *line, bool *directory)
{
	char *word = cut_word(&line);

	if (word == NULL)
		return NULL;
	*directory = pg_strcasecmp(word, "include_dir") == 0;
	if (!*directory && pg_strcasecmp(word, "include") != 0 &&
		pg_strcasecmp(word, "include_if_exists") != 0)
		return NULL;
	line += strspn(line, BLANKS);
	line += (*line == '=');
	return cut_word(&line);
}

static List *add_included(List *paths, const char *file, int depth);

/* Add the path of a name, and all that this file, or each file of this directory, includes. */
static List *
add_name(List *paths, const char *name, const char *outer, bool directory, int depth)
{
	char *path = castssl_hba_file_locate(name, outer);
	char **files;
	char *error;
	int count;

	paths = lappend(paths, path);
	if (!directory)
		return add_included(paths, path, depth);
	if (!castssl_hba_file_list(path, &files, &count, &error))
		return paths;
	for (int i = 0; i < count; i++)
		paths = add_included(lappend(paths, files[i]), files[i], depth);
	return paths;
}

/*
 * Add all that a file in the format of postgresql.conf includes.  Skips a file that cannot be
 * read.
 */
static List *
add_included(List *paths, const char *file, int depth)
{
	size_t length;
	int error;
	char *text = castssl_hba_file_bytes(file, &length, &error);
	char *next;

	if (text == NULL || depth > MOST_INCLUDES)
		return paths;
	for (char *line = text; line != NULL; line = next)
	{
		bool directory;
		char *name;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		name = included_name(line, &directory);
		if (name)
			paths = add_name(paths, name, file, directory, depth + 1);
	}
	return paths;
}

List *
castssl_included_by_parameters(void)
{
	return add_included(NIL, ConfigFileName, 0);
}

List *
castssl_included_paths(void)
{
	return add_included(castssl_hba_files_named(), ConfigFileName, 0);
}
