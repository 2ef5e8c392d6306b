/*
 * ownership.h
 *		Do the files of a plan belong to this cluster?
 */
#ifndef CASTSSL_FLOW_APPLY_OWNERSHIP_H
#define CASTSSL_FLOW_APPLY_OWNERSHIP_H

#include "flow/ask/anyway.h"

/*
 * 55000 if the plan writes a file that belongs to another cluster: the file lies in a folder of
 * that cluster, or that cluster installed it before its data directory was copied here.  Also if
 * it replaces a file of TLS that may belong to another server: outside of this cluster's folders,
 * neither installed here nor named by a parameter, and with other PEM blocks.  With force, and in
 * a dry run, each of them is a warning step.
 */
extern void castssl_ownership_check(CastsslPlan *plan, bool force, bool dry_run,
									const CastsslAgain *again);

#endif
