# What is large: functions that loop over what they are given can be cancelled, have limits, and verify
# no signatures for facts alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('interrupts');
my $pem = $t->slurp($t->{pki}->path('root.crt'));
$t->write('many.pem', $pem x (4_000_000 / length $pem));

my (undef, $out, $err) = $t->psql(
	q{SET statement_timeout = '10ms'; SELECT count(*) FROM castssl_certificate_info(pg_read_file('many.pem'))});
is($out, '', 'a long text: no answer before the time-out');
like($err, qr/57014/, 'but an end');

# without key identifiers, only the signature could tell
$t->write('none.cnf', "[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nbasicConstraints=CA:TRUE\n");
$t->{pki}->openssl(qw(req -x509 -newkey rsa:2048 -nodes -subj /CN=none -keyout none.key -out none.crt -config), $t->path('none.cnf'));
$pem = $t->slurp($t->{pki}->path('none.crt'));
my ($body) = $pem =~ /-----BEGIN CERTIFICATE-----\n(.*)-----END/s;
my ($self, $damaged) = map { $t->sql("SELECT self_signed FROM castssl_certificate_info('$_')") } $pem,
  "-----BEGIN CERTIFICATE-----\n" . damaged($body) . "-----END CERTIFICATE-----\n";
is($self, 't', 'its own issuer');
is($damaged, 't', 'also by a signature that is damaged: it is not verified');

# --- limits: texts of certificates, keys and CAs of 4 MB, CRLs of 64 MB

sub large { return "repeat('x', $_[0])" }
my $too_long = 4 * 1024 * 1024 + 1;
foreach my $call ("castssl_certificate_info(@{[ large($too_long) ]})", "castssl_sign(request => @{[ large($too_long) ]})",
	"castssl_revoke(certificate => @{[ large($too_long) ]})", "castssl_install(certificate => @{[ large($too_long) ]})",
	"castssl_install(ca => @{[ large($too_long) ]})", "castssl_install(crl => @{[ large(64 * 1024 * 1024 + 1) ]})")
{
	$t->fails("SELECT count(*) FROM $call", '22023', $call, message => qr/argument is too long/);
}

# a CRL of more than 4 MB: as an argument, as a file that is copied, and as one that is in use
$t->write('ca.cnf', "[ca]\ndefault_ca = d\n[d]\ndatabase = $t->{folder}/index\ndefault_md = sha256\ndefault_crl_days = 30\n");
open my $index, '>', "$t->{folder}/index" or die $!;
printf $index "R\t300101000000Z\t250101000000Z,keyCompromise\t%032X\tunknown\t/CN=x%d\n", $_ + 2**40, $_ foreach 1 .. 90_000;
close $index or die $!;
$t->{pki}->openssl('ca', '-gencrl', '-config', $t->path('ca.cnf'), '-cert', $t->{pki}->path('root.crt'), '-keyfile', $t->{pki}->path('root.key'),
	'-out', $t->path('large.crl'));
cmp_ok(-s $t->path('large.crl'), '>', 4 * 1024 * 1024, 'a CRL of more than 4 MB');
$t->enable(source_dir => $t->{source}, clientcert => 'verify-ca');
$t->sql(q{SELECT * FROM castssl_install(crl => pg_read_file('large.crl'))});
my ($name) = $t->sql('SHOW ssl_crl_file');
is(-s $t->path($name), -s $t->path('large.crl'), 'as an argument');
is($t->sql(q{SELECT count(*) FROM castssl_certificates() WHERE role = 'crl'}), 1, 'in use');
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'crl_parse' AND severity <> 'ok'}), 0, 'and nothing is said of it');
rename $t->path('large.crl'), "$t->{source}/root.crl" or die $!;
$t->disable;
$t->enable(source_dir => $t->{source}, clientcert => 'verify-ca', crl_file => 'root.crl');
is(-s $t->path($t->sql('SHOW ssl_crl_file')), -s "$t->{source}/root.crl", 'as a file');

# --- limits: references and names in one line

