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

/* 14 introduced it.  In 13 such a warning goes to the log too. */
#if PG_VERSION_NUM < 140000
#define WARNING_CLIENT_ONLY WARNING
#endif

/* 18 replaced pg_attribute_noreturn() behind a declaration by pg_noreturn before it. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* Since 16 it exports a symbol even if the compiler hides all symbols by default. */
#if PG_VERSION_NUM < 160000 && !defined(WIN32)
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/* 14 renamed the predefined roles.  A user of this macro includes catalog/pg_authid.h. */
#if PG_VERSION_NUM >= 140000
#define CASTSSL_ROLE_READ_ALL_STATS ROLE_PG_READ_ALL_STATS
#else
#define CASTSSL_ROLE_READ_ALL_STATS DEFAULT_ROLE_READ_ALL_STATS
#endif

/* Since 16 a member of a role may become it only by a grant WITH SET TRUE. */
#if PG_VERSION_NUM >= 160000
#define castssl_may_set_role(member, role) member_can_set_role(member, role)
#define CASTSSL_GRANT_WITH_SET " WITH SET TRUE"
#else
#define castssl_may_set_role(member, role) is_member_of_role(member, role)
#define CASTSSL_GRANT_WITH_SET ""
#endif

/* Up to 15 the server keeps the array.  Since 16 the function makes one for each call. */
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

/* The wait event in pg_stat_activity.  Since 17 an extension can name its own. */
#if PG_VERSION_NUM >= 170000
#include "utils/wait_event.h"
#define CASTSSL_WAIT_EVENT(name) WaitEventExtensionNew(name)
#else
#define CASTSSL_WAIT_EVENT(name) PG_WAIT_EXTENSION
#endif

/* Since 17 a stronger mode can count, too. */
#if PG_VERSION_NUM >= 170000
#define CASTSSL_LOCK_HELD_BY_ME(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define CASTSSL_LOCK_HELD_BY_ME(tag, mode) LockHeldByMe(tag, mode)
#endif

/* The suffix of shared libraries.  pg_config.h defines it since 15. */
#ifndef DLSUFFIX
#ifdef WIN32
#define DLSUFFIX ".dll"
#else
#define DLSUFFIX ".so"
#endif
#endif

/* In 19 signal handlers have a second argument, so SIG_IGN has the wrong type there. */
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

/* The variables of ssl_ciphers and ssl_tls13_ciphers, which is new in 18 (NULL: there is none). */
#if PG_VERSION_NUM >= 180000
#define CASTSSL_CIPHERS_VARIABLE (&SSLCipherList)
#define CASTSSL_SUITES_VARIABLE (&SSLCipherSuites)
#define CASTSSL_GROUPS_PARAMETER "ssl_groups"
#else
#define CASTSSL_CIPHERS_VARIABLE (&SSLCipherSuites)
#define CASTSSL_SUITES_VARIABLE ((char **) NULL)
#define CASTSSL_GROUPS_PARAMETER "ssl_ecdh_curve"
#endif

/* pg_hba_file_rules shows the file name since 16, because files can include others since then. */
#if PG_VERSION_NUM >= 160000
#define CASTSSL_HBA_FILE_NAME "file_name"
#else
#define CASTSSL_HBA_FILE_NAME "NULL::pg_catalog.text"
#endif

/* ---- Windows ---- */

/* What the server's header for Windows says: pg_hba.conf may name method sspi. */
#ifdef ENABLE_SSPI
#define CASTSSL_HAS_SSPI true
#else
#define CASTSSL_HAS_SSPI false
#endif

#ifdef WIN32
#define O_NOFOLLOW 0         /* links: see server/process/platform.h */
#define S_ISSOCK(mode) false /* a socket is not a file on Windows */
#define O_NONBLOCK 0         /* nor is a FIFO, */
#define O_NOCTTY 0           /* nor a terminal */
#ifndef O_CLOEXEC
#define O_CLOEXEC 0 /* the start of a process decides whether it inherits handles */
#endif
#ifndef S_ISVTX
#define S_ISVTX 0 /* the mode decides nothing */
#endif
#ifndef S_ISLNK
#define S_ISLNK(mode) false /* the server's stat() recognizes links only from 14 on */
#endif

/*
 * In a server that Visual C++ built for x64: the size of a jmp_buf, and the offset of the
 * name in a struct dirent, in bytes.
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

/* On Windows this is the server's own function; up to 15 getaddrinfo.h declares it. */
#define castssl_gai_strerror(code) gai_strerror(code)

/* ---- OpenSSL ---- */

#include <openssl/opensslv.h>

/* Library contexts, and providers for them, exist since 3.0. */
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#define CASTSSL_LIBRARY_CONTEXTS
#endif

/* Since 3.0 OpenSSL can name a group that has no NID. */
#ifdef CASTSSL_LIBRARY_CONTEXTS
#define castssl_group_name(ssl, id) SSL_group_to_name(ssl, id)
#else
#define castssl_group_name(ssl, id) OBJ_nid2sn(id)
#endif

#endif
