/*
 * taking_back.h
 *		Who gets in when an edit of pg_hba.conf is taken back.
 */
#ifndef CASTSSL_FLOW_ASK_TAKING_BACK_H
#define CASTSSL_FLOW_ASK_TAKING_BACK_H

#include "flow/ask/anyway.h"
#include "flow/plan/plan.h"

/*
 * For a plan that takes back (takes_back): 55000 unless allowed (force, or undone when nobody
 * confirms) if somebody would get in who is refused today over every kind of connection.  Clients
 * that come in over TLS may come in plaintext again: this is what taking back is for.  Adds a
 * warning step for each hostssl rule that nobody can reach because TLS is off afterwards.
 */
extern void castssl_taking_back_check(CastsslPlan *plan, bool allowed, const CastsslAgain *again);

#endif
