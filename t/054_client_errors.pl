# docs/troubleshooting.md lists error texts of clients: provoked here with the clients themselves.
# Needs: default-jdk-headless libpostgresql-jdbc-java node-pg npm
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use IPC::Run ();
use Test::More;

my $document = CastsslTest->slurp("$FindBin::RealBin/../docs/troubleshooting.md");
my $t = CastsslTest->new('errors');
my $pki = $t->{pki};
my $port = $t->{node}->port;

# The error's essence is one that the document has: what is in backquotes at the start of its rows
# under the heading of that client, with … for anything.
my (%patterns, $section);
foreach my $line (split /\n/, $document)
{
	$section = $1 if $line =~ /^## (.*)/;
	next unless $line =~ /^\| `(.+?)` \|/;
	push @{ $patterns{$section} }, [ $1, join '.*?', map { quotemeta } split /\xe2\x80\xa6/, $1, -1 ];
}
my %seen;

sub listed
{
	my ($client, $what, $output) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($found) = grep { $output =~ /$_->[1]/s } @{ $patterns{$client} };
	$seen{$client}{ $found->[0] } = 1 if $found;
	return ok($found, "$client, $what: is in the document") || diag $output;
}

# what the client has: client options of CastsslTest, and what it is about
my @cases = (
	[ 'plaintext is refused', sslmode => 'disable', cert => 'alice' ],
	[ 'no certificate', sslmode => 'require' ],
	[ 'of another CA', sslmode => 'require', cert => 'alice-other' ],
	[ 'expired', sslmode => 'require', cert => 'alice-expired' ],
	[ 'of another user', sslmode => 'require', cert => 'bob' ],
	[ 'another root', sslmode => 'verify-full', cert => 'alice', sslrootcert => $pki->path('other-root.crt') ],
	[ 'another host', sslmode => 'verify-full', cert => 'alice', host => 'db.example.com' ],
	[ 'no root', sslmode => 'verify-full', cert => 'alice', sslrootcert => '/nowhere/root.crt' ],);

