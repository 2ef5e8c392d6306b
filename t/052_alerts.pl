# monitoring/: what goes wrong at a real server is an alert of a real Prometheus, which scrapes the two exporters that
# Debian has as monitoring/prometheus.yml says: the extension dropped, a grant revoked, the database gone, a change
# overdue, a certificate expired, the exporters shut out. Both exporters have the same metrics.
# Needs: prometheus prometheus-postgres-exporter prometheus-sql-exporter yamllint
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have);
use CastsslExporter;
use CastsslPrometheus;
use Test::More;

my @missing = grep { !have($_) } qw(prometheus prometheus-postgres-exporter prometheus-sql-exporter promtool);
plan skip_all => "no $missing[0]" if @missing;

my $folder = $CastsslExporter::folder;
my $scratch = CastsslTest::temporary_folder();
my $out = '';
ok(IPC::Run::run([ 'promtool', 'check', 'config', "$folder/prometheus.yml" ], '<', \undef, '>&', \$out), 'promtool check config') or diag $out;
SKIP: {
	skip 'no yamllint', 1 unless have('yamllint');
	ok(IPC::Run::run([ 'yamllint', '-s', '-c', "$folder/../examples/ansible/.yamllint", $folder ], '<', \undef, '>&', \$out), 'yamllint') or diag $out;
}

my $t = CastsslTest->new('alerts');
$t->enable(source_dir => $t->{source}, clientcert => 'none');
$t->sql('GRANT pg_monitor TO alice');

sub make_database
{
	$t->sql('CREATE DATABASE metrics');
	$t->sql('CREATE EXTENSION pg_castssl', database => 'metrics');
	return;
}

# Both exporters as alice, by TCP, as exporters on another host come in.
my ($exporter, $sql_exporter);

sub start_exporters
{
	my (%words) = @_;
	%words = (sslmode => 'require', %words);
	my $port = $t->{node}->port;
	my @ports = map { defined ? $_->{port} : undef } $exporter, $sql_exporter;
	$_->stop foreach grep { defined } $exporter, $sql_exporter;
	$exporter = CastsslExporter->new({ host => 'localhost', port => $port, user => 'alice', password => 'wonderland', dbname => 'metrics', %words }, { port => $ports[0] });
	$sql_exporter = CastsslExporter->new_sql_exporter($scratch, { port => $ports[1] },
		"postgres://alice:wonderland\@localhost:$port/metrics?" . join('&', map { "$_=$words{$_}" } sort keys %words));
	return;
}

make_database();
start_exporters();

# as monitoring/ has them, but that nobody need wait
my $configuration = CastsslTest->slurp("$folder/prometheus.yml") =~ s/^(?:rule_files| +scrape_\w+):.*\n//mgr;
$configuration =~ s/"db1[^"]*"/"127.0.0.1:$exporter->{port}"/;
$configuration =~ s/"db2[^"]*"/"127.0.0.1:$sql_exporter->{port}"/;
my $alerts = CastsslTest->slurp("$folder/alerts.yml") =~ s/^( +for:) \w+$/$1 0s/mgr;
my $prometheus = CastsslPrometheus->new($scratch, $configuration, $alerts);

sub wait_for
{
	my ($code) = @_;
	return $prometheus->wait_for($code, $exporter, $sql_exporter);
}

