/*
 * test_hba_include.c
 *		Policies of more than one file: @file, include, include_dir.
 */
#include "postgres_fe.h"

#include "base/interrupts.h"
#include "check.h"
#include "reader.h"

/* Names of databases and users from files. */
static void
test_expanded_files(void)
{
	MemoryFile files[] = { { "/d/main", "host @sub/list,x all all md5\n"
										"host @nope all all md5\n"
										"host all @empty all all md5\n"
										"host @loop all all md5\n"
										"@empty\n"
										"host @deep1 @sub/list all md5\n" },
						   { "/d/sub/list", "a, b # c\n\n\"d e\" @../one\n" },
						   { "/d/one", "1" },
						   { "/d/sub/../one", "1" }, /* the path of /d/one in 13 */
						   { "/d/empty", "# nothing\n" },
						   { "/d/loop", "x\n@loop\n@loop\n" },
						   { "/d/deep1", "@deep2" },
						   { "/d/deep2", "@one @one" },
						   { NULL } };
	CastsslHbaPolicy *policy = memory_policy(files, 15);
	const CastsslHbaRule *rules = policy->rules;

	CHECK_INT(policy->nfiles, 1);
	CHECK_INT(policy->nrules, 5);
	CHECK_STRING(rules[0].error, NULL);
	CHECK_INT(rules[0].databases.count, 5);
	CHECK_STRING(rules[0].databases.items[2].string, "d e");
	CHECK(rules[0].databases.items[2].quoted);
	CHECK_STRING(rules[0].databases.items[3].string, "1");
	CHECK_STRING(rules[0].databases.items[4].string, "x");
	CHECK_STRING(rules[1].error, "could not open secondary authentication file \"@nope\" as "
								 "\"/d/nope\": No such file or directory");
	CHECK_STRING(rules[2].error, NULL); /* an empty @file is not a field */
	CHECK(rules[3].error != NULL);
	CHECK_INT(rules[4].line_number, 6);
	CHECK_INT(rules[4].databases.count, 2);

	policy = memory_policy(files, 16);
	CHECK_STRING(policy->rules[1].error,
				 "could not open file \"/d/nope\": No such file or directory");
	CHECK_STRING(policy->rules[3].error,
				 "could not open file \"/d/loop\": maximum nesting depth exceeded");
}

static void
test_includes(void)
{
	MemoryFile files[] = { { "/d/main", "include one\n"
										"local m all trust\n"
										"\"include_if_exists\" nope # x\n"
										"include nope\n"
										"include_dir conf\n"
										"include_dir nodir\n"
										"include_dir \" \"\n"
										"include one\n"
										"include a b\n"
										"include loop\n"
										"local @inc all trust\n" },
						   { "/d/one", "# c\nlocal one all trust\nbad\n" },
						   { "/d/conf/b.conf", "local b all trust" },
						   { "/d/conf/a.conf", "local a all trust" },
						   { "/d/conf/.conf", "local hidden all trust" },
						   { "/d/conf/x", "local x all trust" },
						   { "/d/loop", "include loop" },
						   { "/d/inc", "include names" },
						   { "/d/names", "n1 n2" },
						   { NULL } };
	CastsslHbaPolicy *policy = memory_policy(files, 16);
	static const struct
	{
		int file;
		int line_number;
		const char *error; /* or, for a valid rule, its database */
	} expected[] = {
		{ 1, 2, "one" },
		{ 1, 3, "invalid connection type \"bad\"" },
		{ 0, 2, "m" },
		{ 0, 4, "could not open file \"/d/nope\": No such file or directory" },
		{ 2, 1, "a" },
		{ 3, 1, "b" },
		{ 0, 6, "could not open directory \"/d/nodir\"" },
		{ 0, 7, "empty configuration directory name" },
		{ 1, 2, "one" },
		{ 1, 3, "invalid connection type \"bad\"" },
		{ 0, 9, "invalid connection type \"include\"" },
		{ 4, 1, "could not open file \"/d/loop\": maximum nesting depth exceeded" },
		{ 0, 11, "n1" },
	};

	CHECK_INT(policy->nrules, lengthof(expected));
	for (int i = 0; i < Min(policy->nrules, lengthof(expected)); i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		CHECK_INT(rule->file, expected[i].file);
		CHECK_INT(rule->line_number, expected[i].line_number);
		CHECK_STRING(rule->error ? rule->error : rule->databases.items[0].string,
					 expected[i].error);
	}
	CHECK_INT(policy->nfiles, 5);
	CHECK_STRING(policy->files[3]->path, "/d/conf/b.conf");

	policy = memory_policy(files, 15);
	CHECK_STRING(policy->rules[0].error, "invalid connection type \"include\"");
	CHECK_STRING(policy->rules[2].error, "invalid connection type \"include_if_exists\"");
	CHECK_INT(policy->nfiles, 1);
}

/* Files that include themselves many times: a limit ends this. */
static void
test_repeated_includes(void)
{
	StringInfoData text;
	MemoryFile files[] = { { "/main", "local all @names trust\ninclude again\n" },
						   { "/again", NULL },
						   { "/names", NULL },
						   { NULL } };
	CastsslHbaPolicy *policy;

	initStringInfo(&text);
	for (int i = 0; i < 10; i++)
		appendStringInfoString(&text, "include again\n");
	files[1].data = text.data;
	files[2].data = "@names @names\n@names\n";
	policy = memory_policy(files, 16);
	CHECK_STRING(policy->rules[policy->nrules - 1].error, "too many lines in included files");
	CHECK_STRING(policy->rules[0].error,
				 "could not open file \"/names\": maximum nesting depth exceeded");

	/* the same with include_dir */
	resetStringInfo(&text);
	for (int i = 0; i < 10; i++)
		appendStringInfoString(&text, "include_dir /d\n");
	files[0].data = text.data;
	files[1].path = "/d/again.conf";
	policy = memory_policy(files, 16);
	CHECK_STRING(policy->rules[policy->nrules - 1].error, "too many lines in included files");
}

