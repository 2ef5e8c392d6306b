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

/* Why files of castssl_crl_directory_files cannot be read: messages, char *. */
extern List *castssl_crl_directory_problems(void);

/*
 * The text of the CRL file, which may be absent, and of the CRLs in ssl_crl_dir that can be read.
 * data is NULL if neither is configured. data is not NULL and has length 0 if the directory is
 * empty: then the server refuses every client.
 */
extern CastsslPem castssl_crls_with_directory(CastsslPem file);

/* On what terms the server takes client certificates with that material and those ciphers. */
extern CastsslClientTerms castssl_client_terms(const CastsslMaterial *material,
											   const char *ciphers);

/*
 * The CRLs that the server asks with that material; NULL material: with the one in force.  NULL:
 * it asks none, or they cannot be read.  Palloc'd.
 */
extern const CastsslCertificates *castssl_crls_in_force(const CastsslMaterial *material);

/* The CA file of that material, as these CRLs leave it; NULL: there is none.  Palloc'd. */
extern const CastsslIssuers *castssl_issuers_in_force(const CastsslMaterial *material,
													  const CastsslCertificates *crls);

#endif
