/*
 * startup.h
 *		What the next start needs besides certificates and pg_hba.conf.
 */
#ifndef CASTSSL_SERVER_STARTUP_H
#define CASTSSL_SERVER_STARTUP_H

/*
 * The first file or folder that the next start needs and that is missing: a library of
 * shared_preload_libraries, a folder of unix_socket_directories.  Palloc'd; NULL if none is
 * missing.  Loads nothing, so it does not know whether a library fits this server.
 */
extern char *castssl_startup_problem(void);

#endif
