/*
 * platform_link.h
 *		Symbolic links on the way to a file.
 */
#ifndef CASTSSL_SERVER_PROCESS_PLATFORM_LINK_H
#define CASTSSL_SERVER_PROCESS_PLATFORM_LINK_H

#include "datatype/timestamp.h"

/* Is the path itself a link?  On Windows a junction or a mount point counts too. */
extern bool castssl_platform_is_link(const char *path);

/*
 * When the file was last changed or replaced, or one of the links on the way to it; 0 if
 * there is none.  For an absolute path that is not resolved.  On Windows links do not count.
 */
extern TimestampTz castssl_platform_changed_at(const char *path);

#endif
