/* pg_castssl--0.1.0--0.2.0.sql */

-- complain if the script is sourced in psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION pg_castssl UPDATE TO '0.2.0'" to load this file. \quit

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
