/*
 * crls.h
 *		The CRLs that the server checks its clients against: a file and a directory.
 */
#ifndef CASTSSL_FLOW_PLAN_CRLS_H
#define CASTSSL_FLOW_PLAN_CRLS_H

#include "nodes/pg_list.h"

#include "tls/pem.h"

/*
 * Paths of the CRLs in ssl_crl_dir (14 and later), sorted, palloc'd; NIL where there are none.
 * What has no name that OpenSSL looks for is left out.
 */
extern List *castssl_crl_directory_files(void);

/*
 * The text of the CRL file, which may be absent, and those of ssl_crl_dir; data NULL where
 * neither is configured.  Not NULL, and of no length, where the directory is empty: the
 * server refuses every client then.
 */
extern CastsslPem castssl_crls_with_directory(CastsslPem file);

#endif
