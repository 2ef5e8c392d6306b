# What the server would say of a client's certificate: on its own terms (ciphers, CRLs), in words that name
# what is wrong. Each answer is compared with a real login.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('judge', hba => "local all all trust\nhostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n");
my $certificates = CastsslTest::test_certificates("$t->{folder}/certificates");

sub of
{
	my ($name) = @_;
	return $t->slurp("$certificates/$name");
}

sub explained
{
	my ($certificate) = @_;
	my $row = $t->rows('SELECT * FROM ' . CastsslTest::call('castssl_hba_explain', database => 'postgres',
			user_name => 'alice', address => '127.0.0.1', client_certificate => of("$certificate.crt")))->[0];
	return "$row->{verdict}: $row->{reason}";
}

# Logs in with that certificate and its key; an OpenSSL that would not even show it is told to.
sub login
{
	my ($certificate, $key, %options) = @_;
	my $folder = "$t->{folder}/login";
	mkdir $folder;
	$t->write("$folder/client.crt", of("$certificate.crt"));
	$t->write("$folder/client.key", of("$key.key"));
	chmod 0600, "$folder/client.key" or die $!;
	$t->write("$folder/openssl.cnf", "openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n[c]\nCipherString=DEFAULT\@SECLEVEL=0\n");
	my ($ok, $output) = CastsslOpenssl::connect_with(
		{ host => '127.0.0.1', port => $t->{node}->port, user => $options{user} // 'alice', dbname => 'postgres', sslmode => 'require',
			ssl_max_protocol_version => $options{newest} // 'TLSv1.3', sslcert => "$folder/client.crt", sslkey => "$folder/client.key", connect_timeout => 20 },
		$options{sql} // 'SELECT 1', HOME => $folder, OPENSSL_CONF => "$folder/openssl.cnf");
	return $ok ? 'in' : $output;
}

# The answer begins with the verdict, has what it should say, and the server agrees.
sub judged
{
	my ($name, $certificate, $key, $verdict, $says) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(explained($certificate), qr/^$verdict: .*$says/s, "$name: $verdict");
	($verdict eq 'accepted' ? \&is : \&isnt)->(login($certificate, $key), 'in', "$name: the server agrees");
	return;
}

$t->write($_, of($_)) foreach qw(server.crt server.key root.crt);
chmod 0600, $t->path('server.key') or die $!;
$t->sql('SELECT count(*) FROM castssl_enable(force => true)');

# By hand: some of these castssl_enable() would refuse.
sub trust
{
	my ($ca) = @_;
	$t->write('root.crt', $ca);
	$t->reload;
	return;
}

subtest 'the ciphers of the server set the level of security' => sub {
	trust(of('root-rsa1024.crt'));
	judged('by default', 'client-rsa1024-root', 'client', 'refused', 'too (?:weak|small)');
	$t->sql(q{ALTER SYSTEM SET ssl_ciphers = 'DEFAULT@SECLEVEL=0'});
	$t->reload;
	judged('@SECLEVEL=0', 'client-rsa1024-root', 'client', 'accepted', 'the server accepts the one shown');
	$t->sql('ALTER SYSTEM RESET ssl_ciphers');
	$t->reload;
};

subtest 'reasons name what is wrong' => sub {
	trust(of('root.crt'));
	judged('a good one', 'client', 'client', 'accepted', '');
	judged('for servers alone', 'server', 'server', 'refused', 'extended key usage is without clientAuth');
	judged('of an intermediate CA that is not sent', 'client-inter', 'client', 'refused',
		'its issuer "CN=Test Intermediate,O=Test" is not in the CA file, and the client does not send it');
	judged('of an intermediate CA that is sent', 'client-chain', 'client', 'accepted', '');
	my $folder = "$t->{folder}/again";
	mkdir $folder;
	is(system("openssl req -x509 -new -key '$certificates/other.key' -subj '/O=Test/CN=Test Root' -days 30 -out '$folder/root.crt'"),
		0, 'another CA of that name');
	trust($t->slurp("$folder/root.crt"));
	judged('of a CA of the same name', 'client', 'client', 'refused', 'a CA "CN=Test Root,O=Test" is in the CA file, with another key');
};

SKIP:
{
	skip 'ssl_crl_dir came with 14', 1 if $t->sql('SHOW server_version_num') < 140000;
	subtest 'a directory of CRLs without the names that OpenSSL looks for' => sub {
		trust(of('root.crt'));
		my $folder = $t->path('crls of ours');
		mkdir $folder;
		$t->write("$folder/root.crl", of('root.crl'));
		$t->sql("ALTER SYSTEM SET ssl_crl_dir = '$folder'");
		$t->reload;
		judged('as it is', 'client', 'client', 'refused', 'the server has no CRL of "CN=Test Root,O=Test"');
		my ($finding) = grep { $_->{severity} eq 'error' } @{ $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'crl_parse'}) };
		my ($command) = ($finding->{hint} // '') =~ /^Run: (openssl rehash .*)$/;
		is(system($command // 'false'), 0, 'the hint is a command') or diag explain $finding;
		judged('as the hint has it', 'client', 'client', 'accepted', '');
		$t->sql("ALTER SYSTEM SET ssl_crl_dir = ''");
		$t->reload;
	};
}

# Whether the caller could come back is asked of the same judge.
subtest 'the caller is not locked out' => sub {
	trust(of('root.crt'));
	$t->sql('CREATE ROLE boss LOGIN SUPERUSER');
	my %boss = (user => 'boss');
	is(login('client', 'client', %boss), 'in', 'a superuser with a certificate of another name');
	like(login('client', 'client', %boss, sql => q{SELECT count(*) FROM castssl_enable(clientcert => 'verify-full')}),
		qr/would be refused afterwards.*"alice".*must be the user's name "boss"/s, 'verify-full: refused, with the name');
	is(login('client', 'client', %boss), 'in', 'and everything is as before');
	like(login('client', 'client', %boss, newest => 'TLSv1.2', sql => q{SELECT count(*) FROM castssl_enable(profile => 'modern')}),
		qr/would be refused afterwards.*TLSv1\.3 and later/s, 'TLS 1.2: the profile for TLS 1.3 is refused');
	is(login('client', 'client', %boss, newest => 'TLSv1.2'), 'in', 'and everything is as before');
	is(login('client', 'client', %boss, sql => q{SELECT count(*) FROM castssl_enable(profile => 'modern')}), 'in',
		'TLS 1.3: it is not');
	$t->disable;
	$t->sql('SELECT count(*) FROM castssl_enable(force => true)');
};

subtest 'maps that a change takes away' => sub {
	my $keep = "local postgres postgres trust\n";
	$t->write('pg_ident.conf', "web postgres boss\n");
	$t->set_hba("${keep}local all all peer map=web\nhostssl all all 127.0.0.1/32 cert map=web\n");
	is($t->sql('SELECT 1', user => 'boss'), 1, 'in by the map');
	$t->sql("SELECT castssl_hba_stage(\$\$${keep}local all all peer map=wbe\nhostssl all all 127.0.0.1/32 cert map=wbe\n\$\$)");
	is($t->sql(q{SELECT string_agg(change || ' ' || encryption || ' ' || "after", '; ' ORDER BY encryption) FROM castssl_hba_compare()}),
		'newly refused socket refused, for pg_ident.conf has no such map: peer map=wbe; '
		  . 'newly refused tls refused, for pg_ident.conf has no such map: cert map=wbe', 'compare: newly refused');
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'the caller is not locked out', psql => { user => 'boss' },
		detail => qr/pg_ident\.conf has no line of the map "wbe": it does not let the operating-system account "\w+" log in as "boss"/);
	$t->write('pg_ident.conf', "web postgres boss\nwbe nobody boss\n");
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'nor where the map is for others', psql => { user => 'boss' },
		detail => qr/No line of the map "wbe" in pg_ident\.conf lets the operating-system account "\w+" log in as "boss"/);
	$t->sql('SELECT castssl_hba_discard()');
};

subtest 'a delta CRL alone is no CRL' => sub {
	$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', crl_file => "$certificates/delta.crl", dry_run => 'true'),
		'F0000', 'refused', message => qr/the only CRL for .* is a delta CRL/, hint => qr/Append the full CRL/);
};

subtest 'a CA whose signatures have no hash' => sub {
	my (undef, undef, $err) = $t->psql(q{SELECT castssl_create_ca(common_name => 'Ed', key_type => 'ed25519')});
	like($err, qr/WARNING:.*cannot use servers of this CA.*channel binding/s, 'is warned of when it is made');
	my $row = $t->sql(q{SELECT castssl_sign(request => castssl_csr(common_name => 'db', dns_names => '{localhost}'), purpose => 'server')});
	my ($warning) = grep { $_->{result} eq 'warning' && $_->{detail} =~ /SCRAM/ }
	  @{ $t->rows("SELECT * FROM castssl_install(certificate => \$\$$row\$\$, force => true)") };
	ok($warning, 'and when a certificate of it is installed');
};

done_testing();
