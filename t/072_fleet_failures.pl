# examples/ansible and examples/psql when something is wrong: each failure is one, with one line for each server that
# begins with the reason; what others did stays; nobody is reached without TLS who was not meant to.
# Needs: ansible python3-psycopg2
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslFleet;
use CastsslOpenssl qw(spew);
use IO::Select;
use IO::Socket::INET;
use IPC::Run ();
use Test::More;

my %server;
foreach my $name (qw(db1 db2 bad))
{
	my $t = $server{$name} = CastsslTest->new($name, streaming => $name eq 'db1',
		conf => "$CastsslTest::listen_on_localhost\n" . ($name eq 'bad' ? "castssl.verify_timeout = '3s'" : ''));
	$t->sql(q{ALTER ROLE postgres PASSWORD 'wonderland'});
}
my ($db1, $db2, $bad) = @server{qw(db1 db2 bad)};
my $pki = $db1->{pki};
my $fleet = CastsslFleet->new($pki);
my $folder = $fleet->{folder};
$fleet->administrator;
$pki->source("$folder/$_") foreach qw(db1 db2 db1-standby);
$pki->source("$folder/bad", 'server.crt' => 'server-expired.crt', 'server.key' => 'server-expired.key');
$db1->sql('DROP EXTENSION pg_castssl');
my $standby = $db1->from_backup('db1-standby', standby => 1);
$standby->start;
my ($ok, $output, $changed, %reason, $before);
my $first = 'CASTSSL_FIRST_SSLMODE=disable';

# As they were before castssl_enable(), with nothing that waits.
sub take_back
{
	foreach my $t (@_)
	{
		$t->sql('CREATE EXTENSION IF NOT EXISTS pg_castssl');
		$t->sql(q{SELECT castssl_rollback(max(change_id)) FROM castssl_changes() WHERE state = 'unconfirmed'
			HAVING count(*) > 0});
		$t->sql(q{SELECT count(*) FROM castssl_disable(force => true)}) if $t->hba ne $CastsslTest::stock_hba;
	}
	return;
}

