/*
 * explain.c
 *		What the server would do with a connection, and why.
 *
 * PostgreSQL: the TLS handshake, and then ClientAuthentication.
 */
#include "postgres.h"

#include <time.h>

#include "replication/walsender.h"

#include "flow/ask/account.h"
#include "flow/ask/explain.h"
#include "flow/ask/inquiry.h"
#include "flow/ask/maps.h"
#include "flow/ask/rotation.h"
#include "flow/plan/crls.h"
#include "flow/plan/material.h"
#include "hba/match/reason.h"
#include "hba/text/mask.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/world.h"
#include "tls/client.h"
#include "tls/revoked.h"

#define MOST_PASSED_LINES 20

const char *
castssl_verdict_name(CastsslVerdict verdict)
{
	static const char *const names[] = { "accepted", "authenticate", "refused" };

	return names[verdict];
}

static const char *
rule_text(const CastsslQuestion *question, const CastsslHbaRule *rule)
{
	const CastsslHbaDocument *document;
	StringInfoData joined;
	const char *text;
	size_t length;

	if (rule->record < 0)
		return NULL;
	document = question->policy->files[rule->file];
	initStringInfo(&joined);
	text = castssl_hba_record_text(document, rule->record, &joined, &length);
	return question->show_secrets ? pnstrdup(text, length) : castssl_hba_mask(text, length);
}

/* "line 3", with the file name if there are several files. */
static char *
line_name(const CastsslQuestion *question, const CastsslHbaRule *rule)
{
	if (question->policy->nfiles == 1)
		return psprintf("line %d", rule->line_number);
	return psprintf("line %d of \"%s\"", rule->line_number,
					question->policy->files[rule->file]->path);
}

/* ---- before pg_hba.conf ---- */

/* Could the client still agree on TLS with the server, if the TLS parameters change? */
static bool
terms_suit(CastsslInquiry *inquiry)
{
	const CastsslQuestion *question = inquiry->question;
	CastsslTlsAnswer answer = CASTSSL_TLS_AGREES;
	char *reason;

	if (question->terms_after && question->past.version && question->past.cipher)
		answer = castssl_tls_terms_judge(question->terms_before, question->terms_after,
										 &question->past, &reason);
	if (answer == CASTSSL_TLS_AGREES)
		return true;
	castssl_say(inquiry, "%s", reason);
	if (answer == CASTSSL_TLS_UNKNOWN)
		inquiry->unknown = reason;
	return answer == CASTSSL_TLS_UNKNOWN;
}

/* Is a connection of that kind possible at all? */
static bool
channel_exists(CastsslInquiry *inquiry)
{
	const CastsslConnection *connection = &inquiry->question->connection;

	if ((connection->replication || inquiry->question->walsender) && max_wal_senders == 0)
	{
		castssl_say(inquiry, "The server accepts no replication (max_wal_senders = 0).");
		return false;
	}
	if (connection->family == 0)
		return true;
	if (connection->encryption == CASTSSL_TLS && !inquiry->question->tls)
	{
		castssl_say(inquiry, "The server offers no TLS (ssl = off).");
		return false;
	}
	if (connection->encryption == CASTSSL_TLS)
		return terms_suit(inquiry);
	if (connection->encryption == CASTSSL_GSS && !castssl_hba_gss_possible())
	{
		castssl_say(inquiry, "The server offers no GSSAPI encryption: it was built without it, or "
							 "its keytab does not exist.");
		return false;
	}
	return true;
}

/*
 * Will the server still trust the issuer of another session's certificate?  Only its name is
 * known.
 */
static bool
issuer_stays(CastsslInquiry *inquiry)
{
	const CastsslQuestion *question = inquiry->question;
	bool certain;
	char *problem = NULL;

	if (question->rotation && question->issuer)
		problem = castssl_rotation_problem(question->rotation, question->issuer, &certain);
	if (problem == NULL)
		return true;
	castssl_say(inquiry, "%s", problem);
	if (!certain)
		inquiry->unknown = problem;
	else
		castssl_say(inquiry, "The handshake fails, whatever pg_hba.conf says.");
	return !certain;
}

