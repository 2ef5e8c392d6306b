/*
 * keep.c
 *		What a changed line keeps of the old one: its comment, and its line breaks.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/edit/edit.h"
#include "hba/edit/keep.h"
#include "hba/text/lex.h"
#include "hba/text/mask.h"

char *
castssl_hba_comment(const CastsslHbaDocument *document, int record)
{
	StringInfoData joined;
	CastsslHbaLine line = { 0 };
	const char *text;
	size_t length;
	size_t start;
	char *comment;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, record, &joined, &length);
	castssl_hba_lex(&line, text, length, document->version);
	start =
		line.nlexemes > 0 && line.comment < length ? line.lexemes[line.nlexemes - 1].end : length;
	comment = pnstrdup(text + start, length - start);
	if (start < length && length - line.comment == strlen(CASTSSL_HBA_WRITTEN) &&
		memcmp(text + line.comment, CASTSSL_HBA_WRITTEN, length - line.comment) == 0 &&
		castssl_hba_record_mark(document, record) != CASTSSL_HBA_MARK_WRITTEN)
		comment[0] = '\0';
	castssl_hba_line_free(&line);
	pfree(joined.data);
	return comment;
}

char *
castssl_hba_held(const CastsslHbaDocument *document, int record)
{
	StringInfoData joined;
	size_t length;
	const char *text;
	char *line;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, record, &joined, &length);
	line = pnstrdup(text, length);
	pfree(joined.data);
	return strcmp(castssl_hba_mask(line, length), line) == 0 ? line : NULL;
}

static bool
same_lexeme(const CastsslHbaLexeme *a, const CastsslHbaLexeme *b)
{
	return strcmp(a->string, b->string) == 0 && a->quoted == b->quoted && a->comma == b->comma;
}

bool
castssl_hba_same_line(const CastsslHbaDocument *document, int record, const char *wanted)
{
	StringInfoData joined;
	CastsslHbaLine a = { 0 };
	CastsslHbaLine b = { 0 };
	size_t length;
	const char *text;
	bool same;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, record, &joined, &length);
	castssl_hba_lex(&a, text, length, document->version);
	castssl_hba_lex(&b, wanted, strlen(wanted), document->version);
	same = a.nlexemes == b.nlexemes;
	for (int i = 0; i < a.nlexemes && same; i++)
		same = same_lexeme(&a.lexemes[i], &b.lexemes[i]);
	if (a.nlexemes == 0)
		same = same && strlen(wanted) == length && memcmp(text, wanted, length) == 0;
	castssl_hba_line_free(&a);
	castssl_hba_line_free(&b);
	pfree(joined.data);
	return same;
}

/*
 * How many tokens of both are the same at the beginning, and how many others at the end?  At least
 * one token of each stays between.
 */
static void
count_same(const CastsslHbaLine *a, const CastsslHbaLine *b, int *first, int *last)
{
	int most = Min(a->nlexemes, b->nlexemes) - 1;

	*first = *last = 0;
	while (*first < most && same_lexeme(&a->lexemes[*first], &b->lexemes[*first]))
		++*first;
	while (*last < most - *first &&
		   same_lexeme(&a->lexemes[a->nlexemes - 1 - *last], &b->lexemes[b->nlexemes - 1 - *last]))
		++*last;
}

static bool
same_comment(const CastsslHbaLine *a, const CastsslHbaLine *b)
{
	return a->length - a->comment == b->length - b->comment &&
		   memcmp(a->text + a->comment, b->text + b->comment, a->length - a->comment) == 0;
}

/* The record's bytes with the new line's tokens where they differ.  NULL: that cannot be. */
static char *
mixed(const CastsslHbaDocument *document, int record, const CastsslHbaLine *old,
	  const CastsslHbaLine *new)
{
	const char *bytes = document->data + document->records[record].offset;
	size_t length = document->records[record].length;
	StringInfoData text;
	size_t from;
	size_t to;
	int first;
	int last;

	if (old->nlexemes == 0 || new->nlexemes == 0 || !same_comment(old, new))
		return NULL;
	length -= castssl_hba_record_line_end(document, record);
	count_same(old, new, &first, &last);
	initStringInfo(&text);
	from = castssl_hba_record_offset(document, record, old->lexemes[first].start);
	to = castssl_hba_record_offset(document, record,
								   old->lexemes[old->nlexemes - 1 - last].end - 1) +
		 1;
	appendBinaryStringInfo(&text, bytes, (int) from);
	appendBinaryStringInfo(
		&text, new->text + new->lexemes[first].start,
		(int) (new->lexemes[new->nlexemes - 1 - last].end - new->lexemes[first].start));
	appendBinaryStringInfo(&text, bytes + to, (int) (length - to));
	return text.data;
}

char *
castssl_hba_keep_breaks(const CastsslHbaDocument *document, int record, const char *text)
{
	StringInfoData joined;
	CastsslHbaLine old = { 0 };
	CastsslHbaLine new = { 0 };
	const char *old_text;
	size_t length;
	char *kept;

	if (!document->records[record].joined)
		return pstrdup(text);
	initStringInfo(&joined);
	old_text = castssl_hba_record_text(document, record, &joined, &length);
	castssl_hba_lex(&old, old_text, length, document->version);
	castssl_hba_lex(&new, text, strlen(text), document->version);
	kept = mixed(document, record, &old, &new);
	castssl_hba_line_free(&old);
	castssl_hba_line_free(&new);
	pfree(joined.data);
	if (kept)
	{
		CastsslHbaDocument *read =
			castssl_hba_document_read("", kept, strlen(kept), document->version);

		if (read->nrecords == 1 && castssl_hba_same_line(read, 0, text))
			return kept;
	}
	return pstrdup(text);
}
