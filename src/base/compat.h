/*
 * compat.h
 *		Every difference between PostgreSQL majors, and between OpenSSL releases.
 *
 * No other file has a version conditional; scripts/check-layers enforces this.
 */
#ifndef CASTSSL_BASE_COMPAT_H
#define CASTSSL_BASE_COMPAT_H

/* ---- PostgreSQL ---- */

#ifndef USE_OPENSSL
#error "pg_castssl needs a PostgreSQL that is built with OpenSSL (./configure --with-ssl=openssl)"
#endif

#define CASTSSL_SERVER_MAJOR (PG_VERSION_NUM / 10000)

/* 15 renamed the function, and made it reserve the prefix as well. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* Before 14 the log has them, too. */
#if PG_VERSION_NUM < 140000
#define WARNING_CLIENT_ONLY WARNING
#endif

/* 18 moved pg_noreturn before the declaration, and dropped the form behind it. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Since 16 it says so that a symbol is exported, also where all others are hidden. */
#if PG_VERSION_NUM < 160000 && !defined(WIN32)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* 14 renamed the predefined roles.  A macro, for most files do not include catalog/pg_authid.h. */
#if PG_VERSION_NUM >= 140000
#define CASTSSL_ROLE_READ_ALL_STATS ROLE_PG_READ_ALL_STATS
#else
#define CASTSSL_ROLE_READ_ALL_STATS DEFAULT_ROLE_READ_ALL_STATS
#endif

/* 16 made it a list that is put together when somebody asks. */
#if PG_VERSION_NUM >= 160000
#define castssl_guc_variables(count) get_guc_variables(count)
#else
#define castssl_guc_variables(count) (*(count) = GetNumConfigOptions(), get_guc_variables())
#endif

/* allow_alter_system exists since 17. */
#if PG_VERSION_NUM >= 170000
#define castssl_alter_system_allowed() AllowAlterSystem
#else
#define castssl_alter_system_allowed() true
#endif

/* Since 19, log_min_messages is one threshold for each kind of process. */
#if PG_VERSION_NUM >= 190000
#define CASTSSL_LOG_MIN_MESSAGES log_min_messages[MyBackendType]
#else
#define CASTSSL_LOG_MIN_MESSAGES log_min_messages
#endif

/* What pg_stat_activity says that a process waits for: a name of our own came with 17. */
#if PG_VERSION_NUM >= 170000
#include "utils/wait_event.h"
#define CASTSSL_WAIT_EVENT(name) WaitEventExtensionNew(name)
#else
#define CASTSSL_WAIT_EVENT(name) PG_WAIT_EXTENSION
#endif

/* What names of libraries end in is in pg_config.h since 15. */
#ifndef DLSUFFIX
#ifdef WIN32
#define DLSUFFIX ".dll"
#else
#define DLSUFFIX ".so"
#endif
#endif

/* In 19 handlers got a second argument, which SIG_IGN does not have. */
#ifndef PG_SIG_IGN
#define PG_SIG_IGN SIG_IGN
#endif

/*
 * Since 19 a successful be_tls_init() frees what an earlier call loaded.  In a backend
 * that is the postmaster's context, in memory that the backend no longer has.  An
 * unknown list of ciphers makes be_tls_init() fail after it loads the files and before
 * it frees anything.  NULL if nothing has to stop it.
 */
#if PG_VERSION_NUM >= 190000
#define CASTSSL_TLS_LOADER_STOP (&SSLCipherList)
#else
#define CASTSSL_TLS_LOADER_STOP ((char **) NULL)
#endif

/* pg_hba_file_rules shows the file name since 16, because files can include others since then. */
#if PG_VERSION_NUM >= 160000
#define CASTSSL_HBA_FILE_NAME "file_name"
#else
#define CASTSSL_HBA_FILE_NAME "NULL::pg_catalog.text"
#endif

/* ---- Windows ---- */

#ifdef WIN32
#define O_NOFOLLOW 0         /* links: see server/process/platform.h */
#define S_ISSOCK(mode) false /* a socket is not a file on Windows */
#define O_NONBLOCK 0         /* nor is a FIFO, */
#define O_NOCTTY 0           /* nor a terminal */
#ifndef O_CLOEXEC
#define O_CLOEXEC 0 /* what a handle passes on is said when a process starts */
#endif
#ifndef S_ISVTX
#define S_ISVTX 0 /* the mode decides nothing */
#endif
#ifndef S_ISLNK
#define S_ISLNK(mode) false /* the server tells a link from 14 on */
#endif

/*
 * In a server by Visual C++, for x64: the size of a jmp_buf, and at which byte
 * a struct dirent has the name.
 */
#define CASTSSL_WINDOWS_JUMP_SIZE 256
#if PG_VERSION_NUM >= 140000
#define CASTSSL_WINDOWS_DIRENT_NAME 10
#else
#define CASTSSL_WINDOWS_DIRENT_NAME 8
#endif

#if PG_VERSION_NUM < 160000
#include "getaddrinfo.h"
#endif
#endif

/* On Windows it is the server's own, whose header had another name up to 15. */
#define castssl_gai_strerror(code) gai_strerror(code)

/* ---- OpenSSL ---- */

#include <openssl/opensslv.h>

/* Library contexts, and providers for them, exist since 3.0. */
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#define CASTSSL_LIBRARY_CONTEXTS
#endif

/* Groups without a number of their own in OpenSSL have a name since 3.0. */
#ifdef CASTSSL_LIBRARY_CONTEXTS
#define castssl_group_name(ssl, id) SSL_group_to_name(ssl, id)
#else
#define castssl_group_name(ssl, id) OBJ_nid2sn(id)
#endif

#endif
