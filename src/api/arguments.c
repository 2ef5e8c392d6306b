/*
 * arguments.c
 *		Reads and checks the arguments of SQL functions: 22023 with a hint if one is
 *		invalid.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/again.h"
#include "api/arguments.h"
#include "api/result.h"
#include "base/fault.h"
#include "base/words.h"
#include "change/lock.h"
#include "change/recover.h"
#include "change/worker.h"
#include "server/disk/files.h"
#include "server/process/call.h"
#include "server/process/raise.h"
#include "server/unreadable.h"
#include "server/world.h"

static char *
limited_text(text *value, size_t limit)
{
	if (VARSIZE_ANY_EXHDR(value) > limit)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument is too long"),
						errdetail("It has %zu bytes; at most %zu are accepted.",
								  (size_t) VARSIZE_ANY_EXHDR(value), limit)));
	return text_to_cstring(value);
}

/* The database may have the SQL definitions of another version of the extension. */
static bool
is_null(FunctionCallInfo fcinfo, int n)
{
	if (n >= PG_NARGS())
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("this function does not fit the installed library of pg_castssl"),
			 errdetail("The SQL definition ends at argument %d; the library asks for argument %d.",
					   PG_NARGS(), n + 1),
			 errhint("Bring the definitions up to date: ALTER EXTENSION pg_castssl UPDATE;")));
	return PG_ARGISNULL(n);
}

static char *
text_up_to(FunctionCallInfo fcinfo, int n, size_t limit)
{
	struct varlena *value;

	if (is_null(fcinfo, n))
		return NULL;
	value = (struct varlena *) PG_GETARG_POINTER(n);
	/* Before the value is detoasted, because unpacking a too large value is a waste. */
	if (toast_raw_datum_size(PointerGetDatum(value)) > limit + VARHDRSZ)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument is too long"),
						errdetail("At most %zu bytes are accepted.", limit)));
	return limited_text(PG_GETARG_TEXT_PP(n), limit);
}

char *
castssl_argument_text(FunctionCallInfo fcinfo, int n)
{
	return text_up_to(fcinfo, n, CASTSSL_ARGUMENT_LIMIT);
}

char *
castssl_argument_pem(FunctionCallInfo fcinfo, int n)
{
	return text_up_to(fcinfo, n, CASTSSL_PEM_LIMIT);
}

char *
castssl_argument_crl(FunctionCallInfo fcinfo, int n)
{
	return text_up_to(fcinfo, n, CASTSSL_CRL_LIMIT);
}

static char *
required(char *value, const char *name, const char *example)
{
	if (value == NULL || value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be null or empty", name), errdetail("It needs a value."),
				 errhint("For example: %s => %s.", name, example)));
	return value;
}

char *
castssl_argument_required(FunctionCallInfo fcinfo, int n, const char *name, const char *example)
{
	return required(castssl_argument_text(fcinfo, n), name, example);
}

char *
castssl_argument_required_pem(FunctionCallInfo fcinfo, int n, const char *name, const char *example)
{
	return required(castssl_argument_pem(fcinfo, n), name, example);
}

char *
castssl_argument_optional(FunctionCallInfo fcinfo, int n, const char *name)
{
	char *value = castssl_argument_text(fcinfo, n);

	if (value != NULL && value[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be empty", name),
				 errdetail("An empty string is not the name of a file or directory."),
				 errhint("Use %s => NULL to leave it out.", name)));
	return value;
}

bool
castssl_argument_bool(FunctionCallInfo fcinfo, int n)
{
	return !is_null(fcinfo, n) && PG_GETARG_BOOL(n);
}

int64
castssl_argument_change_id(FunctionCallInfo fcinfo, int n)
{
	if (is_null(fcinfo, n))
		return 0;
	if (PG_GETARG_INT64(n) < 1)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no change " INT64_FORMAT, PG_GETARG_INT64(n)),
			 errdetail(
				 "Changes have numbers from 1; NULL means the change that waits to be confirmed."),
			 errhint("SELECT * FROM castssl_changes() lists the changes.")));
	return PG_GETARG_INT64(n);
}

const char **
castssl_argument_text_array(FunctionCallInfo fcinfo, int n, const char *name, int *count)
{
	Datum *elements;
	bool *nulls;
	const char **result;

	*count = 0;
	if (is_null(fcinfo, n))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
					  count);
	result = palloc(Max(*count, 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s must not contain null", name),
							errdetail("Element %d is null.", i + 1)));
		result[i] = limited_text(DatumGetTextPP(elements[i]), CASTSSL_ARGUMENT_LIMIT);
	}
	return result;
}

int64
castssl_argument_confirm_within(FunctionCallInfo fcinfo, int n)
{
	const int64 longest = (int64) 366 * SECS_PER_DAY;
	Interval *interval;
	double seconds;

	if (is_null(fcinfo, n))
		return 0;
	interval = PG_GETARG_INTERVAL_P(n);
	seconds = interval->time / (double) USECS_PER_SEC + interval->day * (double) SECS_PER_DAY +
			  interval->month * (double) DAYS_PER_MONTH * SECS_PER_DAY;
	if (seconds < 1 || seconds > longest)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("confirm_within must be between 1 second and 366 days"),
						errdetail("It is %.0f seconds.  A month counts as 30 days.", seconds),
						errhint("For example: confirm_within => '10 min'.")));
	if (seconds * 1000 < CASTSSL_SHORT_DEADLINE)
		ereport(WARNING,
				(errmsg("confirm_within is only %s",
						castssl_counted((int) seconds, "second", "seconds")),
				 errdetail("An interval without a unit counts seconds."),
				 errhint("If minutes were meant: confirm_within => '%.0f min'.", seconds)));
	return (int64) (seconds * 1000);
}

