/*
 * platform.h
 *		Differences between Windows and POSIX systems.
 *
 * Only this and platform_*.c have conditions on the platform, except base/compat.h, which
 * defines what the headers of a platform lack.
 */
#ifndef CASTSSL_SERVER_PROCESS_PLATFORM_H
#define CASTSSL_SERVER_PROCESS_PLATFORM_H

#include <sys/stat.h>

/*
 * Do the owner and mode of a file decide who may read it, and does the server check
 * them?  False on Windows: access control lists decide there, and nothing checks them.
 */
extern bool castssl_platform_has_modes(void);

/*
 * Does each new connection read certificate, key and pg_hba.conf again, without a
 * reload?  True on Windows, where a backend inherits nothing from the postmaster.
 */
extern bool castssl_platform_reads_live_files(void);

/* The user ID of the server's account. 0 on Windows, which has no user IDs: st_uid is 0, too. */
extern int castssl_platform_user_id(void);

/* An existing path with links resolved, palloc'd, with slashes only.  NULL and errno on failure. */
extern char *castssl_platform_real_path(const char *path);

/* Like fchown and fchmod.  Without modes, they do nothing and return 0. */
extern int castssl_platform_set_owner(int fd, uid_t uid, gid_t gid);
extern int castssl_platform_set_mode(int fd, mode_t mode);

/* Does the system have files that exist only in memory (memfd_create) and have a path? */
extern bool castssl_platform_has_memory_files(void);

/* Make such a file, open for reading and writing, of mode 0600. -1 and errno on failure. */
extern int castssl_platform_memory_file(void);

/* The path by which this process can open the file again; palloc'd. */
extern char *castssl_platform_memory_path(int fd);

/*
 * From here on a SIGHUP sets ConfigReloadPending and the latch, whatever handler this process
 * had. _end restores that handler, and passes on a SIGHUP that came in between.  Does nothing on
 * Windows.
 */
extern void castssl_platform_hear_reload(void);
extern void castssl_platform_hear_reload_end(void);

/* fsync(2), whatever the parameter fsync says; 0, or -1 and errno. */
extern int castssl_platform_sync(int fd);

/* Is the path on a file system that is mounted read-only?  False if unknown. */
extern bool castssl_platform_is_read_only(const char *path);

/*
 * Is the file itself a mount point, as containers have them?  Nothing can take its place
 * then.  False if unknown.
 */
extern bool castssl_platform_is_mount_point(const char *path);

/*
 * For systems where the mode of a new file does not decide who may read it: allow only
 * the server's account, administrators and SYSTEM, whatever the folder passes on.  Call
 * it while the file is still empty.  Does nothing if the file system has no access
 * control lists.  PostgreSQL has no such function.
 */
extern void castssl_platform_keep_private(const char *path);

/*
 * For the same systems: give the new, still empty file the access rights of the file
 * that it replaces.
 */
extern void castssl_platform_keep_access(const char *replaced, const char *path);

/*
 * The accounts that the access control list of a file allows to read it, except the
 * server's account, administrators and SYSTEM: names with commas, palloc'd.  NULL: no
 * other account, no such list, or the list cannot be read.
 */
extern char *castssl_platform_other_readers(const char *path);

/* The SID of the server's account (S-1-5-20), palloc'd; NULL where accounts have none. */
extern char *castssl_platform_account_sid(void);

/* The account at the other end of a Unix-domain socket, palloc'd; NULL if it is unknown. */
extern char *castssl_platform_peer_account(pgsocket socket);

#endif
