/*
 * whose.h
 *		Whose are the files outside of the data directory that a journal speaks of?
 *
 * A journal travels with its data directory: with a copy, a snapshot, a base backup.  The
 * files outside, such as /etc/postgresql, do not.  So a server that finds an open change
 * may stand beside the server that made it, or may be that server as it was some days
 * ago.
 */
#ifndef CASTSSL_CHANGE_WHOSE_H
#define CASTSSL_CHANGE_WHOSE_H

typedef enum CastsslWhose
{
	CASTSSL_OURS,     /* this cluster made the change, or is the heir of the one that did */
	CASTSSL_ANOTHERS, /* the cluster that made it is still there, in its own data directory */
	CASTSSL_UNCERTAIN /* a copy lies in its place: the change may have been confirmed since */
} CastsslWhose;

/*
 * written_in is the data directory in which the change was written, links resolved (NULL:
 * unknown); moved: the journal is not where that change was written, by its inodes.
 */
extern CastsslWhose castssl_whose_outside(const char *written_in, bool moved);

/* What a copy of this cluster does not have in common with it: the inode of its pg_control. */
extern int64 castssl_whose_control(void);

/* Why such files are left alone, a clause. */
extern const char *castssl_whose_reason(CastsslWhose whose);

#endif
