/*
 * loader_hba.c
 *		A pg_hba.conf that is not live yet, copied so that the server's own parser can judge it.
 *
 * Every file is copied.  A directory of include_dir becomes a list of includes.  So
 * relative names, absolute names and names with ".." all need no special treatment.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/guc.h"

#include "base/grow.h"
#include "hba/text/lex.h"
#include "server/disk/closed.h"
#include "server/disk/scratch.h"
#include "server/hba_files.h"
#include "server/hba_verdict.h"
#include "server/loader_hba.h"
#include "server/process/platform.h"

/*
 * A file, or the list that replaces a directory of include_dir.  Its index is also the number of
 * its copy; a file that cannot be read has a number but no copy.
 */
typedef struct CopiedFile
{
	const char *path;                   /* path of the live file */
	const CastsslHbaDocument *document; /* NULL: a directory, or a file that cannot be read */
	char *list;                         /* for a directory */
} CopiedFile;

typedef struct Copies
{
	const CastsslHbaPolicy *policy;
	CastsslFindings *findings;
	CastsslScratch scratch;
	CopiedFile *files;
	int nfiles;
	int capacity;

	CastsslHbaLine line; /* reused for each line */
	StringInfoData joined;
} Copies;

/* ---- which files there are ---- */

/*
 * The policy's document of a file, or else the one on disk; NULL if it cannot be read.  The
 * parser would wait on a pipe for a writer, and a cancel would not stop it: so it reads
 * nothing but copies.
 */
static const CastsslHbaDocument *
find_document(const Copies *copies, const char *path)
{
	const CastsslHbaDocument *document = castssl_hba_policy_file(copies->policy, path);
	char *data;
	size_t length;
	int error;

	if (document)
		return document;
	data = castssl_hba_file_bytes(path, &length, &error);
	if (data == NULL && error != ENOENT)
		castssl_finding_add(copies->findings, CASTSSL_ERROR, "hba_syntax", path,
							castssl_hba_file_error(path, error), "pg_hba.conf refers to it.", NULL);
	return data ? castssl_hba_document_read(path, data, length, copies->policy->version) : NULL;
}

/* The number of a path that is copied already; -1: it is not. */
static int
find_copy(const Copies *copies, const char *path)
{
	for (int i = 0; i < copies->nfiles; i++)
	{
		if (strcmp(copies->files[i].path, path) == 0)
			return i;
	}
	return -1;
}

static int
add_copy(Copies *copies, const char *path, const CastsslHbaDocument *document, char *list)
{
	CASTSSL_GROW(copies->files, copies->nfiles, copies->capacity);
	copies->files[copies->nfiles++] = (CopiedFile){ path, document, list };
	return document || list ? castssl_scratch_new(&copies->scratch)
							: castssl_scratch_missing(&copies->scratch);
}

/* Number of the copy of a file. */
static int
copy_of_file(Copies *copies, const char *path)
{
	int number = find_copy(copies, path);

	return number < 0 ? add_copy(copies, path, find_document(copies, path), NULL) : number;
}

/* Number of the list for a directory of include_dir; -1: it cannot be read. */
/* LCOV_EXCL_START: since 16, and coverage is measured with 15 */
static int
copy_of_directory(Copies *copies, const char *path)
{
	int number = find_copy(copies, path);
	StringInfoData list;
	char **paths;
	int count;
	char *error;

	if (number >= 0)
		return number;
	if (!castssl_hba_file_list(path, &paths, &count, &error))
		return -1;
	initStringInfo(&list);
	for (int i = 0; i < count; i++)
	{
		int file = copy_of_file(copies, paths[i]);

		appendStringInfo(&list, "include \"%s\"\n", copies->scratch.paths[file]);
	}
	return add_copy(copies, path, NULL, list.data);
}
/* LCOV_EXCL_STOP */

/* ---- names in a copy ---- */

/* The name under which a copy refers to a file. */
static char *
file_reference(Copies *copies, const char *name, const char *outer)
{
	int file = copy_of_file(copies, castssl_hba_file_locate(name, outer));

	return copies->scratch.paths[file];
}

