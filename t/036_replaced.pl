# What others put in the place of a file that a change wrote: undoing the change leaves it alone where it is no file
# any more, and keeps an edit of the rules, also through a link and where the worker does it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

sub newest
{
	my ($t) = @_;
	return $t->rows('SELECT * FROM castssl_changes() ORDER BY 1 DESC LIMIT 1')->[0];
}

# The change that waits is undone at its deadline: by the worker, for only a monitoring role looks.
sub expires
{
	my ($t, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->expire;
	my $deadline = time + 30;
	my $state = '';
	CastsslTest::wait_until(sub {
		$state = $t->sql('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1', user => 'looker');
		return $state eq 'expired' || time > $deadline;
	});
	return is($state, 'expired', $name);
}

# --- an edit by hand stays, whatever the rules name, and whatever links lead to them

foreach my $place ('file', 'link', 'link to a folder')
{
	my $t = CastsslTest->new("hand" . $place =~ s/ .*//r . length $place);
	$t->sql('CREATE ROLE looker LOGIN IN ROLE pg_monitor');
	$t->write('users', "bob\n");
	if ($place ne 'file')
	{
		my $real = "$t->{folder}/real";
		mkdir $real or die $!;
		rename $t->path('pg_hba.conf'), "$real/pg_hba.conf" or die $!;
		if ($place eq 'link')
		{
			symlink "$real/pg_hba.conf", $t->path('pg_hba.conf') or die $!;
			$t->write("$real/users", "bob\n");
		}
		else
		{
			$t->write("$real/users", "bob\n");
			symlink $real, "$t->{folder}/name" or die $!;
			$t->sql("ALTER SYSTEM SET hba_file = '$t->{folder}/name/pg_hba.conf'");
			$t->write('pg_hba.conf', '');
			$t->restart;
		}
	}
	my $file = $t->sql('SHOW hba_file');
	my $list = "host all \@users 10.0.0.0/8 scram-sha-256\n";
	my $hba = $list . $t->slurp($file);
	foreach my $edit ("host all mallory all reject\n", "host all mallory all rejekt\n")
	{
		my $loads = $edit =~ /reject/;
		$t->write($file, $hba);
		$t->reload;
		$t->sql("SELECT castssl_hba_remove(1)");
		$t->sql("SELECT count(*) FROM castssl_hba_apply(confirm_within => '10 min', force => true)");
		unlike($t->slurp($file), qr/\@users/, "$place: a line with a list is removed");
		$t->write($file, $edit . $t->slurp($file));
		expires($t, "$place: undone");
		is($t->slurp($file), ($loads ? $edit : '') . $hba, $loads ? "$place: the edit stays" : "$place: one that the server would refuse does not");
		like(newest($t)->{reason}, $loads ? qr/: the edit stays$/ : qr/: the edited file is kept in /, "$place: castssl_changes() says so");
		$t->sql('SELECT castssl_hba_discard()');
	}
	$t->stop;
}

# --- undoing leaves alone what is no file any more, and restores the others

my $t = CastsslTest->new('replaced');
$t->sql('CREATE ROLE looker LOGIN IN ROLE pg_monitor');
my $hba = $t->hba;
my $live = "$t->{folder}/live.pem";
my %replace = (
	link => sub { symlink $live, $_[0] or die $! },
	folder => sub { mkdir $_[0] or die $! },
	'large file' => sub {
		open my $out, '>', $_[0] or die $!;
		truncate $out, 65 * 1024 * 1024 or die $!;
		close $out or die $!;
	});
foreach my $what (sort keys %replace)
{
	$t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '10 min');
	isnt($t->hba, $hba, "$what: enabled");
	$t->write($live, $t->slurp('server.crt'));
	unlink $t->path('server.crt') or die $!;
	$replace{$what}->($t->path('server.crt'));
	ok(($t->psql('SELECT count(*) FROM castssl_check()'))[0], "$what: castssl_check() goes on");
	$t->fails('SELECT * FROM castssl_rollback()', '55000', "$what: a rollback by hand is refused", detail => qr/server\.crt/);
	expires($t, "$what: undone at the deadline");
	is($t->hba, $hba, "$what: pg_hba.conf is restored");
	is($t->sql('SHOW ssl'), 'off', "$what: and the parameters");
	ok(!-e $t->path('root.crt'), "$what: and another file");
	ok($what eq 'link' ? -l $t->path('server.crt') : $what eq 'folder' ? -d $t->path('server.crt') : -s $t->path('server.crt') > 1e6, "$what: it stays where it is");
	like(newest($t)->{reason}, qr/^nobody confirmed it within 10 min; "\S+server\.crt" was replaced by something that is no file of this change: it is left as it is$/, "$what: castssl_changes() says so");
	is(join(' ', glob "$t->{data}/*.castssl.tmp"), '', "$what: nothing is left beside it");
	$what eq 'folder' ? rmdir $t->path('server.crt') : unlink $t->path('server.crt');
	unlink $t->path('server.key');
}
like($t->slurp($t->{node}->logfile), qr/WARNING:  "\S+server\.crt" is not restored by undoing change \d+\n.*DETAIL:  It was replaced by .*: it is left as it is/, 'and the log');

# certificate and key belong together: with a key that does not match, the server would not start
$t->enable(source_dir => $t->{source});
my $renewed = CastsslTest::pki()->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
$t->enable(source_dir => $renewed, plaintext => 'block', confirm_within => '10 min');
my $blocked = $t->hba;
rename $t->path('server.crt'), $live or die $!;
symlink $live, $t->path('server.crt') or die $!;
my $key = $t->slurp('server.key');
expires($t, 'a link in the place of the certificate: undone');
isnt($t->hba, $blocked, 'pg_hba.conf is restored');
is($t->slurp('server.key'), $key, 'the key is left as it is');
like(newest($t)->{reason}, qr/"\S+server\.key" belongs to a file that was replaced: it is left as it is/, 'castssl_changes() says so');
is($t->sql('SELECT problem FROM castssl_reload()'), '', 'the server loads both');
$t->restart;
is($t->sql('SHOW ssl'), 'on', 'and starts with them');
my ($n) = $t->slurp($t->newest_change . '/manifest') =~ /^file_(\d+) = '[^']*server\.key'/m;
ok(-s $t->newest_change . "/before-$n", 'the key of before, which was not restored, is kept');
$t->write('server.key', $key);
unlink $t->path('server.crt');
rename $live, $t->path('server.crt') or die $!;
$t->disable;
$hba = $t->hba;

