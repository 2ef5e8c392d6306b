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
 * The path that the loader gets for one role: a copy of the wanted contents, so that it
 * reads what was judged, and waits for nobody; "" if the role is not used.  Where copies would
 * be written to the disk, a file that does not change is read itself.
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

static void
ask_loader(Candidate *candidate, CastsslFindings *findings)
{
	int before = findings->count;
	CastsslTlsFiles files = { .cert_file = path_to_load(candidate, CASTSSL_ROLE_CERTIFICATE),
							  .key_file = path_to_load(candidate, CASTSSL_ROLE_KEY),
							  .ca_file = path_to_load(candidate, CASTSSL_ROLE_CA),
							  .crl_file = path_to_load(candidate, CASTSSL_ROLE_CRL),
							  .ask_passphrase = true };
	CastsslPem key = castssl_material_pem(candidate->material, CASTSSL_ROLE_KEY);
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
				finding->detail = castssl_key_encryption(&key, &already_said);
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
