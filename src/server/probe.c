/*
 * probe.c
 *		What a client gets on this server's own TCP port, now.
 */
#include "postgres.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "libpq-fe.h"
#include "common/ip.h"
#include "lib/stringinfo.h"
#include "libpq/pqcomm.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/postmaster.h"
#include "storage/fd.h"
#include "utils/varlena.h"

#include "base/settings.h"
#include "server/probe.h"
#include "server/process/lookup.h"
#include "server/process/wait.h"
#include "tls/certificate.h"
#include "tls/openssl.h"

/* How far a probe goes before it disconnects. */
typedef enum ProbeGoal
{
	GOAL_CERTIFICATE, /* TLS handshake finished; sends no startup packet */
	GOAL_LOGIN        /* the server admitted the probe, or asked for authentication */
} ProbeGoal;

/* The address that answered last; "" before the first probe. */
static char last_address[NI_MAXHOST];

/* ---- where to connect ---- */

static void
add_address(StringInfo list, const char *address)
{
	if (list->len > 0)
		appendStringInfoChar(list, ',');
	appendStringInfoString(list, address);
}

/* Append the numeric addresses of one entry of listen_addresses, a name or an address. */
static void
add_addresses_of(StringInfo list, const char *host)
{
	struct addrinfo hint = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	if (castssl_lookup_name(host, &hint, &found) == 0)
	{
		for (struct addrinfo *one = found; one != NULL; one = one->ai_next)
		{
			char text[NI_MAXHOST];

			if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), NULL, 0,
							NI_NUMERICHOST) == 0)
				add_address(list, text);
		}
	}
	if (found != NULL)
		freeaddrinfo(found);
}

/*
 * The addresses of listen_addresses in the form of libpq's hostaddr; "" if the server
 * has no TCP port.  Loopback replaces wildcards.
 */
static char *
listening_addresses(void)
{
	StringInfoData list;
	char *names = pstrdup(ListenAddresses);
	List *entries = NIL;
	ListCell *cell;

	initStringInfo(&list);
	if (!SplitGUCList(names, ',', &entries))
		return list.data; /* LCOV_EXCL_LINE: the server does not start with such a list */
	foreach (cell, entries)
	{
		const char *entry = (const char *) lfirst(cell);

		if (strcmp(entry, "*") == 0)
		{
			add_address(&list, "127.0.0.1");
			add_address(&list, "::1");
		}
		else if (strcmp(entry, "0.0.0.0") == 0)
			add_address(&list, "127.0.0.1");
		else if (strcmp(entry, "::") == 0)
			add_address(&list, "::1");
		else
			add_addresses_of(&list, entry);
	}
	return list.data;
}

bool
castssl_probe_possible(void)
{
	return ListenAddresses != NULL && ListenAddresses[strspn(ListenAddresses, " \t,")] != '\0';
}

char *
castssl_probe_host(void)
{
	char *addresses = castssl_probe_possible() ? listening_addresses() : "";

	return addresses[0] ? pnstrdup(addresses, strcspn(addresses, ",")) : NULL;
}

/* ---- one connection ---- */

/*
 * Hide a variable of the environment, or show it again, by changing the first letter of its name.
 * Unlike unsetenv() this moves no memory, so it is safe for another thread of this process (of a
 * procedural language, say).
 */
static void
set_first_letter(char *value, const char *name, char letter)
{
	if (value != NULL)
		value[-1 - (ptrdiff_t) strlen(name)] = letter;
}

/*
 * libpq takes every parameter that is not given, or is empty, from its variable in the
 * environment.  So hide those variables while it reads its parameters.
 */
static PGconn *
start_without_environment(const char *const *keywords, const char *const *values)
{
	PQconninfoOption *options = PQconninfoParse("", NULL);
	int count = 0;
	char **hidden;
	PGconn *conn;

	if (options == NULL)
		return NULL; /* LCOV_EXCL_LINE: out of memory */
	while (options[count].keyword != NULL)
		count++;
	hidden = palloc0((count + 1) * sizeof(char *));

	/* Nothing raises an error or answers an interrupt from here on until all of them are back. */
	for (int i = 0; i < count; i++)
	{
		hidden[i] = options[i].envvar != NULL ? getenv(options[i].envvar) : NULL;
		set_first_letter(hidden[i], options[i].envvar, '-');
	}
	conn = PQconnectStartParams(keywords, values, false);
	for (int i = 0; i < count; i++)
		set_first_letter(hidden[i], options[i].envvar, hidden[i] ? options[i].envvar[0] : '-');
	PQconninfoFree(options);
	return conn;
}

