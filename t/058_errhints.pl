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
raised("SELECT castssl_client_config('uri', 'h', user_name => 'u', port => 0)", "For example: port => 5432.  NULL means the server's own port.",
	"SELECT castssl_client_config('uri', 'localhost', user_name => 'u', %s)");
raised("SELECT castssl_client_config('uri', 'a b', user_name => 'u')", "For example: host => 'db.example.com'", "SELECT castssl_client_config('uri', user_name => 'u', %s)");
raised("SELECT castssl_client_config('node', 'a,b', user_name => 'u')", 'Name one host, such as that of a pooler or proxy.');
raised("SELECT castssl_client_config('node', 'localhost', user_name => 'u', database => 'a?b')", 'Take the values of format "service", and give them to Client one by one.');
raised("SELECT castssl_hba_add(rule => E'local all all trust\\nlocal all all trust')", 'Call this once for each rule, or stage a whole file with castssl_hba_stage().');
raised("SELECT * FROM castssl_hba_explain('d', 'u', '10.0.0.0/8')", 'Give the address without a netmask.');
raised("SELECT * FROM castssl_hba_explain('d', 'u', address => 'x')", "For example: address => '192.0.2.7'.", "SELECT * FROM castssl_hba_explain('d', 'u', %s)");
raised("SELECT castssl_csr('x', ip_addresses => '{10.0.0.0/8}')", "For example: ip_addresses => '{192.0.2.7, 2001:db8::7}'.");
{
	# what no errhint() of its own says
	my %words = (
		"castssl_csr('x', key_type => 'rsa:1024')" => qr/DETAIL: +pg_castssl makes keys that are strong enough.*\nHINT: +Use rsa:2048/,
		"castssl_csr('x', dns_names => '{bad_name!}')" => qr/HINT: +Give the name that clients connect to/,
		"castssl_csr('x', dns_names => '{m\xc3\xbcnchen.de}')" => qr/HINT: +Write an internationalized name/);
	like(($t->psql("SELECT $_"))[2], $words{$_}, $_) foreach sort keys %words;
}
raised("SELECT castssl_create_ca('x', valid_for => '-1 day')", "For example: valid_for => '90 days'.");
raised("SELECT castssl_sign('x')", "SELECT castssl_create_ca(common_name => '...') makes one.");
raised('SELECT castssl_confirm(0)', 'SELECT * FROM castssl_changes() lists the changes.');
raised('SELECT castssl_confirm(99)', 'SELECT * FROM castssl_changes() shows the state of each.', '%s');
raised('SELECT * FROM castssl_rollback()', 'SELECT * FROM castssl_changes() shows the state of each.', '%s');
raised('SELECT * FROM castssl_rollback(99)', 'SELECT * FROM castssl_changes() lists those that can be rolled back.', '%s');
raised('SELECT * FROM castssl_install()', 'Give at least one of them, as a PEM text.');
raised("SELECT * FROM castssl_install(private_key => 'x')", 'Give both: castssl_install(certificate => ..., private_key => ...).');
raised("SELECT * FROM castssl_install(ca => pg_read_file('$s/root.crt'))", 'Install a certificate, too: castssl_install(certificate => ..., ca => ');
raised("SELECT * FROM castssl_install(certificate => pg_read_file('$s/server.crt'))", 'Let your CA sign the request of SELECT castssl_csr(...), or give private_key.');
raised("SELECT castssl_hba_change(99, 'local all all trust')", 'castssl_hba_rules(staged => true) shows the line of each rule.', '%s');
raised("SELECT castssl_hba_change(1, 'local all all trust', file_name => '/etc/passwd')", 'castssl_hba_rules() shows the file of each rule.', '%s');
raised("SELECT castssl_hba_change(1, 'local all all trust', file_name => '/nowhere')", 'If an include names it, first make an empty file on the server.');
raised("$staging, before_line => 0)", 'NULL puts the rule where it takes effect.');
raised('SELECT castssl_hba_move(1, before_line => 0)', 'NULL puts the line at the end.');
raised('SELECT castssl_hba_diff(); SELECT * FROM castssl_hba_compare()', 'Stage some: castssl_hba_add(), castssl_hba_change(), castssl_hba_remove(),');
raised("$staging); SELECT * FROM castssl_hba_apply(expected => 'x')", 'Look at them: SELECT castssl_hba_diff();  castssl_status() shows their hash as staged_hash.');
raised('SELECT * FROM castssl_enable()', "Name the folder of the server that they are in: source_dir => '...'.");
raised("SELECT * FROM castssl_enable(source_dir => '$d/global')", "Name them: cert_file => '...', key_file => '...'.");
raised("SELECT * FROM castssl_enable(source_dir => '/nowhere')", 'Name a directory of the server that holds the files.');
raised("SELECT * FROM castssl_enable(source_dir => '$s', cert_file => 'x.crt')", 'Copy the file there, or name the directory that holds it in source_dir.');
raised("SELECT * FROM castssl_enable(source_dir => '$s', ca_file => '', clientcert => 'verify-ca')", "Name a ca_file, or use clientcert => 'none'.");

