/*
 * record.h
 *		The manifest of one change: everything that is known of it.
 *
 * Everything returned is palloc'd in the current context.
 */
#ifndef CASTSSL_CHANGE_RECORD_H
#define CASTSSL_CHANGE_RECORD_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "change/whose.h"

typedef enum CastsslChangeState
{
	CASTSSL_APPLYING,    /* has begun; without a running call it was interrupted */
	CASTSSL_UNCOMMITTED, /* in effect; its transaction has not committed */
	CASTSSL_UNCONFIRMED, /* in effect, will be undone at the deadline */
	CASTSSL_APPLIED,
	CASTSSL_ROLLED_BACK,
	CASTSSL_EXPIRED, /* undone at its deadline */
	CASTSSL_FAILED,  /* undone at once because of an error */
	CASTSSL_DAMAGED  /* its manifest cannot be read: only its id and reason are known */
} CastsslChangeState;

/* In which way a client comes in, and so proves a change: the later one shows the earlier ones. */
typedef enum CastsslWayIn
{
	CASTSSL_WAY_ANY, /* whichever; also in a manifest that does not say so */
	CASTSSL_WAY_TCP,
	CASTSSL_WAY_TLS,
	CASTSSL_WAY_CERTIFICATE /* over TLS, with a client certificate */
} CastsslWayIn;

/* One file that a change touches. */
typedef struct CastsslChangedFile
{
	const char *path; /* absolute, links resolved */
	bool outside;     /* of the data directory */
	bool elsewhere;   /* only in a change that was read: outside, and another cluster's */
	bool untouched;   /* found when it is undone: the change had not replaced it yet */
	bool existed;     /* before */
	mode_t mode;      /* before; only if it existed */
	uid_t uid;
	gid_t gid;
	const char *before_hash; /* SHA-256, NULL if it did not exist */
	const char *after_hash;  /* NULL: the change removes it */
	const char *back_hash; /* of what undoing puts back (change/edited.h); NULL: what was before */
} CastsslChangedFile;

/* One parameter in postgresql.auto.conf; NULL: not in the file. */
typedef struct CastsslChangedParameter
{
	const char *name;
	const char *before;
	const char *after;
	const char *replaced; /* what undoing found in place of after, set by somebody else */
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
	int64 confirm_within;         /* milliseconds until it; 0: none, or it was postponed */
	List *files;                  /* CastsslChangedFile */
	List *parameters;             /* CastsslChangedParameter */
	List *undoes;                 /* int64 *: ids of the changes that this one undoes */
	bool touches_tls;         /* if ssl is among the parameters, it may be stored off in between */
	bool touches_tcp;         /* touches TLS, or a rule for clients that come by TCP */
	bool touches_over_tls;    /* touches TLS, or a rule for clients that come over it */
	CastsslWayIn way_in;      /* what proves it; the server may be another one since */
	bool uses_staged;         /* makes the staged edits of pg_hba.conf live */
	bool switching;           /* everything is prepared: from here on files are replaced */
	const char *sessions;     /* castssl_sessions_identities() when it took effect; NULL */
	const char *rules;        /* SHA-256 of the rules that were loaded by it; NULL: not known */
	TimestampTz server_start; /* of the server that ran it */
	const char *reason;       /* why it is in this state; NULL: its state says it all */
	bool left_alone;          /* was to be undone, and was not, for the files outside */
	uint64 transaction; /* the state counts if this full transaction id has committed; 0: it does */
	/* if this one commits, the change is confirmed, or has another deadline; 0: none */
	uint64 decision;
	TimestampTz confirmed_at; /* by the decision; 0: it only postpones */
	TimestampTz postponed_to;

	/* Only in a change that was read: */
	bool undone; /* undone at once or at its deadline: its before-images are no longer needed */
	bool moved;  /* written elsewhere (another server, a base backup) and copied here */
	CastsslWhose whose;     /* its files outside of the data directory */
	const char *written_in; /* where it was made: the data directory, and two inodes there */
	int64 place;
	int64 control;

	/*
	 * The data directory may have another name than when the change was written.  Then
	 * files in it have their present names here.
	 */
} CastsslChange;

/* 'applying', 'unconfirmed', ... */
extern const char *castssl_change_state_name(CastsslChangeState state);

/* Is it applying, uncommitted or unconfirmed? */
extern bool castssl_change_is_open(const CastsslChange *change);

/* Is it in effect, whether it will stay or not?  An uncommitted one is. */
extern bool castssl_change_is_in_effect(const CastsslChange *change);

/* pg_castssl/changes/<id>[/name]. */
extern char *castssl_journal_path(int64 id, const char *name);

/* SHA-256 of what undoing puts back; NULL: nothing was there. */
extern const char *castssl_change_hash_back(const CastsslChangedFile *file);

/* Write the manifest, durably. */
extern void castssl_record_write(const CastsslChange *change);

/*
 * Read it; NULL when there is none of that id.  Needs a transaction.  Where it cannot be
 * read or is not what was written, the result is in state damaged, and reason says why.
 */
extern CastsslChange *castssl_record_read(int64 id);

#endif
