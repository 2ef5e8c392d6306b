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

/* A path in the folder that does not exist yet: that name, or the name with a number.  Palloc'd. */
extern char *castssl_path_free(const char *folder, const char *name);

/* The last component of a path: a pointer into path. */
extern const char *castssl_path_base(const char *path);

/* The data directory, links resolved. */
extern const char *castssl_path_data_directory(void);

/* The directory of the extension's state, or a file in it: DataDir/pg_castssl[/name]. */
extern char *castssl_state_path(const char *name);

/* The directory of the server's small CA, or a file in it. */
extern char *castssl_authority_path(const char *name);

/* Does the absolute path lie in the directory of the state, or in castssl.ca_directory? */
extern bool castssl_path_is_of_authority(const char *path);

/*
 * For ereport: the account joined a group (castssl_account_missing_group) after the server
 * started.
 */
#define CASTSSL_MISSING_GROUP(group)                                                               \
	errdetail("The server's account is in group \"%s\" now, but was not when "                     \
			  "the server was started.",                                                           \
			  (group)),                                                                            \
		errhint("Restart the server: then it has the group.")

/*
 * For ereport, after EACCES: a DETAIL that names the folder on the way to the file, or else the
 * file, that is closed to the server's account, and a HINT how to open it.
 */
extern int castssl_path_err_closed(const char *path);

/*
 * The path with symbolic links resolved.  A relative path is relative to the data directory.  If
 * only the last component does not exist yet, the rest is resolved. 58P01 if the folder does not
 * exist either, or if the path has MAXPGPATH bytes or more.
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

/*
 * 42501 if the folder that files are to be written to is none, or if the server's account may not
 * enter it, or a folder above it.
 */
extern void castssl_path_check_open_target(const char *folder);

#endif
