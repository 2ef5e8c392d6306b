# A person's first hour with README and docs alone: the statements of docs/guide.md and docs/who.md, in their order, on
# a server as Debian has it (configuration apart from the data, a certificate of Debian's making in use), with a
# company's CA that has an intermediate, and a last line that rejects. In the end certificates are required, and nobody
# was cut off at any step: clients are told what the guide says when it says so.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl qw(slurp spew);
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('first_hour', layout => 'debian', conf => 'log_connections = off', hba => <<'HBA');
# Database administrative login by Unix domain socket
local   all             all                                     trust
# the shop
host    app             app             10.0.0.0/8              scram-sha-256
host    app             app,alice       127.0.0.0/8             scram-sha-256
host    app             reports         127.0.0.1/32            md5
# DBAs
hostssl all             dba             127.0.0.1/32            scram-sha-256
# nobody else
host    all             all             all                     reject
HBA
$t->sql("CREATE ROLE $_ LOGIN PASSWORD 'wonderland'") foreach qw(app reports dba);
$t->sql($_) foreach 'ALTER ROLE dba SUPERUSER', 'CREATE DATABASE app';

# the company's CA
my $pki = $t->{pki};
$pki->certificate('issuing', 'root', '/CN=Example Issuing CA', 'authority', -1, 90);
$pki->certificate('db1', 'issuing', '/CN=db1.example.com', 'server', -1, 90);
$pki->certificate($_, 'issuing', "/CN=$_", 'client', -1, 90) foreach qw(app reports dba);
my %pem = map { $_ => slurp($pki->path("$_.crt")) } qw(root issuing db1 app);
my $folder = "$t->{folder}/tls";
mkdir $folder, 0700 or die "$folder: $!";
spew("$folder/server.key", slurp($pki->path('db1.key')));
spew("$folder/server.crt", $pem{db1} . $pem{issuing});
spew("$folder/root.crt", $pem{root});
spew("$folder/alice.crt", $pem{app});

# Each client as it is set up; what the guide says of it comes true below.
my %clients = (app => { sslmode => 'prefer' }, reports => { sslmode => 'disable' });
my %dba = (user => 'dba', sslmode => 'verify-full');
my $how = q{SELECT CASE WHEN ssl THEN 'TLS' ELSE 'plaintext' END || coalesce(', ' || client_dn, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()};

sub all_come_in
{
	my ($when, %wanted) = @_;
	foreach my $user (sort keys %clients)
	{
		my ($ok, $output) = $t->client(user => $user, database => 'app', sql => $how, %{ $clients{$user} });
		is($ok ? $output : "refused: $output", $wanted{$user}, "$when: $user");
	}
	return;
}

# The statements of a page from this heading to the next of its kind.
sub statements
{
	my ($page, $heading) = @_;
	my ($section) = slurp("$FindBin::RealBin/../docs/$page") =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms;
	ok($section, "docs/$page has \"$heading\"") or return;
	return map { s{/etc/postgresql/tls}{$folder}gr } $section =~ /^```sql\n(.*?)^```$/msg;
}

# Runs them as a person does: what confirms comes from a new connection of dba, with a certificate if dba has one.
sub follow
{
	my ($when, $wanted, @statements) = @_;
	foreach my $statement (@statements)
	{
		my ($ok, $output);
		if ($statement =~ /castssl_confirm/)
		{
			$statement =~ s/castssl_confirm\(\d+\)/'castssl_confirm(' . $t->in_effect . ')'/e;
			($ok, $output) = $t->client(%dba, sql => $statement);
		}
		else { ($ok, undef, $output) = $t->psql($statement) }
		ok($ok, "$when: " . ($statement =~ s/\s+/ /gr)) or diag $output;
		all_come_in($when, %$wanted);
	}
	return;
}

my %expected = (app => 'TLS', reports => 'plaintext');
all_come_in('before', %expected);
follow('TLS for all', \%expected, statements('guide.md', '1. Offer TLS'));
is($t->served, $pki->fingerprint('db1.crt'), 'the certificate of the company is served');

# who came in how: a session, and the log for one that came and went
my ($sessions) = statements('who.md', 'Who is connected, and how?');
my $app = $t->guest(user => 'app', database => 'app', cert => undef);
my ($ok, $rows) = $t->psql($sessions);
like($rows, qr/^app\|[^|]*\|127\.0\.0\.1\|client backend\|TLSv1\.\d\|\|1$/m, 'docs/who.md: a session over TLS, without a certificate');
$app->quit;
$t->psql($_) foreach split /(?<=;)\n/, join '', statements('who.md', 'Who came in earlier?');
isnt($t->sql('SHOW log_connections'), 'off', 'docs/who.md: the log notes connections');
my $from = -s $t->{node}->logfile;
all_come_in('log', %expected);
my $log = substr slurp($t->{node}->logfile), $from;
like($log, qr/connection authorized: user=app database=app.* SSL enabled \(/, 'app came over TLS');
like($log, qr/connection authorized: user=reports database=app(?!.*SSL)/, 'reports came in plaintext');

# told what docs/who.md says
$clients{reports} = { sslmode => 'verify-full' };
$expected{reports} = 'TLS';
follow('no plaintext', \%expected, statements('guide.md', '3. Require TLS'));
$t->out('no plaintext any more', qr/pg_hba\.conf rejects connection/, user => 'reports', database => 'app', sslmode => 'disable');
is(system('pg_isready', '-q', '-h', '127.0.0.1', '-p', $t->{node}->port, '-U', 'nobody'), 0, 'docs/who.md: pg_isready says that the server accepts connections');

# a CA file without the intermediate: seen before a client has its certificate, and mended by one more call
my @ask = statements('guide.md', '4. Ask for certificates');
like(($t->psql($ask[0]))[1], qr/refused\|.*Example Issuing CA.* is not in the CA file/, 'without the intermediate CA no certificate of a client is accepted');
$t->out('nor at the door', qr/unknown ca/, user => 'app', database => 'app', sslmode => 'verify-full', cert => 'app');
spew("$folder/root.crt", $pem{root} . $pem{issuing});
$t->sql("SELECT count(*) FROM castssl_enable(source_dir => '$folder')");
like(($t->psql($ask[0]))[1], qr/^authenticate\|/, 'with it they are');
$clients{$_} = { sslmode => 'verify-full', cert => $_ } foreach keys %clients;
$dba{cert} = 'dba';
my %certified = map { $_ => "TLS, /CN=$_" } keys %clients;
all_come_in('certificates that nobody asks for', %certified);
follow('certificates', \%certified, @ask);
$t->out('none without a certificate', qr/connection requires a valid client certificate/, user => 'app', database => 'app', sslmode => 'verify-full');

# a backup, by the environment that docs/who.md names
{
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', PGHOST => 'localhost', PGHOSTADDR => '127.0.0.1', PGPORT => $t->{node}->port, PGUSER => 'app', HOME => $t->{folder});
	isnt(system("pg_dump -s -f '$t->{folder}/dump' app 2>/dev/null"), 0, 'docs/who.md: pg_dump as it was');
	local %ENV = (%ENV, PGSSLMODE => 'verify-full', PGSSLROOTCERT => $pki->path('root.crt'), PGSSLCERT => $pki->path('app.crt'), PGSSLKEY => $pki->path('app.key'));
	is(system("pg_dump -s -f '$t->{folder}/dump' app"), 0, 'with the environment of docs/who.md');
}
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE severity IN ('warning', 'error')}), 0, 'nothing is left to do');
$t->stop;
done_testing();
