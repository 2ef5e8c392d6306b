# Two callers at once, and calls that are cancelled, timed out or terminated in the middle:
# one at a time, and old or new, never between.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;
use Time::HiRes qw(time usleep);

# Preloaded, so that no worker is started for a call while the postmaster is stopped.
my $t = CastsslTest->new('concurrent', conf => "shared_preload_libraries = 'pg_castssl'");
my $pki = $t->{pki};
*wait_until = \&CastsslTest::wait_until;
my $hba = $t->hba;
my $call = "SELECT count(*) > 0 FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', plaintext => 'block')";
my ($postmaster) = $t->slurp("$t->{data}/postmaster.pid") =~ /^(\d+)/;

# Sessions from before, for a stopped postmaster takes no new ones.
my ($first, $second) = ($t->session, $t->session);

# Files, parameters, pg_hba.conf and what is served must tell one story; returns 'old' or 'new'.
sub story
{
	$t->settle;
	my $new = $t->hba ne $hba;
	my $auto = $t->slurp("$t->{data}/postgresql.auto.conf");
	my %story = (
		ssl => $t->sql('SHOW ssl') eq 'on',
		served => $t->served eq $pki->fingerprint('server.crt'),
		'ssl in postgresql.auto.conf' => scalar($auto =~ /^ssl = 'on'/m),
		'ssl_ca_file in postgresql.auto.conf' => scalar($auto =~ /^ssl_ca_file/m),
		'loaded rules' =>
		  $t->sql("SELECT count(*) FROM pg_hba_file_rules WHERE options::text LIKE '%clientcert%'") > 0);
	my @other = grep { !!$story{$_} != !!$new } sort keys %story;
	return 'between: ' . ($new ? 'new' : 'old') . ' pg_hba.conf, but not ' . join(', ', @other) if @other;
	return $new ? 'new' : 'old';
}

# A call that hangs, because the postmaster stands still: first where it asks what is served now,
# then, after castssl.verify_timeout and with everything written, in its reload.
sub hanging_call
{
	my ($session, $before, $middle) = @_;
	kill STOP => $postmaster;
	$session->ask($before . $call . ';');
	if ($middle)
	{
		ok(wait_until(sub { $t->hba ne $hba }), 'a call is in the middle');
	}
	else
	{
		ok(
			wait_until(
				sub {
					$second->ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = $session->{pid};");
					return $second->answer > 0;
				}),
			'a call is on its way');
	}
	return;
}

# --- a second caller gets 55P03 at once, with the pid of the first

hanging_call($first, "SET castssl.verify_timeout = '10min'; ");
$second->ask("$call;");
my $answer = $second->answer;
like($answer, qr/ERROR:  55P03/, 'a second caller: 55P03');
like($answer, qr/DETAIL:.*\b$first->{pid}\b/, 'a second caller: who is at it');
$second->ask("SELECT count(*) FROM castssl_disable();");
like($second->answer, qr/ERROR:  55P03/, 'castssl_disable at the same time: 55P03');
$second->ask("SET castssl.verify_timeout = '1s'; SELECT 'status', ssl IS NOT NULL FROM castssl_status();");
like($second->answer, qr/^status\|t$/m, 'castssl_status takes no lock');
$second->ask("SELECT 'checks', count(*) > 40 FROM castssl_check(include_ok => true);");
like($second->answer, qr/^checks\|t$/m, 'nor does castssl_check');
my $dry = "SELECT 'dry', count(*) > 0 FROM castssl_enable(source_dir => '$t->{source}', dry_run => true)";
$second->ask("$dry;");
like($second->answer, qr/ERROR:  55P03/, 'a dry run beside it, which would see half of it: 55P03');
$second->ask('SELECT * FROM castssl_reload();');
like($second->answer, qr/ERROR:  55P03/, 'castssl_reload() beside it, which would load half of it: 55P03');
$second->ask("SET lock_timeout = '100ms'; $dry;");
like($second->answer, qr/ERROR:  55P03.*lock_timeout/s, 'the HINT names lock_timeout, which ends');
$second->ask("RESET castssl.verify_timeout; SET lock_timeout = '300s'; $call;");
kill CONT => $postmaster;
is($first->answer, "t\n", 'the first caller ends well');
is($second->answer, "t\n", 'with a lock_timeout the second waits for it, and is next');
$second->ask('RESET lock_timeout;');
$second->answer;

my @dry = map { $t->session } 1 .. 5;
$_->ask("$dry;") foreach @dry;
is(scalar(grep { /^dry\|t$/m } map { $_->answer } @dry), 5, 'five dry runs at once');
$_->quit foreach @dry;
is(story(), 'new', 'the first caller: new');
$t->disable;
is(story(), 'old', 'disabled: old');

# --- the lock holds in every database of the cluster

$t->sql('CREATE DATABASE other');
$t->sql('CREATE EXTENSION pg_castssl', database => 'other');
my $elsewhere = $t->session(database => 'other');
hanging_call($first, "SET castssl.verify_timeout = '10min'; ");
$elsewhere->ask("$call;");
like($elsewhere->answer, qr/ERROR:  55P03/, 'from another database: 55P03');
kill CONT => $postmaster;
is($first->answer, "t\n", 'the first caller ends well again');
$elsewhere->quit;
$t->disable;

# --- the lock is gone with its holder's error

$t->fails("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{folder}/nowhere')", '58P01', 'a call that fails');
$t->enable(source_dir => $t->{source});
$t->disable;

# --- query cancel in the middle

