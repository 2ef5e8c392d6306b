/*
 * modes.c
 *		Owner and mode of a file: what the server accepts, and who else can use it.
 */
#include "postgres.h"

#include "base/words.h"
#include "server/disk/modes.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"

/*
 * The HINT: first what needs no root, then the command for root that makes the server accept the
 * key.  The command stands last, so that it can be copied up to the end of the line.
 */
static int
hint_for_key(const char *path, const struct stat *st, const char *copy)
{
	char *command = st->st_uid == 0 && castssl_account_may_give_group(st->st_gid)
						? pstrdup("chmod 0640 %s")
						: psprintf("chown %s %%s && chmod 0600 %%s", castssl_account_word());
	const char *hint = castssl_hint_with(command, castssl_shell_word(path));

	if (copy == NULL)
		return hint ? errhint("Run as root: %s", hint) : 0;
	return hint ? errhint("%s  Or run as root: %s", copy, hint) : errhint("%s", copy);
}

mode_t
castssl_key_mode_wanted(const char *path, const struct stat *st, const char *copy)
{
	if (!castssl_platform_has_modes())
		return 0; /* LCOV_EXCL_LINE: only on Windows */
	if (st->st_uid == castssl_platform_user_id())
		return (st->st_mode & (S_IRWXG | S_IRWXO)) ? (st->st_mode & S_IRWXU) : 0;
	if (st->st_uid != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("private key file \"%s\" must be owned by the database user or root", path),
				 errdetail("It is owned by %s; the server runs as %s.",
						   castssl_account_name(st->st_uid), castssl_account_own()),
				 hint_for_key(path, st, copy)));
	if (st->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO))
		ereport(
			ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("private key file \"%s\" has group or world access", path),
			 errdetail("It is owned by root and its mode is %04o; the server accepts 0640 at most.",
					   (unsigned) (st->st_mode & 07777)),
			 hint_for_key(path, st, copy)));
	return 0;
}

mode_t
castssl_file_mode_as_ours(mode_t mode)
{
	return (mode & S_IRWXO) == 0 ? mode & S_IRWXU : mode;
}

bool
castssl_file_is_of_another(const struct stat *st)
{
	return st->st_uid != castssl_platform_user_id();
}

bool
castssl_file_is_open_to_others(const struct stat *st)
{
	/* of root's file the server reads a key by its group, as Debian and Kubernetes have it */
	mode_t others = st->st_uid == 0 && castssl_account_may_give_group(st->st_gid)
						? S_IWGRP | S_IXGRP | S_IRWXO
						: S_IRWXG | S_IRWXO;

	return castssl_platform_has_modes() && (st->st_mode & others) != 0;
}
