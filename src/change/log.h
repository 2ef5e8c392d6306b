/*
 * log.h
 *		Lines in the server's log: what happens to a change.
 *
 * That somebody applied, confirmed or postponed a change is logged after the transaction has
 * committed, not before.
 */
#ifndef CASTSSL_CHANGE_LOG_H
#define CASTSSL_CHANGE_LOG_H

#include "change/pending.h"
#include "change/record.h"

/* The line for what a transaction does to the change.  Palloc'd. */
extern char *castssl_log_line(const CastsslChange *change, const CastsslPending *item);

/* Write such a line.  Only ereport allocates memory: the transaction has already committed. */
extern void castssl_log_write(const char *line);

/*
 * Report that the change was undone, with change->reason. problem: why the server may not have
 * loaded the restored files yet; NULL: it has. elevel: LOG, or WARNING to tell the client too.
 */
extern void castssl_log_undone(const CastsslChange *change, const char *problem, int elevel);

/* Report that the change should have been undone, but was left as it is. */
extern void castssl_log_left_alone(const CastsslChange *change, const char *reason, int elevel);

#endif
