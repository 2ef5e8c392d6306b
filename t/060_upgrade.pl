# The life of the extension: dropped, dumped, restored, updated, and next to another version of
# its library. State lies in files, so nothing of it may hang on the extension's rows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Cwd ();
use File::Find 'find';
use File::Spec;
use Test::More;

my $t = CastsslTest->new('upgrade');
my $pki = $t->{pki};

sub functions
{
	return functions_of($t, @_);
}

sub functions_of
{
	my ($server, %options) = @_;
	return $server->sql(
		q{SELECT p.oid::regprocedure, p.proargnames, p.prosecdef, p.proconfig, p.provolatile,
				 pg_get_userbyid(p.proowner), ARRAY(SELECT a::text FROM unnest(p.proacl) a ORDER BY 1),
				 obj_description(p.oid, 'pg_proc')
		  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid
		  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
			AND d.deptype = 'e' AND e.extname = 'pg_castssl' ORDER BY p.oid::regprocedure::text COLLATE "C"}, %options);
}

# --- DROP EXTENSION leaves the server and the files alone

$t->enable(source_dir => $t->{source}, plaintext => 'block');
my $hba = $t->hba;
$t->sql('DROP EXTENSION pg_castssl');
foreach my $when ('dropped', 'dropped, after a restart')
{
	is($t->served, $pki->fingerprint('server.crt'), "$when: the certificate is served");
	is($t->hba, $hba, "$when: pg_hba.conf stays");
	is($t->mode('server.key'), '0600', "$when: the key stays");
	$t->in("$when: a client with a certificate", cert => 'alice', encrypted => 't');
	$t->out("$when: no plaintext", qr/no pg_hba.conf entry/, sslmode => 'disable');
	$t->restart if $when eq 'dropped';
}
$t->sql('CREATE EXTENSION pg_castssl');
$t->disable;
is($t->hba, $CastsslTest::stock_hba, 'created again, it still knows what to put back');
$t->in('disabled: plaintext', sslmode => 'disable', encrypted => 'f');

# --- pg_dump carries membership and privileges, and nothing else

$t->sql('CREATE ROLE operator; GRANT EXECUTE ON FUNCTION castssl_disable TO operator');
$t->sql('COMMENT ON EXTENSION pg_castssl IS $$as we use it$$');
my $fresh = functions();
my $dump = "$t->{folder}/dump.sql";
$t->{node}->command_ok([ 'pg_dump', '-U', 'postgres', '-h', $t->{node}->host, '-p', $t->{node}->port,
		'-f', $dump, 'postgres' ], 'pg_dump');
my $text = $t->slurp($dump);
like($text, qr/CREATE EXTENSION IF NOT EXISTS pg_castssl/, 'the extension is in the dump');
unlike($text, qr/CREATE FUNCTION/, 'its functions are not');
unlike($text, qr/PRIVATE KEY|ssl_cert_file/, 'no state is');
$t->sql('CREATE DATABASE restored');
$t->{node}->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-U', 'postgres', '-h', $t->{node}->host,
		'-p', $t->{node}->port, '-f', $dump, 'restored' ], 'the dump is restored');
is(functions(database => 'restored'), $fresh, 'same functions, owners, privileges and comments');
like($fresh, qr/operator=X/, 'a granted privilege among them');
my ($ok, $out, $err) = $t->psql('SELECT count(*) FROM castssl_status()', database => 'restored');
ok($ok, 'and they work there') or diag $err;

# --- pg_restore of the custom format

my $archive = "$t->{folder}/dump.custom";
$t->sql('CREATE DATABASE custom');
my @connection = ('-U', 'postgres', '-h', $t->{node}->host, '-p', $t->{node}->port);
$t->{node}->command_ok([ 'pg_dump', @connection, '-Fc', '-f', $archive, 'postgres' ], 'pg_dump, custom format');
$t->{node}->command_ok([ 'pg_restore', @connection, '--exit-on-error', '-d', 'custom', $archive ], 'pg_restore');
is(functions(database => 'custom'), $fresh, 'restored from it: same functions, owners, privileges and comments');
is($t->sql('SELECT obj_description(oid, $$pg_extension$$) FROM pg_extension WHERE extname = $$pg_castssl$$',
		database => 'custom'), 'as we use it', 'and the comment on the extension');

# --- ALTER EXTENSION UPDATE: every version that there is a way from comes to the newest

