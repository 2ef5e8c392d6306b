# What examples/ansible and examples/psql tell whoever runs them: each warning of castssl_enable() is a line, a live session
# that could not come back stops the run, who does not answer is a failure, and who changed nothing does not say so.
# Needs: ansible python3-psycopg2
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslFleet;
use CastsslOpenssl qw(slurp spew);
use IO::Socket::INET;
use Test::More;

my %server;
foreach my $name (qw(db1 db2))
{
	my $t = $server{$name} = CastsslTest->new($name, streaming => $name eq 'db1', conf => $CastsslTest::listen_on_localhost);
	$t->sql(q{ALTER ROLE postgres PASSWORD 'wonderland'});
}
my ($db1, $db2) = @server{qw(db1 db2)};
my $pki = $db1->{pki};
my $fleet = CastsslFleet->new($pki);
my $folder = $fleet->{folder};
$fleet->administrator;
$pki->source("$folder/$_") foreach qw(db1 db2 db1-standby);
my $standby = $db1->from_backup('db1-standby', standby => 1);
$standby->start;
my $script = "$CastsslFleet::examples/psql/secure.sh";
my $first = 'CASTSSL_FIRST_SSLMODE=disable';
my $one = $fleet->services('one.conf', $db2);
my ($ok, $output, $changed, $before);

sub take_back
{
	$_->sql('SELECT count(*) FROM castssl_disable(force => true)') foreach @_;
	return;
}

# --- a live session that could not come back

# whose application says its name as a template of Ansible's
my $guest = do { local $ENV{PGAPPNAME} = '{{ 6 * 7 }}'; $db2->guest(sslmode => 'disable') };
my $cut_off = qr/session \d+: a connection like it \(client backend \\?"alice\\?"[^\n]*, application \\?"\{\{ 6 \* 7 \}\}\\?"\) would be refused afterwards\.[^\n]*/;
$before = $db2->state;
($ok, $output) = $fleet->secure($one, $first);
ok(!$ok, 'psql: a live session could not come back');
like($output, qr/^db2: warning: $cut_off \(session_cut_off\)\ndb2: session_cut_off: nothing was changed[^\n]* CASTSSL_FORCE=true\n\z/, 'is told so, and what goes on')
  or diag $output;
is_deeply($db2->state, $before, 'and nothing has changed');
($ok, $output) = $fleet->secure($one, $first, 'CASTSSL_FORCE=true');
ok($ok, 'CASTSSL_FORCE goes on') or diag $output;
like($output, qr/^db2: warning: $cut_off \(session_cut_off\)\ndb2: changed, policy [0-9a-f]{64}\n\z/, 'and the warning is there, once');
take_back($db2);
($ok, $output) = $fleet->run('env', 'CASTSSL_FORCE=yes', $script, $one, $folder);
like($output, qr/^usage: .*CASTSSL_FORCE=true/, 'another word than true is none');

SKIP: {
	skip 'no Ansible with community.postgresql 2.4 or later', 1 unless $fleet->has_ansible;
	my $inventory = $fleet->inventory('one', { castssl_clientcert => '' }, $db2);
	$before = $db2->state;
	($ok, $output, $changed) = $fleet->play($inventory, '--check');
	ok($ok, 'Ansible: check mode goes on') or diag $output;
	like($output, qr/"warning: $cut_off \(session_cut_off\)"/, 'with the warning');
	($ok, $output, $changed) = $fleet->play($inventory);
	ok(!$ok, 'Ansible: a live session could not come back');
	like({ CastsslFleet::reasons($output) }->{db2}, qr/^session_cut_off: $cut_off -e castssl_force=true$/, 'is the reason');
	is_deeply($db2->state, $before, 'and nothing has changed');
	($ok, $output, $changed) = $fleet->play($inventory, '-e', 'castssl_force=true');
	ok($ok, 'castssl_force goes on') or diag $output;
	is_deeply($changed, { db2 => 1 }, 'and changes');
	take_back($db2);
}
$guest->quit;