/*
 * Begin to connect. libpq would look for some files in the account's home directory.
 * They are named below a path that cannot exist: PG_VERSION is a file.
 */
static PGconn *
start_probe(const char *addresses, const char *database, const char *user, bool tls)
{
	char port[12];
	char *nowhere = psprintf("%s/PG_VERSION/none", DataDir);
	const char *const parameters[][2] = {
		{ "hostaddr", addresses },   { "port", port },
		{ "dbname", database },      { "user", user },
		{ "passfile", nowhere },     { "sslmode", tls ? "require" : "disable" },
		{ "gssencmode", "disable" }, { "sslcert", nowhere },
		{ "sslkey", nowhere },       { "sslrootcert", nowhere },
		{ "sslcrl", nowhere },       { "application_name", "pg_castssl" },
	};
	const char *keywords[lengthof(parameters) + 1] = { NULL };
	const char *values[lengthof(parameters) + 1] = { NULL };
	PGconn *conn;

	for (int i = 0; i < lengthof(parameters); i++)
	{
		keywords[i] = parameters[i][0];
		values[i] = parameters[i][1];
	}
	snprintf(port, sizeof(port), "%d", PostPortNumber);
	conn = start_without_environment(keywords, values);
	/* SQLSTATE and the place in the server's source are the same in every language. */
	if (conn != NULL)
		(void) PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	return conn;
}

/* The result of a probe. */
typedef struct ProbeResult
{
	char *fingerprint;         /* of the served certificate, when TLS is established; else NULL */
	char *chain;               /* all certificates that the server sent, as PEM */
	List *authorities;         /* the CAs whose certificates the server asks for: names, char * */
	bool no_tls;               /* the server answered that it offers no TLS */
	CastsslProbeAnswer answer; /* GOAL_LOGIN */
	char *from;                /* the probe's end of the connection, "127.0.0.1(41234)" */
	bool logged;               /* the server refused with an error, which its log shows */
	char *problem;
} ProbeResult;

/* The probe's end of the connection, as log_line_prefix shows it (%r). */
static char *
own_end(PGconn *conn)
{
	SockAddr local = { .salen = sizeof(local.addr) };
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];

	if (getsockname(PQsocket(conn), (struct sockaddr *) &local.addr, &local.salen) != 0 ||
		pg_getnameinfo_all(&local.addr, local.salen, host, sizeof(host), port, sizeof(port),
						   NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return NULL; /* LCOV_EXCL_LINE: the socket is connected */
	return psprintf("%s(%s)", host, port);
}

/* The CAs that the server named when it asked for a certificate. */
static List *
names_asked_for(const SSL *ssl)
{
	const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(ssl);
	List *list = NIL;

	for (int i = 0; names && i < sk_X509_NAME_num(names); i++)
		list = lappend(list, castssl_name_slashes(sk_X509_NAME_value(names, i)));
	return list;
}

/* Store the certificate of a connection whose handshake has just finished. */
static void
note_certificate(PGconn *conn, ProbeResult *result)
{
	SSL *ssl = (SSL *) PQsslStruct(conn, "OpenSSL");
	X509 *certificate = ssl != NULL ? SSL_get_peer_certificate(ssl) : NULL;

	if (certificate == NULL)
	{
		/* LCOV_EXCL_START: only ciphers that are off by default need none */
		result->problem = pstrdup("the server showed no certificate");
		return;
		/* LCOV_EXCL_STOP */
	}
	PG_TRY();
	{
		result->fingerprint = castssl_certificate_fingerprint(certificate);
		result->chain = castssl_openssl_pem(NULL, SSL_get_peer_cert_chain(ssl));
		result->authorities = names_asked_for(ssl);
	}
	PG_FINALLY(); /* LCOV_EXCL_LINE: the only error in there is out of memory */
	{
		X509_free(certificate);
	}
	PG_END_TRY();
}

/*
 * Is the answer to the request for TLS, which libpq is about to read, a "no"? libpq reports it
 * only as text in the language of the session.  The parentheses bypass PostgreSQL's macro recv on
 * Windows, whose function waits.
 */
static bool
answers_no_tls(PGconn *conn)
{
	char answer;

	return PQstatus(conn) == CONNECTION_SSL_STARTUP && !PQsslInUse(conn) &&
		   (recv) (PQsocket(conn), &answer, 1, MSG_PEEK) == 1 && answer == 'N';
}

/* Wait until the socket is ready.  NULL, or why it is not. */
static char *
wait_for_socket(PGconn *conn, PostgresPollingStatusType polling, long left)
{
	int wanted = polling == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE;
	int events;

	if (castssl_is_canceled())
		return pstrdup("canceled");
	if (left <= 0)
		return pstrdup("no answer in time");
	if (PQsocket(conn) == PGINVALID_SOCKET)
		return pstrdup("connection lost"); /* LCOV_EXCL_LINE: libpq reports this earlier */

	/*
	 * The process that undoes a change must survive to do so: do not exit here when the
	 * postmaster has died.
	 */
	events = castssl_wait(wanted, PQsocket(conn), left);
	if (events & WL_POSTMASTER_DEATH)
		return pstrdup("the postmaster is gone"); /* LCOV_EXCL_LINE: no coverage then */
	return NULL;
}

/* Milliseconds left of timeout since start. */
static long
time_left(instr_time start, int timeout)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return timeout - (long) INSTR_TIME_GET_MILLISEC(now);
}

