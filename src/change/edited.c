/*
 * edited.c
 *		Edits of pg_hba.conf that were made by hand while a change waited: undoing it keeps them.
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

/* What undoing would put back, tried. */
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

/* The lines of a file, the last one with its line end; NULL where it is not there. */
static CastsslHbaDocument *
read_lines(const char *path)
{
	StringInfoData text;
	size_t length;
	char *data = castssl_file_read_if_exists(path, CASTSSL_HBA_LIMIT, &length, NULL);

	if (data == NULL)
		return NULL;
	initStringInfo(&text);
	appendBinaryStringInfo(&text, data, (int) length);
	if (length > 0 && data[length - 1] != '\n')
		appendStringInfoChar(&text, '\n');
	return castssl_hba_document_read(path, text.data, text.len, CASTSSL_SERVER_MAJOR);
}

/* Would the server take every line, of what it includes too? */
static void
try_rules(void *arg)
{
	Trial *trial = arg;
	const CastsslHbaPolicy *policy = castssl_hba_files_read(&trial->overlay, 1);

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
