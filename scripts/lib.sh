# What scripts/demo and scripts/test share: install what is needed, copy the tree, build,
# and run PostgreSQL as somebody who is not root. Sourced, not run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
export LC_ALL=C.UTF-8

heading() {
	printf '\n== %s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# What a script that tests has counted; its last line is "N passed, N failed".
passed=0
failed=0
failures=()

note() { # NAME STATUS: one test of its own
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		printf 'ok      %s\n' "$1"
	else
		failed=$((failed + 1))
		failures+=("$1")
		printf 'FAILED  %s\n' "$1"
	fi
}

count() { # NAME PASSED FAILED STATUS: many tests at once; a status without a failure counts as one
	passed=$((passed + $2))
	failed=$((failed + $3))
	printf '%-7s %s: %d passed, %d failed\n' "$([ "$3" = 0 ] && [ "$4" = 0 ] && echo ok || echo FAILED)" "$1" "$2" "$3"
	if [ "$3" != 0 ]; then
		failures+=("$1")
	elif [ "$4" != 0 ]; then
		failed=$((failed + 1))
		failures+=("$1 (exit status $4)")
	fi
}

# Tests of prove that failed, and those that passed, by the summary in its output.
tests_failed() { # LOG
	sed -n 's/^t\/.*(Wstat: .* Tests: [0-9]* Failed: \([0-9]*\))$/\1/p' "$1" | awk '{ n += $1 } END { print n + 0 }'
}
tests_passed() { # LOG
	local tests
	tests=$(sed -n 's/^Files=[0-9]*, Tests=\([0-9]*\),.*/\1/p' "$1")
	echo $((${tests:-0} - $(tests_failed "$1")))
}

count_prove() { # NAME LOG STATUS
	count "$1" "$(tests_passed "$2")" "$(tests_failed "$2")" "$3"
}

# Runs a command as root: directly, or through sudo.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root, and sudo is not here: $*"
	fi
}

# Runs a command as the user who owns the throw-away servers: the caller, or postgres when
# the caller is root, as whom PostgreSQL does not run. In $work, for the tree may be closed to it.
as_server_user() (
	cd "$work" || exit
	if [ "$(id -u)" = 0 ]; then
		runuser -u "$server_user" -- env HOME="$work" PATH="$bindir:$PATH" "$@"
	else
		env HOME="$work" PATH="$bindir:$PATH" "$@"
	fi
)

installed() {
	dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# The major version to work with: that of PG_CONFIG where a server can be built against, else
# the newest that apt offers.
server_version() {
	local pg_config=${PG_CONFIG:-pg_config}
	if command -v "$pg_config" >/dev/null &&
		[ -e "$("$pg_config" --includedir-server 2>/dev/null)/postgres.h" ]; then
		"$pg_config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/'
	else
		apt-cache search --names-only '^postgresql-server-dev-[0-9]+$' |
			sed 's/^postgresql-server-dev-\([0-9]*\) .*/\1/' | sort -n | tail -n 1
	fi
}

# A server of Debian's package would come with a running cluster on port 5432, which nobody asked
# for here. Prints the setting that prevents it, when it had to be made.
refuse_main_cluster() {
	local folder=/etc/postgresql-common/createcluster.d
	local file=$folder/pg-castssl-scripts.conf
	[ -e "$file" ] && return
	as_root mkdir -p "$folder"
	echo 'create_main_cluster = off' | as_root tee "$file" >/dev/null
	echo "$file"
}

# Daemons that come with a package (Prometheus) are not to start here either: Debian asks
# policy-rc.d. Prints the file, when it had to be made.
refuse_services() {
	local file=/usr/sbin/policy-rc.d
	[ -e "$file" ] && return
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$file" >/dev/null
	as_root chmod 755 "$file"
	echo "$file"
}

# alone COMMAND...: nobody else of us uses apt meanwhile; of two that run side by side, one waits.
alone() (
	exec {lock}<"$(command -v apt-get)"
	flock "$lock"
	"$@" {lock}<&-
)

# run_apt ARGUMENT...: quietly, unless it fails.
run_apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >"$work/apt.log" 2>&1 </dev/null ||
		{ tail -n 20 "$work/apt.log" >&2; return 1; }
}

read_package_lists() {
	echo "Reading apt's package lists"
	alone run_apt update -qq || echo 'apt-get update failed; going on with the lists that are here' >&2
}

# install_packages NAME...: those that are missing, in one line; nothing when all are there.
install_packages() {
	local missing=() package
	for package in "$@"; do
		installed "$package" || missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && return
	apt-cache show "${missing[@]}" >/dev/null 2>&1 || read_package_lists
	echo "Installing with apt: ${missing[*]}"
	if ! alone install_without_services "${missing[@]}"; then
		# the mirror may have other versions since the lists were read, or have failed
		read_package_lists
		alone install_without_services "${missing[@]}" || die 'apt-get failed, see above'
	fi
}

