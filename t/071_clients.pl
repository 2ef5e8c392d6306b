# Real clients against servers that castssl_enable set up: who gets in, who does not, and what each says.
# docs/clients.md is the table of it. CASTSSL_WRITE_CLIENTS=FILE writes it anew; a client that is not
# installed is skipped, and its rows are not compared.
# Needs: default-jdk-headless libpostgresql-jdbc-java node-pg npm python3-psycopg2 python3-psycopg golang-go golang-github-lib-pq-dev pgbouncer
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have have_python jdbc_jar node_environment go_environment);
use CastsslOpenssl qw(slurp spew);
use Cwd ();
use File::Copy ();
use Test::More;
use Time::HiRes ();

my @cases = (
	[ 'no TLS' ], [ 'no certificate' ], [ 'good' => 'alice' ], [ "somebody else's" => 'bob' ], [ 'other CA' => 'alice-other' ],
	[ 'expired' => 'alice-expired' ], [ 'revoked' => 'alice-revoked' ]);
my @states = map { my $plaintext = $_; map { [ $plaintext, $_ ] } qw(verify-ca verify-full) } qw(keep block);
my $here = "$FindBin::RealBin/clients";
my $pki = CastsslTest::pki();
my $folder = CastsslTest::temporary_folder();

$pki->certificate('alice-revoked', 'root', '/CN=alice', 'client', -1, 90);
$pki->openssl(qw(ca -config openssl.cnf -cert root.crt -keyfile root.key -revoke alice-revoked.crt));
$pki->openssl(qw(ca -config openssl.cnf -cert root.crt -keyfile root.key -gencrl -crldays 30 -out list.crl));

# A server for each state, and a folder for each case with the files that castssl_client_config names.
my @servers = map {
	my ($plaintext, $clientcert) = @$_;
	my $t = CastsslTest->new("$plaintext-$clientcert", conf => $CastsslTest::listen_on_localhost);
	$t->enable(source_dir => $pki->source($t->{source}, 'list.crl' => 'list.crl'), crl_file => 'list.crl',
		plaintext => $plaintext, clientcert => $clientcert);
	$t;
} @states;

foreach my $case (@cases)
{
	my ($name, $certificate) = @$case;
	my $directory = $case->[2] = "$folder/" . ($name =~ s/\W/-/gr);
	mkdir $directory, 0700 or die "$directory: $!";
	File::Copy::copy($pki->path('root.crt'), "$directory/root.crt") or die $!;
	next unless $certificate;
	File::Copy::copy($pki->path("$certificate.$_"), "$directory/client.$_") or die $! foreach qw(crt key);
	chmod 0600, "$directory/client.key";
	$pki->openssl(qw(pkcs8 -topk8 -nocrypt -outform DER -in), "$certificate.key", '-out', "$directory/client.pk8");
}

# What castssl_client_config says, literally; without TLS what it would say without.
sub target
{
	my ($t, $case, $format) = @_;
	my $text = $t->sql('SELECT ' . CastsslTest::call('castssl_client_config', format => $format, host => 'localhost', user_name => 'alice'));
	return $text unless $case->[0] eq 'no TLS';
	$text =~ s/sslmode=.*/sslmode=disable/ or die $text;
	return $text;
}

# A reason that is the same each time. In TLS 1.3 a client sends before it hears that its certificate
# is refused: whether it reads the alert, or finds the connection reset, is chance.
my @reasons = (
	[ 'a certificate is required' => qr/requires a valid client certificate/ ],
	[ 'no pg_hba.conf entry' => qr/no pg_hba\.conf entry/ ],
	[ 'TLS is required' => qr/SSL required/ ],
	[ 'waits until client_login_timeout' => qr/client_login_timeout/ ],
	[ 'not the certificate of this user' => qr/authentication failed for user|certificate authentication failed/ ],
	[ 'the client finds no certificate' => qr/ENOENT|no such file|does not exist/i ],
	[ 'handshake refused' => qr/alert|unknown ca|reset|closed|EOF|broken pipe|terminated|expired|revoked|bad certificate|I.O error/i ]);

