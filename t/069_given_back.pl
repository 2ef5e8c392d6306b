# What is staged is given back when the change that applied it is undone, whatever else has been staged
# meanwhile and rolled back; and what was rolled back never counts, however old it is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('givenback');
my $session = $t->session;
my $state = 'SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1';
my $apply = 'SELECT count(*) > 0 FROM castssl_hba_apply(force => true);';
my $apply_and_wait = q{SELECT count(*) > 0 FROM castssl_hba_apply(confirm_within => '10 min')};

sub add { return "SELECT length(castssl_hba_add('hostssl $_[0] all 192.0.2.0/24 scram-sha-256')) > 0;" }

# Which of the rules are staged: the names of their databases. "stale": they were made for another pg_hba.conf.
sub staged
{
	my ($ok, $out, $err) = $t->psql(q{SELECT CASE WHEN hba_staged THEN castssl_hba_diff() ELSE '' END FROM castssl_status()});
	return $ok ? join ' ', sort $out =~ /^\+hostssl (\w+)/mg : $err =~ /changed since the edits were staged/ ? 'stale' : $err;
}

sub ask
{
	my ($sql) = @_;
	$session->ask($sql);
	return $session->answer;
}

sub undone { return CastsslTest::wait_until(sub { $t->sql('SELECT bool_and(finished_at IS NOT NULL) FROM castssl_changes()') eq 't' && !-e "$t->{data}/pg_castssl/candidate" }) }

