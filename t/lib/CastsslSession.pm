# A session of psql that goes on while the test does other things: ask() sends statements, answer()
# waits until all of them are through and returns the output. The timeout is for each answer.
package CastsslSession;

use strict;
use warnings;
use CastsslPolling qw(wait_until process_lives);
use IPC::Run ();

my $marker = 0;

sub new
{
	my ($class, $timeout, @connection) = @_;
	my $session = bless { in => '', out => '', timer => IPC::Run::timeout($timeout // 180) }, $class;
	$session->{run} = IPC::Run::start([ 'psql', '-XqAt', '-v', 'VERBOSITY=verbose', @connection ],
		'<', \$session->{in}, '>', \$session->{out}, '2>&1', $session->{timer});
	$session->ask('SELECT pg_backend_pid();');
	($session->{pid}) = $session->answer =~ /(\d+)/;
	return $session;
}

sub ask
{
	my ($self, $sql) = @_;
	$self->{marker} = 'answered ' . ++$marker;
	$self->{out} = '';
	$self->{in} .= "$sql\n\\echo $self->{marker}\n";
	$self->{timer}->start;
	$self->{run}->pump_nb;
	return;
}

# NULL-free output without the marker; undef when the session was ended.
sub answer
{
	my ($self) = @_;
	$self->{timer}->start;
	$self->{run}->pump until $self->{out} =~ /^\Q$self->{marker}\E$/m || !$self->{run}->pumpable;
	return unless $self->{out} =~ /^\Q$self->{marker}\E$/m;
	(my $out = $self->{out}) =~ s/^\Q$self->{marker}\E\n//m;
	return $out;
}

# New connections wait for so many seconds (at most 60) before the server says a word: when this returns, for a session that is
# there already need not wait.
sub delay
{
	my ($self, $seconds) = @_;
	foreach my $sql ($seconds ? "ALTER SYSTEM SET pre_auth_delay = $seconds;" : 'ALTER SYSTEM RESET pre_auth_delay;', 'SELECT pg_reload_conf();')
	{
		$self->ask($sql);
		$self->answer;
	}
	wait_until(sub {
		$self->ask(q{SELECT setting FROM pg_settings WHERE name = 'pre_auth_delay';});
		return ($self->answer // '') eq "$seconds\n";
	}) or die "pre_auth_delay is not $seconds";
	return;
}

# Ends it. The server's process is gone from the views when this returns.
sub quit
{
	my ($self) = @_;
	eval { $self->{in} .= "\\q\n"; $self->{timer}->start; $self->{run}->finish };
	wait_until(sub { !process_lives($self->{pid}) }) unless $ENV{CASTSSL_WINDOWS};
	return;
}

1;
