# castssl_hba_explain: which line answers, and why not the lines above; client certificates and pg_ident.conf.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Socket ();
use Test::More;

my $socket = "local all postgres trust\n";
my $t = CastsslTest->new('explain', streaming => 1, hba => $socket, conf => "listen_addresses = '127.0.0.1'");
my $version = int($t->sql('SHOW server_version_num') / 10000);
my $pki = $t->{pki};
$pki->certificate('revoked', 'root', '/CN=alice', 'client', -1, 90);
$pki->key('nameless');
$pki->openssl('req', '-new', '-config', 'openssl.cnf', '-key', 'nameless.key', '-subj', '/O=alice', '-out', 'nameless.csr');
$pki->openssl('x509', '-req', '-in', 'nameless.csr', '-CA', 'root.crt', '-CAkey', 'root.key', '-set_serial', 4711, '-days', 90, '-out', 'nameless.crt');
$t->sql(q{CREATE ROLE staff; CREATE ROLE carol LOGIN PASSWORD 'x'; GRANT staff TO carol; CREATE ROLE boss LOGIN SUPERUSER});
$t->sql(qq{CREATE DATABASE "$_"}) foreach qw(app x bob all replication);

sub ask
{
	my ($database, $user, %arguments) = @_;
	return $t->rows('SELECT * FROM ' . CastsslTest::call('castssl_hba_explain', database => $database, user_name => $user, %arguments))->[0];
}

# says('what', [question], verdict, line, pattern of the reason)
sub says
{
	my ($name, $question, $verdict, $line, @reasons) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $row = ask(@$question);
	subtest $name => sub {
		is($row->{verdict}, $verdict, 'verdict') or diag $row->{reason};
		is($row->{line_number}, $line, 'line');
		like($row->{reason}, $_, 'reason') foreach @reasons;
	};
	return $row;
}

sub pem
{
	my ($name) = @_;
	return $t->slurp($pki->path("$name.crt"));
}

my @plain = (address => '10.1.2.3', encryption => 'none');

