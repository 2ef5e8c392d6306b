# A failure at every point: before and after each write, rename, fsync, parameter, signal and state change, the call
# fails, its process is killed, the whole server is, or the disk is full from there on. Afterwards the server always starts, and everything is as it
# was, or as it was to be: never between, with nothing left lying about.
#
# CASTSSL_FAULTS names a library that was built with FAULTS=1 (scripts/test does that). CASTSSL_FAULT_STEP (1): only
# every n-th point, each with another kind of failure.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Digest::SHA ();
use POSIX ();
use Test::More;
use Time::HiRes qw(usleep);

my $library = $ENV{CASTSSL_FAULTS} // '';
plan skip_all => 'CASTSSL_FAULTS names no library that was built with FAULTS=1' unless -e $library;
(my $folder = $library) =~ s{/[^/]*$}{};
(my $module = $library) =~ s{\.\w+$}{};
my $step = $ENV{CASTSSL_FAULT_STEP} // 1;
my @kinds = qw(error kill crash full);

# Two servers side by side, each with every second point: one has the library preloaded, so that it recovers by
# itself; with the other the next call does. And two more for the worker's undoing, which waits for deadlines.
my @names = qw(preloaded plain);
my @servers = map { faulty_server($_) } @names, map { "${_}_worker" } @names;

sub faulty_server
{
	my ($name) = @_;
	my $conf = "dynamic_library_path = '$folder:\$libdir'\nrestart_after_crash = on\n";
	$conf .= "shared_preload_libraries = '$module'\n" if $name =~ /^preloaded/;
	my $t = CastsslTest->new("faults_$name", conf => $conf, start => 0);
	$t->start;
	# the extension's own script, with the other library
	(my $script = $t->slurp("$FindBin::RealBin/../sql/pg_castssl--0.2.0.sql")) =~ s/^\\echo.*$//m;
	$script =~ s/MODULE_PATHNAME/$module/g;
	$t->sql($script);
	$t->sql("LOAD '$module'; ALTER SYSTEM SET castssl.keep_changes = 3");
	$t->reload;
	# with a mode and a group that are not the default's
	my ($primary_group, @groups) = split ' ', $);
	chown -1, (grep({ $_ != $primary_group } @groups), $primary_group)[0], $t->path('pg_hba.conf');
	chmod 0640, $t->path('pg_hba.conf');
	$t->{renewed} = $t->{pki}->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	return $t;
}

# What a change may change: contents and modes, what is stored, what is served.
sub story
{
	my ($t) = @_;
	my @parts = map { -e "$t->{data}/$_" ? "$_ " . $t->mode($_) . ' ' . Digest::SHA::sha256_hex($t->slurp($_)) : "no $_" }
	  qw(pg_hba.conf server.crt server.key root.crt);
	push @parts, sort $t->slurp("$t->{data}/postgresql.auto.conf") =~ /^ssl.*/mg;
	return join "\n", @parts, 'served ' . $t->served;
}

# Waits for the server, starting it where it is gone.
sub revive
{
	my ($t) = @_;
	my $until = time + 300;
	while (time < $until)
	{
		return if ($t->psql('SELECT 1'))[0];
		# fails, and is tried again, while processes of the old server are there
		system("pg_ctl -w -D '$t->{data}' -l '@{[$t->{node}->logfile]}' start >'$t->{folder}/start.log' 2>&1") unless $t->postmaster_lives;
		usleep(20_000);
	}
	die 'the server does not come back';
}

# Everything that is left lying about, or stuck, after recovery.
sub leftovers
{
	my ($t) = @_;
	my @left = grep { -e } glob "$t->{data}/*.castssl.tmp $t->{data}/postgresql.auto.conf.tmp $t->{data}/pg_castssl/candidate"
	  . " $t->{data}/pg_castssl/*.tmp $t->{data}/pg_castssl/*/*.tmp $t->{data}/pg_castssl/*/*/*.tmp";
	foreach my $change (glob "$t->{data}/pg_castssl/changes/*")
	{
		my @files = glob "$change/*";
		push @left, "$change has no manifest" if @files && !-e "$change/manifest";
	}
	push @left, split /\n/, $t->sql("SELECT action || ' is ' || state FROM castssl_changes() WHERE state IN ('applying', 'uncommitted', 'unconfirmed')");
	return @left;
}

