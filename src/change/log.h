/*
 * log.h
 *		What becomes of a change: one line for each event in the server's log.
 *
 * Who applied, confirmed or postponed it is told when that transaction has committed, and not
 * before.
 */
#ifndef CASTSSL_CHANGE_LOG_H
#define CASTSSL_CHANGE_LOG_H

#include "change/pending.h"
#include "change/record.h"

/* The line for what a transaction does to the change, when it is about to commit.  Palloc'd. */
extern char *castssl_log_line(const CastsslChange *change, const CastsslPending *item);

/* Write such a line.  Allocates nothing but what ereport does: the transaction has committed. */
extern void castssl_log_write(const char *line);

/*
 * The change was undone, for its reason.  problem: why the server may not have loaded that yet;
 * NULL: it has.  elevel: LOG, or WARNING for who should know.
 */
extern void castssl_log_undone(const CastsslChange *change, const char *problem, int elevel);

/* The change was to be undone, and was left as it is. */
extern void castssl_log_left_alone(const CastsslChange *change, const char *reason, int elevel);

#endif
