/*
 * issued.c
 *		The check of what the small CA of this server has issued.
 */
#include "postgres.h"

#include <time.h>

#include "access/xlog.h"

#include "base/settings.h"
#include "base/words.h"
#include "flow/check/checks.h"
#include "flow/recipe/authority.h"
#include "flow/recipe/issued.h"
#include "flow/recipe/own_crl.h"
#include "server/disk/paths.h"
#include "tls/instant.h"
#include "tls/judge.h"

/* Of more certificates than this only the number is given. */
#define MOST_ROWS 10

/* How to renew the certificate. */
static char *
renewing_hint(const CastsslIssued *issued)
{
	const char *name = issued->common_name;

	if (!issued->for_client)
		return "Have it sign a new request of that server: castssl_sign(purpose => 'server', "
			   "request => castssl_csr(...)), then castssl_install() there.";
	if (name == NULL || !castssl_authority_is_user_name(name))
		return "Have it sign a new request of the client: castssl_sign(request => '...').";
	return psprintf("SELECT castssl_issue_client(user_name => '%s'); writes new files for the "
					"client, with password => '...' client.pfx, too.  For a request of the "
					"client's own: castssl_sign(request => '...').",
					name);
}

/*
 * Clients and other servers use these, and nothing else warns before they expire.  One that
 * expired long ago is probably no longer used.
 */
static bool
is_reported(const CastsslIssued *issued, const CastsslCertificate *own, int64 now)
{
	const CastsslCertificate *certificate = &issued->certificate;

	if (issued->revoked || issued->renewed ||
		certificate->not_after < now - castssl_expiry_warning ||
		!castssl_expires_soon(certificate, now, castssl_expiry_warning))
		return false;
	/* certificate_dates reports the server's own certificate */
	return own->fingerprint == NULL || strcmp(own->fingerprint, certificate->fingerprint) != 0;
}

void
castssl_check_issued_certificates(CastsslCheckScope *scope)
{
	int64 now = (int64) time(NULL);
	CastsslCertificate own = { 0 };
	int rows = 0;
	int count;
	CastsslIssued *issued;

	/* a standby has only a copy of the CA, and its list grows on the primary */
	if (RecoveryInProgress())
		return;
	issued = castssl_issued_read(&count);
	(void) castssl_material_certificate_on_disk(&own);
	for (int i = 0; i < count; i++)
	{
		const CastsslCertificate *certificate = &issued[i].certificate;

		if (!is_reported(&issued[i], &own, now) || rows++ >= MOST_ROWS)
			continue;
		castssl_check_report(
			scope, CASTSSL_WARNING,
			issued[i].common_name ? issued[i].common_name : certificate->subject,
			psprintf("the certificate that this server's CA issued for a %s %s on %s, and there "
					 "is no newer one",
					 issued[i].for_client ? "client" : "server",
					 certificate->not_after <= now ? "ended" : "ends",
					 castssl_instant_text(certificate->not_after)),
			renewing_hint(&issued[i]));
	}
	if (rows > MOST_ROWS)
		castssl_check_report(
			scope, CASTSSL_WARNING, castssl_authority_path("certificates"),
			psprintf("%s soon", castssl_counted(rows - MOST_ROWS, "more certificate ends",
												"more certificates end")),
			"They are named here when the others are renewed.");
}

void
castssl_check_ca_revocations(CastsslCheckScope *scope)
{
	int accepted = castssl_own_crl_accepted();
	char *others = castssl_own_crl_others();
	char *hint;

	if (accepted > 0)
	{
		const char *message = psprintf("this server accepts %s that its own CA has revoked, "
									   "because it does not check the CRL of this CA",
									   castssl_counted(accepted, "certificate", "certificates"));

		hint = castssl_own_crl_hint("");
		if (hint && others == NULL)
			castssl_check_report_fix(scope, CASTSSL_ERROR, "ssl_crl_file", message, hint);
		else
			castssl_check_report(scope, CASTSSL_ERROR, "ssl_crl_file", message, hint);
	}
	else if (others && castssl_own_crl_is_unused())
		castssl_check_report(
			scope, CASTSSL_INFO, "ssl_crl_file",
			psprintf("no certificate of this server's own CA can be revoked here, because there "
					 "is no CRL of %s",
					 others),
			castssl_own_crl_hint(""));
}
