/*
 * majors.h
 *		The PostgreSQL majors whose pg_hba.conf grammar we know.
 *
 * For a new major, raise CASTSSL_NEWEST_MAJOR, and add what is new there to base/compat.h
 * and to the tables of hba/text/options.c.  Tests and fuzzers read this file too.
 */
#ifndef CASTSSL_BASE_MAJORS_H
#define CASTSSL_BASE_MAJORS_H

#define CASTSSL_OLDEST_MAJOR 13
#define CASTSSL_NEWEST_MAJOR 19

/* How many there are. */
#define CASTSSL_MAJORS (CASTSSL_NEWEST_MAJOR - CASTSSL_OLDEST_MAJOR + 1)

#endif
