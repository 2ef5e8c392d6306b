/*
 * check.h
 *		The assertions of the unit tests: they count, print failures, and continue.
 *
 * A test program calls CHECK... and ends with "return check_summary();", which
 * prints "N passed, N failed" and is the exit status.
 */
#ifndef CASTSSL_TEST_CHECK_H
#define CASTSSL_TEST_CHECK_H

#include <stdio.h>
#include <string.h>

#include "base/majors.h"

static int check_passed = 0;
static int check_failed = 0;

#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
#define CHECK_STRING(got, wanted) check_string((got), (wanted), #got, __FILE__, __LINE__)
#define CHECK_INT(got, wanted) check_int((got), (wanted), #got, __FILE__, __LINE__)

static inline int
check_that(int condition, const char *text, const char *file, int line)
{
	if (condition)
		check_passed++;
	else
	{
		check_failed++;
		printf("%s:%d: failed: %s\n", file, line, text);
	}
	return condition;
}

/* Equal strings, or both NULL. */
static inline int
check_string(const char *got, const char *wanted, const char *text, const char *file, int line)
{
	if (got == wanted || (got && wanted && strcmp(got, wanted) == 0))
	{
		check_passed++;
		return 1;
	}
	check_failed++;
	printf("%s:%d: failed: %s\n     got: %s\n  wanted: %s\n", file, line, text,
		   got ? got : "(null)", wanted ? wanted : "(null)");
	return 0;
}

static inline int
check_int(long got, long wanted, const char *text, const char *file, int line)
{
	if (got == wanted)
	{
		check_passed++;
		return 1;
	}
	check_failed++;
	printf("%s:%d: failed: %s is %ld, wanted %ld\n", file, line, text, got, wanted);
	return 0;
}

static inline int
check_summary(void)
{
	printf("%d passed, %d failed\n", check_passed, check_failed);
	return check_failed == 0 ? 0 : 1;
}

#endif
