# monitoring/: the queries give metrics over HTTP, through Debian's postgres_exporter, to a role that has
# pg_monitor alone; what is missing is missed; a scrape changes nothing; the alert rules fire when they should.
# Needs: prometheus prometheus-postgres-exporter
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have);
use CastsslExporter;
use Digest::SHA;
use File::Find ();
use IPC::Run ();
use Test::More;
use Time::HiRes ();

my $folder = $CastsslExporter::folder;

subtest 'alert rules' => sub {
	plan skip_all => 'no promtool' unless have('promtool');
	foreach my $arguments ([ 'check', 'rules', "$folder/alerts.yml" ], [ 'test', 'rules', "$folder/alerts.test.yml", "$folder/alerts.week.test.yml" ])
	{
		my $out = '';
		ok(IPC::Run::run([ 'promtool', @$arguments ], '<', \undef, '>&', \$out), "promtool @$arguments[0, 1]") or diag $out;
	}
	my $tests = join '', map { CastsslTest->slurp("$folder/$_") } qw(alerts.test.yml alerts.week.test.yml);
	like($tests, qr/alertname: \Q$_\E\n\s+exp_alerts:\n\s+- exp_labels/, "$_ is seen to fire"),
	  like($tests, qr/alertname: \Q$_\E, exp_alerts: \[\]/, "$_ is seen to be quiet")
	  foreach CastsslTest->slurp("$folder/alerts.yml") =~ /- alert: (\w+)/g;
};

if (!have('prometheus-postgres-exporter'))
{
	CastsslTest::not_tried('no prometheus-postgres-exporter');
	done_testing();
	exit;
}

my $t = CastsslTest->new('monitoring');
$t->enable(source_dir => $t->{source});
$t->sql(q{CREATE ROLE monitor LOGIN PASSWORD 'wonderland'; GRANT pg_monitor TO monitor});
my %local = (host => $t->{node}->host, port => $t->{node}->port, user => 'monitor', dbname => 'postgres', sslmode => 'disable');

my $exporter = CastsslExporter->new(\%local);
my $m = $exporter->metrics;
is($exporter->{status}, 200, 'the first scrape') or diag $exporter->{log};
my ($server, $ca) =
  map { my $role = $_; grep { /castssl_certificate_days.*role="$role"/ } keys %$m } qw(server ca);
