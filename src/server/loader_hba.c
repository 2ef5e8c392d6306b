/*
 * loader_hba.c
 *		A candidate pg_hba.conf, laid out such that the server's own parser can judge it.
 *
 * Every file gets a name of its own in one flat directory; the files of an
 * include_dir get a subdirectory.  So neither relative names, nor absolute ones,
 * nor names that climb out with ".." need any care.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "lib/stringinfo.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/grow.h"
#include "hba/text/lex.h"
#include "server/files.h"
#include "server/hba_files.h"
#include "server/loader.h"
#include "server/loader_hba.h"

/* A file and its copy. */
typedef struct StagedFile
{
	const char *path; /* live */
	const char *name; /* of the copy, relative to the stage's directory */
	int folder;       /* number of the subdirectory that it lies in; 0: none */
	const CastsslHbaDocument *document;
} StagedFile;

/* A directory of include_dir; its number is its place, from 1. */
typedef struct Stage
{
	const CastsslHbaPolicy *policy;
	const char *directory;
	StagedFile *files;
	int nfiles;
	int capacity;
	char **folders; /* live paths */
	int nfolders;
	int folder_capacity;

	CastsslHbaLine line; /* scratch */
	StringInfoData joined;
} Stage;

/* ---- which files there are ---- */

/* The candidate's document of a file, else that on disk; NULL when there is none. */
static const CastsslHbaDocument *
find_document(const Stage *stage, const char *path)
{
	const CastsslHbaDocument *document = castssl_hba_policy_file(stage->policy, path);
	char *data;
	size_t length;
	int error;

	if (document)
		return document;
	data = castssl_hba_file_bytes(path, &length, &error);
	return data ? castssl_hba_document_read(path, data, length, stage->policy->version) : NULL;
}

/* Number of the copy of path in that folder, a new one where there is none yet; -1: no such file.
 */
static int
stage_file(Stage *stage, const char *path, int folder)
{
	StagedFile file = { path, NULL, folder, NULL };

	for (int i = 0; i < stage->nfiles; i++)
	{
		if (stage->files[i].folder == folder && strcmp(stage->files[i].path, path) == 0)
			return i;
	}
	file.document = find_document(stage, path);
	if (file.document == NULL)
		return -1;
	CASTSSL_GROW(stage->files, stage->nfiles, stage->capacity);
	/* Numbered as they come: so include_dir finds its files in the same order. */
	if (folder > 0)
		/* LCOV_EXCL_START: from 16 on, and lines are counted with 15 */
		file.name = psprintf("d%d/%06d.conf", folder, stage->nfiles);
	/* LCOV_EXCL_STOP */
	else
		file.name = psprintf("%06d.conf", stage->nfiles);
	stage->files[stage->nfiles] = file;
	return stage->nfiles++;
}

/* Number of the folder for a directory of include_dir, with copies of its files; 0: it cannot be
 * read. */
/* LCOV_EXCL_START: from 16 on, and lines are counted with 15 */
static int
stage_folder(Stage *stage, const char *path)
{
	char **paths;
	int count;
	char *error;

	for (int i = 0; i < stage->nfolders; i++)
	{
		if (strcmp(stage->folders[i], path) == 0)
			return i + 1;
	}
	if (!castssl_hba_file_list(path, &paths, &count, &error))
		return 0;
	CASTSSL_GROW(stage->folders, stage->nfolders, stage->folder_capacity);
	stage->folders[stage->nfolders++] = pstrdup(path);
	(void) castssl_directory_make_temporary(psprintf("%s/d%d", stage->directory, stage->nfolders));
	for (int i = 0; i < count; i++)
		(void) stage_file(stage, paths[i], stage->nfolders);
	return stage->nfolders;
}
/* LCOV_EXCL_STOP */

/* ---- names in a copy ---- */

/* The parser would wait on a pipe for a writer, and no cancel would reach it. */
static void
check_waits_for_nobody(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("\"%s\" is not a regular file", path),
				 errdetail("pg_hba.conf refers to it, and the server would wait for ever to "
						   "read it.")));
}

/*
 * The name under which a copy in that folder refers to a file, or to a
 * directory.  Relative where it can be: 13 to 15 take no token of more than 255 bytes.
 */
