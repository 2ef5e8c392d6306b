/*
 * edited.c
 *		Keeps edits of pg_hba.conf that somebody made by hand when a change is undone.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/compat.h"
#include "change/attempt.h"
#include "change/edited.h"
#include "change/journal.h"
#include "hba/text/diff.h"
#include "server/disk/files.h"
#include "server/hba_files.h"

#define MOST_LINES 12

/* A test whether the server would load the file that undoing restores. */
typedef struct Trial
{
	CastsslHbaOverlay overlay;
	bool loads;
} Trial;

void
castssl_edited_remember(const CastsslChange *change, int n, const char *data, size_t length)
{
	const CastsslChangedFile *file = list_nth(change->files, n);

	castssl_file_create(castssl_journal_after_path(change->id, n), data, length,
						castssl_journal_copy_mode(data, length, file->mode));
}

/* The lines of a file, with a line end added to the last one; NULL if there is no such file. */
static CastsslHbaDocument *
read_lines(const char *path)
{
	StringInfoData text;
	size_t length;
	char *data;

	if (castssl_file_is_replaced(path))
		return NULL;
	data = castssl_file_read_if_exists(path, CASTSSL_HBA_LIMIT, &length, NULL);
	if (data == NULL)
		return NULL;
	initStringInfo(&text);
	appendBinaryStringInfo(&text, data, (int) length);
	if (length > 0 && data[length - 1] != '\n')
		appendStringInfoChar(&text, '\n');
	return castssl_hba_document_read(path, text.data, text.len, CASTSSL_SERVER_MAJOR);
}

/* Text of lines that differ. */
typedef struct Differing
{
	StringInfoData text;
	const char *file_name;
	int count;
} Differing;

static void
show_line(void *arg, bool added, int line_number, const char *text)
{
	Differing *differing = arg;

	if (differing->count++ < MOST_LINES)
		appendStringInfo(&differing->text, "\n%c%s:%d: %s", added ? '+' : '-', differing->file_name,
						 line_number, text);
}

char *
castssl_edited_lines(const CastsslChange *change, int n)
{
	const CastsslChangedFile *file = list_nth(change->files, n);
	const CastsslHbaDocument *after = read_lines(castssl_journal_after_path(change->id, n));
	const CastsslHbaDocument *live = read_lines(file->path);
	Differing differing = { .file_name = last_dir_separator(file->path) + 1 };

	if (after == NULL || live == NULL)
		return NULL;
	initStringInfo(&differing.text);
	castssl_diff_lines(after, live, show_line, &differing);
	if (differing.count > MOST_LINES)
		appendStringInfo(&differing.text, "\n... and %d more", differing.count - MOST_LINES);
	return differing.text.data;
}

/* Would the server accept all its rules with the overlay in place of the file? */
static void
try_rules(void *arg)
{
	Trial *trial = arg;
	const CastsslHbaPolicy *policy = castssl_hba_files_read_undone(&trial->overlay);

	trial->loads = policy->nrules > 0 && policy->nerrors == 0;
}

bool
castssl_edited_keep(CastsslChange *change, int n)
{
	CastsslChangedFile *file = list_nth(change->files, n);
	Trial trial = { .overlay = { .path = file->path } };
	CastsslHbaDocument *before;
	CastsslHbaDocument *after;
	CastsslHbaDocument *live;
	StringInfoData merged;

	if (change->state == CASTSSL_APPLYING || !file->existed)
		return false;
	before = read_lines(castssl_journal_before_path(change->id, n));
	after = read_lines(castssl_journal_after_path(change->id, n));
	live = read_lines(file->path);
	if (before == NULL || after == NULL || live == NULL)
		return false;
	initStringInfo(&merged);
	castssl_diff_merge(&merged, before, after, live);
	trial.overlay.data = merged.data;
	trial.overlay.length = merged.len;
	if (castssl_attempt(try_rules, &trial) != NULL || !trial.loads)
		return false;
	castssl_file_replace(castssl_journal_back_path(change->id, n), merged.data, merged.len,
						 castssl_journal_copy_mode(merged.data, merged.len, file->mode), NULL);
	file->back_hash = castssl_file_hash(merged.data, merged.len);
	castssl_journal_update(change);
	return true;
}
