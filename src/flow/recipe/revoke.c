/*
 * revoke.c
 *		Revokes certificates of this server's own CA.
 */
#include "postgres.h"

#include <time.h>

#include "common/file_perm.h"
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/words.h"
#include "change/manifest.h"
#include "flow/plan/baseline.h"
#include "flow/plan/hba_plan.h"
#include "flow/recipe/authority.h"
#include "flow/recipe/authority_place.h"
#include "flow/recipe/issued.h"
#include "flow/recipe/own_crl.h"
#include "flow/recipe/revoke.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/sessions.h"
#include "tls/instant.h"
#include "tls/openssl.h"

#define MOST_SESSIONS 20 /* sessions that a warning names */

/*
 * The number of the next CRL.  Numbers must always grow (RFC 5280, section 5.2.3), even
 * after a revocation is rolled back or the CA is restored from a backup.  So they follow
 * the clock.  The unit is a microsecond: with seconds, the second of two revocations
 * within one second would take the number of the next second.
 */
static int64
next_number(const ConfigVariable *list)
{
	return Max(castssl_manifest_number(list, "number") + 1, (int64) GetCurrentTimestamp());
}

/* What is left to do for a certificate that is revoked already. */
static int
hint_where_revoked(void)
{
	char *here = castssl_own_crl_accepted() > 0 ? castssl_own_crl_hint("") : NULL;

	if (here)
		return errhint("This server does not check the CRL yet.  %s", here);
	return errhint("The CRL is \"%s\": SELECT * FROM castssl_install(crl => ...); on each other "
				   "server that trusts this CA.",
				   castssl_authority_path("root.crl"));
}

/* The list of revocations with one more entry.  *text gets the list in the form that is written. */
static CastsslRevocation *
extend_list(const ConfigVariable *list, const char *serial, const char *reason, int64 number,
			int *count, StringInfo text)
{
	int last = (int) castssl_manifest_number(list, "count");
	CastsslRevocation *items = palloc((last + 1) * sizeof(CastsslRevocation));
	int n = 0;

	for (int i = 1; i <= last; i++)
	{
		CastsslRevocation item = { .serial = castssl_manifest_value(list, psprintf("serial_%d", i)),
								   .revoked_at =
									   castssl_manifest_number(list, psprintf("revoked_at_%d", i)),
								   .reason =
									   castssl_manifest_value(list, psprintf("reason_%d", i)) };

		CHECK_FOR_INTERRUPTS();
		if (item.serial == NULL || item.reason == NULL)
			continue; /* 0.1.0 did not seal the file, and somebody has edited it */
		if (strcmp(item.serial, serial) == 0)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("certificate %s is already revoked", serial),
							errdetail("It was revoked at %s, for reason %s.",
									  castssl_instant_text(item.revoked_at), item.reason),
							hint_where_revoked(), castssl_err_reason("castssl_already_revoked")));
		items[n++] = item;
	}
	items[n++] =
		(CastsslRevocation){ .serial = serial, .revoked_at = time(NULL), .reason = reason };
	for (int i = 0; i < n; i++)
	{
		castssl_manifest_append(text, psprintf("serial_%d", i + 1), items[i].serial);
		castssl_manifest_append_number(text, psprintf("revoked_at_%d", i + 1), items[i].revoked_at);
		castssl_manifest_append(text, psprintf("reason_%d", i + 1), items[i].reason);
	}
	castssl_manifest_append_number(text, "count", n);
	castssl_manifest_append_number(text, "number", number);
	*count = n;
	return items;
}

/* 22023 if this CA did not issue the certificate, or if it is the CA's own. */
static void
check_issued_here(const CastsslAuthority *authority, const CastsslCertificate *certificate)
{
	if (castssl_openssl_has_key(certificate->x509, authority->key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a CA cannot revoke its own certificate"),
				 errdetail("The server would refuse every client of %s.", certificate->subject),
				 errhint("Take it out of the CA file instead: castssl_install(ca => ...) with the "
						 "certificates of the other CAs.")));
	if (X509_check_issued(authority->certificate, certificate->x509) == X509_V_OK &&
		castssl_openssl_is_signed_with(certificate->x509, authority->key))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("the certificate was not issued by this server's CA"),
					errdetail("Its issuer is %s.", certificate->issuer),
					errhint("Let that CA revoke it.  Then install its new CRL, in one text with "
							"the CRLs of the other CAs: castssl_install(crl => '...').")));
}

/* The new CRL, together with the CRLs of other CAs that are in use now. */
static char *
join_crls(const CastsslAuthority *authority, char *crl)
{
	CastsslFindings findings = { 0 };
	size_t length;
	char *now = castssl_material_read_named(CASTSSL_ROLE_CRL, &length);
	char *joined;

	if (now == NULL)
		return crl;
	joined = castssl_crl_replace(now, length, authority->certificate, crl, &findings);
	if (joined == NULL)
		castssl_raise_failure(&findings, ERRCODE_CONFIG_FILE_ERROR);
	return joined;
}

