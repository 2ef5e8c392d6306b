/*
 * atom.h
 *		An atom: connections that no rule can tell apart, written as one of them.
 *
 * README.md has the words and examples.  An atom says that two rules take it by certain keys
 * (of each rule one for users, one for databases) and by their addresses, and nothing more.
 * If no name is said, the atom has a name that no rule mentions, and stands for all such
 * names.  Membership in a group, the match of a regular expression and the host name of an
 * address are true only if the world knows it, if it was said, or if it follows from that.
 * So a rule that surely takes the atom surely takes every connection of which the same is true.
 */
#ifndef CASTSSL_HBA_ACCESS_ATOM_H
#define CASTSSL_HBA_ACCESS_ATOM_H

#include "hba/access/rules.h"

/* One of the two rules that take the atom: rules->boxes[rule]. */
typedef struct CastsslHbaSide
{
	CastsslHbaRules *rules;
	int rule;
	int keys[2]; /* one of its users ([false]) and one of its databases ([true]) */
} CastsslHbaSide;

typedef struct CastsslHbaAtom
{
	CastsslHbaSpace *space;
	CastsslHbaSide sides[2];  /* rules of two policies, or twice the same rule */
	CastsslInterval interval; /* the addresses that both rules take */
	CastsslHbaChannel channel;
	CastsslConnection connection; /* without an address */
	bool is_doubted;              /* ignore what was said: true is only what the world knows */
} CastsslHbaAtom;

static inline const CastsslHbaBox *
castssl_hba_atom_box(const CastsslHbaAtom *atom, int side)
{
	return &atom->sides[side].rules->boxes[atom->sides[side].rule];
}

/* Set interval and connection from the channel and the sides; false: no connection is possible. */
extern bool castssl_hba_atom_settle(CastsslHbaAtom *atom);

/* Is name the one that stands for all names that no rule mentions? */
extern bool castssl_hba_atom_is_any(const CastsslHbaAtom *atom, const char *name);

/*
 * The atom's key of that kind, for the user or the database: its name, group or pattern.  If
 * name is not NULL, only a key with that name.  NULL: the atom has no such key.
 */
extern const char *castssl_hba_atom_said(const CastsslHbaAtom *atom, bool of_database,
										 CastsslHbaWord kind, const char *name);

/* Are the atom's keys true of its user and database, as far as the world knows? */
extern CastsslAnswer castssl_hba_atom_holds(const CastsslHbaAtom *atom);

/* Which addresses the earlier rules of both policies leave to an atom: see castssl_hba_left. */
extern bool castssl_hba_atom_left(const CastsslHbaAtom *atom, CastsslHbaParts *rest, int max,
								  CastsslInts *blocking);

/*
 * Does each side's rule answer the connection in its policy (rule nrules: no rule answers), by
 * castssl_hba_match and without a doubtful rule?  Tests only the rules that the index finds.
 */
extern bool castssl_hba_atom_answers(const CastsslHbaAtom *atom,
									 const CastsslConnection *connection);

#endif
