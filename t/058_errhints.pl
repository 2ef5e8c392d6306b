# Each hint of an error, a warning or a notice: raised here and typed, or raised in the test that
# CastsslHints.pm names for it. The hints are counted in the source: one that is new has to get a row.
# CASTSSL_FAULTS names a library that was built with FAULTS=1.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslHints;
use CastsslTest;
use Test::More;
use Time::HiRes qw(usleep);

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
raised("SELECT * FROM castssl_enable(source_dir => '$s', plaintext => 'block', confirm_within => '10', dry_run => true)", 'If minutes were meant: confirm_within',
	"SELECT * FROM castssl_enable(source_dir => '$s', plaintext => 'block', dry_run => true, %s)");
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
raised("$staging, before_line => 0)", 'NULL puts the rule where it takes effect.');
raised('SELECT castssl_hba_move(1, before_line => 0)', 'NULL puts the line at the end.');
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

# a folder named through a link that others could put there: the folder itself
{
	mkdir "$t->{folder}/$_" or die $! foreach qw(certificates open);
	chmod 0777, "$t->{folder}/open" or die $!;
	symlink "$t->{folder}/certificates", "$t->{folder}/open/link" or die $!;
	my $call = "SELECT * FROM castssl_enable(source_dir => '$s', dry_run => true, target_dir => '$t->{folder}/%s')";
	raised(sprintf($call, 'open/link'), 'Name the directory itself, without links on the way.');
	ok(($t->psql(sprintf $call, 'certificates'))[0], 'typed: the directory itself');
}

# a folder on a file system that is read-only: another one
$seen{'%s  Or name another target_dir'} = 1;
SKIP: {
	my $folder = $ENV{CASTSSL_READ_ONLY} // '';
	skip 'CASTSSL_READ_ONLY names no file system that is read-only', 1 unless -d $folder;
	raised("SELECT * FROM castssl_enable(source_dir => '$s', target_dir => '$folder')", 'Where systemd closes it (ProtectSystem=), add');
}

# a rule in an included file (16 and later) that a line of the same file hides
$seen{'Put it above, with castssl_hba_move().'} = 1;
SKIP: {
	skip 'no include before 16', 1 if $t->sql('SHOW server_version_num') < 160000;
	my $stock = $t->hba;
	$t->psql('SELECT castssl_hba_discard()'); # what other hints have staged
	$t->write("$d/more.conf", "local all all trust\n# the end\n");
	$t->set_hba("include more.conf\n$stock");
	raised("SELECT castssl_hba_add(rule => 'local all bob reject', file_name => '$d/more.conf', before_line => 2)", 'Put it above, with castssl_hba_move().');
	my ($ok, undef, $err) = $t->psql("SELECT castssl_hba_add(rule => 'local all bob reject', file_name => '$d/more.conf', before_line => 1)");
	ok($ok && $err !~ /no connection reaches/, 'typed: above it, it is reached') or diag $err;
	$t->sql('SELECT castssl_hba_discard()');
	$t->set_hba($stock);
}

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
	my ($move) = $err =~ /(SELECT castssl_hba_move\([^)]*\);)$/m;
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
raised("SELECT castssl_sign(castssl_csr('x'))", 'Issue a new one before that day.');
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
	$seen{'Rolling back would lose %s: %s first, or go on'} = 1;
}

# --- what fails at an instant of the call

# postgresql.auto.conf, damaged
{
	my $auto = $t->slurp("$d/postgresql.auto.conf");
	$t->write("$d/postgresql.auto.conf", "${auto}this is = no = line\n");
	my $line = () = $auto =~ /\n/g;
	raised("SELECT * FROM castssl_enable(source_dir => '$s')", "The server's log names the line.");
	like($t->slurp($t->{node}->logfile), qr/syntax error in file "[^"]*postgresql\.auto\.conf" line @{[$line + 1]}, near token/, 'typed: so it does');
	$t->write("$d/postgresql.auto.conf", $auto);
	ok(($t->psql("SELECT * FROM castssl_enable(source_dir => '$s')"))[0], 'without that line the call works');
}

# what an older change has left, and cannot be removed
{
	my $left = "$d/pg_castssl/candidate";
	mkdir $left or die "$left: $!";
	$t->write("$left/file", '');
	chmod 0500, $left or die $!;
	raised(q{SELECT * FROM castssl_enable(plaintext => 'block', force => true)}, 'The next change tries again.');
	chmod 0700, $left or die $!;
	$t->disable(force => 'true');
	ok(!-e $left, 'typed: so it does');
}

# a change that was interrupted, and cannot be undone
{
	my $own = CastsslTest->new('interrupted', layout => 'debian');
	my $hba = $own->hba;
	$own->enable(source_dir => $own->{source}, plaintext => 'block');
	$own->edit_state($own->newest_change . '/manifest', sub { s/^state = 'applied'/state = 'applying'/m or die $_ });
	chmod 0500, $own->{config} or die $!;
	my (undef, undef, $err) = $own->psql(q{SELECT * FROM castssl_enable(clientcert => 'verify-full')});
	like($err, qr/^HINT: +Repair that: the next castssl_\* call, and the next start of the server, undo the change\.$/m, 'interrupted, and its folder closed');
	chmod 0700, $own->{config} or die $!;
	ok(($own->psql('SELECT * FROM castssl_changes()'))[0], 'typed: it is repaired, and the next call undoes it');
	is($own->hba, $hba, 'so it does');
	$own->stop;
	$seen{'Repair that: the next castssl_* call'} = 1;
}

