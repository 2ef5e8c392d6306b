/*
 * arguments.h
 *		Reads and checks the arguments of SQL functions: 22023 with a hint if one is
 *		invalid.
 */
#ifndef CASTSSL_API_ARGUMENTS_H
#define CASTSSL_API_ARGUMENTS_H

#include "fmgr.h"

#include "flow/apply/apply.h"
#include "hba/edit/edit.h"

/*
 * Longer text arguments are refused before anything reads them; names and rules are far below
 * this limit.  Certificates, keys and CRLs have limits of their own (server/disk/files.h).
 */
#define CASTSSL_ARGUMENT_LIMIT ((size_t) 16 * 1024 * 1024)

/*
 * A text argument as a C string; NULL for NULL. 22023 if it is longer than
 * CASTSSL_ARGUMENT_LIMIT bytes.
 */
extern char *castssl_argument_text(FunctionCallInfo fcinfo, int n);

/*
 * As above for a certificate, key, CA or request in PEM form (CASTSSL_PEM_LIMIT), and for a CRL
 * (CASTSSL_CRL_LIMIT).
 */
extern char *castssl_argument_pem(FunctionCallInfo fcinfo, int n);
extern char *castssl_argument_crl(FunctionCallInfo fcinfo, int n);

/*
 * castssl_argument_text for an argument that must not be NULL or ''.  name is the name of the
 * parameter; example, for the HINT, a value as SQL.
 */
extern char *castssl_argument_required(FunctionCallInfo fcinfo, int n, const char *name,
									   const char *example);

extern char *castssl_argument_required_pem(FunctionCallInfo fcinfo, int n, const char *name,
										   const char *example);

/* As above, for an argument that may be NULL, but not ''. */
extern char *castssl_argument_optional(FunctionCallInfo fcinfo, int n, const char *name);

/* A boolean argument; false for NULL. */
extern bool castssl_argument_bool(FunctionCallInfo fcinfo, int n);

/*
 * The number of a change; 0 for NULL, which means the change that waits. 22023 for a number below
 * 1, so that an unset variable of a program does not mean NULL.
 */
extern int64 castssl_argument_change_id(FunctionCallInfo fcinfo, int n);

/* A text[] argument: *count strings; NULL (and 0) for NULL.  Elements must not be NULL. */
extern const char **castssl_argument_text_array(FunctionCallInfo fcinfo, int n, const char *name,
												int *count);

/*
 * The argument confirm_within in milliseconds, 0 for NULL. 22023 unless it is between 1 second
 * and 1 year.  Raises a WARNING if it is so short that minutes may have been meant.
 */
extern int64 castssl_argument_confirm_within(FunctionCallInfo fcinfo, int n);

/* The arguments confirm_within, force and dry_run of every function that applies a plan. */
extern CastsslApplyOptions castssl_argument_options(FunctionCallInfo fcinfo, int confirm_within,
													int force, int dry_run);

/* The arguments clientcert, plaintext, addresses and auth_method of several functions. */
extern CastsslHbaWanted castssl_argument_wanted(FunctionCallInfo fcinfo, int clientcert,
												int plaintext, int addresses, int auth_method);

/*
 * 25001 inside of a transaction block or a subtransaction, for a function whose work does not
 * belong to the transaction. function is its SQL name.
 */
extern void castssl_check_no_block(const char *function);

/* A function that runs with the lock held, see castssl_with_lock. */
typedef void (*CastsslLocked)(void *arg);

/*
 * Take the lock, undo what was interrupted, call body(arg), and release the lock in every case.
 * A change that belongs to the transaction keeps it for longer (change/pending.h).
 */
extern void castssl_with_lock(CastsslLocked body, void *arg);

/*
 * The same for a function that decides whether a change is undone.  It need not wait for a
 * transaction that has staged something.
 */
extern void castssl_with_lock_to_decide(CastsslLocked body, void *arg);

/*
 * Call castssl_apply with the lock held, and release the lock in every case.  A dry run waits
 * for the lock and does not take it.
 */
extern void castssl_run_plan(CastsslPlan *(*make_plan)(void *arg), void *arg,
							 const CastsslApplyOptions *options, FunctionCallInfo fcinfo);

#endif
