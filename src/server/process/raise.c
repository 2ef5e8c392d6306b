/*
 * raise.c
 *		Findings as errors: turns values into ereport.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/words.h"
#include "server/process/raise.h"

int
castssl_choice(const char *parameter, const char *value, const char *const *names, const char *hint)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; names[i] != NULL; i++)
	{
		if (strcmp(value, names[i]) == 0)
			return i;
		appendStringInfo(&list, "%s%s",
						 i == 0                 ? ""
						 : names[i + 1] != NULL ? ", "
												: " and ",
						 names[i]);
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for %s: \"%s\"", parameter, value),
					errdetail("Valid values are %s.", list.data), errhint("%s", hint)));
	return -1;
}

void
castssl_raise_finding(const CastsslFinding *finding, int sqlstate)
{
	ereport(ERROR, (errcode(sqlstate), errmsg("%s", finding->message),
					finding->detail    ? errdetail("%s", finding->detail)
					: finding->subject ? errdetail("The problem is in \"%s\".", finding->subject)
									   : 0,
					finding->hint ? errhint("%s", finding->hint) : 0));
	pg_unreachable();
}

void
castssl_raise_first_error(const CastsslFindings *findings, int sqlstate)
{
	const CastsslFinding *finding = castssl_finding_first(findings, CASTSSL_ERROR);

	if (finding)
		castssl_raise_finding(finding, sqlstate);
}

void
castssl_raise_first_error_hinting(const CastsslFindings *findings, int sqlstate, const char *hint)
{
	const CastsslFinding *finding = castssl_finding_first(findings, CASTSSL_ERROR);
	CastsslFinding hinting;

	if (finding == NULL)
		return;
	hinting = *finding;
	if (hinting.hint == NULL)
		hinting.hint = hint;
	castssl_raise_finding(&hinting, sqlstate);
}

void
castssl_raise_failure(const CastsslFindings *findings, int sqlstate)
{
	castssl_raise_first_error(findings, sqlstate);
	elog(ERROR, "an operation failed without a finding");
}

int
castssl_hint_for_path(const char *path, const char *command)
{
	const char *hint = castssl_hint_with(command, castssl_shell_word(path));

	return hint ? errhint("%s", hint) : 0;
}

int
castssl_hint_for_name(const char *name, const char *hint)
{
	hint = castssl_hint_naming(hint, name);
	return hint ? errhint("%s", hint) : 0;
}

int
castssl_err_reason(const char *reason)
{
	return err_generic_string(PG_DIAG_CONSTRAINT_NAME, reason);
}
