/*
 * platform.c
 *		Differences between Windows and POSIX systems.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef WIN32
#include <aclapi.h>
#include <dirent.h>
#include <io.h>
#include <sddl.h>
#include <setjmp.h>
#else
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#endif

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"

#include "base/compat.h"
#include "server/process/platform.h"

#ifndef WIN32

bool
castssl_platform_has_modes(void)
{
	return true;
}

bool
castssl_platform_reads_live_files(void)
{
	return false;
}

#ifdef MFD_CLOEXEC

bool
castssl_platform_has_memory_files(void)
{
	return access("/proc/self/fd", X_OK) == 0;
}

int
castssl_platform_memory_file(void)
{
	int fd = memfd_create("pg_castssl", MFD_CLOEXEC);

	/* The server's loader demands that nobody else can use a private key. */
	if (fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) != 0)
	{
		/* LCOV_EXCL_START: cannot fail for an open file of our own */
		close(fd);
		fd = -1;
		/* LCOV_EXCL_STOP */
	}
	return fd;
}

#endif

int
castssl_platform_user_id(void)
{
	return (int) geteuid();
}

char *
castssl_platform_real_path(const char *path)
{
	char *real = realpath(path, NULL);
	char *result;

	if (real == NULL)
		return NULL;
	result = pstrdup(real);
	free(real);
	return result;
}

int
castssl_platform_set_owner(int fd, uid_t uid, gid_t gid)
{
	return fchown(fd, uid, gid);
}

int
castssl_platform_set_mode(int fd, mode_t mode)
{
	return fchmod(fd, mode);
}

/* The previous action for SIGHUP. */
static struct sigaction sighup_before;
static volatile sig_atomic_t sighup_heard;

static void
hear_sighup(int number)
{
	int save_errno = errno;

	sighup_heard = true;
	ConfigReloadPending = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

void
castssl_platform_hear_reload(void)
{
	struct sigaction action = { .sa_handler = hear_sighup, .sa_flags = SA_RESTART };

	sigemptyset(&action.sa_mask);
	sighup_heard = false;
	(void) sigaction(SIGHUP, &action, &sighup_before);
}

void
castssl_platform_hear_reload_end(void)
{
	(void) sigaction(SIGHUP, &sighup_before, NULL);
	if (sighup_heard && sighup_before.sa_handler != SIG_IGN && sighup_before.sa_handler != SIG_DFL)
		(void) raise(SIGHUP);
}

int
castssl_platform_sync(int fd)
{
	int rc;

	do
	{
		rc = fsync(fd);
	} while (rc != 0 && errno == EINTR);
	return rc;
}

bool
castssl_platform_is_read_only(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) == 0 && (st.f_flag & ST_RDONLY);
}

#ifdef STATX_BASIC_STATS
/* from Linux 5.8 on */
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

bool
castssl_platform_is_mount_point(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, 0, 0, &st) == 0 &&
		   (st.stx_attributes & st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
}
#else
bool
castssl_platform_is_mount_point(const char *path)
{
	return false;
}
#endif

void
castssl_platform_keep_private(const char *path)
{
}

void
castssl_platform_keep_access(const char *replaced, const char *path)
{
}

char *
castssl_platform_other_readers(const char *path)
{
	return NULL;
}

char *
castssl_platform_account_sid(void)
{
	return NULL;
}

char *
castssl_platform_peer_account(pgsocket socket)
{
	uid_t uid;
	gid_t gid;
	struct passwd *account = getpeereid(socket, &uid, &gid) == 0 ? getpwuid(uid) : NULL;

	return account ? pstrdup(account->pw_name) : NULL;
}

#else /* WIN32 */

/*
 * PostgreSQL for Windows is built with Visual C++. Its headers use definitions of the compiler
 * that reads them, and these must match the server's.  With another setjmp() the first caught
 * error crashes the server; with another struct dirent file names are cut, and a waiting change
 * is not found.
 */
StaticAssertDecl(sizeof(sigjmp_buf) == CASTSSL_WINDOWS_JUMP_SIZE, "sigjmp_buf is not the server's");
StaticAssertDecl(offsetof(struct dirent, d_name) == CASTSSL_WINDOWS_DIRENT_NAME,
				 "struct dirent is not the server's");
