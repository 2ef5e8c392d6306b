/*
 * lines.h
 *		Edits of single lines of pg_hba.conf: add, change, move, remove.
 *
 * Each function adds to edits what has to be staged.  If all is as wanted already, it adds
 * nothing, and a NOTICE says so.  Line numbers are those of the staged file.
 * Errors: 22023 for a file or a line that does not exist, 55000 (castssl_stale) for a line that
 * is not the one that was meant.  Two lines are the same if they have the same tokens; lines
 * without any, if they have the same text.
 */
#ifndef CASTSSL_FLOW_RECIPE_LINES_H
#define CASTSSL_FLOW_RECIPE_LINES_H

#include "flow/recipe/meant.h"
#include "hba/edit/edit.h"

typedef struct CastsslLine
{
	const char *file_name; /* as castssl_hba_rules() shows it; NULL: the main file */
	CastsslMeant line;     /* the line to change, move or remove */
	CastsslMeant before;   /* the line above which to put it; it may be none */
	const char *rule;      /* the new line */
} CastsslLine;

/*
 * A new line, above another: a WARNING names the line that blocks it there, if one does.  If
 * that is not named: at the end of the file if the rule is reached there, else directly
 * above the first of the lines that block it (a NOTICE says where).  A rule that exists already
 * and is reached is not added again.
 */
extern void castssl_line_add(const CastsslLine *line, const CastsslHbaPolicy *policy,
							 CastsslHbaEdits *edits);

/* If the line is not as expected, but holds the new rule already, nothing is changed. */
extern void castssl_line_change(const CastsslLine *line, const CastsslHbaPolicy *policy,
								CastsslHbaEdits *edits);

/*
 * Move it to the place above another line, or to the end of its file if that is not named.  A
 * WARNING names the line that blocks it there, if one does.
 */
extern void castssl_line_move(const CastsslLine *line, const CastsslHbaPolicy *policy,
							  CastsslHbaEdits *edits);

/* If no line is as expected, the line is gone already, and nothing is removed. */
extern void castssl_line_remove(const CastsslLine *line, const CastsslHbaPolicy *policy,
								CastsslHbaEdits *edits);

#endif
