/*
 * unreadable.h
 *		Configuration files that the server's account may not read.
 */
#ifndef CASTSSL_SERVER_UNREADABLE_H
#define CASTSSL_SERVER_UNREADABLE_H

#include "nodes/pg_list.h"

/*
 * The files that the server's account may not read, among postgresql.auto.conf, postgresql.conf
 * and the files that it includes: paths, palloc'd.
 */
extern List *castssl_unreadable_parameters(void);

/* What a reload does while it cannot read that file: "a reload drops ...". Palloc'd. */
extern char *castssl_unreadable_effect(const char *path);

/*
 * Before a reload: 42501, with the command that repairs it, if the server's account may not read
 * one of those files, pg_hba.conf or pg_ident.conf.
 */
extern void castssl_unreadable_refuse_reload(void);

#endif
