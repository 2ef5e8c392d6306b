# Callers that nobody thinks of: from blocks and functions, twice in a statement, through a cursor, with
# names, arguments and files that are odd. It works as a whole, or is refused and nothing has changed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Encode qw(decode_utf8);
use POSIX ();
use Test::More;
use Time::HiRes ();

my $hba = $CastsslTest::stock_hba;
my $t = CastsslTest->new('callers');
my $pki = $t->{pki};
my $call = "castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', plaintext => 'block')";
my $nowhere = "castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{folder}/nowhere')";

sub secured
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($t->served, $pki->fingerprint('server.crt'), "$name: served");
	isnt($t->hba, $hba, "$name: pg_hba.conf edited");
	$t->disable;
	is($t->hba, $hba, "$name: undone");
	return;
}

# --- from where it is called

$t->sql("DO \$\$ BEGIN PERFORM count(*) FROM $call; END \$\$");
secured('DO block');

$t->sql("CREATE FUNCTION secure() RETURNS SETOF text LANGUAGE plpgsql AS
	\$\$ BEGIN RETURN QUERY SELECT result FROM $call; END \$\$");
like($t->sql('SELECT * FROM secure()'), qr/^done$/m, 'PL/pgSQL: its rows come through');
secured('PL/pgSQL');

# an error that is caught leaves the lock free, in this transaction and for others
is( $t->sql("DO \$\$ BEGIN
		BEGIN PERFORM count(*) FROM $nowhere; EXCEPTION WHEN undefined_file THEN NULL; END;
		PERFORM count(*) FROM $call;
	END \$\$; SELECT 1"), '1', 'after an error that was caught, the next call works');
secured('after a caught error');
{
	my $session = $t->session;
	$session->ask("BEGIN; SAVEPOINT s; SELECT count(*) FROM $nowhere; ROLLBACK TO s;");
	$session->answer;
	ok(eval { $t->sql("SELECT count(*) FROM $call") }, 'an error before a savepoint holds nobody up') or diag $@;
	$session->ask("SELECT count(*) FROM $call; ROLLBACK;");
	unlike($session->answer, qr/ERROR/, 'and the transaction can call again');
	$session->quit;
	secured('after a savepoint');
}

$t->sql("SELECT count(*) FROM $call, $call AS again");
secured('twice in one statement');
$t->sql("BEGIN; DECLARE c CURSOR FOR SELECT * FROM $call; FETCH 1 FROM c; CLOSE c; COMMIT");
secured('a cursor that is closed after its first row');
$t->sql("BEGIN READ ONLY; SELECT count(*) FROM $call; COMMIT");
secured('a read-only transaction');
# 19 knows only standard strings
my $strings = $t->sql('SHOW server_version_num') < 190000 ? 'SET standard_conforming_strings = off;' : '';
$t->sql("SET client_min_messages = error; SET client_encoding = 'LATIN1'; SET DateStyle = 'German'; $strings
	SET lc_messages = 'C'; SET default_transaction_isolation = serializable; SELECT count(*) FROM $call");
secured('a session with odd settings');

# --- arguments of any length: refused, and the message does not repeat them

my ($large, $size) = CastsslMachine::memory_is_short() ? (10_000_000, '10 MB') : (100_000_000, '100 MB');
CastsslTest::not_tried('arguments of 100 MB: too little memory') if $size ne '100 MB';
my $before = $t->state;
foreach my $argument (qw(source_dir cert_file key_file ca_file crl_file target_dir clientcert plaintext auth_method profile))
{
	my ($ok, $out, $err) = $t->psql("SELECT count(*) FROM castssl_enable($argument => repeat('x', $large))");
	ok(!$ok, "$size as $argument: refused");
	cmp_ok(length $err, '<', 20_000, "$size as $argument: a short message") or diag substr $err, 0, 300;
	like($err, qr/ERROR:  (22023|58P01|42501|F0000)/, "$size as $argument: SQLSTATE") or diag substr $err, 0, 300;
}
is_deeply($t->state, $before, "arguments of $size: nothing has changed");
my %add = (type => "'host'", database => "'{all}'", user_name => "'{all}'", address => "'all'", auth_method => "'md5'");
foreach my $argument (qw(type database user_name address auth_method options))
{
	my $value = "repeat('x', $large)";
	$value = "ARRAY[$value]" if $argument =~ /database|user_name|options/;
	my %these = (%add, $argument => $value);
	my ($ok, $out, $err) = $t->psql('SELECT castssl_hba_add(' . join(', ', map { "$_ => $these{$_}" } sort keys %these) . ')');
	ok(!$ok, "castssl_hba_add, $size as $argument: refused");
	cmp_ok(length $err, '<', 20_000, "castssl_hba_add, $size as $argument: a short message") or diag substr $err, 0, 300;
}
foreach my $explain ("repeat('x', $large), 'bob'", "'all', repeat('x', $large)",
	"'all', 'bob', '10.1.1.1', client_certificate => repeat('x', $large)", "'all', 'bob', '10.1.1.1', repeat('x', $large)")
{
	my ($ok, $out, $err) = $t->psql("SELECT length(r::text) FROM castssl_hba_explain($explain) r");
	like(substr($err, 0, 300), qr/ERROR:  22023/, "castssl_hba_explain, $size: 22023");
	cmp_ok(length $err, '<', 20_000, "castssl_hba_explain, $size: a short message");
}

# --- folders with odd names

foreach my $odd ("o'brien", 'two  words', 'back\\slash', '"quoted"', '# hash', 'caf' . "\xc3\xa9", '%s%n')
{
	my $folder = "$t->{folder}/$odd";
	mkdir $folder or die $!;
	my $steps = eval { $t->enable(source_dir => $t->{source}, target_dir => $folder) };
	ok($steps, "a folder named $odd") or diag $@;
	secured("a folder named $odd");
}
{
	my $folder = "$t->{folder}/line\nbreak";
	mkdir $folder or die $!;
	$t->enable_fails({ source_dir => $t->{source}, target_dir => $folder }, '22023', 'a line break in target_dir');
}
$t->enable_fails({ source_dir => $t->{source}, cert_file => '' }, '22023', 'an empty cert_file');
$t->enable_fails({ source_dir => '' }, '22023', 'an empty source_dir');
$t->enable_fails({ source_dir => $t->{source}, cert_file => '.' }, 'F0000', 'a folder as cert_file');
$t->enable_fails({ source_dir => $t->{source}, cert_file => 'server.key' }, 'F0000', 'the same file as key and certificate');
$t->enable_fails({ source_dir => $t->{source}, addresses => [ undef ] }, '22023', 'NULL among addresses');
$t->enable_fails({ source_dir => $t->{source}, addresses => [ '' ] }, '22023', 'an empty address');

# --- roles and databases with odd names: what is staged is what the server reads

# a name that means something else to the server unless quoted is added with its quotes
{
	my @names = ('a b', 'a,b', '#a', '"', 'a"b', "caf\xc3\xa9", 'x' x 63, '\\', 'a\\', "'", '$1', 'a#b', "tab\there",
		map { "\"$_\"" } qw(all sameuser replication +a /a @a));
	my $statements = join '; ', map { "SELECT castssl_hba_add('host', ARRAY[$_], ARRAY[$_], '10.0.0.0/8', 'md5') IS NULL" }
	  map { CastsslTest::quote($_) } @names;
	$t->sql("SET standard_conforming_strings = on; $statements");
	$t->sql('SELECT * FROM castssl_hba_apply()');
	my $server = $t->rows("SELECT database, user_name FROM pg_hba_file_rules WHERE auth_method = 'md5' ORDER BY line_number");
	my @wanted = map { decode_utf8(s/^"(.+)"$/$1/r) } @names;
	# "/a" is an expression from 16 on, quoted or not, and would block "\@a", which comes above it
	is_deeply([ sort map { $_->{user_name}[0] } @$server ], [ sort @wanted ], 'user names as the server reads them');
	is_deeply([ sort map { $_->{database}[0] } @$server ], [ sort @wanted ], 'database names as the server reads them');
	is_deeply($t->rows("SELECT database, user_name FROM castssl_hba_rules() WHERE auth_method = 'md5' ORDER BY line_number"),
		$server, 'and as castssl_hba_rules shows them');
	$t->set_hba($hba);
}

# --- odd files in place of pg_hba.conf

my $path = $t->path('pg_hba.conf');
my @make = (
	'a directory' => sub { mkdir $path },
	'a FIFO' => sub { POSIX::mkfifo($path, 0600) },
	'a link to nowhere' => sub { symlink 'nowhere', $path },
	'a link to itself' => sub { symlink 'pg_hba.conf', $path },
	'/dev/null' => sub { symlink '/dev/null', $path },
	'/dev/zero' => sub { symlink '/dev/zero', $path },
	'unreadable' => sub { $t->write('pg_hba.conf', $hba); chmod 0, $path });
my $session = $t->session;
while (my ($name, $make) = splice @make, 0, 2)
{
	rename $path, "$path.away" or die $!;
	$make->() or die "$name: $!";
	foreach my $sql ($call, 'castssl_disable()', "castssl_hba_add('host', '{all}', '{all}', 'all', 'md5')", 'castssl_hba_stage($$local all all trust$$)',
		'castssl_hba_apply()', 'castssl_hba_rules()', q{castssl_hba_explain('all', 'bob')}, 'castssl_status()', 'castssl_check()')
	{
		$session->ask("SET statement_timeout = '60s'; SELECT count(*) FROM $sql;");
		my $answer = $session->answer;
		unlike($answer // 'session gone', qr/57014|session gone|XX000/, "$name as pg_hba.conf: $sql");
		# edits of what reads as empty may be staged: castssl_hba_apply is the one that refuses
		my $refused = $name eq '/dev/null' ? qr/enable|disable|apply/ : qr/enable|disable|add|stage|apply/;
		like($answer // '', qr/ERROR:  (F0000|42501|58P01|55000): .*\nDETAIL:/, "$name as pg_hba.conf: refused by $sql") if $sql =~ $refused;
		die 'the session is gone' unless defined $answer;
	}
	ok(-d $path && !-l $path ? rmdir $path : unlink $path, "$name: still there");
	rename "$path.away", $path or die $!;
	$t->sql('SELECT castssl_hba_discard()');
}
$session->quit;

# --- bytes that are no text of the database's encoding

$t->set_hba($hba . "host all \"caf\xe9\" 10.0.0.0/8 md5\n");
foreach my $sql ('castssl_hba_rules()', q{castssl_hba_explain('all', 'bob', '10.0.0.1')}, 'castssl_check()')
{
	my ($ok, $out, $err) = $t->psql("SELECT r::text FROM $sql r");
	note $err unless $ok;
	ok($ok, "Latin-1 bytes in pg_hba.conf: $sql");
}
my ($ok, $out, $err) = $t->psql("SELECT * FROM $call");
ok($ok, 'Latin-1 bytes in pg_hba.conf: castssl_enable') or diag $err;
like($t->hba, qr/"caf\xe9"/, 'the bytes stay');
$t->disable if $ok;
$t->set_hba($hba);

# --- a pipe that a rule would have the server read

POSIX::mkfifo($t->path('pipe'), 0600) or die $!;
$t->fails("SET statement_timeout = '60s'; SELECT castssl_hba_add('host', '{all}', '{\@pipe}', 'all', 'md5')",
	'F0000', 'a rule that names a pipe', message => qr/pipe" is not a regular file/);
unlink $t->path('pipe');

# --- pg_hba.conf that is written while castssl_enable is on its way: nobody's lines are lost

{
	my ($caller, $watcher) = ($t->session, $t->session);
	(my $dry_run = $call) =~ s/\)$/, dry_run => true)/;
	$caller->ask("SELECT count(*) FROM $dry_run;");    # so that it knows its own role from now on
	$caller->answer;
	$watcher->ask('BEGIN; LOCK TABLE pg_catalog.pg_authid IN ACCESS EXCLUSIVE MODE;');
	$watcher->answer;
	$caller->ask("SELECT count(*) FROM $call;");    # it waits where it asks which roles there are
	my $waits = 0;
	foreach (1 .. 1800)
	{
		$watcher->ask("SELECT 'waits', count(*) FROM pg_locks WHERE NOT granted AND relation = 'pg_catalog.pg_authid'::regclass AND pid = $caller->{pid};");
		last if $waits = $watcher->answer =~ /waits\|[1-9]/;
		Time::HiRes::usleep(100_000);
	}
	ok($waits, 'castssl_enable is on its way');
	$t->write('pg_hba.conf', $hba . "# by hand\n");
	$watcher->ask('COMMIT;');
	$watcher->answer;
	my $answer = $caller->answer;
	like($answer, qr/ERROR:  55000: .*changed while/, 'pg_hba.conf changed meanwhile: 55000');
	is($t->hba, $hba . "# by hand\n", 'the lines by hand stay');
	is($t->sql('SHOW ssl'), 'off', 'and ssl as it was');
	$_->quit foreach $caller, $watcher;
	$t->set_hba($hba);
}

# --- a folder that cannot be written, though the file can

SKIP:
{
	skip 'running as root', 2 if $> == 0;
	my $folder = "$t->{folder}/hba";
	mkdir $folder;
	$t->write("$folder/pg_hba.conf", $hba);
	$t->{node}->append_conf('postgresql.conf', "hba_file = '$folder/pg_hba.conf'");
	$t->restart;
	chmod 0500, $folder;
	$t->enable_fails({ source_dir => $t->{source} }, '42501', 'pg_hba.conf in an unwritable folder', message => qr/\Q$folder\E/, hint => 1);
	$t->sql("SELECT castssl_hba_add('host', '{all}', '{all}', '10.0.0.0/8', 'md5')");
	$t->fails('SELECT * FROM castssl_hba_apply()', '42501', 'castssl_hba_apply: the same', message => qr/\Q$folder\E/, hint => 1);
	like($t->sql('SELECT castssl_hba_diff()'), qr/10\.0\.0\.0/, 'and what was staged is not lost');
	is($t->slurp("$folder/pg_hba.conf"), $hba, 'pg_hba.conf as it was');
	chmod 0700, $folder;
}

$t->stop;
done_testing();
