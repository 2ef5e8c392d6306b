/*
 * layout.c
 *		Text in lines, so that the rows of a change fit a terminal.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "api/layout.h"
#include "flow/plan/steps.h"

/* step, action, target, result, detail, code, change_id: two blanks each, and a bar between */
#define COLUMNS 7
#define FRAME (COLUMNS * 3 - 1)

/* What a line of prose takes at the least, and where the other columns leave it less than that. */
#define LEAST 24
#define USUAL 40

static int
width_of(const char *text)
{
	return text ? pg_mbstrlen(text) : 0;
}

int
castssl_layout_detail_width(const List *steps, bool changes, bool dry_run)
{
	int action = strlen("action");
	int target = strlen("target");
	int result = strlen("result");
	int code = strlen("code");
	int width;
	const ListCell *cell;

	foreach (cell, steps)
	{
		const CastsslStep *step = lfirst(cell);

		action = Max(action, width_of(step->action));
		target = Max(target, width_of(step->target));
		result = Max(result, width_of(castssl_step_result(step, changes, dry_run)));
		code = Max(code, width_of(castssl_code_name(step->code)));
	}
	width = CASTSSL_TERMINAL - FRAME - (int) strlen("step") - action - target - result - code -
			(int) strlen("change_id");
	return width < LEAST ? USUAL : width;
}

/*
 * Where the string that a quote begins ends; NULL where that quote begins none: an apostrophe,
 * for one.
 */
static const char *
end_of_string(const char *text, const char *quote)
{
	const char *end = quote + 1;

	if (*quote != '\'' && *quote != '"')
		return NULL;
	if (quote > text && isalnum((unsigned char) quote[-1]) &&
		!(quote[-1] == 'E' && (quote - 1 == text || !isalnum((unsigned char) quote[-2]))))
		return NULL;
	while ((end = strchr(end, *quote)) != NULL)
	{
		if (end[1] != *quote)
			return end;
		end += 2;
	}
	return NULL;
}

/* Does a word stay on the line of the next one: a number, or one of a statement to be pasted? */
static bool
joins_next(const char *word, int length)
{
	static const char *const joining[] = { "SELECT", "*", "FROM", "=>" };

	if ((length > 0 && (int) strspn(word, "0123456789") == length) ||
		strncmp(word + length, " =>", 3) == 0)
		return true;
	for (int i = 0; i < lengthof(joining); i++)
	{
		if (length == (int) strlen(joining[i]) && strncmp(word, joining[i], length) == 0)
			return true;
	}
	return false;
}

/* The end of what stays whole from there on: a blank outside of quotes, or the end. */
static const char *
end_of_word(const char *text, const char *at)
{
	const char *word = at;

	while (*at != '\0' && (*at != ' ' || joins_next(word, at - word)))
	{
		const char *end = end_of_string(text, at);

		if (*at == ' ')
			word = at + 1;
		at = end ? end + 1 : at + 1;
	}
	return at;
}

char *
castssl_layout_lines(const char *text, int width)
{
	char *lines = pstrdup(text);
	const char *at = end_of_word(text, text);
	int column = pg_mbstrlen_with_len(text, at - text);

	while (*at != '\0')
	{
		const char *end = end_of_word(text, at + 1);
		int word = pg_mbstrlen_with_len(at + 1, end - at - 1);

		if (column + 1 + word > width)
		{
			lines[at - text] = '\n';
			column = word;
		}
		else
			column += 1 + word;
		at = end;
	}
	return lines;
}
