/*
 * edited_since.h
 *		What somebody else has done since a change, and rolling back would lose.
 */
#ifndef CASTSSL_FLOW_RECIPE_EDITED_SINCE_H
#define CASTSSL_FLOW_RECIPE_EDITED_SINCE_H

#include "nodes/pg_list.h"

#include "change/record.h"

/*
 * Raise 55000 if a file of these changes (CastsslChange, newest first) was edited since, or a
 * parameter set by ALTER SYSTEM.  DETAIL has the lines that differ, HINT the statements that lead
 * on.  If two changes touch a file or a parameter, the newer one knows what it holds now.
 */
extern void castssl_edited_since_check(const List *changes);

/*
 * How to undo the edits of those files of the change that are among files, or what comes first:
 * sentences, each with two blanks behind it; '' if none was edited.  Palloc'd.
 */
extern char *castssl_change_ways_back(const CastsslChange *change, const List *files);

#endif
