/*
 * arena.c
 *		Many small values in few allocations.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/arena.h"

#define FIRST_CHUNK ((size_t) 4 * 1024)
#define LARGEST_CHUNK ((size_t) 1024 * 1024)

static char *
take(CastsslArena *arena, size_t size)
{
	char *result;

	if (size > arena->left)
	{
		/* a large value gets a chunk of its own, and the current chunk stays in use */
		if (size > arena->chunk_size / 4 && arena->chunk_size > 0)
			return palloc(size);
		arena->chunk_size =
			arena->chunk_size == 0 ? FIRST_CHUNK : Min(arena->chunk_size * 2, LARGEST_CHUNK);
		if (size > arena->chunk_size / 4)
			return palloc(size);
		arena->next = palloc(arena->chunk_size);
		arena->left = arena->chunk_size;
	}
	result = arena->next;
	arena->next += size;
	arena->left -= size;
	return result;
}

void *
castssl_arena_alloc(CastsslArena *arena, size_t size)
{
	size_t skip = (size_t) ((char *) MAXALIGN(arena->next) - arena->next);

	/* a new chunk is aligned anyway */
	if (arena->left >= skip + MAXALIGN(size))
	{
		arena->next += skip;
		arena->left -= skip;
	}
	else
		arena->left = 0;
	return take(arena, MAXALIGN(size));
}

char *
castssl_arena_string(CastsslArena *arena, const char *string)
{
	size_t size = strlen(string) + 1;

	return memcpy(take(arena, size), string, size);
}
