/*
 * rule.c
 *		A rule of pg_hba.conf, and all the rules of a server, as values.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/text/rule.h"

static const char *const type_names[] = { "local",     "host",       "hostssl",
										  "hostnossl", "hostgssenc", "hostnogssenc" };

const char *
castssl_hba_type_name(CastsslHbaType type)
{
	return type_names[type];
}

bool
castssl_hba_has_keyword(const CastsslHbaTokens *tokens, const char *keyword)
{
	for (int i = 0; i < tokens->count; i++)
	{
		if (castssl_hba_is_keyword(&tokens->items[i], keyword))
			return true;
	}
	return false;
}

CastsslHbaInclude
castssl_hba_include(const char *word, int nfields, int version)
{
	if (version < CASTSSL_HBA_FIRST_WITH_INCLUDE || nfields != 2)
		return CASTSSL_INCLUDE_NONE;
	if (strcmp(word, "include") == 0)
		return CASTSSL_INCLUDE_FILE;
	if (strcmp(word, "include_if_exists") == 0)
		return CASTSSL_INCLUDE_FILE_IF_EXISTS;
	return strcmp(word, "include_dir") == 0 ? CASTSSL_INCLUDE_DIRECTORY : CASTSSL_INCLUDE_NONE;
}

bool
castssl_hba_is_group(const CastsslHbaToken *token)
{
	return !token->quoted && token->string[0] == '+';
}

bool
castssl_hba_is_regexp(const CastsslHbaToken *token, int version)
{
	/*
	 * the server compiles it whether it is quoted or not, but tests for keywords and
	 * groups first
	 */
	return version >= CASTSSL_HBA_FIRST_WITH_INCLUDE && token->string[0] == '/';
}

CastsslHbaWord
castssl_hba_word(const CastsslHbaToken *token, bool of_database, int version)
{
	if (castssl_hba_is_keyword(token, "all"))
		return CASTSSL_WORD_ALL;
	if (of_database && castssl_hba_is_keyword(token, "sameuser"))
		return CASTSSL_WORD_SAMEUSER;
	if (of_database &&
		(castssl_hba_is_keyword(token, "samerole") || castssl_hba_is_keyword(token, "samegroup")))
		return CASTSSL_WORD_SAMEROLE;
	if (of_database && castssl_hba_is_keyword(token, "replication"))
		return CASTSSL_WORD_REPLICATION;
	if (!of_database && castssl_hba_is_group(token))
		return CASTSSL_WORD_GROUP;
	return castssl_hba_is_regexp(token, version) ? CASTSSL_WORD_REGEXP : CASTSSL_WORD_NAME;
}

const char *
castssl_clientcert_name(CastsslClientCert mode)
{
	static const char *const names[] = { "none", "verify-ca", "verify-full" };

	return names[mode];
}

bool
castssl_clientcert_parse(const char *text, CastsslClientCert *mode)
{
	if (strcmp(text, "1") == 0)
		text = "verify-ca"; /* the spelling of older documentation */
	for (int i = CASTSSL_CLIENTCERT_NONE; i <= CASTSSL_CLIENTCERT_VERIFY_FULL; i++)
	{
		if (strcmp(text, castssl_clientcert_name((CastsslClientCert) i)) == 0)
		{
			*mode = (CastsslClientCert) i;
			return true;
		}
	}
	return false;
}

bool
castssl_hba_tokens_equal(CastsslHbaTokens a, CastsslHbaTokens b)
{
	if (a.count != b.count)
		return false;
	for (int i = 0; i < a.count; i++)
	{
		if (a.items[i].quoted != b.items[i].quoted ||
			(a.items[i].string != b.items[i].string &&
			 !castssl_hba_same(a.items[i].string, b.items[i].string)))
			return false;
	}
	return true;
}

const CastsslHbaDocument *
castssl_hba_policy_file(const CastsslHbaPolicy *policy, const char *path)
{
	for (int i = 0; i < policy->nfiles; i++)
	{
		if (strcmp(policy->files[i]->path, path) == 0)
			return policy->files[i];
	}
	return NULL;
}