subtest 'which line' => sub {
	$t->write('pg_hba.conf', $socket . <<'HBA');
# a comment
hostssl   all          all      0.0.0.0/0      trust
host      app          all      10.0.0.0/8     md5
host      all          +staff   10.0.0.0/8     password
host      sameuser     all      10.0.0.0/8     reject
hostnossl replication  bob      10.1.2.3/32    scram-sha-256
host      "all"        all      samehost       trust
host      all          carol    .example.com   md5
HBA
	my $row = says('a line that matches', [ 'app', 'bob', @plain ], 'authenticate', 4,
		qr/^The first line that matches is line 4\. Authentication \(md5\) decides\.$/m,
		qr/^Line 3 \(hostssl .*\) does not match: it is for connections over TLS, and this one is not encrypted\.$/m);
	is($row->{rule}, 'host      app          all      10.0.0.0/8     md5', 'the line as it is written');
	is($row->{file_name}, $t->path('pg_hba.conf'), 'and its file');
	says('membership', [ 'x', 'carol', @plain ], 'authenticate', 5, qr/Line 4 .*its databases \(app\) do not include "x"/);
	says('a superuser is no member', [ 'x', 'boss', @plain ], 'refused', undef, qr/^No line of pg_hba\.conf matches\.$/m,
		qr/Line 5 .*its users \(\+staff\) do not include "boss"/, qr/Line 8 .*its databases \("all"\)/);
	says('reject', [ 'bob', 'bob', @plain ], 'refused', 6, qr/It refuses \(reject\)/);
	says('an address beyond', [ 'app', 'bob', address => '11.0.0.1', encryption => 'none' ], 'refused', undef,
		qr/Line 4 .*its address 10\.0\.0\.0\/8 does not include 11\.0\.0\.1/);
	says('physical replication without the right to it', [ undef, 'bob', @plain, replication => 'true' ], 'refused', 7,
		qr/The role "bob" may not replicate \(NOREPLICATION\)\./);
	$t->sql('ALTER ROLE bob REPLICATION');
	says('physical replication', [ undef, 'bob', @plain, replication => 'true' ], 'authenticate', 7,
		qr/Line 4 .*do not include the keyword replication/);
	says('which is only for who is named', [ undef, 'alice', @plain, replication => 'true' ], 'refused', undef,
		qr/Line 7 .*its users \(bob\) do not include "alice"/);
	says('a database with that name', [ 'replication', 'carol', @plain ], 'authenticate', 5);
	says('a socket, whatever encryption says', [ 'x', 'postgres' ], 'accepted', 1, qr/It asks for no proof \(trust\)/);
	says('another user there', [ 'x', 'bob' ], 'refused', undef, qr/Line 3 .*this one comes over a Unix-domain socket/);
	says('IPv6', [ 'app', 'bob', address => '2001:db8::1', encryption => 'none' ], 'refused', undef,
		qr/Line 4 .*does not include 2001:db8::1/);
	# as the server sees them: IPv4 inside IPv6 is IPv4, and a zone is not seen
	foreach my $address ('::ffff:10.1.2.3', '[::ffff:10.1.2.3]')
	{
		says($address, [ 'app', 'bob', address => $address, encryption => 'none' ], 'authenticate', 4);
	}
	foreach my $address ('fe80::1%eth0', '[fe80::1%eth0]', '[fe80::1]')
	{
		says($address, [ 'app', 'bob', address => $address, encryption => 'none' ], 'refused', undef, qr/Line 4 .*does not include fe80::1[^%]/);
	}
	says('samehost, and a quoted all', [ 'all', 'bob', address => '127.0.0.1', encryption => 'none' ], 'accepted', 8);
	says('a role that is not there', [ 'app', 'stranger', @plain ], 'refused', 4, qr/decides\. There is no role "stranger"\.$/m);
	says('a database that is not there', [ 'nowhere', 'carol', @plain ], 'refused', 5, qr/decides\. There is no database "nowhere"\.$/m);
	says('no TLS in this server', [ 'app', 'bob', address => '10.1.2.3' ], 'refused', 3,
		qr/^The server offers no TLS \(ssl = off\)\./);
	says('nor GSSAPI', [ 'app', 'bob', address => '10.1.2.3', encryption => 'gss' ], 'refused', 4, qr/offers no GSSAPI/);
};

subtest 'names of hosts' => sub {
	my $name = gethostbyaddr pack('C4', 127, 0, 0, 1), Socket::AF_INET();
	plan skip_all => '127.0.0.1 has no name that leads back to it' unless $name && ($name eq 'localhost' || grep { $_ eq pack 'C4', 127, 0, 0, 1 } (gethostbyname $name)[4 .. 20]);
	my @here = ('x', 'alice', address => '127.0.0.1', encryption => 'none');
	foreach my $host ([ uc $name, 'the name, in other letters', 1 ], [ "x$name", 'another name', 0 ], [ substr($name, 1), 'a part of it', 0 ], [ '.' . $name, 'a domain of that name', 0 ], [ '.invalid', 'another domain', 0 ])
	{
		my ($written, $what, $matches) = @$host;
		$t->set_hba("${socket}host all all $written trust\n");
		says($what, \@here, $matches ? ('accepted', 2) : ('refused', undef, qr/Line 2 .*\Q$written\E is not the name of 127\.0\.0\.1 in DNS/));
		my ($in, $output) = $t->client(database => 'x', user => 'alice', sslmode => 'disable');
		is($in ? 1 : 0, $matches, "$what: and the server does it") or diag $output;
	}
	$t->set_hba($socket);
};

