#!/bin/sh
# secure.sh SERVICE_FILE SOURCE_DIR [PLAINTEXT]: castssl_enable on every server of a pg_service.conf,
# one after the other, primaries before standbys. Stops at the first that fails, which puts itself back.
#
# Each service is how an administrator connects from now on: over TLS, with a client certificate
# (sslrootcert=... sslcert=... sslkey=...); sslmode is verify-full, whatever the service says. SOURCE_DIR is
# a directory on each server, {} in it the name of the service; PLAINTEXT is keep or block.
#
# A server that has no TLS yet cannot be reached so. CASTSSL_FIRST_SSLMODE=disable in the environment
# allows an unencrypted connection to it, and to no other. Somebody in between could pretend to be such
# a server: set it for the first run alone, on a network that you trust.
#
# Each warning of castssl_enable() is a line on standard error. Where a live session could not come back, the
# server stays as it is; with CASTSSL_FORCE=true the script goes on, as castssl_enable(force => true) does.
set -eu
fail() { # STATUS MESSAGE...
	status=$1
	shift
	printf '%s\n' "$*" >&2
	exit "$status"
}
force=${CASTSSL_FORCE:-false}
case $#,${3:-keep},${CASTSSL_FIRST_SSLMODE:-disable},$force in
[23],keep,disable,true | [23],keep,disable,false | 3,block,disable,true | 3,block,disable,false) ;;
*) fail 2 'usage: [CASTSSL_FIRST_SSLMODE=disable] [CASTSSL_FORCE=true] secure.sh SERVICE_FILE SOURCE_DIR [keep|block]' ;;
esac
stops=session_cut_off # the code of a warning that stops a run without force
PGSERVICEFILE=$1
LC_ALL=C # libpq's words, of which some are looked for below
PGAPPNAME=secure.sh
PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10} # seconds, where the service does not say
export PGSERVICEFILE LC_ALL PGAPPNAME PGCONNECT_TIMEOUT
source=$2
plaintext=${3:-keep}
verified=sslmode=verify-full

# Standard input is the SQL, $answer what it returns, $said what psql says of it, a failure above all, in one
# line. A connection setting comes before what the service says. It is not for $(...), where a failure is
# easily lost.
messages=$(mktemp)
trap 'rm -f "$messages"' EXIT
trap 'exit 1' HUP INT PIPE TERM
ask() { # SERVICE CONNECTION_SETTING
	folder=
	rest=$source
	while :; do
		case $rest in
		*'{}'*) folder=$folder${rest%%'{}'*}$1 rest=${rest#*'{}'} ;;
		*) break ;;
		esac
	done
	status=0
	answer=$(psql -X -q -A -t -w -v ON_ERROR_STOP=1 -v source="$folder$rest" -v plaintext="$plaintext" -v force="$force" \
		-d "service=$1 $2" -f - 2>"$messages") || status=$?
	said=$(sed 's/^psql: error: //; s/^psql:[^ ]* //' "$messages" | paste -s -d ' ' -)
	return "$status"
}

tell() { # SERVICE: why it failed
	printf '%s: %s\n' "$1" "${said:-psql ended with exit status $status}" >&2
}

is_standby() { # SERVICE CONNECTION_SETTING
	ask "$@" <<-'SQL'
		SELECT pg_is_in_recovery();
	SQL
}

# How a server can be reached: "SETTING is standby (t, f)" in $reached.
reach() { # SERVICE
	reached=$verified
	if ! is_standby "$1" "$reached"; then
		case $said in
		*'server does not support SSL'*)
			if [ -z "${CASTSSL_FIRST_SSLMODE:-}" ]; then
				said="$said; for the first run, on a network that you trust: CASTSSL_FIRST_SSLMODE=disable"
				return 1
			fi
			reached=sslmode=disable
			is_standby "$1" "$reached" || return
			;;
		*'certificate verify failed'*)
			said="$said; if the server's certificate is not of your CA yet: call castssl_enable() once on the server, by its socket"
			return 1
			;;
		*) return 1 ;;
		esac
	fi
	reached="$reached $answer"
}

