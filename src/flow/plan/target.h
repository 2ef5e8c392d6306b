/*
 * target.h
 *		Which files a certificate, key, CA or CRL may be written over.
 */
#ifndef CASTSSL_FLOW_PLAN_TARGET_H
#define CASTSSL_FLOW_PLAN_TARGET_H

#include "flow/plan/material.h"

/*
 * Raises 42501, whoever calls, if a file must not be written at its path: it is one of the
 * server's own files, or one of them names it; it lies in a subfolder of the data directory or in
 * castssl.ca_directory; or what is there now is not a PEM file of its role.  If the caller is not
 * a superuser, also if accounts other than root and the server's can write to its folder or
 * replace the folder. 22023 if two roles have one file.
 */
extern void castssl_target_check(const CastsslMaterial *material);

#endif
