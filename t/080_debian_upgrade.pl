# Clusters of Debian's postgresql-common: pg_upgradecluster with debian/pg_upgradecluster,
# pg_renamecluster and pg_dropcluster, as docs/debian.md has them. From one major to itself with another
# name, and from an older one where it is at hand.
use strict;
use warnings;
use File::Basename qw(basename dirname);
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
# with a folder for files of parameters, as Debian makes clusters
write_file("$common/createcluster.conf", "add_include_dir = 'conf.d'\n", 0644);
# newer ones look whether each package of the older major is there for the new one, too
my @force = CastsslTest->slurp('/usr/bin/pg_upgradecluster') =~ /--force-packages/ ? '--force-packages' : ();
my $hook = "$common/pg_upgradecluster.d/castssl";
# as the packages of two majors do
is(system('install', '-m', '755', "$FindBin::RealBin/../debian/pg_upgradecluster", $_), 0, 'the script is installed') foreach $hook, "$hook-too";
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

sub write_file
{
	my ($path, $text, $mode) = @_;
	open my $out, '>:raw', $path or die "$path: $!";
	print $out $text;
	close $out or die "$path: $!";
	chmod $mode, $path or die "$path: $!";
	return $path;
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
		'--logfile', "$folder/log/$name", '--start-conf', 'manual', '--createclusterconf', "$common/createcluster.conf", $t->{cluster}, '--',
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
	return `pg_upgradecluster @force @options -m $method -v $to --logfile $folder/log/upgraded $from->{cluster} $folder/data/$to/$from->{new} 2>&1`;
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

	# a change that waited, and was taken back by hand
	$from->enable(profile => 'modern', confirm_within => '10 min');
	$from->sql('SELECT castssl_rollback()');

	# what the small CA has
	$from->sql("SELECT castssl_create_ca('The small CA')");
	my $key = $from->slurp("$from->{data}/pg_castssl/ca/ca.key");
	$from->sql("SELECT castssl_hba_add('host all all 10.0.0.0/8 reject')");

	$said = upgraded($from, $version, $method, @options);
	is($?, 0, "$method: upgraded") or diag $said;
	like($said, qr/^pg_castssl: kept baseline ca;/m, "$method: says what is kept");
	like($said, qr/^pg_castssl: edits of pg_hba\.conf that are staged in .*\/old stay behind\.$/m, "$method: and what is not");
	my %told;
	$told{$_}++ foreach $said =~ /^pg_castssl: .*/mg;
	is_deeply([ grep { $told{$_} > 1 } keys %told ], [], "$method: each once, with the packages of two majors");
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

# --- what pg_upgradecluster leaves behind, or copies so that the server refuses it

sub restart_cluster
{
	my ($t) = @_;
	return command_ok("$t->{cluster} restarts", 'pg_ctlcluster', $t->{cluster}, 'restart', '--', '-w');
}

# Upgrades, and removes the old cluster as the document has it: the new one misses nothing.
sub carried
{
	my ($what, $from, $method) = @_;
	my $served = $from->served;
	$from->{new} = $older ? $from->{name} =~ s{.*/}{}r : 'renewed';
	my $said = upgraded($from, $version, $older ? $method : 'dump', $older ? () : '--rename=renewed');
	is($?, 0, "$what: upgraded") or diag $said;
	my $to = cluster($version, $from->{new});
	is($to->served, $served, "$what: the same certificate");
	is_deeply($to->rows("SELECT * FROM castssl_check() WHERE check_name IN ('other_cluster', 'restart_safe') AND severity <> 'info'"), [], "$what: the check finds nothing");
	command_ok("$what: pg_dropcluster of the old one", 'pg_dropcluster', $from->{cluster});
	rename $from->{config}, "$folder/gone" or die $!;
	rename $from->{data}, "$folder/gone-data" if -e $from->{data};
	restart_cluster($to);
	is($to->served, $served, "$what: the new one needs nothing of the old one");
	return ($to, $said);
}

sub remove_cluster
{
	my ($to) = @_;
	command_ok("pg_dropcluster --stop $to->{cluster}", 'pg_dropcluster', '--stop', $to->{cluster});
	system('rm', '-rf', $to->{config}, "$folder/gone", "$folder/gone-data");
	return;
}

# root's key that the server's group may read, and parameters in conf.d/, which is not copied
SKIP:
{
	my $fixtures = dirname($ENV{CASTSSL_FOREIGN_KEY} // '');
	skip 'no key of root, as another user than root runs the tests' unless -r "$fixtures/roots-carried.key";
	my $from = create($older // $version, 'rootskey');
	my $key = "$from->{config}/server.key";
	write_file("$from->{config}/$_", CastsslTest->slurp("$fixtures/roots.crt"), 0644) foreach 'server.crt', 'root.crt';
	rename "$fixtures/roots-carried.key", $key or die $!;
	is((stat $key)[4] . ' ' . $from->mode($key), '0 0640', "root's key, as Debian has them");
	mkdir "$from->{config}/rules" or die $!;
	write_file("$from->{config}/rules/hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n", 0640);
	write_file("$from->{config}/conf.d/tls.conf", join('', map { "$_\n" } 'ssl = on', (map { "ssl_$_->[0]_file = '$from->{config}/$_->[1]'" } [ cert => 'server.crt' ], [ key => 'server.key' ], [ ca => 'root.crt' ]),
			"ssl_min_protocol_version = TLSv1.3", "castssl.expiry_warning = '12d'", "hba_file = '$from->{config}/rules/hba.conf'"), 0644);
	restart_cluster($from);
	$from->sql("SELECT * FROM castssl_enable(plaintext => 'block', clientcert => 'verify-ca', force => true)");
	unlike(names_in($from), qr/^ssl_/m, 'conf.d: the parameters are there alone');
	my $rules = $from->slurp("$from->{config}/rules/hba.conf");
	my ($to, $said) = carried("root's key, conf.d", $from, 'upgrade');
	rename "$folder/gone/server.key", "$fixtures/roots-carried.key" or die $!;
	is($to->sql('SHOW ssl_key_file') . ' ' . $to->mode("$to->{config}/server.key"), "$to->{config}/server.key 0600", "root's key: the copy is closed");
	is($to->sql("SELECT string_agg(name || ' ' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name IN ('ssl', 'ssl_ca_file', 'ssl_min_protocol_version', 'castssl.expiry_warning')"),
		"castssl.expiry_warning 1036800, ssl on, ssl_ca_file $to->{config}/root.crt, ssl_min_protocol_version TLSv1.3", 'conf.d: the parameters came along');
	is($to->slurp($to->sql('SHOW hba_file')), $rules, 'conf.d: and the rules that were in force');
	like($said, qr/^pg_castssl: ssl_ca_file is now '\Q$to->{config}\E\/root\.crt'\.$/m, 'conf.d: this is said');
	remove_cluster($to);
}

# links within the old cluster, out of it, and back; a passphrase, the small CA and other folders in it
{
	my $from = create($older // $version, 'links');
	my $config = $from->{config};
	my $outside = "$folder/outside";
	my $live = "$config/live/my 2026";
	mkdir $_ or die "$_: $!" foreach $outside, "$config/live", $live, "$config/sources", "$config/crls";
	my %file = map { $_ => $from->{pki}->path($_) } qw(server.crt server.key root.crt);
	write_file("$live/server.crt", $from->slurp($file{'server.crt'}), 0644);
	write_file("$live/secret", "sesame\n", 0600);
	system('openssl', 'pkey', '-in', $file{'server.key'}, '-aes256', '-passout', "file:$live/secret", '-out', "$live/server.key") == 0 or die 'openssl';
	chmod 0600, "$live/server.key" or die $!;
	write_file("$outside/root.crt", $from->slurp($file{'root.crt'}), 0644);
	write_file("$config/sources/server.crt", $from->slurp($file{'server.crt'}), 0644);
	$from->{pki}->openssl('ca', '-config', 'openssl.cnf', '-gencrl', '-crldays', '30', '-keyfile', 'root.key', '-cert', 'root.crt', '-out', "$config/crls/list.pem");
	system('openssl', 'rehash', "$config/crls") == 0 or die 'openssl';
	my ($hashed) = map { basename($_) } grep { -l } glob "$config/crls/*";
	# to a folder of its own, outside and back, and outside
	symlink "live/my 2026/server.crt", "$config/server.crt" or die $!;
	symlink "$live/server.key", "$outside/back.key" or die $!;
	symlink "$outside/back.key", "$config/server.key" or die $!;
	symlink "$outside/root.crt", "$config/root.crt" or die $!;
	my %parameter = (
		ssl_passphrase_command => "cat '$live/secret'",
		ssl_passphrase_command_supports_reload => 'on',
		ssl_crl_dir => "$config/crls",
		'castssl.ca_directory' => "$config/ca",
		'castssl.allowed_directories' => "$config/sources, $outside, \"$live\"");
	$from->write("$config/postgresql.conf", $from->slurp("$config/postgresql.conf") . join '', map { "$_ = '" . $parameter{$_} =~ s/'/''/gr . "'\n" } sort keys %parameter);
	restart_cluster($from);
	$from->sql("SELECT * FROM castssl_enable(cert_file => '$config/server.crt', key_file => '$config/server.key', ca_file => '$config/root.crt', plaintext => 'block')");
	$from->sql("SELECT castssl_create_ca('The small CA')");
	my $ca = $from->slurp("$config/ca/ca.key");
	$from->sql("BEGIN; SELECT castssl_hba_add('host all all 10.0.0.0/8 reject'); ROLLBACK");
	my ($to, $said) = carried('links', $from, 'link');
	unlike($said, qr/staged/, 'links: what was staged and rolled back is nothing');
	is($to->sql('SHOW ssl_key_file'), "$to->{config}/server.key", 'links: the key has a name in the new folder');
	ok(!-l "$to->{config}/server.key" && !-l "$to->{config}/server.crt", 'links: and is a copy');
	is($to->mode("$to->{config}/server.key"), '0600', 'links: which is closed');
	is(readlink("$to->{config}/root.crt"), "$outside/root.crt", 'links: one that leads elsewhere stays a link');
	is($to->sql('SHOW ssl_passphrase_command'), "cat '$to->{config}/live/my 2026/secret'", 'links: the passphrase comes from a copy');
	is($to->slurp($to->sql('SHOW castssl.ca_directory') . '/ca.key'), $ca, 'links: the small CA came along');
	is($to->mode("$to->{config}/ca/ca.key"), '0600', 'links: and its key is closed');
	is($to->sql('SHOW castssl.allowed_directories'), "$to->{config}/sources, $outside, \"$to->{config}/live/my 2026\"", 'links: so did the allowed folders');
	like($to->slurp("$to->{config}/crls/$hashed"), qr/X509 CRL/, 'links: and the folder of CRLs');
	$to->in('links: TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
	remove_cluster($to);
}

# a passphrase command whose words nobody can tell
{
	my $from = create($older // $version, 'unclear');
	$from->{new} = $older ? 'unclear' : 'renewed';
	secure($from);
	$from->write("$from->{config}/postgresql.conf", $from->slurp("$from->{config}/postgresql.conf") . "ssl_passphrase_command = 'cat $from->{config}/se*'\n");
	my $said = upgraded($from, $version, 'dump', $older ? () : '--rename=renewed');
	isnt($?, 0, 'unclear: refused');
	like($said, qr/^pg_castssl: ssl_passphrase_command names a file in the folders of cluster \S+\/unclear, and it is not clear which$/m, 'unclear: and why') or diag $said;
	my ($again) = $said =~ /Start that cluster for its clients again:  (.*)$/m;
	command_ok('unclear: typed: ' . ($again // 'nothing'), $again // 'false');
	is($from->served, $from->{pki}->fingerprint('server.crt'), 'unclear: the old one is as before');
	command_ok('pg_dropcluster', 'pg_dropcluster', '--stop', $from->{cluster});
	system('rm', '-rf', $from->{config});
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

# With the empty cluster that comes with the package of the new major.
if ($older)
{
	my $from = create($older, 'main');
	$from->{new} = 'main';
	secure($from);
	my $to = cluster($version, 'main');
	command_ok('the package makes a cluster', 'pg_createcluster', '--port', CastsslTest::free_port(), '--datadir', $to->{data}, '--socketdir', $node->host,
		'--logfile', "$folder/log/made", '--start-conf', 'manual', '--createclusterconf', "$common/createcluster.conf", $to->{cluster}, '--', '--no-sync');
	like(upgraded($from, $version, 'dump'), qr/target cluster \Q$version\E\/main already exists/, 'upgrade: the empty cluster is in the way');
	my $commands = recipe('upgrade') =~ s/^apt-get install .*\n//r;
	$commands =~ s{^pg_upgradecluster -v $version 15 main$}{pg_upgradecluster @force --logfile $folder/log/upgraded -v $version $older main $to->{data}}m;
	my $said = `set -e; ($commands) 2>&1`;
	is($?, 0, 'upgrade: as the document has it') or diag $said;
	is($to->sql('SHOW server_version_num') =~ s/....$//r, $version, 'upgrade: the new cluster answers');
	is($to->served, $from->{pki}->fingerprint('server.crt'), 'upgrade: with the same certificate');
	is_deeply($to->rows("SELECT * FROM castssl_check() WHERE check_name IN ('other_cluster', 'restart_safe')"), [], 'upgrade: the check finds nothing');
	command_ok('upgrade: pg_dropcluster', 'pg_dropcluster', '--stop', $to->{cluster});
	command_ok('upgrade: pg_dropcluster of the old one', 'pg_dropcluster', $from->{cluster});
	system('rm', '-rf', $from->{config}, $to->{config});
}

{
	my $t = create($version, 'main');
	secure($t);
	$t->sql("SELECT castssl_hba_add('host all all 10.0.0.0/8 reject')");
	my $hba = $t->hba;
	$t->sql("ALTER SYSTEM SET castssl.allowed_directories = '$t->{config}/before, $t->{config}/other'");
	$t->sql("SELECT * FROM castssl_hba_apply(confirm_within => '10 min')");
	my $sales = cluster($version, 'sales');
	my $said = `set -e; (@{[ recipe('rename') ]}) 2>&1`;
	is($?, 0, 'renamed') or diag $said;
	like($said, qr/could not load server certificate file "\Q$t->{config}\E/, 'pg_renamecluster alone does not do');
	is($sales->served, $t->{pki}->fingerprint('server.crt'), 'renamed: served as before');
	is($sales->sql('SHOW castssl.allowed_directories'), "$sales->{config}/before, $sales->{config}/other", 'renamed: each name in a value');
	my ($ok) = $sales->psql('SELECT * FROM castssl_rollback()');
	ok(!$ok, 'renamed: what waits cannot be taken back');
	isnt($sales->hba, $hba, 'renamed: and is still in effect');
	$sales->sql('SELECT castssl_confirm(2, force => true)');
	is($sales->sql('SELECT state FROM castssl_changes() WHERE change_id = 2'), 'applied', 'but it can be kept');
	is($sales->sql('SELECT restart_safe FROM castssl_status()'), 't', 'a restart is safe');
	$sales->fails('SELECT * FROM castssl_rollback(1)', '55000', 'renamed: an earlier change cannot be rolled back', constraint => 'castssl_edited_since');
	$sales->fails('SELECT * FROM castssl_disable()', '58P01', 'renamed: a file from before castssl lies elsewhere now', message => qr/\Q$t->{config}\E\/before\/server\.crt/, hint => qr/^Put it back there/);
	is(system("mkdir '$t->{config}' && cp -Rp '$sales->{config}/before' '$t->{config}/'"), 0, 'renamed: as the hint says');
	$sales->disable(force => 'true');
	is($sales->served, $t->{pki}->fingerprint('server-renewed.crt'), 'renamed: castssl_disable() knows what was before');
	system('rm', '-rf', $t->{config});
	$said = `set -e; (@{[ recipe('drop') =~ s/main/sales/gr ]}) 2>&1`;
	is($?, 0, 'dropped') or diag $said;
	is_deeply([ grep { -e } $sales->{config}, $sales->{data} ], [], 'dropped: nothing is left');
}

done_testing();
