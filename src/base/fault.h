/*
 * fault.h
 *		Points at which a test can make this fail.
 *
 * Only with -DCASTSSL_FAULTS; otherwise a point is nothing at all.  The parameter
 * castssl.fault is a comma-separated list of <which>:<kind>.  <which> is the
 * running number of the point since CASTSSL_FAULT_BEGIN (from 1), or its name
 * (the first time that it is passed).  <kind>: error raises an error, or has the
 * system call fail with EIO; kill ends this process with SIGKILL; crash ends the
 * postmaster and this process so; full makes this point and all after it fail as
 * on a full disk.  The value 'count' instead logs each point that is passed.
 */
#ifndef CASTSSL_BASE_FAULT_H
#define CASTSSL_BASE_FAULT_H

#ifdef CASTSSL_FAULTS

#define CASTSSL_FAULT(name) castssl_fault_point(name)
/* A system call that is a point: -1 and errno where it is to fail. */
#define CASTSSL_FAULT_CALL(name, call) (castssl_fault_fails(name) ? -1 : (call))
#define CASTSSL_FAULT_BEGIN() castssl_fault_begin()

extern void castssl_fault_point(const char *name);
extern bool castssl_fault_fails(const char *name);

/* Count from 1 again: a call begins. */
extern void castssl_fault_begin(void);

/* Define castssl.fault. */
extern void castssl_fault_define(void);

#else

#define CASTSSL_FAULT(name) ((void) 0)
#define CASTSSL_FAULT_CALL(name, call) (call)
#define CASTSSL_FAULT_BEGIN() ((void) 0)
#define castssl_fault_define() ((void) 0)

#endif

#endif
