/*
 * ident.c
 *		pg_ident.conf: which external names may log in as which role.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/match/ident.h"
#include "hba/text/parse.h"
#include "hba/text/read.h"
#include "hba/text/write.h"

/* Before this version, a role in pg_ident.conf is only a name. */
#define FIRST_VERSION_WITH_ROLE_PATTERNS 16

static const char *
parse_fields(const CastsslHbaFields *fields, int version, const CastsslHbaReader *reader,
			 CastsslHbaRule *rule)
{
	CastsslHbaTokens *kept[] = { &rule->databases, &rule->users, &rule->options };

	for (int i = 0; i < lengthof(kept); i++)
	{
		if (i >= fields->nfields)
			return "missing entry at end of line";
		*kept[i] = castssl_hba_field(fields, i);
		if (kept[i]->count > 1)
			return "multiple values in ident field";
		if (i > 0 && reader->regexp_error && kept[i]->items[0].string[0] == '/' &&
			(i == 1 || version >= FIRST_VERSION_WITH_ROLE_PATTERNS))
		{
			const char *error = reader->regexp_error(reader->arg, kept[i]->items[0].string + 1);

			if (error)
				return error;
		}
	}
	return NULL;
}

/* Store the map, the external name and the role in the fields for databases, users and options. */
static void
parse_line(const CastsslHbaFields *fields, int version, const CastsslHbaReader *reader,
		   CastsslHbaRule *rule)
{
	rule->error = parse_fields(fields, version, reader, rule);
}

CastsslIdent *
castssl_ident_read(const char *path, const CastsslHbaReader *reader, int version)
{
	CastsslHbaPolicy *policy = castssl_hba_lines_read(path, reader, version, parse_line);
	CastsslIdent *ident = palloc0(sizeof(CastsslIdent));

	ident->version = version;
	ident->lines = palloc0(Max(policy->nrules, 1) * sizeof(CastsslIdentLine));
	ident->count = policy->nrules;
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];
		CastsslIdentLine *line = &ident->lines[i];

		line->path = policy->files[rule->file]->path;
		line->line_number = rule->line_number;
		line->error = rule->error;
		if (rule->error)
			continue;
		line->map = rule->databases.items[0].string;
		line->system_user = rule->users.items[0];
		line->role = rule->options.items[0];
	}
	return ident;
}

/* PostgreSQL: check_role with a list of one.  Up to 15, the role is compared literally. */
static bool
is_role(const CastsslIdent *ident, const CastsslHbaToken *token, const char *role,
		const CastsslHbaWorld *world)
{
	if (ident->version >= FIRST_VERSION_WITH_ROLE_PATTERNS)
	{
		if (castssl_hba_is_group(token))
			return world->member(world->arg, role, token->string + 1) == CASTSSL_YES;
		if (castssl_hba_is_keyword(token, "all"))
			return true;
		if (castssl_hba_is_regexp(token, ident->version))
			return world->regexp(world->arg, token->string + 1, role) == CASTSSL_YES;
	}
	return strcmp(token->string, role) == 0;
}

/* Does a role as written mean more than a name?  Then \1 in it is not replaced. */
static bool
has_meaning(const CastsslIdent *ident, const CastsslHbaToken *token)
{
	return ident->version >= FIRST_VERSION_WITH_ROLE_PATTERNS &&
		   (castssl_hba_is_group(token) || castssl_hba_is_regexp(token, ident->version));
}

/* PostgreSQL: check_ident_usermap */
static bool
line_matches(const CastsslIdent *ident, const CastsslIdentLine *line, const char *system_user,
			 const char *role, const CastsslHbaWorld *world, CastsslRegexpCapture capture,
			 char **problem)
{
	const CastsslHbaToken *token = &line->role;
	CastsslHbaToken expanded = { .quoted = true };
	const char *reference;
	int start;
	int end;

	if (line->system_user.string[0] != '/')
		return strcmp(line->system_user.string, system_user) == 0 &&
			   is_role(ident, token, role, world);
	if (capture(world, line->system_user.string + 1, system_user, &start, &end) != CASTSSL_YES)
		return false;
	reference = has_meaning(ident, token) ? NULL : strstr(token->string, "\\1");
	if (reference == NULL)
		return is_role(ident, token, role, world);
	if (start < 0)
	{
		*problem = psprintf("line %d of \"%s\" refers to \\1, and its regular expression has no "
							"parentheses that matched",
							line->line_number, line->path);
		return false;
	}
	expanded.string = psprintf("%.*s%.*s%s", (int) (reference - token->string), token->string,
							   end - start, system_user + start, reference + 2);
	return is_role(ident, &expanded, role, world);
}

int
castssl_ident_match(const CastsslIdent *ident, const char *map, const char *system_user,
					const char *role, const CastsslHbaWorld *world, CastsslRegexpCapture capture,
					char **problem)
{
	*problem = NULL;
	for (int i = 0; i < ident->count && *problem == NULL; i++)
	{
		const CastsslIdentLine *line = &ident->lines[i];

		if (line->error == NULL && strcmp(line->map, map) == 0 &&
			line_matches(ident, line, system_user, role, world, capture, problem))
			return i;
	}
	return -1;
}

char *
castssl_ident_format(const char *map, const char *system_user, const char *role)
{
	StringInfoData text;

	initStringInfo(&text);
	castssl_hba_write_name(&text, map);
	appendStringInfoChar(&text, ' ');
	castssl_hba_write_name(&text, system_user);
	appendStringInfoChar(&text, ' ');
	castssl_hba_write_name(&text, role);
	return text.data;
}
