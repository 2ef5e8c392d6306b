/*
 * bridge.c
 *		Replace several files of TLS while TLS stays on.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "change/bridge.h"
#include "change/journal.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/platform.h"

const char *const castssl_bridge_parameters[] = { "ssl_cert_file", "ssl_key_file", "ssl_ca_file",
												  "ssl_crl_file", NULL };

static bool
is_on(const char *value)
{
	bool on;

	return value != NULL && (!parse_bool(value, &on) || on);
}

bool
castssl_bridge_starts_with_tls(void)
{
	return is_on(castssl_parameter_on_disk("ssl"));
}

bool
castssl_bridge_tls_is_on(const char *stored)
{
	return is_on(stored ? stored : castssl_parameter_configured("ssl"));
}

/* The path with the links in its folder resolved. */
static char *
resolve_folder(const char *path)
{
	char *folder = castssl_platform_real_path(castssl_path_folder(path));

	return folder ? castssl_path_in(folder, last_dir_separator(path) + 1) : pstrdup(path);
}

/* The path with links resolved, as far as it exists. */
static char *
resolve(const char *path)
{
	char *real = castssl_platform_real_path(path);

	return real ? real : resolve_folder(path);
}

bool
castssl_bridge_names(const char *parameter, const char *stored, const char *path)
{
	const char *value = stored ? stored : castssl_parameter_configured(parameter);

	/* the built-in defaults, which the worker cannot look up, because it has no database */
	if (value == NULL)
		value = strcmp(parameter, "ssl_cert_file") == 0  ? "server.crt"
				: strcmp(parameter, "ssl_key_file") == 0 ? "server.key"
														 : "";
	if (value[0] == '\0')
		return false;
	value = castssl_path_in(DataDir, value);
	/* the second: somebody has put a link in the place of the file since */
	return strcmp(resolve(value), path) == 0 || strcmp(resolve_folder(value), path) == 0;
}

/* The index of the replaced file that the parameter names if stored is its value; -1: none. */
static int
find_named(const CastsslChange *change, const bool *replaced, const char *name, const char *stored)
{
	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);

		if (replaced[i] && castssl_bridge_names(name, stored, file->path))
			return i;
	}
	return -1;
}

static const char *
target_of(const CastsslChangedParameter *parameter, bool forward)
{
	return forward ? parameter->after : parameter->before;
}

static void
add_setting(List **settings, const CastsslChangedParameter *parameter, const char *value,
			bool forward)
{
	CastsslSetting *setting = palloc0(sizeof(CastsslSetting));

	setting->name = parameter->name;
	setting->value = value;
	setting->check = forward;
	setting->expected = parameter->before;
	*settings = lappend(*settings, setting);
}

bool
castssl_bridge_settings(const CastsslChange *change, bool forward, const bool *replaced,
						List **settings)
{
	ListCell *cell;

	*settings = NIL;
	for (int i = 0; castssl_bridge_parameters[i]; i++)
	{
		const char *name = castssl_bridge_parameters[i];

		/* a parameter that is not in the journal could not be restored */
		if (castssl_changed_parameter(change->parameters, name) == NULL &&
			find_named(change, replaced, name, castssl_parameter_stored(name)) >= 0)
			return false;
	}
	foreach (cell, change->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);
		const char *value = target_of(parameter, forward);
		bool is_file = false;
		int n;

		if (strcmp(parameter->name, "ssl") == 0)
			continue;
		for (int i = 0; castssl_bridge_parameters[i]; i++)
			is_file |= strcmp(castssl_bridge_parameters[i], parameter->name) == 0;
		n = is_file ? find_named(change, replaced, parameter->name, value) : -1;
		if (n >= 0)
		{
			if (forward && castssl_parameter_unchangeable(parameter->name))
				return false;
			value = forward ? castssl_journal_next_path(change->id, n)
							: castssl_journal_before_path(change->id, n);
		}
		add_setting(settings, parameter, value, forward);
	}
	return true;
}