my %scenarios = (
	'enable' => {
		statement => sub { "SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$_[0]{source}', plaintext => 'block')" } },
	'enable again' => {
		prepare => sub { $_[0]->enable(source_dir => $_[0]{source}, plaintext => 'block') },
		statement => sub { "SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$_[0]{renewed}')" } },
	'one file' => {
		prepare => sub { $_[0]->enable(source_dir => $_[0]{source}, plaintext => 'block') },
		statement => sub { my $pki = $_[0]{pki}; "SELECT * FROM castssl_install(ca => '" . join('', map { CastsslOpenssl::slurp($pki->path($_)) } qw(root.crt other-root.crt)) . "')" } },
	'in place' => {
		prepare => sub {
			my ($t) = @_;
			$t->{pki}->source($t->{data});
			chmod 0640, "$t->{data}/server.key";
		},
		statement => sub { 'SELECT * FROM castssl_enable()' } },
	'hba_apply' => {
		prepare => sub { $_[0]->enable(source_dir => $_[0]{source}, plaintext => 'block') },
		before => sub {
			$_[0]->sql("SELECT castssl_hba_add('hostssl', '{app}', '{all}', '192.0.2.0/24', 'scram-sha-256') WHERE NOT (SELECT hba_staged FROM castssl_status())") },
		statement => sub { 'SELECT * FROM castssl_hba_apply()' },
		old => sub { $_[0]->sql('SELECT hba_staged FROM castssl_status()') eq 't' || 'what was staged is lost' } },
	'disable' => {
		prepare => sub { $_[0]->enable(source_dir => $_[0]{source}, plaintext => 'block') },
		statement => sub { 'SELECT * FROM castssl_disable()' } },
	'rollback' => {
		prepare => sub { $_[0]->enable(source_dir => $_[0]{source}, plaintext => 'block'); $_[0]->enable(source_dir => $_[0]{renewed}) },
		statement => sub { 'SELECT * FROM castssl_rollback(' . $_[0]->in_effect . ')' } },
	'timeout' => {
		worker => 1,
		statement => sub { "SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$_[0]{source}', plaintext => 'block', confirm_within => '1 s')" } },);

