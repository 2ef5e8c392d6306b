/*
 * arena.h
 *		Many small values in few allocations.
 *
 * A large policy has about a million strings and tokens.  If each were palloc'd, the
 * headers would take more memory than the values.
 */
#ifndef CASTSSL_BASE_ARENA_H
#define CASTSSL_BASE_ARENA_H

/*
 * Zero-initialize.  Chunks belong to the memory context that is current when they are
 * made.  Nothing frees them separately.
 */
typedef struct CastsslArena
{
	char *next;
	size_t left;
	size_t chunk_size;
} CastsslArena;

/* Memory of that many bytes, aligned for any type, not initialized. */
extern void *castssl_arena_alloc(CastsslArena *arena, size_t size);

/* A copy of the string. */
extern char *castssl_arena_string(CastsslArena *arena, const char *string);

#endif
