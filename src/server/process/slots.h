/*
 * slots.h
 *		Slots for background workers, of which the server has max_worker_processes.
 */
#ifndef CASTSSL_SERVER_PROCESS_SLOTS_H
#define CASTSSL_SERVER_PROCESS_SLOTS_H

/* Can one more background worker start now? */
extern bool castssl_slot_is_free(void);

/* How many slots would be enough, and leave some for others. */
extern int castssl_slots_wanted(void);

#endif
