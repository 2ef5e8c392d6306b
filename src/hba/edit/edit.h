/*
 * edit.h
 *		Edits of pg_hba.conf as values, and a document with edits as text.
 *
 * An edit changes one record of one document of a policy.  All other bytes stay.  A line
 * that we write ends in "# castssl", and a line that we disable begins with "#castssl# ",
 * so an edit can be undone from the text alone.
 */
#ifndef CASTSSL_HBA_EDIT_EDIT_H
#define CASTSSL_HBA_EDIT_EDIT_H

#include "hba/text/rule.h"

#define CASTSSL_HBA_WRITTEN "# castssl"   /* the end of a line that we wrote */
#define CASTSSL_HBA_DISABLED "#castssl# " /* the beginning of a line that we disabled */

typedef enum CastsslHbaEditKind
{
	/* insert text as a new line before the record (record == nrecords: at the end) */
	CASTSSL_HBA_INSERT,
	CASTSSL_HBA_REPLACE, /* replace the record by text; its line end stays */
	CASTSSL_HBA_REMOVE,  /* remove the whole record with its line end */
	CASTSSL_HBA_DISABLE, /* add the prefix */
	CASTSSL_HBA_ENABLE   /* remove the prefix */
} CastsslHbaEditKind;

typedef struct CastsslHbaEdit
{
	CastsslHbaEditKind kind;
	int file;        /* index in policy->files */
	int record;      /* index in that document */
	int line_number; /* line of that record before the edit, for messages */

	/*
	 * INSERT, REPLACE: one line without its line end, the document's line end is used.
	 * When REPLACE concerns a record of joined lines, text may contain their line ends.
	 */
	const char *text;
	const char *why; /* for messages: "added", "commented out: no unencrypted connections" */
} CastsslHbaEdit;

/*
 * Growable; zero-initialize before the first use.  If a record has several edits other
 * than INSERT, only the last one counts.
 */
typedef struct CastsslHbaEdits
{
	CastsslHbaEdit *items;
	int count;
	int capacity;
} CastsslHbaEdits;

/* Append one edit.  Keeps text and why, does not copy them. */
extern void castssl_hba_edit_add(CastsslHbaEdits *edits, CastsslHbaEditKind kind, int file,
								 int record, int line_number, const char *text, const char *why);

/*
 * The bytes of policy->files[file] with the edits that concern it. edits need not be
 * sorted; several INSERTs before one record keep their order.  New lines use the
 * document's line ends: CRLF if the previous record has it, or else the first one.  A
 * document without a newline at its end stays so.  Palloc'd.
 */
extern char *castssl_hba_render(const CastsslHbaPolicy *policy, int file,
								const CastsslHbaEdits *edits, size_t *length);

/* What castssl_enable and castssl_hba_require_tls demand. */
typedef struct CastsslHbaWanted
{
	CastsslClientCert clientcert; /* at least */
	bool names_clientcert; /* false: each rule keeps its clientcert (clientcert is then none) */
	bool block_plaintext;
	bool gss_possible;      /* the server may have GSSAPI-encrypted connections */
	const char **addresses; /* add hostssl rules for these addresses; NULL: none */
	int naddresses;

	/*
	 * method for added rules and for each rule that is rewritten; NULL: rewritten rules
	 * keep their method, added ones get scram-sha-256
	 */
	const char *auth_method;
} CastsslHbaWanted;

/*
 * The edits that undo everything castssl_hba_require did, except repairs.  A disabled line is
 * enabled only if its twin still stands directly above it.  If somebody removed or changed the
 * twin, or moved the comment, the line could admit clients who are refused now: then it is added
 * to left (may be NULL).  hostnossl lines have no twin.
 */
extern void castssl_hba_undo(const CastsslHbaPolicy *policy, CastsslHbaEdits *edits,
							 CastsslHbaEdits *left);

/* The mark of castssl on a record. */
typedef enum CastsslHbaMark
{
	CASTSSL_HBA_MARK_NONE,
	CASTSSL_HBA_MARK_WRITTEN, /* a hostssl or hostgssenc line that we wrote */
	CASTSSL_HBA_MARK_DISABLED /* a line that we disabled */
} CastsslHbaMark;

extern CastsslHbaMark castssl_hba_record_mark(const CastsslHbaDocument *document, int record);

/* Does any file contain one of our marks? */
extern bool castssl_hba_is_marked(const CastsslHbaPolicy *policy);

#endif
