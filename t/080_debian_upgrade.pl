# Clusters of Debian's postgresql-common: pg_upgradecluster with debian/pg_upgradecluster,
# pg_renamecluster and pg_dropcluster, as docs/debian.md has them. From one major to itself with another
# name, and from an older one where it is at hand.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

plan skip_all => 'the server needs a runtime that pg_ctlcluster does not preload' if $ENV{CASTSSL_SANITIZED};
plan skip_all => 'pg_upgradecluster is not here: not Debian' unless -x '/usr/bin/pg_upgradecluster';
# before, the configuration was copied behind phase init
plan skip_all => 'postgresql-common is older than 248, which is the oldest that the script is for'
  if system(q{dpkg --compare-versions "$(dpkg-query -W -f '${Version}' postgresql-common)" lt 248}) == 0;
my $user = getpwuid $>;
plan skip_all => 'pg_upgradecluster comes in as the owner of the cluster, and the tests as postgres' if $user ne 'postgres';

my ($version) = `pg_config --version` =~ /^PostgreSQL (\d+)/;
$version = $1 if ($ENV{PG_CONFIG} // '') ne '' && `$ENV{PG_CONFIG} --version` =~ /^PostgreSQL (\d+)/;
my ($older) = ($ENV{CASTSSL_OLDER_BINDIR} // '') =~ m{/(\d+)/bin$};

# All that postgresql-common would put under /etc and /var.
my $folder = CastsslTest::temporary_folder();
my $etc = $ENV{PG_CLUSTER_CONF_ROOT} = "$folder/etc";
my $common = $ENV{PGSYSCONFDIR} = "$folder/common";
mkdir $_ or die "$_: $!" foreach $etc, $common, "$common/pg_upgradecluster.d", "$folder/log", "$folder/data", map { "$folder/data/$_" } $version, $older // ();
my $hook = "$common/pg_upgradecluster.d/castssl";
is(system('install', '-m', '755', "$FindBin::RealBin/../debian/pg_upgradecluster", $hook), 0, 'the script is installed');
my %made;

END
{
	local $?;
	foreach my $cluster (grep { -e "$etc/$_/postgresql.conf" } map { s{^\Q$etc\E/}{}r } glob "$etc/*/*")
	{
		my ($major, $name) = split m{/}, $cluster;
		system("pg_ctlcluster $major $name stop -m immediate >/dev/null 2>&1");
	}
}

sub command_ok
{
	my ($what, @command) = @_;
	my $output = `@command 2>&1`;
	is($?, 0, $what) or diag "@command\n$output";
	return $output;
}

# A cluster that is there, as tests speak to it.
my $node = CastsslTest::new_cluster('clusters');
sub cluster
{
	my ($major, $name) = @_;
	my $t = bless { name => "$major/$name", pki => CastsslTest::pki(), folder => $folder, node => $node }, 'CastsslTest';
	$t->{config} = "$etc/$major/$name";
	$t->{data} = "$folder/data/$major/$name";
	$t->{cluster} = "$major $name";
	return $t;
}

sub create
{
	my ($major, $name) = @_;
	my $t = cluster($major, $name);
	command_ok("pg_createcluster $t->{cluster}", 'pg_createcluster', '--port', $node->port, '--datadir', $t->{data}, '--socketdir', $node->host,
		'--logfile', "$folder/log/$name", '--start-conf', 'manual', '--createclusterconf', '/dev/null', $t->{cluster}, '--',
		'--auth-local=trust', '--auth-host=scram-sha-256', '--no-sync');
	open my $conf, '>>', "$t->{config}/postgresql.conf" or die $!;
	print $conf "listen_addresses = '127.0.0.1'\nshared_preload_libraries = 'pg_castssl'\n";
	close $conf or die $!;
	command_ok("$t->{cluster} starts", 'pg_ctlcluster', $t->{cluster}, 'start', '--', '-w');
	$t->sql('CREATE EXTENSION pg_castssl');
	$t->sql("CREATE ROLE alice LOGIN PASSWORD 'wonderland'");
	return $t;
}

sub upgraded
{
	my ($from, $to, $method, @options) = @_;
	return `pg_upgradecluster @options -m $method -v $to --logfile $folder/log/upgraded $from->{cluster} $folder/data/$to/$from->{new} 2>&1`;
}

# the files before castssl_enable() and what it installs, in the folder of the configuration and in the data directory
sub secure
{
	my ($t, %options) = @_;
	my $source = "$t->{folder}/source";
	$t->{pki}->source($source) unless -d $source;
	my $before = "$t->{config}/before";
	mkdir $before or die $!;
	$t->{pki}->source($before, 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	$t->sql("ALTER SYSTEM SET ssl_$_->[0]_file = '$before/server.$_->[1]'") foreach [ cert => 'crt' ], [ key => 'key' ];
	$t->sql("ALTER SYSTEM SET ssl = on");
	$t->sql('SELECT castssl_reload()');
	$t->enable(source_dir => $source, plaintext => 'block', %options);
	return;
}

sub names_in
{
	my ($t) = @_;
	return $t->slurp("$t->{data}/postgresql.auto.conf");
}

# --- from one cluster to another: of an older major where there is one, else of the same by --rename

foreach my $method ($older ? qw(dump upgrade) : 'dump')
{
	my $from = create($older // $version, 'old');
	$from->{new} = $older ? 'old' : 'renewed';
	my @options = $older ? () : ('--rename=renewed');
	secure($from, confirm_within => '10 min');

	# a change that waits
	my $said = upgraded($from, $version, $method, @options);
	isnt($?, 0, "$method: refused while a change waits");
	like($said, qr/^pg_castssl: change 1 of cluster \Q${\ ($older \/\/ $version)}\E\/old waits \(unconfirmed\)/m, "$method: and why") or diag $said;
	my ($again) = $said =~ /Start that cluster for its clients again:  (.*)$/m;
	ok(!-e "$etc/$version/$from->{new}", "$method: the new cluster is gone");
	command_ok("$method: typed: " . ($again // 'nothing'), $again // 'false');
	$from->confirm;
	is($from->served, $from->{pki}->fingerprint('server.crt'), "$method: the old one is as before");

	# what the small CA has
	$from->sql("SELECT castssl_create_ca('The small CA')");
	my $key = $from->slurp("$from->{data}/pg_castssl/ca/ca.key");
	$from->sql("SELECT castssl_hba_add('host all all 10.0.0.0/8 reject')");

	$said = upgraded($from, $version, $method, @options);
	is($?, 0, "$method: upgraded") or diag $said;
	like($said, qr/^pg_castssl: kept baseline ca;/m, "$method: says what is kept");
	like($said, qr/^pg_castssl: edits of pg_hba\.conf that are staged in .*\/old stay behind\.$/m, "$method: and what is not");
	my $to = cluster($version, $from->{new});
	is($to->sql('SHOW server_version_num') =~ s/....$//r, $version, "$method: the new cluster answers");
	is($to->served, $from->{pki}->fingerprint('server.crt'), "$method: with the same certificate");
	is($to->sql('SHOW ssl_key_file'), "$to->{config}/server.key", "$method: from a folder of its own");
	unlike(names_in($to), qr{\Q$from->{config}\E/|\Q$from->{data}\E/}, "$method: no parameter names a file of the old cluster");
	is($to->mode("$to->{config}/server.key"), '0600', "$method: nobody else can read the key");
	is_deeply($to->rows("SELECT * FROM castssl_check() WHERE check_name IN ('other_cluster', 'changes', 'restart_safe')"), [], "$method: the check finds nothing");
	is($to->slurp("$to->{data}/pg_castssl/ca/ca.key"), $key, "$method: the small CA came along");
	is($to->mode("$to->{data}/pg_castssl/ca/ca.key"), '0600', "$method: and its key is closed");
	is($to->sql('SELECT count(*) FROM castssl_changes()'), '0', "$method: the journal stays behind");
	$to->in("$method: TLS with a certificate", sslmode => 'verify-full', cert => 'alice', encrypted => 't');
	$to->out("$method: plaintext", qr/no pg_hba.conf entry/, sslmode => 'disable');

	command_ok("$method: pg_dropcluster of the old one", 'pg_dropcluster', $from->{cluster});
	ok(-e "$from->{config}/server.key", "$method: pg_dropcluster leaves the key");
	command_ok("$method: restart", 'pg_ctlcluster', $to->{cluster}, 'restart', '--', '-w');
	is($to->served, $from->{pki}->fingerprint('server.crt'), "$method: the new one needs nothing of the old one");
	$to->disable(force => 'true');
	is($to->served, $from->{pki}->fingerprint('server-renewed.crt'), "$method: castssl_disable() knows what was before");
	is($to->sql('SHOW ssl_cert_file'), "$to->{config}/before/server.crt", "$method: also from its own folder");
	command_ok("$method: pg_dropcluster --stop", 'pg_dropcluster', '--stop', $to->{cluster});
	system('rm', '-rf', $from->{config}, $to->{config});
}

# --- nothing to carry

{
	my $from = create($older // $version, 'plain');
	$from->{new} = $older ? 'plain' : 'renewed';
	my $said = upgraded($from, $version, 'dump', $older ? () : ('--rename=renewed'));
	is($?, 0, 'a cluster without castssl: upgraded') or diag $said;
	unlike($said, qr/pg_castssl:/, 'and nothing is said');
	command_ok('pg_dropcluster', 'pg_dropcluster', '--stop', "$version $from->{new}");
	command_ok('pg_dropcluster', 'pg_dropcluster', $from->{cluster});
}

# --- what docs/debian.md has for 17 main and 17 sales

# The commands below "recipe: NAME", for the clusters of this test.
sub recipe
{
	my ($name) = @_;
	my ($text) = CastsslTest->slurp("$FindBin::RealBin/../docs/debian.md") =~ /<!-- recipe: $name -->\n```bash\n(.*?)^```/ms;
	return $text =~ s{/etc/postgresql/17/}{$etc/$version/}gr =~ s{/var/lib/postgresql/17/}{$folder/data/$version/}gr =~ s{ 17 }{ $version }gr;
}

{
	my $t = create($version, 'main');
	secure($t);
	$t->sql("SELECT castssl_hba_add('host all all 10.0.0.0/8 reject')");
	my $hba = $t->hba;
	$t->sql("SELECT * FROM castssl_hba_apply(confirm_within => '10 min')");
	my $sales = cluster($version, 'sales');
	my $said = `set -e; (@{[ recipe('rename') ]}) 2>&1`;
	is($?, 0, 'renamed') or diag $said;
	like($said, qr/could not load server certificate file "\Q$t->{config}\E/, 'pg_renamecluster alone does not do');
	is($sales->served, $t->{pki}->fingerprint('server.crt'), 'renamed: served as before');
	my ($ok) = $sales->psql('SELECT * FROM castssl_rollback()');
	ok(!$ok, 'renamed: what waits cannot be taken back');
	isnt($sales->hba, $hba, 'renamed: and is still in effect');
	$sales->sql('SELECT castssl_confirm(2, force => true)');
	is($sales->sql('SELECT state FROM castssl_changes() WHERE change_id = 2'), 'applied', 'but it can be kept');
	is($sales->sql('SELECT restart_safe FROM castssl_status()'), 't', 'a restart is safe');
	$said = `set -e; (@{[ recipe('drop') =~ s/main/sales/gr ]}) 2>&1`;
	is($?, 0, 'dropped') or diag $said;
	is_deeply([ grep { -e } $sales->{config}, $sales->{data} ], [], 'dropped: nothing is left');
}

done_testing();
