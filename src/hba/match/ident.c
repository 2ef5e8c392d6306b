/*
 * ident.c
 *		pg_ident.conf: which external names may log in as which role.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/words.h"
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

static bool
same_name(const char *one, const char *other, bool fold)
{
	return (fold ? pg_strcasecmp(one, other) : strcmp(one, other)) == 0;
}

/* PostgreSQL: check_role with a list of one.  Up to 15, the role is compared literally. */
static bool
is_role(const CastsslIdent *ident, const CastsslHbaToken *token, const CastsslIdentAsked *asked)
{
	const CastsslHbaWorld *world = asked->world;

	if (ident->version >= FIRST_VERSION_WITH_ROLE_PATTERNS)
	{
		if (castssl_hba_is_group(token))
			return world->member(world->arg, asked->role, token->string + 1) == CASTSSL_YES;
		if (castssl_hba_is_keyword(token, "all"))
			return true;
		if (castssl_hba_is_regexp(token, ident->version))
			return world->regexp(world->arg, token->string + 1, asked->role) == CASTSSL_YES;
	}
	return same_name(token->string, asked->role, asked->fold);
}

/* Is the role of a line a group or a pattern?  Then \1 in it is not replaced. */
static bool
has_meaning(const CastsslIdent *ident, const CastsslHbaToken *token)
{
	return ident->version >= FIRST_VERSION_WITH_ROLE_PATTERNS &&
		   (castssl_hba_is_group(token) || castssl_hba_is_regexp(token, ident->version));
}

/* The \1 in the role, which stands for the match of the first parentheses; NULL: it has none. */
static const char *
find_reference(const CastsslIdent *ident, const CastsslIdentLine *line)
{
	return has_meaning(ident, &line->role) ? NULL : strstr(line->role.string, "\\1");
}

static bool
is_pattern(const CastsslIdentLine *line)
{
	return line->system_user.string[0] == '/';
}

/* PostgreSQL: check_ident_usermap */
static bool
line_matches(const CastsslIdent *ident, const CastsslIdentLine *line,
			 const CastsslIdentAsked *asked, const char *system_user, char **problem)
{
	const char *role = line->role.string;
	const char *reference;
	int start;
	int end;

	if (!is_pattern(line))
		return same_name(line->system_user.string, system_user, asked->fold) &&
			   is_role(ident, &line->role, asked);
	if (asked->capture(asked->world, line->system_user.string + 1, system_user, &start, &end) !=
		CASTSSL_YES)
		return false;
	reference = find_reference(ident, line);
	if (reference == NULL)
		return is_role(ident, &line->role, asked);
	if (start < 0)
	{
		*problem = psprintf("line %d of \"%s\" refers to \\1, and its regular expression has no "
							"parentheses that matched",
							line->line_number, line->path);
		return false;
	}
	/* the result is compared as a name, also if it looks like +group or /regexp */
	return same_name(psprintf("%.*s%.*s%s", (int) (reference - role), role, end - start,
							  system_user + start, reference + 2),
					 asked->role, asked->fold);
}

int
castssl_ident_match(const CastsslIdent *ident, const CastsslIdentAsked *asked,
					const char *system_user, char **problem)
{
	*problem = NULL;
	for (int i = 0; i < ident->count && *problem == NULL; i++)
	{
		const CastsslIdentLine *line = &ident->lines[i];

		if (line->error == NULL && strcmp(line->map, asked->map) == 0 &&
			line_matches(ident, line, asked, system_user, problem))
			return i;
	}
	return -1;
}

/* Can the role that is asked about be the line's role with some text in the place of \1? */
static bool
can_become(const CastsslIdentLine *line, const char *reference, const CastsslIdentAsked *asked)
{
	const char *role = line->role.string;
	size_t before = reference - role;
	size_t after = strlen(reference + 2);
	size_t length = strlen(asked->role);

	if (length < before + after || strchr(line->system_user.string, '(') == NULL)
		return false;
	return same_name(psprintf("%.*s%s", (int) before, role, reference + 2),
					 psprintf("%.*s%s", (int) before, asked->role, asked->role + length - after),
					 asked->fold);
}

/* Can somebody log in as the role by this line? */
static bool
admits(const CastsslIdent *ident, const CastsslIdentLine *line, const CastsslIdentAsked *asked)
{
	const char *reference;
	char *problem;

	if (line->error || strcmp(line->map, asked->map) != 0)
		return false;
	if (!is_pattern(line))
		return is_role(ident, &line->role, asked) &&
			   castssl_ident_match(ident, asked, line->system_user.string, &problem) >= 0;
	reference = find_reference(ident, line);
	return reference ? can_become(line, reference, asked) : is_role(ident, &line->role, asked);
}

int *
castssl_ident_admitting(const CastsslIdent *ident, const CastsslIdentAsked *asked, int *count)
{
	int *lines = palloc(Max(ident->count, 1) * sizeof(int));

	*count = 0;
	for (int i = 0; i < ident->count; i++)
	{
		if (admits(ident, &ident->lines[i], asked))
			lines[(*count)++] = i;
	}
	return lines;
}

bool
castssl_ident_has_map(const CastsslIdent *ident, const char *map)
{
	for (int i = 0; i < ident->count; i++)
	{
		if (ident->lines[i].error == NULL && strcmp(ident->lines[i].map, map) == 0)
			return true;
	}
	return false;
}

const CastsslIdentLine *
castssl_ident_error(const CastsslIdent *ident)
{
	for (int i = 0; i < ident->count; i++)
	{
		if (ident->lines[i].error)
			return &ident->lines[i];
	}
	return NULL;
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
	return castssl_is_pasteable(text.data) ? text.data : NULL;
}
