# A change belongs to its transaction: COMMIT keeps it, and everything else takes it back, whatever
# ends the transaction. What does not belong to one is refused inside of a block.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('transactions');
my $version = int($t->sql('SHOW server_version_num') / 10000);
my $enable = "SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}', clientcert => 'none')";
my $block = "SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}', clientcert => 'none', plaintext => 'block')";
my $before = files();

# What a change may write, and what the server has loaded.
sub files
{
	my $rules = $t->rows('SELECT * FROM pg_hba_file_rules');
	return { hba => $t->hba, auto => $t->slurp('postgresql.auto.conf'), ssl => $t->sql('SHOW ssl'), rules => $rules,
		names => [ sort map { s{.*/}{}r } grep { /\.(?:crt|key)$/ } glob "$t->{data}/*" ] };
}

sub newest { return $t->rows('SELECT * FROM castssl_changes()')->[-1] // {} }

# Until no change is uncommitted; returns the state of the newest. A monitoring role only looks.
$t->sql('CREATE ROLE looker LOGIN IN ROLE pg_monitor');
sub settled
{
	$t->settle(user => 'looker');
	return newest()->{state} // '';
}

# taken_back('name', newest state): nothing of the change is left, by the worker alone.
sub taken_back
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(settled(), 'rolled back', "$name: the worker takes it back");
	is_deeply(files(), $before, "$name: all is as it was");
	like(newest()->{reason}, qr/its transaction did not commit/, "$name: the reason is kept");
	return;
}

# kept('name'): it is in effect, and taken back for the next test.
sub kept
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(settled(), 'applied', "$name: it stays");
	is($t->sql('SHOW ssl'), 'on', "$name: TLS is on");
	$t->disable(force => 'true');
	$t->sql("SELECT castssl_rollback(change_id => 1, force => true)") if files()->{auto} ne $before->{auto};
	$before = files();
	return;
}

$t->disable(force => 'true');
$before = files();

subtest 'COMMIT' => sub {
	my $session = $t->session;
	$session->ask("BEGIN; $enable;");
	$session->answer;
	is($t->sql('SHOW ssl'), 'on', 'in effect before the commit');
	is(newest()->{state}, 'uncommitted', 'castssl_changes() says so');
	$session->ask('COMMIT;');
	$session->answer;
	kept('COMMIT');
	$session->quit;
	$t->sql($enable);
	kept('a statement alone');
	my ($ok) = $t->psql("BEGIN; SAVEPOINT a; $enable; RELEASE a; COMMIT");
	ok($ok, 'a savepoint that is released');
	kept('a savepoint that is released');
	$t->sql(qq{DO \$\$ BEGIN BEGIN PERFORM castssl_enable(source_dir => '$t->{source}', clientcert => 'none'); EXCEPTION WHEN division_by_zero THEN END; END \$\$});
	kept('a block with an exception handler');
};

subtest 'what takes it back' => sub {
	my %histories = (
		'ROLLBACK' => "BEGIN; $enable; ROLLBACK",
		'an error later in the transaction' => "BEGIN; $enable; SELECT 1/0",
		'an error in the same statement' => "SELECT count(*) / (count(*) - count(*)) FROM castssl_enable(source_dir => '$t->{source}', clientcert => 'none')",
		'ROLLBACK TO' => "BEGIN; SAVEPOINT a; $enable; ROLLBACK TO a; COMMIT",
		'ROLLBACK of a released savepoint' => "BEGIN; SAVEPOINT a; $enable; RELEASE a; ROLLBACK",
		'an exception handler' =>
		  qq{DO \$\$ BEGIN BEGIN PERFORM castssl_enable(source_dir => '$t->{source}', clientcert => 'none'); PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN END; END \$\$},
		'a deferred constraint' =>
		  "CREATE TABLE c (x int UNIQUE DEFERRABLE INITIALLY DEFERRED); BEGIN; $enable; INSERT INTO c VALUES (1), (1); COMMIT",
		'a session that is terminated' => "BEGIN; $enable; SELECT pg_terminate_backend(pg_backend_pid())",
		'a serialization failure' => undef);
	foreach my $name (sort grep { $histories{$_} } keys %histories)
	{
		$t->psql($histories{$name});
		taken_back($name);
	}
	$t->sql('DROP TABLE c');

	# it comes behind everything else of a commit
	$t->sql('CREATE TABLE d (x int); INSERT INTO d VALUES (1), (2)');
	my ($first, $second) = ($t->session, $t->session);
	foreach my $session ($first, $second)
	{
		$session->ask('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT sum(x) FROM d;');
		$session->answer;
	}
	$first->ask('INSERT INTO d VALUES (3); COMMIT;');
	$first->answer;
	$second->ask("INSERT INTO d VALUES (4); $enable; COMMIT;");
	like($second->answer, qr/ERROR:  40001/, 'a serialization failure');
	taken_back('a serialization failure');
	$_->quit foreach $first, $second;
	$t->sql('DROP TABLE d');
};

