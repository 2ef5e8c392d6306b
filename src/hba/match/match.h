/*
 * match.h
 *		Which rule answers a connection (PostgreSQL: check_hba).
 */
#ifndef CASTSSL_HBA_MATCH_MATCH_H
#define CASTSSL_HBA_MATCH_MATCH_H

#include "hba/text/rule.h"

typedef enum CastsslEncryption
{
	CASTSSL_PLAINTEXT,
	CASTSSL_TLS,
	CASTSSL_GSS
} CastsslEncryption;

/* A connection as check_hba sees it. */
typedef struct CastsslConnection
{
	const char *database; /* as in the startup packet; ignored for physical replication */
	const char *user;
	uint8 family;      /* 4, 6, or 0 for a Unix-domain socket */
	uint8 address[16]; /* network byte order */
	CastsslEncryption encryption;
	bool replication; /* physical replication */
} CastsslConnection;

typedef enum CastsslAnswer
{
	CASTSSL_NO,
	CASTSSL_YES,
	CASTSSL_UNKNOWN /* depends on what is unknown here: DNS, a role that does not exist yet, ... */
} CastsslAnswer;

/*
 * Answers that pure code cannot find itself.  NULL members answer UNKNOWN.
 *
 * member: is user a member of role, directly or indirectly?  Being a superuser
 * 	does not count (PostgreSQL: is_member -> is_member_of_role_nosuper).
 * regexp: does the server's own engine find pattern (without the slash) in string?
 * own_address: is the address one of this host's (samehost), or in one of its
 * 	networks (samenet, network = true)?
 * host_name: does the server's own check of a host name (or .suffix) accept
 * 	the address (PostgreSQL: check_hostname)?
 * roles: only castssl_hba_compare uses them, to find a member of a group, or to find that
 * 	the group has none.
 */
typedef struct CastsslHbaWorld
{
	CastsslAnswer (*member)(void *arg, const char *user, const char *role);
	CastsslAnswer (*regexp)(void *arg, const char *pattern, const char *string);
	CastsslAnswer (*own_address)(void *arg, uint8 family, const uint8 *address, bool network);
	CastsslAnswer (*host_name)(void *arg, uint8 family, const uint8 *address, const char *name);
	void *arg;
	const char *const *roles; /* all roles that exist now; NULL: unknown */
	int nroles;
} CastsslHbaWorld;

/* Does a line of this type apply to such connections (address family 0: a Unix-domain socket)? */
extern bool castssl_hba_type_takes(CastsslHbaType type, uint8 family, CastsslEncryption encryption);

/*
 * Are all fields of both rules equal, also if the lines have different bytes?  The tokens of an
 * @file count as tokens of the rule.
 */
extern bool castssl_hba_same_rule(const CastsslHbaRule *a, const CastsslHbaRule *b);

/* Does the policy have a rule with equal fields? */
extern bool castssl_hba_has_rule(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule);

/* Does this rule match?  A rule with an error never matches. */
extern CastsslAnswer castssl_hba_rule_matches(const CastsslHbaRule *rule, int version,
											  const CastsslConnection *connection,
											  const CastsslHbaWorld *world);

/* Does the user field of the rule match this user?  NO if the rule has an error. */
extern CastsslAnswer castssl_hba_rule_takes_user(const CastsslHbaRule *rule, int version,
												 const char *user, const CastsslHbaWorld *world);

/* Does its database field match the database, user and kind of this connection? */
extern CastsslAnswer castssl_hba_rule_takes_database(const CastsslHbaRule *rule, int version,
													 const CastsslConnection *connection,
													 const CastsslHbaWorld *world);

/*
 * Index of the rule that answers; -1 if there is none. *doubtful (may be NULL) is the
 * index of the first earlier rule with the answer UNKNOWN, -1 if there is none.  That
 * rule may answer instead.
 */
extern int castssl_hba_match(const CastsslHbaPolicy *policy, const CastsslConnection *connection,
							 const CastsslHbaWorld *world, int *doubtful);

#endif
