/*
 * included.h
 *		What the server's configuration files name.
 */
#ifndef CASTSSL_SERVER_INCLUDED_H
#define CASTSSL_SERVER_INCLUDED_H

#include "nodes/pg_list.h"

/*
 * The absolute paths of all files and directories that postgresql.conf, pg_hba.conf,
 * pg_ident.conf and their included files name (include, include_if_exists, include_dir, @file),
 * whether they exist or not: char *, palloc'd.  Links are not resolved.
 */
extern List *castssl_included_paths(void);

/* The same, but only for postgresql.conf and the files that it includes. */
extern List *castssl_included_by_parameters(void);

#endif
