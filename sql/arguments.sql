-- Arguments that are refused before anything is looked at. Nothing here changes the server.
\set VERBOSITY sqlstate
SELECT * FROM castssl_enable(clientcert => 'perhaps', dry_run => true);
SELECT * FROM castssl_enable(clientcert => '', dry_run => true);
SELECT * FROM castssl_enable(plaintext => 'maybe', dry_run => true);
SELECT * FROM castssl_enable(plaintext => NULL, dry_run => true);
SELECT * FROM castssl_enable(auth_method => 'magic', dry_run => true);
SELECT * FROM castssl_enable(cert_file => '', dry_run => true);
SELECT * FROM castssl_enable(key_file => '', dry_run => true);
SELECT * FROM castssl_enable(clientcert => 'verify-ca', ca_file => '', dry_run => true);
SELECT * FROM castssl_enable(confirm_within => '-1 min', dry_run => true);
SELECT * FROM castssl_disable(confirm_within => '0', dry_run => true);
-- missing files
SELECT * FROM castssl_enable(source_dir => '/no/such/directory', dry_run => true);
SELECT * FROM castssl_enable(cert_file => '/no/such/file', dry_run => true);
-- a message, a fact and the next step
\set VERBOSITY terse
SELECT * FROM castssl_enable(source_dir => '/no/such/directory', dry_run => true);
\set VERBOSITY default
-- in a transaction block, a warning comes first
\set VERBOSITY terse
BEGIN;
SELECT * FROM castssl_enable(source_dir => '/no/such/directory', dry_run => false);
ROLLBACK;
