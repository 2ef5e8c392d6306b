/*
 * document.c
 *		One file of pg_hba.conf without any loss: its bytes, cut into records.
 *
 * The server joins physical lines that end in a backslash (14 and later), and cuts
 * lines that do not fit its buffer (13).  It reads lines as C strings, so a NUL byte
 * hides what follows.  This code does the same, because line numbers and errors depend
 * on it.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/text/document.h"
#include "hba/text/lex.h"

/* First version that joins lines. */
#define FIRST_VERSION_WITH_CONTINUATION 14

/* Bytes of a short line: room for records is allocated for a file of such lines. */
#define SHORT_LINE 32

/* The offset at which fgets would stop, from position and with a buffer of that size. */
static size_t
fgets_end(const CastsslHbaDocument *document, size_t position, size_t buffer)
{
	size_t limit = Min(document->length - position, buffer - 1);
	const char *newline = memchr(document->data + position, '\n', limit);

	return newline ? (size_t) (newline - document->data) + 1 : position + limit;
}

/* Length without line ends at the end: any run of CR and LF (PostgreSQL: pg_strip_crlf). */
static size_t
strip_crlf(const char *text, size_t length)
{
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	return length;
}

/* The offset after the physical line at position and its line end. */
static size_t
physical_end(const CastsslHbaDocument *document, size_t position)
{
	if (document->version < FIRST_VERSION_WITH_CONTINUATION)
		return fgets_end(document, position, CASTSSL_HBA_LINE_BUFFER_13);
	return fgets_end(document, position, document->length - position + 1);
}

/*
 * Append one physical line to the lines joined so far.  Returns true if it ends in a
 * backslash that joins the next line; *joint is then the length without the backslash.
 * The backslash must stand after the last joint.  PostgreSQL looks at the whole buffer
 * too, so two backslashes before two line ends join only once.
 */
static bool
join_line(StringInfo joined, const char *line, size_t length, int *joint)
{
	appendBinaryStringInfo(joined, line, (int) length);
	joined->len = (int) strip_crlf(joined->data, joined->len);
	joined->data[joined->len] = '\0';
	if (joined->len > *joint && joined->data[joined->len - 1] == '\\')
	{
		joined->data[--joined->len] = '\0';
		*joint = joined->len;
		return true;
	}
	return false;
}

/*
 * Set text_length and joined of the record, which has its offset.  Returns the offset of the
 * record's end. *lines is the number of its physical lines.
 */
static size_t
record_end(const CastsslHbaDocument *document, CastsslHbaRecord *record, StringInfo joined,
		   int *lines)
{
	size_t start = record->offset;
	const char *text = document->data + start;
	size_t end = physical_end(document, start);
	size_t next;
	int joint = 0;
	bool goes_on;

	*lines = 1;
	record->text_length = strip_crlf(text, end - start);
	record->joined = document->version >= FIRST_VERSION_WITH_CONTINUATION &&
					 record->text_length > 0 && text[record->text_length - 1] == '\\';
	if (!record->joined)
		return end;

	resetStringInfo(joined);
	goes_on = join_line(joined, document->data + start, end - start, &joint);
	while (goes_on && end < document->length)
	{
		next = physical_end(document, end);
		goes_on = join_line(joined, document->data + end, next - end, &joint);
		end = next;
		(*lines)++;
	}
	return end;
}

/*
 * As above, for a file with NUL bytes.  Since 14 the server reads into a growing buffer
 * (PostgreSQL: pg_get_line_append).  In each piece that it reads, it loses everything
 * after a NUL, the line end too.  So it joins the next line, and it counts only joints
 * by backslash. *buffer is the size of the server's buffer, which the server keeps for all
 * lines of the file.
 */
