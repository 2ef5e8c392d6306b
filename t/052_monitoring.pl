# monitoring/: the queries give metrics over HTTP, through Debian's postgres_exporter, to a role that
# has pg_monitor alone; the alert rules fire when they should.
# Needs: prometheus prometheus-postgres-exporter
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have);
use IO::Socket::INET;
use IPC::Run ();
use Test::More;
use Time::HiRes ();

my $folder = "$FindBin::RealBin/../monitoring";

subtest 'alert rules' => sub {
	plan skip_all => 'no promtool' unless have('promtool');
	foreach my $arguments ([ 'check', 'rules', "$folder/alerts.yml" ], [ 'test', 'rules', "$folder/alerts.test.yml" ])
	{
		my $out = '';
		ok(IPC::Run::run([ 'promtool', @$arguments ], '<', \undef, '>&', \$out), "promtool @$arguments[0, 1]") or diag $out;
	}
	my $tests = CastsslTest->slurp("$folder/alerts.test.yml");
	like($tests, qr/exp_labels.*?\Q$_\E|alertname: \Q$_\E/, "$_ is tested")
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

my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die $!;
my $port = $socket->sockport;
close $socket;
my $log = '';
my $host = $t->{node}->host;
local $ENV{DATA_SOURCE_NAME} = "host=$host port=" . $t->{node}->port . ' user=monitor dbname=postgres sslmode=disable';
my $exporter = IPC::Run::start(
	[ 'prometheus-postgres-exporter', "--web.listen-address=127.0.0.1:$port", "--extend.query-path=$folder/queries.yml",
		'--disable-default-metrics', '--disable-settings-metrics' ],
	'<', \undef, '>&', \$log);

sub scrape
{
	my $connection = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 30) or return '';
	print $connection "GET /metrics HTTP/1.0\r\n\r\n";
	local $/;
	return <$connection> // '';
}

# name and labels => value, once the exporter answers
sub metrics
{
	my $page = '';
	for (1 .. 360)
	{
		$page = scrape();
		last if $page =~ /^castssl_restart_safe/m;
		$exporter->pump_nb;
		Time::HiRes::sleep(0.5);
	}
	my %value = map { /^(castssl_\S+?)(\{.*\})? (\S+)$/ ? (simple($1, $2 // '') => $3) : () } split /\n/, $page;
	diag $page, $log unless %value;
	return \%value;
}

# without the exporter's own label and the folder of files
sub simple
{
	my ($name, $labels) = @_;
	$labels =~ s/server="[^"]*",?//;
	$labels =~ s{file_name="[^"]*/}{file_name="};
	$labels =~ s/,?\}$/}/;
	return $name . ($labels eq '{}' ? '' : $labels);
}

my $m = metrics();
my ($server, $ca) =
  map { my $role = $_; grep { /castssl_certificate_days.*role="$role"/ } keys %$m } qw(server ca);
like($server // '', qr/file_name="server.crt",position="1",role="server",subject="CN=localhost"/, 'the server certificate');
cmp_ok($m->{ $server // '' } // 0, '>', 88, 'with its days');
cmp_ok($m->{ $server // '' } // 0, '<', 91, 'to expiry');
ok($ca, 'the certificate of the CA') or diag explain $m;
is($m->{castssl_restart_safe}, 1, 'a restart is safe');
is($m->{castssl_changes_unconfirmed}, 0, 'no unconfirmed change');
is($m->{'castssl_findings_count{severity="error"}'}, 0, 'no finding of severity error');
my $plaintext = 'castssl_sessions_plaintext{origin="loopback"}';
is($m->{$plaintext}, 0, 'no plaintext session');
is($m->{'castssl_sessions_plaintext{origin="remote"}'}, 0, 'none from beyond this host');
is((grep { /^castssl_crl/ } keys %$m), 0, 'no CRL yet');

# what goes wrong shows: a plaintext session, a change that waits, a pg_hba.conf that would not load
my $in = '';
local $ENV{PGPASSWORD} = 'wonderland';
my $client = IPC::Run::start(
	[ 'psql', '-XqAt', 'host=127.0.0.1 sslmode=disable user=alice dbname=postgres port=' . $t->{node}->port ],
	'<', \$in, '>', \my $out, '2>', \my $err, IPC::Run::timeout(180));
$in = "SELECT 'here';\n";
$client->pump until $out =~ /here/ || !$client->pumpable;
$t->enable(plaintext => 'block', confirm_within => '1 hour');
$t->write('pg_hba.conf', $t->hba . "nonsense\n");
$m = metrics();
is($m->{$plaintext}, 1, 'the plaintext session');
is($m->{castssl_changes_unconfirmed}, 1, 'the unconfirmed change');
is($m->{castssl_restart_safe}, 0, 'a restart would fail');
cmp_ok($m->{'castssl_findings_count{severity="error"}'}, '>', 0, 'findings');
$client->kill_kill;

$exporter->kill_kill;
$t->stop;
done_testing();
