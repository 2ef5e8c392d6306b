# Replacing the CA of the clients in two steps, and what is said about who would be left behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslOpenssl qw(openssl_ok slurp spew);
use Test::More;

my $pki = CastsslTest::pki();
my $t = CastsslTest->new('rotation');
my ($old, $new) = map { slurp($pki->path($_)) } qw(root.crt other-root.crt);
my $bundle = "$old$new";

# alice has certificates of both CAs, bob one of the old CA.
sub install
{
	my (%arguments) = @_;
	return $t->rows('SELECT * FROM ' . CastsslTest::call('castssl_install', %arguments));
}

# What is said of the clients: that the server's own issuer is in no file is another matter.
sub warnings
{
	my ($steps) = @_;
	return grep { !/is not in a file of the server/ }
	  map { "$_->{target}: $_->{detail}" } grep { $_->{result} eq 'warning' } @$steps;
}

sub is_in
{
	my ($name, %expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $cert (sort keys %expected)
	{
		my ($user) = $cert =~ /^(\w+)/;
		my @client = (user => $user, cert => $cert, sslmode => 'verify-full');
		if ($expected{$cert}) { $t->in("$name: $cert is in", @client, encrypted => 't') }
		else { $t->out("$name: $cert is refused", qr/unknown ca|certificate (verify failed|revoked)/, @client) }
	}
	return;
}

# A live session over TLS with a certificate of the PKI, or with given files.
sub live
{
	my ($user, $cert, %files) = @_;
	my ($crt, $key) = ($files{cert} // $pki->path("$cert.crt"), $files{key} // $pki->path("$cert.key"));
	my $live = { in => "SELECT 'pid ' || pg_backend_pid();\n", out => '' };
	local $ENV{PGPASSWORD} = 'wonderland';
	$live->{run} = IPC::Run::start(
		[
			'psql', '-XqAtw', '-d',
			"host=localhost hostaddr=127.0.0.1 port=${\$t->{node}->port} user=$user dbname=postgres sslmode=verify-ca "
			  . "sslrootcert=${\$pki->path('root.crt')} sslcert=$crt sslkey=$key"
		],
		'<', \$live->{in}, '>', \$live->{out}, '2>&1', IPC::Run::timeout(1800));
	$live->{run}->pump until $live->{out} =~ /pid \d+\n/ || !$live->{run}->pumpable;
	($live->{pid}) = $live->{out} =~ /pid (\d+)/ or die $live->{out};
	return $live;
}

sub quit
{
	my ($live) = @_;
	$live->{in} .= "\\q\n";
	$live->{run}->finish;
	# the process is gone from the views a little later
	$t->{node}->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $live->{pid}");
	return;
}

$t->enable(source_dir => $t->{source}, clientcert => 'verify-full');
is_in('the old CA alone', alice => 1, 'alice-other' => 0);

subtest 'both are trusted' => sub {
	my $steps = install(ca => $bundle);
	my @warnings = warnings($steps);
	is(@warnings, 1, 'one warning') or diag explain \@warnings;
	like($warnings[0], qr{^root\.crt: 2 CAs are trusted}, 'both are trusted');
	like($warnings[0], qr/No live session showed a certificate of /, 'and nobody is connected with the old one');
	is_in('both', alice => 1, bob => 1, 'alice-other' => 1);

	my $again = install(ca => $bundle);
	is_deeply([ map { $_->{code} } grep { $_->{result} ne 'unchanged' } @$again ], ['ca_rotation'], 'the same call again: all else is unchanged');
	like((warnings($again))[0], qr/2 CAs are trusted/, 'and the same is said');
};

# Of two CAs made within the same second, the last one in the file counts as the newer one.
my ($old_name, $new_name) = map { qr/CN=castssl test \Q$_\E\b/ } qw(root other-root);
my $alice = live('alice', 'alice');
my $bob = live('bob', 'bob');
my $moved = live('alice', 'alice-other');

subtest 'live sessions of the old CA are named' => sub {
	my @warnings = warnings(install(ca => "$bundle\n", dry_run => 'true'));
	is(@warnings, 1, 'one warning') or diag explain \@warnings;
	like($warnings[0], qr/the newest is $new_name/, 'the new CA is the newest');
	like($warnings[0], qr/2 live sessions showed a certificate of $old_name: $alice->{pid} \(alice\), $bob->{pid} \(bob\)\./,
		'the old one\'s sessions are named');
	unlike($warnings[0], qr/\b$moved->{pid}\b/, 'the new one\'s are not');
	my $finding = $t->rows("SELECT * FROM castssl_check() WHERE check_name = 'ca_rotation'")->[0];
	is($finding->{severity}, 'warning', 'castssl_check says so, too');
	like($finding->{message}, qr/\b$alice->{pid} \(alice\)/, 'and names them');
};

subtest 'dropping a CA that is in use' => sub {
	$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_install', ca => $new), '55000', 'nobody is cut off by accident',
		message => qr/^2 live sessions could come back only in plaintext$/, constraint => 'castssl_would_cut_off',
		detail => qr/^User "alice", database "postgres", from 127\.0\.0\.1, over TLS, with a client certificate: .*$old_name, which would not be trusted any longer\. .*It would be admitted in plaintext, and most drivers then use plaintext/m,
		hint => qr/confirm_within => '10 min'/);
	my @warnings = warnings(install(ca => $new, dry_run => 'true', force => 'true'));
	is(@warnings, 2, 'a warning for each live session of it') or diag explain \@warnings;
	like($warnings[0], qr/^session $alice->{pid}: .*"alice".* could come back only in plaintext.*$old_name, which would not be trusted any longer\./, 'alice');
	like($warnings[1], qr/^session $bob->{pid}: .*"bob".* could come back only in plaintext.*$old_name, which would not be trusted any longer\./, 'bob');
	is_in('a dry run drops nothing', alice => 1, 'alice-other' => 1);

	@warnings = warnings(install(ca => $new, confirm_within => '1 hour'));
	is(@warnings, 2, 'done, with the same warnings');
	is_in('the new CA alone', alice => 0, bob => 0, 'alice-other' => 1);
	my @back = warnings($t->back);
	like("@back", qr/2 CAs are trusted/, 'rolled back: a warning that both are trusted');
	is_in('rolled back', alice => 1, 'alice-other' => 1);

	# the other way round: whoever is new loses
	@warnings = warnings(install(ca => $old, dry_run => 'true', force => 'true'));
	is(@warnings, 1, 'one session of the new CA') or diag explain \@warnings;
	like($warnings[0], qr/^session $moved->{pid}: .*$new_name/, 'is named');
};

subtest 'dropping a CA that nobody uses any more' => sub {
	quit($_) foreach $alice, $bob;
	my $finding = $t->rows("SELECT * FROM castssl_check() WHERE check_name = 'ca_rotation'")->[0];
	is($finding->{severity}, 'info', 'castssl_check: no warning');
	like($finding->{message}, qr/No live session showed a certificate of $old_name/, 'but that it can be dropped');
	is_deeply([ warnings(install(ca => $new)) ], [], 'dropped without a warning');
	is_in('the new CA alone', alice => 0, 'alice-other' => 1);
	is($t->sql("SELECT severity FROM castssl_check(include_ok => true) WHERE check_name = 'ca_rotation'"), 'ok', 'castssl_check: nothing to say');
};

subtest 'the caller is among those who lose' => sub {
	$t->sql('GRANT EXECUTE ON FUNCTION castssl_install(text, text, text, text, interval, boolean, boolean) TO alice');
	my @me = (cert => 'alice-other', sslmode => 'verify-full');
	$t->out('needs confirm_within or force', qr/a connection like this one would be refused afterwards, or be in plaintext.*unable to get/s,
		@me, sql => 'SELECT * FROM ' . CastsslTest::call('castssl_install', ca => $old));
	is_in('nothing has changed', alice => 0, 'alice-other' => 1);
	$t->in('with confirm_within it may', @me,
		sql => 'SELECT count(*) FROM ' . CastsslTest::call('castssl_install', ca => $old, confirm_within => '1 hour'));
	is_in('done', alice => 1, 'alice-other' => 0);
	$t->back;
	is_in('and taken back', alice => 0, 'alice-other' => 1);
};

subtest 'names that are the same' => sub {
	# a CA whose certificate is renewed with its key is the same CA
	$pki->openssl('req', '-x509', '-new', '-config', 'openssl.cnf', '-key', 'other-root.key', '-subj',
		'/CN=castssl test other-root', '-days', '700', '-out', 'other-root-renewed.crt');
	is_deeply([ warnings(install(ca => slurp($pki->path('other-root-renewed.crt')), dry_run => 'true')) ], [],
		'the CA\'s own new certificate, with the same key: nobody loses');

	# another key under the same name: nobody can tell
	$pki->key('same-name');
	$pki->openssl('req', '-x509', '-new', '-config', 'openssl.cnf', '-key', 'same-name.key', '-subj',
		'/CN=castssl test other-root', '-days', '700', '-out', 'same-name.crt');
	my @warnings = warnings(install(ca => slurp($pki->path('same-name.crt')), dry_run => 'true'));
	is(@warnings, 1, 'another CA of the same name: a warning');
	like($warnings[0], qr/^sessions: .*nobody can know .*: $moved->{pid} .*One CA of that name stays and one is dropped/, 'that it cannot be seen');
	@warnings = warnings(install(ca => $new . slurp($pki->path('same-name.crt')), dry_run => 'true'));
	like($warnings[0], qr/$moved->{pid} \(alice\) \(or of another CA with that name\)/, 'both: it cannot be seen either');
	quit($moved);
};

subtest 'names that are cut' => sub {
	# pg_stat_ssl shows 63 bytes
	my $long = '/O=' . 'An organization with a name that is rather long, as they are' . '/CN=';
	foreach my $n (1, 2)
	{
		$pki->key("long$n");
		$pki->openssl('req', '-x509', '-new', '-config', 'openssl.cnf', '-key', "long$n.key", '-subj',
			"${long}CA $n", '-days', '700', '-out', "long$n.crt");
	}
	$pki->certificate('alice-long', 'long1', '/CN=alice', 'client', -1, 90);
	my ($one, $two) = map { slurp($pki->path("long$_.crt")) } 1, 2;
	install(ca => $one);
	my $session = live('alice', 'alice-long');
	is(length $t->sql("SELECT issuer_dn FROM pg_stat_ssl WHERE pid = $session->{pid}"), 63, 'the name is cut');
	my @warnings = warnings(install(ca => $new, dry_run => 'true', force => 'true'));
	like("@warnings", qr/^session $session->{pid}: .* could come back only in plaintext.*CN=CA 1,/, 'and known all the same');
	@warnings = warnings(install(ca => $two, dry_run => 'true'));
	like("@warnings", qr/^sessions: .*nobody can know .*: $session->{pid} .*One CA of that name stays and one is dropped/, 'unless another one is cut to the same');
	quit($session);
};

subtest 'intermediate CAs' => sub {
	spew($pki->path('inter.ext'), "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n");
	spew($pki->path('client.ext'), "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n");
	$pki->key('inter');
	$pki->key('alice-inter');
	$pki->openssl('req', '-new', '-config', 'openssl.cnf', '-key', 'inter.key', '-subj', '/CN=intermediate', '-out', 'inter.csr');
	$pki->openssl('x509', '-req', '-in', 'inter.csr', '-CA', 'root.crt', '-CAkey', 'root.key', '-set_serial', '77',
		'-days', '90', '-extfile', 'inter.ext', '-out', 'inter.crt');
	$pki->openssl('req', '-new', '-config', 'openssl.cnf', '-key', 'alice-inter.key', '-subj', '/CN=alice', '-out', 'alice-inter.csr');
	$pki->openssl('x509', '-req', '-in', 'alice-inter.csr', '-CA', 'inter.crt', '-CAkey', 'inter.key', '-set_serial', '78',
		'-days', '90', '-extfile', 'client.ext', '-out', 'alice-inter.crt');
	my $inter = slurp($pki->path('inter.crt'));
	my $chain = spew("$t->{folder}/chain.crt", slurp($pki->path('alice-inter.crt')) . $inter);

	install(ca => "$old$inter");
	my $session = live('alice', 'alice-inter');
	my @warnings = warnings(install(ca => "$inter$bundle", dry_run => 'true'));
	like("@warnings", qr/1 live session showed a certificate of $old_name: $session->{pid} \(alice\)/,
		'a session of an intermediate CA counts for its root');
	@warnings = warnings(install(ca => $old, dry_run => 'true'));
	like("@warnings", qr/^sessions: nobody can know whether 1 live session could come back: $session->{pid} \(alice\)\. .*CN=intermediate,.*only if its client also sends the certificate of that CA/,
		'dropping an intermediate alone');
	quit($session);

	install(ca => $old);
	$session = live('alice', undef, cert => $chain, key => $pki->path('alice-inter.key'));
	@warnings = warnings(install(ca => $new, dry_run => 'true'));
	like("@warnings", qr/^sessions: nobody can know whether 1 live session could come back: $session->{pid} \(alice\)\. .*an intermediate CA that is in no file of the server/,
		'an intermediate that clients send: it cannot be known');
	@warnings = warnings(install(ca => $bundle, dry_run => 'true'));
	like("@warnings", qr/1 live session showed a certificate of an intermediate CA that is not in the CA file: $session->{pid} \(alice\)\. .*Nobody can know whether a live session needs $old_name\./,
		'nor whether the old CA is needed');
	unlike("@warnings", qr/No live session/, 'which is not called unused');
	like($t->sql(q{SELECT string_agg(message, ' ') FROM castssl_check() WHERE check_name = 'sessions_ca'}),
		qr/only if the issuer is an intermediate CA and they send its certificate, too/, 'nor by castssl_check');
	quit($session);
};

subtest 'what is above an intermediate CA' => sub {
	my $issue = sub {
		my ($name, $subject, $issuer, $serial, $extensions) = @_;
		$pki->key($name);
		$pki->openssl('req', '-new', '-config', 'openssl.cnf', '-key', "$name.key", '-subj', $subject, '-out', "$name.csr");
		$pki->openssl('x509', '-req', '-in', "$name.csr", '-CA', "$issuer.crt", '-CAkey', "$issuer.key", '-set_serial', $serial,
			'-days', '90', '-extfile', "$extensions.ext", '-out', "$name.crt");
		return slurp($pki->path("$name.crt"));
	};
	my $inter = slurp($pki->path('inter.crt'));
	my $lower = $issue->('lower', '/CN=lower', 'inter', 79, 'inter');
	$issue->('alice-lower', '/CN=alice', 'lower', 80, 'client');
	my $refused = sub {
		my ($live, $cert, $detail, $name, %arguments) = @_;
		$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_install', %arguments), '55000', $name, constraint => 'castssl_would_cut_off', detail => $detail);
		like(join(' ', warnings(install(%arguments, dry_run => 'true', force => 'true'))), qr/session $live->{pid}: .*$detail/, "$name: a row");
		install(%arguments, confirm_within => '1 hour');
		is_in($name, $cert => 0);
		$t->back;
	};

	install(ca => "$old$inter$lower");
	is_in('at first', 'alice-inter' => 1, 'alice-lower' => 1);
	my $session = live('alice', 'alice-inter');
	$refused->($session, 'alice-inter', qr/by CN=intermediate, and no chain would lead from there to a root in the CA file any longer\./, 'it stays, and its root goes', ca => "$inter$new");
	is_deeply([ grep { /cannot be known|come back/ } warnings(install(ca => "$old$inter$new", dry_run => 'true')) ], [], 'a root that is added');
	foreach my $ca ('root', 'inter', 'lower')
	{
		$pki->openssl('ca', '-config', 'openssl.cnf', '-revoke', 'inter.crt', '-cert', 'root.crt', '-keyfile', 'root.key') if $ca eq 'root';
		$pki->openssl('ca', '-config', 'openssl.cnf', '-gencrl', '-crldays', '30', '-cert', "$ca.crt", '-keyfile', "$ca.key", '-out', "$ca-above.crl");
	}
	$refused->($session, 'alice-inter', qr/A CRL revokes the CA that issued its certificate, or one above that\. The handshake fails/, 'a CRL revokes it',
		crl => join '', map { slurp($pki->path("$_-above.crl")) } qw(root inter lower));
	quit($session);

	$session = live('alice', 'alice-lower');
	$refused->($session, 'alice-lower', qr/by CN=lower, and no chain/, 'two below their root', ca => "$lower$inter$new");
	$refused->($session, 'alice-lower', qr/by CN=lower, and no chain/, 'what is between them goes', ca => "$old$lower");
	quit($session);

	# what is above a CA of the file is looked for in the file, so that the client's own copy is of no use
	spew($pki->path('alice-lower.crt'), slurp($pki->path('alice-lower.crt')) . $lower . $inter);
	$session = live('alice', 'alice-lower');
	$refused->($session, 'alice-lower', qr/by CN=lower, and no chain/, 'its client sends what is between', ca => "$old$lower");
	install(ca => $old, force => 'true');
	is_in('sent, and in no file', 'alice-lower' => 1);
	$refused->($session, 'alice-lower', qr/by CN=lower, and no chain/, 'a CA that is added without its own', ca => "$old$lower");
	quit($session);
	install(ca => $old, force => 'true');
};

subtest 'a CA file that was replaced in place, and is not loaded' => sub {
	my $file = $t->status->{ca_file};
	my $session = live('alice', 'alice');
	my $stays = live('alice', 'alice');
	my %lost = (constraint => 'castssl_would_cut_off', message => qr/^2 live sessions could come back only in plaintext$/,
		detail => qr/Its certificate was issued by "\/CN=castssl test root", which is no longer in the CA file: the file was written after the server had loaded it\./);
	spew($file, $new);
	$t->fails('SELECT * FROM castssl_enable()', '55000', 'castssl_enable() would load it', %lost);
	$t->sql(q{SELECT castssl_hba_add('local', '{app}', '{all}', NULL, 'reject', before_line => 1)});
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'castssl_hba_apply() would, too', %lost);
	$t->sql('SELECT castssl_hba_discard()');
	is_in('so far', alice => 1);

	# the same CAs, written anew
	spew($file, "# renewed\n$old");
	my @said = map { "$_->{code} $_->{detail}" } grep { $_->{result} eq 'warning' } @{ $t->rows('SELECT * FROM castssl_enable()') };
	is_deeply([ grep { /^session_cut_off/ } @said ], [], 'written anew: nobody loses');
	is(scalar(grep { /^session_unknown .*nobody can know whether the CA of that name is the same/ } @said), 1, 'but whether its key is the same nobody can say') or diag explain \@said;
	quit($_) foreach $session, $stays;
	spew($file, $old);
	$t->reload;
};

