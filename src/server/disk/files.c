/*
 * files.c
 *		Files of this server: reads them, and replaces them durably.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "base/compat.h"
#include "base/fault.h"
#include "server/disk/files.h"
#include "server/disk/folder.h"
#include "server/disk/modes.h"
#include "server/disk/paths.h"
#include "server/disk/reading.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"
#include "server/process/raise.h"
#include "tls/openssl.h"

/* Beside the file that it will replace.  There is only one such name, so recovery finds it. */
#define TEMPORARY_SUFFIX ".castssl.tmp"

int
castssl_file_open_following(const char *path, bool guarded)
{
	const CastsslFolder *folder;
	const char *name;
	char *real;

	if (!guarded)
		return open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | PG_BINARY, 0);
	real = castssl_platform_real_path_guarded(path);
	folder = real ? castssl_folder_find_of(real, &name) : NULL;
	return folder ? castssl_platform_open_in(folder, name, O_RDONLY, 0) : -1;
}

char *
castssl_file_read_open(int fd, size_t limit, size_t *length, struct stat *st, int *error)
{
	char *data = NULL;
	size_t done = 0;
	size_t room;

	/* Raise no error while fd is open. */
	*error = 0;
	if (fstat(fd, st) < 0)
		*error = errno; /* LCOV_EXCL_LINE: fails only for a file that is not open */
	else if (S_ISDIR(st->st_mode))
		*error = EISDIR;
	else if (!S_ISREG(st->st_mode))
		*error = EINVAL;
	else if (st->st_size > limit)
		*error = EFBIG;
	else
	{
		/*
		 * One byte more than the file has, to notice that it grows, and one for the NUL
		 * at the end.
		 */
		room = (size_t) st->st_size + 1;
		data = palloc_extended(room + 1, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
		if (data == NULL)
			*error = ENOMEM; /* LCOV_EXCL_LINE */
		while (data != NULL && done < room)
		{
			ssize_t n = read(fd, data + done, room - done);

			if (n < 0 && errno == EINTR)
				continue; /* LCOV_EXCL_LINE: no interrupts on disks */
			if (n < 0)
				*error = errno; /* LCOV_EXCL_LINE: a disk that fails */
			if (n <= 0)
				break;
			done += n;
		}
		if (*error == 0 && done != st->st_size)
			*error = EAGAIN; /* LCOV_EXCL_LINE: possible only within microseconds */
	}
	close(fd);
	if (*error != 0)
		return NULL;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a regular file was read */
	data[done] = '\0';
	*length = done;
	return data;
}

/* Read from the disk, like castssl_file_read_if_exists. */
static char *
read_from_disk(const char *path, size_t limit, size_t *length, struct stat *st)
{
	const char *name;
	const CastsslFolder *folder = castssl_folder_find_of(path, &name);
	int fd = folder ? castssl_platform_open_in(folder, name, O_RDONLY, 0) : -1;
	char *data;
	int error;

	if (fd < 0)
	{
		if (errno == ENOENT)
			return NULL;
		castssl_file_raise_open(path, errno);
	}
	data = castssl_file_read_open(fd, limit, length, st, &error);
	if (error == EISDIR || error == EINVAL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("\"%s\" is not a regular file", path),
				 errdetail("It is a directory, a FIFO, a device or a socket."),
				 errhint("Name the file itself.")));
	if (error == EFBIG)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("file \"%s\" is too large", path),
				 errdetail("It has %lld bytes; at most %zu are read.", (long long) st->st_size,
						   limit)));
	/* LCOV_EXCL_START: as above */
	if (error == EAGAIN)
		ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
						errmsg("file \"%s\" changed while it was being read", path),
						errdetail("Its size was %lld bytes.", (long long) st->st_size)));
	if (error != 0)
	{
		errno = error;
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path)));
	}
	/* LCOV_EXCL_STOP */
	return data;
}

char *
castssl_file_read_if_exists(const char *path, size_t limit, size_t *length, struct stat *st)
{
	const CastsslReading *reading = castssl_reading_find(path);
	struct stat now;
	char *data;

	if (reading && reading->length <= limit)
	{
		if (st && reading->data)
			*st = reading->st;
		return castssl_reading_copy(reading, length);
	}
	data = read_from_disk(path, limit, length, &now);
	castssl_reading_keep(path, data, data ? *length : 0, &now);
	if (st && data)
		*st = now;
	return data;
}

