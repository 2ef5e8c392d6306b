#!/bin/sh
# secure.sh SERVICE_FILE SOURCE_DIR [PLAINTEXT]: castssl_enable on every server of a pg_service.conf,
# one after the other. Stops at the first that fails, which puts itself back.
#
# Each service is how an administrator connects from now on: over TLS, with a client certificate
# (sslmode=verify-full sslrootcert=... sslcert=... sslkey=...). The first connection, before TLS is on,
# is made with sslmode=prefer. SOURCE_DIR is a directory on each server; PLAINTEXT is keep or block.
set -eu
PGSERVICEFILE=$1
export PGSERVICEFILE
source=$2
plaintext=${3:-keep}

# A connection string given by itself comes before what the service says.
ask() { # SERVICE [CONNECTION SETTING...]: the SQL is standard input
	service=$1
	shift
	psql -X -q -A -t -w -v ON_ERROR_STOP=1 -v source="$source" -v plaintext="$plaintext" \
		-d "service=$service $*" -f -
}

enable="FROM castssl_enable(source_dir => :'source', plaintext => :'plaintext',
	confirm_within => '5 min'"
# shellcheck disable=SC2013 # names of services are words
for service in $(sed -n 's/^\[\([^]]*\)].*/\1/p' "$PGSERVICEFILE"); do
	# everything that can be known beforehand, without writing
	wanted=$(echo "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS pg_castssl;
		SELECT count(*) $enable, dry_run => true)
			WHERE result = 'planned' AND action <> 'await confirmation';" | ask "$service" sslmode=prefer)
	if [ "$wanted" != 0 ]; then
		echo "SELECT count(*) $enable);" | ask "$service" sslmode=prefer >/dev/null
		# a new connection, as the service says: that it can begin is the proof
		echo 'SELECT castssl_confirm();' | ask "$service" >/dev/null
	fi
	echo "$service: $([ "$wanted" = 0 ] && echo unchanged || echo changed), policy $(
		echo 'SELECT fingerprint FROM castssl_fingerprint() LIMIT 1;' | ask "$service")"
done
