/*
 * rule.h
 *		A rule of pg_hba.conf, and all the rules of a server, as values.
 *
 * The grammar is that of src/backend/libpq/hba.c (tokenize_auth_file, parse_hba_line,
 * parse_hba_auth_opt).  The caller names the PostgreSQL major, so one build can judge
 * files for 13 and for 19.
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
	bool quoted;        /* began with a quote: no keyword, +group or @file */
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

/* PostgreSQL: IPCompareMethod; there, a host name is ipCmpMask with hostname set */
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
		address[16]; /* MASK: network byte order, IPv4 in the first 4; as written, with host bits */
	uint8 mask[16];  /* MASK: network byte order; may have gaps */
	const char *name; /* NAME: host name or .suffix, else NULL */
} CastsslHbaAddress;

/* PostgreSQL: ClientCertMode; from the weakest demand to the strongest */
typedef enum CastsslClientCert
{
	CASTSSL_CLIENTCERT_NONE,
	CASTSSL_CLIENTCERT_VERIFY_CA,
	CASTSSL_CLIENTCERT_VERIFY_FULL
} CastsslClientCert;

/* One rule, or one line that the server would refuse (then error is set). */
typedef struct CastsslHbaRule
{
	int file;        /* index in CastsslHbaPolicy.files */
	int record;      /* index of its record in that document */
	int line_number; /* its first physical line in that file, from 1 as the server counts */
	CastsslHbaType type;
	CastsslHbaAddress address;
	CastsslHbaTokens databases;
	CastsslHbaTokens users;
	const char *method; /* static: "trust", "scram-sha-256", ...; "ident" on local becomes "peer" */
	CastsslHbaTokens options;     /* each "name=value", in order, as written (quotes removed) */
	CastsslClientCert clientcert; /* set by the option, or implied by method "cert" */
	bool map_is_missing;          /* pg_ident.conf has no line of its map: it admits nobody */
	const char *error;            /* the server's error for this line; NULL: a valid rule */
	const char *error_shown;      /* the same without what may be secret in the line */
} CastsslHbaRule;

/*
 * The rules of hba_file and of every file that it includes, in the order in which the
 * server tries them.  This is also the order of pg_hba_file_rules; lines with an error
 * are among them.  A file that is included twice is in files once, and its rules are in
 * rules twice.
 */
typedef struct CastsslHbaPolicy
{
	int version;                /* PostgreSQL major whose grammar was applied (base/majors.h) */
	CastsslHbaDocument **files; /* files[0] is the main file */
	int nfiles;
	CastsslHbaRule *rules;
	int nrules;
	int nerrors; /* how many of the rules have an error */
	/* pg_ident.conf (hba/match/ident.h); NULL: no rule names a map */
	const struct CastsslIdent *ident;
	/* the limit of hba/text/read.h that a line exceeds, as text; NULL: none */
	const char *beyond_limit;
} CastsslHbaPolicy;

#define CASTSSL_HBA_INCLUDE (-1)
#define CASTSSL_HBA_OPTIONS 3 /* every field after the user names */

/*
 * How to reach files. arg is passed to each function.  Results are palloc'd.
 *
 * read: the whole file into *data and *length; on failure false with *error in
 * 	the server's words ("could not open file \"...\": ..."), and *missing set if
 * 	the file does not exist (for include_if_exists).
 * locate: the absolute path of name, as written in the file outer
 * 	(PostgreSQL: AbsoluteConfigLocation).
 * list: absolute paths of the files that include_dir takes from the directory
 * 	(PostgreSQL: GetConfFilesInDir), in its order; on failure false with *error.
 */
typedef struct CastsslHbaReader
{
	bool (*read)(void *arg, const char *path, char **data, size_t *length, bool *missing,
				 char **error);
	char *(*locate)(void *arg, const char *name, const char *outer);
	bool (*list)(void *arg, const char *directory, char ***paths, int *count, char **error);
	void *arg;

	/*
	 * Checks that only the running server can make.  Each function may be NULL: then
	 * everything counts as valid.  They return NULL, or the server's error (palloc'd).
	 *
	 * regexp_error: "invalid regular expression \"...\": ...", pattern without the
	 * slash. radius_error: "could not translate RADIUS server name \"...\" to address:
	 * ...".
	 */
	char *(*regexp_error)(void *arg, const char *pattern);
	char *(*radius_error)(void *arg, const char *server);

	/*
	 * Called whenever a line names a file or a directory, before that is read, also if it was
	 * read before. field is the number of the field (0 to CASTSSL_HBA_OPTIONS), or
	 * CASTSSL_HBA_INCLUDE for an include directive.  May be NULL, and may raise an error.
	 */
	void (*uses)(void *arg, const char *path, int field);
} CastsslHbaReader;

/* The first of its files with that path; NULL if there is none. */
extern const CastsslHbaDocument *castssl_hba_policy_file(const CastsslHbaPolicy *policy,
														 const char *path);

/*
 * Are both strings equal?  Most strings differ in one of the first two bytes, or in
 * their lengths.  Testing these bytes first saves most calls of strcmp.
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

/* Does the list contain the keyword? */
extern bool castssl_hba_has_keyword(const CastsslHbaTokens *tokens, const char *keyword);

/* What a line of two fields includes. */
typedef enum CastsslHbaInclude
{
	CASTSSL_INCLUDE_NONE, /* it is a rule */
	CASTSSL_INCLUDE_FILE,
	CASTSSL_INCLUDE_FILE_IF_EXISTS,
	CASTSSL_INCLUDE_DIRECTORY
} CastsslHbaInclude;

/*
 * The kind of a line with that first word and that number of fields, the second of which is the
 * name (PostgreSQL: tokenize_auth_file).
 */
extern CastsslHbaInclude castssl_hba_include(const char *word, int nfields, int version);

/*
 * Does this token name a group, +role (PostgreSQL: token_is_member_check)?  Then the
 * name follows the +.
 */
extern bool castssl_hba_is_group(const CastsslHbaToken *token);

/*
 * Is this token a regular expression, /re (16 and later)?  Then the expression follows
 * the slash.
 */
extern bool castssl_hba_is_regexp(const CastsslHbaToken *token, int version);

/* What a word of a rule's lists means (PostgreSQL: check_role, check_db). */
typedef enum CastsslHbaWord
{
	CASTSSL_WORD_ALL,
	CASTSSL_WORD_NAME,
	CASTSSL_WORD_GROUP, /* of users only; the name follows the + */
	CASTSSL_WORD_REGEXP,
	CASTSSL_WORD_SAMEUSER, /* this and the following: of databases only */
	CASTSSL_WORD_SAMEROLE, /* or samegroup */
	CASTSSL_WORD_REPLICATION
} CastsslHbaWord;

extern CastsslHbaWord castssl_hba_word(const CastsslHbaToken *token, bool of_database, int version);

/* Do both have the same strings, quoted alike, in the same order? */
extern bool castssl_hba_tokens_equal(CastsslHbaTokens a, CastsslHbaTokens b);

extern const char *castssl_hba_type_name(CastsslHbaType type);      /* "local", "host", ... */
extern const char *castssl_clientcert_name(CastsslClientCert mode); /* "none", "verify-ca", ... */

/* Parse one of "none", "verify-ca", "verify-full", "1"; false for any other text. */
extern bool castssl_clientcert_parse(const char *text, CastsslClientCert *mode);

#endif
