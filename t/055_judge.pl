# What the server would say of a client's certificate: on its own terms (ciphers, CRLs), in words that name
# what is wrong. Each answer is compared with a real login.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('judge', streaming => 1, hba => "local all all trust\nhostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n");
my $certificates = CastsslTest::test_certificates("$t->{folder}/certificates");

sub of
{
	my ($name) = @_;
	return $t->slurp("$certificates/$name");
}

sub explained
{
	my ($certificate) = @_;
	my $row = $t->rows('SELECT * FROM ' . CastsslTest::call('castssl_hba_explain', database => 'postgres',
			user_name => 'alice', address => '127.0.0.1', client_certificate => of("$certificate.crt")))->[0];
	return "$row->{verdict}: $row->{reason}";
}

# Logs in with that certificate and its key; an OpenSSL that would not even show it is told to.
sub login
{
	my ($certificate, $key, %options) = @_;
	my $folder = "$t->{folder}/login";
	mkdir $folder;
	$t->write("$folder/client.crt", of("$certificate.crt"));
	$t->write("$folder/client.key", of("$key.key"));
	chmod 0600, "$folder/client.key" or die $!;
	$t->write("$folder/openssl.cnf", "openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n[c]\n" . ($options{conf} // 'CipherString=DEFAULT@SECLEVEL=0') . "\n");
	my ($ok, $output) = CastsslOpenssl::connect_with(
		{ host => '127.0.0.1', port => $t->{node}->port, user => $options{user} // 'alice', dbname => 'postgres', sslmode => 'require',
			ssl_max_protocol_version => $options{newest} // 'TLSv1.3', sslcert => "$folder/client.crt", sslkey => "$folder/client.key", connect_timeout => 120 },
		$options{sql} // 'SELECT 1', HOME => $folder, OPENSSL_CONF => "$folder/openssl.cnf");
	return $ok ? 'in' : $output;
}

# The answer begins with the verdict, has what it should say, and the server agrees.
sub judged
{
	my ($name, $certificate, $key, $verdict, $says) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(explained($certificate), qr/^$verdict: .*$says/s, "$name: $verdict");
	($verdict eq 'accepted' ? \&is : \&isnt)->(login($certificate, $key), 'in', "$name: the server agrees");
	return;
}

$t->write($_, of($_)) foreach qw(server.crt server.key root.crt);
chmod 0600, $t->path('server.key') or die $!;
$t->sql(q{SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', force => true)});

# By hand: some of these castssl_enable() would refuse.
sub trust
{
	my ($ca) = @_;
	$t->write('root.crt', $ca);
	$t->reload;
	return;
}

subtest 'the ciphers of the server set the level of security' => sub {
	trust(of('root-rsa1024.crt'));
	judged('by default', 'client-rsa1024-root', 'client', 'refused', 'too (?:weak|small)');
	$t->sql(q{ALTER SYSTEM SET ssl_ciphers = 'DEFAULT@SECLEVEL=0'});
	$t->reload;
	judged('@SECLEVEL=0', 'client-rsa1024-root', 'client', 'accepted', 'the server accepts the one shown');
	$t->sql('ALTER SYSTEM RESET ssl_ciphers');
	$t->reload;
};

subtest 'reasons name what is wrong' => sub {
	trust(of('root.crt'));
	judged('a good one', 'client', 'client', 'accepted', '');
	judged('for servers alone', 'server', 'server', 'refused', 'extended key usage lacks clientAuth');
	judged('of an intermediate CA that is not sent', 'client-inter', 'client', 'refused',
		'its issuer "CN=Test Intermediate,O=Test" is not in the CA file, and the client does not send the issuer\'s certificate');
	judged('of an intermediate CA that is sent', 'client-chain', 'client', 'accepted', '');
	my $folder = "$t->{folder}/again";
	mkdir $folder;
	is(system("openssl req -x509 -new -key '$certificates/other.key' -subj '/O=Test/CN=Test Root' -days 30 -out '$folder/root.crt'"),
		0, 'another CA of that name');
	trust($t->slurp("$folder/root.crt"));
	judged('of a CA of the same name', 'client', 'client', 'refused', 'a CA "CN=Test Root,O=Test" is in the CA file, but another key signed');
};

SKIP:
{
	skip 'ssl_crl_dir came with 14', 1 if $t->sql('SHOW server_version_num') < 140000;
	subtest 'a directory of CRLs without the names that OpenSSL looks for' => sub {
		trust(of('root.crt'));
		my $folder = $t->path('crls of ours');
		mkdir $folder;
		$t->write("$folder/root.crl", of('root.crl'));
		$t->sql("ALTER SYSTEM SET ssl_crl_dir = '$folder'");
		$t->reload;
		judged('as it is', 'client', 'client', 'refused', 'the server has no CRL of "CN=Test Root,O=Test"');
		my ($finding) = grep { $_->{severity} eq 'error' } @{ $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'crl_parse'}) };
		my ($command) = ($finding->{hint} // '') =~ /, and run: (openssl rehash .*)$/;
		is(system($command // 'false'), 0, 'the hint is a command') or diag explain $finding;
		judged('as the hint has it', 'client', 'client', 'accepted', '');
		$t->sql("ALTER SYSTEM SET ssl_crl_dir = ''");
		$t->reload;
	};
}

# Whether the caller could come back is asked of the same judge.
subtest 'the caller is not locked out' => sub {
	trust(of('root.crt'));
	$t->sql('CREATE ROLE boss LOGIN SUPERUSER');
	my %boss = (user => 'boss');
	is(login('client', 'client', %boss), 'in', 'a superuser with a certificate of another name');
	like(login('client', 'client', %boss, sql => q{SELECT count(*) FROM castssl_enable(clientcert => 'verify-full')}),
		qr/would be refused afterwards.*"alice".*must be the user's name "boss"/s, 'verify-full: refused, with the name');
	is(login('client', 'client', %boss), 'in', 'and everything is as before');
	like(login('client', 'client', %boss, newest => 'TLSv1.2', sql => q{SELECT count(*) FROM castssl_enable(profile => 'modern')}),
		qr/would be refused afterwards.*TLSv1\.3 and later/s, 'TLS 1.2: the profile for TLS 1.3 is refused');
	is(login('client', 'client', %boss, newest => 'TLSv1.2'), 'in', 'and everything is as before');
	is(login('client', 'client', %boss, sql => q{SELECT count(*) FROM castssl_enable(profile => 'modern')}), 'in',
		'TLS 1.3: it is not');
	$t->disable;
	$t->sql(q{SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', force => true)});
};

subtest 'nor by ciphers and groups' => sub {
	my %boss = (user => 'boss', newest => 'TLSv1.2');
	my $groups = $t->sql('SHOW server_version_num') < 180000 ? 'ssl_ecdh_curve' : 'ssl_groups';
	my $apply = q{SELECT count(*) FROM castssl_enable(profile => 'intermediate')};
	my $plan = q{SELECT string_agg(target || ' ' || detail, E'\n') FROM castssl_enable(profile => 'intermediate', force => true, dry_run => true) WHERE result = 'warning'};
	my $cbc = 'CipherString=ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0';
	like(login('client', 'client', %boss, conf => $cbc, sql => $apply),
		qr/would be refused afterwards.*offers none of the ciphers that the server would accept \(ssl_ciphers\)/s, 'the caller offers a cipher that goes, alone');
	is(login('client', 'client', %boss, conf => $cbc), 'in', 'and everything is as before');
	$t->sql("ALTER SYSTEM SET $groups = 'secp384r1'");
	$t->reload;
	like(login('client', 'client', user => 'boss', conf => 'Groups=P-384', sql => $apply),
		qr/would be refused afterwards.*offers none of the groups that the server would accept \(prime256v1\)/s, 'a group that goes, alone')
	  if $groups eq 'ssl_ecdh_curve';
	{
		local $ENV{OPENSSL_CONF} = "$t->{folder}/login/openssl.cnf";
		my $certificate = "sslmode=require sslcert=$t->{folder}/login/client.crt sslkey=$t->{folder}/login/client.key";
		is(login('client', 'client', user => 'boss', conf => 'Groups=P-384'), 'in', 'a client of TLS 1.3');
		my $new = $t->session(user => 'boss', host => '127.0.0.1', database => "dbname=postgres $certificate");
		my $unknown = $t->sql($plan);
		$new->quit;
		$t->sql("ALTER SYSTEM RESET $groups");
		$t->reload;
		is(login('client', 'client', %boss, conf => $cbc), 'in', 'a client of TLS 1.2');
		my $old = $t->session(user => 'boss', host => '127.0.0.1', database => "dbname=postgres ssl_max_protocol_version=TLSv1.2 $certificate");
		like($t->sql($plan), qr/^session $old->{pid} .*would no longer accept \S+ \(ssl_ciphers\), and the client offered none of the others when it connected/m,
			'a live session with a cipher that goes is named');
		like($unknown, qr/^sessions nobody can know whether 1 live session could come back: $new->{pid} \(boss\)\.  The server would accept only the groups prime256v1/m,
			'and one of whose groups nobody knows')
		  if $groups eq 'ssl_ecdh_curve';
		$old->quit;
	}
	is(login('client', 'client', user => 'boss', sql => $apply), 'in', 'who offers others, too, may');
	$t->disable;
	$t->sql(q{SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', force => true)});
};

subtest 'maps that a change takes away' => sub {
	my $keep = "local postgres postgres trust\n";
	$t->write('pg_ident.conf', "web postgres boss\n");
	$t->set_hba("${keep}local all all peer map=web\nhostssl all all 127.0.0.1/32 cert map=web\n");
	is($t->sql('SELECT 1', user => 'boss'), 1, 'in by the map');
	$t->sql("SELECT castssl_hba_stage(\$\$${keep}local all all peer map=wbe\nhostssl all all 127.0.0.1/32 cert map=wbe\n\$\$)");
	is($t->sql(q{SELECT string_agg(change || ' ' || encryption || ' ' || "after", '; ' ORDER BY encryption) FROM castssl_hba_compare()}),
		'newly refused socket refused, because pg_ident.conf has no such map: peer map=wbe; '
		  . 'newly refused tls refused, because pg_ident.conf has no such map: cert map=wbe', 'compare: newly refused');
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'the caller is not locked out', psql => { user => 'boss' },
		detail => qr/pg_ident\.conf has no line of the map "wbe": it does not let the operating-system account "\w+" log in as "boss"/);
	$t->write('pg_ident.conf', "web postgres boss\nwbe nobody boss\n");
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'nor where the map is for others', psql => { user => 'boss' },
		detail => qr/No line of the map "wbe" in pg_ident\.conf lets the operating-system account "\w+" log in as "boss"/);
	$t->sql('SELECT castssl_hba_discard()');
};

# After the line: what is said of role, password and database is what a login gets. The role has the right
# password until the case changes something.
sub account
{
	my ($method, $sql, $verdict, $says, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($database, $replication, $before) = ($options{database} // 'postgres', $options{replication}, $options{before} // '');
	my $name = join ' ', $method, map { /(?:ROLE r|DATABASE closed) (.*)/ ? $1 : $_ } $sql || 'as it is';
	$name .= ", $_" foreach $database ne 'postgres' ? $database : (), $replication ? 'replication' : ();
	$t->sql(q{SET password_encryption = 'scram-sha-256'; CREATE ROLE r LOGIN PASSWORD 'wonderland'});
	$t->sql($_) foreach split /; /, $sql;
	$t->set_hba("local all all trust\nhost all,replication all 127.0.0.1/32 $method\n");
	my $row = $t->rows('SELECT * FROM ' . CastsslTest::call('castssl_hba_explain', database => $replication ? undef : $database, user_name => 'r',
			address => '127.0.0.1', encryption => 'none', replication => $replication ? 'true' : 'false'))->[0];
	like("$row->{verdict}: " . ($row->{reason} =~ s/\n.*//sr), qr/^$verdict: ${before}The first line that matches is line 2\..*$says$/, $name);
	my ($in, $output) = CastsslOpenssl::connect_with(
		{ host => '127.0.0.1', port => $t->{node}->port, user => 'r', sslmode => 'disable', connect_timeout => 120,
			$replication ? (replication => 'true') : (dbname => $database) },
		$replication ? 'IDENTIFY_SYSTEM' : 'SELECT 1');
	is($in ? 'in' : 'refused', $row->{verdict} eq 'refused' ? 'refused' : 'in', "$name: the server agrees") or diag $output;
	$t->sql('ALTER DATABASE closed ALLOW_CONNECTIONS true CONNECTION LIMIT -1; DROP ROLE IF EXISTS r');
	return;
}

subtest 'role, password and database' => sub {
	$t->sql('CREATE DATABASE closed');
	$t->sql('REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
	my $super = 'ALTER ROLE r SUPERUSER; ';
	my $md5 = q{SET password_encryption = 'md5'};
	my @scram = ('scram-sha-256');
	my %closed = (database => 'closed');
	my $granted = 'GRANT CONNECT ON DATABASE closed TO r; ';
	my $revoked = 'REVOKE CONNECT ON DATABASE closed FROM r';

	account(@scram, '', 'authenticate', 'decides\.');
	account(@$_, 'DROP ROLE r', 'refused', 'There is no role "r"\.') foreach \@scram, ['trust'];
	account(@$_, 'ALTER ROLE r NOLOGIN', 'refused', 'The role "r" may not log in \(NOLOGIN\)\.') foreach \@scram, ['trust'];
	foreach my $method (qw(scram-sha-256 md5 password))
	{
		account($method, 'ALTER ROLE r PASSWORD NULL', 'refused', 'No password is stored for the role "r"\.');
		account($method, q{ALTER ROLE r VALID UNTIL '2001-02-03 00:00+00'}, 'refused', 'The password of the role "r" was valid until 2001-02-0.*\.');
		account($method, q{UPDATE pg_authid SET rolpassword = 'none' WHERE rolname = 'r'}, 'refused', 'has a format that the server does not know\.');
		account($method, q{ALTER ROLE r VALID UNTIL '2101-02-03'}, 'authenticate', 'decides\.');
	}
	account('trust', 'ALTER ROLE r PASSWORD NULL', 'accepted', '\(trust\)\.');
	account('trust', q{ALTER ROLE r VALID UNTIL '2001-02-03'}, 'accepted', '\(trust\)\.');
	$t->sql('CREATE FUNCTION stored_as_md5() RETURNS void LANGUAGE plpgsql AS $$ BEGIN '
		  . q{PERFORM set_config('password_encryption', 'md5', true); ALTER ROLE r PASSWORD 'wonderland'; END $$});
	account(@scram, 'SELECT FROM stored_as_md5()', 'refused', 'is stored as MD5, which scram-sha-256 does not accept: .*\.');
	account($_, 'SELECT FROM stored_as_md5()', 'authenticate', 'decides\.') foreach qw(md5 password);

	account('trust', 'ALTER ROLE r CONNECTION LIMIT 0', 'refused', 'The role "r" may not have a connection \(CONNECTION LIMIT 0\)\.');
	account('trust', "${super}ALTER ROLE r CONNECTION LIMIT 0", 'accepted', '\(trust\)\.');
	account('trust', '', 'refused', 'There is no database "nowhere"\.', database => 'nowhere');
	account('trust', '', 'refused', 'The role "r" has no CONNECT privilege on the database "closed"\.', %closed);
	account('trust', $super, 'accepted', '\(trust\)\.', %closed);
	account('trust', "${super}ALTER DATABASE closed ALLOW_CONNECTIONS false", 'refused',
		'The database "closed" accepts no connections \(ALLOW_CONNECTIONS false\)\.', %closed);
	$t->sql('GRANT CONNECT ON DATABASE closed TO PUBLIC');
	account('trust', '', 'accepted', '\(trust\)\.', %closed);
	account('trust', 'ALTER DATABASE closed CONNECTION LIMIT 0', 'refused', 'The database "closed" may not have a connection \(CONNECTION LIMIT 0\)\.',
		%closed);
	account('trust', "${super}ALTER DATABASE closed CONNECTION LIMIT 0", 'accepted', '\(trust\)\.', %closed);
	account('trust', '', 'refused', 'The role "r" may not replicate \(NOREPLICATION\)\.', replication => 1);
	account('trust', 'ALTER ROLE r REPLICATION', 'accepted', '\(trust\)\.', replication => 1);
	account('trust', $super, 'accepted', '\(trust\)\.', replication => 1);
	# up to a minor release of each major the limit binds walsenders: the server knows
	account('trust', 'ALTER ROLE r REPLICATION CONNECTION LIMIT 0', '(?:accepted|refused)', '\((?:trust|CONNECTION LIMIT 0)\)\.', replication => 1);
	$t->sql('ALTER SYSTEM SET max_wal_senders = 0');
	$t->restart;
	account('trust', $super, 'refused', '', replication => 1, before => 'The server accepts no replication \\(max_wal_senders = 0\\)\\. ');
	$t->sql('ALTER SYSTEM RESET max_wal_senders');
	$t->restart;
	$t->sql(q{UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'closed'});
	my $broken = $t->rows(q{SELECT * FROM castssl_hba_explain('closed', 'alice', '127.0.0.1', 'none')})->[0];
	like("$broken->{verdict}: $broken->{reason}", qr/^refused: .*The database "closed" is broken: a DROP DATABASE of it was interrupted\.$/m, 'broken');
	my ($in) = $t->client(database => 'closed', sslmode => 'disable');
	ok(!$in, 'broken: the server agrees');

	# what is stored as a password is for superusers alone
	$t->set_hba("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
	$t->sql('CREATE ROLE r LOGIN; CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
	my $explain = q{SELECT verdict, reason FROM castssl_hba_explain('postgres', 'r', '127.0.0.1', 'none')};
	like($t->sql($explain), qr/^refused\|.*No password is stored/, 'a superuser is shown that there is no password');
	like($t->sql($explain, user => 'watcher'), qr/^authenticate\|.*Only superusers can see whether a suitable password is stored for the role "r"\.$/m,
		'others are not');
	$t->sql(q{ALTER ROLE r VALID UNTIL '2001-02-03'});
	like($t->sql($explain, user => 'watcher'), qr/^refused\|.*was valid until/, 'VALID UNTIL everybody may see');
	$t->set_hba("local all all trust\nhostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n");
};

subtest 'passwords stored as MD5' => sub {
	my $keep = "local all all trust\nhost all own_line 127.0.0.1/32 md5\n";
	my ($md5, $scram) = map { "${keep}host all all 127.0.0.1/32 $_\n" } qw(md5 scram-sha-256);
	$t->sql("CREATE ROLE $_ LOGIN") foreach qw(old own_line idle);
	$t->sql("SET password_encryption = 'md5'; ALTER ROLE old PASSWORD 'wonderland'; ALTER ROLE own_line PASSWORD 'wonderland'; "
		  . "ALTER ROLE idle NOLOGIN PASSWORD 'x'");
	$t->set_hba($md5);
	my @plain = (sslmode => 'disable');
	$t->in("$_, before", user => $_, @plain) foreach qw(old own_line alice);
	my $named = 'The passwords of these roles are stored as MD5:';
	my %refused = (message => qr/scram-sha-256 would refuse some roles, because their passwords are stored as MD5/, hint => qr/^Set their passwords again/, constraint => 'castssl_would_cut_off');
	my (undef, undef, $err) = $t->psql('SELECT castssl_hba_change(3, $$host all all 127.0.0.1/32 scram-sha-256$$)');
	like($err, qr/NOTICE: .*\nDETAIL:  $named "old"\.$/m, 'the edit names who cannot use it, and nobody else');
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'it is not applied', %refused, detail => qr/^$named "old"\.$/);
	$t->sql('GRANT EXECUTE ON FUNCTION castssl_hba_apply TO bob');
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'nor by others', %refused, detail => qr/^Only superusers can see which roles these are\.$/,
		psql => { user => 'bob' });
	my ($row) = grep { $_->{target} eq 'scram-sha-256' } @{ $t->rows(q{SELECT * FROM castssl_hba_apply(confirm_within => '10 min')}) };
	like("$row->{result}: $row->{detail}", qr/^warning: .*$named "old"\.$/, 'undone unless confirmed: applied, with a row');
	$t->out('old, afterwards', qr/password authentication failed/, user => 'old', @plain);
	$t->in("$_, afterwards", user => $_, @plain) foreach qw(own_line alice);
	$t->sql('SELECT * FROM castssl_rollback()');
	is($t->hba, $md5, 'taken back');
	$t->fails(q{SELECT * FROM castssl_enable(auth_method => 'scram-sha-256', clientcert => 'none')}, '55000', 'castssl_enable(auth_method)', %refused,
		detail => qr/^$named "old", "own_line"\.$/);
	$t->sql("ALTER ROLE old VALID UNTIL '2001-02-03'; SET password_encryption = 'scram-sha-256'; ALTER ROLE own_line PASSWORD 'wonderland'");
	like($t->sql(q{SELECT string_agg(action, ' ') FROM castssl_enable(auth_method => 'scram-sha-256', clientcert => 'none')}), qr/reload/,
		'nobody is left');
	$t->in('own_line comes by scram-sha-256', user => 'own_line', sslmode => 'require', sslrootcert => "$t->{folder}/none", encrypted => 't');
	$t->set_hba($scram);
};

subtest 'trust where proof was asked for' => sub {
	my ($asks, $trusts) = map { "local all all trust\nhost all all 127.0.0.1/32 $_\n" } qw(scram-sha-256 trust);
	$t->set_hba($asks);
	$t->sql("SELECT castssl_hba_stage(\$\$$trusts\$\$)");
	is($t->sql('SELECT DISTINCT change FROM castssl_hba_compare()'), 'admitted without proof', 'castssl_hba_compare');
	my %refused = (message => qr/would be admitted without proof/, detail => qr/address 127\.0\.0\.1\/32.*: scram-sha-256 before, trust afterwards/,
		constraint => 'castssl_without_proof');
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'not without force', %refused,
		hint => qr/^Look at SELECT \* FROM castssl_hba_compare\(\); before you apply the staged edits\.  To have it undone unless .*: SELECT \* FROM castssl_hba_apply\(confirm_within => '10 min'\);/);
	my $rows = $t->rows('SELECT * FROM castssl_hba_apply(force => true)');
	is_deeply([ map { $_->{result} } grep { $_->{target} eq 'admitted without proof' } @$rows ], [ ('warning') x 2 ], 'with force: a row for each channel')
	  or diag explain $rows;
	$t->sql("SELECT castssl_hba_stage(\$\$$asks\$\$)");
	$t->sql(q{SET password_encryption = 'scram-sha-256'; ALTER ROLE postgres PASSWORD 'wonderland'});
	$t->sql('SELECT * FROM castssl_hba_apply()');
	$t->fails($CastsslTest::back, '55000', 'taking back admits nobody either', %refused,
		hint => qr/^To do it anyway: SELECT \* FROM castssl_rollback\(change_id => \d+, force => true\);$/);
	is($t->hba, $asks, 'and nothing has changed');
	$t->sql($CastsslTest::back_by_force);
	is($t->hba, $trusts, 'with force it is taken back');
};

subtest 'a delta CRL alone is no CRL' => sub {
	$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', clientcert => 'verify-ca', crl_file => "$certificates/delta.crl", dry_run => 'true'),
		'F0000', 'refused', message => qr/the only CRL for .* is a delta CRL/, hint => qr/Append the full CRL/);
};

subtest 'a CA whose signatures have no hash' => sub {
	my (undef, undef, $err) = $t->psql(q{SELECT castssl_create_ca(common_name => 'Ed', key_type => 'ed25519')});
	like($err, qr/WARNING:.*cannot use servers of this CA.*channel binding/s, 'is warned of when it is made');
	my $row = $t->sql(q{SELECT castssl_sign(request => castssl_csr(common_name => 'db', dns_names => '{localhost}'), purpose => 'server')});
	my ($warning) = grep { $_->{result} eq 'warning' && $_->{detail} =~ /SCRAM/ }
	  @{ $t->rows("SELECT * FROM castssl_install(certificate => \$\$$row\$\$, force => true)") };
	ok($warning, 'and when a certificate of it is installed');
};

done_testing();
