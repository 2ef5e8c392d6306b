# Replication goes on over TLS with client certificates when plaintext is blocked, by the steps of
# docs/replication.md: streaming, pg_basebackup, logical replication, failover and pg_rewind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $primary = CastsslTest->new('primary', streaming => 1, conf => 'wal_level = logical
wal_log_hints = on
wal_keep_size = 256MB');
my $pki = $primary->{pki};
$pki->certificate($_, 'root', "/CN=$_", 'client', -1, 90) foreach qw(replicator rewinder);
$ENV{PGPASSWORD} = 'wonderland';
$primary->sql(<<'SQL');
CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'wonderland';
CREATE ROLE rewinder LOGIN PASSWORD 'wonderland';
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean), pg_catalog.pg_stat_file(text, boolean),
	pg_catalog.pg_read_binary_file(text), pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO rewinder;
CREATE TABLE things (n int);
GRANT SELECT, INSERT ON things TO replicator, alice;
CREATE PUBLICATION things FOR TABLE things;
SQL

sub conninfo
{
	my ($t, $user, $tls, %more) = @_;
	my %settings = (
		host => $tls ? 'localhost' : '127.0.0.1', hostaddr => '127.0.0.1', port => $t->{node}->port, user => $user,
		password => 'wonderland', sslmode => $tls ? 'verify-full' : 'disable',
		sslrootcert => $pki->path('root.crt'),
		sslcert => $pki->path($tls ? "$user.crt" : 'no-such-file'), sslkey => $pki->path($tls ? "$user.key" : 'no-such-file'),
		%more);
	return join ' ', map { "$_=$settings{$_}" } grep { length $settings{$_} } sort keys %settings;
}

sub store
{
	my ($t, $name, $value) = @_;
	$t->sql("ALTER SYSTEM SET $name = " . CastsslTest::quote($value));
	return $t->reload;
}

sub run
{
	my (@command) = @_;
	my $output = '';
	IPC::Run::run(\@command, '<', \undef, '>&', \$output);
	return ($? == 0, $output);
}

