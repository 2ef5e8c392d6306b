/*
 * read.c
 *		pg_hba.conf as values: the rules of a file and of all included files.
 *
 * PostgreSQL: tokenize_auth_file and the functions that it calls.  The server
 * tokenizes all lines first and parses them later.  This code parses each line at
 * once, which gives the same rules in the same order.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "base/arena.h"
#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/text/mask.h"
#include "hba/text/read.h"

#define DEEPEST_INCLUDE 10 /* CONF_FILE_MAX_DEPTH */

/* Up to 15, only the number of open files limits the nesting of @file. */
#define DEEPEST_FILE_BEFORE_16 100

#define TOO_MANY_NAMES "too many names in one line"

/* The tokens of a file included by @file, so that the file is read only once. */
typedef struct TokenFile
{
	const char *path;
	int depth; /* depth at which it was read: from this depth or less, it cannot nest too deep */
	CastsslHbaTokens tokens;
} TokenFile;

/* The tokens of a field, copied out of the scratch. */
typedef struct Kept
{
	CastsslHbaTokens tokens;
	size_t length; /* of the first string */
	char end;      /* its last byte */
} Kept;

typedef struct Builder
{
	CastsslHbaPolicy *policy;
	const CastsslHbaReader *reader;
	CastsslHbaParser parser;
	int version;
	CastsslArena arena;
	int rule_capacity;
	int file_capacity;
	TokenFile *token_files;
	int ntoken_files;
	int token_file_capacity;
	int included_lines;
	int references;      /* @files that the current line has named, directly or not */
	int names;           /* tokens that these files have given the line */
	Kept last_databases; /* those of the previous rule: the next one often has the same */
	Kept last_users;
	int field;  /* of the current line, which named the file that is read now */
	int nested; /* number of open @files */
} Builder;

/* Scratch for reading one file.  Each included file has its own. */
typedef struct Frame
{
	const CastsslHbaDocument *document;
	int file; /* index in policy->files; -1 for a file included by @file */
	int depth;
	StringInfoData joined;
	CastsslHbaLine line;
	CastsslHbaFields fields;
} Frame;

static const char *read_lines(Builder *builder, const CastsslHbaDocument *document, int file,
							  int depth, CastsslHbaFields *into);

/* Copy tokens out of a frame's scratch.  The strings of an @file are in the arena already. */
static CastsslHbaTokens
keep_tokens(Builder *builder, const Frame *frame, CastsslHbaTokens tokens)
{
	static const CastsslHbaToken all = { .string = "all" };
	CastsslHbaToken *items;

	if (tokens.count == 0)
		return (CastsslHbaTokens){ 0 };
	if (tokens.count == 1 && castssl_hba_is_keyword(&tokens.items[0], "all"))
		/* cppcheck takes the member of a compound literal for a variable. */
		/* cppcheck-suppress legacyUninitvar */
		return (CastsslHbaTokens){ .items = &all, .count = 1 };
	items = castssl_arena_alloc(&builder->arena, tokens.count * sizeof(CastsslHbaToken));
	for (int i = 0; i < tokens.count; i++)
	{
		const char *string = tokens.items[i].string;

		items[i] = tokens.items[i];
		if (string >= frame->line.strings &&
			string < frame->line.strings + frame->line.strings_size)
			items[i].string = castssl_arena_string(&builder->arena, string);
	}
	return (CastsslHbaTokens){ .items = items, .count = tokens.count };
}

/*
 * keep_tokens, but tokens that equal *last share its copy.  Unequal fields mostly differ in
 * the length or the last byte of their first string, so these are compared first.
 */
static CastsslHbaTokens
keep_shared(Builder *builder, const Frame *frame, CastsslHbaTokens tokens, Kept *last)
{
	size_t length = tokens.count > 0 ? strlen(tokens.items[0].string) : 0;
	char end = length > 0 ? tokens.items[0].string[length - 1] : '\0';

	if (length != last->length || end != last->end ||
		!castssl_hba_tokens_equal(tokens, last->tokens))
		*last = (Kept){ keep_tokens(builder, frame, tokens), length, end };
	return last->tokens;
}

