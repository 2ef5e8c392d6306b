/*
 * material.h
 *		Certificate, key, CA and CRL of a change: found, read, and where they go.
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

/* One file; path is NULL where the role is not used. */
typedef struct CastsslMaterialFile
{
	const char *name;   /* absolute, as named: what the parameter says */
	const char *path;   /* the same with links resolved: what is read and written */
	const char *source; /* copied from there; NULL: in place, or given as text */
	const char *data;   /* its bytes, wanted */
	size_t length;
	bool exists;         /* at path, now */
	bool same;           /* what exists has these bytes */
	struct stat st;      /* of path, where it exists */
	mode_t mode;         /* wanted; 0: leave it as it is */
	bool source_is_open; /* a private key whose source others can read */
} CastsslMaterialFile;

typedef struct CastsslMaterial
{
	CastsslMaterialFile files[CASTSSL_NROLES]; /* by role */
} CastsslMaterial;

/* "ssl_cert_file", ... */
extern const char *castssl_role_parameter(CastsslRole role);

/*
 * Find and read one file that the caller names.  source_dir NULL: it is in place (a relative name
 * is one in target_dir).  Otherwise it is copied from there to target_dir, under its base name.
 * 58P01, 42501 or F0000 when it cannot be used.
 */
extern void castssl_material_find(CastsslMaterial *material, CastsslRole role,
								  const char *source_dir, const char *target_dir, const char *name);

/* Plan a text to be written as name in target_dir. */
extern void castssl_material_text(CastsslMaterial *material, CastsslRole role,
								  const char *target_dir, const char *name, const char *text);

/*
 * Where live files act at once (castssl_platform_reads_live_files): a certificate
 * and a key that both replace others get names of their own, for no connection may
 * find one of them beside its predecessor's other half.  The parameters then switch
 * both with one reload.
 */
extern void castssl_material_separate(CastsslMaterial *material);

/* Has what is in place the bytes and the mode that are wanted? */
extern bool castssl_material_stays(const CastsslMaterialFile *file);

/* What a value of a role's parameter names; nothing where it is empty. */
extern void castssl_material_configured(CastsslMaterial *material, CastsslRole role,
										const char *value);

/* Absolute path of what a role's parameter names, in effect; NULL where it is empty.  Palloc'd. */
extern char *castssl_material_named(CastsslRole role);

/*
 * The bytes of that file; NULL where the parameter names none, or there is none.
 * Raises what castssl_file_read_if_exists does.  Palloc'd.
 */
extern char *castssl_material_read_named(CastsslRole role, size_t *length);

/* Facts of the server certificate on disk; false where none can be read.  Never an error. */
extern bool castssl_material_certificate_on_disk(CastsslCertificate *certificate);

/* As castssl_tls_verify takes it; names are those of the files. */
extern CastsslPem castssl_material_pem(const CastsslMaterial *material, CastsslRole role);

/* Overwrite what was read of private keys. */
extern void castssl_material_wipe(CastsslMaterial *material);

#endif
