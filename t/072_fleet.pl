# Many servers by one command, examples/ansible and examples/psql: two primaries, each with a hot standby,
# and one whose certificate cannot work.
# Needs: ansible python3-psycopg2 ansible-lint yamllint
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslOpenssl qw(spew);
use JSON::PP ();
use Test::More;

my $examples = "$FindBin::RealBin/../examples";
my $folder = CastsslTest::temporary_folder();
my @good;
foreach my $name (qw(db1 db2))
{
	my $primary = CastsslTest->new($name, streaming => 1, conf => $CastsslTest::listen_on_localhost);
	$primary->sql(q{ALTER ROLE postgres PASSWORD 'wonderland'});
	$primary->sql('DROP EXTENSION pg_castssl');
	my $standby = $primary->from_backup("$name-standby", standby => 1);
	$standby->start;
	push @good, $primary, $standby;
}
my $bad = CastsslTest->new('bad', conf => $CastsslTest::listen_on_localhost);
$bad->sql(q{ALTER ROLE postgres PASSWORD 'wonderland'});
my $pki = $bad->{pki};
$pki->certificate('postgres', 'root', '/CN=postgres', 'client', -1, 90);
$pki->certificate('postgres-other', 'other-root', '/CN=postgres', 'client', -1, 90);
$pki->source("$folder/$_->{name}") foreach @good;
$pki->source("$folder/bad", 'server.crt' => 'server-expired.crt', 'server.key' => 'server-expired.key');

sub run_in_folder
{
	my (@command) = @_;
	my $output = '';
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => $folder, ANSIBLE_NOCOLOR => 1, ANSIBLE_LOCALHOST_WARNING => 0);
	delete @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)};
	IPC::Run::run(\@command, '<', \undef, '>&', \$output);
	return ($? == 0, $output);
}

sub states
{
	my (@servers) = @_;
	return [ map { $_->state } @servers ];
}

sub are_secured
{
	my (@servers) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $t (@servers)
	{
		is($t->sql(q{SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1}), 'applied', "$t->{name}: confirmed");
		$t->in("$t->{name}: TLS with a certificate", sslmode => 'verify-full', cert => 'alice', encrypted => 't');
		$t->out("$t->{name}: plaintext", qr/no pg_hba.conf entry/, sslmode => 'disable');
	}
	return;
}

# --- Ansible