static CastsslHbaRule *
new_rule(Builder *builder)
{
	CastsslHbaPolicy *policy = builder->policy;

	CASTSSL_GROW(policy->rules, policy->nrules, builder->rule_capacity);
	memset(&policy->rules[policy->nrules], 0, sizeof(CastsslHbaRule));
	return &policy->rules[policy->nrules++];
}

/* The error of a line for readers who may not see its secrets. */
static const char *
error_for_all(const Frame *frame, int record, const char *error)
{
	StringInfoData joined;
	size_t length;
	const char *text;

	initStringInfo(&joined);
	text = castssl_hba_record_text(frame->document, record, &joined, &length);
	error = castssl_hba_mask_error(error, text, length);
	pfree(joined.data);
	return error;
}

/* Add the rule of the line in frame. error: what was wrong before the line could be parsed. */
static void
add_rule(Builder *builder, const Frame *frame, int record, const char *error)
{
	CastsslHbaRule *rule = new_rule(builder);

	rule->file = frame->file;
	rule->record = record;
	rule->line_number = frame->document->records[record].line_number;
	rule->error = error;
	if (error == NULL)
		builder->parser(&frame->fields, builder->version, builder->reader, rule);
	if (rule->error)
	{
		builder->policy->nerrors++;
		rule->error_shown = error_for_all(frame, record, rule->error);
	}
	if (error)
		return;
	rule->databases = keep_shared(builder, frame, rule->databases, &builder->last_databases);
	rule->users = keep_shared(builder, frame, rule->users, &builder->last_users);
	rule->options = keep_tokens(builder, frame, rule->options);
	if (rule->address.name)
		rule->address.name = castssl_arena_string(&builder->arena, rule->address.name);
}

/* Read a file.  Returns NULL with *error on failure; *missing is set if there is no such file. */
static CastsslHbaDocument *
open_document(Builder *builder, const char *path, int depth, bool *missing, const char **error)
{
	char *data;
	char *problem = NULL;
	size_t length;

	*missing = false;
	if (builder->version >= CASTSSL_HBA_FIRST_WITH_INCLUDE && depth > DEEPEST_INCLUDE)
		*error = psprintf("could not open file \"%s\": maximum nesting depth exceeded", path);
	else if (depth > DEEPEST_FILE_BEFORE_16)
		*error = psprintf("could not open file \"%s\": %s", path, strerror(EMFILE));
	else if (builder->reader->read(builder->reader->arg, path, &data, &length, missing, &problem))
		return castssl_hba_document_read(path, data, length, builder->version);
	else
		*error = problem;
	return NULL;
}

/* The document of a file that contains rules.  Each file is in policy->files once. */
static CastsslHbaDocument *
open_rule_file(Builder *builder, const char *path, int depth, int *file, bool *missing,
			   const char **error)
{
	CastsslHbaPolicy *policy = builder->policy;
	CastsslHbaDocument *document;

	*missing = false;
	for (int i = 0; i < policy->nfiles && depth <= DEEPEST_INCLUDE; i++)
	{
		if (strcmp(policy->files[i]->path, path) == 0)
		{
			*file = i;
			return policy->files[i];
		}
	}
	document = open_document(builder, path, depth, missing, error);
	if (document == NULL)
		return NULL;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	CASTSSL_GROW(policy->files, policy->nfiles, builder->file_capacity);
	*file = policy->nfiles;
	policy->files[policy->nfiles++] = document;
	return document;
}

