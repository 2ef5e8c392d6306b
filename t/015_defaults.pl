# What is not named stays as it is: defaults change no policy, find files by their usual names and what is
# in use, and what cannot be done is found out before anything is written.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl qw(spew);
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('defaults');
my $pki = $t->{pki};
my $folders = 0;

# A folder with these files, each a copy of one of the test certificates.
sub folder
{
	my (%files) = @_;
	my $folder = "$t->{folder}/source-" . ++$folders;
	mkdir $folder or die;
	foreach my $name (sort keys %files)
	{
		my ($in) = $name =~ m{^(.*)/};
		mkdir "$folder/$in" if defined $in && !-d "$folder/$in";
		spew("$folder/$name", CastsslOpenssl::slurp($pki->path($files{$name})));
		chmod 0600, "$folder/$name" or die;
	}
	return $folder;
}

sub enable { return $t->rows('SELECT * FROM ' . CastsslTest::call('castssl_enable', @_)) }

# The targets of the rows of an action, without their folders; and the rows with a code.
sub targets { my ($steps, $action) = @_; return join ' ', map { $_->{target} =~ s{.*/}{}r } grep { $_->{action} eq $action } @$steps }
sub coded { my ($steps, $code) = @_; return grep { ($_->{code} // '') eq $code } @$steps }

# --- usual names, and a renewal that touches no rule

my $rules = "local all all trust\nhostssl all bob 127.0.0.1/32 scram-sha-256 clientcert=verify-full\nhost all all 127.0.0.1/32 scram-sha-256\n";
$t->set_hba($rules);
my $steps = enable(source_dir => folder('tls.crt' => 'server.crt', 'tls.key' => 'server.key', 'ca.crt' => 'root.crt'));
is(targets($steps, 'install file'), 'server.crt server.key root.crt', 'the names of Kubernetes, installed under our own');
is($t->hba, $rules, 'no rule is touched');
is(join(' ', sort { $a <=> $b } keys %{ { map { $_->{change_id} => 1 } @$steps } }), $t->status->{change_id}, 'each row has the number of the change');
is($t->served, $pki->fingerprint('server.crt'), 'served');

my $acme = folder('fullchain.pem' => 'server-renewed.crt', 'privkey.pem' => 'server-renewed.key', 'chain.pem' => 'root.crt', 'cert.pem' => 'server.crt');
$steps = enable(source_dir => $acme);
is(targets($steps, 'install file'), 'server.crt server.key root.crt', 'the folder of an ACME client renews what is in use');
is($t->served, $pki->fingerprint('server-renewed.crt'), 'served');
is($t->sql('SHOW ssl_ca_file'), 'root.crt', 'the CA in use stays');
is($t->hba, $rules, 'and the rules');
is_deeply(CastsslTest::changes(enable(source_dir => $acme)), [], 'the second time, unchanged');
is_deeply(CastsslTest::changes(enable()), [], 'without anything named, too');
is((grep { defined $_->{change_id} } @{ enable() }), 0, 'and no change');
$t->sql('ALTER SYSTEM SET ssl = off');
is_deeply([ map { $_->{detail} } grep { $_->{target} eq 'ssl' } @{ enable(dry_run => 'true') } ], ["stored 'off' -> 'on'"], 'stored, and not loaded: the row says from what');
$t->sql('ALTER SYSTEM SET ssl = on');

enable(source_dir => $acme, ca_file => '', force => 'true');
is($t->sql('SHOW ssl_ca_file'), '', "ca_file => '': none");
is(join(' ', sort map { $_->{code} // 'none' } @{ CastsslTest::changes(enable(clientcert => 'none')) }), 'asks_for_more chain no_ca',
	'which a call without it leaves so, and says each time');
enable(clientcert => 'verify-ca');
is($t->sql('SHOW ssl_ca_file'), 'root.crt', 'certificates are asked for: the CA is found by its name');
$t->disable;

# --- names in use

my $other = folder('db.pem' => 'server.crt', 'db.key' => 'server.key');
enable(source_dir => $other, cert_file => 'db.pem', key_file => 'db.key');
is($t->sql('SHOW ssl_cert_file'), 'db.pem', 'a file that is named keeps its name');
enable(source_dir => $acme);
is($t->sql('SHOW ssl_cert_file'), 'db.pem', 'a renewal goes to the names in use');
is($t->served, $pki->fingerprint('server-renewed.crt'), 'served');
my $two = folder('certs/db1.pem' => 'server.crt', 'private/db1.pem' => 'server.key', 'certs/ca.pem' => 'root.crt');
$steps = enable(source_dir => $two, cert_file => 'certs/db1.pem', key_file => 'private/db1.pem', ca_file => 'certs/ca.pem');
is(targets($steps, 'install file'), 'server.crt server.key ca.pem', 'two of one name: under our own names');
is($t->served, $pki->fingerprint('server.crt'), 'served');
$t->disable;

# --- nothing is loosened

$t->set_hba("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full # ours\nhost all all ::1/128 scram-sha-256\n");
enable(source_dir => $t->{source}, clientcert => 'verify-full');
$steps = enable(clientcert => 'verify-ca');
my ($more) = coded($steps, 'asks_for_more');
like($more->{detail}, qr/^2 rules ask for more than clientcert => 'verify-ca'/, 'how many ask for more') or diag explain $steps;
is($more->{result}, 'warning', 'as a warning');
unlike(join(' ', map { $_->{detail} // '' } @$steps), qr/no rule has to change/, 'and not that all is as wanted');
sub to_loosen { return ($_[0]{detail} =~ /To loosen [^:]*: (BEGIN; .*? COMMIT;)/)[0] // 'none' }
$t->sql(to_loosen($more));
is($t->sql(q{SELECT count(*) FROM castssl_hba_rules() WHERE options = '{clientcert=verify-ca}'}), 2, 'which do');
is_deeply([ coded(enable(clientcert => 'verify-ca'), 'asks_for_more') ], [], 'and then there is nothing to say');
is_deeply([ coded(enable(), 'asks_for_more') ], [], 'nor where nothing is named');
$t->disable(force => 'true');

# the statements are for the file that is there when they are typed, and for no other line
my $stricter = <<'HBA';
local   all   all    trust
host    app             app             10.0.0.0/8              md5
hostssl app             alice           10.1.0.0/16             scram-sha-256 clientcert=verify-full # ours, of 2019
host    all             all             172.16.0.0/12           reject
host    all             all             all           scram-sha-256
HBA
my $loosened = $stricter =~ s/clientcert=verify-full/clientcert=verify-ca/r;
my $steps_of = sub { my (%arguments) = @_; return enable(source_dir => $t->{source}, clientcert => 'verify-ca', force => 'true', %arguments) };
$t->set_hba($stricter);
($more) = coded($steps = $steps_of->(dry_run => 'true'), 'asks_for_more');
like($more->{detail}, qr/^1 rule asks for more .*, and stays as it is\.  To loosen it: BEGIN; SELECT castssl_hba_change\(line_number => 3, .*old_rule => /, 'a dry run: the line of the file as it is');
is($more->{target}, 'pg_hba.conf:3', 'so does the row');
my ($pinned) = grep { ($_->{detail} // '') =~ /hostssl all +all +all/ } @$steps;
is($pinned->{target}, 'pg_hba.conf:5', 'as the other rows do');
my $of_dry = to_loosen($more);
$t->sql($of_dry);
is($t->hba, $loosened, 'typed: it loosens that rule, keeps its comment, and nothing else changes');
is_deeply([ coded($steps_of->(dry_run => 'true'), 'asks_for_more') ], [], 'and then there is nothing to say');

$t->set_hba($stricter);
($more) = coded($steps_of->(), 'asks_for_more');
my $made = $t->hba;
my ($standing) = grep { (split /\n/, $made)[ $_ - 1 ] =~ /clientcert=verify-full/ } 1 .. 20;
cmp_ok($standing, '>', 3, 'the call moves that line');
like($more->{detail}, qr/line_number => $standing,/, 'a call: the line of the new file');
is($more->{target}, "pg_hba.conf:$standing", 'so does the row');
my (undef, undef, $refused) = $t->psql($of_dry);
like($refused, qr/^DETAIL:  The rule is in line $standing\.$/m, 'the statement of the dry run is refused now');
is($t->hba, $made, 'and changes nothing');
$t->psql('SELECT castssl_hba_discard()');
my $of_call = to_loosen($more);
$t->sql($of_call);
is($t->hba, $made =~ s/clientcert=verify-full/clientcert=verify-ca/r, 'typed: it loosens that rule alone');
$t->disable(force => 'true');
is($t->hba, $loosened, 'and disable() leaves it loosened');
$t->set_hba($stricter);
(undef, undef, $refused) = $t->psql($of_call);
like($refused, qr/is not the rule that is meant/, 'the statement of a call that was undone is refused');
is($t->hba, $stricter, 'and changes nothing');
$t->psql('SELECT castssl_hba_discard()');

# with confirm_within: when the change is confirmed
($more) = coded($steps_of->(force => 'false', confirm_within => '10 min'), 'asks_for_more');
like($more->{detail}, qr/  To loosen it, when this change is confirmed: BEGIN;/, 'a change that waits: not before it is confirmed');
$t->sql('SELECT castssl_confirm(force => true)');
$t->sql(to_loosen($more));
unlike($t->hba, qr/verify-full/, 'confirmed, and typed');
$t->disable(force => 'true');

# what cannot be loosened, or is not shown, is said and not promised
my $ldap = q{ldap ldapserver=x ldapbasedn="o=x" ldapbinddn="cn=x" ldapbindpasswd=hush};
$t->set_hba($stricter . "hostssl all bob 10.2.0.0/16 cert\nhostssl all carol 10.3.0.0/16 $ldap clientcert=verify-full\n"
	  . join '', map { "hostssl all user$_ 10.4.0.0/16 md5 clientcert=verify-full\n" } 1 .. 5);
($more) = coded($steps_of->(dry_run => 'true'), 'asks_for_more');
like($more->{detail}, qr/^8 rules ask for more .*, and stay as they are\.  To loosen 5 of them: BEGIN; .*  After that, the same call has the statements for 1 more rule\./, 'five at once');
like($more->{detail}, qr/  Method cert always asks for verify-full: pg_hba\.conf:6\.  Not shown here, because the line may hold a secret: pg_hba\.conf:7\.$/, 'and what is left out');
unlike($more->{detail}, qr/hush/, 'without the secret');
$t->sql(to_loosen($more));
($more) = coded($steps_of->(dry_run => 'true'), 'asks_for_more');
like($more->{detail}, qr/^3 rules ask .*  To loosen 1 of them: BEGIN; .*line_number => 12,/, 'typed: the rest');
$t->sql(to_loosen($more));
($more) = coded($steps_of->(dry_run => 'true'), 'asks_for_more');
like($more->{detail}, qr/^2 rules ask .* stay as they are\.  Method cert always asks for verify-full/, 'typed: nothing more to type');

SKIP: {
	skip 'clientcert=1 is no error before 14', 1 if $t->sql('SHOW server_version_num') < 140000;
	$t->write('pg_hba.conf', $stricter . "hostssl all bob 10.2.0.0/16 md5 clientcert=1\n");
	($more) = coded($steps_of->(dry_run => 'true'), 'asks_for_more');
	like($more->{detail}, qr/  First make this call without dry_run: the server refuses a line now\.$/, 'no statement that could not be applied');
}
$t->set_hba("local all all trust\n");

# --- clientcert=1 on the only line for a client

$t->write('pg_hba.conf', "local all all trust\nhostssl all all all md5 clientcert=1\n");
$steps = enable(source_dir => $t->{source});
like($t->hba, qr/^hostssl all all all md5 clientcert=verify-ca$/m, 'clientcert=1 on the only line for a client is repaired');
is_deeply([ coded($steps, 'newly_admitted') ], [], 'and counts as what it says');

# --- what is not loaded is loaded

my $unloaded = sub {
	my ($name, $pattern) = @_;
	my $steps = enable();
	my ($reload) = grep { $_->{action} eq 'reload' } @$steps;
	is($reload->{result}, 'done', "$name: reloaded");
	like($reload->{detail}, $pattern, "$name: for this");
	is_deeply(CastsslTest::changes(enable()), [], "$name: once");
};
$t->set_hba("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
$t->write('root.crt', $t->slurp('root.crt') . "\n");
$unloaded->('a CA', qr/root\.crt/);
$t->write('pg_hba.conf', "local all all trust\nhost all all 127.0.0.1/32 trust\n");
$unloaded->('pg_hba.conf', qr/pg_hba\.conf/);
$t->write('server.key', $t->slurp('server.key') . "\n");
$unloaded->('a key', qr/server\.key/);
$t->write('postgresql.conf', $t->slurp('postgresql.conf') . "ssl_min_protocol_version = 'TLSv1.3'\n");
$unloaded->('a parameter', qr/ssl_min_protocol_version/);
is($t->sql('SHOW ssl_min_protocol_version'), 'TLSv1.3', 'which is in effect then');

# a link, and a link to a folder, that lead to older files
my $linked = "$t->{folder}/linked";
mkdir $linked or die;
foreach my $year (2025, 2026)
{
	mkdir "$linked/$year" or die;
	spew("$linked/$year/ca.crt", $t->slurp('root.crt'));
	utime 1e9, 1e9, "$linked/$year/ca.crt";
}
symlink '2025', "$linked/now" or die;
symlink 'now/ca.crt', "$linked/ca.crt" or die;
$t->sql("ALTER SYSTEM SET ssl_ca_file = '$linked/ca.crt'");
$t->reload;
is_deeply(CastsslTest::changes(enable()), [], 'links on the way: unchanged');
unlink "$linked/now";
symlink '2026', "$linked/now" or die;
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'served_matches_disk' AND severity = 'warning'}), 1, 'castssl_check() sees a link that leads elsewhere');
$unloaded->('a link on the way', qr/ca\.crt/);

# an idle session reads the parameters long after the reload
my $session = $t->session;
$session->ask('SELECT 1;');
$session->answer;
$t->reload;
$t->write('pg_hba.conf', "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
$session->ask(q{SELECT action || ' ' || result FROM castssl_enable() WHERE action = 'reload';});
like($session->answer, qr/^reload done$/m, 'a session that has slept over a reload knows that it does not know');
$session->ask(q{SELECT action || ' ' || result FROM castssl_enable() WHERE action = 'reload';});
like($session->answer, qr/^reload unchanged$/m, 'and knows it after its own');
$session->quit;
$t->sql('ALTER SYSTEM RESET ssl_ca_file');
$t->disable(force => 'true');

# --- postgresql.auto.conf that ALTER SYSTEM is kept from

$t->stop;
my $auto = "$t->{data}/postgresql.auto.conf";
rename $auto, "$auto.kept" or die;
symlink '/dev/null', $auto or die;
$t->start;
my $hba = $t->hba;
my $error = $t->enable_fails({ source_dir => $t->{source}, plaintext => 'block', dry_run => 'true' }, '55000', 'postgresql.auto.conf is a link',
	message => qr/^parameter "ssl/, detail => qr/^postgresql\.auto\.conf is a symbolic link.*^postgresql:\n  parameters:\n/ms, hint => 1);
$t->enable_fails({ source_dir => $t->{source}, plaintext => 'block', force => 'true' }, '55000', 'with force, too');
is(readlink $auto, '/dev/null', 'the link is as it was');
unlink $auto;
rename "$auto.kept", $auto or die;
chmod 0400, $auto or die;
$t->enable_fails({ source_dir => $t->{source} }, '55000', 'postgresql.auto.conf that cannot be written', detail => qr/may not write postgresql\.auto\.conf/) if $> != 0;
chmod 0600, $auto or die;

# --- started with -c ssl=on and the file names: a renewal changes no parameter

foreach my $name ('server.crt', 'server.key', 'root.crt')
{
	$t->write($name, CastsslOpenssl::slurp("$t->{source}/$name"));
	chmod 0600, "$t->{data}/$name" or die;
}
$t->stop;
my $node = $t->{node};
system('pg_ctl', '-w', '-D', $t->{data}, '-l', $node->logfile, '-o', '-c ssl=on -c ssl_cert_file=server.crt -c ssl_key_file=server.key', 'start') == 0 or die;
$node->_update_pid(1);
$steps = enable(source_dir => $acme);
is((grep { $_->{action} eq 'verify' && $_->{result} eq 'done' } @$steps), 2, 'TLS from the command line: a renewal is proven');
is($t->served, $pki->fingerprint('server-renewed.crt'), 'and served');
is($t->sql('SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1'), 'applied', 'one change');
$t->back;
is($t->served, $pki->fingerprint('server.crt'), 'and taken back');
$t->stop;

done_testing();
