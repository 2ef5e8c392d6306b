# Changes that survive clones, other people's hands, their reloads and their ALTER SYSTEM, and a clock that is put back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslWire;
use Cwd ();
use POSIX ();
use Test::More;
use Time::HiRes qw(usleep);

my $pki = CastsslTest::pki();
*wait_until = \&CastsslTest::wait_until;

sub newest
{
	my ($t) = @_;
	return $t->rows('SELECT * FROM castssl_changes() ORDER BY 1 DESC LIMIT 1')->[0];
}

sub renewed
{
	my ($t, $name) = @_;
	return $pki->source("$t->{folder}/$name", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
}

# A copy of the data directory as a server of its own: with its own configuration, or (heir) with the same.
sub copy_of
{
	my ($t, $name, %options) = @_;
	my $copy = bless { %$t, name => $name }, ref $t;
	$copy->{data} = $options{data} // "$t->{folder}/$name";
	$t->stop if $options{heir};
	if (!$options{in_place})
	{
		system('cp', '-a', $t->{data}, $copy->{data}) == 0 or die 'cp';
		unlink "$copy->{data}/postmaster.pid";
	}
	$copy->{log} = "$t->{folder}/$name.log";
	$copy->{port} = $options{heir} ? $t->{node}->port : CastsslTest::free_port();
	return $copy;
}

sub start_copy
{
	my ($copy, @options) = @_;
	system('pg_ctl', '-w', '-s', '-D', $copy->{data}, '-l', $copy->{log}, '-o',
		join(' ', "-c config_file=$copy->{config}/postgresql.conf -c data_directory=$copy->{data} -c port=$copy->{port}", @options), 'start') == 0
	  or die 'the copy does not start: ' . CastsslOpenssl::slurp($copy->{log});
	return;
}

sub ask_copy
{
	my ($copy, $sql) = @_;
	my ($ok, $out, $err) = CastsslWire::run($copy->{node}->host . "/.s.PGSQL.$copy->{port}", 'postgres', 'postgres', $sql, 1);
	return $ok ? $out . ($err // '') : "failed: $err";
}

sub stop_copy
{
	my ($copy) = @_;
	system('pg_ctl', '-w', '-s', '-D', $copy->{data}, '-m', 'fast', 'stop') == 0 or die 'stop';
	return;
}

# --- 1: a clone beside the original leaves the original's files alone, and says so

{
	my $t = CastsslTest->new('original', layout => 'debian');
	my $hba = $t->hba;
	$t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '10 min');
	my $clone = copy_of($t, 'clone');
	$t->confirm;
	my $confirmed = $t->state;
	$clone->pass_deadline;
	start_copy($clone, "-c listen_addresses=''");
	like(ask_copy($clone, 'SELECT count(*) FROM castssl_status()'),
		qr/WARNING: +\w+: change 1 \(enable\) has not ended, and is not undone here\nDETAIL: +Reason: this data directory is a copy, .*pg_hba\.conf\.\nHINT: +SELECT \* FROM castssl_changes\(\); by a superuser ends it, and leaves the files as they are\./,
		'who reads in the clone is told how to end it');
	ask_copy($clone, 'SELECT count(*) FROM castssl_changes()');
	is_deeply($t->state, $confirmed, "a clone's deadline changes nothing of the original");
	like(ask_copy($clone, 'SELECT state || $$: $$ || reason FROM castssl_changes() ORDER BY change_id DESC LIMIT 1'),
		qr/^applied: not undone: this data directory is a copy, .*pg_hba\.conf/, 'castssl_changes() of the clone names what is left alone');
	like(ask_copy($clone, q{SELECT severity || message FROM castssl_check() WHERE check_name = 'changes'}), qr/warning.*is a copy/, 'castssl_check(), too');
	like(ask_copy($clone, $CastsslTest::back), qr/55000/, 'and a rollback there is refused');
	is_deeply($t->state, $confirmed, 'the original is as it was');
	stop_copy($clone);

	# --- 2: the heir undoes the whole change, whose files outside are its own now
	$t->disable;
	is($t->hba, $hba, 'disabled');
	$t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '10 min', force => 'true');
	my $heir = copy_of($t, 'heir', heir => 1);
	rename $t->{data}, "$t->{data}.away" or die $!;
	$heir->pass_deadline;
	start_copy($heir);
	ok(wait_until(sub { ask_copy($heir, 'SELECT state FROM castssl_changes() ORDER BY change_id DESC LIMIT 1') eq 'expired' }), 'an heir undoes it');
	is($t->hba, $hba, 'pg_hba.conf outside of the data directory, too');
	unlike($t->slurp("$heir->{data}/postgresql.auto.conf"), qr/^ssl/m, 'and the parameters: as a whole');
	stop_copy($heir);
	rename "$t->{data}.away", $t->{data} or die $!;
	$t->{node}->_update_pid(0);
}

