/*
 * class.c
 *		Connections that are alike, and the keys that are surely true of them.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/access/class.h"

/* Add a key; false if it is there already, or no place is left (it is then not known). */
static bool
add_key(int *keys, int *nkeys, int key)
{
	for (int i = 0; i < *nkeys; i++)
		if (keys[i] == key)
			return false;
	if (*nkeys == CASTSSL_CLASS_KEYS)
		return false;
	keys[(*nkeys)++] = key;
	return true;
}

static const char *
name_of(const CastsslHbaUniverse *universe, int key)
{
	return universe->names[CASTSSL_KEY_NAME_OF(key)];
}

void
castssl_hba_class_init(CastsslHbaClass *class)
{
	memset(class, 0, sizeof(CastsslHbaClass));
}

/* Give a name; false if there is another one. */
static bool
name_it(const char **name, const char *wanted)
{
	if (*name != NULL && strcmp(*name, wanted) != 0)
		return false;
	*name = wanted;
	return true;
}

bool
castssl_hba_class_user(CastsslHbaClass *class, const CastsslHbaUniverse *universe, int key)
{
	if (CASTSSL_KEY_KIND(key) == CASTSSL_KEY_NAME)
	{
		class->user_key = key;
		return name_it(&class->user, name_of(universe, key));
	}
	add_key(class->users, &class->nusers, key);
	return true;
}

bool
castssl_hba_class_database(CastsslHbaClass *class, const CastsslHbaUniverse *universe, int key)
{
	if (CASTSSL_KEY_KIND(key) == CASTSSL_KEY_REPLICATION)
	{
		class->replication = true;
		return !class->ordinary;
	}
	class->ordinary = true;
	if (class->replication)
		return false; /* LCOV_EXCL_LINE: such keys are not paired */
	switch (CASTSSL_KEY_KIND(key))
	{
		case CASTSSL_KEY_NAME:
			class->database_key = key;
			return name_it(&class->database, name_of(universe, key));
		case CASTSSL_KEY_SAMEUSER:
			class->sameuser = true;
			return true;
		case CASTSSL_KEY_SAMEROLE:
			class->samerole = true;
			return true;
		default:
			add_key(class->databases, &class->ndatabases, key);
			return true;
	}
}

/* Does what the class asks of its names hold?  false: surely not. */
static bool
is_possible(const CastsslHbaClass *class, const CastsslHbaUniverse *universe, bool now)
{
	for (int i = 0; i < class->nusers; i++)
	{
		int key = class->users[i];

		if (CASTSSL_KEY_KIND(key) == CASTSSL_KEY_REGEXP &&
			castssl_hba_ask_regexp(universe, name_of(universe, key), class->user) == CASTSSL_NO)
			return false;
		if (now && CASTSSL_KEY_KIND(key) == CASTSSL_KEY_GROUP &&
			castssl_hba_ask_member(universe, class->user, name_of(universe, key)) == CASTSSL_NO)
			return false;
	}
	for (int i = 0; i < class->ndatabases; i++)
	{
		int key = class->databases[i];

		if (CASTSSL_KEY_KIND(key) == CASTSSL_KEY_REGEXP &&
			castssl_hba_ask_regexp(universe, name_of(universe, key), class->database) == CASTSSL_NO)
			return false;
	}
	return !(now && class->samerole) ||
		   castssl_hba_ask_member(universe, class->user, class->database) != CASTSSL_NO;
}

/* Database and user are one name: what is true of it in one place is true in the other. */
static bool
settle_sameuser(CastsslHbaClass *class)
{
	if (class->user == NULL)
		class->user = class->database;
	else if (!name_it(&class->database, class->user))
		return false;
	for (int i = 0; i < class->nusers; i++)
	{
		if (CASTSSL_KEY_KIND(class->users[i]) == CASTSSL_KEY_REGEXP)
			add_key(class->databases, &class->ndatabases, class->users[i]);
		/* a member of anything exists, and whoever exists is a member of himself */
		if (CASTSSL_KEY_KIND(class->users[i]) == CASTSSL_KEY_GROUP)
			class->samerole = true;
	}
	for (int i = 0; i < class->ndatabases; i++)
		if (CASTSSL_KEY_KIND(class->databases[i]) == CASTSSL_KEY_REGEXP)
			add_key(class->users, &class->nusers, class->databases[i]);
	return true;
}

/* The number of a name, which is at hand where a rule named it. */
static int
number_of(CastsslHbaUniverse *universe, const char *name, int key)
{
	int number = CASTSSL_KEY_NAME_OF(key);

	if (CASTSSL_KEY_KIND(key) == CASTSSL_KEY_NAME && universe->names[number] == name)
		return number;
	return castssl_hba_universe_name(universe, name, false);
}

