/*
 * maps.c
 *		Whether a name from outside the database may log in as the user.
 */
#include "postgres.h"

#include "base/words.h"
#include "flow/ask/maps.h"
#include "hba/match/ident.h"
#include "hba/text/options.h"
#include "server/parameters.h"
#include "server/world.h"

#define MOST_NAMES 5 /* names of a map that are listed one by one */

/* A name from outside the database.  It must be the user's, or a map must map it to the user's. */
typedef struct Outside
{
	const char *kind; /* "certificate's CN" */
	const char *name; /* NULL: not known here */
	bool fold;        /* compared without regard to case */
} Outside;

/* Say a sentence with a line to paste; nothing if line is NULL. */
static void
say_line(CastsslInquiry *inquiry, const char *text, const char *line)
{
	if (line)
		castssl_say(inquiry, "%s", castssl_hint_with(text, line));
}

/* ---- through a map ---- */

/* The lines of the file are judged here; the server may still use older ones. */
static void
say_refused_file(CastsslInquiry *inquiry)
{
	const CastsslIdentLine *line = castssl_ident_error(inquiry->question->policy->ident);

	if (line == NULL)
		return;
	castssl_say(inquiry,
				"The server refuses line %d of \"%s\" (%s), and with it the whole file.  What it "
				"loaded before stays in force.  After a restart no map works.",
				line->line_number, line->path, line->error);
}

static CastsslIdentAsked
asked_about(const CastsslInquiry *inquiry, const char *map, bool fold)
{
	return (CastsslIdentAsked){ .map = map,
								.role = inquiry->question->connection.user,
								.fold = fold,
								.world = inquiry->question->world,
								.capture = castssl_hba_capture };
}

static void
say_nobody(CastsslInquiry *inquiry, const CastsslIdentAsked *asked, const char *which)
{
	const CastsslIdent *ident = inquiry->question->policy->ident;

	if (castssl_ident_has_map(ident, asked->map))
		castssl_say(inquiry, "No line of the map \"%s\" in pg_ident.conf lets %s log in as \"%s\".",
					asked->map, which, asked->role);
	else
		castssl_say(inquiry,
					"pg_ident.conf has no line of the map \"%s\": it does not let %s log in as "
					"\"%s\".",
					asked->map, which, asked->role);
}

static bool
name_is_mapped(CastsslInquiry *inquiry, const char *map, const Outside *outside)
{
	const CastsslIdent *ident = inquiry->question->policy->ident;
	CastsslIdentAsked asked = asked_about(inquiry, map, outside->fold);
	char *problem;
	int line = castssl_ident_match(ident, &asked, outside->name, &problem);

	if (line >= 0)
	{
		castssl_say(inquiry, "Line %d of \"%s\" maps the %s \"%s\" to \"%s\" in the map \"%s\".",
					ident->lines[line].line_number, ident->lines[line].path, outside->kind,
					outside->name, asked.role, map);
		return true;
	}
	say_nobody(inquiry, &asked, psprintf("the %s \"%s\"", outside->kind, outside->name));
	if (problem)
		castssl_say(inquiry, "The server stops there: %s.", problem);
	say_line(inquiry, "This line would: %s", castssl_ident_format(map, outside->name, asked.role));
	return false;
}

/* Say who may log in as the user through the map.  False if it is certainly nobody. */
static bool
somebody_is_mapped(CastsslInquiry *inquiry, const char *map, const Outside *outside)
{
	const CastsslIdent *ident = inquiry->question->policy->ident;
	CastsslIdentAsked asked = asked_about(inquiry, map, outside->fold);
	int count;
	int *lines = castssl_ident_admitting(ident, &asked, &count);
	StringInfoData names;

	if (count == 0)
	{
		say_nobody(inquiry, &asked, psprintf("any %s", outside->kind));
		return castssl_ident_error(ident) != NULL;
	}
	initStringInfo(&names);
	for (int i = 0; i < Min(count, MOST_NAMES); i++)
	{
		const CastsslIdentLine *line = &ident->lines[lines[i]];
		const char *name = line->system_user.string;

		appendStringInfo(
			&names, name[0] == '/' ? "%s each that matches %s (line %d)" : "%s \"%s\" (line %d)",
			i > 0 ? "," : "", name, line->line_number);
	}
	castssl_say(inquiry, "As \"%s\" the map \"%s\" in \"%s\" lets these log in, by the %s:%s%s.",
				asked.role, map, ident->lines[lines[0]].path, outside->kind, names.data,
				count > MOST_NAMES ? psprintf(" and %s", castssl_counted(count - MOST_NAMES,
																		 "more line", "more lines"))
								   : "");
	return true;
}

