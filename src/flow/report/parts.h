/*
 * parts.h
 *		The sections of the page, one file each.
 */
#ifndef CASTSSL_FLOW_REPORT_PARTS_H
#define CASTSSL_FLOW_REPORT_PARTS_H

#include "flow/check/scope.h"
#include "lib/stringinfo.h"

/* The style of the page: CSS. */
extern const char *const castssl_report_style;

/* Certificates and CRLs: a picture of when they are valid, and their facts. */
extern void castssl_report_certificates(StringInfo out, const CastsslCheckScope *scope);

/* Who can come in from where: encryption by network. */
extern void castssl_report_matrix(StringInfo out, const CastsslCheckScope *scope);

/* pg_hba.conf and what it includes, line by line. */
extern void castssl_report_hba(StringInfo out, const CastsslCheckScope *scope);

#endif
