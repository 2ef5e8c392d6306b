# What a server around us may expect: hooks and variables are put back, no error is swallowed, no fault of a file is a
# PANIC, privileges are not handed out, no parallel worker is asked, settings that concern all are not one session's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;
use Time::HiRes ();

my $t = CastsslTest->new('citizen');
my $major = int($t->sql('SHOW server_version_num') / 10000);
my $hba = $t->hba;

sub log_of
{
	my ($server) = @_;
	return $server->slurp($server->{node}->logfile);
}

# --- a session that ends while the server's parser reads for us

{
	my $long = join '', map { "host all u$_ 10.0.0.0/8 nosuchmethod\n" } 1 .. 2000;
	$long .= join '', map { sprintf "host all u$_ 10.%d.%d.0/24 scram-sha-256\n", $_ / 200, $_ % 200 } 1 .. 20000;
	$t->write('pg_hba.conf', $hba . $long);
	my %seen;
	# FATAL wherever the timeout strikes
	for (my $timeout = 5; $timeout <= 300; $timeout += 15)
	{
		my (undef, undef, $err) = $t->psql("LOAD 'pg_castssl'; SET exit_on_error = on; SET statement_timeout = $timeout; SELECT restart_safe FROM castssl_status()");
		$seen{ $err =~ /FATAL:  57014/ ? 'ended' : $err eq '' ? 'went through' : $err }++;
	}
	ok($seen{ended}, 'sessions ended in the middle of castssl_status()') or diag explain \%seen;
	is_deeply([ grep { !/^(ended|went through)$/ } keys %seen ], [], 'and each with its message');
	# what was captured must not come out, nor the level stay that lets it out
	my $log = log_of($t);
	unlike($log, qr/terminated by signal|server process .* was terminated/, 'no process crashed');
	unlike($log, qr/DEBUG:  proc_exit|DEBUG:  shmem_exit/, 'log_min_messages was put back before the exit');
	my ($ok, undef, $err) = $t->psql("LOAD 'pg_castssl'; SET statement_timeout = 20; SELECT castssl_status(); ");
	like($err, qr/ERROR:  57014/, 'statement_timeout ends it, too');
	$t->write('pg_hba.conf', $hba);
	$t->reload;
}

# --- a reader does not swallow a cancel

