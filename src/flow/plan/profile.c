/*
 * profile.c
 *		TLS profiles that follow Mozilla's server-side TLS recommendations.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "flow/plan/profile.h"
#include "server/process/raise.h"

typedef struct Setting
{
	const char *name;
	const char *intermediate;
	const char *modern;
} Setting;

/*
 * Up to 17 the server accepts one curve for TLS 1.2 (ssl_ecdh_curve) and offers
 * OpenSSL's default ciphers for TLS 1.3.  Since 18 there are ssl_groups and
 * ssl_tls13_ciphers.  Mozilla lets clients choose the order, for phones without AES in
 * hardware.  Here the server's order counts, which is PostgreSQL's default and what
 * scanners expect.  All of these ciphers are good.
 */
static const Setting settings[] = {
	{ "ssl_min_protocol_version", "TLSv1.2", "TLSv1.3" },
	/* no upper limit: versions above TLS 1.3 stay possible */
	{ "ssl_max_protocol_version", "", "" },
	{ "ssl_ciphers",
	  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
	  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
	  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
	  NULL },
	{ "ssl_tls13_ciphers",
	  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
	  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256" },
	{ "ssl_groups", "X25519:prime256v1:secp384r1", "X25519:prime256v1:secp384r1" },
	{ "ssl_ecdh_curve", "prime256v1", "prime256v1" },
	{ "ssl_prefer_server_ciphers", "on", "on" },
};

/* ssl_groups replaced ssl_ecdh_curve, which still works as another name for it. */
static bool
is_available(const char *name)
{
	if (strcmp(name, "ssl_ecdh_curve") == 0 && GetConfigOption("ssl_groups", true, false) != NULL)
		return false;
	return GetConfigOption(name, true, false) != NULL;
}

void
castssl_profile_plan(CastsslPlan *plan, const char *profile)
{
	static const char *const names[] = { "intermediate", "modern", NULL };
	bool modern = castssl_choice("profile", profile, names,
								 "NULL leaves protocol versions and ciphers as they are.") == 1;

	for (int i = 0; i < lengthof(settings); i++)
	{
		const char *value = modern ? settings[i].modern : settings[i].intermediate;

		if (value && is_available(settings[i].name))
			castssl_plan_parameter(plan, settings[i].name, value);
	}
}
