# A pooler: its sessions go on as they came, so they are named before a change and found after it; RECONNECT
# ends them, and is the proof that the change works for the pooler; by a real PgBouncer.
# Needs: pgbouncer
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslClients qw(have);
use POSIX ();
use Test::More;

$ENV{PATH} .= ':/usr/sbin';
plan skip_all => 'no pgbouncer' unless have('pgbouncer');

my $t = CastsslTest->new('poolers');
my $folder = $t->{folder};
my $pid;
END { kill 'TERM', $pid if $pid }

# PgBouncer asks for TLS, and falls back to plaintext without a word, as its default is; with a certificate
# once it has one.
my $listen = CastsslTest::free_port();

sub configure
{
	my (%more) = @_;
	my %all = (listen_addr => '127.0.0.1', listen_port => $listen, unix_socket_dir => '', auth_type => 'trust', auth_file => "$folder/users", pool_mode => 'transaction',
		admin_users => 'admin', logfile => "$folder/pgbouncer.log", pidfile => "$folder/pgbouncer.pid", server_login_retry => 1,
		query_wait_timeout => 120, server_tls_sslmode => 'prefer', %more);
	$t->write("$folder/pgbouncer.ini", "[databases]\npostgres = host=127.0.0.1 port=" . $t->{node}->port . " user=alice\n[pgbouncer]\n" . join '', map { "$_ = $all{$_}\n" } sort keys %all);
	return;
}

# One statement as a client of the pooler whose program is "shop"; or in its console.
sub by_pooler
{
	my ($sql, $database) = @_;
	my $user = $database ? 'admin' : 'alice';
	local $ENV{PGCONNECT_TIMEOUT} = 60;
	$database //= 'postgres';
	my $out = `psql -XqAt "host=127.0.0.1 port=$listen user=$user dbname=$database application_name=shop" -c "$sql" 2>&1`;
	chomp $out;
	return $out;
}

$t->write("$folder/users", qq{"alice" "wonderland"\n"admin" ""\n});
configure();
is(system('pgbouncer', '-q', '-d', "$folder/pgbouncer.ini"), 0, 'pgbouncer starts');
CastsslTest::wait_until(sub { -s "$folder/pgbouncer.pid" });
$pid = $t->slurp("$folder/pgbouncer.pid") + 0;

my $encrypted = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
# two of its sessions: two clients at the same time
my @clients = map { my $child = fork // die; if (!$child) { by_pooler('SELECT pg_sleep(600)'); POSIX::_exit(0) } $child } 1 .. 2;
my $busy = q{FROM pg_stat_activity WHERE usename = 'alice' AND query LIKE '%pg_sleep%'};
CastsslTest::wait_until(sub { $t->sql("SELECT count(*) $busy") eq '2' }) or die 'no two sessions';
$t->sql("SELECT pg_cancel_backend(pid) $busy");
waitpid $_, 0 foreach @clients;
is(by_pooler($encrypted), 'f', 'a pooled session in plaintext');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice'}), 2, 'and one more');
my $pooled = qr/client backend "alice", database "postgres", from 127\.0\.0\.1, application "shop"/;

# --- before: who would be cut off

my %enable = (source_dir => $t->{source}, clientcert => 'none', plaintext => 'block');
$t->fails("SELECT * FROM castssl_enable(source_dir => '$t->{source}', clientcert => 'none', plaintext => 'block')", '55000', 'block: a session of the pooler could not come back',
	constraint => 'castssl_would_cut_off', detail => qr/^User "alice", database "postgres", from 127\.0\.0\.1, in plaintext \(2 sessions\): /);
my ($row) = grep { ($_->{code} // '') eq 'session_cut_off' } @{ $t->enable(%enable, dry_run => 'true') };
like($row->{detail} // '', qr/^a connection like it \($pooled\) would be refused afterwards\..*  There are 2 such sessions\.  A pool keeps them until it reconnects \(RECONNECT/, 'a dry run names them by their application, and says what a pool does');

# --- after: it goes on in plaintext, and is no proof

$t->enable(%enable, confirm_within => '1 hour');
is(by_pooler($encrypted), 'f', 'after block the pooled session goes on in plaintext');
my $refused = sub { $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'sessions_refused'}) };
my $rows = $refused->();
is(scalar @$rows, 1, 'castssl_check() finds it') or diag explain $rows;
is($rows->[0]{message}, '2 live sessions would be refused if they came now', 'and says so');
like($rows->[0]{hint} // '', qr/^Still open: $pooled \(2 sessions\)\.  Let a pool reconnect \(RECONNECT .*  Reason: No line of pg_hba\.conf matches/, 'names them, and says what to do');
$t->fails('SELECT castssl_confirm()', '55000', 'it proves nothing', constraint => 'castssl_no_proof');

# --- RECONNECT

by_pooler('RECONNECT', 'pgbouncer');
my $now = '';
CastsslTest::wait_until(sub { ($now = by_pooler($encrypted)) eq 't' });
is($now, 't', 'RECONNECT: over TLS from now on');
CastsslTest::wait_until(sub { !@{ $refused->() } });
is_deeply($refused->(), [], 'nothing is left to find');
like($t->sql('SELECT castssl_confirm()'), qr/^\d+$/, 'and it is the proof that the pooler comes in');

# --- a certificate of its own

$t->enable(%enable, clientcert => 'verify-full', confirm_within => '1 hour');
is(by_pooler($encrypted), 't', 'clientcert: the pooled session goes on without a certificate');
like($refused->()->[0]{hint} // '', qr/$pooled/, 'and is found');
my $pki = $t->{pki};
configure(server_tls_sslmode => 'verify-full', server_tls_ca_file => $pki->path('root.crt'), server_tls_cert_file => $pki->path('alice.crt'), server_tls_key_file => $pki->path('alice.key'));
my $ini = $t->slurp("$folder/pgbouncer.ini");
$t->write("$folder/pgbouncer.ini", $ini =~ s/host=127\.0\.0\.1/host=localhost/r);
by_pooler($_, 'pgbouncer') foreach qw(RELOAD RECONNECT);
my $dn = '';
CastsslTest::wait_until(sub { ($dn = by_pooler('SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()')) =~ /alice/ });
like($dn, qr/CN=alice/, 'with its certificate, RELOAD and RECONNECT: it comes in anew');
CastsslTest::wait_until(sub { !@{ $refused->() } });
is_deeply($refused->(), [], 'and nobody is left');
like($t->sql('SELECT castssl_confirm()'), qr/^\d+$/, 'confirmed');

kill 'TERM', $pid;
undef $pid;
$t->stop;
done_testing();