# --- its own session before, which the server closes while castssl_enable() runs

$db2->sql('CREATE EXTENSION IF NOT EXISTS pg_castssl');
$db2->sql(<<'SQL');
CREATE FUNCTION enable_and_end(source_dir text, plaintext text, force boolean, confirm_within interval, dry_run boolean = false)
	RETURNS TABLE (change_id bigint, target text, result text, detail text, code text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT s.change_id::bigint, s.target, s.result, s.detail, s.code FROM castssl_enable(source_dir => enable_and_end.source_dir, plaintext => enable_and_end.plaintext,
		force => enable_and_end.force, confirm_within => enable_and_end.confirm_within, dry_run => enable_and_end.dry_run) s;
	LOOP
		PERFORM pg_stat_clear_snapshot();
		PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'secure.sh' AND pid <> pg_backend_pid();
		EXIT WHEN NOT FOUND;
	END LOOP;
END $$
SQL
{
	my $former = do { local $ENV{PGAPPNAME} = 'secure.sh'; $db2->guest(user => 'postgres', cert => undef, sslmode => 'disable') };
	ok(CastsslTest::wait_until(sub { $db2->sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'secure.sh'}) eq '1' }), 'psql: a former session of the script is there still');
	mkdir "$folder/ending" or die $!;
	my ($psql) = grep { -x } map { "$_/psql" } split /:/, $ENV{PATH};
	chmod 0755, spew("$folder/ending/psql", "#!/bin/sh\nsed 's/FROM castssl_enable(/FROM enable_and_end(/' | '$psql' \"\$@\"\n") or die $!;
	($ok, $output) = $fleet->secure($one, $first, "PATH=$folder/ending:$ENV{PATH}");
	ok($ok, 'and goes meanwhile') or diag $output;
	like($output, qr/^db2: changed, policy [0-9a-f]{64}\n\z/, 'it is not warned of');
	$former->quit;
	take_back($db2);
}

# --- warnings that stop nothing

($ok, $output) = $fleet->secure($one, $first);
like($output, qr/^db2: changed, policy [0-9a-f]{64}\n\z/, 'psql: nothing to warn of');
$pki->certificate('server-soon', 'root', '/CN=localhost', 'server', -85, 5);
$pki->source("$folder/db2", 'server.crt' => 'server-soon.crt', 'server.key' => 'server-soon.key');
foreach my $result (qw(changed unchanged))
{
	($ok, $output) = $fleet->secure($one);
	ok($ok, "psql: a certificate that expires soon, $result") or diag $output;
	like($output, qr/^db2: warning: [^\n]* \(expires_soon\)\n(?:db2: warning: [^\n]*\n)*db2: $result, policy [0-9a-f]{64}\n\z/, 'is warned of');
	is((() = $output =~ /\(expires_soon\)$/mg), 1, 'once');
}

