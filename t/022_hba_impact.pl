# castssl_hba_compare and castssl_hba_impact: who gains and who loses by what is staged; and live sessions
# that could not come back are listed before a change is made.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use IPC::Run ();
use Test::More;

my $socket = "local all postgres trust\n";
my $hba = $socket . "host all all 127.0.0.1/32 scram-sha-256\n";
my $t = CastsslTest->new('impact', streaming => 1, hba => $hba, conf => 'max_connections = 60');
$t->enable(source_dir => $t->{source}, clientcert => 'none');
$t->set_hba($hba);
$t->sql('CREATE ROLE repl LOGIN REPLICATION; CREATE ROLE staff; GRANT staff TO alice');
$t->sql(q{ALTER ROLE repl PASSWORD 'wonderland'});

sub stage
{
	my ($content) = @_;
	$t->sql("SELECT castssl_hba_discard(); SELECT castssl_hba_stage(\$c\$$content\$c\$)");
	return;
}

# The rows of castssl_hba_compare, short.
sub compared
{
	my ($content) = @_;
	stage($content);
	my @columns = qw(change encryption database user_name address before after before_line after_line);
	return [ map { my $row = $_; join ' | ', map { $row->{$_} // '-' } @columns } @{ $t->rows('SELECT * FROM castssl_hba_compare()') } ];
}

subtest 'castssl_hba_compare' => sub {
	is_deeply(compared($hba), [], 'the same file');
	is_deeply(compared("# a comment\n$hba\n"), [], 'comments');
	is_deeply(compared($hba . "host all bob 10.0.0.0/8 trust\n"), [
			map { "newly admitted | $_ | all | bob | 10.0.0.0/8 | refused | trust | - | 3" } qw(none tls) ], 'a line more');
	is_deeply(compared($socket), [
			map { "newly refused | $_ | all | all | 127.0.0.1/32 | scram-sha-256 | refused | 2 | -" } qw(none tls) ], 'a line less');
	# with a keytab the server can have GSSAPI
	$t->write('keytab', '');
	$t->sql(q{ALTER SYSTEM SET krb_server_keyfile = '} . $t->path('keytab') . q{'});
	$t->reload;
	is_deeply(compared($socket), [
			map { "newly refused | $_ | all | all | 127.0.0.1/32 | scram-sha-256 | refused | 2 | -" } qw(none tls gss) ], 'with GSSAPI');
	$t->sql('ALTER SYSTEM RESET krb_server_keyfile');
	$t->reload;
	is_deeply(compared($socket . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\nhost all all 127.0.0.1/32 scram-sha-256\n"),
		[ 'may fall back to plaintext | tls | all | all | 127.0.0.1/32 | scram-sha-256 | scram-sha-256 in plaintext | 2 | 3',
			'client certificate now required | tls | all | all | 127.0.0.1/32 | scram-sha-256 | scram-sha-256 clientcert=verify-ca | 2 | 2' ],
		'a certificate over TLS');
	is_deeply(compared($socket . "hostssl app +staff,bob 127.0.0.1/32 md5\nhost all all 127.0.0.1/32 scram-sha-256\n"),
		['method changed | tls | app | +staff, bob | 127.0.0.1/32 | scram-sha-256 | md5 | 2 | 2'], 'another method for some');
	is_deeply(compared($hba . "host all all 127.0.0.1/32 trust\n"), [], 'a line that is never reached');
	my $example = $t->rows('SELECT * FROM castssl_hba_compare()');
	stage($hba . "host app bob 10.0.0.0/8 trust\n");
	$example = $t->rows('SELECT * FROM castssl_hba_compare()')->[0];
	is($example->{certain} ? 'certain' : 'not', 'certain', 'certain');
	is("$example->{example_database} $example->{example_user}", 'app bob', 'an example');
	like($example->{example_address}, qr/^10\./, 'of the range');
	$t->sql('SELECT castssl_hba_discard()');
};

# A session by TCP that stays; returns what ends it.
sub connected
{
	my (%options) = @_;
	my %connection = (host => '127.0.0.1', port => $t->{node}->port, user => 'alice', dbname => 'postgres', sslmode => 'disable', %options);
	local $ENV{PGPASSWORD} = 'wonderland';
	my $session = { in => '', out => '' };
	$session->{run} = IPC::Run::start(
		[ 'psql', '-XqAt', '-w', '-d', join ' ', map { "$_='$connection{$_}'" } sort keys %connection ],
		'<', \$session->{in}, '>', \$session->{out}, '2>&1', IPC::Run::timeout(1800));
	$session->{in} .= ($options{replication} // '') eq 'true' ? "IDENTIFY_SYSTEM;\n" : "SELECT pg_backend_pid();\n";
	$session->{run}->pump until $session->{out} =~ /\n/ || !$session->{run}->pumpable;
	die $session->{out} if $session->{out} =~ /error|FATAL/;
	return $session;
}

my $alice = $t->{pki}->path('alice');
my %certificate = (sslcert => "$alice.crt", sslkey => "$alice.key");

subtest 'castssl_hba_impact' => sub {
	# a server that asks for certificates
	$t->enable(source_dir => $t->{source}, force => 'true');
	$t->set_hba($hba . "host replication repl 127.0.0.1/32 scram-sha-256\n");
	my %session = (
		plaintext => connected(),
		tls => connected(sslmode => 'require', user => 'bob'),
		certificate => connected(sslmode => 'require', %certificate),
		walsender => connected(user => 'repl', replication => 'true'));

	my $impact = sub {
		stage($_[0]);
		my $rows = $t->rows(q{SELECT * FROM castssl_hba_impact() WHERE encryption <> 'socket'});
		my %by = map {
			($_->{backend_type} eq 'walsender' ? 'walsender' : $_->{client_dn} ? 'certificate' : $_->{encryption} eq 'tls' ? 'tls' : 'plaintext') => $_
		} @$rows;
		return \%by;
	};
	my $by = $impact->($t->hba);
	is_deeply({ map { $_ => $by->{$_}{verdict} } keys %$by }, { map { $_ => 'authenticate' } keys %session }, 'the same file: all come back');
	is_deeply([ @{ $by->{certificate} }{qw(user_name database address encryption client_dn)} ],
		[ 'alice', 'postgres', '127.0.0.1', 'tls', '/CN=alice' ], 'who they are');
	is($by->{walsender}{database}, undef, 'physical replication has no database');

	$by = $impact->($socket . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n");
	is_deeply({ map { $_ => $by->{$_}{verdict} } keys %$by },
		{ plaintext => 'refused', tls => 'refused', certificate => 'authenticate', walsender => 'refused' }, 'certificates for all');
	like($by->{tls}{reason}, qr/the client shows none/, 'certificate missing');
	like($by->{walsender}{reason}, qr/No line/, 'no line');
	like($by->{plaintext}{reason}, qr/^No line .*Over TLS, which most drivers try first: .*the client shows none/, 'plaintext refused');

	$by = $impact->($socket . "hostssl all all 127.0.0.1/32 scram-sha-256\n");
	is($by->{plaintext}{verdict}, 'refused', 'plaintext is refused');
	like($by->{plaintext}{reason}, qr/may come back over TLS/, 'and may come back over TLS');

	$by = $impact->($socket . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\nhost all all 127.0.0.1/32 scram-sha-256\n");
	is($by->{plaintext}{verdict}, 'authenticate', 'plaintext stays');
	like($by->{plaintext}{reason}, qr/not all of them fall back/, 'but drivers try TLS first');

	$by = $impact->($socket . "hostssl all all 127.0.0.1/32 cert\n");
	is($by->{certificate}{verdict}, 'accepted', 'the right certificate');
	$by = $impact->($socket . "hostssl all bob 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 reject\n");
	like($by->{certificate}{reason}, qr/reject/, 'rejected');

	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'castssl_hba_apply() cuts nobody off by accident',
		message => qr/^4 live sessions could not come back$/, constraint => 'castssl_would_cut_off',
		detail => qr/^User "alice", database "postgres", from 127\.0\.0\.1, in plaintext: .*^User "repl", replication, from 127\.0\.0\.1, in plaintext: /ms,
		hint => qr/: SELECT \* FROM castssl_hba_apply\(confirm_within => '10 min'\);/);
	my $application = $ENV{PGAPPNAME} // 'psql';    # libpq takes it from there
	my $steps = $t->rows('SELECT * FROM castssl_hba_apply(dry_run => true, force => true)');
	is_deeply([ sort map { $_->{detail} =~ /^a connection like it \((.*?)\) would be refused afterwards\./ }
			  grep { $_->{result} eq 'warning' && $_->{target} =~ /^session \d+$/ } @$steps ],
		[ map { "$_, application \"$application\"" } ('client backend "alice", database "postgres", from 127.0.0.1') x 2,
			'client backend "bob", database "postgres", from 127.0.0.1', 'walsender "repl", from 127.0.0.1' ],
		'castssl_hba_apply lists who could not come back');
	$t->sql('SELECT castssl_hba_discard()');
	$steps = $t->enable(source_dir => $t->{source}, plaintext => 'block', dry_run => 'true', force => 'true');
	is((grep { $_->{result} eq 'warning' && $_->{target} =~ /^session/ } @$steps), 3, 'and so does castssl_enable');
	is((grep { $_->{result} eq 'warning' && $_->{target} =~ /^session/ } @{ $t->enable(source_dir => $t->{source}, plaintext => 'block', force => 'true') }),
		3, 'when it does it, too');
	$t->set_hba($hba);

	my @many = map { connected() } 1 .. 22;
	stage($socket);
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'sessions that are alike are named once', message => qr/^25 live sessions could not come back$/,
		detail => qr/^User "alice", .*, in plaintext \(23 sessions\): /m);
	$steps = $t->rows('SELECT * FROM castssl_hba_apply(dry_run => true, force => true)');
	is((grep { $_->{target} =~ /^session \d/ } @$steps), 20, 'at most 20');
	is((grep { $_->{target} eq 'sessions' && $_->{detail} =~ /^and \d+ more/ } @$steps), 1, 'then their number');
	$t->sql('SELECT castssl_hba_discard()');
	$_->{run}->kill_kill foreach @many, values %session;
};

subtest 'a session by IPv6' => sub {
	CastsslMachine::has_ipv6() or plan skip_all => 'this machine has no IPv6';
	$t->{node}->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1, ::1'");
	$t->restart;
	$t->set_hba($socket . "host all all ::1/128 scram-sha-256\n");
	my $session = connected(host => '::1');
	stage($socket . "host all all ::2/128 scram-sha-256\n");
	my $rows = $t->rows(q{SELECT user_name, address, verdict FROM castssl_hba_impact() WHERE encryption <> 'socket'});
	is_deeply($rows, [ { user_name => 'alice', address => '::1', verdict => 'refused' } ], 'is known by its address');
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'and not cut off by accident', detail => qr/^User "alice", database "postgres", from ::1, in plaintext: /);
	$t->sql(q{ALTER ROLE postgres PASSWORD 'wonderland'});
	my $own = IPC::Run::run([ 'psql', '-XAt', '-c', 'SELECT * FROM castssl_hba_apply()', "host=::1 port=" . $t->{node}->port . ' user=postgres dbname=postgres' ],
		'<', \undef, '>', \my $out, '2>', \my $err, init => sub { $ENV{PGPASSWORD} = 'wonderland' });
	ok(!$own, 'a call by IPv6');
	like($err, qr/a connection like this one would be refused afterwards/, 'would lock itself out');
	$session->{in} .= "\\q\n";
	$session->{run}->finish;
	$t->sql('SELECT castssl_hba_discard()');
};

done_testing();
