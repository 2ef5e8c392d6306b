#!/bin/sh
# secure.sh SERVICE_FILE SOURCE_DIR [PLAINTEXT]: castssl_enable on every server of a pg_service.conf,
# one after the other, primaries before standbys. Stops at the first that fails, which puts itself back.
#
# Each service is how an administrator connects from now on: over TLS, with a client certificate
# (sslmode=verify-full sslrootcert=... sslcert=... sslkey=...). SOURCE_DIR is a directory on each server,
# {} in it the name of the service; PLAINTEXT is keep or block.
#
# A server that has no TLS yet cannot be reached so. CASTSSL_FIRST_SSLMODE=disable in the environment
# allows an unencrypted connection to it, and to no other. Somebody in between could pretend to be such
# a server: set it for the first run alone, on a network that you trust.
set -eu
PGSERVICEFILE=$1
export PGSERVICEFILE
LC_ALL=C # libpq's words, of which one is looked for below
export LC_ALL
source=$2
plaintext=${3:-keep}

# Standard input is the SQL, standard output what it returns. What psql says of it, a failure above all, is
# one line on standard error. A connection string given by itself comes before what the service says.
ask() { # SERVICE [CONNECTION SETTING...]
	service=$1
	shift
	status=0
	{ said=$(psql -X -q -A -t -w -v ON_ERROR_STOP=1 \
		-v source="$(echo "$source" | sed "s/{}/$service/g")" -v plaintext="$plaintext" \
		-d "service=$service $*" -f - 2>&1 >&3); } 3>&1 || status=$?
	[ -z "$said" ] ||
		echo "$service: $(echo "$said" | sed 's/^psql: error: //; s/^psql:[^ ]* //' | paste -s -d ' ' -)" >&2
	return "$status"
}

# How a server can be reached: "SETTING is standby (t, f)", SETTING empty for as the service says.
reach() { # SERVICE
	question='SELECT pg_is_in_recovery();'
	if answer=$(echo "$question" | ask "$1" 2>&1); then
		echo " $(echo "$answer" | tail -n 1)"
		return
	fi
	case $answer in
	*'server does not support SSL'*)
		if [ -n "${CASTSSL_FIRST_SSLMODE:-}" ]; then
			answer=$(echo "$question" | ask "$1" "sslmode=$CASTSSL_FIRST_SSLMODE") || return
			echo "sslmode=$CASTSSL_FIRST_SSLMODE $answer"
			return
		fi
		answer="$answer; for the first run, on a network that you trust: CASTSSL_FIRST_SSLMODE=disable"
		;;
	esac
	echo "$answer" >&2
	return 1
}

# a standby has the extension from its primary
extension="SET client_min_messages = warning;
	SELECT 'CREATE EXTENSION IF NOT EXISTS pg_castssl' WHERE NOT pg_is_in_recovery() \gexec"
enable="FROM castssl_enable(source_dir => :'source', plaintext => :'plaintext',
	confirm_within => '5 min'"

secure() { # SERVICE [CONNECTION SETTING]
	# everything that can be known beforehand, without writing
	plan=$(printf '%s\n' "$extension
		SELECT action, result, detail $enable, dry_run => true)
			WHERE result = 'planned' OR code = 'unconfirmed';" | ask "$@") || return
	result=unchanged
	case $plan in
	'await confirmation|warning|'*) # somebody else's, or that of a run that was interrupted
		echo "$1: ${plan##*|}" >&2
		return 1
		;;
	?*)
		result=changed
		# this change and no other is kept, when something was to be done
		change=$(echo "SELECT change_id $enable) WHERE result = 'waiting';" | ask "$@") || return
		# a new connection, as the service says: that it can begin is the proof
		[ -z "$change" ] || echo "SELECT castssl_confirm($change);" | ask "$1" >/dev/null || return
		;;
	esac
	policy=$(echo 'SELECT fingerprint FROM castssl_fingerprint() LIMIT 1;' | ask "$1") || return
	echo "$1: $result, policy $policy"
}

# Who cannot be reached is known before anything is written.
primaries=
standbys=
# shellcheck disable=SC2013 # names of services are words
for service in $(sed -n 's/^\[\([^]]*\)].*/\1/p' "$PGSERVICEFILE"); do
	reached=$(reach "$service") || exit
	case $reached in
	*' t') standbys="$standbys $service,${reached% t}" ;;
	*) primaries="$primaries $service,${reached% f}" ;;
	esac
done
for server in $primaries $standbys; do
	# shellcheck disable=SC2086 # no setting is no argument
	secure "${server%%,*}" ${server#*,} || exit
done
