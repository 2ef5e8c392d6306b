# Who may call what: PUBLIC, a role with EXECUTE, pg_monitor, superuser; and where files may lie.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('privileges');
my $pki = $t->{pki};
$t->sql('CREATE ROLE nobody LOGIN; CREATE ROLE operator LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor');

my @functions = split /\n/, $t->sql(
	q{SELECT p.oid::regprocedure FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	  JOIN pg_extension e ON e.oid = d.refobjid
	  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
	    AND d.deptype = 'e' AND e.extname = 'pg_castssl' ORDER BY 1});
cmp_ok(scalar @functions, '>=', 6, 'the extension has functions');

my %reading = map { $_ => 1 } qw(castssl_status castssl_certificates castssl_fingerprint castssl_hba_rules);
my %changing = map { $_ => 1 } qw(castssl_enable castssl_disable castssl_reload);
foreach my $function (@functions)
{
	(my $name = $function) =~ s/\(.*//;
	is($t->sql("SELECT has_function_privilege('nobody', '$function', 'EXECUTE')"), 'f', "$name: not for PUBLIC");
	is($t->sql("SELECT has_function_privilege('watcher', '$function', 'EXECUTE')"),
		$reading{$name} ? 't' : 'f', "$name: pg_monitor " . ($reading{$name} ? 'may' : 'may not'))
	  if $reading{$name} || $changing{$name};
	like($t->sql("SELECT proconfig FROM pg_proc WHERE oid = '$function'::regprocedure"),
		qr/search_path=pg_catalog, ?pg_temp/, "$name: search_path is fixed")
	  if $t->sql("SELECT prosecdef FROM pg_proc WHERE oid = '$function'::regprocedure") eq 't';
	ok(length $t->sql("SELECT obj_description('$function'::regprocedure, 'pg_proc')"), "$name: has a comment");
	unlike($t->sql("SELECT provolatile FROM pg_proc WHERE oid = '$function'::regprocedure"),
		qr/i/, "$name: not IMMUTABLE") unless $name =~ /_info$/;
}

my @calls = (
	"castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}')", 'castssl_disable()', 'castssl_reload()',
	'castssl_status()', 'castssl_certificates()', 'castssl_hba_rules()');
my $before = $t->state;
foreach my $call (@calls)
{
	$t->fails("SELECT * FROM $call", '42501', "PUBLIC: $call", psql => { user => 'nobody' }, no_detail => 1);
}
foreach my $call (@calls)
{
	next unless $call =~ /enable|disable|reload/;
	$t->fails("SELECT * FROM $call", '42501', "pg_monitor: $call", psql => { user => 'watcher' }, no_detail => 1);
}
is_deeply($t->state, $before, 'nothing has changed');

# pg_monitor sees everything but secrets
foreach my $call (@calls)
{
	next if $call =~ /enable|disable|reload/;
	my ($ok, $out, $err) = $t->psql("SELECT count(*) >= 0 FROM $call", user => 'watcher');
	ok($ok, "pg_monitor: $call") or diag $err;
}
$t->set_hba($CastsslTest::stock_hba
	  . qq{host all all 192.0.2.0/24 ldap ldapserver=ldap.example.net ldapbasedn="dc=x" ldapbinddn="cn=x" ldapbindpasswd="swordfish"\n});
my $rules = $t->sql('SELECT options::text FROM castssl_hba_rules()', user => 'watcher');
unlike($rules, qr/swordfish/, 'pg_monitor: no ldapbindpasswd');
like($rules, qr/ldapbindpasswd=\*\*\*/, 'pg_monitor: *** instead');
like($t->sql('SELECT options::text FROM castssl_hba_rules()'), qr/ldapbindpasswd=swordfish/, 'a superuser sees it');
my $steps = $t->enable(source_dir => $t->{source}, plaintext => 'block');
unlike(join(' ', map { $_->{detail} // '' } @$steps), qr/swordfish/, 'no secret in the steps');
$t->disable;
$t->set_hba($CastsslTest::stock_hba);

# --- a role with EXECUTE: files only from and to the folders of the server, and those allowed

$t->sql("GRANT EXECUTE ON FUNCTION $_ TO operator") foreach @functions;
my %operator = (user => 'operator');
$before = $t->state;
sub refused
{
	my ($name, %arguments) = @_;
	my $error = $t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', %arguments), '42501', $name,
		psql => {%operator}, message => qr/permission denied|not allowed/);
	is_deeply($t->state, $before, "$name: nothing has changed");
	return $error;
}
refused('a source_dir outside', source_dir => $t->{source});
refused('a key outside', key_file => "$t->{source}/server.key", cert_file => "$t->{source}/server.crt");
refused('a key by ..', key_file => '../../../../../../../../etc/passwd');
refused('/proc', cert_file => '/proc/self/environ');
my $inside = $pki->source("$t->{data}/incoming");
refused('a target_dir outside', source_dir => $inside, target_dir => $t->{folder});
symlink $t->{source}, "$t->{data}/link" or die $!;
refused('a link to outside', source_dir => "$t->{data}/link");
unlink "$inside/root.crt";
symlink "$t->{source}/root.crt", "$inside/root.crt" or die $!;
refused('a linked file', source_dir => $inside);
unlink "$inside/root.crt", "$t->{data}/link";
$pki->source($inside);
# whether a file exists outside is not to be learned either
my ($there, $not_there) = map {
	(my $message = refused("probing $_", cert_file => $_)->{message} // '') =~ s/\Q$_\E//g;
	$message
} '/etc/passwd', '/etc/no-such-file';
is($there, $not_there, 'probing for files outside tells nothing');

# before the library is loaded anybody can SET any such name; it must have no effect then
$t->fails("SET castssl.allowed_directories = '/'; SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}')",
	'42501', "allowed_directories is not the operator's to set", psql => {%operator});
$t->fails("SELECT count(*) FROM castssl_status(); SET castssl.allowed_directories = '/'", '55P02',
	"allowed_directories is not the operator's to set, with the library loaded", psql => {%operator}, no_detail => 1);
is_deeply($t->state, $before, 'allowed_directories: nothing has changed');

my ($ok, $out, $err) = $t->psql("SELECT count(*) > 0 FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$inside', plaintext => 'block')", %operator);
ok($ok, 'operator: from the data directory') or diag $err;
is($t->served, $pki->fingerprint('server.crt'), 'operator: served');
($ok, $out, $err) = $t->psql('SELECT count(*) > 0 FROM castssl_disable()', %operator);
ok($ok, 'operator: castssl_disable') or diag $err;

$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM SET castssl.allowed_directories = '$t->{source}'");
$t->reload;
($ok, $out, $err) = $t->psql("SELECT count(*) > 0 FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}')", %operator);
ok($ok, 'operator: from an allowed directory') or diag $err;
$t->disable;
$before = $t->state;
refused('a directory whose name merely begins like an allowed one', source_dir => $pki->source("$t->{source}-not"));

# allowed directories that are closed to the server's account: what root would have to open
SKIP:
{
	skip 'this account may pass through /root', 1 if $> == 0 || !-d '/root' || -x _ || -r '/etc/shadow';
	$t->sql(q{SELECT count(*) FROM castssl_status(); ALTER SYSTEM SET castssl.allowed_directories = '/root, /etc'});
	$t->reload;
	my $closed_before = $t->state;
	my $account = getpwuid $>;
	my $mode = sprintf '%04o', (stat '/root')[2] & 07777;
	my $owner = getpwuid((stat _)[4]);
	my %folder = (psql => {%operator}, detail => qr/^The server runs as $account, which may not pass through the folder "\/root", owned by $owner with mode $mode\.$/,
		hint => qr/^Let the server's account $account pass through the folder "\/root" \(mode $mode\)\.$/);
	$t->fails(q{SELECT * FROM castssl_enable(cert_file => '/root/server.crt')}, '42501', 'a file in a closed folder', message => qr/^could not find "\/root\/server\.crt": Permission denied$/, %folder);
	$t->fails(qq{SELECT * FROM castssl_enable(source_dir => '$inside', target_dir => '/root')}, '42501', 'a closed target_dir', message => qr/^could not open directory "\/root": Permission denied$/, %folder);
	$t->fails(q{SELECT * FROM castssl_enable(cert_file => '/etc/shadow')}, '42501', 'a closed file', psql => {%operator}, message => qr/^could not open file "\/etc\/shadow": Permission denied$/,
		detail => qr/^The server runs as $account, which may not read this file\.$/, hint => qr/^Let the server's account $account read it\.$/);
	is_deeply($t->state, $closed_before, 'closed ones: nothing has changed');
}

# --- names planted in other schemas

$t->sql('CREATE SCHEMA planted; GRANT ALL ON SCHEMA planted TO operator');
$t->sql(q{SET ROLE operator;
	CREATE FUNCTION planted.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted'; END $$;
	CREATE FUNCTION planted.equal(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted'; END $$;
	CREATE OPERATOR planted.= (FUNCTION = planted.equal, LEFTARG = text, RIGHTARG = text)});
($ok, $out, $err) = $t->psql(
	"SET search_path = planted, pg_catalog, public;
	 CREATE TEMP TABLE pg_hba_file_rules (line_number int);
	 SELECT count(*) > 0 FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$inside', plaintext => 'block');
	 SELECT count(*) > 0 FROM castssl_hba_rules();
	 SELECT count(*) > 0 FROM castssl_disable()", %operator);
ok($ok, 'planted functions, operators and tables are not used') or diag $err;
# what ALTER SYSTEM mends is for a superuser
$t->sql("ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'");
$t->reload;
foreach my $user (qw(postgres watcher operator))
{
	my (undef, $row) = $t->psql(q{SELECT coalesce(fix, 'none') || ' ' || hint FROM castssl_check() WHERE check_name = 'protocol_version'}, user => $user);
	my $fix = "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.2'; SELECT * FROM castssl_reload();";
	is($row, $user eq 'postgres' ? "$fix $fix" : "none A superuser: $fix", "$user: what mends a parameter");
}
$t->sql('ALTER SYSTEM RESET ssl_min_protocol_version');
$t->set_hba($t->hba . "host all all 10.0.0.0/8 scram-sha-256\nhost all all 10.1.0.0/16 reject\nhost all all 10.0.0.0/8 scram-sha-256\n");
foreach my $user (qw(watcher operator))
{
	my (undef, $answer) = $t->psql(q{SELECT coalesce(fix, 'none'), hint FROM castssl_check() WHERE check_name = 'hba_dead_rules'}, user => $user);
	my ($fix, $hint) = split /\|/, $answer;
	like($fix, $user eq 'operator' ? qr/castssl_hba_remove/ : qr/^none$/, "$user: what mends a rule");
	like($hint, $user eq 'operator' ? qr/^\Q$fix\E$/ : qr/^A superuser: .*castssl_hba_remove/, 'and the hint says whose it is');
	next if $user eq 'watcher';
	my ($typed, undef, $refused) = $t->psql($fix, user => $user);
	ok($typed, "typed: $fix") or diag $refused;
}
$t->psql('SELECT castssl_confirm(force => true)');
$t->set_hba($CastsslTest::stock_hba);
is($t->hba, $CastsslTest::stock_hba, 'after all of that, pg_hba.conf as it was');
$t->stop;

done_testing();
