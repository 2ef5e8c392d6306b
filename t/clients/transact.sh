#!/bin/bash
# As transact.py, for psql.
run() {
	local output
	if output=$(psql -XqAtw -v ON_ERROR_STOP=1 -v VERBOSITY=verbose "$@" 2>&1); then
		echo "ok ${output//$'\n'/ }"
	else
		# "ERROR:  55000: message", DETAIL and so on, "CONSTRAINT NAME:  reason"
		state=$(sed -n 's/^.*\(ERROR\|FATAL\):  \([0-9A-Z]\{5\}\): .*/\2/p' <<<"$output")
		reason=$(sed -n 's/^CONSTRAINT NAME:  //p' <<<"$output")
		echo "error ${state:-none} ${reason:-none} ${output//$'\n'/ }"
	fi
}

while IFS=$'\t' read -r mode target sql; do
	case $mode in
	commit) run -1 -d "$target" -c "$sql" ;;
	rollback) run -d "$target" -c "BEGIN; $sql; ROLLBACK" ;;
	error) run -1 -d "$target" -c "$sql" -c 'SELECT 1/0' ;;
	hold)
		# it prints by itself, and ends with this script
		exec {session}> >(exec psql -XqAtw -d "$target" 2>&1)
		printf '%s\n' "\\echo -n 'ok '" "$sql;" >&"$session"
		;;
	esac
done
