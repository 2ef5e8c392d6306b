# 200 changes of the server's certificate while 20 clients work over TLS, half of them connecting anew each time:
# no connection and no transaction fails.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use IPC::Run ();
use Test::More;
use Time::HiRes qw(time);

my $rotations = $ENV{CASTSSL_ROTATIONS} // ($ENV{CASTSSL_SANITIZED} ? 60 : 200);
my $t = CastsslTest->new('rotation', conf => "max_connections = 100\nlog_min_messages = warning\nlog_statement = none");
my $pki = $t->{pki};
my $renewed = $pki->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
my @sources = ($renewed, $t->{source});
my @fingerprints = map { $pki->fingerprint($_) } 'server-renewed.crt', 'server.crt';
$t->enable(source_dir => $t->{source}, plaintext => 'block');
$t->sql('CREATE TABLE visits (n int); GRANT INSERT ON visits TO alice');

# pgbench with the client certificate; ends by itself long after the test.
$t->write("$t->{folder}/visit.sql", "INSERT INTO visits VALUES (1);\n\\sleep 100 ms\n");
my %connection = (
	host => 'localhost', hostaddr => '127.0.0.1', port => $t->{node}->port, user => 'alice', dbname => 'postgres',
	sslmode => 'verify-full', sslrootcert => $pki->path('root.crt'), sslcert => $pki->path('alice.crt'), sslkey => $pki->path('alice.key'));
my $target = join ' ', map { "$_='$connection{$_}'" } sort keys %connection;

sub pgbench
{
	my (@options) = @_;
	my %bench = (out => '', err => '');
	local $ENV{PGPASSWORD} = 'wonderland';
	$bench{run} = IPC::Run::start([ 'pgbench', '-n', '-c', '10', '-T', '7200', @options, '-f', "$t->{folder}/visit.sql", $target ],
		'<', \undef, '>', \$bench{out}, '2>', \$bench{err});
	return \%bench;
}
my @benches = (pgbench(), pgbench('-C'));
CastsslTest::wait_until(sub { $t->sql('SELECT count(*) FROM visits') > 100 });
my $visits = $t->sql('SELECT count(*) FROM visits');
cmp_ok($visits, '>', 100, 'the clients work');

my $session = $t->session;
my $logged = -s $t->{node}->logfile;
my (@latencies, @wrong);
foreach my $n (1 .. $rotations)
{
	my $began = time;
	$session->ask("SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$sources[$n % 2]');");
	my $answer = $session->answer;
	push @wrong, $answer unless $answer =~ /^\d+$/;
	# the next connection has the new certificate
	my $served = $t->served;
	push @latencies, 1000 * (time - $began);
	push @wrong, "rotation $n: $served is served" if $served ne $fingerprints[ $n % 2 ];
}
is_deeply(\@wrong, [], "$rotations rotations, each seen by the next connection");
$session->quit;

# Those who work notice nothing: still all there, and none has complained.
my $after = $t->sql('SELECT count(*) FROM visits');
cmp_ok($after, '>', $visits, 'transactions went on: ' . ($after - $visits));
foreach my $bench (@benches)
{
	$bench->{run}->pump_nb;
	ok($bench->{run}->pumpable, 'the clients still run');
	is($bench->{err} =~ s/^pgbench: starting.*|^pgbench \(.*//mgr =~ s/\s+//gr, '', 'no failed connection or transaction');
}
my $log = substr $t->slurp($t->{node}->logfile), $logged;
is_deeply([ $log =~ /^.*(?:FATAL|ERROR|could not).*$/mg ], [], 'the server refused nobody');
$_->{run}->kill_kill foreach @benches;
my @sorted = sort { $a <=> $b } @latencies;
diag sprintf '%d rotations, %d transactions: from call to first connection with the new certificate %.0f ms (median), %.0f ms (most)',
  $rotations, $after - $visits, $sorted[ $#sorted / 2 ], $sorted[-1];
$t->stop;

done_testing();
