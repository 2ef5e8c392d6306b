/*
 * platform_link.h
 *		Symbolic links on the way to a file.
 */
#ifndef CASTSSL_SERVER_PROCESS_PLATFORM_LINK_H
#define CASTSSL_SERVER_PROCESS_PLATFORM_LINK_H

#include "datatype/timestamp.h"

/* As many links as the kernel follows on the way to one file. */
#define CASTSSL_MOST_LINKS 40

/* Is the path itself a link?  On Windows a junction or a mount point counts too. */
extern bool castssl_platform_is_link(const char *path);

/*
 * Where a link in the folder leads, followed only until the path is no link or lies outside of the
 * folder: what another program keeps there is often a link, too, which it turns to new files.
 * Palloc'd; NULL: it leads nowhere.  On Windows all links are resolved.
 */
extern char *castssl_platform_link_out_of(const char *path, const char *folder);

/*
 * When the file, or one of the links on the way to it, was last changed or replaced; 0 if there
 * is no file.  path is absolute and not resolved.  On Windows links do not count.
 */
extern TimestampTz castssl_platform_changed_at(const char *path);

#endif
