/*
 * parameters.c
 *		Reads the server parameters in effect and those stored by ALTER SYSTEM, and stores new
 *		ones.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "libpq/libpq.h"
#include "postmaster/postmaster.h"
#include "common/file_perm.h"
#include "common/string.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/fault.h"
#include "base/words.h"
#include "server/disk/closed.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/call.h"
#include "server/process/capture.h"
#include "server/process/platform.h"
#include "server/process/query.h"
#include "server/process/raise.h"

char *
castssl_parameter_value(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return pstrdup(value ? value : "");
}

bool
castssl_tls_is_on(void)
{
	return EnableSSL;
}

bool
castssl_ca_is_configured(void)
{
	return ssl_ca_file[0] != '\0';
}

/* The settings of a file, as read for this call. */
typedef struct Settings
{
	ConfigVariable *items;
	uint64 read_for; /* castssl_call_number() at that time */
} Settings;

static Settings stored_settings; /* of postgresql.auto.conf */
static Settings config_settings; /* of postgresql.conf and the files that it includes */

/* The caller holds AutoFileLock. */
static ConfigVariable *
read_stored_locked(void)
{
	ConfigVariable *head = NULL;
	ConfigVariable *tail = NULL;
	bool parsed = true;
	FILE *file = AllocateFile(PG_AUTOCONF_FILENAME, "r");

	if (file != NULL)
	{
		parsed = ParseConfigFp(file, PG_AUTOCONF_FILENAME, 0, LOG, &head, &tail);
		FreeFile(file);
	}
	else if (errno == EACCES)
		castssl_closed_refuse(castssl_path_in(DataDir, PG_AUTOCONF_FILENAME), NULL);
	else if (errno != ENOENT)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not open file \"%s\": %m", PG_AUTOCONF_FILENAME)));
	if (!parsed)
		ereport(
			ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("could not parse contents of file \"%s\"", PG_AUTOCONF_FILENAME),
			 errdetail("ALTER SYSTEM wrote this file, and somebody changed it by hand since then."),
			 errhint("The server's log names the line.")));
	return head;
}

static ConfigVariable *
read_stored(void)
{
	ConfigVariable *settings;

	LWLockAcquire(AutoFileLock, LW_SHARED);
	settings = read_stored_locked();
	LWLockRelease(AutoFileLock);
	return settings;
}

static ConfigVariable *
read_config_file(void)
{
	ConfigVariable *head = NULL;
	ConfigVariable *tail = NULL;

	/* castssl_parameter_file_problem() reports what cannot be parsed. */
	(void) ParseConfigFile(ConfigFileName, true, NULL, 0, 0, DEBUG3, &head, &tail);
	return head;
}

/* The settings of those files, read once for a call. */
static const ConfigVariable *
settings_of(Settings *settings, ConfigVariable *(*read)(void) )
{
	MemoryContext context = castssl_call_context();

	if (context == NULL)
		return read();
	if (settings->read_for != castssl_call_number())
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		settings->items = read();
		settings->read_for = castssl_call_number();
		MemoryContextSwitchTo(caller);
	}
	return settings->items;
}

/* The setting of a parameter that counts, which is the last one; NULL: there is none. */
static const ConfigVariable *
setting_in(const ConfigVariable *settings, const char *name)
{
	const ConfigVariable *setting = NULL;

	for (const ConfigVariable *item = settings; item != NULL; item = item->next)
	{
		/* A line that could not be parsed has no name. */
		if (item->name != NULL && pg_strcasecmp(item->name, name) == 0)
			setting = item;
	}
	return setting;
}

static char *
value_in(const ConfigVariable *settings, const char *name)
{
	const ConfigVariable *setting = setting_in(settings, name);

	return setting ? pstrdup(setting->value) : NULL;
}

char *
castssl_parameter_on_disk(const char *name)
{
	char *value = castssl_parameter_stored(name);

	return value ? value : value_in(settings_of(&config_settings, read_config_file), name);
}

char *
castssl_parameter_stored(const char *name)
{
	return value_in(settings_of(&stored_settings, read_stored), name);
}

