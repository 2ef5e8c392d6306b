# Backups by pgBackRest: what of pg_castssl is in a server that was restored beside the original, and
# in place of it.
# Needs: pgbackrest
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl ();
use CastsslTest;
use Test::More;

plan skip_all => 'pgbackrest is not installed' if system('command -v pgbackrest >/dev/null 2>&1');

# An instance of pgBackRest with a repository of its own, for one server.
my $options;
sub pgbackrest
{
	my (@arguments) = @_;
	my $output = `pgbackrest $options @arguments 2>&1`;
	is($?, 0, "pgbackrest $arguments[-1]") or diag $output;
	return;
}

sub newest
{
	my ($t) = @_;
	return $t->rows('SELECT * FROM castssl_changes() ORDER BY change_id DESC LIMIT 1')->[0];
}

sub set_up
{
	my ($name, $layout) = @_;
	my $t = CastsslTest->new($name, layout => $layout, start => 0);
	my $repository = "$t->{folder}/repository";
	mkdir $repository or die "$repository: $!";
	CastsslOpenssl::spew("$repository/pgbackrest.conf", <<"CONF");
[global]
repo1-path=$repository
repo1-retention-full=1
lock-path=$repository/lock
log-level-file=off
log-level-console=warn
start-fast=y
[main]
pg1-path=$t->{data}
pg1-socket-path=${\ $t->{node}->host}
pg1-port=${\ $t->{node}->port}
pg1-user=postgres
CONF
	$options = "--config=$repository/pgbackrest.conf --stanza=main";
	open my $conf, '>>', "$t->{config}/postgresql.conf" or die $!;
	print $conf "wal_level = replica\nmax_wal_senders = 2\narchive_mode = on\narchive_command = 'pgbackrest $options archive-push %p'\n";
	close $conf or die $!;
	$t->start;
	$t->sql($_) foreach CastsslTest::setup_sql();
	pgbackrest('stanza-create');

	$t->enable(source_dir => $t->{source}, plaintext => 'block');
	$t->sql("SELECT castssl_create_ca('The small CA')");
	$t->sql("SELECT castssl_hba_add('host all all 10.0.0.0/8 reject')");
	$t->{before} = $t->hba;
	$t->sql("SELECT * FROM castssl_hba_apply(confirm_within => '10 min')");
	$t->{after} = $t->hba;
	pgbackrest('backup');
	return $t;
}

# A server of its own with what the backup has.
sub restored
{
	my ($t, $name, $layout) = @_;
	my $beside = CastsslTest->new($name, layout => $layout, start => 0, conf => "wal_level = replica\nmax_wal_senders = 2");
	system("rm -rf '$beside->{data}' && mkdir -m 700 '$beside->{data}'") == 0 or die 'rm';
	pgbackrest("--pg1-path=$beside->{data}", '--archive-mode=off', 'restore');
	$beside->{node}->append_conf('postgresql.conf', 'port = ' . $beside->{node}->port . "\nunix_socket_directories = '" . $beside->{node}->host . "'\narchive_mode = off")
	  if $layout eq '';
	$beside->start;
	$beside->{node}->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	return $beside;
}

# --- beside the original, all files in the data directory

{
	my $t = set_up('original', '');
	my $served = $t->served;
	my $beside = restored($t, 'beside', '');
	is($beside->served, $served, 'beside: the same certificate, from its own data directory');
	is($beside->mode('server.key'), '0600', 'beside: the key is closed');
	is($beside->mode('pg_castssl/ca/ca.key'), '0600', 'beside: the small CA came along, its key is closed');
	is($beside->mode('pg_castssl'), '0700', 'beside: so is the folder');
	$beside->in('beside: TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
	is_deeply([ map { "$_->{change_id} $_->{state}" } @{ $beside->rows('SELECT * FROM castssl_changes() ORDER BY 1') } ],
		[ '1 applied', '2 unconfirmed' ], 'beside: the journal came along, and what waited waits');
	like(newest($beside)->{reason}, qr/before this data directory was copied here/, 'beside: and says that it is a copy');
	is($beside->hba, $t->{after}, 'beside: its rules are in effect');
	is(scalar @{ $beside->rows("SELECT * FROM castssl_check() WHERE check_name = 'changes' AND message LIKE 'waits to be confirmed%'") }, 1,
		'beside: the check tells');
	$beside->sql('SELECT * FROM castssl_rollback()');
	is($beside->hba, $t->{before}, 'beside: taken back here');
	is($t->hba, $t->{after}, 'and not in the original');
	is(newest($t)->{state}, 'unconfirmed', 'where it still waits');
	$beside->disable(force => 'true');
	is($beside->served, 'none', 'beside: castssl_disable() knows what was before');
	is($t->served, $served, 'and the original goes on');

	# --- in place: what was confirmed since waits again

	$t->confirm;
	$t->stop;
	pgbackrest('--delta', 'restore');
	$t->start;
	$t->{node}->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	is(newest($t)->{state}, 'unconfirmed', 'in place: what was confirmed after the backup waits again');
	is($t->hba, $t->{after}, 'in place: and is in effect');
	$t->confirm;
	is(newest($t)->{state}, 'applied', 'in place: confirmed again');
	$t->restart;
	is($t->served, $served, 'in place: served as before');
}

# --- beside the original, the configuration in a folder outside: it is not in the backup

{
	my $t = set_up('outside', 'debian');
	my $beside = restored($t, 'beside_outside', 'debian');
	is_deeply($beside->rows("SELECT subject, message FROM castssl_check() WHERE check_name = 'other_cluster'"),
		[ { subject => 'ssl_cert_file, ssl_key_file, ssl_ca_file',
				message => "in \"$t->{config}\", a folder of another cluster, which is removed when that cluster is dropped" } ],
		'outside: the copy uses the files of the original, and the check says so');
	my $hint = $beside->sql("SELECT hint FROM castssl_check() WHERE check_name = 'other_cluster'");
	my $time = qr{(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d [+\w-]+};
	my $why = "this data directory is a copy, and the files outside of it belong to the cluster that it was copied from: $t->{config}/pg_hba.conf";
	my $end = qr/^End it: SELECT castssl_confirm\(2, force => true\);$/;
	$beside->fails('SELECT * FROM castssl_rollback()', '55000', 'outside: what waits is not taken back in the copy', constraint => 'castssl_edited_since',
		detail => qr/before this data directory was copied here.*: $why\.$/, hint => $end);
	like($beside->sql("SELECT message FROM castssl_check() WHERE check_name = 'changes'"), qr/^waits to be confirmed, and is not undone at $time: $why$/, 'outside: the check says the same');
	like($beside->sql("SELECT hint FROM castssl_check() WHERE check_name = 'changes'"), $end, 'outside: with the same hint');
	$beside->fails("SELECT * FROM castssl_enable(plaintext => 'block')", '55000', 'outside: nor may another change be made meanwhile', constraint => 'castssl_change_waiting',
		detail => qr/^It is not undone at $time: $why\.$/, hint => $end);
	$beside->sql('SELECT castssl_confirm(2, force => true)');
	is($t->hba, $t->{after}, 'outside: the rules of the original stay as they are');
	is(newest($t)->{state}, 'unconfirmed', 'outside: where the change still waits');
	$beside->sql($hint);
	is($beside->sql('SHOW ssl_key_file'), "$beside->{config}/server.key", 'outside: with the hint it has files of its own');
	is($beside->served, $t->served, 'outside: and serves the same certificate');
	is_deeply($beside->rows("SELECT * FROM castssl_check() WHERE check_name = 'other_cluster'"), [], 'outside: nothing left to say');
}

done_testing();
