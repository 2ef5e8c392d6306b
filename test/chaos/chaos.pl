#!/usr/bin/perl
# The experiments of scripts/chaos, which says what they are: "scripts/chaos --help".
#
#   perl -I t/lib -I test/chaos test/chaos/chaos.pl --folder EMPTY --bindir BIN [--user NAME] [options of scripts/chaos]
use strict;
use warnings;
use ChaosServer;
use CastsslOpenssl ();
use CastsslPki;
use Digest::SHA qw(sha256_hex);
use File::Find ();
use Getopt::Long;
use POSIX ();
use Time::HiRes qw(time usleep);

$| = 1;
my @kinds = qw(kills clones edits reloads full readonly damage);
my %runs = (kills => 60, clones => 12, edits => 60, reloads => 30, full => 30, readonly => 12, damage => 30);
my %short = (kills => 30, clones => 5, edits => 25, reloads => 12, full => 12, readonly => 5, damage => 12);
my ($seed, $short, $seconds, $folder, $user, %wanted) = (int rand 1_000_000_000);
GetOptions('seed=i' => \$seed, short => \$short, 'seconds=i' => \$seconds, 'folder=s' => \$folder, 'user=s' => \$user,
	'bindir=s' => \$ChaosServer::bindir, map { ("$_=i" => \$wanted{$_}) } @kinds) or exit 2;
