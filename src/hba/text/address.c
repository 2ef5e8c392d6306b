/*
 * address.c
 *		The address field of a rule: reading, comparing, writing.
 *
 * The server reads addresses with getaddrinfo(AI_NUMERICHOST).  So "127.1" and
 * "0x7f.1" are addresses, and "10.0.0.300" is a host name.  This code calls the same
 * function, which needs no network.  The function is slow, so this code reads the
 * plain forms, which are by far the most common, without it.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/compat.h"
#include "hba/text/address.h"
#include "hba/text/interval.h"
#include "hba/text/lex.h"

/*
 * Read a.b.c.d in plain decimal, up to a slash or the end of the text.  Returns a pointer to
 * that slash or NUL; NULL if the text has another form.
 */
static const char *
read_dotted(const char *text, uint8 *bytes)
{
	uint8 parts[4];

	for (int i = 0; i < 4; i++)
	{
		const char *start = text;
		int value = 0;

		while (*text >= '0' && *text <= '9' && text - start < 3)
			value = value * 10 + (*text++ - '0');
		/* a leading zero would mean octal: leave that to getaddrinfo */
		if (text == start || value > 255 || (*start == '0' && text - start > 1))
			return NULL;
		if (i < 3 ? *text++ != '.' : *text != '/' && *text != '\0')
			return NULL;
		parts[i] = (uint8) value;
	}
	memcpy(bytes, parts, sizeof(parts));
	return text;
}

/* Returns 0 or an error of getaddrinfo: EAI_NONAME if the text is no numeric address. */
static int
read_numeric(const char *text, uint8 *family, uint8 *bytes)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_family = AF_UNSPEC };
	struct addrinfo *found = NULL;
	const char *end;
	int result;

	memset(bytes, 0, 16);
	*family = 4;
	end = read_dotted(text, bytes);
	if (end != NULL && *end == '\0')
		return 0;
	memset(bytes, 0, 16);
	*family = 0;
	/* addresses have no other characters, except in the name of an interface */
	if (text[0] == '\0' ||
		(text[strspn(text, "0123456789abcdefABCDEFxX.:")] != '\0' && strchr(text, '%') == NULL))
		return EAI_NONAME;
	if (strchr(text, ':') && inet_pton(AF_INET6, text, bytes) == 1)
	{
		*family = 6;
		return 0;
	}
	memset(bytes, 0, 16);

	result = getaddrinfo(text, NULL, &hints, &found);
	if (result == 0 && found && found->ai_family == AF_INET)
	{
		*family = 4;
		memcpy(bytes, &((struct sockaddr_in *) found->ai_addr)->sin_addr, 4);
	}
	else if (result == 0 && found && found->ai_family == AF_INET6)
	{
		*family = 6;
		memcpy(bytes, &((struct sockaddr_in6 *) found->ai_addr)->sin6_addr, 16);
	}
	if (found)
		freeaddrinfo(found);
	return result;
}

static int
family_bits(uint8 family)
{
	return family == 4 ? 32 : 128;
}

/* PostgreSQL: pg_sockaddr_cidr_mask */
static bool
read_cidr(const char *text, uint8 family, uint8 *mask)
{
	char *end;
	long bits;

	/* nearly all prefix lengths have two digits */
	if (isdigit((unsigned char) text[0]) && isdigit((unsigned char) text[1]) && text[2] == '\0')
		bits = (text[0] - '0') * 10 + (text[1] - '0');
	else
	{
		bits = strtol(text, &end, 10);
		if (*text == '\0' || *end != '\0')
			return false;
	}
	if (bits < 0 || bits > family_bits(family))
		return false;
	memset(mask, 0, 16);
	for (int i = 0; bits > 0; i++, bits -= 8)
		mask[i] = bits >= 8 ? 0xff : (uint8) (0xff << (8 - bits));
	return true;
}

