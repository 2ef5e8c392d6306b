-- Who may call what.
CREATE ROLE castssl_regress_nobody;
CREATE ROLE castssl_regress_monitor IN ROLE pg_monitor;
SELECT p.proname,
       has_function_privilege('castssl_regress_nobody', p.oid, 'EXECUTE') AS nobody,
       has_function_privilege('castssl_regress_monitor', p.oid, 'EXECUTE') AS monitor
  FROM pg_proc p
 WHERE p.proname IN ('castssl_enable', 'castssl_disable', 'castssl_status', 'castssl_reload',
                     'castssl_certificates', 'castssl_hba_rules', 'castssl_check', 'castssl_report',
                     'castssl_fingerprint')
 ORDER BY 1;
\set VERBOSITY sqlstate
SET ROLE castssl_regress_nobody;
SELECT * FROM castssl_enable(dry_run => true);
SELECT * FROM castssl_disable(dry_run => true);
SELECT * FROM castssl_reload();
SELECT * FROM castssl_status();
SELECT * FROM castssl_certificates();
SELECT * FROM castssl_hba_rules();
RESET ROLE;
SET ROLE castssl_regress_monitor;
SELECT * FROM castssl_enable(dry_run => true);
SELECT count(*) FROM castssl_status();
SELECT count(*) >= 0 AS works FROM castssl_hba_rules();
SET castssl.allowed_directories = '/';
RESET ROLE;
DROP ROLE castssl_regress_nobody, castssl_regress_monitor;
