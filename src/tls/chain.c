/*
 * chain.c
 *		The server's certificate and its intermediates, as clients see them.
 *
 * The server sends the certificates of the file in their order, with one exception.
 * If the file holds a single certificate, OpenSSL in the server completes the chain
 * from the CA file, because SSL_MODE_NO_AUTO_CHAIN is not set.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "tls/chain.h"
#include "tls/judge.h"
#include "tls/openssl.h"
#include "tls/repair.h"

/*
 * OpenSSL verifies no longer chain.  The limit also ends the search in a file that
 * repeats one certificate.
 */
#define LONGEST_CHAIN 100

/* The path from the server's certificate up, through the file. */
typedef struct Path
{
	const CastsslCertificate *steps[LONGEST_CHAIN];
	int length;
	bool in_order; /* in the file, each step stands directly after the one before it */
	int sent; /* number of certificates in the file that the server sends, in the path or not */
} Path;

/*
 * Does a CA higher in the chain forbid this number of CAs below it?  Counts ca itself as
 * one of them.
 */
static bool
path_too_long(X509_STORE_CTX *context)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);

	for (int i = 1; i < sk_X509_num(chain); i++)
	{
		long allowed = X509_get_pathlen(sk_X509_value(chain, i));

		if (allowed >= 0 && allowed < i)
			return true;
	}
	return false;
}

/*
 * The error with which OpenSSL verifies a certificate; *depth (may be NULL) is then its place in
 * the chain. purpose: 0 for none. issues: must it be able to have certificates below it?
 */
static int
verify(X509_STORE *store, X509 *target, STACK_OF(X509) * untrusted, unsigned long flags,
	   int purpose, int64 now, bool issues, int *depth)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;

	if (context != NULL && X509_STORE_CTX_init(context, store, target, untrusted))
	{
		X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

		X509_VERIFY_PARAM_set_flags(parameters, flags);
		/* a time that is set would override that flag */
		if ((flags & X509_V_FLAG_NO_CHECK_TIME) == 0)
			X509_VERIFY_PARAM_set_time(parameters, (time_t) now);
		if (purpose != 0)
			X509_STORE_CTX_set_purpose(context, purpose);
		error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
		if (error == X509_V_OK && issues && path_too_long(context))
			error = X509_V_ERR_PATH_LENGTH_EXCEEDED;
		if (depth != NULL)
			*depth = X509_STORE_CTX_get_error_depth(context);
	}
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return error;
}

int
castssl_ca_chain_error(X509_STORE *store, X509 *ca, unsigned long flags, int64 now)
{
	return verify(store, ca, NULL, flags, 0, now, true, NULL);
}

/* Do the name and key identifier of issuer match the issuer fields of certificate? */
static bool
is_issuer(const CastsslCertificate *issuer, const CastsslCertificate *certificate)
{
	return issuer->x509 != NULL && issuer->x509 != certificate->x509 &&
		   X509_NAME_cmp(X509_get_subject_name(issuer->x509),
						 X509_get_issuer_name(certificate->x509)) == 0 &&
		   X509_check_issued(issuer->x509, certificate->x509) != X509_V_ERR_AKID_SKID_MISMATCH;
}

/*
 * An issuer of the certificate in a list (may be NULL); NULL: there is none.  With a path, only
 * certificates that are not in the path yet, and that the server sends.
 */
static const CastsslCertificate *
find_issuer(const CastsslCertificates *where, const CastsslCertificate *certificate,
			const Path *path)
{
	for (int i = 0; where != NULL && i < where->count; i++)
	{
		bool used = path != NULL && where->items[i].trusted;

		for (int j = 0; path != NULL && j < path->length; j++)
			used = used || path->steps[j]->x509 == where->items[i].x509;
		if (!used && is_issuer(&where->items[i], certificate))
			return &where->items[i];
	}
	return NULL;
}

static void
find_path(const CastsslCertificates *file, Path *path)
{
	path->length = 0;
	path->in_order = true;
	path->sent = 0;
	for (int i = 0; i < file->count; i++)
	{
		if (file->items[i].x509 == NULL)
			continue;
		if (path->length == 0)
			path->steps[path->length++] = &file->items[i];
		/*
		 * PostgreSQL: SSL_CTX_use_certificate_chain_file accepts a trusted certificate
		 * only as the first.
		 */
		else if (file->items[i].trusted)
			continue;
		path->sent++;
	}
	while (path->length > 0 && path->length < LONGEST_CHAIN &&
		   !path->steps[path->length - 1]->self_signed)
	{
		const CastsslCertificate *last = path->steps[path->length - 1];
		const CastsslCertificate *issuer = find_issuer(file, last, path);

		if (issuer == NULL)
			break;
		path->in_order = path->in_order && issuer->position == last->position + 1;
		path->steps[path->length++] = issuer;
	}
}