bool
castssl_hba_class_settle(CastsslHbaClass *class, CastsslHbaUniverse *universe, bool now)
{
	int name;

	if (!class->replication)
	{
		if (class->user != NULL && class->database != NULL &&
			strcmp(class->user, class->database) == 0)
			class->sameuser = true;
		if (class->sameuser && !settle_sameuser(class))
			return false;
	}
	if (!is_possible(class, universe, now))
		return false;

	add_key(class->users, &class->nusers, CASTSSL_KEY(CASTSSL_KEY_ALL, 0));
	if (class->user != NULL)
	{
		name = number_of(universe, class->user, class->user_key);
		if (name != CASTSSL_ABSENT)
			add_key(class->users, &class->nusers, CASTSSL_KEY(CASTSSL_KEY_NAME, name));
	}
	if (class->replication)
	{
		add_key(class->databases, &class->ndatabases, CASTSSL_KEY(CASTSSL_KEY_REPLICATION, 0));
		return true;
	}
	add_key(class->databases, &class->ndatabases, CASTSSL_KEY(CASTSSL_KEY_ALL, 0));
	if (class->database != NULL)
	{
		name = number_of(universe, class->database, class->database_key);
		if (name != CASTSSL_ABSENT)
		{
			add_key(class->databases, &class->ndatabases, CASTSSL_KEY(CASTSSL_KEY_NAME, name));
			/* samerole asks of this database what +role asks */
			for (int i = 0; i < class->nusers; i++)
				if (class->users[i] == CASTSSL_KEY(CASTSSL_KEY_GROUP, name))
					class->samerole = true;
			if (class->samerole)
				add_key(class->users, &class->nusers, CASTSSL_KEY(CASTSSL_KEY_GROUP, name));
		}
	}
	if (class->sameuser)
		add_key(class->databases, &class->ndatabases, CASTSSL_KEY(CASTSSL_KEY_SAMEUSER, 0));
	if (class->samerole)
		add_key(class->databases, &class->ndatabases, CASTSSL_KEY(CASTSSL_KEY_SAMEROLE, 0));
	return true;
}

/* Is this key of a rule's user field true of the class, as far as the world knows? */
static bool
user_key_holds(const CastsslHbaClass *class, const CastsslHbaUniverse *universe, int key, bool now)
{
	switch (CASTSSL_KEY_KIND(key))
	{
		case CASTSSL_KEY_GROUP:
			return now && castssl_hba_ask_member(universe, class->user, name_of(universe, key)) ==
							  CASTSSL_YES;
		case CASTSSL_KEY_REGEXP:
			return castssl_hba_ask_regexp(universe, name_of(universe, key), class->user) ==
				   CASTSSL_YES;
		default:
			return false;
	}
}

static bool
database_key_holds(const CastsslHbaClass *class, const CastsslHbaUniverse *universe, int key,
				   bool now)
{
	if (class->replication)
		return false;
	switch (CASTSSL_KEY_KIND(key))
	{
		case CASTSSL_KEY_SAMEROLE:
			return now &&
				   castssl_hba_ask_member(universe, class->user, class->database) == CASTSSL_YES;
		case CASTSSL_KEY_REGEXP:
			return castssl_hba_ask_regexp(universe, name_of(universe, key), class->database) ==
				   CASTSSL_YES;
		default:
			return false;
	}
}

bool
castssl_hba_class_learn(CastsslHbaClass *class, const CastsslHbaUniverse *universe,
						const CastsslHbaBox *box, bool now)
{
	bool learned = false;

	for (int i = 0; i < box->nusers; i++)
		if (user_key_holds(class, universe, box->users[i], now) &&
			add_key(class->users, &class->nusers, box->users[i]))
			learned = true;
	for (int i = 0; i < box->ndatabases; i++)
		if (database_key_holds(class, universe, box->databases[i], now) &&
			add_key(class->databases, &class->ndatabases, box->databases[i]))
			learned = true;
	return learned;
}

void
castssl_hba_class_adopt(CastsslHbaClass *class, const CastsslHbaClass *named)
{
	if (class->user != NULL)
		for (int i = 0; i < named->nusers; i++)
			if (CASTSSL_KEY_KIND(named->users[i]) == CASTSSL_KEY_GROUP ||
				CASTSSL_KEY_KIND(named->users[i]) == CASTSSL_KEY_REGEXP)
				add_key(class->users, &class->nusers, named->users[i]);
	if (class->database != NULL)
		for (int i = 0; i < named->ndatabases; i++)
			if (CASTSSL_KEY_KIND(named->databases[i]) == CASTSSL_KEY_REGEXP)
				add_key(class->databases, &class->ndatabases, named->databases[i]);
}
