# monitoring/: the dashboard for Grafana is what Grafana's schema says, and each of its queries and of the alerts
# has an answer by a real Prometheus that scrapes a real exporter; the file for sql_exporter says the same as that
# for postgres_exporter, and its queries work as the exporter's role.
# Needs: prometheus prometheus-postgres-exporter python3-yaml npm
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have have_python);
use CastsslExporter;
use File::Find ();
use File::Path ();
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use Test::More;
use Time::HiRes ();

my $folder = $CastsslExporter::folder;
my $scratch = CastsslTest::temporary_folder();
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $dashboard = $json->decode(CastsslTest->slurp("$folder/grafana.json"));
my @panels = @{ $dashboard->{panels} };

# --- the dashboard and Grafana's schema: TypeScript, whose enums no JSON has; so they become unions of their values

sub literal_enums
{
	my ($types) = @_;
	$types =~ s{export declare enum (\w+) \{(.*?)\n\}}{
		my ($name, $body) = ($1, $2);
		$body =~ s|/\*.*?\*/||gs;
		my @values = $body =~ /\w+ = ("[^"]*"|-?\d+)/g;
		my @members = map { "type $_;" } $body =~ /(\w+ = (?:"[^"]*"|-?\d+))/g;
		"export type $name = " . join(' | ', @values) . ";\nexport declare namespace $name { @members }" }gse;
	return $types;
}

# The program whose types are right if those of the dashboard are; each panel's options are of its own plugin.
sub program
{
	my ($value) = @_;
	my %plugins = map { $_->{type} => 1 } @{ $value->{panels} };
	my $text = "import type { Dashboard } from './types/veneer/dashboard.types';\n";
	$text .= "import type * as $_ from './types/raw/composable/$_/panelcfg/x/types.gen';\n" foreach sort keys %plugins;
	$text .= 'const dashboard: Dashboard = ' . $json->encode($value) . ";\n";
	foreach my $panel (@{ $value->{panels} })
	{
		$text .= "const options_$panel->{id}: $panel->{type}.Options = " . $json->encode($panel->{options}) . ";\n";
		my $custom = $panel->{fieldConfig}{defaults}{custom} or next;
		$text .= "const custom_$panel->{id}: $panel->{type}.FieldConfig = " . $json->encode($custom) . ";\n";
	}
	return $text;
}

sub compile
{
	my ($compiler, $value) = @_;
	CastsslTest->write("$scratch/dashboard.ts", program($value));
	my $out = '';
	return IPC::Run::run([ 'node', $compiler, '-p', $scratch ], '<', \undef, '>&', \$out) ? '' : $out;
}

subtest 'the schema of Grafana' => sub {
	my ($modules) = grep { defined && -d "$_/\@grafana/schema" && -d "$_/typescript" } $ENV{CASTSSL_NODE_MODULES};
	plan skip_all => 'no node, or no modules @grafana/schema and typescript' unless $modules && have('node');
	my $schema = "$modules/\@grafana/schema/dist/types";
	File::Find::find(
		{ no_chdir => 1, wanted => sub {
			return unless /\.d\.ts$/;
			my $copy = $_ =~ s/^\Q$schema\E/$scratch\/types/r;
			File::Path::make_path($copy =~ s{/[^/]*$}{}r);
			CastsslTest->write($copy, literal_enums(CastsslTest->slurp($_)));
		} }, $schema);
	CastsslTest->write("$scratch/tsconfig.json", $json->encode({ files => ['dashboard.ts'], compilerOptions => {
		strict => JSON::PP::true, noEmit => JSON::PP::true, skipLibCheck => JSON::PP::true, types => [], target => 'es2020', module => 'esnext',
		moduleResolution => 'node', baseUrl => '.', paths => { '@grafana/schema' => ['./types/index'] } } }));
	my $compiler = "$modules/typescript/bin/tsc";
	is(compile($compiler, $dashboard), '', 'grafana.json is as it says');
	my $copy = $json->decode($json->encode($dashboard));
	$copy->{panels}[0]{options}{orientation} = 'across';
	like(compile($compiler, $copy), qr/orientation|"across"/, 'an option with another value is found');
	$copy = $json->decode($json->encode($dashboard));
	$copy->{panels}[3]{fieldconfig} = {};
	like(compile($compiler, $copy), qr/fieldconfig/, 'and a name that there is not');
};

my %ids = map { $_->{id} => 1 } @panels;
is(scalar keys %ids, scalar @panels, 'each panel has a number of its own');
foreach my $i (0 .. $#panels)
{
	my $a = $panels[$i]{gridPos};
	my @over = grep {
		my $b = $_->{gridPos};
		$a->{x} < $b->{x} + $b->{w} && $b->{x} < $a->{x} + $a->{w} && $a->{y} < $b->{y} + $b->{h} && $b->{y} < $a->{y} + $a->{h}
	} @panels[ $i + 1 .. $#panels ];
	is_deeply([ map { $_->{title} } @over ], [], "$panels[$i]{title}: on a place of its own");
}

if (!have('prometheus-postgres-exporter'))
{
	CastsslTest::not_tried('no prometheus-postgres-exporter');
	done_testing();
	exit;
}

# --- a server with everything that there are metrics for, and its exporter

my $t = CastsslTest->new('dashboard');
$t->enable(source_dir => $t->{source});
$t->sql("SELECT castssl_create_ca('dashboard')");
$t->sql("SELECT count(*) FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'), crl => pg_read_file('pg_castssl/ca/root.crl'), force => true)");
$t->sql('CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor');
$t->enable(plaintext => 'block', confirm_within => '1 hour');
my $exporter = CastsslExporter->new({ host => $t->{node}->host, port => $t->{node}->port, user => 'monitor', dbname => 'postgres', sslmode => 'disable' });
my $scraped = $exporter->metrics;
my %exported = map { $_ => 1 } CastsslExporter::names($scraped);
ok($exported{castssl_crl_seconds_to_expiry}, 'a CRL, too') or diag explain $scraped;

my @expressions = map { my $panel = $_; map { [ $panel->{title}, $_->{expr} ] } @{ $panel->{targets} } } @panels;
my %function = map { $_ => 1 } split /\n/, $t->sql(q{SELECT proname FROM pg_proc WHERE proname LIKE 'castssl%'});
foreach my $use ([ 'the dashboard', $json->encode($dashboard) ], [ 'alerts.yml', CastsslTest->slurp("$folder/alerts.yml") ],
	[ 'alerts.test.yml', CastsslTest->slurp("$folder/alerts.test.yml") ], [ 'docs/operations.md', CastsslTest->slurp("$folder/../docs/operations.md") ])
{
	my ($name, $text) = @$use;
	my @names = grep { !$function{$_} } $text =~ /\b(castssl_[a-z_]*[a-z])\b(?!\()/g;
	push @names, map { map { "castssl_$_" } split /\|/ } $text =~ /"castssl_\(([a-z_|]+)\)"/g;
	cmp_ok(scalar @names, '>=', 5, "$name names metrics");
	my @unknown = grep { !$exported{$_} } @names;
	is_deeply(\@unknown, [], "each metric that $name names is one that the exporter has");
}
is_deeply([ grep { my $metric = $_; !grep { $_->[1] =~ /\b$metric\b/ } @expressions } grep { !/lifetime/ } sort keys %exported ], [], 'and the dashboard shows each');

# --- the same by Prometheus

sub prometheus_answers
{
	my ($port, $query) = @_;
	my $answer = HTTP::Tiny->new->get("http://127.0.0.1:$port/api/v1/query?" . HTTP::Tiny->new->www_form_urlencode({ query => $query }));
	return ($answer->{headers}{'content-type'} // '') eq 'application/json' ? $json->decode($answer->{content}) : {};    # it may be starting
}

subtest 'Prometheus' => sub {
	plan skip_all => 'no prometheus' unless have('prometheus');
	my $port = CastsslExporter::free_port();
	CastsslTest->write("$scratch/prometheus.yml", <<"CONF");
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [$folder/alerts.yml]
scrape_configs:
  - job_name: postgresql
    static_configs: [{ targets: ['127.0.0.1:$exporter->{port}'] }]
CONF
	my $log = '';
	my $prometheus = IPC::Run::start([ 'prometheus', "--config.file=$scratch/prometheus.yml", "--storage.tsdb.path=$scratch/tsdb", "--web.listen-address=127.0.0.1:$port" ],
		'<', \undef, '>&', \$log);
	foreach (1 .. 600)
	{
		last if @{ prometheus_answers($port, 'castssl_restart_safe')->{data}{result} // [] };
		$prometheus->pump_nb;
		$exporter->{run}->pump_nb;
		Time::HiRes::sleep(0.2);
	}
	foreach my $expression (@expressions)
	{
		my ($title, $query) = @$expression;
		$query =~ s/\$instance/.*/g;
		$query =~ s/ > 0$//;    # nothing is overdue
		my $answer = prometheus_answers($port, $query);
		ok(@{ $answer->{data}{result} // [] } > 0, "$title: $query") or diag explain $answer, $log;
	}
	is(prometheus_answers($port, 'sum(castssl_changes_unconfirmed)')->{data}{result}[0]{value}[1], 1, 'the change that waits');
	my $rules = $json->decode(HTTP::Tiny->new->get("http://127.0.0.1:$port/api/v1/rules")->{content});
	my @rules = map { @{ $_->{rules} } } @{ $rules->{data}{groups} };
	cmp_ok(scalar @rules, '>=', 14, 'the alerts are loaded');
	is_deeply([ map { "$_->{name}: $_->{lastError}" } grep { $_->{health} eq 'err' } @rules ], [], 'and none of them fails');
	$prometheus->kill_kill;
};

# --- the file for sql_exporter, of which there is no package

subtest 'sql_exporter' => sub {
	plan skip_all => 'no python3-yaml' unless have_python('yaml');
	my ($collector, $queries) = map {
		my $out = '';
		IPC::Run::run([ '/usr/bin/python3', '-c', 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)', "$folder/$_" ], '>', \$out) or die "$_: no YAML";
		$json->decode($out);
	} qw(pg_castssl.collector.yml queries.yml);
	# what config/collector_config.go, metric_config.go and query_config.go of its source read; another key is refused
	is_deeply([ sort keys %$collector ], [qw(collector_name metrics queries)], 'keys of a collector');
	my %query = map { $_->{query_name} => $_->{query} } @{ $collector->{queries} };
	is_deeply(\%query, { map { $_ => $queries->{$_}{query} } keys %$queries }, 'the queries of queries.yml');
	my (%metric, %expected);
	foreach my $metric (@{ $collector->{metrics} })
	{
		my @more = grep { $_ ne 'key_labels' } sort keys %$metric;
		is_deeply(\@more, [qw(help metric_name query_ref type values)], "keys of $metric->{metric_name}");
		is(scalar @{ $metric->{values} }, 1, 'one value');
		$metric{ $metric->{metric_name} } = { help => $metric->{help}, type => $metric->{type}, query => $metric->{query_ref}, labels => [ sort @{ $metric->{key_labels} // [] } ], value => $metric->{values}[0] };
		my $rows = $t->rows($query{ $metric->{query_ref} }, user => 'monitor');
		is(scalar @$rows, scalar(grep { /^$metric->{metric_name}(?:\{|$)/ } keys %$scraped), 'as the role of the exporter: as many rows as postgres_exporter has metrics');
		is_deeply([ grep { !exists $rows->[0]{$_} } @{ $metric->{key_labels} // [] }, @{ $metric->{values} } ], [], 'with its columns');
	}
	foreach my $name (keys %$queries)
	{
		my %columns = map { %$_ } @{ $queries->{$name}{metrics} };
		my @labels = grep { $columns{$_}{usage} eq 'LABEL' } sort keys %columns;
		$expected{"${name}_$_"} = { help => $columns{$_}{description}, type => lc $columns{$_}{usage}, query => $name, labels => \@labels, value => $_ }
		  foreach grep { $columns{$_}{usage} ne 'LABEL' } keys %columns;
	}
	is_deeply(\%metric, \%expected, 'the metrics of queries.yml') or diag explain \%metric;
};

$exporter->stop;
$t->stop;
done_testing();
