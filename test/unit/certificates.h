/*
 * certificates.h
 *		The certificates of scripts/make-test-certificates, for the tests of src/tls.
 *
 * CASTSSL_CERTIFICATES names a directory that has them already; otherwise they
 * are made in a new directory, which is removed at the end.
 */
#ifndef CASTSSL_TEST_CERTIFICATES_H
#define CASTSSL_TEST_CERTIFICATES_H

#include <unistd.h>

#include "tls/pem.h"

static char certificates_directory[1024];

static inline void
certificates_remove(void)
{
	if (system(psprintf("rm -rf '%s'", certificates_directory)) != 0)
		printf("could not remove %s\n", certificates_directory);
}

/* Make them and change to their directory; on failure end the program. */
static inline void
certificates_make(void)
{
	const char *given = getenv("CASTSSL_CERTIFICATES");
	const char *root = getenv("CASTSSL_ROOT");

	if (given != NULL)
		snprintf(certificates_directory, sizeof(certificates_directory), "%s", given);
	else
	{
		snprintf(certificates_directory, sizeof(certificates_directory), "%s/castssl-XXXXXX",
				 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
		if (mkdtemp(certificates_directory) == NULL ||
			system(psprintf("'%s/scripts/make-test-certificates' '%s'", root ? root : "../..",
							certificates_directory)) != 0)
		{
			printf("could not make the test certificates\n");
			exit(1);
		}
		atexit(certificates_remove);
	}
	if (chdir(certificates_directory) != 0)
	{
		printf("could not go to %s\n", certificates_directory);
		exit(1);
	}
}

/* A whole file of that directory; NULL is none. */
static inline CastsslPem
certificates_file(const char *name)
{
	CastsslPem pem = { .name = name };
	FILE *file;
	char *data;
	long length;

	if (name == NULL)
		return pem;
	file = fopen(name, "rb");
	if (file == NULL)
	{
		printf("there is no test certificate %s\n", name);
		exit(1);
	}
	fseek(file, 0, SEEK_END);
	length = ftell(file);
	rewind(file);
	data = palloc(length + 1);
	pem.length = fread(data, 1, length, file);
	data[pem.length] = '\0';
	fclose(file);
	pem.data = data;
	return pem;
}

/* The output of a shell command in that directory, without its last newline. */
static inline char *
certificates_command(const char *command)
{
	FILE *pipe = popen(command, "r");
	char *text = palloc(1 << 20);
	size_t length = pipe ? fread(text, 1, (1 << 20) - 1, pipe) : 0;

	if (pipe == NULL || pclose(pipe) != 0)
		printf("this command failed: %s\n", command);
	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	return text;
}

#endif
