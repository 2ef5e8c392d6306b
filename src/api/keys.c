/*
 * keys.c
 *		Keys and certificates: requests, installing, the small CA.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "api/entry.h"
#include "api/result.h"
#include "flow/recipe/authority.h"
#include "flow/recipe/install.h"
#include "flow/recipe/revoke.h"
#include "server/process/raise.h"
#include "server/unreadable.h"
#include "tls/openssl.h"

/* An inet[] argument.  The elements must be addresses, not networks. */
static CastsslIpAddress *
argument_addresses(FunctionCallInfo fcinfo, int n, int *count)
{
	Datum *elements;
	bool *nulls;
	CastsslIpAddress *result;

	*count = 0;
	if (PG_ARGISNULL(n))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), INETOID, -1, false, TYPALIGN_INT, &elements, &nulls,
					  count);
	result = palloc0(Max(*count, 1) * sizeof(CastsslIpAddress));
	for (int i = 0; i < *count; i++)
	{
		inet *address = nulls[i] ? NULL : DatumGetInetPP(elements[i]);

		if (address == NULL || ip_bits(address) != ip_maxbits(address))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("ip_addresses must be single addresses"),
							address ? errdetail("%s is a network.",
												TextDatumGetCString(
													DirectFunctionCall1(network_show, elements[i])))
									: errdetail("One of them is null."),
							errhint("For example: ip_addresses => '{192.0.2.7, 2001:db8::7}'.")));
		result[i].family = ip_family(address) == PGSQL_AF_INET6 ? 6 : 4;
		memcpy(result[i].address, ip_addr(address), ip_addrsize(address));
	}
	return result;
}

/* OpenSSL expects names and passwords in UTF-8, in databases of every encoding. */
static char *
in_utf8(char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

/* A text that must be wiped from memory; NULL for NULL. */
static char *
argument_secret(FunctionCallInfo fcinfo, int n)
{
	char *given = castssl_argument_text(fcinfo, n);
	char *secret;

	if (given == NULL)
		return NULL;
	castssl_openssl_wipe_later(given, strlen(given));
	secret = in_utf8(given);
	if (secret != given)
		castssl_openssl_wipe_later(secret, strlen(secret));
	return secret;
}

/*
 * The validity of a certificate, in seconds: an interval of 1 minute to 100 years.  unnamed is
 * the value for NULL.
 */
static int64
argument_validity(FunctionCallInfo fcinfo, int n, int64 unnamed)
{
	const int64 longest = (int64) 100 * 366 * SECS_PER_DAY;
	int64 seconds = unnamed;

	if (!PG_ARGISNULL(n))
	{
		Interval *interval = PG_GETARG_INTERVAL_P(n);

		/* A year has the average length of a calendar year, so that 10 years are 10 years. */
		seconds = (int64) (interval->time / (double) USECS_PER_SEC +
						   interval->day * (double) SECS_PER_DAY +
						   interval->month * (DAYS_PER_YEAR / MONTHS_PER_YEAR) * SECS_PER_DAY);
	}
	if (seconds < SECS_PER_MINUTE || seconds > longest)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("valid_for must be between 1 minute and 100 years"),
						errdetail("It is " INT64_FORMAT " seconds.", seconds),
						errhint("For example: valid_for => '90 days'.")));
	return seconds;
}

/* A call that makes a text while it holds the lock. */
typedef struct TextCall
{
	char *(*make)(struct TextCall *call);
	const char *first;
	const char *second;
	int64 valid_for;
	CastsslPurpose purpose;
	CastsslNames names;
	char *result;
} TextCall;

static void
make_text(void *arg)
{
	TextCall *call = arg;

	call->result = call->make(call);
}

static Datum
run_text_call(const char *function, TextCall *call)
{
	castssl_check_no_block(function);
	castssl_with_lock(make_text, call);
	return castssl_text_datum(call->result);
}

static char *
make_request(TextCall *call)
{
	return castssl_install_request(call->second, call->first, &call->names);
}

/* castssl_csr(common_name, dns_names, ip_addresses, key_type) */
CASTSSL_FUNCTION(castssl_csr)
{
	TextCall call = { .make = make_request };

	call.first = in_utf8(castssl_argument_required(fcinfo, 0, "common_name", "'db.example.com'"));
	call.names.dns_names =
		castssl_argument_text_array(fcinfo, 1, "dns_names", &call.names.ndns_names);
	call.names.ip_addresses = argument_addresses(fcinfo, 2, &call.names.nip_addresses);
	call.second = castssl_argument_required(fcinfo, 3, "key_type", "'ec:P-256'");
	return run_text_call("castssl_csr", &call);
}

