# Which clients are installed, and how programs for them are run.
package CastsslClients;

use strict;
use warnings;
use Carp;
use Exporter 'import';
use File::Basename qw(basename);
use IPC::Run ();

our @EXPORT_OK = qw(have have_python jdbc_jar node_environment go_environment drivers target client_environment);

sub have
{
	my ($program) = @_;
	return scalar grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

# Of the system's python3, for which Debian's packages are.
sub have_python
{
	my ($module) = @_;
	return -x '/usr/bin/python3'
	  && system('/usr/bin/python3', '-c', "import importlib.util, sys; sys.exit(importlib.util.find_spec('$module') is None)") == 0;
}

sub jdbc_jar
{
	return unless have('javac');
	return (grep { -e } $ENV{CASTSSL_JDBC} // (), '/usr/share/java/postgresql.jar')[0];
}

# The environment in which node finds a module; nothing if it does not.
sub node_environment
{
	my ($module) = @_;
	my @modules = grep { -d } $ENV{CASTSSL_NODE_MODULES} // (), '/usr/share/nodejs';
	return unless have('node') && grep { -d "$_/$module" } @modules;
	return (NODE_PATH => join(':', @modules), NODE_NO_WARNINGS => 1);
}

# The environment in which go finds lib/pq; nothing if it does not.
sub go_environment
{
	my ($folder) = @_;
	return unless have('go') && -d '/usr/share/gocode/src/github.com/lib/pq';
	return (GOPATH => '/usr/share/gocode', GO111MODULE => 'off', GOCACHE => "$folder/go-cache", HOME => $folder);
}

# A connection string as a kind of driver has it: uri, words or jdbc.
sub target
{
	my ($format, %settings) = @_;
	%settings = (user => 'postgres', host => 'localhost', dbname => 'postgres', %settings);
	return join ' ', map { "$_=$settings{$_}" } sort keys %settings if $format eq 'words';
	my $user = $format eq 'jdbc' ? '' : delete($settings{user}) . '@';
	my $uri = "postgresql://$user$settings{host}:$settings{port}/$settings{dbname}";
	delete @settings{qw(host port dbname)};
	return ($format eq 'jdbc' ? 'jdbc:' : '') . $uri . (%settings ? '?' : '') . join '&', map { "$_=$settings{$_}" } sort keys %settings;
}

# What a client finds in its environment: a password, and nothing else that would change its defaults.
sub client_environment
{
	my ($home, %more) = @_;
	my %environment = (%ENV, PGPASSWORD => 'wonderland', HOME => $home, PGCONNECT_TIMEOUT => 120, ANSIBLE_NOCOLOR => 1, ANSIBLE_LOCALHOST_WARNING => 0, %more);
	delete @environment{qw(PGHOST PGPORT PGUSER PGDATABASE)};
	return %environment;
}

# psql and each driver: name, missing (why it cannot be tried), format of its connection strings, what it needs to connect
# in plaintext, the program in t/clients that runs statements, and run_by(file): the command that runs a program.
# A folder takes what compilers make.
sub drivers
{
	my ($folder) = @_;
	my $python = sub { return [ '/usr/bin/python3', @_ ] };
	my @drivers = ({ name => 'psql', transact => ['transact.sh'], run_by => sub { return [ 'bash', @_ ] } });
	push @drivers, map { { name => $_, transact => [ 'transact.py', $_ ], run_by => $python, missing => !have_python($_) && "/usr/bin/python3 has no $_" } }
	  qw(psycopg2 psycopg asyncpg);
	my %node = node_environment('pg');
	push @drivers, { name => 'node-postgres', transact => ['transact.js'], environment => \%node, run_by => sub { return [ 'node', @_ ] },
		missing => !%node && 'no node, or no module "pg"' };
	my $jar = jdbc_jar();
	push @drivers, { name => 'pgjdbc', format => 'jdbc', transact => ['Transact.java'], missing => !$jar && 'no java, or no JDBC driver in /usr/share/java/postgresql.jar',
		run_by => sub {
			my ($file) = @_;
			system('javac', '-cp', $jar, '-d', $folder, $file) == 0 or croak "$file does not compile";
			return [ 'java', '-XX:TieredStopAtLevel=1', '-cp', "$jar:$folder", basename($file, '.java') ];
		} };
	my %go = go_environment($folder);
	push @drivers, { name => 'lib/pq', plaintext => { sslmode => 'disable' }, transact => ['transact.go'], missing => !%go && 'no go, or no golang-github-lib-pq-dev',
		run_by => sub {
			my ($file) = @_;
			local %ENV = (%ENV, %go);
			my $program = "$folder/" . basename($file, '.go') . '-go';
			system('go', 'build', '-o', $program, $file) == 0 or croak "$file does not compile";
			return [$program];
		} };
	my $dbd = -x '/usr/bin/perl' && system('/usr/bin/perl -MDBD::Pg -e 1 2>/dev/null') == 0;
	push @drivers, { name => 'DBD::Pg', format => 'words', transact => ['transact.pl'], missing => !$dbd && '/usr/bin/perl has no DBD::Pg',
		run_by => sub { return [ '/usr/bin/perl', @_ ] } };
	return map { { format => 'uri', missing => 0, plaintext => {}, environment => {}, %$_ } } @drivers;
}

# ---- a process that runs statements: t/clients/transact.* ----

# CastsslClients->start(driver, home): say() sends one statement, and returns "ok VALUE" or "error ...".
sub start
{
	my ($class, $driver, $home) = @_;
	my ($program, @arguments) = @{ $driver->{transact} };
	my $folder = __FILE__ =~ s{lib/[^/]*$}{clients}r;
	my $self = bless { in => '', out => '', err => '' }, $class;
	my $command = $driver->{run_by}->("$folder/$program");
	local %ENV = client_environment($home, %{ $driver->{environment} });
	$self->{run} = IPC::Run::start([ @$command, @arguments ], '<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, IPC::Run::timeout(1800));
	return $self;
}

sub say    ## no critic
{
	my ($self, $mode, $target, $sql) = @_;
	$self->{out} = '';
	$self->{in} .= "$mode\t$target\t$sql\n";
	$self->{run}->pump until $self->{out} =~ /\n/ || !$self->{run}->pumpable;
	$self->{out} =~ s/\n.*//s or croak "it ended: $self->{err}";
	return $self->{out};
}

# Ends it, and with it the connections that it holds.
sub finish
{
	my ($self) = @_;
	$self->{run}->finish;
	return;
}

1;
