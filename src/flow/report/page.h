/*
 * page.h
 *		The state of TLS on this server as one HTML page.
 *
 * Reads only, like castssl_check().  The page loads nothing: no script, no picture or font.  It
 * masks secrets in options of rules and leaves out comments of pg_hba.conf, also for superusers,
 * because such pages are sent to others.
 */
#ifndef CASTSSL_FLOW_REPORT_PAGE_H
#define CASTSSL_FLOW_REPORT_PAGE_H

#include "lib/stringinfo.h"

/* The page, ASCII; palloc'd. */
extern char *castssl_report_page(void);

#endif
