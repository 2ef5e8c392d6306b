# Where else SQL runs: a replication connection, dblink to the server itself, a background worker that no client
# has opened. Each call works, or says why not. A cursor and LIMIT are in t/075, parallel plans in t/013.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl qw(slurp spew);
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('contexts', streaming => 1, conf => "max_wal_senders = 5\nmax_worker_processes = 16");
my $hba = $t->hba;
my ($host, $port) = ($t->{node}->host, $t->{node}->port);
my $renewed = $t->{pki}->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
my $call = "castssl_enable(source_dir => '$t->{source}', plaintext => 'block')";
my $waiting = $call =~ s/\)$/, confirm_within => '10 min')/r;

sub newest { return $t->rows('SELECT * FROM castssl_changes()')->[-1] // { change_id => 0, state => '' } }

sub in_effect
{
	my ($name, $state) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(newest()->{state}, $state, "$name: $state");
	is($t->served, $t->{pki}->fingerprint('server.crt'), "$name: served");
	return;
}

sub back
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->disable(force => 'true') if newest()->{state} eq 'applied';
	$t->sql('SELECT FROM castssl_rollback()') if newest()->{state} eq 'unconfirmed';
	is($t->hba, $hba, "$name: taken back");
	return;
}

subtest 'a replication connection' => sub {
	my @walsender = (host => $host, database => "dbname=postgres replication=database");
	my $session = $t->session(@walsender);
	$session->ask("SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid();");
	is($session->answer, "walsender\n", 'SQL in a walsender');
	$session->ask("SELECT count(*) > 0 FROM $call;");
	is($session->answer, "t\n", 'castssl_enable() there');
	in_effect('there', 'applied');
	back('there');
	$session->ask("BEGIN; SELECT count(*) > 0 FROM $waiting; ROLLBACK;");
	like($session->answer, qr/^t$/m, 'and in a transaction');
	$t->settle;
	is(newest()->{state}, 'rolled back', 'ROLLBACK takes it back');
	is($t->hba, $hba, 'all of it');
	$session->ask("SELECT count(*) > 0 FROM $waiting;");
	$session->answer;
	$session->ask('SELECT castssl_confirm();');
	like($session->answer, qr/ERROR:  55000: no client has connected over TLS.*It was open before the change/s, 'an old one is no proof');
	$t->sql("ALTER ROLE alice SUPERUSER REPLICATION");
	my $guest = $t->guest(database => 'postgres');
	$session->ask('SELECT castssl_confirm() > 0;');
	is($session->answer, "t\n", 'once a client has come in, it can confirm');
	$guest->quit;
	back('confirmed there');
	$session->quit;
};

subtest 'dblink to the server itself' => sub {
	plan skip_all => 'no dblink here' unless ($t->psql('CREATE EXTENSION dblink'))[0];
	my $dblink = sub {
		my ($connection, $sql, $type) = @_;
		return "SELECT x FROM dblink(\$c\$host=$connection port=$port user=postgres dbname=postgres\$c\$, \$q\$$sql\$q\$) AS t (x " . ($type // 'text') . ')';
	};
	is($t->sql($dblink->($host, "SELECT count(*) > 0 FROM $call")), 't', 'castssl_enable() by it');
	in_effect('by dblink', 'applied');
	back('by dblink');
	$t->fails("BEGIN; SELECT count(*) FROM $call; " . $dblink->($host, "SELECT count(*) FROM $call"), '55P03', 'while the calling session changes something', detail => qr/Process \d+ holds/);
	$t->settle;
	is($t->hba, $hba, 'both are taken back');
	# what dblink has done is committed, whatever becomes of the statement around it
	$t->fails($dblink->($host, "SELECT max(change_id) FROM $waiting", 'int') . ' WHERE 1 / (x - x) = 0', '22012', 'an error around it', no_detail => 1);
	is(newest()->{state}, 'unconfirmed', 'the change was committed in its own session');
	my $number = newest()->{change_id};
	$t->fails($dblink->($host, "SELECT castssl_confirm($number)"), '55000', 'by the Unix socket dblink proves nothing', message => qr/no client has connected over TLS/,
		detail => qr/Unix-domain socket/);
	$t->sql("ALTER ROLE postgres PASSWORD 'wonderland'");
	is($t->sql($dblink->("127.0.0.1 password=wonderland sslmode=require", "SELECT castssl_confirm($number)")), $number, 'over TLS it is a login like others');
	in_effect('confirmed by dblink', 'applied');
	back('confirmed by dblink');
};

subtest 'a background worker' => sub {
	$t->make_background_worker;
	$t->sql('CREATE TABLE seen (id serial, said text)');
	$t->sql(<<'SQL');
CREATE FUNCTION try(call text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE said text; detail text; hint text;
BEGIN
	EXECUTE 'SELECT (' || call || ')::text' INTO said;
	INSERT INTO seen (said) VALUES (said);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	INSERT INTO seen (said) VALUES (said || ' ' || detail || ' ' || hint);
END $$
SQL
	$t->sql("CREATE FUNCTION change() RETURNS bigint LANGUAGE sql AS \$\$ SELECT max(change_id) FROM $waiting \$\$");
	my $said = sub {
		my ($sql) = @_;
		$t->sql("SELECT run_in_background(\$q\$SELECT try('$sql')\$q\$)");
		return $t->sql('SELECT said FROM seen ORDER BY id DESC LIMIT 1');
	};
	like($said->('change()'), qr/^\d+$/, 'castssl_enable() there');
	in_effect('there', 'unconfirmed');
	my $number = newest()->{change_id};
	like($said->("castssl_confirm($number)"), qr/^no client has connected over TLS since change $number took effect This is a process of the server itself; no client has opened it\. Let a client connect over TLS\.  ?While it is connected, run: SELECT castssl_confirm\($number\);/,
		'it is no client: no proof');
	my $guest = $t->guest;
	is($said->("castssl_confirm($number)"), $number, 'that of a client counts there as well');
	$guest->quit;
	# who has no connection needs force where ways in may change, and for a renewal nothing
	my $renewed = $t->{pki}->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key', 'root.crt' => 'root.crt');
	like($said->("castssl_enable(source_dir => ''$renewed'')"), qr/^\(1,/, 'a renewal');
	is($t->served, $t->{pki}->fingerprint('server-renewed.crt'), 'which is served');
	like($said->("castssl_enable(clientcert => ''verify-full'')"), qr/^nobody can know whether the caller would be refused afterwards The call comes from a process of the server that has no connection/, 'rules');
	like($said->("castssl_disable()"), qr/^nobody can know whether/, 'TLS off');
	spew("$renewed/root.crt", slurp("$renewed/root.crt") . slurp($t->{pki}->path('other-root.crt')));
	like($said->("castssl_enable(source_dir => ''$renewed'')"), qr/^nobody can know whether/, 'another CA file');
	back('there');
};

$t->stop;
done_testing();
