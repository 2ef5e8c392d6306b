# Nobody is cut off, and nobody loses encryption, by accident: live sessions of psql at its defaults
# (sslmode=prefer) and of walsenders, before and after changes of every kind; and what is said in rows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl qw(slurp spew);
use CastsslTest;
use IO::Socket::INET ();
use IPC::Run ();
use Test::More;

my $socket = "local all all trust\n";
my $rules = $socket . "host all all 127.0.0.1/32 scram-sha-256\nhost replication repl 127.0.0.1/32 scram-sha-256\n";
my $t = CastsslTest->new('cut_off', hba => $rules, streaming => 1);
my $pki = $t->{pki};
$t->set_hba($rules);
$t->sql(q{CREATE ROLE repl LOGIN REPLICATION PASSWORD 'wonderland'; CREATE ROLE helper LOGIN});
$ENV{PGPASSWORD} = 'wonderland';
local $ENV{HOME} = $t->{folder};    # without certificates

# psql by TCP as alice, with no other setting than what is given: a session that stays.
sub live
{
	my (%options) = @_;
	my %connection = (host => '127.0.0.1', port => $t->{node}->port, user => 'alice', dbname => 'postgres', %options);
	my $session = { in => '', out => '' };
	$session->{run} = IPC::Run::start([ 'psql', '-XqAt', '-w', '-d', join ' ', map { "$_='$connection{$_}'" } sort keys %connection ],
		'<', \$session->{in}, '>', \$session->{out}, '2>&1', IPC::Run::timeout(1800));
	$session->{in} .= $options{replication} ? "IDENTIFY_SYSTEM;\n" : "SELECT pg_backend_pid();\n";
	$session->{run}->pump until $session->{out} =~ /\n/ || !$session->{run}->pumpable;
	die $session->{out} if $session->{out} =~ /error|FATAL/;
	($session->{pid}) = $session->{out} =~ /^(\d+)/;
	return $session;
}

sub quit
{
	$_->{in} .= "\\q\n", $_->{run}->finish foreach @_;
	$t->clients_gone or die;
	return;
}

