/*
 * journal.h
 *		The journal on disk: what each change did, and everything that undoing it needs.
 *
 * pg_castssl/changes/<id>/ holds the before-images of the files that the change
 * touches (before-1, before-2, ...) and a manifest, which is written last.  A
 * directory without a manifest belongs to a change that never began.  There may also
 * be replaced-1, ..., which are the contents that undoing found in place of what the
 * change had written; staged, the edits that the change made live; and next/1, ...,
 * copies of what it writes, which the server's parameters name while the files are being
 * replaced (bridge.h).  All is for the server's account alone.  In a cluster whose group
 * may read it (initdb --allow-group-access) it is for the group, too, except keys and what the
 * group may not read elsewhere.  All is synced before anything else is written.
 *
 * Everything returned is palloc'd in the current context.  Errors are raised.
 */
#ifndef CASTSSL_CHANGE_JOURNAL_H
#define CASTSSL_CHANGE_JOURNAL_H

#include "change/record.h"

/* Set the id of the change.  Writes nothing; only for the holder of the lock. */
extern void castssl_journal_prepare(CastsslChange *change);

/*
 * Save the before-images of its files and write the manifest in state applying.
 * The before fields of files (all but path and after_hash) and of parameters are
 * filled in here, from the disk.  Wakes the process that watches: it undoes the change
 * if this process ends first.  55000 when a file is not what this call has read
 * before: somebody else has just written it.
 */
extern void castssl_journal_begin(CastsslChange *change);

/* Write the manifest again (a state, a deadline), atomically: it is either old or new. */
extern void castssl_journal_update(const CastsslChange *change);

/*
 * F0000 when the newest change is damaged: nothing is changed on top of it, for it may
 * have been interrupted or unconfirmed.
 */
extern void castssl_journal_check_newest(void);

/* One change; NULL when there is none of that id. */
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

/* The copies of what the change writes: pg_castssl/changes/<id>/next[/<n + 1>]; n < 0: all. */
extern char *castssl_journal_next_path(int64 id, int n);

/* pg_castssl/changes/<id>/before-<n + 1>. */
extern char *castssl_journal_before_path(int64 id, int n);

/* The mode of a copy: a key is for nobody else, nor is what was for nobody else. */
extern int castssl_journal_copy_mode(const char *data, size_t length, mode_t mode);

/* Path of what the n-th file holds after the change, as the change wrote it: of rules alone. */
extern char *castssl_journal_after_path(int64 id, int n);

/* Path of what undoing puts back in place of the n-th before-image (change/edited.h). */
extern char *castssl_journal_back_path(int64 id, int n);

/* Ids of all change directories, int64 *, ascending, including those without a manifest. */
extern List *castssl_journal_ids(void);

#endif
