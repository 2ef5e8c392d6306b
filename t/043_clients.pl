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
	is(config('cast'), "[localhost:$port]\nssl=true\nsslmode=verify-full\nsslrootcert=root.crt\nsslcert=client.crt\nsslkey=client.pk8\n", 'cast')
	  or diag config('cast');
	like(config('uri', host => '127.0.0.1'), qr/sslmode=verify-full/, 'an address in the certificate');
	like(config('uri', host => 'elsewhere.example.com'), qr/sslmode=verify-ca/, 'a host that is not');
	like(config('uri', host => '::1'), qr{\@\[::1\]:$port/}, 'an IPv6 address');
	$t->fails("SELECT castssl_client_config('odbc', 'localhost', 'alice')", '22023', 'another format', hint => 1);
	$t->fails("SELECT castssl_client_config('uri', 'host/path?x', 'alice')", '22023', 'a host that is none', hint => 1);
	$t->fails("SELECT castssl_client_config('service', 'localhost', E'alice\\npassword=x')", '22023', 'a line break');
	$t->fails("SELECT castssl_client_config('uri', 'localhost', NULL)", '22023', 'no user');
};

subtest 'psql' => sub {
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
	my $ini = "jdbc:postgresql://$host/postgres?user=alice&" . join '&', @lines;
	my $url = config('jdbc');
	my ($ok, $out) = run_in($alice, [ 'java', '-cp', $jar, $source, $question, $url, config('jdbc', host => '127.0.0.1'), $ini,
			$url =~ s/&sslcert=.*//r, $url =~ s/localhost/localhost.localdomain/r ]);
	ok($ok, 'java runs') or diag $out;
	my @answers = split /\n/, $out;
	is($answers[0], $answer, 'the URL, with the PKCS#8 key');
	is($answers[1], $answer, 'by address');
	is($answers[2], $answer, 'the .ini section of "cast"');
	like($answers[3], qr/requires a valid client certificate/, 'not without the certificate');
	unlike($answers[4], qr/^t\|/, 'not by another name');
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
	my ($ok, $why) = run_in($alice, [ @node, config('uri') =~ s/&sslcert=.*//r ], @modules);
	ok(!$ok, 'not without the certificate');
	like($why, qr/requires a valid client certificate|alert/, 'but as the server says');
	($ok, $why) = run_in($alice, [ @node, config('uri') =~ s/&sslrootcert=[^&]*//r ], @modules);
	ok(!$ok, 'not without the root') or diag $why;
};

done_testing();
