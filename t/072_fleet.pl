# Many servers by one command: examples/psql/secure.sh over a pg_service.conf.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslOpenssl qw(spew);
use Test::More;

my @good = map { CastsslTest->new($_) } qw(one two);
my $bad = CastsslTest->new('bad');
my $last = CastsslTest->new('last');
my $pki = $bad->{pki};
$pki->certificate('postgres', 'root', '/CN=postgres', 'client', -1, 90);
my $folder = CastsslTest::temporary_folder();
my $source = $pki->source("$folder/certs");
my $broken = $pki->source("$folder/broken", 'server.crt' => 'server-expired.crt', 'server.key' => 'server-expired.key');

$_->sql(q{ALTER ROLE postgres PASSWORD 'wonderland'}) foreach @good, $bad, $last;

sub services
{
	my ($name, @servers) = @_;
	return spew("$folder/$name", join "\n", map {
		"[$_->{name}]\nhost=localhost\nhostaddr=127.0.0.1\nport=" . $_->{node}->port . "\nuser=postgres\ndbname=postgres\nsslmode=verify-full\n"
		  . "sslrootcert=" . $pki->path('root.crt') . "\nsslcert=" . $pki->path('postgres.crt') . "\nsslkey=" . $pki->path('postgres.key') . "\n"
	} @servers);
}

sub secure
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => $folder);
	delete @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)};
	IPC::Run::run([ "$FindBin::RealBin/../examples/psql/secure.sh", @arguments ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? == 0, $out, $err);
}

my ($ok, $out, $err) = secure(services('good.conf', @good), $source, 'block');
ok($ok, 'all are secured') or diag $err;
like($out, qr/^one: changed, policy ([0-9a-f]{64})\ntwo: changed, policy \1\n$/, 'and agree');
foreach my $t (@good)
{
	is($t->sql('SELECT state FROM castssl_changes()'), 'applied', "$t->{name}: confirmed");
	$t->in("$t->{name}: TLS with a certificate", sslmode => 'verify-full', cert => 'alice', encrypted => 't');
	$t->out("$t->{name}: plaintext", qr/no pg_hba.conf entry/, sslmode => 'disable');
}
my @before = map { $_->state } @good;
($ok, $out, $err) = secure("$folder/good.conf", $source, 'block');
ok($ok, 'a second run') or diag $err;
like($out, qr/^one: unchanged, .*\ntwo: unchanged, .*\n$/, 'changes nothing');
is_deeply([ map { $_->state } @good ], \@before, 'not a file');

@before = map { $_->state } $bad, $last;
($ok, $out, $err) = secure(services('bad.conf', $bad, $last), $broken, 'block');
ok(!$ok, 'one whose certificate cannot work');
like($err, qr/expired/, 'is told why');
is_deeply([ map { $_->state } $bad, $last ], \@before, 'it is as before, and so are those after it');

$_->stop foreach @good, $bad, $last;
done_testing();