# --- 11: restored in place from a backup that was made while the change waited

{
	my $t = CastsslTest->new('restored', layout => 'debian');
	$t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '10 min');
	my $backup = copy_of($t, 'backup');
	$t->confirm;
	my $hba = $t->hba;
	$t->stop;
	$backup->pass_deadline;
	# the file system may give the numbers of removed folders to the copy, by which a copy is known
	rename $t->{data}, "$t->{data}.away" or die $!;
	system('cp', '-a', $backup->{data}, $t->{data}) == 0 or die 'cp';
	$t->start;
	my ($ok, undef, $err) = $t->psql('SELECT count(*) FROM castssl_changes()');
	like($err, qr/WARNING: .*was not undone: this data directory is a copy or was restored/, 'restored in place: not undone, and said');
	is($t->hba, $hba, 'what was confirmed stays');
	isnt($t->served, 'none', 'with TLS: whole or not at all');
	$t->disable;

	# and where lines are marked, but nothing knows of them
	$t->enable(source_dir => $t->{source}, plaintext => 'block');
	rename "$t->{data}/pg_castssl", "$t->{folder}/left-behind" or die $!;
	like($t->sql(q{SELECT severity || ' ' || message FROM castssl_check() WHERE check_name = 'changes'}),
		qr/^warning .*no record of any change/, 'marked lines without a journal: a warning row');
	$t->stop;
}

# --- 3: a hand edit at any instant of a call is not lost

my $t = CastsslTest->new('hands');
{
	my $hba = $t->hba;
	my ($kept, $refused, $lost, $stopped) = (0, 0, 0, 0);
	my $seed = $ENV{CASTSSL_SEED} // 36;
	srand $seed;
	# seconds for an edit
	my $edit = sub {
		my ($file, $line) = @_;
		my $began = Time::HiRes::time;
		open my $out, '>>', $file or die $!;
		syswrite $out, "$line\n";
		return Time::HiRes::time - $began;
	};
	# on a busy machine some do not count
	for (my $i = 1; $i - $stopped <= 40 && $i <= 400; $i++)
	{
		my $line = "# by hand $i";
		my $pause = 1_000 + rand 150_000;
		my $child = fork // die $!;
		if ($child == 0)
		{
			usleep($pause);
			# what one takes here and now: the least of some
			my ($least) = sort { $a <=> $b } map { $edit->("$t->{folder}/another", $line) } 1 .. 5;
			POSIX::_exit($edit->($t->path('pg_hba.conf'), $line) > 0.0001 + 2 * $least);
		}
		my ($ok, undef, $err) = $t->psql("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', plaintext => 'block')");
		waitpid $child, 0;
		my $late = $?;
		$stopped++ if $late;
		my $there = $t->hba =~ /^\Q$line\E$/m;
		my $in_journal = grep { $t->slurp($_) =~ /^\Q$line\E$/m } glob "$t->{data}/pg_castssl/changes/*/replaced-*";
		# who is stopped between open() and write() writes to a file that has been replaced since, and
		# that nobody reads any more
		$lost++ unless $there || $in_journal || $late;
		$refused++ if !$ok && $err =~ /55000/;
		$kept++ if $there;
		$t->psql('SELECT * FROM castssl_disable()');
		$t->set_hba($hba);
	}
	is($lost, 0, '40 edits by hand during a call: none is lost') or diag "kept $kept, refused $refused";
	cmp_ok($stopped, '<', 360, 'as many as that were made at once');
	diag "$stopped were stopped";
	note "kept $kept, of which $refused calls were refused; CASTSSL_SEED=$seed";
}