# One failure; returns 'not reached', 'old', 'new', or what is wrong.
sub fail_at
{
	my ($t, $scenario, $fault, $old, $new) = @_;
	my $log_length = -s $t->{node}->logfile;
	my $reached;
	$scenario->{before}->($t) if $scenario->{before};
	if ($scenario->{worker})
	{
		# the worker reads its parameters from the files; the session has its own
		$t->write("$t->{data}/fault.conf", "castssl.fault = '$fault'\n");
		$t->psql('SELECT pg_reload_conf()');
		revive($t);    # the worker, which wakes, may come to the point
		$t->psql("SET castssl.fault = ''; " . $scenario->{statement}->($t));
		$reached = worker_is_through($t, $log_length);
		$t->write("$t->{data}/fault.conf", '');
		my ($pid) = (eval { $t->slurp("$t->{data}/postmaster.pid") } // '') =~ /^(\d+)/;
		kill HUP => $pid if $pid;
	}
	else
	{
		my ($ok, $out, $err) = $t->psql("LOAD '$module'; SET castssl.fault = '$fault'; " . $scenario->{statement}->($t));
		my $lost = !$ok && $err !~ /ERROR:/;
		$reached = $lost || $err =~ /(?:fault|disk full) at point/;
		$t->wait_for_crash($log_length) if $lost;
	}
	revive($t);
	return 'not reached' unless $reached;
	settle($t);
	# a worker that clears up takes a manifest away before the rest
	my @wrong;
	CastsslTest::wait_until(sub { !(@wrong = leftovers($t)) });
	my $story = story($t);
	push @wrong, "between:\n$story\nold was:\n$old\nnew was:\n$new" if $story ne $old && $story ne $new;
	push @wrong, "not restart_safe: $_" foreach grep { $_ } $t->sql('SELECT restart_problem FROM castssl_status() WHERE restart_safe IS NOT TRUE');
	my $state = $story eq $old ? 'old' : 'new';
	my $also = $state eq 'old' && $scenario->{old} ? $scenario->{old}->($t) : 1;
	push @wrong, $also if $also ne '1';
	return @wrong ? join "\n", @wrong : $state;
}

# Until the worker has undone the change and cleared up, or failed to: has it met the fault?
sub worker_is_through
{
	my ($t, $offset) = @_;
	foreach (1 .. 9000)
	{
		my $log = $t->log_since($offset);
		return 1 if $log =~ /(?:fault|disk full) at point|terminated by signal 9/ || !$t->postmaster_lives;
		if ($log =~ /was undone: nobody confirmed/)
		{
			my ($ok, $busy) = $t->psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_castssl' AND query IS DISTINCT FROM 'nothing to watch over'");
			return 0 if $ok && $busy eq '0';
		}
		usleep(20_000);
	}
	die 'the worker does nothing';
}

# The next call undoes what was interrupted, and clears up; a worker may be at it.
sub settle
{
	my ($t) = @_;
	foreach my $try (1 .. 1800)
	{
		my ($ok, $open) = $t->psql("SELECT count(*) FROM castssl_changes() WHERE state IN ('applying', 'uncommitted', 'unconfirmed')");
		return if $ok && $open eq '0' && ($try > 200 || !leftovers($t));
		usleep(100_000);
	}
	return;
}

# All points of a scenario that are this server's: a line for each run, to the parent.
sub run_scenario
{
	my ($t, $number, $name, $out) = @_;
	my $scenario = $scenarios{$name};
	$scenario->{prepare}->($t) if $scenario->{prepare};
	my $back = sub {
		$t->back;
		chmod 0640, "$t->{data}/server.key" if $name eq 'in place';    # which does not come back by itself
	};
	# into the steady state of the journal, and what old and new look like
	my $old = story($t);
	my $new = $old;
	if (!$scenario->{worker})
	{
		foreach (1 .. 3)
		{
			$scenario->{before}->($t) if $scenario->{before};
			$t->sql($scenario->{statement}->($t));
			$new = story($t);
			$back->();
		}
		die "$name: cannot be taken back" if story($t) ne $old || $new eq $old;
	}
	# in a sample, each point of a server has another kind than the one before; past the end are two that are not reached
	my ($past, %past) = (0);
	for (my $point = 1; $step > 1 ? $past < 2 : keys %past < @kinds; $point++)
	{
		my $nth = int(($point - 1) / $step);
		next if $nth % @names != $number % @names || ($point - 1) % $step;
		foreach my $kind ($step > 1 ? $kinds[ ($nth / @names + $number) % @kinds ] : @kinds)
		{
			my $outcome = fail_at($t, $scenario, "$point:$kind", $old, $new);
			print $out join("\t", $name, $point, $kind, $outcome =~ s/\n/\\n/gr), "\n";
			$past{$kind} = ++$past if $outcome eq 'not reached';
			$back->() if story($t) ne $old;
			return if $outcome !~ /^(old|new|not reached)$/;
		}
	}
	return;
}

sub run_server
{
	my ($number, $file) = @_;
	my $t = $servers[$number];
	open my $out, '>', $file or die $!;
	$out->autoflush(1);
	$t->{node}->append_conf('postgresql.conf', "include 'fault.conf'\n");
	$t->write("$t->{data}/fault.conf", '');
	foreach my $name (grep { (!$scenarios{$_}{worker}) == ($number < @names) } sort keys %scenarios)
	{
		run_scenario($t, $number, $name, $out);
		# back to never enabled
		$t->disable;
		$t->sql('SELECT castssl_hba_discard()');
		unlink map { "$t->{data}/$_" } qw(server.crt server.key root.crt);
		print $out "done\t$name\n";
	}
	close $out;
	return;
}

my @children;
foreach my $number (0 .. $#servers)
{
	my $child = fork // die $!;
	if ($child == 0)
	{
		my $ok = eval { run_server($number, "$servers[$number]{folder}/outcomes"); 1 };
		print STDERR "# $servers[$number]{name}: $@" unless $ok;
		POSIX::_exit(!$ok);
	}
	push @children, $child;
}
foreach my $number (0 .. $#servers)
{
	waitpid $children[$number], 0;
	is($?, 0, "$servers[$number]{name}: came to its end");
	$servers[$number]{node}->_update_pid(1);
}

my (%count, %points, $runs, @wrong, %done);
foreach my $t (@servers)
{
	foreach my $line (split /\n/, $t->slurp("$t->{folder}/outcomes"))
	{
		my ($name, $point, $kind, $outcome) = split /\t/, $line;
		if ($name eq 'done') { $done{$point}++; next }
		next if $outcome eq 'not reached';
		$runs++;
		$points{"$name $point"} = 1;
		$count{$name}{$kind}{$outcome}++ if $outcome =~ /^(old|new)$/;
		push @wrong, "$t->{name}, $name, point $point, $kind: " . $outcome =~ s/\\n/\n/gr if $outcome !~ /^(old|new)$/;
	}
}
is(scalar(grep { $done{$_} == @names } keys %done), scalar(keys %scenarios), 'every scenario to its end');
is(scalar @wrong, 0, 'never between, nothing left over, nothing stuck') or diag join "\n\n", @wrong[ 0 .. ($#wrong > 4 ? 4 : $#wrong) ];
cmp_ok(scalar(keys %points), '>=', 25, 'at least 25 points') if $step <= 4;
foreach my $name (sort keys %scenarios)
{
	my @line = map {
		my $kind = $_;
		"$kind " . join '/', map { $count{$name}{$kind}{$_} // 0 } qw(old new)
	} @kinds;
	note sprintf '%-14s old/new: %s', $name, join ', ', @line;
	ok($count{$name}{crash}{old} || $count{$name}{kill}{old} || $step > 1, "$name: failures were met");
}
diag scalar(keys %points) . " points, $runs runs" . ($step > 1 ? ", every ${step}th point" : '');
my %named;
foreach my $t (@servers)
{
	my $log = $t->slurp($t->{node}->logfile);
	$named{$1} = 1 while $log =~ /(?:fault|disk full) at point \d+, ([a-z ]+)/g;
}
diag scalar(keys %named) . ' kinds of points: ' . join ', ', sort keys %named;
cmp_ok(scalar(keys %named), '>=', 20, 'of many kinds') if $step == 1;

# What is put back need not be what is served: then the error says so.
{
	my $t = $servers[1];
	$t->enable(source_dir => $t->{source});
	# replaced by hand, and never loaded: it does not fit the key
	my $other = $t->slurp($t->{pki}->path('alice.crt'));
	$t->write("$t->{data}/server.crt", $other);
	my $err = ($t->psql("LOAD '$module'; SET castssl.verify_timeout = '1 s'; SET castssl.fault = 'signal:error'; SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{renewed}')"))[2];
	like($err, qr/fault at point \d+, signal.*DETAIL:.*Files and parameters are as they were before, but the server does not use the restored files and parameters\./s, 'undone to a certificate that does not load');
	is($t->slurp("$t->{data}/server.crt"), $other, 'which is as it was');
	$t->write("$t->{data}/server.crt", $t->slurp("$t->{source}/server.crt"));    # with which it starts again
}

# A disk that becomes full, and any other failure, at each point of staging: what was staged counts as before.
foreach my $first (1, 0)
{
	my $t = $servers[1];
	# what counts: the diff, '' for nothing
	my $staged = sub {
		my ($ok, $out, $err) = $t->psql('SELECT castssl_hba_diff()');
		return $ok ? $out : $err =~ /castssl_nothing_staged/ ? '' : "broken: $err";
	};
	my $restart = sub {
		$t->sql('SELECT castssl_hba_discard()');
		$t->sql(q{SELECT castssl_hba_add('host', '{app}', '{all}', '203.0.113.0/24', 'scram-sha-256')}) unless $first;
		return $staged->();
	};
	my $add = q{SELECT castssl_hba_add('host', '{app}', '{all}', '198.51.100.0/24', 'scram-sha-256')};
	my ($points, @wrong_points) = (0);
	foreach my $kind (qw(full error))
	{
		my $before = $restart->();
		foreach my $point (1 .. 200)
		{
			my ($ok, undef, $err) = $t->psql("LOAD '$module'; SET castssl.fault = '$point:$kind'; $add");
			last if $ok && $staged->() =~ /198\.51\.100/;
			next if $ok;
			$points++;
			push @wrong_points, "$kind at $point: $err " . $staged->() if $staged->() ne $before || ($kind eq 'full' && $err !~ /ERROR:  53[012]00/);
		}
	}
	is_deeply(\@wrong_points, [], 'staging that fails' . ($first ? '' : ' over what is staged'));
	cmp_ok($points, '>', 5, "at $points points");
	$t->sql('SELECT castssl_hba_discard()');
	ok(!-e "$t->{data}/pg_castssl/staged", 'and can be discarded');
}

# An edit comes after the last look at the file, and a crash before what came out is looked at: the edit is kept.
{
	my $t = $servers[1];
	# with a certificate that fits, or it would not start again
	$t->write("$t->{data}/$_", $t->slurp("$t->{source}/$_")) foreach qw(server.crt server.key);
	$t->{node}->append_conf('postgresql.conf', 'max_worker_processes = 0');    # nobody undoes it meanwhile
	$t->restart;
	$t->sql(q{SELECT castssl_hba_add('host', '{app}', '{all}', '198.51.100.0/24', 'scram-sha-256')});
	my $log_length = -s $t->{node}->logfile;
	$t->psql("LOAD '$module'; SET castssl.fault = 'exchanged:kill'; SELECT * FROM castssl_hba_apply()");
	$t->wait_for_crash($log_length);
	revive($t);
	my ($out) = glob "$t->{data}/*.castssl.tmp";
	like($out, qr/pg_hba\.conf/, 'killed behind the exchange of pg_hba.conf');
	$t->write($out, $t->slurp($out) . "# just in time\n");
	my $err = ($t->psql('SELECT count(*) FROM castssl_changes()'))[2];
	like($err, qr/WARNING: .*pg_hba\.conf" was edited since/, 'an edit that came out is said');
	my ($kept) = glob $t->newest_change . '/replaced-*';
	like($kept ? $t->slurp($kept) : '', qr/^# just in time$/m, 'and kept in the journal');
	is_deeply([ leftovers($t) ], [], 'and nothing is left');
}
$_->stop foreach @servers;

done_testing();
