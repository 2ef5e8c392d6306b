/*
 * candidate.c
 *		Shows the TLS files of a plan to the server's own loader.
 */
#include "postgres.h"

#include "flow/apply/candidate.h"
#include "server/disk/scratch.h"
#include "server/loader.h"
#include "tls/key.h"

/* The files that the loader reads. */
typedef struct Candidate
{
	CastsslScratch scratch;
	const CastsslMaterial *material;
	int copies[CASTSSL_NROLES]; /* number in scratch; -1: no copy */
} Candidate;

/*
 * The path that the loader gets for one role: a copy of the wanted contents, so that it reads the
 * bytes that were checked, and does not wait for a FIFO; "" if the role is not used.  If copies
 * would be written to disk, a file that does not change is read itself.
 */
static const char *
path_to_load(Candidate *candidate, CastsslRole role)
{
	const CastsslMaterialFile *file = &candidate->material->files[role];
	int copy;

	if (file->path == NULL)
		return "";
	if (castssl_material_stays(file) && !candidate->scratch.in_memory)
		return file->path;
	copy = candidate->copies[role] = castssl_scratch_new(&candidate->scratch);
	castssl_scratch_write(&candidate->scratch, copy, file->data, file->length);
	return candidate->scratch.paths[copy];
}

static const char *
add_hint(const char *hint, const char *other)
{
	if (hint == NULL || other == NULL)
		return hint ? hint : other;
	return psprintf("%s  %s", hint, other);
}

/* How to take the passphrase off, and the call with the key that this writes. */
static const char *
hint_to_decrypt(const CastsslMaterial *material, const CastsslPem *key)
{
	const char *hint = castssl_key_decrypt_hint(key);
	CastsslWhich which = castssl_material_call(material);
	char *statement;

	if (hint == NULL)
		return NULL;
	which.names[CASTSSL_ROLE_KEY] = psprintf("%s.pem", key->name);
	statement = castssl_which_statement(&which);
	return statement ? psprintf("%s  Then: %s", hint, statement) : hint;
}

static void
ask_loader(Candidate *candidate, CastsslFindings *findings)
{
	int before = findings->count;
	CastsslPem key = castssl_material_pem(candidate->material, CASTSSL_ROLE_KEY);
	CastsslTlsFiles files = { .cert_file = path_to_load(candidate, CASTSSL_ROLE_CERTIFICATE),
							  .key_file = path_to_load(candidate, CASTSSL_ROLE_KEY),
							  .key = &key,
							  .ca_file = path_to_load(candidate, CASTSSL_ROLE_CA),
							  .crl_file = path_to_load(candidate, CASTSSL_ROLE_CRL),
							  .ask_passphrase = true };
	CastsslFindings already_said = { 0 }; /* by castssl_tls_verify */

	castssl_loader_check_tls(&files, findings);
	for (int i = before; i < findings->count; i++)
	{
		CastsslFinding *finding = &findings->items[i];

		for (int role = 0; role < CASTSSL_NROLES; role++)
		{
			const char *name = castssl_material_pem(candidate->material, role).name;
			int copy = candidate->copies[role];

			if (copy < 0)
				continue;
			if (finding->detail == NULL && role == CASTSSL_ROLE_KEY && finding->subject &&
				strcmp(finding->subject, candidate->scratch.paths[copy]) == 0)
			{
				finding->detail = castssl_key_encryption(&key, &already_said);
				finding->hint = add_hint(finding->hint, hint_to_decrypt(candidate->material, &key));
			}
			finding->message =
				castssl_scratch_rename(&candidate->scratch, copy, finding->message, name);
			finding->detail =
				castssl_scratch_rename(&candidate->scratch, copy, finding->detail, name);
			finding->subject =
				castssl_scratch_rename(&candidate->scratch, copy, finding->subject, name);
		}
	}
}

void
castssl_candidate_check(const CastsslMaterial *material, CastsslFindings *findings)
{
	Candidate candidate = { .material = material };

	for (int role = 0; role < CASTSSL_NROLES; role++)
		candidate.copies[role] = -1;
	castssl_scratch_begin(&candidate.scratch);
	PG_TRY();
	{
		ask_loader(&candidate, findings);
	}
	PG_FINALLY();
	{
		castssl_scratch_end(&candidate.scratch);
	}
	PG_END_TRY();
}
