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

# Certificates and CRLs that CastsslPki has none of.
$pki->certificate('alice-future', 'root', '/CN=alice', 'client', 10, 20);
$pki->certificate('alice-server', 'root', '/CN=alice', 'server', -1, 20);
$pki->certificate('intermediate', 'root', '/CN=castssl test intermediate', 'authority', -1, 80);
$pki->certificate('alice-intermediate', 'intermediate', '/CN=alice', 'client', -1, 80);
$pki->write("$_.crt", $t->slurp($pki->path('alice.crt'))) foreach qw(alice-open alice-keyless);
$pki->write('alice-open.key', $t->slurp($pki->path('alice.key')));
chmod 0644, $pki->path('alice-open.key') or die $!;

sub make_crl
{
	my ($name, $authority, @options) = @_;
	$pki->openssl('ca', '-config', 'openssl.cnf', '-cert', "$authority.crt", '-keyfile', "$authority.key", '-gencrl', @options, '-out', "$name.crl");
	return;
}
$pki->openssl(qw(ca -config openssl.cnf -cert root.crt -keyfile root.key -revoke alice.crt));
make_crl('revoked', 'root', '-crldays', 30);
make_crl('stale', 'root', '-crlsec', 1);
make_crl('other', 'other-root', '-crldays', 30);

# The server: what it is like, how it gets so, and what the clients have: client options of
# CastsslTest, and what the case is about.
my $hba;
my @stages = (
	[ 'as it should be', sub { $t->enable(source_dir => $t->{source}, clientcert => 'verify-full', plaintext => 'block'); $hba = $t->hba },
		[ 'plaintext is refused', sslmode => 'disable', cert => 'alice' ],
		[ 'no certificate', sslmode => 'require' ],
		[ 'of another CA', sslmode => 'require', cert => 'alice-other' ],
		[ 'without its intermediate certificate', sslmode => 'require', cert => 'alice-intermediate' ],
		[ 'expired', sslmode => 'require', cert => 'alice-expired' ],
		[ 'not yet valid', sslmode => 'require', cert => 'alice-future' ],
		[ 'for servers', sslmode => 'require', cert => 'alice-server' ],
		[ 'of another user', sslmode => 'require', cert => 'bob' ],
		[ 'another root', sslmode => 'verify-full', cert => 'alice', sslrootcert => $pki->path('other-root.crt') ],
		[ 'another host', sslmode => 'verify-full', cert => 'alice', host => 'db.example.com' ],
		[ 'no root', sslmode => 'verify-full', cert => 'alice', sslrootcert => '/nowhere/root.crt' ],
		[ 'a key that others can read', sslmode => 'require', cert => 'alice-open' ],
		[ 'a certificate without its key', sslmode => 'require', cert => 'alice-keyless' ] ],
	[ 'a line rejects', sub { $t->set_hba("local all all trust\nhostssl all alice all reject\n") }, [ 'a reject line', sslmode => 'require', cert => 'alice' ] ],
	[ 'a CRL', sub { $t->set_hba($hba); use_crl('revoked') }, [ 'revoked', sslmode => 'require', cert => 'alice' ] ],
	[ 'an expired CRL', sub { use_crl('stale') }, [ 'the CRL has expired', sslmode => 'require', cert => 'alice' ] ],
	[ 'the CRL of another CA', sub { use_crl('other') }, [ 'no CRL of its CA', sslmode => 'require', cert => 'alice' ] ],
	[ 'an expired certificate', \&use_expired_certificate, [ 'the server\'s certificate has expired', sslmode => 'verify-full', cert => 'alice' ] ],);

sub use_crl
{
	my ($name) = @_;
	sleep 2 if $name eq 'stale';
	$t->write('root.crl', $t->slurp($pki->path("$name.crl")));
	$t->sql("ALTER SYSTEM SET ssl_crl_file = 'root.crl'");
	return $t->reload;
}

# By hand, for castssl_enable() takes none.
sub use_expired_certificate
{
	$t->sql('ALTER SYSTEM RESET ssl_crl_file');
	$t->write("server.$_", $t->slurp($pki->path("server-expired.$_"))) foreach qw(crt key);
	return $t->reload;
}