sub reason
{
	my ($answer) = @_;
	return $answer if $answer =~ s/^in /in, /;
	foreach my $reason (@reasons)
	{
		return $reason->[0] if $answer =~ $reason->[1];
	}
	return "? $answer";
}

# Who must get in, whatever the client.
sub admitted
{
	my ($case, $state) = @_;
	my ($plaintext, $clientcert) = @$state;
	return $plaintext eq 'keep' ? 'in, plaintext' : undef if $case->[0] eq 'no TLS';
	return 'in, TLS' if $case->[0] eq 'good' || ($case->[0] eq "somebody else's" && $clientcert eq 'verify-ca');
	return;
}

my %said;    # client => case => [ by state ]
my @order;

sub record
{
	my ($client, $case, $state, $answer) = @_;
	$said{$client}{ $case->[0] }[$state] = reason($answer);
	diag "$client, $case->[0]: $answer" if reason($answer) =~ /^\?/ || $ENV{CASTSSL_SHOW_CLIENTS};
	return;
}

sub judge
{
	my ($client) = @_;
	push @order, $client;
	foreach my $case (@cases)
	{
		my @got = @{ $said{$client}{ $case->[0] } };
		my @wanted = map {
			my $in = admitted($case, $states[$_]);
			defined $in ? $in : $got[$_] && $got[$_] !~ /^(in|\?)/ ? $got[$_] : 'refused'
		} 0 .. $#states;
		is_deeply(\@got, \@wanted, "$client, $case->[0]");
	}
	return;
}

# Run a command in a folder with lines as its input; the lines that it printed.
sub lines_of
{
	my ($directory, $command, $input, %environment) = @_;
	my $before = Cwd::getcwd();
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => $folder, PGCONNECT_TIMEOUT => 120, %environment);
	chdir $directory or die "$directory: $!";
	IPC::Run::run($command, '<', \$input, '>', \$out, '2>', \$err);
	my $status = $?;
	chdir $before or die $!;
	diag "@$command: $err" if $status != 0;
	return split /\n/, $out;
}

