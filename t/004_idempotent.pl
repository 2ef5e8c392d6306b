# The same call again changes nothing, a dry run changes nothing, a renewed certificate is rotated.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('again');
my $pki = $t->{pki};
my %wanted = (source_dir => $t->{source}, plaintext => 'block', clientcert => 'verify-full');

# How often the postmaster has reloaded, by its own word.
sub reloads
{
	return scalar(() = $t->slurp($t->{node}->logfile) =~ /received SIGHUP, reloading configuration files/g);
}

sub journal
{
	my $list = `cd '$t->{data}' && find pg_castssl -printf '%p %i %T@ %s\\n' 2>/dev/null | sort`;
	return $list;
}

# --- dry run: the rows of the real run as 'planned', and nothing written

my $before = $t->state;
my $reloads = reloads();
my $planned = $t->enable(%wanted, dry_run => 'true');
is_deeply($t->state, $before, 'dry run: nothing has changed');
is(reloads(), $reloads, 'dry run: no reload');
ok(!-e "$t->{data}/pg_castssl", 'dry run: not even a folder for state');
is_deeply([ grep { $_->{result} !~ /^(planned|unchanged)$/ } @$planned ], [], 'dry run: planned, or so already')
  or diag explain $planned;

my $done = $t->enable(%wanted);
is_deeply(
	[ map { join ' ', map({ $_ // "" } @$_{qw(step action target detail)}), $_->{result} eq 'planned' ? 'done' : $_->{result} } grep { $_->{action} ne 'summary' } @$planned ],
	[ map { join ' ', map({ $_ // "" } @$_{qw(step action target detail)}), $_->{result} } grep { $_->{action} ne 'summary' } @$done ],
	'dry run: the rows of the real run');
is($planned->[-1]{detail} =~ s/next: the same without dry_run/next: SELECT * FROM castssl_check()/r, $done->[-1]{detail}, 'and its summary, but for what comes next');
cmp_ok(scalar @{ CastsslTest::changes($done) }, '>=', 8, 'real run: done') or diag explain $done;
ok(reloads() > $reloads, 'real run: reloaded');

# --- the second call: all unchanged, no inode and no time moves, no reload

# the worker that watched over the first call clears up when it ends
$t->alone;
$before = $t->state;
$reloads = reloads();
my $journal = journal();
my $again = $t->enable(%wanted);
is_deeply(CastsslTest::changes($again), [], 'second call: all unchanged') or diag explain $again;
is_deeply($t->state, $before, 'second call: no inode, no time, no byte');
is(journal(), $journal, 'second call: nothing in the journal');
is(reloads(), $reloads, 'second call: no reload');
is_deeply(
	CastsslTest::changes($t->enable(%wanted, dry_run => 'true')),
	[], 'second call, dry run: all unchanged');

# the same by another way: the files are in place now
is_deeply(
	CastsslTest::changes($t->enable(%wanted, source_dir => undef)),
	[], 'in place: all unchanged');
is_deeply($t->state, $before, 'in place: nothing has changed');

# --- a renewed certificate: the new one is served, and no session is dropped

my $session = $t->session;
my ($tls_out, $tls_in) = ('', '');
local $ENV{PGPASSWORD} = 'wonderland';
my $tls = IPC::Run::start(
	[
		'psql', '-XqAt', '-d',
		"host=localhost hostaddr=127.0.0.1 port=" . $t->{node}->port
		  . " user=alice dbname=postgres sslmode=verify-full sslrootcert=" . $pki->path('root.crt')
		  . " sslcert=" . $pki->path('alice.crt') . " sslkey=" . $pki->path('alice.key')
	],
	'<', \$tls_in, '>', \$tls_out, '2>&1', IPC::Run::timeout(1800));
$tls_in .= "SELECT 'pid ' || pg_backend_pid();\n";
$tls->pump until $tls_out =~ /pid (\d+)/;
my ($pid) = $tls_out =~ /pid (\d+)/;

$pki->source($t->{source}, 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
my $hba = $t->hba;
is($t->served, $pki->fingerprint('server.crt'), 'renewal: the old one is served before');
my $renewed = $t->enable(%wanted);
is($t->served, $pki->fingerprint('server-renewed.crt'), 'renewal: the new one is served');
is($t->hba, $hba, 'renewal: pg_hba.conf stays');
is_deeply(
	[ sort map { $_->{target} } grep { $_->{action} eq 'install file' && $_->{result} eq 'done' } @$renewed ],
	[qw(server.crt server.key)],
	'renewal: two files are new') or diag explain $renewed;
is_deeply([ grep { $_->{action} =~ /parameter|hba/ && $_->{result} ne 'unchanged' } @$renewed ],
	[], 'renewal: nothing else is');
is($t->mode('server.key'), '0600', 'renewal: the key is 0600');

$session->ask('SELECT pg_backend_pid();');
is($session->answer, "$session->{pid}\n", 'renewal: the session by Unix socket lives');
$tls_out = '';
$tls_in .= "SELECT 'pid ' || pg_backend_pid();\n";
$tls->pump until $tls_out =~ /pid \d+|connection/;
like($tls_out, qr/pid $pid$/m, 'renewal: the TLS session lives');
$tls_in .= "\\q\n";
$tls->finish;
$session->quit;
$t->clients_gone;
$t->in('renewal: new sessions', sslmode => 'verify-full', cert => 'alice', encrypted => 't');

# --- disabling twice

$t->disable;
$before = $t->state;
$reloads = reloads();
is_deeply([ grep { $_->{result} ne 'unchanged' } @{ $t->disable } ], [], 'disabled twice: all unchanged');
is_deeply($t->state, $before, 'disabled twice: nothing has changed');
is(reloads(), $reloads, 'disabled twice: no reload');

# --- a call with other wishes on top of an earlier one

$t->enable(source_dir => $t->{source});
$t->enable(source_dir => $t->{source}, clientcert => 'verify-full', plaintext => 'block');
$t->out('on top: plaintext blocked', qr/no pg_hba.conf entry/, sslmode => 'disable');
$t->out('on top: verify-full', qr/certificate|authentication failed/, sslmode => 'require', cert => 'bob', user => 'alice');
$t->disable;
is($t->hba, $CastsslTest::stock_hba, 'on top: one castssl_disable takes back both');
$t->stop;

done_testing();