static const char *
read_mask_field(const CastsslHbaTokens *mask, CastsslHbaAddress *result)
{
	uint8 family;
	int code;

	if (mask == NULL)
		return "end-of-line before netmask specification";
	if (mask->count > 1)
		return "multiple values specified for netmask";
	code = read_numeric(mask->items[0].string, &family, result->mask);
	if (code != 0)
		return psprintf("invalid IP mask \"%s\": %s", mask->items[0].string,
						castssl_gai_strerror(code));
	if (family != result->family)
		return "IP address and mask do not match";
	return NULL;
}

/*
 * read_numeric() for the part before a slash. *slash points to the slash; NULL if there is
 * none.
 */
static int
read_before_slash(const char *text, CastsslHbaAddress *result, const char **slash)
{
	char plain[INET6_ADDRSTRLEN + 64]; /* room for a long interface name */
	size_t length = strcspn(text, "/");

	*slash = text[length] == '/' ? text + length : NULL;
	if (length >= sizeof(plain)) /* no numeric address is longer */
		return EAI_NONAME;
	memcpy(plain, text, length);
	plain[length] = '\0';
	return read_numeric(plain, &result->family, result->address);
}

const char *
castssl_hba_address_read(const CastsslHbaToken *token, const CastsslHbaTokens *mask,
						 CastsslHbaAddress *result, bool *mask_used)
{
	const char *slash;
	int code;

	*mask_used = false;
	*result = (CastsslHbaAddress){ .kind = CASTSSL_HBA_ADDRESS_MASK };
	if (castssl_hba_is_keyword(token, "all"))
		result->kind = CASTSSL_HBA_ADDRESS_ALL;
	else if (castssl_hba_is_keyword(token, "samehost"))
		result->kind = CASTSSL_HBA_ADDRESS_SAMEHOST;
	else if (castssl_hba_is_keyword(token, "samenet"))
		result->kind = CASTSSL_HBA_ADDRESS_SAMENET;
	if (result->kind != CASTSSL_HBA_ADDRESS_MASK)
		return NULL;

	slash = read_dotted(token->string, result->address);
	if (slash != NULL)
	{
		code = 0;
		result->family = 4;
		slash = *slash == '/' ? slash : NULL;
	}
	else
		code = read_before_slash(token->string, result, &slash);
	if (code == EAI_NONAME)
	{
		if (slash)
			return psprintf("specifying both host name and CIDR mask is invalid: \"%s\"",
							token->string);
		result->kind = CASTSSL_HBA_ADDRESS_NAME;
		result->name = token->string;
		return NULL;
	}
	if (code != 0)
		/* LCOV_EXCL_START: the system is out of memory, for instance */
		return psprintf("invalid IP address \"%.*s\": %s", (int) strcspn(token->string, "/"),
						token->string, castssl_gai_strerror(code));
	/* LCOV_EXCL_STOP */

	if (slash == NULL)
	{
		*mask_used = true;
		return read_mask_field(mask, result);
	}
	if (!read_cidr(slash + 1, result->family, result->mask))
		return psprintf("invalid CIDR mask in address \"%s\"", token->string);
	return NULL;
}

/*
 * The server accepts anything that is no address as a host name.  From a person, this
 * function accepts only possible host names: "10.0.0.300" is a typing error, not a name.
 */
static bool
can_be_host_name(const char *text)
{
	const char *last;

	if (text[0] == '\0' || strcmp(text, ".") == 0)
		return false;
	for (const char *c = text; *c; c++)
	{
		if (!(isalnum((unsigned char) *c) || *c == '-' || *c == '_' || *c == '.' ||
			  IS_HIGHBIT_SET(*c)))
			return false;
	}
	last = strrchr(text, '.');
	last = last ? last + 1 : text;
	return *last == '\0' || strspn(last, "0123456789") != strlen(last);
}

