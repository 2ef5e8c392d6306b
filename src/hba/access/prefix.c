/*
 * prefix.c
 *		Blocks of IP addresses: CIDR prefixes over IPv4 and IPv6 together.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <arpa/inet.h>
#include <sys/socket.h>

#include "lib/stringinfo.h"
#include "port/pg_bitutils.h"

#include "hba/access/prefix.h"

/* A mask with more holes than this (2^10 blocks) is not taken apart. */
#define MAX_HOLES 10

static uint64
read_word(const uint8 *bytes)
{
	uint64 word = 0;

	for (int i = 0; i < 8; i++)
		word = word << 8 | bytes[i];
	return word;
}

static void
write_word(uint8 *bytes, uint64 word)
{
	for (int i = 7; i >= 0; i--, word >>= 8)
		bytes[i] = (uint8) word;
}

CastsslPrefix
castssl_prefix_make(uint8 family, const uint8 *address, int bits)
{
	uint8 bytes[16] = { 0 };
	CastsslPrefix prefix = { 0 };

	memcpy(bytes, address, family == 4 ? 4 : 16);
	prefix.high = read_word(bytes);
	prefix.low = read_word(bytes + 8);
	prefix.six = family == 6;
	prefix.length = 129;
	return castssl_prefix_truncate(prefix, bits + 1);
}

CastsslPrefix
castssl_prefix_truncate(CastsslPrefix prefix, int length)
{
	if (length < prefix.length)
	{
		int bits = length - 1;

		prefix.length = (uint8) length;
		if (length == 0)
			prefix.six = false;
		if (bits <= 0)
			prefix.high = 0;
		else if (bits < 64)
			prefix.high &= ~UINT64CONST(0) << (64 - bits);
		if (bits <= 64)
			prefix.low = 0;
		else if (bits < 128)
			prefix.low &= ~UINT64CONST(0) << (128 - bits);
	}
	return prefix;
}

/* The half of a prefix where the next bit is so. */
CastsslPrefix
castssl_prefix_child(CastsslPrefix prefix, int bit)
{
	if (prefix.length == 0)
		prefix.six = bit != 0;
	else if (bit != 0 && prefix.length <= 64)
		prefix.high |= UINT64CONST(1) << (64 - prefix.length);
	else if (bit != 0)
		prefix.low |= UINT64CONST(1) << (128 - prefix.length);
	prefix.length++;
	return prefix;
}

int
castssl_prefix_common(const CastsslPrefix *a, const CastsslPrefix *b)
{
	int shorter = Min(a->length, b->length);
	int common;

	if (shorter == 0 || a->six != b->six)
		return 0;
	if (a->high != b->high)
		common = 1 + 63 - pg_leftmost_one_pos64(a->high ^ b->high);
	else if (a->low != b->low)
		common = 65 + 63 - pg_leftmost_one_pos64(a->low ^ b->low);
	else
		common = shorter;
	return Min(common, shorter);
}

int
castssl_prefix_bit(const CastsslPrefix *prefix, int position)
{
	if (position == 0)
		return prefix->six ? 1 : 0;
	if (position <= 64)
		return (prefix->high >> (64 - position)) & 1;
	return (prefix->low >> (128 - position)) & 1;
}

bool
castssl_prefix_contains(const CastsslPrefix *outer, const CastsslPrefix *inner)
{
	return outer->length <= inner->length && castssl_prefix_common(outer, inner) == outer->length;
}

void
castssl_prefixes_add(CastsslPrefixes *prefixes, CastsslPrefix prefix)
{
	if (prefixes->count == prefixes->capacity)
	{
		int capacity = Max(4, prefixes->capacity * 2);

		if (prefixes->items == NULL)
			prefixes->items = palloc(capacity * sizeof(CastsslPrefix));
		else
			prefixes->items = repalloc(prefixes->items, capacity * sizeof(CastsslPrefix));
		prefixes->capacity = capacity;
	}
	prefixes->items[prefixes->count++] = prefix;
}

