/*
 * rotation.c
 *		Replacing a CA by another one, while clients of both are connecting.
 */
#include "postgres.h"

#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/words.h"
#include "flow/ask/rotation.h"
#include "flow/ask/unloaded.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "tls/client.h"
#include "tls/instant.h"

#define MOST_SESSIONS 20 /* sessions that are named one by one */
#define MOST_CAS 5

/* ---- the CAs of a file ---- */

/*
 * The CAs of a file, each once.  A certificate that was renewed with the same key is the
 * same CA.
 */
typedef struct Authorities
{
	const CastsslCertificate **items;
	const char **names; /* in the form of pg_stat_ssl */
	int count;
} Authorities;

static bool
is_same_ca(const CastsslCertificate *one, const CastsslCertificate *other)
{
	return X509_NAME_cmp(X509_get_subject_name(one->x509), X509_get_subject_name(other->x509)) ==
			   0 &&
		   ASN1_STRING_cmp(X509_get0_pubkey_bitstr(one->x509),
						   X509_get0_pubkey_bitstr(other->x509)) == 0;
}

/* Position of the same CA in the list, -1 if it is not in the list. */
static int
find_same(const Authorities *list, const CastsslCertificate *ca)
{
	for (int i = 0; i < list->count; i++)
	{
		if (is_same_ca(list->items[i], ca))
			return i;
	}
	return -1;
}

static Authorities
authorities_among(const CastsslCertificates *read)
{
	Authorities list = { 0 };

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	list.items = palloc(Max(read->count, 1) * sizeof(*list.items));
	list.names = palloc(Max(read->count, 1) * sizeof(*list.names));
	for (int i = 0; i < read->count; i++)
	{
		X509 *x509 = read->items[i].x509;

		if (x509 == NULL || X509_check_ca(x509) == 0 || find_same(&list, &read->items[i]) >= 0)
			continue;
		list.items[list.count] = &read->items[i];
		list.names[list.count++] = castssl_name_slashes(X509_get_subject_name(x509));
	}
	return list;
}

static bool
has_name(const char *issuer_dn, const char *name)
{
	return issuer_dn && strncmp(issuer_dn, name, NAMEDATALEN - 1) == 0;
}

/* The first CA of the list with that name, -1 if none has it. */
static int
find_issuer(const Authorities *list, const char *issuer_dn)
{
	for (int i = 0; i < list->count; i++)
	{
		if (has_name(issuer_dn, list->names[i]))
			return i;
	}
	return -1;
}

/* The CA in the list that issued this one, -1 if it is not in the list. */
static int
find_parent(const Authorities *list, const CastsslCertificate *ca)
{
	for (int i = 0; i < list->count; i++)
	{
		if (list->items[i] != ca && X509_check_issued(list->items[i]->x509, ca->x509) == X509_V_OK)
			return i;
	}
	return -1;
}

/* The root above a CA, as far as the list contains it. */
static int
find_root(const Authorities *list, int ca)
{
	for (int depth = 0; depth < list->count && !list->items[ca]->self_signed; depth++)
	{
		int parent = find_parent(list, list->items[ca]);

		if (parent < 0)
			break;
		ca = parent;
	}
	return ca;
}

/* The newest root: its dates begin latest.  If several begin at the same time, the last one. */
static int
find_newest(const Authorities *list, int *nroots)
{
	int newest = -1;

	*nroots = 0;
	for (int i = 0; i < list->count; i++)
	{
		if (!list->items[i]->self_signed)
			continue;
		(*nroots)++;
		if (newest < 0 || list->items[i]->not_before >= list->items[newest]->not_before)
			newest = i;
	}
	return newest;
}

static void
append_session(StringInfo text, const CastsslSession *session, int number)
{
	if (number < MOST_SESSIONS)
		appendStringInfo(text, "%s%d (%s)", number > 0 ? ", " : "", session->pid,
						 session->connection.user);
	else if (number == MOST_SESSIONS)
		appendStringInfoString(text, ", ...");
}

/* The root above the certificate that a session showed, unless it is the newest root. */
typedef struct SessionRoot
{
	int root;     /* -1: not issued below an older root */
	bool unclear; /* several CAs have the name of the certificate's issuer */
} SessionRoot;

static SessionRoot
find_older_root(const Authorities *list, int newest, const CastsslSession *session)
{
	SessionRoot result = { .root = -1 };
	int matches = 0;

	for (int ca = 0; ca < list->count; ca++)
	{
		int root;

		if (!has_name(session->issuer_dn, list->names[ca]))
			continue;
		matches++;
		root = find_root(list, ca);
		if (root != newest)
			result.root = root;
	}
	result.unclear = matches > 1;
	return result;
}