/* F0000 if the CRL would shut out the clients of another CA, of which there is none. */
static void
check_others_have_crl(void)
{
	char *others = castssl_own_crl_others();
	char *hint;

	if (others == NULL)
		return;
	hint = castssl_own_crl_hint("");
	ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
					errmsg("there is no CRL for %s, which this server trusts, too", others),
					errdetail("With a CRL file the server refuses every certificate whose CA has "
							  "no CRL in it."),
					hint ? errhint("%s  Then revoke the certificate.", hint) : 0));
}

static void
plan_installing(CastsslPlan *plan, const CastsslAuthority *authority, char *crl)
{
	CastsslMaterial *material = palloc0(sizeof(CastsslMaterial));

	check_others_have_crl();
	for (int role = 0; role < CASTSSL_ROLE_CRL; role++)
		castssl_material_configured(material, role,
									castssl_parameter_value(castssl_role_parameter(role)));
	castssl_material_text(material, CASTSSL_ROLE_CRL, castssl_material_folder(), "root.crl",
						  join_crls(authority, crl));
	castssl_plan_material(plan, material);
}

/* Who issued the certificate; NULL if it cannot be read. */
static const char *
issuer_of(const char *pem)
{
	CastsslCertificate first;
	CastsslFindings findings = { 0 };

	return castssl_certificates_read_first(pem, strlen(pem), "certificate", &first, &findings)
			   ? first.issuer
			   : NULL;
}

CastsslPlan *
castssl_revoke_plan(CastsslRevokeCall *call)
{
	CastsslPlan *plan = castssl_plan_new("revoke");
	CastsslCertificate certificate;
	CastsslAuthority authority;
	ConfigVariable *old;
	CastsslRevocation *revoked;
	StringInfoData list;
	int64 number;
	int count;
	char *ca;

	plan->revokes = true;
	if (!castssl_authority_exists())
		castssl_authority_raise_none(issuer_of(call->certificate));
	certificate = castssl_authority_certificate(call->certificate);
	authority = castssl_authority_load(&ca);
	old = castssl_revoked_read();
	number = next_number(old);
	check_issued_here(&authority, &certificate);
	if (!castssl_is_revocation_reason(call->reason))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for reason: \"%s\"", call->reason),
						errdetail("RFC 5280 names the reasons."),
						errhint("Use %s.", castssl_revocation_reasons())));
	castssl_manifest_begin(&list);
	revoked = extend_list(old, certificate.serial, call->reason, number, &count, &list);
	castssl_manifest_seal(&list);
	call->crl = castssl_authority_crl(&authority, revoked, count, number);

	if (castssl_authority_is_trusted(&authority))
		plan_installing(plan, &authority, call->crl);
	else
	{
		plan->ssl_after = castssl_tls_is_on();
		ereport(WARNING,
				(errmsg("the new CRL is not in use on this server"),
				 errdetail("Its clients are not checked against this CA.  The CRL is \"%s\".",
						   castssl_authority_path("root.crl")),
				 errhint("SELECT * FROM castssl_install(crl => ...) on each server that trusts "
						 "this CA.")));
	}
	castssl_plan_file(plan, castssl_authority_path("revoked"), list.data, list.len,
					  pg_file_create_mode);
	castssl_plan_file(plan, castssl_authority_path("root.crl"), call->crl, strlen(call->crl),
					  pg_file_create_mode);
	castssl_hba_plan_read(plan);
	castssl_plan_guard_ssl(plan);
	castssl_baseline_extend(plan);
	return plan;
}

/* The serial number in the form of pg_stat_ssl. */
static char *
decimal(const ASN1_INTEGER *serial)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
	char *digits = number ? BN_bn2dec(number) : NULL;
	char *copy = pstrdup(digits ? digits : "");

	OPENSSL_free(digits);
	BN_free(number);
	return copy;
}

void
castssl_revoke_warn_of_sessions(const CastsslRevokeCall *call)
{
	X509 *x509 = castssl_authority_certificate(call->certificate).x509;
	char *serial = decimal(X509_get0_serialNumber(x509));
	char *issuer = castssl_name_slashes(X509_get_issuer_name(x509));
	StringInfoData pids;
	int count;
	int found = 0;
	int first = 0;
	CastsslSession *sessions = castssl_sessions_read(&count);

	initStringInfo(&pids);
	for (int i = 0; i < count; i++)
	{
		if (sessions[i].client_serial == NULL || sessions[i].issuer_dn == NULL ||
			strcmp(sessions[i].client_serial, serial) != 0 ||
			strncmp(sessions[i].issuer_dn, issuer, NAMEDATALEN - 1) != 0)
			continue;
		if (found == 0)
			first = sessions[i].pid;
		if (found++ < MOST_SESSIONS)
			appendStringInfo(&pids, "%s%d", pids.len > 0 ? ", " : "", sessions[i].pid);
	}
	if (found > 0)
		ereport(
			WARNING,
			(errmsg("%s the revoked certificate",
					castssl_counted(found, "live session still uses", "live sessions still use")),
			 errdetail("%s %s%s.", found == 1 ? "Process" : "Processes", pids.data,
					   found > MOST_SESSIONS ? ", ..." : ""),
			 errhint("SELECT pg_terminate_backend(%d); ends the first one.  Nobody can log in "
					 "again with that certificate.",
					 first)));
}
