/*
 * platform_account.c
 *		What the server's account may do with files, as far as it differs between Windows
 *		and POSIX systems.
 */
#include "postgres.h"

#include <unistd.h>

#ifndef WIN32
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#endif

#include "server/process/platform.h"
#include "server/process/platform_account.h"

#ifndef WIN32

/* Is this process in the group? */
static bool
is_in_group(gid_t group)
{
	int count = getgroups(0, NULL);
	gid_t *groups = palloc(Max(count, 1) * sizeof(gid_t));

	if (group == getegid())
		return true;
	count = getgroups(count, groups);
	for (int i = 0; i < count; i++)
	{
		if (groups[i] == group)
			return true;
	}
	return false;
}

/* Is the account in the group, so that a new process would be? */
static bool
account_is_in_group(gid_t group)
{
	struct passwd *account = getpwuid(geteuid());
	struct group *entry = getgrgid(group);

	if (account == NULL || entry == NULL)
		return false;
	for (int i = 0; entry->gr_mem[i]; i++)
	{
		if (strcmp(entry->gr_mem[i], account->pw_name) == 0)
			return true;
	}
	return account->pw_gid == group;
}

char *
castssl_account_missing_group(const char *path)
{
	char *part = pstrdup(path);

	for (;;)
	{
		char *slash;
		struct stat st;

		if (stat(part, &st) == 0 && !is_in_group(st.st_gid) && account_is_in_group(st.st_gid))
		{
			const struct group *group = getgrgid(st.st_gid);

			return group ? pstrdup(group->gr_name) : psprintf("%d", (int) st.st_gid);
		}
		slash = strrchr(part, '/');
		if (slash == NULL || slash == part)
			return NULL;
		*slash = '\0';
	}
}

char *
castssl_account_blocked_at(const char *path, struct stat *st)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
	{
		char *folder = slash == path ? pstrdup("/") : pnstrdup(path, slash - path);

		if (faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) != 0 && errno == EACCES &&
			stat(folder, st) == 0)
			return folder;
	}
	return NULL;
}

char *
castssl_account_name(uid_t uid)
{
	struct passwd *account = getpwuid(uid);

	return account ? pstrdup(account->pw_name) : psprintf("%d", (int) uid);
}

int
castssl_account_group_id(void)
{
	return (int) getegid();
}

bool
castssl_account_may_give_group(gid_t group)
{
	return geteuid() == 0 || is_in_group(group);
}

#else /* WIN32 */

char *
castssl_account_missing_group(const char *path)
{
	return NULL;
}

char *
castssl_account_blocked_at(const char *path, struct stat *st)
{
	return NULL;
}

char *
castssl_account_name(uid_t uid)
{
	return psprintf("%d", (int) uid);
}

int
castssl_account_group_id(void)
{
	return 0;
}

bool
castssl_account_may_give_group(gid_t group)
{
	return true;
}

#endif

char *
castssl_account_own(void)
{
	return castssl_account_name(castssl_platform_user_id());
}

char *
castssl_account_word(void)
{
	char *name = castssl_account_own();

	return name[strspn(name,
					   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0'
			   ? name
			   : psprintf("%d", castssl_platform_user_id());
}