char *
castssl_file_read(const char *path, size_t limit, size_t *length, struct stat *st)
{
	char *data = castssl_file_read_if_exists(path, limit, length, st);

	if (data == NULL)
		castssl_file_raise_open(path, ENOENT);
	return data;
}

bool
castssl_file_folder_is_replaced(const char *path)
{
	const char *name;

	return castssl_folder_find_of(path, &name) == NULL && (errno == ELOOP || errno == ENOTDIR);
}

bool
castssl_file_is_replaced(const char *path)
{
	const char *name;
	const CastsslFolder *folder;
	struct stat st;

	if (castssl_file_folder_is_replaced(path))
		return true;
	folder = castssl_folder_find_of(path, &name);
	return folder && castssl_platform_stat_in(folder, name, &st) == 0 &&
		   (!S_ISREG(st.st_mode) || st.st_size > CASTSSL_HBA_LIMIT);
}

bool
castssl_file_holds_key(const char *data, size_t length)
{
	static const char mark[] = "PRIVATE KEY-----";
	const char *end = data + length;

	for (const char *at = data; (at = memchr(at, 'P', end - at)) != NULL; at++)
	{
		if (end - at >= (ptrdiff_t) strlen(mark) && memcmp(at, mark, strlen(mark)) == 0)
			return true;
	}
	return false;
}

int
castssl_errcode_for_write(void)
{
	switch (errno)
	{
		case ENOSPC:
		case EFBIG:
#ifdef EDQUOT
		case EDQUOT:
#endif
			return errcode(ERRCODE_DISK_FULL);
		case EBUSY: /* a mount point */
			return errcode(ERRCODE_OBJECT_IN_USE);
		default:
			return errcode_for_file_access();
	}
}

static void
write_bytes(int fd, const char *path, const char *data, size_t length)
{
	while (length > 0)
	{
		ssize_t n;

		errno = 0;
		n = CASTSSL_FAULT_CALL("file write", write(fd, data, length));
		if (n < 0 && errno == EINTR)
			continue; /* LCOV_EXCL_LINE: no interrupts on disks */
		if (n <= 0)
		{
			if (errno == 0)
				errno = ENOSPC; /* LCOV_EXCL_LINE: as everywhere in PostgreSQL */
			ereport(ERROR,
					(castssl_errcode_for_write(), errmsg("could not write file \"%s\": %m", path)));
		}
		data += n;
		length -= n;
	}
	CASTSSL_FAULT("file written");
}

static void
sync_open_file(int fd, const char *path)
{
	if (CASTSSL_FAULT_CALL("file sync", castssl_platform_sync(fd)) != 0)
		ereport(ERROR,
				(castssl_errcode_for_write(), errmsg("could not fsync file \"%s\": %m", path)));
	CASTSSL_FAULT("file synced");
}

/* A new file, and what is done to it while it is open. */
typedef struct NewFile
{
	const char *path;
	const char *data;
	size_t length;
	mode_t created;           /* its mode at creation */
	mode_t mode;              /* its final mode */
	const struct stat *owner; /* NULL: the server's account */
	const char *replaced;     /* whose access rights it gets (Windows); NULL: it is private */
	bool sync;
} NewFile;

static int
create_file(const NewFile *file)
{
	const char *name;
	const CastsslFolder *folder = castssl_folder_of(file->path, &name);
	int fd;

	castssl_reading_forget(file->path);
	fd = CASTSSL_FAULT_CALL(
		"file create",
		castssl_platform_open_in(folder, name, O_WRONLY | O_CREAT | O_EXCL, file->created));
	if (fd < 0)
		ereport(ERROR, (castssl_errcode_for_write(),
						errmsg("could not create file \"%s\": %m", file->path)));
	return fd;
}