# system calls that fail, in a library with points of failure
my @by_faults = ('Run as root: chmod %04o', 'Let the server open more files', 'Look at it, and call this again.');
@seen{@by_faults} = (1) x @by_faults;
SKIP: {
	my $library = $ENV{CASTSSL_FAULTS} // '';
	skip 'CASTSSL_FAULTS names no library that was built with FAULTS=1', 1 unless -e $library;
	my ($folder, $module) = ($library =~ s{/[^/]*$}{}r, $library =~ s{\.\w+$}{}r);
	my $own = CastsslTest->new('faults', start => 0, conf => "dynamic_library_path = '$folder:\$libdir'\n");
	$own->start;
	(my $script = $own->slurp("$FindBin::RealBin/../sql/pg_castssl--0.2.0.sql")) =~ s/^\\echo.*$//m;
	$own->sql($script =~ s/MODULE_PATHNAME/$module/gr);
	$own->enable(source_dir => $own->{source});
	my $key = "$own->{data}/server.key";
	chmod 0640, $key or die $!;
	$own->fails("LOAD '$module'; SET castssl.fault = 'chmod:error'; SELECT * FROM castssl_enable()", '42501', 'a mode that cannot be set',
		hint => qr/^Run as root: chmod 0600 \Q$key\E/);
	is(system('chmod', '0600', $key), 0, 'typed, by root');
	ok(($own->psql('SELECT * FROM castssl_enable()'))[0], 'and the call works');
	$own->fails("LOAD '$module'; SET castssl.fault = 'scratch file:emfile'; SELECT * FROM castssl_enable(source_dir => '$own->{source}', clientcert => 'verify-ca', force => true)",
		'53000', 'no more files can be opened', hint => qr/^Let the server open more files \(max_files_per_process, ulimit -n\)\.$/);
	ok(($own->psql("SELECT * FROM castssl_enable(source_dir => '$own->{source}', clientcert => 'verify-ca', force => true)"))[0], 'with more the call works');

	# a file and a parameter that somebody changes while the call, stopped there, has prepared its change
	foreach my $race (
		[ 'a file', 'swap', sub { $own->write('pg_hba.conf', $own->hba . "# somebody else's\n") }, qr/^# somebody else's$/m ],
		[ 'a parameter', 'store parameter', sub { $own->sql(q{ALTER SYSTEM SET ssl_ca_file = 'server.crt'}) }, qr/parameter "ssl_ca_file" was set since change \d+, which is being undone/ ])
	{
		my ($what, $point, $change, $his) = @$race;
		my $call = 'SELECT count(*) FROM castssl_disable(force => true)';
		my $maker = $own->session;
		$maker->ask("LOAD '$module'; SET castssl.fault = '$point:stop'; $call;");
		for (1 .. 600)
		{
			last if $own->slurp("/proc/$maker->{pid}/stat") =~ /\) T /;
			usleep(100_000);
		}
		$change->();
		kill CONT => $maker->{pid};
		my $answer = $maker->answer;
		like($answer, qr/^ERROR:  55000: .* changed while the change was prepared\n.*^HINT:  Look at it, and call this again\.$/ms, "$what that somebody changes meanwhile")
		  or diag $answer;
		like($answer . $own->hba, $his, 'what was changed is there, or named');
		$maker->quit;
		ok(($own->psql($call))[0], 'typed: the same call works');
		$own->enable(source_dir => $own->{source}, force => 'true');
	}
	$own->stop;
}

# Only on Windows; where an edit that is derived would let somebody in, which none does; and of a folder
# of another account that the server may write to, which root alone could make.
my @not_raised = ('Name a directory in which, and in whose parents', 'Let that account read it: the name is in the properties', 'Nothing was changed.  Please report this as a bug.');

# --- raised elsewhere: %CastsslHints::elsewhere names the test, and scripts/test compares that with
# what the servers of that test have logged

my $root = "$FindBin::RealBin/..";
foreach my $begin (sort keys %CastsslHints::elsewhere)
{
	my $file = "$root/t/$CastsslHints::elsewhere{$begin}.pl";
	ok(-e $file, "a test raises: $begin") or diag $file;
}

# the hints of the source: what is said, and a beginning that only it has
my @rows = (keys %seen, keys %CastsslHints::elsewhere, @not_raised);
my %unused = map { $_ => 1 } @rows;
delete @unused{'NULL puts the rule where it takes effect.', 'NULL puts the line at the end.', 'Rolling back would lose these values', 'Rolling back would lose those edits', 'Where systemd closes it (ProtectSystem=), add'};    # from a variable
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