sub node_pg
{
	my (%o) = @_;
	my $config = $o{sslmode} eq 'disable' ? 'false' : join '', '{',
	  ($o{cert} ? map { "$_->[0]: fs.readFileSync('" . $pki->path("$o{cert}.$_->[1]") . "')," } [ cert => 'crt' ], [ key => 'key' ] : ()),
	  ($o{sslmode} eq 'verify-full' ? "ca: fs.readFileSync('" . ($o{sslrootcert} // $pki->path('root.crt')) . "'),"
		: 'rejectUnauthorized: false,'), ($o{host} ? "servername: '$o{host}'," : ''), '}';
	my $script = <<"JS";
const fs = require('fs'); const { Client } = require('pg');
(async () => { try { const c = new Client({ host: '$o{tcp}', port: $port, user: 'alice', password: 'wonderland', database: 'postgres', ssl: $config });
await c.connect(); console.log('came in'); await c.end(); } catch (e) { console.log(String(e)); } process.exit(0); })();
JS
	my $out = '';
	local $ENV{NODE_PATH} = join ':', grep { defined } @ENV{qw(NODE_PATH CASTSSL_NODE_MODULES)}, '/usr/share/nodejs';
	for (1 .. 50)
	{
		$out = '';
		eval { IPC::Run::run([ 'node', '-e', $script ], '<', \undef, '>&', \$out) };    # dies without node
		last unless $out =~ /ECONNRESET|EPIPE/;
	}
	return $out;
}

my $no_tls = 'server does not do TLS';
listed('psql', $no_tls, ($t->client(sslmode => 'require'))[1]);
my $node = node_pg(sslmode => 'disable', tcp => '127.0.0.1') !~ /Cannot find module|^\z/;
listed('Node.js', $no_tls, node_pg(sslmode => 'require', tcp => '127.0.0.1')) if $node;

my ($jar) = grep { -e } qw(/usr/share/java/postgresql.jar /usr/share/java/postgresql-jdbc4.jar);
my $java = $jar && grep { -x "$_/javac" } split /:/, $ENV{PATH};
CastsslTest::not_tried('no node, or no module "pg"') unless $node;
CastsslTest::not_tried('no javac, or no JDBC driver') unless $java;
my $source = "$t->{folder}/Try.java";
$t->write($source, <<'JAVA');
public class Try {
	public static void main(String[] urls) {
		for (String url : urls) {
			String text = "";
			// a refusal may come while the client still writes: then it sees only the broken connection
			for (int i = 0; i < 50 && (i == 0 || text.matches("(?s).*(Broken pipe|Connection reset).*")); i++) {
			text = "";
			try { java.sql.DriverManager.getConnection(url); text = "came in"; }
			catch (Throwable e) { for (; e != null; e = e.getCause()) text += e.getMessage() + "; "; }
			}
			System.out.println(text.replace("\n", " "));
		}
	}
}
JAVA

sub jdbc_url
{
	my (%o) = @_;
	my $url = "jdbc:postgresql://$o{tcp}:$port/postgres?user=alice&password=wonderland&sslmode=$o{sslmode}";
	$url .= '&sslrootcert=' . ($o{sslrootcert} // $pki->path('root.crt'));
	return $url . '&sslcert=' . ($o{cert} ? $pki->path("$o{cert}.crt") . "&sslkey=$t->{folder}/$o{cert}.pk8" : '/nowhere&sslkey=/nowhere');
}

sub jdbc
{
	# the driver's own remarks on closed connections are no answers
	IPC::Run::run([ 'java', '-cp', $jar, $source, @_ ], '<', \undef, '>', \my $out, '2>', \my $remarks);
	return split /\n/, $out;
}
listed('JDBC', $no_tls, jdbc(jdbc_url(sslmode => 'require', tcp => '127.0.0.1'))) if $java;

$t->enable(source_dir => $t->{source}, clientcert => 'verify-full', plaintext => 'block');
foreach my $case (@cases)
{
	my ($what, %options) = @$case;
	listed('psql', $what, ($t->client(%options))[1]);
	listed('Node.js', $what, node_pg(%options, tcp => '127.0.0.1')) if $node && $what ne 'no root';
}
if ($java)
{
	foreach my $name (qw(alice bob alice-other alice-expired))
	{
		IPC::Run::run([ 'openssl', 'pkcs8', '-topk8', '-nocrypt', '-outform', 'DER', '-in', $pki->path("$name.key"), '-out', "$t->{folder}/$name.pk8" ]);
	}
	# by a name of the loopback that is not in the certificate
	my @jdbc = grep { $_->[0] ne 'another host' } @cases;
	my @answers = jdbc(map { my ($what, %options) = @$_; jdbc_url(%options, tcp => '127.0.0.1') } @jdbc);
	listed('JDBC', $jdbc[$_][0], $answers[$_] // '') foreach 0 .. $#jdbc;
	# a key as CAST's documents have it for JDBC
	$pki->openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'alice.key', '-out', "$t->{folder}/alice.pem.pk8");
	listed('JDBC', 'a key in PEM form', (jdbc(jdbc_url(sslmode => 'require', tcp => '127.0.0.1', cert => 'alice') =~ s/alice\.pk8/alice.pem.pk8/r))[0]);
}
# no row but what was provoked
is_deeply([ grep { !$seen{psql}{$_} } map { $_->[0] } @{ $patterns{psql} } ], [], 'psql: every row was provoked');
is_deeply([ grep { !$seen{'Node.js'}{$_} } map { $_->[0] } @{ $patterns{'Node.js'} } ], [], 'Node.js: every row was provoked') if $node;
is_deeply([ grep { !$seen{JDBC}{$_} } map { $_->[0] } @{ $patterns{JDBC} } ], [], 'JDBC: every row was provoked') if $java;
$t->stop;
done_testing();