List *
castssl_parameters_stored(void)
{
	const ConfigVariable *settings = settings_of(&stored_settings, read_stored);
	List *names = NIL;

	for (const ConfigVariable *item = settings; item != NULL; item = item->next)
	{
		if (item->name != NULL && setting_in(item->next, item->name) == NULL)
			names = lappend(names, pstrdup(item->name));
	}
	return names;
}

bool
castssl_parameter_is_stored(const char *name, const char *value)
{
	char *stored = castssl_parameter_stored(name);

	return castssl_same_text(stored, value);
}

/*
 * Facts of a parameter that do not change while the server runs. pg_settings builds
 * every row for each query, so each session asks once.
 */
typedef struct Fixed
{
	const char *name;
	const char *boot_value; /* "": none */
	bool on_command_line;   /* given on the command line that started the server */
} Fixed;

static Fixed *fixed_parameters; /* in TopMemoryContext; NULL: not read yet */
static int nfixed_parameters;

static void
read_fixed(void)
{
	MemoryContext spi_context;
	Fixed *found;

	SPI_connect();
	castssl_query("SELECT name, boot_val, source OPERATOR(pg_catalog.=) 'command line'"
				  " FROM pg_catalog.pg_settings");
	spi_context = MemoryContextSwitchTo(TopMemoryContext);
	found = palloc(SPI_processed * sizeof(Fixed));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		char *boot_value = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
		bool isnull;

		found[i].name = SPI_getvalue(row, SPI_tuptable->tupdesc, 1);
		found[i].boot_value = boot_value ? boot_value : "";
		found[i].on_command_line =
			DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &isnull));
	}
	MemoryContextSwitchTo(spi_context);
	nfixed_parameters = (int) SPI_processed;
	fixed_parameters = found;
	SPI_finish();
}

/* NULL for a parameter that this server does not know. */
static const Fixed *
find_fixed(const char *name)
{
	if (fixed_parameters == NULL)
		read_fixed();
	for (int i = 0; i < nfixed_parameters; i++)
	{
		if (strcmp(fixed_parameters[i].name, name) == 0)
			return &fixed_parameters[i];
	}
	return NULL;
}

char *
castssl_parameter_built_in(const char *name)
{
	const Fixed *fixed = find_fixed(name);

	return pstrdup(fixed ? fixed->boot_value : "");
}

char *
castssl_parameter_configured(const char *name)
{
	return value_in(settings_of(&config_settings, read_config_file), name);
}

char *
castssl_parameter_configured_in(const char *name)
{
	const ConfigVariable *setting =
		setting_in(settings_of(&config_settings, read_config_file), name);

	return setting ? pstrdup(setting->filename) : NULL;
}

char *
castssl_parameter_value_if_reset(const char *name)
{
	char *value = castssl_parameter_configured(name);

	return value ? value : castssl_parameter_built_in(name);
}

/* Did the server report that this parameter only waits for a restart? */
static bool
waits_for_restart(const CastsslCapture *capture, const char *name)
{
	char *quoted = psprintf("\"%s\"", name);

	for (int i = 0; i < capture->count; i++)
	{
		const CastsslMessage *message = &capture->items[i];

		if (strstr(message->message_id, "cannot be changed without restarting") != NULL &&
			strstr(message->message, quoted) != NULL)
			return true;
	}
	return false;
}

/* The first row of pg_file_settings that would keep the server from starting. */
static char *
first_file_problem(const CastsslCapture *capture, MemoryContext context)
{
	TupleDesc columns = SPI_tuptable->tupdesc;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		char *name = SPI_getvalue(row, columns, 1);
		char *error = SPI_getvalue(row, columns, 2);

		/*
		 * A parameter of an extension never keeps the server from starting.  A line that
		 * was removed from a file only waits for the next start.
		 */
		if (name ? strchr(name, '.') != NULL || waits_for_restart(capture, name)
				 : strstr(error, "cannot be changed without restarting") != NULL)
			continue;
		return MemoryContextStrdup(context, SPI_getvalue(row, columns, 3));
	}
	return NULL;
}