static char *
file_reference(Stage *stage, const char *name, const char *outer, int folder)
{
	char *path = castssl_hba_file_locate(name, outer);
	int file = stage_file(stage, path, 0);

	if (file < 0)
	{
		check_waits_for_nobody(path);
		return path;
	}
	return psprintf("%s%s", folder > 0 ? "../" : "", stage->files[file].name);
}

/* LCOV_EXCL_START: from 16 on, and lines are counted with 15 */
static char *
folder_reference(Stage *stage, const char *name, const char *outer, int folder)
{
	char *path = castssl_hba_file_locate(name, outer);
	int number;

	/* The server refuses a blank name as it stands. */
	if (name[strspn(name, " \t\r\n")] == '\0')
		return pstrdup(name);
	number = stage_folder(stage, path);
	return number == 0 ? path : psprintf("%sd%d", folder > 0 ? "../" : "", number);
}
/* LCOV_EXCL_STOP */

static void
append_quoted(StringInfo out, const char *text)
{
	appendStringInfoChar(out, '"');
	for (; *text != '\0'; text++)
	{
		if (*text == '"')
			appendStringInfoChar(out, '"');
		appendStringInfoChar(out, *text);
	}
	appendStringInfoChar(out, '"');
}

/* Is this line "include name" or a relative of it?  Then its second field has the name. */
static const CastsslHbaLexeme *
included_name(const CastsslHbaLine *line, int version, bool *is_directory)
{
	const CastsslHbaLexeme *name = NULL;
	int nfields = 0;

	for (int i = 0; i < line->nlexemes; i++)
	{
		if (i == 0 || !line->lexemes[i - 1].comma)
		{
			if (++nfields == 2)
				name = &line->lexemes[i];
		}
	}
	if (version < CASTSSL_HBA_FIRST_WITH_INCLUDE || nfields != 2)
		return NULL;
	/* LCOV_EXCL_START: from 16 on, and lines are counted with 15 */
	*is_directory = strcmp(line->lexemes[0].string, "include_dir") == 0;
	if (*is_directory || strcmp(line->lexemes[0].string, "include") == 0 ||
		strcmp(line->lexemes[0].string, "include_if_exists") == 0)
		return name;
	return NULL;
	/* LCOV_EXCL_STOP */
}

/*
 * Put the new name where the token stood.  Where a backslash had joined lines
 * within it, as many lines are joined behind it: line numbers must not move.
 */
static void
append_reference(StringInfo out, const char *mark, const char *reference, const char *old,
				 size_t old_length)
{
	appendStringInfoString(out, mark);
	append_quoted(out, reference);
	for (size_t i = 0; i < old_length; i++)
	{
		if (old[i] == '\n')
			appendStringInfoString(out, "\\\n");
	}
}

/* Whether a line can refer to a file: by "@", or by an "include" at its beginning.  Few can, and
 * only those need to be cut into tokens. */
static bool
may_refer(const char *text, size_t length, int version)
{
	size_t start = 0;

	while (start < length && (castssl_hba_is_blank(text[start], version) || text[start] == ','))
		start++;
	return memchr(text, '@', length) != NULL ||
		   (start < length && (text[start] == 'i' || text[start] == '"'));
}

/* One record of a file, with its references rewritten. */
static void
append_record(Stage *stage, const CastsslHbaDocument *document, int number, int folder,
			  StringInfo out)
{
	const CastsslHbaRecord *record = &document->records[number];
	const char *data = document->data + record->offset;
	size_t done = 0;
	size_t length;
	const char *text = castssl_hba_record_text(document, number, &stage->joined, &length);
	const CastsslHbaLexeme *included;
	bool is_directory = false;

	if (!may_refer(text, length, document->version))
	{
		appendBinaryStringInfo(out, data, (int) record->length);
		return;
	}
	castssl_hba_lex(&stage->line, text, length, document->version);
	included = included_name(&stage->line, document->version, &is_directory);
	for (int i = 0; i < stage->line.nlexemes; i++)
	{
		const CastsslHbaLexeme *lexeme = &stage->line.lexemes[i];
		const char *reference;
		size_t start;
		size_t end;

		if (lexeme->file)
			reference = file_reference(stage, lexeme->string + 1, document->path, folder);
		else if (lexeme != included)
			continue;
		/* LCOV_EXCL_START: from 16 on, and lines are counted with 15 */
		else if (is_directory)
			reference = folder_reference(stage, lexeme->string, document->path, folder);
		else
			reference = file_reference(stage, lexeme->string, document->path, folder);
		/* LCOV_EXCL_STOP */

		start = castssl_hba_record_offset(document, number, lexeme->start);
		end = castssl_hba_record_offset(document, number, lexeme->end - 1) + 1;
		appendBinaryStringInfo(out, data + done, (int) (start - done));
		append_reference(out, lexeme->file ? "@" : "", reference, data + start, end - start);
		done = end;
	}
	appendBinaryStringInfo(out, data + done, (int) (record->length - done));
}

