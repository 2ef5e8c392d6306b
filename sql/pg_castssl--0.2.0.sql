/* pg_castssl--0.2.0.sql */

-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_castssl" to load this file. \quit

-- The main job -------------------------------------------------------------

CREATE FUNCTION castssl_enable(
  source_dir text DEFAULT NULL,
  cert_file text DEFAULT NULL,
  key_file text DEFAULT NULL,
  ca_file text DEFAULT NULL,
  crl_file text DEFAULT NULL,
  clientcert text DEFAULT NULL,
  plaintext text DEFAULT 'keep',
  addresses text[] DEFAULT NULL,
  auth_method text DEFAULT NULL,
  target_dir text DEFAULT NULL,
  confirm_within interval DEFAULT NULL,
  force boolean DEFAULT false,
  dry_run boolean DEFAULT false,
  profile text DEFAULT NULL,
  OUT step int, OUT action text, OUT target text, OUT result text, OUT detail text,
  OUT code text, OUT change_id bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_enable'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_enable(text, text, text, text, text, text, text, text[], text, text, interval, boolean, boolean, text) IS
  'turn on TLS, or renew its files: install and check the files, set the parameters, edit pg_hba.conf if the call asks for it, reload, and prove the result by a handshake';

CREATE FUNCTION castssl_disable(
  confirm_within interval DEFAULT NULL,
  force boolean DEFAULT false,
  dry_run boolean DEFAULT false,
  OUT step int, OUT action text, OUT target text, OUT result text, OUT detail text,
  OUT code text, OUT change_id bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_disable'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_disable(interval, boolean, boolean) IS
  'take back what castssl_enable() did to the parameters and to pg_hba.conf';

-- See ----------------------------------------------------------------------

CREATE FUNCTION castssl_status(
  OUT ssl boolean, OUT config_file text, OUT hba_file text, OUT data_directory text,
  OUT cert_file text, OUT key_file text, OUT ca_file text, OUT crl_file text,
  OUT cert_subject text, OUT cert_not_after timestamptz, OUT cert_fingerprint text,
  OUT served_fingerprint text, OUT hba_staged boolean, OUT change_id bigint,
  OUT change_state text, OUT confirm_deadline timestamptz,
  OUT restart_safe boolean, OUT restart_problem text,
  OUT staged_hash text, OUT staged_by text)
AS 'MODULE_PATHNAME', 'castssl_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_status() IS
  'what the server uses for TLS, what it serves now, and the state of the last change';

CREATE FUNCTION castssl_reload(
  OUT reloaded boolean, OUT served_fingerprint text, OUT problem text)
AS 'MODULE_PATHNAME', 'castssl_reload_and_verify'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_reload() IS
  'reload the configuration, wait for the reload, and show what the server serves and what it refused';

CREATE FUNCTION castssl_certificates(
  OUT role text, OUT file_name text, OUT "position" int, OUT subject text, OUT issuer text,
  OUT serial text, OUT not_before timestamptz, OUT not_after timestamptz, OUT dns_names text[],
  OUT ip_addresses inet[], OUT key_algorithm text, OUT key_bits int,
  OUT signature_algorithm text, OUT is_ca boolean, OUT self_signed boolean,
  OUT fingerprint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_certificates'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_certificates() IS
  'facts of every certificate and CRL in the files that the ssl parameters name';

CREATE FUNCTION castssl_certificate_info(
  pem text,
  OUT role text, OUT file_name text, OUT "position" int, OUT subject text, OUT issuer text,
  OUT serial text, OUT not_before timestamptz, OUT not_after timestamptz, OUT dns_names text[],
  OUT ip_addresses inet[], OUT key_algorithm text, OUT key_bits int,
  OUT signature_algorithm text, OUT is_ca boolean, OUT self_signed boolean,
  OUT fingerprint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_certificate_info'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION castssl_certificate_info(text) IS
  'facts of every certificate and CRL in a PEM text';

CREATE FUNCTION castssl_check(
  target_version int DEFAULT NULL,
  include_ok boolean DEFAULT false,
  OUT check_name text, OUT severity text, OUT subject text, OUT message text, OUT hint text,
  OUT fix text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_check'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_check(int, boolean) IS
  'everything that is wrong with TLS on this server, worst first, with what to type next';

CREATE FUNCTION castssl_report()
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_report'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_report() IS
  'castssl_check(), the certificates, pg_hba.conf and the last changes as one HTML page to read, mail or print';

CREATE FUNCTION castssl_fingerprint(
  OUT part text, OUT subject text, OUT fingerprint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_fingerprint'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_fingerprint() IS
  'one hash of everything that decides how the server treats a client (first row), and its parts, to compare servers';

-- pg_hba.conf --------------------------------------------------------------

CREATE FUNCTION castssl_hba_rules(
  staged boolean DEFAULT false,
  OUT rule_number int, OUT file_name text, OUT line_number int, OUT type text,
  OUT database text[], OUT user_name text[], OUT address text, OUT netmask text,
  OUT auth_method text, OUT options text[], OUT dead boolean, OUT dead_because int[],
  OUT error text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_hba_rules'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_rules(boolean) IS
  'the rules of pg_hba.conf, live or staged, in the order in which the server tries them; which rules are unreachable, and which rules block them';

CREATE FUNCTION castssl_hba_explain(
  database text,
  user_name text,
  address inet DEFAULT NULL,
  encryption text DEFAULT 'tls',
  replication boolean DEFAULT false,
  client_certificate text DEFAULT NULL,
  staged boolean DEFAULT false,
  OUT verdict text, OUT file_name text, OUT line_number int, OUT rule text, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_hba_explain'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_explain(text, text, inet, text, boolean, text, boolean) IS
  'which line of pg_hba.conf answers such a connection, why the lines above do not, and what the result is';

CREATE FUNCTION castssl_hba_explain(
  database text,
  user_name text,
  address text,
  encryption text DEFAULT 'tls',
  replication boolean DEFAULT false,
  client_certificate text DEFAULT NULL,
  staged boolean DEFAULT false,
  OUT verdict text, OUT file_name text, OUT line_number int, OUT rule text, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_hba_explain_text'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_explain(text, text, text, text, boolean, text, boolean) IS
  'the same for an address as people and logs write it: in brackets, with a zone, or IPv4 inside IPv6';

CREATE FUNCTION castssl_hba_compare(
  OUT change text, OUT encryption text, OUT database text, OUT user_name text, OUT address text,
  OUT before text, OUT after text, OUT before_line int, OUT after_line int, OUT certain boolean,
  OUT example_database text, OUT example_user text, OUT example_address inet)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_hba_compare_staged'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_compare() IS
  'what the staged edits of pg_hba.conf change: who is newly admitted or refused, and who needs a certificate';

CREATE FUNCTION castssl_hba_impact(
  OUT pid int, OUT backend_type text, OUT database text, OUT user_name text, OUT address inet,
  OUT encryption text, OUT client_dn text, OUT verdict text, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_hba_impact'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_impact() IS
  'for each live session: whether one like it could come back under the staged pg_hba.conf';

CREATE FUNCTION castssl_hba_stage(content text)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_hba_stage'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_stage(text) IS
  'stage a whole new pg_hba.conf, which replaces all staged edits; returns the diff to the live files';

CREATE FUNCTION castssl_hba_add(
  type text,
  database text[],
  user_name text[],
  address text,
  auth_method text,
  options text[] DEFAULT '{}',
  before_line int DEFAULT NULL,
  file_name text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_hba_add'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_add(text, text[], text[], text, text, text[], int, text) IS
  'stage a new rule of pg_hba.conf, before a line or where it takes effect; returns the diff of all staged edits';

CREATE FUNCTION castssl_hba_add(
  rule text,
  before_line int DEFAULT NULL,
  file_name text DEFAULT NULL,
  before_rule text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_hba_add_rule'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_add(text, int, text, text) IS
  'stage a new line of pg_hba.conf, written as in the file, before the line with that number, or that holds before_rule, or where it takes effect; returns the diff of all staged edits';

CREATE FUNCTION castssl_hba_change(line_number int, rule text, file_name text DEFAULT NULL, old_rule text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_hba_change'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_change(int, text, text, text) IS
  'stage another text for a line of pg_hba.conf: the line with that number, or that holds old_rule; returns the diff of all staged edits';

CREATE FUNCTION castssl_hba_move(
  line_number int DEFAULT NULL,
  before_line int DEFAULT NULL,
  file_name text DEFAULT NULL,
  rule text DEFAULT NULL,
  before_rule text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_hba_move'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_move(int, int, text, text, text) IS
  'stage another place for a line of pg_hba.conf, by its number or by the rule that it holds: before another line, or at the end; returns the diff of all staged edits';

CREATE FUNCTION castssl_hba_remove(line_number int DEFAULT NULL, file_name text DEFAULT NULL, rule text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_hba_remove'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_remove(int, text, text) IS
  'stage the removal of a line of pg_hba.conf: the line with that number, or that holds the rule; returns the diff of all staged edits';

CREATE FUNCTION castssl_hba_require_tls(
  clientcert text DEFAULT NULL,
  plaintext text DEFAULT 'keep',
  addresses text[] DEFAULT NULL,
  auth_method text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_hba_require_tls'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_require_tls(text, text, text[], text) IS
  'stage the edits of pg_hba.conf that ask TLS clients for a certificate, or that block plaintext; returns the diff of all staged edits';

CREATE FUNCTION castssl_hba_diff()
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_hba_diff'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_diff() IS
  'the unified diff from the live files of pg_hba.conf to the staged ones; secrets are shown as ***';

CREATE FUNCTION castssl_hba_apply(
  confirm_within interval DEFAULT NULL,
  force boolean DEFAULT false,
  dry_run boolean DEFAULT false,
  expected text DEFAULT NULL,
  OUT step int, OUT action text, OUT target text, OUT result text, OUT detail text,
  OUT code text, OUT change_id bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_hba_apply'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_apply(interval, boolean, boolean, text) IS
  'make the staged pg_hba.conf live: check it by the server, replace the file, reload, verify; if expected is given, only if it is the hash of the staged edits';

CREATE FUNCTION castssl_hba_discard()
RETURNS boolean
AS 'MODULE_PATHNAME', 'castssl_hba_discard'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_hba_discard() IS
  'discard the staged edits; false if there were none';

-- Keys and certificates ----------------------------------------------------

CREATE FUNCTION castssl_csr(
  common_name text,
  dns_names text[] DEFAULT NULL,
  ip_addresses inet[] DEFAULT NULL,
  key_type text DEFAULT 'ec:P-256')
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_csr'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_csr(text, text[], inet[], text) IS
  'make a private key, which stays on the server, and return its certificate signing request';

CREATE FUNCTION castssl_install(
  certificate text DEFAULT NULL,
  ca text DEFAULT NULL,
  private_key text DEFAULT NULL,
  crl text DEFAULT NULL,
  confirm_within interval DEFAULT NULL,
  dry_run boolean DEFAULT false,
  force boolean DEFAULT false,
  OUT step int, OUT action text, OUT target text, OUT result text, OUT detail text,
  OUT code text, OUT change_id bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_install'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_install(text, text, text, text, interval, boolean, boolean) IS
  'install a certificate, a CA and a CRL that are given as PEM texts; the private key is the one of castssl_csr(), the current one, or a given one';

CREATE FUNCTION castssl_create_ca(
  common_name text,
  valid_for interval DEFAULT '10 years',
  key_type text DEFAULT 'ec:P-384')
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_create_ca'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_create_ca(text, interval, text) IS
  'make a small CA on this server and return its certificate';

CREATE FUNCTION castssl_sign(
  request text,
  valid_for interval DEFAULT NULL,
  purpose text DEFAULT 'client')
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_sign'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_sign(text, interval, text) IS
  'sign a certificate request with this server''s CA, and return the certificate';

CREATE FUNCTION castssl_issue_client(
  user_name text,
  password text DEFAULT NULL,
  valid_for interval DEFAULT '90 days')
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_issue_client'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_issue_client(text, text, interval) IS
  'write the key, the certificate and the root certificate of a client to a directory of the server, and return its name';

CREATE FUNCTION castssl_revoke(
  certificate text,
  reason text DEFAULT 'unspecified',
  force boolean DEFAULT false)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_revoke'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_revoke(text, text, boolean) IS
  'revoke a certificate of this server''s CA: make, install and return the new CRL';

CREATE FUNCTION castssl_client_config(
  format text,
  host text,
  user_name text,
  database text DEFAULT 'postgres',
  port int DEFAULT NULL,
  sslmode text DEFAULT NULL,
  folder text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'castssl_client_config'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_client_config(text, text, text, text, int, text, text) IS
  'what a client needs to connect: uri, node, service, jdbc, npgsql or cast';

-- Changes ------------------------------------------------------------------

CREATE FUNCTION castssl_changes(
  OUT change_id bigint, OUT started_at timestamptz, OUT finished_at timestamptz,
  OUT user_name text, OUT action text, OUT state text, OUT confirm_deadline timestamptz,
  OUT files text[], OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_changes'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_changes() IS
  'the changes that this extension made to the server, oldest first';

CREATE FUNCTION castssl_confirm(change_id bigint DEFAULT NULL, force boolean DEFAULT false)
RETURNS bigint
AS 'MODULE_PATHNAME', 'castssl_confirm'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_confirm(bigint, boolean) IS
  'keep the unconfirmed change, if a client has connected since then in the way that the change wants';

CREATE FUNCTION castssl_postpone(confirm_within interval)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'castssl_postpone'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_postpone(interval) IS
  'give the unconfirmed change a new deadline, counted from now';

CREATE FUNCTION castssl_rollback(
  change_id bigint DEFAULT NULL,
  force boolean DEFAULT false,
  OUT step int, OUT action text, OUT target text, OUT result text, OUT detail text,
  OUT code text, OUT change_id bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_rollback'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_rollback(bigint, boolean) IS
  'take back that change and all later ones (NULL: the change that waits to be confirmed)';

-- Privileges ---------------------------------------------------------------

REVOKE ALL ON FUNCTION
  castssl_enable(text, text, text, text, text, text, text, text[], text, text, interval, boolean, boolean, text),
  castssl_disable(interval, boolean, boolean),
  castssl_status(),
  castssl_reload(),
  castssl_certificates(),
  castssl_certificate_info(text),
  castssl_check(int, boolean),
  castssl_report(),
  castssl_fingerprint(),
  castssl_hba_rules(boolean),
  castssl_hba_explain(text, text, inet, text, boolean, text, boolean),
  castssl_hba_explain(text, text, text, text, boolean, text, boolean),
  castssl_hba_compare(),
  castssl_hba_impact(),
  castssl_hba_stage(text),
  castssl_hba_add(text, text[], text[], text, text, text[], int, text),
  castssl_hba_add(text, int, text, text),
  castssl_hba_change(int, text, text, text),
  castssl_hba_move(int, int, text, text, text),
  castssl_hba_remove(int, text, text),
  castssl_hba_require_tls(text, text, text[], text),
  castssl_hba_diff(),
  castssl_hba_apply(interval, boolean, boolean, text),
  castssl_hba_discard(),
  castssl_csr(text, text[], inet[], text),
  castssl_install(text, text, text, text, interval, boolean, boolean),
  castssl_create_ca(text, interval, text),
  castssl_sign(text, interval, text),
  castssl_issue_client(text, text, interval),
  castssl_revoke(text, text, boolean),
  castssl_client_config(text, text, text, text, int, text, text),
  castssl_changes(),
  castssl_confirm(bigint, boolean),
  castssl_postpone(interval),
  castssl_rollback(bigint, boolean)
FROM PUBLIC;

-- ALTER DEFAULT PRIVILEGES may have given the functions to others than PUBLIC: nobody but the owner
-- keeps what was not granted here.
DO $$
DECLARE
  granted record;
BEGIN
  FOR granted IN
    SELECT DISTINCT p.oid::pg_catalog.regprocedure AS function, a.grantee
      FROM pg_catalog.pg_depend d
      JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
      JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) d.objid,
      LATERAL pg_catalog.aclexplode(p.proacl) a
     WHERE e.extname OPERATOR(pg_catalog.=) 'pg_castssl' AND d.deptype OPERATOR(pg_catalog.=) 'e'
       AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
       AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
       AND a.grantee OPERATOR(pg_catalog.<>) p.proowner
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM %s CASCADE', granted.function,
      CASE WHEN granted.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
           ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(granted.grantee)) END);
  END LOOP;
END
$$;

GRANT EXECUTE ON FUNCTION
  castssl_status(),
  castssl_certificates(),
  castssl_certificate_info(text),
  castssl_check(int, boolean),
  castssl_report(),
  castssl_fingerprint(),
  castssl_hba_rules(boolean),
  castssl_hba_explain(text, text, inet, text, boolean, text, boolean),
  castssl_hba_explain(text, text, text, text, boolean, text, boolean),
  castssl_hba_compare(),
  castssl_hba_impact(),
  castssl_client_config(text, text, text, text, int, text, text),
  castssl_changes()
TO pg_monitor;
