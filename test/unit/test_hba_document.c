/*
 * test_hba_document.c
 *		A file cut into records: nothing lost, lines numbered as the server does.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba/text/document.h"

static CastsslHbaDocument *document;

/* Read the bytes.  The records must be exactly these bytes, in order and without a gap. */
static int
read_bytes(const char *data, size_t length, int version)
{
	size_t offset = 0;

	document = castssl_hba_document_read("/f", data, length, version);
	for (int i = 0; i < document->nrecords; i++)
	{
		CHECK_INT(document->records[i].offset, offset);
		CHECK(document->records[i].length > 0);
		offset += document->records[i].length;
	}
	CHECK_INT(offset, length);
	return document->nrecords;
}

static int
read_text(const char *text, int version)
{
	return read_bytes(text, strlen(text), version);
}

static const char *
text_of(int record)
{
	static StringInfoData joined;
	static char result[1000];
	const char *text;
	size_t length;

	if (joined.data == NULL)
		initStringInfo(&joined);
	text = castssl_hba_record_text(document, record, &joined, &length);
	snprintf(result, sizeof(result), "%.*s", (int) length, text);
	return result;
}

static void
test_lines(void)
{
	CHECK_INT(read_text("", 15), 0);
	CHECK_INT(read_text("\n", 15), 1);
	CHECK_INT(document->records[0].kind, CASTSSL_HBA_BLANK);
	CHECK_INT(read_text("a\n#b\n  \n,#c\r\nd", 15), 5);
	CHECK_INT(document->records[0].kind, CASTSSL_HBA_LINE);
	CHECK_INT(document->records[1].kind, CASTSSL_HBA_COMMENT);
	CHECK_INT(document->records[2].kind, CASTSSL_HBA_BLANK);
	CHECK_INT(document->records[3].kind, CASTSSL_HBA_COMMENT);
	CHECK_INT(document->records[4].line_number, 5);
	CHECK_STRING(text_of(3), ",#c");
	CHECK_INT(castssl_hba_record_line_end(document, 0), 1);
	CHECK_INT(castssl_hba_record_line_end(document, 3), 2);
	CHECK_INT(castssl_hba_record_line_end(document, 4), 0);
	CHECK_INT(read_text("a\r\r\n\rb\r", 15), 2);
	CHECK_STRING(text_of(0), "a");
	CHECK_STRING(text_of(1), "\rb");
	CHECK_INT(castssl_hba_record_line_end(document, 1), 0);
}

static void
test_continuation(void)
{
	const char *text = "host \\\nall \\\r\nall\nx\n";

	CHECK_INT(read_text(text, 14), 2);
	CHECK_STRING(text_of(0), "host all all");
	CHECK_INT(document->records[1].line_number, 4);
	CHECK_INT(castssl_hba_record_offset(document, 0, 0), 0);
	CHECK_INT(castssl_hba_record_offset(document, 0, 5), strstr(text, "all") - text);
	CHECK_INT(castssl_hba_record_offset(document, 0, 9), strstr(text, "all\n") - text);

	CHECK_INT(read_text(text, 13), 4);
	CHECK_STRING(text_of(0), "host \\");
	CHECK_INT(document->records[3].line_number, 4);

	/* two backslashes join once */
	CHECK_INT(read_text("a\\\\\n\nb\n", 15), 2);
	CHECK_STRING(text_of(0), "a\\");
	CHECK_INT(document->records[1].line_number, 3);

	/* a backslash also joins the line after a comment */
	CHECK_INT(read_text("#a\\\nhost\nb\n", 15), 2);
	CHECK_INT(document->records[0].kind, CASTSSL_HBA_COMMENT);

	/* CR and LF are stripped from the end of all joined lines */
	CHECK_INT(read_text("a\r\\\n\nb", 15), 2);
	CHECK_STRING(text_of(0), "a");
}

static void
test_end_of_file(void)
{
	read_text("a\nb \\", 15);
	CHECK(!castssl_hba_record_goes_on(document, 0));
	CHECK(castssl_hba_record_goes_on(document, 1));
	read_text("a\nb \\\n", 15);
	CHECK(castssl_hba_record_goes_on(document, 1));
	read_text("a\nb \\\n\n", 15);
	CHECK(!castssl_hba_record_goes_on(document, 1));
	read_text("a\nb \\", 13);
	CHECK(!castssl_hba_record_goes_on(document, 1));
	read_text("a\nb", 15);
	CHECK(!castssl_hba_record_goes_on(document, 1));
}

