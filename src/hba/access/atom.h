/*
 * atom.h
 *		An atom: connections that no rule can tell apart, in the shape of one of them.
 *
 * An atom is made by saying what must hold of it (keys of rules) and nothing
 * more.  Where no name is given it has one that no rule mentions, and stands for
 * all such names.  Of what only the outside knows (who is in a group, whom a
 * regular expression matches, whose address has a host name) just that is true
 * which was said, and what follows from it.  So a rule that surely takes the atom
 * surely takes everything of which the same was said.
 */
#ifndef CASTSSL_HBA_ACCESS_ATOM_H
#define CASTSSL_HBA_ACCESS_ATOM_H

#include "hba/access/rules.h"

typedef struct CastsslHbaAtom
{
	CastsslHbaSpace *space;
	bool now; /* what the world knows of roles counts; else membership is only what was said */
	CastsslConnection connection; /* without an address */
	bool any_user;                /* user is a name that nobody mentioned */
	bool any_database;
	bool sameuser;
	bool samerole;
	int groups[2]; /* that the user is in: numbers of names */
	int ngroups;
	const char *user_patterns[2]; /* that match */
	int nuser_patterns;
	const char *database_patterns[2];
	int ndatabase_patterns;
	const CastsslHbaAddress *words[2]; /* samehost and the like that are true of the address */
	int nwords;
} CastsslHbaAtom;

/* With space and now alone it is all connections; then it is narrowed, and settled. */

/* Say that it has a key, each at most twice; false if nothing is left. */
extern bool castssl_hba_atom_user(CastsslHbaAtom *atom, int key);
extern bool castssl_hba_atom_database(CastsslHbaAtom *atom, int key);

/* Say that a rule's address takes it. */
extern void castssl_hba_atom_address(CastsslHbaAtom *atom, const CastsslHbaBox *box);

/* Give names where none was said; false if nothing is left. */
extern bool castssl_hba_atom_settle(CastsslHbaAtom *atom);

/* Can what was said, of the user or of all, be true of the names that it has?  false: surely not.
 */
extern bool castssl_hba_atom_possible(const CastsslHbaAtom *atom, bool of_user);

extern void castssl_hba_atom_channel(CastsslHbaAtom *atom, int channel);

/* Add the rules before limit that surely take the atom somewhere in an interval, in no order. */
extern void castssl_hba_takers(CastsslHbaRules *rules, int limit, const CastsslHbaAtom *atom,
							   const CastsslInterval *interval, CastsslHbaParts *takers);

/*
 * Does castssl_hba_match say, without a doubt, that this rule (nrules: none) answers the
 * connection?  Only the rules that the index finds are asked.
 */
extern bool castssl_hba_answers(CastsslHbaRules *rules, int rule,
								const CastsslConnection *connection);

#endif
