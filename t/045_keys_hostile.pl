# Keys and certificates in hostile hands: texts that are huge, endless or damaged, names and passwords of
# odd bytes, other encodings, a CA directory that is not the server's, several callers at once, a crash
# in the middle, a standby, and CRLs in a directory.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslOpenssl qw(openssl openssl_ok connect_with quote_text slurp spew verify_error);
use Test::More;

my $t = CastsslTest->new('hostile', streaming => 1);
my $pki = $t->{pki};
my $folder = $t->{folder};
my $state = "$t->{data}/pg_castssl";
$t->{node}->backup('copy');

sub call
{
	my ($function, %arguments) = @_;
	return CastsslTest::call($function, %arguments);
}

# A statement that is too long for a command line.
sub fails_in_file
{
	my ($sql, $sqlstate, $name) = @_;
	my $file = spew("$folder/statement.sql", "\\set VERBOSITY verbose\nSET statement_timeout = '3min';\n$sql;\n");
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XqAt', '-f', $file, '-h', $t->{node}->host, '-p', $t->{node}->port, '-U', 'postgres', 'postgres' ],
		'<', \undef, '>', \$out, '2>', \$err);
	like($err, qr/ERROR:\s+\Q$sqlstate\E:/, $name) or diag substr $err, 0, 500;
	return;
}

my $root = slurp($pki->path('root.crt'));
my ($certificate, $key) = map { slurp($pki->path("server.$_")) } qw(crt key);

subtest 'texts' => sub {
	my $info = 'castssl_certificate_info';
	my $inner = join "\n", ('A' x 64) x 10;
	my %text = (
		'a mark without an end' => "-----BEGIN CERTIFICATE-----\n$inner\n",
		'a mark alone' => '-----BEGIN ',
		'an end alone' => "-----END CERTIFICATE-----\n",
		'another end' => "-----BEGIN CERTIFICATE-----\n$inner\n-----END X509 CRL-----\n",
		'nothing inside' => "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		'zeros inside' => "-----BEGIN CERTIFICATE-----\n$inner\n-----END CERTIFICATE-----\n",
		'control characters' => join('', map { chr } 1 .. 31),
		'a long line' => '-----BEGIN ' . 'X' x 100_000);
	$t->fails("SELECT count(*) FROM $info(" . quote_text($text{$_}) . ')', '22023', $_) foreach sort keys %text;
	is($t->sql("SELECT count(*) FROM $info(NULL)"), 0, 'null: no rows');
	is($t->sql("SELECT count(*) FROM $info(repeat(" . quote_text($root) . ', 3000))'), 3000, 'three thousand blocks');
	is($t->sql("SELECT count(*) FROM $info(repeat(repeat('x', 999) || E'\\n', 3000) || " . quote_text($root) . ')'), 1, 'three million characters before the first');
	fails_in_file("SELECT count(*) FROM $info(repeat('x', 20000000))", '22023', 'twenty million characters');
	fails_in_file('SELECT castssl_install(certificate => ' . quote_text($certificate) . ', private_key => ' . quote_text($key)
		  . ', ca => repeat(' . quote_text($root) . ', 9000))', '22023', 'more than anybody could read again');
	# its own issuer, again and again, and never at the top: more than a client reads
	$pki->openssl('req', '-new', '-config', 'openssl.cnf', '-key', 'server.key', '-subj', '/CN=ring', '-out', 'ring.csr');
	$pki->openssl('req', '-x509', '-new', '-config', 'openssl.cnf', '-key', 'alice.key', '-subj', '/CN=ring', '-days', '9', '-out', 'ring-ca.crt');
	$pki->openssl('x509', '-req', '-in', 'ring.csr', '-CA', 'ring-ca.crt', '-CAkey', 'alice.key', '-set_serial', '9', '-days', '9', '-out', 'ring.crt');
	fails_in_file(q{SET castssl.verify_timeout = '5s'; } . 'SELECT * FROM castssl_install(certificate => repeat(' . quote_text(slurp($pki->path('ring.crt'))) . ', 4000), private_key => '
		  . quote_text($key) . ')', '58000', 'a certificate that seems to issue itself, again and again');
	is($t->served, 'none', 'nothing has changed');
	ok(!-e "$t->{data}/$_", "no $_ is left") foreach qw(server.crt server.key root.crt);
};