sub wait_for
{
	my ($t, $query, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok($t->{node}->poll_query_until('postgres', $query), $name);
}

my $thing = 0;

# A row written on one side arrives on the other.
sub replicates
{
	my ($from, $to, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$thing++;
	$from->sql("INSERT INTO things VALUES ($thing)");
	return wait_for($to, "SELECT count(*) = 1 FROM things WHERE n = $thing", $name);
}

my $walsenders = q{FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)};

# ---- as it was: a standby and a subscriber in plaintext ----

ok((run('pg_basebackup', '-d', conninfo($primary, 'replicator', 0), '-D', $primary->{node}->backup_dir . '/plain',
	'-R', '--checkpoint=fast', '--no-sync'))[0], 'pg_basebackup in plaintext');
my $standby = $primary->from_backup('standby', backup => 'plain');
$standby->start;
my $subscriber = CastsslTest->new('subscriber', conf => 'wal_retrieve_retry_interval = 200ms');
$subscriber->sql('CREATE TABLE things (n int)');
$subscriber->sql("CREATE SUBSCRIPTION things CONNECTION '" . conninfo($primary, 'replicator', 0, dbname => 'postgres') . "' PUBLICATION things");
replicates($primary, $standby, 'streaming in plaintext');
replicates($primary, $subscriber, 'logical replication in plaintext');
# (that of the first copy of a table may be there still)
wait_for($primary, "SELECT count(*) = 2 AND NOT bool_or(ssl) $walsenders", 'two walsenders without TLS');

# ---- who would be locked out is known beforehand ----

subtest 'castssl_hba_impact names the walsenders' => sub {
	$primary->enable(source_dir => $primary->{source});
	$primary->sql(q{SELECT castssl_hba_require_tls(plaintext => 'block')});
	my $impact = $primary->rows(q{SELECT * FROM castssl_hba_impact() WHERE backend_type = 'walsender' ORDER BY database NULLS FIRST});
	is_deeply([ map { [ $_->{user_name}, $_->{encryption}, $_->{verdict} ] } @$impact ],
		[ ([ 'replicator', 'none', 'refused' ]) x 2 ], 'both, refused') or diag explain $impact;
	is_deeply([ sort map { $_->{pid} } @$impact ], [ sort split /\n/, $primary->sql('SELECT pid FROM pg_stat_replication') ], 'by pid');
	$primary->sql('SELECT castssl_hba_discard()');
	my $planned = $primary->enable(plaintext => 'block', dry_run => 'true');
	is(scalar(grep { $_->{result} eq 'warning' && $_->{detail} =~ /walsender|replicator/ } @$planned), 2,
		'castssl_enable(dry_run) warns of both') or diag explain $planned;
};

# ---- docs/replication.md: certificates first, then block ----

subtest 'with plaintext still admitted, connections move to TLS' => sub {
	$standby->enable(source_dir => $standby->{source});
	store($standby, 'primary_conninfo', conninfo($primary, 'replicator', 1));
	$subscriber->sql("ALTER SUBSCRIPTION things CONNECTION '" . conninfo($primary, 'replicator', 1, dbname => 'postgres') . "'");
	wait_for($primary, "SELECT count(*) = 2 AND bool_and(ssl AND client_dn = '/CN=replicator') $walsenders",
		'both walsenders show a certificate');
	$primary->sql(q{SELECT castssl_hba_require_tls(plaintext => 'block')});
	is($primary->sql(q{SELECT count(*) FROM castssl_hba_impact() WHERE backend_type = 'walsender' AND verdict = 'refused'}), 0,
		'castssl_hba_impact: nobody is locked out any more');
	$primary->sql('SELECT castssl_hba_discard()');
};

subtest 'plaintext is blocked, and replication goes on' => sub {
	$_->enable(plaintext => 'block') foreach $primary, $standby;
	$primary->out('a replication connection in plaintext', qr/no pg_hba.conf entry/, user => 'replicator', sslmode => 'disable');
	replicates($primary, $standby, 'streaming');
	replicates($primary, $subscriber, 'logical replication');
	my $pids = $primary->sql('SELECT array_agg(pid) FROM pg_stat_replication');
	$primary->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
	wait_for($primary, "SELECT count(*) = 2 $walsenders WHERE ssl AND client_dn = '/CN=replicator' AND pid <> ALL ('$pids')",
		'both come back when their connection is cut');
	replicates($primary, $standby, 'streaming, reconnected');
	replicates($primary, $subscriber, 'logical replication, reconnected');
	is($standby->sql('SELECT fingerprint FROM castssl_fingerprint() LIMIT 1'),
		$primary->sql('SELECT fingerprint FROM castssl_fingerprint() LIMIT 1'), 'both treat a client alike');
};

# ---- a new standby from a secured primary ----

my $third;
subtest 'pg_basebackup from a secured primary' => sub {
	my $folder = $primary->{node}->backup_dir;
	my ($ok, $why) = run('pg_basebackup', '-d', conninfo($primary, 'replicator', 0), '-D', "$folder/refused");
	ok(!$ok, 'not in plaintext');
	like($why, qr/no pg_hba.conf entry for replication connection/, 'as the server says');
	($ok, $why) = run('pg_basebackup', '-d', conninfo($primary, 'replicator', 1, sslcert => $pki->path('no-such-file'), sslkey => ''), '-D', "$folder/refused");
	ok(!$ok, 'not without a certificate');
	like($why, qr/requires a valid client certificate/, 'as the server says');
	($ok, $why) = run('pg_basebackup', '-d', conninfo($primary, 'replicator', 1), '-D', "$folder/tls", '-R', '--checkpoint=fast', '--no-sync');
	ok($ok, 'with a certificate') or diag $why;
	$third = $primary->from_backup('third', backup => 'tls');
	$third->start;
	is($third->sql('SELECT pg_is_in_recovery()'), 't', 'the standby starts');
	replicates($primary, $third, 'and streams');
	is($third->served, $pki->fingerprint('server.crt'), "it shows the primary's certificate, which the backup holds");
	$third->enable(source_dir => $third->{source}, plaintext => 'block');
	is($third->served, $pki->fingerprint('server-renewed.crt'), 'then one of its own');
	is($primary->served, $pki->fingerprint('server.crt'), 'the primary keeps its own');
	is($third->sql('SELECT restart_safe FROM castssl_status()'), 't', 'and would start again');
};

# ---- failover ----

# A client that knows both servers and wants the one that takes writes.
sub writes
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ok, $out) = run('psql', '-XqAtw', '-d', conninfo($primary, 'alice', 1, dbname => 'postgres', host => 'localhost,localhost',
			hostaddr => '127.0.0.1,127.0.0.1', port => join(',', map { $_->{node}->port } $primary, $standby),
			target_session_attrs => 'read-write'),
		'-c', 'INSERT INTO things VALUES (-1)', '-c', "SELECT current_setting('port'), ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
	chomp $out;
	return $out;
}