my $newest = $t->sql("SELECT default_version FROM pg_available_extensions WHERE name = 'pg_castssl'");
my @older = split /\n/, $t->sql(
	"SELECT source FROM pg_extension_update_paths('pg_castssl')
	 WHERE target = '$newest' AND source <> '$newest' AND path IS NOT NULL
	   AND source IN (SELECT version FROM pg_available_extension_versions WHERE name = 'pg_castssl')");
$t->sql('CREATE DATABASE fresh');
$t->sql('CREATE EXTENSION pg_castssl', database => 'fresh');
foreach my $version (@older, $newest)
{
	$t->sql('CREATE DATABASE older');
	$t->sql("CREATE EXTENSION pg_castssl VERSION '$version'; ALTER EXTENSION pg_castssl UPDATE", database => 'older');
	is($t->sql('SELECT extversion FROM pg_extension WHERE extname = $$pg_castssl$$', database => 'older'),
		$newest, "from $version: the newest");
	is(functions(database => 'older'), functions(database => 'fresh'), "from $version: as a fresh install");
	$t->sql('DROP DATABASE older');
}

# --- another version of the library

my %quiet = (no_detail => 1);
$t->fails("CREATE FUNCTION later() RETURNS int LANGUAGE C AS '\$libdir/pg_castssl', 'castssl_of_a_later_version'",
	'42883', 'new SQL, old library: not created', %quiet, message => qr/could not find function "castssl_of_a_later_version"/);
# a definition that another library once had
$t->sql("CREATE FUNCTION later() RETURNS int LANGUAGE C AS '\$libdir/pg_castssl', 'castssl_reload_and_verify';
	UPDATE pg_proc SET prosrc = 'castssl_of_a_later_version' WHERE proname = 'later'");
$t->fails('SELECT later()', '42883', 'new SQL, old library: not called', %quiet,
	message => qr/could not find function "castssl_of_a_later_version"/);
$t->sql(q{CREATE FUNCTION earlier_enable(text, OUT step int, OUT action text, OUT target text, OUT result text,
		OUT detail text) RETURNS SETOF record LANGUAGE C AS '$libdir/pg_castssl', 'castssl_enable';
	CREATE FUNCTION earlier_disable(OUT step int, OUT action text, OUT target text, OUT result text,
		OUT detail text) RETURNS SETOF record LANGUAGE C AS '$libdir/pg_castssl', 'castssl_disable'});
my $before = $t->state;
$t->fails("SELECT * FROM $_", '42883', "old SQL, new library: $_", message => qr/does not fit/, hint => qr/ALTER EXTENSION/)
  foreach "earlier_enable('$t->{source}')", 'earlier_disable()';
is_deeply($t->state, $before, 'nothing has changed');

# --- what 0.1.0 left in a data directory, @DATA@ in test/data/state-0.1.0: five changes, one more that
# waits for castssl_confirm(), and a CA that revoked a certificate. Its keys belong to this test alone.

# Puts all of it where it was in $server, which is not running.
sub place_state
{
	my ($server) = @_;
	my $from = "$FindBin::RealBin/../test/data/state-0.1.0";
	find({ no_chdir => 1, wanted => sub {
			my $to = $server->{data} . substr $File::Find::name, length $from;
			if (-d) { -d $to or mkdir $to, 0700 or die "$to: $!"; return }
			my $content = $server->slurp(Cwd::realpath($_)) =~ s/\@DATA\@/$server->{data}/gr;
			# the folder of the change, and who owns what is put back
			my $place = (stat $to =~ s{/[^/]*$}{}r)[1];
			my ($gid) = split / /, $);
			$content =~ s/^(place = ').*'$/$1$place'/m;
			# past, by whatever clock
			$content =~ s/^(confirm_deadline = ')[1-9]\d*'$/${1}1'/m;
			$content =~ s/^(file_\d+_uid = ').*'$/$1$>'/mg;
			$content =~ s/^(file_\d+_gid = ').*'$/$1$gid'/mg;
			$server->write($to, $content);
			chmod 0600, $to or die "$to: $!";
	} }, $from);
	return;
}

my $kept = CastsslTest->new('kept');
my $data = $kept->{data};
$kept->stop;
place_state($kept);
my ($applied, $before_apply) = map { $kept->slurp("$data/pg_castssl/changes/$_/before-1") } 6, 5;
$kept->start;

is_deeply([ map { "$_->{change_id} $_->{action} $_->{state}" } @{ $kept->rows('SELECT * FROM castssl_changes() ORDER BY 1') } ],
	[ '1 enable applied', '2 disable applied', '3 enable applied', '4 revoke applied', '5 apply pg_hba applied',
	  '6 apply pg_hba expired' ], '0.1.0: its changes, and the deadline of the last one has passed');
is($kept->hba, $applied, '0.1.0: the unconfirmed change is undone');
is($kept->sql('SELECT ssl, hba_staged FROM castssl_status()'), 't|t', '0.1.0: its edits wait again');
like($kept->sql('SELECT castssl_hba_diff()'), qr{^\+hostssl all all 10\.1\.0\.0/16 scram-sha-256$}m, '0.1.0: what they are');
my @checks = @{ $kept->rows('SELECT * FROM castssl_check(include_ok => true)') };
cmp_ok(scalar @checks, '>=', 40, '0.1.0: castssl_check()');
is_deeply([ grep { $_->{severity} eq 'error' } @checks ], [], '0.1.0: with no error') or diag explain \@checks;

$kept->sql('SELECT * FROM castssl_hba_apply()');
is($kept->hba, "${applied}hostssl all all 10.1.0.0/16 scram-sha-256\n", '0.1.0: its edits become live');
$kept->sql('SELECT * FROM castssl_rollback(7)');
is($kept->hba, $applied, '0.1.0: and are undone');
$kept->sql('SELECT castssl_hba_discard()');
$kept->sql('SELECT * FROM castssl_rollback(5)');
is($kept->hba, $before_apply, '0.1.0: an old change is undone');

my $issued = $kept->sql("SELECT castssl_issue_client('carol')");
is(system("openssl verify -CAfile '$data/pg_castssl/ca/root.crt' '$issued/client.crt' >'$kept->{folder}/verify' 2>&1"), 0,
	'0.1.0: its CA issues certificates') or diag $kept->slurp("$kept->{folder}/verify");
$kept->sql('SELECT castssl_revoke(' . CastsslTest::quote($kept->slurp("$issued/client.crt")) . ', force => true)');
my $listed = `openssl crl -in '$data/pg_castssl/ca/root.crl' -noout -text`;
is(scalar(() = $listed =~ /Serial Number:/g), 2, '0.1.0: and what it revoked stays revoked') or diag $listed;
$kept->disable;
is($kept->sql('SELECT ssl FROM castssl_status()'), 'f', '0.1.0: what it enabled is disabled');
is($kept->hba, $kept->slurp("$data/pg_castssl/changes/1/before-4"), '0.1.0: the rules are those from before it');
$kept->stop;

# --- pg_upgrade: of one major to itself, and of an older one that is at hand

$t->sql('DROP FUNCTION later(), earlier_enable, earlier_disable');
$t->sql("DROP DATABASE $_") foreach qw(restored custom);

# Stops $old and has pg_upgrade make what it holds the new server $name. Both preload the library, as the servers
# that pg_upgrade starts then do.
sub upgrade
{
	my ($old, $old_bin, $name) = @_;
	my $functions = functions_of($old);
	$old->enable(source_dir => $old->{source}, plaintext => 'block', confirm_within => '10 min', force => 'true') unless $old->status->{ssl};
	my $marked = $old->hba;
	$old->stop;
	my $new = CastsslTest->new($name, start => 0);
	$_->{node}->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_castssl'") foreach $old, $new;
	# where the tests' servers come from, which pg_config does not know of
	my ($bin) = grep { -x "$_/pg_ctl" } File::Spec->path;
	# 18 and later look for its log in the new data directory; the ones before put it where they run
	my $here = Cwd::getcwd();
	chdir $old->{folder} or die $!;
	my $upgraded = system("pg_upgrade -U postgres -b '${\ ($old_bin // $bin)}' -B '$bin' -d '$old->{data}' "
		  . "-D '$new->{data}' -s '$old->{folder}' -p " . $old->{node}->port . ' -P ' . $new->{node}->port
		  . ' >pg_upgrade.log 2>&1');
	chdir $here or die $!;
	is($upgraded, 0, "$name: pg_upgrade") or diag $old->slurp("$old->{folder}/pg_upgrade.log");
	$new->start;
	is($new->sql('SHOW shared_preload_libraries'), 'pg_castssl', "$name: with the library preloaded");
	is($new->sql('SELECT extversion FROM pg_extension WHERE extname = $$pg_castssl$$'), $newest,
		"$name: the extension is there");
	is(functions_of($new), $functions, "$name: same functions, owners, privileges and comments");
	is($new->sql('SELECT ssl FROM castssl_status()'), 'f', "$name: it tells of the new server, which is yet to be secured");
	is($new->sql('SELECT count(*) FROM castssl_changes()'), 0, "$name: the journal stays behind");
	# whoever takes the old pg_hba.conf along is told
	$new->set_hba($marked);
	like($new->sql(q{SELECT severity || ' ' || message FROM castssl_check() WHERE check_name = 'changes'}),
		qr/^warning .*no record of any change/, "$name: marked lines in a pg_hba.conf that was taken along");
	$new->set_hba($CastsslTest::stock_hba);
	$new->enable(source_dir => $t->{source}, plaintext => 'block');
	$new->in("$name: which it does", sslmode => 'verify-full', cert => 'alice', encrypted => 't');
	$new->stop;
	return;
}

upgrade($t, undef, 'upgraded');
SKIP:
{
	my $older = $ENV{CASTSSL_OLDER_BINDIR};
	skip 'no older PostgreSQL is at hand; scripts/matrix has 15 beside 17', 5 unless $older;
	my $old = CastsslTest->new('older', install_path => Cwd::realpath("$older/.."));
	$old->enable(source_dir => $old->{source}, plaintext => 'block');
	$old->sql('CREATE ROLE operator; GRANT EXECUTE ON FUNCTION castssl_disable TO operator');
	note 'from PostgreSQL ' . $old->sql('SHOW server_version');
	upgrade($old, $older, 'upgraded_from_older');
}

done_testing();
