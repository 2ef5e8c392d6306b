# Looks again and again until something is so: for whoever waits for a server or a process.
package CastsslPolling;

use strict;
use warnings;
use Exporter 'import';
use Time::HiRes ();

our @EXPORT_OK = qw(wait_until process_lives);

# Looks for 180 s at least, until the condition holds; returns whether it does.
sub wait_until
{
	my ($condition) = @_;
	my $pause = 1_000;
	foreach (1 .. 3600)
	{
		return 1 if $condition->();
		Time::HiRes::usleep($pause);
		$pause *= 2 if $pause < 50_000;
	}
	return 0;
}

# Is there such a process, and not only what is left of it until its parent asks how it ended?
sub process_lives
{
	my ($pid) = @_;
	open my $stat, '<', "/proc/$pid/stat" or return 0;
	return (<$stat> // ') Z ') !~ /\) Z /;
}

1;
