/*
 * interval.c
 *		Sets of addresses that have certain bits in common.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#include "hba/text/interval.h"

/* From network byte order. */
static void
read_bytes(const uint8 *bytes, int family, uint64 *words)
{
	words[0] = words[1] = 0;
	memcpy(words, bytes, family == 4 ? 4 : 16);
	words[0] = pg_ntoh64(words[0]);
	words[1] = pg_ntoh64(words[1]);
}

static void
write_bytes(const uint64 *words, uint8 *bytes)
{
	uint64 ordered[2] = { pg_hton64(words[0]), pg_hton64(words[1]) };

	memcpy(bytes, ordered, 16);
}

CastsslInterval
castssl_interval_of(const CastsslHbaAddress *address)
{
	CastsslInterval interval = { 0 };

	if (address->kind != CASTSSL_HBA_ADDRESS_MASK)
		return interval;
	interval.family = address->family;
	read_bytes(address->address, address->family, interval.bits);
	read_bytes(address->mask, address->family, interval.mask);
	interval.bits[0] &= interval.mask[0];
	interval.bits[1] &= interval.mask[1];
	return interval;
}

CastsslHbaAddress
castssl_interval_address(const CastsslInterval *interval)
{
	CastsslHbaAddress address = { .family = interval->family };

	address.kind = interval->family == 0 ? CASTSSL_HBA_ADDRESS_ALL : CASTSSL_HBA_ADDRESS_MASK;
	write_bytes(interval->bits, address.address);
	write_bytes(interval->mask, address.mask);
	return address;
}

/* The leading one bits of the mask, before its first zero bit. */
static uint64
leading(uint64 mask)
{
	return mask == PG_UINT64_MAX ? mask : ~(PG_UINT64_MAX >> (63 - pg_leftmost_one_pos64(~mask)));
}

CastsslInterval
castssl_interval_block(const CastsslInterval *interval)
{
	CastsslInterval block = *interval;

	block.mask[0] = leading(interval->mask[0]);
	block.mask[1] = block.mask[0] == PG_UINT64_MAX ? leading(interval->mask[1]) : 0;
	block.bits[0] &= block.mask[0];
	block.bits[1] &= block.mask[1];
	return block;
}

int
castssl_interval_compare(const CastsslInterval *a, const CastsslInterval *b)
{
	if (a->family != b->family)
		return (int) a->family - (int) b->family;
	for (int i = 0; i < 2; i++)
		if (a->bits[i] != b->bits[i])
			return a->bits[i] < b->bits[i] ? -1 : 1;
	for (int i = 0; i < 2; i++)
		if (a->mask[i] != b->mask[i])
			return a->mask[i] < b->mask[i] ? -1 : 1;
	return 0;
}
