/* pg_castssl--0.1.0--0.2.0.sql */

-- complain if the script is sourced in psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION pg_castssl UPDATE TO '0.2.0'" to load this file. \quit

-- Changes -------------------------------------------------------------------

-- With the reason why a change is in its state. The block below sees to its privileges.
DROP FUNCTION castssl_changes();
CREATE FUNCTION castssl_changes(
  OUT change_id bigint, OUT started_at timestamptz, OUT finished_at timestamptz,
  OUT user_name text, OUT action text, OUT state text, OUT confirm_deadline timestamptz,
  OUT files text[], OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'castssl_changes'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY INVOKER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION castssl_changes() IS
  'the changes that this extension made to the server, oldest first';

-- Privileges ---------------------------------------------------------------

-- ALTER DEFAULT PRIVILEGES may have given the functions to others, which 0.1.0 did not see: nobody but
-- the owner keeps what is not granted here. Who was meant to have it is named, to be granted it again.
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
    IF granted.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
      AND granted.grantee OPERATOR(pg_catalog.<>) 'pg_monitor'::pg_catalog.regrole THEN
      RAISE WARNING '% may no longer call %', pg_catalog.pg_get_userbyid(granted.grantee), granted.function
        USING HINT = pg_catalog.format('If that was meant: GRANT EXECUTE ON FUNCTION %s TO %I;',
          granted.function, pg_catalog.pg_get_userbyid(granted.grantee));
    END IF;
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM %s CASCADE', granted.function,
      CASE WHEN granted.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
           ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(granted.grantee)) END);
  END LOOP;
END
$$;

REVOKE ALL ON FUNCTION castssl_changes() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
  castssl_status(),
  castssl_certificates(),
  castssl_certificate_info(text),
  castssl_check(int),
  castssl_report(),
  castssl_fingerprint(),
  castssl_hba_rules(boolean),
  castssl_hba_explain(text, text, inet, text, boolean, text, boolean),
  castssl_hba_compare(),
  castssl_hba_impact(),
  castssl_client_config(text, text, text, text),
  castssl_changes()
TO pg_monitor;

COMMENT ON FUNCTION castssl_hba_rules(boolean) IS
  'the rules of pg_hba.conf, live or staged, in the order in which they are tried, which are unreachable, and which rules block them';

-- In every context in which SQL can run, the caller is the current user.  Inside the functions, what
-- needs the owner's rights runs as the owner.  This must stay the last statement.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN
    SELECT p.oid
      FROM pg_catalog.pg_depend d
           JOIN pg_catalog.pg_proc p ON p.oid = d.objid
           JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
     WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
           AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
           AND d.deptype = 'e' AND e.extname = 'pg_castssl' AND p.prosecdef
  LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s SECURITY INVOKER', f);
  END LOOP;
END
$$;