subtest 'many lines' => sub {
	$t->write('pg_hba.conf', $socket . join '', map { "host db$_ all all trust\n" } 1 .. 50);
	my $row = says('the nearest 20', [ 'db40', 'bob', @plain ], 'refused', 41, qr/There is no database "db40"\.$/m, qr/^Of 40 lines above, the nearest 20:/m);
	is(() = $row->{reason} =~ /does not match/g, 20, 'no more');
	like($row->{reason}, qr/^Line 21 .*^Line 40 /ms, 'those');
};

subtest 'a file that the server refuses' => sub {
	$t->write('pg_hba.conf', "${socket}host all all nonsense/99 md5\nhost all all all trust\n");
	says('answers for the other lines, and says so', [ 'x', 'bob', @plain ], 'accepted', 3,
		qr/^The server refuses line 2 \(.*\), and with it the whole file/m, qr/^Line 2 .*: the server refuses it: /m);
};

subtest 'staged' => sub {
	$t->write('pg_hba.conf', $socket);
	$t->sql(q{SELECT castssl_hba_stage(E'local all postgres trust\nhost all all all trust\n')});
	says('live', [ 'x', 'bob', @plain ], 'refused', undef);
	says('staged', [ 'x', 'bob', @plain, staged => 'true' ], 'accepted', 2);
	$t->sql('SELECT castssl_hba_discard()');
};

subtest 'bad arguments' => sub {
	my %good = (database => 'a', user_name => 'b', address => '10.0.0.1', encryption => 'none');
	$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_hba_explain', %good, @{ $_->[1] }), $_->[2] // '22023', $_->[0], no_detail => 1)
	  foreach [ 'encryption', [ encryption => 'ssl' ] ], [ 'a network', [ address => '10.0.0.0/8' ] ], [ 'no user', [ user_name => undef ] ],
	  [ 'no database', [ database => undef ] ];
};

$t->write('pg_hba.conf', "${socket}hostssl all all 127.0.0.0/8 scram-sha-256\n");
$t->enable(source_dir => $t->{source}, clientcert => 'none', force => 'true');
my @tls = (address => '127.0.0.1', encryption => 'tls');

# What is explained is what happens: the same question to castssl_hba_explain and to the server.
sub happens
{
	my ($name, $user, $certificate, $verdict, @reasons) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $row = ask('postgres', $user, @tls, defined $certificate ? (client_certificate => pem($certificate)) : ());
	subtest $name => sub {
		is($row->{verdict}, $verdict, 'verdict') or diag $row->{reason};
		like($row->{reason}, $_, 'reason') foreach @reasons;
		my ($in, $output) = $t->client(user => $user, cert => $certificate, sslmode => 'require');
		is($in ? 'in' : 'refused', $verdict eq 'refused' ? 'refused' : 'in', 'and the server does it') or diag $output;
	};
	return;
}

subtest 'client certificates' => sub {
	$t->set_hba("${socket}hostssl all all 127.0.0.0/8 cert\n");
	happens('CN is the user', 'alice', 'alice', 'accepted', qr/CN is the user's name/);
	happens('and is not', 'bob', 'alice', 'refused', qr/CN is "alice", and without a map it must be the user's name "bob"/,
		qr/map=NAME.*pg_ident\.conf would let it in: NAME alice bob/);
	happens('none is shown', 'alice', undef, 'refused', qr/It asks for a client certificate \(verify-full\), but the client shows none/);
	happens('expired', 'alice', 'alice-expired', 'refused', qr/does not accept the certificate \(CN=alice\): certificate has expired/);
	happens('of another CA', 'alice', 'alice-other', 'refused', qr/does not accept the certificate/);
	happens('not one for clients', 'localhost', 'server', 'refused', qr/purpose/);
	happens('without a CN', 'alice', 'nameless', 'refused', qr/The line needs a CN in the certificate, but the certificate has none\./);
	$t->set_hba("${socket}hostssl all all 127.0.0.0/8 trust\n");
	happens('the handshake comes first', 'alice', 'alice-other', 'refused', qr/whatever pg_hba\.conf says/);
	happens('any will do where none is asked for', 'bob', 'alice', 'accepted');
	$t->set_hba("${socket}hostssl all all 127.0.0.0/8 scram-sha-256 clientcert=verify-ca\n");
	happens('verify-ca', 'bob', 'alice', 'authenticate', qr/verify-ca\), and the server accepts the one shown/);
	happens('verify-ca without', 'bob', undef, 'refused', qr/verify-ca\), but the client shows none/);
	$t->set_hba("${socket}hostssl all all 127.0.0.0/8 scram-sha-256 clientcert=verify-full\n");
	happens('verify-full', 'alice', 'alice', 'authenticate', qr/CN is the user's name/);
	happens('verify-full, another name', 'bob', 'alice', 'refused', qr/must be the user's name "bob"/);
	$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_hba_explain', database => 'a', user_name => 'b', @tls, client_certificate => 'no PEM'),
		'22023', 'what is no certificate', no_detail => 1);
};