# an argument that has to be given: the call with the example
$t->sql("SELECT length(castssl_create_ca('For examples'))");
foreach my $call (
	[ "castssl_client_config(%s, host => 'h', user_name => 'u')", 'format' ],
	[ "castssl_client_config('uri', %s, user_name => 'u')", 'host' ],
	[ "castssl_client_config('uri', 'h', %s)", 'user_name' ],
	[ "castssl_client_config('uri', 'h', user_name => 'u', %s)", 'database' ],
	[ 'castssl_hba_add(%s)', 'rule' ],
	[ "castssl_hba_add(%s, database => '{all}', user_name => '{all}', address => '192.0.2.0/24', auth_method => 'scram-sha-256')", 'type' ],
	[ "castssl_hba_add('host', '{all}', '{all}', '192.0.2.0/24', %s)", 'auth_method' ],
	[ 'castssl_hba_stage(%s)', 'content' ],
	[ "castssl_hba_explain(%s, user_name => 'u', address => '192.0.2.7')", 'database' ],
	[ "castssl_hba_explain('d', %s, address => '192.0.2.7')", 'user_name' ],
	[ "castssl_hba_explain('d', 'u', '192.0.2.7', %s)", 'encryption' ],
	[ "castssl_csr(%s, dns_names => '{x}')", 'common_name' ],
	[ "castssl_csr('x', %s)", 'key_type' ],
	[ 'castssl_sign(%s)', 'request' ],
	[ "castssl_sign(castssl_csr('x'), %s)", 'purpose' ],
	[ 'castssl_issue_client(%s)', 'user_name' ],
	[ "castssl_revoke(pg_read_file('pg_castssl/issued/alice/client.crt'), %s)", 'reason' ],
	[ 'castssl_revoke(%s)', 'certificate' ],
	[ 'castssl_create_ca(%s)', 'common_name', 1 ],
	[ "castssl_create_ca('x', %s)", 'key_type', 1 ])
{
	my ($function, $name, $first) = @$call;
	$t->sql("SELECT castssl_issue_client('alice')") if $function =~ /revoke/;
	foreach my $value ('NULL', q{''})
	{
		my (undef, undef, $err) = $t->psql('SELECT * FROM ' . sprintf $function, "$name => $value");
		my ($example) = $err =~ /ERROR: .*\b$name must not be null or empty\n.*^HINT:  For example: ($name => .*)\.$/ms;
		ok(defined $example, "$name => $value: an example") or diag $err;
		next if $value eq 'NULL' || !defined $example;
		# the server has one CA
		rename "$d/pg_castssl/ca", "$d/pg_castssl/first" or die $! if $first;
		my ($ok, undef, $again) = $t->psql('SELECT * FROM ' . sprintf $function, $example);
		ok($ok, 'typed: ' . sprintf $function, $example) or diag $again;
		system("rm", "-r", "$d/pg_castssl/ca") == 0 && rename "$d/pg_castssl/first", "$d/pg_castssl/ca" or die $! if $first;
		$t->psql('SELECT castssl_hba_discard()');
	}
}
system('rm', '-r', "$d/pg_castssl/ca") == 0 or die;
$seen{'For example: %s => %s.'} = 1;

