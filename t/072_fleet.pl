# Many servers by one command, examples/ansible and examples/psql: two primaries, each with a hot standby,
# and one whose certificate cannot work.
# Needs: ansible python3-psycopg2 ansible-lint yamllint
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslFleet;
use CastsslOpenssl qw(spew);
use Test::More;

my $examples = $CastsslFleet::examples;
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
my $fleet = CastsslFleet->new($pki);
my $folder = $fleet->{folder};
$fleet->administrator;
$pki->source("$folder/$_->{name}") foreach @good;
$pki->source("$folder/bad", 'server.crt' => 'server-expired.crt', 'server.key' => 'server-expired.key');

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

sub all_changed
{
	my ($changed, @servers) = @_;
	return { map { ($_->{name} => $changed) } @servers };
}

# the role's variables: with a default or required, checked, and in its README
{
	my ($defaults, $specs, $readme) = map { CastsslOpenssl::slurp("$examples/ansible/roles/pg_castssl/$_") } qw(defaults/main.yml meta/argument_specs.yml README.md);
	my @specified = sort $specs =~ /^      (castssl_\w+):/mg;
	my %required = map { $_ => 1 } $specs =~ /^      (castssl_\w+): \{[^}]*required: true/mg;
	is_deeply([ sort $defaults =~ /^(castssl_\w+):/mg ], [ grep { !$required{$_} && $_ ne 'castssl_ca' } @specified ], 'variables of the role have defaults');
	my ($table) = $readme =~ /^## Role variables\n(.*?)^## /ms;
	is_deeply([ sort map { /`(castssl_\w+)`/g } $table =~ /^\|([^|]*)\|/mg ], \@specified, 'and are in its README');
}

SKIP: {
	my ($found) = $fleet->run('sh', '-c', 'ansible-lint --version && yamllint --version');
	skip 'no ansible-lint and yamllint', 1 unless $found;
	my $copy = "$folder/lint"; # in a folder that ansible-lint may write to
	system('cp', '-R', "$examples/ansible", $copy) == 0 or die;
	my ($ok, $output) = $fleet->run('sh', '-c', "cd $copy && yamllint -s -c .yamllint .");
	ok($ok, 'yamllint') or diag $output;
	($ok, $output) = $fleet->run('sh', '-c', "cd $copy && ansible-lint --offline --strict --nocolor secure.yml requirements.yml roles/pg_castssl");
	ok($ok, 'ansible-lint') or diag $output;
	like($output, qr/Passed with production profile/, 'by its strictest profile');
}