/* Without a map the name must be the user's own. */
static bool
name_is_user(CastsslInquiry *inquiry, const Outside *outside)
{
	const char *user = inquiry->question->connection.user;

	if (outside->name == NULL)
	{
		castssl_say(inquiry, "The %s must be the user's name, \"%s\".  Nobody can know it here.",
					outside->kind, user);
		return true;
	}
	if ((outside->fold ? pg_strcasecmp(outside->name, user) : strcmp(outside->name, user)) == 0)
	{
		castssl_say(inquiry, "The %s is the user's name.", outside->kind);
		return true;
	}
	castssl_say(inquiry, "The %s is \"%s\", and without a map it must be the user's name \"%s\".",
				outside->kind, outside->name, user);
	return false;
}

static bool
fits(CastsslInquiry *inquiry, const Outside *outside)
{
	const char *map = castssl_hba_rule_map(inquiry->rule);

	if (map == NULL)
		return name_is_user(inquiry, outside);
	say_refused_file(inquiry);
	return outside->name ? name_is_mapped(inquiry, map, outside)
						 : somebody_is_mapped(inquiry, map, outside);
}

/* ---- where the name comes from ---- */

bool
castssl_certificate_name_fits(CastsslInquiry *inquiry)
{
	const CastsslHbaRule *rule = inquiry->rule;
	const char *clientname = castssl_hba_rule_option(rule, "clientname");
	bool whole = clientname && strcmp(clientname, "DN") == 0;
	Outside outside = { .kind = whole ? "certificate's DN" : "certificate's CN",
						.name = whole ? inquiry->dn : inquiry->cn };
	int said = inquiry->reason.len;

	if (outside.name == NULL && inquiry->question->certificate)
		outside.name = "";
	if (outside.name && outside.name[0] == '\0')
	{
		castssl_say(inquiry,
					"The line needs a %s in the certificate, but the certificate has none.",
					whole ? "DN" : "CN");
		return false;
	}
	if (fits(inquiry, &outside))
	{
		if (outside.name == NULL && inquiry->unknown == NULL)
			inquiry->unknown = pstrdup(inquiry->reason.data + said + 1);
		return true;
	}
	if (strcmp(rule->method, "cert") == 0 && castssl_hba_rule_map(rule) == NULL)
		say_line(
			inquiry,
			"With the option map=NAME on this line, this line in pg_ident.conf would let it in: %s",
			castssl_ident_format("NAME", outside.name, inquiry->question->connection.user));
	return false;
}

/*
 * The principal as the server compares it (PostgreSQL: pg_GSS_checkauth).  *other_realm: the
 * realm that the rule wants, if the principal has another one; else NULL.
 */
static const char *
principal_to_compare(const CastsslInquiry *inquiry, bool fold, const char **other_realm)
{
	const char *principal = inquiry->question->principal;
	const char *wanted = castssl_hba_rule_option(inquiry->rule, "krb_realm");
	const char *include = castssl_hba_rule_option(inquiry->rule, "include_realm");
	const char *at = principal ? strchr(principal, '@') : NULL;
	const char *realm = at ? at + 1 : "";

	*other_realm = NULL;
	if (principal == NULL)
		return NULL;
	if (wanted && wanted[0] != '\0' &&
		(fold ? pg_strcasecmp(wanted, realm) : strcmp(wanted, realm)) != 0)
		*other_realm = wanted;
	return at && include && strcmp(include, "1") != 0 ? pnstrdup(principal, at - principal)
													  : principal;
}

static bool
principal_fits(CastsslInquiry *inquiry, const char *kind)
{
	Outside outside = { .kind = kind };
	const char *other_realm;

	outside.fold = strcmp(castssl_parameter_value("krb_caseins_users"), "on") == 0;
	outside.name = principal_to_compare(inquiry, outside.fold, &other_realm);
	if (other_realm == NULL)
		return fits(inquiry, &outside);
	castssl_say(inquiry,
				"The line accepts only principals of the realm \"%s\", and this one is \"%s\".",
				other_realm, inquiry->question->principal);
	return false;
}

bool
castssl_method_name_fits(CastsslInquiry *inquiry)
{
	const char *method = inquiry->rule->method;
	Outside outside = { .kind = "operating-system account" };

	if (strcmp(method, "gss") == 0)
		return principal_fits(inquiry, "principal");
	if (strcmp(method, "sspi") == 0)
		return principal_fits(inquiry, "Windows account");
	if (strcmp(method, "peer") == 0)
		outside.name = inquiry->question->account;
	else if (strcmp(method, "oauth") == 0)
	{
		const char *delegates = castssl_hba_rule_option(inquiry->rule, "delegate_ident_mapping");

		if (delegates && strcmp(delegates, "1") == 0)
			return true;
		outside.kind = "identity that the validator finds";
	}
	else if (strcmp(method, "ident") != 0)
		return true;
	return fits(inquiry, &outside);
}
