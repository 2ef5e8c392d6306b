/*
 * target.h
 *		Which files a certificate, key, CA or CRL may be written over.
 */
#ifndef CASTSSL_FLOW_PLAN_TARGET_H
#define CASTSSL_FLOW_PLAN_TARGET_H

#include "flow/plan/material.h"

/*
 * Raises 42501 if a file that is to be written has no place at its path, whoever calls: it is
 * one of the server's own files or in a folder of them, or what is there now is not a PEM file
 * of its role.  22023 if two roles have one file.
 */
extern void castssl_target_check(const CastsslMaterial *material);

#endif
