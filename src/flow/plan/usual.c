/*
 * usual.c
 *		Finds certificate, key, CA and CRL where the caller names none: the file in use, or a
 *		file with a usual name.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "base/words.h"
#include "utils/guc.h"

#include "flow/plan/usual.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"
#include "tls/certificate.h"

/*
 * The usual names of these files: in the documentation of this project and of PostgreSQL, in
 * Kubernetes and cert-manager, with ACME clients.  Copies get the names of the first set.
 */
static const char *const sets[][CASTSSL_NROLES] = {
	{ "server.crt", "server.key", "root.crt", "root.crl" },
	{ "tls.crt", "tls.key", "ca.crt", NULL },
	{ "fullchain.pem", "privkey.pem", NULL, NULL },
};

/* The state of the search. */
typedef struct Search
{
	const CastsslWhich *which;
	const char *target_dir;
	const char *folder; /* where files with usual names are looked for */
	const char *const *set;
	CastsslMaterial *material;
} Search;

static bool
is_there(const char *folder, const char *name)
{
	char *path = castssl_path_resolve(castssl_path_in(folder, name), true);
	struct stat st;

	/* If it cannot be read, the code that reads it says why. */
	return lstat(path, &st) == 0 || errno != ENOENT;
}

static const char *
named_or_usual(const Search *search, const char *const *set, CastsslRole role)
{
	return search->which->names[role] ? search->which->names[role] : set[role];
}

/*
 * The first set of which certificate and key exist; a named file counts in place of the set's.
 * Otherwise the first set of which one exists, so that the code that reads it says what is
 * missing; or NULL.
 */
static const char *const *
find_set(const Search *search)
{
	const char *const *half = NULL;

	for (int i = 0; i < lengthof(sets); i++)
	{
		bool certificate =
			is_there(search->folder, named_or_usual(search, sets[i], CASTSSL_ROLE_CERTIFICATE));
		bool key = is_there(search->folder, named_or_usual(search, sets[i], CASTSSL_ROLE_KEY));

		if (certificate && key)
			return sets[i];
		if (half == NULL && (certificate || key))
			half = sets[i];
	}
	return half;
}

/* What the sets hold, ended by NULL. */
static const char *const *
all_names(void)
{
	const char **names = palloc0((lengthof(sets) * CASTSSL_NROLES + 1) * sizeof(char *));
	int count = 0;

	for (int i = 0; i < lengthof(sets); i++)
	{
		for (int role = 0; role < CASTSSL_NROLES; role++)
		{
			if (sets[i][role])
				names[count++] = sets[i][role];
		}
	}
	return names;
}

static bool
names_both(const CastsslWhich *which)
{
	return which->names[CASTSSL_ROLE_CERTIFICATE] && which->names[CASTSSL_ROLE_KEY];
}

static void
raise_no_set(const Search *search)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_FILE),
		 errmsg("there is no certificate with its private key in \"%s\"", search->folder),
		 errdetail("Looked for %s and %s, %s and %s, %s and %s.", sets[0][0], sets[0][1],
				   sets[1][0], sets[1][1], sets[2][0], sets[2][1]),
		 search->which->source_dir
			 ? errhint("Name them: cert_file => '...', key_file => '...'.")
			 : errhint("Name the folder of the server that they are in: source_dir => '...'.")));
}

/* The CA file with a usual name; NULL: there is none. */
static const char *
find_ca(const Search *search)
{
	if (search->set && !names_both(search->which))
		return search->set[CASTSSL_ROLE_CA] &&
					   is_there(search->folder, search->set[CASTSSL_ROLE_CA])
				   ? search->set[CASTSSL_ROLE_CA]
				   : NULL;
	for (int i = 0; i < lengthof(sets); i++)
	{
		if (sets[i][CASTSSL_ROLE_CA] && is_there(search->folder, sets[i][CASTSSL_ROLE_CA]))
			return sets[i][CASTSSL_ROLE_CA];
	}
	return NULL;
}

static char *
value_in_use(CastsslRole role)
{
	return castssl_parameter_value(castssl_role_parameter(role));
}

static void
use_current(Search *search, CastsslRole role)
{
	castssl_material_configured(search->material, role, value_in_use(role));
}

static bool
in_use_exists(CastsslRole role)
{
	struct stat st;

	return stat(castssl_path_in(DataDir, value_in_use(role)), &st) == 0 || errno != ENOENT;
}

/* ---- copies ---- */

static bool
is_same_folder(const char *one, const char *other)
{
	char *real = castssl_platform_real_path(one);
	char *real_other = castssl_platform_real_path(other);

	return real && real_other && strcmp(real, real_other) == 0;
}

