# Roots of other Debian releases, each with another PostgreSQL. Sourced after lib.sh, not run.
#
# A root is made once, by debootstrap, and kept in $CASTSSL_CACHE/roots/MAJOR. Work in it happens on
# an overlay in memory, in name spaces of its own: nothing stays behind, neither files nor processes,
# and no port or shared memory is shared with the machine.
# shellcheck shell=bash
# shellcheck disable=SC2154

cache=${CASTSSL_CACHE:-/var/cache/pg_castssl}
# shellcheck disable=SC2034
all_majors='13 15 17 18 19'

suite_of() {
	case $1 in
	13) echo bullseye ;;
	15) echo bookworm ;;
	17) echo trixie ;;
	18 | 19) echo sid ;;
	*) die "no Debian release is known here for PostgreSQL $1; there are: $all_majors" ;;
	esac
}

# try NAME COMMAND...: three times, for what depends on the network; then NAME and why.
try() {
	local name=$1 attempt
	shift
	for attempt in 1 2 3; do
		"$@" >"$work/try-$BASHPID.log" 2>&1 </dev/null && return
		[ "$attempt" = 3 ] || sleep $((attempt * 10))
	done
	tail -n 15 "$work/try-$BASHPID.log" >&2
	echo "failed three times: $name" >&2
	return 1
}

# Where this machine's own apt has Debian from; empty leaves the choice to debootstrap.
mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's/^Debian Debian //p' | head -n 1
}

# apt_settings ROOT MAJOR
apt_settings() {
	local root=$1 uri
	# Snapshots of sid and experimental are past the date in their Release files.
	cat >"$root/etc/apt/apt.conf.d/90castssl" <<-'CONF'
		Acquire::Check-Valid-Until "false";
		Acquire::Retries "3";
		APT::Install-Recommends "false";
	CONF
	uri=$(sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' "$root/etc/apt/sources.list" | head -n 1)
	if [ "$2" = 19 ]; then
		echo "deb $uri experimental main" >"$root/etc/apt/sources.list.d/experimental.list"
		# nothing else from there: experimental's packages do not all fit together
		printf '%s\n' 'Package: src:postgresql-19' 'Pin: release a=experimental' 'Pin-Priority: 990' \
			>"$root/etc/apt/preferences.d/experimental"
	fi
	if [ "$2" = 17 ]; then
		# an older major for pg_upgrade to come from, and nothing else that is there for 17
		echo "deb $uri bookworm main" >"$root/etc/apt/sources.list.d/bookworm.list"
		printf '%s\n' 'Package: *' 'Pin: release n=bookworm' 'Pin-Priority: 100' \
			>"$root/etc/apt/preferences.d/bookworm"
	fi
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
	mkdir -p "$root/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = off' >"$root/etc/postgresql-common/createcluster.d/castssl.conf"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
}

# in_root FOLDER COMMAND...: with proc and shared memory, in a mount and process space of its own.
in_root() {
	local folder=$1
	shift
	# shellcheck disable=SC2016
	as_root unshare --mount --pid --ipc --fork --kill-child bash -c '
		set -e
		cd "$1"
		mount -t proc proc proc
		mkdir -p dev/shm
		mount -t tmpfs -o mode=1777 tmpfs dev/shm
		shift
		exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
			DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} "$@"
	' in_root "$folder" "$@"
}

# on_copy MAJOR FOLDER COMMAND...: in the root of MAJOR, on a copy that vanishes with the command,
# without network; FOLDER is at /mnt/tree there.
on_copy() {
	local base=$cache/roots/$1 folder=$2
	shift 2
	# shellcheck disable=SC2016
	as_root unshare --mount --pid --ipc --net --fork --kill-child bash -c '
		set -e
		memory=$1/memory
		mkdir -p "$memory"
		mount -t tmpfs -o mode=755 tmpfs "$memory"
		mkdir "$memory/upper" "$memory/work" "$memory/root"
		mount -t overlay overlay \
			-o "lowerdir=$2,upperdir=$memory/upper,workdir=$memory/work" "$memory/root"
		cd "$memory/root"
		mount -t proc proc proc
		mkdir -p dev/shm mnt/tree
		mount -t tmpfs -o mode=1777 tmpfs dev/shm
		mount -t tmpfs -o mode=1777 tmpfs tmp
		mount --bind "$3" mnt/tree
		# the loopback, without a tool that may not be there
		perl -e "use Socket; my \$s; my \$up = pack(q(Z16 s x22), q(lo), 0x41);
			socket(\$s, AF_INET, SOCK_DGRAM, 0) && ioctl(\$s, 0x8914, \$up) or die \"lo: \$!\""
		shift 3
		exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
			DEBIAN_FRONTEND=noninteractive "$@"
	' on_copy "$work" "$base" "$folder" "$@"
}

# make_root MAJOR [PACKAGE...]: the root with its packages, as far as it is not there yet. Of two that want
# the same root, one waits.
make_root() {
	as_root mkdir -p "$cache/roots" || return
	as_root touch "$cache/roots/$1.lock" || return
	(
		flock 8
		make_root_alone "$@"
	) 8<"$cache/roots/$1.lock"
}

# bootstrap SUITE FOLDER: anew, for a root that was left half-done is no use.
# shellcheck disable=SC2317 # called by try
bootstrap() {
	as_root rm -rf "$2"
	# shellcheck disable=SC2046
	as_root debootstrap --variant=minbase "$1" "$2" $(mirror)
}

make_root_alone() {
	local major=$1 folder=$cache/roots/$1 suite package wanted=() missing=()
	shift
	suite=$(suite_of "$major") || return
	if [ ! -e "$folder/etc/castssl-base" ]; then
		echo "Making the root for PostgreSQL $major: Debian $suite"
		try "debootstrap $suite" bootstrap "$suite" "$folder" || return
		as_root bash -c "$(declare -f apt_settings); apt_settings '$folder' '$major'" || return
		try "apt-get update for PostgreSQL $major ($suite)" in_root "$folder" apt-get update -qq || return
		as_root touch "$folder/etc/castssl-base"
	fi
	[ "$major" != 17 ] || set -- postgresql-15 postgresql-server-dev-15 "$@"
	mapfile -t wanted < <({ packages_for server "$major"; echo "$@"; } | tr ' ' '\n' | grep .)
	for package in "${wanted[@]}"; do
		grep -qx "$package" "$folder/etc/castssl-root" 2>/dev/null || missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && return
	try "apt-get install for PostgreSQL $major ($suite): ${missing[*]}" \
		in_root "$folder" apt-get install -y -qq "${missing[@]}" || return
	as_root rm -rf "$folder"/var/cache/apt/archives/*.deb
	printf '%s\n' "${missing[@]}" | as_root tee -a "$folder/etc/castssl-root" >/dev/null
}