/*
 * Drive the connection until the goal is reached (true) or it has failed.
 * result->problem is set if we gave up, not if libpq did.
 */
static bool
drive_probe(PGconn *conn, ProbeGoal goal, int timeout, ProbeResult *result)
{
	PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
	instr_time start;
	bool reached = false;

	INSTR_TIME_SET_CURRENT(start);
	if (PQstatus(conn) == CONNECTION_BAD)
		return false; /* LCOV_EXCL_LINE: parameters of our own, or no memory */
	while (!reached)
	{
		result->problem = wait_for_socket(conn, polling, time_left(start, timeout));
		if (result->problem != NULL)
			break;
		if (answers_no_tls(conn))
			result->no_tls = true;
		polling = PQconnectPoll(conn);
		if (polling == PGRES_POLLING_FAILED)
			break;
		if (PQstatus(conn) == CONNECTION_MADE)
		{
			strlcpy(last_address, PQhostaddr(conn), sizeof(last_address));
			result->from = own_end(conn);
			/* Handshake finished: PQsslInUse alone is true from the first message on. */
			if (PQsslInUse(conn) && result->fingerprint == NULL)
				note_certificate(conn, result);
		}
		if (result->problem != NULL)
			break; /* LCOV_EXCL_LINE: no certificate, see note_certificate */
		reached = goal == GOAL_CERTIFICATE
					  ? result->fingerprint != NULL
					  : polling == PGRES_POLLING_OK || PQstatus(conn) == CONNECTION_AUTH_OK;
	}
	castssl_wait_end();
	return reached;
}

/*
 * libpq's text for the failure: up to the first line end, without its "connection to
 * server at ..." and the server's "FATAL: 28000: " at the beginning.
 */
static char *
failure_text(PGconn *conn, char sqlstate[6])
{
	const char *text = PQerrorMessage(conn);
	const char *at = text;

	sqlstate[0] = '\0';
	while ((at = strstr(at, ":  ")) != NULL)
	{
		at += 3;
		if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && at[5] == ':' && at[6] == ' ')
		{
			strlcpy(sqlstate, at, 6);
			text = at + 7;
			break;
		}
	}
	return pnstrdup(text, strcspn(text, "\n"));
}

/* ---- the probes ---- */

/*
 * Did the server let us get as far as authentication?  Yes, if it asked for a password,
 * or if anything except ClientAuthentication itself refused: a later check (no such
 * role, no such database, no CONNECT) or an authentication method (auth_failed).
 * ClientAuthentication itself refuses if pg_hba.conf has no line for the connection, for
 * reject, and if a certificate is missing.
 */
