/*
 * edit.h
 *		Edits of pg_hba.conf as values, and the rendering of a document with them.
 *
 * An edit concerns one record of one document of a policy; every byte that no
 * edit concerns stays.  DESIGN: what we write ends in "# castssl", what we
 * disable begins with "#castssl# ", so undoing is a textual inverse.
 */
#ifndef CASTSSL_HBA_EDIT_EDIT_H
#define CASTSSL_HBA_EDIT_EDIT_H

#include "hba/text/rule.h"

#define CASTSSL_HBA_WRITTEN "# castssl"   /* a line that we wrote ends in it */
#define CASTSSL_HBA_DISABLED "#castssl# " /* a line that we disabled begins with it */

typedef enum CastsslHbaEditKind
{
	CASTSSL_HBA_INSERT,  /* text as a new line before the record (record == nrecords: at the end) */
	CASTSSL_HBA_REPLACE, /* text instead of the record, whose line end stays */
	CASTSSL_HBA_REMOVE,  /* the whole record, line end included */
	CASTSSL_HBA_DISABLE, /* prefix it */
	CASTSSL_HBA_ENABLE   /* take the prefix away */
} CastsslHbaEditKind;

typedef struct CastsslHbaEdit
{
	CastsslHbaEditKind kind;
	int file;         /* index in policy->files */
	int record;       /* index in that document */
	int line_number;  /* of that record before the edit, for a person */
	const char *text; /* INSERT, REPLACE: one line without its line end; the document's own is used
						 (REPLACE of a record of joined lines may hold their line ends) */
	const char *why;  /* for a person: "asks TLS clients for a certificate (verify-ca)" */
} CastsslHbaEdit;

/*
 * Growable; zero-initialize before the first use.  At most one edit that is no
 * INSERT counts for a record: the last.
 */
typedef struct CastsslHbaEdits
{
	CastsslHbaEdit *items;
	int count;
	int capacity;
} CastsslHbaEdits;

extern void castssl_hba_edit_add(CastsslHbaEdits *edits, CastsslHbaEditKind kind, int file,
								 int record, int line_number, const char *text, const char *why);

/*
 * The bytes of policy->files[file] with the edits that concern it; edits need
 * not be sorted, several INSERTs before one record keep their order.  Line ends
 * follow the document (CRLF where the record before, or else the first one, has
 * it).  A document without a last newline keeps being one.  Palloc'd.
 */
extern char *castssl_hba_render(const CastsslHbaPolicy *policy, int file,
								const CastsslHbaEdits *edits, size_t *length);

/* What castssl_enable and castssl_hba_require_tls ask for. */
typedef struct CastsslHbaWanted
{
	CastsslClientCert clientcert;
	bool block_plaintext;
	bool gss_possible;      /* the server can have GSSAPI-encrypted connections */
	const char **addresses; /* also add hostssl rules for these; NULL: none */
	int naddresses;
	const char *auth_method; /* of added rules and, where not NULL, of each rule that is rewritten;
								NULL: each keeps its own, added ones scram-sha-256 */
} CastsslHbaWanted;

/* The edits that take back all that castssl_hba_require did; repairs stay. */
extern void castssl_hba_undo(const CastsslHbaPolicy *policy, CastsslHbaEdits *edits);

/* What the marks say of a record. */
typedef enum CastsslHbaMark
{
	CASTSSL_HBA_MARK_NONE,
	CASTSSL_HBA_MARK_WRITTEN, /* a hostssl or hostgssenc line of ours */
	CASTSSL_HBA_MARK_DISABLED /* a line that we disabled */
} CastsslHbaMark;

extern CastsslHbaMark castssl_hba_record_mark(const CastsslHbaDocument *document, int record);

/* Does any file bear a mark of ours? */
extern bool castssl_hba_is_marked(const CastsslHbaPolicy *policy);

#endif
