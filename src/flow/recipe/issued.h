/*
 * issued.h
 *		What the small CA of this server has issued, and revoked.
 *
 * Reads only: no lock is needed.  Raises errors for files that cannot be read, and F0000 for a
 * damaged list of what is revoked.
 */
#ifndef CASTSSL_FLOW_RECIPE_ISSUED_H
#define CASTSSL_FLOW_RECIPE_ISSUED_H

#include "tls/certificate.h"
#include "utils/guc.h"

typedef struct CastsslIssued
{
	CastsslCertificate certificate;
	const char *common_name; /* NULL: its name has another form */
	bool for_client;
	bool revoked;
	bool renewed; /* there is one of the same name and purpose that ends no earlier */
} CastsslIssued;

/*
 * The certificates that castssl_sign() and castssl_issue_client() made, sorted by their end; none
 * if there is no CA.  Palloc'd.
 */
extern CastsslIssued *castssl_issued_read(int *count);

/* The list of revoked certificates (change/manifest.h); NULL: there is none. */
extern ConfigVariable *castssl_revoked_read(void);

#endif
