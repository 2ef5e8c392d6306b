# A journal that is damaged, full, closed, behind a link, or not what it seems.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use POSIX ();
use Test::More;

my $t = CastsslTest->new('journal', conf => 'castssl.keep_changes = 2');
my $state = "$t->{data}/pg_castssl";

# --- 4: behind a symbolic link: refused before anything is written

mkdir "$t->{folder}/behind", 0700 or die $!;
symlink "$t->{folder}/behind", $state or die $!;
$t->enable_fails({ source_dir => $t->{source}, confirm_within => '1 min' }, '42501', 'pg_castssl is a link', message => qr/pg_castssl/, hint => 1);
is_deeply([ glob "$t->{folder}/behind/*" ], [], 'nothing was written there');
unlink $state or die $!;

# --- 6: a damaged record is a row, not trusted, and nothing is made on top of it

$t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '10 min', force => 'true');
my $folder = $t->newest_change;
my $manifest = "$folder/manifest";
my $good = $t->slurp($manifest);
like($good, qr/\Aversion = '2'\n.*^sha256 = '[0-9a-f]{64}'\n\z/ms, 'a record has a version and a seal');
my $images = () = glob "$folder/before-*";
my %damage = (empty => '', cut => substr($good, 0, length($good) / 2), 'another state' => $good =~ s/unconfirmed/applied/r,
	'another beginning' => $good =~ s/^version/verzion/r, 'no beginning' => $good =~ s/^version.*\n//r,
	'no end' => $good =~ s/^sha256.*//mr, nonsense => "\0\1\2", 'unknown state' => "action = 'x'\nstate = 'mystery'\n");
foreach my $name (sort keys %damage)
{
	$t->write($manifest, $damage{$name});
	my $row = $t->rows('SELECT state, reason FROM castssl_changes()')->[0];
	is($row->{state}, 'damaged', "$name: its state");
	like($row->{reason}, qr/manifest/, "$name: why");
	is($t->sql(q{SELECT severity FROM castssl_check() WHERE check_name = 'changes'}), 'error', "$name: castssl_check()");
	is($t->sql('SELECT change_state FROM castssl_status()'), 'damaged', "$name: castssl_status()");
	like($t->sql('SELECT castssl_report()'), qr/damaged/, "$name: castssl_report()");
	$t->fails($_, 'F0000', "$name: $_", detail => qr/manifest/, hint => qr/remove the folder/)
	  foreach 'SELECT castssl_confirm()', "SELECT castssl_postpone('1 min')", 'SELECT * FROM castssl_rollback()', 'SELECT * FROM castssl_disable()';
	is(scalar(my @left = glob "$folder/before-*"), $images, "$name: its before-images stay");
}
unlink $manifest;
POSIX::mkfifo($manifest, 0600) or die $!;
is($t->rows('SELECT state FROM castssl_changes()')->[0]{state}, 'damaged', 'a FIFO hangs nobody');
unlink $manifest;
$t->write($manifest, $good);
# what vouches for it: that nobody else could write it, or put it there
foreach my $open ([ $manifest, 0666 ], [ $manifest, 0660 ], [ $folder, 0770 ], [ "$state/changes", 0702 ], [ $state, 0777 ])
{
	my ($path, $mode) = @$open;
	my $before = (stat $path)[2] & 07777;
	chmod $mode, $path or die $!;
	my $row = $t->rows('SELECT state, reason FROM castssl_changes()')->[0];
	is($row->{state}, 'damaged', sprintf('%04o %s: its state', $mode, $path));
	like($row->{reason}, qr/not trusted: other accounts may have written it/, 'why');
	$t->fails('SELECT castssl_confirm()', 'F0000', 'and it is not confirmed', detail => qr/not trusted/);
	chmod $before, $path or die $!;
}
is($t->confirm, 1, 'put right, it is good again');

# the same for what is staged, which was not seen by who applies it
$t->sql(q{SELECT castssl_hba_add('hostssl', '{all}', '{alice}', '192.0.2.0/24', 'scram-sha-256')});
chmod 0666, "$state/staged/manifest" or die $!;
$t->fails('SELECT * FROM castssl_hba_apply()', '42501', 'a staged manifest that others may have written', message => qr/not trusted/, hint => qr/discard/);
chmod 0600, "$state/staged/manifest" or die $!;
$t->sql('SELECT castssl_hba_discard()');

# a damaged older one stops nothing, and is never pruned
my $older = "$folder/manifest";
$t->enable(plaintext => 'block', clientcert => 'verify-full', force => 'true');
$t->write($older, '');
$t->disable;
is($t->sql(q{SELECT severity FROM castssl_check() WHERE check_name = 'changes'}), 'warning', 'an older one that is damaged: a warning');
is(scalar(my @images = glob "$folder/before-*"), $images, 'and it stays');
{
	my $number = $folder =~ s{.*/}{}r;
	my $told = qr/^Change $number \(.*\) has a damaged record: could not parse contents of file "\Q$older\E": it is empty\.$/;
	$t->fails("SELECT castssl_confirm($number)", '55000', 'it is not confirmed', detail => $told, constraint => 'castssl_nothing_to_confirm');
	$t->fails("SELECT * FROM castssl_rollback($number)", '55000', 'nor rolled back', detail => $told, constraint => 'castssl_nothing_to_roll_back');
}

# --- 7: what else lies in changes/

$t->write("$state/changes/77", 'a plain file');
$t->write("$state/changes/notes", 'another');
mkdir "$state/changes/9999999999999999999", 0700 or die $!;
mkdir "$state/changes/007", 0700 or die $!;
$t->enable(source_dir => $t->{source}, plaintext => 'block');
my $newest = $t->sql('SELECT max(change_id) FROM castssl_changes()');
cmp_ok($newest, '<', 77, 'neither a file nor a name that is no number counts');
$t->write("$state/changes/" . ($newest + 1), 'a plain file');
$t->disable;
$t->enable(source_dir => $t->{source}, plaintext => 'block');
is($t->sql('SELECT max(change_id) FROM castssl_changes()'), $newest + 3, 'a number that a file has is left out');
$t->alone;
is(scalar(grep { my @files = glob "$_/before-*"; $_ ne $folder && @files } glob "$state/changes/*"), 2, 'nor do they stop pruning');
$t->disable;
mkdir "$state/changes/99999999999999999", 0700 or die $!;
$t->enable_fails({ source_dir => $t->{source} }, 'F0000', 'the last number is taken', hint => qr/[Rr]emove/);
rmdir "$state/changes/99999999999999999" or die $!;

# --- the baseline and what is staged

$t->enable(source_dir => $t->{source});
my $baseline = $t->slurp("$state/baseline");
$t->write("$state/baseline", substr $baseline, 0, 40);
$t->fails('SELECT * FROM castssl_disable()', 'F0000', 'a cut baseline', hint => 1);
$t->write("$state/baseline", $baseline =~ s/^(?:version|sha256) = .*\n//mgr);
$t->disable;
is($t->served, 'none', 'a baseline of 0.1.0 is read');

my $add = q{SELECT castssl_hba_add('host', '{app}', '{all}', '192.0.2.0/24', 'scram-sha-256')};
$t->sql($add);
my $staged = $t->slurp("$state/staged/manifest");
my @asks = ('SELECT castssl_hba_diff()', 'SELECT * FROM castssl_hba_apply()', $add, 'SELECT * FROM castssl_hba_compare()');
foreach my $damage ([ 'empty' => '' ], [ 'cut' => substr $staged, 0, length($staged) / 2 ], [ 'with another number of files' => $staged =~ s/^(count = ')\d+/${1}0/mr ])
{
	$t->write("$state/staged/manifest", $damage->[1]);
	$t->fails($_, 'F0000', "a record of what is staged that is $damage->[0]: $_", hint => qr/discard/) foreach @asks;
}
unlink "$state/staged/manifest";
POSIX::mkfifo("$state/staged/manifest", 0600) or die $!;
$t->fails("SET statement_timeout = '20s'; $_", 'F0000', "a FIFO: $_", hint => qr/discard/) foreach @asks;
$t->sql('SELECT castssl_hba_discard()');
is($t->sql('SELECT hba_staged FROM castssl_status()'), 'f', 'and can be discarded');

SKIP: {
	skip 'root may write everywhere', 3 if $> == 0;
	$t->sql($add);
	my @files = sort glob "$state/staged/*";
	foreach my $closed ($state, "$state/staged")
	{
		chmod 0500, $closed;
		$t->fails('SELECT castssl_hba_discard()', '42501', 'castssl_hba_discard in a closed folder', no_detail => 1);
		chmod 0700, $closed;
		is_deeply([ sort glob "$state/staged/*" ], \@files, 'leaves all as it is');
	}
	$t->sql('SELECT castssl_hba_discard()');
}

# --- in one backend: memory, descriptors and OpenSSL's error queue stay flat

my $module = CastsslTest::temporary_folder() . '/error_queue';
my $include = `pg_config --includedir-server`;
chomp $include;
my @command = ('gcc', '-shared', '-fPIC', "-I$include", '-o', "$module.so", "$FindBin::RealBin/lib/error_queue.c", '-lcrypto');
is(system(@command), 0, 'a module that looks at the error queue') or die "@command";
$t->sql("CREATE FUNCTION error_queue() RETURNS text AS '$module' LANGUAGE C");

my $version = int($t->sql('SHOW server_version_num') / 10000);
my $cycles = $ENV{CASTSSL_CYCLES} // ($version >= 14 ? 15 : 40);
my $session = $t->session(timeout => 180 + 10 * $cycles);
# 13 does not show its memory contexts; then what the system knows of data and stack, which grow by large steps
my $bytes = $version >= 14 ? 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts'
  : q{SELECT 4096 * split_part(pg_read_file('/proc/self/statm', 0, 200), ' ', 6)::bigint};
my $measure = qq{SELECT ($bytes), (SELECT count(*) FROM pg_ls_dir('/proc/self/fd'));};
my ($memory_before, $files_before, $memory, $files);
my ($errors, %queued) = (0);

# What a statement leaves in the queue, which pgcrypto and others in the same backend would take for theirs.
sub run_and_look
{
	my ($sql) = @_;
	$session->ask("$sql; SELECT 'queue:' || error_queue();");
	my $answer = $session->answer;
	$queued{"$sql: $_"}++ foreach $answer =~ /^queue:(.+)$/mg;
	return $answer;
}

foreach my $cycle (1 .. $cycles)
{
	my $answer = join '', map { run_and_look("SELECT count(*) FROM $_") } "castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}')", $CastsslTest::back =~ s/.* FROM (?=castssl_rollback)//r;
	$errors++ if $answer =~ /ERROR/;
	next if $cycle != 5 && $cycle != $cycles;
	$session->ask($measure);
	($memory, $files) = $session->answer =~ /^(\d+)\|(\d+)$/m;
	($memory_before, $files_before) = ($memory, $files) if $cycle == 5;
}
diag "after 5 cycles $memory_before bytes and $files_before descriptors, after $cycles $memory and $files";
ok($memory && $files, 'measured');
is($errors, 0, "$cycles cycles of castssl_enable and castssl_rollback");
cmp_ok($memory, '<', $memory_before + ($version >= 14 ? 200_000 : 512_000), 'memory is flat');
cmp_ok($files, '<=', $files_before + 2, 'so are descriptors');
is_deeply(\%queued, {}, 'and the error queue is empty after each call');

# after calls that are refused, and those that look at what is damaged, too
my ($number, @accepted) = 0;
foreach ([ 'server.crt', 'garbage' ], [ 'server.crt', 'empty' ], [ 'server.crt', 'server.der' ], [ 'server.crt', 'server-expired.crt' ],
	[ 'server.crt', 'alice.crt' ], [ 'server.key', 'alice.key' ], [ 'server.key', 'garbage' ], [ 'server.key', 'server-encrypted.key' ],
	[ 'root.crt', 'garbage' ], [ 'root.crt', 'alice.crt' ])
{
	my $wrong = $t->{pki}->source("$t->{folder}/wrong" . ++$number, @$_);
	push @accepted, "@$_" if run_and_look("SELECT count(*) FROM castssl_enable(source_dir => '$wrong', clientcert => 'verify-ca')") !~ /ERROR/;
}
is_deeply(\@accepted, [], 'what does not fit is refused');
$t->enable(source_dir => $t->{source}, clientcert => 'verify-ca', force => 'true');
my @good = map { $t->slurp("$t->{data}/$_") } qw(server.crt root.crt);
foreach my $damaged ('', $t->slurp($t->{pki}->path('garbage')), substr($good[0], 0, 300), $t->slurp($t->{pki}->path('server.der')))
{
	foreach my $file (qw(server.crt root.crt server.key))
	{
		my $whole = $t->slurp("$t->{data}/$file");
		$t->write("$t->{data}/$file", $damaged);
		run_and_look("SELECT count(*) FROM $_") foreach map { "castssl_$_()" } qw(status check certificates fingerprint report reload rollback disable);
		run_and_look("SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}', dry_run => true)");
		$t->write("$t->{data}/$file", $whole);
	}
}
run_and_look($_) foreach map { "SELECT castssl_certificate_info('$_')" } '', 'x', $t->slurp($t->{pki}->path('garbage')), $good[0];
run_and_look($_) foreach "SELECT length(castssl_csr('localhost'))", "SELECT count(*) FROM castssl_install('$good[0]')", "SELECT count(*) FROM castssl_install('x')",
  "SELECT length(castssl_create_ca('a test'))", "SELECT castssl_sign('x')", "SELECT count(*) FROM castssl_issue_client('alice')", "SELECT castssl_revoke('$good[0]')",
  "SELECT castssl_revoke('x')", "SELECT length(castssl_client_config('libpq'))", "SELECT count(*) FROM castssl_changes()";
is_deeply(\%queued, {}, 'the queue is empty after what failed or looked at what is damaged');
$session->quit;

# --- more changes than the server lets one process open files

$t->{node}->append_conf('postgresql.conf', "max_files_per_process = 100\ncastssl.keep_changes = 50");
$t->restart;
$newest = $t->sql('SELECT max(change_id) FROM castssl_changes()');
$session = $t->session(timeout => 1200);
$session->ask(join '', map { "SELECT castssl_hba_add('hostssl', '{all}', '{all}', '192.0.2.$_/32', 'scram-sha-256') IS NOT NULL AND (SELECT count(*) FROM castssl_hba_apply(force => true)) > 0;" } 1 .. 40);
is($session->answer, "t\n" x 40, '40 changes');
$session->quit;
is($t->sql("SELECT count(*) FROM castssl_changes() WHERE state = 'applied' AND change_id > $newest"), 40, 'all of them can be read');
my ($ok, undef, $error) = $t->psql("SELECT count(*) FROM castssl_rollback(change_id => $newest + 1, force => true)");
ok($ok, 'and rolled back') or diag $error;
unlike($t->hba, qr/192\.0\.2\./, 'to before the first');
$t->stop;

done_testing();