install_without_services() {
	local setting policy status=0
	setting=$(refuse_main_cluster)
	policy=$(refuse_services)
	run_apt install -y -qq --no-install-recommends "$@" || status=$?
	if [ -n "$setting" ]; then
		as_root rm -f "$setting"
		as_root rmdir --ignore-fail-on-non-empty "${setting%/*}"
	fi
	[ -z "$policy" ] || as_root rm -f "$policy"
	return "$status"
}

# set_up build|server|test [PACKAGE...]: installs what a build takes, or also what tests of the server
# take, or what checks of the tree take; and these packages, where ?NAME is one to do without if apt has
# it not. Sets $work (a folder of the server user, removed at exit), $version, $server_user,
# $bindir and PG_CONFIG.
set_up() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/castssl.XXXXXX")
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	chmod 755 "$work"
	if command -v apt-get >/dev/null; then
		install_for "$@"
	fi
	find_server
	server_user=$(id -un)
	if [ "$(id -u)" = 0 ]; then
		server_user=postgres
		id -u postgres >/dev/null 2>&1 || server_user=nobody
	fi
	chown "$server_user" "$work"
	find_compiler_cache
}

# Has apt the package, such that it fits with what is installed?
installable() {
	installed "$1" || apt-get install --simulate -qq "$1" >/dev/null 2>&1
}

# packages_for build|server|test MAJOR
packages_for() {
	echo make gcc libc6-dev perl openssl libssl-dev libkrb5-dev libpq-dev \
		"postgresql-$2" "postgresql-client-$2" "postgresql-server-dev-$2"
	case $1 in
	server | test) echo libipc-run-perl libio-socket-ssl-perl strace ;;
	esac
	case $1 in
	test) echo git clang-format cppcheck shellcheck tidy unzip ;;
	esac
}

install_for() {
	local profile=$1 packages package npm=
	shift
	version=$(server_version)
	if [ -z "$version" ] || ! installed make || ! installed "postgresql-$version"; then
		read_package_lists
		version=$(server_version)
	fi
	[ -n "$version" ] || die "apt knows no postgresql-server-dev package"
	mapfile -t packages < <(packages_for "$profile" "$version" | tr ' ' '\n')
	for package in "$@"; do
		package=${package//MAJOR/$version}
		if [ "$package" = '?npm' ]; then
			npm=1
		elif [[ $package != \?* ]] || installable "${package#\?}"; then
			packages+=("${package#\?}")
		fi
	done
	install_packages "${packages[@]}"
	[ -z "$npm" ] || install_node_modules
}

# Clients that Debian does not have, or not for this node, and the schema of Grafana's dashboards with the
# compiler that reads it; their tests are skipped without. A file asks for them by "# Needs: npm".
install_node_modules() {
	command -v npm >/dev/null || return 0
	local modules=(pg@8.11.3 postgres@3.4.4 @grafana/schema@13.2.3 typescript@5.9.3)
	echo "Installing with npm, into a folder of its own: ${modules[*]}"
	if npm install --prefix "$work/npm" --ignore-scripts --no-audit --no-fund --silent \
		"${modules[@]}" >"$work/npm.log" 2>&1 </dev/null; then
		export CASTSSL_NODE_MODULES=$work/npm/node_modules
	else
		tail -n 5 "$work/npm.log" >&2
		echo "npm could not install them; going on without" >&2
	fi
}

# Sets PG_CONFIG and $bindir, and $version to the major version.
find_server() {
	PG_CONFIG=${PG_CONFIG:-pg_config}
	if [ -n "${version:-}" ] && [ -x "/usr/lib/postgresql/$version/bin/pg_config" ] &&
		[ "$PG_CONFIG" = pg_config ]; then
		PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config
	fi
	command -v "$PG_CONFIG" >/dev/null || die "no $PG_CONFIG; set PG_CONFIG"
	export PG_CONFIG
	bindir=$("$PG_CONFIG" --bindir)
	version=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
	[ -x "$bindir/initdb" ] || die "$bindir has no initdb: install the server"
}

# copy_tree FOLDER: the tree without what was built, owned by the server user. The tree itself
# may be where that user cannot read.
copy_tree() {
	mkdir -p "$1"
	if git -C "$root" rev-parse >/dev/null 2>&1; then
		git -C "$root" ls-files -z --cached --others --exclude-standard |
			tar -C "$root" --null --ignore-failed-read -T - -cf - 2>/dev/null | tar -C "$1" -xf -
	else
		tar -C "$root" --exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf - . | tar -C "$1" -xf -
	fi
	chown -R "$server_user" "$1"
}

# Where ccache is, what was compiled once is not compiled again in the next copy of the tree. Sets
# $compiler_cache, variables for the environment of make; "gcc" is then ccache's.
compiler_cache=()
find_compiler_cache() {
	local folder=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/pg_castssl/ccache
	[ "$(id -u)" != 0 ] || folder=${CASTSSL_CACHE:-/var/cache/pg_castssl}/ccache
	[ -x /usr/lib/ccache/gcc ] || return 0
	mkdir -p "$folder" 2>/dev/null && chown "$server_user" "$folder" || return 0
	compiler_cache=(CCACHE_DIR="$folder" CCACHE_MAXSIZE=1G CCACHE_NOHASHDIR=1 CCACHE_BASEDIR="$work"
		CCACHE_SLOPPINESS=time_macros PATH="/usr/lib/ccache:$bindir:$PATH")
}

# build FOLDER [MAKE ARGUMENT...]: quietly, unless it fails.
build() {
	local folder=$1
	shift
	if ! as_server_user env "${compiler_cache[@]}" make -s -k -C "$folder" -j "$(nproc)" "$@" >"$folder/build.log" 2>&1; then
		cat "$folder/build.log"
		return 1
	fi
}

# install_extension FOLDER [MAKE ARGUMENT...]: what was built there, into the server's folders.
install_extension() {
	local run=as_root folder=$1
	shift
	[ -w "$("$PG_CONFIG" --pkglibdir)" ] && run=
	echo "Installing pg_castssl into $("$PG_CONFIG" --pkglibdir) and $("$PG_CONFIG" --sharedir)"
	if ! $run make -C "$folder" install PG_CONFIG="$PG_CONFIG" "$@" >"$work/install.log" 2>&1; then
		cat "$work/install.log"
		return 1
	fi
}

# A TCP port on the loopback that nobody uses now.
free_port() {
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 0, Listen => 1) or die $!;
		print $s->sockport'
}

