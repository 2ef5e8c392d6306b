/*
 * page.h
 *		The state of TLS on this server as one HTML page.
 *
 * Reads only, like castssl_check().  The page needs nothing but itself: no script,
 * no picture or font from elsewhere.  Secrets in options of rules are masked and
 * comments of pg_hba.conf are left out, whoever asks: such a page is mailed on.
 */
#ifndef CASTSSL_FLOW_REPORT_PAGE_H
#define CASTSSL_FLOW_REPORT_PAGE_H

#include "lib/stringinfo.h"

/* The page, ASCII; palloc'd. */
extern char *castssl_report_page(void);

#endif
