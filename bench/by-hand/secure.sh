#!/bin/sh
# The procedure by hand, as a script: secure.sh DATA CERTIFICATES LOGFILE, as the owner of DATA.
set -e
cp "$2/server.key" "$2/server.crt" "$2/root.crt" "$1/"
chown "$(id -un)" "$1/server.key" "$1/server.crt" "$1/root.crt"
chmod 600 "$1/server.key" "$1/server.crt" "$1/root.crt"
cat >>"$1/postgresql.conf" <<'CONF'
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_ca_file = 'root.crt'
CONF
sed -i 's/^host[[:space:]]/#&/' "$1/pg_hba.conf"
cat >>"$1/pg_hba.conf" <<'HBA'
hostssl all all 0.0.0.0/0 scram-sha-256 clientcert=verify-ca
hostssl all all ::/0      scram-sha-256 clientcert=verify-ca
HBA
pg_ctl -D "$1" -l "$3" -w -m fast restart
