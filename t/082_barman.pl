# Backups by Barman as docs/backup.md has it: by TCP with a certificate for each of its two roles, and
# restored beside the original.
# Needs: barman
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl ();
use CastsslTest;
use Test::More;
use Time::HiRes ();

plan skip_all => 'barman is not installed' if system('command -v barman >/dev/null 2>&1');

my ($chapter) = CastsslTest->slurp("$FindBin::RealBin/../docs/backup.md") =~ /^## Barman\n(.*)/ms;
my $conf = "wal_level = replica\nmax_wal_senders = 4\nmax_replication_slots = 4\n";
my $t = CastsslTest->new('barman', layout => 'debian', conf => $conf);
my $home = CastsslTest::temporary_folder();
my $command = "barman -c $home/barman.conf";
chomp(my $bin = `pg_config --bindir`);
my $started;
END { local $?; system("$command receive-wal --stop db1 >/dev/null 2>&1") if $started }

sub barman
{
	my (@arguments) = @_;
	my $output = `$command @arguments 2>&1`;
	is($?, 0, "barman $arguments[0]") or diag "@arguments\n$output";
	return $output;
}

# --- roles, certificates, rules, as the chapter has them

$t->enable(source_dir => $t->{source}, plaintext => 'block');
$t->sql("SELECT castssl_create_ca('The small CA')");
my $sql = join '', $chapter =~ /^```sql\n(.*?)^```/msg;
$sql =~ s{10\.0\.0\.6/32}{127.0.0.1/32}g;
my $hint;
foreach my $statement (split /;[^\n]*\n/, $sql)
{
	my ($ok, undef, $err) = $t->psql($statement);
	ok($ok, $statement) or diag $err;
	$hint //= $1 if $err =~ /^HINT:  (SELECT \* FROM castssl_install\(ca => .*)$/m;
	next unless $hint && $statement =~ /issue_client/ && $err =~ /does not trust/;
	$t->sql($hint);
}
ok($hint, 'the server did not trust the small CA, and the hint is the statement that adds it');
foreach my $role (qw(barman streaming_barman))
{
	my $folder = "$home/tls/$role";
	system('mkdir', '-p', $folder) == 0 or die;
	system('cp', '-p', (map { "$t->{data}/pg_castssl/issued/$role/client.$_" } qw(crt key)), $t->{pki}->path('root.crt'), $folder) == 0 or die;
}
my ($ini) = $chapter =~ /<!-- recipe: db1\.conf -->\n```ini\n(.*?)^```/ms;
$ini =~ s/host=db1\.example\.com/'host=localhost hostaddr=127.0.0.1 port=' . $t->{node}->port/eg;
$ini =~ s{/var/lib/barman}{$home}g;
$ini =~ s{^path_prefix = .*}{path_prefix = $bin}m;
mkdir "$home/barman.d" or die $!;
CastsslOpenssl::spew("$home/barman.d/db1.conf", $ini);
CastsslOpenssl::spew("$home/barman.conf", "[barman]\nbarman_user = " . getpwuid($>) . "\nbarman_home = $home\nconfiguration_files_directory = $home/barman.d\nlog_file = $home/log\n");

# --- a backup

$started = 1;
is(system("$command cron >/dev/null 2>&1 </dev/null"), 0, 'barman cron');
my $streaming = q{SELECT ssl::text AS ssl, client_dn FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE usename = 'streaming_barman'};
my $rows = [];
foreach (1 .. 900) { last if @{ $rows = $t->rows($streaming) }; Time::HiRes::sleep(0.2) }
is_deeply($rows, [ { ssl => 'true', client_dn => '/CN=streaming_barman' } ], 'pg_receivewal comes over TLS with its certificate') or diag -e "$home/log" ? CastsslTest->slurp("$home/log") : 'no log';
like($t->sql('SELECT castssl_confirm()'), qr/^\d+$/, 'which is the proof');
barman('switch-wal', '--force', '--archive', '--archive-timeout', 180, 'db1');
unlike(barman('check', 'db1'), qr/FAILED/, 'nothing that barman check would not like');
like(barman('backup', '--wait', 'db1'), qr/^\s*\Q$t->{config}\E\/pg_hba\.conf$/m, 'the files of the configuration are not in it');

# --- restored beside the original

my $beside = CastsslTest->new('beside', layout => 'debian', start => 0, conf => $conf);
system("rm -rf '$beside->{data}' && mkdir -m 700 '$beside->{data}'") == 0 or die 'rm';
my ($recover) = $chapter =~ m{^runuser -u barman -- barman (recover db1 latest) /var/lib/postgresql/17/beside$}m;
like(barman($recover // 'none', $beside->{data}), qr/ssl_key_file = '\Q$t->{config}\E\/server\.key'/, 'Barman says which files it names');
$beside->start;
$beside->{node}->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
is($beside->served, $t->served, 'beside: the same certificate');
is($beside->mode("$beside->{data}/pg_castssl/ca/ca.key"), '0600', 'beside: the small CA came along, its key is closed');
$hint = $beside->sql("SELECT hint FROM castssl_check() WHERE check_name = 'other_cluster'");
$beside->sql($hint);
is($beside->sql('SHOW ssl_key_file'), "$beside->{config}/server.key", 'beside: with the hint it has files of its own');
is($beside->sql("SELECT count(*) FROM castssl_check() WHERE severity = 'error'"), 0, 'beside: no error is left');

done_testing();
