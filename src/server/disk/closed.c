/*
 * closed.c
 *		Closed files: they lie where they belong, but the server's account may not read them.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/words.h"
#include "server/disk/closed.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"

bool
castssl_closed_is(const char *path)
{
	return access(path, R_OK) != 0 && errno == EACCES;
}

/* Is the file in a folder of the server's account?  In another one it may be somebody else's. */
static bool
is_in_own_folder(const char *path)
{
	char *folder = pstrdup(path);
	struct stat st;

	get_parent_directory(folder);
	return stat(folder, &st) == 0 && (int) st.st_uid == castssl_platform_user_id();
}

char *
castssl_closed_hint(const char *path)
{
	char *word = castssl_shell_word(path);
	struct stat st;
	char *folder = castssl_account_blocked_at(path, &st);
	char *opening;
	bool is_folder;
	bool is_open;

	if (folder && (int) st.st_uid == castssl_platform_user_id())
		return castssl_hint_with("Let the server's account use its folder: chmod u+rwx %s",
								 castssl_shell_word(folder));
	if (folder)
		return castssl_hint_naming(
			psprintf("Let the server's account %s pass through the folder \"%%s\" (mode %04o).",
					 castssl_account_own(), (unsigned) (st.st_mode & 07777)),
			folder);
	if (word == NULL || stat(path, &st) != 0)
		return NULL;
	is_folder = S_ISDIR(st.st_mode); /* of include_dir */
	opening = psprintf("chmod %s %s", is_folder ? "u+rx" : "u+r", word);
	if ((int) st.st_uid == castssl_platform_user_id())
		return psprintf("Let the server's account read it: %s", opening);
	if (!is_in_own_folder(path))
		return psprintf("Let the server's account %s read it.", castssl_account_own());
	is_open = (st.st_mode & S_IRUSR) && (!is_folder || (st.st_mode & S_IXUSR));
	return psprintf("Let the server's account read it, as root: chown %s %s%s",
					castssl_account_word(), word, is_open ? "" : psprintf(" && %s", opening));
}

void
castssl_closed_refuse(const char *path, const char *effect)
{
	char *account;
	char *hint;

	if (!castssl_closed_is(path))
		return;
	account = castssl_account_own();
	hint = castssl_closed_hint(path);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("could not open file \"%s\": %s", path, strerror(EACCES)),
			 effect ? errdetail("The server runs as %s, which may not read this file: %s.", account,
								effect)
					: errdetail("The server runs as %s, which may not read this file.", account),
			 hint ? errhint("%s", hint) : 0));
}