SKIP: {
	skip 'no Ansible with community.postgresql 2.4 or later', 1 unless $fleet->has_ansible;

	my $before = states(@good, $bad);
	my ($ok, $output, $changed) = $fleet->play($fleet->inventory('unnamed', { castssl_first_sslmode => '' }, @good));
	ok(!$ok, 'servers without TLS, and nobody allowed to reach them without');
	my %reason = CastsslFleet::reasons($output);
	is_deeply([ sort keys %reason ], [qw(db1 db1-standby db2 db2-standby)], 'one line for each');
	like($reason{db1}, qr/^unable to connect to database: .*server does not support SSL.*; for the first run, .* -e castssl_first_sslmode=disable$/s,
		'with the reason, and what allows it');
	($ok, $output, $changed) = $fleet->play($fleet->inventory('first', {}, $bad, @good), '--limit', 'bad,db1');
	ok(!$ok, 'a bad one first: the play fails');
	is_deeply($changed, { db1 => 0 }, 'and stops');
	like({ CastsslFleet::reasons($output) }->{bad}, qr/^certificate 1 of .*has expired.*HINT: /s, 'with the reason first');
	# whatever the order of the inventory
	my @mixed = @good[ 1, 0, 3, 2 ];
	($ok, $output, $changed) = $fleet->play($fleet->inventory('good', {}, @mixed), '--check', '--diff');
	ok($ok, 'check mode') or diag $output;
	is_deeply($changed, { %{ all_changed(1, @good[ 0, 2 ]) }, %{ all_changed(0, @good[ 1, 3 ]) } }, 'says that it would change, and nothing of a standby');
	like($output, qr/"install file \| server\.key \| copied"/, 'shows the steps with --diff');
	like($output, qr/"-host +all +all +127\.0\.0\.1\/32 +\S+",\s+"\+hostssl .* clientcert=verify-ca # castssl"/, 'and the difference of pg_hba.conf');
	is_deeply(states(@good, $bad), $before, 'and nothing has changed');
	is($good[0]->sql(q{SELECT count(*) FROM pg_extension WHERE extname = 'pg_castssl'}), 0, 'no extension either');

	$before = $bad->state;
	($ok, $output, $changed) = $fleet->play($fleet->inventory('all', {}, $bad, @mixed), '--limit', 'db1,db1-standby,db2,db2-standby');
	ok($ok, 'four servers') or diag $output;
	is_deeply($changed, all_changed(1, @good), 'are changed');
	like($output, qr/db1\].*db2\].*db1-standby\].*db2-standby\]/s, 'primaries before their standbys');
	are_secured(@good);
	($ok, $output, $changed) = $fleet->play("$folder/all.yml");
	ok(!$ok, 'and one bad');
	like({ CastsslFleet::reasons($output) }->{bad}, qr/has expired/, 'the play says what is wrong with it');
	is_deeply($bad->state, $before, 'it is as before');

	$before = states(@good);
	($ok, $output, $changed) = $fleet->play($fleet->inventory('second', { castssl_first_sslmode => '' }, @good));
	ok($ok, 'a second run, by verify-full alone') or diag $output;
	is_deeply($changed, all_changed(0, @good), 'changes nothing');
	is_deeply(states(@good), $before, 'not a file');
	like($output, qr/All have one policy\. +[0-9a-f]{64}: db1, db1-standby, db2, db2-standby\./, 'and says that they agree');

	# TLS that cannot be verified is never used, nor is what lies below it
	($ok, $output) = $fleet->play($fleet->inventory('foreign', { castssl_sslrootcert => $pki->path('other-root.crt') }, $good[0]), '--check');
	ok(!$ok, 'a server whose certificate cannot be verified');
	like({ CastsslFleet::reasons($output) }->{db1}, qr/^unable to connect to database: .*certificate verify failed.*; if .* call castssl_enable\(\) once on the server, by its socket$/s,
		'is not reached in another way, and what to do is said');

	# certificates from the CA of the site
	my %request = (
		castssl_ca => $pki->path('root.crt'), castssl_renew_before => '100 days',
		castssl_sign_command => [ "$examples/ansible/sign", $pki->path('root.crt'), $pki->path('root.key'), 'DNS:localhost' ]);
	my @pair = @good[ 0, 1 ];
	my $served = $pair[0]->served;
	($ok, $output, $changed) = $fleet->play($fleet->inventory('request', { %request, castssl_renew_before => '100 days' }, @pair), '--check');
	is_deeply($changed, all_changed(1, @pair), 'certificates by request: check mode says that they are wanted');
	is($pair[0]->served, $served, 'certificates by request: check mode changes nothing');
	($ok, $output, $changed) = $fleet->play("$folder/request.yml");
	ok($ok, 'certificates by request') or diag $output;
	my %keys = map { (CastsslOpenssl::slurp("$_->{data}/server.key") => 1) } @pair, { data => "$folder/db1" };
	is(scalar keys %keys, 3, 'each has a key of its own');
	$_->in("$_->{name}: a certificate of the CA", sslmode => 'verify-full', cert => 'alice', encrypted => 't') foreach @pair;
	($ok, $output, $changed) = $fleet->play($fleet->inventory('lasting', { %request, castssl_renew_before => '30 days' }, @pair));
	ok($ok, 'a second run') or diag $output;
	is_deeply($changed, all_changed(0, @pair), 'changes nothing');

	# one that the new connection cannot confirm
	$_->sql('SELECT * FROM castssl_rollback(1)') foreach @good;
	$before = $good[0]->state;
	($ok, $output) = $fleet->play($fleet->inventory('stranger', { castssl_confirm_within => '10 min',
		castssl_sslcert => $pki->path('postgres-other.crt'), castssl_sslkey => $pki->path('postgres-other.key') }, @good));
	ok(!$ok, 'an administrator whose own certificate is of another CA');
	like($output, qr/unable to connect to database.*unknown ca/s, 'is told so');
	$good[0]->expire;
	$good[0]->{node}->poll_query_until('postgres', q{SELECT state <> 'unconfirmed' FROM castssl_changes() ORDER BY change_id DESC LIMIT 1});
	is($good[0]->hba, $CastsslTest::stock_hba, 'the first server puts itself back');
	is($good[0]->served, 'none', 'all of it');
	is($good[2]->hba, $CastsslTest::stock_hba, 'the others were not tried');

	$good[0]->enable(source_dir => "$folder/db1", plaintext => 'block', confirm_within => '10 min');
	($ok, $output) = $fleet->play("$folder/good.yml");
	ok(!$ok, 'a change that waits');
	like($output, qr/SELECT castssl_confirm\(\d+\); from a new connection before /, 'is left to who made it');
	$good[0]->back;
}