subtest 'a certificate behind other blocks' => sub {
	$pki->openssl('ca', '-gencrl', '-config', 'openssl.cnf', '-cert', 'root.crt', '-keyfile', 'root.key', '-crldays', '30', '-out', 'root.crl');
	my $crl = slurp($pki->path('root.crl'));
	$t->rows('SELECT * FROM ' . call('castssl_install', certificate => "$crl$key$certificate", private_key => "$certificate$key", ca => $root));
	is($t->served, $pki->fingerprint('server.crt'), 'the server finds it, and so do we');
	$t->back;
	is($t->served, 'none', 'taken back');
};

subtest 'a CA directory that is not the server\'s' => sub {
	my $set = sub {
		$t->sql("LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.ca_directory = '$_[0]'");
		$t->reload;
	};
	my $create = q{SELECT castssl_create_ca(common_name => 'CA')};
	mkdir "$folder/open" or die $!;
	chmod 0777, "$folder/open";
	$set->("$folder/open");
	$t->fails($create, '42501', 'one that everybody may write to', hint => qr/chmod 0700/);
	is_deeply([ grep { !/certificates$/ } glob "$folder/open/*" ], [], 'no key is left there');
	chmod 0700, "$folder/open";
	spew("$folder/file", '');
	$set->("$folder/file");
	my ($ok) = $t->psql($create);
	ok(!$ok, 'a file for a directory');
	mkdir "$folder/closed", 0500 or die $!;
	$set->("$folder/closed");
	SKIP: {
		skip 'root may write everywhere', 1 if -w "$folder/closed";
		$t->fails($create, '42501', 'one that the server may not write to', no_detail => 1);
	}
	symlink "$folder/open", "$folder/link" or die $!;
	$set->("$folder/link");
	my $pem = $t->sql($create);
	is(slurp("$folder/open/root.crt"), $pem, 'by a symbolic link: where that leads');
	is(sprintf('%04o', (stat "$folder/open/ca.key")[2] & 07777), '0600', 'the key is 0600');
	is($t->sql(q{SELECT count(*) FROM castssl_certificate_info(castssl_sign(castssl_csr('x')))}), 1, 'and it signs');
	$t->sql(q{LOAD 'pg_castssl'; ALTER SYSTEM RESET castssl.ca_directory});
	$t->reload;
};

$t->sql("SELECT castssl_create_ca(common_name => 'Our CA')");

