# Promises to clients that nothing was told, each as it is by default (sslmode=prefer, no certificate): encryption is
# not lost without a word, and nobody who is connected is cut off without a word. One that is not installed is skipped.
# Needs: default-jdk-headless libpostgresql-jdbc-java python3-psycopg2 python3-psycopg python3-asyncpg libdbd-pg-perl
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(drivers target);
use Test::More;

my $folder = CastsslTest::temporary_folder();
my $t = CastsslTest->new('stories', conf => $CastsslTest::listen_on_localhost);
$t->enable(source_dir => $t->{source}, clientcert => 'none');
my $how = q{SELECT CASE WHEN ssl THEN 'TLS' ELSE 'plaintext' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()};
my $tls_for_all = $t->hba;

# Rows with this code.
sub rows_of
{
	my ($code, $call) = @_;
	return [ grep { ($_->{code} // '') eq $code } @{ $t->rows("SELECT * FROM $call") } ];
}

# The clients whose default is to try TLS and to go on in plaintext where that fails.
my %prefers = map { $_ => 1 } 'psql', 'psycopg2', 'psycopg', 'asyncpg', 'pgjdbc', 'DBD::Pg';
foreach my $driver (grep { $prefers{ $_->{name} } } drivers($folder))
{
	my $name = $driver->{name};
	subtest $name => sub {
		plan skip_all => $driver->{missing} if $driver->{missing};
		my $target = target($driver->{format}, port => $t->{node}->port, user => 'alice');
		my $client = CastsslClients->start($driver, $folder);
		my $ask = "castssl_enable(clientcert => 'verify-ca', plaintext => 'keep'";

		# nobody is connected: it is done, and the row says what will come of it
		is($client->say('commit', $target, $how), 'ok TLS', "$name comes over TLS");
		$t->clients_gone;
		my $rows = rows_of('plaintext_fallback', "$ask, dry_run => true)");
		is(scalar @$rows, 1, 'dry run: a row says that clients may fall back to plaintext');
		is($rows->[0]{result}, 'warning', 'as a warning');
		$rows = rows_of('plaintext_fallback', "$ask)");
		is(scalar @$rows, 1, 'so does the call');
		is($client->say('commit', $target, $how), 'ok plaintext', "and so it is: $name, which was told nothing, comes in plaintext");
		$t->clients_gone;
		is(scalar @{ rows_of('plaintext_fallback', "$ask)") }, 1, 'a call that changes nothing says so still');
		$t->set_hba($tls_for_all);

		# one is: the caller decides, and knows about whom
		is($client->say('hold', $target, $how), 'ok TLS', "a session of $name");
		# the one before it may be on its way out
		my $pid;
		CastsslTest::wait_until(sub { ($pid = $t->sql("SELECT pid FROM pg_stat_activity WHERE usename = 'alice' AND client_addr IS NOT NULL")) =~ /^\d+$/ });
		$t->fails("SELECT * FROM $ask)", '55000', 'it would be in plaintext', constraint => 'castssl_would_cut_off', detail => qr/\balice\b.*plaintext/s, hint => qr/confirm_within/);
		is($t->hba, $tls_for_all, 'nothing has changed');
		$rows = rows_of('session_plaintext', "$ask, dry_run => true, confirm_within => '1 hour')");
		is(scalar @$rows, 1, 'a row names it');
		like(join(' ', map { "$_->{target} $_->{detail}" } @$rows), qr/\b$pid\b.*alice|alice.*\b$pid\b/s, 'by process and user');
		$t->sql("SELECT castssl_hba_require_tls(clientcert => 'verify-ca')");
		is($t->sql("SELECT verdict FROM castssl_hba_impact() WHERE pid = $pid"), 'plaintext', 'castssl_hba_impact()');
		isnt($t->sql(q{SELECT count(*) FROM castssl_hba_compare() WHERE change = 'may fall back to plaintext'}), 0, 'castssl_hba_compare()');
		$t->sql('SELECT castssl_hba_discard()');

		# it could not come back at all
		my $block = $ask =~ s/keep/block/r;
		$t->fails("SELECT * FROM $block)", '55000', 'it could not come back', constraint => 'castssl_would_cut_off', detail => qr/\balice\b/, hint => qr/confirm_within/);
		is($t->hba, $tls_for_all, 'nothing has changed');
		$rows = rows_of('session_cut_off', "$block, confirm_within => '1 hour')");
		is(scalar @$rows, 1, 'with confirm_within it is done, and a row names the session');
		like(join(' ', map { "$_->{target} $_->{detail}" } @$rows), qr/\b$pid\b.*alice|alice.*\b$pid\b/s, 'by process and user');
		like($client->say('commit', $target, $how), qr/^error/, 'and so it is: it does not come back');
		$t->clients_gone(1);
		is($t->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 1, 'but nobody is thrown out');
		$t->sql('SELECT FROM castssl_rollback()');
		is($client->say('commit', $target, $how), 'ok TLS', 'taken back: it comes over TLS');
		$t->clients_gone(1);

		# from TLS to plaintext blocked it keeps its encryption, and nothing is asked
		$rows = $t->rows("SELECT * FROM castssl_enable(plaintext => 'block')");
		is_deeply([ grep { ($_->{code} // '') =~ /^(?:session_|plaintext_fallback)/ } @$rows ], [], "plaintext => 'block' cuts off nobody who comes over TLS");
		is($client->say('commit', $target, $how), 'ok TLS', 'it comes over TLS');
		$t->set_hba($tls_for_all);
		$client->finish;
		$t->clients_gone;
	};
}

$t->stop;
done_testing();