subtest 'many CAs, as a system has them' => sub {
	my @cas = map { $pki->key("many$_");
		$pki->openssl('req', '-x509', '-new', '-config', 'openssl.cnf', '-key', "many$_.key", '-subj', "/CN=many $_",
			'-days', '99', '-out', "many$_.crt");
		slurp($pki->path("many$_.crt")) } 1 .. 10;
	my @warnings = warnings(install(ca => join('', $old, @cas), dry_run => 'true'));
	is(@warnings, 1, 'one warning');
	cmp_ok(length $warnings[0], '<', 1000, 'that can be read');
};

subtest 'a CA that waits, and the CRL in use' => sub {
	install(ca => $old, crl => slurp($pki->path('root-above.crl')));
	my $hba = $t->hba;
	$t->set_hba("local all postgres trust\nhostssl all all 127.0.0.1/32 cert\n");
	is_in('before', alice => 1);
	spew("$t->{data}/root.crt", $new);
	my ($row) = @{ $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'served_matches_disk'}) };
	is($row->{fix}, undef, 'a reload is no fix where the two do not fit together');
	like($row->{hint}, qr/^First repair this file: .*root\.crl: /, 'and the hint says what is wrong');
	my ($reload) = @{ $t->rows('SELECT * FROM castssl_reload()') };
	ok(!$reload->{reloaded}, 'castssl_reload() does not');
	like($reload->{problem}, qr/^not reloaded, because this would take effect: .*root\.crl: /, 'and says so');
	is_in('still', alice => 1);
	spew("$t->{data}/root.crt", $old);
	is($t->sql('SELECT problem FROM castssl_reload()'), '', 'the CA is put right: typed, it reloads');
	is_in('and', alice => 1);
	$t->sql("SELECT count(*) FROM castssl_enable(crl_file => '')");
	$t->set_hba($hba);
};