char *
castssl_parameter_file_problem(void)
{
	MemoryContext context = CurrentMemoryContext;
	CastsslCapture capture;
	char *problem = NULL;

	SPI_connect();
	castssl_capture_begin(&capture, DEBUG3);
	PG_TRY();
	{
		castssl_query(
			"SELECT name, error, pg_catalog.concat(sourcefile || ':' || sourceline || ': ',"
			" name || ': ', error)"
			" FROM pg_catalog.pg_file_settings WHERE error IS NOT NULL"
			" ORDER BY seqno");
	}
	PG_FINALLY(); /* LCOV_EXCL_LINE: the only error in there is out of memory */
	{
		castssl_capture_end(&capture);
	}
	PG_END_TRY();
	problem = first_file_problem(&capture, context);
	SPI_finish();
	return problem;
}

List *
castssl_parameters_waiting(void)
{
	/*
	 * A removed line has no row.  After a line with a syntax error, the rest of the file is
	 * unknown.
	 */
	return castssl_query_column(
		"SELECT s.name FROM pg_catalog.pg_settings s"
		" LEFT JOIN LATERAL (SELECT f.setting FROM pg_catalog.pg_file_settings f"
		"  WHERE f.name = s.name AND f.error IS NULL ORDER BY f.seqno DESC LIMIT 1) f"
		" ON true"
		" CROSS JOIN LATERAL (SELECT CASE WHEN f.setting IS NOT NULL THEN f.setting"
		"  WHEN s.source = 'configuration file' AND NOT EXISTS"
		"   (SELECT FROM pg_catalog.pg_file_settings e WHERE e.name IS NULL)"
		"  THEN coalesce(s.boot_val, '') END) n (setting)"
		" WHERE s.name LIKE 'ssl%' AND s.source <> 'command line'"
		" AND s.setting <> n.setting AND NOT"
		" (s.vartype = 'bool' AND s.setting::bool = n.setting::bool) AND NOT"
		" (s.vartype = 'enum' AND lower(s.setting) = lower(n.setting))"
		" ORDER BY s.name");
}

char *
castssl_parameters_not_in_effect(void)
{
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach (cell, castssl_parameters_waiting())
		castssl_append_listed(&names, lfirst(cell));
	return names.len > 0 ? names.data : NULL;
}

/* Was it given on the command line that started the server? */
static bool
is_on_command_line(const char *name)
{
	const Fixed *fixed = find_fixed(name);

	return fixed != NULL && fixed->on_command_line;
}

char *
castssl_parameter_at_start(const char *name)
{
	char *value =
		is_on_command_line(name) ? castssl_parameter_value(name) : castssl_parameter_on_disk(name);

	return value ? value : castssl_parameter_built_in(name);
}

const char *
castssl_parameters_unwritable(void)
{
	char *path = castssl_path_in(castssl_path_data_directory(), PG_AUTOCONF_FILENAME);
	struct stat st;

	if (!castssl_alter_system_allowed())
		return "allow_alter_system is off: this server's parameters are managed from outside.";
	if (lstat(path, &st) != 0)
		return NULL;
	if (S_ISLNK(st.st_mode))
		return "postgresql.auto.conf is a symbolic link: this server's parameters are managed from "
			   "outside.";
	if (access(path, W_OK) != 0)
		return "The server may not write postgresql.auto.conf: its parameters are managed from "
			   "outside.";
	if (castssl_platform_is_mount_point(path))
		return "postgresql.auto.conf is a mount point, so it cannot be replaced: this server's "
			   "parameters are managed from outside.";
	return NULL;
}

const char *
castssl_parameter_unchangeable(const char *name)
{
	const char *why = castssl_parameters_unwritable();

	if (why)
		return why;
	if (is_on_command_line(name))
		return "It was given on the command line that started the server, which overrides every "
			   "configuration file.";
	return NULL;
}

char *
castssl_parameter_statement(const char *name, const char *value)
{
	return value ? psprintf("ALTER SYSTEM SET %s = %s;", name, quote_literal_cstr(value))
				 : psprintf("ALTER SYSTEM RESET %s;", name);
}

char *
castssl_parameter_restart_hint(const char *name, const char *value)
{
	return castssl_parameter_unchangeable(name)
			   ? psprintf("Set %s to %s where the server is managed from, then restart the server.",
						  name, value)
			   : psprintf("ALTER SYSTEM SET %s = %s; then restart the server.", name, value);
}

