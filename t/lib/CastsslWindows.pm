# A PostgreSQL server built for Windows, under wine, with the methods of PostgreSQL::Test::Cluster that
# CastsslTest calls. Clients are native ones. CASTSSL_WINDOWS is the folder where the server is installed.
#
# There is no Unix socket that a test could use: a superuser comes in by TCP, in plaintext or over TLS
# with a certificate, whichever the server takes.
package CastsslWindows;

use strict;
use warnings;
use Carp;
use Cwd ();
use IO::Socket::INET;
use IPC::Run ();
use Time::HiRes qw(sleep);
use CastsslOpenssl ();

our $hba = <<'HBA';
host    all             postgres        127.0.0.1/32            trust
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256
HBA

# The data folder's name.
our $data_name = 'data';

my @nodes;

sub new
{
	my ($class, $name) = @_;
	my $folder = CastsslTest::temporary_folder();
	my $port = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
	my $self = bless { name => $name, folder => $folder, port => $port, data => "$folder/$data_name" }, $class;
	push @nodes, $self;
	return $self;
}

sub data_dir { return $_[0]{data} }
sub logfile { return "$_[0]{folder}/log" }
sub host { return '127.0.0.1' }
sub port { return $_[0]{port} }

# As a program for Windows sees a path.
sub path_of
{
	my ($path) = @_;
	return "Z:$path";
}

# A program of the server; what it prints goes to a file, for a pipe would stay open with the server.
sub run
{
	my ($self, $program, @arguments) = @_;
	local $ENV{LC_ALL} = 'C';
	my $output = "$self->{folder}/$program.out";
	my $status = system('sh', '-c', 'exec wine "$@" >"$0" 2>&1 </dev/null', $output, "$ENV{CASTSSL_WINDOWS}/bin/$program.exe", @arguments);
	warn CastsslOpenssl::slurp($output) if $status != 0;
	return $status == 0;
}

sub init
{
	my ($self, %options) = @_;
	$self->run('initdb', '-D', path_of($self->data_dir), '-A', 'trust', '-N', @{ $options{extra} // [] }) or croak 'initdb failed';
	$self->append_conf('postgresql.conf', "port = $self->{port}\nfsync = off\nmax_connections = 30\nshared_buffers = 16MB\n"
		  # wine takes its time
		  . "castssl.verify_timeout = '60s'");
	return;
}

sub append_conf
{
	my ($self, $name, $text) = @_;
	open my $out, '>>', $self->data_dir . "/$name" or croak "$name: $!";
	print $out "$text\n";
	close $out or croak "$name: $!";
	return;
}

sub start
{
	my ($self) = @_;
	$self->run('pg_ctl', 'start', '-w', '-D', path_of($self->data_dir), '-l', path_of($self->logfile))
	  or croak 'the server does not start: ' . CastsslOpenssl::slurp($self->logfile);
	$self->{runs} = 1;
	return;
}

sub stop
{
	my ($self, $mode) = @_;
	$self->run('pg_ctl', 'stop', '-w', '-D', path_of($self->data_dir), '-m', $mode // 'fast');
	$self->{runs} = 0;
	return;
}

# After a crash: under wine a child of a server that died may stay for minutes, and no other can start meanwhile.
# A server has its data folder in its arguments, its children are in there.
sub bury
{
	my ($self) = @_;
	(my $program = path_of("$ENV{CASTSSL_WINDOWS}/bin/postgres.exe")) =~ tr{/}{\\};
	my $data = Cwd::realpath($self->data_dir);
	foreach my $process (glob '/proc/[0-9]*')
	{
		my $command = eval { CastsslOpenssl::slurp("$process/cmdline") } // next;
		next unless $command =~ tr{/}{\\}r =~ /\Q$program\E/i;
		next unless $command =~ /\Q$data\E/ || (readlink("$process/cwd") // '') eq $data;
		kill KILL => $process =~ /(\d+)/;
	}
	return;
}

sub connection
{
	my ($self, $database) = @_;
	my $pki = CastsslTest::pki();
	$pki->certificate('postgres', 'root', '/CN=postgres', 'client', -1, 90) unless -e $pki->path('postgres.crt');
	return "host=127.0.0.1 port=$self->{port} dbname=$database sslmode=" . ($self->{sslmode} // 'prefer') . ' sslrootcert=' . $pki->path('none')
	  . ' sslcert=' . $pki->path('postgres.crt') . ' sslkey=' . $pki->path('postgres.key');
}

sub psql
{
	my ($self, $database, $sql, %options) = @_;
	my ($out, $err) = ('', '');
	# children of a server that died may keep a connection open that nobody answers
	IPC::Run::run([ 'timeout', '60', 'psql', '-XAtq', '-d', $self->connection($database), @{ $options{extra_params} // [] },
			'-v', 'ON_ERROR_STOP=' . ($options{on_error_stop} ? 1 : 0), '-f', '-' ],
		'<', \"$sql\n", '>', \$out, '2>', \$err);
	my $status = $? >> 8;
	chomp $out;
	${ $options{stdout} } = $out;
	${ $options{stderr} } = $err;
	return $status;
}

sub poll_query_until
{
	my ($self, $database, $sql) = @_;
	foreach (1 .. 1200)
	{
		my $out = '';
		return 1 if $self->psql($database, $sql, stdout => \$out, extra_params => [ '-U', 'postgres' ]) == 0 && $out eq 't';
		sleep 0.1;
	}
	return 0;
}

END
{
	local $?;
	$_->stop('immediate') foreach grep { $_->{runs} } @nodes;
}

1;
