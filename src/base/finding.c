/*
 * finding.c
 *		The result of a check, as a value.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/finding.h"
#include "base/grow.h"
#include "base/words.h"

void
castssl_finding_add(CastsslFindings *findings, CastsslSeverity severity, const char *check,
					const char *subject, const char *message, const char *detail, const char *hint)
{
	CASTSSL_GROW(findings->items, findings->count, findings->capacity);
	findings->items[findings->count++] =
		(CastsslFinding){ .severity = severity,
						  .check = check,
						  .subject = subject,
						  .message = message,
						  .detail = detail,
						  .hint = castssl_is_pasteable(hint) ? hint : NULL };
}

void
castssl_finding_repairs(CastsslFindings *findings, const char *repaired, const char *repaired_key)
{
	CastsslFinding *last = &findings->items[findings->count - 1];

	if (last->hint == NULL)
		return;
	last->repaired = repaired;
	last->repaired_key = repaired_key;
}

void
castssl_finding_copy(CastsslFindings *findings, const CastsslFinding *finding)
{
	CASTSSL_GROW(findings->items, findings->count, findings->capacity);
	findings->items[findings->count++] = *finding;
}

const CastsslFinding *
castssl_finding_first(const CastsslFindings *findings, CastsslSeverity at_least)
{
	for (int i = 0; i < findings->count; i++)
	{
		if (findings->items[i].severity >= at_least)
			return &findings->items[i];
	}
	return NULL;
}

const char *
castssl_severity_name(CastsslSeverity severity)
{
	static const char *const names[] = { "ok", "info", "warning", "error" };

	return names[severity];
}
