# The server's log: one line for each change that is applied, confirmed, postponed, undone, taken back; and
# one that tells the proof's own refused login from an attack.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;
use Time::HiRes ();

# the kind of process, where a client comes from, and its application, as many logs have them
my $t = CastsslTest->new('log', conf => "log_line_prefix = '%b|%r|%a|'\nlog_min_messages = warning");
my $seen = 0;

# Lines since the last look that begin like ours, or all.
sub lines
{
	my ($all) = @_;
	my $log = $t->slurp($t->{node}->logfile) =~ s/[^\n]*\z//r;    # whole lines
	my @lines = split /\n/, substr $log, $seen;
	$seen = length $log;
	return grep { $all || /pg_castssl: / } @lines;
}

# What is said of changes, without the prefix; waits for a line like the last of those that are expected.
sub told
{
	my ($name, @expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @lines;
	foreach (1 .. 1800)
	{
		push @lines, map { s/^[^|]*\|[^|]*\|[^|]*\|//r } grep { /pg_castssl: change / } lines();
		last if !@expected || grep { $_ =~ $expected[-1] } @lines;
		Time::HiRes::sleep(0.1);
	}
	is(scalar @lines, scalar @expected, "$name: lines") or diag join "\n", @lines;
	like($lines[$_] // '', qr/^LOG:  pg_castssl: $expected[$_]$/, "$name: line " . ($_ + 1)) foreach 0 .. $#expected;
	return;
}

my $time = qr{(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d [+\w-]+};
my %enable = (source_dir => $t->{source}, plaintext => 'block');
$t->sql('ALTER ROLE alice SUPERUSER');
lines();

# --- what changes nothing

$t->enable(%enable, dry_run => 'true');
$t->rows('SELECT * FROM castssl_check()');
$t->psql("SELECT * FROM castssl_enable(source_dir => '/nowhere')");
told('a dry run, a check, a call that is refused');

# --- applied; and its proof

$t->enable(%enable);
my @all = lines(1);
my @own = grep { /pg_castssl: / } @all;
is((grep { /LOG:  pg_castssl: change 1 \(enable by postgres\) was applied$/ } @own), 1, 'applied: one line') or diag join "\n", @own;
my @proofs = map { /LOG:  pg_castssl: the refused login of user "postgres" to database "postgres" from (\S+) was its own, to prove a change$/ ? $1 : () } @own;
my @refused = grep { /FATAL: / } @all;
is(scalar @proofs, 2, 'a proof in plaintext, and one over TLS without a certificate') or diag join "\n", @all;
is(scalar @refused, scalar @proofs, 'the server has refused as many logins');
foreach my $from (@proofs)
{
	is((grep { index($_, "|$from|") > 0 } @refused), 1, "the proof from $from is one of them, by log_line_prefix %r") or diag join "\n", @all;
}
is((grep { /\|\[unknown\]\|/ } @refused), scalar @refused, 'of which the server does not know the application');
is(scalar @own, 1 + @proofs, 'and nothing else');
$t->out('an attack', qr/no pg_hba.conf entry|no encryption/, sslmode => 'disable', user => 'postgres');
@all = lines(1);
is((grep { /FATAL: / } @all), 1, 'a login of somebody else that is refused');
is((grep { /pg_castssl: / } @all), 0, 'is not called a proof');

$t->enable(%enable);
told('the same again');

# --- confirmed, postponed

my $renewed = $t->{pki}->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
$t->enable(%enable, source_dir => $renewed, confirm_within => '10 min');
told('to be confirmed', qr/change 2 \(enable by postgres\) was applied, and will be undone at $time unless somebody confirms it/);
$t->sql("SELECT castssl_postpone('20 min')");
told('postponed', qr/change 2 \(enable by postgres\) was postponed to $time by postgres/);
my $session = $t->guest;
$session->ask('BEGIN; SELECT castssl_confirm(); SELECT castssl_confirm(); RESET ROLE; ROLLBACK;');
$session->answer;
told('confirmed by a transaction that is rolled back');
$session->ask('BEGIN; SELECT castssl_confirm(); SELECT castssl_confirm(2); SET LOCAL ROLE bob; COMMIT;');
$session->answer;
told('confirmed, twice in a transaction', qr/change 2 \(enable by postgres\) was confirmed by alice/);
$session->quit;

# --- taken back

$t->back;
told('rolled back', qr/change 3 \(rollback by postgres\) was applied, and takes back change 2 \(enable by postgres\)/);
$session = $t->session;
$session->ask("BEGIN; SELECT count(*) FROM castssl_disable(); ROLLBACK;");
like($session->answer, qr/WARNING:  \w+: change 4 of pg_castssl is taken back/, 'the session hears of ROLLBACK');
told('of a transaction that is rolled back', qr/change 4 \(disable by postgres\) was undone: its transaction did not commit/);
$session->ask('BEGIN; SAVEPOINT a; SELECT count(*) FROM castssl_disable(); ROLLBACK TO a; COMMIT;');
$session->answer;
told('of a subtransaction', qr/change 5 \(disable by postgres\) was undone: its transaction did not commit/);
$session->quit;

# --- a role whose name looks like the rest of the line, or breaks it

# 19 refuses line feeds in the names of roles, and no other control character
my ($control, $code) = $t->sql('SHOW server_version_num') < 190000 ? ("\n", '0A') : ("\t", '09');
$t->sql(qq{CREATE ROLE "x) was confirmed by bob" SUPERUSER LOGIN; CREATE ROLE "li${control}ne" SUPERUSER});
foreach my $case ([ 'x) was confirmed by bob', 'x) was confirmed by bob' ], [ "li${control}ne", "li\\${code}ne" ])
{
	my ($role, $written) = @$case;
	$session = $t->session;
	$session->ask(qq{SET SESSION AUTHORIZATION "$role"; SELECT count(*) FROM castssl_enable(source_dir => '$renewed', confirm_within => '10 min');});
	$session->answer;
	told("role $written", qr/change \d+ \(enable by "\Q$written\E"\) was applied, and will be undone at $time unless somebody confirms it/);
	$session->ask(q{SELECT castssl_confirm(force => true);});
	$session->answer;
	told('confirms', qr/change \d+ \(enable by "\Q$written\E"\) was confirmed by "\Q$written\E"/);
	$session->ask('RESET SESSION AUTHORIZATION; SELECT count(*) FROM castssl_rollback((SELECT max(change_id) FROM castssl_changes()));');
	$session->answer;
	told('is taken back', qr/change \d+ \(rollback by postgres\) was applied, and takes back change \d+ \(enable by "\Q$written\E"\)/);
	$session->quit;
}

# --- expired, in the worker

$t->enable(%enable, source_dir => $renewed, confirm_within => '1 s');
my @lines;
foreach (1 .. 1800)
{
	push @lines, lines();
	last if grep { /was undone/ } @lines;
	Time::HiRes::sleep(0.1);
}
@lines = grep { /pg_castssl: change / } @lines;
is(scalar @lines, 2, 'expired: applied, and undone') or diag join "\n", @lines;
like($lines[1] // '', qr/^pg_castssl\|\|\|LOG:  pg_castssl: change 10 \(enable by postgres\) was undone: nobody confirmed it within 1 s$/, 'by the worker');

# --- that failed

$session = $t->session;
$session->delay(5);
$session->ask("SET castssl.verify_timeout = '3s'; SELECT * FROM castssl_disable();");
$session->answer;
$session->quit;
told('failed', qr/change 11 \(disable by postgres\) was undone: the change did not take effect: no answer in time(, but .*)?/);
$t->stop;
done_testing();
