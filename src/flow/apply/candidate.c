/*
 * candidate.c
 *		The TLS files of a plan, shown to the server's own loader.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "flow/apply/candidate.h"
#include "server/files.h"
#include "server/loader.h"
#include "server/paths.h"

/* text with every occurrence of from replaced. */
static char *
replace_all(const char *text, const char *from, const char *to)
{
	StringInfoData result;
	const char *hit;

	initStringInfo(&result);
	while ((hit = strstr(text, from)) != NULL)
	{
		appendBinaryStringInfo(&result, text, hit - text);
		appendStringInfoString(&result, to);
		text = hit + strlen(from);
	}
	appendStringInfoString(&result, text);
	return result.data;
}

/*
 * The path under which the loader is to see one role: of the file itself where it
 * stays as it is, else of a copy of what is wanted; "" where the role is not used.
 */
static char *
path_to_load(const CastsslMaterialFile *file, CastsslRole role, const char *directory)
{
	char *path;

	if (file->path == NULL)
		return pstrdup("");
	if (castssl_material_stays(file))
		return pstrdup(file->path);
	path = psprintf("%s/%s", directory, castssl_role_parameter(role));
	castssl_file_write(path, file->data, file->length, 0600);
	return path;
}

void
castssl_candidate_check(const CastsslMaterial *material, CastsslFindings *findings)
{
	char *directory = castssl_state_path("candidate");
	char *paths[CASTSSL_NROLES];
	CastsslFindings found = { 0 };

	castssl_directory_make(castssl_state_path(NULL));
	castssl_directory_remove(directory); /* of a call that crashed */
	(void) castssl_directory_make_temporary(directory);
	PG_TRY();
	{
		CastsslTlsFiles files;

		for (int role = 0; role < CASTSSL_NROLES; role++)
			paths[role] = path_to_load(&material->files[role], role, directory);
		files.cert_file = paths[CASTSSL_ROLE_CERTIFICATE];
		files.key_file = paths[CASTSSL_ROLE_KEY];
		files.ca_file = paths[CASTSSL_ROLE_CA];
		files.crl_file = paths[CASTSSL_ROLE_CRL];
		castssl_loader_check_tls(&files, &found);
	}
	PG_FINALLY();
	{
		castssl_directory_remove(directory);
	}
	PG_END_TRY();

	for (int i = 0; i < found.count; i++)
	{
		CastsslFinding *finding = &found.items[i];
		const char *message = finding->message;
		const char *detail = finding->detail;

		for (int role = 0; role < CASTSSL_NROLES; role++)
		{
			if (paths[role][0] == '\0' || castssl_material_stays(&material->files[role]))
				continue;
			message = replace_all(message, paths[role], castssl_material_pem(material, role).name);
			if (detail)
				detail =
					replace_all(detail, paths[role], castssl_material_pem(material, role).name);
		}
		castssl_finding_add(findings, finding->severity, finding->check, finding->subject, message,
							detail, finding->hint);
	}
}