$t->write('names', join '', map { "n$_\n" } 1 .. 1000);
$t->set_hba("local all postgres trust\nlocal all \@names trust\nlocal all all trust\n");
sub line { return "'local all postgres trust' || chr(10) || 'local all ' || repeat('\@names,', $_[0]) || '\@names trust' || chr(10) || 'local all all trust'" }
if ($t->sql('SHOW server_version_num') < 140000)
{
	# the server cuts such a line
	$t->fails("SELECT castssl_hba_stage(@{[ line(100_000) ]})", 'F0000', 'a line of 13', message => qr/too long/);
}
else
{
	my %most = (100_000 => qr/too many references to files in one line/, 1000 => qr/too many names in one line/);
	foreach my $references (sort keys %most)
	{
		$t->fails("SELECT castssl_hba_stage(@{[ line($references) ]})", 'F0000', "$references references and one", message => $references == 1000 ? $most{$references} : qr/too many/,
			hint => qr/\+role/);
	}
	$t->write('none', "# nobody\n");
	$t->set_hba("local all postgres trust\nlocal all \@none,x trust\nlocal all all trust\n");
	(my $none = line(100_000)) =~ s/\@names/\@none/g;
	$none =~ s/\@none trust/x trust/;
	$t->sql("SELECT castssl_hba_stage($none)");
	$t->sql('SELECT castssl_hba_discard()');
	$none =~ s/100000/100001/;
	$t->fails("SELECT castssl_hba_stage($none)", 'F0000', '100,001 references', message => $most{100_000}, hint => qr/\+role/);
}

# --- what loops can be cancelled

my $rules = q{'local all postgres trust' || chr(10) || (SELECT string_agg('host db' || i || ' user' || i || ' 192.0.2.' || i % 250 || '/32 md5', chr(10)) FROM generate_series(1, 200000) i)};
$t->set_hba($t->sql("SELECT $rules") . "\n");
foreach my $call ('castssl_hba_rules()', 'castssl_check()', 'castssl_fingerprint()', 'castssl_report()', "castssl_hba_stage('local all all trust' || chr(10) || $rules)",
	q{castssl_hba_explain('db1', 'user1', '192.0.2.1', 'none')}, q{castssl_hba_require_tls(clientcert => 'verify-ca')})
{
	my (undef, undef, $err) = $t->psql("SET statement_timeout = '30ms'; SELECT count(*) FROM $call");
	like($err, qr/ERROR:  57014/, "cancelled: @{[ substr $call, 0, 40 ]}");
}
is($t->sql('SELECT hba_staged FROM castssl_status()'), 'f', 'nothing was staged');

# each mask another, with holes: the search among addresses has much to cut
srand 1;
my @masks = map { my @bits = map { 1 << int rand 32 } 1 .. 4; join ' ', map { join '.', unpack 'C4', pack 'N', $_ } int rand 2**32, $bits[0] | $bits[1] | $bits[2] | $bits[3] } 1 .. 10_000;
sub masked { return join '', "local all postgres trust\n", map { "host all all $_ $_[0]\n" } @masks }
$t->set_hba(masked('md5'));
$t->write('masked', masked('trust'));
$t->sql(q{SELECT castssl_hba_stage(pg_read_file('masked')) IS NULL});
foreach my $call ('castssl_hba_rules()', 'castssl_hba_compare()', 'castssl_hba_apply(dry_run => true)')
{
	my (undef, undef, $err) = $t->psql("SET statement_timeout = '300ms'; SELECT count(*) FROM $call");
	like($err, qr/ERROR:  57014/, "cancelled in the search: $call");
}
$t->sql('SELECT castssl_hba_discard()');
$t->set_hba($CastsslTest::stock_hba);
SKIP:
{
	skip 'ssl_crl_dir came with 14', 2 if $t->sql('SHOW server_version_num') < 140000;
	my $folder = $t->path('crls');
	mkdir $folder or die $!;
	chomp(my $hash = `openssl x509 -noout -subject_hash -in '@{[ $t->{pki}->path('root.crt') ]}'`);
	link "$t->{source}/root.crl", "$folder/$hash.r$_" or die $! foreach 0 .. 200;
	$t->sql("ALTER SYSTEM SET ssl_crl_dir = 'crls'");
	$t->reload;
	foreach my $call ('castssl_certificates()', 'castssl_check()')
	{
		my (undef, undef, $err) = $t->psql("SET statement_timeout = '30ms'; SELECT count(*) FROM $call");
		like($err, qr/ERROR:  57014/, "cancelled: $call of many CRLs");
	}
	$t->sql('ALTER SYSTEM RESET ssl_crl_dir');
	$t->reload;
}
$t->stop;

done_testing();

# The last bit of the last byte, which belongs to the signature.
sub damaged
{
	require MIME::Base64;
	my $der = MIME::Base64::decode_base64($_[0]);
	substr($der, -1) ^= "\x01";
	return MIME::Base64::encode_base64($der, "\n") =~ s/(.{1,76})/$1/gr;
}