# --- 3: a parameter that somebody has set since

{
	$t->enable(source_dir => $t->{source}, plaintext => 'block');
	my $ca = "$t->{data}/another.crt";
	$t->write($ca, $t->slurp($pki->path('root.crt')));
	$t->sql("ALTER SYSTEM SET ssl_ca_file = '$ca'");
	$t->fails($CastsslTest::back, '55000', 'rollback over an ALTER SYSTEM', detail => qr/ssl_ca_file/, hint => 1);
	$t->sql('ALTER SYSTEM RESET ssl_ca_file');
	$t->psql('SELECT * FROM castssl_disable()');
	$t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '10 min');
	$t->sql("ALTER SYSTEM SET ssl_ca_file = '$ca'");
	$t->expire;
	ok(wait_until(sub { $t->served eq 'none' }), 'undone at its deadline all the same');
	like($t->slurp($t->{node}->logfile), qr/WARNING:  parameter "ssl_ca_file" was set since change \d+.*\n.*DETAIL:  The value that is replaced was "\Q$ca\E"/, 'with a WARNING that has the value');
	like($t->slurp($t->newest_change . '/manifest'), qr/^parameter_\d+_replaced = '\Q$ca\E'/m, 'which is in the journal');
}

# --- 5: no moment without TLS in a rotation beside reloads by others

{
	$t->enable(source_dir => $t->{source}, plaintext => 'keep');
	my @sources = ($t->{source}, renewed($t, 'renewed'));
	my $stop = "$t->{folder}/stop";
	my @children;
	foreach my $role (qw(reload client))
	{
		my $child = fork // die $!;
		push @children, $child;
		next if $child;
		my ($clear, $failed, $all) = (0, 0, 0);
		until (-e $stop)
		{
			if ($role eq 'reload') { $t->psql('SELECT pg_reload_conf()'); usleep(3_000); next }
			my ($ok, $out) = $t->client(sslmode => 'prefer', password => 'wonderland', cert => 'alice');
			$all++;
			$failed++ unless $ok;
			$clear++ if $ok && $out !~ /^t/;
		}
		open my $out, '>', "$t->{folder}/$role" or die $!;
		print $out "$clear unencrypted, $failed failed\n$all\n";
		close $out;
		POSIX::_exit(0);
	}
	my $rotations = $ENV{CASTSSL_ROTATIONS} // 30;
	$t->enable(source_dir => $sources[ $_ % 2 ]) foreach 1 .. $rotations;
	$t->write($stop, '');
	waitpid $_, 0 foreach @children;
	my ($verdict, $connections) = split /\n/, $t->slurp("$t->{folder}/client");
	is($verdict, '0 unencrypted, 0 failed', "$rotations rotations beside reloads by others");
	diag "$connections connections during $rotations rotations";
	unlike($t->slurp("$t->{data}/postgresql.auto.conf"), qr/pg_castssl/, 'no parameter names a copy afterwards');
	is_deeply([ glob "$t->{data}/pg_castssl/changes/*/next" ], [], 'and no copy of a key is left');
}

# --- 8: a clock that was put back

