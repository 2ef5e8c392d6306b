/*
 * included.h
 *		What the server's configuration files name.
 */
#ifndef CASTSSL_SERVER_INCLUDED_H
#define CASTSSL_SERVER_INCLUDED_H

#include "nodes/pg_list.h"

/*
 * Every file and directory that postgresql.conf, pg_hba.conf, pg_ident.conf and what these
 * include name: by include, include_if_exists, include_dir and @file, there or not.  Absolute
 * paths, char *, as they are named; palloc'd.
 */
extern List *castssl_included_paths(void);

#endif
