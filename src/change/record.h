/*
 * record.h
 *		The record of one change, and its manifest on disk.
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
	CASTSSL_APPLYING,    /* has begun; if no call is running, it was interrupted */
	CASTSSL_UNCOMMITTED, /* in effect; its transaction has not committed */
	CASTSSL_UNCONFIRMED, /* in effect; undone at the deadline unless somebody confirms it */
	CASTSSL_APPLIED,
	CASTSSL_ROLLED_BACK,
	CASTSSL_EXPIRED, /* undone at its deadline */
	CASTSSL_FAILED,  /* undone at once because of an error */
	CASTSSL_DAMAGED  /* its manifest cannot be read: only its id and reason are known */
} CastsslChangeState;

/* How a client must connect to prove a change.  Each way also proves what the earlier ones do. */
typedef enum CastsslWayIn
{
	CASTSSL_WAY_ANY, /* any way; also if the manifest has no such line */
	CASTSSL_WAY_TCP,
	CASTSSL_WAY_TLS,
	CASTSSL_WAY_CERTIFICATE /* over TLS, with a client certificate */
} CastsslWayIn;

/* One file that a change touches. */
typedef struct CastsslChangedFile
{
	const char *path; /* absolute, links resolved */
	bool outside;     /* outside of the data directory; only in a change that was read */
	bool elsewhere;   /* only in a change that was read: outside, and of another cluster */
	bool untouched;   /* set when the change is undone: it had not replaced the file yet */
	const char *left; /* why undoing has left it as it is; NULL: it has not */
	bool existed;     /* before the change */
	mode_t mode;      /* before; only if it existed */
	uid_t uid;
	gid_t gid;
	const char *before_hash; /* SHA-256, NULL if it did not exist */
	const char *after_hash;  /* NULL: the change removes it */
	const char *back_hash;   /* of what undoing restores (change/edited.h); NULL: before_hash */
} CastsslChangedFile;

/* One parameter and its values in postgresql.auto.conf; NULL: not in the file. */
typedef struct CastsslChangedParameter
{
	const char *name;
	const char *before;
	const char *after;
	const char *replaced; /* the value that undoing found, set by somebody else since */
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
	int64 confirm_within;         /* milliseconds to confirm it; 0: none, or it was postponed */
	List *files;                  /* CastsslChangedFile */
	List *parameters;             /* CastsslChangedParameter */
	List *undoes;                 /* int64 *: ids of the changes that this one undoes */
	bool touches_tls;         /* if ssl is among the parameters, it may be stored off in between */
	bool touches_tcp;         /* touches TLS, or a rule for clients that connect by TCP */
	bool touches_over_tls;    /* touches TLS, or a rule for clients that connect over TLS */
	CastsslWayIn way_in;      /* the least way to connect that proves it */
	bool uses_staged;         /* applies the staged edits of pg_hba.conf */
	bool switching;           /* everything is prepared: from here on files are replaced */
	const char *sessions;     /* castssl_sessions_identities() when it took effect; may be NULL */
	const char *rules;        /* SHA-256 of the rules that it loaded; NULL: unknown */
	const char *ca;           /* the same of the CA file; NULL: unknown, or none */
	const char *crl;          /* the same of the CRL file */
	TimestampTz server_start; /* of the server that ran it */
	const char *reason;       /* why it is in this state; NULL: no other reason than the state */
	bool left_alone;          /* it should have been undone, but was not (change/recover.h) */
	uint64 transaction;       /* the state is valid if this full id has committed; 0: it is valid */
	/* full id of a transaction that confirms or postpones the change if it commits; 0: none */
	uint64 decision;
	TimestampTz confirmed_at; /* with decision; 0: it only postpones */
	TimestampTz postponed_to; /* with decision; 0: it only confirms */

	/* Only in a change that was read: */
	bool decided; /* a decision in its manifest has been made, or rolled back */
	bool undone;  /* undone at once or at its deadline: its before-images are no longer needed */
	bool moved;   /* it was written in another place (another server, a base backup), then copied */
	CastsslWhose whose;     /* of which cluster its files outside of the data directory are */
	const char *written_in; /* the data directory in which it was made; NULL: unknown */
	int64 place;            /* inode of its directory there */
	int64 control;          /* inode of global/pg_control there */

	/*
	 * The data directory may have another name than when the change was written.  Then
	 * files in it have their present names here.
	 */
} CastsslChange;

/* 'applying', 'unconfirmed', ... */
extern const char *castssl_change_state_name(CastsslChangeState state);

/* Is it applying, uncommitted or unconfirmed? */
extern bool castssl_change_is_open(const CastsslChange *change);

/* Is it in effect: uncommitted, unconfirmed or applied? */
extern bool castssl_change_is_in_effect(const CastsslChange *change);

/* Of a list of ids (int64 *): the list with one more id, and whether it holds an id. */
extern List *castssl_ids_append(List *ids, int64 id);
extern bool castssl_ids_have(const List *ids, int64 id);

/* The parameter of that name in a list (CastsslChangedParameter); NULL: none. */
extern CastsslChangedParameter *castssl_changed_parameter(const List *parameters, const char *name);

/* pg_castssl/changes/<id>[/name]. */
extern char *castssl_journal_path(int64 id, const char *name);

/* SHA-256 of what undoing restores; NULL: the file did not exist. */
extern const char *castssl_change_hash_back(const CastsslChangedFile *file);

/* Write the manifest, durably. */
extern void castssl_record_write(const CastsslChange *change);

/*
 * Read the change with that id; NULL if there is none.  Needs a transaction.  If the manifest
 * cannot be read or was changed, the result is in state damaged, and its reason says why.
 */
extern CastsslChange *castssl_record_read(int64 id);

#endif