{
	$t->enable(source_dir => $t->{source});
	my ($caller, $observer) = ($t->session, $t->session);
	my $see = sub { $observer->ask("$_[0];"); return $observer->answer =~ s/\n\z//r };
	# whoever connects waits that long before the server says a word
	$observer->delay(5);
	foreach my $reader ('castssl_status()', 'castssl_check()', 'castssl_reload()')
	{
		$caller->ask("SET castssl.verify_timeout = '60s'; SET statement_timeout = '500ms'; SELECT * FROM $reader; RESET statement_timeout;");
		like($caller->answer, qr/^ERROR:  57014: canceling statement due to statement timeout$/m, "statement_timeout during $reader");
	}
	# during the proof of a change, of which all is put back, and said so
	my $cancelled = sub {
		my ($name, $detail) = @_;
		my ($before, $loaded) = ($t->hba, $see->('SELECT pg_conf_load_time()'));
		$caller->ask("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', plaintext => 'block', force => true);");
		ok(CastsslTest::wait_until(sub { $t->hba ne $before && $see->('SELECT pg_conf_load_time()') ne $loaded
			&& $see->("SELECT wait_event_type FROM pg_stat_activity WHERE pid = $caller->{pid}") eq 'Extension' }), "$name: it is being proven");
		$see->("SELECT pg_cancel_backend($caller->{pid})");
		like($caller->answer, qr/^ERROR:  57014: canceling statement due to user request\nDETAIL:  $detail$/m, "$name: a cancel during the proof");
		is($t->hba, $before, "$name: which has changed nothing");
	};
	$cancelled->('a change', qr/Everything is as it was before\./);
	# what somebody else has stored goes into effect by the reloads, and that is said
	$caller->quit;
	CastsslTest::next_second();
	$see->('ALTER SYSTEM SET ssl = off');
	$caller = $t->session;
	$caller->ask("SET castssl.verify_timeout = '60s';");
	$caller->answer;
	$cancelled->('with an edit that waits',
		qr/Files and parameters are as they were before\.  The reload has also loaded edits that somebody else had made before this call: \S+\/postgresql\.auto\.conf\./);
	is($see->('SHOW ssl'), 'off', 'which is so');
	$observer->delay(0);
	$_->quit foreach $caller, $observer;
	$t->sql('ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf()');
	$t->sql('ALTER SYSTEM SET ssl = off');
	$t->sql(q{SELECT castssl_hba_add('local', '{app}', '{all}', NULL, 'reject', before_line => 1)});
	$t->fails('SELECT * FROM castssl_hba_apply(force => true)', '55000', 'TLS that would go off by the way', constraint => 'castssl_would_cut_off',
		detail => qr/^Somebody has set ssl = off since the last reload/, hint => qr/^To keep TLS: ALTER SYSTEM SET ssl = on;  To turn it off first: SELECT \* FROM castssl_reload\(\);$/);
	is($t->sql('SHOW ssl'), 'on', 'stays on');
	$t->sql('ALTER SYSTEM SET ssl = on');
	$t->sql('SELECT castssl_hba_discard()');
	$t->disable;
}

# --- the planner may have it done by a parallel worker, which knows nothing of us

{
	my $parallel = $major >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
	my $refused = "host all all 10.0.0.0/8 ldap ldapserver=x ldapprefix=a ldapbasedn=b\n";
	$t->fails("SET $parallel = on; SELECT castssl_hba_stage(pg_read_file('pg_hba.conf') || '$refused')", 'F0000', "$parallel = on: a line that the server refuses");
	is($t->sql('SELECT hba_staged FROM castssl_status()'), 'f', 'is not staged');
	my ($plain, $forced) = map { $t->sql("SET $parallel = $_; SELECT string_agg(c::text, E'\\n') FROM castssl_check() c") } qw(off on);
	is($forced, $plain, 'castssl_check() says the same');
	$t->write('pg_hba.conf', $hba . "host all all nonsense\n");
	($plain, $forced) = map { $t->sql("SET $parallel = $_; SELECT restart_problem FROM castssl_status()") } qw(off on);
	like($forced, qr/pg_hba\.conf:\d+: /, 'and castssl_status() sees a line that the server refuses');
	is($forced, $plain, 'as without it');
	$t->write('pg_hba.conf', $hba);
}

# --- settings that concern all

foreach my $setting ("castssl.keep_changes = 0", "castssl.ca_directory = '/tmp'", "castssl.allowed_directories = '/'")
{
	$t->fails("LOAD 'pg_castssl'; SET $setting", '55P02', "SET $setting", no_detail => 1);
}
{
	# before the library is there any name can be set; it has no effect then
	$t->enable(source_dir => $t->{source});
	$t->disable;
	my $kept = $t->sql("SELECT count(*) FROM castssl_changes()");
	my ($ok, undef, $err) = $t->psql("SET castssl.keep_changes = 0; SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}')");
	ok($ok, 'a change in a session that had set castssl.keep_changes') or diag $err;
	is($t->sql("SELECT count(*) FROM castssl_changes()"), $kept + 1, 'forgets no change of others');
	$t->disable;
}

# --- a server without OpenSSL: words, not errors about names that are not there

{
	my $header = CastsslTest::temporary_folder() . '/without.c';
	$t->write($header, "#include \"postgres.h\"\n#undef USE_OPENSSL\n#include \"base/compat.h\"\n");
	chomp(my $include = `pg_config --includedir-server`);
	my $out = '';
	IPC::Run::run([ 'gcc', '-fsyntax-only', "-I$include", "-I$FindBin::RealBin/../src", $header ], '<', \undef, '>&', \$out);
	like($out, qr/#error "?pg_castssl needs a PostgreSQL that is built with OpenSSL/, 'a server that was built without OpenSSL');
}

# --- the environment of the server: not listened to by the proof, and as before after it

{
	my %set = (PGSSLMODE => 'disable', PGCHANNELBINDING => 'require', PGREQUIREAUTH => 'none', PGSSLMINPROTOCOLVERSION => 'TLSv1.3', PGOPTIONS => '-c nonsense=1');
	$t->stop;
	{
		local %ENV = (%ENV, %set);
		$t->start;
	}
	my (undef, $out, $err) = $t->psql("SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}'); CREATE TEMP TABLE env (line text); COPY env FROM PROGRAM 'env'; SELECT line FROM env WHERE line LIKE '%PG%' OR line LIKE '-%' ORDER BY line");
	like($out, qr/^\d+$/m, 'a proof in a server whose environment is about other connections') or diag $err;
	is(join(' ', grep { /^(-|@{[ join '|', keys %set ]}=)/ } split /\n/, $out), join(' ', map { "$_=$set{$_}" } sort keys %set), 'which is as before');
	$t->disable;
	$t->restart;
}

# --- ALTER DEFAULT PRIVILEGES

{
	my $may = q{SELECT string_agg(DISTINCT p.proname, ' ') FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
	  JOIN pg_extension e ON e.oid = d.refobjid WHERE extname = 'pg_castssl' AND has_function_privilege('%s', p.oid, 'EXECUTE')};
	my $monitors = $t->sql(sprintf $may, 'pg_monitor');
	$t->sql('CREATE ROLE "an app" LOGIN');
	$t->sql('ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO "an app"; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO pg_monitor');
	foreach my $version ('0.2.0', '0.1.0')
	{
		$t->sql("DROP EXTENSION pg_castssl; CREATE EXTENSION pg_castssl VERSION '$version'");
		if ($version eq '0.1.0')
		{
			my ($ok, undef, $err) = $t->psql('ALTER EXTENSION pg_castssl UPDATE');
			ok($ok, 'ALTER EXTENSION UPDATE') or diag $err;
			like($err, qr/WARNING: .*an app may no longer call castssl_enable\(.*\nHINT:  If that was meant: GRANT EXECUTE ON FUNCTION castssl_enable TO "an app";/, 'names whom it takes what from');
			my @hints = $err =~ /HINT:  If that was meant: (GRANT .*;)/g;
			my ($granted, undef, $refused) = $t->psql("BEGIN; @hints ROLLBACK;");
			ok(@hints > 20 && $granted, 'each of the ' . @hints . ' hints can be typed') or diag $refused;
		}
		is($t->sql(sprintf $may, 'an app'), '', "from $version on: nothing for a role that default privileges favour");
		is($t->sql(sprintf $may, 'pg_monitor'), $monitors, "from $version on: for pg_monitor what is for it");
	}
	$t->sql('ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM "an app"; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM pg_monitor');
}

# --- 46 MB of empty lines: the server reads them, and so do we

my $errors = $t->sql(q{SELECT count(*) FROM castssl_check() WHERE severity = 'error'});
my $millions = CastsslMachine::memory_is_short() ? 1 : 46;
CastsslTest::not_tried('a pg_hba.conf of 46 million lines: too little memory') if $millions == 1;
$t->write('pg_hba.conf', $hba . ("\n" x (1_000_000 * $millions)));
is($t->sql('SELECT count(*) FROM castssl_hba_rules()'), 6, "a pg_hba.conf of $millions million empty lines");
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE severity = 'error'}), $errors, 'castssl_check() too');
$t->write('pg_hba.conf', $hba);
$t->stop;

