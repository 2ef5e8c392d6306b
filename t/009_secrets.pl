# Private keys: in no log line, no error, no result, and in no file that others may read, not for an
# instant.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use File::Find;
use Test::More;

my $t = CastsslTest->new('secrets', conf => "log_min_messages = debug5\nlog_error_verbosity = verbose");
my $pki = $t->{pki};
my $seen = '';

# Everything that a client is told, also of what fails.
sub say_all
{
	my ($sql) = @_;
	my (undef, $out, $err) = $t->psql("SET client_min_messages = debug5; $sql", on_error_stop => 0);
	$seen .= $out . $err;
	return;
}

# Pieces of the keys that nothing else contains, and the passphrase.
my @secrets = ('open sesame');
foreach my $name (qw(server.key server-renewed.key server-encrypted.key))
{
	my @lines = grep { !/^-|:|^$/ } split /\n/, $t->slurp($pki->path($name));
	push @secrets, map { substr($_, 0, 40) } @lines;
}
cmp_ok(scalar @secrets, '>=', 8, 'there are secrets to look for');

sub enable_call { return 'SELECT * FROM ' . CastsslTest::call('castssl_enable', @_) }

say_all(enable_call(source_dir => $t->{source}, plaintext => 'block'));
say_all('SELECT * FROM castssl_status()');
say_all('SELECT * FROM castssl_certificates()');
say_all('SELECT * FROM castssl_hba_rules()');
my $n = 0;
foreach my $replace (
	[ 'server.key' => 'server-renewed.key' ], [ 'server.key' => 'server-encrypted.key' ],
	[ 'server.crt' => 'server.key' ], [ 'server.crt' => 'server.key', 'server.key' => 'server.crt' ],
	[ 'root.crt' => 'server.key' ])
{
	my $source = $pki->source("$t->{folder}/bad-" . ++$n, @$replace);
	say_all(enable_call(source_dir => $source));
}
# a key as another kind of file, and as pg_hba.conf
say_all(enable_call(source_dir => $t->{source}, crl_file => 'server.key'));
say_all(enable_call(source_dir => $t->{source}, cert_file => 'server.key', key_file => 'server.key'));
# a key with garbage in its middle
{
	my $source = $pki->source("$t->{folder}/torn");
	(my $torn = $t->slurp("$source/server.key")) =~ s/\n([^-])/\n*$1/;
	$t->write("$source/server.key", $torn);
	say_all(enable_call(source_dir => $source));
}
say_all('SELECT * FROM castssl_disable()');

my $log = $t->slurp($t->{node}->logfile);
cmp_ok(scalar(() = $log =~ /DEBUG/g), '>', 100, 'the log is a talkative one');
foreach my $where ([ 'what clients were told', $seen ], [ 'the log', $log ])
{
	my ($name, $text) = @$where;
	my @found = grep { index($text, $_) >= 0 } @secrets;
	is(scalar @found, 0, "no secret in $name");
	unlike($text, qr/BEGIN [A-Z ]*PRIVATE KEY/, "no private key in $name");
}

# --- every file with a key in it is 0600, and state is nobody else's

sub key_files
{
	my @wide;
	find(
		sub {
			return unless -f $_ && -s _ < 1_000_000;
			my $mode = (stat _)[2] & 07777;
			open my $in, '<', $_ or return;
			local $/;
			my $content = <$in>;
			push @wide, sprintf('%s %04o', $File::Find::name, $mode)
			  if $content =~ /PRIVATE KEY/ && $mode & 0077;
		},
		$t->{data});
	return @wide;
}
$t->enable(source_dir => $t->{source}, plaintext => 'block');
is(join(' ', key_files()), '', 'no file with a key is open to others');
$t->disable;
is(join(' ', key_files()), '', 'nor after castssl_disable');
is($t->mode("$t->{data}/pg_castssl"), '0700', 'the state directory is 0700');
{
	my @wide;
	find(sub { push @wide, $File::Find::name if -f $_ && ((stat _)[2] & 0077) }, "$t->{data}/pg_castssl");
	is(join(' ', @wide), '', 'its files are 0600');
}
$t->stop;

# --- created with the final mode: seen in the system calls

SKIP:
{
	my $strace = `strace -V 2>/dev/null` ? 1 : 0;
	skip 'strace is not here', 4 unless $strace;
	my $trace = "$t->{folder}/trace";
	my $works = system("strace -f -o '$t->{folder}/try' true >/dev/null 2>&1") == 0;
	skip 'strace may not trace here', 4 unless $works;

	unlink map { "$t->{data}/$_" } qw(server.key server.crt root.crt);
	my $node = $t->{node};
	# a umask that takes nothing away: the modes are those that the calls name
	my $umask = umask 0000;
	my $tracer = fork;
	if ($tracer == 0)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>&', \*STDOUT;
		exec 'strace', '-f', '-qq', '-o', $trace, '-e',
		  'trace=openat,open,creat,chmod,fchmod,fchmodat,umask,rename,renameat,renameat2',
		  'pg_ctl', '-w', '-D', $t->{data}, '-l', $node->logfile, 'start'
		  or die;
	}
	umask $umask;
	CastsslTest::wait_until(sub { ($t->psql('SELECT 1'))[0] }) or die 'the server does not start';
	$node->_update_pid(1);
	$t->enable(source_dir => $t->{source}, plaintext => 'block');
	$t->enable(source_dir => $pki->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt',
		'server.key' => 'server-renewed.key'), plaintext => 'block');
	$t->disable;
	$t->stop;
	waitpid $tracer, 0;

	# every file that is created in or renamed to where keys and state lie
	# (a call that another process comes between has its arguments in a line of its own)
	my $calls = $t->slurp($trace) =~ s/ <unfinished \.\.\.>$/)/gmr;
	# (a build that counts lines keeps them in .gcda files beside its objects)
	my @created = grep { /O_CREAT/ && /server\.key|pg_castssl/ && !/\.gcda"/ } split /\n/, $calls;
	cmp_ok(scalar @created, '>=', 2, 'files with keys were created');
	my @wide = grep { !/, 0600\)/ && !/ENOENT|EEXIST/ } @created;
	is(scalar @wide, 0, 'each with mode 0600 from the first instant') or diag join "\n", @wide;
	my @shared = grep { !/O_EXCL/ && !/ENOENT|EEXIST/ } grep { /server\.key/ } @created;
	is(scalar @shared, 0, 'each as a new file (O_EXCL)') or diag join "\n", @shared;
	my @loosened = grep { /chmod/ && /server\.key|pg_castssl/ && !/0[67]00\)/ } split /\n/, $calls;
	is(scalar @loosened, 0, 'none is loosened') or diag join "\n", @loosened;
}

done_testing();