sub is_secured
{
	my ($t, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($t->sql(q{SELECT string_agg(DISTINCT state, ' ') FROM castssl_changes() WHERE state IN ('applied', 'unconfirmed')}), 'applied', $name);
}

# --- somebody in between, who says that the server has no TLS

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die $!;
my $heard = "$folder/heard";
my $between = fork // die $!;
if (!$between)
{
	$SIG{TERM} = 'DEFAULT';    # else it would end the test's servers
	while (my $client = $listener->accept)
	{
		open my $out, '>>', $heard or die $!;
		sysread $client, my $request, 8;
		print $out unpack('H*', $request), "\n";
		syswrite $client, 'N';
		print $out "more\n" if IO::Select->new($client)->can_read(5) && sysread $client, $request, 1;
		close $out;
	}
	require POSIX;
	POSIX::_exit(0);
}
my %nobody = (name => 'nobody', port => $listener->sockport);
($ok, $output) = $fleet->secure($fleet->services('nobody.conf', { %nobody, sslmode => 'prefer' }));
ok(!$ok, 'psql: somebody in between says that there is no TLS');
like($output, qr/^nobody: [^\n]*server does not support SSL[^\n]*\n$/, 'is told so, whatever sslmode the service has');
# psql may have gone before the other one has written
CastsslTest::wait_until(sub { -s $heard });
is(CastsslOpenssl::slurp($heard), "0000000804d2162f\n", 'and hears no more than the question');

# --- psql: what is no failure of a server

my $script = "$CastsslFleet::examples/psql/secure.sh";
foreach my $case (
	[ 'no file', ["$folder/no-such-file", $folder], qr/no-such-file/ ],
	[ 'no service in it', [ spew("$folder/empty.conf", "# nothing\n"), $folder ], qr/there is no service in it$/ ],
	[ 'a name of two words', [ spew("$folder/words.conf", "[db1]\n[db 2]\n"), $folder ], qr/only letters, digits.*\[db 2\]$/ ],
	[ 'a name with a quote', [ spew("$folder/quote.conf", "[db1' sslmode=disable]\n"), $folder ], qr/only letters, digits/ ],
	[ 'no folder', ["$folder/empty.conf"], qr/^usage: / ],
	[ 'another word than keep and block', [ "$folder/empty.conf", $folder, 'blocked' ], qr/^usage: / ])
{
	my ($name, $arguments, $expected) = @$case;
	($ok, $output) = $fleet->run($script, @$arguments);
	ok(!$ok, "psql: $name is a failure");
	like($output, $expected, 'which is said');
}

# Programs of its own in front of those of the system.
sub in_front
{
	my ($name, $text) = @_;
	mkdir "$folder/front";
	unlink glob "$folder/front/*";
	chmod 0755, spew("$folder/front/$name", "#!/bin/sh\n$text\n") or die;
	return "PATH=$folder/front:$ENV{PATH}";
}

my $one = $fleet->services('one.conf', $db2);
($ok, $output) = $fleet->secure($one, in_front('psql', 'kill -9 $$'));
ok(!$ok, 'a psql that is killed');
like($output, qr/^db2: psql ended with exit status 137\n\z/m, 'has a reason, too');
($ok, $output) = $fleet->secure($one, in_front('mktemp', 'echo no room >&2; exit 1'));
ok(!$ok, 'no temporary file');
is($output, "no room\n", 'and nothing goes on without');

# who takes the answer away is not there any more
($ok, $output) = $fleet->run('env', $first, 'sh', '-c', 'exec "$0" "$@" >/dev/full', $script, $one, "$folder/{}", 'block');
ok(!$ok, 'a full standard output');
like($output, qr/^db2: changed, but the standard output cannot be written$/m, 'is the reason');
take_back($db2);

# a server that talks
($ok, $output) = $fleet->secure($one, $first, 'PGOPTIONS=-c client_min_messages=debug2');
ok($ok, 'messages of the server on standard error') or diag $output;
like($output, qr/^db2: changed, policy [0-9a-f]{64}\n$/, 'are not taken for an answer');
take_back($db2);

# a standby that does not get the extension; who waits for it need not sleep
($ok, $output) = $fleet->secure($fleet->services('standby.conf', $standby), $first, in_front('sleep', ''));
ok(!$ok, 'psql: a standby whose primary has no extension');
like($output, qr/^db1-standby: the extension has not come from the primary[^\n]*\n$/, 'is told so');

# what cannot be made true is not begun: no extension is left
$db1->sql('CREATE TABLE extensions AS SELECT extname FROM pg_extension');
($ok, $output) = $fleet->run('env', $first, $script, $fleet->services('db1.conf', $db1), '/no/such/folder', 'block');
ok(!$ok, 'psql: a folder that there is not');
like($output, qr{^db1: ERROR:[^\n]*/no/such/folder[^\n]*\n$}, 'is told so');
is($db1->sql(q{SELECT count(*) FROM pg_extension WHERE extname NOT IN (SELECT extname FROM extensions)}), 0, 'and leaves no extension');

# names that have to be quoted
my $odd = q{o'brien "x" \n %s & $(id) db2};
$pki->source("$folder/$odd");
($ok, $output) = $fleet->run('env', $first, $script, $one, $folder . q{/o'brien "x" \n %s & $(id) {}}, 'block');
ok($ok, "psql: a folder named $odd") or diag $output;
is_secured($db2, 'is read');
take_back($db2);

# more than one run at a time
{
	my @runs = map { { out => '' } } 1 .. 3;
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', CASTSSL_FIRST_SSLMODE => 'disable');
	delete @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)};
	$_->{run} = IPC::Run::start([ $script, $one, "$folder/{}", 'block' ], '<', \undef, '>&', \$_->{out}) foreach @runs;
	$_->{ok} = $_->{run}->finish foreach @runs;
	# what another one writes is a warning until it is loaded
	$_->{out} =~ s/^db2: warning: .*\n//mg foreach @runs;
	ok((grep { $_->{ok} } @runs) >= 1, 'psql: of three runs at a time at least one succeeds') or diag explain [ map { $_->{out} } @runs ];
	is_deeply([ grep { $_->{out} !~ /^db2: [^\n]+\n$/ } @runs ], [], 'each says one line, beside warnings');
	is_deeply([ grep { !$_->{ok} != ($_->{out} !~ /^db2: (?:un)?changed, /) } @runs ], [], 'and its exit status is as that');
	is_secured($db2, 'the change of one is kept, and nothing waits');
	take_back($db2);
}

SKIP: {
	skip 'no Ansible with community.postgresql 2.4 or later', 1 unless $fleet->has_ansible;

	($ok, $output) = $fleet->play($fleet->inventory('nobody', { castssl_first_sslmode => '' }, \%nobody));
	ok(!$ok, 'Ansible: somebody in between says that there is no TLS');
	unlike(CastsslOpenssl::slurp($heard), qr/more/, 'and hears no more than the question');

	# arguments, before anything is reached
	($ok, $output) = $fleet->play($fleet->inventory('words', { castssl_clientcert => 'maybe' }, $db1));
	ok(!$ok, 'a value that there is not');
	like($output, qr/value of castssl_clientcert must be one of: .*got: maybe/, 'is told so');
	unlike($output, qr/PLAY \[Secure/, 'before a server is touched');
	($ok, $output) = $fleet->play("$folder/words.yml", '-vvv', '-e', 'castssl_clientcert=none', '--check');
	ok($ok, 'as much output as there is') or diag $output;
	like($output, qr/login_password/, 'has the arguments of modules');
	unlike($output, qr/wonderland/, 'and not the password');

	($ok, $output) = $fleet->play($fleet->inventory('standby', { castssl_retries => 2 }, $standby));
	ok(!$ok, 'a standby whose primary has no extension');
	like({ CastsslFleet::reasons($output) }->{'db1-standby'}, qr/^the extension has not come from the primary/, 'is told so');

	# what a server says is a text, and no template
	$db1->sql(qq{CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS \$\$BEGIN
		RAISE EXCEPTION '%', '{{ lookup("ansible.builtin.pipe", "touch $folder/pwned") }}{{ 6 * 7 }}'; END\$\$;
		CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE EXTENSION') EXECUTE FUNCTION refuse()});
	($ok, $output) = $fleet->play($fleet->inventory('template', {}, $db1));
	ok(!$ok, 'a server that answers with a template');
	like({ CastsslFleet::reasons($output) }->{db1}, qr/^\{\{ lookup.*\{\{ 6 \* 7 \}\}/, 'which is shown as it is');
	ok(!-e "$folder/pwned", 'and not run');
	$db1->sql('DROP EVENT TRIGGER refuse; DROP FUNCTION refuse()');

	# two at a time, and one of them bad: what the other did stays
	$before = $bad->state;
	($ok, $output) = $fleet->play($fleet->inventory('two', {}, $bad, $db2, $db1), '-e', 'castssl_serial=2');
	ok(!$ok, 'two servers at a time, one of them bad');
	%reason = CastsslFleet::reasons($output);
	is_deeply([ keys %reason ], ['bad'], 'one line');
	like($reason{bad}, qr/^certificate 1 of .*has expired/, 'with the reason');
	is_deeply($bad->state, $before, 'the bad one is as before');
	isnt($db2->sql(q{SELECT count(*) FROM castssl_changes() WHERE state = 'unconfirmed'}), 1, 'nothing of the other waits');
	is($db1->sql(q{SELECT count(*) FROM pg_extension WHERE extname = 'pg_castssl'}), 0, 'the one after them is not touched');
	take_back($db2);

	# the same where it fails when the change is made, and not when it is planned: it cannot be proven in time
	$pki->source("$folder/bad-good");
	$bad->sql($_) foreach 'ALTER SYSTEM SET pre_auth_delay = 5', 'SELECT pg_reload_conf()';
	($ok, $output) = $fleet->play($fleet->inventory('late', {}, { name => 'bad', node => $bad->{node}, vars => { castssl_source_dir => "$folder/bad-good" } }, $db2),
		'-e', 'castssl_serial=2');
	ok(!$ok, 'one that fails when the change is made');
	%reason = CastsslFleet::reasons($output);
	like($reason{bad}, qr/^the change did not take effect: /, 'says why') or diag $output;
	is_deeply([ keys %reason ], ['bad'], 'in one line');
	is_secured($db2, 'the other has confirmed what it did');
	take_back($db2);

	# names that have to be quoted
	($ok, $output, $changed) = $fleet->play($fleet->inventory('quoted', {}, { name => 'db2', node => $db2->{node}, vars => { castssl_source_dir => "$folder/$odd" } }));
	ok($ok, "a folder named $odd") or diag $output;
	is_secured($db2, 'is read');
	$before = $db2->state;
	($ok, $output, $changed) = $fleet->play("$folder/quoted.yml", '--check', '--diff');
	is_deeply($changed, { db2 => 0 }, 'check mode afterwards: nothing would change') or diag $output;
	($ok, $output, $changed) = $fleet->play("$folder/quoted.yml");
	is_deeply($changed, { db2 => 0 }, 'and nothing does');
	is_deeply($db2->state, $before, 'not a file');
	take_back($db2);

	# check mode twice on a server that is not secured
	$before = $db2->state;
	my @shown;
	foreach my $time (qw(first second))
	{
		($ok, $output, $changed) = $fleet->play("$folder/quoted.yml", '--check', '--diff');
		is_deeply($changed, { db2 => 1 }, "check mode, the $time time: it would change") or diag $output;
		push @shown, join "\n", $output =~ /^ +"[-+].*$/mg;
	}
	is($shown[1], $shown[0], 'in the same way');
	is_deeply($db2->state, $before, 'and nothing has changed');

	# the CA of the site
	my $state = $db2->state;
	my $kept = "$CastsslFleet::examples/ansible/sign";
	my @ca = ($pki->path('root.crt'), $pki->path('root.key'));
	foreach my $case (
		[ 'a CA that fails', [ 'sh', '-c', 'cat >/dev/null; echo the CA is closed >&2; exit 3' ], qr/^the CA is closed: sh \(castssl_sign_command\) ended with exit status 3 and without a/ ],
		[ 'a CA that says nothing', [ 'sh', '-c', 'cat >/dev/null' ], qr/^nothing on standard error: sh \(castssl_sign_command\) ended with exit status 0 and no cert/ ],
		[ 'a CA that there is not', ['/no/such/ca'], qr{: /no/such/ca \(castssl_sign_command\) ended with} ])
	{
		my ($name, $command, $expected) = @$case;
		($ok, $output) = $fleet->play($fleet->inventory('ca', { castssl_ca => $ca[0], castssl_renew_before => '1000 days', castssl_sign_command => $command }, $db2));
		ok(!$ok, $name);
		like({ CastsslFleet::reasons($output) }->{db2} // $output, $expected, 'is told so') or diag $output;
	}
	is_deeply($db2->state, $state, 'and nothing has changed');
	($ok, $output) = $fleet->run($kept, $ca[0], '/no/such/key', 'DNS:localhost');
	ok(!$ok, 'sign: a key that there is not');
	($ok, $output) = $fleet->run('env', in_front('openssl', '[ "$1" != rand ]'), $kept, @ca, 'DNS:localhost');
	ok(!$ok, 'sign: no serial number');
	($ok, $output) = $fleet->play($fleet->inventory('no-ca', { castssl_ca => '/no/such/file', castssl_sign_command => ['true'] }, $db2));
	ok(!$ok, 'no certificate of the CA');
	like({ CastsslFleet::reasons($output) }->{db2}, qr/^castssl_ca must be the file/, 'is told so');

	# a server that goes away in the middle
	my $data = $db2->{data};
	($ok, $output) = $fleet->play($fleet->inventory('away', { castssl_ca => $ca[0], castssl_renew_before => '1000 days',
		castssl_sign_command => [ 'sh', '-c', "pg_ctl -D '$data' -m immediate stop >&2 && exec '$kept' '$ca[0]' '$ca[1]' DNS:localhost" ] }, $db2, $db1));
	ok(!$ok, 'a server that stops in the middle');
	%reason = CastsslFleet::reasons($output);
	is_deeply([ keys %reason ], ['db2'], 'is one line');
	like($reason{db2}, qr/^unable to connect to database: .*refused/s, 'which says that it does not answer');
	is($db1->sql(q{SELECT count(*) FROM pg_extension WHERE extname = 'pg_castssl'}), 0, 'the one after it is not touched');
	$db2->{node}->{_pid} = undef;
	$db2->start;
	is($db2->served, 'none', 'and it is as before');
}

kill 'TERM', $between;
waitpid $between, 0;
$_->stop foreach $standby, $db1, $db2, $bad;
done_testing();
