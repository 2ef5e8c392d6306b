/*
 * edit.c
 *		Edits of pg_hba.conf as values, and the rendering of a document with them.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/edit/edit.h"
#include "hba/text/lex.h"

void
castssl_hba_edit_add(CastsslHbaEdits *edits, CastsslHbaEditKind kind, int file, int record,
					 int line_number, const char *text, const char *why)
{
	CASTSSL_GROW(edits->items, edits->count, edits->capacity);
	edits->items[edits->count++] = (CastsslHbaEdit){ .kind = kind,
													 .file = file,
													 .record = record,
													 .line_number = line_number,
													 .text = text,
													 .why = why };
}

/* The edits of one document, sorted by record.  Several INSERTs at one record keep their order. */
typedef struct Sorted
{
	const CastsslHbaEdit **items;
	int count;
} Sorted;

static int
compare_edits(const void *left, const void *right)
{
	const CastsslHbaEdit *a = *(const CastsslHbaEdit *const *) left;
	const CastsslHbaEdit *b = *(const CastsslHbaEdit *const *) right;

	if (a->record != b->record)
		return a->record < b->record ? -1 : 1;
	/* both are in one array, so this keeps their order */
	return a < b ? -1 : a > b;
}

static Sorted
sort_edits(const CastsslHbaEdits *edits, int file)
{
	Sorted sorted = { .items = palloc(Max(edits->count, 1) * sizeof(CastsslHbaEdit *)) };

	for (int i = 0; i < edits->count; i++)
	{
		if (edits->items[i].file == file)
			sorted.items[sorted.count++] = &edits->items[i];
	}
	qsort(sorted.items, sorted.count, sizeof(CastsslHbaEdit *), compare_edits);
	return sorted;
}

/* The line end for a line that is inserted before this record. */
static const char *
line_end_before(const CastsslHbaDocument *document, int record)
{
	size_t length = 0;

	if (document->nrecords == 0)
		return "\n";
	if (record > 0)
		length = castssl_hba_record_line_end(document, record - 1);
	if (length == 0)
		length = castssl_hba_record_line_end(document, 0);
	return length == 2 ? "\r\n" : "\n";
}

/*
 * Append a line after the last one.  A document without a newline at its end gets none:
 * the new text begins with a newline instead, so that castssl_hba_undo can remove both.
 * open: the last line ends in a backslash.
 */
static void
append_at_end(StringInfo text, const CastsslHbaDocument *document, const char *line, bool open)
{
	const char *line_end = line_end_before(document, document->nrecords);
	bool ended = text->len == 0 || text->data[text->len - 1] == '\n';

	if (open)
	{
		/* an empty line ends the line that a backslash continues */
		appendStringInfo(text, "%s%s%s%s", ended ? "" : line_end, line_end, line, line_end);
	}
	else if (!ended)
	{
		/* keep a lone CR apart from the line end */
		if (text->data[text->len - 1] == '\r')
			line_end = "\r\n";
		appendStringInfo(text, "%s%s", line_end, line);
	}
	else
		appendStringInfo(text, "%s%s", line, line_end);
}

/* Append the record, as changed by edit (NULL: unchanged). */
static void
append_record(StringInfo text, const CastsslHbaDocument *document, int number,
			  const CastsslHbaEdit *edit)
{
	const CastsslHbaRecord *record = &document->records[number];
	const char *data = document->data + record->offset;
	size_t length = record->length;
	size_t line_end = castssl_hba_record_line_end(document, number);

	if (edit && edit->kind == CASTSSL_HBA_REMOVE)
		return;
	if (edit && edit->kind == CASTSSL_HBA_REPLACE)
	{
		appendStringInfoString(text, edit->text);
		data += length - line_end;
		length = line_end;
	}
	else if (edit && edit->kind == CASTSSL_HBA_DISABLE)
		appendStringInfoString(text, CASTSSL_HBA_DISABLED);
	else if (edit && edit->kind == CASTSSL_HBA_ENABLE &&
			 castssl_hba_record_mark(document, number) == CASTSSL_HBA_MARK_DISABLED)
	{
		data += strlen(CASTSSL_HBA_DISABLED);
		length -= strlen(CASTSSL_HBA_DISABLED);
	}
	appendBinaryStringInfo(text, data, (int) length);
}

