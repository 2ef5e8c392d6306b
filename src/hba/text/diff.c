/*
 * diff.c
 *		The differences of two texts, and a merge of three.
 *
 * Edits of pg_hba.conf leave most lines in place.  So lines are matched greedily: at a
 * difference, the search goes to the nearest place where both texts agree again.  The
 * diff is always correct, but not always the shortest.
 *
 * The server may join several physical lines into one that contains a secret.  Then
 * none of these lines is shown.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/text/diff.h"
#include "hba/text/mask.h"

#define CONTEXT 3
#define FARTHEST 2000 /* lines to search for the next agreement */

typedef struct Line
{
	const char *text;
	size_t length; /* with its line end */
	uint32 hash;   /* 0: not computed yet */
	bool secret;   /* part of a logical line that contains a secret */
} Line;

typedef struct Text
{
	Line *lines;
	int count;
} Text;

/* A run of different lines: [a, a_end) of one text became [b, b_end) of the other. */
typedef struct Hunk
{
	int a;
	int a_end;
	int b;
	int b_end;
} Hunk;

/* Mark the physical lines of each record that has several lines and contains a secret. */
static void
mark_secrets(Text *text, const CastsslHbaDocument *document)
{
	StringInfoData joined;

	initStringInfo(&joined);
	for (int i = 0; i < document->nrecords; i++)
	{
		int from = document->records[i].line_number - 1;
		int to =
			i + 1 < document->nrecords ? document->records[i + 1].line_number - 1 : text->count;
		const char *line;
		size_t length;
		char *masked;

		castssl_let_interrupt();
		if (to - from < 2)
			continue;
		line = castssl_hba_record_text(document, i, &joined, &length);
		masked = castssl_hba_mask(line, length);
		for (int j = from; j < to && j < text->count; j++)
			/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the array has grown */
			text->lines[j].secret = strlen(masked) != length || memcmp(masked, line, length) != 0;
		pfree(masked);
	}
	pfree(joined.data);
}

static Text
cut(const CastsslHbaDocument *document)
{
	const char *at = document->data;
	const char *end = at + document->length;
	Text text = { 0 };
	int room = 0;

	while (at < end)
	{
		const char *newline = memchr(at, '\n', end - at);
		size_t length = (newline ? newline + 1 : end) - at;

		CASTSSL_GROW(text.lines, text.count, room);
		text.lines[text.count++] = (Line){ .text = at, .length = length };
		at += length;
	}
	mark_secrets(&text, document);
	return text;
}

static bool
same(const Line *a, const Line *b)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the array has grown */
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static uint32
hash_of(Line *line)
{
	if (line->hash == 0)
		line->hash = hash_bytes((const unsigned char *) line->text, (int) line->length);
	return line->hash;
}

/* As above, but fast if nearly all lines differ and each is compared with many others. */
static bool
same_hashed(Line *a, Line *b)
{
	return hash_of(a) == hash_of(b) && same(a, b);
}

/* From a difference, find the nearest place where the texts agree again. */
static void
resynchronize(const Text *a, const Text *b, Hunk *hunk)
{
	for (int distance = 1; distance <= FARTHEST; distance++)
	{
		castssl_let_interrupt();
		for (int skip = 0; skip <= distance; skip++)
		{
			int i = hunk->a + skip;
			int j = hunk->b + distance - skip;

			if ((i == a->count && j == b->count) ||
				(i < a->count && j < b->count && same_hashed(&a->lines[i], &b->lines[j])))
			{
				hunk->a_end = i;
				hunk->b_end = j;
				return;
			}
		}
	}
	hunk->a_end = a->count;
	hunk->b_end = b->count;
}

static Hunk *
find_hunks(const Text *a, const Text *b, int *count)
{
	Hunk *hunks = NULL;
	int room = 0;
	int i = 0;
	int j = 0;

	*count = 0;
	while (i < a->count || j < b->count)
	{
		Hunk hunk = { .a = i, .b = j };

		if (i < a->count && j < b->count && same(&a->lines[i], &b->lines[j]))
		{
			i++;
			j++;
			continue;
		}
		resynchronize(a, b, &hunk);
		i = hunk.a_end;
		j = hunk.b_end;
		CASTSSL_GROW(hunks, *count, room);
		hunks[(*count)++] = hunk;
	}
	return hunks;
}

/* The line without its end, and without secrets.  Palloc'd. */
static char *
shown(const Line *line)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the array has grown */
	size_t length = line->length;

	if (line->secret)
		return pstrdup("***");
	if (line->text[length - 1] == '\n')
		length--;
	return castssl_hba_mask(line->text, length);
}

static const char *
without_return(char *text)
{
	text[strcspn(text, "\r")] = '\0';
	return text;
}

static void
append_lines(StringInfo diff, char mark, const Text *text, int from, int to)
{
	for (int i = from; i < to; i++)
	{
		const Line *line = &text->lines[i];
		char *masked = shown(line);

		castssl_let_interrupt();
		appendStringInfo(diff, "%c%s\n", mark, masked);
		if (line->text[line->length - 1] != '\n')
			appendStringInfoString(diff, "\\ No newline at end of file\n");
		pfree(masked);
	}
}

/* "3" or "3,2"; an empty range has the number of the line before it. */
static void
append_range(StringInfo diff, int from, int to)
{
	if (to - from == 1)
		appendStringInfo(diff, "%d", from + 1);
	else
		appendStringInfo(diff, "%d,%d", to == from ? from : from + 1, to - from);
}

