/*
 * status.c
 *		castssl_status and castssl_reload: the state at this moment.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "api/entry.h"
#include "api/result.h"
#include "base/settings.h"
#include "change/journal.h"
#include "change/worker.h"
#include "flow/recipe/staging.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/reload.h"
#include "server/restart.h"

static void
set_certificate(Datum *values, bool *nulls)
{
	CastsslCertificate certificate;
	char *problem;

	nulls[8] = nulls[9] = nulls[10] = true;
	if (castssl_material_certificate_on_disk(&certificate))
	{
		castssl_set_name(values, nulls, 8, certificate.subject);
		values[9] = castssl_time_from_unix(certificate.not_after);
		nulls[9] = false;
		castssl_set_text(values, nulls, 10, certificate.fingerprint);
	}
	castssl_set_text(values, nulls, 11,
					 castssl_probe_possible()
						 ? castssl_probe_certificate(castssl_verify_timeout, &problem)
						 : NULL);
}

CASTSSL_FUNCTION(castssl_status)
{
	TupleDesc descriptor;
	Datum values[18] = { 0 };
	bool nulls[18] = { false };
	CastsslChange *change;
	char *problem;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	castssl_worker_tell();

	values[0] = BoolGetDatum(castssl_tls_is_on());
	castssl_set_text(values, nulls, 1, ConfigFileName);
	castssl_set_text(values, nulls, 2, HbaFileName);
	castssl_set_text(values, nulls, 3, DataDir);
	for (int role = 0; role < CASTSSL_NROLES; role++)
		castssl_set_text(values, nulls, 4 + role, castssl_material_named(role));
	set_certificate(values, nulls);
	values[12] = BoolGetDatum(castssl_staging_exists());
	change = castssl_journal_latest();
	nulls[13] = (change == NULL);
	if (change)
		values[13] = Int64GetDatum(change->id);
	castssl_set_text(values, nulls, 14, change ? castssl_change_state_name(change->state) : NULL);
	castssl_set_time(values, nulls, 15,
					 change && change->state == CASTSSL_UNCONFIRMED ? change->confirm_deadline : 0);
	problem = castssl_restart_problem(NULL, true);
	values[16] = BoolGetDatum(problem == NULL);
	castssl_set_text(values, nulls, 17, problem);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

/*
 * castssl_reload(): has another name in C, because castssl_reload is a function of
 * server/reload.
 */
CASTSSL_FUNCTION(castssl_reload_and_verify)
{
	TupleDesc descriptor;
	Datum values[3] = { 0 };
	bool nulls[3] = { false };
	CastsslCertificate certificate;
	char *served = NULL;
	char *problem;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	castssl_worker_stand_in();
	problem = castssl_reload(castssl_verify_timeout);
	CHECK_FOR_INTERRUPTS();
	values[0] = BoolGetDatum(problem == NULL);
	if (problem == NULL && castssl_probe_possible() && castssl_tls_is_on())
	{
		served = castssl_probe_certificate(castssl_verify_timeout, &problem);
		if (served && castssl_material_certificate_on_disk(&certificate) &&
			strcmp(served, certificate.fingerprint) != 0)
			problem = psprintf("the server still shows another certificate than the one in \"%s\"",
							   castssl_material_named(CASTSSL_ROLE_CERTIFICATE));
	}
	if (problem == NULL)
		problem = castssl_restart_problem(NULL, true);
	castssl_set_text(values, nulls, 1, served);
	castssl_set_text(values, nulls, 2, problem);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}
