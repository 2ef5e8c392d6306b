# Requests, certificates given as texts, and the small CA: what is made is read back by openssl, used
# by psql, and no private key ever leaves the server.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslOpenssl qw(openssl openssl_ok connect_with quote_text slurp spew verify_error);
use Test::More;

my $pki = CastsslTest::pki();
my $t = CastsslTest->new('keys');
my $state = "$t->{data}/pg_castssl";
my $folder = $t->{folder};

sub call
{
	my ($function, %arguments) = @_;
	return CastsslTest::call($function, %arguments);
}

sub install
{
	my (%arguments) = @_;
	return $t->rows('SELECT * FROM ' . call('castssl_install', %arguments));
}

sub install_fails
{
	my ($arguments, $sqlstate, $name, %expected) = @_;
	my $before = $t->state;
	my $pending = join ' ', pending();
	$t->fails('SELECT * FROM ' . call('castssl_install', %$arguments), $sqlstate, $name, %expected);
	is_deeply($t->state, $before, "$name: nothing has changed");
	is(join(' ', pending()), $pending, "$name: no pending key is used up");
	return;
}

sub pending
{
	my @keys = sort glob("$state/pending/*");
	return @keys;
}

sub mode
{
	my ($path) = @_;
	my @s = stat $path or return 'absent';
	return sprintf '%04o', $s[2] & 07777;
}

