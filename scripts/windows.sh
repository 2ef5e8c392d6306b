# A DLL by mingw-w64 for a PostgreSQL that Visual C++ has built: what the compiler and the linker must be
# told. Sourced by scripts/windows, not run. docs/windows.md says which differences there are, and why each
# of these lines.
# shellcheck shell=bash
# shellcheck disable=SC2154

# visual_c_headers MAJOR FOLDER: Debian's headers in FOLDER/usr, to be those of Windows, into FOLDER/server and
# FOLDER/include.
visual_c_headers() {
	local folder=$2 server=$2/server include=$2/include
	mkdir "$server" "$include"
	cp -rL "$folder/usr/include/postgresql/$1/server/." "$server/"
	cp -r "$folder/usr/include/postgresql/libpq-fe.h" "$folder/usr/include/openssl" \
		"$folder"/usr/include/x86_64-linux-gnu/openssl "$include/"
	# a long has 32 bits there
	sed -i -E 's/define SIXTY_FOUR_BIT_LONG/undef SIXTY_FOUR_BIT_LONG/; s/undef SIXTY_FOUR_BIT$/define SIXTY_FOUR_BIT/' \
		"$include"/openssl/{opensslconf,configuration}.h 2>/dev/null || true
	grep -q 'define SIXTY_FOUR_BIT$' "$include"/openssl/*.h || return
	# what the server's readdir() returns: in mingw-w64's own the name lies elsewhere
	cp "$server/port/win32_msvc/dirent.h" "$server/"
	visual_c_pg_config "$server/pg_config.h" >"$folder/pg_config.h" && mv "$folder/pg_config.h" "$server/"
	echo '#define PG_INT64_TYPE long long int' >"$server/pg_config_ext.h"
	# what newer Visual C++ is told up to 15; mingw-w64 would be told an older Windows
	sed 's/define MIN_WINNT 0x0501/define MIN_WINNT 0x0600/' "$server/port/win32.h" >"$server/pg_config_os.h"
	# The server longjmp()s by its C runtime, to a buffer without a frame: to one with a frame Windows
	# unwinds, by rules that gcc's code does not keep.
	sed -i -e 's/^typedef intptr_t sigjmp_buf\[5\];$/#define sigjmp_buf jmp_buf/' \
		-e 's/^#define sigsetjmp(x,y) .*setjmp(x)$/#define sigsetjmp(x,y) _setjmp((x), NULL)/' \
		-e 's/^#define siglongjmp __builtin_longjmp$/#define siglongjmp longjmp/' "$server/c.h"
	# Up to 14 few variables are marked for export, but a server by Visual C++ exports all of them.
	[ "$1" -ge 15 ] ||
		find "$server" -name '*.h' -exec sed -i -E '/^extern [^()]*;/{/PGDLLIMPORT/!s/^extern /extern PGDLLIMPORT /}' {} +
}

# What PostgreSQL's build by Visual C++ finds (src/tools/msvc/Solution.pm up to 16, meson since), as far as
# headers ask. Read before any header of the system.
visual_c_pg_config() {
	sed 's/^/#define /' <<-'END'
		ALIGNOF_SHORT 2
		ALIGNOF_INT 4
		ALIGNOF_LONG 4
		ALIGNOF_DOUBLE 8
		MAXIMUM_ALIGNOF 8
		SIZEOF_LONG 4
		SIZEOF_LONG_LONG 8
		SIZEOF_SIZE_T 8
		SIZEOF_VOID_P 8
		DEF_PGPORT 5432
		BLCKSZ 8192
		XLOG_BLCKSZ 8192
		RELSEG_SIZE 131072
		MEMSET_LOOP_LIMIT 1024
		DLSUFFIX ".dll"
		INT64_MODIFIER "ll"
		HAVE_LONG_LONG_INT_64 1
		PG_INT64_TYPE long long int
		PG_USE_STDBOOL 1
		HAVE_ATOMICS 1
		HAVE_SPINLOCKS 1
		HAVE_DECL_STRNLEN 1
		HAVE_DECL_STRTOLL 1
		HAVE_DECL_STRTOULL 1
		HAVE_FUNCNAME__FUNCTION 1
		HAVE_GETTIMEOFDAY 1 /* mingw-w64 declares struct timezone */
		HAVE_LOCALE_T 1
		HAVE_SOCKLEN_T 1
		HAVE_STRTOF 1
		HAVE_STRTOLL 1
		HAVE_STRTOULL 1
		HAVE_STRUCT_ADDRINFO 1
		HAVE_STRUCT_SOCKADDR_STORAGE 1
		HAVE_STRUCT_SOCKADDR_STORAGE_SS_FAMILY 1
		HAVE_SYMLINK 1
		HAVE_WCTYPE_H 1
		HAVE_X509_GET_SIGNATURE_INFO 1
		HAVE_X509_GET_SIGNATURE_NID 1
		HAVE__CPUID 1
		ACCEPT_TYPE_ARG3 int
		USE_OPENSSL 1
		USE_SSE42_CRC32C_WITH_RUNTIME_CHECK 1
		USE_WIN32_SEMAPHORES 1
		PG_C_PRINTF_ATTRIBUTE gnu_printf
		inline __inline
		pg_restrict __restrict
		_PID_T_ /* mingw-w64's has 64 bits */
	END
	echo 'typedef int pid_t;'
	grep -q 'define PG_PRINTF_ATTRIBUTE' "${1%/*}/c.h" || echo '#define PG_PRINTF_ATTRIBUTE gnu_printf' # from 18 on
	grep -E '^#define (PG_(VERSION|VERSION_NUM|MAJORVERSION|MAJORVERSION_NUM|MINORVERSION_NUM)|OPENSSL_API_COMPAT) ' "$1"
}

