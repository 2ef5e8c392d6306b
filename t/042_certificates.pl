# A matrix of certificates, keys, CAs and CRLs, good and bad: what castssl_enable says of each,
# what a server's own loader says, and what psql and openssl get in a real handshake. Where we say
# yes, all of them agree; where we say no, at least one of them does, too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Encode 'decode';
use CastsslOpenssl qw(openssl openssl_ok connect_with quote_text slurp spew);
use Test::More;

# The name in the certificates is one of this host's, though nobody can resolve it.
my @conf = (conf => "listen_addresses = '127.0.0.1, db.example.com'\ncastssl.verify_timeout = '15s'");
my $t = CastsslTest->new('ours', @conf);
my $plain = CastsslTest->new('plain', @conf);
my $files = CastsslTest::test_certificates("$t->{folder}/certificates");

# all of it a thousand times: a CA file as some systems have it
my @every = map { slurp("$files/$_.crt") } qw(root other inter inter2 root-expired root-sha1 pathlen0 selfca);
spew("$files/thousand.crt", join '', (@every) x 125);
spew("$files/thousand-server.crt", join '', slurp("$files/server.crt"), (@every) x 125);

# [what is changed of the usual set, what we say, what happens]; what happens in words:
#   works: the server loads it, psql gets in with verify-ca and verify-full, openssl has no objection
#   names: the same, but that verify-full finds another name
#   loads: the server loads it, and somebody refuses somebody
#   refused: the server does not load it
#   elsewhere: OpenSSL 3 refuses it, whatever this one does
#   several, with bars between: it depends on the release of OpenSSL
my @cases = (
	# first, while no rule asks for certificates
	[ { ca => undef, client => undef }, 'warning', 'works' ],
	# kinds of keys and signatures
	[ { cert => 'server' }, 'ok', 'works' ],
	[ { cert => 'rsa2048', key => 'rsa2048.key' }, 'ok', 'works' ],
	[ { cert => 'rsa3072', key => 'rsa3072.key' }, 'ok', 'works' ],
	[ { cert => 'rsapss', key => 'rsapss.key' }, 'ok', 'works' ],
	[ { cert => 'p384', key => 'p384.key' }, 'ok', 'works' ],
	[ { cert => 'ed25519', key => 'ed25519.key' }, 'ok', 'works' ],
	[ { cert => 'p521', key => 'p521.key' }, 'ok', 'works' ],
	[ { cert => 'ed448', key => 'ed448.key' }, 'ok', 'works' ],
	[ { cert => 'k256', key => 'k256.key' }, 'error', 'loads' ],
	[ { cert => 'explicit', key => 'explicit.key' }, 'error', 'elsewhere' ],
	[ { cert => 'dsa', key => 'dsa.key' }, 'error', 'loads' ],
	[ { cert => 'rsa1024', key => 'rsa1024.key' }, 'error', 'refused' ],
	[ { cert => 'p192', key => 'p192.key' }, 'error', 'refused' ],
	[ { cert => 'sha1' }, 'error', 'refused|loads' ],
	[ { key => 'ed25519.key' }, 'error', 'refused' ],
	[ { key => 'rsa2048.key' }, 'error', 'refused' ],
	# dates
	[ { cert => 'expired' }, 'error', 'loads' ],
	[ { cert => 'future' }, 'error', 'loads' ],
	[ { cert => 'soon' }, 'warning', 'works' ],
	[ { cert => 'y2050' }, 'ok', 'works' ],
	[ { cert => 'y9999' }, 'ok', 'works' ],
	# names
	[ { cert => 'nosan' }, 'warning', 'works' ],
	[ { cert => 'wildcard' }, 'ok', 'works' ],
	[ { cert => 'ip' }, 'ok', 'works' ],
	[ { cert => 'othername' }, 'warning', 'names' ],
	[ { cert => 'nul' }, 'warning', 'names' ],
	[ { cert => 'badnames' }, 'error', undef ],
	[ { cert => 'emptyname' }, 'ok', 'works' ],
	[ { cert => 'utf8' }, 'ok', 'works' ],
	[ { cert => 'multi' }, 'ok', 'works' ],
	[ { cert => 'v1' }, 'warning', 'works' ],
	# uses
	[ { cert => 'caleaf' }, 'error', 'loads' ],
	[ { cert => 'caleaf-nousage' }, 'warning', 'works' ],
	[ { cert => 'clienteku' }, 'error', 'loads' ],
	[ { cert => 'noeku' }, 'ok', 'works' ],
	[ { cert => 'keyencipherment', key => 'rsa2048.key' }, 'warning', 'works' ],
	[ { cert => 'self', roots => 'self' }, 'ok', 'works' ],
	[ { cert => 'critical' }, 'error', 'loads' ],
	[ { cert => 'names', ca => 'root-names', client => 'client-names', roots => 'root-names' }, 'warning', 'loads' ],
	[ { cert => 'clientonly', ca => 'root-clientonly', client => 'client-clientonly', roots => 'root-clientonly' }, 'warning', 'loads' ],
	# chains
	[ { cert => 'chain' }, 'ok', 'works' ],
	[ { cert => 'chain-root' }, 'ok', 'works' ],
	[ { cert => 'chain-disorder' }, 'warning', 'works' ],
	[ { cert => 'chain-reversed' }, 'error', 'refused' ],
	[ { cert => 'leaf1' }, 'warning', 'loads' ],
	[ { cert => 'leaf1', ca => 'ca-inter' }, 'ok', 'works' ],
	[ { cert => 'chain-missing', ca => 'ca-inter' }, 'warning', 'loads' ],
	[ { cert => 'chain-extra' }, 'ok', 'works' ],
	[ { cert => 'chain-sha1' }, 'error', 'refused|loads' ],
	[ { cert => 'chain-notca' }, 'error', 'loads' ],
	[ { cert => 'chain-expired' }, 'error', 'loads' ],
	[ { cert => 'chain-impostor' }, 'error', 'loads' ],
	[ { cert => 'chain-pathlen', roots => 'pathlen0' }, 'error', 'loads' ],
	[ { cert => 'chain-pathlen-noroot', ca => 'pathlen0', client => 'client-pathlen0', roots => 'pathlen0' }, 'warning', 'loads' ],
	[ { cert => 'chain-trusted' }, 'warning', 'loads' ],
	[ { ca => 'other', client => 'client-other' }, 'warning', 'works' ],
	# forms of files, and damage
	[ { cert => 'crlf', key => 'crlf.key' }, 'ok', 'works' ],
	[ { cert => 'bom', key => 'bom.key' }, undef, undef ],
	[ { cert => 'trailing' }, 'ok', 'works' ],
	[ { cert => 'text' }, 'ok', 'works' ],
	[ { cert => 'trusted' }, 'ok', 'works' ],
	[ { cert => 'combined.pem', key => 'combined.pem' }, 'ok', 'works' ],
	[ { cert => 'der' }, 'error', 'refused' ],
	[ { cert => 'pkcs7' }, 'error', 'refused' ],
	[ { cert => 'utf16' }, 'error', 'refused' ],
	[ { cert => 'empty' }, 'error', 'refused' ],
	[ { cert => 'garbage' }, 'error', 'refused' ],
	[ { cert => 'truncated' }, 'error', 'refused' ],
	[ { cert => 'truncated-second' }, 'error', 'refused' ],
	[ { cert => 'baddate' }, 'error', undef ],
	[ { cert => 'notutf8' }, 'error', 'refused' ],
	[ { cert => 'thousand-server' }, 'error', 'loads' ],    # more than a client reads
	[ { key => 'two.key' }, 'ok', 'works' ],
	[ { key => 'two-wrong.key' }, 'error', 'refused' ],
	[ { key => 'parameters.key' }, 'ok', 'works' ],
	[ { key => 'encrypted.key' }, 'error', 'refused' ],
	[ { key => 'truncated.key' }, 'error', 'refused' ],
	[ { key => 'der.key' }, 'error', 'refused' ],
	[ { key => 'holds-certificate.key' }, 'error', 'refused' ],
	# CAs
	[ { ca => 'ca-two', client => 'client-other' }, 'warning', 'works' ],
	[ { ca => 'ca-expired-and-good' }, 'warning', 'works' ],
	[ { ca => 'root-expired', client => 'client-expired-root' }, 'error', 'loads' ],
	[ { ca => 'root-future', client => 'client-future-root' }, 'error', 'loads' ],
	[ { ca => 'root-rsa1024', client => 'client-rsa1024-root' }, 'error', 'loads' ],
	[ { ca => 'root-nosign', client => 'client-nosign-root' }, 'error', 'loads' ],
	[ { ca => 'root-serveronly', client => 'client-serveronly-root' }, 'error', 'loads' ],
	[ { ca => 'root-trusted' }, 'error', 'refused' ],
	[ { ca => 'ca-rejected' }, 'warning', 'loads' ],
	[ { ca => 'inter', client => 'client-inter' }, 'error', 'loads' ],
	[ { ca => 'ca-inter', client => 'client-inter' }, 'ok', 'works' ],
	[ { client => 'client-chain' }, 'ok', 'works' ],
	[ { ca => 'client' }, 'error', 'loads' ],
	[ { ca => 'ca-and-leaf' }, 'warning', 'works' ],
	[ { ca => 'ca-with-key' }, 'warning', 'works' ],
	[ { ca => 'truncated-second' }, 'error', 'refused' ],
	[ { ca => 'der' }, 'error', 'refused' ],
	[ { ca => 'thousand' }, 'warning', 'works' ],
	# CRLs; from here on each case has one, for it would stay
	[ { crl => 'root' }, 'ok', 'works' ],
	[ { crl => 'soon' }, 'warning', 'works' ],
	[ { crl => 'stale' }, 'error', 'loads' ],
	[ { crl => 'stale-and-fresh' }, 'ok', 'works' ],
	[ { crl => 'other' }, 'error', 'loads' ],
	[ { crl => 'root-other' }, 'ok', 'works' ],
	[ { crl => 'forged' }, 'error', 'loads' ],
	[ { crl => 'cas' }, 'warning', 'loads' ],
	[ { crl => 'users' }, 'error|ok', 'loads|works' ],
	[ { crl => 'split' }, 'ok', 'works' ],
	[ { crl => 'der' }, 'error', 'refused' ],
	[ { crl => 'server.crt' }, 'error', 'loads' ],
	[ { ca => 'ca-two', crl => 'root', client => 'client-other' }, 'error', 'loads' ],
	[ { ca => 'ca-two', crl => 'root-other', client => 'client-other' }, 'warning', 'works' ],
	[ { ca => 'ca-inter', crl => 'root', client => 'client-inter' }, 'error', 'loads' ],
	[ { ca => 'ca-inter', crl => 'both' }, 'ok', 'works' ],
	[ { ca => 'ca-inter', crl => 'revoked-ca', client => 'client-inter' }, 'warning', 'loads' ],
);

