# A hot standby: no table, no WAL, the same functions; and what it has does not come from the primary.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $primary = CastsslTest->new('primary', streaming => 1);
$primary->sql("SELECT castssl_hba_add(rule => 'local all bob reject', before_line => 1)");
my $standby = $primary->from_backup('standby', standby => 1);
my $node = $standby->{node};
$standby->start;
my $hba = $standby->hba;
is($standby->sql('SELECT pg_is_in_recovery()'), 't', 'a standby');

# what is staged on the primary does not count here
ok(-e "$standby->{data}/pg_castssl/staged/manifest", 'the base backup has what is staged');
ok(!$standby->status->{hba_staged}, 'castssl_status(): nothing is staged here');
$standby->fails('SELECT * FROM castssl_hba_apply()', '55000', 'nothing to apply', constraint => 'castssl_nothing_staged');
unlike($standby->sql(q{SELECT castssl_hba_add(rule => 'local all alice reject', before_line => 1)}), qr/bob/, 'edits of its own begin anew');
like($standby->sql('SELECT castssl_hba_diff()'), qr/^\+local all alice reject$/m, 'and are staged');
is(scalar(() = glob "$standby->{data}/pg_castssl/staged/*"), 2, 'without the copies of those') or diag join ' ', glob "$standby->{data}/pg_castssl/staged/*";
$standby->sql('SELECT castssl_hba_discard()');
ok($primary->status->{hba_staged}, 'on the primary they are staged as before');
$primary->sql('SELECT castssl_hba_discard()');

