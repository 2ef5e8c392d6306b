# COMMIT keeps and ROLLBACK takes back, by each client as it is when nothing is set: afterwards files, parameters
# and rules are those of what was committed. One that is not installed is skipped; pg_cron is in t/075.
# Needs: default-jdk-headless libpostgresql-jdbc-java node-pg npm python3-psycopg2 python3-psycopg python3-asyncpg golang-go golang-github-lib-pq-dev libdbd-pg-perl ansible
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(drivers target client_environment);
use CastsslOpenssl qw(spew);
use Test::More;

my $folder = CastsslTest::temporary_folder();
my $t = CastsslTest->new('transactions', conf => $CastsslTest::listen_on_localhost);
my $port = $t->{node}->port;
$t->sql(q{ALTER ROLE postgres PASSWORD 'wonderland'});
my $enable = "SELECT max(change_id) FROM castssl_enable(source_dir => '$t->{source}', plaintext => 'block', force => true)";

# What a change may write, and what the server has loaded.
sub files
{
	return { hba => $t->hba, auto => $t->slurp('postgresql.auto.conf'), ssl => $t->sql('SHOW ssl'), rules => $t->rows('SELECT * FROM pg_hba_file_rules'),
		names => [ sort map { s{.*/}{}r } grep { /\.(?:crt|key)$/ } glob "$t->{data}/*" ], served => $t->served };
}

sub newest { return $t->rows('SELECT * FROM castssl_changes()')->[-1] // { change_id => 0 } }

# $run->(mode) makes the change by a client, and ends its transaction as the mode says.
sub keeps_its_word
{
	my ($name, $run, @modes) = @_;
	foreach my $mode (@modes)
	{
		my ($before, $number) = (files(), newest()->{change_id});
		my $answer = $run->($mode);
		$t->settle;
		my $change = newest();
		cmp_ok($change->{change_id}, '>', $number, "$name, $mode: a change was made") or diag $answer;
		if ($mode eq 'commit')
		{
			is($change->{state}, 'applied', "$name, $mode: it stays") or diag $answer;
			is($t->served, $t->pki->fingerprint('server.crt'), "$name, $mode: is in effect");
			$t->out("$name, $mode: with its rules", qr/no pg_hba.conf entry/, sslmode => 'disable');
			$t->sql("SELECT FROM castssl_rollback(change_id => $change->{change_id}, force => true)");
		}
		else
		{
			is($change->{state}, 'rolled back', "$name, $mode: it is taken back") or diag $answer;
			is_deeply(files(), $before, "$name, $mode: all is as before");
		}
	}
	return;
}

sub output_of
{
	my (@command) = @_;
	my $output = '';
	local %ENV = client_environment($folder);
	IPC::Run::run(\@command, '<', \undef, '>&', \$output);
	return $output;
}

subtest 'psql, in other ways' => sub {
	my %script = (commit => "$enable;", rollback => "BEGIN; $enable; ROLLBACK;", error => "$enable; SELECT 1/0;");
	my @psql = ('psql', '-Xqw', '-d', target('uri', port => $port));
	my $file = sub { return ('-f', spew("$folder/script.sql", $script{ $_[0] })) };
	keeps_its_word('psql -1 without ON_ERROR_STOP', sub { output_of(@psql, '-1', $file->(@_)) }, qw(error commit));
	keeps_its_word('psql -f', sub { output_of(@psql, $file->(@_)) }, 'rollback');
	keeps_its_word('psql -c', sub { output_of(@psql, '-c', $script{ $_[0] }) }, qw(error commit));
};

foreach my $driver (drivers($folder))
{
	subtest $driver->{name} => sub {
		plan skip_all => $driver->{missing} if $driver->{missing};
		my $client = CastsslClients->start($driver, $folder);
		my $target = target($driver->{format}, port => $port, %{ $driver->{plaintext} });
		keeps_its_word($driver->{name}, sub { $client->say($_[0], $target, $enable) }, qw(rollback error commit));
		if ($driver->{transact}[0] eq 'transact.py')
		{
			my ($before, $number) = (files(), newest()->{change_id});
			is($client->say('unread', $target, $enable), 'ok unread', "$driver->{name}: a cursor on the server, of which nothing is fetched");
			is(newest()->{change_id}, $number, 'does not call it');
			is_deeply(files(), $before, 'and changes nothing');
		}
		$client->finish;
	};
}

subtest 'Ansible' => sub {
	plan skip_all => 'no Ansible with community.postgresql 2.4 or later' unless output_of('sh', '-c', 'ansible-doc community.postgresql.postgresql_query') =~ /ssl_key/;
	my $play = sub {
		my ($more, @options) = @_;
		my $playbook = spew("$folder/play.yml", <<"YAML");
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - community.postgresql.postgresql_query:
        login_host: localhost
        port: $port
        login_user: postgres
        db: postgres
        query: ["$enable"$more]
YAML
		return output_of('ansible-playbook', '-i', 'localhost,', @options, $playbook);
	};
	keeps_its_word('a plain task', sub { $play->($_[0] eq 'error' ? ', "SELECT 1/0"' : '', $_[0] eq 'rollback' ? '--check' : ()) }, qw(rollback error commit));
};

$t->stop;
done_testing();
