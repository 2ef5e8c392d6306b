/*
 * hba_dump.c
 *		Prints the rules that src/hba reads in a pg_hba.conf, to compare them with
 *		pg_hba_file_rules.
 *
 * hba_dump VERSION FILE prints one line for each rule: file_name, a tab, and the line
 * of dump.h.
 */
#include "postgres_fe.h"

#include <netdb.h>

#include "dump.h"
#include "reader.h"

/* The server asks DNS for the names of RADIUS servers, so a comparison must too. */
static char *
radius_error(void *arg, const char *server)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC };
	struct addrinfo *found = NULL;
	int code = getaddrinfo(server, NULL, &hints, &found);

	if (found)
		freeaddrinfo(found);
	if (code == 0)
		return NULL;
	return psprintf("could not translate RADIUS server name \"%s\" to address: %s", server,
					gai_strerror(code));
}

int
main(int argc, char **argv)
{
	CastsslHbaReader reader = file_reader;
	CastsslHbaPolicy *policy;
	StringInfoData text;

	if (argc != 3)
	{
		fprintf(stderr, "usage: hba_dump VERSION FILE\n");
		return 2;
	}
	reader.radius_error = radius_error;
	policy = castssl_hba_policy_read(argv[2], &reader, atoi(argv[1]));
	initStringInfo(&text);
	for (int i = 0; i < policy->nrules; i++)
	{
		appendStringInfo(&text, "%s\t", policy->files[policy->rules[i].file]->path);
		dump_rule(&text, &policy->rules[i]);
	}
	fwrite(text.data, 1, text.len, stdout);
	return 0;
}
