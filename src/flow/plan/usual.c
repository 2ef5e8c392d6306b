/*
 * usual.c
 *		Certificate, key, CA and CRL where the caller names none: what is in use, or a
 *		file with a usual name.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "flow/plan/usual.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/platform.h"

/*
 * What people and programs call these files: this project's documents and PostgreSQL's,
 * Kubernetes and cert-manager, ACME clients.  The first set is also what copies are called.
 */
static const char *const sets[][CASTSSL_NROLES] = {
	{ "server.crt", "server.key", "root.crt", "root.crl" },
	{ "tls.crt", "tls.key", "ca.crt", NULL },
	{ "fullchain.pem", "privkey.pem", NULL, NULL },
};

/* Finding the files. */
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

	/* Why it cannot be read is for the one who reads it to say. */
	return lstat(path, &st) == 0 || errno != ENOENT;
}

static const char *
named_or_usual(const Search *search, const char *const *set, CastsslRole role)
{
	return search->which->names[role] ? search->which->names[role] : set[role];
}

/*
 * The first set of which certificate and key are there, as far as they are not named; else
 * the first of which one is there, whose reader says what is missing; or NULL.
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

/* A usual CA; NULL: there is none. */
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

/* ---- copies ---- */

static bool
is_same_folder(const char *one, const char *other)
{
	char *real = castssl_platform_real_path(one);
	char *real_other = castssl_platform_real_path(other);

	return real && real_other && strcmp(real, real_other) == 0;
}

/* Is the file in use one of target_dir, and no other role's? */
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

static const char *
base_name(const char *name)
{
	const char *base = last_dir_separator(name);

	return base ? base + 1 : name;
}

/* What the copy of a role's file is called. */
static const char *
name_of_copy(const Search *search, CastsslRole role)
{
	const char *named = search->which->names[role];
	bool shared = false;

	if (named == NULL)
		return keeps_name(search, role) ? base_name(value_in_use(role)) : sets[0][role];
	/* certs/db1.pem and private/db1.pem */
	for (int other = 0; other < CASTSSL_NROLES; other++)
		shared |= other != role && search->which->names[other] &&
				  strcmp(base_name(search->which->names[other]), base_name(named)) == 0;
	return shared ? sets[0][role] : base_name(named);
}

static void
copy(Search *search, CastsslRole role, const char *name)
{
	castssl_material_find(search->material, role, search->which->source_dir, search->target_dir,
						  name, name_of_copy(search, role));
}

static void
copy_authorities(Search *search)
{
	const CastsslWhich *which = search->which;
	const char *ca =
		which->names[CASTSSL_ROLE_CA] ? which->names[CASTSSL_ROLE_CA] : find_ca(search);
	const char *crl = which->names[CASTSSL_ROLE_CRL];

	if (ca == NULL)
		use_current(search, CASTSSL_ROLE_CA);
	else if (ca[0] != '\0')
		copy(search, CASTSSL_ROLE_CA, ca);
	if (crl == NULL && value_in_use(CASTSSL_ROLE_CRL)[0] == '\0' &&
		search->material->files[CASTSSL_ROLE_CA].path &&
		is_there(search->folder, sets[0][CASTSSL_ROLE_CRL]))
		crl = sets[0][CASTSSL_ROLE_CRL];
	if (crl == NULL)
		use_current(search, CASTSSL_ROLE_CRL);
	else if (crl[0] != '\0')
		copy(search, CASTSSL_ROLE_CRL, crl);
}

static void
find_copies(Search *search)
{
	search->folder = search->which->source_dir;
	search->set = names_both(search->which) ? sets[0] : find_set(search);
	if (search->set == NULL)
		raise_no_set(search);
	for (int role = CASTSSL_ROLE_CERTIFICATE; role <= CASTSSL_ROLE_KEY; role++)
		copy(search, role, named_or_usual(search, search->set, role));
	copy_authorities(search);
}

/* ---- files in place ---- */

static bool
in_use_exists(CastsslRole role)
{
	struct stat st;

	return stat(castssl_path_in(DataDir, value_in_use(role)), &st) == 0 || errno != ENOENT;
}

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
	Search search = { .which = which };

	search.target_dir = which->target_dir ? which->target_dir : castssl_path_folder(ConfigFileName);
	search.material = palloc0(sizeof(CastsslMaterial));
	if (which->source_dir)
		find_copies(&search);
	else
		find_in_place(&search);
	return search.material;
}