/* Hunks first .. last are so close to each other that they share their context. */
static void
append_group(StringInfo diff, const Text *a, const Text *b, const Hunk *first, const Hunk *last)
{
	int lead = Min(CONTEXT, first->a);
	int tail = Min(CONTEXT, a->count - last->a_end);

	appendStringInfoString(diff, "@@ -");
	append_range(diff, first->a - lead, last->a_end + tail);
	appendStringInfoString(diff, " +");
	append_range(diff, first->b - lead, last->b_end + tail);
	appendStringInfoString(diff, " @@\n");

	append_lines(diff, ' ', a, first->a - lead, first->a);
	for (const Hunk *hunk = first; hunk <= last; hunk++)
	{
		append_lines(diff, '-', a, hunk->a, hunk->a_end);
		append_lines(diff, '+', b, hunk->b, hunk->b_end);
		if (hunk < last)
			append_lines(diff, ' ', a, hunk->a_end, hunk[1].a);
	}
	append_lines(diff, ' ', a, last->a_end, last->a_end + tail);
}

void
castssl_diff(StringInfo diff, const CastsslHbaDocument *before, const CastsslHbaDocument *after)
{
	Text a = cut(before);
	Text b = cut(after);
	int count;
	Hunk *hunks = find_hunks(&a, &b, &count);

	if (count == 0)
		return;
	appendStringInfo(diff, "--- %s\n+++ %s (staged)\n", before->path, after->path);
	for (int first = 0, last; first < count; first = last + 1)
	{
		for (last = first; last + 1 < count; last++)
		{
			if (hunks[last + 1].a - hunks[last].a_end > 2 * CONTEXT)
				break;
		}
		append_group(diff, &a, &b, &hunks[first], &hunks[last]);
	}
}

void
castssl_diff_lines(const CastsslHbaDocument *before, const CastsslHbaDocument *after,
				   void (*show)(void *arg, bool added, int line_number, const char *text),
				   void *arg)
{
	Text a = cut(before);
	Text b = cut(after);
	int count;
	Hunk *hunks = find_hunks(&a, &b, &count);

	for (int i = 0; i < count; i++)
	{
		for (int j = hunks[i].a; j < hunks[i].a_end; j++)
			show(arg, false, j + 1, without_return(shown(&a.lines[j])));
		for (int j = hunks[i].b; j < hunks[i].b_end; j++)
			show(arg, true, j + 1, without_return(shown(&b.lines[j])));
	}
}

/* The differences of two texts. */
typedef struct Hunks
{
	Hunk *items;
	int count;
} Hunks;

/*
 * The line of a that corresponds to a line of b.  For a line that replaced lines of a, the
 * first of these.  above: the caller inserts a line above it, and wants that line above the
 * lines of a that b has lost there.
 */
static int
line_before(const Hunks *hunks, int line, bool above)
{
	int shift = 0; /* how many more lines a has in the differences that end above the line */

	for (int i = 0; i < hunks->count; i++)
	{
		const Hunk *hunk = &hunks->items[i];

		if (line < hunk->b)
			break;
		if (line < hunk->b_end || (above && hunk->b == hunk->b_end && line == hunk->b))
			return hunk->a;
		shift = hunk->a_end - hunk->b_end;
	}
	return line + shift;
}

/*
 * Which lines of a does the merge leave out?  Lines that b kept and c has lost, and lines whose
 * whole replacement in b c has lost.  Palloc'd, one element for each line of a.
 */
static bool *
unwanted(const Text *a, const Text *b, const Hunks *change, const Hunks *edit)
{
	bool *gone = palloc0(Max(b->count, 1) * sizeof(bool));
	bool *result = palloc0(Max(a->count, 1) * sizeof(bool));

	for (int i = 0; i < edit->count; i++)
	{
		for (int j = edit->items[i].a; j < edit->items[i].a_end; j++)
		{
			int line = line_before(change, j, false);

			gone[j] = true;
			if (line < a->count && same(&a->lines[line], &b->lines[j]))
				result[line] = true;
		}
	}
	for (int i = 0; i < change->count; i++)
	{
		const Hunk *hunk = &change->items[i];
		bool all = hunk->b < hunk->b_end;

		for (int j = hunk->b; j < hunk->b_end; j++)
			all = all && gone[j];
		for (int j = hunk->a; j < hunk->a_end; j++)
			result[j] |= all;
	}
	return result;
}

void
castssl_diff_merge(StringInfo merged, const CastsslHbaDocument *before,
				   const CastsslHbaDocument *after, const CastsslHbaDocument *live)
{
	Text a = cut(before);
	Text b = cut(after);
	Text c = cut(live);
	Hunks change = { 0 };
	Hunks edit = { 0 };
	bool *left_out;
	int next = 0;

	change.items = find_hunks(&a, &b, &change.count);
	edit.items = find_hunks(&b, &c, &edit.count);
	left_out = unwanted(&a, &b, &change, &edit);
	for (int line = 0; line <= a.count; line++)
	{
		for (; next < edit.count && line_before(&change, edit.items[next].a, true) <= line; next++)
		{
			for (int j = edit.items[next].b; j < edit.items[next].b_end; j++)
				/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the array has grown */
				appendBinaryStringInfo(merged, c.lines[j].text, (int) c.lines[j].length);
		}
		if (line < a.count && !left_out[line])
			appendBinaryStringInfo(merged, a.lines[line].text, (int) a.lines[line].length);
	}
}
