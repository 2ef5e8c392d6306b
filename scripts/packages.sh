# What scripts/package, scripts/rpm and scripts/image share. Sourced by them, after usage() is there.
# shellcheck shell=bash

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/roots.sh
. scripts/roots.sh

# begin MAJOR [ARGUMENT...]: sets $majors, by default this one, and $work.
begin() {
	local argument default=$1
	shift
	majors=()
	for argument in "$@"; do
		case $argument in
		-h | --help) usage && exit 0 ;;
		[0-9]*) majors+=("$argument") ;;
		*) usage >&2 && exit 2 ;;
		esac
	done
	[ ${#majors[@]} != 0 ] || majors=("$default")
	work=$(mktemp -d "${TMPDIR:-/tmp}/castssl.XXXXXX")
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	server_user=$(id -un)
	command -v debootstrap >/dev/null || install_packages debootstrap
}

check() { # NAME COMMAND...
	local name=$1 status=0
	shift
	"$@" >"$work/check.log" 2>&1 </dev/null || status=$?
	[ "$status" = 0 ] || tail -n 60 "$work/check.log"
	note "$name" "$status"
	return "$status"
}

# keep FOLDER FILE...: leaves what was made in this folder of the cache, and says where.
keep() {
	local folder=$cache/$1
	shift
	as_root mkdir -p "$folder"
	as_root cp -t "$folder" "$@"
	printf 'Left in %s\n' "${@/#*\//$folder/}"
}

# make_dist FOLDER: the tree there as it is, and what "make dist" makes of it, which PGXN gets. Prints the name.
make_dist() {
	copy_tree "$1/tree"
	git -C "$1/tree" init -q &&
		git -C "$1/tree" add -A &&
		git -C "$1/tree" -c user.name=nobody -c user.email=nobody@example.org commit -q -m tree &&
		make -s -C "$1/tree" dist >&2 &&
		mv "$1"/tree/pg_castssl-*.zip "$1" &&
		basename "$1"/pg_castssl-*.zip
}

finish() {
	echo
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
	exit
}