# --- single-user mode: there is no postmaster to signal

foreach my $call ('castssl_reload()', 'castssl_disable()')
{
	my $out = '';
	IPC::Run::run([ 'postgres', '--single', '-F', '-D', $t->{data}, 'postgres' ], '<', \"SELECT * FROM $call;\n", '>', \$out, '2>&1');
	$t->write("$t->{folder}/single.log", $out);
	like($out, qr/ERROR:  there is no server to reload.*HINT:  Start the server, and call this in a session\./s, "single-user mode: $call");
	is($?, 0, 'and its process group lives');
}

# --- a cluster whose group may read it

{
	my $group = CastsslTest->new('group', initdb => ['--allow-group-access']);
	$group->sql("SELECT castssl_create_ca(common_name => 'a CA')");
	$group->enable(source_dir => $group->{source});
	$group->enable(source_dir => $group->{source}, plaintext => 'block');
	$group->sql("SELECT castssl_hba_add('hostssl', '{app}', '{all}', '192.0.2.0/24', 'scram-sha-256')");
	my (@closed, $seen);
	foreach my $path (split /\n/, `find '$group->{data}/pg_castssl'`)
	{
		my $mode = (stat $path)[2];
		$seen++;
		push @closed, $path unless $mode & 0040 && (!-d $path || $mode & 0010);
		is($mode & 0027, 0, "$path: nobody else") if $mode & 0027;
	}
	cmp_ok($seen, '>', 10, 'files of ours');
	my @wrong = grep { -d $_ || $group->slurp($_) !~ /PRIVATE KEY/ } @closed;
	is_deeply(\@wrong, [], 'the group may read all but keys');
	my @open = grep { -f $_ && $group->slurp($_) =~ /PRIVATE KEY/ && (stat $_)[2] & 0077 } split /\n/, `find '$group->{data}/pg_castssl' -type f`;
	is_deeply(\@open, [], 'and no key');
	$group->stop;
}

