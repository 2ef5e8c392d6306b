# Files and texts as people have them, not as the server wants them: each hint is typed to the letter,
# and what comes then works, or is the next step.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslOpenssl qw(openssl openssl_ok slurp spew);
use Test::More;

my $t = CastsslTest->new('input', conf => $CastsslTest::listen_on_localhost);
my $pki = $t->{pki};
my $folder = "$t->{folder}/given";
mkdir $folder or die $!;

sub text_of { return slurp($pki->path($_[0])) }

sub given
{
	my ($name, $text) = @_;
	spew("$folder/$name", $text);
	chmod 0600, "$folder/$name" or die $!;
	return "$folder/$name";
}

sub dry_run
{
	my (%files) = @_;
	my %arguments = (cert_file => $pki->path('server.crt'), key_file => $pki->path('server.key'),
		ca_file => $pki->path('root.crt'), dry_run => 'true', %files);
	return 'SELECT count(*) FROM ' . CastsslTest::call('castssl_enable', %arguments);
}

subtest 'PEM without line breaks' => sub {
	my %spoil = (
		'with blanks' => sub { $_[0] =~ s/\n/ /gr },
		'without anything' => sub { $_[0] =~ s/\n//gr },
		'with \n' => sub { $_[0] =~ s/\n/\\n/gr },
		'with \r\n' => sub { $_[0] =~ s/\n/\\r\\n/gr },
		'with tabs before' => sub { "\t" . $_[0] =~ s/\n/\n\t/gr });
	my %roles = (cert_file => 'server.crt', key_file => 'server.key', ca_file => 'root.crt');
	foreach my $kind (sort keys %spoil)
	{
		foreach my $role (sort keys %roles)
		{
			my $path = given("spoilt-$role", $spoil{$kind}->(text_of($roles{$role})));
			my $error = $t->fails(dry_run($role => $path), 'F0000', "$role, $kind",
				message => qr/line breaks are missing in/, hint => qr/^Put them back with: /);
			my ($command) = ($error->{hint} // '') =~ /^Put them back with: (.*)/;
			is(system('sh', '-c', $command // 'false'), 0, "$role, $kind: the command runs");
			chmod 0600, "$path.pem";
			ok(($t->psql(dry_run($role => "$path.pem")))[0], "$role, $kind: and what it makes is good");
		}
		my $one = $spoil{$kind}->(text_of('server.crt'));
		$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_install', certificate => $one, private_key => text_of('server.key')),
			'F0000', "as a text, $kind", message => qr/line breaks are missing in "certificate"/, hint => qr/as the file has them/);
	}
};

# A statement makes the PEM file, for a server on Windows has no other program that could.
subtest 'certificates and lists in another form' => sub {
	$pki->openssl('ca', '-config', 'openssl.cnf', '-gencrl', '-crldays', '30', '-keyfile', 'root.key', '-cert', 'root.crt', '-out', 'root.crl');
	my %roles = (cert_file => [ 'server.crt', 'x509' ], ca_file => [ 'root.crt', 'x509' ], crl_file => [ 'root.crl', 'crl' ]);
	my %forms = (
		'DER form' => sub { openssl_ok("$_[1] -outform DER -in " . $pki->path($_[0])) },
		'UTF-16 text' => sub { "\xff\xfe" . join '', map { "$_\0" } split //, text_of($_[0]) =~ s/\n/\r\n/gr },
		'UTF-16 text, big end first' => sub { "\xfe\xff" . join '', map { "\0$_" } split //, text_of($_[0]) });
	foreach my $form (sort keys %forms)
	{
		foreach my $role (sort keys %roles)
		{
			my $path = given("form $role", $forms{$form}->(@{ $roles{$role} }));
			$path = rename($path, "$path.txt") && "$path.txt";
			my ($said) = split /,/, $form;
			my $error = $t->fails(dry_run($role => $path), 'F0000', "$role, $form", message => qr/ is (?:in )?\Q$said\E/, hint => qr/^Convert it: COPY /);
			my ($statement) = ($error->{hint} // '') =~ /^Convert it: (.*)/;
			my ($ok, undef, $err) = $t->psql($statement // 'none');
			ok($ok, "$role, $form: the statement runs") or diag $err;
			($ok, undef, $err) = $t->psql(dry_run($role => "$path.pem"));
			ok($ok, "$role, $form: and what it makes is good") or diag $err;
		}
	}
	# OpenSSL 3 takes a byte-order mark, and a check says so; 1.1.1 does not
	my $path = given('marked.crt', "\xef\xbb\xbf" . text_of('server.crt'));
	my ($ok, undef, $err) = $t->psql('SELECT * FROM ' . CastsslTest::call('castssl_enable', cert_file => $path, key_file => $pki->path('server.key'), ca_file => $pki->path('root.crt')));
	my $rows = $t->rows("SELECT * FROM castssl_check() WHERE check_name = 'certificate_parse'");
	my ($statement) = ($ok ? $rows->[0]{hint} // '' : $err) =~ /(COPY .*;)$/m;
	ok($statement, 'a byte-order mark: a statement') or diag explain $rows, $err;
	ok(($t->psql($statement // 'none'))[0], 'which runs');
	is(slurp("$path.pem"), text_of('server.crt') . "\n", 'and leaves the mark away');
	$t->disable;
};

# A PKCS#12 file, and keys with passwords, made as OpenSSL 1.0 and older programs do.
subtest 'encryption that OpenSSL 3 has put aside' => sub {
	plan skip_all => 'OpenSSL 1.1.1 has put no encryption aside' if `openssl version` =~ /^OpenSSL 1\./;
	my @legacy = ('-provider', 'legacy', '-provider', 'default');
	my ($secret, $new) = ('secret', "$folder/new");
	$pki->openssl('pkcs12', '-export', '-legacy', '-in', 'server.crt', '-inkey', 'server.key', '-passout', "pass:$secret", '-out', "$folder/old.pfx");
	$pki->openssl('pkcs12', '-export', '-in', 'server.crt', '-inkey', 'server.key', '-passout', "pass:$secret", '-out', "$folder/new.pfx");
	foreach my $name ('old.pfx', 'new.pfx')
	{
		my $error = $t->fails(dry_run(cert_file => "$folder/$name", key_file => "$folder/$name"), 'F0000', $name,
			detail => qr/a PKCS#12 file/, hint => $name eq 'old.pfx' ? qr/pkcs12 -legacy -nodes/ : qr/pkcs12 -nodes/);
		my ($command) = $error->{hint} =~ /^Convert it with "(.*)"\.$/;
		is(system("$command -passin pass:$secret 2>/dev/null"), 0, "$name: the command runs") or diag $command;
		ok(($t->psql(dry_run(map { $_ => "$folder/$name.pem" } qw(cert_file key_file))))[0], "$name: what it makes is good");
	}
	my %keys = (
		'pkcs8-des' => [ 'DES-CBC', 1, 'pkcs8', '-topk8', '-v1', 'PBE-MD5-DES', @legacy ],
		'pkcs8-rc2' => [ 'RC2-40-CBC', 1, 'pkcs8', '-topk8', '-v1', 'PBE-SHA1-RC2-40', @legacy ],
		'pkcs8-aes' => [ 'AES-256-CBC', 0, 'pkcs8', '-topk8', '-v2', 'aes-256-cbc' ],
		'traditional-des' => [ 'DES-CBC', 1, 'ec', '-des', @legacy ],
		'traditional-3des' => [ 'DES-EDE3-CBC', 0, 'ec', '-des3' ]);
	foreach my $name (sort keys %keys)
	{
		my ($cipher, $old, @command) = @{ $keys{$name} };
		my $path = "$folder/$name.key";
		$pki->openssl(@command, '-in', 'server.key', '-passout', "pass:$secret", '-out', $path);
		chmod 0600, $path;
		my $error = $t->fails(dry_run(key_file => $path), 'F0000', $name,
			detail => qr/encrypted with $cipher/, hint => $old ? qr/^Encrypt it again: / : qr/ssl_passphrase_command/);
		next unless $old;
		my ($again) = $error->{hint} =~ /^Encrypt it again: (.*)/;
		is(system("$again -passin pass:$secret -passout pass:$secret"), 0, "$name: the command runs");
		chmod 0600, "$path.new";
		$t->fails(dry_run(key_file => "$path.new"), 'F0000', "$name, anew", detail => qr/encrypted with AES-256-CBC/, hint => qr/ssl_passphrase_command/);
	}
};

subtest 'a folder that is closed' => sub {
	plan skip_all => 'root passes through every folder' if $> == 0;
	my $closed = "$t->{folder}/closed";
	mkdir $closed or die $!;
	$pki->source("$closed/within");
	chmod 0, $closed or die $!;
	foreach my $arguments ({ source_dir => "$closed/within" }, { key_file => "$closed/within/server.key" })
	{
		$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', %$arguments), '42501', join(' ', %$arguments),
			detail => qr/may not pass through the folder "\Q$closed\E", owned by .* with mode 0000/, hint => qr/install -d -o \S+ -m 700/);
	}
	chmod 0700, $closed or die $!;
	chmod 0, "$closed/within/server.key" or die $!;
	my $error = $t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', key_file => "$closed/within/server.key", cert_file => "$closed/within/server.crt"),
		'42501', 'a file', detail => qr/may not read this file/, hint => qr/install -o \S+ -m 600 \Q$closed\E\/within\/server\.key/);
};

subtest 'a small CA beside another one' => sub {
	$t->enable(source_dir => $t->{source});
	$t->sql("SELECT length(castssl_create_ca(common_name => 'Second'))");
	my ($ok, $out, $err) = $t->psql("SELECT castssl_issue_client('alice')");
	ok($ok, 'a certificate is issued');
	like($err, qr/WARNING:.*does not trust the CA/, 'and it is said that this server does not take it');
	like($err, qr/WARNING:.*root\.crt does not verify this server/, 'and that root.crt is no use here');
	my ($hint) = $err =~ /^HINT:\s+(SELECT .*castssl_install.*)/m;
	my $alice = sub {
		return CastsslOpenssl::connect_with({ host => 'localhost', hostaddr => '127.0.0.1', port => $t->{node}->port, user => 'alice',
			dbname => 'postgres', sslmode => 'require', sslrootcert => "$out/none", sslcert => "$out/client.crt", sslkey => "$out/client.key" }, 'SELECT 1');
	};
	like(join(' ', $alice->()), qr/alert|closed/i, 'it is refused');
	ok(($t->psql($hint // 'no hint'))[0], 'the hint runs') or diag $err;
	is(join(' ', $alice->()), '1 1', 'then alice comes in');
	$t->in('and who comes by the other CA still does', user => 'bob', cert => 'bob', encrypted => 't');
	unlike(($t->psql("SELECT castssl_issue_client('bob')"))[2], qr/does not trust/, 'nothing is left to say of trust');

	# with a CRL in use, the list of the other CA must be there, too: both are given as one text
	my $crl = $pki->path('root.crl');
	$pki->openssl('ca', '-config', 'openssl.cnf', '-gencrl', '-crldays', '30', '-keyfile', 'root.key', '-cert', 'root.crt', '-out', 'root.crl') unless -e $crl;
	my $ours = slurp("$t->{data}/pg_castssl/ca/root.crl");
	my $error = $t->fails('SELECT * FROM ' . CastsslTest::call('castssl_install', crl => slurp($crl)), 'F0000', 'the list of one CA of two',
		message => qr/no CRL for/, hint => qr/CN=Second.*one text, one after the other/);
	$t->sql('SELECT count(*) FROM ' . CastsslTest::call('castssl_install', crl => slurp($crl) . $ours));
	$t->in('with both lists', user => 'bob', cert => 'bob', encrypted => 't');
	is(join(' ', $alice->()), '1 1', 'with both lists: alice');
};

subtest 'a CA that is elsewhere' => sub {
	# no CA at all: its own CA revokes it
	my $own = CastsslTest->new('no_ca', conf => '');
	my $alice = text_of('alice.crt');
	$own->fails('SELECT ' . CastsslTest::call('castssl_revoke', certificate => $alice), '55000', 'revoke, without a CA', constraint => 'castssl_no_ca',
		detail => qr/issued by CN=castssl test root/, hint => qr/^Have that CA revoke it.*castssl_install\(crl/);
	$own->fails("SELECT castssl_sign('x')", '55000', 'sign, without a CA', hint => qr/castssl_create_ca/);
	# a CA whose files were not moved yet
	$own->sql("SELECT length(castssl_create_ca(common_name => 'First'))");
	my $elsewhere = "$own->{folder}/ca";
	mkdir $elsewhere, 0700 or die $!;
	$own->sql("LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.ca_directory = '$elsewhere'");
	$own->reload;
	foreach my $call ("castssl_sign('x')", "castssl_issue_client('alice')", CastsslTest::call('castssl_revoke', certificate => $alice))
	{
		my $error = $own->fails("SELECT $call", '55000', 'before it was moved', constraint => 'castssl_no_ca', hint => qr/^As the server's account: cp /);
		next unless $call =~ /revoke/;
		my ($command) = $error->{hint} =~ /^As the server's account: (.*)/;
		is(system('sh', '-c', $command), 0, 'the command runs') or diag $command;
	}
	my ($ok, $out, $err) = $own->psql("SELECT castssl_issue_client('alice')");
	ok($ok, 'then the CA is there') or diag $err;
	(undef, undef, $err) = $own->psql("SELECT castssl_sign(castssl_csr('alice'))");
	like($err, qr/NOTICE:.*CN=alice is valid until \d{4}-\d\d-\d\d/, 'and the end of a certificate is said');
	$own->fails('SELECT ' . CastsslTest::call('castssl_revoke', certificate => $alice), '22023', "another CA's certificate",
		detail => qr/castssl test root/, hint => qr/^Have that CA revoke it.*in one text/);
	# a second CA is said to be one
	$own->sql("ALTER SYSTEM SET castssl.ca_directory = '$own->{folder}/ca2'");
	mkdir "$own->{folder}/ca2", 0700 or die $!;
	system('cp', '-Rp', $elsewhere, "$own->{data}/pg_castssl/ca") == 0 or die $!;
	$own->reload;
	(undef, undef, $err) = $own->psql("SELECT length(castssl_create_ca(common_name => 'Second'))");
	like($err, qr/WARNING:.*a second CA/, 'a second CA');
	# how long
	foreach my $case ([ 'server', 365 ], [ 'client', 90 ])
	{
		my ($purpose, $days) = @$case;
		is($own->sql("SELECT round(extract(epoch FROM not_after - now()) / 86400) FROM castssl_certificate_info(castssl_sign(castssl_csr('x', dns_names => '{x}'), purpose => '$purpose'))"),
			$days, "$purpose: $days days");
	}
	$own->stop;
};

subtest 'a folder of the configuration that cannot be written' => sub {
	plan skip_all => 'root writes everywhere' if $> == 0;
	my $own = CastsslTest->new('read_only', layout => 'debian');
	plan skip_all => 'no such layout here' unless $own->{config} ne $own->{data};
	$own->enable(source_dir => $own->{source}, target_dir => $own->{data});
	chmod 0500, $own->{config} or die $!;
	my $rows = $own->rows('SELECT * FROM ' . CastsslTest::call('castssl_install', ca => text_of('other-root.crt') . text_of('root.crt')));
	ok((grep { $_->{target} eq 'root.crt' && $_->{result} eq 'done' } @$rows), 'a text is written') or diag explain $rows;
	is($own->slurp("$own->{data}/root.crt"), text_of('other-root.crt') . text_of('root.crt'), 'where the files in use lie');
	chmod 0700, $own->{config} or die $!;
	$own->stop;
};

subtest 'a certificate that is its own CA' => sub {
	my $own = CastsslTest->new('own_ca');
	my $source = "$own->{folder}/own";
	mkdir $source or die $!;
	$pki->openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90', '-subj', '/CN=localhost',
		'-keyout', "$source/server.key", '-out', "$source/server.crt");
	spew("$source/root.crt", slurp("$source/server.crt"));
	$own->sql('SELECT count(*) FROM ' . CastsslTest::call('castssl_enable', source_dir => $source));
	my $rows = $own->rows("SELECT * FROM castssl_check() WHERE check_name = 'ca_key' AND severity <> 'ok'");
	is(scalar @$rows, 1, 'its key is that of a CA') or diag explain $rows;
	like($rows->[0]{hint}, qr/must stay.*castssl_csr/, 'and needs to stay');
	# as it was: the key of another CA is to be moved
	$own->write('other-root.key', text_of('other-root.key'));
	$own->sql('SELECT count(*) FROM ' . CastsslTest::call('castssl_install', ca => text_of('other-root.crt') . text_of('root.crt')));
	$rows = $own->rows("SELECT * FROM castssl_check() WHERE check_name = 'ca_key' AND severity <> 'ok'");
	is(join(' ', map { $_->{hint} } @$rows), 'Move it to a machine that is not reachable.', 'the key of another');
	$own->stop;
};

$t->stop;
done_testing();
