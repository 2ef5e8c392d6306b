/*
 * own_crl.c
 *		What the small CA of this server has revoked: does the server itself refuse it?
 */
#include "postgres.h"

#include "base/words.h"
#include "change/attempt.h"
#include "flow/plan/crls.h"
#include "flow/recipe/own_crl.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "tls/revoked.h"
#include "tls/trust.h"

static void
read_pem(void *arg)
{
	CastsslPem *pem = arg;

	pem->name = castssl_authority_path(pem->name);
	pem->data = castssl_file_read_if_exists(pem->name, CASTSSL_CRL_LIMIT, &pem->length, NULL);
}

/*
 * The certificates or CRLs of a file of the small CA; count is 0 if there is none.  The row
 * files_readable says why it cannot be read, and the server needs none of these files to run.
 */
static CastsslCertificates
read_own(const char *name)
{
	CastsslCertificates list = { 0 };
	CastsslFindings findings = { 0 };
	CastsslPem pem = { .name = name };

	(void) castssl_attempt(read_pem, &pem);
	if (pem.data)
		(void) castssl_certificates_read(pem.data, pem.length, pem.name, &list, &findings);
	return list;
}

/* The public key of the small CA; NULL: there is none. */
static EVP_PKEY *
own_key(void)
{
	CastsslCertificates root = read_own("root.crt");

	return root.count > 0 && root.items[0].x509 ? X509_get0_pubkey(root.items[0].x509) : NULL;
}

/* The CAs of that material; NULL: those in use.  None if TLS is off. */
static CastsslCertificates
trusted(const CastsslMaterial *material)
{
	CastsslCertificates list = { 0 };
	CastsslFindings findings = { 0 };
	CastsslPem pem = material ? castssl_material_pem(material, CASTSSL_ROLE_CA)
							  : castssl_material_pem_in_use(CASTSSL_ROLE_CA);

	if (pem.data && (material || castssl_tls_is_on()))
		(void) castssl_certificates_read(pem.data, pem.length, pem.name, &list, &findings);
	return list;
}

/* How many entries of the small CA's CRLs does a server with that material accept? */
static int
accepted(const CastsslMaterial *material, const CastsslCertificates *crls)
{
	EVP_PKEY *key = own_key();
	CastsslCertificates cas;

	if (key == NULL || crls->count == 0)
		return 0;
	cas = trusted(material);
	return castssl_certificates_with_key(&cas, key) > 0
			   ? castssl_revocations_dropped(crls, castssl_crls_in_force(material))
			   : 0;
}

int
castssl_own_crl_accepted(void)
{
	CastsslCertificates crls = read_own("root.crl");

	return accepted(NULL, &crls);
}

bool
castssl_own_crl_is_unused(void)
{
	EVP_PKEY *key = own_key();
	CastsslCertificates cas = { 0 };

	if (key)
		cas = trusted(NULL);
	return key && castssl_certificates_with_key(&cas, key) > 0 &&
		   castssl_crls_in_force(NULL) == NULL;
}

bool
castssl_own_crl_lists(void)
{
	CastsslCertificates crls = read_own("root.crl");

	return castssl_revocations_dropped(&crls, NULL) > 0;
}

static char *
others_without_crl(const CastsslMaterial *material)
{
	CastsslCertificates cas = trusted(material);
	const CastsslCertificates *crls = castssl_crls_in_force(material);

	return castssl_trust_without_crl(&cas, crls, own_key());
}

char *
castssl_own_crl_others(void)
{
	return others_without_crl(NULL);
}

char *
castssl_own_crl_joined(const char *argument, CastsslRole role, const char *file)
{
	char *named = castssl_material_named(role);
	char *now = named ? castssl_sql_literal(named) : NULL;
	char *own = castssl_sql_literal(castssl_authority_path(file));

	if (own == NULL || (named && now == NULL))
		return NULL;
	return now ? psprintf("%s => pg_read_file(%s) || E'\\n' || pg_read_file(%s)", argument, now,
						  own)
			   : psprintf("%s => pg_read_file(%s)", argument, own);
}

/*
 * The argument crl with the small CA's CRL and those in use.  others: CAs without a CRL, for whose
 * CRLs there is an empty text; NULL: none.
 */
static char *
crl_argument(const char *others)
{
	char *argument = castssl_own_crl_joined("crl", CASTSSL_ROLE_CRL, "root.crl");

	return argument && others ? psprintf("%s || E'\\n' || '...'", argument) : argument;
}

/* What must be done before, where other CAs have no CRL. */
static char *
get_others(const char *others)
{
	return others ? psprintf("A server that checks CRLs needs one of each CA: get the CRL of %s "
							 "from that CA, and put its text in the place of '...'.  Then: ",
							 others)
				  : "";
}

char *
castssl_own_crl_hint(const char *ca)
{
	char *others = castssl_own_crl_others();
	char *crl = crl_argument(others);

	return crl ? psprintf("%sSELECT * FROM castssl_install(%s%s);", get_others(others), ca, crl)
			   : NULL;
}

/* How to make the call so that it takes the CRL with it; NULL: it cannot be pasted safely. */
static char *
hint_to_take_along(const CastsslPlan *plan)
{
	char *others = others_without_crl(plan->material);
	CastsslWhich which = castssl_material_call(plan->material);
	char *crl;

	if (strcmp(plan->action, "install") == 0)
	{
		crl = crl_argument(others);
		return crl ? psprintf("%sCall castssl_install() again, and add: %s", get_others(others),
							  crl)
				   : NULL;
	}
	if (strcmp(plan->action, "enable") != 0 || others ||
		plan->material->files[CASTSSL_ROLE_CRL].path)
		return NULL;
	which.names[CASTSSL_ROLE_CRL] = castssl_authority_path("root.crl");
	return castssl_which_statement(&which);
}

void
castssl_own_crl_check(const CastsslPlan *plan)
{
	const CastsslPlannedFile *planned;
	CastsslCertificates crls = { 0 };
	CastsslFindings findings = { 0 };
	char *hint;
	int after;

	if (plan->material == NULL || !plan->ssl_after || own_key() == NULL)
		return;
	planned = castssl_plan_written(plan, castssl_authority_path("root.crl"));
	if (planned == NULL)
		crls = read_own("root.crl");
	else if (planned->data)
		(void) castssl_certificates_read(planned->data, planned->length, "root.crl", &crls,
										 &findings);
	after = accepted(plan->material, &crls);
	if (after <= castssl_own_crl_accepted())
		return;
	hint = hint_to_take_along(plan);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the server would accept %s",
					castssl_counted(after, "revoked certificate", "revoked certificates")),
			 errdetail("It would trust its own small CA, and not check the CRL of this CA, \"%s\".",
					   castssl_authority_path("root.crl")),
			 hint ? errhint("%s", hint)
				  : errhint("Take that CRL into ssl_crl_file, with one of each other CA in "
							"ssl_ca_file.  With force => true it is not checked."),
			 castssl_err_reason("castssl_would_admit")));
}