/* The same for the CRLs. */
static bool
is_not_revoked(CastsslInquiry *inquiry)
{
	const CastsslQuestion *question = inquiry->question;

	if (question->crls == NULL || !question->has_ca || !question->issuer || !question->serial)
		return true;
	switch (castssl_revoked(question->crls, question->issuers, question->issuer, question->serial))
	{
		case CASTSSL_NOT_REVOKED:
			return true;
		case CASTSSL_PERHAPS_REVOKED:
			inquiry->unknown = psprintf(
				"Its certificate was issued by a CA whose name begins with \"%s\".  Several CAs "
				"have such a name, and the CRLs refuse the certificates of only some of them.",
				question->issuer);
			castssl_say(inquiry, "%s", inquiry->unknown);
			return true;
		case CASTSSL_ISSUER_REVOKED:
			castssl_say(inquiry,
						"A CRL revokes the CA that issued its certificate, or one above that.");
			break;
		case CASTSSL_REVOKED:
			castssl_say(inquiry, "A CRL revokes its certificate.");
			break;
		case CASTSSL_WITHOUT_CRL:
			castssl_say(
				inquiry,
				"The server checks CRLs, but it has no CRL of the CA that issued the certificate.");
			break;
	}
	castssl_say(inquiry, "The handshake fails, whatever pg_hba.conf says.");
	return false;
}

/* The handshake: does the server accept the certificate that the client shows? */
static bool
handshake_succeeds(CastsslInquiry *inquiry)
{
	const CastsslQuestion *question = inquiry->question;
	CastsslPem shown = { .name = "client_certificate", .data = question->certificate };
	const CastsslMaterial *material = question->material;
	CastsslMaterial configured = { 0 };
	CastsslClientTerms terms;
	CastsslClient client = { 0 };
	CastsslFindings findings = { 0 };

	inquiry->shows = question->shows_certificate;
	inquiry->cn = question->cn;
	if (question->certificate == NULL && question->connection.encryption == CASTSSL_TLS)
		return issuer_stays(inquiry) && is_not_revoked(inquiry);
	if (question->certificate == NULL || question->connection.family == 0 ||
		question->connection.encryption != CASTSSL_TLS)
		return true;

	shown.length = strlen(question->certificate);
	if (material == NULL)
	{
		castssl_material_configured(&configured, CASTSSL_ROLE_CA,
									castssl_parameter_value("ssl_ca_file"));
		castssl_material_configured(&configured, CASTSSL_ROLE_CRL,
									castssl_parameter_value("ssl_crl_file"));
		material = &configured;
	}
	terms = castssl_client_terms(material, question->ciphers);
	if (terms.ca.data == NULL)
	{
		castssl_say(inquiry,
					"The server asks for no certificate (ssl_ca_file is empty), so none is shown.");
		return true;
	}
	if (!castssl_client_judge(&shown, &terms, (int64) time(NULL), &client, &findings))
	{
		const CastsslFinding *finding = castssl_finding_first(&findings, CASTSSL_ERROR);

		castssl_raise_finding(finding, strcmp(finding->subject, shown.name) == 0
										   ? ERRCODE_INVALID_PARAMETER_VALUE
										   : ERRCODE_CONFIG_FILE_ERROR);
	}
	if (client.problem)
	{
		castssl_say(inquiry,
					"The server does not accept the certificate (%s): %s.  The handshake fails, "
					"whatever pg_hba.conf says.",
					client.certificate.subject, client.problem);
		return false;
	}
	inquiry->shows = true;
	inquiry->cn = client.cn;
	inquiry->dn = client.dn;
	return true;
}

/* ---- what the line asks for ---- */

static bool
certificate_suffices(CastsslInquiry *inquiry)
{
	const CastsslHbaRule *rule = inquiry->rule;

	if (rule->clientcert == CASTSSL_CLIENTCERT_NONE)
		return true;
	if (!inquiry->question->has_ca)
	{
		castssl_say(
			inquiry,
			"It asks for a client certificate, but the server has no CA (ssl_ca_file is empty).");
		return false;
	}
	if (!inquiry->shows)
	{
		castssl_say(inquiry, "It asks for a client certificate (%s), but the client shows none.",
					castssl_clientcert_name(rule->clientcert));
		return false;
	}
	castssl_say(inquiry,
				"It asks for a client certificate (%s), and the server accepts the one shown.",
				castssl_clientcert_name(rule->clientcert));
	if (rule->clientcert != CASTSSL_CLIENTCERT_VERIFY_FULL ||
		castssl_certificate_name_fits(inquiry))
		return true;
	inquiry->late = true;
	return false;
}

