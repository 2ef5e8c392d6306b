# docs/checks.md, checks-files.md and checks-access.md have an entry for each check, and none else; each
# says what it means, why, how to mend it, and what a client says in words that are provoked by
# t/054_client_errors.pl. Each statement is run here; those that mend a fault are run on that fault.
use strict;
use warnings;
use File::Path;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $docs = "$FindBin::RealBin/../docs";
my %worst = CastsslTest->slurp("$FindBin::RealBin/../src/flow/check/checks.h") =~ /^\tCHECK\((\w+), \w+, CASTSSL_(\w+),/mg;

# check => { file, text }
my (%entries, @twice);
foreach my $file (sort glob "$docs/checks*.md")
{
	my ($name) = $file =~ m{([^/]+)$};
	my $text = CastsslTest->slurp($file);
	while ($text =~ /^### (\w+)\n(.*?)(?=^##|\z)/msg)
	{
		push @twice, $1 if $entries{$1};
		$entries{$1} = { file => $name, text => $2 };
	}
}
is_deeply([ sort keys %entries ], [ sort keys %worst ], 'an entry for each check, and none else');
is_deeply(\@twice, [], 'and one alone');
my %listed = CastsslTest->slurp("$docs/checks.md") =~ /\[(\w+)\]\(((?:checks-\w+\.md)?#\w+)\)/g;
is_deeply(\%listed, { map { $_ => ($entries{$_}{file} eq 'checks.md' ? '' : $entries{$_}{file}) . "#$_" } keys %entries }, 'docs/checks.md lists them');

# what clients say, as docs/troubleshooting.md has it
my %said = map { $_ => 1 } CastsslTest->slurp("$docs/troubleshooting.md") =~ /^\| `([^`]+)` \|/mg;
my @labels = ('Why:', 'By SQL:', 'By hand:', 'A client says:');
my %statements;
foreach my $check (sort keys %entries)
{
	my $text = $entries{$check}{text};
	subtest $check => sub {
		like($text, qr/\A\n`\L$worst{$check}\E`\. \S/, 'begins with the worst severity, and what it means');
		is_deeply([ $text =~ /^- \*\*(.*?)\*\* \S/mg ], \@labels, 'has its parts');
		my ($client) = $text =~ /^- \*\*A client says:\*\* (.*)/m;
		my @unknown = grep { !$said{$_} } $client =~ /`([^`]+)`/g;
		@unknown = grep { !/^cron\./ } @unknown;
		is_deeply(\@unknown, [], 'clients say what docs/troubleshooting.md has');
		my ($sql) = $text =~ /^- \*\*By SQL:\*\* (.*)/m;
		$statements{$check} = [ $sql =~ /`([^`]*;)`/g ];
		ok(@{ $statements{$check} }, 'has a statement');
	};
}

# --- each statement on a real server, in a psql session of its own

my $first = "hostssl app app 10.1.0.0/16 scram-sha-256\n";
my $hba = "${first}local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
my $t = CastsslTest->new('check_pages', hba => $hba);
my ($pki, $source) = @$t{qw(pki source)};
$pki->openssl(qw(ca -config openssl.cnf -cert root.crt -keyfile root.key -gencrl -crldays 30 -out root.crl));
foreach my $copy ([ 'alice.crt', 'alice.crt' ], [ 'other-root.crt', 'new-root.crt' ], [ 'root.crl', 'company.crl' ])
{
	$t->write("$source/$copy->[1]", $t->slurp($pki->path($copy->[0])));
}
$t->sql('CREATE SCHEMA cron; CREATE TABLE cron.job (jobid bigint, schedule text, command text, nodename text, nodeport int, database text, username text, active boolean)');
$t->enable(source_dir => $source, clientcert => 'none');
my ($clean, $parameters) = map { $t->slurp($_) } qw(pg_hba.conf postgresql.auto.conf);

sub found
{
	my ($check) = @_;
	return grep { $_->{check_name} eq $check } @{ $t->rows('SELECT * FROM castssl_check()') };
}

# As it was before the faults.
sub restore
{
	$t->psql('SELECT castssl_hba_discard()');
	$t->write('pg_hba.conf', $clean);
	foreach my $file (qw(server.crt server.key root.crt))
	{
		$t->write($file, $t->slurp("$source/$file"));
		chmod 0600, "$t->{data}/$file" or die $!;
	}
	$t->write('postgresql.auto.conf', $parameters);
	$t->sql('DELETE FROM cron.job');
	return $t->reload;
}

# Faults that SQL or a file plants; where one is here, the statements of the page end it.
my $port = $t->{node}->port;
my $garbage = $t->slurp($pki->path('garbage'));
my %plant = (
	served_matches_disk => sub { $t->write("$t->{data}/server.$_", $t->slurp($pki->path("server-renewed.$_"))) foreach qw(crt key) },
	parameters_in_effect => sub { $t->sql('ALTER SYSTEM SET ssl_prefer_server_ciphers = off') },
	hba_in_effect => sub { CastsslTest::next_second(); $t->write('pg_hba.conf', $t->hba . "# edited\n") },
	ssl_enabled => sub { $t->sql('ALTER SYSTEM SET ssl = off'); $t->reload },
	hba_tls_off => sub { $t->sql('ALTER SYSTEM SET ssl = off'); $t->reload },
	protocol_version => sub { $t->sql("ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'"); $t->reload },
	ciphers => sub { $t->sql("ALTER SYSTEM SET ssl_ciphers = 'NULL-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:\@SECLEVEL=0'"); $t->reload },
	function_names => sub { $t->sql("CREATE FUNCTION public.castssl_confirm(int) RETURNS int LANGUAGE sql AS 'SELECT 1'") },
	cron_jobs => sub { $t->sql("INSERT INTO cron.job VALUES (1, '* * * * *', 'SELECT 1', 'localhost', $port, 'postgres', 'nobody', true)"); $t->set_hba("local all all trust\n") },
	ca_revocations => sub {
		$t->sql("SELECT $_") foreach "castssl_create_ca('Small CA')", "castssl_issue_client('alice')", "castssl_revoke(pg_read_file('pg_castssl/issued/alice/client.crt'))";
		$t->write('root.crt', $t->slurp('pg_castssl/ca/root.crt'));
		$t->reload;
	},
	foreign_servers => sub {
		$t->sql("CREATE FOREIGN DATA WRAPPER postgres_fdw; CREATE SERVER app FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '$port', dbname 'postgres', sslmode 'disable');
			CREATE USER MAPPING FOR PUBLIC SERVER app OPTIONS (user 'alice')");
	},
	key_permissions => sub { chmod 0644, "$t->{data}/server.key" or die $! },
	certificate_dates => sub { $t->write("$t->{data}/server.$_", $t->slurp($pki->path("server-expired.$_"))) foreach qw(crt key); $t->reload },
	key_matches_certificate => sub { $t->write("$t->{data}/server.key", $t->slurp($pki->path('bob.key'))) },
	certificate_parse => sub { $t->write("$t->{data}/server.crt", $garbage) },
	key_parse => sub { $t->write("$t->{data}/server.key", $garbage =~ s/CERTIFICATE/PRIVATE KEY/gr) },
	ca_parse => sub { $t->write("$t->{data}/root.crt", $garbage) },
	ca_is_ca => sub { $t->write("$t->{data}/root.crt", $t->slurp($pki->path('alice.crt'))) },
	files_readable => sub { unlink "$t->{data}/root.crt" or die $! },
	hba_loads => sub { $t->set_hba("hostssl all all 10.0.0.0/8 nonsense\n$clean") },
	hba_staged => sub { $t->sql("SELECT castssl_hba_add(rule => 'local all bob reject', before_line => 1)"); $t->set_hba("# by hand\n$clean") },
	hba_dead_rules => sub { $t->set_hba("hostssl app app 10.1.0.0/16 scram-sha-256\n$clean") },
	hba_order => sub { $t->set_hba("host all all 10.5.0.0/16 scram-sha-256\nhostssl app app 10.5.0.0/16 scram-sha-256 clientcert=verify-ca\n$clean") },
	hba_partly_hidden => sub { $t->set_hba("host all all 10.1.0.0/16 scram-sha-256\nhostssl app app 10.0.0.0/8 scram-sha-256 clientcert=verify-ca\n$clean") },
	hba_plaintext => sub { $t->set_hba("host all all 10.1.0.0/16 scram-sha-256\n$clean") },
	hba_replication => sub { $t->set_hba("host replication all 10.1.0.0/16 scram-sha-256\n$clean") },
	hba_trust => sub { $t->set_hba("hostssl all all 10.1.0.0/16 trust\n$clean") },
	hba_password => sub { $t->set_hba("hostssl all all 10.1.0.0/16 password\n$clean") },
	hba_md5 => sub { $t->set_hba("hostssl all all 10.1.0.0/16 md5\n$clean") },
	hba_clientcert => sub { $t->set_hba("hostssl all all 10.1.0.0/16 scram-sha-256 clientcert=verify-ca\n$clean"); $t->sql("ALTER SYSTEM SET ssl_ca_file = ''"); $t->reload },
	hba_superusers => sub { $t->set_hba("hostssl all postgres all scram-sha-256\n$clean") },);

my $ended = 0;
foreach my $check (sort keys %statements)
{
	subtest "$check: the statements" => sub {
		my $plant = $plant{$check};
		if ($plant)
		{
			$plant->();
			ok(scalar(found($check)), 'planted') or diag explain $t->rows('SELECT check_name, subject, message FROM castssl_check()');
		}
		foreach my $statement (@{ $statements{$check} })
		{
			(my $sql = $statement) =~ s{/etc/postgresql/tls}{$source}g;
			# nothing waits here
			next if $sql =~ /castssl_confirm\(1\)|^SELECT \* FROM castssl_rollback\(\)/;
			$t->psql('SELECT castssl_confirm(force => true)') if $sql =~ /confirm_within/;
			my ($ok, undef, $err) = $t->psql($sql);
			ok($ok, $statement) or diag $err;
		}
		$t->psql('SELECT castssl_confirm(force => true)');
		if ($plant)
		{
			is(scalar(found($check)), 0, 'and it is gone') or diag explain [ found($check) ];
			$ended++;
		}
	};
	restore();
	# a later page makes one
	File::Path::remove_tree("$t->{data}/pg_castssl/ca", "$t->{data}/pg_castssl/issued") if $check eq 'ca_revocations';
}
is($ended, keys %plant, "$ended faults were planted, and ended by what the page says");

$t->stop;
done_testing();