/* In 13 a line has 20,479 bytes at most; the rest is the next line. */
static void
test_long_lines(void)
{
	char *text = palloc(30001);

	memset(text, 'x', 30000);
	text[30000] = '\0';
	CHECK_INT(read_text(text, 13), 2);
	CHECK(castssl_hba_record_is_too_long(document, 0));
	CHECK(!castssl_hba_record_is_too_long(document, 1));
	CHECK_INT(document->records[1].offset, 20479);
	CHECK_INT(document->records[1].line_number, 2);
	CHECK_INT(read_text(text, 14), 1);
	CHECK(!castssl_hba_record_is_too_long(document, 0));

	/* too long even if the line end fits */
	text[20478] = '\n';
	text[20479] = '\0';
	CHECK_INT(read_text(text, 13), 1);
	CHECK(castssl_hba_record_is_too_long(document, 0));
	text[0] = '#';
	read_text(text, 13);
	CHECK_INT(document->records[0].kind, CASTSSL_HBA_LINE);
	text[20477] = '\n';
	text[20478] = '\0';
	CHECK_INT(read_text(text, 13), 1);
	CHECK(!castssl_hba_record_is_too_long(document, 0));
}

/* The server loses what follows a NUL in a line; from 14 on also the line end. */
static void
test_nul(void)
{
	char large[5000];
	const char data[] = "host\0x\nall\nlast";

	CHECK_INT(read_bytes(data, sizeof(data) - 1, 15), 2);
	CHECK(!document->is_text);
	CHECK_STRING(text_of(0), "hostall");
	CHECK_INT(document->records[1].line_number, 2);
	CHECK_INT(read_bytes(data, sizeof(data) - 1, 13), 3);
	CHECK_STRING(text_of(0), "host");
	CHECK_STRING(text_of(1), "all");
	CHECK_INT(document->records[1].line_number, 2);
	CHECK_INT(read_bytes("\0\0\0", 3, 15), 1);
	CHECK_STRING(text_of(0), "");
	CHECK_INT(read_bytes("\0a\\\nb", 5, 15), 1);
	/* the server reads a long line in pieces, as long as its growing buffer */
	memset(large, 'x', sizeof(large));
	large[10] = '\0';
	large[sizeof(large) - 1] = '\n';
	CHECK_INT(read_bytes(large, sizeof(large), 15), 1);
	read_text("a", 15);
	CHECK(document->is_text);
}

/* Files of random bytes. */
static void
test_random_bytes(void)
{
	static const char alphabet[] = "ab \t,#\"@\\\\\\\r\n\n\n\0";
	char data[300];
	unsigned seed = 4711;

	for (int round = 0; round < 3000; round++)
	{
		size_t length;

		seed = seed * 1103515245 + 12345;
		length = (seed >> 16) % sizeof(data);
		for (size_t i = 0; i < length; i++)
		{
			seed = seed * 1103515245 + 12345;
			data[i] = alphabet[(seed >> 16) % sizeof(alphabet)];
		}
		read_bytes(data, length, CASTSSL_OLDEST_MAJOR + round % CASTSSL_MAJORS);
	}
}

static const char *
changes_of(const char *before, const char *after)
{
	static char result[1000];
	CastsslHbaDocument *changes =
		castssl_hba_document_changes(castssl_hba_document_read("/f", before, strlen(before), 15),
									 castssl_hba_document_read("/f", after, strlen(after), 15));

	CHECK_STRING(changes->path, "/f");
	snprintf(result, sizeof(result), "%.*s", (int) changes->length, changes->data);
	return result;
}

static void
test_changes(void)
{
	CHECK_STRING(changes_of("", ""), "");
	CHECK_STRING(changes_of("a\nb\n", "a\nb\n"), "");
	CHECK_STRING(changes_of("a\nb\n", "a\nb\nc\n"), "\n\nc\n");
	CHECK_STRING(changes_of("a\nb\n", "x\na\nb\n"), "x\n");
	CHECK_STRING(changes_of("a\nb\nc\n", "a\nx\nc\n"), "\nx\n");
	CHECK_STRING(changes_of("a\nb\nc\n", "a\nc\n"), "");
	CHECK_STRING(changes_of("a\nb\nc\n", ""), "");
	CHECK_STRING(changes_of("", "a\nb"), "a\nb");
	/* a repeated line counts only once, as common beginning or as common end */
	CHECK_STRING(changes_of("a\na\n", "a\na\na\n"), "\n\na\n");
	/* a line that gets a line end is different; joined lines are one record */
	CHECK_STRING(changes_of("a\nb", "a\nb\nc"), "\nb\nc");
	CHECK_STRING(changes_of("z\na\\\nb\nc\n", "z\na\\\nx\nc\n"), "\na\\\nx\n");
	CHECK_STRING(changes_of("a\\\nb\nc\n", "a\\\nb\nx\n"), "\n\nx\n");

	CHECK(castssl_hba_document_has_lines(castssl_hba_document_read("/f", "\n#a\nb", 5, 15)));
	CHECK(!castssl_hba_document_has_lines(castssl_hba_document_read("/f", "\n#a\n ,", 6, 15)));
}

int
main(void)
{
	test_lines();
	test_continuation();
	test_end_of_file();
	test_long_lines();
	test_nul();
	test_random_bytes();
	test_changes();
	return check_summary();
}
