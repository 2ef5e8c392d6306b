/*
 * platform.h
 *		What Windows does otherwise than POSIX systems.
 *
 * The only file with a condition on the platform, but for base/compat.h, which
 * names what a platform's headers lack.
 */
#ifndef CASTSSL_SERVER_PLATFORM_H
#define CASTSSL_SERVER_PLATFORM_H

#include <sys/stat.h>

/*
 * Do owner and mode of a file decide who may read it, and does the server check
 * them?  False on Windows, where access control lists do and nobody checks.
 */
extern bool castssl_platform_has_modes(void);

/*
 * Does each new connection read certificate, key and pg_hba.conf anew, without a
 * reload?  True on Windows, where nothing is inherited from the postmaster.
 */
extern bool castssl_platform_reads_live_files(void);

/* The user ID that the server runs as; 0 where there is none, as in a struct stat there. */
extern int castssl_platform_user_id(void);

/*
 * Open an absolute path for reading with no symbolic link in any of its
 * components, so that what was checked is what is opened.  -1 and errno on
 * failure.  Non-blocking: a FIFO must not make us wait.  On Windows links are
 * followed: to make one takes a right that administrators have.
 */
extern int castssl_platform_open(const char *path);

/* An existing path with links resolved, palloc'd, slashes only; NULL and errno otherwise. */
extern char *castssl_platform_real_path(const char *path);

/* As fchown, fchmod and chmod; 0 with nothing done where there are no modes. */
extern int castssl_platform_set_owner(int fd, uid_t uid, gid_t gid);
extern int castssl_platform_set_mode(int fd, mode_t mode);
extern int castssl_platform_set_mode_of(const char *path, mode_t mode);

/* Has the system files that are in memory alone (memfd_create) and have a path? */
extern bool castssl_platform_has_memory_files(void);

/* A new one, open for reading and writing, of mode 0600; -1 and errno on failure. */
extern int castssl_platform_memory_file(void);

/* The path by which this process can open it again; palloc'd. */
extern char *castssl_platform_memory_path(int fd);

/* Is it on a file system that is mounted read-only?  False where nobody can say. */
extern bool castssl_platform_is_read_only(const char *path);

/*
 * Where the mode that a file was made with does not decide who may read it: let
 * only the server's account, administrators and SYSTEM, whatever its folder passes
 * on.  For a file that is still empty.  Where the file system has no access control
 * lists nothing is done.  PostgreSQL has nothing of the kind.
 */
extern void castssl_platform_keep_private(const char *path);

/* There, too: let the new, still empty file be used by whoever may use the one that it replaces. */
extern void castssl_platform_keep_access(const char *replaced, const char *path);

/*
 * Whom else than the server's account, administrators and SYSTEM the access
 * control list of a file lets read it: names with commas, palloc'd.  NULL:
 * nobody, or there is no such list, or it cannot be read.
 */
extern char *castssl_platform_other_readers(const char *path);

#endif