# --- a CA beside the new certificate, where clients are checked against another one

subtest 'a CA that lies apart from the certificate' => sub {
	install(ca => $old);
	my $apart = "$t->{folder}/clients";
	mkdir $apart or die $!;
	spew("$apart/clients.crt", $new);
	$t->sql("ALTER SYSTEM SET ssl_ca_file = '$apart/clients.crt'");
	$t->reload;
	is_in('clients have a CA of their own', alice => 0, 'alice-other' => 1);
	my $renewed = $pki->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	my $coded = sub {
		my ($steps) = @_;
		return map { "$_->{code}: $_->{target}" } grep { ($_->{code} // '') =~ /^ca_/ } @$steps;
	};

	my $steps = $t->enable(source_dir => $renewed);
	is_deeply([ $coded->($steps) ], ['ca_left: root.crt'], 'a renewal leaves it, and says so');
	is($t->sql('SHOW ssl_ca_file'), "$apart/clients.crt", 'the parameter stays');
	is($t->served, $pki->fingerprint('server-renewed.crt'), 'the certificate is new');
	is_in('as before', alice => 0, 'alice-other' => 1);
	my ($argument) = map { $_->{detail} =~ /To install it: (ca_file => '[^']+')$/ } grep { ($_->{code} // '') eq 'ca_left' } @$steps;
	my ($ok, undef, $err) = $t->psql("SELECT * FROM castssl_enable(source_dir => '$renewed', $argument)");
	ok($ok, "typed: $argument") or diag $err;
	is($t->sql('SHOW ssl_ca_file'), 'root.crt', 'then it is taken');
	is_in('asked for', alice => 1, 'alice-other' => 0);

	# the same CA in another file
	spew("$apart/clients.crt", "# the CA of our clients\n$old");
	$t->sql("ALTER SYSTEM SET ssl_ca_file = '$apart/clients.crt'");
	$t->reload;
	is_deeply([ $coded->($t->enable(source_dir => $t->{source})) ], [], 'the same CA: taken');
	is($t->sql('SHOW ssl_ca_file'), 'root.crt', 'with the set');

	# beside the certificate it goes with it
	my $other = $pki->source("$t->{folder}/other", 'root.crt' => 'other-root.crt');
	$steps = $t->enable(source_dir => $other);
	is_deeply([ $coded->($steps) ], ['ca_rotation: root.crt'], 'a set with another CA replaces the one beside the certificate, and says so');
	like(join(' ', map { $_->{detail} // '' } @$steps), qr/client certificates are refused from now on that are of $old_name/, 'who is refused');
	is_in('with the set', alice => 0, 'alice-other' => 1);
};

done_testing();
