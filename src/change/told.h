/*
 * told.h
 *		What became of a change, in words.
 */
#ifndef CASTSSL_CHANGE_TOLD_H
#define CASTSSL_CHANGE_TOLD_H

#include "change/record.h"

/* "change 7 (enable by alice)".  Palloc'd. */
extern char *castssl_change_name(const CastsslChange *change);

/* "enable by alice, 2026-11-28 17:07:31.123456 UTC".  Palloc'd. */
extern char *castssl_change_title(const CastsslChange *change);

/* "was undone at 2026-11-28 17:07:31.123456 UTC: nobody confirmed it in time".  Palloc'd. */
extern char *castssl_change_told(const CastsslChange *change);

#endif
