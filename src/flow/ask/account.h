/*
 * account.h
 *		What the server asks of the role and the database once a line of pg_hba.conf admits.
 */
#ifndef CASTSSL_FLOW_ASK_ACCOUNT_H
#define CASTSSL_FLOW_ASK_ACCOUNT_H

#include "flow/ask/inquiry.h"

/*
 * Does the server take such a connection, if the client proves what the line's method asks
 * for?  Says the first reason why not, in the server's own order.
 */
extern bool castssl_account_admits(CastsslInquiry *inquiry);

#endif
