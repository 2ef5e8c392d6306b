# Secrets of lines, whatever is wrong with them: in nothing that anybody but a superuser is told,
# and in no diff. And no passphrase is asked for because somebody reads.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use File::Copy ();
use Test::More;

my $t = CastsslTest->new('masked');
my $version = int($t->sql('SHOW server_version_num') / 10000);
$t->sql('CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE ROLE editor LOGIN IN ROLE pg_monitor');
my @functions = split /\n/, $t->sql(
	q{SELECT p.oid::regprocedure FROM pg_proc p WHERE proname LIKE 'castssl\_hba\_%'});
$t->sql("GRANT EXECUTE ON FUNCTION $_ TO editor") foreach @functions;

my $ldap = 'host all all 192.0.2.1/32 ldap ldapserver=x ldapbasedn="dc=x"';
$t->write('with-secret', "ldapbindpasswd=HUSH77 more\n");
my @lines = (
	[ 'good' => "$ldap ldapbinddn=b ldapbindpasswd=HUSH1" ],
	[ 'quoted, with blanks' => "$ldap ldapbinddn=b ldapbindpasswd=\"HUSH2 and HUSH3\"" ],
	[ 'blanks without quotes' => "$ldap ldapbindpasswd=a HUSH4" ],
	[ 'blanks around the sign' => "$ldap ldapbindpasswd = HUSH5" ],
	[ 'commas' => "$ldap ldapbindpasswd=a,HUSH6,b=HUSH7" ],
	[ 'a number sign' => "$ldap ldapbinddn=b ldapbindpasswd=a#HUSH8" ],
	[ 'another option behind it' => "$ldap ldapbindpasswd=a b=HUSH9 map=HUSH10" ],
	[ 'misspelt' => "$ldap ldapbindpassword=HUSH11" ],
	[ 'misspelt beyond telling' => "$ldap lbndpsswd=HUSH12" ],
	[ 'in capitals' => "$ldap LDAPBINDPASSWD=HUSH13" ],
	[ 'a method that takes none' => 'host all all 192.0.2.1/32 md5 ldapbindpasswd=HUSH14' ],
	[ 'no such method' => 'host all all 192.0.2.1/32 lap ldapbindpasswd=HUSH15' ],
	[ 'no method' => 'host all all 192.0.2.1/32 ldapbindpasswd=HUSH16' ],
	[ 'no address' => 'host all all ldap ldapbindpasswd=HUSH17' ],
	[ 'no such type' => 'hots all all 192.0.2.1/32 ldap ldapbindpasswd=HUSH18' ],
	[ 'nothing else' => 'ldapbindpasswd=HUSH19' ],
	[ 'a quote that is never closed' => "$ldap ldapbindpasswd=\"HUSH20" ],
	[ 'radius, a list that is none' => 'host all all 192.0.2.1/32 radius radiusservers=127.0.0.1 radiussecrets="HUSH21 HUSH22"' ],
	[ 'radius, quotes in quotes' => 'host all all 192.0.2.1/32 radius radiusservers=127.0.0.1 radiussecrets="""HUSH23"" HUSH24"' ],
	[ 'from a file' => "$ldap \@$t->{data}/with-secret" ],
	[ 'commented out' => "# $ldap ldapbindpasswd=HUSH25" ],
	[ 'commented out and misspelt' => "#$ldap lbndpsswd=HUSH26" ],
	[ 'disabled by us' => "#castssl# $ldap ldapbindpasswd=HUSH27" ],
	[ 'in a comment behind a rule' => 'host all all 192.0.2.1/32 md5 # was: ldapbindpasswd=HUSH28' ],
	[ 'in prose' => '# the bind password = HUSH29' ],
	[ 'in prose, with a colon' => '# Password: HUSH32' ],
	[ 'in prose, without a sign' => '# ldapbindpasswd HUSH33' ],
	[ 'behind a word in a comment' => "# old: $ldap lbndpsswd=HUSH34" ],
	[ 'commented out, in capitals' => '# HOST all all 192.0.2.1/32 ldap lbndpsswd=HUSH35' ],
	[ 'before the method' => 'host all all 192.0.2.1/32 lbndpsswd=HUSH36 ldap' ],
	[ 'in a URL' => 'host all all 192.0.2.1/32 ldap "ldapurl=ldap://u:HUSH37@x/dc=x"' ],
	[ 'an include of more' => 'include x ldapbindpasswd=HUSH38' ],
	[ 'behind a line that goes on' => "$ldap \\\nldapbindpasswd=HUSH30 HUSH31" ]);