bool
castssl_prefixes_add_address(CastsslPrefixes *prefixes, const CastsslHbaAddress *address)
{
	int width = address->family == 4 ? 32 : 128;
	int bits = width;
	int holes[MAX_HOLES];
	int nholes = 0;
	CastsslPrefix prefix = { 0 };

	if (address->kind == CASTSSL_HBA_ADDRESS_ALL)
	{
		castssl_prefixes_add(prefixes, prefix);
		return true;
	}
#define MASK_BIT(i) (address->mask[(i) / 8] >> (7 - (i) % 8) & 1)
	while (bits > 0 && !MASK_BIT(bits - 1))
		bits--;
	for (int i = 0; i < bits; i++)
	{
		/* most masks are whole bytes without a hole */
		if (i % 8 == 0 && address->mask[i / 8] == 0xff)
			i += 7;
		if (MASK_BIT(i))
			continue;
		if (nholes == MAX_HOLES)
			return false;
		holes[nholes++] = i;
	}
#undef MASK_BIT

	/* every way to fill the holes; the host bits of the address do not count */
	for (int fill = 0; fill < 1 << nholes; fill++)
	{
		uint8 bytes[16] = { 0 };

		for (int i = 0; i < width / 8; i++)
			bytes[i] = address->address[i] & address->mask[i];
		for (int i = 0; i < nholes; i++)
			if (fill >> (nholes - 1 - i) & 1)
				bytes[holes[i] / 8] |= 1 << (7 - holes[i] % 8);
		castssl_prefixes_add(prefixes, castssl_prefix_make(address->family, bytes, bits));
	}
	return true;
}

void
castssl_prefixes_intersect(const CastsslPrefix *a, int na, const CastsslPrefix *b, int nb,
						   CastsslPrefixes *result)
{
	for (int i = 0; i < na; i++)
		for (int j = 0; j < nb; j++)
		{
			if (castssl_prefix_contains(&a[i], &b[j]))
				castssl_prefixes_add(result, b[j]);
			else if (castssl_prefix_contains(&b[j], &a[i]))
				castssl_prefixes_add(result, a[i]);
		}
}

int
castssl_prefix_compare(const CastsslPrefix *a, const CastsslPrefix *b)
{
	if (a->six != b->six)
		return a->six ? 1 : -1;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return a->length - b->length;
}

static int
compare_prefixes(const void *left, const void *right)
{
	return castssl_prefix_compare(left, right);
}

void
castssl_prefixes_join(CastsslPrefixes *prefixes)
{
	CastsslPrefix *items = prefixes->items;
	int count = 0;

	if (prefixes->count < 2)
		return;
	qsort(items, prefixes->count, sizeof(CastsslPrefix), compare_prefixes);
	for (int i = 0; i < prefixes->count; i++)
	{
		if (count > 0 && castssl_prefix_contains(&items[count - 1], &items[i]))
			continue;
		items[count++] = items[i];
		/* two halves make a whole, which may be a half itself */
		while (count > 1 && items[count - 2].length == items[count - 1].length &&
			   castssl_prefix_common(&items[count - 2], &items[count - 1]) ==
				   items[count - 1].length - 1)
		{
			count--;
			items[count - 1] =
				castssl_prefix_truncate(items[count - 1], items[count - 1].length - 1);
		}
	}
	prefixes->count = count;
}

char *
castssl_prefixes_text(const CastsslPrefixes *prefixes)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < prefixes->count; i++)
	{
		const CastsslPrefix *prefix = &prefixes->items[i];
		uint8 bytes[16];
		char address[64];

		if (i > 0)
			appendStringInfoString(&text, ", ");
		if (prefix->length == 0)
		{
			appendStringInfoString(&text, "all");
			continue;
		}
		write_word(bytes, prefix->high);
		write_word(bytes + 8, prefix->low);
		inet_ntop(prefix->six ? AF_INET6 : AF_INET, bytes, address, sizeof(address));
		appendStringInfo(&text, "%s/%d", address, prefix->length - 1);
	}
	return text.data;
}

void
castssl_prefix_example(const CastsslPrefix *prefix, int attempt, uint8 *family, uint8 *address)
{
	static const uint8 documentation4[4] = { 192, 0, 2, 1 };
	static const uint8 documentation6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 1 };
	CastsslPrefix four = castssl_prefix_make(4, documentation4, 32);
	CastsslPrefix six = castssl_prefix_make(6, documentation6, 128);
	CastsslPrefix example = *prefix;

	if (attempt == 0 && castssl_prefix_contains(prefix, &four))
		example = four;
	else if (attempt == 0 && castssl_prefix_contains(prefix, &six))
		example = six;
	else
	{
		/* spread the bits of attempt below the prefix, the first of them highest; end in 1 */
		while (example.length < (example.six ? 129 : 33))
		{
			int bit = attempt & 1;

			attempt >>= 1;
			if (attempt == 0 && bit == 0 && example.length == (example.six ? 128 : 32))
				bit = 1;
			example = castssl_prefix_child(example, bit);
		}
	}
	*family = example.six ? 6 : 4;
	memset(address, 0, 16);
	write_word(address, example.high);
	if (example.six)
		write_word(address + 8, example.low);
	else
		memset(address + 4, 0, 12);
}
