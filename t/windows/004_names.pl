# Names and files as they are on Windows: a data folder with a blank, drives, both slashes, shares, pg_hba.conf with
# CRLF; and who may read where.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use CastsslTest;
use CastsslOpenssl qw(spew);
use Test::More;

$CastsslWindows::data_name = 'db data';
my $t = CastsslTest->new('names');
my $pki = $t->{pki};
like($t->sql('SHOW data_directory'), qr{/db data$}, 'a data folder with a blank');

# --- pg_hba.conf as an editor on Windows leaves it

(my $hba = $t->hba . "# an editor on Windows was here\n") =~ s/\r?\n/\r\n/g;
$t->set_hba($hba);
is($t->hba, $hba, 'pg_hba.conf has CRLF');
$t->enable(source_dir => CastsslWindows::path_of($t->{source}), plaintext => 'block', force => 'true');
like($t->hba, qr/^hostssl .*\r$/m, 'lines were added');
unlike($t->hba, qr/(?<!\r)\n/, 'every line ends with CRLF');
$t->in('a client by an added line', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
$t->out('plaintext', qr/no pg_hba.conf entry/, sslmode => 'disable', password => 'wonderland');
$t->sql(q{SELECT castssl_hba_add('hostssl', '{all}', '{app}', '192.0.2.0/24', 'scram-sha-256')});
$t->rows('SELECT * FROM castssl_hba_apply(force => true)');
like($t->hba, qr{ app .*192\.0\.2\.0/24.*\r$}m, 'a staged line, too');
unlike($t->hba, qr/(?<!\r)\n/, 'still CRLF everywhere');
$t->sql($CastsslTest::back_by_force);

$t->disable(force => 'true');
is($t->hba, $hba, 'disabled: the same bytes, CRLF among them');

# --- a method that only Windows has

$t->set_hba($t->hba . "host all all 192.0.2.0/24 sspi map=x include_realm=0\r\n");
is($t->sql(q{SELECT string_agg(coalesce(error, 'none'), ' ') FROM castssl_hba_rules() WHERE address LIKE '192.0.2.0%'}), 'none', 'sspi is a method here');
$t->set_hba($hba);

# --- one folder by many names

my $drive = "$ENV{WINEPREFIX}/drive_c";
my $share = "$ENV{WINEPREFIX}/dosdevices/unc/castssl";
mkdir $_ foreach "$ENV{WINEPREFIX}/dosdevices/unc", $share;
mkdir "$drive/names of $$";
symlink $drive, "$share/files" unless -e "$share/files";
$pki->source("$drive/names of $$/my certs");
my $name = "names of $$\\my certs";
my %names = (
	'backslashes' => "C:\\$name",
	'slashes' => "C:/$name" =~ tr{\\}{/}r,
	'a slash at the end, a small letter' => "c:/$name/" =~ tr{\\}{/}r,
	'through other folders' => "C:\\windows\\..\\$name",
	'a share' => "\\\\castssl\\files\\$name",
	'a share with slashes' => "//castssl/files/$name" =~ tr{\\}{/}r);
$t->enable(source_dir => $names{'a share'});
is($t->served, $pki->fingerprint('server.crt'), 'from a share: the certificate is served');
foreach my $what (sort keys %names)
{
	my $again = [ grep { $_->{result} ne 'skipped' } @{ CastsslTest::changes($t->enable(source_dir => $names{$what})) } ];
	is_deeply($again, [], "$what: the same files") or diag explain $again;
}
$t->disable(force => 'true');
is($t->served, 'none', 'and back');
$t->enable_fails({ source_dir => 'C:\\no such folder' }, '58P01', 'a folder that is not there', message => qr/no such folder/);
$t->enable_fails({ source_dir => 'C:certs' }, '58P01', 'relative to a drive', message => qr/C:certs/);

# --- files that stay where they are

my %place = map { ("${_}_file" => "C:\\$name\\" . { cert => 'server.crt', key => 'server.key', ca => 'root.crt' }->{$_}) } qw(cert key ca);
$t->enable(%place);
is($t->served, $pki->fingerprint('server.crt'), 'used where they lie');
like($t->sql('SHOW ssl_cert_file'), qr{^C:/names of \d+/my certs/server\.crt$}, 'under that name');
$t->restart;
is($t->served, $pki->fingerprint('server.crt'), 'after a restart as well');
$t->disable(force => 'true');

# --- a role that is no superuser reads where it may, whatever the name

$t->sql(q{CREATE ROLE operator});
$t->sql($_) foreach split /\n/, $t->sql(q{SELECT format('GRANT EXECUTE ON FUNCTION %s TO operator', oid::regprocedure) FROM pg_proc WHERE proname = 'castssl_enable'});
$t->sql(q{LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.allowed_directories = 'C:/names of } . $$ . q{/my certs'});
$t->reload;
spew("$drive/names of $$/outside", '');
my $as_operator = 'SET ROLE operator; SELECT count(*) FROM castssl_enable(dry_run => true, source_dir => ';
foreach my $what (sort keys %names)
{
	next if $what =~ /share/;
	my ($ok, $out, $err) = $t->psql("$as_operator'$names{$what}')");
	ok($ok, "$what: allowed") or diag $err;
}
foreach my $outside ("C:\\names of $$", "C:\\$name\\..", 'C:\\windows', CastsslWindows::path_of($t->{source}), "\\\\castssl\\files\\names of $$")
{
	my ($ok, undef, $err) = $t->psql("$as_operator'$outside')");
	like($err, qr/42501/, "$outside: not allowed");
}
$t->stop;
system('rm', '-rf', "$drive/names of $$");
done_testing();
