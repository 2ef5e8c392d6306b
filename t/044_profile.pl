# TLS profiles: what testssl.sh and sslscan find after castssl_enable(profile => 'intermediate'), and who
# still gets in with 'modern'.
# Needs: testssl.sh sslscan
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have);
use CastsslOpenssl qw(openssl);
use JSON::PP ();
use Test::More;

my $t = CastsslTest->new('profile', conf => $CastsslTest::listen_on_localhost);
my $port = $t->{node}->port;

sub settings
{
	return $t->sql(
		q{SELECT string_agg(name || '=' || setting, E'\n' ORDER BY name) FROM pg_settings WHERE name ~ '^ssl_' AND name !~ '_file$'});
}

# A handshake with that version of TLS, by openssl's command line at its lowest security level.
sub offers
{
	my ($version, @options) = @_;
	my ($ok, $out, $err) = openssl("s_client -starttls postgres -connect 127.0.0.1:$port -$version", '', @options);
	return $out =~ /^\s*(?:Cipher\s*:|New, TLSv1\.\d, Cipher is) (?!0000|\(NONE\))\S+/m ? 1 : 0;
}

# A certificate as a scanner wants it: it says where to ask whether it is revoked.
my $pki = $t->{pki};
CastsslOpenssl::spew($pki->path('scanned.ext'), <<'EXT');
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
crlDistributionPoints = URI:http://localhost/root.crl
EXT
$pki->key('scanned');
$pki->openssl('req', '-new', '-config', 'openssl.cnf', '-key', 'scanned.key', '-subj', '/CN=localhost', '-out', 'scanned.csr');
$pki->openssl('x509', '-req', '-in', 'scanned.csr', '-CA', 'root.crt', '-CAkey', 'root.key', '-set_serial',
	'0x' . join('', map { sprintf '%02x', 1 + int rand 120 } 1 .. 16), '-days', '90', '-extfile', 'scanned.ext', '-out', 'scanned.crt');
my $source = $pki->source("$t->{folder}/scanned", 'server.crt' => 'scanned.crt', 'server.key' => 'scanned.key');

sub enable
{
	my ($profile) = @_;
	return $t->enable(source_dir => $source, clientcert => 'none', profile => $profile);
}

my $before = settings();
$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', source_dir => $source, profile => 'old'),
	'22023', 'a profile that there is not', hint => 1);
enable(undef);
is(settings(), $before, 'without a profile versions and ciphers stay');

my %set = map { $_->{target} => $_->{result} } grep { $_->{action} eq 'set parameter' } @{ enable('intermediate') };
is($set{ssl_ciphers}, 'done', 'intermediate: ciphers are set');
is_deeply(CastsslTest::changes(enable('intermediate')), [], 'the same call again: all is unchanged');
is(offers('tls1_2'), 1, 'TLS 1.2 is offered');
is(offers('tls1_3'), 1, 'TLS 1.3 is offered');
my @low = ('-cipher', 'ALL:@SECLEVEL=0');
is(offers('tls1', @low), 0, 'TLS 1.0 is not');
is(offers('tls1_1', @low), 0, 'TLS 1.1 is not');
is(offers('tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0'), 0, 'CBC is not');
is(offers('tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'), 1, 'GCM is');

subtest 'testssl.sh' => sub {
	plan skip_all => 'no testssl' unless have('testssl');
	my $json = "$t->{folder}/testssl.json";
	my $out = '';
	my $run = eval {
		IPC::Run::run(
			[ 'testssl', '--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--ip', '127.0.0.1', '--openssl-timeout', '60',
				'--connect-timeout', '60', '--add-ca', $pki->path('root.crt'), '--jsonfile', $json, '-t', 'postgres', "localhost:$port" ],
			'<', \undef, '>', \$out, '2>&1', IPC::Run::timeout(1800));
		1 };
	ok($run && -s $json, 'testssl runs') or diag $@, $out;
	my $findings = JSON::PP->new->utf8->decode(do { local (@ARGV, $/) = $json; <> });
	cmp_ok(scalar @$findings, '>', 50, 'and looks at many things');
	ok((grep { $_->{id} eq 'TLS1_2' && $_->{finding} =~ /offered/ && $_->{severity} eq 'OK' } @$findings), 'among them TLS 1.2');
	# what its own openssl lacks is not the server's
	my @above = grep { $_->{severity} !~ /^(OK|INFO|LOW)$/ && $_->{id} !~ /^(engine_problem|scanProblem|optimal_proto)$/ } @$findings;
	is_deeply([ map { "$_->{severity} $_->{id}: $_->{finding}" } @above ], [], 'nothing above LOW');
};

subtest 'sslscan' => sub {
	plan skip_all => 'no sslscan' unless have('sslscan');
	my $xml = "$t->{folder}/sslscan.xml";
	my $out = '';
	IPC::Run::run([ 'sslscan', '--no-colour', '--starttls-psql', '--timeout=30', "--xml=$xml", "127.0.0.1:$port" ],
		'<', \undef, '>', \$out, '2>&1');
	my $found = CastsslOpenssl::slurp($xml);
	is_deeply([ sort $found =~ /<protocol type="ssl" version="(\d)" enabled="1"/g ], [], 'no SSL');
	is_deeply([ sort $found =~ /<protocol type="tls" version="([\d.]+)" enabled="1"/g ], [qw(1.2 1.3)], 'TLS 1.2 and 1.3');
	my @strengths = $found =~ /<cipher [^>]*strength="(\w+)"/g;
	cmp_ok(scalar @strengths, '>=', 4, 'ciphers are found');
	is_deeply([ grep { $_ !~ /^(strong|acceptable)$/ } @strengths ], [], 'none is weak') or diag $out;
	unlike($found, qr/vulnerable="1"/, 'no heartbleed');
	unlike($found, qr/<compression supported="1"/, 'no compression');
	like($out, qr/Server supports TLS Fallback SCSV/, 'no downgrade');
	unlike($found, qr/<renegotiation supported="1" secure="0"/, 'no insecure renegotiation');
};

# Whatever was set by hand before does not stand in the way.
$t->sql("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'");
$t->reload;
enable('modern');
is(offers('tls1_3'), 1, 'modern: TLS 1.3 is offered');
is(offers('tls1_2'), 0, 'TLS 1.2 is not');
$t->in('psql gets in', sslmode => 'verify-full', encrypted => 't');
my ($ok, $why) = CastsslOpenssl::connect_with(
	{ host => 'localhost', hostaddr => '127.0.0.1', port => $port, user => 'alice', dbname => 'postgres', sslmode => 'require',
		ssl_max_protocol_version => 'TLSv1.2' }, 'SELECT 1');
ok(!$ok, 'with TLS 1.2 it does not');
like($why, qr/protocol version/, 'for that reason');
$t->restart;
$t->in('so it is after a restart', sslmode => 'verify-full', encrypted => 't');

$t->disable;
is(settings(), $before =~ s/^ssl_max_protocol_version=$/ssl_max_protocol_version=TLSv1.2/mr,
	'castssl_disable puts back what was stored before');

done_testing();
