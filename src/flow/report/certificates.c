/*
 * certificates.c
 *		Certificates and CRLs on the page: a chart of their dates, and their facts.
 */
#include "postgres.h"

#include <math.h>
#include <time.h>

#include "base/grow.h"
#include "base/settings.h"
#include "flow/report/html.h"
#include "flow/report/parts.h"
#include "tls/certificate.h"
#include "tls/instant.h"
#include "tls/judge.h"

#define DAY INT64CONST(86400)
#define ROW_HEIGHT 52 /* pixels for one certificate: its name, and its bar below the name */
#define AXIS_HEIGHT 40

/* One bar of the chart. */
typedef struct Item
{
	const char *role;
	const CastsslCertificate *certificate;
} Item;

typedef struct Picture
{
	Item *items;
	int count;
	int capacity;
	int64 now;
	int64 begin; /* seconds at the left edge */
	int64 end;   /* seconds at the right edge */
} Picture;

static void
add_file(Picture *picture, const CastsslCheckScope *scope, CastsslRole role, const char *name)
{
	const CastsslMaterialFile *file = &scope->material.files[role];
	CastsslCertificates *certificates = palloc0(sizeof(CastsslCertificates));
	CastsslFindings findings = { 0 };

	if (file->path == NULL)
		return;
	(void) castssl_certificates_read_facts(file->data, file->length, file->name, certificates,
										   &findings);
	for (int i = 0; i < certificates->count; i++)
	{
		Item *item;

		CASTSSL_GROW(picture->items, picture->count, picture->capacity);
		item = &picture->items[picture->count++];
		item->certificate = &certificates->items[i];
		item->role = role == CASTSSL_ROLE_CERTIFICATE && i > 0 ? "Intermediate" : name;
	}
}

/*
 * From one year ago to three years ahead, or less if nothing ends there.  CAs that are
 * valid for decades would leave no room for dates that end soon.
 */
static void
set_range(Picture *picture)
{
	int64 first = picture->now - 30 * DAY;
	int64 last = picture->now + 90 * DAY;

	for (int i = 0; i < picture->count; i++)
	{
		first = Min(first, picture->items[i].certificate->not_before);
		last = Max(last, picture->items[i].certificate->not_after);
	}
	picture->begin = Max(first, picture->now - 365 * DAY);
	picture->end = Min(last, picture->now + 3 * (365 * DAY));
}

/* The place of a point in time, in percent of the width. */
static double
place(const Picture *picture, int64 instant)
{
	int64 within = Min(Max(instant, picture->begin), picture->end);

	return 100.0 * (double) (within - picture->begin) / (double) (picture->end - picture->begin);
}

static char *
day_text(int64 instant)
{
	return instant == PG_INT64_MAX ? "never" : pnstrdup(castssl_instant_text(instant), 10);
}

/* The state of the certificate, in words and as a class. */
static char *
remaining(const Picture *picture, const CastsslCertificate *certificate, const char **class)
{
	int64 days = (certificate->not_after - picture->now) / DAY;

	*class = "error";
	if (certificate->not_after < picture->now)
		return psprintf("expired %s", day_text(certificate->not_after));
	if (certificate->not_before > picture->now)
		return psprintf("valid from %s", day_text(certificate->not_before));
	*class =
		castssl_expires_soon(certificate, picture->now, castssl_expiry_warning) ? "warning" : "ok";
	if (certificate->not_after == PG_INT64_MAX)
		return "no end";
	return days == 1 ? pstrdup("1 day left") : psprintf(INT64_FORMAT " days left", days);
}

/* The common name, or else the whole subject; cut at 28 characters for the chart. */
static char *
short_name(const CastsslCertificate *certificate)
{
	const char *name = certificate->subject ? certificate->subject : certificate->issuer;
	const char *cn = strstr(name, "CN=");
	int length = 0;
	int characters = 0;

	if (cn)
		name = cn + 3;
	while (name[length] && (name[length] != ',' || (length > 0 && name[length - 1] == '\\')))
	{
		if ((name[length] & 0xC0) != 0x80 && ++characters > 28)
			return psprintf("%.*s...", length, name);
		length++;
	}
	return pnstrdup(name, length);
}

static void
draw_item(StringInfo out, const Picture *picture, int i)
{
	const Item *item = &picture->items[i];
	const char *class;
	char *text = remaining(picture, item->certificate, &class);
	int y = AXIS_HEIGHT + i * ROW_HEIGHT;
	double left = place(picture, item->certificate->not_before);
	double width = Max(place(picture, item->certificate->not_after) - left, 0.6);

	castssl_html(out,
				 "<rect class=\"track\" x=\"0\" y=\"%d\" width=\"100%%\" height=\"10\" rx=\"5\"/>",
				 y + 22);
	appendStringInfo(out, "<rect x=\"%.2f%%\" width=\"%.2f%%\" ", Min(left, 99.4), width);
	castssl_html(out, "y=\"%d\" height=\"10\" rx=\"5\" class=\"bar %s\"><title>%s</title></rect>\n",
				 y + 22, class, text);
}