my $briefly = "SET castssl.verify_timeout = '10s'; ";
hanging_call($first, $briefly, 'middle');
$second->ask("SELECT pg_cancel_backend($first->{pid});");
is($second->answer, "t\n", 'cancelled');
usleep(300_000);
kill CONT => $postmaster;
like($first->answer, qr/^t$|ERROR:  5(7014|8000)/m, 'query cancel: an error, or done before');
like(story(), qr/^(old|new)$/, 'query cancel: old or new');
$t->disable;
is(story(), 'old', 'query cancel: castssl_disable works afterwards');

# --- statement_timeout in the middle

# With seconds to spare on both sides: the first handshake takes all of verify_timeout.
my $asked = time;
hanging_call($first, "SET castssl.verify_timeout = '12s'; SET statement_timeout = '20s'; ", 'middle');
my $left = $asked + 20.5 - time;
usleep(1_000_000 * $left) if $left > 0;
kill CONT => $postmaster;
like($first->answer, qr/^t$|ERROR:  5(7014|8000)/m, 'statement_timeout: an error, or done before');
$first->ask('RESET statement_timeout;');
$first->answer;
like(story(), qr/^(old|new)$/, 'statement_timeout: old or new');
$t->disable;

# --- pg_terminate_backend in the middle

my $victim = $t->session;
hanging_call($victim, $briefly, 'middle');
$second->ask("SELECT pg_terminate_backend($victim->{pid});");
is($second->answer, "t\n", 'terminated');
usleep(300_000);
kill CONT => $postmaster;
$victim->answer;
ok(wait_until(sub { $t->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $victim->{pid}") eq '0' }), 'the session is gone');
like(story(), qr/^(old|new)$/, 'terminated: old or new');
$t->disable;
is(story(), 'old', 'terminated: castssl_disable works afterwards');

# --- a change that cannot be proven in time: 58000, and undone

hanging_call($first, "SET castssl.verify_timeout = '3s'; ", 'middle');
$answer = $first->answer;
kill CONT => $postmaster;
like($answer, qr/ERROR:  58000/, 'not proven in time: 58000');
like($answer, qr/DETAIL:/, 'not proven in time: a DETAIL');
is($t->hba, $hba, 'not proven in time: pg_hba.conf as before');
ok(wait_until(sub { story() eq 'old' }), 'not proven in time: old');
$first->ask('RESET castssl.verify_timeout;');
$first->answer;

# --- statement_timeout at many instants of an unhindered call

my %seen;
my $began = time;
$t->sql($call);
my $duration = 1000 * (time - $began);
$t->disable;
foreach my $instant (1 .. 30)
{
	my $milliseconds = 1 + int(1.2 * $duration * $instant / 30);
	my (undef, $out, $err) = $t->psql("SET statement_timeout = $milliseconds; $call", on_error_stop => 0);
	my $story = story();
	$seen{$story}++;
	if ($story !~ /^(old|new)$/)
	{
		fail("statement_timeout $milliseconds ms: $story");
		diag $err;
		last;
	}
	$t->disable if $story eq 'new';
}
is(join(' ', sort keys %seen), join(' ', grep { /^(old|new)$/ } sort keys %seen),
	'statement_timeout at 30 instants: old or new') or diag explain \%seen;
note explain \%seen;
$t->enable(source_dir => $t->{source}, plaintext => 'block');
is(story(), 'new', 'and a call without one works');
$t->disable;

# --- many callers at once: one succeeds or all in turn, and the end is whole

{
	my @sessions = map { $t->session } 1 .. 6;
	$_->ask("$call;") foreach @sessions;
	my @answers = map { $_->answer } @sessions;
	is(scalar(grep { !/^t$|ERROR:  55P03/m } @answers), 0, 'six callers: done, or 55P03') or diag @answers;
	cmp_ok(scalar(grep { /^t$/m } @answers), '>=', 1, 'six callers: at least one is done');
	is(story(), 'new', 'six callers: new');
	$_->quit foreach @sessions;
	$t->disable;
}

# --- castssl_reload() asks for the passphrase, and meanwhile a change begins: it loads no half of it

{
	my ($folder, $hold) = ($pki->source("$t->{folder}/encrypted", 'server.key' => 'server-encrypted.key'), "$t->{folder}/hold");
	# where the file is there, the command takes it away and waits
	$t->write("$hold.sh", "if rm $hold 2>/dev/null; then until [ -e $hold.on ]; do sleep 0.1; done; fi; echo 'open sesame'\n");
	$t->sql("ALTER SYSTEM SET $_") foreach "ssl_passphrase_command = 'sh $hold.sh'", 'ssl_passphrase_command_supports_reload = on';
	$t->reload;
	$t->enable(source_dir => $folder);
	my $before = $t->hba;
	$first->ask('SELECT 1;');
	$first->answer;    # an idle session reads the file only now, and would take the next value as loaded
	$t->sql('ALTER SYSTEM SET ssl_prefer_server_ciphers = off');
	$t->write($hold, '');
	$first->ask('SELECT reloaded FROM castssl_reload();');
	ok(wait_until(sub { !-e $hold }), 'castssl_reload() asks for the passphrase');
	$second->ask("BEGIN; $call;");
	is($second->answer, "t\n", 'a change begins');
	$t->write("$hold.on", '');
	$answer = $first->answer;
	like($answer, qr/ERROR:  55P03.*DETAIL:.*\b$second->{pid}\b/s, 'castssl_reload() loads no half of it: 55P03');
	my ($end) = $answer =~ /To end that change, and take it back: (SELECT pg_terminate_backend\($second->{pid}\);)$/m;
	ok($end, 'and how to end it') or diag $answer;
	$t->sql($end // 'none');
	ok(wait_until(sub { $t->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $second->{pid}") eq '0' }), 'typed, it ends');
	$t->settle;
	is($t->sql('SELECT reloaded FROM castssl_reload()'), 't', 'and castssl_reload() reloads');
	is($t->hba, $before, 'the change is taken back');
}
$first->quit;
$t->stop;

done_testing();
