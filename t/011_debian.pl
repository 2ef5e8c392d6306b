# A cluster as Debian's own pg_createcluster makes it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

# It starts the server that is installed, which cannot load a library with sanitizers.
plan skip_all => 'the server needs a runtime that pg_ctlcluster does not preload' if $ENV{CASTSSL_SANITIZED};
my $create = -x '/usr/bin/pg_createcluster';
plan skip_all => 'pg_createcluster is not here: not Debian' unless $create;

# A node only for its port, its folder and its connections; the cluster is pg_createcluster's.
my $t = bless { name => 'debian', pki => CastsslTest::pki(), folder => CastsslTest::temporary_folder() }, 'CastsslTest';
my $node = $t->{node} = CastsslTest::new_cluster('debian');
my ($version) = `pg_config --version` =~ /^PostgreSQL (\d+)/;
$version = $1 if ($ENV{PG_CONFIG} // '') ne '' && `$ENV{PG_CONFIG} --version` =~ /^PostgreSQL (\d+)/;

$ENV{PG_CLUSTER_CONF_ROOT} = "$t->{folder}/etc";
mkdir $ENV{PG_CLUSTER_CONF_ROOT};
my $user = getpwuid $>;
my $log = "$t->{folder}/server.log";
my @create = ('pg_createcluster', '--user', $user, '--port', $node->port, '--datadir', "$t->{folder}/data",
	'--socketdir', $node->host, '--logfile', $log, '--start-conf', 'manual', '--createclusterconf', '/dev/null',
	$version, 'castssl', '--', '--auth-local=trust', '--username=postgres', '--no-sync');
my $made = `@create 2>&1`;
plan skip_all => "pg_createcluster does not work here: $made" if $?;
$t->{config} = "$ENV{PG_CLUSTER_CONF_ROOT}/$version/castssl";
$t->{data} = "$t->{folder}/data";
$t->{source} = $t->{pki}->source("$t->{folder}/source");

# ssl with Debian's self-made certificate, where the account may read it
my $snakeoil = '/etc/ssl/certs/ssl-cert-snakeoil.pem';
my $key = '/etc/ssl/private/ssl-cert-snakeoil.key';
open my $conf, '>>', "$t->{config}/postgresql.conf" or die $!;
print $conf "listen_addresses = '127.0.0.1'\n";
print $conf "ssl = on\nssl_cert_file = '$snakeoil'\nssl_key_file = '$key'\n" if -r $key;
close $conf or die $!;
my $started = `pg_ctlcluster $version castssl start -- -w 2>&1`;
is($?, 0, 'pg_ctlcluster start') or diag $started, -e $log ? $t->slurp($log) : '';

END
{
	local $?;
	system("pg_ctlcluster $version castssl stop -m immediate >/dev/null 2>&1") if $version;
}

my $pki = $t->{pki};
$t->sql('CREATE EXTENSION pg_castssl');
$t->sql("CREATE ROLE alice LOGIN PASSWORD 'wonderland'");
my $hba = $t->hba;
my $served = $t->served;
isnt($served, 'none', 'the snakeoil certificate is served') if -r $key;
my $settings = $t->rows(q{SELECT name, setting, source FROM pg_settings WHERE name LIKE 'ssl%'});

$t->enable(source_dir => $t->{source}, plaintext => 'block');
is($t->served, $pki->fingerprint('server.crt'), 'ours is served');
is($t->mode('server.key'), '0600', 'the key is in the folder of postgresql.conf');
is($t->sql('SHOW ssl_key_file'), "$t->{config}/server.key", 'ssl_key_file is absolute');
$t->in('TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
$t->out('TLS without', qr/requires a valid client certificate/, sslmode => 'require');
$t->out('plaintext', qr/no pg_hba.conf entry/, sslmode => 'disable');

`pg_ctlcluster $version castssl restart -- -w 2>&1`;
is($?, 0, 'pg_ctlcluster restart');
is($t->served, $pki->fingerprint('server.crt'), 'restarted: ours is served');

# After pg_upgradecluster: the files are those of an older cluster's folder
{
	my $find = "SELECT severity, subject, hint FROM castssl_check() WHERE check_name = 'other_cluster'";
	is_deeply($t->rows($find), [], 'no path of an older major');
	File::Path::make_path("$t->{folder}/2026/11/12");
	$t->sql("ALTER SYSTEM SET ssl_crl_file = '$t->{folder}/2026/11/12/root.crl'");
	$t->sql('SELECT pg_reload_conf()');
	is_deeply($t->rows($find), [], 'a date is no older major') or diag explain $t->rows($find), $t->sql("SELECT message FROM castssl_check() WHERE check_name = 'other_cluster'"), $t->sql('SHOW data_directory'), $t->sql('SHOW config_file');
	$t->sql('ALTER SYSTEM RESET ssl_crl_file');
	$t->reload;
	my $older = "$ENV{PG_CLUSTER_CONF_ROOT}/12/castssl";
	foreach my $folder ("$ENV{PG_CLUSTER_CONF_ROOT}/12", $older)
	{
		mkdir $folder or die "$folder: $!";
	}
	foreach my $name (qw(server.crt server.key root.crt))
	{
		rename "$t->{config}/$name", "$older/$name" or die "$name: $!";
	}
	$t->sql("ALTER SYSTEM SET ssl_cert_file = '$older/server.crt'");
	$t->sql("ALTER SYSTEM SET ssl_key_file = '$older/server.key'");
	$t->sql("ALTER SYSTEM SET ssl_ca_file = '$older/root.crt'");
	$t->sql('SELECT castssl_reload()');
	my $row = $t->rows($find)->[0];
	is("$row->{severity} $row->{subject}", 'warning ssl_cert_file, ssl_key_file, ssl_ca_file', 'paths of an older major') or diag explain $row;
	my $rules = $t->hba;
	$t->sql($row->{hint});
	is_deeply($t->rows($find), [], 'gone by the hint');
	is($t->sql('SHOW ssl_key_file'), "$t->{config}/server.key", 'the files are copied to where this cluster has its own');
	is($t->hba, $rules, 'and no rule changes');
}

# names without a folder are those of the data directory, and the files lie beside postgresql.conf
{
	$t->sql("ALTER SYSTEM SET ssl_cert_file = 'server.crt'");
	$t->sql("ALTER SYSTEM SET ssl_key_file = 'server.key'");
	my $hint = $t->sql(q{SELECT hint FROM castssl_check() WHERE check_name = 'restart_safe'});
	like($hint, qr/^The files lie beside postgresql\.conf, .*: SELECT \* FROM castssl_enable\(/, 'files in the wrong folder');
	my ($statement) = $hint =~ /(SELECT .*;)$/;
	$t->sql($statement // '');
	is($t->sql('SELECT restart_safe FROM castssl_status()'), 't', 'typed: a restart is safe');
	is($t->sql('SHOW ssl_key_file'), "$t->{config}/server.key", 'with the file beside postgresql.conf');
}

$t->disable(force => 'true');    # 13 is made with trust for TCP, so it admits more than now
is($t->hba, $hba, 'castssl_disable gives back pg_hba.conf');
is_deeply($t->rows(q{SELECT name, setting, source FROM pg_settings WHERE name LIKE 'ssl%'}),
	$settings, 'parameters as before');
is($t->served, $served, 'served as before');

done_testing();
