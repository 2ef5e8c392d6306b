/*
 * issuer.c
 *		A new server certificate that clients with the old root do not verify.
 */
#include "postgres.h"

#include "flow/ask/issuer.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/reload.h"
#include "tls/chain.h"

static CastsslCertificates
read_text(const char *text, size_t length, const char *name)
{
	CastsslCertificates read = { 0 };
	CastsslFindings findings = { 0 };

	if (text)
		(void) castssl_certificates_read(text, length, name, &read, &findings);
	return read;
}

/* The certificates of the file that a role's parameter names; none if it cannot be read. */
static CastsslCertificates
read_in_use(CastsslRole role)
{
	size_t length = 0;
	char *data = castssl_material_try_named(role, &length);

	return read_text(data, length, castssl_role_parameter(role));
}

/* What clients get now: the file on disk, or what the server sends, if the file is not loaded. */
static CastsslCertificates
read_served(void)
{
	char *name = castssl_material_named(CASTSSL_ROLE_CERTIFICATE);
	char *sent = NULL;

	if (name && castssl_reload_covers(name) != CASTSSL_LOADED && castssl_probe_possible())
		sent = castssl_probe_chain();
	return sent ? read_text(sent, strlen(sent), name) : read_in_use(CASTSSL_ROLE_CERTIFICATE);
}

void
castssl_issuer_warn(CastsslPlan *plan, const CastsslCertificates *server,
					const CastsslCertificates *ca)
{
	CastsslCertificates server_now;
	CastsslCertificates ca_now;
	const char *issuer = castssl_certificates_first(server)->issuer;
	const char *root;

	if (!castssl_tls_is_on())
		return; /* nobody verifies anything yet */
	server_now = read_served();
	ca_now = read_in_use(CASTSSL_ROLE_CA);
	if (castssl_chain_keeps_root(&server_now, &ca_now, server, ca, &root))
		return;
	castssl_plan_warn(
		plan, "check certificate",
		castssl_path_base(plan->material->files[CASTSSL_ROLE_CERTIFICATE].name),
		CASTSSL_CODE_issuer_changed,
		psprintf("clients that verify the server (sslmode=verify-ca or verify-full) trust %s, the "
				 "root of the certificate in use.  They would refuse this certificate, because its "
				 "issuer is %s.  First give these clients the old and the new root in one file "
				 "(sslrootcert).  Then install this certificate.",
				 root,
				 strcmp(root, issuer) == 0 ? "another one, of the same name and with another key"
										   : issuer));
}
