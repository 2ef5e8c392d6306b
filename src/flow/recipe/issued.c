/*
 * issued.c
 *		What the small CA of this server has issued, and revoked.
 */
#include "postgres.h"

#include <sys/stat.h>

#include <openssl/x509v3.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "base/settings.h"
#include "change/manifest.h"
#include "flow/recipe/authority_place.h"
#include "flow/recipe/issued.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"

/* Without the list, revoked certificates would be valid again. */
#define RESTORE "Restore the file from a backup: it says which certificates are revoked."

ConfigVariable *
castssl_revoked_read(void)
{
	return castssl_manifest_read(castssl_authority_path("revoked"), RESTORE);
}

static bool
is_revoked(const ConfigVariable *list, const char *serial)
{
	static const char name[] = "serial_"; /* and a number */

	for (; list != NULL; list = list->next)
	{
		if (strncmp(list->name, name, strlen(name)) == 0 && strcmp(list->value, serial) == 0)
			return true;
	}
	return false;
}

/* The folder of the CA may be gone; another check reports it. */
static bool
has_folder(void)
{
	struct stat st;

	return castssl_ca_directory[0] == '\0' ||
		   (stat(castssl_path_in(DataDir, castssl_ca_directory), &st) == 0 && S_ISDIR(st.st_mode));
}

/* False: it is no certificate, or was removed meanwhile. */
static bool
read_one(const char *path, CastsslCertificate *certificate)
{
	CastsslFindings findings = { 0 };
	size_t length;
	char *data = castssl_file_read_if_exists(path, CASTSSL_PEM_LIMIT, &length, NULL);

	return data && castssl_certificates_read_first(data, length, path, certificate, &findings);
}

static int
compare_ends(const void *a, const void *b)
{
	const CastsslIssued *one = a;
	const CastsslIssued *other = b;

	if (one->certificate.not_after != other->certificate.not_after)
		return one->certificate.not_after < other->certificate.not_after ? -1 : 1;
	return strcmp(one->certificate.serial, other->certificate.serial);
}

static bool
is_renewed(const CastsslIssued *items, int count, int old)
{
	CHECK_FOR_INTERRUPTS();
	for (int i = old + 1; i < count; i++)
	{
		if (!items[i].revoked && items[i].for_client == items[old].for_client &&
			strcmp(items[i].certificate.subject, items[old].certificate.subject) == 0)
			return true;
	}
	return false;
}

CastsslIssued *
castssl_issued_read(int *count)
{
	CastsslIssued *items = palloc(sizeof(CastsslIssued));
	const ConfigVariable *revoked;
	const char *folder;
	DIR *directory;
	struct dirent *entry;

	*count = 0;
	if (!has_folder() || !castssl_authority_exists())
		return items;
	revoked = castssl_revoked_read();
	folder = castssl_authority_path("certificates");
	directory = AllocateDir(folder);
	while (directory && (entry = ReadDirExtended(directory, folder, WARNING)) != NULL)
	{
		CastsslIssued *item;
		X509 *x509;

		CHECK_FOR_INTERRUPTS();
		items = repalloc(items, (*count + 1) * sizeof(CastsslIssued));
		item = &items[*count];
		if (entry->d_name[0] == '.' ||
			!read_one(castssl_path_in(folder, entry->d_name), &item->certificate))
			continue;
		x509 = item->certificate.x509;
		item->common_name =
			castssl_name_slashes_cn(castssl_name_slashes(X509_get_subject_name(x509)));
		item->for_client = (X509_get_extended_key_usage(x509) & XKU_SSL_CLIENT) != 0;
		item->revoked = is_revoked(revoked, item->certificate.serial);
		(*count)++;
	}
	if (directory)
		FreeDir(directory);
	qsort(items, *count, sizeof(CastsslIssued), compare_ends);
	for (int i = 0; i < *count; i++)
		items[i].renewed = is_renewed(items, *count, i);
	return items;
}
