/*
 * authority_place.h
 *		Where the small CA of this server lies, and whether it is complete.
 */
#ifndef CASTSSL_FLOW_RECIPE_AUTHORITY_PLACE_H
#define CASTSSL_FLOW_RECIPE_AUTHORITY_PLACE_H

#include "base/compat.h"

/* Is there a CA, or a part of one? */
extern bool castssl_authority_exists(void);

/* Is there a CA in the default place, although castssl.ca_directory names another one? */
extern bool castssl_authority_is_left_behind(void);

/* 42501 if castssl.ca_directory names a directory that cannot be the CA's. */
extern void castssl_authority_check_place(void);

/*
 * The hint that moves the CA out of the data directory: the statement, with the command at its
 * end.  Palloc'd; NULL if a name cannot be pasted safely.
 */
extern char *castssl_authority_way_out_hint(void);

/*
 * A sentence with the command that moves the CA from the default place to castssl.ca_directory;
 * NULL: it is not there, or a name cannot be pasted safely.  Palloc'd.
 */
extern char *castssl_authority_move_hint(void);

/* The parameter of a file in use that lies in the CA's directory; NULL: there is none. */
extern const char *castssl_authority_in_use(void);

/* What makes another directory the CA's; NULL if a name cannot be pasted safely.  Palloc'd. */
extern char *castssl_authority_other_place_hint(void);

/* 55000 if only one of root.crt and ca.key exists. */
extern void castssl_authority_check_whole(void);

/*
 * Raise 55000: there is no CA, or its files have not been moved to castssl.ca_directory.  issuer:
 * of a certificate that should be revoked; NULL otherwise.
 */
pg_noreturn extern void castssl_authority_raise_none(const char *issuer);

#endif
