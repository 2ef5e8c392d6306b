# What the measurements share: a server, medians, and rows for bench/run. Sourced, not run.
# shellcheck shell=bash
# shellcheck disable=SC2154
# shellcheck disable=SC2016,SC2119,SC2120 # queries in single quotes; functions that may take arguments

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

# begin [SETTING...]: build, install, and start a server with these settings; sets $data and $port.
begin() {
	set_up "${bench_needs:-build}"
	copy_tree "$work/source"
	build "$work/source" || die 'the build failed, see above'
	install_extension "$work/source" || die 'the installation failed, see above'
	data=$work/data
	start_server "$data" "$@" || die 'the server did not start, see above'
	query -c 'CREATE EXTENSION pg_castssl' || die 'CREATE EXTENSION failed, see above'
}

# By the Unix socket, as the superuser.  Whoever runs this may run psql: to become another
# user first takes as long as psql itself.
query() {
	PGOPTIONS='-c client_min_messages=error' "$bindir/psql" -XqAt \
		-v ON_ERROR_STOP=1 -h "$work" -p "$port" -U postgres postgres "$@"
}

# client OPTION...: a login as alice by TCP with a client certificate, server and host name verified.
client() {
	PGPASSWORD=wonderland "$bindir/psql" -XqAt -c 'SELECT 1' \
		"host=localhost hostaddr=127.0.0.1 port=$port user=alice dbname=postgres sslmode=verify-full
		sslrootcert=$certs/root.crt sslcert=$certs/alice.crt sslkey=$certs/alice.key" "$@"
}

# wall COMMAND...: prints its wall time in ms; where it fails, what it said, and fails too.
wall() {
	local begun=$EPOCHREALTIME ended
	"$@" >"$work/wall.log" 2>&1 || { cat "$work/wall.log" >&2; return 1; }
	ended=$EPOCHREALTIME
	echo "$begun $ended" | awk '{ printf "%.3f\n", 1000 * ($2 - $1) }'
}

# walls COMMAND...: wall $rounds times; the median, minimum and maximum.
walls() {
	local round
	for ((round = 0; round < rounds; round++)); do
		wall "$@" || return
	done | summary
}

# summary [PERCENTILE]: of the numbers on standard input: that percentile (50), minimum, maximum.
summary() {
	sort -g | awk -v part="${1:-50}" '{ value[NR] = $1 }
		END { print value[int((NR - 1) * part / 100 + 0.5) + 1], value[1], value[NR] }'
}

# The statements on standard input, in one session: their times in ms.
timed() {
	query -c "LOAD 'pg_castssl'" -c '\timing on' -f - | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
}

# statements STATEMENT...: one session that runs them in turn, $rounds times; a line for each
# with its median, minimum and maximum in ms.
statements() {
	local statement round
	for ((round = 0; round < rounds; round++)); do
		for statement in "$@"; do
			printf '%s \\g /dev/null\n' "$statement"
		done
	done | timed >"$work/times"
	for ((statement = 0; statement < $#; statement++)); do
		awk -v n=$# -v i="$statement" '(NR - 1) % n == i' "$work/times" | summary
	done
}

# syncs STATEMENT: how often a session calls fsync for it, and how many ms that takes.
syncs() {
	query <<-SQL >/dev/null
		SELECT pg_backend_pid() AS pid \gset
		\setenv PID :pid
		\! strace -qq -T -e trace=fsync,fdatasync -o $work/strace.log -p \$PID & sleep 1
		$1 \g /dev/null
	SQL
	sleep 1
	awk -F '[<>]' '/sync\(/ { calls++; spent += $(NF - 1) } END { printf "%d %.1f\n", calls, 1000 * spent }' "$work/strace.log"
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a / b }'
}

# row ID WHAT AGAINST GOAL UNIT "OURS MIN MAX" "THEIRS MIN MAX": one comparison, for the reader and,
# by $BENCH_ROWS, for bench/run. GOAL: the ratio that it is to be at most.
row() {
	local id=$1 what=$2 against=$3 goal=$4 unit=$5 ours theirs verdict
	read -ra ours <<<"$6"
	read -ra theirs <<<"$7"
	local part
	part=$(ratio "${ours[0]}" "${theirs[0]}")
	verdict=$(awk -v a="$part" -v b="$goal" 'BEGIN { print a <= b ? "reached" : "missed" }')
	printf '%s: %s %s (%s to %s)\n    against %s: %s %s (%s to %s): ratio %s, at most %s: %s\n' "$what" \
		"${ours[0]}" "$unit" "${ours[1]}" "${ours[2]}" "$against" "${theirs[0]}" "$unit" \
		"${theirs[1]}" "${theirs[2]}" "$part" "$goal" "$verdict"
	[ -z "${BENCH_ROWS:-}" ] || printf '%s\t' row "$id" "$what" "$against" "$goal" "$unit" \
		"${ours[*]}" "${theirs[*]}" "$part" "$verdict" | sed 's/\t$/\n/' >>"$BENCH_ROWS"
}

# remark ID TEXT: what else was measured for that row; its lower limit.
remark() {
	echo "    $2"
	[ -z "${BENCH_ROWS:-}" ] || printf 'remark\t%s\t%s\n' "$1" "$2" >>"$BENCH_ROWS"
}
