# Certificates on a server for Windows: its own key and request, a small CA, clients, revocation.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use CastsslTest;
use CastsslOpenssl qw(connect_with openssl_ok quote_text slurp);
use Test::More;

my $t = CastsslTest->new('certificates');
# the tests' own certificate is of another CA
$t->{node}{sslmode} = 'disable';
my $ca = $t->sql(q{SELECT castssl_create_ca('CA for Windows')});
like($ca, qr/^-----BEGIN CERTIFICATE-----/, 'castssl_create_ca');
my $steps = $t->rows(q{SELECT * FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'), certificate =>
	castssl_sign(purpose => 'server', request => castssl_csr('localhost', '{localhost}', '{127.0.0.1}')))});
is((grep { $_->{action} eq 'verify' && $_->{result} eq 'done' } @$steps) > 0, 1, 'a request, signed and installed') or diag explain $steps;
my $issued = $t->sql(q{SELECT castssl_issue_client('alice')});
(my $alice = $issued) =~ s/^[A-Z]://;
$alice =~ tr{\\}{/};
ok(-e "$alice/client.key", 'castssl_issue_client') or diag $issued;
chmod 0600, "$alice/client.key";
my %as_alice = (host => 'localhost', hostaddr => '127.0.0.1', port => $t->{node}->port, user => 'alice', dbname => 'postgres', sslmode => 'verify-full',
	sslrootcert => "$alice/root.crt", sslcert => "$alice/client.crt", sslkey => "$alice/client.key");
is((connect_with(\%as_alice, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'))[1], 't', 'alice comes in with it');
my $crl = $t->sql('SELECT castssl_revoke(' . quote_text(slurp("$alice/client.crt")) . ')');
like($crl, qr/BEGIN X509 CRL/, 'castssl_revoke');
like((connect_with(\%as_alice, 'SELECT 1'))[1], qr/revoked/, 'she does not any more');

# the next certificate of the same server: another key, under a name of its own
my $served = $t->served;
my $session = $t->sql('SELECT count(*) FROM pg_stat_activity');
$t->rows(q{SELECT * FROM castssl_install(certificate => castssl_sign(purpose => 'server', request => castssl_csr('localhost', '{localhost}', '{127.0.0.1}')))});
isnt($t->served, $served, 'renewed');
like($t->sql('SHOW ssl_cert_file'), qr/^server-[0-9a-f]{16}\.crt$/, 'certificate and key are switched as a pair');
like($t->sql('SHOW ssl_key_file'), qr/^server-[0-9a-f]{16}\.key$/, 'by parameter');
is($t->sql(q{SELECT count(*) FROM castssl_certificates() WHERE role = 'server'}), 1, 'castssl_certificates');
like($t->sql(q{SELECT castssl_client_config('uri', 'localhost', 'alice', 'postgres')}), qr/^postgresql:.*sslmode=verify-full/, 'castssl_client_config');
is($t->sql(q{SELECT string_agg(check_name || ' ' || coalesce(subject, '') || ': ' || message, E'\n') FROM castssl_check() WHERE severity = 'error'}),
	'', 'castssl_check finds no error');
$t->stop;
done_testing();
