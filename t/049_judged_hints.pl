# Hints about CRLs that are not there, files in each other's place and a certificate of the wrong purpose, typed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('judged');
my $d = $t->{data};
$t->enable(source_dir => $t->{source});

sub row
{
	my ($name) = @_;
	return $t->rows("SELECT * FROM castssl_check() WHERE check_name = '$name' AND severity <> 'ok'")->[0];
}

# --- the directory of the CRLs

SKIP: {
	skip 'no ssl_crl_dir before 14', 1 if $t->sql('SHOW server_version_num') < 140000;
	my $crls = "$t->{folder}/the crls";
	$t->sql("ALTER SYSTEM SET ssl_crl_dir = '$crls'");
	$t->reload;
	my $says = sub {
		my ($what, $message, $hint) = @_;
		my (undef, $out, $err) = $t->psql(q{SELECT problem FROM castssl_reload()});
		like($out, $message, "$what: castssl_reload()");
		unlike($err, qr/WARNING/, "$what: and no warning of another kind");
		my $row = row('crl_parse') // {};
		like($row->{message} // '', $message, "$what: the check");
		like($row->{hint} // '', $hint, "$what: what to do");
		return $row->{hint} // '';
	};
	my $rehash = qr/^Put the CRLs there as files that end in \.pem, and run: (openssl rehash '\Q$crls\E')$/;
	my $hint = $says->('not there', qr/"\Q$crls\E" does not exist/, qr/^Put the directory of the CRLs back\.  To check/);
	my ($typed) = $hint =~ /: (ALTER .*)$/;
	ok(($t->psql($typed))[0], "typed: $typed");
	is($t->sql('SHOW ssl_crl_dir') . (row('crl_parse') // ''), '', 'no CRL is wanted, and there is no row');
	$t->sql("ALTER SYSTEM SET ssl_crl_dir = '$crls'");
	$t->reload;
	mkdir $crls or die $!;
	$says->('empty', qr/"\Q$crls\E" is empty/, $rehash);
	$t->sql(q{SELECT castssl_create_ca('Our CA')});
	$t->write("$crls/notes.txt", "none\n");
	$hint = $says->('no CRL in it', qr/holds no CRL under a name/, $rehash);
	system('cp', "$d/pg_castssl/ca/root.crl", "$crls/our.pem") == 0 or die;
	is(system('sh', '-c', $hint =~ $rehash ? $1 : 'false'), 0, 'typed: the CRL is there, under its name');
	is(row('crl_parse'), undef, 'and the row has gone');
	if ($> != 0)
	{
		chmod 0, $crls or die $!;
		$hint = $says->('closed', qr/"\Q$crls\E" cannot be read/, qr/chmod/);
		is(system('sh', '-c', $hint =~ /as root: (.*)/ ? $1 : 'false'), 0, "typed: $hint");
		is(row('crl_parse'), undef, 'and the row has gone');
	}
	$t->sql('ALTER SYSTEM RESET ssl_crl_dir');
	$t->reload;
}

# --- an empty CRL file

$t->write("$d/root.crl", '');
$t->sql(q{ALTER SYSTEM SET ssl_crl_file = 'root.crl'});
is(row('crl_parse'), undef, 'not yet in effect');
$t->psql('SELECT pg_reload_conf(), pg_sleep(0.5)');
my $row = row('crl_parse');
like($row->{message}, qr/root\.crl" is empty/, 'an empty file of CRLs');
like($row->{hint}, qr/^Get the CRL from its CA again, and put it there; then: SELECT \* FROM castssl_reload\(\);$/, 'what to do');
$t->sql('ALTER SYSTEM RESET ssl_crl_file');
$t->reload;

# --- certificate and key in each other's place

rename "$d/server.crt", "$d/x" or die $!;
rename "$d/server.key", "$d/server.crt" or die $!;
rename "$d/x", "$d/server.key" or die $!;
$row = row('certificate_parse');
like($row->{message}, qr/certificate and private key are swapped/, 'swapped');
is(row('key_parse'), undef, 'in one row');
my ($ok, undef, $err) = $t->psql($row->{hint});
ok($ok, "typed: $row->{hint}") or diag $err;
is($t->sql('SELECT restart_safe FROM castssl_status()'), 't', 'and the server would start');
is(row('certificate_parse'), undef, 'the row has gone');
rename "$d/server.crt", "$d/x" or die $!;
rename "$d/server.key", "$d/server.crt" or die $!;
rename "$d/x", "$d/server.key" or die $!;
$t->sql("SELECT count(*) FROM castssl_enable(cert_file => '$d/server.crt', key_file => '$d/server.key')");

# the same in source_dir: copies get the usual names, and the call keeps its other arguments
my $swapped = "$t->{folder}/swapped";
mkdir $swapped or die $!;
system('cp', "$t->{source}/server.crt", "$swapped/server.key") == 0 or die;
system('cp', "$t->{source}/server.key", "$swapped/server.crt") == 0 or die;
system('cp', "$t->{source}/root.crt", $swapped) == 0 or die;
my $guest = $t->guest;
(undef, undef, $err) = $t->psql("SELECT * FROM castssl_enable(source_dir => '$swapped', ca_file => 'root.crt', clientcert => 'verify-ca', plaintext => 'block', confirm_within => '10 min')");
my ($hint) = $err =~ /are swapped.*^HINT:  (SELECT [^\n]*;)$/ms or diag $err;
($ok, undef, $err) = $t->psql($hint // 'none');
ok($ok, 'typed: the hint of castssl_enable()') or diag $err;
my $change = $t->rows('SELECT * FROM castssl_changes() ORDER BY change_id DESC LIMIT 1')->[0];
is($change->{state}, 'unconfirmed', 'the change waits, as it was asked for');
like($t->hba, qr/^hostssl.*clientcert=verify-ca.*\n#castssl# /m, 'with the rest of what was asked for');
unlike($t->sql('SHOW ssl_cert_file') . $t->sql('SHOW ssl_key_file'), qr/swapped/, 'copies are used');
like($t->slurp($t->sql('SHOW ssl_cert_file')), qr/BEGIN CERTIFICATE/, 'a certificate as the certificate');
$t->sql('SELECT count(*) FROM castssl_rollback()');
$guest->quit;

# --- a certificate of the small CA, for a client

$t->sql(q{SELECT castssl_create_ca('Our CA')}) unless -e "$d/pg_castssl/ca/root.crt";
(undef, undef, $err) = $t->psql(q{SELECT * FROM castssl_install(certificate => castssl_sign(castssl_csr('localhost', dns_names => '{localhost}')))});
my ($purpose) = $err =~ /^HINT:.*castssl_sign\(\.\.\., (purpose => 'server')\)\.$/m or diag $err;
($ok, undef, $err) = $t->psql("SELECT * FROM castssl_install(certificate => castssl_sign(castssl_csr('localhost', dns_names => '{localhost}'), " . ($purpose // 'none') . '))');
ok($ok, 'typed: it is installed') or diag $err;

# --- a CA file that cannot be read says nothing of the chain

SKIP: {
	skip 'root may read everything', 1 if $> == 0;
	$t->sql('SELECT count(*) FROM castssl_enable(source_dir => ' . "'$t->{source}', force => true)");
	chmod 0, "$d/root.crt" or die $!;
	is(row('chain'), undef, 'no advice to append the root');
	like(row('files_readable')->{hint}, qr/chmod u\+r \Q$d\E\/root\.crt$/, 'but to let the server read the file');
	chmod 0600, "$d/root.crt" or die $!;
}

$t->stop;
done_testing();