like($server // '', qr/file_name="server.crt",position="1",role="server",subject="CN=localhost"/, 'the server certificate') or diag explain $m;
cmp_ok($m->{ $server // '' } // 0, '>', 88, 'with its days');
cmp_ok($m->{ $server // '' } // 0, '<', 91, 'to expiry');
cmp_ok(abs(($m->{ ($server // '') =~ s/days_to_expiry/lifetime_days/r } // 0) - 91), '<', 2, 'and of its lifetime') or diag explain $m;
ok($ca, 'the certificate of the CA') or diag explain $m;
is($m->{castssl_restart_safe}, 1, 'a restart is safe');
is($m->{"castssl_changes_$_"}, 0, "no $_ change") foreach qw(unconfirmed overdue unfinished);
is($m->{'castssl_findings_count{severity="error"}'}, 0, 'no finding of severity error');
is($m->{"castssl_sessions_$_\{origin=\"loopback\"}"}, 0, "no $_ session") foreach qw(plaintext tls gss);
is($m->{'castssl_sessions_plaintext{origin="remote"}'}, 0, 'none from beyond this host');
is((grep { /^castssl_crl/ } keys %$m), 0, 'no CRL yet');

# what goes wrong shows: a plaintext session, a change that waits, a pg_hba.conf that would not load
my $in = '';
local $ENV{PGPASSWORD} = 'wonderland';
my $client = IPC::Run::start(
	[ 'psql', '-XqAt', 'host=127.0.0.1 sslmode=disable user=alice dbname=postgres port=' . $t->{node}->port ],
	'<', \$in, '>', \my $out, '2>', \my $err, IPC::Run::timeout(1800));
$in = "SELECT 'here';\n";
$client->pump until $out =~ /here/ || !$client->pumpable;
my $guest = $t->guest(sslmode => 'verify-full');
$t->enable(plaintext => 'block', confirm_within => '1 hour');
my $good = $t->hba;
$t->write('pg_hba.conf', $good . "nonsense\n");
$m = $exporter->metrics;
is($m->{'castssl_sessions_plaintext{origin="loopback"}'}, 1, 'the plaintext session');
is($m->{'castssl_sessions_tls{origin="loopback"}'}, 1, 'the one over TLS');
is($m->{castssl_changes_unconfirmed}, 1, 'the unconfirmed change');
is($m->{castssl_restart_safe}, 0, 'a restart would fail');
cmp_ok($m->{'castssl_findings_count{severity="error"}'}, '>', 0, 'findings');
$client->kill_kill;
$t->write('pg_hba.conf', $good);
$t->confirm(sslmode => 'verify-full');
$guest->quit;

subtest 'a change whose transaction is open' => sub {
	my $session = $t->session;
	$session->ask('BEGIN; SELECT count(*) FROM castssl_disable(force => true);');
	$session->answer;
	is($exporter->metrics->{castssl_changes_unfinished}, 1, 'is not finished');
	$session->ask('ROLLBACK;');
	$session->answer;
	$session->quit;
	ok(CastsslTest::wait_until(sub { $exporter->metrics->{castssl_changes_unfinished} == 0 }), 'and is undone');
};

# --- the extension in two databases, which the exporter finds by itself

my @names = CastsslExporter::names($m);
$t->sql('CREATE DATABASE second');
$t->sql('CREATE EXTENSION pg_castssl', database => 'second');
my $discovering = CastsslExporter->new(\%local, '--auto-discover-databases');
my $both = $discovering->metrics;
is($discovering->{status}, 200, 'the extension in two databases: 200') or diag $discovering->get('/metrics');
is_deeply([ CastsslExporter::names($both) ], \@names, 'and each metric is there');
$discovering->stop;

# --- what is not known is absent, and no number

$t->sql('CREATE ROLE bare LOGIN; GRANT EXECUTE ON FUNCTION castssl_status(), castssl_certificates(), castssl_check(int, boolean) TO bare');
my $bare = CastsslExporter->new({ %local, user => 'bare' });
my $few = $bare->metrics;
is($few->{castssl_restart_safe}, 1, 'a role without pg_monitor: what it may ask');
is((grep { /^castssl_sessions/ } keys %$few), 0, 'and no number of sessions, which it may not see') or diag explain $few;
$bare->stop;
$t->sql('REVOKE pg_monitor FROM monitor');
$m = $exporter->metrics;
is($exporter->{status}, 200, 'a grant goes away: 200');
is_deeply([ CastsslExporter::names($m) ], [], 'without metrics') or diag explain $m;
is($m->{pg_exporter_last_scrape_error}, 1, 'CastsslScrapeError sees that');
$t->sql('GRANT pg_monitor TO monitor');
is_deeply([ CastsslExporter::names($exporter->metrics) ], \@names, 'the grant is back');
$t->sql('DROP EXTENSION pg_castssl');
$m = $exporter->metrics;
is_deeply([ grep { !/^castssl_sessions/ } CastsslExporter::names($m) ], [], 'the extension goes away: what is left is what PostgreSQL knows') or diag explain $m;
is($m->{pg_exporter_last_scrape_error}, 1, 'which is seen, too');
$t->sql('CREATE EXTENSION pg_castssl');
$exporter->stop;

# --- the extension in another schema, as docs/operations.md has it

my ($substitution) = CastsslTest->slurp("$folder/../docs/operations.md") =~ /`sed -i '(s[^']+)' queries\.yml`/;
my $queries = "$t->{folder}/queries.yml";
ok(IPC::Run::run([ 'sed', $substitution // '', "$folder/queries.yml" ], '>', $queries), 'the queries for another schema');
$t->sql('CREATE SCHEMA myschema; CREATE DATABASE elsewhere');
$t->sql('CREATE SCHEMA myschema; CREATE EXTENSION pg_castssl SCHEMA myschema; GRANT USAGE ON SCHEMA myschema TO monitor', database => 'elsewhere');
my $elsewhere = CastsslExporter->new({ %local, dbname => 'elsewhere' }, { queries => $queries });
is_deeply([ CastsslExporter::names($elsewhere->metrics) ], \@names, 'have all metrics') or diag $elsewhere->{log};
$elsewhere->stop;

# --- a certificate without an end, and a file's name that is no UTF-8

$t->sql(q{CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'});
$t->sql('CREATE EXTENSION pg_castssl', database => 'bytes');
my $folder_of_bytes = "$t->{folder}/caf\xe9";
mkdir $folder_of_bytes or die "$folder_of_bytes: $!";
CastsslTest->write("$folder_of_bytes/endless.crt", CastsslTest->slurp($t->{pki}->path('server.crt')) . CastsslTest->slurp(CastsslTest::test_certificates("$t->{folder}/certificates") . '/y9999.crt'));
$t->sql("ALTER SYSTEM SET ssl_cert_file = E'$t->{folder}/caf\\351/endless.crt'", database => 'bytes');
$t->reload;
my $of_bytes = CastsslExporter->new({ %local, dbname => 'bytes' });
$m = $of_bytes->metrics;
is($m->{pg_exporter_last_scrape_error}, 0, 'a name that is no UTF-8 fails no query') or diag $of_bytes->{log};
like($of_bytes->get('/metrics'), qr{file_name="[^"]*/caf\\\\351/endless\.crt"}, 'but is written in ASCII');
is_deeply([ map { /position="(\d)"/ } sort grep { /^castssl_certificate_days_to_expiry.*endless/ } keys %$m ], [1], 'the certificate with an end, and not the one without') or diag explain $m;
is_deeply([ grep { $m->{$_} =~ /nan/i } keys %$m ], [], 'nothing is no number');
$of_bytes->stop;
$t->sql('ALTER SYSTEM RESET ssl_cert_file');
$t->reload;

# --- the exporter's own certificate

$t->sql('GRANT pg_monitor TO alice');
$t->enable(clientcert => 'verify-full', plaintext => 'block', force => 'true');
my %tcp = (%local, host => 'localhost', user => 'alice', password => 'wonderland');
my $without = CastsslExporter->new(\%tcp);
is($without->metrics->{pg_up}, 0, 'an exporter in plaintext is shut out, which CastsslExporterShutOut sees');
$without->stop;
my $pki = $t->{pki};
my %verified = (%tcp, sslmode => 'verify-full', sslrootcert => $pki->path('root.crt'));
$without = CastsslExporter->new(\%verified);
is($without->metrics->{pg_up}, 0, 'and one without a certificate');
$without->stop;
my $with = CastsslExporter->new({ %verified, sslcert => $pki->path('alice.crt'), sslkey => $pki->path('alice.key') });
$m = $with->metrics;
is($m->{pg_up}, 1, 'one with a certificate of its own comes in');
is_deeply([ CastsslExporter::names($m) ], \@names, 'and has all metrics');
cmp_ok($m->{'castssl_sessions_tls{origin="loopback"}'}, '>=', 1, 'its own session is over TLS');
$with->stop;

# --- a scrape changes nothing, also past a deadline of which nobody takes care, and for a superuser

sub on_disk
{
	my %files;
	File::Find::find(
		{ no_chdir => 1, wanted => sub {
			return unless -f;
			my @s = Time::HiRes::lstat($_);
			$files{$_} = "$s[1] $s[9] " . Digest::SHA->new(256)->addfile($_)->hexdigest;
		} }, map { $t->path($_) } qw(pg_castssl postgresql.auto.conf pg_hba.conf server.crt server.key root.crt));
	return \%files;
}

$t->enable(source_dir => $pki->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key'),
	confirm_within => '10 min');
$t->overdue('immediate');
my $before = on_disk();
foreach my $role (qw(monitor postgres))
{
	my $late = CastsslExporter->new({ %local, user => $role });
	$m = $late->metrics for 1 .. 2;
	is("$m->{castssl_changes_overdue} $m->{castssl_changes_unconfirmed}", '1 0', "past a deadline, by $role: overdue, and waits no more");
	is_deeply(on_disk(), $before, 'and nothing has changed');
	is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_castssl'}), 0, 'nor was a worker started');
	$late->stop;
}
$t->sql('SELECT count(*) FROM castssl_changes()');
$exporter = CastsslExporter->new(\%local);
is($exporter->metrics->{castssl_changes_overdue}, 0, 'what the alert says to type ends it');
$exporter->stop;
$t->stop;
done_testing();
