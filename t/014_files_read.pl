# One call reads a file once: opens of regular files, counted by strace. Folders, catalogs, time zones and
# libraries are left out; the server's own loaders and what a change writes are counted in.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

plan skip_all => 'strace is not here, or may not trace' unless CastsslMachine::strace_attaches();

# The regular files that a session opens while it runs a statement.
sub opened
{
	my ($t, $session, $statement) = @_;
	my $trace = "$t->{folder}/trace";
	unlink $trace;
	my $tracer = fork // die $!;
	if ($tracer == 0)
	{
		open STDERR, '>', "$t->{folder}/strace.err";
		exec 'strace', '-p', $session->{pid}, '-o', $trace, '-e', 'trace=open,openat,openat2,creat' or die $!;
	}
	# it has attached itself when the server's own look at a file shows up
	CastsslTest::wait_until(sub {
		$session->ask(q{SELECT length(pg_read_file('PG_VERSION'));});
		$session->answer;
		return -s $trace;
	}) or die 'strace traces nothing';
	my $begin = -s $trace;
	$session->ask("SELECT count(*) FROM $statement;");
	like($session->answer, qr/^\d+$/, "$statement works");
	kill 'INT', $tracer;
	waitpid $tracer, 0;
	my @files;
	foreach my $line (split /\n/, substr($t->slurp($trace), $begin))
	{
		next unless $line =~ /^(?:open|openat|openat2|creat)\(.*?"([^"]*)".*\) = \d+/ && $line !~ /O_DIRECTORY|O_PATH/;
		my $path = $1;
		next if $path =~ m{^(?:base|global|pg_(?:wal|xact|subtrans|multixact|stat\w*|filenode\.map))(?:/|$)};
		next if $path =~ m{^/(?:proc|dev|etc|lib|usr/lib|usr/share/zoneinfo)/|/timezone|zoneinfo|\.(?:so|gcda)\b};
		next if -d ($path =~ m{^/} ? $path : "$t->{data}/$path");
		push @files, $path;
	}
	return @files;
}

sub limit_is
{
	my ($t, $session, $limit, $statement, $what) = @_;
	# the worker of the change before may hold the lock for a moment: who waits for it reads more
	$t->alone;
	my @files = opened($t, $session, $statement);
	my %times;
	$times{ s{.*/}{}r }++ foreach @files;
	cmp_ok(scalar @files, '<=', $limit, "$what: at most $limit opens of files")
	  or diag scalar(@files), ': ', join ', ', map { "$_ $times{$_}" } sort { $times{$b} <=> $times{$a} || $a cmp $b } keys %times;
	note "$what: ", scalar(@files), ": @{[ map { s{.*/}{}r } @files ]}";
	cmp_ok(scalar @files, '>', 0, "$what: files were seen");
	return;
}

# Each of $included files that pg_hba.conf refers to is opened once by us, and once more when a change is written
# (the proof), and twice by the server's parser; a change and the check look at each of $changes in the journal once, to see which are to go or damaged.
# So are the two files of parameters, to see whether they are loaded, and once more right behind another change.
sub limits_hold
{
	my ($t, $on, $included, $changes) = @_;
	my $enable = "castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}')";
	my $session = $t->session;
	my $parsed = 3 * $included;
	limit_is($t, $session, 46 + 2 * $included + $changes, $enable, "castssl_enable(), $on");
	limit_is($t, $session, 16 + $parsed, $enable, "the same call again, $on");
	limit_is($t, $session, 28 + ($included ? 6 : 0) + $changes, 'castssl_check()', "castssl_check(), $on");
	$session->ask(q{SELECT castssl_hba_add('host', '{app}', '{alice}', '10.0.0.0/8', 'scram-sha-256');});
	$session->answer;
	limit_is($t, $session, 8 + $included, 'castssl_hba_apply(dry_run => true)', "castssl_hba_apply(dry_run), $on");
	$session->ask('SELECT castssl_hba_discard();');
	$session->answer;
	limit_is($t, $session, 44 + 2 * $included + $changes, 'castssl_disable()', "castssl_disable(), $on");
	$session->quit;
	return;
}

my $t = CastsslTest->new('files_read');
limits_hold($t, 'a small server', 0, 0);

# a journal of twenty changes, and five files that pg_hba.conf takes names from
foreach my $n (1 .. 10)
{
	$t->enable(source_dir => $t->{source});
	$t->disable;
}
# (names, for a file with rules would be one more that a change writes)
$t->write("part$_", "app$_\n") foreach 1 .. 5;
$t->set_hba($CastsslTest::stock_hba . join '', map { "host \@part$_ alice 10.$_.0.0/16 scram-sha-256\n" } 1 .. 5);
limits_hold($t, 'a long journal and five included files', 5, 20);

done_testing();
