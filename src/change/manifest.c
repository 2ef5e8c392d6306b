/*
 * manifest.c
 *		Small state files: name = 'value' lines, read by PostgreSQL's own parser.
 */
#include "postgres.h"

#include "storage/fd.h"

#include "change/manifest.h"

void
castssl_manifest_append(StringInfo text, const char *name, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfo(text, "%s = '", name);
	for (; *value; value++)
	{
		/* What guc-file.l takes back: doubled quotes, and C escapes. */
		if (*value == '\'')
			appendStringInfoString(text, "''");
		else if (*value == '\\')
			appendStringInfoString(text, "\\\\");
		else if (*value == '\n')
			appendStringInfoString(text, "\\n");
		else if (*value == '\r')
			appendStringInfoString(text, "\\r");
		else
			appendStringInfoChar(text, *value);
	}
	appendStringInfoString(text, "'\n");
}

void
castssl_manifest_append_number(StringInfo text, const char *name, int64 value)
{
	castssl_manifest_append(text, name, psprintf(INT64_FORMAT, value));
}

ConfigVariable *
castssl_manifest_read(const char *path)
{
	ConfigVariable *head = NULL;
	ConfigVariable *tail = NULL;
	FILE *file = AllocateFile(path, "r");

	if (file == NULL)
	{
		if (errno == ENOENT || errno == ENOTDIR)
			return NULL;
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
	}
	if (!ParseConfigFp(file, path, 0, LOG, &head, &tail))
		ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
						errmsg("could not parse contents of file \"%s\"", path),
						errdetail("It is a state file of pg_castssl, and was changed by hand."),
						errhint("The server's log names the line.")));
	FreeFile(file);
	return head;
}

const char *
castssl_manifest_value(const ConfigVariable *manifest, const char *name)
{
	const char *value = NULL;

	for (; manifest != NULL; manifest = manifest->next)
	{
		if (strcmp(manifest->name, name) == 0)
			value = manifest->value;
	}
	return value;
}

int64
castssl_manifest_number(const ConfigVariable *manifest, const char *name)
{
	const char *value = castssl_manifest_value(manifest, name);

	return value ? strtoll(value, NULL, 10) : 0;
}
