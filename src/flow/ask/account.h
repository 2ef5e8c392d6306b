/*
 * account.h
 *		What the server checks of the role and the database after a line of pg_hba.conf admits.
 */
#ifndef CASTSSL_FLOW_ASK_ACCOUNT_H
#define CASTSSL_FLOW_ASK_ACCOUNT_H

#include "flow/ask/inquiry.h"

/*
 * Does the server accept the connection, if the client proves what the line's method asks for?
 * If not, says the first reason, in the server's own order.
 */
extern bool castssl_account_admits(CastsslInquiry *inquiry);

#endif
