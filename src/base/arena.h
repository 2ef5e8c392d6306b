/*
 * arena.h
 *		Many small values in few allocations.
 *
 * A policy of 100,000 rules has about a million strings and tokens; palloc'd
 * one by one their headers would weigh more than they do.
 */
#ifndef CASTSSL_BASE_ARENA_H
#define CASTSSL_BASE_ARENA_H

/* Zero-initialize.  Chunks belong to the memory context current at the time; nothing frees them. */
typedef struct CastsslArena
{
	char *next;
	size_t left;
	size_t chunk_size;
} CastsslArena;

/* Aligned for any value. */
extern void *castssl_arena_alloc(CastsslArena *arena, size_t size);

extern char *castssl_arena_string(CastsslArena *arena, const char *string);

#endif
