/*
 * repair.c
 *		Statements that write certificates and CRLs as PEM files that the server can read.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "base/words.h"
#include "tls/repair.h"

/* The file's bytes as an SQL expression. */
#define FILE_BYTES "pg_read_binary_file(%s)"

/*
 * The same as text, also if bytes outside of the blocks are not valid text.  It doubles each
 * backslash.
 */
#define AS_TEXT "encode(" FILE_BYTES ", 'escape')"

/*
 * A regular expression whose first match is a whole block, of the kinds that
 * CastsslCertificate.position counts (tls/certificate.h).
 */
#define LABELS "(?:(?:X509 |TRUSTED )?CERTIFICATE|X509 CRL)"
#define BLOCK "'(-----BEGIN " LABELS "-----[^-]*-----END " LABELS "-----)'"

/*
 * COPY (SELECT lines) TO 'NAME.pem'; %s in lines is the name.  Each row must be one line, because
 * COPY writes a line break inside a value as \n.
 */
static char *
copy_lines(const char *lines, const char *name)
{
	char *target = name ? castssl_sql_literal(psprintf("%s.pem", name)) : NULL;
	char *query = castssl_hint_with(lines, castssl_sql_literal(name));

	if (target == NULL || query == NULL)
		return NULL;
	return psprintf("COPY (SELECT %s) TO %s;", query, target);
}

/* The same for the lines of an ASCII text; bytes is an SQL expression. */
static char *
copy_text(const char *bytes, const char *name)
{
	return copy_lines(
		psprintf("regexp_split_to_table(convert_from(%s, 'SQL_ASCII'), E'\\r?\\n')", bytes), name);
}

char *
castssl_repair_der(const char *name, const char *label)
{
	return copy_lines(psprintf("unnest(ARRAY['-----BEGIN %s-----'] || "
							   "string_to_array(encode(" FILE_BYTES ", 'base64'), E'\\n') || "
							   "ARRAY['-----END %s-----'])",
							   label, "%s", label),
					  name);
}

char *
castssl_repair_utf16(const char *name, bool big_endian)
{
	return copy_text(psprintf("decode(regexp_replace(encode(substr(" FILE_BYTES
							  ", 3), 'hex'), '%s', '\\1', 'g'), 'hex')",
							  "%s", big_endian ? "00(..)" : "(..)00"),
					 name);
}

char *
castssl_repair_bom(const char *name)
{
	return copy_text("substr(" FILE_BYTES ", 4)", name);
}

/* The same for one PEM block for each row of from; label and bytes are SQL expressions. */
static char *
copy_blocks(const char *label, const char *bytes, const char *from, const char *name)
{
	return copy_lines(
		psprintf("unnest(ARRAY['-----BEGIN ' || %s || '-----'] || string_to_array(encode(%s, "
				 "'base64'), E'\\n') || ARRAY['-----END ' || %s || '-----']) FROM %s",
				 label, bytes, label, from),
		name);
}

char *
castssl_repair_line_breaks(const char *name)
{
	/* AS_TEXT has doubled the backslash of \n */
	return copy_blocks(
		"m[1]",
		"decode(regexp_replace(m[2], E'\\\\\\\\[rn]|[^A-Za-z0-9+/=]', '', 'g'), "
		"'base64')",
		"regexp_matches(" AS_TEXT ", '-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END', 'g') m", name);
}

char *
castssl_repair_trusted(const char *name)
{
	/* the settings follow the certificate, whose DER header has its length */
	return copy_blocks("'CERTIFICATE'",
					   "substr(d, 1, CASE get_byte(d, 1) WHEN 129 THEN 3 + get_byte(d, 2) ELSE 4 + "
					   "256 * get_byte(d, 2) + get_byte(d, 3) END)",
					   "regexp_matches(" AS_TEXT ", '-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----"
					   "([^-]*)-----END', 'g') m, decode(m[1], 'base64') d",
					   name);
}

char *
castssl_repair_first(const char *name, int position)
{
	return copy_lines(psprintf("l FROM regexp_matches(" AS_TEXT ", " BLOCK
							   ", 'g') WITH ORDINALITY AS b(m, n), regexp_split_to_table(m[1], "
							   "E'\\r?\\n') WITH ORDINALITY AS t(l, k) ORDER BY n <> %d, n, k",
							   "%s", position),
					  name);
}

char *
castssl_repair_ordered_text(const char *name, const int *positions, int count)
{
	StringInfoData order;

	initStringInfo(&order);
	for (int i = 0; i < count; i++)
		appendStringInfo(&order, "%s%d", i > 0 ? "," : "", positions[i]);
	return castssl_hint_with(
		psprintf("(SELECT string_agg(m[1], E'\\n' ORDER BY array_position('{%s}', n)) FROM "
				 "regexp_matches(" AS_TEXT ", " BLOCK ", 'g') WITH ORDINALITY AS "
				 "b(m, n) WHERE n = ANY('{%s}'))",
				 order.data, "%s", order.data),
		castssl_sql_literal(name));
}

char *
castssl_repair_text_without(const char *name, const char *fingerprint)
{
	return castssl_hint_with(
		psprintf("(SELECT string_agg(m[1], E'\\n' ORDER BY n) FROM regexp_matches(" AS_TEXT
				 ", " BLOCK
				 ", 'g') WITH ORDINALITY AS b(m, n) WHERE encode(sha256(decode(regexp_replace("
				 "m[1], '-----[^-]*-----', '', 'g'), 'base64')), 'hex') <> '%s')",
				 "%s", fingerprint),
		castssl_sql_literal(name));
}

char *
castssl_repair_text_without_keys(const char *name)
{
	/* the first quantifier is non-greedy, and makes the whole expression non-greedy */
	return castssl_hint_with("regexp_replace(" AS_TEXT ", '-----BEGIN [A-Z ]*?PRIVATE KEY-----.*?"
							 "-----END [A-Z ]*?PRIVATE KEY-----', '', 'g')",
							 castssl_sql_literal(name));
}
