/*
 * paths.h
 *		File names: makes them absolute, resolves links, and decides which ones a caller
 *		may name.
 *
 * Everything is palloc'd in the current context.
 */
#ifndef CASTSSL_SERVER_DISK_PATHS_H
#define CASTSSL_SERVER_DISK_PATHS_H

#define CASTSSL_STATE_DIRECTORY "pg_castssl" /* in the data directory */

/* Canonical absolute path of name.  A relative name is relative to directory. */
extern char *castssl_path_in(const char *directory, const char *name);

/* Folder of a path, palloc'd. */
extern char *castssl_path_folder(const char *path);

/* The last part of a path: a part of it. */
extern const char *castssl_path_base(const char *path);

/* The data directory, links resolved. */
extern const char *castssl_path_data_directory(void);

/* The directory of the extension's state, or a file in it: DataDir/pg_castssl[/name]. */
extern char *castssl_state_path(const char *name);

/* For ereport: the account got a group (castssl_account_missing_group) that the server lacks. */
#define CASTSSL_MISSING_GROUP(group)                                                               \
	errdetail("The account that the server runs as is in group \"%s\" by now, but was not when "   \
			  "the server was started.",                                                           \
			  (group)),                                                                            \
		errhint("Restart the server: it has the group from then on.")

/*
 * For ereport, after EACCES: DETAIL and HINT that say which folder on the way to the file, or else
 * that the file, is closed to the server's account, and how to give the server a copy.
 */
extern int castssl_path_err_closed(const char *path);

/*
 * The path with symbolic links resolved.  If only the last component does not exist yet,
 * the rest is resolved. 58P01 if the folder does not exist either.
 *
 * by_caller: the caller named the path.  Then, unless the caller is a superuser, it must
 * be in the data directory, the folder of config_file or one of
 * castssl.allowed_directories (42501).
 */
extern char *castssl_path_resolve(const char *path, bool by_caller);

/*
 * As above for a file or folder that is to be written: symbolic links are followed only where
 * nobody but root and the server's account can put them in place (42501).
 */
extern char *castssl_path_resolve_target(const char *path, bool by_caller);

#endif
