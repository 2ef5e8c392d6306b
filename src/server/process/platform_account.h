/*
 * platform_account.h
 *		What the server's account may do with files, as far as it differs between Windows
 *		and POSIX systems.
 */
#ifndef CASTSSL_SERVER_PROCESS_PLATFORM_ACCOUNT_H
#define CASTSSL_SERVER_PROCESS_PLATFORM_ACCOUNT_H

#include <sys/stat.h>

/*
 * The group that keeps this process from the file, although the account that it runs as
 * is in that group by now: it was started before.  The group is the file's, or that of a
 * folder on the way.  NULL: there is none.  Palloc'd.
 */
extern char *castssl_account_missing_group(const char *path);

/*
 * The first folder on the way to the file that this process may not pass through, palloc'd;
 * *st is then what stat says of it.  NULL: there is none.  For an absolute path.
 */
extern char *castssl_account_blocked_at(const char *path, struct stat *st);

/* The name of an account, else its number; palloc'd. */
extern char *castssl_account_name(uid_t uid);

/* The group of the files that this process makes; 0 if there are no groups. */
extern int castssl_account_group_id(void);

/* May this process give a file of its own to that group? */
extern bool castssl_account_may_give_group(gid_t group);

#endif
