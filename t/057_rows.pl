# Rows of castssl_check() whose hints no other test gets: of changes that wait, of
# parameters that only their owner can change, and of rules. What can be typed is typed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslHints;
use CastsslTest;
use CastsslTexts;
use Test::More;

my $t = CastsslTest->new('rows');
my ($s, $data) = ($t->{source}, $t->{data});
my $local = "local all all trust\n";

sub found
{
	my ($check, $message) = @_;
	return grep { $_->{check_name} eq $check && $_->{message} =~ ($message // qr/^/) } @{ $t->rows('SELECT * FROM castssl_check()') };
}

# The hint of the one row.
sub hint
{
	my ($name, $check, $message, $hint) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @rows = found($check, $message);
	is(scalar @rows, 1, "$name: one row") or diag explain [ found($check) ];
	my $text = $rows[0]{hint} // '';
	like($text, $hint, "$name: the hint");
	return $text;
}

# Types a statement: it works, and nothing changed but what is expected.
sub typed
{
	my ($name, $statement, $about) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = CastsslHints::look($t);
	my ($ok, undef, $err) = $t->psql($statement // 'none');
	ok($ok, "$name: typed: " . ($statement // 'none')) or diag $err;
	$t->psql('SELECT castssl_confirm(force => true)') if ($statement // '') =~ /confirm_within/;
	is_deeply([ grep { $_ !~ $about } CastsslHints::differences($before, CastsslHints::look($t)) ], [], "$name: and nothing else changed");
	return;
}

my $nothing = qr/^(?!)/;

# --- a change in a transaction that is open

{
	my $session = $t->session;
	$session->ask("BEGIN; SELECT count(*) > 1 FROM castssl_enable(source_dir => '$s', force => true);");
	like($session->answer, qr/t\n$/, 'a change in a transaction');
	hint('it is open', 'changes', qr/^belongs to a transaction that has not ended$/, qr/^Wait until the transaction ends: COMMIT keeps the change, ROLLBACK takes it back\.$/);
	$session->ask('COMMIT; SELECT 1;');
	$session->answer;
	$session->quit;
	is(scalar(found('changes')), 0, 'COMMIT: the row is gone');
	is($t->sql('SHOW ssl'), 'on', 'and the change is in effect');
}

# --- a change that waits, and that nobody watches since a restart

$t->disable(confirm_within => '1 hour', force => 'true');
$t->restart;
typed('after a restart', hint('after a restart', 'changes', qr/^waits to be confirmed until .*, and no worker watches it since the server was restarted$/,
	qr/^SELECT \* FROM castssl_changes\(\); by a superuser starts the worker that undoes it then\.$/) =~ /^(SELECT .*?;)/, $nothing);
hint('then', 'changes', qr/^waits to be confirmed, and will be undone at /, qr/^To keep it, as a superuser in a new connection/);
# its deadline has passed
{
	my ($watcher) = split /\n/, $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE '%castssl%'});
	ok($watcher, 'a worker watches') or diag $t->sql('SELECT backend_type FROM pg_stat_activity');
	kill STOP => $watcher;
	$t->pass_deadline;
	hint('late', 'changes', qr/^its deadline has passed, and it was not undone$/,
		qr/^SELECT \* FROM castssl_changes\(\); by a superuser undoes it\.  So does the background worker, unless the server's log says why it cannot\.$/);
	kill CONT => $watcher;
	$t->sql('SELECT pg_reload_conf()');
	ok(CastsslTest::wait_until(sub { !found('changes', qr/deadline has passed, and it was not/) }), 'so does the worker');
	is($t->sql('SHOW ssl'), 'on', 'TLS stays on');
}

# --- parameters that ALTER SYSTEM cannot change

$t->enable(source_dir => $s, force => 'true');
$t->{node}->append_conf('postgresql.conf', "ssl_min_protocol_version = 'TLSv1'\n");
$t->reload;
SKIP: {
	skip 'root may write everything', 1 if $> == 0;
	my $auto = "$data/postgresql.auto.conf";
	my $mode = (stat $auto)[2] & 07777;
	chmod 0400, $auto or die $!;
	my @rows = found('parameters_changeable');
	cmp_ok(scalar @rows, '>=', 1, 'it cannot be written');
	is($rows[0]{hint}, 'Change it where the server is managed from.', 'who changes it');
	like($rows[0]{message}, qr/^ALTER SYSTEM cannot change it: The server may not write postgresql\.auto\.conf/, 'and why');
	hint('an old protocol', 'protocol_version', undef, qr/^Set ssl_min_protocol_version to 'TLSv1\.2' where the server is managed from\.$/);
	$t->{node}->append_conf('postgresql.conf', "ssl_min_protocol_version = 'TLSv1.2'\n");
	$t->reload;
	is(scalar(found('protocol_version')), 0, 'it is set there, and the row is gone');
	chmod $mode, $auto or die $!;
	is(scalar(found('parameters_changeable')), 0, 'it can be written');
}

# --- a CA file that lies nowhere near

{
	my $ca = "$t->{folder}/our ca.crt";
	$t->enable(clientcert => 'verify-ca', force => 'true');
	rename "$data/root.crt", $ca or die $!;
	$t->sql(q{ALTER SYSTEM SET ssl_ca_file = ''});
	$t->reload;
	my $typed = hint('no CA', 'hba_clientcert', undef, qr/^Put the CA's certificate on the server and name it: SELECT \* FROM castssl_enable\(ca_file => '\.\.\.', confirm_within => '10 min'\);$/);
	($typed) = $typed =~ /(SELECT .*;)/;
	$typed =~ s/'\.\.\.'/'$ca'/;
	typed('no CA', $typed, qr/^(?:parameter|stored) ssl_ca_file: |^file .*\/our ca\.crt: not there|^access of \S+ \S+ tls[^:]*: refused /);
	is(scalar(found('hba_clientcert')), 0, 'the row is gone');
	$t->disable(force => 'true');
}

# --- lines that the server refuses come first

$t->set_hba("${local}host all all 10.0.0.0/8 scram-sha-256\nhost all all 10.0.0.0/8 nonsense\n");
hint('another line', 'hba_plaintext', undef, qr/^First see to the rows hba_loads: no edit can be made live while the server refuses a line\.$/);
$t->set_hba("${local}host all all 10.0.0.0/8 scram-sha-256\n");

# --- a line that is never used, and may hold a secret

$t->set_hba("${local}host all all 10.0.0.0/8 ldap ldapserver=a ldapbasedn=y ldapbinddn=x ldapbindpasswd=secret\nhost all bob 10.1.0.0/16 ldap ldapserver=a ldapbasedn=y ldapbinddn=x ldapbindpasswd=secret\n");
{
	my $hint = hint('with a secret', 'hba_dead_rules', undef, qr/^Its text may hold a secret and is not shown here: remove line 3 with castssl_hba_remove\(\), and name that text as rule\.$/);
	unlike($hint, qr/=secret/, 'which is not shown');
	my $line = (split /\n/, $t->hba)[2];
	typed('with a secret', "SELECT castssl_hba_remove(3, rule => '$line'); SELECT * FROM castssl_hba_apply()", qr/^line host all bob 10/);
	is(scalar(found('hba_dead_rules')), 0, 'the row is gone');
}

# --- which texts are counted, and which of them no test gives (CastsslTexts)

{
	my ($tree, $noted) = map { "$t->{folder}/$_" } qw(tree noted);
	mkdir $_ or die $! foreach $tree, "$tree/src", $noted;
	$t->write("$tree/src/x.c", <<'C');
/* "A comment is not a text." */
errmsg("a message is not one either");
errhint("Type the \"statement\" %s, and " /* in two parts */
		"look again.");
errdetail("Its size was %lld bytes.");
query("SELECT name FROM pg_catalog.pg_settings");
row("%s has %zu lines and more.", a);
C
	my @texts = ('Its size was %lld bytes.', 'Type the "statement" %s, and look again.');
	is_deeply([ sort keys %{ CastsslTexts::of_source($tree) } ], [ '%s has %zu lines and more.', @texts ], 'the texts of a source');
	$t->write("$noted/some.texts", "HINT:  Type the \"statement\" SELECT 1;, and look again.\n");
	is_deeply([ CastsslTexts::new_ones($tree, $noted) ], ['x.c: %s has %zu lines and more.'], 'one that no test gives, and that is not listed');
	$t->write("$noted/rows.texts", '{"hint":"the \\"file\\" has 7 lines and more."}' . "\n");
	is_deeply([ CastsslTexts::new_ones($tree, $noted) ], [], 'given in a row');
	my $source = CastsslTexts::of_source("$FindBin::RealBin/..");
	cmp_ok(scalar keys %$source, '>', 700, scalar(keys %$source) . ' texts');
	is_deeply([ grep { !exists $source->{$_} } CastsslTexts::listed() ], [], 'none is listed that there is not');
}

$t->stop;
done_testing();
