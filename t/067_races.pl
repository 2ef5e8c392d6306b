# Names that somebody exchanges while a call runs: a folder with a symbolic link to another one, a list with a FIFO.
# No file may appear, change or be read elsewhere, and every session can be ended. CASTSSL_RACE_SECONDS (2): how long
# each of them is tried.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use POSIX ();
use Test::More;

my $seconds = $ENV{CASTSSL_RACE_SECONDS} // 2;
my $program = "$FindBin::RealBin/../test/exchange.pl";
my $probe = CastsslTest::temporary_folder();
mkdir "$probe/$_" or die $! foreach 'a', 'b';
plan skip_all => 'this system cannot exchange two names at one instant' if system($^X, $program, "$probe/a", "$probe/b", 0.01) >> 8 == 2;

my $t = CastsslTest->new('races');
my $pki = $t->{pki};
my $race = "$t->{folder}/race";
my $outside = "$t->{folder}/outside";
mkdir $_, 0700 or die "$_: $!" foreach $race, $outside;
chmod 0777, $race or die $!;    # here others exchange names
$t->sql('CREATE ROLE operator LOGIN; GRANT pg_monitor TO operator');
$t->sql("GRANT EXECUTE ON FUNCTION $_ TO operator") foreach split /\n/,
  $t->sql(q{SELECT oid::regprocedure FROM pg_proc WHERE proname ~ '^castssl_(enable|hba_|certificates)'});

# Exchange two names while a body runs again and again; how often each happened. Its calls do not wait long for a
# proof that cannot succeed.
sub race
{
	my ($name, $other, $body) = @_;
	local $ENV{PGOPTIONS} = '-c castssl.verify_timeout=200ms';
	my $pid = open my $pipe, '-|', $^X, $program, $name, $other, $seconds or die $!;
	my $calls = 0;
	while (waitpid($pid, POSIX::WNOHANG()) == 0)
	{
		$body->($calls++);
	}
	my $exchanges = <$pipe> // 0;
	close $pipe;
	chomp $exchanges;
	return ($calls, $exchanges);
}

sub listing
{
	my ($folder) = @_;
	my %content;
	foreach my $file (glob "$folder/* $folder/.*")
	{
		$content{$file} = (-f $file ? $t->slurp($file) : '') . sprintf '%o', (lstat $file)[2];
	}
	return \%content;
}

