/*
 * fuzz_hba.c
 *		libFuzzer target: any bytes as pg_hba.conf, read, edited and written.
 *
 * The first byte chooses the major and what is required, the rest is the file.  What is below a
 * line of BELOW is the file "names" instead, which lines may name as a list or include.
 * Aborts when a byte is lost, when an edited file reads worse than before, when
 * requiring the same twice changes anything, or when undoing does not give back
 * the bytes.
 */
#include "postgres_fe.h"

#include "base/majors.h"
#include "fuzz_memory.h"
#include "hba/edit/require.h"
#include "hba/text/read.h"

int LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

#define BELOW "\n#### names\n"

static const uint8 *input;
static size_t input_size;

static const char *names;
static size_t names_size;

static bool
read_file(void *arg, const char *path, char **data, size_t *length, bool *missing, char **error)
{
	const char *source = names;

	*length = names_size;
	if (strcmp(path, "/main") == 0)
	{
		source = (const char *) input;
		*length = input_size;
	}
	else if (strcmp(path, "names") != 0)
	{
		*missing = true;
		*error = psprintf("could not open file \"%s\": No such file or directory", path);
		return false;
	}
	*data = palloc(*length + 1);
	memcpy(*data, source, *length);
	(*data)[*length] = '\0';
	return true;
}

/* Cut "names" off, and return the size of what is above. */
static size_t
set_names(const uint8 *data, size_t size)
{
	static const char usual[] = "all, \"x y\"\n+g # names\n";
	const size_t mark = strlen(BELOW);

	names = usual;
	names_size = strlen(usual);
	for (size_t i = 0; i + mark <= size; i++)
	{
		if (memcmp(data + i, BELOW, mark) == 0)
		{
			names = (const char *) data + i + mark;
			names_size = size - i - mark;
			return i + 1;
		}
	}
	return size;
}

static char *
locate(void *arg, const char *name, const char *outer)
{
	return pstrdup(name);
}

static bool
list(void *arg, const char *directory, char ***paths, int *count, char **error)
{
	*paths = palloc(sizeof(char *));
	(*paths)[0] = pstrdup("names");
	*count = 1;
	return true;
}

static const CastsslHbaReader reader = { .read = read_file, .locate = locate, .list = list };

static CastsslHbaPolicy *
read_policy(const void *bytes, size_t length, int version)
{
	input = bytes;
	input_size = length;
	return castssl_hba_policy_read("/main", &reader, version);
}

static char *
require(const CastsslHbaPolicy *policy, const CastsslHbaWanted *wanted, size_t *length)
{
	CastsslHbaEdits edits = { 0 };
	CastsslFindings findings = { 0 };

	castssl_hba_require(policy, wanted, &edits, &findings);
	if (castssl_finding_first(&findings, CASTSSL_ERROR))
		return NULL;
	return castssl_hba_render(policy, 0, &edits, length);
}

static char *
undo(const CastsslHbaPolicy *policy, size_t *length)
{
	CastsslHbaEdits edits = { 0 };

	castssl_hba_undo(policy, &edits, NULL);
	return castssl_hba_render(policy, 0, &edits, length);
}

static void
check_same(const char *a, size_t a_length, const char *b, size_t b_length)
{
	if (a_length != b_length || memcmp(a, b, a_length) != 0)
		abort();
}

static int
count_errors(const CastsslHbaPolicy *policy)
{
	int count = 0;

	for (int i = 0; i < policy->nrules; i++)
		count += policy->rules[i].error != NULL;
	return count;
}

static void
check_document(const CastsslHbaPolicy *policy, const uint8 *data, size_t size)
{
	const CastsslHbaDocument *document = policy->files[0];
	CastsslHbaEdits none = { 0 };
	size_t offset = 0;
	size_t length;
	char *rendered;

	for (int i = 0; i < document->nrecords; i++)
	{
		if (document->records[i].offset != offset || document->records[i].length == 0)
			abort();
		offset += document->records[i].length;
	}
	if (offset != size)
		abort();
	rendered = castssl_hba_render(policy, 0, &none, &length);
	check_same(rendered, length, (const char *) data, size);
}

static void
check_edits(const CastsslHbaPolicy *policy, const CastsslHbaWanted *wanted)
{
	static const CastsslHbaWanted nothing = { .clientcert = CASTSSL_CLIENTCERT_NONE };
	int version = policy->version;
	size_t length;
	size_t again_length;
	size_t repaired_length;
	char *result = require(policy, wanted, &length);
	char *again;
	char *repaired;
	CastsslHbaPolicy *after;

	if (result == NULL)
		return;
	after = read_policy(result, length, version);
	if (count_errors(after) > count_errors(policy))
		abort();
	again = require(after, wanted, &again_length);
	if (again == NULL)
		abort();
	check_same(result, length, again, again_length);
	if (castssl_hba_is_marked(policy))
		return;
	repaired = require(policy, &nothing, &repaired_length);
	again = undo(after, &again_length);
	check_same(repaired, repaired_length, again, again_length);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	static const char *addresses[] = { "10.0.0.0/8" };
	static const char *const methods[] = { NULL, NULL, "cert", "scram-sha-256" };
	CastsslHbaWanted wanted = { 0 };
	CastsslHbaPolicy *policy;
	int choice;

	if (size == 0)
		return 0;
	choice = *data++;
	size = set_names(data, size - 1);
	wanted.clientcert = (CastsslClientCert) (choice % 3);
	wanted.block_plaintext = choice & 0x10;
	wanted.gss_possible = choice & 0x20;
	wanted.auth_method = methods[choice >> 6];
	wanted.addresses = addresses;
	wanted.naddresses = choice % 5 == 0;
	policy = read_policy(data, size, CASTSSL_OLDEST_MAJOR + choice % CASTSSL_MAJORS);
	check_document(policy, data, size);
	check_edits(policy, &wanted);
	fuzz_free_all();
	return 0;
}
