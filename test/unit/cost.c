/*
 * cost.c
 *		Runs one step of src/hba or src/tls on real input, to count its instructions.
 *
 * cost STEP FILE [OTHER [CA]] runs a step and prints a number, in most cases how much it found:
 *	read          read the rules of a pg_hba.conf
 *	unreachable   read, and find the unreachable rules
 *	explain       read, and find the rule that answers a connection which no rule answers
 *	certificate   does a server with the CA file OTHER accept the client certificate FILE?
 *	judge         explain with FILE, then certificate with OTHER and CA
 *	compare       read both files, and compare their policies
 *	certificates  read the facts of every certificate in a bundle
 */
#include "postgres_fe.h"

#include <time.h>

#include "hba/access/compare.h"
#include "reader.h"
#include "hba/access/unreachable.h"
#include "tls/certificate.h"
#include "tls/client.h"

#define VERSION 16

static CastsslHbaPolicy *
policy_of(const char *path)
{
	return castssl_hba_policy_read(path, &file_reader, VERSION);
}

static int
count_unreachable(const CastsslHbaPolicy *policy, const CastsslHbaWorld *world)
{
	bool *unreachable = palloc0(policy->nrules * sizeof(bool));
	int **blocking = palloc0(policy->nrules * sizeof(int *));
	int *nblocking = palloc0(policy->nrules * sizeof(int));
	int count = 0;

	castssl_hba_find_unreachable(policy, true, world, unreachable, blocking, nblocking);
	for (int i = 0; i < policy->nrules; i++)
		count += unreachable[i];
	return count;
}

static int
explain(const CastsslHbaPolicy *policy, const CastsslHbaWorld *world)
{
	CastsslConnection connection = { .database = "db1",
									 .user = "nobody",
									 .encryption = CASTSSL_PLAINTEXT,
									 .family = 4,
									 .address = { 192, 0, 2, 1 } };

	return castssl_hba_match(policy, &connection, world, NULL) + 1;
}

static int
count_certificates(const char *path)
{
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	char *data;
	size_t length;
	bool missing;
	char *error;

	if (!file_read(NULL, path, &data, &length, &missing, &error) ||
		!castssl_certificates_read_facts(data, length, path, &certificates, &findings))
		return -1;
	return certificates.count;
}

/* 0: the server accepts it; -1: it does not */
static int
judge_certificate(char *const *paths)
{
	CastsslPem shown = { .name = "shown" };
	CastsslClientTerms terms = { .ca.name = paths[1] };
	CastsslClient client = { 0 };
	CastsslFindings findings = { 0 };
	char *data[2];
	bool missing;
	char *error;

	if (!file_read(NULL, paths[0], &data[0], &shown.length, &missing, &error) ||
		!file_read(NULL, paths[1], &data[1], &terms.ca.length, &missing, &error))
		return -1;
	shown.data = data[0];
	terms.ca.data = data[1];
	return castssl_client_judge(&shown, &terms, (int64) time(NULL), &client, &findings) &&
				   client.problem == NULL
			   ? 0
			   : -1;
}

int
main(int argc, char **argv)
{
	const char *step = argc > 2 ? argv[1] : "";
	CastsslHbaWorld world = { 0 };
	CastsslHbaDifferences differences = { 0 };
	int count;

	if (strcmp(step, "read") == 0)
		count = policy_of(argv[2])->nrules;
	else if (strcmp(step, "unreachable") == 0)
		count = count_unreachable(policy_of(argv[2]), &world);
	else if (strcmp(step, "explain") == 0)
		count = explain(policy_of(argv[2]), &world);
	else if (strcmp(step, "certificate") == 0 && argc == 4)
		count = judge_certificate(argv + 2);
	else if (strcmp(step, "judge") == 0 && argc == 5)
		count = explain(policy_of(argv[2]), &world) + judge_certificate(argv + 3);
	else if (strcmp(step, "compare") == 0 && argc == 4)
	{
		castssl_hba_compare(policy_of(argv[2]), true, policy_of(argv[3]), true, &world,
							&differences);
		count = differences.count;
	}
	else if (strcmp(step, "certificates") == 0)
		count = count_certificates(argv[2]);
	else
	{
		fprintf(stderr,
				"usage: cost read|unreachable|explain|certificate|judge|compare|certificates FILE "
				"[OTHER [CA]]\n");
		return 2;
	}
	printf("%d\n", count);
	return count < 0;
}
