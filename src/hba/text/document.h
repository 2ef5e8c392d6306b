/*
 * document.h
 *		One file of pg_hba.conf without any loss: its bytes, cut into records.
 *
 * The records of a document follow each other without a gap, so together they are exactly
 * the bytes that were read.
 */
#ifndef CASTSSL_HBA_TEXT_DOCUMENT_H
#define CASTSSL_HBA_TEXT_DOCUMENT_H

#include "lib/stringinfo.h"

/* The kind of a record, which does not depend on its fields. */
typedef enum CastsslHbaRecordKind
{
	CASTSSL_HBA_BLANK,   /* only white space and commas */
	CASTSSL_HBA_COMMENT, /* only a comment */
	CASTSSL_HBA_LINE     /* has at least one token (or is too long, in 13) */
} CastsslHbaRecordKind;

/*
 * One logical line with its line ends.  It has several physical lines if the server
 * joins them (backslash continuation, 14 and later).
 */
typedef struct CastsslHbaRecord
{
	/* 32 bits are enough: palloc() has no room for a larger file */
	uint32 offset;      /* of the first byte in CastsslHbaDocument.data */
	uint32 length;      /* bytes, line ends included */
	uint32 text_length; /* bytes without the line ends at its end; only if it is not joined */
	int line_number;    /* of the first physical line, from 1 */
	CastsslHbaRecordKind kind;
	bool joined; /* a backslash joins its first line with the next line or the end of the file */
} CastsslHbaRecord;

typedef struct CastsslHbaDocument
{
	const char *path; /* absolute, as the server would show it */
	const char *data;
	size_t length;
	int version; /* PostgreSQL major whose grammar was used to cut the records */
	CastsslHbaRecord *records;
	int nrecords;
	bool is_text; /* false: contains a NUL byte; such a file is never rewritten */
	char **texts; /* the server's reading of each record if !is_text; else NULL */
} CastsslHbaDocument;

/*
 * In 13 the server reads a line into a buffer of this size.  It cuts a longer line
 * there, reports an error, and reads the rest as the next line.
 */
#define CASTSSL_HBA_LINE_BUFFER_13 20480

/* Cut bytes into records by the grammar of that major.  Keeps data, does not copy it. */
extern CastsslHbaDocument *castssl_hba_document_read(const char *path, const char *data,
													 size_t length, int version);

/*
 * The records of after that differ from before: without the common records at the
 * beginning and at the end.  They keep their line numbers, because the result has empty
 * lines before them.  Palloc'd.
 */
extern CastsslHbaDocument *castssl_hba_document_changes(const CastsslHbaDocument *before,
														const CastsslHbaDocument *after);

/* Is any of its records CASTSSL_HBA_LINE? */
extern bool castssl_hba_document_has_lines(const CastsslHbaDocument *document);

/*
 * The record as the server reads it: physical lines joined, line ends stripped.  Points
 * into the document, or into joined, which is then overwritten.
 */
extern const char *castssl_hba_record_text(const CastsslHbaDocument *document, int record,
										   StringInfo joined, size_t *length);

/* The offset, from the record's first byte, of the byte at position in that text. */
extern size_t castssl_hba_record_offset(const CastsslHbaDocument *document, int record,
										size_t position);

/* Bytes of the line end that closes the record: "\n" or "\r\n"; 0 without one. */
extern size_t castssl_hba_record_line_end(const CastsslHbaDocument *document, int record);

/* Does the server complain that this record is too long (13 only)? */
extern bool castssl_hba_record_is_too_long(const CastsslHbaDocument *document, int record);

/*
 * Would a line that is written after this record become a part of it?  True for the last
 * record if it ends in a backslash (14 and later).
 */
extern bool castssl_hba_record_goes_on(const CastsslHbaDocument *document, int record);

#endif
