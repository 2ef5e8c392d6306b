/*
 * repair.c
 *		Statements that write a certificate or CRL as a PEM file.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/words.h"
#include "tls/repair.h"

/* The file's bytes as an expression of SQL. */
#define BYTES "pg_read_binary_file(%s)"

bool
castssl_repair_is_file(const char *name)
{
	return strpbrk(name, "./") != NULL;
}

/*
 * COPY (SELECT ...) TO 'NAME.pem', one line for each row; in lines %s is the name.  COPY would
 * write a line break within a value as \n.
 */
static char *
copy_lines(const char *lines, const char *name)
{
	char *target = castssl_sql_literal(psprintf("%s.pem", name));
	char *query = castssl_hint_with(lines, castssl_sql_literal(name));

	if (target == NULL || query == NULL || !castssl_repair_is_file(name))
		return NULL;
	return psprintf("COPY (SELECT %s) TO %s;", query, target);
}

/* The lines of a text in ASCII, whose bytes are an expression of SQL. */
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
							   "string_to_array(encode(" BYTES ", 'base64'), E'\\n') || "
							   "ARRAY['-----END %s-----'])",
							   label, "%s", label),
					  name);
}

char *
castssl_repair_utf16(const char *name, bool big_endian)
{
	return copy_text(psprintf("decode(regexp_replace(encode(substr(" BYTES
							  ", 3), 'hex'), '%s', '\\1', 'g'), 'hex')",
							  "%s", big_endian ? "00(..)" : "(..)00"),
					 name);
}

char *
castssl_repair_bom(const char *name)
{
	return copy_text("substr(" BYTES ", 4)", name);
}