/*
 * Append the sentence about one older root; true if it has sessions, or if that cannot be
 * known: unknown sessions showed certificates of intermediate CAs that are in no file.
 */
static bool
describe_root(StringInfo detail, const CastsslCertificate *root, int number,
			  const CastsslSession *sessions, const SessionRoot *roots, int nsessions, bool unknown)
{
	StringInfoData text;
	bool unclear = false;
	int count = 0;

	initStringInfo(&text);
	for (int i = 0; i < nsessions; i++)
	{
		if (roots[i].root != number)
			continue;
		unclear |= roots[i].unclear;
		append_session(&text, &sessions[i], count++);
	}
	if (count > 0)
		appendStringInfo(detail, "%s showed a certificate of %s: %s%s.  ",
						 castssl_counted(count, "live session", "live sessions"), root->subject,
						 text.data, unclear ? " (or of another CA with that name)" : "");
	else if (unknown)
		appendStringInfo(detail, "Nobody can know whether a live session needs %s.  ",
						 root->subject);
	else
		appendStringInfo(detail, "No live session showed a certificate of %s.  ", root->subject);
	return count > 0 || unknown;
}

/* Append who showed a certificate of a CA that is in no file here; true if there is anybody. */
static bool
describe_unknown(StringInfo detail, const Authorities *list, const CastsslSession *sessions,
				 int nsessions)
{
	StringInfoData text;
	int count = 0;

	initStringInfo(&text);
	for (int i = 0; i < nsessions; i++)
	{
		if (sessions[i].issuer_dn && find_issuer(list, sessions[i].issuer_dn) < 0)
			append_session(&text, &sessions[i], count++);
	}
	if (count > 0)
		appendStringInfo(detail,
						 "%s showed a certificate of an intermediate CA that is not "
						 "in the CA file: %s.  ",
						 castssl_counted(count, "live session", "live sessions"), text.data);
	return count > 0;
}

static void
judge_several(const char *name, const Authorities *list, const CastsslSession *sessions,
			  int nsessions, CastsslFindings *findings)
{
	int nroots;
	int newest = find_newest(list, &nroots);
	SessionRoot *roots = palloc(Max(nsessions, 1) * sizeof(SessionRoot));
	StringInfoData detail;
	int told = 0;
	bool in_use = false;
	bool unknown;

	if (nroots < 2)
		return;
	for (int i = 0; i < nsessions; i++)
		roots[i] = find_older_root(list, newest, &sessions[i]);
	initStringInfo(&detail);
	unknown = describe_unknown(&detail, list, sessions, nsessions);
	for (int i = 0; i < list->count; i++)
	{
		bool has_sessions = false;

		if (i == newest || !list->items[i]->self_signed)
			continue;
		for (int j = 0; j < nsessions && !has_sessions; j++)
			has_sessions = roots[j].root == i;
		if (has_sessions || ++told <= MOST_CAS)
			in_use |=
				describe_root(&detail, list->items[i], i, sessions, roots, nsessions, unknown);
	}
	appendStringInfoString(
		&detail,
		"Once a CA is dropped, the server refuses everybody who still uses its certificates.");
	castssl_finding_add(findings, in_use ? CASTSSL_WARNING : CASTSSL_INFO, CASTSSL_ROTATION_CHECK,
						name,
						psprintf("%d CAs are trusted, the newest is %s (valid from %s)", nroots,
								 list->items[newest]->subject,
								 castssl_instant_text(list->items[newest]->not_before)),
						detail.data, NULL);
}

void
castssl_rotation_judge(const char *name, const CastsslCertificates *ca,
					   const CastsslSession *sessions, int nsessions, CastsslFindings *findings)
{
	Authorities list = authorities_among(ca);

	judge_several(name, &list, sessions, nsessions, findings);
}

/* ---- the CAs before and after ---- */

struct CastsslRotation
{
	Authorities before;
	Authorities after;
	const CastsslIssuers *issuers_before;
	const CastsslIssuers *issuers_after;
	bool drops_root;
	/*
	 * the file in use was replaced and is not loaded.  before is empty then, and loaded has the
	 * names of the CAs that the server has loaded, or nothing without has_loaded
	 */
	bool is_unloaded;
	bool has_loaded;
	List *loaded;
};

/* Does the chain of a CA of that name end in a root that the server accepts? */
static bool
stands(const CastsslIssuers *issuers, const char *name)
{
	return castssl_client_issuer_error(issuers, name) == X509_V_OK;
}

/*
 * The issuer is in the file: does its own chain still end in a root there?  For a CA of the file,
 * OpenSSL looks for the issuer only in the file, whatever the client sends.
 */
