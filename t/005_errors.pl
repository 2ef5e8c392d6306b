# Every bad input: its SQLSTATE, a DETAIL, a HINT where there is a next step, and nothing has changed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use File::Copy;
use POSIX ();
use Test::More;

my $t = CastsslTest->new('errors');
my $pki = $t->{pki};
my $version = int($t->sql('SHOW server_version_num') / 10000);
my $sources = 0;

# A source_dir of its own with some files replaced.
sub source
{
	return $pki->source("$t->{folder}/source-" . ++$sources, @_);
}

# With TLS in force, so that "nothing has changed" also covers what is served.
$t->enable(source_dir => $t->{source}, plaintext => 'block');

# --- arguments

$t->enable_fails({ source_dir => $t->{source}, clientcert => 'perhaps' }, '22023', 'clientcert', detail => qr/verify-ca/);
$t->enable_fails({ source_dir => $t->{source}, plaintext => 'maybe' }, '22023', 'plaintext', detail => qr/keep.*block/);
$t->enable_fails({ source_dir => $t->{source}, auth_method => 'magic' }, '22023', 'auth_method');
$t->enable_fails({ source_dir => $t->{source}, addresses => ['300.1.2.3/8'] }, '22023', 'addresses: no address');
$t->enable_fails({ source_dir => $t->{source}, addresses => ['10.0.0.0/40'] }, '22023', 'addresses: mask too long');
$t->enable_fails({ source_dir => $t->{source}, addresses => ["all\nhost all all 0.0.0.0/0 trust"] }, '22023', 'addresses: a line break');
$t->enable_fails({ source_dir => $t->{source}, ca_file => '' }, '22023', 'no CA, but clientcert', hint => 1);
$t->enable_fails({ source_dir => "$t->{folder}/" . 'x' x 300 }, '58P01', 'a name that is too long');
$t->enable_fails({ source_dir => $t->{source}, confirm_within => '-1 min' }, '22023', 'confirm_within in the past', hint => 1);
$t->enable_fails({ source_dir => $t->{source}, plaintext => undef }, '22023', 'plaintext NULL');
foreach my $name (qw(cert_file key_file))
{
	$t->enable_fails({ source_dir => $t->{source}, $name => '' }, '22023', "$name empty", hint => qr/NULL/);
}

# --- files that are missing

foreach my $name (qw(server.key server.crt))
{
	$t->enable_fails({ source_dir => source($name => undef) }, '58P01', "missing $name", message => qr/\Q$name\E/, hint => 1);
}
$t->enable_fails({ source_dir => source('server.key' => undef, 'server.crt' => undef) }, '58P01', 'no usual name',
	message => qr/no certificate with its private key/, detail => qr/tls\.crt.*fullchain\.pem/, hint => qr/cert_file/);
$t->enable_fails({ source_dir => source(), ca_file => 'missing.crt' }, '58P01', 'missing CA', message => qr/missing\.crt/);
$t->enable_fails({ source_dir => "$t->{folder}/nowhere" }, '58P01', 'missing source_dir', message => qr/nowhere/);
$t->enable_fails({ source_dir => $t->{source}, target_dir => "$t->{folder}/nowhere" }, '58P01', 'missing target_dir', message => qr/nowhere/);
$t->enable_fails({ source_dir => $t->{source}, crl_file => 'root.crl' }, '58P01', 'missing CRL', message => qr/root\.crl/);
$t->enable_fails({ cert_file => "$t->{folder}/no.crt" }, '58P01', 'missing certificate, in place', message => qr/no\.crt/);

# --- what is no regular file

foreach my $name (qw(server.key server.crt root.crt))
{
	my $source = source($name => undef);
	mkdir "$source/$name";
	$t->enable_fails({ source_dir => $source }, 'F0000', "a directory as $name", message => qr/\Q$name\E/);
	$source = source($name => undef);
	POSIX::mkfifo("$source/$name", 0600);
	$t->enable_fails({ source_dir => $source }, 'F0000', "a FIFO as $name", message => qr/\Q$name\E/);
}
$t->enable_fails({ cert_file => '/dev/zero' }, 'F0000', 'a device as certificate');