static CastsslPlan *
make_install_plan(void *arg)
{
	return castssl_install_plan(arg);
}

/* castssl_install(certificate, ca, private_key, crl, confirm_within, dry_run, force) */
CASTSSL_FUNCTION(castssl_install)
{
	CastsslInstallOptions install = { 0 };
	CastsslApplyOptions options = { 0 };

	install.certificate = castssl_argument_pem(fcinfo, 0);
	install.ca = castssl_argument_pem(fcinfo, 1);
	install.private_key = argument_secret(fcinfo, 2);
	install.crl = castssl_argument_crl(fcinfo, 3);
	options = castssl_argument_options(fcinfo, 4, 6, 5);
	castssl_run_plan(make_install_plan, &install, &options, fcinfo);
	return (Datum) 0;
}

static char *
make_ca(TextCall *call)
{
	return castssl_authority_create(call->first, call->valid_for, call->second);
}

/* castssl_create_ca(common_name, valid_for, key_type) */
CASTSSL_FUNCTION(castssl_create_ca)
{
	TextCall call = { .make = make_ca };

	call.first = in_utf8(castssl_argument_required(fcinfo, 0, "common_name", "'Our CA'"));
	call.valid_for = argument_validity(fcinfo, 1, 0);
	call.second = castssl_argument_required(fcinfo, 2, "key_type", "'ec:P-256'");
	return run_text_call("castssl_create_ca", &call);
}

static char *
make_certificate(TextCall *call)
{
	return castssl_authority_sign(call->first, call->valid_for, call->purpose);
}

/* castssl_sign(request, valid_for, purpose) */
CASTSSL_FUNCTION(castssl_sign)
{
	static const char *const purposes[] = { "client", "server", NULL };
	TextCall call = { .make = make_certificate };
	char *purpose;

	call.first = castssl_argument_required_pem(fcinfo, 0, "request", "castssl_csr('alice')");
	purpose = castssl_argument_required(fcinfo, 2, "purpose", "'client'");
	call.purpose =
		castssl_choice("purpose", purpose, purposes, "For example: purpose => 'server'.") == 1
			? CASTSSL_FOR_SERVER
			: CASTSSL_FOR_CLIENT;
	call.valid_for = argument_validity(
		fcinfo, 1, (call.purpose == CASTSSL_FOR_SERVER ? 365 : 90) * (int64) SECS_PER_DAY);
	return run_text_call("castssl_sign", &call);
}

static char *
issue_client(TextCall *call)
{
	return castssl_authority_issue_client(call->first, call->second, call->valid_for);
}

/* castssl_issue_client(user_name, password, valid_for) */
CASTSSL_FUNCTION(castssl_issue_client)
{
	TextCall call = { .make = issue_client };

	call.first = castssl_argument_required(fcinfo, 0, "user_name", "'alice'");
	call.second = argument_secret(fcinfo, 1);
	call.valid_for = argument_validity(fcinfo, 2, 0);
	return run_text_call("castssl_issue_client", &call);
}

typedef struct Revoke
{
	CastsslRevokeCall call;
	CastsslApplyOptions options;
} Revoke;

static void
revoke(void *arg)
{
	Revoke *revocation = arg;

	castssl_unreadable_refuse_reload();
	castssl_apply(castssl_revoke_plan(&revocation->call), &revocation->options);
	castssl_revoke_warn_of_sessions(&revocation->call);
}

/* castssl_revoke(certificate, reason, force) */
CASTSSL_FUNCTION(castssl_revoke)
{
	Revoke revocation = { 0 };

	revocation.call.certificate = castssl_argument_required_pem(
		fcinfo, 0, "certificate", "pg_read_file('pg_castssl/issued/alice/client.crt')");
	revocation.call.reason = castssl_argument_required(fcinfo, 1, "reason", "'superseded'");
	revocation.options.force = castssl_argument_bool(fcinfo, 2);
	castssl_with_lock(revoke, &revocation);
	return castssl_text_datum(revocation.call.crl);
}