subtest 'names and passwords of odd bytes' => sub {
	foreach my $name ("tab\tand\nline", "\x7f", "a\xc2\x85b")
	{
		$t->fails(q{SELECT castssl_sign(castssl_csr(} . quote_text($name) . '))', '22023', 'a name with a control character',
			message => qr/common name/);
	}
	foreach my $name ('quote"\'\\;$(id)', '日本', ' blank ', '#', '+,=<>')
	{
		my $pem = $t->sql(
			q{SELECT castssl_sign(castssl_csr(} . quote_text($name) . '))');
		my ($ok, $text, $err) = openssl('x509 -noout -subject -nameopt multiline,utf8,-esc_msb,-esc_ctrl', $pem);
		like($text, qr/commonName\s+= \Q$name\E$/m, 'a name as it was given') or diag $err;
		my $subject = $t->sql('SELECT subject FROM castssl_certificate_info(' . quote_text($pem) . ')');
		unlike($subject, qr/[\x00-\x1f]/, 'no control character is shown');
	}
	foreach my $password ('pässwörd', q{"'\\$(id);`x`}, ' ', "tab\there", 'x' x 300, '日本')
	{
		$t->sql(q{SELECT castssl_issue_client('odd', password => } . quote_text($password) . ')');
		spew("$folder/password", "$password\n");
		my ($ok, $out, $err) = openssl('pkcs12 -nokeys -in', undef, "$state/issued/odd/client.pfx", '-passin', "file:$folder/password");
		ok($ok, 'the password opens the PKCS#12') or diag "$password: $err";
	}
};

subtest 'who may have whom certified' => sub {
	$t->sql('CREATE ROLE registrar LOGIN; CREATE ROLE clerk LOGIN; CREATE ROLE boss SUPERUSER; GRANT clerk, boss TO registrar');
	$t->sql("GRANT EXECUTE ON FUNCTION $_ TO registrar") foreach 'castssl_sign(text, interval, text)',
	  'castssl_issue_client(text, text, interval)', 'castssl_csr(text, text[], inet[], text)';
	my %registrar = (psql => { user => 'registrar' }, message => qr/permission denied to issue/);
	$t->sql('CREATE ROLE helper; GRANT registrar TO helper');
	# no grant helps, or none is possible, or it would give much more than a certificate
	my %alone = (%registrar, hint => qr/^Let a superuser make this call\.$/);
	foreach my $name (qw(postgres boss nobody_at_all POSTGRES helper pg_monitor))
	{
		my $request = $t->sql("SELECT castssl_csr('$name')");
		$t->fails('SELECT castssl_sign(' . quote_text($request) . ')', '42501', "castssl_sign for $name", %alone);
		$t->fails("SELECT castssl_issue_client('$name')", '42501', "castssl_issue_client for $name", %alone);
	}
	is_deeply([ grep { -e } map { "$state/issued/$_" } qw(postgres boss helper) ], [], 'no file is left');
	foreach my $name (qw(registrar clerk))
	{
		my $request = $t->sql("SELECT castssl_csr('$name')");
		like($t->sql('SELECT castssl_sign(' . quote_text($request) . ')', user => 'registrar'), qr/BEGIN CERT/, "castssl_sign for $name");
		like($t->sql("SELECT castssl_issue_client('$name')", user => 'registrar'), qr/$name$/, "castssl_issue_client for $name");
	}
	# who has the privileges of a role may not always become it (16 and later)
	my $set = $t->sql('SHOW server_version_num') >= 160000;
	$t->sql('CREATE ROLE "the@owner" LOGIN; CREATE ROLE "half@owner" LOGIN');
	$t->sql('GRANT "half@owner" TO registrar WITH INHERIT TRUE, SET FALSE') if $set;
	foreach my $name ('the@owner', 'half@owner')
	{
		my $issue = "SELECT castssl_issue_client('$name')";
		my (undef, undef, $err) = $t->psql($issue, user => 'registrar');
		my $with = $set ? ' WITH SET TRUE' : '';
		my ($grant) = $err =~ /^HINT: +Let a superuser make this call, or let the caller become that role: (GRANT "\Q$name\E" TO registrar$with;)$/m;
		ok($grant, "$name: the grant that it lacks") or diag $err;
		$t->sql($grant // 'none');
		like($t->sql($issue, user => 'registrar'), qr/\Q$name\E$/, 'typed, it may');
	}
	foreach my $options ('ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit', 'ed448', 'rsa:1024')
	{
		openssl_ok("req -new -newkey $options -nodes -keyout $t->{folder}/odd.key -out $t->{folder}/odd.csr -subj /CN=clerk");
		$t->fails('SELECT castssl_sign(' . quote_text(slurp("$t->{folder}/odd.csr")) . ')', '22023', "a key: $options");
	}
	foreach my $options ('ed25519', 'rsa:2048', 'ec -pkeyopt ec_paramgen_curve:P-384')
	{
		openssl_ok("req -new -newkey $options -nodes -keyout $t->{folder}/odd.key -out $t->{folder}/odd.csr -subj /CN=clerk");
		like($t->sql('SELECT castssl_sign(' . quote_text(slurp("$t->{folder}/odd.csr")) . ')'), qr/BEGIN CERT/, "a key: $options");
	}
	foreach my $subject ('/CN=clerk/CN=postgres', '/O=clerk', '/CN=' . 'a' x 64 . '/CN=b')
	{
		openssl_ok('req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout', undef, "$t->{folder}/odd.key", '-out', "$t->{folder}/odd.csr", '-subj', $subject);
		$t->fails('SELECT castssl_sign(' . quote_text(slurp("$t->{folder}/odd.csr")) . ')', '22023', "a subject: $subject");
	}
};

# Who signs for members of a role gives them a certificate of that name, byte for byte, and no other name.
subtest 'a subject that the server reads as another name' => sub {
	$t->sql(qq{CREATE ROLE "jos\xc3\x83\xc2\xa9"; CREATE ROLE "jos\xc3\xa9"; GRANT "jos\xc3\x83\xc2\xa9" TO registrar});
	my $request_of = sub {
		my ($mask, @parts) = @_;
		spew("$folder/subject.cnf", join "\n", '[req]', 'distinguished_name = subject', 'prompt = no', "string_mask = $mask", '[subject]', @parts, '');
		openssl_ok('req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout', undef, "$folder/odd.key", '-config', "$folder/subject.cnf",
			($mask eq 'utf8only' ? '-utf8' : ()));
	};
	my %refused = (psql => { user => 'registrar' }, message => qr/permission denied to sign a request with this subject/,
		detail => qr/^It is .*CN=.*\.  Only superusers have another subject signed than one common name \(CN\) that is the name of a role byte for byte\.$/);
	my %other_form = (hint => qr/^Make a request with the role's name in UTF-8 as the whole subject, CN=name, or let a superuser sign this one\.$/);
	my %clerk = (hint => qr/^Make a request whose whole subject is CN=clerk, or call castssl_issue_client\(user_name => 'clerk'\), or let a superuser sign this one\.$/);
	foreach my $case (
		[ 'another part', \%clerk, 'utf8only', 'O = x', 'OU = dba', 'CN = clerk' ],
		[ 'another part behind it', \%clerk, 'utf8only', 'CN = clerk', 'OU = dba' ],
		[ 'two parts in one', \%clerk, 'utf8only', 'CN = clerk', '+OU = dba' ],
		[ 'a TeletexString', \%other_form, 'MASK:4', "CN = jos\xc3\xa9" ],
		[ 'a part beside a name that castssl_issue_client() refuses', \%other_form, 'utf8only', 'OU = dba', "CN = jos\xc3\x83\xc2\xa9" ],
		[ 'and beside a role that it may not become', \%other_form, 'utf8only', 'OU = dba', 'CN = postgres' ])
	{
		my ($name, $hint, @subject) = @$case;
		my $request = $request_of->(@subject);
		$t->fails('SELECT castssl_sign(' . quote_text($request) . ')', '42501', $name, %refused, %$hint);
		like($t->sql('SELECT castssl_sign(' . quote_text($request) . ')'), qr/BEGIN CERT/, "$name: a superuser may");
	}
	# both ways of the hints
	like($t->sql('SELECT castssl_sign(' . quote_text($request_of->(@$_)) . ')', user => 'registrar'), qr/BEGIN CERT/, "@$_ alone")
	  foreach [ 'utf8only', 'CN = clerk' ], [ 'utf8only', "CN = jos\xc3\x83\xc2\xa9" ], [ 'MASK:2', 'CN = clerk' ];
	like($t->sql(q{SELECT castssl_issue_client(user_name => 'clerk')}, user => 'registrar'), qr/clerk$/, 'castssl_issue_client');
	# in a database of another encoding the text of the CN is the name of another role
	$t->sql(qq{GRANT "jos\xc3\xa9" TO registrar; REVOKE "jos\xc3\x83\xc2\xa9" FROM registrar});
	$t->sql(q{CREATE DATABASE one_byte TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
	$t->sql('CREATE EXTENSION pg_castssl; GRANT EXECUTE ON FUNCTION castssl_sign(text, interval, text) TO registrar', database => 'one_byte');
	my $request = $request_of->('utf8only', "CN = jos\xc3\x83\xc2\xa9");
	$t->fails('SELECT castssl_sign(' . quote_text($request) . ')', '42501', 'the name in another encoding',
		psql => { user => 'registrar', database => 'one_byte' }, message => qr/permission denied to issue a certificate for/);
	$request = $request_of->('utf8only', "CN = jos\xc3\xa9");
	like($t->sql('SELECT castssl_sign(' . quote_text($request) . ')', user => 'registrar', database => 'one_byte'), qr/BEGIN CERT/, 'and the name itself there');
	# there neither function is a way for a name that is not ASCII, and their hints do not name each other
	$t->sql('GRANT EXECUTE ON FUNCTION castssl_issue_client(text, text, interval) TO registrar', database => 'one_byte');
	my %there = (psql => { user => 'registrar', database => 'one_byte' });
	$t->fails('SELECT castssl_sign(' . quote_text($request_of->('MASK:4', "CN = jos\xc3\xa9")) . ')', '42501', 'castssl_sign there', %refused, %there, hint => qr/^Let a superuser sign this one\.$/);
	$t->fails('SELECT castssl_sign(' . quote_text($request_of->('utf8only', 'OU = dba', 'CN = clerk')) . ')', '42501', 'castssl_sign there, a name in ASCII', %refused, %there, %clerk);
	$t->fails(qq{SELECT castssl_issue_client('jos\xc3\xa9')}, '22023', 'castssl_issue_client there', %there,
		hint => qr/  Or let the user make a request, and let a superuser sign it with castssl_sign\(\)\.$/);
	like($t->sql('SELECT castssl_sign(' . quote_text($request_of->('MASK:4', "CN = jos\xc3\xa9")) . ')', database => 'one_byte'), qr/BEGIN CERT/, 'a superuser signs it');
	$t->sql('DROP DATABASE one_byte');
};

subtest 'a database of another encoding' => sub {
	$t->sql(q{CREATE DATABASE latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
	$t->sql('CREATE EXTENSION pg_castssl', database => 'latin1');
	my $utf8 = "SET client_encoding = 'UTF8';";
	my $request = $t->sql("$utf8 SELECT castssl_csr('Käse')", database => 'latin1');
	like(openssl_ok('req -noout -subject -nameopt utf8,-esc_msb', $request), qr/CN ?= ?Käse$/m, 'a name is UTF-8 in a request');
	is($t->sql("$utf8 SELECT subject FROM castssl_certificate_info(castssl_sign(" . quote_text($request) . '))', database => 'latin1'),
		'CN=K\C3\A4se', 'and shown escaped');
	$t->sql("$utf8 SELECT castssl_issue_client('latin1', password => 'pässwörd')", database => 'latin1');
	spew("$folder/password", "pässwörd\n");
	my ($ok, $out, $err) = openssl('pkcs12 -nokeys -in', undef, "$state/issued/latin1/client.pfx", '-passin', "file:$folder/password");
	ok($ok, 'a password is UTF-8, too') or diag $err;
};

# From here on TLS is on, with the server's own CA.
$t->sql(q{SELECT count(*) FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'), certificate =>
	castssl_sign(purpose => 'server', request => castssl_csr('localhost', dns_names => '{localhost}', ip_addresses => '{127.0.0.1}')))});
$t->sql("SELECT count(*) FROM castssl_enable(clientcert => 'verify-full')");

sub login
{
	my ($user, %options) = @_;
	my $issued = "$state/issued/$user";
	return connect_with(
		{
			host => 'localhost', port => $t->{node}->port, user => $user, dbname => 'postgres', sslmode => 'verify-full',
			sslrootcert => "$issued/root.crt", sslcert => "$issued/client.crt", sslkey => "$issued/client.key", %options
		}, 'SELECT 1');
}

sub login_is
{
	my ($user, $in, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ok, $why) = login($user);
	is($ok ? 1 : 0, $in, "$name: $user is " . ($in ? 'in' : 'refused')) or diag $why;
	return;
}

subtest 'several at once' => sub {
	my $request = $t->sql("SELECT castssl_csr('many')");
	my $script = spew("$folder/many.sql", 'SELECT castssl_sign(' . quote_text($request) . ");\nSELECT castssl_create_ca('second');\n");
	my @runs = map {
		my $run = { out => '', err => '' };
		$run->{process} = IPC::Run::start(
			[ 'psql', '-XqAt', '-v', 'VERBOSITY=verbose', '-v', 'ON_ERROR_STOP=0', ('-f', $script) x 10, '-h', $t->{node}->host,
				'-p', $t->{node}->port, '-U', 'postgres', 'postgres' ], '<', \undef, '>', \$run->{out}, '2>', \$run->{err});
		$run } 1 .. 4;
	$_->{process}->finish foreach @runs;
	my %codes = map { $_ => 1 } map { $_->{err} =~ /ERROR:\s+(\w{5})/g } @runs;
	is(join(' ', grep { !/^(55000|55P03)$/ } sort keys %codes), '', 'nothing else than: has a CA, or somebody else is at it');
	my @signed = map { $_->{out} =~ /(-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n)/gs } @runs;
	cmp_ok(scalar @signed, '>=', 1, 'some are signed');
	my %serials = map { openssl_ok('x509 -noout -serial', $_) => 1 } @signed;
	is(keys %serials, @signed, 'each with a serial number of its own');
	my ($first) = @signed;
	is(verify_error("$state/ca/root.crt", spew("$folder/many.crt", $first)), '', 'all by the one CA');
};

$t->sql("SELECT castssl_issue_client('$_')") foreach qw(alice bob);

# A server whose library fails where it is told to (t/032_faults.pl).
sub faulty_server
{
	my ($library) = @_;
	(my $directory = $library) =~ s{/[^/]*$}{};
	(my $module = $library) =~ s{\.\w+$}{};
	my $f = CastsslTest->new('faulty', conf => "dynamic_library_path = '$directory:\$libdir'\nrestart_after_crash = on", start => 0);
	$f->start;
	(my $script = slurp("$FindBin::RealBin/../sql/pg_castssl--0.2.0.sql")) =~ s/^\\echo.*$//m;
	$script =~ s/MODULE_PATHNAME/$module/g;
	$f->sql($script);
	$f->{load} = "LOAD '$module'; SET castssl.fault = ";
	return $f;
}

subtest 'killed in the middle of castssl_revoke' => sub {
	my $library = $ENV{CASTSSL_FAULTS} // '';
	plan skip_all => 'CASTSSL_FAULTS names no library that was built with FAULTS=1' unless -e $library;
	my $f = faulty_server($library);
	my $ca = "$f->{data}/pg_castssl/ca";
	$f->sql("SELECT castssl_create_ca('CA')");
	$f->sql(q{SELECT count(*) FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'), crl => pg_read_file('pg_castssl/ca/root.crl'),
		certificate => castssl_sign(purpose => 'server', request => castssl_csr('localhost', dns_names => '{localhost}')))});
	my $pem = slurp($f->sql("SELECT castssl_issue_client('bob')") . '/client.crt');
	my ($serial) = openssl_ok('x509 -noout -serial', $pem) =~ /=(\w+)/;
	my $revoke = 'SELECT ' . call('castssl_revoke', certificate => $pem);
	# what says that it is revoked: the list, the CA's CRL, the one that the server uses
	my $story = sub {
		my @where = ((grep { /\Q$serial\E/i } -e "$ca/revoked" ? slurp("$ca/revoked") : ()) ? 'list' : ());
		push @where, $_->[0] foreach grep { openssl_ok('crl -noout -text', slurp($_->[1])) =~ /\b\Q$serial\E\b/ }
		  [ CA => "$ca/root.crl" ], [ server => "$f->{data}/root.crl" ];
		return join ' ', @where;
	};
	my $offset = -s $f->{node}->logfile;
	$f->sql("$f->{load} 'count'; $revoke");
	is($story->(), 'list CA server', 'revoked everywhere');
	$f->back;
	is($story->(), '', 'taken back everywhere');
	my @points = substr(slurp($f->{node}->logfile), $offset) =~ /fault point (\d+): /g;
	cmp_ok(scalar @points, '>', 20, 'points at which it can fail');
	my %met;
	foreach my $point (grep { $_ % 9 == 5 } @points)
	{
		my $place = -s $f->{node}->logfile;
		my ($ok, undef, $err) = $f->psql("$f->{load} '$point:kill'; $revoke");
		$f->wait_for_crash($place) if !$ok && $err !~ /ERROR:/;
		# the server is back, and what was interrupted is settled
		$f->settle;
		my $where = $story->();
		like($where, qr/^(list CA server)?$/, "point $point: everywhere or nowhere");
		$met{ $where ? 'new' : 'old' }++;
		$f->back if $where;
	}
	cmp_ok($met{old} // 0, '>', 3, 'nowhere');
	$f->stop;
};

subtest 'CRLs in a directory' => sub {
	plan skip_all => 'no ssl_crl_dir before PostgreSQL 14' unless $t->sql(q{SELECT count(*) FROM pg_settings WHERE name = 'ssl_crl_dir'});
	my $crls = "$t->{data}/crls";
	mkdir $crls, 0700 or die $!;
	$t->sql("ALTER SYSTEM SET ssl_crl_dir = 'crls'");
	$t->reload;
	login_is('alice', 0, 'an empty directory');
	is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'crl_parse' AND severity = 'error'}), 1, 'castssl_check says so');

	my ($hash) = openssl_ok('crl -noout -hash', slurp("$state/ca/root.crl")) =~ /(\w{8})/;
	spew("$crls/00000000.r0", slurp("$state/ca/root.crl"));
	spew("$crls/README", 'nothing to see here');
	$t->reload;
	login_is('alice', 0, 'a CRL under another name');
	cmp_ok($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name LIKE 'crl%' AND severity = 'error'}), '>', 0, 'castssl_check says so');
	rename "$crls/00000000.r0", "$crls/$hash.r0" or die $!;
	$t->reload;
	login_is('alice', 1, 'the CA\'s CRL');
	is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name LIKE 'crl%' AND severity = 'error'}), 0, 'castssl_check has nothing against it');
	my $rows = $t->rows(q{SELECT file_name, position, issuer FROM castssl_certificates() WHERE role = 'crl'});
	is_deeply($rows, [ { file_name => "$crls/$hash.r0", position => 1, issuer => 'CN=Our CA' } ], 'castssl_certificates shows it');
	is($t->sql(q{SELECT count(*) FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'), dry_run => true) WHERE result = 'warning'}),
		0, 'no change is refused for want of a CRL');
	$t->sql('SELECT ' . call('castssl_revoke', certificate => slurp("$state/issued/bob/client.crt")));
	login_is('bob', 0, 'revoked, beside the directory');
	login_is('alice', 1, 'revoked, beside the directory');
	ok(@{ $t->back } > 0, 'taken back');
	$t->sql('ALTER SYSTEM RESET ssl_crl_dir');
	$t->reload;
	login_is('bob', 1, 'no CRL');
};

subtest 'the CA under a renewed certificate' => sub {
	# the same key and name, but not the certificate that lies in the CA's directory
	openssl_ok('req -x509 -new -days 90 -key', undef, "$state/ca/ca.key", '-subj', '/CN=Our CA', '-out', "$folder/renewed.crt");
	$t->rows('SELECT * FROM ' . call('castssl_install', ca => slurp("$folder/renewed.crt")));
	login_is('bob', 1, 'renewed');
	$t->sql('SELECT ' . call('castssl_revoke', certificate => slurp("$state/issued/bob/client.crt")));
	login_is('bob', 0, 'revoked');
	login_is('alice', 1, 'revoked');
};

subtest 'on a standby' => sub {
	my $standby = $t->from_backup('standby', standby => 1, backup => 'copy');
	$standby->start;
	is($standby->sql('SELECT pg_is_in_recovery()'), 't', 'a standby');
	$standby->sql("SELECT castssl_create_ca('CA of the standby')");
	my $steps = $standby->rows(q{SELECT * FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'), certificate =>
		castssl_sign(purpose => 'server', request => castssl_csr('localhost', dns_names => '{localhost}')))});
	is((grep { $_->{target} eq 'certificate' && $_->{result} eq 'done' } @$steps), 1, 'castssl_create_ca, castssl_csr, castssl_sign, castssl_install') or diag explain $steps;
	my $carol = $standby->sql("SELECT castssl_issue_client('carol')");
	is($carol, "$standby->{data}/pg_castssl/issued/carol", 'castssl_issue_client');
	my $crl = $standby->sql('SELECT ' . call('castssl_revoke', certificate => slurp("$carol/client.crt")));
	is($standby->slurp('root.crl'), $crl, 'castssl_revoke');
	isnt($t->slurp('root.crl'), $crl, 'the primary is as it was');
	$standby->stop;
};

my $log = slurp($t->{node}->logfile);
foreach my $file (glob("$state/ca/*.key $state/issued/*/*.key $state/pending/*.key"))
{
	my ($secret) = slurp($file) =~ /\n(.{64}\n)?(.{40})/ ? $2 : die $file;
	is(index($log, $secret), -1, "no word of $file in the log");
}

done_testing();