# These are about files that Node.js and JDBC do not ask for, or ask for in other ways.
my %not_for = ('Node.js' => qr/^no root$|^a key that others|without its key/, JDBC => qr/^another host$|^a key that others/);

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

if ($java)
{
	foreach my $name (qw(alice bob alice-other alice-intermediate alice-expired alice-future alice-server))
	{
		$pki->openssl(qw(pkcs8 -topk8 -nocrypt -outform DER -in), "$name.key", '-out', "$t->{folder}/$name.pk8");
	}
}
foreach my $stage (@stages)
{
	my ($server, $prepare, @cases) = @$stage;
	$prepare->();
	foreach my $case (@cases)
	{
		my ($what, %options) = @$case;
		listed('psql', $what, ($t->client(%options))[1]);
		listed('Node.js', $what, node_pg(%options, tcp => '127.0.0.1')) if $node && $what !~ $not_for{'Node.js'};
	}
	next unless $java;
	my @jdbc = grep { $_->[0] !~ $not_for{JDBC} } @cases;
	my @answers = jdbc(map { my ($what, %options) = @$_; jdbc_url(%options, tcp => '127.0.0.1') } @jdbc);
	listed('JDBC', $jdbc[$_][0], $answers[$_] // '') foreach 0 .. $#jdbc;
	next if $server ne 'as it should be';
	# a key as CAST's documents have it for JDBC
	$pki->openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'alice.key', '-out', "$t->{folder}/alice.pem.pk8");
	listed('JDBC', 'a key in PEM form', (jdbc(jdbc_url(sslmode => 'require', tcp => '127.0.0.1', cert => 'alice') =~ s/alice\.pk8/alice.pem.pk8/r))[0]);
}
# libpq sends what lies at its usual place, though nobody named it (before 15 it did not look into HOME)
my $home = "$t->{folder}/home";
mkdir $_ or die $! foreach $home, "$home/.postgresql";
$t->write("$home/.postgresql/postgresql.$_", $t->slurp($pki->path("alice-other.$_"))) foreach qw(crt key);
chmod 0600, "$home/.postgresql/postgresql.key" or die $!;
if (`psql --version` =~ /(\d+)/ && $1 >= 15)
{
	my %connection = $t->connection(sslmode => 'require');
	delete @connection{qw(sslcert sslkey sslrootcert)};
	listed('psql', 'a certificate that nobody named', (CastsslOpenssl::connect_with(\%connection, 'SELECT 1', HOME => $home))[1]);
	$connection{sslcert} = 'none';
	my ($in, $out) = CastsslOpenssl::connect_with(\%connection, 'SELECT 1', HOME => $home);
	like($out, qr/requires a valid client certificate/, 'and sends none where it is told so');
}

# what the log says of all that
my $log = $t->slurp($t->{node}->logfile);
listed("The server's log", 'a handshake', $_) foreach grep { !$seen{logged}{ s/^.*?(?=could not)//r }++ }
  # (a client that is gone too early is none of its errors)
  $log =~ /^(.*could not accept SSL connection: (?!Connection reset by peer|Broken pipe).*)$/mg;
foreach my $row (@{ $patterns{"The server's log"} })
{
	my ($text, $pattern) = @$row;
	next if $text eq 'alert certificate unknown' && !$java;
	# two servers' words for one thing
	next if $text =~ /EOF detected$/ && $log =~ /unexpected eof while reading/ || $text =~ /unexpected eof/ && $log =~ /EOF detected/;
	like($log, qr/$pattern/, "The server's log: $text");
}

# no row but what was provoked
is_deeply([ grep { !$seen{psql}{$_} } map { $_->[0] } @{ $patterns{psql} } ], [], 'psql: every row was provoked');
is_deeply([ grep { !$seen{'Node.js'}{$_} } map { $_->[0] } @{ $patterns{'Node.js'} } ], [], 'Node.js: every row was provoked') if $node;
is_deeply([ grep { !$seen{JDBC}{$_} } map { $_->[0] } @{ $patterns{JDBC} } ], [], 'JDBC: every row was provoked') if $java;
$t->stop;
done_testing();