# How psql with no setting comes in now: 't' over TLS, 'f' in plaintext, else the error.
sub by_default
{
	my ($user) = @_;
	return (CastsslOpenssl::connect_with({ host => '127.0.0.1', port => $t->{node}->port, user => $user // 'alice', dbname => 'postgres' },
			'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()', HOME => $t->{folder}))[1];
}

sub enable { return $t->rows('SELECT * FROM ' . CastsslTest::call('castssl_enable', @_)) }
sub coded { my ($steps, $code) = @_; return grep { ($_->{code} // '') eq $code } @$steps }
sub closed { return enable(plaintext => 'block', force => 'true') }

# Asserts that a call is refused by the guard; returns the statement of its hint.
sub guarded
{
	my ($call, $name, %expected) = @_;
	my $before = $t->state;
	my $error = $t->fails("SELECT * FROM $call", '55000', $name, constraint => 'castssl_would_cut_off', hint => 1, %expected);
	is_deeply($t->state, $before, "$name: nothing has changed");
	return;
}

sub hint_with
{
	my ($call) = @_;
	my (undef, undef, $err) = $t->psql("SELECT * FROM $call");
	return ($err =~ /^HINT:\s+(.*)/m)[0] // die $err;
}

sub hint_of
{
	my ($call) = @_;
	my (undef, undef, $err) = $t->psql("SELECT * FROM $call");
	return ($err =~ /^HINT: .*?(SELECT \* FROM .*?;)/m)[0] // die $err;
}

subtest 'a certificate is asked for, and plaintext kept' => sub {
	is(by_default(), 'f', 'without TLS');
	is_deeply([ coded(enable(source_dir => $t->{source}), 'plaintext_fallback') ], [], 'TLS for all who can: nothing to say');
	is(by_default(), 't', 'psql comes in over TLS');
	my $psql = live();
	guarded(q{castssl_enable(clientcert => 'verify-ca')}, 'it would fall back', message => qr/^1 live session could come back only in plaintext$/,
		detail => qr/^User "alice", database "postgres", from 127\.0\.0\.1, over TLS, without a client certificate: .*the client shows none\. .*It would be admitted in plaintext, and most drivers then use plaintext/);
	my ($needed) = coded(enable(clientcert => 'verify-ca', dry_run => 'true'), 'confirmation_needed');
	like($needed->{detail}, qr/refused: 1 live session could come back only in plaintext\..*SELECT \* FROM castssl_enable\(clientcert => 'verify-ca', .*confirm_within => '10 min'\);/, 'a dry run says what is needed');
	my $hint = hint_of(q{castssl_enable(clientcert => 'verify-ca', addresses => '{10.0.0.0/8}')});
	is($hint, q{SELECT * FROM castssl_enable(clientcert => 'verify-ca', plaintext => 'keep', addresses => '{10.0.0.0/8}', confirm_within => '10 min');},
		'the hint is the same call, with confirm_within');
	my $steps = $t->rows($hint =~ s/;$//r);
	my ($row) = coded($steps, 'session_plaintext');
	is($row->{target}, "session $psql->{pid}", 'a row names the session');
	($row) = coded($steps, 'plaintext_fallback');
	like($row->{detail}, qr/^2 rules ask for a certificate over TLS, but plaintext stays open: .*sslmode=prefer.*: SELECT \* FROM castssl_enable\(plaintext => 'block', confirm_within => '10 min'\);$/,
		'and a row says what it means for all') or diag explain $steps;
	is($row->{result}, 'warning', 'as a warning');
	is(by_default(), 'f', 'which is so: psql comes in in plaintext, without a word');
	$t->sql('SELECT castssl_confirm(force => true)');
	is(scalar(coded(enable(clientcert => 'verify-ca'), 'plaintext_fallback')), 1, 'in every run');
	is(scalar(coded(enable(), 'plaintext_fallback')), 1, 'also where nothing is named');
	is(scalar(coded(enable(dry_run => 'true'), 'plaintext_fallback')), 1, 'and in a dry run');
	is_deeply([ coded(enable(), 'session_plaintext') ], [], 'what was so before is no part of a later change');
	my ($statement) = $row->{detail} =~ /: (SELECT .*);$/;
	$t->sql($statement);
	is_deeply([ coded(enable(), 'plaintext_fallback') ], [], 'the statement closes it');
	like(by_default(), qr/connection requires a valid client certificate/, 'psql is refused, and says why');
	$t->sql('SELECT castssl_rollback()');    # what waits
	quit($psql);
	$t->disable(force => 'true');
	is($t->hba, $rules, 'taken back');
};

subtest 'first to nobody in plaintext, then certificates' => sub {
	enable(source_dir => $t->{source});
	my $plain = live(sslmode => 'disable');
	guarded(q{castssl_enable(plaintext => 'block')}, 'plaintext goes', message => qr/^1 live session could not come back$/,
		detail => qr/, in plaintext: .*It may come back over TLS, which most drivers try first/);
	my ($row) = coded(closed(), 'session_cut_off');
	is($row->{target}, "session $plain->{pid}", 'force goes past it, and a row names it');
	quit($plain);
	is(by_default(), 't', 'psql comes in over TLS');
	my @two = (live(), live());
	guarded(q{castssl_enable(clientcert => 'verify-ca', plaintext => 'block')}, 'who has no certificate',
		detail => qr/\AUser "alice", [^\n]*, over TLS, without a client certificate \(2 sessions\): [^\n]*the client shows none\.\z/);
	$t->sql(q{SELECT castssl_hba_add(rule => 'hostssl all alice 127.0.0.1/32 cert', before_line => 2)});
	guarded('castssl_hba_apply()', 'an edit that asks one role alone', detail => qr/^User "alice".* \(2 sessions\)/);
	$t->sql('SELECT castssl_hba_discard()');
	$t->sql(q{SELECT castssl_hba_add(rule => 'hostssl all bob 127.0.0.1/32 cert', before_line => 2)});
	is_deeply([ coded($t->rows('SELECT * FROM castssl_hba_apply()'), 'session_cut_off') ], [], 'another role: nobody here');
	quit(@two);
	my $alice = live(sslcert => $pki->path('alice.crt'), sslkey => $pki->path('alice.key'));
	is_deeply([ coded(enable(clientcert => 'verify-ca', plaintext => 'block'), 'session_cut_off') ], [], 'who has one comes back');

	# its CA or a CRL refuses it
	$pki->openssl('ca', '-config', 'openssl.cnf', '-revoke', 'alice.crt', '-cert', 'root.crt', '-keyfile', 'root.key');
	$pki->openssl('ca', '-config', 'openssl.cnf', '-gencrl', '-crldays', '30', '-cert', 'root.crt', '-keyfile', 'root.key', '-out', 'root-alice.crl');
	my $crl = slurp($pki->path('root-alice.crl'));
	guarded(CastsslTest::call('castssl_install', crl => $crl), 'a CRL that revokes its certificate', detail => qr/A CRL revokes its certificate\. The handshake fails/,
		hint => qr/confirm_within => '10 min'/);
	$t->sql('SELECT * FROM ' . CastsslTest::call('castssl_install', crl => $crl, force => 'true'));
	$t->out('which is so', qr/revoked/, cert => 'alice', password => 'wonderland');
	quit($alice);
	$t->disable(force => 'true');
};

subtest 'names that pg_stat_ssl does not show whole' => sub {
	my $subject = '/O=An organization with a name that is rather long/OU=Department/CN=';
	spew($pki->path('client.ext'), "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n");
	$pki->key('long');
	$pki->openssl('req', '-new', '-config', 'openssl.cnf', '-key', 'long.key', '-subj', "${subject}alice", '-out', 'long.csr');
	$pki->openssl('x509', '-req', '-in', 'long.csr', '-CA', 'root.crt', '-CAkey', 'root.key', '-set_serial', '76',
		'-days', '90', '-extfile', 'client.ext', '-out', 'long.crt');
	my %alice = (sslcert => $pki->path('long.crt'), sslkey => $pki->path('long.key'));
	enable(source_dir => $t->{source}, clientcert => 'verify-ca', plaintext => 'block', force => 'true');
	my $alice = live(%alice);
	is(length $t->sql("SELECT client_dn FROM pg_stat_ssl WHERE pid = $alice->{pid}"), 63, 'the subject is cut');
	my $unknown = sub {
		my ($steps, $name, $asked) = @_;
		my ($row) = coded($steps, 'session_unknown');
		like($row->{detail}, qr/^nobody can know whether 1 live session could come back: $alice->{pid} \(alice\)\.  .*$asked/, $name) or diag explain $steps;
		is_deeply([ coded($steps, 'session_cut_off') ], [], "$name: and it is not said to lose");
	};
	$unknown->(enable(clientcert => 'verify-full', dry_run => 'true'), 'its CN', qr/The certificate's CN must be the user's name, "alice"\.  Nobody can know it here\./);
	enable(clientcert => 'verify-full');
	$t->in('it comes back', cert => 'long', password => 'wonderland');
	is_deeply([ coded(enable(addresses => ['10.0.0.0/8']), 'session_unknown') ], [], 'what the plan has no part in is no row');
	$t->sql(q{SELECT castssl_hba_add(rule => 'hostssl all alice 127.0.0.1/32 reject', before_line => 2)});
	guarded('castssl_hba_apply()', 'it is not taken for one that is refused today', message => qr/^1 live session could not come back$/);
	$t->sql('SELECT castssl_hba_discard()');
	quit($alice);

	# a slash in a CN: neither what is before it is the CN, nor the whole of what follows
	$t->sql(q{CREATE ROLE al LOGIN PASSWORD 'wonderland'; CREATE ROLE "al/ice" LOGIN PASSWORD 'wonderland'});
	$pki->key('slash');
	$pki->openssl('req', '-new', '-config', 'openssl.cnf', '-key', 'slash.key', '-subj', '/CN=al\/ice/O=Test', '-out', 'slash.csr');
	$pki->openssl('x509', '-req', '-in', 'slash.csr', '-CA', 'root.crt', '-CAkey', 'root.key', '-set_serial', '77',
		'-days', '90', '-extfile', 'client.ext', '-out', 'slash.crt');
	my @slash = (sslcert => $pki->path('slash.crt'), sslkey => $pki->path('slash.key'));
	$t->set_hba($socket . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n");
	my @both = map { live(user => $_, @slash) } 'al', 'al/ice';
	guarded(q{castssl_enable(clientcert => 'verify-full')}, 'a CN with a slash', message => qr/^1 live session could not come back$/, detail => qr/^User "al", .*"al\/ice"/);
	enable(clientcert => 'verify-full', force => 'true');
	$t->out('which is so', qr/password authentication failed for user "al"/, user => 'al', cert => 'slash', password => 'wonderland');
	$t->in('and who has that name comes in', user => 'al/ice', cert => 'slash', password => 'wonderland');
	quit(@both);
	$t->set_hba($socket . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n");

	# a DN that is whole has another form there; 13 does not know the option, but a map
	my $dn = $t->sql('SHOW server_version_num') >= 140000;
	$alice = live($dn ? (sslcert => $pki->path('alice.crt'), sslkey => $pki->path('alice.key')) : %alice);
	$t->write('pg_ident.conf', qq{m "CN=bert" alice\n});
	$t->sql('SELECT castssl_hba_add(rule => $$hostssl all alice 127.0.0.1/32 cert map=m' . ($dn ? ' clientname=DN' : '') . '$$, before_line => 2)');
	$unknown->($t->rows('SELECT * FROM castssl_hba_apply(dry_run => true)'), 'through a map', qr/As "alice" the map "m" .* by the certificate's (DN|CN): "CN=bert"/);
	$t->sql('SELECT castssl_hba_discard()');
	quit($alice);
	$t->write('pg_ident.conf', '');
	$t->disable(force => 'true');
	$t->set_hba($rules);
};

subtest 'a walsender' => sub {
	enable(source_dir => $t->{source});
	my $walsender = live(user => 'repl', replication => 'true', sslmode => 'require');
	guarded(q{castssl_enable(clientcert => 'verify-ca', plaintext => 'block')}, 'a walsender without a certificate',
		detail => qr/\AUser "repl", replication, from 127\.0\.0\.1, over TLS, without a client certificate: /);
	guarded('castssl_disable()', 'TLS goes off', message => qr/^1 live session could come back only in plaintext$/);
	like(hint_of('castssl_disable()'), qr/castssl_disable\(confirm_within => '10 min'\);$/, 'with the statement');
	my $change = $t->sql('SELECT max(change_id) FROM castssl_changes()');
	guarded("castssl_rollback($change)", 'the finished change is taken back', hint => qr/: SELECT \* FROM castssl_rollback\(change_id => $change, force => true\);$/);
	quit($walsender);
	$t->disable;
	enable(confirm_within => '1 hour');
	$walsender = live(user => 'repl', replication => 'true', sslmode => 'require');
	$t->sql('SELECT * FROM castssl_rollback()');
	is($t->sql('SHOW ssl'), 'off', 'what waits is taken back without a guard, as at its deadline');
	quit($walsender);
};

subtest 'who could not come back before' => sub {
	my $bob = live(user => 'bob');
	$t->set_hba($rules . "host all all ::1/128 md5\n");
	$t->sql('ALTER ROLE bob NOLOGIN');
	is_deeply([ coded(closed(), 'session_cut_off') ], [], 'a role that may not log in');
	$t->sql('ALTER ROLE bob LOGIN');
	$t->set_hba($socket . "hostssl all alice 127.0.0.1/32 scram-sha-256\n");
	my $alice = live();
	is_deeply([ coded(enable(addresses => ['10.0.0.0/8']), 'session_cut_off') ], [], 'a line that is gone');
	$t->write('pg_hba.conf', $socket);
	my $renewed = $pki->source("$t->{folder}/again", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	guarded('castssl_enable()', 'a line that is gone from the file, which is not loaded yet', detail => qr/No line of pg_hba\.conf matches/);
	enable(force => 'true');
	enable(addresses => ['10.0.0.0/9']);
	$t->write('pg_hba.conf', $t->hba);
	is_deeply([ coded(enable(source_dir => $renewed), 'session_cut_off') ], [], 'a file that was written again as it is, and a renewal: nobody is asked');
	$t->write('pg_hba.conf', $t->hba);
	$t->reload;
	$t->write('pg_hba.conf', $t->hba);
	guarded(CastsslTest::call('castssl_enable', source_dir => $t->{source}), 'where somebody has reloaded since, it is not known what');
	quit($bob, $alice);
	$t->set_hba($rules);
};

subtest 'what a caller without privileges is told' => sub {
	$t->sql('GRANT EXECUTE ON FUNCTION castssl_disable(interval, boolean, boolean) TO helper');
	enable();
	my $alice = live();
	my $call = sub { return $t->psql(q{SELECT detail FROM castssl_disable(} . ($_[0] // '') . q{) WHERE result = 'warning'}, user => 'helper') };
	my (undef, undef, $error) = $call->();
	like($error, qr/^DETAIL:  User "alice", database "postgres": Only superusers and members of pg_read_all_stats can see the reason\.$/m, 'who, as pg_stat_activity shows it');
	unlike($error, qr/127\.0\.0\.1/, 'not from where');
	my (undef, $rows) = $call->('force => true, dry_run => true');
	like($rows, qr/"alice", database "postgres"\) could come back only in plaintext/, 'nor in rows');
	unlike($rows, qr/from 127/, 'no address');
	$t->sql('GRANT pg_read_all_stats TO helper');
	(undef, undef, $error) = $call->();
	like($error, qr/from 127\.0\.0\.1, over TLS, without a client certificate/, 'a member of pg_read_all_stats sees it');
	quit($alice);
	$t->disable(force => 'true');
};

# What HAProxy's option pgsql-check does: a startup message without a database, and the server is up
# when it is asked for a password, or for none.
sub health_check
{
	my ($user) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{node}->port, Proto => 'tcp', Timeout => 60) or die $!;
	my $packet = pack 'N', 196608;
	$packet .= "user\0$user\0\0";
	print $socket pack('N', 4 + length $packet), $packet;
	read $socket, my $answer, 1;
	return $answer eq 'R' ? 'up' : 'down';
}

subtest 'lines for a health check' => sub {
	$t->sql('CREATE ROLE checker LOGIN; CREATE ROLE other_checker LOGIN');
	$t->set_hba($socket . "host all checker 127.0.0.1/32 trust\nhost all other_checker 10.0.0.7/32 scram-sha-256\nhost all bob 10.0.0.0/8 trust\n"
		  . "hostssl all other_checker 10.0.0.8/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
	is(health_check('checker'), 'up', 'plaintext is allowed: up');
	my $steps = enable(source_dir => $t->{source}, plaintext => 'block', dry_run => 'true');
	is_deeply([ map { "$_->{target} $_->{result} $_->{detail}" } coded($steps, 'health_check') ],
		[ 'pg_hba.conf:2 warning admits "checker" from 127.0.0.1/32 without a password, as health checks need it.  A check that speaks plaintext, such as HAProxy\'s '
			  . 'option pgsql-check, then reports this server as down.  Make the check ask for TLS first (docs/poolers.md).' ],
		'the line that is made for one, and no other') or diag explain $steps;
	is_deeply([ coded(enable(source_dir => $t->{source}), 'health_check') ], [], 'none where plaintext stays');
	is(health_check('checker'), 'up', 'and it is up');
	enable(plaintext => 'block', force => 'true');
	is(health_check('checker'), 'down', 'plaintext is blocked: down');
	is_deeply([ coded(enable(plaintext => 'block', clientcert => 'verify-ca', force => 'true'), 'health_check') ], [], 'said once');
	$t->disable(force => 'true');
	$t->set_hba($rules);
};

subtest 'hostnossl lines without a line for TLS' => sub {
	$t->set_hba($socket . "hostnossl app all 10.0.0.0/8 scram-sha-256\nhostnossl all alice 127.0.0.1/32 scram-sha-256\nhost all alice,bob 127.0.0.0/8 scram-sha-256\n");
	my $steps = enable(source_dir => $t->{source}, plaintext => 'block');
	is_deeply([ map { "$_->{target} $_->{detail}" } coded($steps, 'no_tls_line') ],
		['pg_hba.conf:2 is no longer in force, and no line admits its clients over TLS: database app, user all, address 10.0.0.0/8'], 'each is a row, but who has one')
		or diag explain $steps;
	is_deeply([ coded(enable(plaintext => 'block'), 'no_tls_line') ], [], 'once');
	$t->disable(force => 'true');
	$t->set_hba($rules);
};

subtest 'a server certificate of another issuer' => sub {
	my $self_signed = sub {
		$pki->key('own');
		$pki->openssl('req', '-x509', '-new', '-config', 'openssl.cnf', '-key', 'own.key', '-subj', '/CN=localhost', '-days', '90',
			'-extensions', 'server', '-out', 'own.crt');
		return $pki->source("$t->{folder}/" . $_[0], 'server.crt' => 'own.crt', 'server.key' => 'own.key');
	};
	my %quick = (force => 'true');
	is_deeply([ coded(enable(source_dir => $t->{source}, %quick), 'issuer_changed') ], [], 'the first certificate');
	my $renewed = $pki->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	is_deeply([ coded(enable(source_dir => $renewed, %quick), 'issuer_changed') ], [], 'a renewal by the same CA');
	my ($row) = coded(enable(source_dir => $self_signed->('one'), %quick), 'issuer_changed');
	like($row->{detail}, qr/trust CN=castssl test root, the root of the certificate in use\.  They would refuse this certificate, because its issuer is CN=localhost\.  First give these clients the old and the new root/, 'a self-signed one');
	$t->out('which is so', qr/certificate verify failed/, sslmode => 'verify-full', password => 'wonderland');
	spew("$t->{folder}/trusted.crt", slurp($pki->path('own.crt')));
	$t->in('who has it as a root comes in', sslmode => 'verify-full', password => 'wonderland', sslrootcert => "$t->{folder}/trusted.crt");
	my $two = $self_signed->('two');
	is(scalar(coded(enable(source_dir => $two, dry_run => 'true', %quick), 'issuer_changed')), 1, 'another self-signed one, in a dry run');
	is(scalar(coded(enable(source_dir => $two, %quick), 'issuer_changed')), 1, 'and done');
	$t->out('of the same name, and unknown', qr/certificate verify failed/, sslmode => 'verify-full', password => 'wonderland', sslrootcert => "$t->{folder}/trusted.crt");
	is_deeply([ coded(enable(%quick), 'issuer_changed') ], [], 'once');
	is(scalar(coded($t->rows('SELECT * FROM castssl_rollback((SELECT max(change_id) FROM castssl_changes()), force => true)'), 'issuer_changed')), 1, 'and on the way back');
	enable(source_dir => $two, %quick);
	$t->write($_, slurp("$t->{folder}/one/$_")) foreach qw(server.crt server.key);
	($row) = coded(enable(%quick), 'issuer_changed');
	like($row->{detail}, qr/trust CN=localhost, .* They would refuse this certificate/, 'one that was put in place, and is loaded by the call');
};

subtest 'parameters of TLS that somebody has stored, and nobody loaded' => sub {
	$t->set_hba($socket . "hostssl all app 127.0.0.1/32 trust clientcert=verify-ca\n");
	$t->enable(source_dir => $t->{source}, force => 'true');
	$t->sql('CREATE ROLE app LOGIN');
	my @certificate = (user => 'app', sslmode => 'require', sslcert => $pki->path('alice.crt'), sslkey => $pki->path('alice.key'));
	my $live = live(@certificate);
	my %waiting = (
		ssl_ca_file => '', ssl_min_protocol_version => 'TLSv1.3', ssl_ciphers => 'ECDHE-RSA-AES256-GCM-SHA384', ssl_crl_file => 'revoking.crl',
		ssl_cert_file => 'other.crt', ssl_key_file => 'other.key', ssl_dh_params_file => 'dh.pem');
	$t->sql(q{SELECT castssl_hba_add(rule => 'host all mon 10.9.9.9/32 scram-sha-256')});
	foreach my $name (sort keys %waiting)
	{
		my ($stored, $value) = split /\|/, $t->sql("SELECT (SELECT count(*) FROM pg_file_settings WHERE name = '$name'), setting FROM pg_settings WHERE name = '$name'");
		$t->sql("ALTER SYSTEM SET $name = '$waiting{$name}'");
		my $keep = $stored ? "ALTER SYSTEM SET $name = '\Q$value\E';" : "ALTER SYSTEM RESET $name;";
		my %refused = (message => qr/^this change would load parameters that somebody else has set$/, detail => qr/^The values of $name in the configuration files/,
			hint => qr/^To keep what is in effect: $keep  To load them first: SELECT \* FROM castssl_reload\(\);$/);
		guarded('castssl_hba_apply()', "$name: castssl_hba_apply()", %refused);
		guarded(q{castssl_hba_apply(confirm_within => '10 min')}, "$name: confirm_within", %refused) if $name eq 'ssl_ca_file';
		guarded(q{castssl_enable(clientcert => 'verify-ca')}, "$name: castssl_enable()", %refused)
		  if $name =~ /version|ciphers/;
		# castssl_enable() would store the value in effect: what nobody named stays as it is, and so does what waits
		guarded($_, "$name: $_", message => qr/^this change would drop parameters that somebody else has set$/, detail => qr/^The values of $name in the configuration files.* store the values in effect instead\.$/,
			hint => qr/^To drop them: $keep  To load them first: SELECT \* FROM castssl_reload\(\);$/)
		  foreach $name =~ /c[ar]l?_file|cert|key/ ? (q{castssl_enable(clientcert => 'verify-ca')}, 'castssl_enable()') : ();
		my ($typed) = hint_with("castssl_hba_apply()") =~ /in effect: (.*?;)/;
		$t->sql($typed);
		is($t->sql("SELECT setting FROM pg_settings WHERE name = '$name'"), $value, "$name: kept");
	}
	my $again = live(@certificate);

	# a line that is removed from postgresql.conf waits, too; the way of writing a word does not
	my $configuration = $t->slurp($t->{data} . '/postgresql.conf');
	$t->write("$t->{data}/postgresql.conf", $configuration . "ssl_min_protocol_version = 'tlsv1.2'\nssl_max_protocol_version = 'TLSv1.3'\n");
	$t->reload;
	$t->write("$t->{data}/postgresql.conf", $configuration . "ssl_min_protocol_version = 'tlsv1.2'\n");
	guarded('castssl_hba_apply()', 'a line that was removed', detail => qr/^The values of ssl_max_protocol_version in/);
	$t->sql(hint_with('castssl_hba_apply()') =~ /in effect: (.*?;)/);
	$t->sql('SELECT FROM castssl_hba_apply()');
	is($t->sql('SHOW ssl_max_protocol_version'), 'TLSv1.3', 'and is kept by the hint');
	$t->sql('ALTER SYSTEM RESET ssl_max_protocol_version');
	$t->write("$t->{data}/postgresql.conf", $configuration);
	$t->reload;

	# with force it is dropped, or loaded
	$t->sql(q{ALTER SYSTEM SET ssl_ca_file = ''});
	$t->sql('SELECT FROM castssl_enable(force => true)');
	is($t->sql('SHOW ssl_ca_file'), 'root.crt', 'castssl_enable() keeps the file in use, and sets it');
	$t->sql(q{SELECT castssl_hba_add(rule => 'host all mon 10.9.9.10/32 scram-sha-256'); ALTER SYSTEM SET ssl_ciphers = 'ECDHE-RSA-AES256-GCM-SHA384'});
	$t->sql('SELECT FROM castssl_hba_apply(force => true)');
	is($t->sql('SHOW ssl_ciphers'), 'ECDHE-RSA-AES256-GCM-SHA384', 'force loads it');
	$t->sql('ALTER SYSTEM RESET ssl_ciphers');
	$t->reload;
	quit($live, $again);
};

subtest 'what was edited in place: undoing would not bring anybody back' => sub {
	my $rules = $socket . "hostssl all app 127.0.0.1/32 trust clientcert=verify-ca\n";
	my $hint = qr/^The reload also loads edits of somebody else\.  They refuse such a connection, and stay when this change is undone\.  .*  To do it anyway: force => true\.$/;
	my $gencrl = sub { $pki->openssl('ca', '-config', $_[0], '-gencrl', '-crldays', '30', '-cert', 'root.crt', '-keyfile', 'root.key', '-out', $_[1]); return slurp($pki->path($_[1])) };
	my $apply = sub {
		my ($name, %expected) = @_;
		$t->sql(q{SELECT castssl_hba_add(rule => 'host all mon 10.9.9.11/32 scram-sha-256')});
		guarded('castssl_hba_apply()', $name, hint => $hint, %expected);
		guarded(q{castssl_hba_apply(confirm_within => '10 min')}, "$name: confirm_within", hint => $hint, %expected);
		$t->sql('SELECT castssl_hba_discard()');
	};
	spew($pki->path('index-bob.txt'), '');
	spew($pki->path('openssl-bob.cnf'), slurp($pki->path('openssl.cnf')) =~ s/index\.txt/index-bob.txt/r);
	$t->set_hba($rules);
	my $live = live(user => 'app', sslmode => 'require', sslcert => $pki->path('bob.crt'), sslkey => $pki->path('bob.key'));
	$t->sql('SELECT FROM ' . CastsslTest::call('castssl_install', crl => $gencrl->('openssl-bob.cnf', 'empty.crl'), force => 'true'));

	$pki->openssl('ca', '-config', 'openssl-bob.cnf', '-revoke', 'bob.crt', '-cert', 'root.crt', '-keyfile', 'root.key');
	my $file = $t->status->{crl_file};
	my $empty = slurp($file);
	spew($file, $gencrl->('openssl-bob.cnf', 'bob.crl'));
	my %revoked = (message => qr/^1 live session could not come back$/, detail => qr/A CRL revokes its certificate\./);
	guarded('castssl_enable()', 'a CRL: castssl_enable() would load it', %revoked, hint => qr/^Only a reload is left to do/);
	$apply->('a CRL: castssl_hba_apply() would', %revoked);
	my ($row) = @{ $t->rows(qq{SELECT * FROM castssl_check() WHERE check_name = 'served_matches_disk'}) };
	is($row->{fix}, undef, 'castssl_check() has no fix');
	like($row->{hint}, qr/^After a reload, clients that are connected now could not connect again\.  User "app", .*A CRL revokes its certificate.*If that is wanted: SELECT \* FROM castssl_reload\(\);$/s, 'and says who would be lost');
	spew($file, $empty);
	is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'served_matches_disk'}), 0, 'no row where the file holds again what is loaded');
	spew($file, "$empty\n");
	like($t->sql(q{SELECT fix FROM castssl_check() WHERE check_name = 'served_matches_disk'}), qr/castssl_reload/, 'where nobody is lost, there is a fix');
	$t->reload;

	# a line of pg_hba.conf
	$t->write("$t->{data}/pg_hba.conf", $socket . "host all app 127.0.0.1/32 reject\n");
	$apply->('a line', detail => qr/reject/);
	$t->write("$t->{data}/pg_hba.conf", $rules . "host all bob 10.0.0.0/8 reject\n");
	$t->sql(q{SELECT castssl_hba_add(rule => 'host all app 127.0.0.1/32 reject', before_line => 1)});
	guarded('castssl_hba_apply()', 'an edit that shuts nobody out: undoing is of use', hint => qr/confirm_within => '10 min'/);
	$t->sql('SELECT castssl_hba_discard()');

	# TLS that waits to go off
	$t->sql('ALTER SYSTEM SET ssl = off');
	is($t->sql(q{SELECT hint FROM castssl_check() WHERE check_name = 'parameters_in_effect'}),
		'To keep TLS, which the next reload turns off: ALTER SYSTEM SET ssl = on;  To turn it off: SELECT * FROM castssl_reload();', 'castssl_check() says what a reload would do');
	$t->sql('ALTER SYSTEM SET ssl = on');
	$t->set_hba($rules);
	quit($live);
};

subtest 'what goes past the guard, and what does not' => sub {
	my $stage = sub { $t->sql("SELECT $_[0]") };
	my $trusted = $socket . "host all all 127.0.0.1/32 trust\n";

	# a finished change below one that waits, or below one of the same transaction
	$t->set_hba($trusted . "host all bob 10.0.0.0/8 trust\n");
	$stage->('castssl_hba_remove(3)');
	my $removed = $t->sql('SELECT max(change_id) FROM castssl_hba_apply()');
	my %admits = (constraint => 'castssl_would_admit', hint => 1);
	my $zed = q{castssl_hba_add('host', '{all}', '{zed}', '10.9.9.9/32', 'reject')};
	$t->fails("BEGIN; SELECT $zed; SELECT FROM castssl_hba_apply(); SELECT FROM castssl_rollback($removed)", '55000', 'rollback of a finished change behind one of its transaction', %admits);
	$t->settle;
	$stage->($zed);
	$t->sql(q{SELECT FROM castssl_hba_apply(confirm_within => '10 min')});
	$t->fails("SELECT * FROM castssl_rollback($removed)", '55000', 'behind one that waits', %admits);
	$t->sql('SELECT FROM castssl_rollback()');
	is($t->hba, $trusted, 'nobody came in by it');

	# what waits asks for more proof than before: taking it back is the deadline's work
	$stage->("castssl_hba_change(2, 'host all all 127.0.0.1/32 scram-sha-256')");
	$t->sql(q{SELECT FROM castssl_hba_apply(confirm_within => '10 min')});
	$t->sql('SELECT FROM castssl_rollback()');
	is($t->hba, $trusted, 'what waits is taken back without force');

	# a session that is younger than the first look of the transaction
	my $editor = $t->session;
	$editor->ask('BEGIN; SELECT count(*) > 0 FROM castssl_check();');
	$editor->answer;
	my $young = live();
	$editor->ask("SELECT castssl_hba_change(2, 'host all bob 127.0.0.1/32 trust'); SELECT FROM castssl_hba_apply();");
	like($editor->answer, qr/ERROR:  55000: 1 live session could not come back/, 'a session that began after the first look');
	$editor->quit;
	$t->settle;

	# who may not know which password is stored cuts nobody off either
	$t->sql('CREATE ROLE without LOGIN; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO helper');
	my $without = live(user => 'without');
	$t->sql("SELECT castssl_hba_discard()");
	$stage->("castssl_hba_change(2, 'host all all 127.0.0.1/32 scram-sha-256')");
	my $error = $t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'a role without a password', psql => { user => 'helper' },
		constraint => 'castssl_would_cut_off', detail => qr/User "without"/);
	unlike($error->{detail}, qr/No password/, 'which is not told');
	$t->sql('SELECT castssl_hba_discard()');
	quit($young, $without);

	# only a reload is left to be done: nothing would undo it
	my $live = live();
	$t->write('pg_hba.conf', $socket . "host all bob 127.0.0.1/32 trust\n");
	guarded(q{castssl_enable(confirm_within => '10 min')}, 'only a reload is left to be done', hint => qr/nothing can undo a reload/);
	$t->set_hba($trusted);
	quit($live);
	$t->sql('DROP OWNED BY helper; DROP ROLE without');
	$t->stop;
};

done_testing();
