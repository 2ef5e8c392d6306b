-- castssl_hba_rules says what pg_hba_file_rules says.
SELECT count(*) = 0 AS same
  FROM (SELECT line_number, type, database, user_name, auth_method FROM castssl_hba_rules()) ours
  FULL JOIN
       (SELECT line_number, type, database, user_name, auth_method FROM pg_hba_file_rules) theirs
       USING (line_number)
 WHERE ours.type IS DISTINCT FROM theirs.type
    OR ours.database IS DISTINCT FROM theirs.database
    OR ours.user_name IS DISTINCT FROM theirs.user_name
    OR ours.auth_method IS DISTINCT FROM theirs.auth_method;
SELECT count(*) = 0 AS same_address
  FROM castssl_hba_rules() ours JOIN pg_hba_file_rules theirs USING (line_number)
 WHERE ours.address IS DISTINCT FROM theirs.address
    OR ours.netmask IS DISTINCT FROM theirs.netmask;
SELECT bool_and(rule_number = position) AS numbered
  FROM (SELECT rule_number, row_number() OVER (ORDER BY line_number) AS position
          FROM castssl_hba_rules()) r;