SKIP: {
	skip 'no Ansible with community.postgresql 2.4 or later', 1 unless $fleet->has_ansible;
	($ok, $output, $changed) = $fleet->play($fleet->inventory('soon', { castssl_clientcert => '' }, $db2));
	ok($ok, 'Ansible: a certificate that expires soon') or diag $output;
	is_deeply($changed, { db2 => 0 }, 'that is there already');
	like($output, qr/"warning: [^\n]* \(expires_soon\)"/, 'is warned of');

	# a name near one of the role's
	$before = $db2->state;
	($ok, $output) = $fleet->play("$folder/soon.yml", '-e', 'castssl_sslmode=disable');
	ok(!$ok, 'Ansible: castssl_sslmode');
	like({ CastsslFleet::reasons($output) }->{db2}, qr/^castssl_sslmode is no variable of this role/, 'is refused');
	my $alone = spew("$folder/alone-play.yml", qq([{"hosts": "postgresql", "connection": "local", "gather_facts": false, "roles": [{"role": "$CastsslFleet::examples/ansible/roles/pg_castssl", "vars": {"castssl_sslmode": "disable"}}]}]));
	($ok, $output) = $fleet->run('ansible-playbook', '-i', "$folder/soon.yml", $alone);
	ok(!$ok, 'also by a play of its own');
	like({ CastsslFleet::reasons($output) }->{db2}, qr/^castssl_sslmode is no variable of this role/, 'and for that reason');
	spew($alone, slurp($alone) =~ s/"castssl_sslmode": "disable"//r);
	($ok, $output) = $fleet->run('ansible-playbook', '-i', "$folder/soon.yml", $alone);
	ok($ok, 'the role in a play of its own') or diag $output;
	is_deeply($db2->state, $before, 'nothing has changed');

	# a standby that has the extension
	($ok, $output, $changed) = $fleet->play($fleet->inventory('standby', {}, $db1, $standby), '--check', '--diff');
	ok($ok, 'Ansible: check mode and --diff for a standby that has the extension') or diag $output;
	is_deeply($changed, { 'db1' => 1, 'db1-standby' => 1 }, 'both would change');
	like($output, qr/"install file \| server\.key \| /, 'the steps are there');
}

# --- two at a time: the second comes to a server on which the first has renewed the certificate meanwhile

$pki->source("$folder/db2", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');

{
	mkdir "$folder/front" or die $!;
	my ($psql) = grep { -x } map { "$_/psql" } split /:/, $ENV{PATH};
	chmod 0755, spew("$folder/front/psql", <<"END") or die $!;
#!/bin/sh
cat >'$folder/statement'
if grep -q castssl_enable '$folder/statement' && ! grep -q dry_run '$folder/statement' && mkdir '$folder/once' 2>/dev/null; then
	cp '$folder/statement' '$folder/mine'
	PATH='$ENV{PATH}' '$script' '$one' '$folder/{}' block >'$folder/other' 2>&1
	cp '$folder/mine' '$folder/statement'
fi
exec '$psql' "\$@" <'$folder/statement'
END
	($ok, $output) = $fleet->secure($one, "PATH=$folder/front:$ENV{PATH}");
	ok($ok, 'psql: two at a time') or diag $output;
	like(slurp("$folder/other"), qr/^db2: changed, policy [0-9a-f]{64}\n\z/, 'the one that changed it says so');
	like($output, qr/^db2: unchanged, policy [0-9a-f]{64}\n\z/, 'and the other does not');
}

# --- a file of services, and what becomes of the script's own

my $indented = spew("$folder/indented.conf", slurp($one) =~ s/^/ \t/mgr);
($ok, $output) = $fleet->secure($indented);
ok($ok, 'psql: an indented file of services') or diag $output;
like($output, qr/^db2: unchanged, /, 'is read as libpq reads it');
mkdir "$folder/temporary" or die $!;
$fleet->run('sh', '-c', "TMPDIR=$folder/temporary $script $one '$folder/{}' block | true");
is_deeply([ glob "$folder/temporary/*" ], [], 'nobody listens: no file stays behind');
take_back($db2);

# --- who accepts and does not answer

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die $!;
my %silent = (name => 'silent', port => $listener->sockport);
($ok, $output) = $fleet->run('timeout', 300, $script, $fleet->services('silent.conf', \%silent), $folder);
ok(!$ok, 'psql: a host that does not answer');
like($output, qr/^silent: [^\n]*timeout expired[^\n]*\n\z/, 'is told so');
SKIP: {
	skip 'no Ansible with community.postgresql 2.4 or later', 1 unless $fleet->has_ansible;
	($ok, $output) = $fleet->run('timeout', 300, 'ansible-playbook', '-i', $fleet->inventory('silent', {}, \%silent), "$CastsslFleet::examples/ansible/secure.yml");
	ok(!$ok, 'Ansible: a host that does not answer');
	like({ CastsslFleet::reasons($output) }->{silent} // $output, qr/^unable to connect to database: .*timeout expired/s, 'is told so');
}

$_->stop foreach $standby, $db1, $db2;
done_testing();
