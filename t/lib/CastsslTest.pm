# A PostgreSQL server with pg_castssl, and what tests ask of it.
#
#   my $t = CastsslTest->new('main');
#   my $steps = $t->enable(source_dir => $t->{source}, plaintext => 'block');
#
# Options of new: layout => 'debian' (configuration in a folder of its own), hba => content of
# pg_hba.conf, conf => lines for postgresql.conf, start => 0, streaming => 1, initdb => [options].
package CastsslTest;

use strict;
use warnings;
use Carp;
use Digest::SHA ();
use Fcntl ':flock';
use File::Copy ();
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes ();
use parent 'CastsslWaiting';
use CastsslMachine ();
use CastsslOpenssl ();
use CastsslPki;
use CastsslPolling qw(wait_until process_lives);
use CastsslSession;
use CastsslTexts ();
use CastsslWire ();

# PostgreSQL 13 and 14 know these modules by other names.
my ($cluster, $utils) = ('PostgreSQL::Test::Cluster', 'PostgreSQL::Test::Utils');
if (!eval { require PostgreSQL::Test::Cluster; require PostgreSQL::Test::Utils; 1 })
{
	($cluster, $utils) = ('PostgresNode', 'TestLib');
	require PostgresNode;
	require TestLib;
	$cluster = undef;
}

# Where every role needs a password: nothing but the Unix socket is open to the tests themselves.
our $stock_hba = <<'HBA';
# TYPE  DATABASE        USER            ADDRESS                 METHOD

# "local" is for Unix domain socket connections only
local   all             all                                     trust
# IPv4 local connections:
host    all             all             127.0.0.1/32            scram-sha-256
# IPv6 local connections:
host    all             all             ::1/128                 scram-sha-256
# Allow replication connections from localhost, by a user with the
# replication privilege.
local   replication     all                                     trust
host    replication     all             127.0.0.1/32            scram-sha-256
host    replication     all             ::1/128                 scram-sha-256
HBA

# For clients that look localhost up and try the first answer alone: it may be ::1.
our $listen_on_localhost = "listen_addresses = '127.0.0.1, ::1'";

# Whoever runs the tests: the superuser of their servers is postgres.
$ENV{PGUSER} = 'postgres';
# On a busy machine a server may need more than pg_ctl's minute to start or stop.
$ENV{PGCTLTIMEOUT} //= 300;
# A name server that drops what it is asked must not hold up servers and clients.
$ENV{RES_OPTIONS} //= 'timeout:1 attempts:1';

if ($ENV{CASTSSL_WINDOWS})
{
	require CastsslWindows;
	$stock_hba = $CastsslWindows::hba;
}

# What hangs ends its file, which the message names, and not all that runs with it: so long after the last statement
# that a test has sent (seconds).
my ($patience, $main) = (1500, $$);
$SIG{ALRM} = sub {
	POSIX::_exit(1) if $$ != $main;
	diag "$0: nothing has gone on for $patience seconds";
	exit 1;
};
alarm $patience;

# What a test passes over, and why: scripts/test names it at its end. Test::More's skip and skip_all
# come here by themselves.
sub not_tried
{
	my ($reason) = @_;
	note "not tried: $reason";
	my $file = $ENV{CASTSSL_SKIPPED} or return;
	open my $out, '>>', $file or croak "$file: $!";
	print $out $0 =~ s{.*/(t/)}{$1}r, "\t", $reason =~ s/\s+/ /gr, "\n";
	close $out or croak "$file: $!";
	return;
}

