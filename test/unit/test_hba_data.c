/*
 * test_hba_data.c
 *		Whole files: those of test/data/hba against what a server said of them.
 *
 * test/data/hba/NAME.conf is read as 15 reads it and compared with NAME.15,
 * which holds what pg_hba_file_rules of PostgreSQL 15 showed (DIR stands for
 * the directory; the options are not compared).  Every file, and every one in
 * CASTSSL_CORPUS, must come back byte for byte under every major.
 */
#include "postgres_fe.h"

#include "check.h"
#include "dump.h"
#include "hba/edit/edit.h"
#include "reader.h"

static bool
read_whole(const char *path, char **data, size_t *length)
{
	bool missing;
	char *error;

	return file_read(NULL, path, data, length, &missing, &error);
}

/* Replace each occurrence of a string. */
static char *
replace(const char *text, const char *from, const char *to)
{
	StringInfoData result;
	const char *found;

	initStringInfo(&result);
	for (; (found = strstr(text, from)) != NULL; text = found + strlen(from))
	{
		appendBinaryStringInfo(&result, text, (int) (found - text));
		appendStringInfoString(&result, to);
	}
	appendStringInfoString(&result, text);
	return result.data;
}

/* One rule of the dump without its options, which are the last column but one. */
static char *
without_options(const CastsslHbaRule *rule, const char *directory)
{
	CastsslHbaRule copy = *rule;
	StringInfoData text;

	copy.options.count = 0;
	initStringInfo(&text);
	dump_rule(&text, &copy);
	return replace(text.data, directory, "DIR");
}

static void
compare_with_server(const char *directory, const char *path)
{
	char *expected;
	size_t length;
	CastsslHbaPolicy *policy = castssl_hba_policy_read(path, &file_reader, 15);
	const char *line;

	if (!CHECK(read_whole(replace(path, ".conf", ".15"), &expected, &length)))
		return;
	line = expected;
	for (int i = 0; i < policy->nrules; i++)
	{
		char *got = without_options(&policy->rules[i], directory);
		size_t end = strcspn(line, "\n") + 1;

		if (!CHECK(strlen(got) == end && strncmp(got, line, end) == 0))
		{
			printf("%s\n  we: %s  15: %.*s", path, got, (int) end, line);
			return;
		}
		line += end;
	}
	CHECK_STRING(line, "");
}

static void
check_bytes(const char *path)
{
	CastsslHbaEdits none = { 0 };
	char *data;
	size_t length;

	if (!CHECK(read_whole(path, &data, &length)))
		return;
	for (int version = CASTSSL_OLDEST_MAJOR; version <= CASTSSL_NEWEST_MAJOR; version++)
	{
		CastsslHbaPolicy *policy = castssl_hba_policy_read(path, &file_reader, version);
		size_t rendered_length;
		char *rendered = castssl_hba_render(policy, 0, &none, &rendered_length);

		CHECK(rendered_length == length && memcmp(rendered, data, length) == 0);
	}
}

int
main(void)
{
	const char *root = getenv("CASTSSL_ROOT") ? getenv("CASTSSL_ROOT") : "../..";
	const char *corpus = getenv("CASTSSL_CORPUS");
	char *directory = psprintf("%s/test/data/hba", root);
	char **paths;
	int count;
	char *error;

	if (!file_list(NULL, directory, &paths, &count, &error))
	{
		printf("%s\n", error);
		return 1;
	}
	CHECK(count >= 10);
	for (int i = 0; i < count; i++)
	{
		compare_with_server(directory, paths[i]);
		check_bytes(paths[i]);
	}
	if (corpus == NULL)
		corpus = psprintf("%s/../shared/corpus", root);
	if (file_list(NULL, corpus, &paths, &count, &error))
	{
		for (int i = 0; i < count; i++)
			check_bytes(paths[i]);
	}
	else
		printf("(skipped: no corpus in \"%s\") ", corpus);
	return check_summary();
}
