/*
 * material.h
 *		Certificate, key, CA and CRL of a change: where they come from, their contents,
 *		their targets.
 */
#ifndef CASTSSL_FLOW_PLAN_MATERIAL_H
#define CASTSSL_FLOW_PLAN_MATERIAL_H

#include <sys/stat.h>

#include "tls/certificate.h"
#include "tls/pem.h"

typedef enum CastsslRole
{
	CASTSSL_ROLE_CERTIFICATE,
	CASTSSL_ROLE_KEY,
	CASTSSL_ROLE_CA,
	CASTSSL_ROLE_CRL
} CastsslRole;

#define CASTSSL_NROLES 4

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
} CastsslMaterial;

/* Most bytes that a file or text of that role may have. */
extern size_t castssl_role_limit(CastsslRole role);

/* "ssl_cert_file", ... */
extern const char *castssl_role_parameter(CastsslRole role);

/*
 * Find and read one file that the caller names.  If source_dir is NULL, the file is in
 * place, and a relative name is relative to target_dir.  Otherwise the file is copied
 * from source_dir to target_dir where it is called copy. 58P01, 42501 or F0000 if it cannot
 * be used.  What a caller who is no superuser has written are the PEM blocks alone, and a
 * private key outside of the data directory must have no other name (hard link).
 */
extern void castssl_material_find(CastsslMaterial *material, CastsslRole role,
								  const char *source_dir, const char *target_dir, const char *name,
								  const char *copy);

/*
 * The folder for files that castssl_install() writes: that of config_file, or else, where the
 * server's account cannot write there, that of the certificate in use.
 */
extern char *castssl_material_folder(void);

/* Plan to write a text as name in target_dir; the same holds for its PEM blocks. */
extern void castssl_material_text(CastsslMaterial *material, CastsslRole role,
								  const char *target_dir, const char *name, const char *text);

/*
 * For platforms where live files take effect at once
 * (castssl_platform_reads_live_files).  A certificate and a key that both replace others
 * get names of their own, because no connection may find a new file beside the old other
 * half.  The parameters then switch both with one reload.
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

/* As above, but NULL as well where it cannot be read: castssl_check() says why. */
extern char *castssl_material_try_named(CastsslRole role, size_t *length);

/* Facts of the server certificate on disk; false if none can be read.  Raises no error. */
extern bool castssl_material_certificate_on_disk(CastsslCertificate *certificate);

/*
 * The file that the role's parameter names, in the form for castssl_tls_verify, with the name of
 * the parameter.  data is NULL as castssl_material_try_named returns it.
 */
extern CastsslPem castssl_material_pem_in_use(CastsslRole role);

/* The file of the material in the same form, with its own name. */
extern CastsslPem castssl_material_pem(const CastsslMaterial *material, CastsslRole role);

#endif