{
	no warnings 'redefine';    ## no critic
	my ($skip, $plan) = (\&Test::Builder::skip, \&Test::Builder::plan);
	*Test::Builder::skip = sub { not_tried($_[1] // ''); goto &$skip };
	# of PostgreSQL's modules, where a server does not start: not all the files that follow
	*Test::Builder::BAIL_OUT = sub { diag $_[1] // ''; exit 255 };
	*Test::Builder::plan = sub { not_tried($_[2] // '') if ($_[1] // '') eq 'skip_all'; goto &$plan };
}

my $pki;

sub pki
{
	$pki = CastsslPki->new(copy_of('pki', sub { CastsslPki->make($_[0]) }, temporary_folder() . '/pki')) unless $pki;
	return $pki;
}

# A copy of what one test file makes for all: scripts/test names a folder for that. $make makes it.
my $made;

sub copy_of
{
	my ($name, $make, $copy) = @_;
	$made //= $ENV{CASTSSL_MADE} || temporary_folder();
	open my $lock, '>>', "$made/lock" or croak "$made/lock: $!";
	flock $lock, LOCK_EX or croak "$made/lock: $!";
	if (!-e "$made/$name.made")
	{
		system('rm', '-rf', "$made/$name");
		$make->("$made/$name");
		open my $mark, '>', "$made/$name.made" or croak $!;
	}
	close $lock;
	system('cp', '-RPp', "$made/$name", $copy) == 0 or croak "no copy of $made/$name";
	return $copy;
}

# The certificates, keys, CRLs and damaged files of scripts/make-test-certificates, in a new folder.
sub test_certificates
{
	my ($folder) = @_;
	my $make = __FILE__ =~ s{t/lib/[^/]*$}{scripts/make-test-certificates}r;
	return copy_of('certificates', sub { system('sh', $make, $_[0]) == 0 or croak 'no certificates' }, $folder);
}

# A cluster that initdb made; with the extension and two roles in it when that is wanted.
sub make_cluster
{
	my ($data, $with_extension, @initdb) = @_;
	system_quietly(map { $_ eq '' ? $data : $_ } @initdb);
	return unless $with_extension;
	my $folder = temporary_folder();
	system_quietly('pg_ctl', '-w', '-D', $data, '-l', "$data/made.log", '-o',
		"-F -c listen_addresses='' -c unix_socket_directories='$folder' -p 5432 -c password_encryption=scram-sha-256", 'start');
	my ($ok, undef, $err) = CastsslWire::run("$folder/.s.PGSQL.5432", 'postgres', 'postgres', join('; ', setup_sql()), 1);
	system_quietly('pg_ctl', '-w', '-D', $data, '-m', 'fast', 'stop');
	unlink "$data/made.log", "$data/postmaster.opts";
	croak "no extension: $err" unless $ok;
	return;
}

sub system_quietly
{
	my (@command) = @_;
	# a file, for a server that pg_ctl starts keeps its outputs open
	my $log = temporary_folder() . '/log';
	my $pid = fork // croak "fork: $!";
	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		exec @command or die "$command[0]: $!";
	}
	waitpid $pid, 0;
	croak "@command failed: " . CastsslOpenssl::slurp($log) if $?;
	return;
}

sub setup_sql
{
	return ('CREATE EXTENSION pg_castssl', map { "CREATE ROLE $_ LOGIN PASSWORD 'wonderland'" } qw(alice bob));
}

# init of PostgreSQL's module, with a copy of a cluster where it would call initdb.
sub init_copy
{
	my ($node, $with_extension, %options) = @_;
	no strict 'refs';    ## no critic
	no warnings 'redefine';    ## no critic
	my $system = \&{"${utils}::system_or_bail"};
	local *{"${utils}::system_or_bail"} = sub {
		goto &$system if $_[0] ne 'initdb';
		my @command = map { $_ eq $node->data_dir ? '' : $_ } @_;
		return copy_of($with_extension ? 'cluster-with-extension' : 'cluster',
			sub { make_cluster($_[0], $with_extension, @command) }, $node->data_dir);
	};
	return $node->init(%options);
}

my (@nodes, @folders);

# A port of the loopback where nobody listens, another one each time.
sub free_port
{
	no strict 'refs';    ## no critic
	return &{ ($cluster // 'PostgresNode') . '::get_free_port' }();
}

sub temporary_folder
{
	no strict 'refs';    ## no critic
	push @folders, &{"${utils}::tempdir"}('castssl');
	return $folders[-1];
}

sub new_cluster
{
	my ($name, @install_path) = @_;
	return CastsslWindows->new($name) if $ENV{CASTSSL_WINDOWS};
	my $node = $cluster ? $cluster->new($name, @install_path) : PostgresNode->get_new_node($name, @install_path);
	push @nodes, $node;
	return $node;
}

# At the end, before those modules stop what still runs in immediate mode, which would lose what a
# backend that is about to exit has counted: the lines that ran.
sub stop_all
{
	local $?;
	foreach my $node (grep { defined $_->{_pid} } @nodes)
	{
		system('pg_ctl -D "' . $node->data_dir . '" -m fast -w stop >/dev/null 2>&1') == 0 and $node->_update_pid(0);
	}
	return;
}

# compiled after theirs, so that it comes before
eval 'END { stop_all(); CastsslTexts::keep((map { $_->logfile } grep { $_->can(q(logfile)) } @nodes), map { glob "$_/*.log" } @folders) } 1' or die;    ## no critic

sub new
{
	my ($class, $name, %options) = @_;
	my $self = bless { name => $name, pki => pki(), folder => temporary_folder() }, $class;
	my $node = $self->{node} = new_cluster($name, map { $_ => $options{$_} } grep { $options{$_} } 'install_path');
	my $start = $options{start} // 1;
	my $copied = !$ENV{CASTSSL_WINDOWS} && !$options{install_path} && !$options{initdb};
	my %init = (extra => [ qw(-U postgres --encoding=UTF8 --no-locale), @{ $options{initdb} // [] } ], allows_streaming => $options{streaming});
	if ($copied) { init_copy($node, $start, %init) }
	else { $node->init(%init) }
	$self->{data} = $self->{config} = $node->data_dir;
	# of PostgreSQL's ten connections sessions take some that are about to end; and what a busy machine proves
	# in more than the five seconds of castssl.verify_timeout is proven all the same
	$node->append_conf('postgresql.conf', join "\n", "listen_addresses = '127.0.0.1'", 'max_connections = 40',
		"password_encryption = 'scram-sha-256'", "log_min_messages = debug1",
		"castssl.verify_timeout = '60s'", $options{conf} // '', '');
	$self->write('pg_hba.conf', $options{hba} // $stock_hba);
	$self->debian_layout if ($options{layout} // '') eq 'debian';
	$self->{source} = $self->{pki}->source("$self->{folder}/source");
	return $self unless $start;
	$self->start;
	$self->sql($_) foreach $copied ? () : setup_sql();
	return $self;
}

# A server made from a base backup of this one, which must have been made with streaming => 1. Not
# started. Options: standby => 1 (a hot standby of this one), backup => name of a backup made before.
# Its source has another certificate.
sub from_backup
{
	my ($self, $name, %options) = @_;
	my $backup = $options{backup} // $name;
	$self->{node}->backup($backup) unless $options{backup};
	my $copy = bless { %$self, name => $name, folder => temporary_folder() }, ref $self;
	my $node = $copy->{node} = new_cluster($name);
	$node->init_from_backup($self->{node}, $backup, has_streaming => $options{standby});
	$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
	$copy->{data} = $copy->{config} = $node->data_dir;
	# init_from_backup copies without modes, of which pg_basebackup took care
	foreach my $file (glob($self->{node}->backup_dir . "/$backup/*.key"))
	{
		chmod +(stat $file)[2] & 07777, $copy->path($file =~ s{.*/}{}r) or croak "$file: $!";
	}
	$copy->{source} = $copy->{pki}->source("$copy->{folder}/source",
		'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	return $copy;
}

# As pg_createcluster has it: configuration apart from the data, ssl on with a certificate of
# Debian's making.
sub debian_layout
{
	my ($self) = @_;
	my $config = $self->{config} = "$self->{folder}/etc";
	mkdir $config, 0755 or croak "$config: $!";
	foreach my $file (qw(postgresql.conf pg_hba.conf pg_ident.conf))
	{
		File::Copy::move("$self->{data}/$file", "$config/$file") or croak "$file: $!";
	}
	my $snakeoil = "$self->{folder}/ssl";
	$self->{pki}->source($snakeoil, 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	open my $conf, '>>', "$config/postgresql.conf" or croak $!;
	print $conf <<"CONF";
data_directory = '$self->{data}'
hba_file = '$config/pg_hba.conf'
ident_file = '$config/pg_ident.conf'
ssl = on
ssl_cert_file = '$snakeoil/server.crt'
ssl_key_file = '$snakeoil/server.key'
CONF
	close $conf or croak $!;
	return;
}

sub start
{
	my ($self) = @_;
	my $node = $self->{node};
	return $node->start if $self->{config} eq $self->{data};
	my @command = ('pg_ctl', '-w', '-D', $self->{data}, '-l', $node->logfile,
		'-o', "-c config_file=$self->{config}/postgresql.conf", 'start');
	system(@command) == 0 or croak "pg_ctl start failed, see " . $node->logfile;
	$node->_update_pid(1);
	return;
}

sub stop
{
	my ($self) = @_;
	return $self->{node}->stop('fast');
}

sub restart
{
	my ($self) = @_;
	$self->stop;
	return $self->start;
}

sub postmaster_lives
{
	my ($self) = @_;
	my ($pid) = (eval { $self->slurp("$self->{data}/postmaster.pid") } // '') =~ /^(\d+)/ or return 0;
	return process_lives($pid);
}

# What the server has logged behind a place (bytes).
sub log_since
{
	my ($self, $place) = @_;
	return substr $self->slurp($self->{node}->logfile), $place;
}

# A killed process is gone before the postmaster knows: until then it lets in the next session.
sub wait_for_crash
{
	my ($self, $place) = @_;
	wait_until(sub { !$self->postmaster_lives || $self->log_since($place) =~ /terminated by signal 9/ }) or croak 'the postmaster does not notice';
	return;
}

# Kills a process of a server with restart_after_crash = on. Returns when that has started again.
sub kill_process
{
	my ($self, $pid) = @_;
	my $place = -s $self->{node}->logfile;
	kill KILL => $pid;
	$self->wait_for_crash($place);
	wait_until(sub { ($self->psql('SELECT 1'))[0] }) or croak 'the server does not come back';
	return;
}

sub path
{
	my ($self, $name) = @_;
	return $name =~ m{^/} ? $name : "$self->{config}/$name";
}

sub write    ## no critic
{
	my ($self, $name, $content) = @_;
	open my $out, '>', $self->path($name) or croak "$name: $!";
	binmode $out;
	print $out $content;
	close $out or croak "$name: $!";
	return;
}

sub slurp
{
	my ($self, $name) = @_;
	open my $in, '<', $self->path($name) or croak "$name: $!";
	binmode $in;
	local $/;
	my $content = <$in>;
	return $content // '';
}

# Changes a state file of pg_castssl as if it had been written so: $edit gets its text in $_. A worker that reads it
# meanwhile finds the old or the new one.
sub edit_state
{
	my ($self, $name, $edit) = @_;
	$self->alone;
	(my $text = $self->slurp($name)) =~ s/^sha256 = '[0-9a-f]{64}'\n\z//m or croak "$name has no seal";
	local $_ = $text;
	$edit->();
	my $path = $self->path($name);
	$self->write("$path.edited", $_ . "sha256 = '" . Digest::SHA::sha256_hex($_) . "'\n");
	chmod +(stat $path)[2] & 07777, "$path.edited" or croak "$path: $!";
	rename "$path.edited", $path or croak "$path: $!";
	return;
}

# Sets the deadline of the change that waits into the past. Its worker sees that when it looks at the journal again.
sub pass_deadline
{
	my ($self) = @_;
	$self->edit_state($self->newest_change . '/manifest', sub { s/^(confirm_deadline|postponed_to) = '[1-9]\d*'/$1 = '1'/mg or croak "no deadline: $_" });
	return;
}

# The same, and its worker looks now.
sub expire
{
	my ($self) = @_;
	$self->pass_deadline;
	$self->sql('SELECT pg_reload_conf()');
	return;
}

# The same while the server is down: when it is up again, nobody has undone the change yet.
sub overdue
{
	my ($self, $mode) = @_;
	$self->{node}->stop($mode // 'fast');
	$self->pass_deadline;
	return $self->start;
}

# The folder of the newest change in the journal.
sub newest_change
{
	my ($self) = @_;
	my ($id) = sort { $b <=> $a } map { m{(\d+)/manifest} } glob "$self->{data}/pg_castssl/changes/*/manifest";
	return "$self->{data}/pg_castssl/changes/$id";
}

sub hba
{
	my ($self) = @_;
	return $self->slurp('pg_hba.conf');
}

# Puts a pg_hba.conf in place and has it loaded.
sub set_hba
{
	my ($self, $content) = @_;
	$self->write('pg_hba.conf', $content);
	$self->reload;
	return;
}

# An edit after this is one that the server has not loaded: pg_castssl tells by the time of the file, which Linux takes
# from a clock that is up to ten milliseconds behind.
sub next_second
{
	Time::HiRes::sleep(1.1);
	return;
}

# Reloads, and returns when new connections see it: the postmaster signals its children before it
# accepts again. An edit after this is one that the server has not loaded.
sub reload
{
	my ($self) = @_;
	$self->sql('SELECT pg_reload_conf()');
	my ($ok) = $self->psql('SELECT 1');
	croak 'no connection after a reload' unless $ok;
	Time::HiRes::sleep(0.02);
	return;
}

# By the Unix socket, as superuser, in a session of its own. Returns (succeeded, standard output,
# standard error).
sub psql
{
	my ($self, $sql, %options) = @_;
	my ($out, $err) = ('', '');
	alarm $patience;
	my $folder = $ENV{CASTSSL_WINDOWS} ? '' : $self->{node}->host;
	if ($folder =~ m{^/})
	{
		my @answer = CastsslWire::run("$folder/.s.PGSQL." . $self->{node}->port, $options{user} // 'postgres',
			$options{database} // 'postgres', $sql, $options{on_error_stop} // 1);
		if (@answer)
		{
			CastsslTexts::note($_) foreach @answer[1, 2];
			return @answer;
		}
	}
	my $status = eval { $self->{node}->psql(
		$options{database} // 'postgres', $sql,
		stdout => \$out, stderr => \$err, on_error_stop => $options{on_error_stop} // 1,
		extra_params => [ '-U', $options{user} // 'postgres', '-v', 'VERBOSITY=verbose' ]) };
	# a psql that found no server may have gone before it was told the statement
	croak $@ unless defined $status || $@ =~ /Broken pipe/;
	CastsslTexts::note($_) foreach $out, $err;
	return (0, $out, $err || $@) unless defined $status;
	return ($status == 0, $out, $err);
}

sub sql
{
	my ($self, $sql, %options) = @_;
	my ($ok, $out, $err) = $self->psql($sql, %options);
	croak "failed: $sql\n$err" unless $ok;
	return $out;
}

# run_in_background(statement): a background worker of somebody else's, which has no connection.
sub make_background_worker
{
	my ($self) = @_;
	chomp(my $include = `pg_config --includedir-server`);
	my $module = temporary_folder() . '/background';
	my $source = __FILE__ =~ s{[^/]+$}{background.c}r;
	my @command = ('gcc', '-shared', '-fPIC', "-I$include", "-DMODULE=\"$module\"", '-o', "$module.so", $source);
	is(system(@command), 0, 'a module that runs SQL in the background') or croak "@command";
	$self->sql("CREATE FUNCTION public.run_in_background(text) RETURNS void AS '$module' LANGUAGE C");
	return;
}

# The rows of a query, each a hash.
sub rows
{
	my ($self, $query, %options) = @_;
	my $json = JSON::PP->new->utf8;
	my $out = $self->sql("SELECT row_to_json(r) FROM ($query) r", %options);
	return [ map { $json->decode($_) } split /\n/, $out ];
}

sub quote
{
	my ($value) = @_;
	return 'NULL' unless defined $value;
	return 'ARRAY[' . join(', ', map { quote($_) } @$value) . ']::text[]' if ref $value;
	return $value if $value eq 'true' || $value eq 'false';
	$value =~ s/'/''/g;
	return "'$value'";
}

# call('castssl_enable', name => value, ...): the function call with named arguments.
sub call
{
	my ($function, %arguments) = @_;
	return "$function(" . join(', ', map { "$_ => " . quote($arguments{$_}) } sort keys %arguments) . ')';
}

# Clients are asked for a certificate unless the test says otherwise.
sub enable
{
	my ($self, %arguments) = @_;
	return $self->rows('SELECT * FROM ' . call('castssl_enable', clientcert => 'verify-ca', %arguments));
}

sub disable
{
	my ($self, %arguments) = @_;
	return $self->rows('SELECT * FROM ' . call('castssl_disable', %arguments));
}

# Takes back the newest change that is in effect; the same as a statement. Without a number
# castssl_rollback() takes back what waits, and nothing else.
my $in_effect = q{SELECT max(change_id) FROM castssl_changes() WHERE state IN ('applied', 'unconfirmed')};
our $back = "SELECT * FROM castssl_rollback(($in_effect))";
our $back_by_force = "SELECT * FROM castssl_rollback(($in_effect), force => true)";

sub back
{
	my ($self) = @_;
	return $self->rows($back);
}

# The number of that change.
sub in_effect
{
	my ($self) = @_;
	return $self->sql($in_effect);
}

sub status
{
	my ($self) = @_;
	return $self->rows('SELECT * FROM castssl_status()')->[0];
}

# The actions of steps in the order in which they first come.
sub actions
{
	my ($steps) = @_;
	my %seen;
	return grep { !$seen{$_}++ } map { $_->{action} } @$steps;
}

# Rows that say that something was, or would be, done.
# But for what is said in each run of tests that ask for certificates and keep plaintext (t/017).
sub changes
{
	my ($steps) = @_;
	return [ grep { $_->{result} ne 'unchanged' && ($_->{code} // '') ne 'plaintext_fallback' } @$steps ];
}

# Asserts that a statement fails with this SQLSTATE, with a DETAIL, and with what %expected says:
# message, detail, hint (patterns; hint => 1: any), constraint (the field constraint_name).
sub fails
{
	my ($self, $sql, $sqlstate, $name, %expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ok, $out, $err) = $self->psql($sql, %{ delete $expected{psql} // {} });
	my %error;
	($error{sqlstate}, $error{message}) = ($1, $2) if $err =~ /(?:ERROR|FATAL):\s+(\w{5}): (.*)/;
	# of more than one line where it holds a list
	$error{detail} = $1 if $err =~ /^DETAIL:\s+(.*?)\s*^(?:[A-Z]+:|\z)/ms;
	$error{hint} = $1 if $err =~ /^HINT:\s+(.*)/m;
	$error{constraint} = $1 if $err =~ /^CONSTRAINT NAME:\s+(.*)/m;
	subtest $name => sub {
		ok(!$ok, 'is refused') or diag $out;
		is($error{sqlstate}, $sqlstate, 'SQLSTATE') or diag $err;
		ok(length($error{detail} // ''), 'has a DETAIL') or diag $err unless $expected{no_detail};
		foreach my $part (grep { exists $expected{$_} } qw(message detail hint constraint))
		{
			my $pattern = $expected{$part};
			if ($part eq 'constraint') { is($error{$part}, $pattern, $part) }
			elsif (ref $pattern) { like($error{$part} // '', $pattern, $part) or diag $err }
			else { ok(length($error{$part} // ''), "has a \U$part") or diag $err }
		}
	};
	return \%error;
}

# The same for castssl_enable, which moreover must leave everything as it was.
sub enable_fails
{
	my ($self, $arguments, $sqlstate, $name, %expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $before = $self->state;
	my $error = $self->fails('SELECT * FROM ' . call('castssl_enable', clientcert => 'verify-ca', %$arguments),
		$sqlstate, $name, %expected);
	is_deeply($self->state, $before, "$name: nothing has changed");
	return $error;
}

# Everything that castssl_enable may change, for comparison: the files of the two folders with
# inode, mode, time and content; the parameters; the certificate that is served.
sub state    ## no critic
{
	my ($self) = @_;
	my %state = (served => $self->served);
	foreach my $folder ($self->{data}, $self->{config})
	{
		foreach my $file (glob("$folder/*.conf $folder/*.crt $folder/*.key $folder/*.crl $folder/*.tmp*"))
		{
			my @s = Time::HiRes::lstat($file) or next;
			my $digest = -f $file && -r _ ? Digest::SHA->new(256)->addfile($file)->hexdigest : '';
			$state{$file} = sprintf '%d %o %d %.6f %s', $s[1], $s[2], $s[4], $s[9], $digest;
		}
	}
	$state{parameters} = $self->sql(
		q{SELECT name || ' ' || setting || ' ' || source FROM pg_settings WHERE name LIKE 'ssl%'
		  UNION ALL SELECT 'errors ' || count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL ORDER BY 1});
	return \%state;
}

# The fingerprint of the certificate that a TLS handshake shows, 'none' without TLS.
sub served
{
	my ($self) = @_;
	my $port = $self->{node}->port;
	my $fingerprint = CastsslWire::served($port);
	return $fingerprint if $fingerprint;
	my $shown = `openssl s_client -starttls postgres -connect 127.0.0.1:$port 2>/dev/null </dev/null`;
	return 'none' unless $shown =~ /-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----/s;
	return CastsslPki::fingerprint_of($1);
}

# What libpq needs for a connection by TCP. Options: sslmode, cert (a name in the PKI), user, database.
sub connection
{
	my ($self, %options) = @_;
	my $cert = $options{cert};
	my $none = $self->{pki}->path('no-such-file');
	return (
		host => $options{host} // 'localhost',
		hostaddr => '127.0.0.1',
		port => $self->{node}->port,
		user => $options{user} // 'alice',
		dbname => $options{database} // 'postgres',
		sslmode => $options{sslmode} // 'prefer',
		sslrootcert => $options{sslrootcert} // $self->{pki}->path('root.crt'),
		sslcert => $cert ? $self->{pki}->path("$cert.crt") : $none,
		sslkey => $cert ? $self->{pki}->path("$cert.key") : $none,
		connect_timeout => 120);
}

# A connection by TCP. Options: those of connection, password, sql.
# Returns (succeeded, what was printed); without sql, 't' or 'f' for encrypted or not is printed.
sub client
{
	my ($self, %options) = @_;
	my %connection = $self->connection(%options);
	alarm $patience;
	return CastsslOpenssl::connect_with(
		\%connection,
		$options{sql} // 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
		HOME => $self->{folder},
		defined $options{password} ? (PGPASSWORD => $options{password}) : ());
}

# in('what', options): asserts that this client gets in, with encryption => 't' or 'f'.
sub in
{
	my ($self, $name, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $ssl = delete $options{encrypted};
	my ($ok, $output) = $self->client(%options);
	return is($ok ? "in $output" : "refused: $output", "in $ssl", $name) if defined $ssl;
	return ok($ok, $name) || diag $output;
}

# out('what', qr/message/, options): asserts that this client is refused, with that message.
sub out
{
	my ($self, $name, $message, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ok, $output) = $self->client(%options);
	return like($ok ? "came in: $output" : $output, $message, $name);
}

sub mode
{
	my ($self, $name) = @_;
	my @s = stat $self->path($name) or return 'absent';
	return sprintf '%04o', $s[2] & 07777;
}

# Alice comes in by TCP, with her certificate and password, and stays: a session like those below.
# Options: those of connection.
sub guest
{
	my ($self, %options) = @_;
	my %connection = $self->connection(cert => 'alice', %options);
	local $ENV{PGPASSWORD} = 'wonderland';
	return CastsslSession->new(undef, join ' ', map { "$_='$connection{$_}'" } sort keys %connection);
}

# Confirms the change that waits, for a client has come in since; returns its number.
sub confirm
{
	my ($self, %options) = @_;
	my $guest = $self->guest(%options);
	my $number = $self->sql('SELECT castssl_confirm(' . $self->in_effect . ')');
	$guest->quit;
	return $number;
}

# A session by the Unix socket, without a host: see CastsslSession.
sub session
{
	my ($self, %options) = @_;
	return CastsslSession->new($options{timeout}, '-h', $options{host} // $self->{node}->host, '-p', $self->{node}->port,
		'-U', $options{user} // 'postgres', $options{database} // 'postgres');
}

1;
