/*
 * platform_account.h
 *		What the server's account may do with files, as far as it differs between Windows
 *		and POSIX systems.
 */
#ifndef CASTSSL_SERVER_PROCESS_PLATFORM_ACCOUNT_H
#define CASTSSL_SERVER_PROCESS_PLATFORM_ACCOUNT_H

#include <sys/stat.h>

/*
 * The group that would give this process access, but that it lacks because the server's account
 * joined the group after the process started.  It is the group of the file or of a folder on the
 * way.  NULL: there is none.  Palloc'd.
 */
extern char *castssl_account_missing_group(const char *path);

/*
 * The first folder on the way to the file that this process may not enter, palloc'd; *st is what
 * stat() says about it.  NULL: there is none.  The path is absolute.
 */
extern char *castssl_account_blocked_at(const char *path, struct stat *st);

/* The name of an account, or its user ID if it has no name; palloc'd. */
extern char *castssl_account_name(uid_t uid);

/* The name of the account that the server runs as, else its number; palloc'd. */
extern char *castssl_account_own(void);

/*
 * The same as an argument of chown and install -o, palloc'd.  It has no character that means
 * something to a shell or in a format: such a name is given as its number.
 */
extern char *castssl_account_word(void);

/* The group of the files that this process makes; 0 if there are no groups. */
extern int castssl_account_group_id(void);

/* May this process give a file of its own to that group? */
extern bool castssl_account_may_give_group(gid_t group);

#endif
