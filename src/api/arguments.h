/*
 * arguments.h
 *		Arguments of SQL functions, checked: 22023 with a hint otherwise.
 */
#ifndef CASTSSL_API_ARGUMENTS_H
#define CASTSSL_API_ARGUMENTS_H

#include "fmgr.h"

#include "flow/apply/apply.h"
#include "hba/edit/edit.h"

/*
 * Longer text arguments are refused before anything looks at them: what a
 * certificate, a name or a rule needs is far below.
 */
#define CASTSSL_ARGUMENT_LIMIT ((size_t) 16 * 1024 * 1024)

/* A text argument as a C string; NULL for NULL.  22023 beyond CASTSSL_ARGUMENT_LIMIT bytes. */
extern char *castssl_argument_text(FunctionCallInfo fcinfo, int n);

/* The same where NULL and '' are not allowed; name is that of the parameter. */
extern char *castssl_argument_required(FunctionCallInfo fcinfo, int n, const char *name);

/* The same where NULL is allowed, and '' is not. */
extern char *castssl_argument_optional(FunctionCallInfo fcinfo, int n, const char *name);

/* A boolean argument; false for NULL. */
extern bool castssl_argument_bool(FunctionCallInfo fcinfo, int n);

/* A text[] argument: *count strings; NULL (and 0) for NULL.  No NULL elements. */
extern const char **castssl_argument_text_array(FunctionCallInfo fcinfo, int n, const char *name,
												int *count);

/* An interval argument in milliseconds, 0 for NULL; more than nothing, at most a year. */
extern int64 castssl_argument_interval(FunctionCallInfo fcinfo, int n, const char *name);

/* confirm_within, force and dry_run, as every function that applies a plan takes them. */
extern CastsslApplyOptions castssl_argument_options(FunctionCallInfo fcinfo, int confirm_within,
													int force, int dry_run);

/* clientcert, plaintext, addresses and auth_method, as several functions take them. */
extern CastsslHbaWanted castssl_argument_wanted(FunctionCallInfo fcinfo, int clientcert,
												int plaintext, int addresses, int auth_method);

/*
 * What every changing function begins with: WARNING in an explicit transaction
 * block, recovery of what was interrupted, the lock.  function is its SQL name.
 */
extern void castssl_begin_change(const char *function);

/* What a body needs to run with the lock held, see castssl_with_lock. */
typedef void (*CastsslLocked)(void *arg);

/* castssl_begin_change, body(arg), and the lock released on every way out. */
extern void castssl_with_lock(const char *function, CastsslLocked body, void *arg);

/* castssl_apply with the lock held, which is released on every way out. */
extern void castssl_run_plan(CastsslPlan *(*make_plan)(void *arg), void *arg, const char *function,
							 const CastsslApplyOptions *options, FunctionCallInfo fcinfo);

#endif