subtest 'revoked' => sub {
	$pki->openssl('ca', '-config', 'openssl.cnf', '-cert', 'root.crt', '-keyfile', 'root.key', '-revoke', 'revoked.crt');
	$pki->openssl('ca', '-config', 'openssl.cnf', '-cert', 'root.crt', '-keyfile', 'root.key', '-gencrl', '-crldays', '30', '-out', 'root.crl');
	$t->set_hba("${socket}hostssl all all 127.0.0.0/8 cert\n");
	happens('before there is a CRL', 'alice', 'revoked', 'accepted');
	$t->write("$t->{data}/root.crl", $t->slurp($pki->path('root.crl')));
	chmod 0600, "$t->{data}/root.crl";
	$t->sql(q{ALTER SYSTEM SET ssl_crl_file = 'root.crl'});
	$t->reload;
	happens('after', 'alice', 'revoked', 'refused', qr/certificate revoked/);
	happens('another', 'alice', 'alice', 'accepted');
	$t->sql('ALTER SYSTEM RESET ssl_crl_file');
	$t->reload;
};

subtest 'pg_ident.conf' => sub {
	$t->set_hba("${socket}hostssl all all 127.0.0.0/8 cert map=people\n");
	$t->write('pg_ident.conf', "# map system role\nothers alice bob\n");
	$t->reload;
	happens('no line of the map', 'bob', 'alice', 'refused', qr/pg_ident\.conf has no line of the map "people": it does not let the certificate's CN "alice" log in as "bob"/,
		qr/This line would: people alice bob$/m);
	happens('not even the same name', 'alice', 'alice', 'refused');
	$t->write('pg_ident.conf', "others alice bob\npeople alice bob\n\"people\" /^(.*)ce\$ \\1x # regexp\npeople \"/^(b)ob\$\" \"\\1ob\"\n");
	$t->reload;
	happens('a line of the map', 'bob', 'alice', 'accepted', qr/Line 2 of ".*pg_ident\.conf" maps the certificate's CN "alice" to "bob" in the map "people"/);
	happens('a pattern', 'bob', 'bob', 'accepted', qr/Line 4 /);
	happens('one that does not fit', 'alice', 'bob', 'refused');
	$t->write('pg_ident.conf', "people /^(a) carol\npeople /^(a) bob\n");
	$t->reload;
	happens('one pattern twice', 'bob', 'alice', 'accepted', qr/Line 2 /);
	$t->write('pg_ident.conf', "people /(alice bob\n");
	like(ask('postgres', 'bob', @tls, client_certificate => pem('alice'))->{reason},
		qr/The server refuses line 1 of ".*pg_ident\.conf" \(invalid regular expression "\(alice"/, 'one that is none');
	$t->write('pg_ident.conf', "people /^ali alice\\1\n");
	$t->reload;
	happens('\1 without parentheses', 'alice', 'alice', 'refused', qr/refers to \\1/);
	if ($version >= 14)
	{
		$t->set_hba("${socket}hostssl all all 127.0.0.0/8 cert map=people clientname=DN\n");
		$t->write('pg_ident.conf', "people \"CN=alice\" bob\n");
		$t->reload;
		happens('the whole name', 'bob', 'alice', 'accepted', qr/DN "CN=alice"/);
		happens('another whole name', 'bob', 'bob', 'refused', qr/This line would: people CN=bob bob/);
	}
	if ($version >= 16)
	{
		$t->set_hba("${socket}hostssl all all 127.0.0.0/8 cert map=people\n");
		$t->write('more_ident.conf', "people bob all\n");
		$t->write('pg_ident.conf', "people alice +staff\ninclude more_ident.conf\n");
		$t->reload;
		happens('a group', 'carol', 'alice', 'accepted');
		happens('who is not in it', 'bob', 'alice', 'refused');
		happens('all', 'alice', 'bob', 'accepted', qr/more_ident\.conf/);
	}
	$t->write('pg_ident.conf', "people alice bob\npeople alice\n");
	my $row = ask('postgres', 'bob', @tls, client_certificate => pem('alice'));
	like($row->{reason}, qr/The server refuses line 2 of ".*pg_ident\.conf" \(missing entry at end of line\)/, 'a file that the server refuses');
};

subtest 'names that the method finds out' => sub {
	$t->set_hba("${socket}local all all peer map=people\nhost all all 127.0.0.0/8 ident map=nowhere\n");
	$t->write('pg_ident.conf', "people \"web app\" alice\npeople /^(.*)-adm\$ \\1\npeople root bob\n");
	$t->reload;
	says('peer', [ 'postgres', 'alice' ], 'authenticate', 2,
		qr/As "alice" the map "people" in ".*pg_ident\.conf" lets these log in, by the operating-system account: "web app" \(line 1\), each that matches \/\^\(\.\*\)-adm\$ \(line 2\)\./);
	$t->write('pg_ident.conf', "people \"web app\" alice\npeople root bob\n");
	says('nobody may', [ 'postgres', 'carol' ], 'refused', 2,
		qr/No line of the map "people" in pg_ident\.conf lets any operating-system account log in as "carol"/);
	says('ident, and no map of that name', [ 'postgres', 'carol', address => '127.0.0.1', encryption => 'none' ], 'refused', 3, qr/no line of the map "nowhere"/);
	$t->write('pg_hba.conf', "${socket}local all all peer\n");
	says('without a map', [ 'postgres', 'alice' ], 'authenticate', 2, qr/operating-system account must be the user's name, "alice"/);
	my @gss = ('postgres', 'alice', address => '127.0.0.1', encryption => 'none');
	$t->write('pg_hba.conf', "${socket}host all all 127.0.0.0/8 gss\n");
	says('gss', \@gss, 'authenticate', 2, qr/principal must be the user's name, "alice"\./);
	$t->write('pg_hba.conf', "${socket}host all all 127.0.0.0/8 gss map=nowhere\n");
	says('gss, and no map of that name', \@gss, 'refused', 2, qr/no line of the map "nowhere": it does not let any principal log in as "alice"/);
};

subtest 'no CA' => sub {
	$t->sql(q{ALTER SYSTEM SET ssl_ca_file = ''});
	$t->set_hba("${socket}hostssl all all 127.0.0.0/8 trust\n");
	says('none is asked for', [ 'x', 'alice', @tls, client_certificate => pem('alice-other') ], 'accepted', 2, qr/asks for no certificate/);
	$t->write('pg_hba.conf', "${socket}hostssl all all 127.0.0.0/8 cert\n");
	says('none can be checked', [ 'x', 'alice', @tls, client_certificate => pem('alice') ], 'refused', 2, qr/the server has no CA/);
};

done_testing();
