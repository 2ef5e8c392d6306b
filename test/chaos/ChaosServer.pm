# A throw-away server for test/chaos/chaos.pl: what it does to it, and what it looks at.
#
#   my $server = ChaosServer->new(layout => 'debian');
#   my $call = $server->begin("SELECT ...");     # in a process of its own
#   my ($ok, $out, $err) = $server->end($call);
#
# Options of new: layout => 'debian' (configuration and certificates in folders of their own), preload,
# data, conf (lines), mounts => { config | target | state => options of a tmpfs }. Runs as root or not; as
# root, everything but mounts is done as $ChaosServer::user.
package ChaosServer;

use strict;
use warnings;
use Carp;
use CastsslOpenssl ();
use CastsslPki;
use CastsslWire;
use Digest::SHA qw(sha256_hex);
use File::Find ();
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time usleep);

our ($work, $bindir, $user, $pki);
my ($uid, $gid, $number) = ($>, $), 0);
my (%running, @mounted);

# --- who we are

sub become_user
{
	my ($name) = @_;
	$user = $name;
	($uid, $gid) = (getpwnam $name)[ 2, 3 ] or croak "there is no user $name";
	chown $uid, $gid, $work;
	$) = "$gid $gid";
	$> = $uid;
	croak "could not become $name" if $> != $uid;
	return;
}

sub as_root
{
	my (@command) = @_;
	local $> = $<;
	return system(@command) == 0;
}