# One row a line: the change, result, code, and words. Sessions of this script are gone when it comes again.
enable="SELECT concat_ws(' ', coalesce(change_id, 0), result, coalesce(code, '-'),
		regexp_replace(concat_ws(': ', CASE WHEN code <> 'unconfirmed' THEN target END, detail), '[[:cntrl:]]+', ' ', 'g'))
	FROM castssl_enable(source_dir => :'source', plaintext => :'plaintext', force => :'force', confirm_within => '5 min'"
# Asked before: while castssl_enable() runs, the last one may go.
ours="SELECT array_agg(concat('session ', theirs.pid)) AS ours FROM pg_stat_activity AS own, pg_stat_activity AS theirs
	WHERE own.pid = pg_backend_pid() AND theirs.usename = own.usename
	AND theirs.application_name = own.application_name \\gset"
not_of_us="WHERE code IS DISTINCT FROM '$stops' OR target <> ALL (:'ours'::text[])"

# The rows in $answer: whether any is $planned, the number of the $change, 0 for none, and $waiting where it is
# to be confirmed. Tells each warning that is not among those $told.
hear() { # SERVICE
	planned=
	change=0
	waiting=
	stopped=
	while read -r number result code words; do
		case $result,$code in
		planned,*) planned=1 ;;
		waiting,*) waiting=1 ;;
		warning,unconfirmed) # somebody else's, or that of a run that was interrupted
			said=$words
			return 1
			;;
		warning,*)
			case $told in
			*"$code $words"*) ;;
			*) printf '%s: warning: %s (%s)\n' "$1" "$words" "$code" >&2 ;;
			esac
			told="$told$code $words
"
			[ "$code" != "$stops" ] || stopped=1
			;;
		esac
		change=${number:-0}
	done <<-ROWS
		$answer
	ROWS
	if [ "$planned,$stopped,$force" = 1,1,false ]; then
		said="$stops: nothing was changed; have these sessions come over TLS first, or go on by CASTSSL_FORCE=true"
		return 1
	fi
}

# A standby has the extension from its primary, maybe not at once.
wait_for_extension() { # SERVICE CONNECTION_SETTING
	seconds=0
	while :; do
		ask "$@" <<-'SQL' || return
			SELECT count(*) FROM pg_extension WHERE extname = 'pg_castssl';
		SQL
		[ "$answer" = 0 ] || return 0
		seconds=$((seconds + 1))
		if [ "$seconds" -gt 60 ]; then
			said='the extension has not come from the primary for a minute: is it installed there, and does this standby follow?'
			return 1
		fi
		sleep 1
	done
}

secure() { # SERVICE CONNECTION_SETTING IS_STANDBY
	[ "$3" = f ] || wait_for_extension "$1" "$2" || return
	told=
	# everything that can be known beforehand; where it fails, nothing was written
	ask "$1" "$2" <<-SQL || return
		SET client_min_messages = warning;
		BEGIN;
		SELECT 'CREATE EXTENSION IF NOT EXISTS pg_castssl' WHERE NOT pg_is_in_recovery() \\gexec
		$ours
		$enable, dry_run => true) $not_of_us;
		COMMIT;
	SQL
	hear "$1" || return
	if [ -n "$planned" ]; then
		ask "$1" "$2" <<-SQL || return
			$ours
			$enable) $not_of_us;
		SQL
		hear "$1" || return
	fi
	# this change and no other is kept, by a new connection, verified: that it can begin is the proof
	if [ -n "$waiting" ]; then
		ask "$1" "$verified" <<-SQL || return
			SELECT castssl_confirm($change);
		SQL
	fi
	result=changed
	[ "$change" != 0 ] || result=unchanged # or another run was faster
	ask "$1" "$verified" <<-'SQL' || return
		SELECT fingerprint FROM castssl_fingerprint() LIMIT 1;
	SQL
	printf '%s: %s, policy %s\n' "$1" "$result" "$answer" || fail 1 "$1: $result, but the standard output cannot be written"
}

# As libpq reads them: a line may be indented. Names of services are words: in them, a quote or a space could say something else.
services=$(sed -n 's/^[[:space:]]*\[\([^]]*\)].*/\1/p' "$PGSERVICEFILE") || exit
[ -n "$services" ] || fail 1 "$PGSERVICEFILE: there is no service in it"
odd=$(printf '%s\n' "$services" | sed -n '/[^A-Za-z0-9_.-]/p') || exit
[ -z "$odd" ] || fail 1 "$PGSERVICEFILE: only letters, digits, and _ . - may be in the name of a service: [$odd]"

# Who cannot be reached is known before anything is written.
primaries=
standbys=
failed=
for service in $services; do
	if ! reach "$service"; then
		tell "$service"
		failed=1
		continue
	fi
	case $reached in
	*' t') standbys="$standbys $service,${reached% t},t" ;;
	*' f') primaries="$primaries $service,${reached% f},f" ;;
	*) fail 1 "$service: pg_is_in_recovery() says neither t nor f" ;;
	esac
done
[ -z "$failed" ] || exit 1
for server in $primaries $standbys; do
	service=${server%%,*}
	setting=${server#*,}
	if ! secure "$service" "${setting%,*}" "${setting##*,}"; then
		tell "$service"
		exit 1
	fi
done