# Have the tests' own CA sign a request; returns the PEM text.
sub signed
{
	my ($request, %options) = @_;
	my $ca = $options{ca} // 'root';
	my $extensions = spew("$folder/extensions",
		$options{extensions} // "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
		  . "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
	return openssl_ok('x509 -req', $request, '-CA', $pki->path("$ca.crt"), '-CAkey', $pki->path("$ca.key"),
		'-set_serial', int(rand 1e9), '-days', $options{days} // 90, '-extfile', $extensions);
}

sub fingerprint
{
	return CastsslPki::fingerprint_of($_[0] =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s);
}

sub public_key_of_request
{
	return openssl_ok('req -noout -pubkey', $_[0]);
}

my $root = slurp($pki->path('root.crt'));

subtest 'castssl_csr' => sub {
	my %kinds = (
		'rsa:2048' => qr/Public-Key: \(2048 bit\)/,
		'rsa:3072' => qr/Public-Key: \(3072 bit\)/,
		'rsa:4096' => qr/Public-Key: \(4096 bit\)/,
		'ec:P-256' => qr/NIST CURVE: P-256/,
		'ec:P-384' => qr/NIST CURVE: P-384/,
		'ed25519' => qr/ED25519/i);
	foreach my $kind (sort keys %kinds)
	{
		my %before = map { $_ => 1 } pending();
		my $request = $t->sql("SELECT castssl_csr(common_name => 'db.example.com', key_type => '$kind')");
		my $text = openssl_ok('req -verify -noout -text', $request);
		like($text, $kinds{$kind}, "$kind: the key is of that type");
		like($text, qr/Subject: CN ?= ?db\.example\.com/, "$kind: the subject");
		unlike($text, qr/Alternative/, "$kind: no alternative names when none are given");
		unlike($request, qr/PRIVATE/, "$kind: no private key is returned");
		my @new = grep { !$before{$_} } pending();
		is(@new, 1, "$kind: one key is pending");
		is(mode($new[0]), '0600', "$kind: 0600");
		is(openssl_ok('pkey -pubout', slurp($new[0])), public_key_of_request($request),
			"$kind: it is the key of the request");
	}
	is(mode("$state/pending"), '0700', 'the folder of pending keys is 0700');
	unlink pending();

	my $request = $t->sql(
		q{SELECT castssl_csr(common_name => 'Käse', dns_names => '{db.example.com,*.example.org,xn--mnchen-3ya.de}',
		  ip_addresses => '{192.0.2.7, 2001:db8::7}')});
	my $text = openssl_ok('req -verify -noout -text -nameopt utf8', $request);
	like($text, qr/Subject: CN ?= ?Käse/, 'a subject in UTF-8');
	like($text,
		qr/DNS:db\.example\.com, DNS:\*\.example\.org, DNS:xn--mnchen-3ya\.de, IP Address:192\.0\.2\.7, IP Address:2001:DB8:0:0:0:0:0:7/,
		'alternative names');
	unlink pending();

	my @bad = (
		[ "common_name => NULL", 'no name' ],
		[ "common_name => ''", 'an empty name' ],
		[ "common_name => repeat('x', 65)", 'a name of 65 characters' ],
		[ "common_name => 'x', dns_names => '{bad name}'", 'a DNS name with a blank' ],
		[ "common_name => 'x', dns_names => '{a..b}'", 'a DNS name with an empty label' ],
		[ "common_name => 'x', dns_names => '{NULL}'", 'a DNS name that is null' ],
		[ "common_name => 'x', dns_names => '{münchen.de}'", 'a DNS name that is not ASCII' ],
		[ "common_name => 'x', ip_addresses => '{10.0.0.0/8}'", 'a network for an address' ],
		[ "common_name => 'x', ip_addresses => '{NULL}'", 'an address that is null' ],
		[ "common_name => 'x', key_type => 'rsa:1024'", 'an RSA key that is too short' ],
		[ "common_name => 'x', key_type => 'dsa'", 'a key type that there is not' ],
		[ "common_name => 'x', key_type => NULL", 'no key type' ]);
	$t->fails("SELECT castssl_csr($_->[0])", '22023', $_->[1], no_detail => $_->[0] =~ /dns_names.*NULL/) foreach @bad;
	is_deeply([ pending() ], [], 'no key is left of a request that was refused');
};

subtest 'castssl_install: the pending key' => sub {
	foreach (qw(ca crl))
	{
		install_fails({ $_ => $root }, '55000', "$_ alone, where nothing is served yet",
			message => qr/no certificate and key yet/, detail => qr/ssl_cert_file.*server\.crt/, hint => qr/castssl_csr/);
	}
	my $request = $t->sql("SELECT castssl_csr(common_name => 'localhost')");
	$t->sql("SELECT castssl_csr(common_name => 'localhost')");    # another one, which stays
	my $certificate = signed($request);

	my $planned = install(certificate => $certificate, ca => $root, dry_run => 'true');
	is_deeply([ grep { $_->{result} !~ /^(planned|unchanged|warning)$/ } @$planned ], [], 'a dry run plans');
	is($t->served, 'none', 'and does nothing');

	my $steps = install(certificate => $certificate, ca => $root);
	is(
		join(', ', CastsslTest::actions($steps)),
		'install file, set permissions, check certificate, set parameter, reload, verify',
		'actions, in order');
	is_deeply([ grep { $_->{result} !~ /^(done|unchanged)$/ } @$steps ], [], 'each is done, or was so already');
	is($t->served, fingerprint($certificate), 'the certificate is served');
	is($t->mode($_), '0600', "$_ is 0600") foreach qw(server.key server.crt root.crt);
	is(scalar(my @one = pending()), 1, 'the pending key is used up, the other one waits on');
	is_deeply(
		[ map { $_->{result} } @{ install(certificate => $certificate, ca => $root) } ],
		[ ('unchanged') x @$steps ],
		'the same call again: all is unchanged');
	$t->in('TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');

	my $log = $t->slurp($t->{node}->logfile);
	my ($secret) = slurp("$t->{data}/server.key") =~ /\n.{64}\n(.{40})/;
	is(index($log, $secret), -1, 'the key is not in the log');

	$t->back;
	is($t->served, 'none', 'rolled back: no TLS again');
	is(scalar(my @two = pending()), 2, 'and the key waits again');
	install(certificate => $certificate, ca => $root);
	is($t->served, fingerprint($certificate), 'and can be used');

	# the same request, signed anew: its key is the current one
	my $renewed = signed($request, days => 180);
	$steps = install(certificate => $renewed);
	my %result = map { $_->{target} => $_->{result} } grep { $_->{action} eq 'install file' } @$steps;
	is_deeply(
		\%result,
		{ 'server.crt' => 'done', 'server.key' => 'unchanged', 'root.crt' => 'unchanged' },
		'a renewal keeps the key');
	is($t->served, fingerprint($renewed), 'and is served');

	install(certificate => $certificate, confirm_within => '1 hour');
	is($t->served, fingerprint($certificate), 'confirm_within: in effect');
	$t->fails('SELECT * FROM ' . call('castssl_install', certificate => $renewed),
		'55000', 'no other change until it is confirmed', hint => 1);
	$t->back;
	is($t->served, fingerprint($renewed), 'and taken back');
};

subtest 'castssl_install: what is refused' => sub {
	my ($pem, $key) = map { slurp($pki->path("server-renewed.$_")) } qw(crt key);
	my $served = $t->served;

	install_fails({ certificate => $pem }, '58P01', 'no key fits', hint => qr/castssl_csr/);
	install_fails({ certificate => $pem, private_key => slurp($pki->path('alice.key')) },
		'F0000', 'another certificate\'s key', detail => qr/private key/, message => qr/does not belong/);
	install_fails({ certificate => slurp($pki->path('server-expired.crt')), private_key => slurp($pki->path('server-expired.key')) },
		'F0000', 'an expired certificate', message => qr/has expired/);
	install_fails({ certificate => slurp($pki->path('server-future.crt')), private_key => slurp($pki->path('server-future.key')) },
		'F0000', 'one that is not yet valid', message => qr/not yet valid/);
	install_fails({ certificate => slurp($pki->path('alice.crt')), private_key => slurp($pki->path('alice.key')) },
		'F0000', 'a client\'s certificate');
	install_fails({ certificate => 'no certificate' }, 'F0000', 'no PEM');
	install_fails({ certificate => '' }, 'F0000', 'an empty text');
	install_fails({ certificate => $key }, 'F0000', 'a key for a certificate');
	install_fails({ certificate => $pem, private_key => 'no key' }, 'F0000', 'no PEM for a key');
	install_fails({ certificate => $pem, private_key => slurp($pki->path('server-encrypted.key')) },
		'F0000', 'an encrypted key');
	install_fails({ certificate => $pem, private_key => $key, ca => slurp($pki->path('alice.crt')) },
		'F0000', 'a CA that is none', message => qr/no CA certificate/);
	install_fails({ certificate => $pem, private_key => $key, crl => $pem }, 'F0000', 'a CRL that is none');
	install_fails({ ca => $root, private_key => $key }, '22023', 'a key without its certificate', hint => 1);
	install_fails({}, '22023', 'nothing', hint => 1);
	is($t->served, $served, 'what was served is served');
};

subtest 'castssl_install: a private key as a bind parameter' => sub {
	plan skip_all => 'no pgbench' unless grep { -x "$_/pgbench" } split /:/, $ENV{PATH};
	my ($pem, $key) = map { slurp($pki->path("server.$_")) } qw(crt key);
	my ($secret) = $key =~ /\n.{64}\n(.{40})/;
	my $script = spew("$folder/install.sql",
		"SELECT count(*) FROM castssl_install(certificate => :pem, private_key => :key);\n");

	foreach my $length (-1, 0)
	{
		install(certificate => $_->[0], private_key => $_->[1])
		  foreach [ map { slurp($pki->path("server-renewed.$_")) } qw(crt key) ];
		$t->sql("ALTER SYSTEM SET log_statement = 'all'");
		$t->sql("ALTER SYSTEM SET log_parameter_max_length = $length");
		$t->reload;
		my $offset = -s $t->{node}->logfile;
		my ($out, $err) = ('', '');
		IPC::Run::run(
			[
				'pgbench', '-n', '-t', '1', '-M', 'extended', '-f', $script, '-D', "pem=$pem", '-D', "key=$key",
				'-h', $t->{node}->host, '-p', $t->{node}->port, '-U', 'postgres', 'postgres'
			],
			'>', \$out, '2>', \$err);
		is($?, 0, "log_parameter_max_length = $length: installed") or diag $err;
		is($t->served, $pki->fingerprint('server.crt'), 'and served');
		is($t->slurp('server.key'), $key, 'with the key that was given');
		my $log = substr $t->slurp($t->{node}->logfile), $offset;
		like($log, qr/castssl_install\(certificate => \$1, private_key => \$2\)/, 'the statement is in the log');
		if ($length == 0) { is(index($log, $secret), -1, 'the key is not') }
		else { isnt(index($log, $secret), -1, 'and so is the key, unless parameters are kept out') }
		$t->sql("ALTER SYSTEM RESET $_") foreach qw(log_statement log_parameter_max_length);
		$t->reload;
	}
};

my $ca = "$state/ca";

subtest 'castssl_create_ca' => sub {
	$t->fails("SELECT castssl_sign('x')", '55000', 'no CA yet: sign', hint => qr/castssl_create_ca/);
	$t->fails("SELECT castssl_issue_client('alice')", '55000', 'no CA yet: issue_client', hint => qr/castssl_create_ca/);
	$t->fails(q{SELECT castssl_revoke('x')}, '55000', 'no CA yet: revoke', hint => qr/castssl_create_ca/);
	$t->fails("SELECT castssl_create_ca($_->[0])", '22023', $_->[1])
	  foreach (
		[ "common_name => NULL", 'no name' ],
		[ "common_name => 'x', valid_for => '0'", 'valid for no time' ],
		[ "common_name => 'x', valid_for => '1000 years'", 'valid for too long' ],
		[ "common_name => 'x', valid_for => '-1 day'", 'valid for less than nothing' ],
		[ "common_name => 'x', valid_for => '178000000 years'", 'valid for ever' ],
		[ "common_name => 'x', valid_for => '-178000000 years'", 'valid for less than ever' ],
		[ "common_name => 'x', key_type => 'rsa:512'", 'a key that is too short' ]);
	is(mode($ca), 'absent', 'nothing is left of those');

	my $pem = $t->sql("SELECT castssl_create_ca(common_name => 'Our CA')");
	is($pem, slurp("$ca/root.crt"), 'returns the certificate that lies in the CA\'s directory');
	is(mode($ca), '0700', 'which is 0700');
	is(mode("$ca/$_"), '0600', "$_ is 0600") foreach qw(ca.key root.crt root.crl);
	is(verify_error("$ca/root.crt", "$ca/root.crt", '-check_ss_sig'), '', 'openssl verify accepts it');
	my $text = openssl_ok('x509 -noout -text', $pem);
	like($text, qr/CA:TRUE, pathlen:0/, 'it is a CA');
	like($text, qr/Key Usage: critical\s+Certificate Sign, CRL Sign/, 'for certificates and CRLs');
	like(openssl_ok('crl -noout -text', slurp("$ca/root.crl"), '-CAfile', "$ca/root.crt"),
		qr/No Revoked Certificates/, 'its first CRL is empty');
	is(openssl_ok('pkey -pubout', slurp("$ca/ca.key")), openssl_ok('x509 -noout -pubkey', $pem), 'the key is its own');
	my $key = slurp("$ca/ca.key");
	$t->fails("SELECT castssl_create_ca(common_name => 'Another CA')",
		'55000', 'a second time', hint => qr/castssl\.ca_directory/);
	is(slurp("$ca/ca.key"), $key, 'the key is still the first one');
	rename "$ca/root.crt", "$ca/root.away" or die $!;
	$t->fails("SELECT castssl_create_ca(common_name => 'Another CA')", '55000', 'a key without its certificate', detail => qr/ca\.key/, hint => 1);
	is(slurp("$ca/ca.key"), $key, 'is not written over');
	rename "$ca/root.away", "$ca/root.crt" or die $!;

	# another directory is another CA
	my $ours = "$folder/other-ca";
	$t->sql("LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.ca_directory = '$ours'");
	$t->reload;
	$t->sql("SELECT castssl_create_ca(common_name => 'Other CA', key_type => 'ed25519', valid_for => '1 year')");
	is(mode($ours), '0700', 'castssl.ca_directory: 0700');
	like(openssl_ok('x509 -noout -text', slurp("$ours/root.crt")), qr/Subject: CN ?= ?Other CA.*ED25519/is, 'the other CA');
	$t->sql("LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.ca_directory = '/no/such/directory'");
	$t->reload;
	$t->fails("SELECT castssl_create_ca(common_name => 'x')", '58P01', 'castssl.ca_directory: in a directory that is none');
	$t->sql(q{LOAD 'pg_castssl'; ALTER SYSTEM RESET castssl.ca_directory});
	$t->reload;
};

subtest 'castssl_sign' => sub {
	my $file = "$folder/signed.crt";
	my $request = $t->sql(
		q{SELECT castssl_csr(common_name => 'localhost', dns_names => '{localhost,db.example.com}',
		  ip_addresses => '{127.0.0.1, ::1}')});
	my %serials;
	foreach my $purpose (qw(server client))
	{
		my $pem = $t->sql('SELECT ' . call('castssl_sign', request => $request, purpose => $purpose, valid_for => '10 days'));
		spew($file, $pem);
		is(verify_error("$ca/root.crt", $file, '-purpose', "ssl$purpose"), '', "$purpose: openssl verify accepts it");
		my $other = $purpose eq 'server' ? 'client' : 'server';
		isnt(verify_error("$ca/root.crt", $file, '-purpose', "ssl$other"), '', "$purpose: and not as a $other");
		my $text = openssl_ok('x509 -noout -text', $pem);
		like($text, qr/DNS:localhost, DNS:db\.example\.com, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/,
			"$purpose: alternative names");
		like($text, qr/Basic Constraints: critical\s+CA:FALSE/, "$purpose: no CA");
		like($text, qr/Key Usage: critical\s+Digital Signature\n/, "$purpose: key usage");
		like($text, qr/Subject Key Identifier.*Authority Key Identifier/s, "$purpose: key identifiers");
		my ($serial) = openssl_ok('x509 -noout -serial', $pem) =~ /serial=([0-9A-F]+)/;
		$serials{$serial}++;
		ok(-e "$ca/certificates/\L$serial\E.crt", "$purpose: a copy is kept");
		is(openssl_ok('x509 -noout -pubkey', $pem), public_key_of_request($request), "$purpose: the request's key");
		my $days = $t->sql("SELECT round(extract(epoch FROM not_after - now()) / 86400) FROM castssl_certificate_info(" . quote_text($pem) . ')');
		is($days, 10, "$purpose: for ten days");
	}
	# of sixteen random bytes, the first ones are zero once in a million years
	cmp_ok(length, '>=', 26, 'a long serial number') foreach keys %serials;
	is(keys %serials, 2, 'never twice the same one');

	# a request that wants more than it gets
	spew("$folder/req.cnf", <<'CNF');
[req]
distinguished_name = dn
req_extensions = wanted
prompt = no
[dn]
CN = mallory
[wanted]
basicConstraints = critical, CA:TRUE
keyUsage = keyCertSign, cRLSign
extendedKeyUsage = serverAuth, codeSigning
subjectAltName = DNS:mallory.example.com, otherName:1.2.3.4;UTF8:other
nsComment = not for you
CNF
	openssl_ok('req -new -newkey rsa:2048 -nodes', undef, '-config', "$folder/req.cnf", '-keyout', "$folder/mallory.key",
		'-out', "$folder/mallory.csr");
	my ($ok, $pem, $err) = $t->psql('SELECT ' . call('castssl_sign', request => slurp("$folder/mallory.csr")));
	ok($ok, 'a request with other extensions is signed');
	like($err, qr/WARNING:.*some names of the request are left out/, 'and says that names are left out');
	my $text = openssl_ok('x509 -noout -text', $pem);
	unlike($text, qr/CA:TRUE|Certificate Sign|Code Signing|Server Auth|not for you|othername/i, 'without them');
	like($text, qr/DNS:mallory\.example\.com/, 'but with its DNS name');
	like($text, qr/Digital Signature, Key Encipherment/, 'key usage of an RSA key');

	my $der = openssl_ok('req -outform DER', $request);
	substr($der, -5, 1) ^= "\1";
	my $tampered = openssl_ok('req -inform DER', $der);
	$t->fails('SELECT ' . call('castssl_sign', request => $tampered), '22023', 'a signature that is not the key\'s');
	($tampered = openssl_ok('req -outform DER', $request)) =~ s/db\.example\.com/db.example.net/;
	$tampered = openssl_ok('req -inform DER', $tampered);
	$t->fails('SELECT ' . call('castssl_sign', request => $tampered), '22023', 'a name that was changed afterwards');
	openssl_ok('req -new -newkey rsa:1024 -nodes -subj /CN=weak -keyout', undef, "$folder/weak.key", '-out', "$folder/weak.csr");
	$t->fails('SELECT ' . call('castssl_sign', request => slurp("$folder/weak.csr")), '22023', 'a weak key', hint => 1);
	$t->fails('SELECT ' . call('castssl_sign', request => slurp("$folder/mallory.csr"), purpose => 'both'),
		'22023', 'another purpose', detail => qr/client and server/);
	$t->fails('SELECT ' . call('castssl_sign', request => $root), '22023', 'a certificate for a request');
	$t->fails('SELECT ' . call('castssl_sign', request => $request, valid_for => '0'), '22023', 'valid for no time');
	my $nameless = $t->sql("SELECT castssl_csr(common_name => 'localhost')");
	$t->fails('SELECT ' . call('castssl_sign', request => $nameless, purpose => 'server'),
		'22023', 'a server without alternative names', hint => 1);

	($ok, $pem, $err) = $t->psql('SELECT ' . call('castssl_sign', request => $request, valid_for => '50 years'));
	like($err, qr/WARNING:.*ends with its CA/, 'longer than the CA: a warning');
	my ($end) = openssl_ok('x509 -noout -enddate', $pem);
	is($end, openssl_ok('x509 -noout -enddate', slurp("$ca/root.crt")), 'and it ends with the CA');
	unlink pending();
};

# From here on the server's own CA is all that it needs.
my $server = $t->sql(q{SELECT castssl_sign(purpose => 'server', request =>
	castssl_csr(common_name => 'localhost', dns_names => '{localhost}', ip_addresses => '{127.0.0.1}'))});
my $our_root = slurp("$ca/root.crt");
install(certificate => $server, ca => $our_root);
is($t->served, fingerprint($server), 'a certificate of the server\'s own CA is served');
$t->sql("SELECT castssl_enable(clientcert => 'verify-full')");

sub login
{
	my ($directory, %options) = @_;
	return connect_with(
		{
			host => 'localhost', port => $t->{node}->port, user => $options{user} // 'alice', dbname => 'postgres',
			sslmode => 'verify-full', sslrootcert => "$directory/root.crt", sslcert => "$directory/client.crt",
			sslkey => "$directory/client.key"
		},
		$options{sql} // 'SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
}

subtest 'castssl_issue_client' => sub {
	my $directory = $t->sql(q{SELECT castssl_issue_client('alice', password => 'open sesame')});
	is($directory, "$state/issued/alice", 'returns the directory');
	is(mode($directory), '0700', 'which is 0700');
	is_deeply([ map { s{.*/}{}r } sort glob("$directory/*") ], [qw(client.crt client.key client.pem.pk8 client.pfx client.pk8 root.crt)], 'six files');
	is(mode($_), '0600', s{.*/}{}r . ' is 0600') foreach glob("$directory/*");
	is(slurp("$directory/root.crt"), $our_root, 'root.crt is the CA\'s');
	is(verify_error("$ca/root.crt", "$directory/client.crt", '-purpose', 'sslclient'), '', 'openssl verify accepts it');
	my $public = openssl_ok('x509 -noout -pubkey', slurp("$directory/client.crt"));
	is(openssl_ok('pkey -pubout', slurp("$directory/client.key")), $public, 'the PEM key is its own');
	is(openssl_ok('pkey -inform DER -pubout', slurp("$directory/client.pk8")), $public, 'so is the PKCS#8 key');
	like(openssl_ok('asn1parse -inform DER', slurp("$directory/client.pk8")), qr/OBJECT\s+:id-ecPublicKey/, 'which is PKCS#8, unencrypted');

	my ($ok, $out, $err) = openssl('pkcs12 -nodes -info -passin', undef, 'pass:open sesame', '-in', "$directory/client.pfx");
	ok($ok, 'openssl opens the PKCS#12 with the password') or diag $err;
	is(openssl_ok('pkey -pubout', $out), $public, 'its key');
	like($err, qr/MAC: ?sha256/i, 'its MAC is of SHA-256');
	is(() = $err =~ /AES-256-CBC/g, 2, 'certificates and key are encrypted with AES-256');
	is(() = $out =~ /BEGIN CERTIFICATE/g, 2, 'the certificate and the CA\'s are in it');
	($ok) = openssl('pkcs12 -nodes -passin pass:wrong -in', undef, "$directory/client.pfx");
	ok(!$ok, 'not with another password');

	is_deeply([ login($directory) ], [ 1, '/CN=alice' ], 'psql gets in with the PEM files');
	my ($in, $why) = login($directory, user => 'bob');
	ok(!$in, 'and not as another user') or diag $why;

	my $first = slurp("$directory/client.crt");
	$t->sql(q{SELECT castssl_issue_client('alice')});
	isnt(slurp("$directory/client.crt"), $first, 'issued anew: another certificate');
	ok(!-e "$directory/client.pfx", 'no PKCS#12 without a password, nor an old one');
	is_deeply([ login($directory) ], [ 1, '/CN=alice' ], 'which works, too');

	my @before = sort glob("$state/issued/*");
	$t->fails('SELECT ' . call('castssl_issue_client', user_name => $_), '22023', "unsafe user name '$_'")
	  foreach ('', '..', '.hidden', '-rf', 'a/b', '../../etc', 'a b', 'a\\b', "a\nb", 'ü', 'x' x 64, '$(id)', 'a;b');
	$t->fails('SELECT castssl_issue_client(NULL)', '22023', 'no user name');
	$t->fails("SELECT castssl_issue_client('carol', password => '')", '22023', 'an empty password');
	is_deeply([ sort glob("$state/issued/*") ], \@before, 'nothing is left of those');
};

subtest 'castssl_revoke' => sub {
	my $alice = "$state/issued/alice";
	my $bob = $t->sql(q{SELECT castssl_issue_client('bob')});
	my $pem = slurp("$alice/client.crt");

	$t->fails('SELECT ' . call('castssl_revoke', certificate => $pem, reason => 'boredom'),
		'22023', 'a reason that there is not', hint => qr/keyCompromise/);
	$t->fails('SELECT ' . call('castssl_revoke', certificate => slurp($pki->path('alice.crt'))),
		'22023', 'another CA\'s certificate', hint => 1);
	$t->fails(q{SELECT castssl_revoke('no certificate')}, '22023', 'no certificate');
	$t->fails('SELECT ' . call('castssl_revoke', certificate => $our_root), '22023', 'the CA itself, which would refuse everybody', hint => 1);
	is_deeply([ login($alice) ], [ 1, '/CN=alice' ], 'before: alice gets in');

	my $crl = $t->sql('SELECT ' . call('castssl_revoke', certificate => $pem, reason => 'keyCompromise'));
	my $text = openssl_ok('crl -noout -text', $crl, '-CAfile', "$ca/root.crt");
	my ($serial) = openssl_ok('x509 -noout -serial', $pem) =~ /serial=(\w+)/;
	like($text, qr/Serial Number: $serial\b.*Key Compromise/s, 'the CRL names it, with the reason');
	is($t->slurp('root.crl'), $crl, 'the CRL is installed');
	is($t->mode('root.crl'), '0600', 'with 0600');
	is(slurp("$ca/root.crl"), $crl, 'and in the CA\'s directory');
	is($t->sql('SHOW ssl_crl_file'), 'root.crl', 'ssl_crl_file');
	my ($ok, $why) = login($alice);
	ok(!$ok, 'alice is refused') and like($why, qr/revoked/, 'because of the revocation');
	is_deeply([ login($bob, user => 'bob') ], [ 1, '/CN=bob' ], 'bob gets in');
	isnt(verify_error("$ca/root.crt", "$alice/client.crt", '-crl_check', '-CRLfile', "$t->{data}/root.crl"), '', 'so openssl says');
	is(verify_error("$ca/root.crt", "$bob/client.crt", '-crl_check', '-CRLfile', "$t->{data}/root.crl"), '', 'of both');

	$t->fails('SELECT ' . call('castssl_revoke', certificate => $pem), '55000', 'a second time', detail => qr/keyCompromise/);

	# a new certificate for alice is good
	$t->sql(q{SELECT castssl_issue_client('alice')});
	is_deeply([ login($alice) ], [ 1, '/CN=alice' ], 'a new certificate for alice works');

	my $second = slurp("$bob/client.crt");
	$t->sql('SELECT ' . call('castssl_revoke', certificate => $second));
	$text = openssl_ok('crl -noout -text', $t->slurp('root.crl'));
	is(() = $text =~ /Serial Number/g, 2, 'the CRL keeps what was revoked before');
	my ($number) = map { hex } openssl_ok('crl -noout -crlnumber', $t->slurp('root.crl')) =~ /=(?:0x)?(\w+)/;
	cmp_ok($number, '>', (map { hex } openssl_ok('crl -noout -crlnumber', $crl) =~ /=(?:0x)?(\w+)/)[0], 'and has a higher number');
	($ok) = login($bob, user => 'bob');
	ok(!$ok, 'bob is refused');
	my ($warning) = grep { $_->{result} eq 'warning' } @{ $t->back };
	like($warning->{detail}, qr/can log in again.*castssl_revoke/, 'to roll that back is to be warned');
	is_deeply([ login($bob, user => 'bob') ], [ 1, '/CN=bob' ], 'rolled back: bob gets in again');
	my $again = $t->sql('SELECT ' . call('castssl_revoke', certificate => $second));
	cmp_ok((map { hex } openssl_ok('crl -noout -crlnumber', $again) =~ /=(?:0x)?(\w+)/)[0], '>', $number,
		'revoked again: no CRL number comes twice');
	$t->back;
	$t->restart;
	is_deeply([ login($alice) ], [ 1, '/CN=alice' ], 'after a restart: alice gets in');
};

subtest 'castssl_revoke: sessions, and the caller' => sub {
	my $alice = "$state/issued/alice";
	my $pem = slurp("$alice/client.crt");
	$t->sql('GRANT EXECUTE ON FUNCTION castssl_revoke(text, text, boolean) TO alice');
	my $revoke = 'SELECT ' . call('castssl_revoke', certificate => $pem);
	my ($ok, $why) = login($alice, sql => $revoke);
	ok(!$ok, 'nobody revokes by accident the certificate that it came with');
	like($why, qr/a connection like this one would be refused afterwards, or be in plaintext.*revoked.*force/s, 'and is told so');
	is_deeply([ login($alice) ], [ 1, '/CN=alice' ], 'alice still gets in');
	($ok, $why) = login($alice, sql => 'SELECT ' . call('castssl_revoke', certificate => $pem, force => 'true'));
	ok($ok, 'with force it does') or diag $why;
	($ok, $why) = login($alice);
	ok(!$ok, 'and is refused');

	$t->sql(q{SELECT castssl_issue_client('alice')});
	$pem = slurp("$alice/client.crt");
	my ($in, $out) = ('', '');
	local $ENV{PGPASSWORD} = 'wonderland';
	my $live = IPC::Run::start(
		[ 'psql', '-XqAtw', '-d', "host=localhost port=${\$t->{node}->port} user=alice dbname=postgres sslmode=verify-full "
			  . "sslrootcert=$alice/root.crt sslcert=$alice/client.crt sslkey=$alice/client.key" ],
		'<', \$in, '>', \$out, '2>&1', IPC::Run::timeout(1800));
	$in = "SELECT 'pid ' || pg_backend_pid();\n";
	$live->pump until $out =~ /pid \d+\n/;
	my ($pid) = $out =~ /pid (\d+)/;
	my $err;
	($ok, undef, $err) = $t->psql('SELECT ' . call('castssl_revoke', certificate => $pem));
	like($err, qr/WARNING:.*1 live session still uses.*\n?.*Process $pid\./s, 'live sessions with the certificate are named');
	$in = "SELECT 'still here';\n\\q\n";
	$live->finish;
	$t->clients_gone;
	like($out, qr/still here/, 'and go on');
};

subtest 'castssl_revoke: beside other CAs' => sub {
	my $carol = $t->sql(q{SELECT castssl_issue_client('carol')});

	# a CRL of another CA that is in use stays
	$pki->openssl('ca', '-gencrl', '-config', 'openssl.cnf', '-cert', 'root.crt', '-keyfile', 'root.key',
		'-crldays', '30', '-out', "$folder/pki.crl");
	my $crls = $t->slurp('root.crl') . slurp("$folder/pki.crl");
	install(ca => $our_root . $root, crl => $crls);
	my $before = openssl_ok('crl -noout -fingerprint', slurp("$folder/pki.crl"));
	$t->sql('SELECT ' . call('castssl_revoke', certificate => slurp("$carol/client.crt")));
	my @crls = $t->slurp('root.crl') =~ /(-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\n)/gs;
	is(@crls, 2, 'one CRL for each CA');
	is(scalar(grep { openssl_ok('crl -noout -fingerprint', $_) eq $before } @crls), 1, 'that of the other CA is the same');
	my ($ours) = grep { openssl_ok('crl -noout -issuer', $_) =~ /Our CA/ } @crls;
	like(openssl_ok('crl -noout -text', $ours), qr/X509v3 CRL Number:\s+\d/, 'ours is the new one');
	is_deeply([ login("$state/issued/bob", user => 'bob') ], [ 1, '/CN=bob' ], 'our bob gets in');
	$t->in('so does alice of the other CA', sslmode => 'verify-full', cert => 'alice', sslrootcert => "$ca/root.crt", encrypted => 't');

	# a server whose clients are checked against others only: nothing is installed
	my $dave = $t->sql(q{SELECT castssl_issue_client('dave')});
	install(ca => $root, crl => slurp("$folder/pki.crl"));
	my $state_before = $t->state;
	my ($ok, $crl, $err) = $t->psql('SELECT ' . call('castssl_revoke', certificate => slurp("$dave/client.crt")));
	ok($ok, 'a CA that is not in use here: revoked all the same');
	like($err, qr/WARNING:.*not in use on this server/, 'with a warning');
	is_deeply($t->state, $state_before, 'and nothing is changed in what the server uses');
	is(slurp("$ca/root.crl"), $crl, 'the CRL is in the CA\'s directory');
	is(() = openssl_ok('crl -noout -text', $crl) =~ /Serial Number/g, 5, 'with all that was revoked');
};

is($t->sql('SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL'), 0, 'pg_hba.conf has no error');
my $log = $t->slurp($t->{node}->logfile);
foreach my $key (glob("$state/ca/*.key $state/issued/*/*.key $state/pending/*.key $folder/other-ca/*.key"))
{
	my ($secret) = slurp($key) =~ /\n(.{64}\n)?(.{40})/ ? $2 : die $key;
	is(index($log, $secret), -1, "no word of $key in the log");
}

done_testing();
