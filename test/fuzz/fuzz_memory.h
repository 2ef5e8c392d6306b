/*
 * fuzz_memory.h
 *		palloc as a memory context: all that one input allocated is freed after it.
 *
 * Defines what libpgcommon's fe_memutils.c defines, so that it is not linked.
 * Each value is a malloc of its own, so AddressSanitizer sees its bounds.
 */
#ifndef CASTSSL_FUZZ_MEMORY_H
#define CASTSSL_FUZZ_MEMORY_H

#include "postgres_fe.h"

/* Before each value. */
typedef struct FuzzBlock
{
	struct FuzzBlock *previous;
	struct FuzzBlock *next;
} FuzzBlock;

static FuzzBlock fuzz_blocks = { &fuzz_blocks, &fuzz_blocks };

static void *
fuzz_link(FuzzBlock *block)
{
	if (block == NULL)
		abort();
	block->previous = &fuzz_blocks;
	block->next = fuzz_blocks.next;
	block->next->previous = block;
	fuzz_blocks.next = block;
	return block + 1;
}

static FuzzBlock *
fuzz_unlink(void *pointer)
{
	FuzzBlock *block = (FuzzBlock *) pointer - 1;

	block->previous->next = block->next;
	block->next->previous = block->previous;
	return block;
}

static void
fuzz_free_all(void)
{
	while (fuzz_blocks.next != &fuzz_blocks)
		free(fuzz_unlink(fuzz_blocks.next + 1));
}

void *
palloc(Size size)
{
	return fuzz_link(malloc(sizeof(FuzzBlock) + size));
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
palloc_extended(Size size, int flags)
{
	return palloc0(size);
}

void *
repalloc(void *pointer, Size size)
{
	return fuzz_link(realloc(fuzz_unlink(pointer), sizeof(FuzzBlock) + size));
}

void
pfree(void *pointer)
{
	free(fuzz_unlink(pointer));
}

char *
pnstrdup(const char *in, Size size)
{
	char *copy;

	size = strnlen(in, size);
	copy = palloc(size + 1);
	memcpy(copy, in, size);
	copy[size] = '\0';
	return copy;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

void *
pg_malloc(size_t size)
{
	return palloc(size);
}

void *
pg_malloc0(size_t size)
{
	return palloc0(size);
}

void *
pg_malloc_extended(size_t size, int flags)
{
	return palloc0(size);
}

void *
pg_realloc(void *pointer, size_t size)
{
	return pointer ? repalloc(pointer, size) : palloc(size);
}

char *
pg_strdup(const char *in)
{
	return pstrdup(in);
}

void
pg_free(void *pointer)
{
	if (pointer)
		pfree(pointer);
}

#endif