my @readers = (
	'castssl_hba_rules()', 'castssl_hba_rules(staged => true)', 'castssl_fingerprint()', 'castssl_check()', 'castssl_check(target_version => 13)',
	'castssl_report()', 'castssl_status()', q{castssl_hba_explain('all', 'u', '192.0.2.1', 'none')},
	q{castssl_hba_explain('all', 'u', '192.0.2.1', 'tls', staged => true)}, 'castssl_hba_diff()', 'castssl_hba_compare()', 'castssl_hba_impact()');

# All that is said to a role, also in errors and notices.
sub told
{
	my ($role, @calls) = @_;
	my (undef, $out, $err) = $t->psql(join('; ', map { "SELECT * FROM $_" } @calls), user => $role, on_error_stop => 0);
	# psql shows the statement at fault
	$err =~ s/^(?:STATEMENT|QUERY|LINE \d+):.*//mg;
	return "$out\n$err";
}

foreach (@lines)
{
	my ($name, $line) = @$_;
	next if $line =~ /\\\n/ && $version < 14;

	# live, and refused or not
	$t->write('pg_hba.conf', "local all all trust\n$line\n");
	my $told = told('watcher', @readers);
	unlike($told, qr/HUSH/, "$name: nothing to pg_monitor");
	$told = told('editor', "castssl_hba_add('local', '{x}', '{x}', NULL, 'reject', before_line => 2)", @readers,
		'castssl_hba_remove(2)', 'castssl_hba_diff()', 'castssl_hba_require_tls()', 'castssl_hba_apply(dry_run => true)', 'castssl_hba_discard()');
	unlike($told, qr/HUSH/, "$name: nothing to a role with EXECUTE");
	$told = told('postgres', 'castssl_hba_remove(2)', 'castssl_hba_diff()', 'castssl_report()', 'castssl_fingerprint()', 'castssl_hba_discard()');
	unlike($told, qr/HUSH/, "$name: in no diff, report or fingerprint, for nobody");

	# staged, and refused or not
	$t->write('pg_hba.conf', "local all all trust\n");
	(my $quoted = "local all all trust\n$line\n") =~ s/'/''/g;
	$told = told('editor', "castssl_hba_stage(\$q\$$quoted\$q\$)", @readers, 'castssl_hba_apply(dry_run => true)', 'castssl_hba_discard()');
	unlike($told, qr/HUSH/, "$name, staged: nothing");
}

# what is refused is said all the same
$t->write('pg_hba.conf', "local all all trust\n$ldap ldapbindpasswd=a HUSH4\nhost all all 192.0.2.1/99 md5\n");
my $errors = $t->sql('SELECT string_agg(error, $$; $$) FROM castssl_hba_rules()', user => 'watcher');
like($errors, qr/authentication option not in name=value format: \*\*\*/, 'what is wrong is said');
like($errors, qr{invalid CIDR mask in address "192.0.2.1/99"}, 'with its value where there is no secret in the line');
like($t->sql('SELECT string_agg(error, $$; $$) FROM castssl_hba_rules()'), qr/name=value format: HUSH4/, 'and all of it to superusers');
like(told('editor', "castssl_hba_stage(E'local all all trust\\nhost all all 192.0.2.1/32 magic\\n')"), qr/ERROR: .*invalid authentication method "magic"\nDETAIL:  Line 2 of /,
	'and to a role with EXECUTE, in the words of the server');
if ($version < 19)
{
	# the name of a server is no secret, and names that nobody has need no lookup
	$t->write('pg_hba.conf', "local all all trust\nhost all all 192.0.2.1/32 radius radiusservers=no..server radiussecrets=HUSH25\n");
	my $told = told('watcher', 'castssl_check()', 'castssl_hba_rules()');
	like($told, qr/could not translate RADIUS server name "no\.\.server" to address: \w/, 'a server of RADIUS that cannot be found, by its name');
	unlike($told, qr/HUSH/, 'without the secret');
}
$t->write('pg_hba.conf', "local all all trust\n" . "host all all 192.0.2.1/32 magic\n" x 1200);
my ($more) = $t->sql(q{SELECT subject FROM castssl_check() WHERE check_name = 'hba_loads' ORDER BY length(subject) DESC LIMIT 1}) =~ / and (\d+) more$/;
is($more, 1200 - 22, '1,200 lines that the server refuses are counted');
$t->set_hba($CastsslTest::stock_hba);

# --- ssl_passphrase_command

