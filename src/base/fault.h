/*
 * fault.h
 *		Points at which a test can make the extension fail.
 *
 * Exists only with -DCASTSSL_FAULTS; otherwise a point compiles to nothing.  The
 * parameter castssl.fault is a comma-separated list of <which>:<kind>. <which> is the
 * number of the point since CASTSSL_FAULT_BEGIN (from 1), or its name.  A name means the
 * first pass; after a failure no name counts any more.
 *
 * <kind> is one of these:
 * - error: raises an error, or makes the system call fail with EIO.
 * - gone, emfile, nosys: the same with ENOENT, EMFILE and ENOSYS.
 * - kill: ends this process with SIGKILL.
 * - crash: ends the postmaster and this process with SIGKILL.
 * - stop: stops this process with SIGSTOP.  SIGCONT continues it, and nothing fails.
 * - full: this point and all later ones fail as on a full disk.
 *
 * The value 'count' instead logs each point that is passed.
 */
#ifndef CASTSSL_BASE_FAULT_H
#define CASTSSL_BASE_FAULT_H

#ifdef CASTSSL_FAULTS

#define CASTSSL_FAULT(name) castssl_fault_point(name)
/* A system call that is a point: returns -1 and sets errno if it must fail. */
#define CASTSSL_FAULT_CALL(name, call) (castssl_fault_fails(name) ? -1 : (call))
#define CASTSSL_FAULT_BEGIN() castssl_fault_begin()

/* Raises an error if this point must fail. */
extern void castssl_fault_point(const char *name);

/* Must this point fail?  Then sets errno, and reports a NOTICE. */
extern bool castssl_fault_fails(const char *name);

/* A call begins: count its points from 1. */
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