# import_library NAME DEFINITION: lib/libNAME.a, by which the linker finds the names of a DLL
import_library() {
	"$host-dlltool" -d "$2" -l "${2%/*}/lib$1.a"
}

# exported DLL: what it exports, as a definition
exported() {
	gendef - "$1" 2>/dev/null
}

# visual_c_imports FOLDER [BIN]: into FOLDER/lib, from the server's programs and libraries in BIN; without BIN,
# from Debian's of that major in FOLDER.
visual_c_imports() {
	local lib=$1/lib
	mkdir "$lib"
	if [ -n "${2:-}" ]; then
		exported "$2/postgres.exe" >"$lib/postgres.def"
		exported "$2/libpq.dll" >"$lib/pq.def"
		# OpenSSL's version is in the name
		exported "$(ls "$2"/libssl-*-x64.dll)" >"$lib/ssl.def"
		exported "$(ls "$2"/libcrypto-*-x64.dll)" >"$lib/crypto.def"
	else
		{ defined "$1"/usr/lib/postgresql/*/bin/postgres && declared_for_windows "$1/server"; } |
			definition postgres.exe >"$lib/postgres.def"
		defined "$1"/usr/lib/*/libpq.so.5 | definition libpq.dll >"$lib/pq.def"
		defined "$1"/usr/lib/*/libssl.so.1.1 | definition libssl-1_1-x64.dll >"$lib/ssl.def"
		defined "$1"/usr/lib/*/libcrypto.so.1.1 | definition libcrypto-1_1-x64.dll >"$lib/crypto.def"
	fi
	# mingw-w64 has no import library for these two
	printf '%s\n' memcpy memmove memset memcmp memchr strchr strrchr strstr __intrinsic_setjmpex longjmp \
		__C_specific_handler | definition VCRUNTIME140.dll >"$lib/vcruntime.def"
	echo strnlen | definition api-ms-win-crt-string-l1-1-0.dll >"$lib/strnlen.def"
	local name
	for name in postgres pq ssl crypto vcruntime strnlen; do
		import_library "$name" "$lib/$name.def" || return
	done
}

definition() { # DLL, with its names on the standard input
	printf 'LIBRARY %s\nEXPORTS\n' "$1"
	sort -u
}

# What a program or library of Linux gives to others. The server's sources are the same for Windows, but for
# what is declared for it alone.
defined() {
	nm -D --defined-only "$1" | awk '$2 ~ /[TBDRVW]/ { sub(/@.*/, "", $3); print $3 }'
}

declared_for_windows() {
	perl -ne 'print "$1\n" if /^(?:extern\s.*|\w[\w\s*]*)?\b([a-z_]\w*)\s*[(;\[]/i; print "$1\n" if /^#define\s+\w+(?:\(.*?\))?\s+([a-z_]\w*)/i' \
		"$1"/{port,port/win32_port,port/win32_msvc/dirent,getaddrinfo}.h
}