/*
 * The name under which a copy includes the list of a directory.  If the directory cannot be read,
 * it is the absolute path of the live directory, so that the server reports the error.
 */
/* LCOV_EXCL_START: since 16, and coverage is measured with 15 */
static char *
directory_reference(Copies *copies, const char *name, const char *outer, bool *readable)
{
	char *path = castssl_hba_file_locate(name, outer);
	int number = copy_of_directory(copies, path);

	*readable = number >= 0;
	return *readable ? copies->scratch.paths[number] : path;
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

/* Is this line "include name" or one of its variants?  Then the name is in its second field. */
static const CastsslHbaLexeme *
included_name(const CastsslHbaLine *line, int version, bool *is_directory)
{
	const CastsslHbaLexeme *name = NULL;
	CastsslHbaInclude kind;
	int nfields = 0;

	for (int i = 0; i < line->nlexemes; i++)
	{
		if (i == 0 || !line->lexemes[i - 1].comma)
		{
			if (++nfields == 2)
				name = &line->lexemes[i];
		}
	}
	kind = nfields == 0 ? CASTSSL_INCLUDE_NONE
						: castssl_hba_include(line->lexemes[0].string, nfields, version);
	*is_directory = kind == CASTSSL_INCLUDE_DIRECTORY;
	return kind == CASTSSL_INCLUDE_NONE ? NULL : name;
}

/*
 * Write the new name in place of the token.  If backslashes joined lines within the
 * token, join the same number of lines behind the name: line numbers must not change.
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

/*
 * Can a line refer to a file, by "@" or by an "include" at its beginning?  Few lines
 * can, and only these need to be cut into tokens.
 */
static bool
may_refer(const char *text, size_t length, int version)
{
	size_t start = 0;

	while (start < length && (castssl_hba_is_blank(text[start], version) || text[start] == ','))
		start++;
	return memchr(text, '@', length) != NULL ||
		   (start < length && (text[start] == 'i' || text[start] == '"'));
}

/* Append the reference in place of one token, after the unchanged text before the token. */
static void
replace_token(const CastsslHbaDocument *document, int number, const CastsslHbaLexeme *lexeme,
			  const char *mark, const char *reference, size_t *done, StringInfo out)
{
	const char *data = document->data + document->records[number].offset;
	size_t start = castssl_hba_record_offset(document, number, lexeme->start);
	size_t end = castssl_hba_record_offset(document, number, lexeme->end - 1) + 1;

	appendBinaryStringInfo(out, data + *done, (int) (start - *done));
	append_reference(out, mark, reference, data + start, end - start);
	*done = end;
}

/* Append one record of a file, with its references rewritten. */
static void
append_record(Copies *copies, const CastsslHbaDocument *document, int number, StringInfo out)
{
	const CastsslHbaRecord *record = &document->records[number];
	const char *data = document->data + record->offset;
	size_t done = 0;
	size_t length;
	const char *text = castssl_hba_record_text(document, number, &copies->joined, &length);
	const CastsslHbaLexeme *included;
	bool is_directory = false;

	if (!may_refer(text, length, document->version))
	{
		appendBinaryStringInfo(out, data, (int) record->length);
		return;
	}
	castssl_hba_lex(&copies->line, text, length, document->version);
	included = included_name(&copies->line, document->version, &is_directory);
	for (int i = 0; i < copies->line.nlexemes; i++)
	{
		const CastsslHbaLexeme *lexeme = &copies->line.lexemes[i];

		if (lexeme->file)
			replace_token(document, number, lexeme, "@",
						  file_reference(copies, lexeme->string + 1, document->path), &done, out);
		/* LCOV_EXCL_START: since 16, and coverage is measured with 15 */
		else if (lexeme == included && is_directory)
		{
			bool readable;
			char *reference;

			/* The server refuses a blank name: keep it. */
			if (lexeme->string[strspn(lexeme->string, " \t\r\n")] == '\0')
				continue;
			reference = directory_reference(copies, lexeme->string, document->path, &readable);
			if (readable)
				replace_token(document, number, &copies->line.lexemes[0], "", "include", &done,
							  out);
			replace_token(document, number, lexeme, "", reference, &done, out);
		}
		else if (lexeme == included)
			replace_token(document, number, lexeme, "",
						  file_reference(copies, lexeme->string, document->path), &done, out);
		/* LCOV_EXCL_STOP */
	}
	appendBinaryStringInfo(out, data + done, (int) (record->length - done));
}

/* Write one copy.  The files that it refers to are added to the list of files. */
static void
write_copy(Copies *copies, int number)
{
	CopiedFile file = copies->files[number];
	const CastsslHbaDocument *document = file.document;
	StringInfoData out;

	/* LCOV_EXCL_START: since 16, and coverage is measured with 15 */
	if (file.list)
	{
		castssl_scratch_write(&copies->scratch, number, file.list, strlen(file.list));
		return;
	}
	/* LCOV_EXCL_STOP */
	if (document == NULL)
		return;
	/* The caller has refused a file that is not text.  The parser may read it unchanged. */
	if (!document->is_text)
	{
		castssl_scratch_write(&copies->scratch, number, document->data, document->length);
		return;
	}
	initStringInfo(&out);
	for (int i = 0; i < document->nrecords; i++)
	{
		const CastsslHbaRecord *record = &document->records[i];

		if (record->kind == CASTSSL_HBA_LINE)
			append_record(copies, document, i, &out);
		else
			appendBinaryStringInfo(&out, document->data + record->offset, (int) record->length);
	}
	castssl_scratch_write(&copies->scratch, number, out.data, out.len);
	pfree(out.data);
}

/* A policy may lack a main file that cannot be read. */
static const char *
main_path(const CastsslHbaPolicy *policy)
{
	return policy->nfiles > 0 ? policy->files[0]->path : HbaFileName;
}

static void
check_copies(Copies *copies, const char *path, bool part, CastsslFindings *findings)
{
	CastsslHbaText *texts;
	int before = findings->count;
	int main_file;

	initStringInfo(&copies->joined);
	main_file = copy_of_file(copies, path);
	path = copies->scratch.paths[main_file];
	for (int i = 0; i < copies->nfiles; i++)
		write_copy(copies, i);
	castssl_hba_line_free(&copies->line);

	texts = palloc(copies->nfiles * sizeof(CastsslHbaText));
	for (int i = 0; i < copies->nfiles; i++)
		texts[i] = (CastsslHbaText){ copies->scratch.paths[i], copies->files[i].document };
	castssl_hba_verdict(path, part, texts, copies->nfiles, findings);
	for (int i = before; i < findings->count; i++)
	{
		CastsslFinding *finding = &findings->items[i];

		for (int file = 0; file < copies->nfiles; file++)
		{
			const char *live = copies->files[file].path;

			finding->subject =
				castssl_scratch_rename(&copies->scratch, file, finding->subject, live);
			finding->message =
				castssl_scratch_rename(&copies->scratch, file, finding->message, live);
			finding->detail = castssl_scratch_rename(&copies->scratch, file, finding->detail, live);
		}
	}
}

static void
check_policy(const CastsslHbaPolicy *policy, const char *path, bool part, CastsslFindings *findings)
{
	Copies copies = { .policy = policy, .findings = findings };

	castssl_scratch_begin(&copies.scratch);
	PG_TRY();
	{
		check_copies(&copies, path, part, findings);
	}
	PG_FINALLY(); /* LCOV_EXCL_LINE: an error here would have occurred earlier */
	{
		castssl_scratch_end(&copies.scratch);
	}
	PG_END_TRY();
}

void
castssl_loader_check_hba_policy(const CastsslHbaPolicy *policy, bool part,
								CastsslFindings *findings)
{
	check_policy(policy, main_path(policy), part, findings);
}

void
castssl_loader_check_hba_live(const CastsslHbaPolicy *policy, const char *path,
							  CastsslFindings *findings)
{
	/* there are no bytes to copy of a file that the server may not read */
	if (castssl_platform_has_memory_files() && !castssl_closed_is(path))
		check_policy(policy, path, false, findings);
	else
		castssl_hba_verdict(path, false, NULL, 0, findings);
}