/* Up to 15 the server words the failure of @file differently. */
static const char *
file_error(const Builder *builder, const char *name, const char *path, const char *error)
{
	char *prefix;

	if (builder->version >= CASTSSL_HBA_FIRST_WITH_INCLUDE)
		return error;
	prefix = psprintf("could not open file \"%s\": ", path);
	if (strncmp(error, prefix, strlen(prefix)) == 0)
		error += strlen(prefix);
	return psprintf("could not open secondary authentication file \"@%s\" as \"%s\": %s", name,
					path, error);
}

static TokenFile *
find_token_file(Builder *builder, const char *path)
{
	for (int i = 0; i < builder->ntoken_files; i++)
	{
		if (strcmp(builder->token_files[i].path, path) == 0)
			return &builder->token_files[i];
	}
	CASTSSL_GROW(builder->token_files, builder->ntoken_files, builder->token_file_capacity);
	builder->token_files[builder->ntoken_files] = (TokenFile){ .path = path, .depth = -1 };
	return &builder->token_files[builder->ntoken_files++];
}

/* Tell the reader that a line names a file. */
static void
note_use(Builder *builder, const char *path, int field)
{
	/* a file that an @file names belongs to the same field as the @file */
	if (builder->nested == 0)
		builder->field = Min(field, CASTSSL_HBA_OPTIONS);
	if (builder->reader->uses)
		builder->reader->uses(builder->reader->arg, path, builder->field);
}

/* Note that the line exceeds a limit of read.h, which the server does not have. */
static const char *
beyond_limit(Builder *builder, const char *what)
{
	builder->policy->beyond_limit = what;
	return what;
}

/* Add the tokens of a file named by @ to fields (PostgreSQL: tokenize_expand_file). */
static const char *
expand_file(Builder *builder, const Frame *frame, const char *name, CastsslHbaFields *into)
{
	const char *path = builder->reader->locate(builder->reader->arg, name, frame->document->path);
	TokenFile *file = find_token_file(builder, path);
	CastsslHbaDocument *document;
	int start = into->ntokens;
	int depth = frame->depth + 1;
	CastsslHbaToken *items;
	bool missing;
	const char *error = NULL;

	castssl_let_interrupt();
	if (++builder->references > CASTSSL_HBA_MOST_REFERENCES)
		return beyond_limit(builder, "too many references to files in one line");
	note_use(builder, path, frame->fields.nfields);
	if (depth <= file->depth)
	{
		builder->names += file->tokens.count;
		if (builder->names > CASTSSL_HBA_MOST_NAMES)
			return beyond_limit(builder, TOO_MANY_NAMES);
		for (int i = 0; i < file->tokens.count; i++)
			castssl_hba_fields_add(into, file->tokens.items[i].string,
								   file->tokens.items[i].quoted);
		return NULL;
	}
	document = open_document(builder, path, depth, &missing, &error);
	if (document == NULL)
		return file_error(builder, name, path, error);
	builder->nested++;
	error = read_lines(builder, document, -1, depth, into);
	builder->nested--;
	if (error)
		return error;

	file = find_token_file(builder, path); /* reading may have moved the array */
	file->depth = depth;
	file->tokens.count = into->ntokens - start;
	items = castssl_arena_alloc(&builder->arena, file->tokens.count * sizeof(CastsslHbaToken));
	memcpy(items, into->tokens + start, file->tokens.count * sizeof(CastsslHbaToken));
	file->tokens.items = items;
	return NULL;
}