# A race, told: what came of its calls, that there were some, and that nothing happened outside.
sub told
{
	my ($what, $calls, $exchanges, $outcomes, $before) = @_;
	diag "$what: $calls calls, $exchanges exchanges in $seconds s: ", join ', ', map { "$_ $outcomes->{$_}" } sort keys %$outcomes;
	cmp_ok($calls, '>', 0, "$what: calls ran");
	cmp_ok($exchanges, '>', 0, "$what: names were exchanged") if $seconds >= 10;    # a busy machine may not run the other process at all
	cmp_ok($outcomes->{done} // 0, '>', 0, "$what: some of them did what they should") if $calls > 20 && $seconds >= 10;    # few calls may all lose
	is_deeply([ grep { /^(42703|42601|XX|57P|died)/ } keys %$outcomes ], [], "$what: no error in the statement or inside, no session lost");
	is_deeply(listing($outside), $before, "$what: nothing outside appeared or changed") if $before;
	return;
}

sub outcome
{
	my ($sql, %options) = @_;
	my ($ok, $out, $err) = $t->psql($sql, %options);
	return (($ok ? 'done' : $err =~ /(?:ERROR|FATAL|PANIC):\s+(\w{5}):/ ? $1 : "died: $err"), $out . $err);
}

# --- a target: by a superuser, for others are refused such a folder before

my @source = map { $pki->source("$t->{folder}/source$_") } 0, 1;
foreach my $name (qw(server.crt server.key))
{
	$t->write("$source[1]/$name", $t->slurp("$source[1]/$name") . "another one\n");
}
mkdir "$race/tls", 0700 or die $!;
symlink $outside, "$race/link" or die $!;
$t->write("$outside/kept", "kept\n");
my $before = listing($outside);
my %outcomes;
my ($calls, $exchanges) = race("$race/tls", "$race/link", sub {
		my ($outcome) = outcome("SELECT * FROM castssl_enable(source_dir => '$source[$_[0] % 2]', target_dir => '$race/tls', clientcert => 'none', force => true)");
		$outcomes{$outcome}++; });
told('castssl_enable() into the folder', $calls, $exchanges, \%outcomes, $before);

my %text = map { my $source = $_; $_ => [ map { CastsslTest::quote($t->slurp("$source/$_")) } 'server.crt', 'server.key' ] } @source;
$t->enable(source_dir => $source[0], target_dir => "$race/tls", clientcert => 'none', force => 'true');
%outcomes = ();
($calls, $exchanges) = race("$race/tls", "$race/link", sub {
		my ($certificate, $key) = @{ $text{ $source[ $_[0] % 2 ] } };
		my ($outcome) = outcome("SELECT * FROM castssl_install(certificate => $certificate, private_key => $key, force => true)");
		$outcomes{$outcome}++; });
told('castssl_install() into the folder', $calls, $exchanges, \%outcomes, $before);
$t->sql('SELECT * FROM castssl_disable(force => true)');

# --- taken back where the folder was exchanged since: not elsewhere, and as soon as it is there again

unlink glob "$race/tls/*";
$t->enable(source_dir => $source[0], target_dir => "$race/tls", clientcert => 'none', force => 'true');
my $installed = $t->newest_change =~ s{.*/}{}r;
rename "$race/tls", "$race/moved" or die $!;
symlink $outside, "$race/tls" or die $!;
$t->write("$outside/$_", $t->slurp("$race/moved/$_")) foreach qw(server.crt server.key root.crt);
$before = listing($outside);
like((outcome("SELECT * FROM castssl_rollback(change_id => $installed, force => true)"))[0], qr/^(42501|F0000|55000|58000)$/,
	'castssl_rollback() with a link in the place of the folder fails');
is_deeply(listing($outside), $before, 'and touches nothing where the link leads');
unlink "$race/tls" or die $!;
rename "$race/moved", "$race/tls" or die $!;
is((outcome("SELECT * FROM castssl_rollback(change_id => $installed, force => true)"))[0], 'done', 'with the folder there again it works');
unlink map { "$outside/$_" } qw(server.crt server.key root.crt);
$before = listing($outside);

# --- pg_hba.conf

mkdir "$race/conf", 0700 or die $!;
$t->write("$race/conf/pg_hba.conf", $CastsslTest::stock_hba);
symlink $outside, "$race/conflink" or die $!;
$t->sql("ALTER SYSTEM SET hba_file = '$race/conf/pg_hba.conf'");
$t->restart;
%outcomes = ();
($calls, $exchanges) = race("$race/conf", "$race/conflink", sub {
		my $rule = sprintf 'host x y 10.%d.%d.0/24 reject', int($_[0] / 250) % 250, $_[0] % 250;
		my ($outcome) = outcome("SELECT castssl_hba_stage(pg_read_file('$race/conf/pg_hba.conf') || E'$rule\\n'); SELECT * FROM castssl_hba_apply(force => true)");
		$outcomes{$outcome}++; });
told('castssl_hba_apply() in the folder', $calls, $exchanges, \%outcomes, $before);
$t->sql('ALTER SYSTEM RESET hba_file');
$t->restart;

# --- a source, by a role that is no superuser: what lies elsewhere is not read

my $secret = "$t->{folder}/secret";
$pki->source($secret, 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
$t->write("$secret/users", "topsecret\n");
$pki->source("$race/in");
symlink $secret, "$race/inlink" or die $!;
$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM SET castssl.allowed_directories = '$race'");
$t->reload;
my $fingerprint = $pki->fingerprint('server-renewed.crt');
%outcomes = ();
($calls, $exchanges) = race("$race/in", "$race/inlink", sub {
		my ($outcome, $text) = outcome("SELECT * FROM castssl_enable(source_dir => '$race/in', clientcert => 'none', force => true, dry_run => true)", user => 'operator');
		$outcome = 'SECRET' if $text =~ /$fingerprint/;
		$outcomes{$outcome}++; });
told('castssl_enable() from the folder', $calls, $exchanges, \%outcomes);
ok(!$outcomes{SECRET}, 'the other source was never read');

# --- a list (@file), by a role that is no superuser

mkdir "$race/lists", 0700 or die $!;
$t->write("$race/lists/users", "alice\n");
symlink $secret, "$race/listlink" or die $!;
$t->set_hba("$CastsslTest::stock_hba\nhost all \@$race/lists/users 192.0.2.1/32 reject\n");
%outcomes = ();
($calls, $exchanges) = race("$race/lists", "$race/listlink", sub {
		my $user = $_[0] % 10 ? 'operator' : 'postgres';
		my ($outcome, $text) = outcome(q{SELECT * FROM castssl_hba_rules();
			SELECT * FROM castssl_hba_explain('postgres', 'topsecret', '192.0.2.1', 'tls')}, user => $user);
		# (the superuser is shown what the server would read: that the race can be won)
		$outcome = 'won' if $user eq 'postgres' && $text =~ /topsecret,|\{topsecret/;
		$outcome = 'SECRET' if $user eq 'operator' && $text =~ /\{topsecret|rejects|line \d+ .*topsecret/;
		$outcomes{$outcome}++; });
told('a list in the folder', $calls, $exchanges, \%outcomes);
ok(!$outcomes{SECRET}, 'the other list was never read');

# --- a list that holds something else when it is written than when it was judged: the server is not told to load it

$t->write("$race/lists/users2", "bob\n");
my $list = "host all \@$race/lists/users 192.0.2.1/32 reject\n";
$t->set_hba($CastsslTest::stock_hba . $list);
%outcomes = ();
my $unlike = 0;
($calls, $exchanges) = race("$race/lists/users", "$race/lists/users2", sub {
		my ($outcome, $text) = outcome("SELECT castssl_hba_stage(pg_read_file('pg_hba.conf') || E'host x y 10.7.$_[0].0/24 reject\\n'); SELECT * FROM castssl_hba_apply(force => true)");
		$unlike++ if $outcome eq '58000' && $text =~ /the file that rule \d+ of .* refers to is not as it was planned/;
		$outcomes{$outcome}++; });
told('a list beside another one', $calls, $exchanges, \%outcomes);
cmp_ok($unlike, '>', 0, 'the proof has found the other list on the disk') if $calls > 30 && $seconds >= 10;
$t->psql('SELECT castssl_hba_discard()');
$t->set_hba($CastsslTest::stock_hba . $list);

# --- a FIFO in the place of a list: whoever reads it would wait for a writer

POSIX::mkfifo("$race/lists/fifo", 0600) or die $!;
$t->sql(q{SELECT castssl_hba_add('host', '{x}', '{y}', '192.0.2.7/32', 'reject')});
my @reading = ('castssl_hba_rules()', 'castssl_check()', 'castssl_hba_compare()', 'castssl_hba_apply(dry_run => true)', 'castssl_hba_diff()',
	q{castssl_hba_explain('postgres', 'alice', '192.0.2.1', 'tls')});
local $SIG{ALRM} = sub { diag 'a session waits for a FIFO, and nothing ends it'; exit 1 };
%outcomes = ();
($calls, $exchanges) = race("$race/lists/users", "$race/lists/fifo", sub {
		my ($outcome) = outcome("SET statement_timeout = '120s'; SELECT * FROM $reading[$_[0] % @reading]", user => $_[0] % 4 ? 'operator' : 'postgres');
		$outcomes{$outcome}++; });
told('a FIFO in place of a list', $calls, $exchanges, \%outcomes);
ok(!$outcomes{57014}, 'and nobody had to be canceled');
rename "$race/lists/fifo", "$race/lists/users" or die $!;
foreach my $statement (@reading)
{
	like((outcome("SET statement_timeout = '120s'; SELECT * FROM $statement"))[0], qr/^(done|F0000)$/, "$statement with a FIFO as list ends");
}
like($t->sql("SELECT string_agg(message, ' ') FROM castssl_check() WHERE severity = 'error'"), qr/users" is not a regular file/, 'castssl_check() says so');
unlink "$race/lists/users";
$t->write("$race/lists/users", "alice\n");

done_testing();
