/*
 * journal.h
 *		The journal on disk: what each change did, and everything that undoing it needs.
 *
 * pg_castssl/changes/<id>/ holds the before-images of the files that the change
 * touches (before-1, before-2, ...) and a manifest, which is written last.  A
 * directory without a manifest belongs to a change that never began.  There may also
 * be replaced-1, ..., which are the contents that undoing found in place of what the
 * change had written, and staged, the edits that the change made live.  All is for the
 * server's account alone.  In a cluster whose group may read it (initdb
 * --allow-group-access) it is for the group, too, except keys and what the group may not
 * read elsewhere.  All is synced before anything else is written.
 *
 * Everything returned is palloc'd in the current context.  Errors are raised.
 */
#ifndef CASTSSL_CHANGE_JOURNAL_H
#define CASTSSL_CHANGE_JOURNAL_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef enum CastsslChangeState
{
	CASTSSL_APPLYING,    /* has begun; without a running call it was interrupted */
	CASTSSL_UNCONFIRMED, /* in effect, will be undone at the deadline */
	CASTSSL_APPLIED,
	CASTSSL_ROLLED_BACK,
	CASTSSL_FAILED /* undone at once because of an error */
} CastsslChangeState;

/* One file that a change touches. */
typedef struct CastsslChangedFile
{
	const char *path; /* absolute, links resolved */
	bool elsewhere;   /* only in a change that was read: it may be another server's file (below) */
	bool existed;     /* before */
	mode_t mode;      /* before; only if it existed */
	uid_t uid;
	gid_t gid;
	const char *before_hash; /* SHA-256, NULL if it did not exist */
	const char *after_hash;  /* NULL: the change removes it */
} CastsslChangedFile;

/* One parameter in postgresql.auto.conf; NULL: not in the file. */
typedef struct CastsslChangedParameter
{
	const char *name;
	const char *before;
	const char *after;
} CastsslChangedParameter;

typedef struct CastsslChange
{
	int64 id;           /* from 1, ascending */
	const char *action; /* "enable", "disable", ... */
	const char *user_name;
	CastsslChangeState state;
	TimestampTz started_at;
	TimestampTz applied_at;       /* when it took effect and was verified; 0: not yet */
	TimestampTz finished_at;      /* when it was confirmed, rolled back or failed; 0: open */
	TimestampTz confirm_deadline; /* 0: none */
	List *files;                  /* CastsslChangedFile */
	List *parameters;             /* CastsslChangedParameter */
	List *undoes;                 /* int64 *: ids of the changes that this one undoes */
	/* ssl is among the parameters, and stored as off during the change */
	bool touches_tls;
	bool uses_staged; /* makes the staged edits of pg_hba.conf live */

	/* Only in a change that was read: */
	bool undone; /* undone at once or at its deadline: its before-images are no longer needed */
	bool moved;  /* written elsewhere (another server, a base backup) and copied here */

	/*
	 * The data directory may have another name than when the change was written.  Then
	 * files in it have their present names here.  For a moved change, files outside of
	 * it are elsewhere: they may belong to the server that was copied, on the same host.
	 */
} CastsslChange;

/* 'applying', 'unconfirmed', ... */
extern const char *castssl_change_state_name(CastsslChangeState state);

/* Is it applying or unconfirmed? */
extern bool castssl_change_is_open(const CastsslChange *change);

/* Set the id of the change.  Writes nothing; only for the holder of the lock. */
extern void castssl_journal_prepare(CastsslChange *change);

/*
 * Save the before-images of its files, and write the manifest in state applying.  Fills
 * in the before fields of the files (all except path and after_hash) and of the
 * parameters, from the disk.  Wakes the process that watches: it undoes the change
 * if this process ends first.
 */
extern void castssl_journal_begin(CastsslChange *change);

/* Write the manifest again (a state, a deadline), atomically: it is either old or new. */
extern void castssl_journal_update(const CastsslChange *change);

/* One change; NULL if there is none with that id. */
extern CastsslChange *castssl_journal_read(int64 id);

/*
 * Every change, CastsslChange, oldest first.  A change that a later one undid is in
 * state 'rolled back' only as long as the later one is in effect.  Only the manifest of
 * the later one says so, so the state switches at a single moment.
 */
extern List *castssl_journal_list(void);

/* The newest change; NULL if none. */
extern CastsslChange *castssl_journal_latest(void);

/* The newest change that is still open; NULL if none. */
extern CastsslChange *castssl_journal_open_change(void);

/* The newest change that is in effect, confirmed or not; NULL if none. */
extern CastsslChange *castssl_journal_in_effect(void);

/*
 * Before-image of the n-th file (from 0) of a change; NULL if the file did not exist.
 * F0000 if it is not what was saved.
 */
extern char *castssl_journal_before_image(const CastsslChange *change, int n, size_t *length);

/* pg_castssl/changes/<id>[/name]. */
extern char *castssl_journal_path(int64 id, const char *name);

/* Ids of all change directories, int64 *, ascending, including those without a manifest. */
extern List *castssl_journal_ids(void);

#endif