/* Cut the line into fields, expanding @file.  Returns the server's error for the first fault. */
static const char *
read_fields(Builder *builder, Frame *frame, int record)
{
	const char *text;
	size_t length;

	castssl_hba_fields_reset(&frame->fields);
	if (castssl_hba_record_is_too_long(frame->document, record))
		return "authentication file line too long";
	text = castssl_hba_record_text(frame->document, record, &frame->joined, &length);
	castssl_hba_lex(&frame->line, text, length, builder->version);
	for (int i = 0; i < frame->line.nlexemes; i++)
	{
		const CastsslHbaLexeme *lexeme = &frame->line.lexemes[i];
		const char *error;

		if (lexeme->file)
		{
			error = expand_file(builder, frame, lexeme->string + 1, &frame->fields);
			if (error)
				return error;
		}
		else
			castssl_hba_fields_add(&frame->fields, lexeme->string, lexeme->quoted);
		builder->names += !lexeme->file && frame->file < 0;
		if (!lexeme->comma)
			castssl_hba_fields_end_field(&frame->fields);
	}
	castssl_hba_fields_end_field(&frame->fields);
	return frame->line.error;
}

/*
 * Read an included file. *open_error is why it could not be opened.  Returns the first
 * fault inside of the file, which matters only when tokens are collected.
 */
static const char *
include_file(Builder *builder, const Frame *frame, const char *path, bool missing_ok,
			 CastsslHbaFields *into, const char **open_error)
{
	CastsslHbaDocument *document;
	bool missing;
	int file = -1;
	const char *error = NULL;

	note_use(builder, path, CASTSSL_HBA_INCLUDE);
	if (into)
		document = open_document(builder, path, frame->depth + 1, &missing, &error);
	else
		document = open_rule_file(builder, path, frame->depth + 1, &file, &missing, &error);
	if (document == NULL)
	{
		*open_error = missing && missing_ok ? NULL : error;
		return NULL;
	}
	return read_lines(builder, document, file, frame->depth + 1, into);
}

static const char *
include_directory(Builder *builder, const Frame *frame, const char *name, CastsslHbaFields *into,
				  const char **open_error)
{
	const CastsslHbaReader *reader = builder->reader;
	const char *directory;
	char **paths;
	char *problem = NULL;
	int count;
	const char *last = NULL;
	StringInfoData errors;

	if (strspn(name, " \t\r\n") == strlen(name))
	{
		*open_error = "empty configuration directory name";
		return NULL;
	}
	directory = reader->locate(reader->arg, name, frame->document->path);
	note_use(builder, directory, CASTSSL_HBA_INCLUDE);
	if (!reader->list(reader->arg, directory, &paths, &count, &problem))
	{
		*open_error = problem;
		return NULL;
	}
	initStringInfo(&errors);
	for (int i = 0; i < count; i++)
	{
		const char *error = include_file(builder, frame, paths[i], false, into, &last);

		if (error)
			return error;
		/* the server repeats the last message for each further file, and so does this code */
		if (last)
			appendStringInfo(&errors, "%s%s", errors.len > 0 ? "\n" : "", last);
	}
	*open_error = errors.len > 0 ? errors.data : NULL;
	return NULL;
}

/*
 * Is the line an include directive?  Then follow it. *open_error is the fault of the
 * directive itself.
 */
static bool
follow_include(Builder *builder, Frame *frame, CastsslHbaFields *into, const char **inner_error,
			   const char **open_error)
{
	CastsslHbaInclude kind =
		castssl_hba_include(castssl_hba_field(&frame->fields, 0).items[0].string,
							frame->fields.nfields, builder->version);
	const char *name;
	const char *path;

	if (kind == CASTSSL_INCLUDE_NONE)
		return false;
	name = castssl_hba_field(&frame->fields, 1).items[0].string;
	if (kind == CASTSSL_INCLUDE_DIRECTORY)
		*inner_error = include_directory(builder, frame, name, into, open_error);
	else
	{
		path = builder->reader->locate(builder->reader->arg, name, frame->document->path);
		*inner_error = include_file(builder, frame, path, kind == CASTSSL_INCLUDE_FILE_IF_EXISTS,
									into, open_error);
	}
	return true;
}

