-- castssl_status against what the server says of itself.
SELECT count(*) FROM castssl_status();
SELECT s.ssl = current_setting('ssl')::boolean AS ssl,
       s.config_file = current_setting('config_file') AS config_file,
       s.hba_file = current_setting('hba_file') AS hba_file,
       s.data_directory = current_setting('data_directory') AS data_directory,
       s.cert_file ~ '^([A-Z]:)?/' AS cert_file,
       s.key_file ~ '^([A-Z]:)?/' AS key_file
  FROM castssl_status() s;
-- parameters of the extension
SELECT name, setting, unit, context FROM pg_settings
 WHERE name IN ('castssl.allowed_directories', 'castssl.expiry_warning', 'castssl.keep_changes',
                'castssl.verify_timeout')
 ORDER BY name;
SET castssl.verify_timeout = '10s';
SHOW castssl.verify_timeout;
RESET castssl.verify_timeout;
\set VERBOSITY sqlstate
SET castssl.verify_timeout = '-1s';
