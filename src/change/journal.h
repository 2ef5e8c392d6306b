/*
 * journal.h
 *		What a change did, and all that is needed to take it back, on disk.
 *
 * pg_castssl/changes/<id>/ holds the before-images of the files that the change
 * touches (before-1, before-2, ...) and a manifest, written last: a directory
 * without one is of a change that never began.  Further: replaced-1, ..., what
 * undoing found in place of what the change had left; and staged, the edits that
 * the change made live.  Directories 0700, files 0600, all synced before anything
 * else is written.
 *
 * Everything returned is palloc'd in the current context.  Errors are raised.
 */
#ifndef CASTSSL_CHANGE_JOURNAL_H
#define CASTSSL_CHANGE_JOURNAL_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef enum CastsslChangeState
{
	CASTSSL_APPLYING,    /* begun; found so without a running call: interrupted */
	CASTSSL_UNCONFIRMED, /* in effect, and undone at the deadline */
	CASTSSL_APPLIED,
	CASTSSL_ROLLED_BACK,
	CASTSSL_FAILED /* undone at once, for an error */
} CastsslChangeState;

/* One file that a change touches. */
typedef struct CastsslChangedFile
{
	const char *path; /* absolute, links resolved */
	bool elsewhere;   /* of a change that was read: it may be another server's (below) */
	bool existed;     /* before */
	mode_t mode;      /* before; of use when it existed */
	uid_t uid;
	gid_t gid;
	const char *before_hash; /* SHA-256, NULL when it did not exist */
	const char *after_hash;  /* NULL: the change removes it */
} CastsslChangedFile;

/* One parameter in postgresql.auto.conf; NULL: not there. */
typedef struct CastsslChangedParameter
{
	const char *name;
	const char *before;
	const char *after;
} CastsslChangedParameter;

typedef struct CastsslChange
{
	int64 id;           /* from 1, growing */
	const char *action; /* "enable", "disable", ... */
	const char *user_name;
	CastsslChangeState state;
	TimestampTz started_at;
	TimestampTz applied_at;       /* when it took effect and was verified; 0: not yet */
	TimestampTz finished_at;      /* when it was confirmed, rolled back or failed; 0: open */
	TimestampTz confirm_deadline; /* 0: none */
	List *files;                  /* CastsslChangedFile */
	List *parameters;             /* CastsslChangedParameter */
	List *undoes;                 /* int64 *: ids of the changes that this one takes back */
	bool touches_tls;             /* ssl is among the parameters, and stored off in between */
	bool uses_staged;             /* makes the staged edits of pg_hba.conf live */

	/* Of a change that was read: */
	bool undone; /* put back at once or at its deadline: its before-images are of no more use */
	bool moved;  /* written elsewhere (another server, a base backup) and copied here */

	/*
	 * Where the data directory has another name than the one that was written:
	 * files in it have their name here, and of a moved change those outside are
	 * elsewhere: they may be those of the server that was copied, beside this one.
	 */
} CastsslChange;

/* 'applying', 'unconfirmed', ... */
extern const char *castssl_change_state_name(CastsslChangeState state);

/* Is it applying or unconfirmed? */
extern bool castssl_change_is_open(const CastsslChange *change);

/* Give the change its id.  Writes nothing; only for the holder of the lock. */
extern void castssl_journal_prepare(CastsslChange *change);

/*
 * Save the before-images of its files and write the manifest in state applying.
 * The before fields of files (all but path and after_hash) and of parameters are
 * filled in here, from the disk.
 */
extern void castssl_journal_begin(CastsslChange *change);

/* Write the manifest again (a state, a deadline): old or new, never between. */
extern void castssl_journal_update(const CastsslChange *change);

/* One change; NULL when there is none of that id. */
extern CastsslChange *castssl_journal_read(int64 id);

/*
 * Every change, CastsslChange, oldest first.  A change that a later one took back
 * is in state 'rolled back' only as long as that one is in effect: the manifest
 * of the later one alone says so, and thus at one instant.
 */
extern List *castssl_journal_list(void);

/* The newest change; NULL if none. */
extern CastsslChange *castssl_journal_latest(void);

/* The newest change that is still open; NULL if none. */
extern CastsslChange *castssl_journal_open_change(void);

/* The newest change that is in effect, confirmed or not; NULL if none. */
extern CastsslChange *castssl_journal_in_effect(void);

/*
 * Before-image of the n-th file (from 0) of a change; NULL when it did not exist.
 * F0000 when it is not what was saved.
 */
extern char *castssl_journal_before_image(const CastsslChange *change, int n, size_t *length);

/* pg_castssl/changes/<id>[/name]. */
extern char *castssl_journal_path(int64 id, const char *name);

/* Ids of all change directories, int64 *, ascending; also of those without a manifest. */
extern List *castssl_journal_ids(void);

#endif
