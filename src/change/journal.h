/*
 * journal.h
 *		The journal on disk: what each change did, and everything that is needed to undo it.
 *
 * The directory pg_castssl/changes/<id>/ has these files:
 * - before-1, before-2, ...: the before-images of the files that the change touches
 * - manifest: written last.  Without it, the change never began.
 * - next/1, ...: copies of what the change writes, which the server's parameters name
 *   while the files are replaced (bridge.h)
 * - after-1, ...: what the change wrote into files of rules (edited.h)
 * - back-1, ...: what undoing restores instead of the before-image (edited.h)
 * - replaced-1, ...: what undoing found in place of what the change wrote
 * - staged: the staged edits that the change applied
 *
 * Only the server's account can read them.  In a cluster with group access (initdb
 * --allow-group-access) the group can read them too, except keys and files that it could
 * not read before.  All are synced before anything else is written.
 *
 * Everything returned is palloc'd in the current context.  Errors are raised.
 */
#ifndef CASTSSL_CHANGE_JOURNAL_H
#define CASTSSL_CHANGE_JOURNAL_H

#include "change/record.h"

/* Set the id of the change.  Writes nothing.  Call it only with the lock held. */
extern void castssl_journal_prepare(CastsslChange *change);

/*
 * Save the before-images of the change's files and write the manifest in state applying.
 * Fills in the before fields of files (all but path and after_hash) and of parameters,
 * from the disk.  Wakes the process that watches: it undoes the change if this process
 * ends too early.  55000 if somebody else wrote a file after this call had read it.
 */
extern void castssl_journal_begin(CastsslChange *change);

/* Replace the manifest (with a new state or deadline), atomically and durably. */
extern void castssl_journal_update(const CastsslChange *change);

/*
 * F0000 if the record of the newest change is damaged: then no other change may begin, because
 * that one may have been interrupted or may be unconfirmed.
 */
extern void castssl_journal_check_newest(void);

/* The change with that id; NULL if there is none. */
extern CastsslChange *castssl_journal_read(int64 id);

/* The same for a change that must be there; F0000 if its record is missing or damaged. */
extern CastsslChange *castssl_journal_read_existing(int64 id);

/*
 * Every change (CastsslChange), oldest first.  A change that a later one undid is in
 * state 'rolled back' only as long as the later one is in effect.  Only the manifest of
 * the later one records this, so both states change at the same moment.
 */
extern List *castssl_journal_list(void);

/* The newest change; NULL if none. */
extern CastsslChange *castssl_journal_latest(void);

/* The newest change that is still open; NULL if none. */
extern CastsslChange *castssl_journal_open_change(void);

/* The newest change that is in effect, confirmed or not; NULL if none. */
extern CastsslChange *castssl_journal_in_effect(void);

/*
 * What undoing restores in the n-th file (from 0) of a change: the before-image, or back-<n + 1>
 * if there is one.  NULL if the file did not exist.  F0000 if it has another hash than the
 * manifest says.  It is wiped with the memory context.
 */
extern char *castssl_journal_before_image(const CastsslChange *change, int n, size_t *length);

/* The copies of what the change writes: pg_castssl/changes/<id>/next[/<n + 1>]; n < 0: all. */
extern char *castssl_journal_next_path(int64 id, int n);

/* pg_castssl/changes/<id>/before-<n + 1>. */
extern char *castssl_journal_before_path(int64 id, int n);

/*
 * The mode of a copy: that of the cluster's files, but 0600 for a key, for bytes that are not
 * text, and if the group could not read the file (mode).
 */
extern int castssl_journal_copy_mode(const char *data, size_t length, mode_t mode);

/* Path of what the change wrote into the n-th file, only for a file of rules (after-<n + 1>). */
extern char *castssl_journal_after_path(int64 id, int n);

/* Path of what undoing restores instead of the n-th before-image (change/edited.h). */
extern char *castssl_journal_back_path(int64 id, int n);

/* Ids of all change directories, int64 *, ascending, including those without a manifest. */
extern List *castssl_journal_ids(void);

#endif