StaticAssertDecl(sizeof(pid_t) == sizeof(int), "pid_t is not the server's");
StaticAssertDecl(sizeof(off_t) == sizeof(long), "off_t is not the server's");

#ifdef __GNUC__

/* sigsetjmp() must not store a frame either: Windows would unwind to it. */
StaticAssertDecl(__builtin_strcmp(CppAsString2(sigsetjmp(buffer, 0)),
								  CppAsString2(_setjmp((buffer), NULL))) == 0,
				 "sigsetjmp is not for the server's longjmp");

#ifndef _UCRT
#error "the C runtime is not the server's"
#endif

/* The entry point of the DLL.  That of mingw-w64 would bring another C runtime. */
extern BOOL WINAPI castssl_platform_start(HINSTANCE library, DWORD reason, LPVOID reserved);

BOOL WINAPI
castssl_platform_start(HINSTANCE library, DWORD reason, LPVOID reserved)
{
	return TRUE;
}

#endif

bool
castssl_platform_has_modes(void)
{
	return false;
}

bool
castssl_platform_reads_live_files(void)
{
	return true;
}

int
castssl_platform_user_id(void)
{
	return 0;
}

char *
castssl_platform_real_path(const char *path)
{
	char buffer[MAXPGPATH];
	char *real = buffer;
	DWORD length;
	DWORD error;
	HANDLE handle = CreateFileA(path, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
								NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);

	if (handle == INVALID_HANDLE_VALUE)
	{
		_dosmaperr(GetLastError());
		return NULL;
	}
	length = GetFinalPathNameByHandleA(handle, buffer, sizeof(buffer), FILE_NAME_NORMALIZED);
	error = GetLastError();
	CloseHandle(handle);
	if (length == 0)
	{
		_dosmaperr(error);
		return NULL;
	}
	if (length >= sizeof(buffer))
	{
		errno = ENAMETOOLONG;
		return NULL;
	}

	/* \\?\C:\folder, or \\?\UNC\server\share, which is \\server\share in other places. */
	if (strncmp(real, "\\\\?\\UNC\\", 8) == 0)
	{
		real += 6;
		real[0] = '\\';
	}
	else if (strncmp(real, "\\\\?\\", 4) == 0)
		real += 4;
	real = pstrdup(real);
	canonicalize_path(real);
	return real;
}

int
castssl_platform_set_owner(int fd, uid_t uid, gid_t gid)
{
	return 0;
}

/* Windows has only one mode, read-only, and a rename cannot replace a file that has it. */
int
castssl_platform_set_mode(int fd, mode_t mode)
{
	return 0;
}

void
castssl_platform_hear_reload(void)
{
}

void
castssl_platform_hear_reload_end(void)
{
}

int
castssl_platform_sync(int fd)
{
	return _commit(fd);
}

bool
castssl_platform_is_read_only(const char *path)
{
	return false;
}

bool
castssl_platform_is_mount_point(const char *path)
{
	return false;
}

/* The account of this process, with room for its SID. */
typedef union OwnAccount
{
	TOKEN_USER user;
	char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
} OwnAccount;

static bool
read_own_account(OwnAccount *account)
{
	HANDLE token;
	DWORD length;
	bool done;

	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
		return false;
	done = GetTokenInformation(token, TokenUser, account, sizeof(*account), &length);
	CloseHandle(token);
	return done;
}

static bool
is_own_account(PSID sid)
{
	OwnAccount account;

	return read_own_account(&account) && EqualSid(sid, account.user.User.Sid);
}

static EXPLICIT_ACCESS_A
everything_for(PSID sid)
{
	EXPLICIT_ACCESS_A entry = { .grfAccessPermissions = FILE_ALL_ACCESS,
								.grfAccessMode = SET_ACCESS,
								.grfInheritance = NO_INHERITANCE };

	BuildTrusteeWithSidA(&entry.Trustee, sid);
	return entry;
}

