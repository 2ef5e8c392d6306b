/*
 * test_tls_terms.c
 *		Could a client connect again with other TLS settings, as far as its session shows?
 */
#include "postgres_fe.h"

#include "check.h"
#include "tls/terms.h"

static const CastsslTlsTerms usual = { .min_version = "TLSv1.2",
									   .max_version = "",
									   .ciphers = "HIGH:MEDIUM:+3DES:!aNULL",
									   .suites = "",
									   .groups = "prime256v1",
									   .prefers = true };
static const CastsslTlsPast modern = { "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL, NULL };
static const CastsslTlsPast cbc = { "TLSv1.2", "ECDHE-RSA-AES256-SHA384", NULL, NULL };

#define GCM "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384"

/* "" if it could; "no: ..." or "unknown: ..." with the reason. */
static const char *
judged(const CastsslTlsTerms *before, const CastsslTlsTerms *after, const CastsslTlsPast *past)
{
	char *reason = NULL;
	CastsslTlsAnswer answer = castssl_tls_terms_judge(before, after, past, &reason);

	return answer == CASTSSL_TLS_AGREES
			   ? ""
			   : psprintf("%s: %s", answer == CASTSSL_TLS_UNKNOWN ? "unknown" : "no", reason);
}

#define SAYS(text, what) CHECK(strstr(text, what) != NULL || (printf("%s\n", text), false))

static void
test_versions(void)
{
	CastsslTlsTerms after = usual;
	CastsslTlsTerms before = usual;
	CastsslTlsPast past = cbc;

	CHECK_STRING(judged(&usual, &usual, &modern), "");
	CHECK_STRING(judged(&usual, &usual, &cbc), "");
	after.min_version = "TLSv1.3";
	CHECK_STRING(judged(&usual, &after, &modern), "");
	SAYS(judged(&usual, &after, &cbc), "no: The server would accept TLSv1.3 and later");
	before.max_version = "TLSv1.2";
	SAYS(judged(&before, &after, &cbc), "unknown: The server would accept TLSv1.3 and later");
	after = usual;
	after.max_version = "TLSv1.2";
	SAYS(judged(&usual, &after, &modern), "unknown: The server would accept TLSv1.2 at most");
	CHECK_STRING(judged(&usual, &after, &cbc), "");
	past = modern;
	past.ciphers = "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384";
	CHECK_STRING(judged(&usual, &after, &past), "");
	past.ciphers = "TLS_AES_256_GCM_SHA384";
	SAYS(judged(&usual, &after, &past), "no: The client offers none of the ciphers");
}

static void
test_ciphers(void)
{
	CastsslTlsTerms before = usual;
	CastsslTlsTerms after = usual;
	CastsslTlsPast past = cbc;

	after.ciphers = GCM;
	CHECK_STRING(judged(&usual, &after, &modern), "");
	/* the server would have chosen one of these if the client had offered it */
	SAYS(judged(&usual, &after, &cbc),
		 "no: The server would no longer accept ECDHE-RSA-AES256-SHA384 (ssl_ciphers), and");
	before.prefers = false;
	SAYS(judged(&before, &after, &cbc), "unknown: The server would no longer accept");
	/* the client may offer one that the server had below the chosen one, or not at all */
	after.ciphers = "AES128-SHA";
	SAYS(judged(&usual, &after, &cbc), "unknown: ");
	before = usual;
	before.ciphers = "ECDHE-RSA-AES256-SHA384";
	after.ciphers = GCM;
	SAYS(judged(&before, &after, &cbc), "unknown: ");
	past.ciphers = "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
	CHECK_STRING(judged(&before, &after, &past), "");
	/* a cipher for another kind of key than the server's */
	past.ciphers = "ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384";
	SAYS(judged(&before, &after, &past),
		 "no: The client offers none of the ciphers that the server would accept (ssl_ciphers)");
	past.ciphers = "XECDHE-RSA-AES256-GCM-SHA384X:ECDHE-RSA-AES256-SHA384";
	SAYS(judged(&before, &after, &past), "no: ");
	after = usual;
	after.suites = "TLS_CHACHA20_POLY1305_SHA256";
	SAYS(judged(&usual, &after, &modern), "unknown: ");
	past = modern;
	past.cipher = "TLS_AES_128_GCM_SHA256";
	SAYS(judged(&usual, &after, &past),
		 "no: The server would no longer accept TLS_AES_128_GCM_SHA256 (ssl_tls13_ciphers)");
}

static void
test_groups(void)
{
	CastsslTlsTerms before = usual;
	CastsslTlsTerms after = usual;
	CastsslTlsPast past = modern;

	after.groups = "X25519:P-256";
	CHECK_STRING(judged(&usual, &after, &modern), "");
	after.groups = "secp384r1";
	SAYS(judged(&usual, &after, &modern),
		 "unknown: The server would accept only the groups secp384r1");
	past.groups = "x25519:secp256r1:secp521r1";
	SAYS(judged(&usual, &after, &past), "no: The client offers none of the groups");
	past.groups = "x25519:P-384";
	CHECK_STRING(judged(&usual, &after, &past), "");
	before.groups = "X25519MLKEM768:X25519";
	after.groups = "X25519MLKEM768";
	SAYS(judged(&before, &after, &modern), "unknown: ");
	past.groups = "x25519:x25519mlkem768";
	CHECK_STRING(judged(&before, &after, &past), "");
}

int
main(void)
{
	test_versions();
	test_ciphers();
	test_groups();
	return check_summary();
}
