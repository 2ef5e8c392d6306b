/*
 * unwritable.h
 *		A file of a plan in a folder that the server may not write to.
 */
#ifndef CASTSSL_FLOW_APPLY_UNWRITABLE_H
#define CASTSSL_FLOW_APPLY_UNWRITABLE_H

#include "flow/ask/anyway.h"

/*
 * 42501 if the server may not replace the file in its folder.  The hint never gives the server a
 * folder that holds other things.  It proposes a new folder for the TLS files, and the data
 * directory for pg_hba.conf.
 */
extern void castssl_unwritable_check(const CastsslPlannedFile *file, const CastsslAgain *again);

/*
 * The hint to give this cluster a pg_hba.conf that it may replace, in a folder of its own, instead
 * of the file with that path.  Palloc'd or static; NULL: a path cannot be pasted safely.
 */
extern const char *castssl_unwritable_hba_hint(const char *path);

#endif
