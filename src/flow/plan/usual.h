/*
 * usual.h
 *		Finds certificate, key, CA and CRL where the caller names none: the file in use, or a
 *		file with a usual name.
 */
#ifndef CASTSSL_FLOW_PLAN_USUAL_H
#define CASTSSL_FLOW_PLAN_USUAL_H

#include "flow/plan/material.h"

/*
 * Find and read the files.
 *
 * With source_dir, a certificate and a key that are not named are those of the first usual set of
 * which both exist: server.crt and server.key, tls.crt and tls.key, fullchain.pem and
 * privkey.pem.  A CA that is not named is the one of that set, or else the one in use.  But if
 * the CA file in use lies in neither target_dir nor the folder of the certificate in use, it
 * stays, unless the set has the same CAs; ca_left of the material is then the file that was not
 * taken.  A CRL that is not named is the one in use, or else root.crl: an old copy must not make
 * revoked certificates valid again.  The copies get the names in use if those lie in target_dir,
 * else server.crt, server.key, root.crt, root.crl.  A file that is named keeps its own base name,
 * unless two have the same.
 *
 * Without source_dir, a file that is not named is the one in use.  If target_dir is named, or if
 * the certificate or key in use does not exist, the usual sets are looked for there.  A CA is
 * looked for only if needs_ca.
 *
 * 58P01 if there is no certificate and key; otherwise as castssl_material_find.  Palloc'd.
 */
extern CastsslMaterial *castssl_usual_material(const CastsslWhich *which);

#endif
