# Hostile callers and hostile data: every function with every role, SQL and sheer size in arguments,
# paths that are not files or change while they are used, names made to mislead.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use POSIX ();
use Test::More;

my $t = CastsslTest->new('security');
my $pki = $t->{pki};
$t->sql('CREATE ROLE nobody LOGIN; CREATE ROLE operator LOGIN; CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	CREATE TABLE canary AS SELECT 1 AS alive');

# Each function with its parameters: [ [name, type, has a default], ... ]
my @functions = map {
	my ($signature, $name, @arguments) = split /\|/;
	{ signature => $signature, name => $name, arguments => [ map { [ split /:/ ] } @arguments ] }
} split /\n/, $t->sql(
	q{SELECT concat_ws('|', p.oid::regprocedure, p.proname,
		  (SELECT string_agg(p.proargnames[i] || ':' || format_type(p.proargtypes[i - 1], NULL), '|' ORDER BY i)
		   FROM generate_series(1, p.pronargs) i))
	  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid
	  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
		AND d.deptype = 'e' AND e.extname = 'pg_castssl' ORDER BY 1});
cmp_ok(scalar @functions, '>=', 20, 'the extension has functions');

# A call where the parameter $which, or none, has the given expression, and all others are NULL.
sub call_with
{
	my ($function, $which, $expression) = @_;
	my @values = map {
		"$_->[0] => " . (defined $which && $_->[0] eq $which ? $expression : "NULL::$_->[1]")
	} @{ $function->{arguments} };
	return "SELECT count(*) FROM $function->{name}(" . join(', ', @values) . ')';
}

sub outcome
{
	my ($sql, %options) = @_;
	my ($ok, $out, $err) = $t->psql($sql, %options);
	return 'ok' if $ok;
	return $1 if $err =~ /(?:ERROR|FATAL|PANIC):\s+(\w{5}):/;
	return "died: $err";
}

# --- functions x roles: nobody, a monitor, EXECUTE, superuser

my %reading;
foreach my $function (@functions)
{
	my $signature = $function->{signature};
	$reading{$signature} = $t->sql("SELECT has_function_privilege('watcher', '$signature', 'EXECUTE')") eq 't';
	is(outcome(call_with($function), user => 'nobody'), '42501', "PUBLIC may not: $function->{name}");
	is(outcome(call_with($function), user => 'watcher'), '42501', "pg_monitor may not: $function->{name}")
	  unless $reading{$signature};
	unlike(outcome(call_with($function), user => 'watcher'), qr/42501|XX|died/, "pg_monitor may: $function->{name}")
	  if $reading{$signature};
	unlike(outcome(call_with($function)), qr/XX|died|42501/, "superuser, every argument NULL: $function->{name}");
	$t->sql("GRANT EXECUTE ON FUNCTION $signature TO operator");
	unlike(outcome(call_with($function), user => 'operator'), qr/XX|died/, "a role with EXECUTE: $function->{name}");
}
is_deeply([ grep { $reading{ $_->{signature} }
			  && $_->{name} =~ /_(enable|disable|reload|stage|add|change|remove|require_tls|apply|discard|confirm|rollback|postpone|csr|install|create_ca|sign|issue_client|revoke)$/ } @functions ],
	[], 'pg_monitor changes nothing');
$t->sql('SELECT castssl_hba_discard()') if $t->status->{hba_staged} eq 'true';
$t->sql('SELECT * FROM castssl_disable()');

# --- SQL in every text argument; and more bytes than any argument needs