# a rule that the server does not understand: one that works
foreach my $call (q{add(rule => 'local all all')}, q{add(rule => 'host all all 10.0.0.0/8 scram')}, q{add(rule => 'local all "all trust')}, q{add(rule => 'local all all trust \\')},
	q{add('hosty', '{all}', '{all}', '10.0.0.0/8', 'md5')}, q{add('host', '{all}', '{all}', '10.0.0.0/8', 'md6')}, q{change((SELECT max(line_number) FROM castssl_hba_rules()), 'local all')}, q{stage('local all')})
{
	my $before = $t->hba;
	my (undef, undef, $err) = $t->psql("SELECT castssl_hba_$call");
	my ($example) = $err =~ /^HINT:  For example: (SELECT castssl_hba_add\(.*\);)$/m;
	ok(defined $example, "castssl_hba_$call: an example") or diag $err;
	my ($ok, $out, $again) = $t->psql($example // 'none');
	ok($ok, "typed: $example") or diag $again;
	like($out, qr/^\+hostssl all app /m, 'it is staged');
	is($t->hba, $before, 'and nothing is live');
	$t->psql('SELECT castssl_hba_discard()');
}

# A folder of root: no owner is changed, there or above.  What root would type is typed in a folder of
# this test's; that bash takes the rest of the line is seen of the hint itself.
foreach my $folder ('/etc', '/', '/usr/share')
{
	my (undef, undef, $err) = $t->psql("SELECT * FROM castssl_enable(source_dir => '$s', target_dir => '$folder', force => true)");
	my ($command, $statement) = $err =~ /^HINT: +Use a folder of the server's own\.  Run as root: (.*?)  Then: (SELECT .*;)$/m;
	ok($command, "target_dir => '$folder'") or diag $err;
	like($command, qr{^install -d -o \S+ -m 700 \Q$folder\E/?postgresql-tls$}, 'a folder for these files');
	(my $place = "$t->{folder}/root$folder") =~ s{/$}{};
	system('mkdir', '-p', $place);
	my ($there, $here) = (($folder =~ s{/$}{}r) . '/postgresql-tls', "$place/postgresql-tls");
	$command =~ s{ \Q$there\E$}{ $here} or die $command;
	$statement =~ s{'\Q$there\E'}{'$here'} or die $statement;
	is(system('bash', '-c', $command), 0, "typed: $command");
	my ($ok, undef, $again) = $t->psql($statement);
	ok($ok, "typed: $statement") or diag $again;
	is($t->mode("$place/postgresql-tls/server.key"), '0600', 'there they are');
	$t->sql('SELECT count(*) FROM castssl_disable(force => true)');
}
mkdir "$t->{folder}/mine", 0500 or die $!;
{
	my $call = "SELECT * FROM castssl_enable(source_dir => '$s', target_dir => '$t->{folder}/mine', dry_run => true)";
	my (undef, undef, $err) = $t->psql($call);
	my ($command) = $err =~ /^HINT: +Run as root: (chmod .*)$/m;
	is(system('bash', '-c', $command // 'false'), 0, 'typed: a folder of the server\'s account') or diag $err;
	ok(($t->psql($call))[0], 'then the call works');
}
mkdir "$other/a folder" or die $!;
raised("SELECT * FROM castssl_enable(source_dir => '$s', ca_file => '$other/a folder')", 'Name the file itself.');

# a folder that is not there, or that the server's account may not enter: it, or another one, is made,
# and the call keeps its other arguments
foreach my $folder ("$t->{folder}/new/tls", -x '/root' ? () : '/root/tls', 'tls', "$d/tls")
{
	my (undef, undef, $err) = $t->psql("SELECT * FROM castssl_enable(source_dir => '$s', clientcert => 'verify-ca', target_dir => '$folder', force => true)");
	my ($command, $statement) = $err =~ /^HINT: +Make a folder for the files\.  Run as root: (.*?)  Then: (SELECT .*;)$/m;
	ok($command, "target_dir => '$folder' is made") or diag $err;
	my ($there) = $command =~ /^install -d -o \S+ -m 700 (\S+)$/ or diag $command;
	like($there, $folder =~ /new/ ? qr/^\Q$folder\E$/ : qr{^/etc/postgresql/tls(\.\d+)?$}, 'which folder');
	my $here = "$t->{folder}/new/tls";
	s/\Q$there\E/$here/ foreach $command, $statement;
	is(system('bash', '-c', $command), 0, "typed: $command");
	my ($ok, undef, $again) = $t->psql($statement);
	ok($ok, "typed: $statement") or diag $again;
	is($t->mode("$here/server.key"), '0600', 'there they are');
	like($t->hba, qr/clientcert=verify-ca/, 'with the rest of what was asked for');
	$t->sql('SELECT count(*) FROM castssl_disable(force => true)');
	unlink glob("$here/*");
	rmdir $here or die $!;
}
$seen{'Make a folder for the files.  Run as root: install -d -o '} = 1;
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
	raised(sprintf($call, 'open/link'), 'Name the directory itself, by a path without links.');
	ok(($t->psql(sprintf $call, 'certificates'))[0], 'typed: the directory itself');
}

# a folder on a file system that is read-only: another one
$seen{'If systemd protects it (ProtectSystem=), add'} = 1;
SKIP: {
	my $folder = $ENV{CASTSSL_READ_ONLY} // '';
	skip 'CASTSSL_READ_ONLY names no file system that is read-only', 1 unless -d $folder;
	raised("SELECT * FROM castssl_enable(source_dir => '$s', target_dir => '$folder')", 'If systemd protects it (ProtectSystem=), add');
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
	raised("SELECT castssl_hba_remove(1, rule => '$rule')", 'Look at that line, and name it: ', "SELECT castssl_hba_remove(%s, rule => '$rule')");
}

# a rule that stands in two lines
{
	my $stock = $t->hba;
	$t->set_hba($stock . "host all twice all reject\n" x 2);
	raised("SELECT castssl_hba_move(rule => 'host all twice all reject', before_line => 1)", 'Name one of them: ',
		"SELECT castssl_hba_move(rule => 'host all twice all reject', before_line => 1, %s)");
	$t->set_hba($stock);
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
	my ($add) = $err =~ /^HINT:  Leave the address out\.  Or, to admit these clients anyway: (SELECT castssl_hba_add.*;)$/m;
	ok($add, 'the rule above a line that rejects') or diag $err;
	$t->enable(source_dir => $s);
	my ($ok, undef, $again) = $t->psql($add // '');
	ok($ok, 'typed: ' . ($add // '')) or diag $again;
	$t->psql('SELECT castssl_confirm(force => true)');
	is($t->hba, "local all all trust\nhostssl all all 192.168.7.0/24 scram-sha-256\n$block", 'the block stands below it');
	my ($ok_then, undef, $then) = $t->psql($sql);
	ok($ok_then, 'and the call works') or diag $then;
}

# the same below lines that the call would edit: the line is that of the file as it is, by its text
{
	my $mine = "local all all trust\nhost app app 10.0.0.0/8 md5\nhost all all 127.0.0.1/32 scram-sha-256\n";
	my $rest = "host all all 172.16.0.0/12 reject # not from there\nhost all all 192.168.0.0/16 scram-sha-256\nhost all all ::1/128 md5\n";
	$t->set_hba($mine . $rest);
	my $sql = "SELECT * FROM castssl_enable(clientcert => 'verify-ca', addresses => '{172.16.5.0/24}', force => true)";
	my (undef, undef, $err) = $t->psql($sql);
	like($err, qr/^DETAIL:  Line 4 of /m, 'the line that rejects, as it is numbered now');
	my ($add) = $err =~ /(SELECT castssl_hba_add.*;)$/m;
	$t->set_hba("# a line more\n" . $mine . $rest);
	my (undef, undef, $moved) = $t->psql($add // 'none');
	like($moved, qr/is not the rule that is meant/, 'where the lines have moved, it is refused');
	$t->psql('SELECT castssl_hba_discard()');
	$t->set_hba($mine . $rest);
	my ($ok, undef, $again) = $t->psql($add // 'none');
	ok($ok, 'typed: ' . ($add // '')) or diag $again;
	$t->psql('SELECT castssl_confirm(force => true)');
	is($t->hba, $mine . "hostssl all all 172.16.5.0/24 scram-sha-256 clientcert=verify-ca\n" . $rest, 'the rule stands above the reject');
	my ($ok_then, undef, $then) = $t->psql($sql);
	ok($ok_then, 'and the call works') or diag $then;
}

# what would take the CA away from rules that ask for certificates
$t->set_hba("local all all trust\nhostssl all all all scram-sha-256 clientcert=verify-ca\n");
raised("SELECT * FROM castssl_enable(ca_file => '')", 'To keep the CA, leave ca_file out of castssl_enable().');
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
	my ($keep, $back) = $err =~ /^HINT:  To keep it: (SELECT castssl_confirm\(\d+\);) from a new connection\.  To take it back: (SELECT \* FROM castssl_rollback\(\);)$/m;
	ok($back, 'a change that waits') or diag $err;
	my ($ok, undef, $again) = $t->psql($back // '');
	ok($ok, 'typed: ' . ($back // '')) or diag $again;
	is($t->hba, $before, 'it is taken back, and nothing else');
	$seen{'To keep it: SELECT castssl_confirm('} = 1;
}
raised("BEGIN; SELECT castssl_hba_add(rule => 'host all all 10.0.0.0/8 reject'); SELECT FROM castssl_hba_apply(); SELECT FROM castssl_rollback(); "
	  . 'SELECT FROM castssl_rollback((SELECT max(change_id) FROM castssl_changes()))', 'ROLLBACK, or ROLLBACK TO a savepoint before it, takes it back.');
$t->settle;

# the small CA
$t->sql("SELECT castssl_create_ca('Small CA')");
raised("SELECT * FROM castssl_enable(source_dir => '$s', crl_file => '$d/pg_castssl/ca/gone.crl')", 'Put it back from a backup.');
like(($t->psql("SELECT castssl_sign('x')"))[2], qr/HINT: +Give the text of a file in PEM form/, 'a request that is none');
raised("SELECT castssl_create_ca('x')", 'To start again, move that directory away or set castssl.ca_directory to another one.');
raised("SELECT * FROM castssl_revoke(pg_read_file('$s/server.crt'))", 'Let that CA revoke it.  Then install its new CRL, in one text with the CRLs of the other CAs: ');
raised("SELECT castssl_sign(castssl_csr('x'))", 'Issue a new one before that day.');
raised("SELECT * FROM castssl_revoke(castssl_sign(castssl_csr('x')), reason => 'x')", 'Use ');
raised("SELECT * FROM castssl_revoke(pg_read_file('pg_castssl/ca/root.crt'))", 'Take it out of the CA file instead: castssl_install(ca => ...)');
raised("SELECT * FROM castssl_revoke(castssl_sign(castssl_csr('x')))", 'SELECT * FROM castssl_install(crl => ...) on each server that trusts ');
raised("SELECT castssl_issue_client('../x')", 'Use letters, digits and _ - . @.  Or let the user make a request, and sign it with castssl_sign().');
raised("SELECT castssl_issue_client('alice', '')", 'Give a password, or NULL for no client.pfx.');
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
	raised("SELECT castssl_csr('x')", 'Put the directory itself there.');
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
	$seen{'Rolling back would lose %s.  %sThen: SELECT'} = 1;
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
	like($err, qr/^HINT: +Repair that\.  Then the next castssl_\* call or the next start of the server undoes the change\.$/m, 'interrupted, and its folder closed');
	chmod 0700, $own->{config} or die $!;
	ok(($own->psql('SELECT * FROM castssl_changes()'))[0], 'typed: it is repaired, and the next call undoes it');
	is($own->hba, $hba, 'so it does');
	$own->stop;
	$seen{'Repair that.  Then the next castssl_* call'} = 1;
}

# system calls that fail, in a library with points of failure
my @by_faults = ('Run as root: chmod %04o', 'Let the server open more files', 'Look at the file, and call this again.', 'Look at the parameter, and call this again.');
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

	# files and a parameter that somebody changes while the call, stopped there, has prepared its change
	my $disable = 'SELECT count(*) FROM castssl_disable(force => true)';
	my $new = "$own->{folder}/new";
	mkdir $new, 0700 or die $!;
	my @new = map { "$new/$_" } qw(server.crt server.key root.crt);
	foreach my $race (
		[ 'a file', 'swap', $disable, sub { $own->write('pg_hba.conf', $own->hba . "# somebody else's\n") }, qr/^# somebody else's$/m ],
		[ 'a parameter', 'store parameter', $disable, sub { $own->sql(q{ALTER SYSTEM SET ssl_ca_file = 'server.crt'}) }, qr/parameter "ssl_ca_file" was set since change \d+, which is being undone/ ],
		[ 'a file that was not there', 'swap', "SELECT count(*) FROM castssl_enable(source_dir => '$own->{source}', target_dir => '$new', force => true)",
			sub { $own->write($_, "somebody else's\n") foreach @new }, qr/^/, sub { is($own->slurp($_), "somebody else's\n", "$_ is his") && unlink $_ foreach @new } ])
	{
		my ($what, $point, $call, $change, $his, $remove) = @$race;
		my $maker = $own->session;
		$maker->ask("LOAD '$module'; SET castssl.fault = '$point:stop'; $call;");
		CastsslTest::wait_until(sub { $own->slurp("/proc/$maker->{pid}/stat") =~ /\) T / }) or die 'it does not stop';
		$change->();
		kill CONT => $maker->{pid};
		my $answer = $maker->answer;
		like($answer, qr/^ERROR:  55000: .* changed while the change was prepared\n.*^HINT:  Look at the (?:file|parameter), and call this again\.$/ms, "$what that somebody changes meanwhile")
		  or diag $answer;
		like($answer . $own->hba, $his, 'what was changed is there, or named');
		$maker->quit;
		$remove->() if $remove;
		ok(($own->psql($call))[0], 'typed: the same call works');
		$own->enable(source_dir => $own->{source}, force => 'true');
	}
	# on a file system that cannot exchange two names, and cannot rename without replacing
	$own->disable(force => 'true');
	unlink @new;
	foreach my $point ('exchange', 'rename new')
	{
		my ($ok, undef, $err) = $own->psql("LOAD '$module'; SET castssl.fault = '$point:nosys'; SELECT * FROM castssl_enable(source_dir => '$own->{source}', target_dir => '$new', clientcert => 'verify-ca', force => true)");
		ok($ok, "without $point: the files are renamed") or diag $err;
		like($err, qr/NOTICE: .*fault at point \d+, $point$/m, 'which was tried first');
		is($own->slurp($new[0]), $own->slurp("$own->{source}/server.crt"), 'the certificate is there');
		like($own->hba, qr/^hostssl .* clientcert=verify-ca # castssl$/m, 'and the rules');
		is_deeply([ glob "$new/*.tmp $own->{data}/*.castssl.tmp" ], [], 'and nothing else');
		$own->disable(force => 'true');
		unlink @new;
	}
	$own->stop;
}

# what castssl_disable() would use again is not there any more
{
	my $before = $t->{pki}->source("$t->{folder}/before");
	$t->sql("ALTER SYSTEM SET ssl_$_->[0]_file = '$before/server.$_->[1]'") foreach [ cert => 'crt' ], [ key => 'key' ];
	$t->sql('ALTER SYSTEM SET ssl = on');
	$t->sql('SELECT castssl_reload()');
	$t->enable(source_dir => $s);
	rename $before, "$before now" or die $!;
	raised('SELECT * FROM castssl_disable()', 'Put it back there, from where it is now or from a backup.');
	rename "$before now", $before or die $!;
	$t->disable;
	$t->sql("ALTER SYSTEM RESET $_") foreach qw(ssl_cert_file ssl_key_file ssl);
	$t->sql('SELECT castssl_reload()');
}

# Only on Windows; where an edit that is derived would let somebody in, which none does; and of a folder
# of another account that the server may write to, which root alone could make.
my @not_raised = ('Name a directory in which, and in whose parents', 'Let that account read the file.  The properties of the service', 'Nothing was changed.  Please report this as a bug.');

# --- raised elsewhere: %CastsslHints::elsewhere names the test, and scripts/test compares that with
# what the servers of that test have logged

my $root = "$FindBin::RealBin/..";
foreach my $begin (sort keys %CastsslHints::elsewhere)
{
	my $file = "$root/t/$CastsslHints::elsewhere{$begin}.pl";
	ok(-e $file, "a test raises: $begin") or diag $file;
}

# that comparison, on notes that have every hint, and on notes without one
{
	my $noted = "$t->{folder}/noted";
	mkdir $noted or die $!;
	my %notes;
	push @{ $notes{ $CastsslHints::elsewhere{$_} } }, s/%%/%/gr =~ s/%(?:l?d|s|\.0f)/any 7/gr =~ s/\(\)/(7)/gr . ' and more' foreach keys %CastsslHints::elsewhere;
	my $note = sub { my ($test, @hints) = @_; $t->write("$noted/$test", join '', map { "$_\n" } @hints) };
	my $compared = sub { my ($missing, $unknown) = CastsslHints::missing($noted, "$noted/skipped"); return join "\n", @$missing, map { "? $_" } @$unknown };
	$note->($_, @{ $notes{$_} }) foreach keys %notes;
	is($compared->(), '', 'all tests have given their hints');
	foreach my $begin (sort keys %CastsslHints::elsewhere)
	{
		my $test = $CastsslHints::elsewhere{$begin};
		$note->($test, grep { index($_, substr $begin =~ s/%.*//sr || 'any 7', 0, 20) != 0 } @{ $notes{$test} });
		like($compared->(), qr{^t/\Q$test.pl: $begin\E$}m, "not given: $begin");
		$note->($test, @{ $notes{$test} });
	}
	my ($test) = sort keys %notes;
	$note->($test);
	$t->write("$noted/skipped", "t/$test.pl\tsomething is not installed\n");
	like($compared->(), qr{\A(?:\? t/\Q$test\E\.pl: .+\n?)+\z}, 'a test that has passed over something: it is said that nobody knows');
	unlink "$noted/$test", "$noted/skipped" or die $!;
	like($compared->(), qr{\A(?:\? t/\Q$test\E\.pl: .+\n?)+\z}, 'and so of a test that did not run to its end');
}

# the hints of the source: what is said, and a beginning that only it has
my @rows = (keys %seen, keys %CastsslHints::elsewhere, @not_raised);
my %unused = map { $_ => 1 } @rows;
delete @unused{'NULL puts the rule where it takes effect.', 'NULL puts the line at the end.', 'Rolling back would lose these values', 'Rolling back would lose those edits', 'If systemd protects it (ProtectSystem=), add',
	"As the server's account: mkdir -p -m 700 "};    # from a variable
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