static size_t
record_end_with_nul(const CastsslHbaDocument *document, size_t start, StringInfo text, int *lines,
					size_t *buffer)
{
	size_t position = start;
	int joint = 0;

	*lines = 1;
	resetStringInfo(text);
	if (document->version < FIRST_VERSION_WITH_CONTINUATION)
	{
		position = fgets_end(document, start, CASTSSL_HBA_LINE_BUFFER_13);
		appendBinaryStringInfo(text, document->data + start,
							   (int) strnlen(document->data + start, position - start));
		text->len = (int) strip_crlf(text->data, text->len);
		text->data[text->len] = '\0';
		return position;
	}

	for (;;)
	{
		bool line_read = false;

		while (!line_read && position < document->length)
		{
			size_t end = fgets_end(document, position, *buffer - text->len);

			appendBinaryStringInfo(text, document->data + position,
								   (int) strnlen(document->data + position, end - position));
			position = end;
			line_read = text->len > joint && text->data[text->len - 1] == '\n';
			while (!line_read && text->len + 128 + 1 > *buffer)
				*buffer *= 2;
		}
		if (!join_line(text, "", 0, &joint) || position >= document->length)
			return position;
		(*lines)++;
	}
}

static CastsslHbaRecordKind
record_kind(const char *text, size_t length, int version)
{
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] == '#')
			return CASTSSL_HBA_COMMENT;
		if (!castssl_hba_is_blank(text[i], version) && text[i] != ',')
			return CASTSSL_HBA_LINE;
	}
	return CASTSSL_HBA_BLANK;
}

/* Make room for one more record. */
static void
reserve_record(CastsslHbaDocument *document, int *capacity)
{
	int texts_capacity = *capacity;

	CASTSSL_GROW(document->records, document->nrecords, *capacity);
	if (document->texts)
		CASTSSL_GROW(document->texts, document->nrecords, texts_capacity);
}

CastsslHbaDocument *
castssl_hba_document_read(const char *path, const char *data, size_t length, int version)
{
	CastsslHbaDocument *document = palloc0(sizeof(CastsslHbaDocument));
	StringInfoData joined;
	size_t buffer = 1024; /* the size that initStringInfo gives the server */
	size_t offset = 0;
	int line_number = 1;
	int capacity = 16 + length / SHORT_LINE;

	document->path = path;
	document->data = data;
	document->length = length;
	document->version = version;
	document->is_text = length == 0 || memchr(data, '\0', length) == NULL;
	document->records = palloc(capacity * sizeof(CastsslHbaRecord));
	document->texts = document->is_text ? NULL : palloc(capacity * sizeof(char *));
	initStringInfo(&joined);

	while (offset < length)
	{
		CastsslHbaRecord *record;
		const char *text;
		size_t text_length;
		int lines;

		castssl_let_interrupt();
		reserve_record(document, &capacity);
		record = &document->records[document->nrecords];
		record->offset = offset;
		record->line_number = line_number;
		record->joined = false;
		if (document->is_text)
			offset = record_end(document, record, &joined, &lines);
		else
		{
			offset = record_end_with_nul(document, offset, &joined, &lines, &buffer);
			document->texts[document->nrecords] = pstrdup(joined.data);
		}
		record->length = offset - record->offset;
		line_number += lines;
		document->nrecords++;

		text = castssl_hba_record_text(document, document->nrecords - 1, &joined, &text_length);
		record->kind = record_kind(text, text_length, version);
		if (castssl_hba_record_is_too_long(document, document->nrecords - 1))
			record->kind = CASTSSL_HBA_LINE;
	}
	pfree(joined.data);
	return document;
}

/* Do record a of one document and record b of the other have the same bytes? */
static bool
same_record(const CastsslHbaDocument *one, int a, const CastsslHbaDocument *other, int b)
{
	const CastsslHbaRecord *x = &one->records[a];
	const CastsslHbaRecord *y = &other->records[b];

	return x->length == y->length &&
		   memcmp(one->data + x->offset, other->data + y->offset, x->length) == 0;
}

