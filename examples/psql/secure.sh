#!/bin/sh
# secure.sh SERVICE_FILE SOURCE_DIR [PLAINTEXT]: castssl_enable on every server of a pg_service.conf,
# one after the other. Stops at the first that fails, which puts itself back.
#
# Each service is how an administrator connects from now on: over TLS, with a client certificate
# (sslmode=verify-full sslrootcert=... sslcert=... sslkey=...). The first connection, before TLS is on,
# is made with sslmode=prefer. SOURCE_DIR is a directory on each server, {} in it the name of the
# service; PLAINTEXT is keep or block. A primary comes before its standbys.
set -eu
PGSERVICEFILE=$1
export PGSERVICEFILE
source=$2
plaintext=${3:-keep}

# A connection string given by itself comes before what the service says.
ask() { # SERVICE [CONNECTION SETTING...]: the SQL is standard input
	service=$1
	shift
	psql -X -q -A -t -w -v ON_ERROR_STOP=1 \
		-v source="$(echo "$source" | sed "s/{}/$service/g")" -v plaintext="$plaintext" \
		-d "service=$service $*" -f -
}

# a standby has the extension from its primary
extension="SET client_min_messages = warning;
	SELECT 'CREATE EXTENSION IF NOT EXISTS pg_castssl' WHERE NOT pg_is_in_recovery() \gexec"
enable="FROM castssl_enable(source_dir => :'source', plaintext => :'plaintext',
	confirm_within => '5 min'"
# shellcheck disable=SC2013 # names of services are words
for service in $(sed -n 's/^\[\([^]]*\)].*/\1/p' "$PGSERVICEFILE"); do
	result=unchanged
	# everything that can be known beforehand, without writing
	plan=$(printf '%s\n' "$extension
		SELECT action, result, replace(detail, E'\\n', ' ') $enable, dry_run => true)
			WHERE result = 'planned' OR code = 'unconfirmed';" | ask "$service" sslmode=prefer)
	case $plan in
	'await confirmation|warning|'*) # somebody else's, or that of a run that was interrupted
		echo "$service: ${plan##*|}" >&2
		exit 1
		;;
	?*)
		result=changed
		# this change and no other is kept, when something was to be done
		change=$(echo "SELECT change_id $enable) WHERE result = 'waiting';" | ask "$service" sslmode=prefer)
		# a new connection, as the service says: that it can begin is the proof
		[ -z "$change" ] || echo "SELECT castssl_confirm($change);" | ask "$service" >/dev/null
		;;
	esac
	echo "$service: $result, policy $(
		echo 'SELECT fingerprint FROM castssl_fingerprint() LIMIT 1;' | ask "$service")"
done