# One process for all, where the language can change its folder.
sub all_at_once
{
	my ($client, $format, $command, %environment) = @_;
	my @questions = map { my $case = $_; map { [ $case, $_ ] } 0 .. $#states } @cases;
	my @answers = lines_of($folder, $command,
		join('', map { "$_->[0][2]\t" . target($servers[ $_->[1] ], $_->[0], $format) . "\n" } @questions), %environment);
	is(scalar @answers, scalar @questions, "$client answers") or return;
	record($client, @{ $questions[$_] }, $answers[$_]) foreach 0 .. $#questions;
	return judge($client);
}

my $question = 'SELECT CASE WHEN ssl THEN $$in TLS$$ ELSE $$in plaintext$$ END FROM pg_stat_ssl WHERE pid = pg_backend_pid()';

# What psql says in a folder, to each target, all at once.
sub psql
{
	my ($directory, @targets) = @_;
	my $before = Cwd::getcwd();
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => $folder, PGCONNECT_TIMEOUT => 120);
	chdir $directory or die $!;
	my @runs = map {
		my $run = { out => '', err => '' };
		$run->{process} = IPC::Run::start([ 'psql', '-XqAtw', '-d', $_, '-c', $question ], '<', \undef, '>', \$run->{out}, '2>', \$run->{err});
		$run;
	} @targets;
	chdir $before or die $!;
	return map { $_->{process}->finish ? $_->{out} =~ s/\n//r : 'out ' . join(' ', split ' ', $_->{err}) } @runs;
}

subtest 'psql' => sub {
	foreach my $case (@cases)
	{
		my @answers = psql($case->[2], map { target($_, $case, 'uri') } @servers);
		record('psql (libpq)', $case, $_, $answers[$_]) foreach 0 .. $#states;
	}
	judge('psql (libpq)');
};

foreach my $module ([ 'psycopg2', 'psycopg2' ], [ 'psycopg 3', 'psycopg' ])
{
	subtest $module->[0] => sub {
		plan skip_all => "/usr/bin/python3 has no $module->[1]" unless have_python($module->[1]);
		all_at_once($module->[0], 'uri', [ '/usr/bin/python3', "$here/ask.py", $module->[1] ]);
	};
}

subtest 'pgjdbc' => sub {
	my $jar = jdbc_jar() or plan skip_all => 'no java, or no JDBC driver in /usr/share/java/postgresql.jar';
	is(system('javac', '-d', $folder, "$here/Ask.java"), 0, 'compiles');
	# Java does not change its folder: a process for each
	foreach my $case (@cases)
	{
		my @answers = lines_of($case->[2], [ 'java', '-XX:TieredStopAtLevel=1', '-cp', "$jar:$folder", 'Ask' ],
			join '', map { "\t" . target($_, $case, 'jdbc') . "\n" } @servers);
		record('pgjdbc', $case, $_, $answers[$_] // '') foreach 0 .. $#states;
	}
	judge('pgjdbc');
};

foreach my $module (qw(pg postgres))
{
	subtest "node $module" => sub {
		my %environment = node_environment($module)
		  or plan skip_all => "no node, or no module \"$module\" (npm puts it into CASTSSL_NODE_MODULES)";
		all_at_once("node $module", 'uri', [ 'node', "$here/ask.js", $module ], %environment);
	};
}

subtest 'Go lib/pq' => sub {
	my %environment = go_environment($folder) or plan skip_all => 'no go, or no golang-github-lib-pq-dev';
	local %ENV = (%ENV, %environment);
	is(system('go', 'build', '-o', "$folder/ask-go", "$here/ask.go"), 0, 'compiles');
	all_at_once('Go lib/pq', 'uri', ["$folder/ask-go"]);
};

# ---- pgbouncer ----

my @bouncers;
END { kill 'TERM', @bouncers if @bouncers; }

sub bouncer
{
	my ($name, $databases, %settings) = @_;
	my $port = CastsslTest::free_port();
	my %all = (listen_addr => '127.0.0.1', listen_port => $port, unix_socket_dir => '', auth_file => "$folder/userlist.txt",
		auth_type => 'trust', logfile => "$folder/$name.log", pidfile => "$folder/$name.pid", server_login_retry => 600,
		ignore_startup_parameters => 'extra_float_digits', %settings);
	spew("$folder/$name.ini", "[databases]\n" . join('', map { "$_->{name} = host=localhost port=" . $_->{node}->port . " dbname=postgres user=alice\n" } @$databases)
		  . "[pgbouncer]\n" . join('', map { "$_ = $all{$_}\n" } sort keys %all));
	system('pgbouncer', '-q', '-d', "$folder/$name.ini") == 0 or die "pgbouncer $name does not start";
	my $file = "$folder/$name.pid";
	for (1 .. 1800)
	{
		last if -s $file;
		Time::HiRes::sleep(0.1);
	}
	push @bouncers, slurp($file) + 0;
	return $port;
}

subtest 'pgbouncer' => sub {
	local $ENV{PATH} = "$ENV{PATH}:/usr/sbin";
	plan skip_all => 'no pgbouncer' unless have('pgbouncer');
	spew("$folder/userlist.txt", qq{"alice" "wonderland"\n});
	foreach my $case (@cases)
	{
		my ($name, $certificate, $directory) = @$case;
		# where the handshake fails pgbouncer tries again and again, and its client waits as long as this
		my $hopeless = $name =~ /^(other CA|expired|revoked)$/;
		my $port = bouncer('to-' . ($name =~ s/\W/-/gr), \@servers, client_login_timeout => $hopeless ? 3 : 120, $name eq 'no TLS' ? (server_tls_sslmode => 'disable') : (
				server_tls_sslmode => 'verify-full', server_tls_ca_file => "$directory/root.crt",
				$certificate ? (server_tls_cert_file => "$directory/client.crt", server_tls_key_file => "$directory/client.key") : ()));
		my @answers = psql($directory, map { "host=localhost port=$port user=alice dbname=$_->{name} sslmode=disable" } @servers);
		record('pgbouncer, to the server', $case, $_, $answers[$_]) foreach 0 .. $#states;
	}
	judge('pgbouncer, to the server');

	# the other side: pgbouncer with the server's files. It has no CRL, and "block" is what it does by itself.
	my $t = $servers[3];
	my $client = 'pgbouncer, from clients';
	my @to = (server_tls_sslmode => 'verify-full', server_tls_ca_file => "$cases[2][2]/root.crt",
		server_tls_cert_file => "$cases[2][2]/client.crt", server_tls_key_file => "$cases[2][2]/client.key",
		client_tls_ca_file => $t->path('root.crt'), client_tls_cert_file => $t->path('server.crt'), client_tls_key_file => $t->path('server.key'));
	my @ports = (0, 0, bouncer('from-ca', [$t], @to, client_tls_sslmode => 'verify-full', auth_type => 'scram-sha-256'),
		bouncer('from-full', [$t], @to, client_tls_sslmode => 'verify-full', auth_type => 'cert'));
	foreach my $case (@cases)
	{
		my $tls = $case->[0] ne 'no TLS';
		$said{$client}{ $case->[0] } = [ ('(not one of its modes)') x 2 ];
		foreach my $state (2, 3)
		{
			my ($answer) = psql($case->[2], "host=localhost port=$ports[$state] user=alice dbname=$t->{name} sslmode=" . ($tls ? 'verify-full sslrootcert=root.crt sslcert=client.crt sslkey=client.key' : 'disable'));
			record($client, $case, $state, $answer);
		}
		my @wanted = map {
			$case->[0] eq 'revoked' ? 'in, TLS' : admitted($case, $states[$_]) // 'refused'
		} 2, 3;
		is_deeply([ map { /^(in|\?)/ ? $_ : 'refused' } @{ $said{$client}{ $case->[0] } }[ 2, 3 ] ], \@wanted, "$client, $case->[0]");
	}
	push @order, $client;
};

# ---- the table ----

my $preface = <<'TEXT';
# What clients say

After this page you know which of your clients gets in under which policy, and what it says if not. `t/071_clients.pl` wrote the table: it asks real clients at real servers. Each server was set up by `castssl_enable(plaintext => …, clientcert => …, crl_file => …)`, its rules ask for a password, too, and the client uses what `castssl_client_config()` gave it, literally (`postgres` of npm does not read the files that a URI names, and gets them by its `ssl` object). *No TLS* is the same with `sslmode=disable`.

*Handshake refused*: in TLS 1.3 a client has sent its first message before it hears that the server does not take its certificate. So by chance it shows the server's alert (`tlsv1 alert unknown ca`, `certificate expired`, `certificate revoked`), or only that the connection was closed. The server's log has the reason. *Somebody else's* is a good certificate whose CN is another user's. pgbouncer (1.18) checks no CRL of its clients: a revoked certificate gets in until it expires, or until the server refuses it.

TEXT
my @columns = ('client', 'certificate', map { "$_->[0], $_->[1]" } @states);

sub row
{
	return '| ' . join(' | ', @_) . " |\n";
}

my %table = map {
	my $client = $_;
	($client => join '', map { row($client, $_->[0], @{ $said{$client}{ $_->[0] } }) } @cases)
} @order;
if (my $file = $ENV{CASTSSL_WRITE_CLIENTS})
{
	spew($file, $preface . row(@columns) . '|---' x @columns . "|\n" . join '', @table{@order});
}
my $document = slurp("$FindBin::RealBin/../docs/clients.md");
foreach my $client (@order)
{
	my $written = join '', map { "$_\n" } grep { /^\| \Q$client\E \|/ } split /\n/, $document;
	is($written, $table{$client}, "docs/clients.md says so of $client");
}
$_->stop foreach @servers;
done_testing();
