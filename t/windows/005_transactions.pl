# Changes and their transactions on a server for Windows: COMMIT keeps, everything else takes back; a proof
# is wanted, nobody is cut off by accident, and what a program needs is in rows and fields.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('transactions');
my $source = CastsslWindows::path_of($t->{source});
my $enable = "SELECT count(*) FROM castssl_enable(source_dir => '$source', clientcert => 'none')";
my $before;

sub story
{
	return { hba => $t->hba, served => $t->served, files => [ sort map { s{.*/}{}r } glob "$t->{data}/*.crt $t->{data}/*.key" ],
		parameters => [ sort $t->slurp('postgresql.auto.conf') =~ /^ssl.*/mg ] };
}

# What castssl_changes() says of the newest one, when no change is open.
sub newest
{
	$t->settle(user => 'looker');
	return $t->rows('SELECT * FROM castssl_changes() ORDER BY change_id DESC LIMIT 1')->[0];
}

sub taken_back
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $change = newest();
	is($change->{state}, 'rolled back', "$name: the worker takes it back");
	like($change->{reason}, qr/its transaction did not commit/, "$name: the reason is kept");
	is_deeply(story(), $before, "$name: all is as it was");
	return;
}

# a monitoring role only looks, and takes nothing back
$t->sql('CREATE ROLE looker LOGIN IN ROLE pg_monitor');
$t->set_hba("host all looker 127.0.0.1/32 trust\n" . $t->hba);
$t->sql($enable);
$t->disable(force => 'true');
$before = story();

# --- what takes a change back

my %ends = (
	'ROLLBACK' => "BEGIN; $enable; ROLLBACK",
	'an error later in the transaction' => "BEGIN; $enable; SELECT 1/0",
	'an error in the same statement' => $enable =~ s{count\(\*\)}{count(*) / (count(*) - count(*))}r,
	'ROLLBACK TO' => "BEGIN; SAVEPOINT a; $enable; ROLLBACK TO a; COMMIT",
	'a session that is terminated' => "BEGIN; $enable; SELECT pg_terminate_backend(pg_backend_pid())");
foreach my $name (sort keys %ends)
{
	$t->psql($ends{$name});
	taken_back($name);
}

# --- in effect before COMMIT, and kept by it

my $session = $t->session;
$session->ask("BEGIN; $enable;");
$session->answer;
isnt($t->served, 'none', 'in effect before COMMIT');
is($t->sql('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1'), 'uncommitted', 'castssl_changes() says so');
$t->fails('SELECT * FROM castssl_disable()', '55P03', 'another change meanwhile');
$session->ask('COMMIT;');
$session->answer;
is(newest()->{state}, 'applied', 'COMMIT keeps it');
isnt($t->served, 'none', 'TLS is on');
$t->disable(force => 'true');
is_deeply(story(), $before, 'and off again');

# the server goes down in the middle of a transaction
$session->ask("BEGIN; $enable;");
$session->answer;
$t->{node}->stop('immediate');
$t->{node}->bury;
$t->start;
$t->sql('SELECT count(*) FROM castssl_changes()');    # not preloaded: a superuser's look undoes
taken_back('a server that goes down');
eval { $session->quit };

# with the library preloaded nobody has to look, at a deadline that passed meanwhile neither
$t->{node}->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_castssl'");
$t->restart;
my %open = ('a transaction' => "BEGIN; $enable;", 'a deadline' => $enable =~ s/\)$/, confirm_within => '2 s')/r . ';');
foreach my $name (sort keys %open)
{
	$session = $t->session;
	$session->ask($open{$name});
	$session->answer;
	$t->{node}->stop('immediate');
	$t->{node}->bury;
	$t->start;
	ok($t->{node}->poll_query_until('postgres', q{SELECT NOT ssl FROM castssl_status()}), "preloaded: the worker undoes $name");
	$t->settle(user => 'looker');
	is_deeply(story(), $before, "preloaded: $name: all is as it was");
	eval { $session->quit };
}

# what is staged belongs to the transaction, too
$t->psql(q{BEGIN; SELECT castssl_hba_add(rule => 'host all all 192.0.2.0/24 reject'); ROLLBACK});
is($t->sql('SELECT staged_hash IS NULL FROM castssl_status()'), 't', 'nothing is staged after ROLLBACK');

# --- rows that a program reads

my $steps = $t->enable(source_dir => $source, confirm_within => '10 min');
my $change = $t->in_effect;
is_deeply([ grep { ($_->{change_id} // 0) != $change } @$steps ], [], 'each row has the number of the change') or diag explain $steps;
my %codes = map { ($_->{code} => $_) } grep { $_->{code} } @$steps;
is($codes{access_lists}{action}, 'set permissions', 'code access_lists: the mode of the key decides nothing');
like($codes{unconfirmed}{detail}, qr/^SELECT castssl_confirm\($change\);/, 'code unconfirmed: the statement that keeps it');

# --- a proof is wanted

$session = $t->session;
$t->{node}{sslmode} = 'disable';
$t->fails("SELECT castssl_confirm($change)", '55000', 'a session in plaintext is no proof', constraint => 'castssl_no_proof', hint => 1);
$t->sql(q{SELECT castssl_postpone(confirm_within => '20 min')});
is($t->sql("SELECT confirm_deadline > now() + '15 min' FROM castssl_changes() WHERE change_id = $change"), 't', 'castssl_postpone');
delete $t->{node}{sslmode};
$session->ask('SELECT castssl_disable();');
like($session->answer, qr/ERROR:  55000: .*^CONSTRAINT NAME:  castssl_change_waiting$/ms, 'another change has to wait');
$session->quit;
is($t->confirm, $change, 'a client that has come in over TLS since is one');
is(newest()->{state}, 'applied', 'confirmed');
$t->fails('SELECT * FROM castssl_rollback()', '55000', 'castssl_rollback() takes back what waits, and nothing else', constraint => 'castssl_nothing_to_roll_back');

# --- nobody is cut off by accident

my $alice = $t->guest(sslmode => 'disable');
$t->fails(q{SELECT * FROM castssl_enable(plaintext => 'block')}, '55000', 'alice is here in plaintext', constraint => 'castssl_would_cut_off', hint => 1,
	detail => qr/alice/);
my $hba = $t->hba;
$t->sql(q{SELECT count(*) FROM castssl_enable(plaintext => 'block', confirm_within => '10 min')});
$t->out('plaintext is blocked', qr/no pg_hba.conf entry/, sslmode => 'disable', password => 'wonderland');
$t->sql('SELECT count(*) FROM castssl_rollback()');
is($t->hba, $hba, 'castssl_rollback() without a number: the change that waits is taken back');
is($t->sql("SELECT state FROM castssl_changes() WHERE change_id = $change + 1"), "rolled back", "and said to be");
$alice->quit;

# --- SQL that is safe to run

$t->sql(q{ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'});
$t->reload;
my $fix = $t->sql(q{SELECT fix FROM castssl_check() WHERE check_name = 'protocol_version'});
like($fix, qr/^ALTER SYSTEM SET ssl_min_protocol_version/, 'column fix') or diag explain $t->rows('SELECT * FROM castssl_check()');
$t->sql($fix);
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'protocol_version'}), '0', 'which mends it');
$t->stop;
done_testing();
