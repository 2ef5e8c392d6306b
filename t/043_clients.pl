# What castssl_issue_client wrote and castssl_client_config said, used as it is: by psql, by Java's JDBC
# driver with the PKCS#8 key, and by Node.js with the PEM key.
# Needs: default-jdk-headless libpostgresql-jdbc-java node-pg npm
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have jdbc_jar);
use CastsslOpenssl qw(openssl_ok slurp spew);
use Cwd ();
use Test::More;

my $t = CastsslTest->new('clients', conf => $CastsslTest::listen_on_localhost);
my $port = $t->{node}->port;
$t->sql("SELECT castssl_create_ca(common_name => 'Clients'' CA')");
$t->sql(q{SELECT count(*) FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'), certificate =>
	castssl_sign(purpose => 'server', request => castssl_csr(common_name => 'localhost', dns_names => '{localhost}',
	ip_addresses => '{127.0.0.1}')))});
$t->sql("SELECT count(*) FROM castssl_enable(clientcert => 'verify-full', plaintext => 'block')");
my $alice = $t->sql("SELECT castssl_issue_client('alice', password => 'open sesame')");

sub config
{
	my ($format, %arguments) = @_;
	%arguments = (host => 'localhost', user_name => 'alice', %arguments);
	return $t->sql('SELECT ' . CastsslTest::call('castssl_client_config', format => $format, %arguments));
}

# A command in the directory with alice's files: (succeeded, what it printed).
sub run_in
{
	my ($directory, $command, %environment) = @_;
	my $here = Cwd::getcwd();
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => $t->{folder}, %environment);
	chdir $directory or die "$directory: $!";
	IPC::Run::run($command, '<', \undef, '>', \$out, '2>', \$err);
	my $ok = $? == 0;
	chdir $here or die $!;
	chomp $out;
	return ($ok, $ok ? $out : "$out$err");
}

my $question = 'SELECT ssl, client_dn, current_user, current_database() FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
my @psql = ('psql', '-XqAtw', '-c', $question, '-d');
my $answer = 't|/CN=alice|alice|postgres';

subtest 'what the strings look like' => sub {
	is(config('uri'), "postgresql://alice\@localhost:$port/postgres?sslmode=verify-full&sslrootcert=root.crt&sslcert=client.crt&sslkey=client.key", 'uri');
	is(config('jdbc'), "jdbc:postgresql://localhost:$port/postgres?user=alice&sslmode=verify-full&sslrootcert=root.crt&sslcert=client.crt&sslkey=client.pk8", 'jdbc');
	is(config('npgsql'), qq{Host="localhost";Port=$port;Username="alice";Database="postgres";SSL Mode=VerifyFull;}
		  . 'Root Certificate=root.crt;SSL Certificate=client.crt;SSL Key=client.key;', 'npgsql');
	is(config('cast'), "[localhost:$port]\nssl=true\nsslmode=verify-full\nsslrootcert=root.crt\nsslcert=client.crt\nsslkey=client.pem.pk8\n", 'cast')
	  or diag config('cast');
	like(config('uri', host => '127.0.0.1'), qr/sslmode=verify-full/, 'an address in the certificate');
	like(config('uri', host => 'elsewhere.example.com'), qr/sslmode=verify-ca/, 'a host that is not');
	like(config('uri', host => '::1'), qr{\@\[::1\]:$port/}, 'an IPv6 address');
	is(config('node'), config('uri'), 'node: verify-full is the same for node-postgres');
	like(config('node', host => 'elsewhere.example.com'), qr/\?uselibpqcompat=true&sslmode=verify-ca&/, 'node: verify-ca is not, unless it is told so');
	like(config('node', database => 'a b&c/d'), qr{/a%20b&c/d\?}, 'node: a name of which it decodes a part alone');
	like(config('uri', database => 'a b&c/d'), qr{/a%20b%26c%2Fd\?}, 'uri: the same name');
	like(config('node', sslmode => 'allow'), qr/\?uselibpqcompat=true&sslmode=prefer&/, 'node: there is no allow');
	$t->fails("SELECT castssl_client_config('odbc', 'localhost', 'alice')", '22023', 'another format', hint => 1);
	$t->fails("SELECT castssl_client_config('uri', 'host/path?x', 'alice')", '22023', 'a host that is none', hint => 1);
	$t->fails("SELECT castssl_client_config('service', 'localhost', E'alice\\npassword=x')", '22023', 'a line break');
	$t->fails("SELECT castssl_client_config('uri', 'localhost', NULL)", '22023', 'no user');
};

