# The worker among the server's processes, and what calls do to others: barriers, terminations, backends that ignore a reload.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;
use Time::HiRes qw(usleep);

*wait_until = \&CastsslTest::wait_until;

# A statement that must come to its end; what hangs is cancelled after a minute, which it need not notice.
sub returns
{
	my ($t, $sql, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ok, $out, $err) = $t->psql("SET statement_timeout = '60s'; $sql");
	return ok($ok, $name) || diag $err;
}

sub workers
{
	my ($t) = @_;
	return $t->rows(q{SELECT pid, state, wait_event_type, query FROM pg_stat_activity WHERE backend_type = 'pg_castssl'});
}

sub states
{
	my ($t) = @_;
	return $t->sql("SELECT string_agg(state, ',' ORDER BY change_id) FROM castssl_changes()");
}

my $major = 0;

# --- barriers, for 15 and later: DROP DATABASE waits until each process has answered

sub answers_barriers
{
	my ($t, $name, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	returns($t, 'CREATE DATABASE gone; DROP DATABASE gone', "$name: DROP DATABASE");
	# a standby on this machine would use the same folder
	return unless $options{tablespace};
	my $space = CastsslTest::temporary_folder();
	$t->psql("CREATE TABLESPACE elsewhere LOCATION '$space'");
	$t->psql('CREATE DATABASE moves');
	returns($t, 'ALTER DATABASE moves SET TABLESPACE elsewhere; ALTER DATABASE moves SET TABLESPACE pg_default', "$name: SET TABLESPACE");
	$t->psql($_) for 'DROP DATABASE moves', 'DROP TABLESPACE elsewhere';
	return;
}

my $t = CastsslTest->new('workers', streaming => 1, conf => "shared_preload_libraries = 'pg_castssl'");
$major = int($t->sql('SHOW server_version_num') / 10000);
my $standby = $t->from_backup('workers_standby', standby => 1);
$standby->start;
my $hba = $t->hba;

answers_barriers($t, 'preloaded');
$standby->enable(source_dir => $standby->{source}, confirm_within => '10 min');
$t->enable(source_dir => $t->{source}, confirm_within => '10 min');
is(scalar @{ workers($t) }, 1, 'preloaded: one worker watches, and no other');
answers_barriers($t, 'preloaded, a change waits');
my $lsn = $t->sql('SELECT pg_current_wal_lsn()');
ok(wait_until(sub { $standby->sql("SELECT pg_last_wal_replay_lsn() >= '$lsn'") eq 't' }), 'a standby on which a change waits replays them');
my $worker;
ok(wait_until(sub { ($worker) = @{ workers($t) }; $worker->{state} eq 'idle' && length($worker->{wait_event_type} // '') }), 'a waiting worker is idle, and waits for an event')
  or diag explain $worker;
like($worker->{query}, qr/^waiting for castssl_confirm/, 'and says for what');
my $check = "SELECT message || ': ' || hint FROM castssl_check() WHERE check_name = 'changes'";
like($t->sql($check), qr/^waits to be confirmed, and will be undone at .*: To keep it, as a superuser in a new connection of the kind that clients will use: SELECT castssl_confirm\(\d+\);$/, 'castssl_check() says so, and how it is kept');
if ($major >= 14)
{
	$t->sql("SELECT pg_log_backend_memory_contexts($worker->{pid})");
	ok(wait_until(sub { $t->slurp($t->{node}->logfile) =~ /\[$worker->{pid}\].*TopMemoryContext/ }), 'it logs its memory contexts');
}
$standby->confirm;
$standby->stop;
answers_barriers($t, 'preloaded, without a standby', tablespace => 1);

# --- it is terminated, and comes back; the deadline stays

$t->sql("SELECT pg_terminate_backend($worker->{pid})");
ok(wait_until(sub { my $other = workers($t)->[0]; $other && $other->{pid} != $worker->{pid} && $other->{query} =~ /^waiting/ }), 'terminated, it comes back to wait');
is(states($t), 'unconfirmed', 'and the change waits on');
$t->sql("SELECT castssl_postpone('1 s')");
ok(wait_until(sub { states($t) eq 'expired' }), 'until its deadline');
is($t->hba, $hba, 'undone');

# --- a session that ends in the middle: who watches looks at each change that begins

sub failing
{
	my (%options) = @_;
	# the postmaster accepts, and its child says nothing for three seconds: no proof within one
	return join ' ', $options{set} // '', "SET castssl.verify_timeout = '1s';", "SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', plaintext => 'block', force => true)";
}
$t->sql('ALTER SYSTEM SET pre_auth_delay = 3');
$t->reload;
foreach my $mode ('preloaded', 'not preloaded')
{
	if ($mode eq 'not preloaded')
	{
		$t->sql('ALTER SYSTEM SET shared_preload_libraries = DEFAULT');
		# of 0.1.0's days
		my $conf = $t->slurp('postgresql.conf');
		$conf =~ s/^shared_preload_libraries.*$//m;
		$t->write('postgresql.conf', $conf);
		$t->restart;
	}
	my ($ok, undef, $err) = $t->psql(failing(set => 'SET exit_on_error = on;'));
	ok(!$ok, "$mode: a change that fails with exit_on_error = on");
	like($err, qr/FATAL: .*the change did not take effect/, "$mode: which ends the session");
	ok(wait_until(sub { $t->hba eq $hba }), "$mode: is undone though nobody calls");
	is($t->sql('SHOW ssl'), 'off', "$mode: TLS, too");
}
my $session = $t->session;
$session->ask(failing() . ';');
like($session->answer, qr/ERROR: .*the change did not take effect/, 'a change that fails');
$session->ask("SET statement_timeout = '100ms'; SELECT pg_sleep(60);");
like($session->answer, qr/canceling statement due to statement timeout/, 'after it a session can be cancelled');
$session->ask('SELECT pg_sleep(60);');
ok(wait_until(sub { $t->sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $session->{pid}") ne 't' }), 'and terminated');
$t->sql('ALTER SYSTEM RESET pre_auth_delay');
$t->reload;

# --- while a change is being proven others need not wait for it

$t->sql('ALTER SYSTEM SET pre_auth_delay = 5');
$t->reload;
my $changing = $t->session;
$changing->ask("SET castssl.verify_timeout = '60s'; SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}');");
ok(wait_until(sub { $t->served ne 'x' && $t->sql('SHOW ssl') eq 'on' }), 'a change that is being proven');
returns($t, 'CREATE DATABASE beside; DROP DATABASE beside', 'DROP DATABASE beside it');
like($changing->answer, qr/^\d+$/m, 'and it is proven in the end');
$t->sql('ALTER SYSTEM RESET pre_auth_delay');
$t->reload;

# --- not preloaded: readers start no worker; who may sees to it, and there is one

$t->disable;
$t->enable(source_dir => $t->{source}, confirm_within => '10 min');
# that of the change before may be on its way out
ok(wait_until(sub { @{ workers($t) } == 1 }), 'not preloaded: one worker');
$t->restart;
$t->sql('CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
foreach my $reader (qw(castssl_status() castssl_changes() castssl_certificates() castssl_hba_rules() castssl_check() castssl_fingerprint()))
{
	my ($ok, undef, $err) = $t->psql("SELECT count(*) FROM $reader", user => 'monitor');
	ok($ok, "$reader by pg_monitor") or diag $err;
	like($err, qr/WARNING: .*waits to be confirmed\nDETAIL:  No worker watches it since the server was restarted/, "$reader says that nobody watches") unless $reader =~ /check/;
}
like($t->sql($check, user => 'monitor'), qr/no worker watches it since the server was restarted: SELECT \* FROM castssl_changes\(\); by a superuser starts the worker that undoes it then\.$/, 'castssl_check() in a row, and who does what');
is(scalar @{ workers($t) }, 0, 'readers start nothing');
my @sessions = map { $t->session } 1 .. 4;
$_->ask('SELECT count(*) > 0 FROM castssl_changes();') foreach @sessions;
$_->answer, $_->quit foreach @sessions;
is(scalar @{ workers($t) }, 1, 'four superusers at once start one');
answers_barriers($t, 'not preloaded, a change waits', tablespace => 1);
$t->sql('DROP EXTENSION pg_castssl');
is(scalar @{ workers($t) }, 1, 'DROP EXTENSION: it watches on');
$t->sql('CREATE EXTENSION pg_castssl');
$t->sql("SELECT castssl_postpone('2 s')");
$t->sql('DROP EXTENSION pg_castssl');
ok(wait_until(sub { $t->slurp($t->{node}->logfile) =~ /LOG:  pg_castssl: change \d+ \(enable by postgres\) was undone: nobody confirmed it in time\n(?!.*was undone)/s && $t->sql('SHOW ssl') eq 'off' }), 'and undoes the change, and logs it');
$t->sql('CREATE EXTENSION pg_castssl');
ok(wait_until(sub { @{ workers($t) } == 0 }), 'then it goes');

# --- a worker that does not come up: refused before anything is written, and not tried for ever

{
	# which has loaded the library before: functions are found by dynamic_library_path, too
	my $session = $t->session;
	my $ask = sub { $session->ask("@_;"); return $session->answer };
	my $enable = "castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', plaintext => 'block'";
	my $count = 'SELECT count(*) FROM castssl_changes()';
	$ask->("SELECT count(*) FROM $enable, dry_run => true)");
	my $changes = $ask->($count);
	$t->sql("ALTER SYSTEM SET dynamic_library_path = '/no/such/folder'");
	$t->reload;
	$hba = $t->hba;
	like($ask->("SELECT count(*) FROM $enable, confirm_within => '10 min')"),
		qr/^ERROR:  55000: no background worker could be started to undo the change\nDETAIL:  The worker was registered, but did not start\.\nHINT:  The server's log says why\.  Without confirm_within no worker is needed\.$/m,
		'a worker whose library is not there');
	is($t->hba, $hba, 'nothing has changed');
	is($ask->($count), $changes, 'nothing is in the journal');
	my $exits = sub { my @lines = $t->slurp($t->{node}->logfile) =~ /background worker "pg_castssl" .*exited with exit code 1/g; return scalar @lines };
	# the postmaster tells us before it logs
	ok(wait_until(sub { $exits->() > 0 }), 'the log says that it came to an end');
	my $seen = $exits->();
	usleep(5_000_000);
	is($exits->(), $seen, 'and nobody tries again');
	$t->sql('ALTER SYSTEM RESET dynamic_library_path');
	$t->reload;
	is($ask->("SELECT count(*) > 0 FROM $enable)"), "t\n", 'typed: without confirm_within');
	$session->quit;
	$t->disable(force => 'true');
	$hba = $t->hba;
}

# --- the role that made the cluster need not be a superuser, up to 15

$t->sql('CREATE ROLE boss LOGIN SUPERUSER');
SKIP:
{
	skip 'it must be one from 16 on', 2 if $major >= 16;
	$t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '2 s');
	$t->sql('ALTER ROLE postgres NOSUPERUSER', user => 'boss');
	ok(wait_until(sub { $t->hba eq $hba }), 'undone where the first role is no superuser');
	ok(wait_until(sub { $t->sql("SELECT count(*) FROM castssl_changes() WHERE state = 'unconfirmed'", user => 'boss') eq '0' }), 'and done with');
	$t->sql('ALTER ROLE postgres SUPERUSER', user => 'boss');
}

# --- in somebody's background worker, which ignores SIGHUP

{
	$t->make_background_worker;
	$t->sql('CREATE TABLE seen (problem text)');
	$t->sql(q{SELECT run_in_background('INSERT INTO seen SELECT problem FROM castssl_reload()')});
	is($t->sql(q{SELECT count(*) || ' ' || coalesce(max(problem), 'none') FROM seen}), '1 none', 'castssl_reload() in a background worker that ignores SIGHUP');
	$t->sql(qq{CREATE FUNCTION renew() RETURNS void LANGUAGE SQL AS \$\$ SELECT castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', plaintext => 'block', force => true) \$\$});
	$t->sql(q{SELECT run_in_background('SELECT renew()')});
	is($t->sql("SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1"), 'applied', 'castssl_enable() there');
	isnt($t->served, 'none', 'and it is served');
	$t->disable;
}
$t->stop;

# --- a name service that does not answer

SKIP:
{
	my $library = CastsslTest::temporary_folder() . '/slow_lookup.so';
	skip 'there is no LD_PRELOAD here', 6 if $^O ne 'linux';
	skip 'the runtime of the sanitizers is preloaded instead', 6 if $ENV{CASTSSL_SANITIZED};
	is(system('gcc', '-shared', '-fPIC', '-o', $library, "$FindBin::RealBin/lib/slow_lookup.c", '-ldl'), 0, 'a library that looks names up slowly');
	local $ENV{LD_PRELOAD} = $library;
	$t->start;
	delete $ENV{LD_PRELOAD};
	$t->set_hba($t->hba . "host app all db.slow.invalid trust\n");
	$t->sql("LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.verify_timeout = '1s'");
	$t->reload;
	my $explain = "SELECT verdict FROM castssl_hba_explain('app', 'alice', '192.0.2.1')";
	isnt($t->sql($explain), '', 'a host name that is looked up in vain: an answer all the same');
	$t->fails("SET castssl.verify_timeout = '10min'; SET statement_timeout = '1s'; $explain", '57014', 'and a statement_timeout ends the wait', no_detail => 1);
	my $waiting = $t->session;
	$waiting->ask("SET castssl.verify_timeout = '10min'; $explain;");
	ok(wait_until(sub { $t->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $waiting->{pid} AND state = 'active'") eq '1' }), 'a session that waits');
	returns($t, 'CREATE DATABASE beside; DROP DATABASE beside', 'DROP DATABASE beside it');
	is($t->sql("SELECT pg_terminate_backend($waiting->{pid})"), 't', 'and it can be terminated');
	$t->stop;
}

done_testing();