static char *
problem_above(const CastsslRotation *rotation, const char *name, const char *issuer_dn,
			  bool *certain)
{
	*certain = !stands(rotation->issuers_after, issuer_dn);
	return *certain ? psprintf("Its certificate was issued by %s, and no chain would lead from "
							   "there to a root in the CA file any longer.",
							   name)
					: NULL;
}

/* Is a CA of that name among those that the server has loaded? */
static bool
is_loaded(const CastsslRotation *rotation, const char *issuer_dn)
{
	ListCell *cell;

	foreach (cell, rotation->loaded)
	{
		if (has_name(issuer_dn, lfirst(cell)))
			return true;
	}
	return !rotation->has_loaded;
}

/* castssl_rotation_problem, where at most the names of the loaded CAs are known. */
static char *
problem_unloaded(const CastsslRotation *rotation, const char *issuer_dn, bool *certain)
{
	int added = find_issuer(&rotation->after, issuer_dn);
	const char *name;

	if (added >= 0)
	{
		char *problem;

		name = rotation->after.items[added]->subject;
		problem = problem_above(rotation, name, issuer_dn, certain);
		if (problem || !is_loaded(rotation, issuer_dn))
			return problem;
		return psprintf(
			"Its certificate was issued by %s.  The CA file was written after the server had "
			"loaded it, and nobody can know whether the CA of that name is the same.",
			name);
	}
	if (is_loaded(rotation, issuer_dn))
	{
		*certain = true;
		return psprintf("Its certificate was issued by \"%s\", which is no longer in the CA file: "
						"the file was written after the server had loaded it.",
						issuer_dn);
	}
	if (!rotation->drops_root)
		return NULL;
	return psprintf(
		"Its certificate was issued by \"%s\", an intermediate CA that is in no file of the "
		"server.  It may need a CA that is no longer in the CA file.",
		issuer_dn);
}

char *
castssl_rotation_problem(const CastsslRotation *rotation, const char *issuer_dn, bool *certain)
{
	const Authorities *before = &rotation->before;
	const Authorities *after = &rotation->after;
	int was = find_issuer(before, issuer_dn);
	int parent;
	const char *name;

	*certain = false;
	if (rotation->is_unloaded)
		return problem_unloaded(rotation, issuer_dn, certain);
	for (int i = 0; i < before->count; i++)
	{
		if (has_name(issuer_dn, before->names[i]) && find_same(after, before->items[i]) < 0)
			was = i;
	}
	if (was < 0)
	{
		int added = find_issuer(after, issuer_dn);

		if (added >= 0)
			return problem_above(rotation, after->items[added]->subject, issuer_dn, certain);
		if (!rotation->drops_root)
			return NULL;
		/* Clients may send intermediates that are in no file here. */
		return psprintf("Its certificate was issued by \"%s\", an intermediate CA that is in no "
						"file of the server.  It may need the CA that is dropped.",
						issuer_dn);
	}
	if (find_same(after, before->items[was]) >= 0)
		return stands(rotation->issuers_before, issuer_dn)
				   ? problem_above(rotation, before->items[was]->subject, issuer_dn, certain)
				   : NULL;
	name = before->items[was]->subject;
	if (find_issuer(after, issuer_dn) >= 0)
		return psprintf("Its certificate was issued by %s.  One CA of that name stays and one is "
						"dropped, and the server does not show which of them issued it.",
						name);
	parent = find_parent(after, before->items[was]);
	if (parent >= 0 && stands(rotation->issuers_after, after->names[parent]))
		return psprintf("Its certificate was issued by %s, which would be in no file here any "
						"longer.  It could come back only if its client also sends the certificate "
						"of that CA, and nobody can know that.",
						name);
	*certain = true;
	return psprintf("Its certificate was issued by %s, which would not be trusted any longer.",
					name);
}

/* The CA file in use now; no data: there is none, or it cannot be read. */
static CastsslPem
read_current(void)
{
	CastsslPem pem = { .name = "ssl_ca_file" };

	if (castssl_tls_is_on())
		pem.data = castssl_material_try_named(CASTSSL_ROLE_CA, &pem.length);
	return pem;
}

/* Can the file not say what the server has loaded? */
static bool
must_ask_server(const CastsslPem *current)
{
	return castssl_unloaded_role(CASTSSL_ROLE_CA) ||
		   (current->data == NULL && castssl_tls_is_on() && castssl_ca_is_configured());
}

/* Ask the server which CAs it has loaded. */
static void
ask_server(CastsslRotation *rotation)
{
	ListCell *cell;

	rotation->is_unloaded = true;
	rotation->has_loaded = castssl_probe_possible() && castssl_probe_authorities(&rotation->loaded);
	rotation->drops_root = !rotation->has_loaded;
	foreach (cell, rotation->loaded)
		rotation->drops_root |= find_issuer(&rotation->after, lfirst(cell)) < 0;
}

