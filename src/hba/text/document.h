/*
 * document.h
 *		One file of pg_hba.conf, losslessly: bytes, cut into records.
 *
 * The records of a document, in order and without a gap, are its bytes: so
 * rendering an unedited document gives back what was read, whatever it was.
 */
#ifndef CASTSSL_HBA_TEXT_DOCUMENT_H
#define CASTSSL_HBA_TEXT_DOCUMENT_H

#include "lib/stringinfo.h"

/* What a record is, before anybody looks into its fields. */
typedef enum CastsslHbaRecordKind
{
	CASTSSL_HBA_BLANK,   /* nothing but white space and commas */
	CASTSSL_HBA_COMMENT, /* nothing but a comment */
	CASTSSL_HBA_LINE     /* has at least one token (or is too long, in 13) */
} CastsslHbaRecordKind;

/*
 * One logical line with its line end(s): more than one physical line where the
 * server joins them (backslash continuation, 14 and later).
 */
typedef struct CastsslHbaRecord
{
	/* of 32 bits: palloc() has no room for a file that is larger */
	uint32 offset;      /* of the first byte in CastsslHbaDocument.data */
	uint32 length;      /* bytes, line ends included */
	uint32 text_length; /* without the line ends behind it, where nothing is joined */
	int line_number;    /* of the first physical line, from 1 */
	CastsslHbaRecordKind kind;
	bool joined; /* a backslash joins its first line with the next one, or with the end of the file
				  */
} CastsslHbaRecord;

typedef struct CastsslHbaDocument
{
	const char *path; /* absolute, as the server would show it */
	const char *data;
	size_t length;
	int version; /* PostgreSQL major whose grammar cut the records */
	CastsslHbaRecord *records;
	int nrecords;
	bool is_text; /* false: holds a NUL byte; such a file is never rewritten */
	char **texts; /* what the server makes of each record where !is_text; else NULL */
} CastsslHbaDocument;

/*
 * In 13 the server reads a line into a buffer of this size: what is longer is
 * cut there, is an error, and goes on as the next line.
 */
#define CASTSSL_HBA_LINE_BUFFER_13 20480

/* Cut bytes into records for the grammar of that major.  data is kept, not copied. */
extern CastsslHbaDocument *castssl_hba_document_read(const char *path, const char *data,
													 size_t length, int version);

/*
 * Of after, the records between those that it has in common with before at the
 * beginning and at the end.  They keep their line numbers: the lines before them
 * are there, and empty.  Palloc'd.
 */
extern CastsslHbaDocument *castssl_hba_document_changes(const CastsslHbaDocument *before,
														const CastsslHbaDocument *after);

/* Is any of its records CASTSSL_HBA_LINE? */
extern bool castssl_hba_document_has_lines(const CastsslHbaDocument *document);

/*
 * The record as the server reads it: physical lines joined, line ends stripped.
 * Points into the document, or into joined, which is then overwritten.
 */
extern const char *castssl_hba_record_text(const CastsslHbaDocument *document, int record,
										   StringInfo joined, size_t *length);

/* Where byte number position of that text stands, counted from the record's first byte. */
extern size_t castssl_hba_record_offset(const CastsslHbaDocument *document, int record,
										size_t position);

/* Bytes of the line end that closes the record: "\n" or "\r\n"; 0 when it has none. */
extern size_t castssl_hba_record_line_end(const CastsslHbaDocument *document, int record);

/* Does the server complain that this record is too long (13 only)? */
extern bool castssl_hba_record_is_too_long(const CastsslHbaDocument *document, int record);

/*
 * Would a line that is written after this record become a part of it?  (It is
 * the last one and ends in a backslash, 14 and later.)
 */
extern bool castssl_hba_record_goes_on(const CastsslHbaDocument *document, int record);

#endif
