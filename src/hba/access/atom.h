/*
 * atom.h
 *		An atom: connections that no rule can tell apart, in the shape of one of them.
 *
 * An atom is made by saying what two rules ask for (one key of each, and the address)
 * and nothing more.  Where no name is said it has one that no rule mentions, and stands
 * for all such names.  Of what only the outside knows (who is in a group, whom a
 * regular expression matches, whose address has a host name) just that is true which
 * the world knows or which was said, and what follows from it.  So a rule that surely
 * takes the atom surely takes everything of which the same was said.
 */
#ifndef CASTSSL_HBA_ACCESS_ATOM_H
#define CASTSSL_HBA_ACCESS_ATOM_H

#include "hba/access/rules.h"

/* A rule that takes the atom: rules->boxes[rule]. */
typedef struct CastsslHbaSide
{
	CastsslHbaRules *rules;
	int rule;
	int keys[2]; /* one of each of its lists, users and databases */
} CastsslHbaSide;

typedef struct CastsslHbaAtom
{
	CastsslHbaSpace *space;
	CastsslHbaSide sides[2];  /* of two policies, or twice the same */
	CastsslInterval interval; /* that both rules take */
	CastsslHbaChannel channel;
	CastsslConnection connection; /* without an address */
	bool is_doubted;              /* is nothing true for the only reason that it was said? */
} CastsslHbaAtom;

static inline const CastsslHbaBox *
castssl_hba_atom_box(const CastsslHbaAtom *atom, int side)
{
	return &atom->sides[side].rules->boxes[atom->sides[side].rule];
}

/* Set what follows from the channel and the sides; false if there is no such connection. */
extern bool castssl_hba_atom_settle(CastsslHbaAtom *atom);

/* Does the atom stand for all names that no rule mentions? */
extern bool castssl_hba_atom_is_any(const CastsslHbaAtom *atom, const char *name);

/*
 * The name, group or pattern of a key of that kind that was said, of the user or of the
 * database, with that name unless it is NULL; NULL: there is none.
 */
extern const char *castssl_hba_atom_said(const CastsslHbaAtom *atom, bool of_database,
										 CastsslHbaWord kind, const char *name);

/* Is what was said true of the atom's names, as far as the world knows? */
extern CastsslAnswer castssl_hba_atom_holds(const CastsslHbaAtom *atom);

/* What the earlier rules of both policies leave to an atom: see castssl_hba_left. */
extern bool castssl_hba_atom_left(const CastsslHbaAtom *atom, CastsslHbaParts *rest, int max,
								  CastsslInts *blocking);

/*
 * Does castssl_hba_match say, without a doubt, that both rules (nrules: none) answer the
 * connection?  Only the rules that the index finds are asked.
 */
extern bool castssl_hba_atom_answers(const CastsslHbaAtom *atom,
									 const CastsslConnection *connection);

#endif
