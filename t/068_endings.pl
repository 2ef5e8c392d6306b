# A change whose proof waits: interrupts come in. Others need not wait for it, and however it ends before it is proven, it
# is undone: by a cancel, a termination, the end of its database, a shutdown; with and without the worker, on a standby.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;
*wait_until = \&CastsslTest::wait_until;

my $observer;    # a session that is there already, for new ones are kept waiting

sub see
{
	my ($sql) = @_;
	$observer->ask("$sql;");
	return $observer->answer =~ s/\n\z//r;
}

# A session in a call that has switched its files, and waits for its own handshake, which takes half a minute. Option
# delay: other seconds.
sub proving
{
	my ($t, %options) = @_;
	my $session = $t->session(database => $options{database} // 'postgres');
	$observer->delay($options{delay} // 30);
	$session->ask("SET castssl.verify_timeout = '10min'; SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}', plaintext => 'block', force => true"
		  . ($options{confirm_within} ? ", confirm_within => '$options{confirm_within}'" : '') . ');');
	ok(wait_until(sub { see('SHOW ssl') eq 'on' && see("SELECT count(*) FROM pg_stat_activity WHERE pid = $session->{pid} AND wait_event_type = 'Extension'") eq '1' }),
		'a change that is being proven');
	return $session;
}

sub undone
{
	my ($t, $before, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(wait_until(sub { $t->hba eq $before && see('SHOW ssl') eq 'off' && see('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1') eq 'failed' }),
		"$name: all is undone, and said so");
	ok(wait_until(sub { see("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = x'63617374'::int AND objsubid = 3") eq '0' }), "$name: nobody holds the lock");
	unlike($t->slurp($t->{node}->logfile), qr/PANIC|TRAP|terminated by signal/, "$name: nothing crashed");
	return;
}

sub endings
{
	my ($t, $kind) = @_;
	my $before = $t->hba;
	my $major = int($t->sql('SHOW server_version_num') / 10000);

	# --- others

	# until all that is asked meanwhile is answered; a shutdown waits as long
	my $session = proving($t, delay => $ENV{CASTSSL_SANITIZED} ? 60 : 40);
	if ($kind !~ /standby/)
	{
		like(see('CREATE DATABASE beside') . see('DROP DATABASE beside'), qr/^\s*$/, "$kind: DROP DATABASE beside it");
	}
	if ($major >= 14)
	{
		see("SELECT pg_log_backend_memory_contexts($session->{pid})");
		ok(wait_until(sub { $t->slurp($t->{node}->logfile) =~ /\[$session->{pid}\].*TopMemoryContext/ }), "$kind: it logs its memory contexts");
	}
	see("SET castssl.verify_timeout = '1s'");
	is(see("SELECT message FROM castssl_check() WHERE check_name = 'changes'"), 'is being applied', "$kind: castssl_check() tells it from one that was interrupted");
	is(see("SELECT state FROM pg_stat_activity WHERE pid = $session->{pid}"), 'active', "$kind: and it is being proven still");

	# --- a cancel

	$observer->delay(0);
	is(see("SELECT pg_cancel_backend($session->{pid})"), 't', "$kind: a cancel during the proof");
	like($session->answer, qr/ERROR:  57014: canceling statement due to user request\nDETAIL:  Everything is as it was before\./, "$kind: is answered, with what came of it");
	undone($t, $before, "$kind, cancel");
	$session->ask("SET statement_timeout = '100ms'; SELECT pg_sleep(60);");
	like($session->answer, qr/canceling statement due to statement timeout/, "$kind: the session goes on, and can be cancelled again");
	$session->quit;

	# --- a cancel, and a termination while it is undone: what is served then is not known for half a minute

	$session = proving($t);
	see("SELECT pg_cancel_backend($session->{pid})");
	ok(wait_until(sub { $t->hba eq $before }), "$kind: cancelled, and being undone");
	see("SELECT pg_terminate_backend($session->{pid})");
	$session->answer;
	like($session->{out}, qr/FATAL:  57P01/, "$kind: terminated meanwhile, the session ends");
	$session->quit;
	undone($t, $before, "$kind, cancel and termination");
	$observer->delay(0);

	# --- a termination

	foreach my $confirm (undef, '10 min')
	{
		my $name = $kind . ', ' . ($confirm ? 'to be confirmed' : 'for good');
		$session = proving($t, confirm_within => $confirm);
		is(see("SELECT pg_terminate_backend($session->{pid})"), 't', "$name: a termination during the proof");
		is($session->answer, undef, "$name: ends the session");
		like($session->{out}, qr/FATAL:  57P01/, "$name: as it ends any");
		$session->quit;
		undone($t, $before, "$name, termination");
		$observer->delay(0);
	}
	return if $kind =~ /standby/;

	# --- its database goes away

	if ($major >= 13)
	{
		$t->sql('CREATE DATABASE goes');
		$t->sql('CREATE EXTENSION pg_castssl', database => 'goes');
		$session = proving($t, database => 'goes');
		# which waits five seconds for the session; that one may need longer to undo its change
		ok(wait_until(sub { see('DROP DATABASE IF EXISTS goes WITH (FORCE)') !~ /ERROR/ }), "$kind: DROP DATABASE of its own, by force");
		$session->quit;
		undone($t, $before, "$kind, DROP DATABASE");
		$observer->delay(0);
	}
	return;
}

my $t = CastsslTest->new('endings', streaming => 1);
my $standby = $t->from_backup('endings_standby', standby => 1);
$observer = $t->session;
endings($t, 'not preloaded');

# --- a shutdown: the files are put back before the server is gone

foreach my $moment ('during the proof', 'in the transaction of a change')
{
	my $before = $t->hba;
	my $session;
	if ($moment =~ /proof/) { $session = proving($t) }
	else
	{
		$session = $t->session;
		$session->ask("BEGIN; SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}', plaintext => 'block', force => true);");
		like($session->answer, qr/^\d+$/m, 'a change in a transaction');
		is($t->sql("SELECT message FROM castssl_check() WHERE check_name = 'changes'"), 'belongs to a transaction that has not ended', 'of which castssl_check() tells');
	}
	isnt($t->hba, $before, 'pg_hba.conf is switched');
	$observer->quit;
	$t->stop;
	$session->quit;
	is($t->hba, $before, "a fast shutdown $moment: pg_hba.conf is as it was");
	unlike($t->slurp('postgresql.auto.conf'), qr/ssl/, 'and so are the parameters');
	unlike($t->slurp($t->{node}->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
	(my $conf = $t->slurp('postgresql.auto.conf')) =~ s/^pre_auth_delay.*$//m;
	$t->write('postgresql.auto.conf', $conf);
	$t->start;
	like($t->sql('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1'), qr/^(failed|rolled back)$/, 'and the journal says so');
	$observer = $t->session;
}
$observer->quit;

# --- on a standby, in whose place somebody else writes the log that it replays

$standby->start;
$observer = $standby->session;
endings($standby, 'standby');
$observer->quit;
$standby->stop;

# --- with the worker

$t->{node}->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_castssl'\n");
$t->restart;
$observer = $t->session;
endings($t, 'preloaded');
$observer->quit;
$t->stop;

done_testing();