/* Does the file in use lie in target_dir, and does no other role use it? */
static bool
keeps_name(const Search *search, CastsslRole role)
{
	char *value = value_in_use(role);
	char *path;

	if (value[0] == '\0')
		return false;
	path = castssl_path_in(DataDir, value);
	for (int other = 0; other < CASTSSL_NROLES; other++)
	{
		char *others = value_in_use(other);

		if (other != role && others[0] != '\0' &&
			strcmp(castssl_path_in(DataDir, others), path) == 0)
			return false;
	}
	return is_same_folder(castssl_path_folder(path), search->target_dir);
}

/* Is it the usual name of the key, and named as the certificate, or the other way round? */
static bool
is_usual_of_other(const char *name, CastsslRole role)
{
	int other = role == CASTSSL_ROLE_KEY ? CASTSSL_ROLE_CERTIFICATE : CASTSSL_ROLE_KEY;

	for (int i = 0; role <= CASTSSL_ROLE_KEY && i < lengthof(sets); i++)
	{
		if (strcmp(sets[i][other], name) == 0)
			return true;
	}
	return false;
}

/* The name of the copy of a role's file. */
static const char *
name_of_copy(const Search *search, CastsslRole role)
{
	const char *named = search->which->names[role];
	bool shared = named && is_usual_of_other(castssl_path_base(named), role);

	if (named == NULL)
		return keeps_name(search, role) ? castssl_path_base(value_in_use(role)) : sets[0][role];
	/* such as certs/db1.pem and private/db1.pem */
	for (int other = 0; other < CASTSSL_NROLES; other++)
		shared |=
			other != role && search->which->names[other] &&
			strcmp(castssl_path_base(search->which->names[other]), castssl_path_base(named)) == 0;
	return shared ? sets[0][role] : castssl_path_base(named);
}

static void
copy(Search *search, CastsslRole role, const char *name)
{
	castssl_material_find(search->material, role, search->which->source_dir, search->target_dir,
						  name, name_of_copy(search, role));
}

/* Does the CA file in use belong to the certificate in use, so that it is replaced with it? */
static bool
goes_with_certificate(const Search *search)
{
	const char *folder = castssl_path_folder(castssl_material_named(CASTSSL_ROLE_CA));
	const char *certificate = castssl_material_named(CASTSSL_ROLE_CERTIFICATE);

	if (is_same_folder(folder, search->folder))
		return false;
	return is_same_folder(folder, search->target_dir) ||
		   (certificate && is_same_folder(folder, castssl_path_folder(certificate)));
}

/* Is each certificate of some in all, too? */
static bool
covers(const CastsslCertificates *all, const CastsslCertificates *some)
{
	for (int i = 0; i < some->count; i++)
	{
		bool found = false;

		for (int j = 0; j < all->count && !found; j++)
			found = castssl_same_text(all->items[j].fingerprint, some->items[i].fingerprint);
		if (!found)
			return false;
	}
	return true;
}

/* Does the file hold the same CAs as the file in use? */
static bool
holds_same_authorities(const char *path)
{
	size_t length;
	char *found = castssl_file_read(castssl_path_resolve(path, true),
									castssl_role_limit(CASTSSL_ROLE_CA), &length, NULL);
	CastsslPem in_use = castssl_material_pem_in_use(CASTSSL_ROLE_CA);
	CastsslCertificates before = { 0 };
	CastsslCertificates after = { 0 };
	CastsslFindings ignored = { 0 };

	return in_use.data &&
		   castssl_certificates_read_facts(in_use.data, in_use.length, in_use.name, &before,
										   &ignored) &&
		   castssl_certificates_read_facts(found, length, path, &after, &ignored) &&
		   covers(&before, &after) && covers(&after, &before);
}

/*
 * The CA of the set; NULL: the one in use, or none.  A CA file that lies apart from the
 * certificate in use was chosen on purpose, for example because another CA signed the server's
 * certificate.  A file that only lies beside the new certificate does not replace it.
 */
static const char *
choose_ca(Search *search)
{
	const char *ca = find_ca(search);
	char *path = ca ? castssl_path_in(search->folder, ca) : NULL;

	if (ca == NULL || !castssl_tls_is_on() || !castssl_ca_is_configured() ||
		!in_use_exists(CASTSSL_ROLE_CA) || goes_with_certificate(search) ||
		holds_same_authorities(path))
		return ca;
	search->material->ca_left = path;
	return NULL;
}

