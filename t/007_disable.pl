# castssl_disable: what was before, however it was before.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('disable');
my $pki = $t->{pki};
my $ssl_settings = q{SELECT name, setting, source FROM pg_settings WHERE name LIKE 'ssl%' ORDER BY name};

# --- never enabled: nothing to do

my $before = $t->state;
is_deeply([ grep { $_->{result} ne 'unchanged' } @{ $t->disable } ], [], 'never enabled: unchanged');
is_deeply($t->state, $before, 'never enabled: nothing has changed');

# --- dry run

my $settings = $t->rows($ssl_settings);
my $auto = $t->slurp("$t->{data}/postgresql.auto.conf");
$t->enable(source_dir => $t->{source}, plaintext => 'block');
$before = $t->state;
my $planned = $t->disable(dry_run => 'true');
is_deeply($t->state, $before, 'dry run: nothing has changed');
is_deeply([ grep { $_->{result} !~ /^(planned|unchanged)$/ && ($_->{code} // '') ne 'newly_admitted' } @$planned ], [], 'dry run: planned, or so already')
  or diag explain $planned;
my $done = $t->disable;
is_deeply([ map { "$_->{action} $_->{target}" } @$planned ],
	[ map { "$_->{action} $_->{target}" } @$done ], 'dry run: the rows of the real run');
is_deeply($t->rows($ssl_settings), $settings, 'parameters and their sources as before');
is($t->slurp("$t->{data}/postgresql.auto.conf"), $auto, 'postgresql.auto.conf as before');

# --- edits of a person in between stay

$t->enable(source_dir => $t->{source}, plaintext => 'block');
(my $edited = $t->hba) =~ s/^# IPv6/# a note of mine\nhost all all 192.0.2.0\/24 reject\n# IPv6/m;
$t->set_hba($edited);
$t->disable;
(my $expected = $CastsslTest::stock_hba) =~ s/^# IPv6/# a note of mine\nhost all all 192.0.2.0\/24 reject\n# IPv6/m;
is($t->hba, $expected, 'a person\'s edits in between stay');
$t->set_hba($CastsslTest::stock_hba);

# --- ssl was on before, by ALTER SYSTEM, with another certificate

my $other = $pki->source("$t->{folder}/other", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
$t->sql("ALTER SYSTEM SET ssl_cert_file = '$other/server.crt'");
$t->sql("ALTER SYSTEM SET ssl_key_file = '$other/server.key'");
$t->sql('ALTER SYSTEM SET ssl = on');
$t->reload;
is($t->served, $pki->fingerprint('server-renewed.crt'), 'ssl on before: served');
$settings = $t->rows($ssl_settings);
$t->enable(source_dir => $t->{source}, plaintext => 'block');
is($t->served, $pki->fingerprint('server.crt'), 'ssl on before: ours is served');
$t->enable(source_dir => $t->{source}, plaintext => 'block', clientcert => 'verify-full');
$t->disable;
is_deeply($t->rows($ssl_settings), $settings, 'ssl on before: parameters as before the first call');
is($t->served, $pki->fingerprint('server-renewed.crt'), 'ssl on before: served as before');
is($t->hba, $CastsslTest::stock_hba, 'ssl on before: pg_hba.conf as before');

# --- after a restart in between

$t->enable(source_dir => $t->{source}, plaintext => 'block');
$t->restart;
$t->disable;
is_deeply($t->rows($ssl_settings), $settings, 'restart in between: parameters as before');
is($t->hba, $CastsslTest::stock_hba, 'restart in between: pg_hba.conf as before');

# --- a rule whose own twins are the user's

my $twins = "local all all trust\nhostssl all all 10.0.0.0/8 scram-sha-256\nhostgssenc all all 10.0.0.0/8 gss\nhost all all 10.0.0.0/8 scram-sha-256\n";
$t->set_hba($twins);
$t->enable(source_dir => $t->{source}, plaintext => 'block', force => 'true');
like($t->hba, qr/^#castssl# host all all 10/m, "the user's own twins: the line is commented out");
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE message ~ 'twin'}), 0, 'castssl_check has nothing against it');
$t->disable;
is($t->hba, $twins, "the user's own twins: the line is back");
$t->set_hba($CastsslTest::stock_hba);

# --- a caller who could not come back

$t->sql("ALTER SYSTEM RESET $_") foreach qw(ssl ssl_cert_file ssl_key_file);
$t->reload;
my $hba = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
$t->enable(source_dir => $t->{source}, clientcert => 'none');
$t->set_hba($hba);
$t->sql('ALTER ROLE alice SUPERUSER');
$before = $t->state;
my ($ok, $output) = $t->client(sslmode => 'require', sql => "DO \$\$ BEGIN PERFORM castssl_disable();
	EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION 'SQLSTATE %', SQLSTATE; END \$\$");
like($output, qr/SQLSTATE 55000/, 'by TLS only: would lock out its caller');
is_deeply($t->state, $before, 'by TLS only: nothing has changed');
$t->disable;
is($t->sql('SHOW ssl'), 'off', 'by the Unix socket: off');
is($t->hba, $hba, 'rules that are not ours stay');
$t->stop;

done_testing();