/*
 * The last line, which had no line end, was removed: remove the line end that was
 * written before it, too.
 */
static void
strip_line_end(StringInfo text)
{
	if (text->len > 0 && text->data[text->len - 1] == '\n')
		text->len--;
	if (text->len > 0 && text->data[text->len - 1] == '\r')
		text->len--;
	text->data[text->len] = '\0';
}

char *
castssl_hba_render(const CastsslHbaPolicy *policy, int file, const CastsslHbaEdits *edits,
				   size_t *length)
{
	const CastsslHbaDocument *document = policy->files[file];
	Sorted sorted = sort_edits(edits, file);
	StringInfoData text;
	int next = 0;
	bool open =
		document->nrecords > 0 && castssl_hba_record_goes_on(document, document->nrecords - 1);

	initStringInfo(&text);
	for (int i = 0; i < document->nrecords; i++)
	{
		const CastsslHbaEdit *edit = NULL;

		castssl_let_interrupt();
		for (; next < sorted.count && sorted.items[next]->record == i; next++)
		{
			if (sorted.items[next]->kind == CASTSSL_HBA_INSERT)
				appendStringInfo(&text, "%s%s", sorted.items[next]->text,
								 line_end_before(document, i));
			else
				edit = sorted.items[next];
		}
		append_record(&text, document, i, edit);
		if (edit && edit->kind == CASTSSL_HBA_REMOVE && i == document->nrecords - 1)
		{
			open = false;
			if (castssl_hba_record_line_end(document, i) == 0)
				strip_line_end(&text);
		}
	}
	for (; next < sorted.count; next++)
	{
		Assert(sorted.items[next]->kind == CASTSSL_HBA_INSERT);
		append_at_end(&text, document, sorted.items[next]->text, open);
		open = false;
	}
	pfree(sorted.items);
	*length = text.len;
	return text.data;
}

/*
 * Did castssl write this record, which ends in our mark?  Then it is a rule of a type that we
 * write, and the mark is its whole comment.
 */
static bool
is_written(const CastsslHbaDocument *document, int number)
{
	StringInfoData joined;
	CastsslHbaLine line = { 0 };
	const char *text;
	size_t length;
	bool result;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, number, &joined, &length);
	castssl_hba_lex(&line, text, length, document->version);
	result = line.nlexemes > 0 && line.comment == length - strlen(CASTSSL_HBA_WRITTEN) &&
			 (strcmp(line.lexemes[0].string, "hostssl") == 0 ||
			  strcmp(line.lexemes[0].string, "hostgssenc") == 0);
	castssl_hba_line_free(&line);
	pfree(joined.data);
	return result;
}

CastsslHbaMark
castssl_hba_record_mark(const CastsslHbaDocument *document, int number)
{
	const CastsslHbaRecord *record = &document->records[number];
	const char *data = document->data + record->offset;
	size_t length = record->length;

	if (!document->is_text)
		return CASTSSL_HBA_MARK_NONE;
	if (record->kind == CASTSSL_HBA_COMMENT)
		return length >= strlen(CASTSSL_HBA_DISABLED) &&
					   memcmp(data, CASTSSL_HBA_DISABLED, strlen(CASTSSL_HBA_DISABLED)) == 0
				   ? CASTSSL_HBA_MARK_DISABLED
				   : CASTSSL_HBA_MARK_NONE;

	length -= castssl_hba_record_line_end(document, number);
	if (record->kind == CASTSSL_HBA_LINE && length > strlen(CASTSSL_HBA_WRITTEN) &&
		memcmp(data + length - strlen(CASTSSL_HBA_WRITTEN), CASTSSL_HBA_WRITTEN,
			   strlen(CASTSSL_HBA_WRITTEN)) == 0 &&
		is_written(document, number))
		return CASTSSL_HBA_MARK_WRITTEN;
	return CASTSSL_HBA_MARK_NONE;
}

bool
castssl_hba_is_marked(const CastsslHbaPolicy *policy)
{
	for (int file = 0; file < policy->nfiles; file++)
	{
		for (int i = 0; i < policy->files[file]->nrecords; i++)
		{
			if (castssl_hba_record_mark(policy->files[file], i) != CASTSSL_HBA_MARK_NONE)
				return true;
		}
	}
	return false;
}
