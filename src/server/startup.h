/*
 * startup.h
 *		What the next start needs besides certificates and pg_hba.conf.
 */
#ifndef CASTSSL_SERVER_STARTUP_H
#define CASTSSL_SERVER_STARTUP_H

/*
 * The first file or folder that the next start needs and that is not there: a library of
 * shared_preload_libraries, a folder of unix_socket_directories.  Palloc'd; NULL if all are
 * there.  Loads nothing: whether a library fits this server is not known.
 */
extern char *castssl_startup_problem(void);

#endif