subtest 'failover' => sub {
	is(writes(), $primary->{node}->port . '|t', 'a client with verify-full writes to the primary');
	$primary->{node}->wait_for_catchup($standby->{node}, 'replay', $primary->sql('SELECT pg_current_wal_lsn()'));
	$standby->{node}->promote;
	# the old primary goes its own way for a while, which pg_rewind has to undo
	$primary->sql('INSERT INTO things SELECT generate_series(1000, 2000)');
	# with a change that waits, of which the new primary knows nothing
	$primary->sql(q{SELECT castssl_hba_add('hostssl', '{app}', '{all}', '192.0.2.0/24', 'scram-sha-256')});
	$primary->sql(q{SELECT * FROM castssl_hba_apply(confirm_within => '10 min')});
	$primary->stop;
	$primary->pass_deadline;
	is(writes(), $standby->{node}->port . '|t', 'promoted: the same client, with verify-full, writes to the new primary');
	$standby->out('no plaintext there', qr/no pg_hba.conf entry/, sslmode => 'disable');
	is($standby->sql('SELECT count(*) FROM castssl_changes() WHERE state <> $$applied$$'), 0, 'no change is undone by it');
};

subtest 'pg_rewind' => sub {
	my $conf = $primary->slurp('postgresql.conf');
	my $source = conninfo($standby, 'rewinder', 1, dbname => 'postgres');
	$standby->sql('CHECKPOINT');
	my ($ok, $why) = run('pg_rewind', '-D', $primary->{data}, '--source-server', conninfo($standby, 'rewinder', 0, dbname => 'postgres'), '--no-sync');
	ok(!$ok, 'not in plaintext');
	like($why, qr/no pg_hba.conf entry/, 'as the server says');
	($ok, $why) = run('pg_rewind', '-D', $primary->{data}, '--source-server', $source, '--no-sync');
	ok($ok, 'over TLS with a certificate') or diag $why;

	# pg_rewind copies every file of the new primary's data directory, configuration and key too
	$primary->write('postgresql.conf', $conf);
	$primary->write('standby.signal', '');
	my $auto = $primary->slurp('postgresql.auto.conf');
	$primary->write('postgresql.auto.conf', $auto . "primary_conninfo = '" . conninfo($standby, 'replicator', 1) . "'\n");
	$primary->start;
	is($primary->sql('SELECT pg_is_in_recovery()'), 't', 'the old primary starts as a standby');
	replicates($standby, $primary, 'and streams from the new one');
	is($primary->sql('SELECT count(*) FROM things WHERE n >= 1000'), 0, 'what it had alone is gone');
	is($primary->served, $pki->fingerprint('server-renewed.crt'), "it shows the new primary's certificate");
	my $journal = q{SELECT string_agg(change_id || ' ' || action || ' ' || state, ', ' ORDER BY change_id) FROM castssl_changes()};
	is($primary->sql($journal), $standby->sql($journal), "its journal is the new primary's: nothing waits");
	is($primary->hba, $standby->hba, 'nor is anything undone');
	$primary->enable(source_dir => $primary->{source}, plaintext => 'block');
	is($primary->served, $pki->fingerprint('server.crt'), 'after castssl_enable, its own again');
	$primary->in('a client with verify-full', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
};

$_->stop foreach $subscriber, $third, $primary, $standby;
done_testing();
