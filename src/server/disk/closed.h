/*
 * closed.h
 *		Closed files: they lie where they belong, but the server's account may not read them.
 */
#ifndef CASTSSL_SERVER_DISK_CLOSED_H
#define CASTSSL_SERVER_DISK_CLOSED_H

/* Is the file, or a folder on the way to it, closed to the server's account? */
extern bool castssl_closed_is(const char *path);

/*
 * How to let the server's account read it: a command for root, or a sentence.  NULL if the path
 * cannot be pasted safely.  Palloc'd.
 */
extern char *castssl_closed_hint(const char *path);

/*
 * 42501 with that hint if the file is closed. effect: what the server does without the file, for
 * the DETAIL; NULL: the DETAIL does not mention it.
 */
extern void castssl_closed_refuse(const char *path, const char *effect);

#endif