# --- owner and mode

{
	my $place = source();
	chmod 0640, "$place/server.key";
	my %in_place = (cert_file => "$place/server.crt", key_file => "$place/server.key", ca_file => "$place/root.crt");
	my $steps = $t->enable(%in_place, dry_run => 'true');
	ok((grep { $_->{action} eq 'set permissions' && $_->{result} eq 'planned' } @$steps),
		'key readable by group, in place: to be tightened') or diag explain $steps;
	is($t->mode("$place/server.key"), '0640', 'a dry run tightens nothing');
	$steps = $t->enable(%in_place, plaintext => 'block');
	ok((grep { $_->{action} eq 'set permissions' && $_->{result} eq 'done' } @$steps),
		'key readable by group, in place: tightened') or diag explain $steps;
	is($t->mode("$place/server.key"), '0600', 'to 0600');
	$t->enable(source_dir => $t->{source}, plaintext => 'block');

	my $source = source();
	chmod 0644, "$source/server.key";
	$steps = $t->enable(source_dir => $source, target_dir => $t->{data}, plaintext => 'block');
	ok((grep { $_->{action} eq 'install file' && $_->{result} eq 'unchanged' } @$steps), 'key open in source_dir: usable');
	like(join(' ', map { $_->{detail} // '' } @$steps), qr/server\.key|open/, 'key open in source_dir: said so');
	is($t->mode("$source/server.key"), '0644', 'the source itself is left alone');
	is($t->mode('server.key'), '0600', 'the copy is 0600');
}
$t->enable_fails({ key_file => '/etc/passwd' }, '42501', 'a key of root, open to others', hint => qr/source_dir => '\/etc'/);
SKIP:
{
	my $foreign = $ENV{CASTSSL_FOREIGN_KEY};
	skip 'CASTSSL_FOREIGN_KEY names no key of another user (scripts/test as root makes one)', 2
	  unless $foreign && -r $foreign;
	$t->enable_fails({ key_file => $foreign }, '42501', 'a key of another owner', hint => qr/chown .*\Q$foreign\E/);
	(my $folder = $foreign) =~ s{/[^/]*$}{};
	$t->enable_fails({ cert_file => "$folder/roots.crt", key_file => "$folder/roots-open.key", ca_file => "$folder/roots.crt", clientcert => 'none' }, '42501',
		"root's own key, open to all", hint => qr/^Add source_dir => .*  Or run as root: chown \d+ .*roots-open\.key && chmod 0600 /);
	$t->enable(cert_file => "$folder/roots.crt", key_file => "$folder/roots.key", ca_file => "$folder/roots.crt", clientcert => 'none');
	is($t->sql('SHOW ssl_key_file'), "$folder/roots.key", "root's key that the server's group may read, as Debian has them");
	my $key = $t->slurp("$folder/roots.key");
	my $names = $pki->source("$t->{folder}/names", 'roots.crt' => 'server.crt', 'roots.key' => 'server.key');
	$t->enable(source_dir => $names, target_dir => $folder, cert_file => 'roots.crt', key_file => 'roots.key', clientcert => 'none');
	is($t->served, $pki->fingerprint('server.crt'), "root's key is replaced");
	$t->back;
	is($t->slurp("$folder/roots.key"), $key, 'and back');
	is($t->mode("$folder/roots.key"), '0600', 'as our own, which the server takes from its owner alone');
	is($t->status->{restart_safe}, 1, 'restart_safe');
	$t->disable;
	my $hba = $t->hba;
	$t->sql("ALTER SYSTEM SET hba_file = '$folder/foreign-hba/pg_hba.conf'");
	$t->restart;
	$t->enable_fails({ source_dir => $t->{source} }, '42501', 'a pg_hba.conf of another owner',
		message => qr/could not keep the owner/, hint => qr/chown \d+:\d+ /);
	$t->sql("ALTER SYSTEM SET hba_file = '$folder/group-hba/pg_hba.conf'");
	$t->restart;
	$t->enable_fails({ source_dir => $t->{source}, dry_run => 'true' }, '42501', 'a pg_hba.conf of a group that the server is not in',
		message => qr/could not keep the owner of file ".*pg_hba\.conf"/, hint => qr/chown \d+:\d+ /);
	$t->sql('ALTER SYSTEM RESET hba_file');
	$t->restart;
}
SKIP:
{
	skip 'running as root', 6 if $> == 0;
	my $source = source();
	chmod 0000, "$source/server.key";
	$t->enable_fails({ source_dir => $source }, '42501', 'an unreadable key', hint => 1);
	$source = source();
	chmod 0000, $source;
	$t->enable_fails({ source_dir => $source }, '42501', 'an unreadable source_dir');
	chmod 0700, $source;
	mkdir "$t->{folder}/readonly", 0500;
	$t->enable_fails({ source_dir => $t->{source}, target_dir => "$t->{folder}/readonly" },
		'42501', 'an unwritable target_dir', message => qr/readonly/, hint => 1);
}

# --- keys and certificates

my %broken = (
	'key of another certificate' => [ 'server.key' => 'server-renewed.key' ],
	'expired certificate' => [ 'server.crt' => 'server-expired.crt', 'server.key' => 'server-expired.key' ],
	'certificate not yet valid' => [ 'server.crt' => 'server-future.crt', 'server.key' => 'server-future.key' ],
	'CA file without a CA' => [ 'root.crt' => 'alice.crt' ],
	'encrypted key' => [ 'server.key' => 'server-encrypted.key' ],
	'key and certificate swapped' => [ 'server.crt' => 'server.key', 'server.key' => 'server.crt' ],);
foreach my $name (qw(server.crt server.key root.crt))
{
	$broken{"DER as $name"} = [ $name => 'server.der' ];
	$broken{"garbage as $name"} = [ $name => 'garbage' ];
	$broken{"an empty $name"} = [ $name => 'empty' ];
}
foreach my $name (sort keys %broken)
{
	$t->enable_fails({ source_dir => source(@{ $broken{$name} }) }, 'F0000', $name);
}

# 100 MB, without writing them: refused by size, not read
foreach my $name (qw(server.key server.crt root.crt))
{
	my $source = source();
	open my $big, '>>', "$source/$name" or die $!;
	truncate $big, 100 * 1024 * 1024;
	close $big;
	$t->enable_fails({ source_dir => $source }, 'F0000', "100 MB as $name", message => qr/\Q$name\E/);
}

# --- postgresql.auto.conf

{
	my $auto = "$t->{data}/postgresql.auto.conf";
	my $good = $t->slurp($auto);
	$t->write($auto, $good . "this is no parameter at all\n");
	$t->enable_fails({ source_dir => $t->{source} }, 'F0000', 'a postgresql.auto.conf with a line that is none',
		message => qr/postgresql\.auto\.conf/, hint => qr/log/);
	$t->write($auto, $good);
	chmod 0000, $auto;
	$t->enable_fails({ source_dir => $t->{source} }, '42501', 'one that cannot be read', message => qr/could not open file "postgresql\.auto\.conf"/,
		no_detail => 1);
	chmod 0600, $auto;
}

# --- an encrypted key with a command that knows its passphrase

{
	my $source = source('server.key' => 'server-encrypted.key');
	my $command = $t->sql('SHOW ssl_passphrase_command');
	is($command, '', 'no ssl_passphrase_command');
	$t->sql(q{ALTER SYSTEM SET ssl_passphrase_command = 'echo wrong'});
	$t->sql(q{ALTER SYSTEM SET ssl_passphrase_command_supports_reload = on});
	$t->reload;
	$t->enable_fails({ source_dir => $source }, 'F0000', 'encrypted key, wrong passphrase');
	$t->sql(q{ALTER SYSTEM SET ssl_passphrase_command = 'test swordfish = ""'});
	$t->reload;
	my $error = $t->enable_fails({ source_dir => $source }, 'F0000', 'encrypted key, a command that fails');
	unlike(join(' ', map { $_ // '' } %$error), qr/swordfish/, 'which is not shown');
	$t->sql(q{ALTER SYSTEM SET ssl_passphrase_command = 'echo "open sesame"'});
	$t->reload;
	$t->enable(source_dir => $source, plaintext => 'block');
	is($t->served, $pki->fingerprint('server.crt'), 'encrypted key, right passphrase: served');
	$t->in('encrypted key: alice comes in', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
	$t->enable(source_dir => $t->{source}, plaintext => 'block');
	$t->sql("ALTER SYSTEM RESET $_") foreach qw(ssl_passphrase_command ssl_passphrase_command_supports_reload);
	$t->reload;
}

# --- pg_hba.conf

my $hba = $t->hba;
$t->write('pg_hba.conf', $hba . "host all all 10.0.0.0/8 nonsense\n");
my $line = () = $t->hba =~ /\n/g;
$t->enable_fails({ source_dir => $t->{source}, plaintext => 'keep' }, 'F0000', 'a broken pg_hba.conf',
	message => qr/invalid authentication method/, detail => qr/line $line /i);
$t->write('pg_hba.conf', "# nothing but a comment\n");
$t->enable_fails({ source_dir => $t->{source}, plaintext => 'keep' }, 'F0000', 'a pg_hba.conf without rules');
$t->write('pg_hba.conf', '');
$t->enable_fails({ source_dir => $t->{source}, plaintext => 'keep' }, 'F0000', 'an empty pg_hba.conf');
$t->write('pg_hba.conf', $hba);
$t->reload;

# --- ALTER SYSTEM that cannot be

{
	$t->disable;
	$t->stop;
	my $node = $t->{node};
	system('pg_ctl', '-w', '-D', $t->{data}, '-l', $node->logfile, '-o', '-c ssl_ca_file=other.crt', 'start') == 0 or die;
	$node->_update_pid(1);
	my $error = $t->enable_fails({ source_dir => $t->{source}, ca_file => 'root.crt' }, '55000', 'a parameter on the command line',
		message => qr/ssl_ca_file/, hint => qr/-c ssl_ca_file=/);
	like($error->{detail}, qr/^postgresql:\n  parameters:\n    ssl_ca_file: "root.crt"\n    ssl: "on"$/m, 'with what to put elsewhere');
	like($error->{detail}, qr/^    - "hostssl .*clientcert=verify-ca # castssl"$/m, 'and the rules');
	my $check = q{SELECT subject FROM castssl_check() WHERE check_name = 'parameters_changeable' AND severity = 'info'};
	is($t->sql($check), 'ssl_ca_file', 'castssl_check names it');
	$t->restart;
	is($t->sql($check), '', 'and no longer without it');
	if ($version >= 17)
	{
		$node->append_conf('postgresql.conf', 'allow_alter_system = off');
		$t->reload;
		$t->enable_fails({ source_dir => $t->{source} }, '55000', 'allow_alter_system', hint => 1);
		$node->append_conf('postgresql.conf', 'allow_alter_system = on');
		$t->reload;
	}
}

# --- who would be locked out: the tests come in by TLS without a certificate

{
	$t->enable(source_dir => $t->{source}, clientcert => 'none');
	$t->sql('ALTER ROLE alice SUPERUSER');
	my %alice = (sslmode => 'require');
	my $before = $t->state;
	my ($ok, $output) = $t->client(%alice, sql => "SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}')");
	ok(!$ok, 'would lock out its caller: refused');
	is_deeply($t->state, $before, 'would lock out its caller: nothing has changed');
	($ok, $output) = $t->client(%alice, sql => "DO \$\$ BEGIN PERFORM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}');
		EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION 'SQLSTATE %', SQLSTATE; END \$\$");
	like($output, qr/SQLSTATE 55000/, 'would lock out its caller: SQLSTATE');
	($ok, $output) = $t->client(%alice, sql => "SELECT count(*) > 0 FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', force => true)");
	is($output, 't', 'force: done all the same');
	$t->out('force: the caller is out', qr/requires a valid client certificate/, %alice);
	$t->in('force: with a certificate', %alice, cert => 'alice', encrypted => 't');
	$t->sql('ALTER ROLE alice NOSUPERUSER');
	$t->disable;
}
is($t->hba, $CastsslTest::stock_hba, 'after all of that, castssl_disable gives back pg_hba.conf');
$t->stop;

done_testing();