# Stages a, and calls the test; then a is discarded.
sub with_a
{
	my ($name, $body) = @_;
	subtest $name => sub {
		$t->sql(add('a'));
		is(staged(), 'a', 'staged');
		$body->();
		is(eval { $t->sql($apply) } // $@, 't', 'what is staged can be applied') and $t->back;
		$t->sql('SELECT castssl_hba_discard()');
		is(staged(), '', 'nothing is left');
	};
	return;
}

# --- undone by ROLLBACK

with_a 'applied, more staged, rolled back' => sub {
	like(ask("BEGIN; $apply" . add("b") . "ROLLBACK;"), qr{^t\nt\n}, "applied, and more staged");
	ok(undone(), 'undone');
	is(staged(), 'a', 'a is given back');
};
with_a 'applied twice, and rolled back' => sub {
	ask("BEGIN; $apply" . add('b') . "$apply ROLLBACK;");
	ok(undone(), 'undone');
	is(staged(), 'a', 'a is given back');
};
with_a 'to a savepoint, and committed' => sub {
	ask("BEGIN; SAVEPOINT s; $apply" . add('b') . 'ROLLBACK TO s; COMMIT;');
	ok(undone(), 'undone');
	is(staged(), 'a', 'a is given back');
};
with_a 'to a savepoint, more staged, and rolled back' => sub {
	ask("BEGIN; SAVEPOINT s; $apply ROLLBACK TO s;" . add('b') . 'ROLLBACK;');
	ok(undone(), 'undone');
	is(staged(), 'a', 'a is given back');
};

# --- undone at its deadline

foreach my $end ('ROLLBACK', 'SELECT castssl_hba_discard(); COMMIT')
{
	with_a "staged while the change waits, $end" => sub {
		$t->sql($apply_and_wait);
		ask('BEGIN; ' . add('b') . "$end;");
		is(staged(), '', 'nothing is staged');
		$t->expire;
		ok(undone(), 'undone');
		is(staged(), 'a', 'a is given back');
	};
}
with_a 'staged while the change waits, and committed' => sub {
	$t->sql($apply_and_wait);
	ask('BEGIN; ' . add('b') . 'COMMIT;');
	$t->expire;
	ok(undone(), 'undone');
	is(staged(), 'stale', 'what somebody has staged since stays');
	$t->sql('SELECT castssl_hba_discard()');
	$t->sql(add('a'));
};
foreach my $end ('ROLLBACK', 'COMMIT')
{
	with_a "the deadline passes while somebody stages, $end" => sub {
		$t->sql($apply_and_wait);
		ask('BEGIN; ' . add('b'));
		$t->expire;
		ok(undone(), 'undone');
		ask("$end;");
		is(staged(), $end eq 'COMMIT' ? 'stale' : 'a', $end eq 'COMMIT' ? 'what it has staged counts' : 'a is given back');
		return if $end eq 'ROLLBACK';
		$t->sql('SELECT castssl_hba_discard()');
		$t->sql(add('a'));
	};
}
with_a 'what is staged now is damaged' => sub {
	$t->sql($apply_and_wait);
	$t->sql(add('b'));
	$t->write("$t->{data}/pg_castssl/staged/manifest", "nonsense\n");
	$t->expire;
	ok(undone(), 'undone all the same');
	$t->sql('SELECT castssl_hba_discard()');
	$t->sql(add('a'));
};

# --- after a long time PostgreSQL no longer knows which transactions have committed

sub forget_transactions
{
	$t->sql('ALTER DATABASE template0 ALLOW_CONNECTIONS true');
	foreach my $database ('template0', 'template1', 'postgres')
	{
		$t->sql('VACUUM FREEZE', database => $database);
	}
	$t->sql('CHECKPOINT');
	$t->restart;
	$session = $t->session;
	return;
}

sub is_forgotten
{
	my ($id) = @_;
	return is($t->sql("SELECT pg_xact_status('$id') IS NULL"), 't', 'PostgreSQL does not know any more what became of the transaction');
}

sub transaction_staged { return ($t->slurp("$t->{data}/pg_castssl/staged/manifest") =~ /^transaction = '(\d+)'/m)[0] }

ask('BEGIN; ' . add('b') . 'ROLLBACK;');
my $id = transaction_staged();
$session->quit;
forget_transactions();
is_forgotten($id);
is(staged(), '', 'what was rolled back long ago is not staged');
$t->sql(add('c'));
is(staged(), 'c', 'nor with the next edit');
$t->sql('SELECT castssl_hba_discard()');

foreach my $block ('', 'BEGIN; SAVEPOINT s;')
{
	ask($block . add('b') . ($block && 'RELEASE s; SAVEPOINT t; ' . add('c') . 'ROLLBACK TO t; COMMIT;'));
	$id = transaction_staged();
	$session->quit;
	forget_transactions();
	is_forgotten($id);
	is(staged(), 'b', 'what was committed long ago is staged' . ($block && ', in a block'));
	ask('BEGIN; ' . add('c') . 'ROLLBACK;');
	is(staged(), 'b', 'also when more was rolled back since');
	$t->sql('SELECT castssl_hba_discard()');
}

# staged and applied by one transaction, so that the mark of that transaction has no place
foreach my $open ('', 'BEGIN; ' . add('d'))
{
	$t->sql(add('a')) if $open;
	ask('BEGIN; ' . add('b') . 'SAVEPOINT s;' . add('c') . "ROLLBACK TO s; $apply_and_wait; COMMIT;");
	my $opener = $t->session;
	$opener->ask($open || 'SELECT 1;');
	$opener->answer;
	$t->expire;
	ok(undone(), 'undone');
	$opener->ask('ROLLBACK;');
	$opener->answer;
	$opener->quit;
	my $given_back = $open ? 'a b' : 'b';
	is(staged(), $given_back, 'what was staged and applied is given back' . ($open && ', below what is rolled back'));
	$session->quit;
	forget_transactions();
	is(staged(), $given_back, 'and stays');
	$t->sql('SELECT castssl_hba_discard()');
}

# the next change needs no mark any more, also below what was rolled back
ask('BEGIN; ' . add('b') . 'SAVEPOINT s;' . add('c') . 'ROLLBACK TO s; COMMIT;');
is(scalar(my @marked = glob "$t->{data}/pg_castssl/staged/committed-*"), 1, 'a mark');
$t->enable(source_dir => $t->{source}, clientcert => 'none');
is(scalar(@marked = glob "$t->{data}/pg_castssl/staged/committed-*"), 0, 'none after a change');
is(transaction_staged(), undef, 'for the transaction is not asked for any more');
is(staged(), 'b', 'and what is staged counts');
$t->sql('SELECT castssl_hba_discard()');

# --- the same for a decision

$t->sql(add('a'));
$t->sql($apply_and_wait);
ask('BEGIN; SELECT castssl_confirm(force => true); ROLLBACK;');
ok(CastsslTest::wait_until(sub { $t->slurp($t->newest_change . '/manifest') !~ /^decision = '[1-9]/m }), 'a confirmation that was rolled back does not stay');
$session->quit;
forget_transactions();
is($t->sql($state), 'unconfirmed', 'nor count when it is forgotten');
$t->sql('SELECT castssl_confirm(force => true)');
ok(CastsslTest::wait_until(sub { $t->slurp($t->newest_change . '/manifest') =~ /^state = 'applied'/m }), 'one that was committed is written down');
$session->quit;
forget_transactions();
is($t->sql($state), 'applied', 'and counts when it is forgotten');

# --- a decision that is written down while a rollback is not committed yet

$session = $t->session;
$t->sql(add('e'));
$t->sql($apply_and_wait);
my $number = $t->sql('SELECT max(change_id) FROM castssl_changes()');
my $worker = $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_castssl'});
kill STOP => $worker;
ask('SELECT castssl_confirm(force => true);');
like(ask("BEGIN; SELECT count(*) > 0 FROM castssl_rollback($number);"), qr/^t$/m, 'rolled back');
ok($t->slurp("$t->{data}/pg_castssl/changes/$number/manifest") !~ /^decision = '[1-9]/m, 'the decision is written down');
ask('ROLLBACK;');
kill CONT => $worker;
ok(undone(), 'the rollback is undone');
is($t->sql("SELECT state FROM castssl_changes() WHERE change_id = $number"), 'applied', 'and the change is confirmed as before');
$session->quit;
$t->stop;

done_testing();
