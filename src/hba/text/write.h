/*
 * write.h
 *		Tokens and rules as text of pg_hba.conf.
 */
#ifndef CASTSSL_HBA_TEXT_WRITE_H
#define CASTSSL_HBA_TEXT_WRITE_H

#include "lib/stringinfo.h"

#include "hba/text/rule.h"

/* Append a token so that the server reads the same string, and the same token.quoted. */
extern void castssl_hba_write_token(StringInfo text, const CastsslHbaToken *token);

/*
 * Does this word mean more than a name in the field of databases or users, without quotes: a
 * keyword, +group, @file or /regexp?
 */
extern bool castssl_hba_is_special_name(const char *name);

/* Append a name, in quotes if it would mean something else without them. */
extern void castssl_hba_write_name(StringInfo text, const char *name);

/* Append an address, with its mask as a field: "10.0.0.0 255.0.0.0", "samenet", a host name. */
extern void castssl_hba_write_address(StringInfo text, const CastsslHbaAddress *address);

/* The address for people: "10.0.0.0/8", unless the mask has gaps.  Palloc'd. */
extern char *castssl_hba_address_text(const CastsslHbaAddress *address);

/* Append tokens, joined by commas. */
extern void castssl_hba_write_tokens(StringInfo text, const CastsslHbaTokens *tokens);

/*
 * One line "type database user address method options" from values, quoted where the
 * grammar needs it.  It has no line end and no mark. options items are "name=value".  A
 * value that is already one quoted token ('"all"', a database of that name) is written
 * unchanged; all, +group, @file and /regexp keep their meaning.  An address without a
 * mask means that one host; it is NULL for local.  Returns NULL and sets *problem
 * (palloc'd) if a value cannot be written: a line break in it, an unknown type, ...
 */
extern char *castssl_hba_format(const char *type, const char **databases, int ndatabases,
								const char **users, int nusers, const char *address,
								const char *auth_method, const char **options, int noptions,
								char **problem);

#endif
