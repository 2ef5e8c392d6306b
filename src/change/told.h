/*
 * told.h
 *		The state of a change, in words.
 */
#ifndef CASTSSL_CHANGE_TOLD_H
#define CASTSSL_CHANGE_TOLD_H

#include "change/record.h"

/*
 * The name of a role in a line of text: in double quotes if it could be read as something else,
 * control characters as \HH.  Palloc'd.
 */
extern char *castssl_role_told(const char *name);

/* "change 7 (enable by alice)".  Palloc'd. */
extern char *castssl_change_name(const CastsslChange *change);

/* "enable by alice, 17:07:31 UTC".  Palloc'd. */
extern char *castssl_change_title(const CastsslChange *change);

/* "was undone at 17:07:31 UTC: nobody confirmed it in time".  Palloc'd. */
extern char *castssl_change_told(const CastsslChange *change);

/* A sentence about the last change, if none waits.  last NULL: there was none.  Palloc'd. */
extern char *castssl_change_last_told(const CastsslChange *last);

#endif