/* Compare with the CA file on disk, which the server has loaded. */
static void
compare_with_file(CastsslRotation *rotation, const CastsslPem *current)
{
	CastsslCertificates read = { 0 };
	CastsslFindings ignored = { 0 };

	if (current->data)
		(void) castssl_certificates_read(current->data, current->length, current->name, &read,
										 &ignored);
	rotation->before = authorities_among(&read);
	rotation->issuers_before = castssl_client_issuers(&read, NULL, (int64) time(NULL));
	for (int i = 0; i < rotation->before.count; i++)
		rotation->drops_root |= rotation->before.items[i]->self_signed &&
								find_same(&rotation->after, rotation->before.items[i]) < 0;
}

/*
 * Warn of the CAs that a new CA file drops, if the caller has not named the file.  It does not
 * matter whether one of their clients is connected.
 */
static void
tell_dropped(const char *name, const CastsslRotation *rotation, CastsslFindings *findings)
{
	StringInfoData dropped;
	int count = 0;

	initStringInfo(&dropped);
	for (int i = 0; i < rotation->before.count; i++)
	{
		const CastsslCertificate *ca = rotation->before.items[i];

		if (ca->self_signed && find_same(&rotation->after, ca) < 0 && count++ < MOST_CAS)
			appendStringInfo(&dropped, "%s%s", count > 1 ? "; " : "", ca->subject);
	}
	if (count > MOST_CAS)
		appendStringInfoString(&dropped, "; ...");
	if (count > 0)
		castssl_finding_add(
			findings, CASTSSL_WARNING, CASTSSL_ROTATION_CHECK, name,
			psprintf("client certificates are refused from now on that are of %s", dropped.data),
			"The new CA file does not hold that CA.", NULL);
}

void
castssl_rotation_compare(CastsslPlan *plan, const CastsslCertificates *ca,
						 CastsslFindings *findings)
{
	CastsslPem pem = castssl_material_pem(plan->material, CASTSSL_ROLE_CA);
	CastsslPem current = read_current();
	CastsslRotation *rotation;
	int count;
	const CastsslSession *sessions;
	int first = findings->count;

	if (pem.data == NULL)
		return; /* then the server asks nobody for a certificate */
	rotation = palloc0(sizeof(CastsslRotation));
	rotation->after = authorities_among(ca);
	if (must_ask_server(&current))
	{
		ask_server(rotation);
		plan->rotation = rotation;
	}
	else if (current.data == NULL || pem.length != current.length ||
			 memcmp(pem.data, current.data, pem.length) != 0)
	{
		compare_with_file(rotation, &current);
		plan->rotation = rotation;
	}
	if (plan->rotation)
	{
		rotation->issuers_after = castssl_client_issuers(ca, NULL, (int64) time(NULL));
		if (plan->material->ca_is_found)
			tell_dropped(pem.name, rotation, findings);
	}
	sessions = castssl_plan_sessions(plan, &count);
	judge_several(pem.name, &rotation->after, sessions, count, findings);
	for (int i = first; i < findings->count; i++)
		findings->items[i].severity = CASTSSL_WARNING;
	ERR_clear_error();
}

void
castssl_rotation_of_reload(CastsslPlan *plan)
{
	CastsslCertificates ca = { 0 };
	CastsslFindings ignored = { 0 };
	CastsslPem current;

	if (plan->material || !plan->ssl_after || !castssl_unloaded_role(CASTSSL_ROLE_CA))
		return;
	current = read_current();
	if (current.data == NULL ||
		!castssl_certificates_read(current.data, current.length, current.name, &ca, &ignored))
		return; /* the server does not load it either */
	plan->rotation = palloc0(sizeof(CastsslRotation));
	plan->rotation->after = authorities_among(&ca);
	ask_server(plan->rotation);
	plan->rotation->issuers_after = castssl_client_issuers(&ca, NULL, (int64) time(NULL));
	ERR_clear_error();
}

bool
castssl_rotation_drops(const CastsslRotation *rotation)
{
	return rotation && (!rotation->is_unloaded || rotation->drops_root);
}

char *
castssl_rotation_dropped(const CastsslRotation *rotation)
{
	StringInfoData names;
	ListCell *cell;

	if (!rotation->is_unloaded || !rotation->has_loaded)
		return NULL;
	initStringInfo(&names);
	foreach (cell, rotation->loaded)
	{
		if (find_issuer(&rotation->after, lfirst(cell)) < 0)
			appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "", (char *) lfirst(cell));
	}
	return names.data;
}