bool
castssl_hba_address_parse(const char *given, CastsslHbaAddress *result, char **text)
{
	CastsslHbaToken token = { .string = given };
	bool mask_used;
	const char *error;

	if (castssl_hba_needs_quotes(given))
		return false;
	error = castssl_hba_address_read(&token, NULL, result, &mask_used);
	if (error && mask_used)
	{
		/* a numeric address and no mask: that one host */
		*text = psprintf("%s/%d", given, family_bits(result->family));
		memset(result->mask, 0, sizeof(result->mask));
		memset(result->mask, 0xff, family_bits(result->family) / 8);
		return true;
	}
	if (error || (result->kind == CASTSSL_HBA_ADDRESS_NAME && !can_be_host_name(given)))
		return false;
	*text = pstrdup(given);
	return true;
}

bool
castssl_hba_address_equal(const CastsslHbaAddress *a, const CastsslHbaAddress *b)
{
	CastsslInterval one;
	CastsslInterval other;

	if (a->kind != b->kind || a->family != b->family)
		return false;
	if (a->kind == CASTSSL_HBA_ADDRESS_NAME)
		return pg_strcasecmp(a->name, b->name) == 0;
	one = castssl_interval_of(a);
	other = castssl_interval_of(b);
	return castssl_interval_compare(&one, &other) == 0;
}

bool
castssl_hba_address_contains(const CastsslHbaAddress *outer, const CastsslHbaAddress *inner)
{
	CastsslInterval wide;
	CastsslInterval narrow;

	if (outer->kind == CASTSSL_HBA_ADDRESS_ALL)
		return true;
	if (outer->kind != CASTSSL_HBA_ADDRESS_MASK || inner->kind != CASTSSL_HBA_ADDRESS_MASK)
		return castssl_hba_address_equal(outer, inner);
	wide = castssl_interval_of(outer);
	narrow = castssl_interval_of(inner);
	return castssl_interval_covers(&wide, &narrow);
}

const char *
castssl_ip_text(int family, const uint8 *bytes, char *text)
{
	char *at = text;

	if (family != 4)
		return inet_ntop(AF_INET6, bytes, text, CASTSSL_IP_SIZE);
	/* inet_ntop is slow with IPv4 */
	for (int i = 0; i < 4; i++)
	{
		if (i > 0)
			*at++ = '.';
		if (bytes[i] >= 100)
			*at++ = (char) ('0' + bytes[i] / 100);
		if (bytes[i] >= 10)
			*at++ = (char) ('0' + bytes[i] / 10 % 10);
		*at++ = (char) ('0' + bytes[i] % 10);
	}
	*at = '\0';
	return text;
}

/* The prefix length of a mask; -1 if the mask has gaps. */
static int
mask_bits(const CastsslHbaAddress *address)
{
	int total = family_bits(address->family);
	int bits = 0;

	while (bits < total && (address->mask[bits / 8] & (0x80 >> bits % 8)) != 0)
		bits++;
	for (int i = bits; i < total; i++)
	{
		if ((address->mask[i / 8] & (0x80 >> i % 8)) != 0)
			return -1;
	}
	return bits;
}

char *
castssl_hba_range_text(const CastsslHbaAddress *address)
{
	int bits = mask_bits(address);
	char ip[CASTSSL_IP_SIZE];
	char mask[CASTSSL_IP_SIZE];

	castssl_ip_text(address->family, address->address, ip);
	if (bits >= 0)
		return psprintf("%s/%d", ip, bits);
	return psprintf("%s %s", ip, castssl_ip_text(address->family, address->mask, mask));
}

bool
castssl_hba_address_has_host_bits(const CastsslHbaAddress *address, char **range)
{
	CastsslHbaAddress network = *address;
	bool found = false;

	if (address->kind != CASTSSL_HBA_ADDRESS_MASK)
		return false;
	for (int i = 0; i < 16; i++)
	{
		network.address[i] &= address->mask[i];
		found |= network.address[i] != address->address[i];
	}
	if (found)
		*range = castssl_hba_range_text(&network);
	return found;
}
