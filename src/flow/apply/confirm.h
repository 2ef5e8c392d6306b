/*
 * confirm.h
 *		Keeping a change that waits, or giving it more time.
 */
#ifndef CASTSSL_FLOW_APPLY_CONFIRM_H
#define CASTSSL_FLOW_APPLY_CONFIRM_H

#include "datatype/timestamp.h"

/* 55000 (castssl_not_committed) if the newest change is one of an open transaction. */
extern void castssl_confirm_check_committed(void);

/*
 * Keep the unconfirmed change (0: the only one) for good, when this transaction commits.
 * 55000 if there is none; also if nothing shows that clients can come in as the change wants
 * them to (flow/ask/arrival.h), unless force.  Returns its id.
 */
extern int64 castssl_confirm_change(int64 change_id, bool force);

/*
 * Set the deadline of the unconfirmed change to that many milliseconds from now, when this
 * transaction commits, and return it.
 */
extern TimestampTz castssl_confirm_postpone(int64 milliseconds);

#endif
