# docs/automation*.md and docs/poolers.md: each recipe, taken out of the document and run as it stands, by the
# clients that it is for.
# One that is not installed is skipped.
# Needs: default-jdk-headless libpostgresql-jdbc-java node-pg npm python3-psycopg2 python3-psycopg python3-asyncpg golang-go golang-github-lib-pq-dev libdbd-pg-perl ansible pgbouncer haproxy postgresql-MAJOR-cron
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have drivers target client_environment);
use CastsslOpenssl qw(slurp spew);
use Test::More;
use Time::HiRes ();

# Each block behind <!-- recipe: NAME --> becomes the file NAME.
my $document = join '', map { slurp($_) } glob "$FindBin::RealBin/../docs/{automation,automation-*,poolers}.md";
my $folder = CastsslTest::temporary_folder();
my %recipes;
while ($document =~ /<!-- recipe: (\S+) -->\n```[^\n]*\n(.*?)^```$/msg)
{
	spew("$folder/$1", $2);
	$recipes{$1} = 0;
}

my $t = CastsslTest->new('automation', conf => $CastsslTest::listen_on_localhost);
my ($port, $root) = ($t->{node}->port, $t->{pki}->path('root.crt'));
$t->sql(q{ALTER ROLE postgres PASSWORD 'wonderland'});
my $enable = "SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}'";

my %plain = (port => $port);
my %verified = (%plain, sslmode => 'verify-full', sslrootcert => $root);

# (succeeded, what it printed)
sub run_recipe
{
	my ($command, %more) = @_;
	my $output = '';
	local %ENV = client_environment($folder, %more);
	IPC::Run::run($command, '<', \undef, '>&', \$output);
	return ($? == 0, $output);
}

sub newest { return $t->rows('SELECT * FROM castssl_changes()')->[-1] }

sub back
{
	$t->settle;
	$t->disable(force => 'true');
	return;
}

# A session that has made a change, and has not committed it.
sub holder
{
	my $session = $t->session;
	$session->ask("BEGIN; $enable, force => true);");
	$session->answer;
	return $session;
}

# Until a client has been told, or waits, that another change is running.
sub until_it_waits
{
	my ($run, $from) = @_;
	foreach (1 .. 1800)
	{
		return 0 unless $run->pumpable;
		$run->pump_nb;
		return 1 if substr(slurp($t->{node}->logfile), $from) =~ /another change/;
		return 1 if $t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE client_addr IS NOT NULL AND state = 'active' AND query ~ 'castssl_enable'}) > 0;
		Time::HiRes::sleep(0.1);
	}
	return 0;
}