/* Does the server take the value?  If not, it says why at this level. */
static bool
takes(const char *name, const char *value, int elevel)
{
	return set_config_option(name, value, PGC_POSTMASTER, PGC_S_FILE, GUC_ACTION_SET, false, elevel,
							 false) != 0;
}

bool
castssl_parameter_takes(const char *name, const char *value)
{
	return takes(name, value, DEBUG5);
}

/* Raise the error that ALTER SYSTEM would raise if the server refuses the value. */
static void
check_value(const CastsslSetting *setting)
{
	if (setting->value && !takes(setting->name, setting->value, ERROR))
		/* LCOV_EXCL_START: it raises an error itself */
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for parameter \"%s\"", setting->name)));
	/* LCOV_EXCL_STOP */
}

static void
check_stored(const CastsslSetting *setting, const char *stored)
{
	if (!setting->check || castssl_same_text(stored, setting->expected))
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("parameter \"%s\" changed while the change was prepared", setting->name),
					stored ? errdetail("ALTER SYSTEM has just stored \"%s\".", stored)
						   : errdetail("ALTER SYSTEM has just reset it."),
					errhint("Look at the parameter, and call this again."),
					castssl_err_reason("castssl_stale")));
}

static const CastsslSetting *
find_setting(const List *settings, const char *name)
{
	const CastsslSetting *found = NULL;
	ListCell *cell;

	foreach (cell, settings)
	{
		if (pg_strcasecmp(((CastsslSetting *) lfirst(cell))->name, name) == 0)
			found = lfirst(cell);
	}
	return found;
}

static void
append_setting(StringInfo text, const char *name, const char *value)
{
	char *escaped;

	if (value == NULL)
		return;
	escaped = escape_single_quotes_ascii(value);
	if (escaped == NULL)
		/* LCOV_EXCL_START */
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	/* LCOV_EXCL_STOP */
	appendStringInfo(text, "%s = '%s'\n", name, escaped);
	free(escaped);
}

/* The new text of postgresql.auto.conf, as ALTER SYSTEM writes it; false if no setting differs. */
static bool
render(StringInfo text, const ConfigVariable *stored, const List *settings)
{
	bool differs = false;
	ListCell *cell;

	initStringInfo(text);
	appendStringInfoString(text, "# Do not edit this file manually!\n"
								 "# It will be overwritten by the ALTER SYSTEM command.\n");
	for (const ConfigVariable *item = stored; item != NULL; item = item->next)
	{
		if (item->name && find_setting(settings, item->name) == NULL)
			append_setting(text, item->name, item->value);
	}
	foreach (cell, settings)
	{
		const CastsslSetting *setting = lfirst(cell);
		char *now = value_in(stored, setting->name);

		check_stored(setting, now);
		if (find_setting(settings, setting->name) != setting)
			continue;
		differs |= !castssl_same_text(now, setting->value);
		append_setting(text, setting->name, setting->value);
	}
	return differs;
}

void
castssl_parameters_store(const List *settings)
{
	char *path = castssl_path_in(castssl_path_data_directory(), PG_AUTOCONF_FILENAME);
	struct stat st;
	StringInfoData text;
	ListCell *cell;

	foreach (cell, settings)
		check_value(lfirst(cell));
	CASTSSL_FAULT("store parameter");
	stored_settings.read_for = 0;
	/* As in ALTER SYSTEM: nobody else may read or write the file meanwhile. */
	LWLockAcquire(AutoFileLock, LW_EXCLUSIVE);
	if (render(&text, read_stored_locked(), settings))
		castssl_file_replace(path, text.data, text.len,
							 stat(path, &st) == 0 ? st.st_mode & 07777 : pg_file_create_mode, NULL);
	LWLockRelease(AutoFileLock);
	CASTSSL_FAULT("stored parameter");
}

void
castssl_parameter_store(const char *name, const char *value)
{
	CastsslSetting setting = { .name = name, .value = value };

	castssl_parameters_store(list_make1(&setting));
}