/* Drawn last, because the line for today must not run through it. */
static void
draw_name(StringInfo out, const Picture *picture, int i)
{
	const Item *item = &picture->items[i];
	const char *class;
	char *text = remaining(picture, item->certificate, &class);

	castssl_html(out, "<text x=\"0\" y=\"%d\">%s: %s, %s</text>\n",
				 AXIS_HEIGHT + i * ROW_HEIGHT + 14, item->role, short_name(item->certificate),
				 text);
}

/* Lines at the beginning of each year. */
static void
draw_axis(StringInfo out, const Picture *picture, int height)
{
	int year = (int) strtol(castssl_instant_text(picture->begin), NULL, 10) + 1;
	double today = place(picture, picture->now);

	for (;; year++)
	{
		/* days from 1970 to January 1 */
		int64 days = INT64CONST(365) * (year - 1970) + (year - 1969) / 4 - (year - 1901) / 100 +
					 (year - 1601) / 400;
		double x;

		if (days * DAY >= picture->end)
			break;
		x = place(picture, days * DAY);
		appendStringInfo(out, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" ", x, x);
		castssl_html(out, "y1=\"20\" y2=\"%d\"/>", height);
		if (fabs(x - today) > 12 && x < 94)
		{
			appendStringInfo(out, "<text class=\"axis\" text-anchor=\"middle\" x=\"%.2f%%\" ", x);
			castssl_html(out, "y=\"14\">%d</text>\n", year);
		}
	}
}

static void
draw(StringInfo out, const Picture *picture)
{
	int height = AXIS_HEIGHT + picture->count * ROW_HEIGHT;
	double today = place(picture, picture->now);

	castssl_html(out,
				 "<figure><svg role=\"img\" aria-label=\"Timeline of validity; the table below "
				 "holds the dates\" height=\"%d\">\n",
				 height);
	draw_axis(out, picture, height);
	for (int i = 0; i < picture->count; i++)
		draw_item(out, picture, i);
	appendStringInfo(out, "<line class=\"today\" x1=\"%.2f%%\" x2=\"%.2f%%\" ", today, today);
	castssl_html(out, "y1=\"20\" y2=\"%d\"/>", height);
	for (int i = 0; i < picture->count; i++)
		draw_name(out, picture, i);
	appendStringInfo(out, "<text class=\"now\" text-anchor=\"%s\" x=\"%.2f%%\" ",
					 today < 15   ? "start"
					 : today > 85 ? "end"
								  : "middle",
					 today);
	castssl_html(out, "y=\"14\">today, %s</text></svg>\n", day_text(picture->now));
	castssl_html(out,
				 "<figcaption>From %s to %s. What is valid for longer runs to the "
				 "edge.</figcaption></figure>\n",
				 day_text(picture->begin), day_text(picture->end));
}

static void
add_row(StringInfo out, const Picture *picture, const Item *item)
{
	const CastsslCertificate *certificate = item->certificate;
	const char *class;
	char *text = remaining(picture, certificate, &class);

	castssl_html(out, "<tr><th scope=\"row\">%s</th>", item->role);
	castssl_html(out, "<td data-label=\"Subject\">%s</td><td data-label=\"Issuer\">%s</td>",
				 certificate->subject ? certificate->subject : "revocation list",
				 certificate->issuer);
	castssl_html(out,
				 "<td data-label=\"Valid\"><span class=\"date\">%s</span> to "
				 "<span class=\"date\">%s</span><br><span class=\"badge ",
				 day_text(certificate->not_before), day_text(certificate->not_after));
	castssl_html(out, "%s\">%s</span></td>", class, text);
	if (certificate->key_algorithm)
		castssl_html(out, "<td data-label=\"Key\">%s %d</td></tr>\n", certificate->key_algorithm,
					 certificate->key_bits);
	else
		appendStringInfoString(out, "<td data-label=\"Key\">none</td></tr>\n");
}

void
castssl_report_certificates(StringInfo out, const CastsslCheckScope *scope)
{
	Picture picture = { .now = (int64) time(NULL) };

	appendStringInfoString(out, "<section><h2>Certificates</h2>\n");
	add_file(&picture, scope, CASTSSL_ROLE_CERTIFICATE, "Server");
	add_file(&picture, scope, CASTSSL_ROLE_CA, "CA");
	add_file(&picture, scope, CASTSSL_ROLE_CRL, "CRL");
	if (picture.count == 0)
	{
		appendStringInfoString(out, "<p>No certificate can be read.</p></section>\n");
		return;
	}
	set_range(&picture);
	draw(out, &picture);
	appendStringInfoString(out, "<table><thead><tr><th scope=\"col\">Use</th><th scope=\"col\">"
								"Subject</th><th scope=\"col\">Issuer</th><th scope=\"col\">Valid"
								"</th><th scope=\"col\">Key</th></tr></thead><tbody>\n");
	for (int i = 0; i < picture.count; i++)
		add_row(out, &picture, &picture.items[i]);
	appendStringInfoString(out, "</tbody></table></section>\n");
}