# host => [ hosts and ports as a URI has them, as pg_service.conf, as Npgsql, as the .ini file ]
subtest 'hosts and ports' => sub {
	my %hosts = (
		'db1:6432' => [ 'db1:6432', "host=db1\nport=6432", 'Host="db1";Port=6432;', '[db1:6432]' ],
		'db1, db2' => [ "db1:$port,db2:$port", "host=db1,db2\nport=$port,$port", qq{Host="db1,db2";Port=$port;}, "[db1:$port]", "[db2:$port]" ],
		'db1:1,db2:2' => [ 'db1:1,db2:2', "host=db1,db2\nport=1,2", 'Host="db1:1,db2:2";', '[db1:1]', '[db2:2]' ],
		'192.0.2.7:99' => [ '192.0.2.7:99', "host=192.0.2.7\nport=99", 'Host="192.0.2.7";Port=99;', '[192.0.2.7:99]' ],
		'::1' => [ "[::1]:$port", "host=::1\nport=$port", qq{Host="::1";Port=$port;}, "[::1:$port]" ],
		'[::1]' => [ "[::1]:$port", "host=::1\nport=$port", qq{Host="::1";Port=$port;}, "[::1:$port]" ],
		'[2001:db8::7]:99,db:1' => [ '[2001:db8::7]:99,db:1', "host=2001:db8::7,db\nport=99,1", 'Host="[2001:db8::7]:99,db:1";', '[2001:db8::7:99]', '[db:1]' ],
		'fe80::1%eth0' => [ "[fe80::1%25eth0]:$port", "host=fe80::1%eth0\nport=$port", qq{Host="fe80::1%eth0";Port=$port;}, "[fe80::1%eth0:$port]" ]);
	foreach my $host (sort keys %hosts)
	{
		my ($uri, $service, $npgsql, @sections) = @{ $hosts{$host} };
		like(config('uri', host => $host), qr{^postgresql://alice\@\Q$uri\E/postgres\?}, "$host: uri");
		like(config('node', host => $host), qr{^postgresql://alice\@\Q$uri\E/postgres\?}, "$host: node") unless $host =~ /,/;
		like(config('jdbc', host => $host), qr{^jdbc:postgresql://\Q@{[ $uri =~ s/%25/%/r ]}\E/postgres\?}, "$host: jdbc");
		like(config('service', host => $host), qr/^\[postgres\]\n\Q$service\E\n/, "$host: service");
		like(config('npgsql', host => $host), qr/^\Q$npgsql\EUsername/, "$host: npgsql");
		is_deeply([ config('cast', host => $host) =~ /^(\[.*\])$/mg ], \@sections, "$host: cast");
	}
	like(config('uri', port => 6543), qr/localhost:6543\//, 'the port as a parameter');
	like(config('uri', host => 'a:1,b', port => 6543), qr/a:1,b:6543\//, 'for hosts that name none');
	like(config('uri', host => 'localhost,elsewhere'), qr/sslmode=verify-ca/, 'one host is not in the certificate');
	like(config('uri', host => 'localhost,127.0.0.1'), qr/sslmode=verify-full/, 'all are');
	$t->fails("SELECT castssl_client_config('uri', '$_', 'alice')", '22023', "host '$_'", hint => 1)
	  foreach 'a,,b', 'a:0', 'a:65536', 'a:b', '[a]', '[::1', '[::1]x', '1:2:3', '::1%', 'a%b', 'a b', '::1/64';
	$t->fails("SELECT castssl_client_config('uri', 'a', 'alice', port => 0)", '22023', 'port', hint => 1);
	$t->fails("SELECT castssl_client_config('node', 'a,b', 'alice')", '22023', 'node-postgres knows one host', hint => 1);
};

subtest 'sslmode and folder' => sub {
	foreach my $mode (qw(allow prefer require))
	{
		is(config('cast', sslmode => $mode), "[localhost:$port]\nssl=true\nsslmode=$mode\nsslcert=client.crt\nsslkey=client.pem.pk8\n", "cast, $mode");
		like(config('uri', sslmode => $mode), qr/\?sslmode=$mode&sslcert=/, "uri, $mode");
		like(config('npgsql', sslmode => $mode), qr/SSL Mode=\u$mode;SSL Certificate/, "npgsql, $mode");
	}
	is(config('cast', sslmode => 'disable'), "[localhost:$port]\nssl=false\nsslmode=disable\n", 'cast, disable');
	like(config('cast', folder => 'C:\CAST\ssl'), qr/^sslrootcert=C:\\CAST\\ssl\\root.crt\nsslcert=C:\\CAST\\ssl\\client.crt\nsslkey=C:\\CAST\\ssl\\client.pem.pk8$/m, 'cast, a folder of Windows');
	like(config('cast', folder => '/etc/ssl/certs/'), qr{^sslrootcert=/etc/ssl/certs/root.crt$}m, 'cast, another folder');
	like(config('npgsql', folder => 'C:\my ssl'), qr/Root Certificate="C:\\my ssl\\root.crt";/, 'npgsql');
	like(config('jdbc', folder => 'C:\my ssl'), qr/sslkey=C:%5Cmy%20ssl%5Cclient.pk8$/, 'jdbc');
	my (undef, undef, $said) = $t->psql("SELECT castssl_client_config('uri', 'elsewhere', 'alice', sslmode => 'verify-full')");
	like($said, qr/WARNING:.*does not name every host.*DETAIL/s, 'verify-full, which the certificate is not good for');
	(undef, undef, $said) = $t->psql("SELECT castssl_client_config('uri', 'localhost', 'alice', sslmode => 'verify-full')");
	is($said, '', 'or is');
	$t->fails("SELECT castssl_client_config('uri', 'a', 'alice', sslmode => 'on')", '22023', 'another mode', hint => 1);
	$t->fails("SELECT castssl_client_config('uri', 'a', 'alice', folder => E'a\\nb')", '22023', 'a folder with a line break');
};

subtest 'psql' => sub {
	is_deeply([ run_in($alice, [ @psql, config('uri', host => "nowhere.invalid:1,localhost:$port", sslmode => 'require') ]) ], [ 1, $answer ], 'the second of two hosts');
	is_deeply([ run_in($t->{folder}, [ @psql, config('uri', folder => $alice) ]) ], [ 1, $answer ], 'with the folder of the files, from elsewhere');
	is_deeply([ run_in($alice, [ @psql, config('uri') ]) ], [ 1, $answer ], 'by URI');
	# before 15 libpq looks for an address among the DNS names alone, and so refuses
	my ($libpq) = `psql --version` =~ /(\d+)/;
	my @by_address = run_in($alice, [ @psql, config('uri', host => '127.0.0.1') ]);
	if ($libpq >= 15) { is_deeply(\@by_address, [ 1, $answer ], 'by address') }
	else { like("@by_address", qr/does not match host name/, 'by address: as libpq before 15 does it') }
	my $file = spew("$t->{folder}/pg_service.conf", config('service'));
	is_deeply([ run_in($alice, [ @psql, 'service=postgres' ], PGSERVICEFILE => $file) ], [ 1, $answer ], 'by service');
	my ($ok, $why) = run_in($t->{folder}, [ @psql, config('uri') ]);
	ok(!$ok, 'not without the files') or diag $why;

	# names that mean something else in a URI
	my $odd = q{o'neil & co@x/y?z=%};
	(my $quoted = $odd) =~ s/'/''/g;
	$t->sql(qq{CREATE ROLE "$odd" LOGIN PASSWORD 'wonderland'; CREATE DATABASE "$odd" OWNER "$odd"});
	$t->set_hba(qq{hostssl "$odd" "$odd" all scram-sha-256\n} . $t->hba);
	my @odd = (user_name => $odd, database => $odd);
	is_deeply([ run_in($alice, [ @psql, config('uri', @odd) ]) ], [ 1, "t||$odd|$odd" ], 'odd names, of whom the first line asks no certificate, by URI');
	spew("$t->{folder}/pg_service.conf", config('service', @odd));
	is_deeply([ run_in($alice, [ @psql, q{service='o\'neil & co@x/y?z=%'} ], PGSERVICEFILE => $file) ], [ 1, "t||$odd|$odd" ], 'odd names, of whom the first line asks no certificate, by service');
};

subtest 'what the rules in force ask' => sub {
	my $hba = $t->hba;
	$t->set_hba("hostssl all bob all scram-sha-256\nhostssl all alice 10.0.0.0/8 scram-sha-256 clientcert=verify-ca\nhostnossl all carol all scram-sha-256\nlocal all all trust\n");
	$t->sql('CREATE ROLE carol');
	unlike(config('uri', user_name => 'bob'), qr/sslcert/, 'a user of whom no rule asks for a certificate');
	like(config('uri', user_name => 'alice'), qr/sslcert/, 'one of whom one may');
	$t->set_hba("hostssl all alice all scram-sha-256\nhostssl all alice 10.0.0.0/8 scram-sha-256 clientcert=verify-ca\nhostnossl all carol all scram-sha-256\n"
		  . "hostssl all carol all reject\nhostssl all dora nowhere.invalid cert\nlocal all all trust\n");
	unlike(config('uri', user_name => 'alice'), qr/sslcert/, 'one whose line that asks is never reached');
	like(config('uri', user_name => 'dora'), qr/sslcert/, 'one from a host by its name');
	is(config('uri', user_name => 'carol'), "postgresql://carol\@localhost:$port/postgres?sslmode=disable", 'one who has to come in plaintext');
	like(config('npgsql', user_name => 'carol'), qr/SSL Mode=Disable;$/, 'npgsql, too');
	is(config('cast', user_name => 'carol'), "[localhost:$port]\nssl=false\nsslmode=disable\n", 'cast, too');
	$t->set_hba($hba);
	my $other = CastsslTest->new('plain');
	like($other->sql(q{SELECT castssl_client_config('uri', 'localhost', 'alice')}), qr/sslmode=prefer$/, 'a server without TLS');
};

subtest 'JDBC' => sub {
	my $jar = jdbc_jar() or plan skip_all => 'no java, or no JDBC driver in /usr/share/java/postgresql.jar';
	my $source = spew("$t->{folder}/Ask.java", <<'JAVA');
import java.sql.*;
import java.util.Properties;

public class Ask
{
	public static void main(String[] arguments) throws Exception
	{
		for (int i = 1; i < arguments.length; i++)
			System.out.println(ask(arguments[i], arguments[0]));
	}

	static String ask(String url, String question)
	{
		Properties properties = new Properties();
		properties.setProperty("password", System.getenv("PGPASSWORD"));
		try (Connection connection = DriverManager.getConnection(url, properties);
			Statement statement = connection.createStatement();
			ResultSet row = statement.executeQuery(question))
		{
			row.next();
			return row.getString(1) + "|" + row.getString(2) + "|" + row.getString(3) + "|" + row.getString(4);
		}
		catch (Throwable problem)
		{
			String text = "";
			for (; problem != null; problem = problem.getCause())
				text += problem.getMessage() + "; ";
			return text.replace("\n", " ");
		}
	}
}
JAVA
	# the .ini section, as a program reads it: keys and values are the driver's
	my ($section, @lines) = split /\n/, config('cast');
	my ($host) = $section =~ /^\[(.*)\]$/;
	# this driver wants the key as DER
	my $ini = "jdbc:postgresql://$host/postgres?user=alice&" . join '&', map { s/client\.pem\.pk8/client.pk8/r } @lines;
	my $pfx = config('jdbc') =~ s/&sslcert=.*/&sslkey=client.pfx&sslpassword=open%20sesame/r;
	my $url = config('jdbc');
	my ($ok, $out) = run_in($alice, [ 'java', '-cp', $jar, $source, $question, $url, config('jdbc', host => '127.0.0.1'), $ini,
			$url =~ s/&sslcert=.*//r, $url =~ s/localhost/localhost.localdomain/r, $pfx, $url =~ s/client\.pk8/client.pem.pk8/r ]);
	ok($ok, 'java runs') or diag $out;
	my @answers = split /\n/, $out;
	is($answers[0], $answer, 'the URL, with the PKCS#8 key');
	is($answers[1], $answer, 'by address');
	is($answers[2], $answer, 'the .ini section of "cast"');
	like($answers[3], qr/requires a valid client certificate/, 'not without the certificate');
	unlike($answers[4], qr/^t\|/, 'not by another name');
	is($answers[5], $answer, 'the PKCS#12 file, whose alias it looks for');
	like($answers[6], qr/Could not read SSL key file/, 'not with the PKCS#8 key as PEM');
};

subtest 'Node.js' => sub {
	plan skip_all => 'no node' unless have('node');
	my $modules = '/usr/share/nodejs';
	if (!-d "$modules/pg")
	{
		plan skip_all => 'no node-pg, and no npm' unless have('npm');
		my ($ok, $out) = run_in($t->{folder}, [ 'npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', "$t->{folder}/npm", 'pg@8' ]);
		plan skip_all => "npm cannot install pg: $out" unless $ok;
		$modules = "$t->{folder}/npm/node_modules";
	}
	my $script = spew("$t->{folder}/ask.js", <<'JS');
const { Client } = require('pg');
const [question, url] = process.argv.slice(2);
const client = new Client(url);
client.connect()
	.then(() => client.query({ text: question, rowMode: 'array' }))
	.then(result => { console.log(result.rows[0].map(v => v === true ? 't' : v).join('|')); return client.end(); })
	.catch(problem => { console.log(String(problem)); process.exit(1); });
JS
	my @node = ('node', $script, $question);
	my @modules = (NODE_PATH => $modules, NODE_NO_WARNINGS => 1);
	is_deeply([ run_in($alice, [ @node, config('uri') ], @modules) ], [ 1, $answer ], 'the URI, with the PEM key');
	is_deeply([ run_in($alice, [ @node, config('node') ], @modules) ], [ 1, $answer ], 'format node');
	$t->sql(q{CREATE DATABASE "my db;/:@&=+$,%25"});
	is((run_in($alice, [ @node, config('node', database => 'my db;/:@&=+$,%25') ], @modules))[0], 1, 'a database with all that is encoded in a URI');
	my ($ok, $why) = run_in($alice, [ @node, config('uri') =~ s/&sslcert=.*//r ], @modules);
	ok(!$ok, 'not without the certificate');
	like($why, qr/requires a valid client certificate|alert/, 'but as the server says');
	($ok, $why) = run_in($alice, [ @node, config('uri') =~ s/&sslrootcert=[^&]*//r ], @modules);
	ok(!$ok, 'not without the root') or diag $why;
};

done_testing();
