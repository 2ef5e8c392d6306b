/*
 * undo.c
 *		The edits that undo what castssl_hba_require did, line by line.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/edit/edit.h"
#include "hba/edit/twins.h"

void
castssl_hba_undo(const CastsslHbaPolicy *policy, CastsslHbaEdits *edits, CastsslHbaEdits *left)
{
	for (int file = 0; file < policy->nfiles; file++)
	{
		const CastsslHbaDocument *document = policy->files[file];
		const CastsslHbaRule **rules = castssl_hba_rules_by_record(policy, file);

		for (int i = 0; i < document->nrecords; i++)
		{
			CastsslHbaMark mark = castssl_hba_record_mark(document, i);
			int line_number = document->records[i].line_number;

			if (mark == CASTSSL_HBA_MARK_WRITTEN)
				castssl_hba_edit_add(edits, CASTSSL_HBA_REMOVE, file, i, line_number, NULL,
									 "takes back a line of castssl");
			else if (mark == CASTSSL_HBA_MARK_DISABLED &&
					 castssl_hba_is_in_place(document, rules, i))
				castssl_hba_edit_add(edits, CASTSSL_HBA_ENABLE, file, i, line_number, NULL,
									 "puts a line in force again");
			else if (mark == CASTSSL_HBA_MARK_DISABLED && left)
				castssl_hba_edit_add(
					left, CASTSSL_HBA_ENABLE, file, i, line_number, NULL,
					"the line that castssl wrote from it is no longer directly above it");
		}
	}
}
