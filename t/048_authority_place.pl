# The small CA in a place that cannot be its own, and what is left of a CA that was damaged: each hint is typed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('place');
my $ca = "$t->{data}/pg_castssl/ca";
my $issue = q{SELECT castssl_issue_client('alice')};
$t->enable(source_dir => $t->{source});

sub rows
{
	my ($name) = @_;
	return @{ $t->rows("SELECT * FROM castssl_check() WHERE check_name = '$name'") };
}

# What root would type, typed: here each file is of this account.
sub typed
{
	my ($hint, $what) = @_;
	my ($command) = ($hint // '') =~ /(?:as root|its folder|read it): (.*)$/;
	is(system('bash', '-c', $command // 'false'), 0, "typed: $what") or diag $hint // 'no hint';
	return;
}

sub hint_of
{
	my ($sql, $message) = @_;
	my (undef, undef, $err) = $t->psql($sql);
	like($err, $message, "$sql: says why");
	return $err =~ /^HINT: +(.*)$/m ? $1 : undef;
}

$t->sql(q{SELECT castssl_create_ca(common_name => 'Our CA')});
my $root = $t->slurp("$ca/root.crt");
my $key = $t->slurp("$ca/ca.key");

# --- the certificate of the CA is lost

my $missing = qr/the certificate of this server's CA is missing/;
unlink "$ca/root.crt" or die $!;
is(hint_of($issue, $missing), 'Put it back from a backup, or from a client\'s root.crt.', 'no copy is known');
$t->write("$ca/root.crt", $root);
$t->sql($issue);
foreach my $case (
	[ 'a copy that a client was given', sub { } ],
	[ 'ssl_ca_file', sub { $t->sql(q{SELECT count(*) FROM castssl_install(ca => pg_read_file('pg_castssl/issued/alice/root.crt'), force => true)}) } ],
	[ 'ssl_ca_file, which holds another one, too', sub {
			$t->write("$t->{folder}/both.crt", $t->slurp("$t->{source}/root.crt") . $root);
			$t->sql("SELECT count(*) FROM castssl_install(ca => pg_read_file('$t->{folder}/both.crt'), force => true)");
		} ])
{
	my ($what, $prepare) = @$case;
	$prepare->();
	unlink "$ca/root.crt" or die $!;
	my ($row) = rows('files_readable');
	like($row->{message} // '', $missing, "$what: the check says so");
	is(hint_of($issue, $missing), $row->{hint}, "$what: the error says the same");
	is(hint_of(q{SELECT castssl_create_ca(common_name => 'My CA')}, $missing), $row->{hint}, "$what: and no other CA is made");
	typed($row->{hint}, $what);
	ok(($t->psql($issue))[0], "$what: the CA issues again");
	is_deeply([ rows('files_readable') ], [], "$what: the row has gone");
}

# --- its key is lost, or another one; its folders

rename "$ca/ca.key", "$ca/away" or die $!;
like(hint_of($issue, qr/the private key of this server's CA is missing/), qr/^Put it back from a backup\./, 'the key is lost');
like((rows('files_readable'))[0]{message}, qr/private key of this server's CA is missing/, 'and the check says so');
system('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$ca/ca.key") == 0 or die;
like(hint_of($issue, qr/does not belong to the CA certificate/), qr/put both back from a backup/, 'another key');
like((rows('files_readable'))[0]{hint}, qr/put both back from a backup/, 'and the check says so');
rename "$ca/away", "$ca/ca.key" or die $!;
SKIP: {
	skip 'root may read everything', 4 if $> == 0;
	foreach my $closed ("$ca/ca.key", $ca)
	{
		my $mode = (stat $closed)[2] & 07777;
		chmod 0, $closed or die $!;
		my $hint = hint_of($issue, qr/Permission denied/);
		unlike($hint, qr/install|source_dir/, 'no copy of it is made');
		typed($hint, "$closed is closed");
		chmod $mode, $closed or die $!;
		ok(($t->psql($issue))[0], 'the CA issues again');
	}
}
system('rm', '-r', "$ca/certificates") == 0 or die;
ok(($t->psql($issue))[0], 'the folder of what was issued is made again');

# --- castssl.ca_directory

sub set
{
	my ($value) = @_;
	$t->sql("LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.ca_directory = '$value'");
	$t->reload;
	return;
}

mkdir "$t->{data}/relative" or die $!;
foreach my $value ('relative', 'relative/ca', "$t->{data}/base", $t->{data}, '~', "/tmp", '/etc')
{
	set($value);
	my $hint = hint_of(q{SELECT castssl_create_ca(common_name => 'x')}, qr/castssl\.ca_directory names|others may write/);
	like($hint, qr/^Run as root: install -d -o \S+ -m 700 \S+  Then: LOAD 'pg_castssl'; ALTER SYSTEM SET castssl\.ca_directory = '\S+'; SELECT \* FROM castssl_reload\(\);$/, "$value: another place");
	is((grep { $_->{subject} eq 'castssl.ca_directory' } rows('files_readable'))[0]{hint}, $hint, "$value: the check says the same");
}
$t->sql(q{LOAD 'pg_castssl'; ALTER SYSTEM RESET castssl.ca_directory});
$t->reload;

# --- a folder that has files in use, or was never the small CA's: nothing in it is moved

my $folder = "$t->{folder}/in use";
mkdir $folder, 0700 or die $!;
$t->write("$folder/$_", $t->slurp($_)) foreach qw(server.crt server.key root.crt);
chmod 0600, "$folder/server.key" or die $!;
foreach my $what ('files in use', 'files that are not in use', 'a key without its certificate', 'a link to a file there')
{
	my $uses = $what =~ /^files in use|link/;
	my $named = $what =~ /link/ ? "$t->{folder}/link.crt" : "$folder/server.crt";
	symlink "$folder/server.crt", $named if $what =~ /link/;
	$t->sql("SELECT count(*) FROM castssl_enable(cert_file => '$named', key_file => '$folder/server.key', ca_file => '$folder/root.crt')") if $uses;
	rename "$folder/root.crt", "$folder/ca.key" or die $! if $what =~ /without/;
	set($folder);
	my $hint = hint_of($issue, qr/castssl\.ca_directory names a folder that is not of the small CA$/m);
	my ($row) = rows('files_readable');
	is($row->{hint}, $hint, "$what: the row says the same");
	like($row->{message}, $uses ? qr/Parameter "ssl_cert_file" names a file there\.$/ : qr/ca has issued\.$/i, "$what: and why");
	my ($reset) = ($hint // '') =~ /^Leave the folder as it is, .*: (LOAD .*;)$/;
	ok(($t->psql($reset // 'none'))[0], "$what: typed") or diag $hint;
	ok(($t->psql($issue))[0], "$what: the CA in its usual folder issues");
	is($t->status->{restart_safe} . scalar(rows('files_readable')), '10', "$what: the server could start again, and no row is left");
	rename "$folder/ca.key", "$folder/root.crt" or die $! if $what =~ /without/;
	$t->sql(q{SELECT count(*) FROM castssl_enable(cert_file => 'server.crt', key_file => 'server.key', ca_file => 'root.crt', force => true)});
}
# a file of the small CA itself is in use
$t->sql("SELECT count(*) FROM castssl_enable(ca_file => '$ca/root.crt', force => true)");
my $beside = qr/Run as root: install -d -o \S+ -m 700 \S+  Then: LOAD 'pg_castssl'; ALTER SYSTEM SET castssl\.ca_directory/;
like(hint_of(q{SELECT castssl_create_ca(common_name => 'x')}, qr/has a CA already/), qr/^To have another one beside it: $beside/, 'a second CA does not move what is in use');
rename "$ca/ca.key", "$ca/away" or die $!;
like(hint_of($issue, qr/the private key of this server's CA is missing/), qr/^Put it back from a backup\.  Where there is none, start again with a new CA in another folder\.  $beside/, 'nor does one instead of it');
rename "$ca/away", "$ca/ca.key" or die $!;
$t->sql(q{SELECT count(*) FROM castssl_enable(ca_file => 'root.crt', force => true)});

# the row that has the CA moved, typed in a session of its own, by the account of this test
my ($row) = rows('ca_key');
my ($command, $sql, $removal) = $row->{hint} =~ /^Run as root: (.*)  Then: (LOAD .*;)  At last, as root: (.*)$/ or diag $row->{hint};
my ($there) = $sql =~ /= '([^']*)'/;
s/\Q$there\E/$t->{folder}\/moved/g foreach $sql, $command;
is(system('bash', '-c', $command), 0, "typed: $command");
ok(($t->psql($issue))[0], 'whoever stops here has the CA where it was');
system('bash', '-c', "rm -r '$t->{folder}/moved'") == 0 && system('bash', '-c', $command) == 0 or die;
my ($ok, undef, $err) = $t->psql($sql);
ok($ok, "typed: $sql") or diag $err;
is(system('bash', '-c', $removal), 0, "typed: $removal");
is($t->sql('SHOW castssl.ca_directory'), "$t->{folder}/moved", 'the parameter is in effect');
ok(($t->psql($issue))[0], 'the CA issues from there');
is_deeply([ rows('ca_key'), rows('files_readable') ], [], 'and nothing is left to be said');
is($t->slurp("$t->{folder}/moved/ca.key"), $key, 'with the same key');
ok(!-e $ca, 'which no longer lies in the data directory');

$t->stop;
done_testing();