void
castssl_platform_keep_private(const char *path)
{
	char administrators[SECURITY_MAX_SID_SIZE];
	char local_system[SECURITY_MAX_SID_SIZE];
	DWORD administrators_size = sizeof(administrators);
	DWORD local_system_size = sizeof(local_system);
	OwnAccount account;
	EXPLICIT_ACCESS_A entries[3];
	PACL list = NULL;
	SECURITY_DESCRIPTOR descriptor;

	if (!read_own_account(&account) ||
		!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, administrators,
							&administrators_size) ||
		!CreateWellKnownSid(WinLocalSystemSid, NULL, local_system, &local_system_size))
		return;
	entries[0] = everything_for(account.user.User.Sid);
	entries[1] = everything_for(administrators);
	entries[2] = everything_for(local_system);
	if (SetEntriesInAclA(lengthof(entries), entries, NULL, &list) != ERROR_SUCCESS)
		return;
	/* exactly this list, and protected: it inherits nothing from the folder */
	if (InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION) &&
		SetSecurityDescriptorDacl(&descriptor, TRUE, list, FALSE) &&
		SetSecurityDescriptorControl(&descriptor, SE_DACL_PROTECTED, SE_DACL_PROTECTED))
		(void) SetFileSecurityA(path, DACL_SECURITY_INFORMATION, &descriptor);
	LocalFree(list);
}

void
castssl_platform_keep_access(const char *replaced, const char *path)
{
	PACL list = NULL;
	PSECURITY_DESCRIPTOR descriptor = NULL;

	if (GetNamedSecurityInfoA(replaced, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL,
							  &list, NULL, &descriptor) != ERROR_SUCCESS)
		return;
	(void) SetFileSecurityA(path, DACL_SECURITY_INFORMATION, descriptor);
	LocalFree(descriptor);
}

static void
append_account(StringInfo names, PSID sid)
{
	char name[256];
	char domain[256];
	DWORD name_length = sizeof(name);
	DWORD domain_length = sizeof(domain);
	SID_NAME_USE use;

	if (names->len > 0)
		appendStringInfoString(names, ", ");
	if (LookupAccountSidA(NULL, sid, name, &name_length, domain, &domain_length, &use))
		appendStringInfo(names, "%s%s%s", domain, domain[0] ? "\\" : "", name);
	else
		appendStringInfoString(names, "an account without a name");
}

static void
append_readers(StringInfo names, PACL list)
{
	for (DWORD i = 0; i < list->AceCount; i++)
	{
		ACCESS_ALLOWED_ACE *entry;
		PSID sid;

		if (!GetAce(list, i, (void **) &entry) ||
			entry->Header.AceType != ACCESS_ALLOWED_ACE_TYPE ||
			(entry->Header.AceFlags & INHERIT_ONLY_ACE) ||
			!(entry->Mask & (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL)))
			continue;
		sid = (PSID) &entry->SidStart;
		if (!IsWellKnownSid(sid, WinLocalSystemSid) &&
			!IsWellKnownSid(sid, WinBuiltinAdministratorsSid) && !is_own_account(sid))
			append_account(names, sid);
	}
}

char *
castssl_platform_other_readers(const char *path)
{
	PACL list = NULL;
	PSECURITY_DESCRIPTOR descriptor = NULL;
	StringInfoData names;

	if (GetNamedSecurityInfoA(path, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, &list,
							  NULL, &descriptor) != ERROR_SUCCESS)
		return NULL;
	initStringInfo(&names);
	if (list == NULL)
		appendStringInfoString(&names, "everyone");
	else
		append_readers(&names, list);
	LocalFree(descriptor);
	return names.len > 0 ? names.data : NULL;
}

char *
castssl_platform_account_sid(void)
{
	OwnAccount account;
	char *text;
	char *sid;

	if (!read_own_account(&account) || !ConvertSidToStringSidA(account.user.User.Sid, &text))
		return NULL;
	sid = pstrdup(text);
	LocalFree(text);
	return sid;
}

char *
castssl_platform_peer_account(pgsocket socket)
{
	return NULL;
}

#endif

#ifndef MFD_CLOEXEC

bool
castssl_platform_has_memory_files(void)
{
	return false;
}

int
castssl_platform_memory_file(void)
{
	errno = ENOSYS;
	return -1;
}

#endif

char *
castssl_platform_memory_path(int fd)
{
	return psprintf("/proc/self/fd/%d", fd);
}