CastsslHbaDocument *
castssl_hba_document_changes(const CastsslHbaDocument *before, const CastsslHbaDocument *after)
{
	int shorter = Min(before->nrecords, after->nrecords);
	int head = 0;
	int tail = 0;
	StringInfoData text;

	while (head < shorter && same_record(before, head, after, head))
		head++;
	while (tail < shorter - head &&
		   same_record(before, before->nrecords - 1 - tail, after, after->nrecords - 1 - tail))
		tail++;

	initStringInfo(&text);
	if (head + tail < after->nrecords)
	{
		const CastsslHbaRecord *first = &after->records[head];
		const CastsslHbaRecord *last = &after->records[after->nrecords - 1 - tail];

		for (int line = 1; line < first->line_number; line++)
			appendStringInfoChar(&text, '\n');
		appendBinaryStringInfo(&text, after->data + first->offset,
							   (int) (last->offset + last->length - first->offset));
	}
	return castssl_hba_document_read(after->path, text.data, text.len, after->version);
}

bool
castssl_hba_document_has_lines(const CastsslHbaDocument *document)
{
	for (int i = 0; i < document->nrecords; i++)
	{
		if (document->records[i].kind == CASTSSL_HBA_LINE)
			return true;
	}
	return false;
}

const char *
castssl_hba_record_text(const CastsslHbaDocument *document, int number, StringInfo joined,
						size_t *length)
{
	const CastsslHbaRecord *record = &document->records[number];
	const char *data = document->data + record->offset;
	size_t line;
	int joint = 0;

	if (document->texts)
	{
		*length = strlen(document->texts[number]);
		return document->texts[number];
	}
	if (!record->joined)
	{
		*length = record->text_length;
		return data;
	}

	resetStringInfo(joined);
	for (size_t position = 0; position < record->length; position += line)
	{
		line = physical_end(document, record->offset + position) - record->offset - position;
		join_line(joined, data + position, line, &joint);
	}
	*length = joined->len;
	return joined->data;
}

size_t
castssl_hba_record_offset(const CastsslHbaDocument *document, int number, size_t position)
{
	const CastsslHbaRecord *record = &document->records[number];
	size_t result = position;
	size_t next;
	StringInfoData joined;
	int joint = 0;

	/* the last physical line that begins at or before position contains it */
	initStringInfo(&joined);
	for (size_t offset = 0; offset < record->length; offset = next)
	{
		next = physical_end(document, record->offset + offset) - record->offset;
		if ((size_t) joined.len <= position)
			result = offset + (position - joined.len);
		join_line(&joined, document->data + record->offset + offset, next - offset, &joint);
	}
	pfree(joined.data);
	return result;
}

size_t
castssl_hba_record_line_end(const CastsslHbaDocument *document, int number)
{
	const CastsslHbaRecord *record = &document->records[number];
	const char *end = document->data + record->offset + record->length;

	if (record->length == 0 || end[-1] != '\n')
		return 0;
	return record->length > 1 && end[-2] == '\r' ? 2 : 1;
}

bool
castssl_hba_record_is_too_long(const CastsslHbaDocument *document, int number)
{
	const CastsslHbaRecord *record = &document->records[number];

	return document->version < FIRST_VERSION_WITH_CONTINUATION &&
		   record->length == CASTSSL_HBA_LINE_BUFFER_13 - 1 &&
		   memchr(document->data + record->offset, '\0', record->length) == NULL;
}

bool
castssl_hba_record_goes_on(const CastsslHbaDocument *document, int number)
{
	const CastsslHbaRecord *record = &document->records[number];
	StringInfoData joined;
	size_t next;
	int joint = 0;
	bool goes_on = false;

	if (!record->joined || number != document->nrecords - 1)
		return false;
	initStringInfo(&joined);
	for (size_t offset = 0; offset < record->length; offset = next)
	{
		next = physical_end(document, record->offset + offset) - record->offset;
		goes_on =
			join_line(&joined, document->data + record->offset + offset, next - offset, &joint);
	}
	pfree(joined.data);
	return goes_on;
}