# The alerts that fire: names, with the job of the exporter or what is missing.
sub firing
{
	return sort map { my $l = $_->{labels}; join ' ', grep { defined } $l->{alertname}, $l->{metric} // (defined $l->{instance} && $l->{instance} =~ /:$sql_exporter->{port}$/ ? 'sql' : undef) } $prometheus->firing;
}

# fires('what happened', alerts): these, and maybe others.
sub fires
{
	my ($name, @expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @found;
	wait_for(sub { @found = firing(); my %found = map { $_ => 1 } @found; return !grep { !$found{$_} } @expected });
	my %wanted = map { $_ => 1 } @expected;
	my %seen;
	return is_deeply([ grep { $wanted{$_} && !$seen{$_}++ } @found ], [ sort @expected ], $name) || diag "fires: @found", $exporter->{log}, $sql_exporter->{log};
}

sub all_is_well
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $quiet = wait_for(sub { !$prometheus->firing && $prometheus->query('count(castssl_restart_safe) == 2') });
	return ok($quiet, "$name: no alert, and both exporters send") || diag join "\n", firing(), $sql_exporter->{log};
}

all_is_well('at first');

# --- both exporters say the same; what they say of themselves is left out

sub series
{
	my ($job) = @_;
	my %series;
	foreach my $s ($prometheus->query(qq({__name__=~"castssl_.+", job="$job"})))
	{
		my %labels = %{ $s->{metric} };
		my $name = delete $labels{__name__};
		delete @labels{qw(job instance server host database user driver sql_job)};
		$series{ join ' ', $name, map { "$_=$labels{$_}" } sort keys %labels } = sprintf '%.0f', $s->{value}[1];
	}
	return \%series;
}

# a session may come between their scrapes
my ($sent, $same);
wait_for(sub {
	($sent, $same) = map { series($_) } qw(postgresql postgresql-sql);
	return keys %$sent >= 17 && join(' ', map { "$_ $sent->{$_}" } sort keys %$sent) eq join(' ', map { "$_ $same->{$_}" } sort keys %$same);
});
cmp_ok(scalar keys %$sent, '>=', 17, 'metrics of postgres_exporter') or diag explain $sent;
is_deeply($same, $sent, 'prometheus-sql-exporter has the same') or diag $sql_exporter->get('/metrics');

subtest 'prometheus-sql-exporter with two databases of a server' => sub {
	$t->sql('CREATE EXTENSION IF NOT EXISTS pg_castssl');
	my $port = $t->{node}->port;
	my $both = CastsslExporter->new_sql_exporter($scratch, {}, map { "postgres://alice:wonderland\@localhost:$port/$_?sslmode=require" } qw(metrics postgres));
	my $page;
	wait_for(sub { $page = $both->get('/metrics'); return (() = $page =~ /^sql_castssl\{col="restart_safe"/mg) == 2 });
	like($page, qr{^HTTP/\S+ 200 }, 'answers');
	is((() = $page =~ /^sql_castssl\{col="restart_safe".*\} 1$/mg), 2, 'for both');
	$both->stop;
};

subtest 'prometheus-sql-exporter, for roles that may not see all' => sub {
	$t->sql(q{CREATE ROLE nothing LOGIN PASSWORD 'wonderland'; CREATE ROLE bare LOGIN PASSWORD 'wonderland'});
	$t->sql('GRANT EXECUTE ON FUNCTION castssl_status(), castssl_certificates(), castssl_check(int, boolean) TO bare', database => 'metrics');
	my $port = $t->{node}->port;
	foreach my $case ([ 'bare', qr/^sql_castssl\{/m, qr/^sql_castssl_sessions/m ], [ 'nothing', qr/^sql_exporter_last_scrape_failed.*query="castssl".* 1$/m, qr/^sql_castssl/m ])
	{
		my ($role, $there, $absent) = @$case;
		my $few = CastsslExporter->new_sql_exporter($scratch, {}, "postgres://$role:wonderland\@localhost:$port/metrics?sslmode=require");
		my $page;
		wait_for(sub { $page = $few->get('/metrics'); return $page =~ $there && $page =~ /query="castssl_sessions".* [01]$/m });
		like($page, $there, "$role: what it may ask");
		unlike($page, $absent, 'what it may not see is absent');
		$few->stop;
	}
};

# --- what is not there any more

my @gone = map { "CastsslGone castssl_$_" } qw(restart_safe changes_unconfirmed findings_count);
push @gone, map { "CastsslSilent castssl_$_" } qw(restart_safe findings_count);
my @stale = ('CastsslScrapeError', 'CastsslStale sql');
$t->sql('DROP EXTENSION pg_castssl', database => 'metrics');
fires('the extension is dropped', @gone, @stale);
$t->sql('CREATE EXTENSION pg_castssl', database => 'metrics');
all_is_well('it is back');

$t->sql('REVOKE pg_monitor FROM alice');
fires('a grant is revoked', @gone, 'CastsslGone castssl_sessions_plaintext', 'CastsslSilent castssl_sessions_plaintext', @stale);
is($prometheus->query('castssl_sessions_plaintext'), 0, 'no number of sessions from who may not see them');
$t->sql('GRANT pg_monitor TO alice');
all_is_well('it is granted again');

$t->sql('DROP DATABASE metrics WITH (FORCE)');
fires('the database is gone', 'CastsslExporterShutOut', @gone, 'CastsslStale sql');
make_database();
all_is_well('it is back');

# --- what is wrong with the server

my $pki = $t->{pki};
my ($good, $expired) = map { CastsslTest->slurp($pki->path($_)) } qw(server.crt server-expired.crt);
my ($good_key, $expired_key) = map { CastsslTest->slurp($pki->path($_)) } qw(server.key server-expired.key);
$t->write('server.crt', $expired);
$t->write('server.key', $expired_key);
$t->reload;
fires('a certificate has expired', 'CastsslCertificateExpired', 'CastsslCertificateExpired sql', 'CastsslFindings', 'CastsslFindings sql');
like((map { $_->{annotations}{summary} } grep { $_->{labels}{alertname} eq 'CastsslCertificateExpired' } $prometheus->firing)[0] // '',
	qr{^CN=\S+ in \S+/server\.crt of 127\.0\.0\.1:\d+ expired [1-9]\d* days? ago$}, 'which is said as such');
$t->write('server.crt', $good);
$t->write('server.key', $good_key);
$t->reload;
all_is_well('a good one');

$t->sql('CREATE EXTENSION IF NOT EXISTS pg_castssl');
$t->enable(clientcert => 'none', plaintext => 'block', confirm_within => '10 min');
$t->overdue('immediate');
my $before = $t->state;
fires('nobody undoes a change', 'CastsslOverdue', 'CastsslOverdue sql');
is_deeply($t->state, $before, 'and neither does a scrape');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_castssl'}), 0, 'nor does it start a worker');
$t->sql('SELECT count(*) FROM castssl_changes()');
all_is_well('what the alert says to type');

# --- exporters that are shut out: not before they connect anew

$t->enable(clientcert => 'verify-full', plaintext => 'block', force => 'true');
start_exporters();
fires('no exporter has a certificate', 'CastsslExporterShutOut', 'CastsslAbsent', @gone, 'CastsslGone castssl_sessions_plaintext', 'CastsslStale sql');
chmod 0600, $pki->path('alice.key');
start_exporters(sslmode => 'verify-full', sslrootcert => $pki->path('root.crt'), sslcert => $pki->path('alice.crt'), sslkey => $pki->path('alice.key'));
all_is_well('with certificates of their own');

$_->stop foreach $prometheus, $exporter, $sql_exporter;
$t->stop;
done_testing();
