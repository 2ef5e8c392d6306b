/*
 * crls.h
 *		The CRLs for checking client certificates: a file and a directory.
 */
#ifndef CASTSSL_FLOW_PLAN_CRLS_H
#define CASTSSL_FLOW_PLAN_CRLS_H

#include "nodes/pg_list.h"

#include "flow/plan/material.h"
#include "tls/client.h"
#include "tls/pem.h"

/*
 * Paths of the CRLs in ssl_crl_dir (14 and later), sorted, palloc'd; NIL if there are
 * none.  Leaves out files with names that OpenSSL does not look for.
 */
extern List *castssl_crl_directory_files(void);

/*
 * Is ssl_crl_dir set, but was no CRL found?  crls is what castssl_crls_with_directory() returned.
 */
extern bool castssl_crls_are_none(const CastsslPem *crls);

/* Add a finding that says why ssl_crl_dir, which must be set, gives no CRL. */
extern void castssl_crl_directory_judge(CastsslFindings *findings);

/* Add a finding for each of castssl_crl_directory_files that cannot be read. */
extern void castssl_crl_directory_problems(CastsslFindings *findings);

/*
 * The text of the CRL file, which may be absent, and of the CRLs in ssl_crl_dir that can be read.
 * data is NULL if neither is configured.  data is not NULL and has length 0 if the directory
 * gives no CRL: then the server refuses every client certificate.
 */
extern CastsslPem castssl_crls_with_directory(CastsslPem file);

/* How the server checks client certificates with that material and those ciphers. */
extern CastsslClientTerms castssl_client_terms(const CastsslMaterial *material,
											   const char *ciphers);

/*
 * The CRLs that the server checks with that material; NULL material: with the files in use.
 * NULL: it checks none, or they cannot be read.  Palloc'd.
 */
extern const CastsslCertificates *castssl_crls_in_force(const CastsslMaterial *material);

/*
 * The CAs in the CA file of that material, judged with these CRLs; NULL: there are none.
 * Palloc'd.
 */
extern const CastsslIssuers *castssl_issuers_in_force(const CastsslMaterial *material,
													  const CastsslCertificates *crls);

#endif