/* possible: the connection gets as far as pg_hba.conf. */
static CastsslVerdict
judge_line(CastsslInquiry *inquiry, bool possible)
{
	const CastsslHbaRule *rule = inquiry->rule;

	if (rule == NULL)
	{
		castssl_say(inquiry, "No line of pg_hba.conf matches.");
		return CASTSSL_REFUSED;
	}
	castssl_say(inquiry, "The first line that matches is %s.", line_name(inquiry->question, rule));
	if (!possible)
		return CASTSSL_REFUSED;
	if (strcmp(rule->method, "reject") == 0)
	{
		castssl_say(inquiry, "It refuses (reject).");
		return CASTSSL_REFUSED;
	}
	if (!certificate_suffices(inquiry))
		return CASTSSL_REFUSED;
	if (strcmp(rule->method, "cert") == 0)
		return CASTSSL_ACCEPTED;
	if (strcmp(rule->method, "trust") == 0)
	{
		castssl_say(inquiry, "It asks for no proof (trust).");
		return CASTSSL_ACCEPTED;
	}
	castssl_say(inquiry, "Authentication (%s) decides.", rule->method);
	if (castssl_method_name_fits(inquiry))
		return CASTSSL_AUTHENTICATE;
	inquiry->late = true;
	return CASTSSL_REFUSED;
}

/* ---- the lines above ---- */

static void
say_passed(CastsslInquiry *inquiry, int number, const char *verb)
{
	const CastsslQuestion *question = inquiry->question;
	const CastsslHbaRule *rule = &question->policy->rules[number];
	const char *text = rule_text(question, rule);
	char *name = line_name(question, rule);

	name[0] = pg_toupper((unsigned char) name[0]);
	castssl_say(inquiry, "\n%s (%s) %s: %s.", name, text ? text : "", verb,
				castssl_hba_why_not(rule, question->policy->version, &question->connection,
									question->address, question->world));
}

/* Describe every line that may answer instead, and the nearest of the lines that do not. */
static void
say_lines_above(CastsslInquiry *inquiry, int answering, int doubtful)
{
	const CastsslQuestion *question = inquiry->question;
	const CastsslHbaPolicy *policy = question->policy;
	int end = answering < 0 ? policy->nrules : answering;
	int first = Max(0, end - MOST_PASSED_LINES);
	int doubts = 0;

	for (int i = doubtful < 0 ? end : doubtful; i < end && doubts < MOST_PASSED_LINES; i++)
	{
		if (castssl_hba_rule_matches(&policy->rules[i], policy->version, &question->connection,
									 question->world) != CASTSSL_UNKNOWN)
			continue;
		say_passed(inquiry, i, "may answer instead");
		doubts++;
	}
	if (first > 0)
		castssl_say(inquiry, "\nOf %d lines above, the nearest %d:", end, end - first);
	for (int i = first; i < end; i++)
	{
		if (castssl_hba_rule_matches(&policy->rules[i], policy->version, &question->connection,
									 question->world) == CASTSSL_NO)
			say_passed(inquiry, i, "does not match");
	}
}

/* Describe what differs between the file and what the server uses. */
static void
say_caveats(CastsslInquiry *inquiry)
{
	const CastsslQuestion *question = inquiry->question;
	const CastsslHbaPolicy *policy = question->policy;

	for (int i = 0; policy->nerrors > 0 && i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		if (rule->error == NULL)
			continue;
		castssl_say(inquiry,
					"\nThe server refuses %s (%s), and with it the whole file: the rules that it "
					"loaded before stay in force.  This answer is for the other lines.",
					line_name(question, rule), rule->error_shown);
		break;
	}
}

void
castssl_explain(const CastsslQuestion *question, CastsslExplanation *explanation)
{
	CastsslInquiry inquiry = { .question = question };
	int doubtful;
	bool possible;

	initStringInfo(&inquiry.reason);
	memset(explanation, 0, sizeof(*explanation));
	explanation->rule =
		castssl_hba_match(question->policy, &question->connection, question->world, &doubtful);
	explanation->certain = doubtful < 0;
	if (explanation->rule >= 0)
	{
		inquiry.rule = &question->policy->rules[explanation->rule];
		explanation->text = rule_text(question, inquiry.rule);
	}
	possible = channel_exists(&inquiry) && handshake_succeeds(&inquiry);
	explanation->line_verdict = judge_line(&inquiry, possible);
	explanation->verdict = explanation->line_verdict;
	if (explanation->verdict != CASTSSL_REFUSED && !castssl_account_admits(&inquiry))
	{
		inquiry.late = explanation->line_verdict == CASTSSL_AUTHENTICATE;
		explanation->verdict = CASTSSL_REFUSED;
	}
	explanation->late = inquiry.late;
	explanation->unknown = explanation->verdict == CASTSSL_REFUSED ? NULL : inquiry.unknown;
	if (!question->brief)
	{
		say_lines_above(&inquiry, explanation->rule, doubtful);
		say_caveats(&inquiry);
	}
	else if (doubtful >= 0)
		say_passed(&inquiry, doubtful, "may answer instead");
	explanation->reason = inquiry.reason.data;
}
