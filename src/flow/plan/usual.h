/*
 * usual.h
 *		Certificate, key, CA and CRL where the caller names none: what is in use, or a
 *		file with a usual name.
 */
#ifndef CASTSSL_FLOW_PLAN_USUAL_H
#define CASTSSL_FLOW_PLAN_USUAL_H

#include "flow/plan/material.h"

typedef struct CastsslWhich
{
	const char *source_dir;            /* NULL: the files are in place */
	const char *target_dir;            /* NULL: the folder of config_file */
	const char *names[CASTSSL_NROLES]; /* NULL: not named; "" (CA, CRL): none */
	bool needs_ca;                     /* a CA is asked for: find one if none is in use */
} CastsslWhich;

/*
 * Find and read the files.
 *
 * With source_dir, a certificate and a key that are not named are those of the first
 * usual set of which both are there: server.crt and server.key, tls.crt and tls.key,
 * fullchain.pem and privkey.pem.  A CA that is not named is the one of that set, or else
 * the one in use.  A CRL that is not named is the one in use, or else root.crl: an old
 * copy must not make revoked certificates valid again.  The copies get the names in
 * use where those lie in target_dir, else server.crt, server.key, root.crt, root.crl; a
 * file that is named keeps its own base name, unless two have the same.
 *
 * Without, what is not named is what is in use.  Where target_dir is named, or certificate
 * or key in use do not exist, the usual sets are looked for there.  A CA is looked for
 * only if needs_ca.
 *
 * 58P01 if there is no certificate and key; otherwise as castssl_material_find.  Palloc'd.
 */
extern CastsslMaterial *castssl_usual_material(const CastsslWhich *which);

#endif
