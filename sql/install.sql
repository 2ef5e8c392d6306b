-- What the extension consists of.
CREATE EXTENSION pg_castssl;
SELECT extname, extversion, extrelocatable FROM pg_extension WHERE extname = 'pg_castssl';
-- names, parameters and columns of the contract, in its order (more may come between and after)
WITH contract (proname, names) AS (VALUES
  ('castssl_enable', ARRAY['source_dir', 'cert_file', 'key_file', 'ca_file', 'crl_file',
    'clientcert', 'plaintext', 'addresses', 'auth_method', 'target_dir', 'confirm_within',
    'force', 'dry_run', 'step', 'action', 'target', 'result', 'detail']),
  ('castssl_disable', ARRAY['confirm_within', 'force', 'dry_run', 'step', 'action', 'target',
    'result', 'detail']),
  ('castssl_status', ARRAY['ssl', 'config_file', 'hba_file', 'data_directory', 'cert_file',
    'key_file', 'ca_file', 'crl_file', 'cert_subject', 'cert_not_after', 'cert_fingerprint',
    'served_fingerprint', 'hba_staged', 'change_id', 'change_state', 'confirm_deadline']),
  ('castssl_reload', ARRAY['reloaded', 'served_fingerprint', 'problem']),
  ('castssl_certificates', ARRAY['role', 'file_name', 'position', 'subject', 'issuer', 'serial',
    'not_before', 'not_after', 'dns_names', 'ip_addresses', 'key_algorithm', 'key_bits',
    'signature_algorithm', 'is_ca', 'self_signed', 'fingerprint']),
  ('castssl_fingerprint', ARRAY['part', 'subject', 'fingerprint']),
  ('castssl_hba_rules', ARRAY['staged', 'rule_number', 'file_name', 'line_number', 'type',
    'database', 'user_name', 'address', 'netmask', 'auth_method', 'options', 'dead',
    'dead_because', 'error']))
SELECT c.proname,
       c.names = ARRAY(SELECT n.name
                         FROM unnest(p.proargnames) WITH ORDINALITY n (name, position)
                        WHERE n.name = ANY (c.names) ORDER BY n.position) AS as_agreed
  FROM contract c LEFT JOIN pg_proc p USING (proname)
 ORDER BY 1;
-- every object bears the name, has a comment, and nothing is for PUBLIC
SELECT p.proname
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
 WHERE d.classid = 'pg_proc'::regclass
   AND d.refclassid = 'pg_extension'::regclass
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_castssl')
   AND (p.proname NOT LIKE 'castssl\_%'
        OR obj_description(p.oid, 'pg_proc') IS NULL
        OR has_function_privilege('public', p.oid, 'EXECUTE'));
-- it can go and come back
DROP EXTENSION pg_castssl;
CREATE EXTENSION pg_castssl;
