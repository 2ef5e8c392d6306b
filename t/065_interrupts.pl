# Functions that loop over what they are given can be cancelled, and verify no signatures for facts alone.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('interrupts');
my $pem = $t->slurp($t->{pki}->path('root.crt'));
$t->write('many.pem', $pem x 20_000);

my (undef, $out, $err) = $t->psql(
	q{SET statement_timeout = '100ms'; SELECT count(*) FROM castssl_certificate_info(pg_read_file('many.pem'))});
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