# who names some kinds wants these alone
%runs = map { $_ => (grep { defined } values %wanted) ? $wanted{$_} // 0 : $short ? $short{$_} : $runs{$_} } @kinds;
$seconds //= $short ? 170 : 0;
srand $seed;
print "seed $seed\n";

$ENV{PATH} = "$ChaosServer::bindir:$ENV{PATH}";
my ($begun, $kind, $run, $wrong) = (time);
our $server;    # local in clone_one
my (%count, %bad, %notes, %after, %usual);
my $work = $ChaosServer::work = $folder;
ChaosServer::become_user($user) if $user;
$SIG{$_} = sub { exit 1 } foreach qw(INT TERM);
my $main = $$;
END { local $?; ChaosServer::remove_all() if defined $main && $$ == $main }

CastsslPki->make("$work/pki");
my $pki = $ChaosServer::pki = CastsslPki->new("$work/pki");
my %source = (a => $pki->source("$work/a"), b => $pki->source("$work/b", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key'));

# --- what is called

my %statement = (
	enable_a => "SELECT count(*) FROM castssl_enable(source_dir => '$source{a}', target_dir => '%%', clientcert => 'none', plaintext => 'keep', force => true%s)",
	enable_b => "SELECT count(*) FROM castssl_enable(source_dir => '$source{b}', target_dir => '%%', clientcert => 'verify-ca', plaintext => 'block', force => true%s)",
	disable => 'SELECT count(*) FROM castssl_disable(force => true%s)',
	apply => 'SELECT count(*) FROM castssl_hba_apply(force => true%s)',
	# without a number it would take back what waits, and nothing else
	rollback => q{SELECT count(*) FROM castssl_rollback((SELECT max(change_id) FROM castssl_changes() WHERE state IN ('applied', 'unconfirmed')), force => true)});

sub statement
{
	my ($action, $within) = @_;
	my $rest = $within ? ", confirm_within => '$within'" : '';
	return $statement{$action} =~ s/%s/$rest/r =~ s/%%/$server->{target}/r;
}

# Two states of pg_hba.conf take turns, so that what a call leads to is soon known.
sub stage
{
	$server->sql('SELECT castssl_hba_discard()');
	my ($there) = grep { /192\.0\.2\.0/ } split /\n/, $server->hba;
	my $line = $server->one("SELECT line_number FROM castssl_hba_rules() WHERE address LIKE '192.0.2.0%' LIMIT 1");
	my ($ok, undef, $err) = $server->sql($there && $line =~ /^\d+$/ ? "SELECT castssl_hba_remove($line)"
		: q{SELECT castssl_hba_add('hostssl', '{app}', '{alice}', '192.0.2.0/24', 'scram-sha-256')});
	violation("staging failed: $err") unless $ok;
	return;
}

sub any { return $_[ rand @_ ] }

# The next action and what it leads to. For the first time it is called once without any disturbance.
sub prepare
{
	my (@actions) = @_;
	my $action = any(@actions);
	$action = any(qw(enable_a enable_b)) if $action eq 'rollback' && !defined $server->{previous};
	stage() if $action eq 'apply';
	my $before = $server->snapshot;
	return ($action, $before, $server->{previous}) if $action eq 'rollback';
	my $key = sha256_hex("$server->{folder} $action $before");
	if (!defined $after{$key})
	{
		my $started = time;
		my ($ok, undef, $err) = $server->sql(statement($action));
		$usual{$action} = time - $started;
		$notes{"could not be called undisturbed: $action: " . $err =~ s/\n.*//sr}++ unless $ok;
		$after{$key} = $server->snapshot;
		return ($action, $before, $before) if !$ok || $after{$key} eq $before;
		($ok, undef, $err) = $server->sql(statement('rollback'));
		violation("undisturbed, $action cannot be rolled back: $err") unless $ok;
		my $back = $server->snapshot;
		violation("undisturbed, castssl_rollback() of $action is not what was before:\n" . difference($before, $back)) if $back ne $before;
		# that was the newest change
		$server->{previous} = $after{$key};
		stage() if $action eq 'apply';
	}
	return ($action, $before, $after{$key});
}

# An instant of a call, or just behind it.
sub pause
{
	my ($action) = @_;
	usleep(1e6 * rand 1.05 * ($usual{$action} // 0.3));
	return;
}

# --- what must be so

sub violation
{
	my ($text) = @_;
	print "VIOLATION in $kind, run $run: $text\n", map { "    $_\n" } grep { $_ } $server ? "see $server->{folder}" : '';
	$server->{kept} = 1 if $server;
	$wrong++;
	return;
}

sub difference
{
	my ($old, $new) = map { { map { $_ => 1 } split /\n/ } } @_;
	return join "\n", (map { "    - $_" } sort grep { !$new->{$_} } keys %$old), (map { "    + $_" } sort grep { !$old->{$_} } keys %$new);
}

# What waits or was interrupted is seen to: by whoever watches, else by this call; and nobody is at it any more.
sub settle
{
	my ($until, $open, $err) = (time + 60);
	while (time < $until)
	{
		(my $ok, $open, $err) = $server->sql(q{SELECT string_agg(change_id || ' ' || state, ', ') FROM castssl_changes() WHERE state IN ('applying', 'uncommitted', 'unconfirmed')});
		return 1 if $ok && $open eq '' && ($server->sql(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 3}))[1] eq '0';
		usleep(100_000);
	}
	violation("still open after a minute: $open $err");
	return 0;
}

# Wholly one of these states, and in agreement with itself.
sub whole
{
	my ($what, %states) = @_;
	my $now = $server->snapshot;
	my ($name) = grep { $states{$_} eq $now } sort keys %states;
	violation("$what: neither " . join(' nor ', map { "$_\n" . difference($states{$_}, $now) . "\n" } sort keys %states)) unless $name;
	violation("$what: $_") foreach $server->disagreements;
	violation("$what: private key, $_") foreach $server->open_keys;
	violation("$what: $_") foreach $server->crashes;
	return $name // '';
}

sub refused_with_reason
{
	my ($what, $err) = @_;
	violation("$what: no reason: $err") if $err !~ /(?:ERROR|FATAL):  (?!XX000)\w{5}: (?:[^\n]*: (?:Read-only file system|No space left on device)\n|.*\nDETAIL:  .)/s;
	return;
}

# For the next runs, where the last one changed something.
sub remember
{
	my ($state, $before, $after) = @_;
	$server->{previous} = $before if $state eq 'after' && $before ne $after;
	return;
}

# --- kills: of the backend, of the postmaster, of all at once, of another process

sub kill_one
{
	my $waits = rand() < 0.25;
	my ($action, $before, $after) = prepare(qw(enable_a enable_b disable apply rollback));
	$waits = 0 if $action eq 'rollback';
	my $call = $server->begin(statement($action, $waits ? '2 s' : undef));
	pause($action);
	my %processes = $server->processes;
	my $postmaster = $server->postmaster;
	my $victim = any(qw(backend backend backend postmaster all all child child));
	my @victims = $victim eq 'postmaster' ? $postmaster : $victim eq 'all' ? ($postmaster, keys %processes)
	  : $victim eq 'backend' ? grep { $processes{$_} =~ /\[local\]/ } keys %processes
	  : any(grep { $processes{$_} !~ /\[local\]/ } keys %processes);
	kill 'KILL', @victims;
	my ($ok) = $server->end($call);
	$notes{"kills: $victim, " . ($ok ? 'after the call' : 'in the call')}++;
	violation("after the kill: private key, $_") foreach $server->open_keys;
	$server->stop('immediate') if $victim eq 'child' && rand() < 0.3;
	if (!$server->answers($victim =~ /backend|child/ ? 3 : 0.1) && !$server->start)
	{
		violation("after the kill of $victim in $action the server does not start: $server->{problem}");
		return;
	}
	return if !$server->answers || !settle();
	my $state = whole("$action, kill of $victim", before => $before, $waits ? () : (after => $after));
	remember($state, $before, $after) if $state eq 'after' && $before ne $after;
	return;
}

# --- edits by hand, of pg_hba.conf and of a parameter, during a call and about a deadline

# The most dangerous instants: the call has read the files, and has not written them yet.
sub wait_for_before_images
{
	my $folders = () = glob "$server->{state}/changes/*";
	foreach (1 .. 500)
	{
		last if $folders < (() = glob "$server->{state}/changes/*");
		usleep(500);
	}
	usleep(rand 30_000);
	return;
}

sub edit_one
{
	$server->sql('SELECT castssl_hba_discard()');
	my $waits = rand() < 0.3;
	my $action = any(qw(enable_a enable_b disable apply));
	stage() if $action eq 'apply';
	my $line = "# by hand, run $run";
	my $without = sub { $_[0] =~ s/^# by hand, run.*\n//mgr };
	my $before = $server->snapshot(hba => $without);
	my $call = $server->begin(statement($action, $waits ? '1 s' : undef));
	my $at_the_end = $waits && rand() < 0.7;
	if ($at_the_end) { usleep(1e6 * (0.9 + rand 0.8 + ($usual{$action} // 0.3))) }
	elsif (rand() < 0.5) { pause($action) }
	else { wait_for_before_images() }
	my $file = "$server->{config}/pg_hba.conf";
	my $how = any(qw(append append replace));
	my $text = $server->hba;
	if ($how eq 'replace')
	{
		# as editors do, which know what they have read
		ChaosServer::spew("$file.hand", "$text$line\n");
		chmod 0600, "$file.hand";
		rename "$file.hand", $file or die $!;
	}
	# no call can see what is written to a file after it has been replaced
	elsif (ChaosServer::append($file, "$line\n") == 0) { $notes{'edits: of a file that was replaced between open and write'}++; $line = undef }
	my ($ok, undef, $err) = $server->end($call);
	$usual{$action} = $call->{seconds} if $ok;
	settle();
	$notes{"edits: $how, " . ($ok ? $waits ? 'undone' : 'the call succeeds' : 'the call is refused')}++;
	refused_with_reason("$action beside an edit", $err) unless $ok;
	return unless defined $line;
	my $kept = $server->hba =~ /^\Q$line\E$/m;
	my ($in_journal) = grep { ChaosServer::slurp($_) =~ /^\Q$line\E$/m } glob "$server->{state}/changes/*/replaced-*";
	violation("$action, $how: the edit is gone without a word") if !$kept && !$in_journal;
	violation("$action, $how: the edit is in the journal, and nobody says so")
	  if !$kept && $in_journal && ChaosServer::slurp($server->{log}) !~ /WARNING:.*pg_hba\.conf/;
	violation("$action: private key, $_") foreach $server->open_keys;
	violation("$action: $_") foreach $server->crashes;
	my $now = $server->snapshot(hba => $without);
	violation("$action, " . ($ok ? 'undone' : 'refused') . " beside an edit, has changed something:\n" . difference($before, $now))
	  if ($waits || !$ok) && $now ne $before && $how eq 'append';
	# from a known state again
	$server->sql(statement('disable'));
	ChaosServer::spew($file, $server->{hba_at_first} // die);
	$server->sql("ALTER SYSTEM RESET $_") foreach grep { /^ssl/ } map { /^(\w+) =/ } split /\n/, ChaosServer::slurp("$server->{data}/postgresql.auto.conf");
	$server->sql('SELECT pg_reload_conf()');
	return;
}

# --- reloads and ALTER SYSTEM by others beside a renewal, and clients with sslmode=prefer

sub beside
{
	my ($stop, $what) = @_;
	my $child = fork // die $!;
	return $child if $child;
	my $said = '';
	eval { $said .= $what->() until -e $stop; 1 } or $said .= $@;
	ChaosServer::spew("$stop.$$", $said);
	POSIX::_exit(0);
}

sub reload_one
{
	$server->sql(statement('enable_a')) unless $server->{rotates}++;
	my $stop = "$server->{folder}/stop";
	my %client = (host => 'localhost', hostaddr => '127.0.0.1', port => $server->{port}, user => 'alice', dbname => 'postgres', sslmode => 'prefer', connect_timeout => 20);
	my $number = 0;
	my @children = (
		beside($stop, sub { $server->sql('SELECT pg_reload_conf()'); usleep(3_000); return '' }),
		beside($stop, sub { $number++; my (undef, undef, $err) = $server->sql("ALTER SYSTEM SET work_mem = '${\(1000 + $number % 1000)}kB'"); usleep(5_000); return $err ? "ALTER SYSTEM: $err\n" : '' }),
		beside($stop, sub {
			my ($ok, $out) = CastsslOpenssl::connect_with(\%client, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
			return $ok && $out eq 't' ? '' : "a client: $out\n" }));
	foreach my $name (qw(b a))
	{
		my ($ok, undef, $err) = $server->sql("SELECT count(*) FROM castssl_enable(source_dir => '$source{$name}', target_dir => '$server->{target}', clientcert => 'none', plaintext => 'keep', force => true)");
		violation("a renewal beside reloads: $err") unless $ok;
	}
	ChaosServer::spew($stop, '');
	waitpid $_, 0 foreach @children;
	my $said = join '', map { ChaosServer::slurp("$stop.$_") } @children;
	violation("beside reloads: $said") if $said ne '';
	violation('the ALTER SYSTEM of somebody else is lost') if ChaosServer::slurp("$server->{data}/postgresql.auto.conf") !~ /^work_mem = /m;
	violation("beside reloads: $_") foreach $server->disagreements, $server->open_keys, $server->crashes;
	unlink $stop, map { "$stop.$_" } @children;
	return;
}

# --- a disk without room or inodes, and one that becomes read-only

sub fill
{
	my ($folder, $left) = @_;
	if ($left->{inodes})
	{
		my @filler = ();
		while (open my $out, '>', "$folder/filler-" . @filler) { push @filler, "$folder/filler-" . @filler }
		unlink pop @filler for 1 .. rand 1 + $left->{inodes};
		return;
	}
	open my $out, '>', "$folder/filler" or return;
	1 while syswrite $out, '.' x 4096;
	my $size = (-s "$folder/filler") - 4096 * int rand 1 + $left->{pages};
	truncate $out, $size > 0 ? $size : 0;
	return;
}

sub full_one
{
	my ($action, $before, $after) = prepare(qw(enable_a enable_b disable apply rollback));
	my $part = any(qw(config target state));
	my $folder = $server->{$part};
	my $left = any({ pages => 5 }, { inodes => 5 });
	my $early = rand() < 0.5;
	fill($folder, $left) if $early;
	my $call = $server->begin(statement($action));
	if (!$early) { pause($action); fill($folder, $left) }
	my ($ok, undef, $err) = $server->end($call);
	$notes{"full: $part, " . ($ok ? 'the call succeeds' : 'the call is refused')}++;
	violation("$action without room in $part is refused with another reason: $err") if !$ok && $err !~ /ERROR:  (?:53100|58030|55000|58000)/;
	refused_with_reason("$action without room in $part", $err) unless $ok;
	# what was undone is undone now; what could not be, waits
	my $open = $server->one(q{SELECT count(*) FROM castssl_changes() WHERE state IN ('applying', 'uncommitted')});
	whole("$action without room in $part, still full", $ok ? () : (before => $before), after => $after) if $open eq '0';
	unlink glob "$folder/filler*";
	settle();
	my $state = whole("$action without room in $part", before => $before, after => $after);
	remember($state, $before, $after);
	return;
}

sub remount
{
	my ($folder, $mode) = @_;
	# busy while somebody writes there
	foreach (1 .. 200)
	{
		return 1 if ChaosServer::as_root("mount -o remount,$mode '$folder' 2>/dev/null");
		usleep(2_000);
	}
	return 0;
}

sub readonly_one
{
	my ($action, $before, $after) = prepare(qw(enable_a enable_b disable apply rollback));
	my $part = any(qw(config target state));
	my $call = $server->begin(statement($action));
	pause($action);
	my $closed = remount($server->{$part}, 'ro');
	my ($ok, undef, $err) = $server->end($call);
	$notes{"readonly: $part, " . (!$closed ? 'was busy all the time' : $ok ? 'the call succeeds' : 'the call is refused')}++;
	refused_with_reason("$action with $part read-only", $err) unless $ok;
	if (rand() < 0.4)
	{
		$server->stop('immediate');
		if (!$server->start)
		{
			violation("with $part read-only in the middle of $action the server does not start: $server->{problem}");
			remount($server->{$part}, 'rw');
			return;
		}
		$server->answers;
	}
	$server->sql('SELECT count(*) FROM castssl_changes()');
	remount($server->{$part}, 'rw') or violation('it stays read-only');
	settle();
	my $state = whole("$action with $part read-only", before => $before, after => $after);
	remember($state, $before, $after);
	return;
}

# --- clones: a copy of the data directory, beside the original, as its heir, or in its place

my ($empty_image, $images);

sub new_image
{
	if (!defined $images)
	{
		$empty_image = "$work/empty.img";
		$images = ChaosServer::as_root("truncate -s 200M '$empty_image' && mkfs.ext4 -q -F '$empty_image' && chmod 666 '$empty_image'") && ChaosServer::mount_image($empty_image, "$work/try")
		  && ChaosServer::unmount("$work/try");
		$notes{'clones: no image can be mounted here'}++ unless $images;
	}
	return unless $images;
	my $image = "$work/run$run.img";
	ChaosServer::must_run('cp', '--sparse=always', $empty_image, $image);
	return $image;
}

sub take_copy
{
	my ($image) = @_;
	my $clone = bless { %$server, log => "$server->{folder}/clone.log" }, ref $server;
	if ($image)
	{
		my $mount = $server->{data} =~ s{/data$}{}r;
		ChaosServer::as_root('fsfreeze', '-f', $mount) or die 'fsfreeze';
		ChaosServer::run('cp', '--sparse=always', $image, "$image.clone");
		ChaosServer::as_root('fsfreeze', '-u', $mount) or die 'fsfreeze';
		ChaosServer::mount_image("$image.clone", "$server->{folder}/clone") or die 'mount';
		$clone->{data} = "$server->{folder}/clone/data";
	}
	else
	{
		ChaosServer::must_run('cp', '-a', $server->{data}, $clone->{data} = "$server->{folder}/clone");
	}
	unlink "$clone->{data}/postmaster.pid";
	$clone->{state} = "$clone->{data}/pg_castssl";
	$clone->{config} = $clone->{target} = $clone->{data} if $server->{config} eq $server->{data};
	return $clone;
}

sub clone_one
{
	my $image = new_image();
	$image = undef if $image && rand() < 0.4 && unlink $image;
	my ($layout, $mount) = (any('', 'debian'), "$work/run$run");
	die 'mount' if $image && !ChaosServer::mount_image($image, $mount);
	local $server = ChaosServer->new(layout => $layout, preload => rand() < 0.5, $image ? (data => "$mount/data") : ());
	my $interrupted = $image && rand() < 0.4;
	my $fate = any(qw(confirmed confirmed undone gone), $image ? () : 'replaced');
	my $action = any(qw(enable_a enable_b));
	my $original = $server;
	my $before = $server->snapshot;
	my ($after, $call);
	$server->one('CHECKPOINT');
	my $begun = time;
	if ($interrupted)
	{
		$call = $server->begin(statement($action, '4 s'));
		usleep(1e6 * rand 0.5);
		# the heir has what was outside at the instant of the copy
		kill 'KILL', $server->postmaster, keys %{ { $server->processes } } if $fate eq 'gone';
	}
	else
	{
		my ($ok, undef, $err) = $server->sql(statement($action, '4 s'));
		violation("a call before a clone: $err") unless $ok;
		$after = $server->snapshot;
	}
	my $clone = take_copy($image);
	if ($call)
	{
		$server->end($call);
		$after = $server->snapshot;
	}
	$server->sql('SELECT castssl_confirm(force => true)') if $fate =~ /confirmed|replaced/;
	if ($fate =~ /gone|replaced/)
	{
		$server->stop;
		ChaosServer::must_run('mv', $server->{data}, "$server->{data}.away");
		if ($fate eq 'replaced')
		{
			ChaosServer::must_run('mv', $clone->{data}, $server->{data});
			$clone->{$_} = $server->{$_} foreach qw(data state config target);
		}
	}
	# on a busy machine the deadline may have passed meanwhile
	my $too_slow = !$interrupted && time - $begun > 3.5;
	$notes{'clones: ' . join ', ', $image ? 'image' : 'copy', $layout || 'all in one folder', $interrupted ? 'in a call' : 'of a change that waits', $fate}++;
	my $what = "a clone, its original $fate,";
	# what is outside is the original's: of that the clone may start with anything
	if ($too_slow) { $notes{'clones: not looked at, the copy took too long'}++ }
	elsif (!$clone->start) { violation("$what does not start: $clone->{problem}") }
	else
	{
		$clone->answers;
		if ($fate =~ /confirmed|undone/) { settle() }
		my $settled = $original->snapshot;
		my $wanted = $fate eq 'undone' ? $before : $after;
		violation("$what: the original is not what it should be:\n" . difference($wanted, $settled)) if $fate =~ /confirmed|undone/ && $settled ne $wanted;
		$server = $clone;
		usleep(1e6 * rand 5) if rand() < 0.5;
		settle();
		my $now = $clone->snapshot =~ s/\Q$clone->{data}\E/$original->{data}/gr;
		my $reason = $clone->one('SELECT reason FROM castssl_changes() ORDER BY change_id DESC LIMIT 1');
		if ($fate =~ /confirmed|undone/)
		{
			violation("$what has changed the original:\n" . difference($settled, $original->snapshot)) if $original->snapshot ne $settled;
			violation("$what: $_") foreach $original->disagreements;
		}
		if ($layout eq 'debian' && $fate ne 'gone')
		{
			violation("$what: left alone without a reason: $reason") if !$interrupted && $reason !~ /^not undone: /;
			violation("$what is mixed:\n" . difference($after, $now)) if $fate eq 'replaced' && $now ne $after;
		}
		elsif ($now ne $before) { violation("$what has not undone it as a whole ($reason):\n" . difference($before, $now)) }
		violation("$what: private key, $_") foreach $clone->open_keys;
		violation("$what: $_") foreach $clone->crashes;
		violation("$what: $_") foreach $layout eq 'debian' && $fate =~ /confirmed|undone/ ? () : $clone->disagreements;
	}
	$clone->stop('immediate');
	$original->{kept} = $server->{kept} || $original->{kept};
	ChaosServer::unmount("$original->{folder}/clone") if $image;
	if ($original->{kept}) { $original->stop('immediate') }
	else { $original->remove }
	ChaosServer::unmount($mount) if $image;
	ChaosServer::run('rm', '-rf', $image, "$image.clone") if $image;
	return;
}

# --- damaged state: manifests, what is staged, the baseline, the CA's files, before-images

sub state_files
{
	my @files;
	File::Find::find({ wanted => sub { push @files, $_ if -f && -s _ }, no_chdir => 1 }, $server->{state});
	return sort @files;
}

sub damage_one
{
	if (!$server->{has_ca}++)
	{
		my ($ok, undef, $err) = $server->sql(q{SELECT length(castssl_create_ca('chaos')); SELECT count(*) FROM castssl_issue_client('alice')});
		violation("a CA: $err") unless $ok;
	}
	my $waits = rand() < 0.4;
	$server->sql(statement(any(qw(enable_a enable_b disable)), $waits ? '10 min' : undef));
	stage() if rand() < 0.6;
	my @files = state_files();
	# what tells the most is damaged the most
	my $newest = (map { $_->[1] } sort { $b->[0] <=> $a->[0] } map { m{/changes/(\d+)/manifest$} ? [ $1, $_ ] : () } @files)[0] // '';
	my $file = rand() < 0.4 && $newest ? $newest : any(@files, (grep { m{/manifest$|/baseline$|/ca/[^/]*$} } @files) x 4);
	my $content = ChaosServer::slurp($file);
	my $how = any(qw(empty cut flipped nonsense));
	my $damaged = $how eq 'empty' ? '' : $how eq 'cut' ? substr($content, 0, rand length $content) : $how eq 'nonsense' ? join('', map { chr rand 256 } 1 .. 200) : do {
		my $copy = $content;
		substr($copy, $_, 1) ^= chr 1 << rand 7 foreach rand length $copy;
		$copy;
	};
	my $name = $file =~ s/^\Q$server->{state}\E//r;
	my $what = "$name $how";
	$notes{'damage: ' . $name =~ s/\d+/N/gr =~ s{/[0-9A-F]{16,}}{/...}r}++;
	ChaosServer::spew($file, $damaged);
	my $images = () = glob($file =~ s{[^/]*$}{before-*}r);
	my $before = $server->snapshot;
	foreach my $look ('count(*) FROM castssl_status()', 'count(*) FROM castssl_check()', 'count(*) FROM castssl_changes()', 'length(castssl_report())')
	{
		my ($ok, undef, $err) = $server->sql("SELECT $look");
		violation("$what: $look fails: $err") unless $ok;
	}
	if (rand() < 0.3)
	{
		$server->stop('immediate');
		$server->start or violation("$what: the server does not start: $server->{problem}");
		$server->answers;
	}
	my ($ok, $err, $call);
	foreach (1 .. 3)
	{
		$call = any(map({ statement($_) } qw(enable_a enable_b disable apply rollback)), 'SELECT castssl_confirm(force => true)', q{SELECT castssl_postpone('20 min')},
			'SELECT castssl_hba_diff()', 'SELECT castssl_hba_discard()', q{SELECT count(*) FROM castssl_issue_client('alice')});
		($ok, undef, $err) = $server->sql($call);
		my ($sqlstate) = $err =~ /(?:ERROR|FATAL):  (\w{5})/;
		$notes{'damage: ' . ($ok ? 'the call succeeds' : "the call is refused with $sqlstate")}++;
		my $now = $server->snapshot;
		violation("$what, $call is believed: " . ($ok ? 'done' : $err)) if $file eq $newest && $call =~ /enable|disable|rollback|confirm|postpone/ && ($ok ? $now ne $before : $sqlstate ne 'F0000') && $damaged ne $content;
		violation("$what, $call: before-images are gone") if (!$ok || $file eq $newest) && $name =~ m{^/changes/\d+/manifest} && $images != (() = glob($file =~ s{[^/]*$}{before-*}r));
		if ($ok) { $before = $now; next }
		refused_with_reason("$what, $call", $err);
		violation("$what, $call is refused and has changed something:\n" . difference($before, $now)) if $now ne $before;
	}
	# put right, it goes on
	if (-e $file && ChaosServer::slurp($file) eq $damaged) { ChaosServer::spew($file, $content) }
	$server->sql($_) foreach 'SELECT castssl_confirm(force => true)', 'SELECT castssl_hba_discard()';
	($ok, undef, $err) = $server->sql(statement('enable_b'));
	violation("$what, put right after $call: $err") unless $ok;
	violation("$what: $_") foreach $server->disagreements, $server->crashes, map { "private key, $_" } $server->open_keys;
	return;
}

# --- all of them, mixed, so that a run that is cut short has tried each kind

my %experiment = (kills => \&kill_one, clones => \&clone_one, edits => \&edit_one, reloads => \&reload_one, full => \&full_one, readonly => \&readonly_one, damage => \&damage_one);
my $can_mount = $< == 0 && mkdir("$work/mnt") && ChaosServer::as_root("mount -t tmpfs tmpfs '$work/mnt' 2>/dev/null") && ChaosServer::as_root('umount', "$work/mnt");
if (!$can_mount)
{
	print "not tried: $_, which needs root and mount\n" foreach grep { $runs{$_} } qw(full readonly);
	@runs{qw(full readonly)} = (0, 0);
	$images = 0;
}

sub server_for
{
	my %options = (layout => any('', 'debian'), preload => rand() < 0.5);
	$options{layout} = 'debian' if $kind =~ /full|readonly/;
	$options{mounts} = { map { $_ => 'size=400k,nr_inodes=150' } qw(config target state) } if $kind =~ /full|readonly/;
	return ChaosServer->new(%options);
}

my @plan = map { $_->[1] } sort { $a->[0] <=> $b->[0] || $a->[1] cmp $b->[1] }
  map { my $name = $_; map { [ ($_ - 0.5) / $runs{$name}, $name ] } 1 .. $runs{$name} } @kinds;
my %server;
foreach (@plan)
{
	$kind = $_;
	last if $seconds && time - $begun > $seconds;
	$run = ++$count{$kind};
	if ($kind ne 'clones')
	{
		if ($server{$kind} && ($server{$kind}{kept} || $server{$kind}{runs} >= 25))
		{
			if ($server{$kind}{kept}) { $server{$kind}->stop('immediate') }
			else { $server{$kind}->remove }
			delete $server{$kind};
		}
		$server = $server{$kind} //= server_for();
		$server->{hba_at_first} //= $server->hba;
		$server->{runs}++;
	}
	$wrong = 0;
	eval { $experiment{$kind}->(); 1 } or violation("it ended: $@");
	$bad{$kind}++ if $wrong;
	$server = undef;
}
foreach my $name (grep { $count{$_} } @kinds)
{
	printf "%-9s %5d runs, %d with violations\n", $name, $count{$name}, $bad{$name} // 0;
	printf "    %5d %s\n", $notes{$_}, $_ foreach sort grep { /^$name: / } keys %notes;
}
printf "    %5d %s\n", $notes{$_}, $_ foreach sort grep { !/^(?:\w+): / } keys %notes;
my ($all, $failed) = (0, 0);
$all += $_ foreach values %count;
$failed += $_ foreach values %bad;
printf "%d of %d planned runs, in %d seconds, seed %d\n", $all, scalar @plan, time - $begun, $seed;
printf "%d passed, %d failed\n", $all - $failed, $failed;
exit($failed != 0 || $all == 0);
