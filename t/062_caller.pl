# The caller is the caller: role x function x context in which SQL can run. Each context runs every
# function with a role that was granted nothing, and with one that was granted EXECUTE on all; the
# outcome must be that of a direct call, and nothing that is for superusers may be among it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('caller', streaming => 1, conf => "wal_level = logical\nautovacuum_naptime = '1s'\nautovacuum = off");
my $version = int($t->sql('SHOW server_version_num') / 10000);
my $hba = $CastsslTest::stock_hba
  . qq{host all all 192.0.2.0/24 ldap ldapserver=ldap.example.net ldapbasedn="dc=x" ldapbinddn="cn=x" ldapbindpasswd="swordfish42"\n};
$t->set_hba($hba);
$t->sql('CREATE DATABASE elsewhere');
$t->sql('CREATE EXTENSION pg_castssl', database => 'elsewhere');
$t->sql('CREATE ROLE nobody LOGIN; CREATE ROLE operator LOGIN');

my @functions = map {
	my ($signature, $name, $nulls) = split /\|/;
	{ signature => $signature, name => $name, sql => "SELECT count(*)::text FROM public.$name(" . ($nulls // '') . ')' }
} split /\n/, $t->sql(
	q{SELECT concat_ws('|', p.oid::regprocedure, p.proname,
		  (SELECT string_agg('NULL::' || format_type(p.proargtypes[i - 1], NULL), ', ' ORDER BY i) FROM generate_series(1, p.pronargs) i))
	  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid
	  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
		AND d.deptype = 'e' AND e.extname = 'pg_castssl' ORDER BY 1});
# Every function of the extension, and who may call it when it is installed: a new one is written down here
# first, and with it what only a superuser may see or do there (@calls).
my %meant = ((map { ("castssl_$_" => 'pg_monitor') }
	  qw(status certificates check report fingerprint changes hba_rules hba_explain hba_compare hba_impact client_config certificate_info)),
	map { ("castssl_$_" => 'nobody') } qw(enable disable reload hba_stage hba_add hba_change hba_move hba_remove hba_require_tls hba_apply hba_discard hba_diff
	  confirm postpone rollback csr install create_ca sign issue_client revoke));
is_deeply([ sort keys %{ { map { $_->{name} => 1 } @functions } } ], [ sort keys %meant ], 'all functions are known here');
foreach my $function (@functions)
{
	my ($monitor, $public) = split /\|/, $t->sql("SELECT has_function_privilege('pg_monitor', '$function->{signature}', 'EXECUTE'), has_function_privilege('nobody', '$function->{signature}', 'EXECUTE')");
	is($public eq 't' ? 'PUBLIC' : $monitor eq 't' ? 'pg_monitor' : 'nobody', $meant{ $function->{name} }, "who may call $function->{signature}");
}
is($t->sql(q{SELECT count(*) FROM pg_proc WHERE proname LIKE 'castssl\_%' AND (prosecdef
	OR proname <> 'castssl_certificate_info' AND proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}')}),
	0, 'none is SECURITY DEFINER, and each has its search_path');

# What only a superuser may see, every function, and what changes something: edits are staged before.
my @calls = (
	[ 'secret of a rule', q{SELECT string_agg(options::text, ' ') FROM public.castssl_hba_rules()} ],
	[ 'secret of an answer', q{SELECT rule FROM public.castssl_hba_explain('postgres', 'alice', '192.0.2.1', 'none')} ],
	[ 'secret in a report', q{SELECT public.castssl_report()} ],
	[ 'secret in a diff', q{SELECT public.castssl_hba_diff()} ],
	[ 'files outside', "SELECT count(*)::text FROM public.castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', dry_run => true)" ],
	# without a number castssl_rollback would take something back
	(map { [ $_->{name}, $_->{name} eq 'castssl_rollback' ? 'SELECT count(*)::text FROM public.castssl_rollback(-1)' : $_->{sql} ] }
		grep { $_->{name} !~ /^castssl_hba_(?:apply|discard)$/ } @functions),
	[ 'a change applied', q{SELECT count(*)::text FROM public.castssl_hba_apply()} ],
	[ 'who changed it', q{SELECT user_name FROM public.castssl_changes() ORDER BY change_id DESC LIMIT 1} ],
	[ 'a change taken back', q{SELECT count(*)::text FROM public.castssl_rollback(COALESCE((SELECT max(change_id) FROM public.castssl_changes() WHERE action = 'apply pg_hba' AND state IN ('applied', 'uncommitted')), -1), true)} ],
	[ 'castssl_hba_discard', 'SELECT count(*)::text FROM public.castssl_hba_discard()' ]);

# An edit that a role may apply.
sub stage
{
	my ($role) = @_;
	my $user = $role eq 'nobody' ? 'postgres' : $role;
	$t->sql('SELECT public.castssl_hba_discard()');
	$t->sql("SELECT public.castssl_hba_remove(@{[ $hba =~ tr/\n// ]})", user => $user);
	return;
}

sub prepare
{
	my ($database, @roles) = @_;
	$t->sql('CREATE TABLE calls (number int, name text, sql text); GRANT SELECT ON calls TO PUBLIC', database => $database);
	my $number = 0;
	$t->sql('INSERT INTO calls VALUES ' . join(', ', map { '(' . $number++ . ", \$q\$$_->[0]\$q\$, \$q\$$_->[1]\$q\$)" } @calls), database => $database);
	foreach my $role (@roles)
	{
		$t->sql("CREATE SCHEMA of_$role AUTHORIZATION $role", database => $database);
		$t->sql("SET ROLE $role;
			CREATE TABLE of_$role.loot (context text, number int, name text, as_role text, outcome text, told text);
			CREATE FUNCTION of_$role.run(what text) RETURNS int VOLATILE LANGUAGE plpgsql AS \$f\$
			DECLARE
				c record; result text; state text; reason text;
			BEGIN
				FOR c IN SELECT * FROM public.calls ORDER BY number LOOP
					BEGIN
						EXECUTE c.sql INTO result;
						state := 'ok';
					EXCEPTION WHEN OTHERS THEN
						GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, reason = CONSTRAINT_NAME;
						state := pg_catalog.concat_ws(' ', state, NULLIF(reason, ''));
						result := sqlerrm;
					END;
					INSERT INTO of_$role.loot VALUES (what, c.number, c.name, current_user, state, result);
				END LOOP;
				RETURN 1;
			END \$f\$;
			CREATE FUNCTION of_$role.quietly(what text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$f\$
			BEGIN PERFORM of_$role.run(what); RETURN 1; END \$f\$;
			CREATE FUNCTION of_$role.on_row() RETURNS trigger LANGUAGE plpgsql AS \$f\$
			BEGIN PERFORM of_$role.run(TG_ARGV[0]); RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END; END \$f\$", database => $database);
	}
	return;
}
prepare('postgres', 'nobody', 'operator', 'postgres');
prepare('elsewhere', 'nobody', 'operator', 'postgres');
foreach my $database ('postgres', 'elsewhere')
{
	$t->sql("GRANT EXECUTE ON FUNCTION $_->{signature} TO operator", database => $database) foreach @functions;
}

sub loot
{
	my ($role, $context, $database) = @_;
	return $t->rows("SELECT * FROM of_$role.loot WHERE context = '$context' ORDER BY number", database => $database // 'postgres');
}

my %direct;

# What a role got in a context: what a direct call gives, and no more. Without a connection of its
# own nothing is known about it, and a change that could cut it off is refused.
sub judge
{
	my ($role, $context, %options) = @_;
	my $rows = loot($role, $context, $options{database});
	subtest "$role: $context" => sub {
		is(scalar @$rows, scalar @calls, 'every function was called') or return;
		is(join(' ', sort keys %{ { map { $_->{as_role} => 1 } @$rows } }), $role, 'as the role');
		unlike(join(' ', map { $_->{told} // '' } @$rows), qr/swordfish42/, 'no secret is told') unless $role eq 'postgres';
		foreach my $row (@$rows)
		{
			my $expected = $direct{$role}{ $row->{name} };
			$expected = '55000 castssl_would_cut_off'
			  if $options{no_session} && ($row->{name} eq 'a change applied' || $row->{name} eq 'files outside' && $role eq 'postgres');
			$expected = '22023' if $options{no_session} && $row->{name} eq 'a change taken back' && $role ne 'nobody';
			$expected = '42501' if $role eq 'nobody';
			is($row->{outcome}, $expected, $row->{name}) or diag $row->{told};
		}
		my ($who) = map { $_->{told} } grep { $_->{name} eq 'who changed it' && $_->{outcome} eq 'ok' } @$rows;
		is($who, $role, 'the journal names it') unless $role eq 'nobody' || $options{no_session};
	};
	is($t->hba, $hba, "$role, $context: pg_hba.conf is as it was");
	return;
}

# --- directly; this is what every context is compared with

foreach my $role ('nobody', 'operator', 'postgres')
{
	stage($role);
	$t->sql("SELECT of_$role.run('direct')", user => $role);
	my $rows = loot($role, 'direct');
	$direct{$role} = { map { $_->{name} => $_->{outcome} } @$rows };
	judge($role, 'direct');
}
is($direct{operator}{'files outside'}, '42501', 'a role with EXECUTE: no files outside');
is($direct{postgres}{'files outside'}, 'ok', 'a superuser: files outside');
like(join(' ', map { $_->{told} // '' } grep { $_->{name} eq 'secret of a rule' } @{ loot('postgres', 'direct') }),
	qr/swordfish42/, 'a superuser sees the secrets of rules');
is($direct{operator}{$_}, 'ok', "a role with EXECUTE: $_") foreach 'secret of a rule', 'secret in a diff', 'a change applied', 'a change taken back';

# --- what a superuser, or a process of the server, sets off runs as the owner of the object

foreach my $role ('nobody', 'operator')
{
	# PUBLIC can write to the schema, so that the role's objects can be used
	$t->sql("SET ROLE $role;
		CREATE TABLE of_$role.bait (a int);
		INSERT INTO of_$role.bait VALUES (1);
		CREATE INDEX ON of_$role.bait ((of_$role.quietly('index')));
		CREATE MATERIALIZED VIEW of_$role.view AS SELECT of_$role.run('materialized view') WITH NO DATA;
		CREATE FUNCTION of_$role.definer() RETURNS int SECURITY DEFINER LANGUAGE sql AS \$\$ SELECT of_$role.run('definer') \$\$;
		CREATE TABLE of_$role.parent (id int PRIMARY KEY); CREATE TABLE of_$role.child (id int REFERENCES of_$role.parent ON DELETE CASCADE);
		INSERT INTO of_$role.parent VALUES (1); INSERT INTO of_$role.child VALUES (1);
		CREATE TRIGGER t BEFORE DELETE ON of_$role.child FOR EACH ROW EXECUTE FUNCTION of_$role.on_row('foreign key')");
	stage($role);
	$t->sql("DELETE FROM of_$role.loot WHERE context = 'index'; REINDEX TABLE of_$role.bait");
	judge($role, 'index');
	$t->sql("DELETE FROM of_$role.loot WHERE context = 'index'");
	stage($role);
	$t->sql("REFRESH MATERIALIZED VIEW of_$role.view");
	judge($role, 'materialized view');
	stage($role);
	$t->sql("SELECT of_$role.definer()");
	judge($role, 'definer');
	stage($role);
	$t->sql("DELETE FROM of_$role.parent");
	judge($role, 'foreign key');
	stage($role);
	$t->sql("SET ROLE $role; SELECT of_$role.run('set role')");
	judge($role, 'set role');
	stage($role);
	$t->sql("SET SESSION AUTHORIZATION $role; SELECT of_$role.run('session authorization')");
	judge($role, 'session authorization');

	# the index is written before autovacuum may come; one table at a time
	$t->sql("SET ROLE $role; INSERT INTO of_$role.bait SELECT generate_series(2, 9)");
	$t->sql("DELETE FROM of_$role.loot WHERE context = 'index'");
	stage($role);
	$t->sql('ALTER SYSTEM SET autovacuum = on');
	$t->reload;
	$t->sql("SET ROLE $role; ALTER TABLE of_$role.bait SET (autovacuum_analyze_threshold = 0, autovacuum_analyze_scale_factor = 0, autovacuum_enabled = on)");
	$t->{node}->poll_query_until('postgres', "SELECT count(*) >= @{[ scalar @calls ]} FROM of_$role.loot WHERE context = 'index'")
	  or die 'autovacuum did not come';
	$t->sql("SET ROLE $role; ALTER TABLE of_$role.bait SET (autovacuum_enabled = off)");
	$t->sql('ALTER SYSTEM RESET autovacuum');
	$t->reload;
	# analyze evaluates it for each row
	$t->sql("UPDATE of_$role.loot SET context = 'autovacuum' WHERE ctid IN (SELECT ctid FROM of_$role.loot WHERE context = 'index' LIMIT @{[ scalar @calls ]})");
	judge($role, 'autovacuum', no_session => 1);
}

# --- a background worker of somebody else's, which has no connection of its own

$t->make_background_worker;
foreach my $role ('nobody', 'operator', 'postgres')
{
	stage($role);
	$t->sql("SELECT run_in_background('SET ROLE $role; SELECT of_$role.run(''background'')')");
	judge($role, 'background', no_session => 1);
}

# --- a trigger and a view run as who uses them, as SQL has it

foreach my $role ('nobody', 'operator')
{
	$t->sql("CREATE TABLE open_$role (a int); GRANT INSERT ON open_$role TO $role; GRANT USAGE ON SCHEMA of_$role TO PUBLIC;
		CREATE TRIGGER t AFTER INSERT ON open_$role FOR EACH ROW EXECUTE FUNCTION of_$role.on_row('trigger')");
	stage($role);
	$t->sql("INSERT INTO open_$role VALUES (1)", user => $role);
	judge($role, 'trigger');
}
$t->sql('CREATE VIEW rules AS SELECT * FROM castssl_hba_rules(); GRANT SELECT ON rules TO nobody, operator');
$t->fails('SELECT * FROM rules', '42501', "a superuser's view lends nobody EXECUTE", psql => { user => 'nobody' }, no_detail => 1);
my $seen = $t->sql('SELECT string_agg(options::text, $$ $$) FROM rules', user => 'operator');
like($seen, qr/ldapbindpasswd=\*\*\*/, "a superuser's view: the secret is masked for who looks");
like($t->sql('SELECT string_agg(options::text, $$ $$) FROM rules'), qr/swordfish42/, 'and shown to a superuser');
$t->sql('CREATE FUNCTION lent() RETURNS text SECURITY DEFINER LANGUAGE sql AS $$ SELECT string_agg(options::text, $x$ $x$) FROM castssl_hba_rules() $$');
like($t->sql('SELECT lent()', user => 'nobody'), qr/swordfish42/, "in a superuser's SECURITY DEFINER function the superuser is the caller");

# --- a parallel operation

my $forced = $version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
$t->sql('SET ROLE operator; CREATE FUNCTION of_operator.parallel() RETURNS bigint PARALLEL SAFE LANGUAGE plpgsql AS
	$$ BEGIN RETURN (SELECT count(*) FROM public.castssl_hba_rules()); END $$');
$t->fails("SET $forced = on; SELECT of_operator.parallel()", '25000', 'a parallel worker', psql => { user => 'operator' }, hint => qr/PARALLEL UNSAFE/);
is($t->sql("SET $forced = on; SELECT count(*) > 0 FROM castssl_hba_rules()", user => 'operator'), 't', 'called as it is, it needs no worker');

# --- logical replication: the owner of the table (16 on) or of the subscription, without a connection

foreach my $role ('nobody', 'operator')
{
	my $table = "of_$role.replicated";
	$t->sql("CREATE TABLE $table (a int); ALTER TABLE $table OWNER TO $role; CREATE PUBLICATION p_$role FOR TABLE $table");
	$t->sql("CREATE TABLE $table (a int); ALTER TABLE $table OWNER TO $role;
		CREATE TRIGGER t BEFORE INSERT ON $table FOR EACH ROW EXECUTE FUNCTION of_$role.on_row('apply');
		ALTER TABLE $table ENABLE ALWAYS TRIGGER t", database => 'elsewhere');
	$t->sql("SELECT pg_create_logical_replication_slot('s_$role', 'pgoutput')");
	$t->sql("CREATE SUBSCRIPTION s_$role CONNECTION 'host=@{[ $t->{node}->host ]} port=@{[ $t->{node}->port ]} user=postgres dbname=postgres'
		PUBLICATION p_$role WITH (create_slot = false, slot_name = s_$role, copy_data = false, enabled = false)", database => 'elsewhere');
	$t->sql("ALTER ROLE $role SUPERUSER; ALTER SUBSCRIPTION s_$role OWNER TO $role; ALTER ROLE $role NOSUPERUSER", database => 'elsewhere')
	  if $version < 16;
	$t->sql("ALTER SUBSCRIPTION s_$role ENABLE", database => 'elsewhere');
	stage($role);
	$t->sql("INSERT INTO $table VALUES (1)");
	$t->{node}->poll_query_until('elsewhere', "SELECT count(*) >= @{[ scalar @calls ]} FROM of_$role.loot WHERE context = 'apply'")
	  or die 'nothing was replicated';
	judge($role, 'apply', no_session => 1, database => 'elsewhere');
	$t->sql($_, database => 'elsewhere') foreach "ALTER SUBSCRIPTION s_$role DISABLE", "ALTER SUBSCRIPTION s_$role SET (slot_name = NONE)", "DROP SUBSCRIPTION s_$role";
}

# --- after an error the caller is who it was

my ($ok, $out, $err) = $t->psql(q{DO $$ BEGIN PERFORM public.castssl_confirm(); EXCEPTION WHEN OTHERS THEN NULL; END $$; SELECT current_user, session_user},
	user => 'operator');
is($out, 'operator|operator', 'current_user after an error') or diag $err;
$t->stop;

done_testing();