# --- psql

my $before = states(@good, $bad);
my $first = 'CASTSSL_FIRST_SSLMODE=disable';
my ($ok, $output) = $fleet->secure($fleet->services('first.conf', $bad, @good));
ok(!$ok, 'psql: servers without TLS, and nobody allowed to reach them without');
like($output, qr/^(?:(?:bad|db[12]|db[12]-standby): [^\n]*server does not support SSL, [^\n]*; for the first run, [^\n]* CASTSSL_FIRST_SSLMODE=disable\n){5}$/,
	'are named in one line each, with what allows it');
($ok, $output) = $fleet->secure("$folder/first.conf", $first);
ok(!$ok, 'a bad one first');
like($output, qr/^bad: ERROR:  certificate 1 of [^\n]*expired[^\n]*\n$/, 'is told why, in one line');
is_deeply(states(@good, $bad), $before, 'it is as before, and so are those after it');

$good[0]->sql('CREATE EXTENSION IF NOT EXISTS pg_castssl');
$good[0]->enable(source_dir => "$folder/db1", plaintext => 'block', confirm_within => '10 min');
my @mixed = @good[ 1, 0, 3, 2 ];
($ok, $output) = $fleet->secure($fleet->services('good.conf', @mixed), $first);
ok(!$ok, 'a change that waits');
like($output, qr/^db1: SELECT castssl_confirm\(\d+\); from a new connection before [^|\n]*\n$/, 'is left to who made it');
$good[0]->back;

$before = $bad->state;
($ok, $output) = $fleet->secure($fleet->services('all.conf', @mixed, $bad), $first);
ok(!$ok, 'five servers, one bad, standbys first');
like($output, qr/^db1: changed, policy ([0-9a-f]{64})\ndb2: changed, policy \1\nbad: [^\n]*expired[^\n]*\n$/, 'primaries come first, up to the bad one');
($ok, $output) = $fleet->secure("$folder/good.conf", $first);
ok($ok, 'without it') or diag $output;
like($output, qr/^db1: unchanged, policy ([0-9a-f]{64})\ndb2: unchanged, policy \1\ndb1-standby: changed, policy \1\ndb2-standby: changed, policy \1\n$/,
	'the standbys are changed, and all agree');
is_deeply($bad->state, $before, 'the other is as before');
are_secured(@good);

$before = states(@good);
($ok, $output) = $fleet->secure("$folder/good.conf");
ok($ok, 'a second run, by verify-full alone') or diag $output;
like($output, qr/^(?:db\S+: unchanged, .*\n){4}$/, 'changes nothing');
is_deeply(states(@good), $before, 'not a file');

# A server that cannot be verified: nothing is asked in another way, and no failure is taken for success.
my $foreign = CastsslOpenssl::slurp("$folder/good.conf") =~ s/\Q${\ $pki->path('root.crt')}\E/$pki->path('other-root.crt')/gre;
($ok, $output) = $fleet->secure(spew("$folder/foreign.conf", $foreign), $first);
ok(!$ok, 'servers whose certificates cannot be verified');
like($output, qr/^(?:db\S+: [^\n]*certificate verify failed[^\n]*; if [^\n]* call castssl_enable\(\) once on the server, by its socket\n){4}$/,
	'are not reached in another way, and what to do is said');

$_->stop foreach reverse(@good), $bad;
done_testing();
