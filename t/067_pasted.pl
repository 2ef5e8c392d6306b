# What people paste and what they read: names quoted for where a hint goes, no hint with a name that
# a terminal would act on, and no text that is not valid in the database's encoding.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use Cwd qw(getcwd);
use CastsslTest;
use Encode ();
use File::Path ();
use Test::More;

my $t = CastsslTest->new('pasted', initdb => [ '--encoding=UTF8', '--locale=C' ]);
my $pki = $t->{pki};
my $sandbox = "$t->{folder}/sandbox";
mkdir $sandbox or die $!;

# Run a command as people do who paste it, and see that it made nothing but what it says.
sub pasted
{
	my ($command, $name, @made) = @_;
	my $before = getcwd();
	chdir $sandbox or die $!;
	is(system('sh', '-c', $command), 0, "$name: runs: $command");
	is_deeply([ sort glob '*' ], [ sort @made ], "$name: and does nothing else");
	unlink glob '*';
	chdir $before or die $!;
	return;
}

sub hint { return ($_[0] =~ /^HINT:\s+(.*)/m)[0] }

# --- a shell: names of files in hints of errors and of the check

my @hostile = ("plain", "a b", "x'; touch PWNED; : '", '$(touch PWNED)', '`touch PWNED`', 'a"b', "d\xc3\xbc", '-rf', '*', '!x', 'a\\b', '%s%n');
my $key = $t->slurp($pki->path('server.key'));
(my $der = $pki->path('server.crt')) =~ s/crt$/der/;
$pki->openssl('x509', '-in', $pki->path('server.crt'), '-outform', 'der', '-out', $der);
foreach my $name (@hostile)
{
	# a private key that others can read
	$t->write("$name.pem", $key);
	chmod 0644, $t->path("$name.pem") or die $!;
	my ($row) = grep { $_->{subject} eq Encode::decode('UTF-8', $t->path("$name.pem")) }
	  @{ $t->rows("SELECT * FROM castssl_check() WHERE check_name = 'key_copies'") };
	pasted(Encode::encode('UTF-8', $row->{hint} // 'false'), "an open key, $name");
	is($t->mode("$name.pem"), '0600', "an open key, $name: it is closed");
	unlink $t->path("$name.pem");

	# a certificate in DER form
	$t->write("$name.crt", $t->slurp($der));
	my (undef, undef, $err) = $t->psql('SELECT * FROM ' . CastsslTest::call('castssl_enable', cert_file => $t->path("$name.crt"), key_file => $pki->path('server.key'), ca_file => $pki->path('root.crt'), dry_run => 'true'));
	my ($statement) = (hint($err) // diag($err)) =~ /^Convert it: (COPY .*; SELECT \* FROM castssl_enable\(.*dry_run => true.*)$/;
	my ($ok, undef, $said) = $t->psql($statement // 'no statement');
	ok($ok, "DER, $name: the statement runs") or diag $said;
	is(CastsslPki::fingerprint_of($t->slurp("$name.crt.pem") =~ /BEGIN CERTIFICATE-----(.*)-----END/s), $pki->fingerprint('server.crt'), "DER, $name: it is converted") or diag $err;
	unlink map { $t->path("$name.$_") } 'crt', 'crt.pem';
}

# --- SQL: a link in the data directory

foreach my $name (@hostile)
{
	mkdir "$t->{folder}/$name" or die $!;
	$pki->source("$t->{folder}/$name/tls");
	foreach my $file ('server.crt', 'server.key')
	{
		unlink $t->path($file);
		symlink "$t->{folder}/$name/tls/$file", $t->path($file) or die $!;
	}
	my $rows = $t->rows("SELECT * FROM castssl_check() WHERE check_name = 'symbolic_links'");
	is(scalar @$rows, 2, "links to $name are named");
	foreach my $row (@$rows)
	{
		foreach my $statement (split /(?<=;) (?=SELECT)/, Encode::encode('UTF-8', $row->{hint} // 'none'))
		{
			my ($ok, undef, $err) = $t->psql($statement);
			ok($ok, "$name: $statement") or diag $err;
		}
	}
	is($t->sql('SHOW ssl_cert_file'), "$t->{folder}/$name/tls/server.crt", "$name: the parameter names it");
	$t->sql('ALTER SYSTEM RESET ssl_cert_file');
	$t->sql('ALTER SYSTEM RESET ssl_key_file');
	$t->reload;
	unlink map { $t->path($_) } 'server.crt', 'server.key';
}

# Where another program keeps a link, and turns it to the new files, the parameter names that link.
foreach my $case ([ 'certbot', 'archive/db/fullchain1.pem', 'archive/db/fullchain2.pem', [ 'live/db/fullchain.pem', '../../archive/db/fullchain%d.pem' ] ],
	[ 'Kubernetes', '..2026_11_01/tls.crt', '..2026_11_02/tls.crt', [ '..data', '..2026_11_0%d' ], [ 'tls.crt', '..data/tls.crt' ] ])
{
	my ($program, $first, $second, $turned, $fixed) = @$case;
	my $kept = "$t->{folder}/$program";
	File::Path::make_path("$kept/live/db", map { "$kept/$_" =~ s{/[^/]+$}{}r } $first, $second);
	$t->write("$kept/$_", $t->slurp($pki->path('server.crt'))) foreach $first, $second;
	symlink sprintf($turned->[1], 1), "$kept/$turned->[0]" or die $!;
	symlink $fixed->[1], "$kept/$fixed->[0]" or die $! if $fixed;
	my $named = "$kept/" . ($fixed // $turned)->[0];
	symlink $named, $t->path('link.crt') or die $!;
	symlink './link.crt', $t->path('link to link.crt') or die $!;
	$t->sql(q{ALTER SYSTEM SET ssl_cert_file = 'link to link.crt'});
	$t->reload;
	my ($row) = @{ $t->rows("SELECT * FROM castssl_check() WHERE check_name = 'symbolic_links' AND subject LIKE '%link.crt'") };
	foreach my $statement (split /(?<=;) (?=SELECT)/, $row->{fix} // 'none')
	{
		my ($ok, undef, $err) = $t->psql($statement);
		ok($ok, "$program: $statement") or diag $err;
	}
	is($t->sql('SHOW ssl_cert_file'), $named, "$program: the parameter names its link");
	unlink $t->path('link.crt'), $t->path('link to link.crt'), "$kept/$turned->[0]";
	symlink sprintf($turned->[1], 2), "$kept/$turned->[0]" or die $!;
	unlink "$kept/$first" or die $!;
	is($t->sql("SELECT count(*) FROM castssl_check() WHERE check_name IN ('files_readable', 'symbolic_links') AND subject ~ 'cert_file|$program'"), 0, "$program: renewed, it is there");
}
$t->sql('ALTER SYSTEM RESET ssl_cert_file');
$t->reload;

# --- names that no hint has

foreach my $bad ([ "a\nb", 'a line break' ], [ "\x1b[2J", 'an escape' ], [ "a\xe2\x80\xaetxt", 'a mark of direction' ],
	[ "a\xe2\x80\x8b", 'no width' ], [ "sch\xfcssel", 'Latin-1' ])
{
	my ($name, $what) = @$bad;
	$t->write("$name.pem", $key);
	chmod 0644, $t->path("$name.pem") or die $!;
	my $rows = $t->rows("SELECT * FROM castssl_check() WHERE check_name = 'key_copies' AND severity <> 'ok'");
	is(scalar @$rows, 1, "$what: the key is named") or next;
	is($rows->[0]{hint}, undef, "$what: in no hint");
	unlink $t->path("$name.pem");
}
is(scalar @{ $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'key_copies' AND severity <> 'ok'}) }, 0, 'no key is left');

# --- bytes that are not valid in the database: a client with another encoding would get an error

my $latin = $CastsslTest::stock_hba . "# gr\xfc\xdfe\nhost all \"m\xfcller\" 192.0.2.0/24 md5\nhost all bj\xf6rn 192.0.2.1/32 ldap ldapserver=\xe4 ldapprefix=x\n"
  . "hostssl \"db\xe9\" all 192.0.2.2/32 cert map=\xfc\n";
my $as = sub { return "SET client_encoding = '$_[0]'; " };
sub valid
{
	my ($name, $sql) = @_;
	my ($ok, $out, $err) = $t->psql($sql);
	ok(eval { Encode::decode('UTF-8', "$out$err", Encode::FB_CROAK | Encode::LEAVE_SRC); 1 }, "$name: valid UTF-8");
	(undef, my $latin_out, my $latin_err) = $t->psql($as->('WIN1252') . $sql);
	unlike("$latin_out$latin_err", qr/22021|22P05|invalid byte sequence/, "$name: and converted");
	return $ok ? $out : $err;
}
my @functions = map { "SELECT * FROM $_" } grep { !/hba_explain|client_config|certificate_info/ } split /\n/, $t->sql(
	q{SELECT p.proname || '()' FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid
	  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_castssl'
		AND has_function_privilege('pg_monitor', p.oid, 'EXECUTE') AND p.pronargs = p.pronargdefaults ORDER BY 1});
cmp_ok(scalar @functions, '>=', 8, 'functions that read');
$t->set_hba($latin);
like(valid('the rules', 'SELECT string_agg(r::text, $$ $$) FROM castssl_hba_rules() r'), qr/m\\+FCller.*bj\\+F6rn.*ldapserver=\\+E4.*db\\+E9.*map=\\+FC/, 'what is not valid is \HH');
valid($_, $_) foreach @functions;
valid('explain', q{SELECT * FROM castssl_hba_explain('postgres', 'x', '192.0.2.2', 'tls')});
like(valid('a staged line', q{SELECT castssl_hba_add('host', '{all}', '{x}', '192.0.2.9/32', 'scram-sha-256', before_line => 15)}), qr/\\FCller/, 'and in a diff');
valid($_, $_) foreach 'SELECT * FROM castssl_hba_compare()', 'SELECT castssl_hba_diff()', 'SELECT * FROM castssl_hba_apply(dry_run => true)';
$t->sql('SELECT castssl_hba_discard()');
valid('a change', q{SELECT * FROM castssl_enable(source_dir => '} . $t->{source} . q{', clientcert => 'verify-ca', plaintext => 'block', dry_run => true)});
# in errors, and in the name of a file
$t->write('pg_hba.conf', "$CastsslTest::stock_hba" . "host all all 192.0.2.7/32 m\xfc5\nhost all all b\xf6se\n");
like(valid('a line that is refused', q{SELECT * FROM castssl_enable(source_dir => '} . $t->{source} . q{')}), qr/F0000:.*\\F[C6]/, 'an error with it');
valid("$_, refused", $_) foreach @functions;
$t->write('pg_hba.conf', "local all postgres trust\nlocal all \@l\xfcste reject\n");
valid("$_, a list", $_) foreach @functions;
$t->set_hba($CastsslTest::stock_hba);

# another database has another encoding
$t->sql(q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$t->sql('CREATE EXTENSION pg_castssl', database => 'latin');
$t->set_hba($CastsslTest::stock_hba . "host all \"m\xc3\xbcller\" 192.0.2.0/24 md5\n");
my ($ok, $out, $err) = $t->psql('SELECT user_name FROM castssl_hba_rules() WHERE line_number > 14', database => 'latin');
ok($ok, 'a database in LATIN1 shows the same file') or diag $err;
$t->set_hba($CastsslTest::stock_hba);

# --- what a client's settings may hold

foreach my $format (qw(uri node service jdbc npgsql cast))
{
	foreach my $bad ("a\xe2\x80\xaeb", "a\xe2\x81\xa6b", "a\xe2\x80\x8bb", "a\xc2\x85b", "\xef\xbb\xbfb", "a\xe2\x80\xa8b")
	{
		foreach my $arguments ("user_name => '$bad', database => 'd'", "user_name => 'u', database => '$bad'")
		{
			$t->fails("SELECT castssl_client_config('$format', 'db.example.com', $arguments)", '22023',
				sprintf('%s: %s', $format, unpack 'H*', $bad), message => qr/must not contain a line break or another control/);
		}
	}
	like($t->sql("SELECT castssl_client_config('$format', 'db.example.com', user_name => 'm\xc3\xbcller', database => 'd')"),
		qr/m(\xc3\xbc|%C3%BC)ller|^\[db/, "$format: a name in German");
}
$t->stop;

done_testing();