static CastsslProbeAnswer
judge_failure(PGconn *conn, char **problem, bool *logged)
{
	static const char *const after_authentication[] = { "28P01", "3D000", "42501", "55000" };
	char sqlstate[6];

	if (PQconnectionNeedsPassword(conn))
		return CASTSSL_PROBE_ADMITTED;

	*problem = failure_text(conn, sqlstate);
	*logged = sqlstate[0] != '\0';
	if (strcmp(sqlstate, "28000") == 0)
		return strstr(PQerrorMessage(conn), " ClientAuthentication,") != NULL
				   ? CASTSSL_PROBE_REFUSED
				   : CASTSSL_PROBE_ADMITTED;
	for (int i = 0; i < lengthof(after_authentication); i++)
	{
		if (strcmp(sqlstate, after_authentication[i]) == 0)
			return CASTSSL_PROBE_ADMITTED;
	}
	return CASTSSL_PROBE_UNCLEAR;
}

static void
finish_probe(PGconn *conn, ProbeGoal goal, int timeout, ProbeResult *result)
{
	char sqlstate[6];

	if (drive_probe(conn, goal, timeout, result))
		result->answer = CASTSSL_PROBE_ADMITTED;
	else if (result->problem == NULL && goal == GOAL_LOGIN)
		result->answer = judge_failure(conn, &result->problem, &result->logged);
	else if (result->problem == NULL)
		result->problem = failure_text(conn, sqlstate);
}

static void
run_probe(ProbeGoal goal, const char *database, const char *user, bool tls, int timeout,
		  ProbeResult *result)
{
	char *addresses = listening_addresses();
	PGconn *volatile conn = NULL;

	memset(result, 0, sizeof(*result));
	result->answer = CASTSSL_PROBE_UNCLEAR;
	if (addresses[0] == '\0')
	{
		/* LCOV_EXCL_START: the server listens, so the name had an address at its start */
		result->problem = pstrdup("listen_addresses names no address to connect to");
		return;
		/* LCOV_EXCL_STOP */
	}
	if (!AcquireExternalFD())
	{
		/* LCOV_EXCL_START: needs a third of max_files_per_process in one backend */
		result->problem = pstrdup("out of file descriptors");
		return;
		/* LCOV_EXCL_STOP */
	}
	PG_TRY();
	{
		conn = start_probe(addresses, database, user, tls);
		if (conn == NULL)
			result->problem = pstrdup("out of memory"); /* LCOV_EXCL_LINE */
		else
			finish_probe(conn, goal, timeout, result);
	}
	PG_FINALLY(); /* LCOV_EXCL_LINE: the only error in there is out of memory */
	{
		PQfinish(conn);
		ReleaseExternalFD();
		/* Errors of this handshake must not show up in the session's own connection. */
		ERR_clear_error();
	}
	PG_END_TRY();
}

static ProbeResult
shake_hands(int timeout)
{
	ProbeResult result;

	run_probe(GOAL_CERTIFICATE, "postgres", "postgres", true, timeout, &result);
	return result;
}

char *
castssl_probe_certificate(int timeout, char **problem)
{
	ProbeResult result = shake_hands(timeout);

	*problem = result.problem;
	return result.fingerprint;
}

char *
castssl_probe_chain(void)
{
	return shake_hands(castssl_verify_timeout).chain;
}

bool
castssl_probe_authorities(List **names)
{
	ProbeResult result = shake_hands(castssl_verify_timeout);

	*names = result.authorities;
	return result.fingerprint != NULL;
}

bool
castssl_probe_no_tls(int timeout, char **problem)
{
	ProbeResult result = shake_hands(timeout);

	*problem = result.fingerprint != NULL ? pstrdup("TLS is still offered") : result.problem;
	return result.no_tls && result.fingerprint == NULL;
}

CastsslProbeAnswer
castssl_probe_login(const char *database, const char *user, bool tls, int timeout, char **served,
					char **problem)
{
	ProbeResult result;

	run_probe(GOAL_LOGIN, database, user, tls, timeout, &result);
	if (result.logged)
		ereport(LOG_SERVER_ONLY, (errmsg("pg_castssl: the refused login of user \"%s\" to database "
										 "\"%s\" from %s was its own, to prove a change",
										 user, database, result.from ? result.from : "this host"),
								  errhidestmt(true)));
	*served = result.fingerprint;
	*problem = result.problem;
	return result.answer;
}

const char *
castssl_probe_address(void)
{
	return last_address[0] != '\0' ? last_address : NULL;
}