/* A hint to install only the certificates of the chain, in its order. */
static const char *
hint_to_order(const CastsslPem *pem, const Path *path)
{
	int positions[LONGEST_CHAIN];
	char *text;

	for (int i = 0; i < path->length; i++)
		positions[i] = path->steps[i]->position;
	text = castssl_repair_ordered_text(castssl_pem_file(pem), positions, path->length);
	return text ? psprintf("SELECT * FROM castssl_install(certificate => %s);", text)
				: "Put the server's certificate first, then its issuer's, and so on.";
}

/* A hint to append issuer, a certificate of the CA file, to the server's certificates. */
static const char *
hint_to_append(const CastsslPem *pem, const CastsslPem *ca, const CastsslCertificate *issuer)
{
	char *text = castssl_repair_text_without_keys(castssl_pem_file(pem));
	char *other = castssl_repair_ordered_text(castssl_pem_file(ca), &issuer->position, 1);

	if (text == NULL || other == NULL)
		return psprintf("Append it to \"%s\".", pem->name);
	return psprintf("SELECT * FROM castssl_install(certificate => %s || E'\\n' || %s);", text,
					other);
}

/*
 * Check the order of the file, and look for certificates that are not in the path.  Clients
 * ignore those, or fail because of them.
 */
static void
judge_order(const CastsslTlsSet *set, const CastsslCertificates *file, const Path *path,
			CastsslFindings *findings)
{
	const char *name = set->certificate.name;
	const CastsslCertificate *top = path->steps[path->length - 1];

	if (!path->in_order)
		castssl_finding_add(
			findings, CASTSSL_WARNING, "chain", name,
			psprintf("the certificates in \"%s\" are not in the order of the chain", name),
			"Before TLS 1.3 each certificate must be followed by that of its issuer, and some "
			"clients refuse another order.",
			hint_to_order(&set->certificate, path));
	if (path->length < file->count)
		castssl_finding_add(
			findings, CASTSSL_INFO, "chain", name,
			psprintf("\"%s\" holds more than the chain of the server's certificate", name),
			psprintf("%d of %d certificates are not in the chain.", file->count - path->length,
					 file->count),
			NULL);
	if (top->self_signed && path->length > 1)
		castssl_finding_add(findings, CASTSSL_INFO, "chain", name,
							psprintf("\"%s\" holds the root certificate, too", name),
							"Clients trust their own copy of the root and ignore this one.", NULL);
}

/* Was the certificate issued by the root of set->authority? */
static bool
is_of_authority(const CastsslTlsSet *set, const CastsslCertificate *certificate)
{
	const CastsslPem *pem = &set->authority;
	CastsslCertificates roots = { 0 };
	CastsslFindings ignored = { 0 };
	const CastsslCertificate *issuer;

	if (pem->data == NULL ||
		!castssl_certificates_read(pem->data, pem->length, pem->name, &roots, &ignored))
		return false;
	issuer = find_issuer(&roots, certificate, NULL);
	return issuer != NULL && issuer->self_signed;
}

/* The chain ends below a root: can a client that has the root build it? */
static void
judge_top(const CastsslTlsSet *set, const CastsslCertificates *ca, const Path *path,
		  CastsslFindings *findings)
{
	const CastsslCertificate *top = path->steps[path->length - 1];
	const CastsslCertificate *issuer = find_issuer(ca, top, NULL);
	const char *name = set->certificate.name;

	if (top->self_signed || (issuer != NULL && issuer->self_signed) || is_of_authority(set, top))
		return;
	/* A file with several certificates is most likely complete up to the root, which it omits. */
	if (issuer == NULL)
		castssl_finding_add(
			findings, path->sent > 1 ? CASTSSL_INFO : CASTSSL_WARNING, "chain", name,
			psprintf("the issuer of %s is not in a file of the server",
					 castssl_certificate_label(top, name)),
			psprintf(
				"Clients need the certificate of \"%s\" as a root, or the server must send it.",
				top->issuer),
			psprintf("If it is an intermediate certificate, append it to \"%s\".", name));
	else if (path->sent == 1)
		castssl_finding_add(findings, CASTSSL_INFO, "chain", name,
							psprintf("an intermediate certificate is not in \"%s\"", name),
							psprintf("The server takes it from the CA file: %s.",
									 castssl_certificate_label(issuer, set->ca.name)),
							psprintf("So that the chain does not depend on the CA file: %s",
									 hint_to_append(&set->certificate, &set->ca, issuer)));
	else
		castssl_finding_add(findings, CASTSSL_WARNING, "chain", name,
							psprintf("\"%s\" lacks the intermediate %s: append it, or clients "
									 "cannot verify the server",
									 name, issuer->subject),
							NULL, hint_to_append(&set->certificate, &set->ca, issuer));
}

