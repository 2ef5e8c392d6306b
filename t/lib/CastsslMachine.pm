# What the machine can do that runs the tests: part of CastsslTest.
package CastsslMachine;

use strict;
use warnings;
use Carp;
use CastsslPolling qw(wait_until process_lives);
use IO::Socket::IP ();
use POSIX ();

# A container may have no address ::1.
sub has_ipv6
{
	return defined IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
}

# Some name servers know every name, also those that there cannot be.
sub knows_no_name
{
	return !gethostbyname 'nowhere.invalid';
}

# Enough memory for a server that is given very large values, beside another one?
sub memory_is_short
{
	my ($kilobytes) = eval { CastsslOpenssl::slurp('/proc/meminfo') =~ /^MemAvailable:\s+(\d+) kB/m };
	return defined $kilobytes && $kilobytes < ($ENV{CASTSSL_SANITIZED} ? 6e6 : 3e6);
}

# Can strace look at a process that it has not started, as a server's is?
sub strace_attaches
{
	my @pids;
	foreach my $command ([ 'sleep', 600 ], [ 'strace', '-o', '/dev/null', '-p' ])
	{
		my $pid = fork // croak "fork: $!";
		if ($pid == 0)
		{
			open STDOUT, '>', '/dev/null';
			open STDERR, '>&', \*STDOUT;
			exec @$command, @pids or POSIX::_exit(1);
		}
		push @pids, $pid;
	}
	my $traced = 0;
	wait_until(sub { ($traced) = CastsslOpenssl::slurp("/proc/$pids[0]/status") =~ /^TracerPid:\s+(\d+)/m; return $traced || !process_lives($pids[1]) });
	kill KILL => reverse @pids;
	waitpid $_, 0 foreach @pids;
	return $traced;
}

1;
