# What people see in psql: rows that fit a terminal of 120 columns, for the statements of docs/guide.md
# on a server with eleven rules; and one line for one text, for programs.
use strict;
use warnings;
use File::Temp ();
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $columns = 120;
my $rules = <<'HBA';
local all all trust
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256
host    replication     all             127.0.0.1/32            scram-sha-256
host    replication     replicator      10.0.0.0/8              scram-sha-256
host    app             alice           10.1.0.0/16             scram-sha-256
host    app,reports     +staff          10.2.0.0/16             md5
hostssl "my data"       "o'neil"        2001:db8::/32           scram-sha-256
host    reports         all             172.16.0.0/12           scram-sha-256
host    all             bob             192.168.100.0/24        scram-sha-256
host    all             all             0.0.0.0/0               scram-sha-256
host    all             all             ::/0                    scram-sha-256
HBA
my $t = CastsslTest->new('terminal', hba => $rules);
my $folder = File::Temp->newdir('certs.XXXX', DIR => '/tmp');
my $source = "$folder";
system('cp', '-p', glob("$t->{source}/*"), $source) == 0 or die;

# What psql prints, and the width of its widest line.
sub seen
{
	my ($sql) = @_;
	my $out = '';
	IPC::Run::run([ 'psql', '-XqU', 'postgres', '-h', $t->{node}->host, '-p', $t->{node}->port, '-P', 'format=wrapped', '-P', "columns=$columns", '-c', $sql, 'postgres' ], '>', \$out)
	  or die "$sql: $out";
	my ($widest) = sort { $b <=> $a } map { length } split /\n/, $out;
	return ($out, $widest);
}

sub fits
{
	my ($sql) = @_;
	my ($out, $widest) = seen($sql);
	cmp_ok($widest, '<=', $columns, "$widest columns: $sql") or diag $out;
	return $out;
}

my @calls = (
	"source_dir => '$source'",
	q{plaintext => 'block'},
	q{clientcert => 'verify-ca', plaintext => 'block'});

fits('SELECT * FROM castssl_check()');
is($t->sql(q{SELECT subject FROM castssl_check() WHERE check_name = 'hba_superusers'}), 'pg_hba.conf:11, 12', 'one row for one cause, with the lines');
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'files_readable'}), '0', 'with TLS off, a file that is not there is no finding of its own');
foreach my $call (@calls)
{
	fits("SELECT * FROM castssl_enable($call, dry_run => true)");
	my $out = fits("SELECT * FROM castssl_enable($call, confirm_within => '10 min')");
	my ($id) = $out =~ /\| change (\d+) /;
	$t->sql("SELECT castssl_confirm($id, force => true)");
	fits('SELECT * FROM castssl_check()');
}
fits("SELECT * FROM castssl_enable($calls[1], confirm_within => '10 min')");
$t->sql('SELECT castssl_confirm(force => true)') if $t->status->{change_state} eq 'unconfirmed';

{
	my $rows = $t->rows(q{SELECT target, detail FROM castssl_enable(clientcert => 'verify-full', dry_run => true)});
	is_deeply([ grep { ($_->{detail} // '') =~ /\n/ } @$rows ], [], 'each detail is one line');
	is_deeply([ map { $_->{detail} } grep { $_->{target} eq 'pg_hba.conf:8' } @$rows ],
		['now: hostssl replication replicator 10.0.0.0/8 scram-sha-256 clientcert=verify-full'], 'as the rule stands') or diag explain $rows;
}

$t->stop;
done_testing();