{
	my $old = $t->session;
	$t->enable(source_dir => renewed($t, 'clock'), confirm_within => '10 min', force => 'true', clientcert => 'verify-ca');
	$t->edit_state($t->newest_change . '/manifest', sub { s/^applied_at = '(\d+)'/"applied_at = '" . ($1 + 3_600_000_000) . "'"/me or die });
	$old->ask('SELECT castssl_confirm();');
	like($old->answer, qr/55000: no client has connected .* open before the change/s, 'clock put back by an hour: an older session proves nothing');
	like($t->confirm, qr/^\d+$/, 'and a new one confirms');
}

# --- 7: the worker of a server that is dead undoes nothing: another server may be about to start with these files

{
	$t->disable(force => 'true');
	my $before = $t->hba;
	$t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '10 min', force => 'true');
	my $worker = '';
	wait_until(sub { ($worker = $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_castssl' AND query LIKE 'waiting%'})) =~ /^\d+$/ });
	my ($postmaster) = $t->slurp("$t->{data}/postmaster.pid") =~ /^(\d+)/;
	kill STOP => $worker;
	# a worker that goes on looks at the journal first
	$t->pass_deadline;
	$t->reload;
	kill KILL => $postmaster;
	ok(wait_until(sub { !$t->postmaster_lives }), 'the postmaster is dead');
	kill CONT => $worker;
	my $data = Cwd::realpath($t->{data});
	ok(wait_until(sub { !grep { (readlink "$_/cwd" // '') eq $data } glob '/proc/[0-9]*' }), 'it goes, and so do all others');
	is($t->hba ne $before, 1, 'and leaves what the change wrote');
	# both name a process that may be a zombie still
	unlink "$t->{data}/postmaster.pid", $t->{node}->host . '/.s.PGSQL.' . $t->{node}->port . '.lock';
	$t->{node}->_update_pid(0);
	$t->start;
	$t->psql('SELECT count(*) FROM castssl_changes()');
	is($t->hba, $before, 'which the next server undoes');
}

# --- 10: an overdue change is not confirmed, and undoing that is not possible changes nothing

{
	my $folder = "$t->{folder}/closed";
	mkdir $folder, 0755 or die $!;
	$t->enable(source_dir => $t->{source}, target_dir => $folder, plaintext => 'block', confirm_within => '10 min', force => 'true');
	my $auto = $t->slurp("$t->{data}/postgresql.auto.conf");
	chmod 0555, $folder;
	SKIP: {
		skip 'root may write everywhere', 6 if -w $folder;
		my $looked = sub { return $t->sql(q{SELECT state_change FROM pg_stat_activity WHERE backend_type = 'pg_castssl' AND query LIKE 'waiting%'}) };
		my $warnings = sub { my @lines = $t->slurp($t->{node}->logfile) =~ /WARNING:  pg_castssl: a change could not be undone yet/g; return scalar @lines };
		$t->expire;
		ok(wait_until(sub { $warnings->() > 0 }), 'the worker says that it cannot undo it');
		like(($t->psql('SELECT castssl_confirm()'))[2], qr/ERROR:  55000: the deadline of change \d+ has passed\n.*could not be undone yet: .*closed.*\nHINT: /, 'an overdue change is not confirmed, and why');
		is($t->slurp("$t->{data}/postgresql.auto.conf"), $auto, 'nothing of the undoing is stored');
		is($t->sql(q{SELECT severity FROM castssl_check() WHERE check_name = 'changes'}), 'error', 'an error row');
		my $first;
		wait_until(sub { ($first = $looked->()) ne '' });
		$t->reload;
		ok(wait_until(sub { my $second = $looked->(); $second ne '' && $second ne $first }), 'it tries again');
		is($warnings->(), 1, 'logged once');
	}
	chmod 0755, $folder;
	ok(wait_until(sub { newest($t)->{state} eq 'expired' }), 'undone as soon as it can be');
}
$t->stop;

done_testing();
