/*
 * target.h
 *		Which files a certificate, key, CA or CRL may be written over.
 */
#ifndef CASTSSL_FLOW_PLAN_TARGET_H
#define CASTSSL_FLOW_PLAN_TARGET_H

#include "flow/plan/material.h"

/*
 * Raises 42501 if a file that is to be written has no place at its path, whoever calls: it is
 * one of the server's own files, named by one of them, in a folder of them or of the CA, or
 * what is there now is not a PEM file of its role.  For a caller who is no superuser also if
 * others than root and the server's account can write to its folder or put another one in its
 * place.  22023 if two roles have one file.
 */
extern void castssl_target_check(const CastsslMaterial *material);

#endif