# A command as the server's user, quietly; its output where it fails.
sub run
{
	my (@command) = @_;
	my $log = "$work/command.log";
	my $child = fork // croak "fork: $!";
	if ($child == 0)
	{
		if ($< != $uid) { $> = $<; $( = $gid; $) = "$gid $gid"; POSIX::setuid($uid) }
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	waitpid $child, 0;
	return '' if $? == 0;
	return "@command: " . CastsslOpenssl::slurp($log);
}

sub must_run
{
	my (@command) = @_;
	my $problem = run(@command);
	croak $problem if $problem;
	return;
}

# --- a server

sub template
{
	my $data = "$work/template";
	return $data if -d $data;
	must_run("$bindir/initdb", '-D', $data, qw(-U postgres -A trust -E UTF8 --no-locale --no-sync));
	open my $conf, '>>', "$data/postgresql.conf" or croak $!;
	print $conf <<"CONF";
listen_addresses = '127.0.0.1'
unix_socket_directories = '$work'
password_encryption = 'scram-sha-256'
shared_buffers = 8MB
max_connections = 20
fsync = off
autovacuum = off
CONF
	close $conf;
	my $self = bless { data => $data, config => $data, log => "$work/template.log" }, __PACKAGE__;
	$self->start;
	my ($ok, undef, $err) = $self->sql(q{CREATE EXTENSION pg_castssl; CREATE ROLE alice LOGIN PASSWORD 'wonderland'});
	croak $err unless $ok;
	$self->stop;
	spew("$data/pg_hba.conf", <<'HBA');
# by hand, at first
local   all             all                                     trust
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256
HBA
	return $data;
}

sub new
{
	my ($class, %options) = @_;
	my $name = 's' . ++$number;
	my $folder = "$work/$name";
	mkdir $folder, 0700 or croak "$folder: $!";
	my $self = bless { %options, name => $name, folder => $folder, log => "$folder/log" }, $class;
	$self->{data} //= "$folder/data";
	must_run('cp', '-a', template() . '/.', $self->{data}) if mkdir($self->{data}, 0700) || -d $self->{data};
	$self->{config} = $self->{target} = $self->{data};
	$self->configuration_apart if ($options{layout} // '') eq 'debian';
	$self->{state} = "$self->{data}/pg_castssl";
	mkdir $self->{state}, 0700;
	foreach my $part (sort keys %{ $options{mounts} // {} })
	{
		$self->mount_small($part, $options{mounts}{$part});
	}
	append("$self->{config}/postgresql.conf", join "\n", '', $options{preload} ? "shared_preload_libraries = 'pg_castssl'" : '', $options{conf} // '', '');
	$self->start;
	return $self;
}

sub configuration_apart
{
	my ($self) = @_;
	$self->{config} = "$self->{folder}/etc";
	$self->{target} = "$self->{folder}/tls";
	mkdir $_, 0700 or croak "$_: $!" foreach $self->{config}, $self->{target};
	must_run('mv', (map { "$self->{data}/$_" } qw(postgresql.conf pg_hba.conf pg_ident.conf)), $self->{config});
	append("$self->{config}/postgresql.conf", "\nhba_file = '$self->{config}/pg_hba.conf'\nident_file = '$self->{config}/pg_ident.conf'\n");
	return;
}

# In the place of a folder, with what lies in it.
sub mount_small
{
	my ($self, $part, $options) = @_;
	my $folder = $self->{$part};
	must_run('cp', '-a', $folder, "$self->{folder}/aside");
	as_root('mount', '-t', 'tmpfs', '-o', "$options,mode=700,uid=$uid,gid=$gid", 'tmpfs', $folder) or croak 'mount';
	push @mounted, $folder;
	must_run('cp', '-a', "$self->{folder}/aside/.", $folder);
	must_run('rm', '-rf', "$self->{folder}/aside");
	return;
}

# A file system of its own for a data directory: a copy of the image is what a snapshot is.
sub mount_image
{
	my ($image, $folder) = @_;
	mkdir $folder, 0700;
	as_root('mount', '-o', 'loop', $image, $folder) or return;
	push @mounted, $folder;
	as_root('chown', "$uid:$gid", $folder);
	return chmod 0700, $folder;
}

sub unmount
{
	my ($folder) = @_;
	@mounted = grep { $_ ne $folder } @mounted;
	return as_root("umount '$folder' 2>/dev/null") || as_root('umount', '-l', $folder);
}

sub start
{
	my ($self) = @_;
	my $problem = '';
	$self->{port} = free_port();
	# what the old one left may take a moment to go
	foreach (1 .. 40)
	{
		$problem = run("$bindir/pg_ctl", '-w', '-t', '60', '-D', $self->{data}, '-l', $self->{log}, '-o',
			"-c config_file=$self->{config}/postgresql.conf -c data_directory=$self->{data} -c port=$self->{port}", 'start');
		last unless $problem;
		last unless CastsslOpenssl::slurp($self->{log}) =~ /(?:still in use|already in use|already exists)[^\n]*\n(?:[^\n]*\n){0,4}\z/;
		usleep(250_000);
	}
	$self->{problem} = $problem;
	return 0 if $problem;
	$running{ $self->{data} } = $self;
	return 1;
}

sub stop
{
	my ($self, $mode) = @_;
	delete $running{ $self->{data} };
	return run("$bindir/pg_ctl", '-w', '-D', $self->{data}, '-m', $mode // 'fast', 'stop') eq '';
}

# It is over: nothing of it is left.
sub remove
{
	my ($self) = @_;
	$self->stop('immediate');
	my @mine = grep { m{^\Q$self->{folder}\E/} } @mounted;
	unmount($_) foreach reverse @mine;
	must_run('rm', '-rf', $self->{folder});
	return;
}

sub remove_all
{
	$_->stop('immediate') foreach values %running;
	my @all = reverse @mounted;
	unmount($_) foreach @all;
	return;
}

sub free_port
{
	my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or croak $!;
	return $socket->sockport;
}

# --- its processes

# The processes of the server: process number => what it calls itself.
sub processes
{
	my ($self) = @_;
	my $postmaster = $self->postmaster or return;
	my %found;
	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $in, '<', $stat or next;
		my ($pid, $parent) = (<$in> // '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
		next if $parent != $postmaster;
		open $in, '<', "/proc/$pid/cmdline" or next;
		$found{$pid} = (<$in> // '') =~ s/\0.*//sr;
	}
	return %found;
}

sub postmaster
{
	my ($self) = @_;
	open my $in, '<', "$self->{data}/postmaster.pid" or return;
	return int(<$in> // 0);
}

sub answers
{
	my ($self, $seconds) = @_;
	my $until = time + ($seconds // 60);
	while (time < $until)
	{
		my ($ok) = $self->sql('SELECT 1');
		return 1 if $ok;
		usleep(50_000);
	}
	return 0;
}

# --- statements

# (succeeded, output, errors)
sub sql
{
	my ($self, $sql) = @_;
	my @answer;
	my $in_time = eval {
		local $SIG{ALRM} = sub { die "too late\n" };
		alarm 120;
		@answer = CastsslWire::run("$work/.s.PGSQL.$self->{port}", 'postgres', 'postgres', $sql, 1);
		alarm 0;
		1;
	};
	alarm 0;
	return (0, '', "no answer within two minutes: $sql") unless $in_time;
	return @answer ? @answer : (0, '', 'no connection');
}

sub one
{
	my ($self, $sql) = @_;
	my ($ok, $out, $err) = $self->sql($sql);
	return $ok ? $out : "failed: $err";
}

# The same in a process of its own, while others do something.
sub begin
{
	my ($self, $sql) = @_;
	pipe my $in, my $out or croak "pipe: $!";
	my $child = fork // croak "fork: $!";
	if ($child == 0)
	{
		close $in;
		my @answer = $self->sql($sql);
		print $out join "\0", @answer;
		close $out;
		POSIX::_exit(0);
	}
	close $out;
	return { pid => $child, in => $in, begun => time };
}

sub end
{
	my ($self, $call) = @_;
	local $/;
	my $in = $call->{in};
	my ($ok, $out, $err) = split /\0/, <$in> // '', 3;
	close $in;
	waitpid $call->{pid}, 0;
	$call->{seconds} = time - $call->{begun};
	return ($ok, $out // '', $err // '');
}

# --- what is there

sub slurp { return -f $_[0] ? CastsslOpenssl::slurp($_[0]) : '' }

sub spew
{
	my ($file, $content) = @_;
	open my $out, '>', $file or croak "$file: $!";
	print $out $content;
	close $out or croak "$file: $!";
	return;
}

sub append
{
	my ($file, $content) = @_;
	open my $out, '>>', $file or croak "$file: $!";
	syswrite $out, $content;
	my $links = (stat $out)[3];
	close $out;
	return $links;
}

sub hba { my ($self) = @_; return slurp("$self->{config}/pg_hba.conf") }

# What a change may write, as one text: files with mode, owner and content, parameters, leftovers.
sub snapshot
{
	my ($self, %options) = @_;
	my @lines;
	my %seen;
	foreach my $folder (grep { !$seen{$_}++ } map { $self->{$_} } qw(data config target))
	{
		foreach my $file (sort glob "$folder/pg_*.conf $folder/*.crt $folder/*.key $folder/*.crl $folder/*.tmp* $folder/*castssl*")
		{
			next if -d $file;
			my ($mode, $owner) = (lstat $file)[ 2, 4 ] or next;
			my $content = slurp($file);
			$content = $options{hba}->($content) if $options{hba} && $file =~ /pg_hba\.conf$/;
			push @lines, sprintf '%s %o %d %s', $file, $mode, $owner, substr sha256_hex($content), 0, 16;
		}
	}
	push @lines, sort grep { /^\s*ssl/ } split /\n/, slurp("$self->{data}/postgresql.auto.conf");
	return join "\n", @lines;
}

# Files with a private key that group or others may read.
sub open_keys
{
	my ($self) = @_;
	my @found;
	my %seen;
	my @folders = grep { -d && !$seen{$_}++ } $self->{config}, $self->{target}, $self->{state};
	my $look = sub {
		my @stat = lstat or return;
		return if !-f _ || ($stat[2] & 077) == 0;
		open my $in, '<', $_ or return;
		local $/;
		push @found, sprintf '%s has mode %o', $File::Find::name, $stat[2] & 07777 if (<$in> // '') =~ /PRIVATE KEY/;
	};
	File::Find::find({ wanted => $look, no_chdir => 1 }, @folders) if @folders;
	foreach (glob "$self->{data}/*") { local $File::Find::name = $_; $look->() }
	return @found;
}

# What does not agree with itself: what is served with the files, rules, a restart to come.
sub disagreements
{
	my ($self) = @_;
	my @found;
	my $errors = $self->one('SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL AND error NOT LIKE $$%SSL is disabled$$');
	push @found, "pg_hba.conf has lines in error: $errors" if $errors ne '0';
	my $safe = $self->one('SELECT restart_safe, restart_problem FROM castssl_status()');
	push @found, "it would not start again: $safe" if $safe !~ /^t\|/;
	my ($on, $file) = split /\|/, $self->one(q{SELECT current_setting('ssl'), current_setting('ssl_cert_file')});
	my $wanted = 'none';
	if (($on // '') eq 'on')
	{
		$file = "$self->{data}/$file" unless $file =~ m{^/};
		$wanted = slurp($file) =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s ? CastsslPki::fingerprint_of($1) : 'unreadable';
	}
	my $served = $self->served;
	push @found, "it serves $served, and its files say $wanted" if $served ne $wanted;
	return @found;
}

sub served
{
	my ($self) = @_;
	my $fingerprint = CastsslWire::served($self->{port});
	return $fingerprint if $fingerprint;
	my $shown = `openssl s_client -starttls postgres -connect 127.0.0.1:$self->{port} 2>/dev/null </dev/null`;
	return $shown =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s ? CastsslPki::fingerprint_of($1) : 'none';
}

# What the log has of crashes that nobody caused.
sub crashes
{
	my ($self) = @_;
	return slurp($self->{log}) =~ /^.*(?:PANIC:|TRAP:|terminated by signal (?!9:)\d+).*$/mg;
}

1;
