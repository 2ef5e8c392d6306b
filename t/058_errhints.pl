# Each hint of an error, a warning or a notice: raised here and typed, or raised in the test that is
# named for it. The hints are counted in the source: one that is new has to get a row.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslHints;
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('errhints', hba => $CastsslTest::stock_hba);
my ($s, $d) = ($t->{source}, $t->{data});
my $rows = 'SELECT count(*) FROM castssl_hba_rules()';
my %seen;    # beginnings of hints that were raised here

# --- raised and typed here: what raises it, its beginning, and what is typed, where %s is what the
# hint gives as an example or as a whole statement; undef: it is in words.

sub raised
{
	my ($sql, $hint, $typed) = @_;
	my (undef, undef, $err) = $t->psql($sql);
	my ($found) = $err =~ /^HINT:\s+(\Q$hint\E.*)$/m;
	(my $name = $sql) =~ s{\Q$d\E|\Q$s\E}{}g;
	ok(defined $found, "$hint: by $name") or diag $err;
	$seen{$hint} = 1;
	return unless defined $typed && defined $found;
	my ($example) = $found =~ /(SELECT .*?;|castssl_\w+\([^.]*\)|\w+ => (?:'[^']*'|\d+|NULL))/;
	my $before = CastsslHints::look($t);
	my $statement = sprintf $typed, $example =~ /^castssl_/ ? "SELECT * FROM $example" : $example;
	my ($ok, undef, $again) = $t->psql($statement);
	ok($ok, "typed: $statement") or diag $again;
	is_deeply([ CastsslHints::differences($before, CastsslHints::look($t)) ], [], 'and nothing changed by it');
	$t->psql('SELECT castssl_hba_discard()');
	return;
}

my $other = "$t->{folder}/other";
mkdir $other or die $!;
$t->write("$other/server.crt", "no PEM\n");
mkdir "$d/linked" or die $!;
symlink "$s/server.crt", "$d/linked/server.crt" or die $!;
my $staging = "SELECT castssl_hba_add('host', '{all}', '{all}', '10.0.0.0/8', 'scram-sha-256'";

raised("SELECT * FROM castssl_enable(source_dir => '')", 'Use source_dir => NULL to leave it out.');
raised("SELECT * FROM castssl_enable(source_dir => '$s', confirm_within => '-1 s')", "For example: confirm_within => '10 min'.",
	"SELECT * FROM castssl_enable(source_dir => '$s', dry_run => true, %s)");
raised("SELECT * FROM castssl_enable(source_dir => '$s', addresses => '{\"\"}')", 'Give ranges such as 10.0.0.0/8 or ::/0.');
raised('SELECT castssl_postpone(NULL)', "For example: SELECT castssl_postpone(confirm_within => '10 min').");
raised('SELECT * FROM castssl_check(1)', 'For example: castssl_check(target_version => ', '%s');
raised("SELECT castssl_client_config('uri', 'h', user_name => 'u', port => 0)", "For example: port => 5432; NULL stands for the server's.",
	"SELECT castssl_client_config('uri', 'localhost', user_name => 'u', %s)");
raised("SELECT castssl_client_config('uri', 'a b', user_name => 'u')", "For example: host => 'db.example.com'", "SELECT castssl_client_config('uri', user_name => 'u', %s)");
raised("SELECT castssl_client_config('node', 'a,b', user_name => 'u')", 'Name one host, such as that of a pooler or proxy.');
raised("SELECT castssl_hba_add(rule => E'local all all trust\\nlocal all all trust')", 'Call this once for each rule, or stage a whole file with castssl_hba_stage().');
raised("SELECT * FROM castssl_hba_explain('d', 'u', '10.0.0.0/8')", 'Give it without a netmask.');
raised("SELECT * FROM castssl_hba_explain('d', 'u', address => 'x')", "For example: address => '192.0.2.7'.", "SELECT * FROM castssl_hba_explain('d', 'u', %s)");
raised("SELECT castssl_csr('x', ip_addresses => '{10.0.0.0/8}')", "For example: ip_addresses => '{192.0.2.7, 2001:db8::7}'.");
raised("SELECT castssl_create_ca('x', valid_for => '-1 day')", "For example: valid_for => '90 days'.");
raised("SELECT castssl_sign('x')", "SELECT castssl_create_ca(common_name => '...') makes one.");
raised('SELECT castssl_confirm(0)', 'SELECT * FROM castssl_changes() lists the changes.');
raised('SELECT castssl_confirm(99)', 'SELECT * FROM castssl_changes() shows the state of each.', '%s');
raised('SELECT * FROM castssl_rollback()', 'SELECT * FROM castssl_changes() shows the state of each.', '%s');
raised('SELECT * FROM castssl_rollback(99)', 'SELECT * FROM castssl_changes() lists those that can be rolled back.', '%s');
raised('SELECT * FROM castssl_install()', 'Give at least one of them, as a PEM text.');
raised("SELECT * FROM castssl_install(private_key => 'x')", 'Give both: castssl_install(certificate => ..., private_key => ...).');
raised("SELECT * FROM castssl_install(ca => pg_read_file('$s/root.crt'))", 'Give certificate as well: castssl_install(certificate => ..., ca => ');
raised("SELECT * FROM castssl_install(certificate => pg_read_file('$s/server.crt'))", 'Have the request of SELECT castssl_csr(...) signed, or give private_key.');
raised("SELECT castssl_hba_change(99, 'local all all trust')", 'castssl_hba_rules(staged => true) shows the line of each rule.', '%s');
raised("SELECT castssl_hba_change(1, 'local all all trust', file_name => '/etc/passwd')", 'castssl_hba_rules() shows the file of each rule.', '%s');
raised("SELECT castssl_hba_change(1, 'local all all trust', file_name => '/nowhere')", 'Where an include is to find it, make it on the server first, empty.');
raised("$staging, before_line => 0)", 'NULL puts the line at the end.');
raised('SELECT castssl_hba_diff(); SELECT * FROM castssl_hba_compare()', 'Stage some: castssl_hba_add(), castssl_hba_change(), castssl_hba_remove(),');
raised("$staging); SELECT * FROM castssl_hba_apply(expected => 'x')", 'Look at them: SELECT castssl_hba_diff(). Their hash is staged_hash of castssl_status().');
raised('SELECT * FROM castssl_enable()', "Name the folder of the server that they are in: source_dir => '...'.");
raised("SELECT * FROM castssl_enable(source_dir => '$d/global')", "Name them: cert_file => '...', key_file => '...'.");
raised("SELECT * FROM castssl_enable(source_dir => '/nowhere')", 'Name a directory of the server that holds the files.');
raised("SELECT * FROM castssl_enable(source_dir => '$s', cert_file => 'x.crt')", 'Copy the file there, or name the directory that holds it in source_dir.');
raised("SELECT * FROM castssl_enable(source_dir => '$s', ca_file => '', clientcert => 'verify-ca')", "Name a ca_file, or use clientcert => 'none'.");
raised("SELECT * FROM castssl_enable(source_dir => '$s', target_dir => '/etc')", 'Run as root: chown ');
raised("SELECT * FROM castssl_enable(source_dir => '$s', target_dir => '$d/global')", 'Name another file or target_dir.');
raised("SELECT * FROM castssl_enable(source_dir => '$s', target_dir => '$other')", 'Move it away, or name another file or target_dir.');
raised("SELECT * FROM castssl_enable(source_dir => '$s', target_dir => '$d/linked')", 'Remove the link, or name another target_dir.');
raised("SELECT * FROM castssl_enable(source_dir => '$s', ca_file => 'server.crt')", 'Give each a name of its own.');

# a line that has moved: the hint's number in the same call removes the one that is meant
{
	my $rule = 'host    all             all             127.0.0.1/32            scram-sha-256';
	my ($line) = grep { (split /\n/, $t->hba)[ $_ - 1 ] eq $rule } 1 .. 100;
	ok($line, 'a line of the stock file') or diag $t->hba;
	raised("SELECT castssl_hba_remove(1, rule => '$rule')", 'Look at the line, and name that one: line_number => ', "SELECT castssl_hba_remove(%s, rule => '$rule')");
}

# a rule that nothing reaches where it is put
raised("SELECT castssl_hba_add(rule => 'local all bob reject', before_line => (SELECT max(line_number) FROM castssl_hba_rules()))",
	'Put it above: SELECT castssl_hba_move(line_number => ');
{
	my (undef, undef, $err) = $t->psql("SELECT castssl_hba_add(rule => 'local all bob reject', before_line => (SELECT max(line_number) FROM castssl_hba_rules()))");
	my ($move) = $err =~ /(SELECT castssl_hba_move\([^)]*\))/;
	my ($ok, $out) = $t->psql($move // '');
	ok($ok, 'typed: ' . ($move // ''));
	unlike($out, qr/no connection reaches/, 'and it is reached');
	$t->sql('SELECT castssl_hba_discard()');
}

# an address that a line rejects: the rule above it, and the block stays for all others
{
	my $block = "host all all 192.168.0.0/16 reject\n";
	$t->set_hba("local all all trust\n$block");
	my $sql = "SELECT * FROM castssl_enable(source_dir => '$s', addresses => '{192.168.7.0/24}')";
	my (undef, undef, $err) = $t->psql($sql);
	my ($add) = $err =~ /^HINT:  Leave the address out, or, where these clients are to come in all the same: (SELECT castssl_hba_add.*;)$/m;
	ok($add, 'the rule above a line that rejects') or diag $err;
	$t->enable(source_dir => $s);
	my ($ok, undef, $again) = $t->psql($add // '');
	ok($ok, 'typed: ' . ($add // '')) or diag $again;
	$t->psql('SELECT castssl_confirm(force => true)');
	is($t->hba, "local all all trust\nhostssl all all 192.168.7.0/24 scram-sha-256\n$block", 'the block stands below it');
	my ($ok_then, undef, $then) = $t->psql($sql);
	ok($ok_then, 'and the call works') or diag $then;
}

# what would take the CA away from rules that ask for certificates
$t->set_hba("local all all trust\nhostssl all all all scram-sha-256 clientcert=verify-ca\n");
raised("SELECT * FROM castssl_enable(ca_file => '')", 'Keep the CA (castssl_enable() keeps it where ca_file is left out)');
{
	my ($ok, undef, $err) = $t->psql('SELECT * FROM castssl_enable()');
	ok($ok, 'typed: castssl_enable() without ca_file') or diag $err;
	is($t->sql('SHOW ssl_ca_file'), 'root.crt', 'and the CA stays');
	like($t->hba, qr/clientcert=verify-ca/, 'and the rules ask');
}

# a change that waits: taken back, and kept
$t->set_hba("local all all trust\nhost all all all scram-sha-256\n");
{
	my $before = $t->hba;
	$t->enable(plaintext => 'block', confirm_within => '1 hour');
	my (undef, undef, $err) = $t->psql('SELECT * FROM castssl_disable()');
	my ($keep, $back) = $err =~ /^HINT:  Keep it: (SELECT castssl_confirm\(\d+\);) from a new connection\.  Take it back: (SELECT castssl_rollback\(\);)$/m;
	ok($back, 'a change that waits') or diag $err;
	my ($ok, undef, $again) = $t->psql($back // '');
	ok($ok, 'typed: ' . ($back // '')) or diag $again;
	is($t->hba, $before, 'it is taken back, and nothing else');
	$seen{'Keep it: SELECT castssl_confirm('} = 1;
}
raised("BEGIN; SELECT castssl_hba_add(rule => 'host all all 10.0.0.0/8 reject'); SELECT FROM castssl_hba_apply(); SELECT FROM castssl_rollback(); "
	  . 'SELECT FROM castssl_rollback((SELECT max(change_id) FROM castssl_changes()))', 'ROLLBACK, or ROLLBACK TO a savepoint before it, takes it back.');
$t->settle;

# the small CA
$t->sql("SELECT castssl_create_ca('Small CA')");
raised("SELECT castssl_create_ca('x')", 'To start again, move that directory away or set castssl.ca_directory to another one.');
raised("SELECT * FROM castssl_revoke(pg_read_file('$s/server.crt'))", 'Have that CA revoke it, and install its new CRL, in one text with the CRLs of the other CAs: ');
raised("SELECT * FROM castssl_revoke(castssl_sign(castssl_csr('x')), reason => 'x')", 'Use ');
raised("SELECT * FROM castssl_revoke(pg_read_file('pg_castssl/ca/root.crt'))", 'Take it out of the CA file instead: castssl_install(ca => ...)');
raised("SELECT * FROM castssl_revoke(castssl_sign(castssl_csr('x')))", 'SELECT * FROM castssl_install(crl => ...) on each server that trusts ');
raised("SELECT castssl_issue_client('../x')", 'Use letters, digits and _ - . @, or have the user make a request that castssl_sign() signs.');
raised("SELECT castssl_issue_client('alice', '')", 'Give one, or NULL to have no client.pfx.');
raised("SELECT castssl_issue_client('alice', NULL)", "Give the client the root certificate of the server's CA as root.crt, for connections to this server.");

# the folder of our own state
{
	my $last = "$d/pg_castssl/changes/" . '9' x 17;
	mkdir $last or die "$last: $!";
	raised(q{SELECT * FROM castssl_enable(plaintext => 'block', force => true)}, 'Remove it: pg_castssl did not make it.');
	rmdir $last or die $!;
	ok(($t->psql(q{SELECT * FROM castssl_enable(plaintext => 'block', force => true)}))[0], 'typed: it is removed, and the call works');
	$t->disable(force => 'true');
	my $pending = "$d/pg_castssl/pending";
	rename $pending, "$pending.moved" or die $!;
	symlink "$pending.moved", $pending or die $!;
	raised("SELECT castssl_csr('x')", 'Put the directory itself in its place.');
	unlink $pending or die $!;
	rename "$pending.moved", $pending or die $!;
	ok(($t->psql("SELECT castssl_csr('x')"))[0], 'typed: it is put back, and the call works');
}

# what was edited and set by hand after a change
{
	$t->enable(source_dir => $s);
	my ($id) = $t->newest_change =~ m{(\d+)$};
	$t->sql(q{ALTER SYSTEM SET ssl_ca_file = ''});
	$t->reload;
	raised("SELECT * FROM castssl_rollback($id)", 'Rolling back would lose these values');
	$t->sql(q{ALTER SYSTEM SET ssl_ca_file = 'root.crt'});
	$t->reload;
	$t->enable(plaintext => 'block', force => 'true');
	($id) = $t->newest_change =~ m{(\d+)$};
	$t->set_hba($t->hba . "# by hand\n");
	raised("SELECT * FROM castssl_rollback($id)", 'Rolling back would lose those edits');
}

# --- raised elsewhere: the test, and the words that show it there
my %elsewhere = (
	'Bring the definitions up to date: ALTER EXTENSION pg_castssl UPDATE;' => [ '060_upgrade', 'ALTER EXTENSION' ],
	'If minutes were meant: confirm_within' => [ '031_confirm', 'If minutes were meant' ],
	'Call it in a statement of its own' => [ '069_transactions', 'autocommit' ],
	'Declare the function that calls them PARALLEL UNSAFE.' => [ '062_caller', 'PARALLEL UNSAFE' ],
	"Look at the server's files, put them right by hand" => [ '037_journal', 'emove the folder' ],
	'Put the files right by hand, or from a backup' => [ '037_journal', 'emove the folder' ],
	'Call this again when it has ended' => [ '069_transactions', 'lock_timeout' ],
	'SELECT * FROM castssl_changes() shows it.' => [ '015_defaults', 'FROM castssl_changes' ],
	'Look at these files and at "SELECT * FROM castssl_check()"' => [ '036_survival', 'castssl_check' ],
	'COMMIT instead, or call castssl_* outside' => [ '069_transactions', 'COMMIT' ],
	'Raise max_worker_processes and restart the server' => [ '031_confirm', 'max_worker_processes' ],
	'This is tried again every ' => [ '036_survival', 'a change could n' ],
	'The next castssl_* call that changes something' => [ '077_stories', 'call that change' ],
	'As a superuser: SELECT * FROM castssl_changes(); sees to it.' => [ '030_changes', 'As a superuser: SELECT' ],
	"The server's log may say why" => [ '064_proof', 'did not take effect' ],
	'COMMIT that transaction, then confirm' => [ '069_transactions', 'committed' ],
	'Make the change again, and confirm it in time.' => [ '031_confirm', 'confirm it in time' ],
	'Mend that: the change is undone by itself then.' => [ '036_survival', 'the deadline of' ],
	'%sPut it where the server is configured from' => [ '074_managed', 'patronictl edit-config' ],
	'COMMIT, and confirm it from a new connection' => [ '069_transactions', 'COMMIT' ],
	'Nothing was changed.  Please report this as a bug.' => [ '030_changes', 'Nothing was changed' ],
	'Install a certificate with these names: castssl_csr' => [ '043_clients', 'castssl_client_config' ],
	'To keep TLS: ALTER SYSTEM SET ssl = on;' => [ '013_citizen', 'To keep TLS' ],
	'Set their passwords once more' => [ '055_judge', 'Set their passwords once more' ],
	'%s%sLook at castssl_hba_compare() before' => [ '055_judge', 'before you apply what is staged' ],
	'Keep it: SELECT castssl_confirm(); from a new connection.  Somebody has edited' => [ '031_confirm', 'Somebody has edited' ],
	'Rolling back would lose %s: %s first; or keep' => [ '031_confirm', 'or keep the change' ],
	'Rolling back would lose %s: %s first, or go on' => [ '058_errhints', 'Rolling back would lose' ],
	'Look at the file: is it what hba_file should name?' => [ '020_hba_stage', 'not a text file' ],
	'Copy the key, or have a superuser do it.' => [ '066_where_files_go', 'another name' ],
	"Make a CA with key_type => 'ec:P-384'" => [ '055_judge', 'annot use servers of this CA' ],
	"As the server's account: cp -Rp " => [ '046_input_files', "As the server's account: cp" ],
	'Have a superuser sign it, or become a member' => [ '010_privileges', 'permission denie' ],
	'Issue a new one before that day.' => [ '041_ca_rotation', 'the certificate of' ],
	'Put it above, with castssl_hba_move().' => [ '025_hba_lines', 'castssl_hba_move' ],
	'SELECT pg_terminate_backend(%d); ends the first one' => [ '055_judge', 'that certificate' ],
	'Look at it, forget the edits with' => [ '020_hba_stage', 'castssl_hba_discard' ],
	'Use a role that the users are members of' => [ '065_interrupts', '+role' ],
	'SELECT castssl_hba_diff() shows all' => [ '025_hba_lines', 'castssl_hba_diff' ],
	'Where that is to be taken back' => [ '030_changes', 'Where that is to be taken back: SELECT' ],
	'Change the configuration where it is managed from.' => [ '074_managed', 'CASTSSL_READ_ONLY' ],
	'Name a directory in which, and in whose parents' => [ '066_where_files_go', 'others may write to directory' ],
	'Run as root: chown %d:%d %%s' => [ '005_errors', 'could not keep the owner of file' ],
	'Run as root: %s' => [ '005_errors', 'chmod 0640' ],
	'%s  Or run as root: %s' => [ '005_errors', 'a key of root, open to others' ],
	'Mount the folder that holds the file' => [ '033_disk_full', 'is a mount point' ],
	'Put the file and its directories themselves there' => [ '005_errors', 'could not open file' ],
	'A superuser can add the directory to castssl.allowed' => [ '010_privileges', 'allowed_directories' ],
	'Run as root: install -d -o %s -m 700' => [ '046_input_files', 'install -d -o' ],
	'Name the directory itself, without links' => [ '015_defaults', 'links on the way' ],
	'Write the names into the rule' => [ '061_security', 'permission denied for path' ],
	'Name another file.' => [ '061_security', 'cannot be a part' ],
	'Start the server, and call this in a session.' => [ '013_citizen', 'there is no server to reload' ]);

# Those that need another program, or a system call that fails, at an instant of the call, and are
# in words: not raised by any test.
my @not_raised = (
	'The next change tries again.', "The server's log says why.  Without confirm_within", 'Repair that: the next castssl_* call',
	'Let that account read it: the name is in the properties', 'Run as root: chmod %04o', 'Let the server open more files',
	'Look at it, and call this again.', "The server's log names the line.");

my $root = "$FindBin::RealBin/..";
foreach my $begin (sort keys %elsewhere)
{
	my ($file, $words) = @{ $elsewhere{$begin} };
	like(-e "$root/t/$file.pl" ? $t->slurp("$root/t/$file.pl") : '', qr/\Q$words\E/, "$file raises: $begin");
}

# the hints of the source: what is said, and a beginning that only it has
my @rows = (keys %seen, keys %elsewhere, @not_raised);
my %unused = map { $_ => 1 } @rows;
delete @unused{'NULL puts the line at the end.', 'Rolling back would lose these values', 'Rolling back would lose those edits'};    # from a variable
my $count = 0;
foreach my $file (sort split /\n/, `find '$root/src' -name '*.c'`)
{
	my $text = $t->slurp($file);
	while ($text =~ /\b(?:errhint|castssl_hint_for_path|castssl_hint_for_name)\s*(\((?:[^()"]++|"(?:[^"\\]|\\.)*+"|(?1))*+\))/g)
	{
		my $hint = join '', $1 =~ /"((?:[^"\\]|\\.)*)"/g;
		$hint =~ s/\\"/"/g;
		next unless $hint =~ /[a-z]{2}/;    # from a variable
		$count++;
		my $filled = $hint =~ s/%s/source_dir/r =~ s/%l?d/0/gr;
		my @for = grep { index($hint, $_) == 0 || index($filled, $_) == 0 || index($hint =~ s/%.*//sr, $_) == 0 } @rows;
		ok(scalar @for, "has a row: $hint") or diag $file;
		delete @unused{@for};
	}
}
cmp_ok($count, '>', 100, "$count hints");
is_deeply([ sort keys %unused ], [], 'no row for a hint that there is not');

$t->stop;
done_testing();
