# With fsync = off, as some servers are delivered, what a change writes is synced all the same: each file
# before it takes another one's place, and its folder behind that. Counted by strace.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

plan skip_all => 'strace is not here, or may not trace' unless CastsslMachine::strace_attaches();

my $t = CastsslTest->new('synced', conf => 'fsync = off');
is($t->sql('SHOW fsync'), 'off', 'the server syncs nothing of its own');
my $session = $t->session;
my $trace = "$t->{folder}/trace";
my $tracer = fork // die $!;
if ($tracer == 0)
{
	open STDERR, '>', "$t->{folder}/strace.err";
	exec 'strace', '-y', '-p', $session->{pid}, '-o', $trace, '-e', 'trace=fsync,fdatasync,rename,renameat,renameat2,openat' or die $!;
}
CastsslTest::wait_until(sub {
	$session->ask(q{SELECT length(pg_read_file('PG_VERSION'));});
	$session->answer;
	return -s $trace;
}) or die 'strace traces nothing';
$session->ask("SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}', plaintext => 'block');");
like($session->answer, qr/^\d+$/, 'a change');
kill 'INT', $tracer;
waitpid $tracer, 0;

# The paths that were synced so far, and for each rename whether its file was among them.
my (%synced, @unsynced, @renamed);
foreach my $line (split /\n/, $t->slurp($trace))
{
	if ($line =~ /^f(?:data)?sync\(\d+<([^>]*)>\)\s+= 0/) { $synced{$1} = 1 }
	elsif ($line =~ /^renameat2?\(\d+<([^>]*)>, "([^"]*)", \d+<([^>]*)>, "([^"]*)".*= 0/)
	{
		push @renamed, "$3/$4";
		push @unsynced, $renamed[-1] unless $synced{"$1/$2"};
		delete $synced{$3};
	}
}
cmp_ok(scalar @renamed, '>=', 4, 'files took their places: ' . join ' ', map { s{.*/}{}r } @renamed);
is_deeply(\@unsynced, [], 'each was synced before');
my %folder = map { s{/[^/]*$}{}r => 1 } @renamed;
is_deeply([ grep { !$synced{$_} } sort keys %folder ], [], 'and its folder behind');
$session->quit;
$t->stop;
done_testing();