/* Read one line: add its rule to the policy, or its tokens to into. */
static const char *
read_line(Builder *builder, Frame *frame, int record, CastsslHbaFields *into)
{
	const char *inner_error = NULL;
	const char *error = read_fields(builder, frame, record);

	if (frame->fields.nfields == 0 && error == NULL)
		return NULL;
	if (error == NULL && follow_include(builder, frame, into, &inner_error, &error) &&
		error == NULL)
		return inner_error;
	if (into == NULL)
	{
		add_rule(builder, frame, record, error);
		return NULL;
	}
	if (builder->names > CASTSSL_HBA_MOST_NAMES && error == NULL)
		error = beyond_limit(builder, TOO_MANY_NAMES);
	for (int i = 0; i < frame->fields.ntokens && error == NULL; i++)
	{
		const CastsslHbaToken *token = &frame->fields.tokens[i];

		castssl_hba_fields_add(into, castssl_arena_string(&builder->arena, token->string),
							   token->quoted);
	}
	return error;
}

static bool
too_much(Builder *builder, const Frame *frame)
{
	return frame->depth > 0 && ++builder->included_lines > CASTSSL_HBA_MOST_INCLUDED_LINES;
}

/*
 * Read every line of a document.  If into is set, collect the tokens there and return
 * the first fault; otherwise return NULL.
 */
static const char *
read_lines(Builder *builder, const CastsslHbaDocument *document, int file, int depth,
		   CastsslHbaFields *into)
{
	Frame frame = { .document = document, .file = file, .depth = depth };
	const char *error = NULL;

	initStringInfo(&frame.joined);
	for (int i = 0; i < document->nrecords && error == NULL; i++)
	{
		castssl_let_interrupt();
		if (document->records[i].kind != CASTSSL_HBA_LINE)
			continue;
		if (into == NULL)
			builder->references = builder->names = 0;
		if (too_much(builder, &frame))
		{
			error = beyond_limit(builder, "too many lines in included files");
			if (into == NULL && builder->included_lines == CASTSSL_HBA_MOST_INCLUDED_LINES + 1)
				add_rule(builder, &frame, i, error);
			break;
		}
		error = read_line(builder, &frame, i, into);
	}
	castssl_hba_line_free(&frame.line);
	castssl_hba_fields_free(&frame.fields);
	pfree(frame.joined.data);
	return into ? error : NULL;
}

static void
add_empty_document(Builder *builder, const char *path)
{
	CastsslHbaPolicy *policy = builder->policy;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	CASTSSL_GROW(policy->files, policy->nfiles, builder->file_capacity);
	policy->files[policy->nfiles++] = castssl_hba_document_read(path, "", 0, builder->version);
}

CastsslHbaPolicy *
castssl_hba_policy_read(const char *path, const CastsslHbaReader *reader, int version)
{
	return castssl_hba_lines_read(path, reader, version, castssl_hba_parse_rule);
}

CastsslHbaPolicy *
castssl_hba_lines_read(const char *path, const CastsslHbaReader *reader, int version,
					   CastsslHbaParser parser)
{
	Builder builder = { .reader = reader, .parser = parser, .version = version };
	CastsslHbaPolicy *policy = palloc0(sizeof(CastsslHbaPolicy));
	CastsslHbaDocument *document;
	const char *error = NULL;
	bool missing;
	int file;

	policy->version = version;
	builder.policy = policy;
	document = open_rule_file(&builder, pstrdup(path), 0, &file, &missing, &error);
	if (document == NULL)
	{
		CastsslHbaRule *rule = new_rule(&builder);

		rule->record = -1;
		rule->error = rule->error_shown = error;
		policy->nerrors = 1;
		add_empty_document(&builder, pstrdup(path));
		return policy;
	}

	for (int i = 0; i < document->nrecords; i++)
		builder.rule_capacity += document->records[i].kind == CASTSSL_HBA_LINE;
	if (builder.rule_capacity > 0)
		policy->rules = palloc(builder.rule_capacity * sizeof(CastsslHbaRule));
	read_lines(&builder, document, file, 0, NULL);
	return policy;
}
