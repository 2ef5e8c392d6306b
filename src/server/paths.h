/*
 * paths.h
 *		Names of files: made absolute, resolved, and which a caller may name.
 *
 * Everything is palloc'd in the current context.
 */
#ifndef CASTSSL_SERVER_PATHS_H
#define CASTSSL_SERVER_PATHS_H

#define CASTSSL_STATE_DIRECTORY "pg_castssl" /* in the data directory */

/* Canonical absolute path of name as seen from directory (used where name is relative). */
extern char *castssl_path_in(const char *directory, const char *name);

/* Folder of a path, palloc'd. */
extern char *castssl_path_folder(const char *path);

/* The data directory, links resolved. */
extern const char *castssl_path_data_directory(void);

/* Where the extension keeps its state, or a file in it: DataDir/pg_castssl[/name]. */
extern char *castssl_state_path(const char *name);

/*
 * The path with symbolic links resolved.  One whose last component does not
 * exist yet is resolved up to it; 58P01 when its folder does not exist either.
 *
 * by_caller: the caller named it.  Then, unless the caller is a superuser, it must
 * lie in the data directory, the folder of config_file or one of
 * castssl.allowed_directories (42501).
 */
extern char *castssl_path_resolve(const char *path, bool by_caller);

#endif