sub inventory
{
	my ($name, $variables, @servers) = @_;
	my $json = JSON::PP->new->utf8;
	my %vars = (
		castssl_host => 'localhost', castssl_first_sslmode => 'disable', castssl_password => 'wonderland', castssl_plaintext => 'block', castssl_clientcert => 'verify-ca',
		castssl_sslrootcert => $pki->path('root.crt'),
		castssl_sslcert => $pki->path('postgres.crt'), castssl_sslkey => $pki->path('postgres.key'), %$variables);
	# in the order of the servers, which JSON::PP does not keep
	my $hosts = join ', ', map {
		qq("$_->{name}": ) . $json->encode({ castssl_port => $_->{node}->port, castssl_source_dir => "$folder/$_->{name}" })
	} @servers;
	return spew("$folder/$name.yml", qq({"postgresql": {"hosts": {$hosts}, "vars": ) . $json->encode(\%vars) . '}}');
}

# (succeeded, output, { host => changed }): the hosts of the recap that did not fail.
sub play
{
	my ($inventory, @options) = @_;
	my ($ok, $output) = run_in_folder('ansible-playbook', '-i', $inventory, @options, "$examples/ansible/secure.yml");
	my %changed = $output =~ /^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=0/mg;
	return ($ok, $output, \%changed);
}

# { host => reason } of the hosts that failed: one line for each.
sub reasons
{
	my ($output) = @_;
	my %reasons;
	while ($output =~ /^fatal: \[(\S+)\]: \S+! => (\{.*\})$/mg)
	{
		ok(!exists $reasons{$1}, "$1 failed once") or diag $output;
		$reasons{$1} = JSON::PP::decode_json($2)->{msg};
	}
	return %reasons;
}

sub all_changed
{
	my ($changed, @servers) = @_;
	return { map { ($_->{name} => $changed) } @servers };
}

SKIP: {
	my ($found) = run_in_folder('sh', '-c', 'ansible-lint --version && yamllint --version');
	skip 'no ansible-lint and yamllint', 1 unless $found;
	my $copy = "$folder/lint"; # in a folder that ansible-lint may write to
	system('cp', '-R', "$examples/ansible", $copy) == 0 or die;
	my ($ok, $output) = run_in_folder('sh', '-c', "cd $copy && yamllint -s -c .yamllint .");
	ok($ok, 'yamllint') or diag $output;
	($ok, $output) = run_in_folder('sh', '-c', "cd $copy && ansible-lint --offline --strict --nocolor secure.yml requirements.yml roles/pg_castssl");
	ok($ok, 'ansible-lint') or diag $output;
	like($output, qr/Passed with production profile/, 'by its strictest profile');
}

SKIP: {
	my ($found) = run_in_folder('sh', '-c', 'ansible-doc community.postgresql.postgresql_query | grep -q ssl_key');
	skip 'no Ansible with community.postgresql 2.4 or later', 1 unless $found;

	my $before = states(@good, $bad);
	my ($ok, $output, $changed) = play(inventory('unnamed', { castssl_first_sslmode => '' }, @good));
	ok(!$ok, 'servers without TLS, and nobody allowed to reach them without');
	my %reason = reasons($output);
	is_deeply([ sort keys %reason ], [qw(db1 db1-standby db2 db2-standby)], 'one line for each');
	like($reason{db1}, qr/^unable to connect to database: .*server does not support SSL.*; for the first run, .* -e castssl_first_sslmode=disable$/s,
		'with the reason, and what allows it');
	($ok, $output, $changed) = play(inventory('first', {}, $bad, @good), '--limit', 'bad,db1');
	ok(!$ok, 'a bad one first: the play fails');
	is_deeply($changed, { db1 => 0 }, 'and stops');
	like({ reasons($output) }->{bad}, qr/^certificate 1 of .*has expired.*HINT: /s, 'with the reason first');
	# whatever the order of the inventory
	my @mixed = @good[ 1, 0, 3, 2 ];
	($ok, $output, $changed) = play(inventory('good', {}, @mixed), '--check', '--diff');
	ok($ok, 'check mode') or diag $output;
	is_deeply($changed, { %{ all_changed(1, @good[ 0, 2 ]) }, %{ all_changed(0, @good[ 1, 3 ]) } }, 'says that it would change, and nothing of a standby');
	like($output, qr/"install file \| server\.key \| copied"/, 'shows the steps with --diff');
	like($output, qr/"-host +all +all +127\.0\.0\.1\/32 +\S+",\s+"\+hostssl .* clientcert=verify-ca # castssl"/, 'and the difference of pg_hba.conf');
	is_deeply(states(@good, $bad), $before, 'and nothing has changed');
	is($good[0]->sql(q{SELECT count(*) FROM pg_extension WHERE extname = 'pg_castssl'}), 0, 'no extension either');

	$before = $bad->state;
	($ok, $output, $changed) = play(inventory('all', {}, $bad, @mixed), '--limit', 'db1,db1-standby,db2,db2-standby');
	ok($ok, 'four servers') or diag $output;
	is_deeply($changed, all_changed(1, @good), 'are changed');
	like($output, qr/db1\].*db2\].*db1-standby\].*db2-standby\]/s, 'primaries before their standbys');
	are_secured(@good);
	($ok, $output, $changed) = play("$folder/all.yml");
	ok(!$ok, 'and one bad');
	like({ reasons($output) }->{bad}, qr/has expired/, 'the play says what is wrong with it');
	is_deeply($bad->state, $before, 'it is as before');

	$before = states(@good);
	($ok, $output, $changed) = play(inventory('second', { castssl_first_sslmode => '' }, @good));
	ok($ok, 'a second run, by verify-full alone') or diag $output;
	is_deeply($changed, all_changed(0, @good), 'changes nothing');
	is_deeply(states(@good), $before, 'not a file');
	like($output, qr/All have one policy\. +[0-9a-f]{64}: db1, db1-standby, db2, db2-standby\./, 'and says that they agree');

	# TLS that cannot be verified is never used, nor is what lies below it
	($ok, $output) = play(inventory('foreign', { castssl_sslrootcert => $pki->path('other-root.crt') }, $good[0]), '--check');
	ok(!$ok, 'a server whose certificate cannot be verified');
	like({ reasons($output) }->{db1}, qr/^unable to connect to database: .*certificate verify failed/s, 'is not reached in another way');

	# certificates from the CA of the site
	my %request = (
		castssl_ca => $pki->path('root.crt'), castssl_renew_before => '100 days',
		castssl_sign_command => [ "$examples/ansible/sign", $pki->path('root.crt'), $pki->path('root.key'), 'DNS:localhost' ]);
	my @pair = @good[ 0, 1 ];
	my $served = $pair[0]->served;
	($ok, $output, $changed) = play(inventory('request', { %request, castssl_renew_before => '100 days' }, @pair), '--check');
	is_deeply($changed, all_changed(1, @pair), 'certificates by request: check mode says that they are wanted');
	is($pair[0]->served, $served, 'certificates by request: check mode changes nothing');
	($ok, $output, $changed) = play("$folder/request.yml");
	ok($ok, 'certificates by request') or diag $output;
	my %keys = map { (CastsslOpenssl::slurp("$_->{data}/server.key") => 1) } @pair, { data => "$folder/db1" };
	is(scalar keys %keys, 3, 'each has a key of its own');
	$_->in("$_->{name}: a certificate of the CA", sslmode => 'verify-full', cert => 'alice', encrypted => 't') foreach @pair;
	($ok, $output, $changed) = play(inventory('lasting', { %request, castssl_renew_before => '30 days' }, @pair));
	ok($ok, 'a second run') or diag $output;
	is_deeply($changed, all_changed(0, @pair), 'changes nothing');

	# one that the new connection cannot confirm
	$_->sql('SELECT * FROM castssl_rollback(1)') foreach @good;
	$before = $good[0]->state;
	($ok, $output) = play(inventory('stranger', { castssl_confirm_within => '15 s',
		castssl_sslcert => $pki->path('postgres-other.crt'), castssl_sslkey => $pki->path('postgres-other.key') }, @good));
	ok(!$ok, 'an administrator whose own certificate is of another CA');
	like($output, qr/unable to connect to database.*unknown ca/s, 'is told so');
	$good[0]->{node}->poll_query_until('postgres', q{SELECT state <> 'unconfirmed' FROM castssl_changes() ORDER BY change_id DESC LIMIT 1});
	is($good[0]->hba, $CastsslTest::stock_hba, 'the first server puts itself back');
	is($good[0]->served, 'none', 'all of it');
	is($good[2]->hba, $CastsslTest::stock_hba, 'the others were not tried');

	$good[0]->enable(source_dir => "$folder/db1", plaintext => 'block', confirm_within => '10 min');
	($ok, $output) = play("$folder/good.yml");
	ok(!$ok, 'a change that waits');
	like($output, qr/is not confirmed yet, and is undone at/, 'is left to who made it');
	$good[0]->back;
}

