# monitoring/: the dashboard for Grafana is what Grafana's schema says, and each of its queries and of the alerts
# has an answer by a real Prometheus that scrapes a real exporter; the files for sql_exporter and for
# prometheus-sql-exporter say the same as that for postgres_exporter, and the queries work as the exporter's role.
# Needs: prometheus prometheus-postgres-exporter python3-yaml npm
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have have_python);
use CastsslExporter;
use CastsslPrometheus;
use File::Find ();
use File::Path ();
use IPC::Run ();
use JSON::PP;
use Test::More;

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

# an exporter of several servers tells them apart by server, target or host, and so does the dashboard
my @targets = map { @{ $_->{targets} } } @panels;
is_deeply([ grep { /\{\{instance\}\}(?! \{\{server\}\}\{\{target\}\}\{\{host\}\})/ } map { $_->{legendFormat} } @targets ], [], 'a legend with the exporter names the server');
is_deeply([ grep { /by \(instance(?!, server, target, host\))/ } map { $_->{expr} } @targets ], [], 'and no query takes servers together for one');
my ($certificates) = grep { $_->{title} eq 'Certificates' } @panels;
is_deeply([ grep { $certificates->{transformations}[0]{options}{excludeByName}{$_} } qw(instance server target host) ], [], 'nor does the table leave it out');

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
my ($left, $lifetime) = map { my $name = $_; map { $scraped->{$_} } grep { /^castssl_crl_$name\{/ } keys %$scraped } qw(seconds_to_expiry lifetime_seconds);
cmp_ok($lifetime // 0, '>=', $left // 0, 'and its lifetime, which has just begun') or diag explain $scraped;

my @expressions = map { my $panel = $_; map { [ $panel->{title}, $_->{expr} ] } @{ $panel->{targets} } } @panels;
my %function = map { $_ => 1 } split /\n/, $t->sql(q{SELECT proname FROM pg_proc WHERE proname LIKE 'castssl%'});
foreach my $use ([ 'the dashboard', $json->encode($dashboard) ], [ 'alerts.yml', CastsslTest->slurp("$folder/alerts.yml") ],
	[ 'alerts.test.yml', CastsslTest->slurp("$folder/alerts.test.yml") ], [ 'docs/operations.md', CastsslTest->slurp("$folder/../docs/operations.md") ])
{
	my ($name, $text) = @$use;
	$text =~ s/query=\\?"\w+\\?"//g;    # the name of a query
	my @names = grep { !$function{$_} } $text =~ /\b(castssl_[a-z_]*[a-z])\b(?!\()/g;
	push @names, map { map { "castssl_$_" } split /\|/ } $text =~ /"castssl_\(([a-z_|]+)\)"/g;
	cmp_ok(scalar @names, '>=', 5, "$name names metrics");
	my @unknown = grep { !$exported{$_} } @names;
	is_deeply(\@unknown, [], "each metric that $name names is one that the exporter has");
}
is_deeply([ grep { my $metric = $_; !grep { $_->[1] =~ /\b$metric\b/ } @expressions } grep { !/lifetime/ } sort keys %exported ], [], 'and the dashboard shows each');

# --- the same by Prometheus

subtest 'Prometheus' => sub {
	plan skip_all => 'no prometheus' unless have('prometheus');
	my $prometheus = CastsslPrometheus->new($scratch, <<"CONF");
scrape_configs:
  - job_name: postgresql
    static_configs: [{ targets: ['127.0.0.1:$exporter->{port}'] }]
CONF
	$prometheus->wait_for(sub { $prometheus->query('castssl_restart_safe') }, $exporter);
	foreach my $expression (@expressions)
	{
		my ($title, $query) = @$expression;
		$query =~ s/\$instance/.*/g;
		$query =~ s/ > 0$//;    # nothing is overdue
		ok($prometheus->query($query), "$title: $query") or diag CastsslTest->slurp("$scratch/prometheus.log");
	}
	my ($by_server) = grep { /^min by/ } map { $_->[1] =~ s/\$instance/.*/r } @expressions;
	my ($one) = $prometheus->query($by_server);
	is($one->{metric}{server}, $t->{node}->host . ':' . $t->{node}->port, 'by server') or diag explain $one;
	is(($prometheus->query('sum(castssl_changes_unconfirmed)'))[0]{value}[1], 1, 'the change that waits');
	my @rules = map { @{ $_->{rules} } } @{ $prometheus->get('rules')->{groups} };
	cmp_ok(scalar @rules, '>=', 15, 'the alerts are loaded');
	is_deeply([ map { "$_->{name}: $_->{lastError}" } grep { $_->{health} eq 'err' } @rules ], [], 'and none of them fails');
	$prometheus->stop;
};

# --- the file for sql_exporter, of which there is no package

sub yaml
{
	my ($file) = @_;
	my $out = '';
	IPC::Run::run([ '/usr/bin/python3', '-c', 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)', "$folder/$file" ], '>', \$out) or die "$file: no YAML";
	return $json->decode($out);
}

# What queries.yml says of a query: its columns by usage.
sub columns
{
	my ($query) = @_;
	my %columns = map { %$_ } @{ $query->{metrics} };
	my @labels = sort grep { $columns{$_}{usage} eq 'LABEL' } keys %columns;
	my @values = sort grep { $columns{$_}{usage} eq 'GAUGE' } keys %columns;
	return (\%columns, \@labels, \@values);
}

subtest 'sql_exporter' => sub {
	plan skip_all => 'no python3-yaml' unless have_python('yaml');
	my ($collector, $queries) = map { yaml($_) } qw(pg_castssl.collector.yml queries.yml);
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
		my ($columns, $labels, $values) = columns($queries->{$name});
		$expected{"${name}_$_"} = { help => $columns->{$_}{description}, type => 'gauge', query => $name, labels => $labels, value => $_ } foreach @$values;
	}
	is_deeply(\%metric, \%expected, 'the metrics of queries.yml') or diag explain \%metric;
};

# --- the file for Debian's prometheus-sql-exporter, which t/052_alerts.pl runs

subtest 'prometheus-sql-exporter' => sub {
	plan skip_all => 'no python3-yaml' unless have_python('yaml');
	my ($config, $queries) = map { yaml($_) } qw(prometheus-sql-exporter.yml queries.yml);
	is_deeply($config->{queries}, { map { $_ => $queries->{$_}{query} } keys %$queries }, 'the queries of queries.yml');
	my @jobs = @{ $config->{jobs} };
	is(scalar @jobs, 1, 'one job');
	is($jobs[0]{interval}, '1m', 'which rests between two runs');
	my @expected = map { my (undef, $labels, $values) = columns($queries->{$_}); [ $_, $_, $labels, $values ] } sort keys %$queries;
	my @found = map { [ $_->{name}, $_->{query_ref}, [ sort @{ $_->{labels} // [] } ], [ sort @{ $_->{values} } ] ] } sort { $a->{name} cmp $b->{name} } @{ $jobs[0]{queries} };
	is_deeply(\@found, \@expected, 'with their labels and values');
};

$exporter->stop;
$t->stop;
done_testing();
