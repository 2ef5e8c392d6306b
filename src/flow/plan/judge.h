/*
 * judge.h
 *		Judges the TLS files on this host, at this moment.
 */
#ifndef CASTSSL_FLOW_PLAN_JUDGE_H
#define CASTSSL_FLOW_PLAN_JUDGE_H

#include "base/finding.h"
#include "flow/plan/material.h"
#include "tls/certificate.h"

/*
 * castssl_tls_verify for the material, with the clock, castssl.expiry_warning and the
 * names of this host. *server gets the facts of the server certificate and its
 * intermediates, *ca those of the CA file.  NULL: not needed.
 */
extern void castssl_judge_material(const CastsslMaterial *material, CastsslFindings *findings,
								   CastsslCertificates *server, CastsslCertificates *ca);

#endif
