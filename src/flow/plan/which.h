/*
 * which.h
 *		Which files of TLS a call names, and the same call as a statement with other files.
 */
#ifndef CASTSSL_FLOW_PLAN_WHICH_H
#define CASTSSL_FLOW_PLAN_WHICH_H

typedef enum CastsslRole
{
	CASTSSL_ROLE_CERTIFICATE,
	CASTSSL_ROLE_KEY,
	CASTSSL_ROLE_CA,
	CASTSSL_ROLE_CRL
} CastsslRole;

#define CASTSSL_NROLES 4

/* "ssl_cert_file", ... */
extern const char *castssl_role_parameter(CastsslRole role);

/* "cert_file", ...: the argument of castssl_enable(), and the column of castssl_status(). */
extern const char *castssl_role_argument(CastsslRole role);

/* The beginning of a call without other arguments, for CastsslWhich. */
#define CASTSSL_CALL_ENABLE "SELECT * FROM castssl_enable("

typedef struct CastsslWhich
{
	const char *source_dir;            /* NULL: the files are in place */
	const char *target_dir;            /* NULL: the folder of config_file */
	const char *names[CASTSSL_NROLES]; /* NULL: not named; "" (CA, CRL): none */
	bool needs_ca;                     /* a CA is asked for: find one if none is in use */
	/* the call up to these arguments, with all its others; NULL: it cannot be pasted safely */
	const char *call;
} CastsslWhich;

/* The call as a statement; NULL: it cannot be pasted safely.  Palloc'd. */
extern char *castssl_which_statement(const CastsslWhich *which);

/*
 * 42501 if the server's account may not read one of the files, or may not enter source_dir.  The
 * HINT copies all of them to a folder that does not exist yet, and calls again.  folder: where
 * relative names are; unnamed: the names of files there that are used without being named, or
 * could be; a NULL ends them.
 *
 * Only for superusers.  Others must not learn what exists outside of their folders, and get the
 * errors of server/disk/paths.h.
 */
extern void castssl_which_check_open(const CastsslWhich *which, const char *folder,
									 const char *const *unnamed);

/*
 * 42501 if the server's account may not read a file in use (an absolute path), and can read a copy
 * elsewhere.  The HINT copies it, and makes the call with the copy.  Only for superusers.
 */
extern void castssl_which_check_in_use(const CastsslWhich *which, CastsslRole role,
									   const char *path);

/*
 * The same for target_dir, with source_dir: 42501 if the server's account may not enter it, 58P01
 * if it does not exist.
 */
extern void castssl_which_check_target(const CastsslWhich *which);

#endif
