# Hints of castssl_check() that t/050 has no room for: each is typed to the letter, and does what its row
# is about and nothing else.
# Needs: ssl-cert
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslHints;
use CastsslTest;
use Test::More;

my $version = 0;
my ($t, $data);

sub row
{
	my ($check, $subject) = @_;
	my @found = grep { $_->{check_name} eq $check && ($_->{subject} // '') =~ ($subject // qr/^/) } @{ $t->rows('SELECT * FROM castssl_check()') };
	return @found == 1 ? $found[0] : { message => @found . ' rows', hint => '' };
}

# The row is gone, and nothing changed but what is expected.
sub gone
{
	my ($name, $before, $about, $check, $subject) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(row($check, $subject)->{message}, '0 rows', "$name: the row is gone");
	is_deeply([ grep { $_ !~ $about } CastsslHints::differences($before, CastsslHints::look($t)) ], [], "$name: and nothing else changed");
	return;
}

# Types what stands in the hint between two texts, into psql or a shell.
sub typed
{
	my ($name, $hint, $pattern) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($statement) = $hint =~ $pattern;
	return fail("$name: no statement in: $hint") unless defined $statement;
	return is(system('bash', '-c', $statement), 0, "typed: $statement") if $statement =~ /^(?:chmod|cp|install) /;
	my ($ok, undef, $err) = $t->psql($statement);
	return ok($ok, "typed: $statement") || diag $err;
}

$t = CastsslTest->new('typed');
$data = $t->{data};
$version = $t->sql('SHOW server_version_num') / 10000;
my $reload = 'SELECT * FROM castssl_reload();';

# --- a key that others can read, beside an option that a call of castssl_enable() would repair

$t->enable(source_dir => $t->{source});
{
	my $good = $t->hba;
	$t->write("$data/pg_hba.conf", $good . "hostssl all all 10.0.0.0/8 scram-sha-256 clientcert=1\n");
	$t->sql('SELECT pg_reload_conf()');
	my $edited = $t->hba;
	chmod 0644, "$data/server.key" or die $!;
	my $before = CastsslHints::look($t);
	my $row = row('key_permissions');
	is($row->{fix}, undef, 'no SQL that would repair the rule as well');
	typed('the key', $row->{hint}, qr/^(chmod 0600 \S+)$/);
	gone('the key', $before, qr/^file server\.key: 100644 (\w+) -> 100600 \1$/, 'key_permissions');
	is($t->hba, $edited, 'the rule is as it was');
	$t->set_hba($good);
	chmod 0644, "$data/server.key" or die $!;
	$row = row('key_permissions');
	is($row->{hint}, 'SELECT * FROM castssl_enable();', 'without such a rule: SQL');
	typed('the key', $row->{hint}, qr/^(.*)$/);
	gone('the key', $before, qr/^(?:file server\.key: 100644 (\w+) -> 100600 \1|line hostssl all all 10\.0\.0\.0.*|access of .* 10\.1\.2\.3 .*)$/, 'key_permissions');
}

# --- Debian's certificate for tests, by its content

SKIP: {
	my $debian = '/etc/ssl/certs/ssl-cert-snakeoil.pem';
	skip 'no ssl-cert', 3 unless -r $debian;
	my $own = $t->slurp('server.crt');
	$t->write('server.crt', $t->slurp($debian));
	my $row = row('certificate_origin');
	is($row->{severity} // '', 'warning', 'a copy of it under another name');
	like($row->{message}, qr/^Debian's certificate for tests/, 'is known');
	$t->write('server.crt', $own);
	is(row('certificate_origin')->{message}, '0 rows', 'a certificate of its own');
}

# --- an edit that has no effect, of any parameter of TLS and access, in any file of parameters

mkdir "$data/conf.d" or die $!;
$t->{node}->append_conf('postgresql.conf', "include_dir 'conf.d'\n");
my $group = $version >= 18 ? 'ssl_groups' : 'ssl_ecdh_curve';
foreach my $case (
	[ 'ssl_max_protocol_version', "'TLSv1.3'", "''" ], [ 'ssl_prefer_server_ciphers', 'off', 'on' ], [ $group, "'secp384r1'", "'prime256v1'" ],
	[ 'password_encryption', "'md5'", "'scram-sha-256'" ], [ 'castssl.expiry_warning', "'20d'", "'40d'" ])
{
	my ($name, $stored, $written) = @$case;
	$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM SET $name = $stored");
	CastsslTest::next_second();
	$t->write("$data/conf.d/10.conf", "$name = $written\n");
	$t->sql('SELECT castssl_reload()');
	my $row = row('two_values');
	is($row->{subject} // '', $name, "$name in an included file");
	like($row->{message}, qr{^edited in \S+/conf\.d/10\.conf after ALTER SYSTEM stored another value in postgresql\.auto\.conf, which wins$}, 'and which file it is');
	like($row->{hint}, qr{^If \S+/conf\.d/10\.conf is right: ALTER SYSTEM RESET \Q$name\E; \Q$reload\E  If not, remove the line from \S+/10\.conf\.$}, 'what to do');
	my $before = CastsslHints::look($t);
	typed($name, $row->{hint}, qr/: (ALTER SYSTEM RESET .*?;)  If not/);
	gone($name, $before, qr/^(?:parameter|stored) \Q$name\E: /, 'two_values');
	# and the other way
	$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM SET $name = $stored");
	CastsslTest::next_second();
	$t->write("$data/conf.d/10.conf", "$name = $written\n");
	is(row('two_values')->{subject} // '', $name, 'again');
	$t->write("$data/conf.d/10.conf", "# nothing\n");
	is(row('two_values')->{message}, '0 rows', 'the line is removed');
	$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM RESET $name");
}
# an edit of another file than the one that has the value
$t->sql('ALTER SYSTEM SET ssl_prefer_server_ciphers = off');
$t->write("$data/conf.d/10.conf", "ssl_prefer_server_ciphers = on\n");
utime 1, 1, "$data/conf.d/10.conf";
CastsslTest::next_second();
$t->{node}->append_conf('postgresql.conf', "work_mem = '5MB'\n");
is(row('two_values')->{message}, '0 rows', 'an edit of another file');
unlink "$data/conf.d/10.conf";
$t->sql('ALTER SYSTEM RESET ssl_prefer_server_ciphers');

# values that the server would refuse, and does not read while others win
foreach (
	[ 'ssl_prefer_server_ciphers', 'off', 'yess' ], [ 'password_encryption', "'md5'", "'scram'" ], [ 'castssl.expiry_warning', "'20d'", "'soon'" ])
{
	my ($name, $stored, $written) = @$_;
	$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM SET $name = $stored");
	CastsslTest::next_second();
	$t->write("$data/conf.d/10.conf", "$name = $written\n");
	like(row('two_values')->{hint}, qr{^The values in \S+/10\.conf cannot work: the server refuses the value of \Q$name\E\.  Remove them from \S+, or correct them\.$}, "$name = $written: no RESET");
	unlink "$data/conf.d/10.conf";
	$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM RESET $name");
}

# another file of rules is another policy, maybe one that cannot be loaded
$t->sql("ALTER SYSTEM SET hba_file = '$data/pg_hba.conf'; ALTER SYSTEM SET ident_file = '$data/pg_ident.conf'");
CastsslTest::next_second();
$t->write("$data/rules.conf", "nonsense\n");
$t->write("$data/conf.d/10.conf", "hba_file = '$data/rules.conf'\nident_file = '$data/rules.conf'\n");
is(row('two_values')->{message}, '0 rows', 'hba_file and ident_file');
unlink "$data/conf.d/10.conf", "$data/rules.conf";
$t->sql('ALTER SYSTEM RESET hba_file; ALTER SYSTEM RESET ident_file');

# a parameter that needs a restart
$t->sql(q{ALTER SYSTEM SET listen_addresses = '127.0.0.1'});
CastsslTest::next_second();
$t->write("$data/conf.d/10.conf", "listen_addresses = 'localhost'\n");
{
	my $row = row('two_values');
	like($row->{hint}, qr/ALTER SYSTEM RESET listen_addresses; \Q$reload\E  Then restart the server\.  If not/, 'one that needs a restart');
	typed('listen_addresses', $row->{hint}, qr/: (ALTER SYSTEM RESET .*?;)  Then restart/);
	is(row('two_values')->{message}, '0 rows', 'it is gone');
	$t->restart;
	is($t->sql('SHOW listen_addresses'), 'localhost', 'and after the restart the value is in effect');
	unlink "$data/conf.d/10.conf";
	$t->restart;
}

# two files, and the name of one is the end of the other's
$t->sql("ALTER SYSTEM SET password_encryption = 'md5'; ALTER SYSTEM SET ssl_prefer_server_ciphers = off");
my $main = $t->slurp('postgresql.conf');
my @last = reverse $t->slurp('postgresql.auto.conf') =~ /^(password_encryption|ssl_prefer_server_ciphers) = /mg;
my %written = (password_encryption => "'scram-sha-256'", ssl_prefer_server_ciphers => 'on');
CastsslTest::next_second();
$t->write("$data/conf.d/my-postgresql.conf", "$last[1] = $written{$last[1]}\n");
$t->{node}->append_conf('postgresql.conf', "$last[0] = $written{$last[0]}\n");
like(row('two_values')->{message}, qr{^edited in \S+/conf\.d/my-postgresql\.conf, postgresql\.conf after}, 'each of two files is named');
unlink "$data/conf.d/my-postgresql.conf";
$t->write('postgresql.conf', $main);
$t->sql('ALTER SYSTEM RESET password_encryption; ALTER SYSTEM RESET ssl_prefer_server_ciphers');
$t->sql('SELECT castssl_reload()');

# --- edited by hand since the last change: what was edited is put back

$t->enable(source_dir => $t->{source});
$t->disable;
$t->enable(source_dir => $t->{source});
{
	my $good = $t->hba;
	my $before = CastsslHints::look($t);
	$t->set_hba($good . "host all bob 10.0.0.0/8 reject\n");
	my $row = row('edited_since');
	like($row->{hint}, qr/^To undo them: SELECT .*;  If the edits are wanted, there is nothing to do: the next change ends this row\.$/, 'edited by hand: both ways');
	typed('edited by hand', $row->{hint}, qr/^To undo them: (.*;)  If the edits/);
	$t->psql('SELECT castssl_confirm(force => true)');
	is($t->hba, $good, 'the file is as it was');
	gone('edited by hand', $before, qr/^(?!)/, 'edited_since');
	$t->set_hba($good . "host all bob 10.0.0.0/8 reject\n");
	$t->enable(clientcert => 'verify-full');
	is(row('edited_since')->{message}, '0 rows', 'the next change ends the row');
	# edits of others that are staged, or no longer fit
	my $lines = $t->hba;
	$t->set_hba("${lines}host all bob 10.0.0.0/8 reject\n");
	$t->sql(q{SELECT castssl_hba_add(rule => 'local all carol reject', before_line => 1)});
	my $others = qr/Other edits of pg_hba\.conf are staged: SELECT castssl_hba_diff\(\); shows them\.  First apply them or discard them\./;
	like(row('edited_since')->{hint}, qr/^$others  If the edits are wanted, /, 'edits of others are staged: they come first');
	$t->fails("SELECT * FROM castssl_rollback(${\ $t->in_effect})", '55000', 'nor does a rollback write over them', constraint => 'castssl_edited_since',
		hint => qr/^Rolling back would lose those edits\.  $others  Then: SELECT \* FROM castssl_rollback/);
	$t->set_hba("${lines}host all dave 10.0.0.0/8 reject\n");
	like(row('edited_since')->{hint}, qr/^First forget the edits that are staged and no longer fit: SELECT castssl_hba_discard\(\);  If the edits are wanted, /, 'and those that no longer fit');
	$t->sql('SELECT castssl_hba_discard()');
	$t->set_hba($lines);
	# what nobody has loaded is no reason to wait where it goes, and is one where it would be loaded
	CastsslTest::next_second();
	$t->write('pg_hba.conf', "${lines}host all bob 10.0.0.0/8 reject\n");
	like(row('edited_since')->{hint}, qr/^To undo them: SELECT castssl_hba_stage/, 'edits that nobody has loaded');
	my $maps = $t->slurp('pg_ident.conf');
	$t->write('pg_ident.conf', "${maps}staff eve alice\n");
	like(row('edited_since')->{hint}, qr{^First see to the row hba_in_effect: a reload would also load "\S+/pg_ident\.conf", which somebody has edited\.  If the edits are wanted, }, 'edits of maps that nobody has loaded');
	$t->write('pg_ident.conf', $maps);
	$t->set_hba($lines);
	# another file than that of the rules
	$t->enable(source_dir => $t->{pki}->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key'));
	$t->write("$data/server.crt", $t->slurp('server.crt') . "# a comment\n");
	$row = row('edited_since');
	like($row->{hint}, qr{^Put \Q$data\E/server\.crt back as change \d+ wrote it\.  If the edits are wanted, }, 'a certificate');
	$t->write("$data/server.crt", $t->slurp("$t->{folder}/renewed/server.crt"));
	is(row('edited_since')->{message}, '0 rows', 'the file is put back');
}

# --- a change that waits: the condition comes before the statement

$t->disable;
$t->set_hba("local all all trust\nhost all all all scram-sha-256\n");
$t->enable(source_dir => $t->{source}, confirm_within => '1 hour');
{
	my $lines = $t->hba;
	$t->set_hba("${lines}host all bob 10.0.0.0/8 reject\n");
	like(row('edited_since')->{hint}, qr/^To undo it all the same, in a minute: SELECT castssl_postpone\(confirm_within => '1 min'\);  Edits of pg_hba\.conf stay then, and other edited files are kept in "\S+"\.  If the edits are wanted, /, 'edited while the change waits: no other change');
	$t->set_hba($lines);
	my $row = row('changes');
	like($row->{hint}, qr/^To keep it, as a superuser in a new connection of the kind that clients will use: SELECT castssl_confirm\(\d+\);$/, 'a change that waits');
	my $guest = $t->guest;
	my $before = CastsslHints::look($t);
	typed('a change that waits', $row->{hint}, qr/: (SELECT .*)$/);
	$guest->quit;
	gone('a change that waits', $before, qr/^(?!)/, 'changes');
}

$t->stop;
done_testing();
