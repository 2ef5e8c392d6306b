# Changes on a server for Windows: confirmed or undone at the deadline, and put back after a crash in the middle.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../lib";
use CastsslTest;
use Test::More;
use Time::HiRes qw(sleep);

my $t = CastsslTest->new('changes');
my $hba = $t->hba;
my $source = CastsslWindows::path_of($t->{source});
my $latest = 'SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1';

$t->enable(source_dir => $source, plaintext => 'block', confirm_within => '10 min');
is($t->sql($latest), 'unconfirmed', 'unconfirmed');
$t->confirm;
is($t->sql($latest), 'applied', 'a new connection confirms');
$t->sql($CastsslTest::back_by_force);
is($t->hba, $hba, 'rolled back');
is($t->served, 'none', 'all of it');

$t->enable(source_dir => $source, plaintext => 'block', confirm_within => '2 s');
ok($t->{node}->poll_query_until('postgres', "SELECT ($latest) = 'expired'"), 'at the deadline it is undone');
is($t->hba, $hba, 'pg_hba.conf is back');
is($t->served, 'none', 'TLS is off again');

# --- the server dies at points in the middle

my $faults = $ENV{CASTSSL_FAULTS};
(my $module = CastsslWindows::path_of($faults)) =~ s/\.dll$//;
(my $script = $t->slurp("$FindBin::RealBin/../../sql/pg_castssl--0.2.0.sql")) =~ s/^\\echo.*$//m;
$script =~ s/MODULE_PATHNAME/$module/g;
$t->sql('DROP EXTENSION pg_castssl');
$t->sql($script);

sub story
{
	my @parts = map { -e "$t->{data}/$_" ? $t->slurp($_) : "no $_" } qw(pg_hba.conf server.crt server.key root.crt);
	push @parts, sort $t->slurp("$t->{data}/postgresql.auto.conf") =~ /^ssl.*/mg;
	return join "\n", @parts, $t->served;
}

my $old = story();
$t->enable(source_dir => $source, plaintext => 'block', force => 'true');
my $new = story();
$t->sql($CastsslTest::back_by_force);
is(story(), $old, 'a change and back');
# which points there are, as the log counts them
$t->sql("LOAD '$module'; SET castssl.fault = 'count'; SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$source', plaintext => 'block', force => true)");
my %names = $t->slurp($t->{node}->logfile) =~ /fault point (\d+): (.*?)\r?$/mg;
$t->sql($CastsslTest::back_by_force);
my $last = (sort { $a <=> $b } keys %names)[-1];
my ($reloaded) = sort { $a <=> $b } grep { $names{$_} eq 'reloaded' } keys %names;
cmp_ok($last - $reloaded, '>', 2, "there are $last points, the server has reloaded at $reloaded");
my %outcomes;
foreach my $point ((map { 3 + int(($reloaded - 4) * $_ / 4) } 0 .. 3), $reloaded, $reloaded + 1, int(($reloaded + $last) / 2), $last)
{
	my ($ok) = $t->psql("LOAD '$module'; SET castssl.fault = '$point:crash'; SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$source', plaintext => 'block', force => true)");
	ok(!$ok, "point $point ($names{$point}): the server dies");
	my $up = 0;
	for (1 .. 100)
	{
		$t->{node}->bury;
		eval { local $SIG{__WARN__} = sub { }; $t->start };
		last if $up = ($t->psql('SELECT 1'))[0];
		sleep 0.5;
	}
	$up or die 'does not start again: ' . $t->slurp($t->{node}->logfile);
	my (undef, undef, $said) = $t->psql('SELECT count(*) FROM castssl_changes()');
	my $story = story();
	ok($story eq $old || $story eq $new, "point $point: as before, or as after") or diag $story;
	$outcomes{ $story eq $new ? 'new' : 'old' }++;
	is($t->sql('SELECT restart_safe FROM castssl_status()'), 't', "point $point: restart_safe");
	is($t->sql(q{SELECT count(*) FROM castssl_changes() WHERE state IN ('applying', 'unconfirmed')}), 0, "point $point: nothing is open");
	$t->sql($CastsslTest::back_by_force) if $story ne $old;
	is_deeply([ grep { -e } glob "$t->{data}/*.castssl.tmp $t->{data}/pg_castssl/candidate" ], [], "point $point: nothing left over") or diag $said;
}
cmp_ok($outcomes{old}, '>=', 4, 'undone before the reload');
$t->stop;
done_testing();