# --- faults of files: an error, never a PANIC

SKIP:
{
	my $library = $ENV{CASTSSL_FAULTS} // '';
	skip 'CASTSSL_FAULTS names no library that was built with FAULTS=1', 1 unless -e $library;
	(my $folder = $library) =~ s{/[^/]*$}{};
	(my $module = $library) =~ s{\.\w+$}{};
	my $faulty = CastsslTest->new('citizen_faults', conf => "dynamic_library_path = '$folder:\$libdir'\nrestart_after_crash = off\n", start => 0);
	$faulty->start;
	(my $script = $faulty->slurp("$FindBin::RealBin/../sql/pg_castssl--0.2.0.sql")) =~ s/^\\echo.*$//m;
	$script =~ s/MODULE_PATHNAME/$module/g;
	$faulty->sql($script);
	my $before = $faulty->state;
	my $reached = 0;
	foreach my $point ('file create', 'file write', 'file sync', 'sync call', 'rename')
	{
		foreach my $kind (qw(error gone emfile))
		{
			my ($ok, undef, $err) = $faulty->psql("LOAD '$module'; SET castssl.fault = '$point:$kind'; SELECT count(*) FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$faulty->{source}', plaintext => 'block')");
			$reached++ if $err =~ /NOTICE: .*fault at point/;
			ok(!$ok && $err =~ /ERROR:/, "$point, $kind: an error") or diag $err;
			is_deeply($faulty->state, $before, "$point, $kind: all is as before") or last;
		}
	}
	is($reached, 15, 'each was reached');
	unlike(log_of($faulty), qr/PANIC/, 'no PANIC');

	# a worker that does not watch any more, and stands still before it lets go: who comes then waits for it
	$faulty->alone;
	$faulty->{node}->append_conf('postgresql.conf', "castssl.fault = 'watch ended:stop'");
	$faulty->reload;
	my $session = $faulty->session;
	$session->ask("LOAD '$module'; SET castssl.fault = ''; SELECT count(*) FROM castssl_enable(source_dir => '$faulty->{source}', clientcert => 'none');");
	like($session->answer, qr/^\d+$/, 'a change, whose worker ends behind it');
	my $worker = '';
	CastsslTest::wait_until(sub { ($worker = $faulty->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_castssl'})) =~ /^\d+$/
		&& $faulty->slurp("/proc/$worker/stat") =~ /\) T / }) or die 'it does not stop';
	$faulty->{node}->append_conf('postgresql.conf', "castssl.fault = ''");
	$faulty->reload;
	$session->ask('SELECT count(*) FROM castssl_disable();');
	Time::HiRes::sleep(1);    # longer than for a change of somebody else
	kill CONT => $worker;
	like($session->answer, qr/^\d+$/, 'the next one waits until the worker goes on');
	$session->quit;
	$faulty->stop;
}

done_testing();