/* Verify the server's certificate as an OpenSSL client with these roots does, without dates. */
static int
verify_path(const CastsslTlsSet *set, X509_STORE *store, const Path *path, unsigned long flags,
			int *depth)
{
	STACK_OF(X509) *untrusted = castssl_adopt_list(sk_X509_new_null());

	if (store == NULL || untrusted == NULL)
		return X509_V_OK; /* LCOV_EXCL_LINE: out of memory */
	for (int i = 1; i < path->length; i++)
		sk_X509_push(untrusted, path->steps[i]->x509);
	return verify(store, path->steps[0]->x509, untrusted, flags | X509_V_FLAG_NO_CHECK_TIME,
				  X509_PURPOSE_SSL_SERVER, set->now, false, depth);
}

/*
 * The root may restrict the certificates below it: their names, their uses, the length
 * of the chain.  This check sees such restrictions only if the root is in the CA file.
 * The finding is no error, because clients may trust another root.  The check does not
 * test whether the certificate is the right root.
 */
static void
judge_below_root(const CastsslTlsSet *set, const CastsslCertificates *ca, const Path *path,
				 CastsslFindings *findings)
{
	X509_STORE *store = castssl_adopt_store(X509_STORE_new());
	int error;

	for (int i = 0; store != NULL && i < ca->count; i++)
	{
		if (ca->items[i].x509 != NULL)
			X509_STORE_add_cert(store, ca->items[i].x509);
	}
	error = verify_path(set, store, path, 0, NULL);
	switch (error)
	{
		case X509_V_OK:
		case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
		case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		case X509_V_ERR_CERT_REJECTED:
		case X509_V_ERR_CERT_UNTRUSTED:
			return;
	}
	castssl_finding_add(
		findings, CASTSSL_WARNING, "chain", set->certificate.name,
		psprintf("clients with the root in \"%s\" would refuse the certificate in \"%s\": %s",
				 set->ca.name, set->certificate.name, X509_verify_cert_error_string(error)),
		psprintf("The chain ends with %s.",
				 castssl_certificate_label(path->steps[path->length - 1], set->certificate.name)),
		"Ask the CA for a certificate that its root allows.");
}

static void
judge_as_client(const CastsslTlsSet *set, const CastsslCertificates *ca, const Path *path,
				CastsslFindings *findings)
{
	X509_STORE *store = castssl_adopt_store(X509_STORE_new());
	const char *name = set->certificate.name;
	const char *check = "chain";
	const char *hint = "Ask the CA for a new certificate and for its chain.";
	int depth = 0;
	int error;

	if (store != NULL)
		X509_STORE_add_cert(store, path->steps[path->length - 1]->x509);
	error = verify_path(set, store, path, X509_V_FLAG_PARTIAL_CHAIN, &depth);
	if (error == X509_V_OK)
	{
		judge_below_root(set, ca, path, findings);
		return;
	}
	depth = Max(0, Min(depth, path->length - 1));
	if (error == X509_V_ERR_INVALID_PURPOSE)
	{
		check = "key_usage";
		hint = "Ask for a certificate for a server: extended key usage serverAuth.  The "
			   "small CA of this server: castssl_sign(..., purpose => 'server').";
	}
	castssl_finding_add(
		findings, CASTSSL_ERROR, check, name,
		psprintf("clients would refuse the certificate in \"%s\": %s", name,
				 X509_verify_cert_error_string(error)),
		psprintf("The problem is in %s.", castssl_certificate_label(path->steps[depth], name)),
		hint);
}

/* Check properties that only some clients require. */
static void
judge_server_usage(const CastsslTlsSet *set, const CastsslCertificate *server,
				   CastsslFindings *findings)
{
	const char *name = set->certificate.name;
	uint32_t flags = X509_get_extension_flags(server->x509);
	uint32_t usage = X509_get_key_usage(server->x509);

	/* Without any of the three, judge_as_client has reported an error. */
	if ((flags & EXFLAG_KUSAGE) != 0 && (usage & KU_DIGITAL_SIGNATURE) == 0 &&
		(usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)) != 0)
		castssl_finding_add(findings, CASTSSL_WARNING, "key_usage", name,
							psprintf("the key usage of %s lacks digitalSignature",
									 castssl_certificate_label(server, name)),
							"TLS 1.3 and every cipher with forward secrecy sign with this key, and "
							"Java clients check its key usage.",
							"Ask for a certificate with key usage digitalSignature.");
	if (castssl_signature_has_no_hash(server->x509))
		castssl_finding_add(findings, CASTSSL_WARNING, "chain", name,
							psprintf("%s is signed with %s: password logins over TLS (SCRAM) fail",
									 castssl_certificate_label(server, name),
									 server->signature_algorithm),
							"libpq uses channel binding.  That needs the hash of the certificate's "
							"signature, and this signature has none.",
							"Let a CA with an RSA or EC key sign it, or let clients connect with "
							"channel_binding=disable.");
	if (server->is_ca)
		castssl_finding_add(
			findings, server->self_signed ? CASTSSL_INFO : CASTSSL_WARNING, "key_usage", name,
			psprintf("%s is a CA certificate", castssl_certificate_label(server, name)),
			"Whoever has the server's key can issue certificates in the server's name.",
			"Ask for a certificate with CA:FALSE.");
}

