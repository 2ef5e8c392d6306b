/*
 * whose.h
 *		To which cluster do the files of a change outside of the data directory belong?
 *
 * A copy, a snapshot or a base backup of a data directory includes the journal, but not the
 * files outside, such as those in /etc/postgresql.  So a server that finds an open change may
 * be a copy that runs beside the server that made it, or that server as it was some days ago.
 */
#ifndef CASTSSL_CHANGE_WHOSE_H
#define CASTSSL_CHANGE_WHOSE_H

typedef enum CastsslWhose
{
	CASTSSL_OURS,     /* this cluster made the change, or replaces the one that did */
	CASTSSL_ANOTHERS, /* the cluster that made it still exists, in its own data directory */
	CASTSSL_UNCERTAIN /* a copy is in its place: the change may have been confirmed since */
} CastsslWhose;

/*
 * written_in is the data directory in which the change was written, links resolved (NULL:
 * unknown). moved: by its inodes, the journal is not in the place where it was written.
 */
extern CastsslWhose castssl_whose_outside(const char *written_in, bool moved);

/* The inode of this cluster's pg_control, which a copy does not share; 0: unknown. */
extern int64 castssl_whose_control(void);

/* Why a change with such files is not undone, a static clause.  Not for CASTSSL_OURS. */
extern const char *castssl_whose_reason(CastsslWhose whose);

#endif
