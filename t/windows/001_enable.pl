# The main job on a server for Windows: turned on, proven, repeated, refused, taken back; and a rotation that
# no connection notices, though each new one reads the live files.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use CastsslTest;
use CastsslOpenssl qw(slurp spew);
use POSIX ();
use Test::More;

my $t = CastsslTest->new('windows');
my $pki = $t->{pki};
my $hba = $t->hba;
my $source = CastsslWindows::path_of($t->{source});

is($t->served, 'none', 'no TLS yet');
my $steps = $t->enable(source_dir => $source);
is($t->served, $pki->fingerprint('server.crt'), 'the certificate is served');
my ($permissions) = grep { $_->{action} eq 'set permissions' } @$steps;
is($permissions->{result}, 'skipped', 'permissions of the key: skipped');
like($permissions->{detail}, qr/access control lists/, 'with the reason');
is((grep { $_->{action} eq 'verify' && $_->{result} eq 'done' } @$steps) > 0, 1, 'proven by a handshake') or diag explain $steps;
$t->in('TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
$t->in('plaintext as before', sslmode => 'disable', password => 'wonderland', encrypted => 'f');
my $before = $t->state;
my $again = [ grep { $_->{result} ne 'skipped' } @{ CastsslTest::changes($t->enable(source_dir => $source)) } ];
is_deeply($again, [], 'the same again: unchanged') or diag explain $again;
is_deeply($t->state, $before, 'not a file');

$t->enable(source_dir => $source =~ tr{/}{\\}r, plaintext => 'block', clientcert => 'verify-full');
$t->out('plaintext is blocked', qr/no pg_hba.conf entry/, sslmode => 'disable', password => 'wonderland');
$t->out("another's certificate", qr/authentication failed/, sslmode => 'verify-full', cert => 'bob', password => 'wonderland');
$t->in('mutual TLS by native psql', sslmode => 'verify-full', cert => 'alice', encrypted => 't');

# --- who may read the key: wine makes an access control list of a file's mode, and a mode of a list

sub others_may { return (stat shift)[2] & 07 }
my $key = "$t->{data}/" . $t->sql('SHOW ssl_key_file');
ok(!others_may($key), 'the key is private, whatever its folder passes on');
is_deeply([ grep { others_may($_) } glob "$t->{data}/pg_castssl/changes/*/before-*" ], [], 'and what is kept of it');
ok(others_may("$t->{data}/PG_VERSION"), 'as other files here are not');
my $judged = q{SELECT severity || ' ' || message || coalesce(' ' || hint, '') FROM castssl_check(include_ok => true) WHERE check_name = 'key_permissions'};
is($t->sql($judged), 'ok nothing found', 'castssl_check: nobody else can read it');
chmod 0644, $key or die $!;
my $word = '"' . $t->sql(q{SELECT setting FROM pg_settings WHERE name = 'data_directory'}) . '/' . $t->sql('SHOW ssl_key_file') . '"';
like($t->sql($judged), qr{^warning other accounts can read the private key, by its access control list: .*Everyone icacls \Q$word\E /reset, then icacls \Q$word\E /inheritance:r /grant:r "\*S-1-5-21-[0-9-]+:F" "\*S-1-5-18:F" "\*S-1-5-32-544:F", then SELECT},
	'castssl_check: everyone can, and the commands that mend it, with the account of the server');
chmod 0600, $key or die $!;

# what is wrong is said, and nothing changes
my %wrong = (
	'an expired certificate' => [ { 'server.crt' => 'server-expired.crt', 'server.key' => 'server-expired.key' }, 'F0000', qr/expired/ ],
	'a key of another certificate' => [ { 'server.key' => 'bob.key' }, 'F0000', qr/key/ ],
	'a certificate that is none' => [ { 'server.crt' => 'garbage' }, 'F0000', qr/certificate/ ],
	'no key' => [ { 'server.key' => undef }, '58P01', qr/server\.key/ ],);
foreach my $what (sort keys %wrong)
{
	my ($replace, $sqlstate, $message) = @{ $wrong{$what} };
	$t->enable_fails({ source_dir => CastsslWindows::path_of($pki->source("$t->{folder}/wrong", %$replace)) }, $sqlstate, $what, message => $message);
	unlink glob "$t->{folder}/wrong/*";
}

# --- rotation under a loop of connections

my $renewed = CastsslWindows::path_of($pki->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key'));
my %fingerprints = map { ($pki->fingerprint($_) => 1) } qw(server.crt server-renewed.crt);
my $loop = fork // die;
if ($loop == 0)
{
	my $failed = '';
	my $made = 0;
	while ($made < 200 || !-e "$t->{folder}/rotated")
	{
		my ($ok, $said) = $t->client(sslmode => 'verify-full', cert => 'alice', sql => 'SELECT 1');
		$made++;
		$failed .= $said unless $ok;
	}
	spew("$t->{folder}/failed", $failed);
	spew("$t->{folder}/made", $made);
	POSIX::_exit(0);
}
my $rotations = 0;
foreach my $folder (($renewed, $source) x 5)
{
	$t->enable(source_dir => $folder, plaintext => 'block', clientcert => 'verify-full');
	$rotations++;
	is($t->served, $pki->fingerprint($folder eq $renewed ? 'server-renewed.crt' : 'server.crt'), "rotation $rotations");
}
spew("$t->{folder}/rotated", '');
waitpid $loop, 0;
is(slurp("$t->{folder}/failed"), '', 'no connection failed in ' . slurp("$t->{folder}/made"));
cmp_ok(scalar(my @keys = glob "$t->{data}/server*.key"), '<=', 3, 'few files are left');

# --- castssl_check, castssl_status, and back

is($t->sql(q{SELECT string_agg(check_name || ' ' || coalesce(subject, '') || ': ' || message, E'\n') FROM castssl_check() WHERE severity = 'error'}),
	'', 'castssl_check finds no error');
is($t->status->{ssl}, JSON::PP::true, 'castssl_status: on');
is($t->status->{restart_safe}, JSON::PP::true, 'and restart_safe');

# each connection reads the live files, without a reload
$t->write('pg_hba.conf', "hostssl all bob 127.0.0.1/32 reject\n" . $t->hba);
$t->out('a line that nobody has reloaded answers', qr/pg_hba.conf rejects/, sslmode => 'verify-full', cert => 'bob', user => 'bob');
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'hba_in_effect'}), '0', 'castssl_check does not say that it waits for a reload');
(my $mended = $t->hba) =~ s/^.*\n//;
$t->write('pg_hba.conf', $mended);
$t->restart;
$t->in('after a restart', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
$t->disable(force => 'true');
is($t->hba, $hba, 'disabled: the bytes of pg_hba.conf are back');
is($t->served, 'none', 'and TLS is off');
$t->stop;
done_testing();