void
castssl_judge_chain(const CastsslTlsSet *set, const CastsslCertificates *certificate,
					const CastsslCertificates *ca, CastsslFindings *findings)
{
	const char *name = set->certificate.name;
	Path path;

	find_path(certificate, &path);
	if (path.length == 0)
		return; /* LCOV_EXCL_LINE: castssl_tls_verify has seen one */
	for (int i = 0; i < path.length; i++)
	{
		const CastsslCertificate *step = path.steps[i];
		bool needed = i == 0 || (!step->self_signed && (i == 1 || i < path.length - 1));

		/*
		 * Clients have the root themselves, perhaps a newer one.  The last of several
		 * intermediates may be a cross-certificate that clients do not need.
		 */
		castssl_judge_dates(set, step, name, needed ? CASTSSL_ERROR : CASTSSL_WARNING, findings);
		castssl_judge_strength(step, name, needed ? CASTSSL_ERROR : CASTSSL_WARNING, findings);
		castssl_judge_defects(step, name, needed ? CASTSSL_ERROR : CASTSSL_WARNING, findings);
	}
	judge_order(set, certificate, &path, findings);
	judge_top(set, ca, &path, findings);
	judge_as_client(set, ca, &path, findings);
	judge_server_usage(set, path.steps[0], findings);
}

/* ---- the root before and after ---- */

/*
 * Does a client with that root verify the server?  If the certificate file has a single
 * certificate, the server sends certificates of its CA file too.
 */
static bool
is_verified_by(const CastsslCertificate *root, const Path *path, const CastsslCertificates *ca)
{
	X509_STORE *store = castssl_adopt_store(X509_STORE_new());
	STACK_OF(X509) *untrusted = castssl_adopt_list(sk_X509_new_null());

	if (store == NULL || untrusted == NULL)
		return true; /* LCOV_EXCL_LINE: out of memory */
	X509_STORE_add_cert(store, root->x509);
	for (int i = 1; i < path->length; i++)
		sk_X509_push(untrusted, path->steps[i]->x509);
	for (int i = 0; path->sent == 1 && i < ca->count; i++)
	{
		if (ca->items[i].x509 != NULL)
			sk_X509_push(untrusted, ca->items[i].x509);
	}
	return verify(store, path->steps[0]->x509, untrusted, X509_V_FLAG_NO_CHECK_TIME,
				  X509_PURPOSE_SSL_SERVER, 0, false, NULL) == X509_V_OK;
}

/* The top of the chain, continued with the certificates of a CA file: a root, if it is there. */
static const CastsslCertificate *
find_top(const Path *path, const CastsslCertificates *ca)
{
	const CastsslCertificate *top = path->steps[path->length - 1];

	for (int i = 0; i < LONGEST_CHAIN && !top->self_signed; i++)
	{
		const CastsslCertificate *issuer = find_issuer(ca, top, NULL);

		if (issuer == NULL)
			break;
		top = issuer;
	}
	return top;
}

/* Do both have the same issuer, by its name and by the key identifier if both have one? */
static bool
same_issuer(const CastsslCertificate *a, const CastsslCertificate *b)
{
	const ASN1_OCTET_STRING *one = X509_get0_authority_key_id(a->x509);
	const ASN1_OCTET_STRING *other = X509_get0_authority_key_id(b->x509);

	return X509_NAME_cmp(X509_get_issuer_name(a->x509), X509_get_issuer_name(b->x509)) == 0 &&
		   (one == NULL || other == NULL || ASN1_OCTET_STRING_cmp(one, other) == 0);
}

bool
castssl_chain_keeps_root(const CastsslCertificates *before, const CastsslCertificates *ca_before,
						 const CastsslCertificates *after, const CastsslCertificates *ca_after,
						 const char **root)
{
	const CastsslCertificate *top;
	Path old;
	Path new;

	find_path(before, &old);
	find_path(after, &new);
	if (old.length == 0 || new.length == 0)
		return true;
	top = find_top(&old, ca_before);
	if (!top->self_signed)
		top = find_top(&old, ca_after);
	*root = top->self_signed ? top->subject : top->issuer;
	if (top->self_signed)
		return !is_verified_by(top, &old, ca_before) || is_verified_by(top, &new, ca_after);
	for (int i = 0; i < new.length; i++)
	{
		if (same_issuer(old.steps[old.length - 1], new.steps[i]))
			return true;
	}
	return false;
}
