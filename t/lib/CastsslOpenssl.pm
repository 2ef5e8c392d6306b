# The openssl command line and psql, as tests of keys and certificates use them.
package CastsslOpenssl;

use strict;
use warnings;
use Carp;
use CastsslPolling qw(wait_until process_lives);
use Exporter 'import';
use POSIX ();

our @EXPORT_OK = qw(openssl run openssl_ok connect_with quote_text slurp spew verify_error);

# openssl('x509 -noout -subject', $input): (succeeded, standard output, standard error). The
# command is split at blanks; further arguments are its last words.
sub openssl
{
	my ($command, $input, @words) = @_;
	return run($input, 'openssl', split(' ', $command), @words);
}

# A program that ends by itself, with this on its standard input: the same. By files without a name,
# for IPC::Run takes three times as long as what is run here.
sub run
{
	my ($input, @command) = @_;
	my @files = map { open my $file, '+>', undef or croak "no file: $!"; binmode $file; $file } 0 .. 2;
	if (defined $input && length $input)
	{
		utf8::encode($input) if utf8::is_utf8($input);
		syswrite $files[0], $input;
		sysseek $files[0], 0, 0;
	}
	my $child = fork // croak "fork: $!";
	if ($child == 0)
	{
		POSIX::dup2(fileno $files[$_], $_) foreach 0 .. 2;
		no warnings 'exec';    ## no critic
		exec { $command[0] } @command;
		POSIX::_exit(127);
	}
	waitpid $child, 0;
	croak "$command[0] was ended by signal " . ($? & 127) if $? & 127;
	local $/;
	my ($out, $err) = map { sysseek $_, 0, 0; scalar(<$_>) // '' } @files[ 1, 2 ];
	return ($? == 0, $out, $err);
}

# The same, where success is taken for granted: standard output.
sub openssl_ok
{
	my ($ok, $out, $err) = openssl(@_);
	croak "openssl $_[0]: $err" unless $ok;
	return $out;
}

# What "openssl verify -x509_strict" has against a certificate, '' for nothing.
sub verify_error
{
	my ($ca_file, $file, @options) = @_;
	my ($ok, $out, $err) = openssl('verify -x509_strict', undef, @options, '-CAfile', $ca_file, $file);
	return $ok && $out =~ /: OK$/m ? '' : "$out$err";
}

# psql with a connection string of keyword/value pairs; a password that every test role has.
# Returns (succeeded, what was printed), and the server's process is gone then: while it is there, its client
# counts as connected.
#
# With TLS 1.3 the client is done before the server looks at its certificate: what it then sends to
# a server that has refused and gone makes the kernel throw away the alert with the reason, which
# is lost to psql as well. Only another attempt tells it.
sub connect_with
{
	my ($connection, $sql, %environment) = @_;
	my ($ok, $out, $err);
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => '/nonexistent', %environment);
	$connection = join ' ', map { "$_='$connection->{$_}'" } sort keys %$connection if ref $connection;
	for (1 .. 50)
	{
		($ok, $out, $err) = run(undef, 'psql', '-XqAtw', '-d', $connection, '-c', 'SELECT pg_backend_pid()', '-c', $sql);
		if ($out =~ s/\A(\d+)\n// && !$ENV{CASTSSL_WINDOWS})
		{
			my $pid = $1;
			wait_until(sub { !process_lives($pid) });
		}
		last if $ok || $err !~ /Connection reset by peer|Broken pipe|closed the connection unexpectedly|EOF detected/;
	}
	chomp $out;
	return ($ok, $ok ? $out : $err);
}

# A text as an SQL literal: PEM has no quotes in it, other texts may.
sub quote_text
{
	my ($text) = @_;
	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	return "'$text'";
}

sub slurp
{
	my ($path) = @_;
	open my $in, '<', $path or croak "$path: $!";
	binmode $in;
	local $/;
	my $content = <$in>;
	return $content // '';
}

sub spew
{
	my ($path, $content) = @_;
	my $umask = umask 0077;
	open my $out, '>', $path or croak "$path: $!";
	umask $umask;
	binmode $out;
	print $out $content;
	close $out or croak "$path: $!";
	return $path;
}

1;