subtest 'a killed backend, a killed server' => sub {
	$t->{node}->append_conf('postgresql.conf', "restart_after_crash = on\n");
	$t->reload;
	my $session = $t->session;
	$session->ask("BEGIN; $enable;");
	$session->answer;
	$t->kill_process($session->{pid});
	$t->sql('SELECT count(*) FROM castssl_changes()');    # not preloaded: a superuser's look undoes
	is(settled(), 'rolled back', 'a killed backend');
	is_deeply(files(), $before, 'all is as it was');

	$session = $t->session;
	$session->ask("BEGIN; $enable;");
	$session->answer;
	$t->{node}->stop('immediate');
	$t->{node}->start;
	$t->sql('SELECT count(*) FROM castssl_changes()');
	is(settled(), 'rolled back', 'a killed server');
	is_deeply(files(), $before, 'all is as it was');

	$t->sql($enable);
	$t->{node}->stop('immediate');
	$t->{node}->start;
	is(settled(), 'applied', 'what was committed stays');
	$t->disable(force => 'true');
	$before = files();
};

subtest 'several changes of one transaction' => sub {
	$t->psql("BEGIN; $enable; $block; ROLLBACK");
	taken_back('two');
	$t->psql("BEGIN; $enable; SAVEPOINT a; $block; ROLLBACK TO a; COMMIT");
	is($t->sql('SHOW ssl'), 'on', 'the first is kept');
	is($t->hba, $before->{hba}, 'the second is not');
	is_deeply([ map { $_->{state} } @{ $t->rows('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 2') } ],
		[ 'rolled back', 'applied' ], 'castssl_changes() says so');
	$t->disable(force => 'true');
	$before = files();
	$t->psql("BEGIN; SAVEPOINT a; $block; ROLLBACK TO a; $enable; COMMIT");
	is($t->sql('SHOW ssl'), 'on', 'one after another that was rolled back is kept');
	is($t->hba, $before->{hba}, 'and nothing of the other');
	$t->disable(force => 'true');
	$before = files();
	$t->psql("BEGIN; $block; SELECT count(*) FROM castssl_disable(force => true); SELECT count(*) FROM castssl_rollback(); ROLLBACK");
	settled();
	is_deeply(files(), $before, 'a change, another one and its rollback, all of them taken back: newest first');
	$t->psql("BEGIN; $enable; SELECT count(*) FROM castssl_disable(force => true); COMMIT");
	is($t->sql('SHOW ssl'), 'off', 'enabled and disabled');
};