CastsslApplyOptions
castssl_argument_options(FunctionCallInfo fcinfo, int confirm_within, int force, int dry_run)
{
	return (CastsslApplyOptions){ .confirm_within =
									  castssl_argument_confirm_within(fcinfo, confirm_within),
								  .force = castssl_argument_bool(fcinfo, force),
								  .dry_run = castssl_argument_bool(fcinfo, dry_run) };
}

static void
set_addresses(CastsslHbaWanted *wanted, FunctionCallInfo fcinfo, int n)
{
	wanted->addresses = castssl_argument_text_array(fcinfo, n, "addresses", &wanted->naddresses);
	for (int i = 0; i < wanted->naddresses; i++)
	{
		if (wanted->addresses[i][0] == '\0')
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("addresses must not contain an empty string"),
							errdetail("Element %d is empty.", i + 1),
							errhint("Give ranges such as 10.0.0.0/8 or ::/0.")));
	}
}

static void
set_auth_method(CastsslHbaWanted *wanted, FunctionCallInfo fcinfo, int n)
{
	static const char *const methods[] = { "scram-sha-256", "md5", "password", "cert",
										   "gss",           "pam", NULL };

	wanted->auth_method = castssl_argument_text(fcinfo, n);
	if (wanted->auth_method)
		(void) castssl_choice("auth_method", wanted->auth_method, methods,
							  "Set another method rule by rule, with castssl_hba_change().  NULL "
							  "lets each rule keep its own method.");
}

CastsslHbaWanted
castssl_argument_wanted(FunctionCallInfo fcinfo, int clientcert, int plaintext, int addresses,
						int auth_method)
{
	static const char *const plaintexts[] = { "keep", "block", NULL };
	const char *const clientcerts[] = { castssl_clientcert_name(CASTSSL_CLIENTCERT_NONE),
										castssl_clientcert_name(CASTSSL_CLIENTCERT_VERIFY_CA),
										castssl_clientcert_name(CASTSSL_CLIENTCERT_VERIFY_FULL),
										NULL };
	CastsslHbaWanted wanted = { 0 };
	char *text = castssl_argument_text(fcinfo, clientcert);

	wanted.names_clientcert = text != NULL;
	if (text && !castssl_clientcert_parse(text, &wanted.clientcert))
		castssl_choice("clientcert", text, clientcerts,
					   "For example: clientcert => 'verify-full'.");
	text = castssl_argument_text(fcinfo, plaintext);
	wanted.block_plaintext = castssl_choice("plaintext", text ? text : "", plaintexts,
											"For example: plaintext => 'block'.") == 1;
	wanted.gss_possible = castssl_hba_gss_possible();
	set_addresses(&wanted, fcinfo, addresses);
	set_auth_method(&wanted, fcinfo, auth_method);
	return wanted;
}

void
castssl_check_no_block(const char *function)
{
	if (IsTransactionBlock() || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block", function),
				 errdetail("It changes files, and ROLLBACK would not undo that."),
				 errhint("Call it outside of a transaction.  Several statements in one string "
						 "are one, too: send each by itself.  If the driver begins "
						 "transactions by itself, turn on its setting \"autocommit\".")));
}

static void
run_locked(void (*acquire)(void), void (*release)(void), CastsslLocked body, void *arg)
{
	acquire();
	CASTSSL_FAULT_BEGIN();
	PG_TRY();
	{
		castssl_call_forget(); /* forget what was read before the lock kept others from writing */
		castssl_worker_stand_in();
		castssl_change_catch_up();
		body(arg);
	}
	PG_FINALLY();
	{
		release();
	}
	PG_END_TRY();
}

void
castssl_with_lock(CastsslLocked body, void *arg)
{
	run_locked(castssl_lock_acquire, castssl_lock_release, body, arg);
}

void
castssl_with_lock_to_decide(CastsslLocked body, void *arg)
{
	run_locked(castssl_lock_acquire_to_undo, castssl_lock_release_to_undo, body, arg);
}

typedef struct RunPlan
{
	CastsslPlan *(*make_plan)(void *arg);
	void *arg;
	CastsslApplyOptions options;
	CastsslRows rows;
} RunPlan;

static void
run_plan(void *arg)
{
	RunPlan *run = arg;
	CastsslPlan *plan;

	castssl_unreadable_refuse_reload();
	plan = run->make_plan(run->arg);
	castssl_apply(plan, &run->options);
	castssl_rows_add_steps(&run->rows, plan, run->options.dry_run);
}

void
castssl_run_plan(CastsslPlan *(*make_plan)(void *arg), void *arg,
				 const CastsslApplyOptions *options, FunctionCallInfo fcinfo)
{
	RunPlan run = { .make_plan = make_plan, .arg = arg, .options = *options };

	run.options.again = castssl_again(fcinfo);
	run.rows = castssl_rows_begin(fcinfo);
	if (!options->dry_run)
	{
		castssl_with_lock(run_plan, &run);
		return;
	}
	/* A dry run writes nothing, so others may run beside it. */
	castssl_worker_tell();
	castssl_lock_wait();
	run_plan(&run);
}
