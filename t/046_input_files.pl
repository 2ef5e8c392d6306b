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

# The end of the hint: a statement or a command, typed to the letter.
sub typed
{
	my ($name, $error, %input) = @_;
	my ($text) = (ref $error ? $error->{hint} // '' : $error // '') =~ /((?:COPY|SELECT|openssl|\(umask) .*)$/;
	return ok(0, "$name: there is something to type") || diag explain $error unless $text;
	# who types it is asked for passwords
	$text =~ s/(openssl (?:pkcs12|pkey)\b)/$1 $input{arguments}/g if $input{arguments};
	if ($text =~ /^(?:openssl|\()/)
	{
		($text, my $then) = split /  Then: /, $text, 2;
		is(system('sh', '-c', "$text 2>'$folder/said'"), 0, "$name: the command runs") || diag "$text\n" . slurp("$folder/said");
		return if $input{alone} || !$then;
		$text = $then;
	}
	elsif ($text =~ /^COPY/)
	{
		like($text, qr/; SELECT \* FROM castssl_enable\(/, "$name: the statement names the new file") unless $input{alone};
	}
	my ($ok, undef, $err) = $t->psql($text);
	return ok($ok, "$name: the statement runs") || diag "$text\n$err";
}

sub works
{
	my ($name, %files) = @_;
	my ($ok, undef, $err) = $t->psql(dry_run(%files));
	return ok($ok, $name) || diag $err;
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
			my $path = given("spoilt $role", $spoil{$kind}->(text_of($roles{$role})));
			my $error = $t->fails(dry_run($role => $path), 'F0000', "$role, $kind",
				message => qr/line breaks are missing in/, hint => $role eq 'key_file' ? qr/^Put them back: \(umask 077; awk/ : qr/^Put them back: COPY /);
			typed("$role, $kind", $error);
			is((stat "$path.pem")[2] & 07777, 0600, "$role, $kind: nobody else can read it") if $role eq 'key_file';
			works("$role, $kind: what it makes is good", $role => "$path.pem");
		}
		# a key in the same file: all could read what a statement writes
		my $both = given('spoilt both', $spoil{$kind}->(text_of('server.crt') . text_of('server.key')));
		typed("both, $kind", $t->fails(dry_run(cert_file => $both), 'F0000', "both, $kind", hint => qr/^Put them back: \(umask 077; /));
		is((stat "$both.pem")[2] & 07777, 0600, "both, $kind: nobody else can read it");
		works("both, $kind: what it makes is good", cert_file => "$both.pem");
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
	mkdir "$folder/closed" or die $!;
	foreach my $form ($> == 0 ? () : sort keys %forms)
	{
		# in a folder where the server can write nothing
		my $path = given("closed/o'r ${\lc $form}", $forms{$form}->(@{ $roles{cert_file} }));
		chmod 0555, "$folder/closed" or die $!;
		my $error = $t->fails(dry_run(cert_file => $path), 'F0000', "$form, in a closed folder", hint => qr/^Convert it: COPY .* TO '\Q$t->{data}\E\/o''r [^']*\.pem'; SELECT /);
		typed("$form, in a closed folder", $error);
		typed("$form, in a closed folder, once more", $t->fails(dry_run(cert_file => $path), 'F0000', "$form, once more", hint => qr/\.pem\.2'; SELECT /));
		chmod 0755, "$folder/closed" or die $!;
	}
	foreach my $form (sort keys %forms)
	{
		foreach my $role (sort keys %roles)
		{
			my $path = given("form $role", $forms{$form}->(@{ $roles{$role} }));
			$path = rename($path, "$path.txt") && "$path.txt";
			my ($said) = split /,/, $form;
			my $error = $t->fails(dry_run($role => $path), 'F0000', "$role, $form", message => qr/ is (?:in )?\Q$said\E/, hint => qr/^Convert it: COPY /);
			typed("$role, $form", $error);
			works("$role, $form: what it makes is good", $role => "$path.pem");
		}
	}
	# a private key, which nobody else may read
	my %of_key = (
		'in DER form' => [ 'key_file', sub { openssl_ok("pkey -outform DER -in $_[1]") } ],
		'UTF-16 text' => [ 'key_file', $forms{'UTF-16 text'} ],
		'UTF-16 text, big end first' => [ 'key_file', $forms{'UTF-16 text, big end first'} ],
		'UTF-16 text, with its certificate' => [ 'cert_file', sub { "\xff\xfe" . join '', map { "$_\0" } split //, text_of('server.crt') . text_of($_[0]) } ]);
	foreach my $form (sort keys %of_key)
	{
		my ($role, $make) = @{ $of_key{$form} };
		my $path = given('the key', $make->('server.key', $pki->path('server.key')));
		unlink "$path.pem";
		my ($said) = split /,/, $form;
		typed("a key, $form", $t->fails(dry_run($role => $path), 'F0000', "a key, $form", message => qr/ is \Q$said\E/, hint => qr/^Convert it: (?:openssl|\(umask) /));
		is((stat "$path.pem")[2] & 07777, 0600, "a key, $form: nobody else can read it");
		works("a key, $form: what it makes is good", $role => "$path.pem");
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
	my @arguments = (arguments => "-passin pass:$secret");
	foreach my $name ('old.pfx', 'new.pfx')
	{
		my $legacy = $name eq 'old.pfx' ? ' -legacy' : '';
		foreach my $role ('cert_file', 'key_file')
		{
			unlink glob("$folder/$name.*");
			typed("$name as $role", $t->fails(dry_run($role => "$folder/$name"), 'F0000', "$name as $role",
					detail => qr/a PKCS#12 file/, hint => qr/^Make two files of it: openssl pkcs12$legacy -in /), @arguments);
			is((stat "$folder/$name.key")[2] & 07777, 0600, "$name: nobody else can read the key");
			unlike(slurp("$folder/$name.crt"), qr/PRIVATE KEY/, "$name: it is not in the other file");
			works("$name: what it makes is good", cert_file => "$folder/$name.crt", key_file => "$folder/$name.key");
		}
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
		if ($old)
		{
			typed($name, $error, arguments => "-passin pass:$secret -passout pass:$secret", alone => 1);
			$path .= '.pem';
			is((stat $path)[2] & 07777, 0600, "$name: nobody else can read it");
			$error = $t->fails(dry_run(key_file => $path), 'F0000', "$name, anew", detail => qr/encrypted with AES-256-CBC/, hint => qr/ssl_passphrase_command/);
		}
		like($error->{hint}, qr/  Then: SELECT \* FROM castssl_enable\(.*key_file => '\Q$path\E\.pem'.*\);$/, "$name: the hint has the call with the new key");
		typed("$name, without a password", $error, @arguments);
		is((stat "$path.pem")[2] & 07777, 0600, "$name: nobody else can read it");
		works("$name: what it makes is good", key_file => "$path.pem");
	}
	# a text is no file that a command could read
	foreach my $name ('pkcs8-des', 'pkcs8-aes')
	{
		$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_install', certificate => text_of('server.crt'), private_key => slurp("$folder/$name.key")),
			'F0000', "$name as a text", hint => $name eq 'pkcs8-des' ? qr/^Give it encrypted with AES: / : qr/supports_reload = on\.$/);
	}
};

# A self-signed certificate that is no CA, as row key_usage wants it: there is no CA to name.
subtest 'a self-signed certificate without a CA' => sub {
	$pki->write('single.cnf', "[req]\ndistinguished_name = dn\n[dn]\n[single]\nbasicConstraints = critical, CA:FALSE\nextendedKeyUsage = serverAuth\nsubjectAltName = IP:192.0.2.9, IP:2001:db8::9\n");
	$pki->openssl(qw(req -x509 -new -key server.key -config single.cnf -extensions single -subj /CN=elsewhere -days 90 -out single.crt));
	my %files = (cert_file => $pki->path('single.crt'), ca_file => $pki->path('single.crt'));
	my $error = $t->fails(dry_run(%files, clientcert => 'none'), 'F0000', 'named as its own CA', message => qr/holds no CA certificate$/);
	my ($statement) = $error->{hint} =~ /  If no client has a certificate: (SELECT \* FROM castssl_enable\(.*ca_file => ''.*\);)$/;
	my ($ok, $rows, $err) = $t->psql($statement // 'none');
	ok($ok, 'typed: without a CA') or diag $error->{hint} // '', $err;
	like($rows, qr/: It has 192\.0\.2\.9, 2001:db8::9, and this host is called/, 'its addresses are named');
	$error = $t->fails(dry_run(%files, clientcert => 'verify-ca'), 'F0000', 'where clients are asked for one', message => qr/holds no CA certificate$/);
	unlike($error->{hint}, qr/ca_file => ''/, 'a CA is needed');
};

# What a CA sends: all certificates in one file, in an order that is not that of the chain.
subtest 'certificates of a PKCS#7 file, in any order' => sub {
	my %chain = (server => [], alone => []);
	foreach my $order ([ 'server.crt', 'root.crt', 'other-root.crt' ], [ 'root.crt', 'other-root.crt', 'server.crt' ])
	{
		my $bundle = given('bundle.crt', join '', map { text_of($_) } @$order);
		foreach my $form ('pem', 'der')
		{
			my $path = "$folder/sent $form.p7b";
			unlink "$path.pem", "$path.pem.pem";
			openssl_ok("crl2pkcs7 -nocrl -outform $form -certfile $bundle -out", undef, $path);
			typed("PKCS#7, $form", $t->fails(dry_run(cert_file => $path), 'F0000', "PKCS#7, $form", hint => qr/^Convert it: openssl pkcs7 .*  Then: SELECT/), alone => 1);
			my ($ok, undef, $err) = $t->psql(dry_run(cert_file => "$path.pem"));
			unless ($ok)
			{
				like($err, qr/HINT: +The key belongs to .*, which must be the first one in the file: COPY /, 'the next hint is for the order');
				typed('the order', $err =~ /^HINT: +(.*)$/m);
				$path = "$path.pem";
			}
			works("PKCS#7, $form: what it makes is good", cert_file => "$path.pem");
			is((() = slurp("$path.pem") =~ /-----BEGIN CERTIFICATE-----/g), 3, 'no certificate is lost');
		}
		# as it was sent, too
		my $wrong = given('wrong order.crt', join '', map { text_of($_) } reverse @$order);
		my ($ok, undef, $err) = $t->psql(dry_run(cert_file => $wrong));
		next if $ok;
		typed('the order of PEM', $err =~ /^HINT: +(.*)$/m);
		works('the order of PEM: what it makes is good', cert_file => "$wrong.pem");
	}
	$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_install', private_key => text_of('server.key'), certificate => slurp("$folder/sent pem.p7b")),
		'F0000', 'PKCS#7 as a text', message => qr/"certificate" holds no certificate/, hint => qr/^Give the certificates that openssl pkcs7 -print_certs makes/);
};

# Certificates with trust settings of OpenSSL, which refuse clients.
subtest 'a CA that OpenSSL was told not to trust' => sub {
	$pki->openssl('x509', '-in', $_, '-addreject', 'clientAuth', '-out', "$folder/rejected-$_") foreach 'root.crt', 'other-root.crt';
	my $path = given('rejected roots.crt', slurp("$folder/rejected-root.crt") . "between\n" . slurp("$folder/rejected-other-root.crt"));
	typed('TRUSTED CERTIFICATE', $t->fails(dry_run(ca_file => $path, clientcert => 'verify-ca'), 'F0000', 'not trusted for clients',
			message => qr/is not trusted for clients/, hint => qr/^Make a file of certificates alone: COPY /));
	works('what it makes is good', ca_file => "$path.pem", clientcert => 'verify-ca');
	is(join("\n", map { CastsslPki::fingerprint_of($_) } slurp("$path.pem") =~ /BEGIN CERTIFICATE-----(.*?)-----END/sg),
		join("\n", map { $pki->fingerprint($_) } 'root.crt', 'other-root.crt'), 'both certificates, whole');
	$t->enable(source_dir => $t->{source});
	$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_install', ca => slurp($path)), 'F0000', 'as a text', hint => qr/^Give certificates alone: /);
	$t->disable;
};

# Rows of the check: each ends with its statement.
subtest 'chains and keys in the wrong place' => sub {
	my $made = CastsslTest::test_certificates("$t->{folder}/made");
	my $own = CastsslTest->new('chains', conf => '');
	my ($leaf, $inter2, $inter) = map { slurp("$made/$_.crt") } 'leaf2', 'inter2', 'inter';
	my @rows = (
		[ 'order', 'chain', 'not in the order of the chain', 'chain-disorder.crt', 'root.crt', "$leaf$inter2$inter" ],
		[ 'an intermediate', 'chain', 'lacks the intermediate', 'chain-missing.crt', 'ca-inter.crt', "$leaf$inter2$inter" ],
		[ 'the only intermediate', 'chain', 'an intermediate certificate is not in', 'leaf1.crt', 'ca-inter.crt', slurp("$made/leaf1.crt") . $inter ],
		[ 'a CA that is revoked', 'crl_issuer', 'is revoked', 'server.crt', 'ca-inter.crt', undef, 'revoked-ca.crl', 'root.crt' => 'root.crt' ],
		[ 'a CA in the file of lists', 'crl_parse', 'which the server trusts as a CA, too', 'server.crt', 'root.crt', undef, 'with-certificate.crl', 'root.crl' => 'root.crl' ],
		[ 'a key in the CA file', 'ca_parse', 'holds a private key, too', 'server.crt', 'ca-with-key.crt', undef ],
		[ 'a key in the certificate', 'certificate_parse', 'holds a private key, too', 'combined.pem', 'root.crt', undef ]);
	foreach my $row (@rows)
	{
		my ($name, $check, $message, $cert, $ca, $after, $crl, $file, $content) = @$row;
		my $source = "$own->{folder}/source";
		mkdir $source;
		unlink glob("$source/*");
		spew("$source/server.crt", slurp("$made/$cert"));
		spew("$source/server.key", slurp("$made/server.key"));
		spew("$source/root.crt", slurp("$made/$ca"));
		spew("$source/root.crl", slurp("$made/$crl")) if $crl;
		chmod 0600, glob("$source/*");
		$own->enable(source_dir => $source, force => 'true', crl_file => $crl ? 'root.crl' : '');
		my $find = sub { return grep { $_->{message} =~ /\Q$message\E/ } @{ $own->rows("SELECT * FROM castssl_check() WHERE check_name = '$check'") } };
		my ($found) = $find->();
		my ($statement) = ($found->{hint} // '') =~ /(SELECT \* FROM castssl_install\(.*\);)$/;
		ok($statement, "$name: a statement") or diag explain $found;
		my ($key, $hba) = ($own->slurp("$own->{data}/server.key"), $own->hba);
		my ($ok, undef, $err) = $own->psql($statement // 'none');
		ok($ok, "$name: it runs") or diag "$statement\n$err";
		is(scalar(() = $find->()), 0, "$name: and ends the row");
		is($own->slurp("$own->{data}/server.crt") =~ s/\n+/\n/gr =~ s/\n?$/\n/r, $after, "$name: the chain is whole") if $after;
		is($own->slurp("$own->{data}/$file") =~ s/\n*$/\n/r, slurp("$made/$content"), "$name: the others stay") if $file;
		unlike($own->slurp("$own->{data}/$_"), qr/PRIVATE KEY/, "$name: no key in $_") foreach 'server.crt', 'root.crt';
		is($own->slurp("$own->{data}/server.key") . $own->hba, $key . $hba, "$name: nothing else is changed");
	}
	$own->stop;
};

# Copies are made in a folder that is not there yet, all files of the call, and the call goes on with
# its other arguments. What root would type is typed in a folder of this test's, when the files are open
# again, as they are for root.
subtest 'a folder or a file that is closed' => sub {
	plan skip_all => 'root passes through every folder' if $> == 0;
	my $closed = "$t->{folder}/closed";
	mkdir $closed or die $!;
	my $within = $pki->source("$closed/it's within");
	my @files = ("$within/server.key", "$within/server.crt", "$within/root.crt");
	my $number = 0;
	foreach my $case (
		[ 'the folder of source_dir', $closed, { source_dir => $within } ],
		[ 'the key of a set', $files[0], { source_dir => $within } ],
		[ 'the CA of a set', $files[2], { source_dir => $within } ],
		[ 'a key that is named', $files[0], { source_dir => $within, key_file => 'server.key', cert_file => 'server.crt' } ],
		[ 'the folder of files in place', $closed, { cert_file => $files[1], key_file => $files[0], ca_file => $files[2] } ],
		[ 'a file in place', $files[0], { cert_file => $files[1], key_file => $files[0], ca_file => $files[2] } ])
	{
		my ($name, $path, $arguments) = @$case;
		my $mode = (stat $path)[2] & 07777;
		my $in_use = join '', map { $t->slurp("$t->{data}/$_") } 'server.key', 'server.crt';
		chmod 0, $path or die $!;
		my $error = $t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', %$arguments, clientcert => 'verify-ca', plaintext => 'block', force => 'true'), '42501', $name,
			detail => $path eq $closed ? qr/may not pass through the folder "\Q$closed\E", owned by .* with mode 0000/ : qr/may not read this file/,
			hint => qr/^Give the server copies\.  Run as root: install -d/);
		chmod $mode, $path or die $!;
		my ($command, $statement) = $error->{hint} =~ /Run as root: (.*?)  Then: (SELECT .*;)$/;
		my ($there) = $command =~ m{^install -d -o \S+ -m 700 (/etc/postgresql/tls(?:\.\d+)?) } or diag $command;
		ok(!-e $there, "$name: into a folder that is not there yet");
		my $here = "$t->{folder}/copies" . ++$number;
		s/\Q$there\E/$here/g foreach $command, $statement;
		is(system('bash', '-c', $command), 0, "$name: typed by root") or diag $command;
		is(join(' ', sort map { s{.*/}{}r } glob("$here/*")), 'root.crt server.crt server.key', "$name: all files");
		my ($ok, undef, $err) = $t->psql($statement);
		ok($ok, "$name: typed") or diag "$statement\n$err";
		like($t->hba, qr/^hostssl.*clientcert=verify-ca/m, "$name: what else was asked for");
		is(join('', map { $t->slurp("$t->{data}/$_") } 'server.key', 'server.crt'), $in_use, "$name: the key in use is there") unless $arguments->{source_dir};
		$t->disable(force => 'true');
	}
};

subtest 'a byte-order mark, and nothing else of PEM' => sub {
	my $path = given('no pem', "\xEF\xBB\xBFno certificate\n");
	$t->fails(dry_run(cert_file => $path), 'F0000', 'no PEM behind it', message => qr/is not in PEM form$/, hint => qr/^Get the file in PEM form: a text that has "-----BEGIN " in a line\.$/);
	given('no pem', text_of('server.crt'));
	works('typed: the file in PEM form', cert_file => $path);
};

# The same for files in use that the call does not name: it is repeated whole, also where two are closed.
subtest 'a file in use that is closed' => sub {
	plan skip_all => 'root reads every file' if $> == 0;
	my $within = $pki->source("$t->{folder}/in use");
	my $pair = $pki->source("$t->{folder}/pair");
	unlink "$pair/root.crt" or die $!;
	my %file = map { $_->[0] => "$within/$_->[1]" } [ cert_file => 'server.crt' ], [ key_file => 'server.key' ], [ ca_file => 'root.crt' ];
	my %asked = (clientcert => 'verify-ca', plaintext => 'block', addresses => '{10.7.0.0/16}', confirm_within => '01:00:00');
	my $number = 0;
	foreach my $case ([ 'the key', ['key_file'] ], [ 'the certificate', ['cert_file'] ], [ 'the CA', ['ca_file'] ],
		[ 'the key and the CA', [ 'key_file', 'ca_file' ] ], [ 'the CA, beside new files', ['ca_file'], { source_dir => $pair } ])
	{
		my ($name, $closed, $given) = @$case;
		$t->enable(%file, clientcert => 'none');
		chmod 0, $file{$_} or die $! foreach @$closed;
		my $call = 'SELECT * FROM ' . CastsslTest::call('castssl_enable', %asked, %{ $given // {} });
		foreach my $role (@$closed)
		{
			my $error = $t->fails($call, '42501', "$name: $role", message => qr/\Q$file{$role}\E/, hint => qr/^Give the server copies\.  Run as root: install -d/);
			(my $command, $call) = $error->{hint} =~ /Run as root: (.*?)  Then: (SELECT .*;)$/ or diag $error->{hint};
			like($call, qr/\b$_ => '\Q$asked{$_}\E'/, "$name: $_ is asked for again") foreach keys %asked;
			my ($there) = $command =~ m{^install -d -o \S+ -m 700 (/etc/postgresql/tls(?:\.\d+)?) } or diag $command;
			my $here = "$t->{folder}/copies in use" . ++$number;
			s/\Q$there\E/$here/g foreach $command, $call;
			$command =~ s/\Q$here\E/'$here'/g;
			chmod 0600, $file{$role} or die $!;
			is(system('bash', '-c', $command), 0, "$name: $role, typed by root") or diag $command;
			chmod 0, $file{$role} or die $!;
		}
		my ($ok, undef, $err) = $t->psql($call);
		ok($ok, "$name: typed") or diag "$call\n$err";
		like($t->hba, qr/^hostssl all all 10\.7\.0\.0\/16 .*clientcert=verify-ca/m, "$name: what else was asked for");
		is(scalar @{ $t->rows(q{SELECT * FROM castssl_changes() WHERE state = 'unconfirmed'}) }, 1, "$name: and it waits");
		chmod 0600, values %file;
		$t->sql('SELECT count(*) FROM castssl_rollback(force => true)');
		$t->disable(force => 'true');
	}

	# what castssl_disable() would use again: a copy would not stay in use, so the file is opened
	$t->sql("ALTER SYSTEM SET ssl_$_ = '$file{$_}'") foreach keys %file;
	$t->sql('ALTER SYSTEM SET ssl = on');
	$t->sql('SELECT castssl_reload()');
	$t->enable(source_dir => $t->{source});
	chmod 0, $file{ca_file} or die $!;
	my $error = $t->fails('SELECT * FROM castssl_disable(force => true)', '42501', 'the file that is put back in use', hint => qr/^Let the server's account read it: chmod/);
	is(system('sh', '-c', $error->{hint} =~ /: (chmod .*)/ ? $1 : 'false'), 0, 'typed');
	$t->disable(force => 'true');
	$t->sql("ALTER SYSTEM RESET $_") foreach qw(ssl_cert_file ssl_key_file ssl_ca_file ssl);
	$t->sql('SELECT castssl_reload()');
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
		detail => qr/issued by CN=castssl test root/, hint => qr/^Let that CA revoke it.*castssl_install\(crl/);
	$own->fails("SELECT castssl_sign('x')", '55000', 'sign, without a CA', hint => qr/castssl_create_ca/);
	# a CA whose files were not moved yet
	$own->sql("SELECT length(castssl_create_ca(common_name => 'First'))");
	my $elsewhere = "$own->{folder}/the ca";
	my ($info) = @{ $own->rows("SELECT * FROM castssl_check() WHERE check_name = 'ca_key'") };
	my ($setting) = $info->{hint} =~ /  Then: (LOAD .*;)  At last, as root: /;
	$own->psql(($setting // 'none') =~ s/= '[^']*'/= '$elsewhere'/r);
	my ($gone) = @{ $own->rows("SELECT * FROM castssl_check() WHERE subject = 'castssl.ca_directory'") };
	like($gone->{hint}, qr/^As the server's account: mkdir .* cp /, 'the check has the command that moves it') or diag explain $gone, $info;
	mkdir $elsewhere, 0700 or die $!;
	foreach my $call ("castssl_sign('x')", "castssl_issue_client('alice')", CastsslTest::call('castssl_revoke', certificate => $alice))
	{
		my $error = $own->fails("SELECT $call", '55000', 'before it was moved', constraint => 'castssl_no_ca', hint => qr/^As the server's account: mkdir /);
		next unless $call =~ /revoke/;
		rmdir $elsewhere or die $!;
		my ($command) = $error->{hint} =~ /^As the server's account: (.*)/;
		is(system('sh', '-c', $command), 0, 'the command runs') or diag $command;
	}
	my ($ok, $out, $err) = $own->psql("SELECT castssl_issue_client('alice')");
	ok($ok, 'then the CA is there') or diag $err;
	(undef, undef, $err) = $own->psql("SELECT castssl_sign(castssl_csr('alice'))");
	like($err, qr/NOTICE:.*CN=alice is valid until \d{4}-\d\d-\d\d/, 'and the end of a certificate is said');
	$own->fails('SELECT ' . CastsslTest::call('castssl_revoke', certificate => $alice), '22023', "another CA's certificate",
		detail => qr/castssl test root/, hint => qr/^Let that CA revoke it.*in one text/);
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
	is(join(' ', map { $_->{hint} } @$rows), 'Move the key to a machine without a network.', 'the key of another');
	$own->stop;
};

$t->stop;
done_testing();
