# A program that runs beside a test, in {run}: it ends with the test.
package CastsslProgram;

use strict;
use warnings;

sub stop
{
	my ($self) = @_;
	my $run = delete $self->{run};
	$run->kill_kill if $run;
	return;
}

# also where the test dies
sub DESTROY
{
	my ($self) = @_;
	local ($?, $@);
	$self->stop;
	return;
}

1;