# the folder above it: what lies there now belongs to somebody else
my $tls = "$t->{folder}/tls";
mkdir $tls or die $!;
$t->enable(source_dir => $t->{source}, target_dir => $tls, plaintext => 'block', confirm_within => '10 min');
rename $tls, "$t->{folder}/moved" or die $!;
symlink "$t->{folder}/moved", $tls or die $!;
expires($t, 'a folder that is a link now: undone');
is($t->hba, $hba, 'pg_hba.conf is restored');
ok(-e "$t->{folder}/moved/server.crt", 'what lies in the folder stays');
$t->stop;

# --- a change that was interrupted before it replaced anything, and a link in the place of a folder

$t = CastsslTest->new('abandoned');
mkdir "$t->{folder}/place" or die $!;
$t->enable(source_dir => $t->{source}, target_dir => "$t->{folder}/place", confirm_within => '10 min');
$t->edit_state($t->newest_change . '/manifest', sub { s/^state = .*/state = 'applying'/m; s/^switching = .*/switching = '0'/m });
rename "$t->{folder}/place", "$t->{folder}/moved" or die $!;
symlink 'moved', "$t->{folder}/place" or die $!;
$t->sql('SELECT count(*) FROM castssl_changes()');
is(newest($t)->{state}, 'failed', 'it is closed') or diag explain newest($t);
$t->stop;
done_testing();
