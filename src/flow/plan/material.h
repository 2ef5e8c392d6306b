/*
 * material.h
 *		Certificate, key, CA and CRL of a change: where they come from, their contents,
 *		their targets.
 */
#ifndef CASTSSL_FLOW_PLAN_MATERIAL_H
#define CASTSSL_FLOW_PLAN_MATERIAL_H

#include <sys/stat.h>

#include "flow/plan/which.h"
#include "tls/certificate.h"
#include "tls/pem.h"

/* One file; path is NULL if the role is not used. */
typedef struct CastsslMaterialFile
{
	const char *name;   /* absolute, as the caller named it: the value for the parameter */
	const char *path;   /* the same with links resolved: the path for reading and writing */
	const char *source; /* copied from this path; NULL: already in place, or given as text */
	const char *data;   /* the wanted bytes */
	size_t length;
	bool exists;         /* there is a file at path now */
	bool same;           /* the existing file has these bytes */
	struct stat st;      /* of path, if it exists */
	mode_t mode;         /* the wanted mode; 0: do not change it */
	bool source_is_open; /* a private key whose source file others can read */
} CastsslMaterialFile;

typedef struct CastsslMaterial
{
	CastsslMaterialFile files[CASTSSL_NROLES]; /* by role */
	bool ca_is_found;          /* the CA is copied by its usual name: the caller has not named it */
	const CastsslWhich *which; /* what the caller named; NULL: the files in use */
	const char *ca_left; /* a CA file of source_dir that was found and not taken; NULL: none */
	bool is_restored;    /* files that a plan puts back in use: a copy of one would not stay */
} CastsslMaterial;

/* The call that a hint repeats with other files: the caller's, or castssl_enable() alone. */
extern CastsslWhich castssl_material_call(const CastsslMaterial *material);

/* Most bytes that a file or text of that role may have. */
extern size_t castssl_role_limit(CastsslRole role);

/*
 * Find and read one file that the caller names.  If source_dir is NULL, the file is in place, and
 * a relative name is relative to target_dir.  Otherwise the file is copied from source_dir to
 * target_dir, where its name is copy. 58P01, 42501 or F0000 if it cannot be used.  For a caller
 * who is not a superuser, only the PEM blocks are copied, and a private key outside of the data
 * directory must not have a second hard link.
 */
extern void castssl_material_find(CastsslMaterial *material, CastsslRole role,
								  const char *source_dir, const char *target_dir, const char *name,
								  const char *copy);

/*
 * The folder for files that castssl_install() writes: that of config_file.  If the server's
 * account cannot write there, that of the certificate in use if it is no folder of another
 * cluster, or else the data directory.  Palloc'd.
 */
extern char *castssl_material_folder(void);

/*
 * Plan to write a text as name in target_dir; only its PEM blocks if the caller is not a
 * superuser.
 */
extern void castssl_material_text(CastsslMaterial *material, CastsslRole role,
								  const char *target_dir, const char *name, const char *text);

/*
 * For platforms where live files take effect at once (castssl_platform_reads_live_files).  If
 * both certificate and key replace others, they get new names, because no connection may find a
 * new certificate with the old key, or the reverse.  The parameters then switch both with one
 * reload.
 */
extern void castssl_material_separate(CastsslMaterial *material);

/* Does the existing file have the wanted bytes and mode? */
extern bool castssl_material_stays(const CastsslMaterialFile *file);

/* Add the file that a value of a role's parameter names; nothing if the value is empty. */
extern void castssl_material_configured(CastsslMaterial *material, CastsslRole role,
										const char *value);

/*
 * Absolute path of the file that a role's parameter names now; NULL if the parameter is
 * empty.  Palloc'd.
 */
extern char *castssl_material_named(CastsslRole role);

/*
 * The bytes of that file; NULL if the parameter names none, or the file does not exist.
 * Raises the errors of castssl_file_read_if_exists.  Palloc'd.
 */
extern char *castssl_material_read_named(CastsslRole role, size_t *length);

/* As above, but NULL also if the file cannot be read; castssl_check() says why. */
extern char *castssl_material_try_named(CastsslRole role, size_t *length);

/* Facts of the server certificate on disk; false if none can be read.  Raises no error. */
extern bool castssl_material_certificate_on_disk(CastsslCertificate *certificate);

/* Can it be read, and is it another one than this? */
extern bool castssl_material_is_not_on_disk(const char *fingerprint);

/*
 * The file that the role's parameter names, in the form for castssl_tls_verify, with the name of
 * the parameter.  data is NULL as castssl_material_try_named returns it.
 */
extern CastsslPem castssl_material_pem_in_use(CastsslRole role);

/* The file of the material in the same form, with its own name. */
extern CastsslPem castssl_material_pem(const CastsslMaterial *material, CastsslRole role);

#endif
