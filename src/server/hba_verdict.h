/*
 * hba_verdict.h
 *		The verdict of the server's own parser on a pg_hba.conf that is not live yet.
 *
 * It runs the code that the postmaster will run on reload, only in this backend.  It points
 * the server's globals at that file and restores them afterwards, also on ERROR.  Nothing
 * changes in the running server.
 */
#ifndef CASTSSL_SERVER_HBA_VERDICT_H
#define CASTSSL_SERVER_HBA_VERDICT_H

#include "base/finding.h"
#include "hba/text/document.h"

/* What the parser reads at a path; document is NULL if there is nothing to read. */
typedef struct CastsslHbaText
{
	const char *path;
	const CastsslHbaDocument *document;
} CastsslHbaText;

/*
 * Let hba.c read path and the files that it includes: through pg_hba_file_rules, and
 * through captured messages for texts that the view hides.  Adds an error finding for
 * each line that hba.c refuses: subject "path:line", message the server's
 * own text, with its hint if it has one.  Unless part is true (path is a part of a file),
 * a file without any rule is an error too, because the server refuses to load it. hostssl
 * lines are judged as if ssl were on.  Secrets are masked.  To see which they are, the refused
 * lines are looked up in texts, and on the disk if their file is not among them.  Needs a
 * transaction with a snapshot, and the right to call pg_hba_file_rules.
 */
extern void castssl_hba_verdict(const char *path, bool part, const CastsslHbaText *texts,
								int ntexts, CastsslFindings *findings);

#endif
