/*
 * fold.c
 *		Folds many findings into few rows: one row for one cause, and a limit for long lists.
 */
#include "postgres.h"

#include "base/words.h"
#include "flow/check/fold.h"

#define MOST_PLACES 12 /* named in a subject */

/* The line number at the end of a place, "pg_hba.conf:18"; NULL: it has none. */
static const char *
line_of(const char *place)
{
	const char *colon = place ? strrchr(place, ':') : NULL;

	return colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1) ? colon + 1
																					 : NULL;
}

/* Are both lines of one file? */
static bool
same_file(const char *one, const char *other)
{
	const char *a = line_of(one);
	const char *b = line_of(other);

	return a && b && a - one == b - other && strncmp(one, other, a - one) == 0;
}

void
castssl_places_add(CastsslPlaces *places, const char *place)
{
	if (places->text.data == NULL)
		initStringInfo(&places->text);
	/* a line of a file that is included twice */
	if (places->last && strcmp(places->last, place) == 0)
		return;
	if (places->count++ < MOST_PLACES)
		castssl_append_listed(&places->text,
							  same_file(places->last, place) ? line_of(place) : place);
	places->last = place;
}

char *
castssl_places_text(const CastsslPlaces *places)
{
	if (places->count > MOST_PLACES)
		return psprintf("%s and %d more", places->text.data, places->count - MOST_PLACES);
	return places->text.data;
}

/* Do both say the same about lines of one file? */
static bool
same_cause(const CastsslFinding *one, const CastsslFinding *other)
{
	return one->severity == other->severity && one->fix == NULL && other->fix == NULL &&
		   strcmp(one->message, other->message) == 0 && castssl_same_text(one->hint, other->hint) &&
		   same_file(one->subject, other->subject);
}

/* Join consecutive findings with the same cause into one row. */
static void
join_lines(CastsslFindings *findings, int first)
{
	int count = first;

	for (int next, i = first; i < findings->count; i = next)
	{
		CastsslFinding row = findings->items[i];
		CastsslPlaces places = { 0 };

		for (next = i + 1; next < findings->count && same_cause(&row, &findings->items[next]);
			 next++)
		{
			if (places.count == 0)
				castssl_places_add(&places, row.subject);
			castssl_places_add(&places, findings->items[next].subject);
		}
		if (places.count > 0)
			row.subject = castssl_places_text(&places);
		findings->items[count++] = row;
	}
	findings->count = count;
}

/*
 * The row that replaces the findings of a severity after CASTSSL_MOST_ROWS; its subject names their
 * places.
 */
static CastsslFinding
rest_of(const CastsslFindings *findings, int first, CastsslSeverity severity)
{
	CastsslFinding rest = { 0 };
	CastsslPlaces places = { 0 };
	bool same = true;
	int seen = 0;

	for (int i = first; i < findings->count; i++)
	{
		const CastsslFinding *finding = &findings->items[i];

		if (finding->severity != severity || seen++ < CASTSSL_MOST_ROWS)
			continue;
		if (places.count == 0)
			rest = *finding;
		same = same && strcmp(finding->message, rest.message) == 0;
		castssl_places_add(&places, finding->subject ? finding->subject : "server");
	}
	rest.subject = castssl_places_text(&places);
	if (!same)
		rest.message = psprintf("%d more findings of this check", places.count);
	rest.hint = "First follow the hints of the rows above.  Then castssl_check() shows the next.";
	rest.fix = NULL;
	return rest;
}

void
castssl_check_fold(CastsslFindings *findings, int first)
{
	int total[CASTSSL_ERROR + 1] = { 0 };
	int seen[CASTSSL_ERROR + 1] = { 0 };
	CastsslFinding rest[CASTSSL_ERROR + 1];
	int count = first;

	join_lines(findings, first);
	for (int i = first; i < findings->count; i++)
		total[findings->items[i].severity]++;
	for (int severity = CASTSSL_OK; severity <= CASTSSL_ERROR; severity++)
	{
		if (total[severity] > CASTSSL_MOST_ROWS + 1)
			rest[severity] = rest_of(findings, first, severity);
	}
	for (int i = first; i < findings->count; i++)
	{
		CastsslFinding row = findings->items[i];
		int number = ++seen[row.severity];

		/* a row that replaces only one finding would say less than the finding itself */
		if (number <= CASTSSL_MOST_ROWS || total[row.severity] <= CASTSSL_MOST_ROWS + 1)
			findings->items[count++] = row;
		else if (number == CASTSSL_MOST_ROWS + 1)
			findings->items[count++] = rest[row.severity];
	}
	findings->count = count;
}