# A program that takes (today, then, folder): it waits for somebody else's change, changes and confirms, changes
# nothing the second time, and says SQLSTATE and reason where another change waits, or its confirmation is no proof.
sub secures
{
	my ($name, $recipe, $command, %options) = @_;
	$recipes{$recipe}++;
	my $format = $options{format} // 'uri';
	my @today = (@$command, target($format, %plain, %{ $options{plaintext} // {} }));
	my @command = (@today, target($format, %verified));
	my %more = %{ $options{environment} // {} };
	local %ENV = client_environment($folder, %more);

	my $before = $t->sql('SELECT coalesce(max(change_id), 0) FROM castssl_changes()');
	my $holder = holder();
	my $from = -s $t->{node}->logfile;
	my $output = '';
	my $run = IPC::Run::start([ @command, $t->{source} ], '<', \undef, '>&', \$output);
	ok(until_it_waits($run, $from), "$name: somebody else's change is running");
	$holder->ask('ROLLBACK;');
	$holder->answer;
	$holder->quit;
	ok($run->finish, "$name: it waits, and succeeds") or diag $output;
	my $change = newest();
	like($output, qr/^changed $change->{change_id}$/m, "$name: changed, by number");
	cmp_ok($change->{change_id}, '>', $before, "$name: one that is its own");
	is($change->{state}, 'applied', "$name: and confirmed");
	$t->in("$name: over TLS", sslmode => 'verify-full', encrypted => 't');
	my ($ok, $again) = run_recipe([ @command, $t->{source} ], %more);
	is($again, "unchanged\n", "$name: the second time");
	ok($ok, "$name: is no error");

	back();
	$t->sql("$enable, confirm_within => '1 hour')");
	($ok, $output) = run_recipe([ @command, $t->{other} ], %more);
	ok(!$ok, "$name: a change of somebody else waits, and that is an error");
	like($output, qr/\b55000\b.*\bcastssl_change_waiting\b/s, "$name: SQLSTATE and reason");
	$t->sql('SELECT * FROM castssl_rollback()');

	($ok, $output) = run_recipe([ @today, target($format, %plain, sslmode => 'disable'), $t->{source} ], %more);
	like($output, qr/\b55000\b.*\bcastssl_no_proof\b/s, "$name: a new connection in plaintext is no proof");
	ok(!$ok, "$name: and that is an error");
	is(newest()->{state}, 'unconfirmed', "$name: which leaves the change to its deadline");
	$t->sql('SELECT * FROM castssl_rollback()');
	return;
}

$t->{other} = $t->{pki}->source("$t->{folder}/other", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');

subtest 'bash' => sub { secures('bash', 'secure-bash.sh', [ 'bash', "$folder/secure-bash.sh" ]) };

my %program = ('psql' => 'secure-psql.sh', 'node-postgres' => 'secure.js', 'pgjdbc' => 'Secure.java', 'lib/pq' => 'secure.go', 'DBD::Pg' => 'secure.pl',
	map { $_ => "secure_$_.py" } qw(psycopg2 psycopg asyncpg));
foreach my $driver (drivers($folder))
{
	my $name = $driver->{name};
	subtest $name => sub {
		plan skip_all => $driver->{missing} if $driver->{missing};
		secures($name, $program{$name}, $driver->{run_by}->("$folder/$program{$name}"), %$driver);
	};
}

subtest 'Ansible' => sub {
	my ($found) = run_recipe([ 'sh', '-c', 'ansible-doc community.postgresql.postgresql_query | grep -q ssl_key' ]);
	plan skip_all => 'no Ansible with community.postgresql 2.4 or later' unless $found;
	$recipes{'secure.yml'}++;
	my @command = ('ansible-playbook', '-i', 'localhost,', "$folder/secure.yml", '-e', "server_port=$port", '-e', "root=$root", '-e');
	my $changed = sub { return ($_[0] =~ /changed=(\d+)\s+unreachable=0\s+failed=0/)[0] // "failed: $_[0]" };
	my $before = $t->state;
	my ($ok, $output) = run_recipe([ @command, "folder=$t->{source}", '--check' ]);
	is($changed->($output), 1, 'check mode says that it would change');
	is_deeply($t->state, $before, 'and nothing has changed');

	my $holder = holder();
	my $from = -s $t->{node}->logfile;
	local %ENV = client_environment($folder);
	my $run = IPC::Run::start([ @command, "folder=$t->{source}" ], '<', \undef, '>&', \$output);
	ok(until_it_waits($run, $from), "somebody else's change is running");
	$holder->ask('ROLLBACK;');
	$holder->answer;
	$holder->quit;
	ok($run->finish, 'it waits, and succeeds') or diag $output;
	is($changed->($output), 1, 'changed');
	is(newest()->{state}, 'applied', 'and confirmed');
	($ok, $output) = run_recipe([ @command, "folder=$t->{source}" ]);
	is($changed->($output), 0, 'the second time');

	back();
	$t->sql("$enable, confirm_within => '1 hour')");
	($ok, $output) = run_recipe([ @command, "folder=$t->{other}" ]);
	ok(!$ok, 'a change of somebody else waits, and that is an error');
	like($output, qr/not confirmed yet|waits/, 'which says so');
	$t->sql('SELECT * FROM castssl_rollback()');
};

# ---- between client and server ----

my @mine;
END { kill 'TERM', @mine if @mine; }

subtest 'PgBouncer' => sub {
	local $ENV{PATH} = "$ENV{PATH}:/usr/sbin";
	plan skip_all => 'no pgbouncer' unless have('pgbouncer');
	$recipes{'secure-pgbouncer.sh'}++;
	my $listen = CastsslTest::free_port();
	spew("$folder/userlist.txt", qq{"postgres" "wonderland"\n});
	spew("$folder/pgbouncer.ini", <<"INI");
[databases]
postgres = host=localhost port=$port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $listen
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/userlist.txt
admin_users = postgres
server_tls_sslmode = prefer
logfile = $folder/pgbouncer.log
pidfile = $folder/pgbouncer.pid
INI
	is(system('pgbouncer', '-q', '-d', "$folder/pgbouncer.ini"), 0, 'pgbouncer starts');
	foreach (1 .. 1800) { last if -s "$folder/pgbouncer.pid"; Time::HiRes::sleep(0.1) }
	push @mine, slurp("$folder/pgbouncer.pid") + 0;
	my @targets = map { target('uri', host => '127.0.0.1', port => $listen, dbname => $_) } qw(postgres pgbouncer);
	my $through = sub { return run_recipe([ 'psql', '-XqAtw', '-v', 'VERBOSITY=verbose', '-d', $targets[0], '-c', $_[0] ]) };

	my ($ok, $output) = $through->("SELECT max(change_id) FROM castssl_enable(source_dir => '$t->{source}', confirm_within => '1 hour')");
	ok($ok, 'the call goes through it') or diag $output;
	($ok, $output) = $through->('SELECT castssl_confirm()');
	like($output, qr/55000.*castssl_no_proof/s, "a new connection is an old session of the server, and proves nothing");
	$t->sql('SELECT * FROM castssl_rollback()');

	($ok, $output) = run_recipe([ 'bash', "$folder/secure-pgbouncer.sh", @targets, $t->{source} ]);
	ok($ok, 'with RECONNECT it is a proof') or diag $output;
	like($output, qr/^changed \d+$/m, 'changed');
	is(newest()->{state}, 'applied', 'and confirmed');
	($ok, $output) = run_recipe([ 'bash', "$folder/secure-pgbouncer.sh", @targets, $t->{source} ]);
	is($output, "unchanged\n", 'the second time');
	back();
};

subtest 'HAProxy' => sub {
	local $ENV{PATH} = "$ENV{PATH}:/usr/sbin";
	plan skip_all => 'no haproxy' unless have('haproxy');
	$recipes{'haproxy.cfg'}++;
	# the recipe, with its ports, and beside it the check that HAProxy has itself
	my ($listen, $plain) = map { CastsslTest::free_port() } 1 .. 2;
	my $recipe = slurp("$folder/haproxy.cfg") =~ s/:5000/:$listen/r =~ s/:5432/:$port/r;
	spew("$folder/used.cfg", "global\n\tstats socket $folder/haproxy.sock mode 600\n$recipe\nlisten built-in\n\tbind 127.0.0.1:$plain\n"
		  . "\toption pgsql-check user postgres\n\tserver db1 127.0.0.1:$port check inter 1s fall 2 rise 1\n");
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>', "$folder/haproxy.log";
		open STDERR, '>&', \*STDOUT;
		exec 'haproxy', '-db', '-f', "$folder/used.cfg";
	}
	push @mine, $pid;
	my $is = sub {
		my ($wanted, $name) = @_;
		my $got = '';
		foreach (1 .. 1800)
		{
			require IO::Socket::UNIX;
			if (my $socket = IO::Socket::UNIX->new("$folder/haproxy.sock"))
			{
				print $socket "show stat\n";
				$got = join ' ', map { my @f = split /,/; ($f[1] // '') eq 'db1' ? "$f[0] " . ($f[17] =~ s/ .*//r) : () } <$socket>;
				last if $got eq $wanted;
			}
			Time::HiRes::sleep(0.1);
		}
		return is($got, $wanted, $name);
	};
	$is->('postgresql DOWN built-in UP', 'TLS is off');
	$t->sql("$enable)");
	$is->('postgresql UP built-in UP', 'TLS is on, plaintext allowed');
	my $change = $t->sql("SELECT max(change_id) FROM castssl_enable(plaintext => 'block', confirm_within => '1 hour', force => true)");
	$is->('postgresql UP built-in DOWN', 'plaintext blocked');
	like(slurp($t->{node}->logfile), qr/could not accept SSL connection/, 'a check leaves a line in the log');
	my ($ok, $output) = run_recipe([ 'psql', '-XqAtw', '-d', target('uri', %verified, port => $listen), '-c', "SELECT castssl_confirm($change)" ]);
	is($output, "$change\n", 'a confirmation through it is a proof');
	kill 'TERM', $pid;
	waitpid $pid, 0;
	@mine = grep { $_ != $pid } @mine;
	back();
};

# ---- jobs ----

subtest 'pg_cron' => sub {
	chomp(my $library = `pg_config --pkglibdir`);
	plan skip_all => 'this server has no pg_cron' unless -e "$library/pg_cron.so";
	$recipes{'renew.sql'}++;
	my $renew = slurp("$folder/renew.sql");
	# that connects, by the socket; and that starts workers
	my ($cron, $workers) = map {
		my ($name, $setting) = @$_;
		my $server = CastsslTest->new($name, start => 0);
		$server->{node}->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\n$setting\n");
		$server->start;
		$server->sql("CREATE EXTENSION IF NOT EXISTS $_") foreach qw(pg_castssl pg_cron);
		$server;
	} [ 'cron', "cron.host = ''" ], [ 'workers', 'cron.use_background_workers = on' ];
	# what fails behind the call is taken back; one of the two jobs waits for the other
	$cron->sql(q{SELECT cron.schedule('fails', '* * * * *', $$SET lock_timeout = '60s'; SELECT count(*) FROM castssl_enable(plaintext => 'block', source_dir => '}
		  . $cron->{source} . q{', force => true); SELECT 1/0$$)});
	$cron->sql($renew =~ s{/etc/postgresql/tls}{$cron->{source}}r);
	$workers->enable(source_dir => $t->{other});
	$workers->sql($renew =~ s{'/etc/postgresql/tls'}{'$t->{other}', plaintext => 'block'}r =~ s/'renew'/'asks'/r);
	$workers->sql($renew =~ s{/etc/postgresql/tls}{$workers->{source}}r);
	my @runs = map {
		my $server = $_;
		foreach (1 .. 3000)
		{
			last if $server->sql(q{SELECT count(DISTINCT jobid) FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')}) == 2;
			Time::HiRes::sleep(0.1);
		}
		$server->sql('SELECT cron.unschedule(jobid) FROM cron.job');
		$server->settle;
		$server->rows('SELECT DISTINCT ON (jobid) status, return_message FROM cron.job_run_details ORDER BY jobid, runid');
	} $cron, $workers;
	is_deeply([ map { $_->{status} } @{ $runs[0] } ], [ 'failed', 'succeeded' ], 'one job fails, the other does not') or diag explain $runs[0];
	like($runs[0][0]{return_message}, qr/division by zero/, 'behind its call');
	is($cron->sql('SHOW ssl'), 'on', 'what was committed stays');
	unlike($cron->hba, qr/castssl/, 'what was not is taken back');
	is($cron->served, $cron->pki->fingerprint('server.crt'), 'the certificate of the folder');

	is_deeply([ map { $_->{status} } @{ $runs[1] } ], [ 'failed', 'succeeded' ], 'background workers: the same') or diag explain $runs[1];
	like($runs[1][0]{return_message}, qr/nobody can know whether the caller would be refused/, 'one is refused');
	is($workers->served, $workers->pki->fingerprint('server.crt'), 'the other renews');
	$_->stop foreach $cron, $workers;
};

is_deeply([ grep { !$recipes{$_} } sort keys %recipes ], [], 'every recipe was run') unless grep { !$_->{ok} || $_->{type} eq 'skip' } Test::More->builder->details;
my %reasons = map { $_ => 1 } slurp("$FindBin::RealBin/../docs/reference.md") =~ /^\| `(castssl_\w+)` \|/mg;
is_deeply([ grep { !$reasons{$_} } $document =~ /^\| \d+ \| `(castssl_\w+)` \|/mg, $document =~ /55000, `(castssl_\w+)`/g ], [], 'its reasons are those of the reference');
is(scalar keys %recipes, 13, 'recipes of the documents');
$t->stop;
done_testing();