pg_noreturn static void
raise_owner_error(const char *path, const struct stat *owner, int error)
{
	size_t length = strlen(path);
	size_t suffix = strlen(TEMPORARY_SUFFIX);

	if (length > suffix && strcmp(path + length - suffix, TEMPORARY_SUFFIX) == 0)
		path = pnstrdup(path, length - suffix);
	errno = error;
	ereport(ERROR, (castssl_errcode_for_write(),
					errmsg("could not keep the owner of file \"%s\": %m", path),
					errdetail("It is owned by %s, group ID %d.",
							  castssl_account_name(owner->st_uid), (int) owner->st_gid),
					castssl_hint_for_path(path, psprintf("Run as root: chown %s:%d %%s",
														 castssl_account_word(),
														 castssl_account_group_id()))));
	pg_unreachable();
}

void
castssl_file_check_owner_stays(const char *path, const struct stat *owner)
{
	if (castssl_file_is_of_another(owner) || !castssl_account_may_give_group(owner->st_gid))
		raise_owner_error(path, owner, EPERM);
}

/* Give the open file the owner of the file that it replaces. */
static void
set_owner(int fd, const char *path, const struct stat *owner)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_uid == owner->st_uid && st.st_gid == owner->st_gid)
		return;
	if (CASTSSL_FAULT_CALL("file chown",
						   castssl_platform_set_owner(fd, owner->st_uid, owner->st_gid)) < 0)
		raise_owner_error(path, owner, errno);
	CASTSSL_FAULT("file chowned");
}

static void
set_mode(int fd, const char *path, mode_t mode)
{
	if (CASTSSL_FAULT_CALL("file chmod", castssl_platform_set_mode(fd, mode)) < 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not set permissions of file \"%s\": %m", path)));
	CASTSSL_FAULT("file chmodded");
}

static void
write_file(const NewFile *file)
{
	int fd = create_file(file);

	PG_TRY();
	{
		CASTSSL_FAULT("file created");
		if (file->replaced)
			castssl_platform_keep_access(file->replaced, file->path);
		else
			castssl_platform_keep_private(file->path);
		write_bytes(fd, file->path, file->data, file->length);
		if (file->owner)
			set_owner(fd, file->path, file->owner);
		if (file->mode != file->created)
			set_mode(fd, file->path, file->mode);
		if (file->sync)
			sync_open_file(fd, file->path);
	}
	PG_FINALLY();
	{
		close(fd); /* the sync has reported every failure that matters */
	}
	PG_END_TRY();
}

/* LCOV_EXCL_START: for scratch files, which are in memory on Linux */
void
castssl_file_write(const char *path, const char *data, size_t length, int mode)
{
	write_file(
		&(NewFile){ .path = path, .data = data, .length = length, .created = mode, .mode = mode });
}
/* LCOV_EXCL_STOP */

void
castssl_file_create(const char *path, const char *data, size_t length, int mode)
{
	write_file(&(NewFile){ .path = path,
						   .data = data,
						   .length = length,
						   .created = mode,
						   .mode = mode,
						   .sync = true });
}

void
castssl_file_mark(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | PG_BINARY, pg_file_create_mode);

	if (fd >= 0)
		close(fd);
}

/*
 * Not durable_rename: it opens the replaced file for writing, which fails for a key of
 * mode 0400, and it syncs that file, which is useless here.
 */
static void
rename_unsynced(const char *from, const char *to)
{
	const char *old_name;
	const char *new_name;
	const CastsslFolder *folder = castssl_folder_of(from, &old_name);
	const CastsslFolder *other = castssl_folder_of(to, &new_name);

	castssl_reading_forget(from);
	castssl_reading_forget(to);
	if (CASTSSL_FAULT_CALL("rename",
						   castssl_platform_rename_in(folder, old_name, other, new_name)) < 0)
		castssl_file_raise_rename(from, to);
	CASTSSL_FAULT("renamed");
}

void
castssl_file_raise_rename(const char *from, const char *to)
{
	bool mounted = (errno == EBUSY);

	ereport(ERROR, (castssl_errcode_for_write(),
					errmsg("could not rename file \"%s\" to \"%s\": %m", from, to),
					mounted ? errdetail("It is a mount point, or in use.") : 0,
					mounted ? errhint("Mount the folder that holds the file, not the file.") : 0));
	pg_unreachable();
}

void
castssl_file_rename(const char *from, const char *to)
{
	castssl_reading_forget(NULL); /* the path may be a directory */
	rename_unsynced(from, to);
	castssl_directory_sync(castssl_path_folder(to));
}