# --- psql

sub services
{
	my ($name, @servers) = @_;
	return spew("$folder/$name", join "\n", map {
		"[$_->{name}]\nhost=localhost\nhostaddr=127.0.0.1\nport=" . $_->{node}->port . "\nuser=postgres\ndbname=postgres\nsslmode=verify-full\n"
		  . "sslrootcert=" . $pki->path('root.crt') . "\nsslcert=" . $pki->path('postgres.crt') . "\nsslkey=" . $pki->path('postgres.key') . "\n"
	} @servers);
}

sub secure
{
	my ($services, @environment) = @_;
	return run_in_folder('env', @environment, "$examples/psql/secure.sh", $services, "$folder/{}", 'block');
}

my $before = states(@good, $bad);
my $first = 'CASTSSL_FIRST_SSLMODE=disable';
my ($ok, $output) = secure(services('first.conf', $bad, @good));
ok(!$ok, 'psql: servers without TLS, and nobody allowed to reach them without');
like($output, qr/^bad: [^\n]*server does not support SSL, [^\n]*; for the first run, [^\n]* CASTSSL_FIRST_SSLMODE=disable\n$/,
	'is said in one line, with what allows it');
($ok, $output) = secure("$folder/first.conf", $first);
ok(!$ok, 'a bad one first');
like($output, qr/^bad: ERROR:  certificate 1 of [^\n]*expired[^\n]*\n$/, 'is told why, in one line');
is_deeply(states(@good, $bad), $before, 'it is as before, and so are those after it');

$good[0]->sql('CREATE EXTENSION IF NOT EXISTS pg_castssl');
$good[0]->enable(source_dir => "$folder/db1", plaintext => 'block', confirm_within => '10 min');
my @mixed = @good[ 1, 0, 3, 2 ];
($ok, $output) = secure(services('good.conf', @mixed), $first);
ok(!$ok, 'a change that waits');
like($output, qr/^db1: change \d+ is not confirmed yet, and is undone at [^|\n]*\n$/, 'is left to who made it');
$good[0]->back;

$before = $bad->state;
($ok, $output) = secure(services('all.conf', @mixed, $bad), $first);
ok(!$ok, 'five servers, one bad, standbys first');
like($output, qr/^db1: changed, policy ([0-9a-f]{64})\ndb2: changed, policy \1\nbad: [^\n]*expired[^\n]*\n$/, 'primaries come first, up to the bad one');
($ok, $output) = secure("$folder/good.conf", $first);
ok($ok, 'without it') or diag $output;
like($output, qr/^db1: unchanged, policy ([0-9a-f]{64})\ndb2: unchanged, policy \1\ndb1-standby: changed, policy \1\ndb2-standby: changed, policy \1\n$/,
	'the standbys are changed, and all agree');
is_deeply($bad->state, $before, 'the other is as before');
are_secured(@good);

$before = states(@good);
($ok, $output) = secure("$folder/good.conf");
ok($ok, 'a second run, by verify-full alone') or diag $output;
like($output, qr/^(?:db\S+: unchanged, .*\n){4}$/, 'changes nothing');
is_deeply(states(@good), $before, 'not a file');

# A server that cannot be verified: nothing is asked in another way, and no failure is taken for success.
my $foreign = CastsslOpenssl::slurp("$folder/good.conf") =~ s/\Q${\ $pki->path('root.crt')}\E/$pki->path('other-root.crt')/gre;
($ok, $output) = secure(spew("$folder/foreign.conf", $foreign), $first);
ok(!$ok, 'servers whose certificates cannot be verified');
like($output, qr/^db1-standby: [^\n]*certificate verify failed[^\n]*\n$/, 'are not reached in another way');

$_->stop foreach reverse(@good), $bad;
done_testing();
