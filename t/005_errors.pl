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
my $account = getpwuid $>;
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
$t->enable_fails({ source_dir => $t->{source}, plaintext => undef }, '22023', 'plaintext NULL', detail => qr/keep and block/, hint => qr/plaintext => 'block'/);
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
		"root's own key, open to all", hint => qr/^Add source_dir => .*  Or run as root: chown \Q$account\E .*roots-open\.key && chmod 0600 /);
	# the hint of castssl_check() keeps the CA that clients are checked against
	$t->write("$t->{folder}/clients.crt", CastsslOpenssl::slurp($pki->path('other-root.crt')));
	$t->enable(source_dir => $t->{source});
	$t->sql("ALTER SYSTEM SET $_") foreach "ssl_cert_file = '$folder/roots.crt'", "ssl_key_file = '$folder/roots-open.key'", "ssl_ca_file = '$t->{folder}/clients.crt'";
	$t->reload;
	my $error = $t->enable_fails({ clientcert => 'verify-full', plaintext => 'block', addresses => '{10.7.0.0/16}', dry_run => 'true' }, '42501', 'a key in use that is open to all',
		hint => qr/ lets the server use copies of its own\.  Or run as root: /);
	my ($again) = $error->{hint} =~ /^(SELECT .*?;)/;
	my ($is_again, $planned, $refused) = $t->psql($again // '');
	ok($is_again, 'typed: the same call with copies') or diag $error->{hint}, $refused;
	like($planned, qr/clientcert=verify-full/, 'with what else was asked for');
	like($again // '', qr/'\{10\.7\.0\.0\/16\}'.*dry_run => true/, 'and it is a dry run, too');
	my $hint = $t->sql(q{SELECT hint FROM castssl_check() WHERE check_name = 'files_readable' AND subject = 'ssl_key_file'});
	my ($statement) = $hint =~ /(SELECT \* FROM castssl_enable\(.*?\);)/;
	my ($ok, undef, $err) = $t->psql($statement // '');
	ok($ok, 'typed: ' . ($statement // $hint)) or diag $err;
	is($t->slurp($t->path($t->sql('SHOW ssl_ca_file'))), CastsslOpenssl::slurp($pki->path('other-root.crt')), 'clients are checked against the same CA');
	is($t->sql('SHOW ssl_crl_file'), '', 'and no CRL is added');
	# where it lies beside the data: the key in use has one row, which is not about a copy
	my $copies = sub { return $t->sql(q{SELECT subject, hint FROM castssl_check() WHERE check_name = 'key_copies'}) };
	symlink "$folder/roots-open.key", "$t->{data}/of-root-open.key" or die $!;
	symlink "$folder/roots.key", "$t->{data}/of-root.key" or die $!;
	like($copies->(), qr/^\S+of-root-open\.key\|Run as root: chown \Q$account\E \S+ && chmod 0600 \S+$/, "a copy of root's key that is open to all: as the server could use it");
	$t->sql("ALTER SYSTEM SET ssl_key_file = 'of-root-open.key'");
	$t->reload;
	is($copies->(), '', 'the same file, where the server should use it');
	is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE subject = 'ssl_key_file' AND hint LIKE '%chown%chmod 0600%'}), 1, 'one row is about it');
	unlink "$t->{data}/of-root-open.key", "$t->{data}/of-root.key";
	is_deeply([ grep { $_ eq 'key_readable' } map { $_->{code} // () } @{ $t->enable(source_dir => $folder, cert_file => 'roots.crt', key_file => 'roots.key', ca_file => 'roots.crt', clientcert => 'none', dry_run => 'true') } ], [],
		"a folder with root's key, which the server's group alone may read: no warning");
	$t->enable(source_dir => $t->{source}, ca_file => 'root.crt');
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
		message => qr/could not keep the owner/, hint => qr/chown \Q$account\E:\d+ /);
	$t->sql("ALTER SYSTEM SET hba_file = '$folder/group-hba/pg_hba.conf'");
	$t->restart;
	$t->enable_fails({ source_dir => $t->{source}, dry_run => 'true' }, '42501', 'a pg_hba.conf of a group that the server is not in',
		message => qr/could not keep the owner of file ".*pg_hba\.conf"/, hint => qr/chown \Q$account\E:\d+ /);
	SKIP:
	{
		my $roots = "$folder/roots-hba";
		skip 'no pg_hba.conf in a folder of root (scripts/test as root makes one)', 1 if $> == 0 || !-d $roots || -w $roots;
		my $in_use = "$t->{data}/of_root.conf";
		my $install = qr/install -o \Q$account\E -g \d+ -m 600 \Q$roots\E\/pg_hba\.conf/;
		my %refused = (message => qr/^the server may not write to directory "\Q$roots\E": Permission denied$/, detail => qr/^The server runs as \Q$account\E\.$/);
		my $whole = $t->slurp("$roots/pg_hba.conf");
		$t->sql("ALTER SYSTEM SET hba_file = '$roots/pg_hba.conf'");
		$t->restart;
		$t->enable_fails({ source_dir => $t->{source} }, '42501', "a pg_hba.conf in root's folder", %refused,
			hint => qr/^Let this server use a copy in its data directory\.  Run as root: $install \Q$t->{data}\E\/pg_hba\.conf\.2  Then: ALTER SYSTEM SET hba_file = '\Q$t->{data}\E\/pg_hba\.conf\.2';  Then restart the server\.$/);
		$t->write("$roots/pg_hba.conf", "${whole}host all \@\"$t->{data}/users\" 127.0.0.2/32 trust\n");
		$t->write('users', "alice\n");
		$t->reload;
		$t->enable_fails({ source_dir => $t->{source} }, '42501', 'one that names another file', %refused,
			hint => qr/^Copy pg_hba\.conf, with the files that it names, to a folder of the server's account, and set hba_file to the copy where the server is configured\.$/);
		$t->write("$roots/pg_hba.conf", $whole);
		symlink "$roots/pg_hba.conf", $in_use or die $!;
		$t->sql("ALTER SYSTEM SET hba_file = '$in_use'");
		$t->restart;
		$t->enable_fails({ source_dir => $t->{source} }, '42501', 'a link of the data directory to it', %refused,
			hint => qr/^hba_file names a link\.  Put the file itself in its place\.  Run as root: $install \Q$in_use\E$/);
		# typed, as far as its owner may: the file is the server's own anyway
		is(system('install', '-m', '600', "$roots/pg_hba.conf", $in_use), 0, 'typed: the file itself');
		$t->enable(source_dir => $t->{source});
		like($t->slurp($in_use), qr/^hostssl .*clientcert=verify-ca # castssl$/m, 'is edited');
		$t->disable;
	}
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
	$t->enable_fails({ source_dir => source(@{ $broken{$name} }) }, 'F0000', $name, hint => 1);
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
}

# --- configuration files that the server may not read, as an editor of root leaves them

{
	$t->enable(source_dir => $t->{source});
	my $conf = $t->slurp('postgresql.conf');
	$t->write('optional.conf', "log_disconnections = off\n");
	$t->write('needed.conf', "log_disconnections = off\n");
	$t->write('postgresql.conf', "${conf}include_if_exists 'optional.conf'\ninclude 'needed.conf'\n");
	$t->reload;
	my $ignored = qr/^cannot be read: a reload loads no parameter, and the server does not start again$/;
	my %says = ('postgresql.auto.conf' => qr/^cannot be read: a reload drops everything that ALTER SYSTEM has set, TLS too$/,
		'optional.conf' => qr/^cannot be read: a reload drops everything that it sets$/, 'needed.conf' => $ignored, 'postgresql.conf' => $ignored);
	my $own = q{SELECT * FROM castssl_check() WHERE check_name IN ('parameters_in_effect', 'hba_loads', 'ident_loads')};
	foreach my $name (sort(keys %says), 'pg_hba.conf', 'pg_ident.conf')
	{
		my $file = "$t->{data}/$name";
		my $command = "chmod u+r $file";
		my $before = $t->sql('SELECT pg_conf_load_time()');
		chmod 0200, $file or die $!;
		my ($row, @more) = @{ $t->rows($own) };
		is_deeply([ $row->{subject}, $row->{hint}, $row->{fix}, scalar @more ], [ $file, "Let the server's account read it: $command", undef, 0 ],
			"$name: one row, with the command") or diag explain [ $row, @more ];
		like($row->{message}, $says{$name} // qr/Permission denied/, 'and what comes of it');
		my @untrue = grep { $_->{message} =~ /managed from outside|could not be checked/ } @{ $t->rows('SELECT * FROM castssl_check()') };
		is_deeply(\@untrue, [], 'no row blames something else');
		my %status = %{ $t->rows('SELECT restart_safe, restart_problem FROM castssl_status()')->[0] };
		like($status{restart_problem} // '', qr/\Q$name\E/, 'castssl_status() names the file') or diag explain \%status unless $name eq 'pg_ident.conf';    # no rule has a map
		my %refused = (message => qr/^could not open file "\Q$file\E": Permission denied$/, detail => qr/^The server runs as \w+, which may not read this file/,
			hint => qr/^Let the server's account read it: \Q$command\E$/);
		$t->fails('SELECT * FROM castssl_reload()', '42501', "$name: castssl_reload()", %refused);
		$t->fails('SELECT * FROM castssl_enable()', '42501', "$name: castssl_enable()", %refused);
		$t->fails("SELECT * FROM castssl_enable(source_dir => '$t->{source}', dry_run => true)", '42501', "$name: with files", %refused);
		$t->fails(q{SELECT * FROM castssl_revoke(pg_read_file('server.crt'))}, '42501', "$name: castssl_revoke()", %refused);
		is($t->sql(q{SELECT pg_conf_load_time() || ' ' || current_setting('ssl')}), "$before on", 'nothing was reloaded');
		is(system($command), 0, "typed: $command");
		is($t->sql('SELECT problem FROM castssl_reload()'), '', 'and a reload works');
		is_deeply($t->rows($own), [], 'and no row is left');
		chmod 0600, $file or die $!;
	}
	$t->write('postgresql.conf', $conf);
	$t->reload;
}

# --- ciphers of which none is left

SKIP: {
	skip 'the loader of 19 is not asked about ciphers', 1 if $version >= 19;
	$t->sql("ALTER SYSTEM SET ssl_ciphers = 'LOW:bad'");
	$t->reload;
	my $error = $t->enable_fails({ source_dir => $t->{source} }, 'F0000', 'no cipher', message => qr/could not set the .*cipher list/, no_detail => 1,
		hint => qr/^ALTER SYSTEM SET ssl_ciphers = '[^']+'; SELECT pg_reload_conf\(\);$/);
	$t->sql($_) foreach $error->{hint} =~ /([^;]+;)/g;
	my ($ok, undef, $err) = $t->psql("SELECT * FROM castssl_enable(source_dir => '$t->{source}', dry_run => true)");
	ok($ok, "typed: $error->{hint}") or diag $err;
	$t->sql('ALTER SYSTEM RESET ssl_ciphers');
	$t->reload;
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
	unlike($error->{hint}, qr/another passphrase/, 'and whose passphrase nobody has seen');
	# "wrong" decrypts this one to bytes with valid padding, so OpenSSL does not say "bad decrypt"
	open my $odd, '>', "$source/odd.key" or die;
	print $odd <<~'PEM';
		-----BEGIN EC PRIVATE KEY-----
		Proc-Type: 4,ENCRYPTED
		DEK-Info: AES-256-CBC,0EB08F52068D09B374E5F52E67C16CCE

		5YYimqFR01O/f6q1YmKuLGjCyT33a/xTtoIr9lsoxff+9bzdK/3QLQ03cUHxA8ld
		V98fZOTKNfdT8M6XDkbjWfQIRHE3p1l+j8YnPff/uDoSUwlpoNxjsbv4JRRGyThs
		BdFhyYoeXGpbwwepVGdnK7tOV2/XnaT9ziZafqJRMxo=
		-----END EC PRIVATE KEY-----
		PEM
	close $odd or die;
	chmod 0600, "$source/odd.key";
	$t->sql(q{ALTER SYSTEM SET ssl_passphrase_command = 'echo wrong'});
	$t->reload;
	$t->enable_fails({ source_dir => $source, key_file => 'odd.key' }, 'F0000', 'a wrong passphrase that OpenSSL does not see',
		message => qr/could not load private key file "[^"]*odd\.key": (?!bad decrypt)/, hint => qr/^The passphrase that ssl_passphrase_command gives does not open the key\./);
	$t->sql(q{ALTER SYSTEM SET ssl_passphrase_command = 'echo "open sesame"'});
	$t->reload;
	$t->enable(source_dir => $source, plaintext => 'block');
	is($t->served, $pki->fingerprint('server.crt'), 'encrypted key, right passphrase: served');
	$t->in('encrypted key: alice comes in', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
	# in use, and a command that gives another passphrase from then on
	my $asked = "$t->{folder}/was-asked";
	$t->sql("ALTER SYSTEM SET ssl_passphrase_command = 'touch $asked; echo wrong'");
	$t->sql('ALTER SYSTEM RESET ssl_passphrase_command_supports_reload');
	$t->reload;
	my $key = $t->path($t->sql('SHOW ssl_key_file'));
	my $not_loaded = 'the server did not load the files of TLS again: ';
	my ($fix) = map { $_->{fix} } @{ $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'passphrase'}) };
	like($t->sql('SELECT problem FROM castssl_reload()'), qr/^$not_loaded.*cannot be reloaded because it requires a passphrase.*ALTER SYSTEM SET ssl_passphrase_command_supports_reload = on; SELECT pg_reload_conf\(\);$/,
		'a reload that does not ask: castssl_reload() says what the server says');
	ok(!-e $asked, 'and does not ask either');
	my $wrong = qr/^${not_loaded}could not load private key file "[^"]*": .*  The passphrase that ssl_passphrase_command gives does not open the key\./;
	$t->sql($_) foreach $fix =~ /([^;]+;)/g;
	like($t->sql('SELECT problem FROM castssl_reload()'), $wrong, "typed: $fix") or diag $t->sql('SHOW ssl_passphrase_command_supports_reload');
	ok(unlink($asked), 'the command was run');
	my %status = %{ $t->rows('SELECT restart_safe, restart_problem FROM castssl_status()')->[0] };
	is($status{restart_safe}, undef, 'castssl_status() does not know whether a restart succeeds');
	is($status{restart_problem}, "whether ssl_passphrase_command opens \"$key\" was not tried: SELECT * FROM castssl_enable(dry_run => true); tries it", 'and says how to know');
	my ($row) = @{ $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'restart_safe'}) };
	is("$row->{severity} $row->{subject}", "info $key", 'nor does castssl_check()');
	ok(!-e $asked, 'neither runs it');
	$t->fails($row->{hint}, 'F0000', "typed: $row->{hint}",
		hint => qr/^The passphrase that ssl_passphrase_command gives does not open the key\.  To set another command: ALTER SYSTEM SET ssl_passphrase_command = '\.\.\.'; SELECT pg_reload_conf\(\);/);
	$t->sql(q{ALTER SYSTEM SET ssl_passphrase_command = 'echo "open sesame"'});
	$t->sql('SELECT pg_reload_conf()');
	is($t->sql('SELECT problem FROM castssl_reload()'), '', 'typed, with the right one: no problem');
	ok(($t->psql($row->{hint}))[0], 'nor for the call that tries it');
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
	system('pg_ctl', '-w', '-D', $t->{data}, '-l', $node->logfile, '-o', q{-c max_worker_processes=0 -c listen_addresses=''}, 'start') == 0 or die;
	$node->_update_pid(1);
	my %hint = map { $_->{check_name} => $_->{hint} } @{ $t->rows('SELECT * FROM castssl_check()') };
	is($hint{recovery_worker}, 'Set max_worker_processes to 8 where the server is managed from, then restart the server.', 'no statement for what the command line sets');
	is($hint{listen_addresses}, "Set listen_addresses to 'localhost' where the server is managed from, then restart the server.", 'and none for the other one');
	$t->stop;
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