char *
castssl_file_temporary(const char *path)
{
	return psprintf("%s%s", path, TEMPORARY_SUFFIX);
}

/* Remove a file; false, with errno set, on failure. */
static bool
remove_unsynced(const char *path)
{
	const char *name;
	const CastsslFolder *folder = castssl_folder_find_of(path, &name);

	castssl_reading_forget(path);
	return folder && castssl_platform_unlink_in(folder, name) == 0;
}

void
castssl_file_prepare(const char *path, const char *data, size_t length, mode_t mode,
					 const struct stat *owner)
{
	char *temporary = castssl_file_temporary(path);

	if (!remove_unsynced(temporary) && errno != ENOENT)
		ereport(ERROR, (castssl_errcode_for_write(),
						errmsg("could not remove file \"%s\": %m", temporary)));
	PG_TRY();
	{
		/* Never wider than the final mode, whatever the umask: start narrow. */
		write_file(&(NewFile){ .path = temporary,
							   .data = data,
							   .length = length,
							   .created = 0600,
							   .mode = mode,
							   .owner = owner,
							   .replaced = mode == 0600 ? NULL : path,
							   .sync = true });
	}
	PG_CATCH();
	{
		(void) remove_unsynced(temporary);
		PG_RE_THROW();
	}
	PG_END_TRY();
	pfree(temporary);
}

void
castssl_file_replace(const char *path, const char *data, size_t length, mode_t mode,
					 const struct stat *owner)
{
	char *temporary = castssl_file_temporary(path);

	castssl_file_prepare(path, data, length, mode, owner);
	PG_TRY();
	{
		rename_unsynced(temporary, path);
	}
	PG_CATCH();
	{
		(void) remove_unsynced(temporary);
		PG_RE_THROW();
	}
	PG_END_TRY();
	castssl_directory_sync(castssl_path_folder(path));
}

void
castssl_file_set_mode(const char *path, mode_t mode)
{
	const char *name;
	const CastsslFolder *folder = castssl_folder_of(path, &name);
	int fd = castssl_platform_open_in(folder, name, O_RDONLY, 0);

	castssl_reading_forget(path);
	if (fd < 0)
		castssl_file_raise_open(path, errno);
	PG_TRY();
	{
		if (CASTSSL_FAULT_CALL("chmod", castssl_platform_set_mode(fd, mode)) < 0)
			ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
							errmsg("could not set permissions of file \"%s\": %m", path),
							castssl_hint_for_path(path, psprintf("Run as root: chmod %04o %%s",
																 (unsigned) (mode & 07777)))));
		CASTSSL_FAULT("chmodded");
		sync_open_file(fd, path);
	}
	PG_FINALLY();
	{
		close(fd);
	}
	PG_END_TRY();
}

void
castssl_file_remove(const char *path)
{
	if (CASTSSL_FAULT_CALL("unlink", remove_unsynced(path) ? 0 : -1) == 0)
	{
		CASTSSL_FAULT("unlinked");
		castssl_directory_sync(castssl_path_folder(path));
		return;
	}
	if (errno != ENOENT)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not remove file \"%s\": %m", path)));
}

void
castssl_file_remove_leftover(const char *path)
{
	castssl_file_remove(castssl_file_temporary(path));
}

void
castssl_directory_sync(const char *directory)
{
	const CastsslFolder *folder;

	CASTSSL_FAULT("sync");
	folder = castssl_folder_open(directory);
	/* Not fsync_fname: its error would be a PANIC. */
	if (CASTSSL_FAULT_CALL("sync call", castssl_platform_folder_sync(folder)) != 0)
		ereport(ERROR,
				(castssl_errcode_for_write(), errmsg("could not fsync \"%s\": %m", directory)));
	CASTSSL_FAULT("synced");
}

char *
castssl_file_hash(const char *data, size_t length)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_length;

	if (EVP_Digest(data, length, digest, &digest_length, EVP_sha256(), NULL) != 1)
		/* LCOV_EXCL_START: only out of memory */
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-256 hash")));
	/* LCOV_EXCL_STOP */
	return castssl_lower_hex(digest, digest_length);
}
