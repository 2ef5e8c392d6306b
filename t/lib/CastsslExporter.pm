# A postgres_exporter or Debian's prometheus-sql-exporter with the queries of monitoring/, and what it answers.
package CastsslExporter;

use strict;
use warnings;
use parent 'CastsslProgram';
use IO::Socket::INET;
use CastsslTest;
use IPC::Run ();
use Time::HiRes ();

our $folder = __FILE__ =~ s{t/lib/[^/]*$}{monitoring}r;

# CastsslExporter->new({ word => value, ... of the connection }, [{ port => ..., queries => file },] options ...); it
# answers when this returns.
sub new
{
	my ($class, $connection, @options) = @_;
	my $settings = ref $options[0] ? shift @options : {};
	local $ENV{DATA_SOURCE_NAME} = join ' ', map { "$_='$connection->{$_}'" } sort keys %$connection;
	return $class->start($settings,
		'prometheus-postgres-exporter', "--extend.query-path=" . ($settings->{queries} // "$folder/queries.yml"),
		'--disable-default-metrics', '--disable-settings-metrics', @options);
}

# The same for prometheus-sql-exporter, which takes URLs; it runs its queries each second.
sub new_sql_exporter
{
	my ($class, $scratch, $settings, @urls) = @_;
	my $text = CastsslTest->slurp("$folder/prometheus-sql-exporter.yml");
	$text =~ s/interval: 1m$/interval: 1s/m or die 'no interval';
	$text =~ s/^( +)- "postgres:.*$/join "\n", map { qq($1- "$_") } @urls/me or die 'no connection';
	CastsslTest->write("$scratch/sql-exporter.yml", $text);
	local $ENV{LOGLEVEL} = 'WARN';
	return $class->start($settings, 'prometheus-sql-exporter', '-config.file', "$scratch/sql-exporter.yml");
}

sub start
{
	my ($class, $settings, @command) = @_;
	my $self = bless { port => $settings->{port} // CastsslTest::free_port(), log => '' }, $class;
	$self->{run} = IPC::Run::start([ @command, "--web.listen-address=127.0.0.1:$self->{port}" ], '<', \undef, '>&', \$self->{log});
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

1;
