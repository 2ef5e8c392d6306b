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

#include "change/manifest.h"
#include "flow/plan/baseline.h"
#include "flow/plan/hba_plan.h"
#include "flow/recipe/authority.h"
#include "flow/recipe/revoke.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/sessions.h"
#include "tls/instant.h"
#include "tls/openssl.h"

#define MOST_SESSIONS 20 /* sessions that a warning names */

/* Without the list, certificates would be good again that are revoked. */
#define RESTORE "Restore it from a backup: it says which certificates are revoked."

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

/* The list of revocations with one more entry. *text is the list as it is to be written. */
static CastsslRevocation *
extend_list(const ConfigVariable *list, const char *serial, const char *reason, int64 number,
			int *count, StringInfo text)
{
	int n = (int) castssl_manifest_number(list, "count");
	CastsslRevocation *items = palloc((n + 1) * sizeof(CastsslRevocation));

	for (int i = 0; i < n; i++)
	{
		items[i].serial = castssl_manifest_value(list, psprintf("serial_%d", i + 1));
		items[i].revoked_at = castssl_manifest_number(list, psprintf("revoked_at_%d", i + 1));
		items[i].reason = castssl_manifest_value(list, psprintf("reason_%d", i + 1));
		if (strcmp(items[i].serial, serial) == 0)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("certificate %s is revoked already", serial),
							errdetail("Since %s, for reason %s.",
									  castssl_instant_text(items[i].revoked_at), items[i].reason),
							castssl_err_reason("castssl_already_revoked")));
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

/* 22023 unless this CA issued the certificate, and not to itself. */
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
					errhint("Have that CA revoke it, and install its new CRL, in one text with the "
							"CRLs of the other CAs: castssl_install(crl => '...').")));
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

static void
plan_installing(CastsslPlan *plan, const CastsslAuthority *authority, char *crl)
{
	CastsslMaterial *material = palloc0(sizeof(CastsslMaterial));

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
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	const CastsslCertificate *first;

	if (!castssl_certificates_read(pem, strlen(pem), "certificate", &certificates, &findings))
		return NULL;
	first = castssl_certificates_first(&certificates);
	return first ? first->issuer : NULL;
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
	old = castssl_manifest_read(castssl_authority_path("revoked"), RESTORE);
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
		ereport(WARNING,
				(errmsg_plural("%d live session still uses the revoked certificate",
							   "%d live sessions still use the revoked certificate", found, found),
				 errdetail_plural("Process %s%s.", "Processes %s%s.", found, pids.data,
								  found > MOST_SESSIONS ? ", ..." : ""),
				 errhint("SELECT pg_terminate_backend(%d); ends the first one.  Nobody can log in "
						 "again with that certificate.",
						 first)));
}
