/*
 * modes.h
 *		Owner and mode of a file: what the server accepts, and who else can use it.
 */
#ifndef CASTSSL_SERVER_DISK_MODES_H
#define CASTSSL_SERVER_DISK_MODES_H

#include <sys/stat.h>

/*
 * Would the server refuse a private key file of that owner and mode, and can we repair it
 * (PostgreSQL: check_ssl_key_file_permissions)?  Returns 0 if the file is good.  Returns the mode
 * to give it if we own it and it is too open.  Raises 42501 if only another account can repair
 * it.  The HINT is then copy, which says how to use a copy instead (NULL: no such way), followed
 * by the chown or chmod line.
 */
extern mode_t castssl_key_mode_wanted(const char *path, const struct stat *st, const char *copy);

/*
 * The mode for our copy of another account's file.  The server refuses its own key if a
 * group can read it.
 */
extern mode_t castssl_file_mode_as_ours(mode_t mode);

/* Does another account than the server's own the file? */
extern bool castssl_file_is_of_another(const struct stat *st);

/*
 * Can accounts other than its owner read or write the file?  A group of ours may read a file of
 * root's.
 */
extern bool castssl_file_is_open_to_others(const struct stat *st);

#endif