my $attack = q{'';DROP TABLE canary;--$$"\\};
foreach my $function (@functions)
{
	foreach my $argument (grep { $_->[1] =~ /^text/ } @{ $function->{arguments} })
	{
		my ($name, $type) = @$argument;
		my $value = $type eq 'text[]' ? "ARRAY[\$q\$$attack\$q\$]" : "\$q\$$attack\$q\$";
		unlike(outcome(call_with($function, $name, $value)), qr/^(42[^58]|425[^0]|428|XX|died)/, "SQL as $function->{name}.$name");
		my $large = $name eq 'crl' ? "repeat('x', 70000000)" : "repeat('x', 40000000)";
		$large = "ARRAY[$large]" if $type eq 'text[]';
		like(outcome(call_with($function, $name, $large)), qr/^(22023|F0000|58P01)$/, "too much as $function->{name}.$name");
	}
}
is($t->sql('SELECT alive FROM canary'), 1, 'no argument was run as SQL');
if (CastsslMachine::memory_is_short()) { CastsslTest::not_tried('1 GB as an argument: too little memory') }
else { is(outcome(q{SELECT count(*) FROM castssl_certificate_info(repeat('x', 1000000000))}), '22023', '1 GB is refused') }
$t->sql('SELECT castssl_hba_discard()') if $t->status->{hba_staged} eq 'true';

# --- what is not a file

my $folder = $pki->source("$t->{folder}/odd");
unlink "$folder/root.crt";
POSIX::mkfifo("$folder/root.crt", 0600) or die $!;
my $before = $t->state;
$t->enable_fails({ source_dir => $folder }, 'F0000', 'a pipe: refused, not waited for');
unlink "$folder/root.crt";
mkdir "$folder/root.crt" or die $!;
$t->enable_fails({ source_dir => $folder }, 'F0000', 'a directory');
rmdir "$folder/root.crt";
foreach my $device ('/dev/zero', '/dev/tty', '/proc/self/mem')
{
	my $outcome = outcome("SELECT * FROM castssl_enable(ca_file => '$device')");
	like($outcome, qr/^(F0000|42501|58P01)$/, "$device");
}
is_deeply($t->state, $before, 'nothing has changed');

# --- a link that is swapped while it is followed: what is outside is never taken

my $inside = $pki->source("$t->{data}/incoming");
my $outside = $pki->source("$t->{folder}/outside", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
my $stop = "$t->{folder}/stop";
my $child = fork // die $!;
if ($child == 0)
{
	# ends by itself, should the test die
	for (my $i = 0; $i < 500_000 && !-e $stop; $i++)
	{
		symlink $i % 2 ? $outside : $inside, "$t->{data}/swapped.new";
		rename "$t->{data}/swapped.new", "$t->{data}/swapped";
	}
	POSIX::_exit(0);
}
my %seen;
foreach (1 .. 25)
{
	$seen{ outcome("SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{data}/swapped', confirm_within => NULL)", user => 'operator') }++;
	isnt($t->served, $pki->fingerprint('server-renewed.crt'), 'the certificate outside is not served');
	$t->disable;
}
open my $file, '>', $stop or die $!;
close $file;
waitpid $child, 0;
ok(!grep({ !/^(ok|42501|58P01)$/ } keys %seen), 'installed or refused: ' . join(', ', map { "$_ x $seen{$_}" } sort keys %seen));
isnt($t->slurp("$t->{data}/server.crt"), $t->slurp("$outside/server.crt"), 'nor installed') if -e "$t->{data}/server.crt";

# What exists outside is not to be learned, however the path is written.  The other files are there,
# whatever came of the race above: a missing one would be named first.
$t->enable(source_dir => $inside);
$t->disable;
my @there = map {
	my ($ok, $out, $err) = $t->psql("SELECT * FROM castssl_enable(ca_file => '$t->{data}/../../../../../../../../..$_')", user => 'operator');
	$err =~ /ERROR:\s+(\w+)/ ? $1 : $err
} '/etc/passwd', '/etc/no-such-folder/file';
is_deeply(\@there, [ '42501', '42501' ], 'neither by .. ');

# each argument that is a path, by each way there: what is told of what exists is what is told of what does not
my $secret = "$t->{folder}/secret";
mkdir $secret, 0700 or die $!;
mkdir "$secret/folder", 0700 or die $!;
mkdir "$secret/closed", 0000 or die $!;
$t->write("$secret/file", $t->slurp("$inside/server.crt"));
symlink $secret, "$t->{data}/link" or die $!;
symlink "$secret/file", "$t->{data}/link-to-file" or die $!;
symlink "$secret/nothing", "$t->{data}/link-to-nothing" or die $!;
symlink "$secret/folder", "$t->{data}/link-to-folder" or die $!;
symlink "$secret/no-folder", "$t->{data}/link-to-no-folder" or die $!;
my $up = "$t->{data}/../../../../../../../../..";
my @pairs = ([ "$secret/file", "$secret/fine" ], [ "$secret/folder/x", "$secret/fonder/x" ], [ "$secret/folder", "$secret/fonder" ],
	[ "$secret/file/x", "$secret/fine/x" ], [ "$secret/closed/x", "$secret/clowed/x" ], [ "$up$secret/file", "$up$secret/fine" ],
	[ "$t->{data}/link/file", "$t->{data}/link/fine" ], [ "$t->{data}/link/folder/x", "$t->{data}/link/fonder/x" ],
	[ "$t->{data}/link/file/x", "$t->{data}/link/fine/x" ], [ "$t->{data}/link/closed/x", "$t->{data}/link/clowed/x" ],
	[ "$t->{data}/link-to-file", "$t->{data}/link-to-nothing" ], [ "$t->{data}/link-to-folder/x", "$t->{data}/link-to-no-folder/x" ]);
my @asked = ((map { my $name = $_; [ "castssl_enable.$name", sub { 'SELECT * FROM ' . CastsslTest::call('castssl_enable', source_dir => undef, $name => $_[0]) } ] }
	  qw(cert_file key_file ca_file crl_file source_dir target_dir)),
	[ 'castssl_enable.target_dir with source_dir', sub { 'SELECT * FROM ' . CastsslTest::call('castssl_enable', source_dir => $inside, target_dir => $_[0]) } ],
	[ 'castssl_hba_add.file_name', sub { "SELECT castssl_hba_add('local all all trust', file_name => '$_[0]')" } ],
	[ 'castssl_hba_change.file_name', sub { "SELECT castssl_hba_change(1, 'local all all trust', '$_[0]')" } ],
	[ 'castssl_hba_remove.file_name', sub { "SELECT castssl_hba_remove(1, '$_[0]')" } ],
	[ 'castssl_hba_move.file_name', sub { "SELECT castssl_hba_move(1, 2, '$_[0]')" } ],
	[ 'castssl_hba_stage', sub { "SELECT castssl_hba_stage('local all \@$_[0] reject')" } ],
	[ 'castssl_hba_add of a line', sub { "SELECT castssl_hba_add('local all \@$_[0] reject')" } ]);
push @asked, [ 'an include', sub { "SELECT castssl_hba_stage('include $_[0]')" } ], [ 'a folder of includes', sub { "SELECT castssl_hba_stage('include_dir $_[0]')" } ]
  if $t->sql('SHOW server_version_num') >= 160000;
foreach my $asked (@asked)
{
	my ($name, $sql) = @$asked;
	foreach my $pair (@pairs)
	{
		my @told = map {
			my (undef, $out, $err) = $t->psql($sql->($_), user => 'operator');
			my $short = s/^\Q$up\E//r;
			"$out$err" =~ s/\Q$_\E|\Q$short\E/PATH/gr =~ s/^LOCATION:.*//mgr
		} @$pair;
		is($told[0], $told[1], "$name: $pair->[0] and not $pair->[1]");
	}
}
unlink map { "$t->{data}/$_" } qw(link link-to-file link-to-nothing link-to-folder link-to-no-folder);
chmod 0700, "$secret/closed";

# --- what is never written over, by whomever

$t->sql("SELECT castssl_create_ca('Our CA')");
my $incoming = $pki->source("$t->{data}/incoming");
foreach my $name ('PG_VERSION', 'pg_control', 'pg_filenode.map', 'postgresql.auto.conf', 'postgresql.conf', 'pg_hba.conf', 'pg_ident.conf',
	'postmaster.pid', 'standby.signal', 'recovery.signal', 'backup_label', 'ca.key', 'notes.txt', 'comment.conf', 'half.pem', 'other.key')
{
	system('cp', "$incoming/server.crt", "$incoming/$name") == 0 or die;
}
$t->write('notes.txt', "remember the milk\n");
$t->write('comment.conf', '# ' . ('x' x 252) . $t->slurp("$incoming/server.crt") =~ tr/\n//dr . "\nlocal all all trust\n");
$t->write('half.pem', $t->slurp("$incoming/server.crt") . "-----BEGIN CERTIFICATE-----\nlocal all all trust\n");
system('cp', "$incoming/server.key", "$t->{data}/other.key") == 0 or die;
sub everything
{
	my %content;
	foreach my $file (glob "$t->{data}/* $t->{data}/global/pg_control $t->{data}/global/pg_filenode.map $t->{data}/pg_castssl/ca/*")
	{
		$content{$file} = $t->slurp($file) if -f $file;
	}
	return \%content;
}
foreach my $user ('operator', 'postgres')
{
	my $everything = everything();
	foreach my $name (qw(PG_VERSION postgresql.auto.conf postgresql.conf pg_hba.conf pg_ident.conf postmaster.pid standby.signal
		recovery.signal backup_label notes.txt comment.conf half.pem other.key))
	{
		$t->fails("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$incoming', cert_file => '$name', target_dir => '$t->{data}', force => true)",
			'42501', "$user: a certificate over $name", psql => { user => $user }, hint => 1);
	}
	$t->fails("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$incoming', cert_file => '$_->[1]', target_dir => '$t->{data}/$_->[0]', force => true)",
		'42501', "$user: a certificate over $_->[0]/$_->[1]", psql => { user => $user })
	  foreach [ 'global', 'pg_control' ], [ 'global', 'pg_filenode.map' ], [ 'global', 'server.crt' ], [ 'pg_castssl/ca', 'ca.key' ], [ 'pg_castssl', 'server.crt' ];
	$t->fails("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$incoming', cert_file => 'server.crt', ca_file => 'server.crt', target_dir => '$t->{data}')",
		'22023', "$user: one file for two roles", psql => { user => $user }) if !-e "$t->{data}/server.crt";
	is_deeply(everything(), $everything, "$user: everything stands");
}
unlink map { "$t->{data}/$_" } qw(notes.txt comment.conf half.pem other.key);

# --- what a rule may name: only what the live files name in the same field; never a key

$t->write('names', "alice, bob\n");
$t->write('options', "map=x\n");
$t->set_hba("local all postgres trust\nlocal all \@names reject\nlocal all all trust\n");
system('cp', "$inside/server.key", "$t->{data}/list.key") == 0 or die;
chmod 0600, "$t->{data}/list.key" or die $!;
sub staged { return "SELECT castssl_hba_stage(E'local all postgres trust\\n$_[0]\\nlocal all all trust\\n')" }
my $key_text = (split /\n/, $t->slurp("$t->{data}/list.key"))[1];
foreach my $line ('local all @list.key reject', 'local all @pg_castssl/ca/ca.key reject', 'local all @postgresql.auto.conf reject',
	'local all @PG_VERSION reject', 'local @names all reject', 'local all all peer @names', 'local all all peer @options',
	'local all @no-such-file reject', 'local all @/etc/passwd reject', 'local all @/no/such reject',
	'local all "a",@names,@list.key reject')
{
	my (undef, $out, $err) = $t->psql(staged($line), user => 'operator');
	like($err, qr/ERROR:  42501.*permission denied for path/, "a role with EXECUTE: $line");
	unlike("$out$err", qr/\Q$key_text\E|root:/, "$line: nothing of it is told");
}
my ($named) = $t->psql(staged('local all @names reject'), user => 'operator');
ok($named, 'what the live file names there may be named');
$t->sql('SELECT castssl_hba_discard()');
foreach my $file ('list.key', 'pg_castssl/ca/ca.key', 'pg_castssl/ca/root.crt')
{
	$t->fails(staged("local all \@$file reject"), '42501', "not even a superuser: $file", message => qr/cannot be a part/);
	$t->write('pg_hba.conf', "local all postgres trust\nlocal all \@$file reject\n");
	foreach my $reader ('castssl_hba_rules()', 'castssl_report()', 'castssl_fingerprint()', 'castssl_check()')
	{
		my (undef, $out, $err) = $t->psql("SELECT * FROM $reader");
		unlike("$out$err", qr/\Q$key_text\E/, "$reader tells nothing of $file");
	}
}
# a pipe in the place of a list is refused, not waited for
unlink "$t->{data}/names";
POSIX::mkfifo("$t->{data}/names", 0600) or die $!;
$t->write('pg_hba.conf', "local all postgres trust\nlocal all \@names reject\n");
like($t->sql('SELECT string_agg(error, $$ $$) FROM castssl_hba_rules()'), qr/not a regular file/, 'a pipe for a list');
unlink "$t->{data}/names";
$t->set_hba($CastsslTest::stock_hba);

# --- names made to mislead

# 19 has no roles with line breaks in their names
my $break = $t->sql('SHOW server_version_num') < 190000 ? "\n" : ' ';
my $evil = "eve\"'\\$break\x1b[2J, host all all all trust";
(my $quoted = $evil) =~ s/"/""/g;
$t->sql(qq{CREATE ROLE "$quoted" LOGIN});
(my $literal = $evil) =~ s/'/''/g;
my $rules = $t->sql('SELECT count(*) FROM castssl_hba_rules()');
my $added = outcome("SELECT count(*) FROM castssl_hba_add('hostssl', '{all}', ARRAY['$literal'], '192.0.2.0/24', 'scram-sha-256')");
like($added, qr/^(ok|22023|F0000)$/, 'a role name with a line of pg_hba.conf in it');
if ($added eq 'ok')
{
	is($t->sql('SELECT count(*) FROM castssl_hba_rules(staged => true)'), $rules + 1, 'becomes one rule');
	$t->sql('SELECT castssl_hba_discard()');
}
foreach my $format (qw(uri service jdbc npgsql cast))
{
	foreach my $control ("\n", "\x1b[2J", "\t", "\x7f")
	{
		my $name = "eve${control}x";
		$t->fails("SELECT castssl_client_config('$format', 'db.example.com', '$name')", '22023',
			sprintf("$format: a name with character %d", ord $control), message => qr/must not contain a line break or another control/);
	}
}

my $config = "$t->{folder}/hostile.cnf";
$t->write($config, "[req]\ndistinguished_name = dn\nprompt = no\nstring_mask = utf8only\nutf8 = yes\n[dn]\nCN = \"x\\n\\r\\t\x1b[2Jok\"\nO = \"<script>';--\"\n");
system('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
	'-config', $config, '-keyout', "$t->{folder}/hostile.key", '-out', "$t->{folder}/hostile.crt") == 0 or die;
my $pem = $t->slurp("$t->{folder}/hostile.crt");
my $subject = $t->sql("SELECT subject FROM castssl_certificate_info('$pem')");
like($subject, qr/script/, 'a hostile subject is shown');
unlike($subject, qr/[\x00-\x1f\x7f]/, 'without control characters');

my $odd = "$t->{data}/a'b\"c \x1b[2J\n;--";
mkdir $odd, 0700 or die $!;
$pki->source("$odd/certs");
(my $name = "$odd/certs") =~ s/'/''/g;
like(outcome("SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$name')"), qr/^ok$/, 'a hostile folder name is a folder');
is($t->served, $pki->fingerprint('server.crt'), 'and its certificate is served');
$t->disable;

# --- the server is the one that was started
unlike($t->slurp($t->{node}->logfile), qr/terminated by signal|PANIC|server process .* exited/, 'no process crashed');
$t->stop;

done_testing();
