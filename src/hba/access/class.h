/*
 * class.h
 *		Connections that are alike, and the keys that are surely true of them.
 *
 * A class is what must hold of a user and a database ("the user is in +a, the
 * database is any").  Its keys are those that hold for every connection of the
 * class.  A rule whose keys are among them takes, as far as user and database
 * are concerned, the whole class.  The converse is what makes the calculation
 * small: in a class that names no user there are users of which nothing else
 * holds (nobody has used their name in a rule), so if the rules that take the
 * whole class leave an address, a connection of the class gets past all rules
 * there.
 */
#ifndef CASTSSL_HBA_ACCESS_CLASS_H
#define CASTSSL_HBA_ACCESS_CLASS_H

#include "hba/access/universe.h"

#define CASTSSL_CLASS_KEYS 24

typedef struct CastsslHbaClass
{
	bool replication;     /* physical replication; then only users count */
	bool ordinary;        /* surely no physical replication */
	const char *user;     /* NULL: not named */
	const char *database; /* NULL: not named */
	int user_key;         /* of the user, if a rule named it; only valid while it is its name */
	int database_key;
	bool sameuser; /* database and user have one name */
	bool samerole; /* the user is a member of the role that has the database's name */
	int users[CASTSSL_CLASS_KEYS];
	int nusers;
	int databases[CASTSSL_CLASS_KEYS];
	int ndatabases;
} CastsslHbaClass;

/* All connections. */
extern void castssl_hba_class_init(CastsslHbaClass *class);

/* Narrow a class to a key; false if nothing is left. */
extern bool castssl_hba_class_user(CastsslHbaClass *class, const CastsslHbaUniverse *universe,
								   int key);
extern bool castssl_hba_class_database(CastsslHbaClass *class, const CastsslHbaUniverse *universe,
									   int key);

/*
 * Find out what follows; to be called when all that is known has been said, and
 * again after user or database was set.  now: what the world knows of roles now
 * counts.  False if the class is surely empty (now).
 */
extern bool castssl_hba_class_settle(CastsslHbaClass *class, CastsslHbaUniverse *universe,
									 bool now);

/*
 * Add the keys of a rule that the world says are true of the class's names.
 * False if nothing was added.
 */
extern bool castssl_hba_class_learn(CastsslHbaClass *class, const CastsslHbaUniverse *universe,
									const CastsslHbaBox *box, bool now);

/*
 * Take over what was learned of a class with more names: it holds for this one
 * too as far as it is about a name that this one has.
 */
extern void castssl_hba_class_adopt(CastsslHbaClass *class, const CastsslHbaClass *named);

#endif
