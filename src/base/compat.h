/*
 * compat.h
 *		Every difference between PostgreSQL majors, and between OpenSSL releases.
 *
 * No other file has a version conditional (scripts/check-layers sees to it).
 */
#ifndef CASTSSL_BASE_COMPAT_H
#define CASTSSL_BASE_COMPAT_H

/* ---- PostgreSQL ---- */

#define CASTSSL_SERVER_MAJOR (PG_VERSION_NUM / 10000)
#define CASTSSL_NEWEST_MAJOR 19 /* whose pg_hba.conf grammar we know */

/* 15 renamed it and made it reserve the prefix as well. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* The value of an A_Const became a union of nodes in 15. */
#if PG_VERSION_NUM >= 150000
#define CASTSSL_SET_STRING(constant, string)                                                       \
	((constant)->val.sval.type = T_String, (constant)->val.sval.sval = (string))
#else
#define CASTSSL_SET_STRING(constant, string)                                                       \
	((constant)->val.type = T_String, (constant)->val.val.str = (string))
#endif

/* 18 puts it before the declaration, and has dropped the form that goes behind. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* allow_alter_system came with 17. */
#if PG_VERSION_NUM >= 170000
#define castssl_alter_system_allowed() AllowAlterSystem
#else
#define castssl_alter_system_allowed() true
#endif

/* log_min_messages is one threshold per kind of process from 19 on. */
#if PG_VERSION_NUM >= 190000
#define CASTSSL_LOG_MIN_MESSAGES log_min_messages[MyBackendType]
#else
#define CASTSSL_LOG_MIN_MESSAGES log_min_messages
#endif

/* Handlers got a second argument in 19, which SIG_IGN does not have. */
#ifndef PG_SIG_IGN
#define PG_SIG_IGN SIG_IGN
#endif

/*
 * From 19 on a be_tls_init() that succeeds frees what an earlier one has loaded: the postmaster's,
 * in memory that a backend no longer has.  A list of ciphers that nobody knows makes it give up
 * after the files and before that.  NULL where nothing needs to stop it.
 */
#if PG_VERSION_NUM >= 190000
#define CASTSSL_TLS_LOADER_STOP (&SSLCipherList)
#else
#define CASTSSL_TLS_LOADER_STOP ((char **) NULL)
#endif

/* pg_hba_file_rules names the file since 16, where one can include another. */
#if PG_VERSION_NUM >= 160000
#define CASTSSL_HBA_FILE_NAME "file_name"
#else
#define CASTSSL_HBA_FILE_NAME "NULL::pg_catalog.text"
#endif

/* ---- Windows ---- */

#ifdef WIN32
#define O_NOFOLLOW 0         /* links: see server/platform.h */
#define S_ISSOCK(mode) false /* a socket is no file there */
#if PG_VERSION_NUM < 160000
#include "getaddrinfo.h" /* gai_strerror */
#endif
#endif

/* ---- OpenSSL ---- */

#include <openssl/opensslv.h>

/* Library contexts, and providers for them, came with 3.0. */
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#define CASTSSL_LIBRARY_CONTEXTS
#endif

#endif