# start_server FOLDER [SETTING...]: initdb and start, on the loopback; sets $port.
# Every role needs a password on TCP; the server user comes in by the Unix socket.
start_server() {
	local data=$1
	shift
	servers+=("$data")
	echo castssl | as_server_user tee "$work/password" >/dev/null # whatever the umask: the server user reads it
	as_server_user "$bindir/initdb" -D "$data" -U postgres --auth-local=trust \
		--auth-host=scram-sha-256 --pwfile="$work/password" -E UTF8 --no-sync >"$work/initdb.log" 2>&1 ||
		{ cat "$work/initdb.log"; return 1; }
	port=$(free_port) # not before: it is free until somebody else takes it
	{
		echo "port = $port"
		echo "listen_addresses = '127.0.0.1'"
		echo "unix_socket_directories = '$work'"
		printf '%s\n' "$@"
	} | as_server_user tee -a "$data/postgresql.conf" >/dev/null
	as_server_user "$bindir/pg_ctl" -D "$data" -l "$data/server.log" -w start >"$work/start.log" 2>&1 ||
		{ cat "$work/start.log" "$data/server.log"; return 1; }
}

# make_certificates FOLDER: a CA, and by it server.crt (localhost) and alice.crt, each with its key.
make_certificates() {
	as_server_user mkdir -m 700 "$1"
	as_server_user bash -e -s -- "$1" <<-'SCRIPT' >"$work/openssl.log" 2>&1
		cd "$1"
		new_key() {
			openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
			chmod 600 "$1"
		}
		signed() {
			new_key "$1.key"
			openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
			openssl x509 -req -in "$1.csr" -CA root.crt -CAkey root.key -CAcreateserial -days 90 \
				-extfile <(echo "$3") -out "$1.crt"
		}
		new_key root.key
		openssl req -x509 -new -key root.key -subj '/CN=pg_castssl test root' -days 3650 -out root.crt
		signed server /CN=localhost 'subjectAltName = DNS:localhost, IP:127.0.0.1'
		signed alice /CN=alice 'extendedKeyUsage = clientAuth'
	SCRIPT
}

servers=()
mounted=()

# Also runs when a step failed or the user pressed Ctrl-C: stops our servers, removes our files.
clean_up() {
	local status=$? data disk
	trap - EXIT INT TERM
	for data in "${servers[@]}"; do
		[ -e "$data/postmaster.pid" ] &&
			as_server_user "$bindir/pg_ctl" -D "$data" -m immediate -w stop >/dev/null 2>&1
	done
	cd / || true
	for disk in "${mounted[@]}"; do
		umount "$disk"
	done
	if [ -n "${CASTSSL_KEEP:-}" ]; then
		echo "Kept: $work"
	else
		rm -rf "$work"
	fi
	exit "$status"
}
