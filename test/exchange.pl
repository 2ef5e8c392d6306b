#!/usr/bin/perl
# Exchanges two names at one instant, again and again: what an attacker does who can write to their folder.
#
# usage: test/exchange.pl NAME OTHER SECONDS     prints how many times; exit status 2: this system cannot
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(time);

my ($name, $other, $seconds) = @ARGV;
my %renameat2 = (x86_64 => 316, i686 => 353, aarch64 => 276, riscv64 => 276, ppc64le => 357, s390x => 347, armv7l => 382);
my ($system, undef, undef, undef, $machine) = POSIX::uname();
my $call = $system eq 'Linux' ? $renameat2{$machine} : undef;
exit 2 unless defined $call;
my ($at_fdcwd, $exchange) = (-100, 2);
my ($end, $count) = (time + $seconds, 0);
# An even number in all: in the end each has its own name again.
while (time < $end || $count % 2)
{
	if (syscall($call, $at_fdcwd, $name, $at_fdcwd, $other, $exchange) != 0)
	{
		exit 2 if $count == 0;
		die "$name, $other: $!";
	}
	$count++;
	select undef, undef, undef, rand 0.001 if rand() < 0.2;
}
print "$count\n";