my $asked = "$t->{folder}/asked";
$t->write("$t->{folder}/passphrase", "#!/bin/sh\necho x >>'$asked'\necho 'open sesame'\n");
chmod 0700, "$t->{folder}/passphrase" or die $!;
$t->sql(qq{ALTER SYSTEM SET ssl_passphrase_command = '"$t->{folder}/passphrase"'});
$t->sql('ALTER SYSTEM SET ssl_passphrase_command_supports_reload = on');
$t->reload;
my $encrypted = $t->{pki}->source("$t->{folder}/encrypted", 'server.key' => 'server-encrypted.key');
$t->enable(source_dir => $encrypted);
is($t->served, $t->{pki}->fingerprint('server.crt'), 'a key with a passphrase is served');
my $before = -s $asked;
cmp_ok($before, '>', 0, 'and it was asked for');
my @monitors = map { s/\(.*//r } split /\n/, $t->sql(q{SELECT p.oid::regprocedure FROM pg_proc p
	WHERE proname LIKE 'castssl%' AND has_function_privilege('pg_monitor', oid, 'EXECUTE') AND pronargs - pronargdefaults = 0});
cmp_ok(scalar @monitors, '>=', 5, 'there are functions that read');
foreach my $role ('watcher', 'postgres')
{
	told($role, map { "$_()" } @monitors);
}
is(-s $asked, $before, 'but not by reading: ' . join ', ', @monitors);
is($t->sql(q{SELECT coalesce(restart_safe::text, 'unknown') FROM castssl_status()}, user => 'watcher'), 'unknown', 'which does not take it for an error, nor for safe');

# a command that waits: the hint to keep the one in effect does not show it
$t->sql("ALTER SYSTEM SET ssl_passphrase_command = 'echo HUSH7'");
$t->reload;
$t->sql("ALTER SYSTEM SET ssl_passphrase_command = 'echo HUSH8'");
foreach my $role ('watcher', 'postgres')
{
	my $told = told($role, 'castssl_check()', 'castssl_report()', 'castssl_reload()');
	unlike($told, qr/HUSH/, "$role: no command in a hint");
	like($told, qr/Put the value of ssl_passphrase_command back\./, 'but that it can be put back');
}
$t->sql(qq{ALTER SYSTEM SET ssl_passphrase_command = '"$t->{folder}/passphrase"'});
$t->reload;

# --- a server that speaks another language: nothing is told by its words, and nothing is missed in them

{
	# glibc takes the language from LANGUAGE where the locale is another one than C
	local $ENV{LANGUAGE} = 'de';
	$t->sql(q{ALTER SYSTEM SET lc_messages = 'C.UTF-8'});
	$t->restart;
}
SKIP:
{
	my (undef, undef, $err) = $t->psql('SELECT 1/0');
	skip 'the messages of this server have no German translation', 6 unless $err =~ /FEHLER/;
	$t->sql(q{ALTER SYSTEM SET ssl_passphrase_command = 'test HUSH5 = ""'});
	$t->reload;
	$t->sql("GRANT EXECUTE ON FUNCTION $_ TO editor") foreach split /\n/, $t->sql(q{SELECT p.oid::regprocedure FROM pg_proc p WHERE proname LIKE 'castssl\_enable'});
	mkdir "$t->{config}/encrypted" or die $!;
	File::Copy::copy("$encrypted/$_", "$t->{config}/encrypted/$_") or die $! foreach qw(server.crt server.key root.crt);
	chmod 0600, "$t->{config}/encrypted/server.key" or die $!;
	my $told = told('editor', "castssl_enable(source_dir => 'encrypted')");
	like($told, qr/command "ssl_passphrase_command" failed/, 'German: the command failed, and is not shown');
	unlike($told, qr/HUSH/, 'to nobody but superusers');
	$t->sql("ALTER SYSTEM SET $_") foreach q{ssl_passphrase_command = 'echo open sesame'}, q{shared_buffers = '1MB'};
	$t->reload;
	is($t->sql('SELECT restart_problem FROM castssl_status()'), $t->sql('SELECT restart_problem FROM castssl_status()', user => 'watcher'), 'German: status for both');
	unlike($t->sql('SELECT restart_problem FROM castssl_status()'), qr/shared_buffers/, 'a parameter that waits for a restart is no problem');
	$t->write('pg_hba.conf', "local all all trust\nhost all all 192.0.2.1/32 magic\n");
	my ($told_of) = told('postgres', 'castssl_check()') =~ /^(hba_loads.*)$/m;
	like($told_of, qr/invalid authentication method "magic"/, 'a line that the server refuses is told in English');
	like(told('postgres', "castssl_enable(source_dir => '/nowhere')"), qr/FEHLER/, 'and the session speaks German after that');
	$t->write('pg_hba.conf', $CastsslTest::stock_hba);
	$t->sql("ALTER SYSTEM RESET $_") foreach qw(lc_messages shared_buffers);
}
$t->stop;

done_testing();
