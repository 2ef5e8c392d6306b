# A real Prometheus that scrapes each second, with the alerts of monitoring/.
package CastsslPrometheus;

use strict;
use warnings;
use parent 'CastsslProgram';
use CastsslExporter;
use CastsslTest;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use Time::HiRes ();

# CastsslPrometheus->new(folder, configuration, alerts): with these scrape_configs, and these alerts or those of
# monitoring/.
sub new
{
	my ($class, $scratch, $scrape_configs, $alerts) = @_;
	my $self = bless { port => CastsslTest::free_port() }, $class;
	CastsslTest->write("$scratch/alerts.yml", $alerts // CastsslTest->slurp("$CastsslExporter::folder/alerts.yml"));
	CastsslTest->write("$scratch/prometheus.yml",
		"global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [$scratch/alerts.yml]\n$scrape_configs");
	$self->{run} = IPC::Run::start(
		[ 'prometheus', "--config.file=$scratch/prometheus.yml", "--storage.tsdb.path=$scratch/tsdb", "--web.listen-address=127.0.0.1:$self->{port}" ],
		'<', \undef, '>&', "$scratch/prometheus.log");
	return $self;
}

# What its HTTP API answers; nothing while it is starting.
sub get
{
	my ($self, $what, %parameters) = @_;
	my $query = HTTP::Tiny->new->www_form_urlencode(\%parameters);
	my $answer = HTTP::Tiny->new->get("http://127.0.0.1:$self->{port}/api/v1/$what" . ($query && "?$query"));
	return {} unless ($answer->{headers}{'content-type'} // '') eq 'application/json';
	return JSON::PP::decode_json($answer->{content})->{data} // {};
}

# The series that an expression gives: each with metric and value.
sub query
{
	my ($self, $expression) = @_;
	return @{ $self->get('query', query => $expression)->{result} // [] };
}

# The alerts that fire: each with labels and annotations.
sub firing
{
	my ($self) = @_;
	return grep { $_->{state} eq 'firing' } @{ $self->get('alerts')->{alerts} // [] };
}

# Waits until the code returns something true, which is returned; while it runs, exporters are relieved of their logs.
sub wait_for
{
	my ($self, $code, @exporters) = @_;
	foreach (1 .. 900)
	{
		my $result = $code->();
		return $result if $result;
		$_->{run}->pump_nb foreach grep { $_->{run} } @exporters;
		Time::HiRes::sleep(0.2);
	}
	return;
}

1;
