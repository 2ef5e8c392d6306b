# Staged edits belong to their transaction, as changes do; and a transaction that has staged something
# holds up nobody but those who want to change or stage something, too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('staging', conf => 'max_prepared_transactions = 2');
my $add = q{SELECT length(castssl_hba_add('hostssl all all 192.0.2.0/24 scram-sha-256')) > 0;};
my $enable = "SELECT count(*) > 0 FROM castssl_enable(source_dir => '$t->{source}', clientcert => 'none'";
my $state = 'SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1';

sub staged { return $t->sql(q{SELECT CASE WHEN hba_staged THEN castssl_hba_diff() ELSE '' END FROM castssl_status()}) }

# A monitoring role only looks: the worker does it.
$t->sql('CREATE ROLE looker LOGIN IN ROLE pg_monitor');
sub becomes
{
	my ($wanted) = @_;
	return CastsslTest::wait_until(sub { ($t->psql($state, user => 'looker'))[1] eq $wanted });
}

# --- a transaction that has staged something cannot be prepared: it would keep others out for ever

my $session = $t->session;
$session->ask("BEGIN; $add PREPARE TRANSACTION 'x';");
like($session->answer, qr/^ERROR:  0A000: a transaction that made a change or staged edits with pg_castssl cannot be prepared\nDETAIL:  \S.*\nHINT:  COMMIT instead/m, 'PREPARE TRANSACTION after staging');
$session->ask(q{ROLLBACK; BEGIN; SAVEPOINT a; } . $add . q{ ROLLBACK TO a; SELECT 1; PREPARE TRANSACTION 'y';});
$session->answer;
is($t->sql('SELECT gid FROM pg_prepared_xacts'), 'y', 'what is rolled back to a savepoint is no reason');
$session->ask(q{ROLLBACK PREPARED 'y';});
$session->answer;
is(staged(), '', 'nothing is staged');
$session->ask("BEGIN; $add COMMIT;");
is($session->answer, "t\n", 'the session stages again');
is(scalar(my @marks = glob "$t->{data}/pg_castssl/staged/committed-*"), 1, 'and that is marked as committed, and nothing else');
$t->sql('SELECT castssl_hba_discard()');

# --- a waiting change is undone at its deadline, whoever has staged something meanwhile

$t->sql("$enable, confirm_within => '10 min')");
$session->ask("BEGIN; $add");
is($session->answer, "t\n", 'staged in a transaction that stays open');
$t->expire;
ok(becomes('expired'), 'the change is undone all the same');
is($t->sql('SHOW ssl'), 'off', 'with TLS off as before');
$t->fails($_, '55P03', "$_ has to wait", message => qr/another session has staged edits/, detail => qr/Process \d+ holds the lock until/, hint => qr/pg_terminate_backend\(\d+\);$/) foreach $add, "$enable)";
ok(($t->psql("$enable, dry_run => true)"))[0], 'a dry run need not');
$t->disable(dry_run => 'true');
$session->ask('COMMIT;');
$session->answer;
like(staged(), qr/^\+hostssl all all 192\.0\.2\.0\/24 scram-sha-256/m, 'COMMIT keeps what is staged');

# --- nor does it keep anybody from keeping the change

$t->sql("$enable, confirm_within => '10 min')");
$session->ask("BEGIN; $add");
$session->answer;
ok(($t->psql($_))[0], $_) foreach "SELECT castssl_postpone('20 min')", 'SELECT castssl_confirm(force => true)';
is($t->sql($state), 'applied', 'confirmed');
$session->ask('ROLLBACK;');
$session->answer;

is($t->sql('SELECT castssl_hba_discard()'), 't', 'discarded');
is(staged(), '', 'and gone');
is($t->sql('SELECT castssl_hba_discard()'), 'f', 'once');

# --- dry runs beside what their own transaction has done

$session->ask("BEGIN; $add SELECT count(*) > 0 FROM castssl_hba_apply(dry_run => true, force => true); $enable, dry_run => true); ROLLBACK;");
is($session->answer, "t\nt\nt\n", 'after staging');
$session->ask("BEGIN; $enable); $enable, plaintext => 'block', dry_run => true); COMMIT;");
is($session->answer, "t\nt\n", 'after a change');
is($t->sql($state), 'applied', 'which stays');

# --- many edits in one transaction

$session->ask('BEGIN; ' . join('', map { $add =~ s{192\.0\.2\.0/24}{192.0.2.$_/32}r } 1 .. 30) . 'COMMIT;');
is($session->answer, "t\n" x 30, '30 edits');
is(scalar(my @lines = staged() =~ /^\+hostssl/mg), 30, 'are staged');
is(scalar(my @files = grep { !m{/committed-} } glob "$t->{data}/pg_castssl/staged/*"), 2, 'as one file and its manifest');
is(scalar(my @past = $t->slurp('pg_castssl/staged/manifest') =~ /^p_/mg), 0, 'which holds no earlier one');
$session->ask("BEGIN; SAVEPOINT a; SELECT castssl_hba_discard(); $add ROLLBACK TO a; COMMIT;");
$session->answer;
is(scalar(@lines = staged() =~ /^\+hostssl/mg), 30, 'ROLLBACK TO brings back those from before the savepoint');
$t->sql('SELECT castssl_hba_discard()');

# --- a savepoint that is released before another one is rolled back

$t->sql($add);
$session->ask('BEGIN; SAVEPOINT a; SELECT count(*) > 0 FROM castssl_hba_apply(force => true); RELEASE a; SAVEPOINT b; ROLLBACK TO b; COMMIT;');
is($session->answer, "t\n", 'applied in a savepoint that is released');
$t->settle(user => 'looker');
is($t->sql($state), 'applied', 'and kept');
like($t->hba, qr/192\.0\.2\.0/, 'in pg_hba.conf');
$session->quit;
$t->stop;

done_testing();