/* Write one copy.  What it refers to joins the stage's files. */
static void
write_copy(Stage *stage, int number)
{
	StagedFile file = stage->files[number];
	const CastsslHbaDocument *document = file.document;
	char *path = psprintf("%s/%s", stage->directory, file.name);
	StringInfoData out;

	/* A file that is no text is refused before anybody gets here; the parser may see it as it is.
	 */
	if (!document->is_text)
	{
		castssl_file_write(path, document->data, document->length, 0600);
		return;
	}
	initStringInfo(&out);
	for (int i = 0; i < document->nrecords; i++)
	{
		const CastsslHbaRecord *record = &document->records[i];

		if (record->kind == CASTSSL_HBA_LINE)
			append_record(stage, document, i, file.folder, &out);
		else
			appendBinaryStringInfo(&out, document->data + record->offset, (int) record->length);
	}
	castssl_file_write(path, out.data, out.len, 0600);
	pfree(out.data);
}

/* A main file that cannot be read may be in no policy. */
static const char *
main_path(const CastsslHbaPolicy *policy)
{
	return policy->nfiles > 0 ? policy->files[0]->path : HbaFileName;
}

/* The copy of the main file; the main file itself where it cannot be read. */
static char *
main_copy(const Stage *stage)
{
	if (stage->nfiles == 0)
		return pstrdup(main_path(stage->policy));
	return psprintf("%s/%s", stage->directory, stage->files[0].name);
}

static void
stage_policy(Stage *stage, const CastsslHbaPolicy *policy, const char *directory)
{
	memset(stage, 0, sizeof(*stage));
	stage->policy = policy;
	stage->directory = directory;
	initStringInfo(&stage->joined);
	(void) castssl_directory_make_temporary(directory);
	(void) stage_file(stage, main_path(policy), 0);
	for (int i = 0; i < stage->nfiles; i++)
		write_copy(stage, i);
	castssl_hba_line_free(&stage->line);
}

/* ---- what the parser says, with the live names ---- */

/* The text with every copy's path replaced by the live one. */
static const char *
with_live_names(const Stage *stage, const char *text)
{
	for (int i = 0; i < stage->nfiles; i++)
	{
		char *copy = psprintf("%s/%s", stage->directory, stage->files[i].name);
		const char *found;

		while ((found = strstr(text, copy)) != NULL)
			text = psprintf("%.*s%s%s", (int) (found - text), text, stage->files[i].path,
							found + strlen(copy));
		pfree(copy);
	}
	return text;
}

static void
check_copies(const Stage *stage, bool part, CastsslFindings *findings)
{
	int before = findings->count;

	(void) castssl_loader_check_hba(main_copy(stage), part, findings);
	for (int i = before; i < findings->count; i++)
	{
		CastsslFinding *finding = &findings->items[i];

		finding->subject = with_live_names(stage, finding->subject);
		finding->message = with_live_names(stage, finding->message);
		finding->detail = with_live_names(stage, finding->detail);
	}
}

void
castssl_loader_check_hba_policy(const CastsslHbaPolicy *policy, bool part, const char *directory,
								CastsslFindings *findings)
{
	Stage stage;

	castssl_directory_remove(directory);
	PG_TRY();
	{
		stage_policy(&stage, policy, directory);
		check_copies(&stage, part, findings);
	}
	PG_FINALLY(); /* LCOV_EXCL_LINE: what stops it from writing there has stopped more before */
	{
		castssl_directory_remove(directory);
	}
	PG_END_TRY();
}