sub file
{
	my ($name, $suffix) = @_;
	return undef unless defined $name;
	return $name =~ /\./ ? "$files/$name" : "$files/$name.$suffix";
}

# castssl_enable with these files: ('ok' | 'warning' | 'error', what it says).
sub our_answer
{
	my ($case) = @_;
	my %arguments = (cert_file => $case->{cert}, key_file => $case->{key}, ca_file => $case->{ca} // '');
	$arguments{clientcert} = $case->{ca} ? 'verify-ca' : 'none';
	$arguments{crl_file} = $case->{crl} if $case->{crl};
	my ($ok, $out, $err) = $t->psql(
		"SELECT target || ': ' || coalesce(detail, '') FROM " . CastsslTest::call('castssl_enable', %arguments)
		  . " WHERE result = 'warning' AND code NOT IN ('plaintext_fallback', 'issuer_changed')");    # which are not about the files alone
	return ('error', $err =~ /ERROR:\s+(.*)/) unless $ok;
	my @warnings = split /\n/, $out;
	return (@warnings ? 'warning' : 'ok', join ' | ', @warnings);
}

# Has a server without us load them: '' or its complaint.
sub loader_answer
{
	my ($case) = @_;
	my %value = (ssl_cert_file => $case->{cert}, ssl_key_file => $case->{key}, ssl_ca_file => $case->{ca}, ssl_crl_file => $case->{crl});
	$plain->write('case.conf', join '', "ssl = on\n", map { "$_ = '" . ($value{$_} // '') . "'\n" } keys %value);
	my $offset = -s $plain->{node}->logfile;
	$plain->reload;
	my $log = substr slurp($plain->{node}->logfile), $offset;
	return $log =~ /SSL configuration was not reloaded/ ? $log : '';
}

# What clients of a server get: what each of them that fails says.
sub client_answers
{
	my ($server, $case) = @_;
	my %connection = (
		hostaddr => '127.0.0.1', port => $server->{node}->port, user => 'alice', dbname => 'postgres',
		host => 'db.example.com', sslrootcert => $case->{roots}, connect_timeout => 120);
	my @certificate;
	if ($case->{client})
	{
		@connection{qw(sslcert sslkey)} = ($case->{client}, "$files/client.key");
		@certificate = ('-cert', $case->{client}, '-key', "$files/client.key");
		push @certificate, '-cert_chain', $case->{client} if $case->{client} =~ /chain/;
	}
	my %failure;
	foreach my $mode (qw(verify-ca verify-full))
	{
		my ($ok, $says) = connect_with({ %connection, sslmode => $mode }, 'SELECT 1');
		$failure{$mode} = $says unless $ok;
	}
	my ($ok, $out, $err) = openssl('s_client -starttls postgres -verify_return_error -connect', '',
		'127.0.0.1:' . $server->{node}->port, '-CAfile', $case->{roots}, @certificate);
	$failure{openssl} = $err unless $out =~ /Verify(?: return code|cation): (?:0 \(ok\)|OK)/;
	return \%failure;
}

$plain->write('postgresql.conf', $plain->slurp('postgresql.conf') . "\ninclude_if_exists = 'case.conf'\n");
my %counts;
foreach my $test (@cases)
{
	my ($changed, $we_say, $happens) = @$test;
	my %names = (cert => 'server', key => 'server.key', ca => 'root', crl => undef, client => 'client', roots => 'root', %$changed);
	my %case = (
		cert => file($names{cert}, 'crt'), key => file($names{key}, 'key'), ca => file($names{ca}, 'crt'),
		crl => file($names{crl}, 'crl'), client => file($names{client}, 'crt'), roots => file($names{roots}, 'crt'));
	my $name = join ', ', map { "$_ " . ($changed->{$_} // 'none') } sort keys %$changed;

	my ($ours, $said) = our_answer(\%case);
	my $loader = $ours eq 'error' ? loader_answer(\%case) : '';
	my $failure = $loader ? {} : client_answers($ours eq 'error' ? $plain : $t, \%case);
	my $reality = $loader ? 'refused' : !%$failure ? 'works' : join(' ', keys %$failure) eq 'verify-full' ? 'names' : 'loads';

	like($ours, qr/^(?:$we_say)$/, "$name: we say '$we_say'") or diag $said if defined $we_say;
	$reality = 'elsewhere' if ($happens // '') eq 'elsewhere';
	like($reality, qr/^(?:$happens)$/, "$name: and it is '$happens'") or diag $loader, explain $failure if defined $happens;
	# whatever is expected above, these hold
	ok($ours ne 'ok' || $reality eq 'works', "$name: never 'ok' where somebody refuses") or diag explain $failure;
	ok($ours ne 'error' || $reality ne 'works', "$name: never refused what works for all") or diag $said;
	$counts{"$ours, $reality"}++;
}
note "$_: $counts{$_}" foreach sort keys %counts;

# Facts, as openssl prints them -------------------------------------------------

sub openssl_facts
{
	my ($pem) = @_;
	my %fact;
	my @names = ('-nameopt', 'RFC2253,utf8,-esc_msb');
	($fact{subject}) = openssl_ok('x509 -noout -subject', $pem, @names) =~ /^subject=(.*)$/m;
	($fact{issuer}) = openssl_ok('x509 -noout -issuer', $pem, @names) =~ /^issuer=(.*)$/m;
	($fact{serial}) = map { lc } openssl_ok('x509 -noout -serial', $pem) =~ /^serial=(.*)$/m;
	my $dates = openssl_ok('x509 -noout -dates', $pem);
	($fact{not_before}) = $dates =~ /notBefore=(.*?) GMT/;
	($fact{not_after}) = $dates =~ /notAfter=(.*?) GMT/;
	($fact{fingerprint}) = map { lc s/://gr } openssl_ok('x509 -noout -sha256 -fingerprint', $pem) =~ /=(.*)/;
	my $text = openssl_ok('x509 -noout -text', $pem);
	($fact{key_bits}) = $text =~ /Public-Key: \((\d+) bit\)/;
	$fact{key_bits} //= { ED25519 => 256, ED448 => 456 }->{ uc(($text =~ /Public Key Algorithm: (\w+)/)[0]) };
	delete $fact{key_bits} unless defined $fact{key_bits};    # of a DSA key OpenSSL 1.1.1 does not say it
	my ($algorithm) = $text =~ /Public Key Algorithm: (\S+)/;
	$fact{key_algorithm} = { rsaEncryption => 'RSA', rsassaPss => 'RSA-PSS', 'id-ecPublicKey' => 'EC', dsaEncryption => 'DSA' }->{$algorithm} // $algorithm;
	($fact{signature_algorithm}) = $text =~ /Signature Algorithm: (\S+)/;
	$fact{is_ca} = $text =~ /CA:TRUE/ ? 1 : 0;
	my ($san) = $text =~ /Subject Alternative Name:.*\n\s*(.*)/;
	$fact{dns_names} = [ ($san // '') =~ /DNS:([^,\s]+)/g ];
	$fact{ip_addresses} = [ ($san // '') =~ /IP Address:([^,\s]+)/g ];
	return \%fact;
}

subtest 'castssl_certificate_info' => sub {
	foreach my $name (qw(server rsa2048 rsapss p384 ed25519 rsa1024 expired y2050 y9999 nosan wildcard ip utf8 multi emptyname
		caleaf self root serial negative zero sha1 p521 k256 explicit ed448 dsa))
	{
		my $pem = slurp("$files/$name.crt");
		my $wanted = openssl_facts($pem);
		my $got = $t->rows('SELECT subject, issuer, serial, dns_names, ip_addresses, key_algorithm, key_bits, signature_algorithm,'
			  . ' is_ca, fingerprint,'
			  . " to_char(not_before AT TIME ZONE 'UTC', 'Mon FMDD HH24:MI:SS YYYY') AS not_before,"
			  . " to_char(not_after AT TIME ZONE 'UTC', 'Mon FMDD HH24:MI:SS YYYY') AS not_after,"
			  . ' self_signed FROM castssl_certificate_info(' . quote_text($pem) . ')')->[0];
		$_ = decode('UTF-8', $_) foreach @{$wanted}{qw(subject issuer)};
		foreach my $column (sort keys %$wanted)
		{
			my ($is, $should) = ($got->{$column}, $wanted->{$column});
			$should =~ s/ +/ /g unless ref $should;
			$should = undef if $column eq 'not_after' && $should eq 'Dec 31 23:59:59 9999';    # without an end
			$is = $is ? 1 : 0 if $column eq 'is_ca';
			# the same address, written in another way
			$should = [ map { $t->sql("SELECT host('$_'::inet)") } @$should ] if $column eq 'ip_addresses';
			is_deeply($is, $should, "$name: $column") or diag explain [ $is, $should ];
		}
		is($got->{self_signed} ? 1 : 0, $wanted->{subject} eq $wanted->{issuer} ? 1 : 0, "$name: self_signed");
	}
	my $infinite = $t->sql('SELECT not_after FROM castssl_certificate_info(' . quote_text(slurp("$files/y9999.crt")) . ')');
	is($infinite, '', 'a certificate without an end has none');
};

$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', cert_file => "$files/server.crt", key_file => "$files/server.key",
		ca_file => '', clientcert => 'none'),
	'55000', 'no CA while rules ask for certificates: everybody would be refused', hint => 1, detail => qr/pg_hba\.conf:\d+ asks/);

subtest 'castssl_certificates' => sub {
	my ($ours, $said) = our_answer({ cert => "$files/chain.crt", key => "$files/server.key", ca => "$files/ca-inter.crt", crl => "$files/both.crl" });
	is($ours, 'ok', 'a chain, two CAs and two CRLs') or diag $said;
	my $rows = $t->rows('SELECT * FROM castssl_certificates()');
	is_deeply([ map { "$_->{role} $_->{position}" } @$rows ], [ 'server 1', 'server 2', 'server 3', 'ca 1', 'ca 2', 'crl 1', 'crl 2' ],
		'each one, in order');
	is_deeply([ map { $_->{file_name} } @$rows ], [ map { "$files/$_" } ('chain.crt') x 3, ('ca-inter.crt') x 2, ('both.crl') x 2 ], 'of which file');
	my @pems = map { slurp("$files/$_") =~ /(-----BEGIN CERT.*?-----END CERTIFICATE-----\n)/gs } qw(chain.crt ca-inter.crt);
	is_deeply([ map { $_->{fingerprint} } @{$rows}[ 0 .. 4 ] ], [ map { openssl_facts($_)->{fingerprint} } @pems ], 'fingerprints');
	my @crls = slurp("$files/both.crl") =~ /(-----BEGIN X509 CRL.*?-----END X509 CRL-----\n)/gs;
	foreach my $i (0, 1)
	{
		my $row = $rows->[ 5 + $i ];
		my $shown = openssl_ok('crl -noout -issuer -lastupdate -nextupdate -nameopt RFC2253', $crls[$i]);
		is($row->{issuer}, $shown =~ /issuer=(.*)/ ? $1 : '', "CRL $i: issuer");
		foreach ([ not_before => 'lastUpdate' ], [ not_after => 'nextUpdate' ])
		{
			my ($column, $label) = @$_;
			my ($date) = $shown =~ /$label=(.*?) GMT/;
			is($t->sql("SELECT '$row->{$column}'::timestamptz = '$date UTC'::timestamptz"), 't', "CRL $i: $column");
		}
		my ($number) = openssl_ok('crl -noout -crlnumber', $crls[$i]) =~ /=(?:0x)?(\w+)/;
		is($row->{serial}, lc $number, "CRL $i: its number");
		is($row->{subject}, undef, "CRL $i: no subject");
		my ($fingerprint) = map { lc s/://gr } openssl_ok('crl -noout -sha256 -fingerprint', $crls[$i]) =~ /=(.*)/;
		is($row->{fingerprint}, $fingerprint, "CRL $i: fingerprint");
	}
};

done_testing();