my $steps = $standby->enable(source_dir => $standby->{source}, plaintext => 'block');
is((grep { $_->{result} eq 'done' } @$steps) > 0, 1, 'castssl_enable on a standby');
is(() = $standby->slurp($standby->{node}->logfile) =~ /LOG:  pg_castssl: change \d+ \(enable by postgres\) was applied$/mg, 1, 'its log says so in one line');
is($standby->served, $standby->{pki}->fingerprint('server-renewed.crt'), 'its own certificate is served');
$standby->in('TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
$standby->out('plaintext', qr/no pg_hba.conf entry/, sslmode => 'disable');
my $guest = $standby->guest;
$standby->fails('SELECT * FROM castssl_disable()', '55000', 'a client of the standby is not cut off by accident', constraint => 'castssl_would_cut_off',
	message => qr/^1 live session could come back only in plaintext$/, detail => qr/^User "alice", database "postgres", from 127\.0\.0\.1, over TLS, with a client certificate: /);
$guest->quit;
ok($standby->status->{ssl}, 'castssl_status on a standby');
cmp_ok(scalar @{ $standby->rows('SELECT * FROM castssl_certificates()') }, '>=', 2, 'castssl_certificates on a standby');
is_deeply(
	[ grep { $_->{result} ne 'unchanged' } @{ $standby->enable(source_dir => $standby->{source}, plaintext => 'block') } ],
	[], 'a second call: unchanged');

# castssl_check on a standby: how it gets at its primary
sub of_conninfo
{
	return $standby->sql("SELECT severity FROM castssl_check(include_ok => true) WHERE check_name = 'standby'");
}
my $conninfo = $standby->sql('SHOW primary_conninfo');
is(of_conninfo(), 'warning', 'castssl_check: replication does not verify the primary');
unlike($standby->sql("SELECT hint FROM castssl_check() WHERE check_name = 'standby'"), qr/ALTER SYSTEM SET|;/, 'its hint is no statement that would stop replication');
my %wanted = ("sslmode = 'verify-full'" => 'ok', 'sslmode=require' => 'warning', 'service=primary' => 'ok', 'application_name=sslmode=verify-full' => 'warning');
foreach my $part (sort keys %wanted)
{
	(my $value = "$conninfo $part") =~ s/'/''/g;
	$standby->sql("ALTER SYSTEM SET primary_conninfo = '$value'");
	$standby->reload;
	is(of_conninfo(), $wanted{$part}, "castssl_check: $part");
}
$standby->sql('ALTER SYSTEM RESET primary_conninfo');
$standby->reload;

# fixes, as docs/checks.md says to type them: by a pipe, which sends the statements one by one
{
	my $before = $standby->hba;
	$standby->set_hba($before . "local all postgres trust\n");
	my ($psql) = CastsslTest->slurp("$FindBin::RealBin/../docs/checks.md") =~ /`(psql -Atc "SELECT fix .*? \| psql [^`]*)`/;
	my $pipe = sub {
		my ($check) = @_;
		(my $command = $psql) =~ s/'ciphers'/'$check'/;
		my ($host, $port) = ($node->host, $node->port);
		return system("PGHOST=$host PGPORT=$port PGUSER=postgres PGDATABASE=postgres; export PGHOST PGPORT PGUSER PGDATABASE; { $command; } > $standby->{data}/../pipe.out 2>&1");
	};
	my $fix = $standby->sql(q{SELECT fix FROM castssl_check() WHERE check_name = 'hba_dead_rules'});
	unlike($fix, qr/BEGIN|COMMIT/, 'a fix on a standby is no transaction');
	is($pipe->('hba_dead_rules'), 0, 'an edit by a pipe');
	is($standby->hba, $before, 'is made');
	$standby->sql(q{ALTER SYSTEM SET ssl_ciphers = 'ALL'});
	$standby->reload;
	is($pipe->('ciphers'), 0, 'a parameter by a pipe');
	isnt($standby->sql('SHOW ssl_ciphers'), 'ALL', 'is set');
	$standby->set_hba($before . "local all postgres trust\n");
	my $err = do { my ($host, $port) = ($node->host, $node->port); qx{psql -X -h $host -p $port -U postgres -d postgres -c 'SELECT castssl_hba_remove(1); SELECT 1' 2>&1} };
	ok($? != 0 && $err =~ /Several statements in one string are one, too: send each by itself\./, 'in one string it is refused, with why') or diag $err;
	$standby->set_hba($before);
	$standby->sql('ALTER SYSTEM RESET ssl_ciphers');
	$standby->reload;
}

is($primary->served, 'none', 'the primary is as it was');
is($primary->hba, $hba, "the primary's pg_hba.conf too");

# the primary gets its own, and replication goes on
$primary->enable(source_dir => $primary->{source}, plaintext => 'block');
is($primary->served, $primary->{pki}->fingerprint('server.crt'), 'the primary serves its own certificate');
is($standby->served, $standby->{pki}->fingerprint('server-renewed.crt'), 'and the standby its own');
$primary->sql('CREATE TABLE replicated AS SELECT 1 AS one');
$primary->{node}->wait_for_catchup($node, 'replay', $primary->sql('SELECT pg_current_wal_lsn()'));
is($standby->sql('SELECT one FROM replicated'), 1, 'replication goes on');

# a base backup carries state along, but no symbolic link and no foreign lock
$primary->{node}->backup('enabled');
ok(-e $primary->{node}->backup_dir . '/enabled/server.key', 'a base backup has the installed key');

# A standby made from it takes nothing that the primary did for its own: with its own pg_hba.conf, as
# Debian has it outside of the data directory, nothing was edited by hand.
my $second = $primary->from_backup('second', backup => 'enabled', standby => 1);
$second->start;
my ($made) = @{ $second->rows('SELECT * FROM castssl_changes()') };
like($made->{reason}, qr/^made before this data directory was copied here/, 'a change of the primary is said to be one');
$second->set_hba($second->hba . "host all all 10.9.9.0/24 reject\n");
is($second->sql("SELECT count(*) FROM castssl_check() WHERE check_name = 'edited_since'"), 0, 'its own pg_hba.conf counts as edited by nobody');
$second->fails("SELECT * FROM castssl_rollback($made->{change_id})", '55000', 'nor does a rollback', message => qr/^change 1 cannot be taken back here$/,
	detail => qr/maybe by another server: this data directory is a copy or was restored, and these files are newer than the change: \S+pg_hba\.conf\.$/, hint => 1, constraint => 'castssl_edited_since');
$second->stop;
is($primary->rows('SELECT * FROM castssl_changes()')->[0]{reason}, undef, 'on the primary it is its own');
$primary->set_hba($primary->hba . "# x\nhost all all 10.9.9.0/24 reject\n");
is($primary->sql("SELECT count(*) FROM castssl_check() WHERE check_name = 'edited_since'"), 1, 'which was edited by hand');

# the standby keeps its state through promotion
$node->promote;
$standby->in('promoted: TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
$standby->disable;
is($standby->hba, $hba, 'promoted: castssl_disable gives back pg_hba.conf');
is($standby->served, 'none', 'promoted: TLS is off');
$standby->stop;
$primary->stop;

done_testing();
