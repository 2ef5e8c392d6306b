# A postgres_exporter with the queries of monitoring/, or with others, and what it answers.
package CastsslExporter;

use strict;
use warnings;
use IO::Socket::INET;
use IPC::Run ();
use Time::HiRes ();

our $folder = __FILE__ =~ s{t/lib/[^/]*$}{monitoring}r;

sub free_port
{
	my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die $!;
	return $socket->sockport;
}

# CastsslExporter->new({ word => value, ... of the connection }, options ...); it answers when this returns.
sub new
{
	my ($class, $connection, @options) = @_;
	my $self = bless { port => free_port(), log => '' }, $class;
	local $ENV{DATA_SOURCE_NAME} = join ' ', map { "$_='$connection->{$_}'" } sort keys %$connection;
	$self->{run} = IPC::Run::start(
		[ 'prometheus-postgres-exporter', "--web.listen-address=127.0.0.1:$self->{port}", "--extend.query-path=$folder/queries.yml",
			'--disable-default-metrics', '--disable-settings-metrics', @options ],
		'<', \undef, '>&', \$self->{log});
	foreach (1 .. 360)
	{
		last if $self->get('/');
		$self->{run}->pump_nb;
		Time::HiRes::sleep(0.5);
	}
	return $self;
}

sub get
{
	my ($self, $path) = @_;
	my $connection = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 60) or return '';
	print $connection "GET $path HTTP/1.0\r\n\r\n";
	local $/;
	my $page = <$connection> // '';
	$self->{run}->pump_nb;
	return $page;
}

# One scrape: name and labels => value, without the exporter's own label and the folder of files.
sub metrics
{
	my ($self) = @_;
	my $page = $self->get('/metrics');
	($self->{status}) = $page =~ m{^HTTP/\S+ (\d+)};
	return { map { /^((?:castssl_|pg_up|pg_exporter_last_scrape_error)\S*?)(\{.*\})? (\S+)$/ ? (simple($1, $2 // '') => $3) : () } split /\n/, $page };
}

sub simple
{
	my ($name, $labels) = @_;
	$labels =~ s/server="[^"]*",?//;
	$labels =~ s{file_name="[^"]*/}{file_name="};
	$labels =~ s/,?\}$/}/;
	return $name . ($labels eq '{}' ? '' : $labels);
}

# The names of those that are ours.
sub names
{
	my ($metrics) = @_;
	my %names = map { s/\{.*//r => 1 } grep { /^castssl_/ } keys %$metrics;
	return sort keys %names;
}

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