# Ends of transactions that few think of.
subtest 'odd ends' => sub {
	my $perform = $enable =~ s/^SELECT count\(\*\) FROM/PERFORM/r;
	$t->psql("DO \$\$ BEGIN $perform; COMMIT; PERFORM 1/0; END \$\$");
	kept('COMMIT inside of a procedure, and an error behind it');
	$t->psql("DO \$\$ BEGIN $perform; ROLLBACK; PERFORM 1; END \$\$");
	taken_back('ROLLBACK inside of a procedure');
	$t->psql("BEGIN; $enable; COMMIT AND CHAIN; SELECT 1; ROLLBACK");
	kept('COMMIT AND CHAIN');
	$t->psql("BEGIN; $enable; ROLLBACK AND CHAIN; SELECT 1; COMMIT");
	taken_back('ROLLBACK AND CHAIN');
	$t->psql("BEGIN; DECLARE c CURSOR WITH HOLD FOR $enable; COMMIT; FETCH c");
	kept('a cursor that outlives its transaction, for which COMMIT runs it');
	$t->psql("BEGIN; DECLARE c CURSOR WITH HOLD FOR $enable; ROLLBACK");
	is($t->sql('SHOW ssl'), 'off', 'and which ROLLBACK does not run');
	$t->sql("CREATE TABLE d (x int); CREATE FUNCTION of_trigger() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $perform; RETURN NULL; END \$\$;
		CREATE CONSTRAINT TRIGGER d AFTER INSERT ON d DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION of_trigger()");
	$t->psql('BEGIN; INSERT INTO d VALUES (1); COMMIT');
	kept('a deferred trigger that makes the change at COMMIT');
	$t->psql('BEGIN; INSERT INTO d VALUES (1); SELECT 1/0; COMMIT');
	is($t->sql('SHOW ssl'), 'off', 'and that an error keeps from running');
	$t->sql('DROP TABLE d; DROP FUNCTION of_trigger');
	CastsslOpenssl::run(undef, 'psql', '-XqAt', '-h', $t->{node}->host, '-p', $t->{node}->port, '-U', 'postgres', '-c', "$enable; SELECT 1/0", 'postgres');
	taken_back('several statements in one message, the last of which fails');
	$t->psql("BEGIN; $enable; SELECT pg_advisory_unlock_all(); SELECT pg_sleep(0.5); DISCARD PLANS; COMMIT");
	kept('all advisory locks let go');

	# killed between two changes, and between a confirmation and its COMMIT
	my $session = $t->session;
	$session->ask("BEGIN; $enable; $block;");
	$session->answer;
	$t->kill_process($session->{pid});
	$t->sql('SELECT count(*) FROM castssl_changes()');
	is_deeply([ map { $_->{state} } @{ $t->rows('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 2') } ],
		[ 'rolled back', 'rolled back' ], 'killed after two changes: both are taken back') if settled();
	is_deeply(files(), $before, 'all is as it was');
	$t->sql($enable =~ s/'none'/'none', confirm_within => '1 hour'/r);
	$session = $t->session;
	$session->ask('BEGIN; SELECT castssl_confirm(force => true);');
	$session->answer;
	$t->fails(q{SET castssl.verify_timeout = '1s'; SELECT castssl_confirm(force => true)}, '55P03', 'another one confirms meanwhile', detail => qr/Process $session->{pid} holds/);
	$t->kill_process($session->{pid});
	is(newest()->{state}, 'unconfirmed', 'killed before the COMMIT of a confirmation: the change waits');
	$t->sql('SELECT FROM castssl_rollback()');
	is_deeply(files(), $before, 'and is taken back');
};

subtest 'who else is there' => sub {
	my $session = $t->session;
	$session->ask("BEGIN; $enable;");
	$session->answer;
	$t->fails($enable, '55P03', 'another change', detail => qr/Process $session->{pid} holds/, hint => qr/lock_timeout/);
	$t->fails('SELECT castssl_confirm()', '55000', 'castssl_confirm', message => qr/not committed yet/, hint => qr/COMMIT/, constraint => 'castssl_not_committed');
	$t->fails(q{SELECT castssl_postpone('1 min')}, '55000', 'castssl_postpone', message => qr/not committed yet/, constraint => 'castssl_not_committed');
	is($t->sql('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1'), 'uncommitted', 'castssl_changes() shows it, and undoes nothing');
	$session->ask('ROLLBACK;');
	$session->answer;
	taken_back('with others there');
	# its own rollback is not one of the changes that castssl_rollback() takes back
	$t->sql($enable);
	$session->ask('BEGIN; SELECT count(*) > 0 FROM castssl_rollback((SELECT max(change_id) FROM castssl_changes()));');
	is($session->answer, "t\n", 'a rollback that is not committed');
	$session->ask('SELECT count(*) FROM castssl_rollback();');
	like($session->answer, qr/^ERROR:  55000: no change is waiting\n(?:.*\n)*?.*DETAIL:  The last one, \d+, is not committed yet\.$/m, 'is told as such');
	$session->ask('ROLLBACK;');
	$session->answer;
	settled();
	$t->disable(force => 'true');

	$session->ask(q{PREPARE p AS SELECT 1; BEGIN; } . "$enable; PREPARE TRANSACTION 'x';");
	like($session->answer, qr/ERROR:  0A000.*cannot be prepared.*HINT/s, 'PREPARE TRANSACTION');
	$session->ask('ROLLBACK;');
	$session->answer;
	taken_back('PREPARE TRANSACTION');
	$session->quit;
};

subtest 'confirm_within' => sub {
	my $within = $enable =~ s/'none'/'none', confirm_within => '1 hour'/r;
	$t->psql("BEGIN; $within; ROLLBACK");
	taken_back('ROLLBACK');
	my $session = $t->session;
	$session->ask("BEGIN; $within;");
	$session->answer;
	is($t->status->{confirm_deadline}, undef, 'no deadline yet');
	$session->ask($enable =~ s/'none'/'none', plaintext => 'block'/r . ';');
	like($session->answer, qr/ERROR:  55000.*will wait to be confirmed/s, 'nothing on top of it');
	$session->ask('ROLLBACK;');
	$session->answer;
	taken_back('an error');
	$session->ask("BEGIN; $within; SELECT count(*) > 0 FROM castssl_rollback(); $enable; COMMIT;");
	unlike($session->answer, qr/ERROR/, 'one that the same transaction takes back holds nothing up');
	is(newest()->{state} . ' ' . $t->sql('SHOW ssl'), 'applied on', 'and the next one stays');
	$t->disable(force => 'true');
	$before = files();
	$session->ask("BEGIN; $within; SELECT clock_timestamp() + interval '1 hour' AS from; SELECT pg_sleep(0.2); COMMIT;");
	$session->answer;
	is(newest()->{state}, 'unconfirmed', 'COMMIT: it waits');
	my $deadline = $t->status->{confirm_deadline};
	is($t->sql("SELECT '$deadline'::timestamptz > finished.at + interval '59 min' FROM (SELECT now() AS at) finished"), 't', 'and the deadline counts from the commit');

	my ($ok) = $t->psql('BEGIN; SELECT castssl_confirm(force => true); ROLLBACK');
	ok($ok, 'castssl_confirm() in a transaction');
	is(newest()->{state}, 'unconfirmed', 'that is rolled back confirms nothing');
	$t->psql(q{BEGIN; SELECT castssl_postpone('2 hours'); ROLLBACK});
	is($t->status->{confirm_deadline}, $deadline, 'nor does castssl_postpone()');
	$t->psql('BEGIN; SELECT castssl_confirm(force => true); COMMIT');
	is(newest()->{state}, 'applied', 'COMMIT confirms');
	$t->disable(force => 'true');

	# a commit that fails behind everything else
	$t->sql($within);
	$t->sql('CREATE TABLE e (x int); INSERT INTO e VALUES (1), (2)');
	foreach my $call (q{castssl_postpone('2 hours')}, 'castssl_confirm(force => true)')
	{
		my $deadline = $t->status->{confirm_deadline};
		my $other = $t->session;
		foreach ($session, $other)
		{
			$_->ask('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT sum(x) FROM e;');
			$_->answer;
		}
		$other->ask('INSERT INTO e VALUES (3); COMMIT;');
		$other->answer;
		$other->quit;
		$session->ask("INSERT INTO e VALUES (4); SELECT $call; COMMIT;");
		like($session->answer, qr/ERROR:  40001/, "$call: a serialization failure at COMMIT");
		is(newest()->{state}, 'unconfirmed', "$call: the change waits still");
		is($t->status->{confirm_deadline}, $deadline, "$call: until when it did");
		$t->sql("SELECT $call");
		isnt($t->status->{confirm_deadline}, $deadline, "$call, committed");
	}
	is(newest()->{state}, 'applied', 'confirmed, committed');
	ok(newest()->{finished_at}, 'and when');
	$t->sql('DROP TABLE e');
	$t->disable(force => 'true');

	# the deadline passes between the confirmation and its COMMIT
	foreach my $end (qw(COMMIT ROLLBACK))
	{
		$t->sql($within);
		$session->ask('BEGIN; SAVEPOINT a; SELECT castssl_confirm(force => true) > 0; ROLLBACK TO a; SELECT castssl_confirm(force => true) > 0;');
		$session->answer;
		$t->expire;
		$session->ask("SELECT count(*) > 0 FROM castssl_changes(); SELECT castssl_confirm(force => true) > 0; SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1;");
		like($session->answer, qr/^unconfirmed$/m, "confirmed, and not committed at the deadline: it waits for the $end");
		$session->ask("$end;");
		$session->answer;
		if ($end eq 'COMMIT')
		{
			is(newest()->{state} . ' ' . $t->sql('SHOW ssl'), 'applied on', 'COMMIT confirms');
			$t->disable(force => 'true');
			next;
		}
		$t->{node}->poll_query_until('postgres', "SELECT state = 'expired' FROM castssl_changes() ORDER BY change_id DESC LIMIT 1", 't') or fail('it expires');
		is(newest()->{state} . ' ' . $t->sql('SHOW ssl'), 'expired off', 'after the ROLLBACK it expires');
	}
	$t->sql($enable);
	$t->psql("BEGIN; $CastsslTest::back_by_force; ROLLBACK");
	taken_back_to_applied();
	$session->quit;
	$t->disable(force => 'true');
	$before = files();
};

sub taken_back_to_applied
{
	settled();
	is($t->sql('SHOW ssl'), 'on', 'castssl_rollback() that is rolled back: the change is in effect');
	is_deeply([ map { $_->{state} } @{ $t->rows('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 2') } ],
		[ 'rolled back', 'applied' ], 'castssl_changes() says so');
	return;
}

# Random histories against a model: afterwards all is as the committed changes alone make it. Of three
# calls, each leads from a state (TLS off, on, plaintext blocked) to another one. CASTSSL_SEED (69) and
# CASTSSL_HISTORIES (15) choose others, and more.
subtest 'random histories' => sub {
	my $seed = $ENV{CASTSSL_SEED} // 69;
	my $number = $ENV{CASTSSL_HISTORIES} // 15;
	srand $seed;
	diag "$number histories, CASTSSL_SEED=$seed";
	my %call = (
		enable => [ $enable, { off => 'on', on => 'on', blocked => 'blocked' } ],
		block => [ $block, { off => 'blocked', on => 'blocked', blocked => 'blocked' } ],
		disable => ['SELECT count(*) FROM castssl_disable(force => true)', { off => 'off', on => 'off', blocked => 'off' } ]);
	my $rollback = 'SELECT count(*) FROM castssl_rollback()';
	my $state = 'off';
	my $wrong = 0;
	foreach my $history (1 .. $number)
	{
		my @sql = ('BEGIN');
		my @level = ({ state => $state });    # savepoints that are open, outermost first
		my @made;    # what each change of this transaction began from, and led to
		foreach my $step (1 .. 2 + int rand 6)
		{
			my $dice = rand;
			# its own rollback is not taken back
			if ($dice < 0.1 && @made && !$made[-1][2])
			{
				my ($from, $to) = @{ $made[-1] };
				push @sql, $rollback;
				push @made, [ $to, $from, 1 ];
				$level[-1]{state} = $from;
			}
			elsif ($dice < 0.5)
			{
				my $name = (sort keys %call)[ rand 3 ];
				my $from = $level[-1]{state};
				push @sql, $call{$name}[0];
				$level[-1]{state} = $call{$name}[1]{$from};
				push @made, [ $from, $level[-1]{state} ] if $level[-1]{state} ne $from;
			}
			elsif ($dice < 0.75)
			{
				push @level, { name => "s$step", state => $level[-1]{state}, before => $level[-1]{state}, made => scalar @made };
				push @sql, "SAVEPOINT s$step";
			}
			elsif (@level > 1)
			{
				my $released = $dice < 0.85;
				push @sql, ($released ? 'RELEASE ' : 'ROLLBACK TO ') . $level[-1]{name};
				if ($released)
				{
					my $inner = pop @level;
					$level[-1]{state} = $inner->{state};
				}
				else
				{
					$level[-1]{state} = $level[-1]{before};
					$#made = $level[-1]{made} - 1;
				}
			}
		}
		my $end = rand() < 0.6 ? 'COMMIT' : 'ROLLBACK';
		push @sql, $end;
		$state = $level[-1]{state} if $end eq 'COMMIT';
		my ($ok, $out, $err) = $t->psql(join('; ', @sql));
		settled();
		my $is = $t->hba =~ /^#castssl# /m ? 'blocked' : $t->sql('SHOW ssl');
		next if $ok && $is eq $state;
		$wrong++;
		diag "history $history: $is, not $state: " . join('; ', @sql) . "\n$err";
		$state = $is;
	}
	is($wrong, 0, 'all is as the committed changes alone make it');
	$t->disable(force => 'true');
	$before = files();
};

subtest 'no worker to be had' => sub {
	$t->{node}->append_conf('postgresql.conf', "max_worker_processes = 0\n");
	$t->restart;
	$before = files();
	$t->sql($enable);
	is(newest()->{state}, 'applied', 'a change needs none');
	$t->disable(force => 'true');
	$before = files();
	$t->psql("BEGIN; $enable; ROLLBACK");
	is($t->sql('SHOW ssl'), 'on', 'nobody takes it back at once');
	my ($ok, $out, $err) = $t->psql('SELECT * FROM castssl_status()', user => 'looker');
	like($err, qr/WARNING:.*waits to be undone/, 'a reader says so');
	$t->sql('SELECT count(*) FROM castssl_changes()');
	is(newest()->{state}, 'rolled back', 'the next call that may does');
	is_deeply(files(), $before, 'all is as it was');
};

# What is staged belongs to the transaction as well.
subtest 'staging' => sub {
	my $staged = sub {
		my @lines = split /\n/, $t->status->{hba_staged} ? $t->sql('SELECT castssl_hba_diff()') : '';
		return join ' ', map { /^\+host all all 10\.(\d)\.0/ ? $1 : () } @lines;
	};
	my $add = sub { "SELECT castssl_hba_add('host all all 10.$_[0].0.0/16 md5')" };
	$t->sql('SELECT castssl_hba_discard()');
	$t->psql('BEGIN; ' . $add->(1) . '; ROLLBACK');
	is($staged->(), '', 'ROLLBACK');
	$t->psql($add->(1) . ', 1/0');
	is($staged->(), '', 'an error in the statement');
	$t->fails('SELECT castssl_hba_diff()', '55000', 'nothing is staged', constraint => 'castssl_nothing_staged');
	$t->psql('BEGIN; ' . $add->(1) . '; ' . $add->(2) . '; COMMIT');
	is($staged->(), '1 2', 'COMMIT');
	$t->psql('BEGIN; ' . $add->(3) . '; ROLLBACK');
	is($staged->(), '1 2', 'ROLLBACK: what was staged before');
	$t->psql('BEGIN; ' . join('; ', $add->(3), 'SAVEPOINT a', $add->(4), $add->(5), 'ROLLBACK TO a', $add->(6), 'SAVEPOINT b', $add->(7), 'RELEASE b') . '; COMMIT');
	is($staged->(), '1 2 3 6 7', 'savepoints');
	$t->psql('BEGIN; SAVEPOINT a; SELECT castssl_hba_discard(); ' . $add->(8) . '; ROLLBACK TO a; COMMIT');
	is($staged->(), '1 2 3 6 7', 'discarded, and rolled back');
	$t->psql('BEGIN; SELECT castssl_hba_discard(); ' . $add->(8) . '; COMMIT');
	is($staged->(), '8', 'discarded');
	my $hba = $t->hba;
	$t->psql('BEGIN; ' . $add->(9) . '; SELECT count(*) FROM castssl_hba_apply(); ROLLBACK');
	$t->sql('SELECT count(*) FROM castssl_changes()');    # there is no worker here
	is($t->hba, $hba, 'applied, and rolled back');
	is($staged->(), '8', 'is staged as it was before');
	my $session = $t->session;
	$session->ask('BEGIN; ' . $add->(9) . ';');
	$session->answer;
	$t->fails($add->(7), '55P03', 'one transaction stages at a time');
	is($staged->(), '8', 'others see what is committed');
	$session->ask('COMMIT;');
	$session->answer;
	is($staged->(), '8 9', 'and then the rest');
	$session->quit;
	$t->psql('SELECT castssl_hba_discard(); ' . $add->(1) . '; SELECT count(*) FROM castssl_hba_apply()');
	like($t->hba, qr/^host all all 10\.1\.0/m, 'several statements in one message, as a hint may have them');
	ok(!-e "$t->{data}/pg_castssl/staged", 'nothing is staged any more');
};

subtest 'what belongs to no transaction' => sub {
	my @calls = (q{castssl_csr('x')}, q{castssl_create_ca('x')}, q{castssl_sign('x')}, q{castssl_issue_client('postgres')});
	foreach my $call (@calls)
	{
		$t->fails("BEGIN; SELECT $call", '25001', $call, message => qr/cannot run inside a transaction block/, hint => qr/autocommit/);
	}
	$t->fails(q{DO $$ BEGIN PERFORM castssl_csr('x'); EXCEPTION WHEN division_by_zero THEN END $$}, '25001', 'in a subtransaction', hint => 1);
};

$t->stop;
done_testing();
