/*
 * rule.h
 *		A rule of pg_hba.conf, and all the rules of a server, as values.
 *
 * The grammar is that of src/backend/libpq/hba.c (tokenize_auth_file,
 * parse_hba_line, parse_hba_auth_opt) of the PostgreSQL major that the caller
 * names, so that one build can judge a file for 13 as well as for 19.
 */
#ifndef CASTSSL_HBA_TEXT_RULE_H
#define CASTSSL_HBA_TEXT_RULE_H

#include "hba/text/document.h"

/* The first major with include, include_if_exists and include_dir, and with regular expressions. */
#define CASTSSL_HBA_FIRST_WITH_INCLUDE 16

/* A value of a field.  PostgreSQL: AuthToken (HbaToken in 13 and 14). */
typedef struct CastsslHbaToken
{
	const char *string; /* quotes removed, NUL-terminated */
	bool quoted;        /* began with a quote: neither keyword nor +group nor @file */
} CastsslHbaToken;

typedef struct CastsslHbaTokens
{
	const CastsslHbaToken *items;
	int count;
} CastsslHbaTokens;

/* PostgreSQL: ConnType */
typedef enum CastsslHbaType
{
	CASTSSL_HBA_LOCAL,
	CASTSSL_HBA_HOST,
	CASTSSL_HBA_HOSTSSL,
	CASTSSL_HBA_HOSTNOSSL,
	CASTSSL_HBA_HOSTGSSENC,
	CASTSSL_HBA_HOSTNOGSSENC
} CastsslHbaType;

/* PostgreSQL: IPCompareMethod; a host name is ipCmpMask with hostname set there */
typedef enum CastsslHbaAddressKind
{
	CASTSSL_HBA_ADDRESS_NONE, /* local */
	CASTSSL_HBA_ADDRESS_ALL,
	CASTSSL_HBA_ADDRESS_SAMEHOST,
	CASTSSL_HBA_ADDRESS_SAMENET,
	CASTSSL_HBA_ADDRESS_MASK,
	CASTSSL_HBA_ADDRESS_NAME
} CastsslHbaAddressKind;

typedef struct CastsslHbaAddress
{
	CastsslHbaAddressKind kind;
	uint8 family; /* MASK: 4 or 6, else 0 */
	uint8
		address[16]; /* MASK: network byte order, IPv4 in the first 4; as written, host bits kept */
	uint8 mask[16];  /* MASK: network byte order; need not be contiguous */
	const char *name; /* NAME: host name or .suffix, else NULL */
} CastsslHbaAddress;

/* PostgreSQL: ClientCertMode; in order of what is asked */
typedef enum CastsslClientCert
{
	CASTSSL_CLIENTCERT_NONE,
	CASTSSL_CLIENTCERT_VERIFY_CA,
	CASTSSL_CLIENTCERT_VERIFY_FULL
} CastsslClientCert;

/* One rule, or one line that the server would refuse (error is set then). */
typedef struct CastsslHbaRule
{
	int file;        /* index in CastsslHbaPolicy.files */
	int record;      /* index of its record in that document */
	int line_number; /* in that file, counted from 1 as the server does: the first physical line */
	CastsslHbaType type;
	CastsslHbaAddress address;
	CastsslHbaTokens databases;
	CastsslHbaTokens users;
	const char
		*method; /* static: "trust", "scram-sha-256", ...; "ident" on local reads as "peer" */
	CastsslHbaTokens options;     /* each "name=value", in order, as written (quotes removed) */
	CastsslClientCert clientcert; /* asked for by option, or implied by method "cert" */
	const char *error;            /* what the server would say of this line; NULL: a good rule */
} CastsslHbaRule;

/*
 * The rules of hba_file and of every file that it includes, in the order in
 * which the server tries them (that of pg_hba_file_rules, bad lines too).
 * A file that is included twice stands once in files, its rules twice in rules.
 */
typedef struct CastsslHbaPolicy
{
	int version;                /* PostgreSQL major whose grammar was applied: 13 .. 19 */
	CastsslHbaDocument **files; /* files[0] is the main file */
	int nfiles;
	CastsslHbaRule *rules;
	int nrules;
	int nerrors; /* how many of them have an error */
} CastsslHbaPolicy;

/*
 * How to reach files.  arg is handed through.  Results are palloc'd.
 *
 * read: the whole file into *data and *length; false with *error in the words
 *		of the server ("could not open file \"...\": ...") and *missing set when
 *		it does not exist (for include_if_exists).
 * locate: the absolute path of name as written in the file outer
 *		(PostgreSQL: AbsoluteConfigLocation).
 * list: absolute paths of the files that include_dir takes from the directory
 *		(PostgreSQL: GetConfFilesInDir), in its order; false with *error.
 */
typedef struct CastsslHbaReader
{
	bool (*read)(void *arg, const char *path, char **data, size_t *length, bool *missing,
				 char **error);
	char *(*locate)(void *arg, const char *name, const char *outer);
	bool (*list)(void *arg, const char *directory, char ***paths, int *count, char **error);
	void *arg;

	/*
	 * What only the running server can tell.  Each may be NULL: then all is
	 * taken to be well.  They return NULL, or the server's words (palloc'd).
	 *
	 * regexp_error: "invalid regular expression \"...\": ...", pattern without the slash.
	 * radius_error: "could not translate RADIUS server name \"...\" to address: ...".
	 */
	char *(*regexp_error)(void *arg, const char *pattern);
	char *(*radius_error)(void *arg, const char *server);
} CastsslHbaReader;

/* The first of its files with that path; NULL where it has none. */
extern const CastsslHbaDocument *castssl_hba_policy_file(const CastsslHbaPolicy *policy,
														 const char *path);

/*
 * The same string?  Most that are compared differ in the first byte, and most of the others in
 * the second one or in their lengths: that saves a call.
 */
static inline bool
castssl_hba_same(const char *a, const char *b)
{
	if (a[0] != b[0])
		return false;
	return a[0] == '\0' || (a[1] == b[1] && strcmp(a + 1, b + 1) == 0);
}

/* Is this token the keyword (PostgreSQL: token_is_keyword)? */
static inline bool
castssl_hba_is_keyword(const CastsslHbaToken *token, const char *keyword)
{
	return !token->quoted && castssl_hba_same(token->string, keyword);
}

/* Does this token name a group, +role (PostgreSQL: token_is_member_check)?  Then its name follows
 * the +. */
extern bool castssl_hba_is_group(const CastsslHbaToken *token);

/* Is this token a regular expression, /re (16 and later)?  Then it follows the slash. */
extern bool castssl_hba_is_regexp(const CastsslHbaToken *token, int version);

/* The same strings, quoted alike, in the same order? */
extern bool castssl_hba_tokens_equal(CastsslHbaTokens a, CastsslHbaTokens b);

extern const char *castssl_hba_type_name(CastsslHbaType type);      /* "local", "host", ... */
extern const char *castssl_clientcert_name(CastsslClientCert mode); /* "none", "verify-ca", ... */

/* Parse one of "none", "verify-ca", "verify-full", "1"; false if it is none of them. */
extern bool castssl_clientcert_parse(const char *text, CastsslClientCert *mode);

#endif