static int interrupts;

static void
count_interrupt(void)
{
	interrupts++;
}

/* The limits of @files and of names in one line.  The next line starts from 0 again. */
static void
test_limits_of_a_line(void)
{
	StringInfoData line;
	StringInfoData names;
	MemoryFile files[] = { { "/main", NULL },
						   { "/one", "a" },
						   { "/nested", "@one @one @one" },
						   { "/names", NULL },
						   { NULL } };
	CastsslHbaPolicy *policy;

	initStringInfo(&line);
	initStringInfo(&names);
	for (int i = 0; i < 1000; i++)
		appendStringInfo(&names, "n%d\n", i);
	files[3].data = names.data;
	files[0].data = line.data;
	for (int extra = 0; extra < 2; extra++)
	{
		resetStringInfo(&line);
		appendStringInfoString(&line, "local all ");
		for (int i = 0; i < CASTSSL_HBA_MOST_REFERENCES + extra; i++)
			appendStringInfo(&line, "%s@one", i > 0 ? "," : "");
		appendStringInfoString(&line, " trust\nlocal all @one trust\n");
		files[0].data = line.data;
		interrupts = 0;
		castssl_interrupted = count_interrupt;
		policy = memory_policy(files, 16);
		castssl_interrupted = NULL;
		CHECK(interrupts >= CASTSSL_HBA_MOST_REFERENCES);
		CHECK_STRING(policy->rules[0].error,
					 extra ? "too many references to files in one line" : NULL);
		CHECK_STRING(policy->beyond_limit, policy->rules[0].error);
		CHECK_INT(policy->rules[0].users.count, extra ? 0 : CASTSSL_HBA_MOST_REFERENCES);
		CHECK_STRING(policy->rules[1].error, NULL);
	}
	for (int extra = 0; extra < 3; extra++)
	{
		/* a file that was not read yet, and one that was */
		static const char *const more[] = { "", ",@nested", ",@names" };

		resetStringInfo(&line);
		appendStringInfoString(&line, "local all ");
		for (int i = 0; i < CASTSSL_HBA_MOST_NAMES / 1000; i++)
			appendStringInfo(&line, "%s@names", i > 0 ? "," : "");
		appendStringInfo(&line, "%s trust\n", more[extra]);
		files[0].data = line.data;
		policy = memory_policy(files, 16);
		CHECK_STRING(policy->rules[0].error, extra ? "too many names in one line" : NULL);
	}
}

/* More @files than the first capacity of the array; a folder with a file that has an error. */
static void
test_many_files(void)
{
	MemoryFile files[32] = { { "/main", NULL } };
	StringInfoData text;
	CastsslHbaPolicy *policy;

	initStringInfo(&text);
	for (int i = 0; i < 20; i++)
	{
		files[i + 1].path = psprintf("/f%d", i);
		files[i + 1].data = psprintf("db%d", i);
		appendStringInfo(&text, "local @f%d all trust\n", i);
	}
	files[0].data = text.data;
	policy = memory_policy(files, 15);
	CHECK_INT(policy->nrules, 20);
	for (int i = 0; i < policy->nrules; i++)
		CHECK_STRING(policy->rules[i].databases.items[0].string, files[i + 1].data);

	/* names from a folder in which one file has an error */
	files[0].data = "local @/f0 all trust\n";
	files[1].data = "include_dir /d\n";
	files[21] = (MemoryFile){ "/d/a.conf", "a @nowhere" };
	policy = memory_policy(files, 16);
	CHECK_STRING(policy->rules[0].error,
				 "could not open file \"/d/nowhere\": No such file or directory");

	files[0].data = "include_dir /d\n";
	files[21] = (MemoryFile){ "/d/a.conf", "local a all trust" };
	files[22] = (MemoryFile){ "/d/gone.conf", NULL };
	policy = memory_policy(files, 16);
	CHECK_INT(policy->nrules, 2);
	CHECK_STRING(policy->rules[1].error,
				 "could not open file \"/d/gone.conf\": No such file or directory");
}

static void
test_main_file(void)
{
	MemoryFile files[] = { { "/main", "" }, { NULL } };
	CastsslHbaReader reader = { .read = memory_read, .locate = reader_locate, .arg = files };
	CastsslHbaPolicy *policy = castssl_hba_policy_read("/other", &reader, 15);

	CHECK_INT(policy->nrules, 1);
	CHECK_INT(policy->rules[0].line_number, 0);
	CHECK_INT(policy->rules[0].record, -1);
	CHECK_STRING(policy->rules[0].error,
				 "could not open file \"/other\": No such file or directory");
	CHECK_INT(policy->nfiles, 1);
	CHECK_INT(memory_policy(files, 15)->nrules, 0);
}

int
main(void)
{
	test_expanded_files();
	test_includes();
	test_repeated_includes();
	test_limits_of_a_line();
	test_many_files();
	test_main_file();
	return check_summary();
}