static void
copy_authorities(Search *search)
{
	const CastsslWhich *which = search->which;
	const char *ca =
		which->names[CASTSSL_ROLE_CA] ? which->names[CASTSSL_ROLE_CA] : choose_ca(search);
	const char *crl = which->names[CASTSSL_ROLE_CRL];

	search->material->ca_is_found = ca && which->names[CASTSSL_ROLE_CA] == NULL;
	if (ca == NULL)
		use_current(search, CASTSSL_ROLE_CA);
	else if (ca[0] != '\0')
		copy(search, CASTSSL_ROLE_CA, ca);
	if (crl == NULL && value_in_use(CASTSSL_ROLE_CRL)[0] == '\0' &&
		search->material->ca_left == NULL && search->material->files[CASTSSL_ROLE_CA].path &&
		is_there(search->folder, sets[0][CASTSSL_ROLE_CRL]))
		crl = sets[0][CASTSSL_ROLE_CRL];
	if (crl == NULL)
		use_current(search, CASTSSL_ROLE_CRL);
	else if (crl[0] != '\0')
		copy(search, CASTSSL_ROLE_CRL, crl);
}

/* The names of the set, and of a CA and a CRL beside it, where the caller has named no file. */
static const char *const *
unnamed_files(const Search *search)
{
	const char **names = palloc0((CASTSSL_NROLES + 1) * sizeof(char *));
	int count = 0;

	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *name = role == CASTSSL_ROLE_CA    ? find_ca(search)
						   : role == CASTSSL_ROLE_CRL ? sets[0][role]
													  : search->set[role];

		if (search->which->names[role] == NULL && name)
			names[count++] = name;
	}
	return names;
}

/* 42501 if the server's account may not read the files, or not write the copies. */
static void
check_access(const Search *search)
{
	struct stat st;

	castssl_which_check_target(search->which);
	if (castssl_account_blocked_at(castssl_path_in(search->folder, sets[0][0]), &st))
		castssl_which_check_open(search->which, search->folder, all_names());
}

static void
find_copies(Search *search)
{
	search->folder = search->which->source_dir;
	check_access(search);
	search->set = names_both(search->which) ? sets[0] : find_set(search);
	if (search->set == NULL)
		raise_no_set(search);
	castssl_which_check_open(search->which, search->folder, unnamed_files(search));
	for (int role = CASTSSL_ROLE_CERTIFICATE; role <= CASTSSL_ROLE_KEY; role++)
		copy(search, role, named_or_usual(search, search->set, role));
	copy_authorities(search);
}

/* ---- files in place ---- */

static void
use(Search *search, CastsslRole role, const char *name)
{
	castssl_material_find(search->material, role, NULL, search->target_dir, name, NULL);
}

static void
find_in_place(Search *search)
{
	const CastsslWhich *which = search->which;
	bool current = which->target_dir == NULL && in_use_exists(CASTSSL_ROLE_CERTIFICATE) &&
				   in_use_exists(CASTSSL_ROLE_KEY);

	search->folder = search->target_dir;
	castssl_which_check_open(which, search->folder, NULL);
	if (!current && !names_both(which) && (search->set = find_set(search)) == NULL)
		raise_no_set(search);
	for (int role = CASTSSL_ROLE_CERTIFICATE; role <= CASTSSL_ROLE_KEY; role++)
	{
		if (which->names[role])
			use(search, role, which->names[role]);
		else if (search->set)
			use(search, role, search->set[role]);
		else
			use_current(search, role);
	}
	for (int role = CASTSSL_ROLE_CA; role <= CASTSSL_ROLE_CRL; role++)
	{
		const char *name = which->names[role];

		if (name == NULL && role == CASTSSL_ROLE_CA && which->needs_ca &&
			value_in_use(role)[0] == '\0')
			name = find_ca(search);
		if (name == NULL)
			use_current(search, role);
		else if (name[0] != '\0')
			use(search, role, name);
	}
}

CastsslMaterial *
castssl_usual_material(const CastsslWhich *which)
{
	CastsslWhich *call = memcpy(palloc(sizeof(*which)), which, sizeof(*which));
	Search search = { .which = call };

	if (which->target_dir)
		call->target_dir = castssl_path_in(castssl_path_data_directory(), which->target_dir);
	search.target_dir = call->target_dir ? call->target_dir : castssl_path_folder(ConfigFileName);
	search.material = palloc0(sizeof(CastsslMaterial));
	search.material->which = call;
	if (which->source_dir)
		find_copies(&search);
	else
		find_in_place(&search);
	return search.material;
}
