# The openssl command line and psql, as tests of keys and certificates use them.
package CastsslOpenssl;

use strict;
use warnings;
use Carp;
use Exporter 'import';
use IPC::Run ();

our @EXPORT_OK = qw(openssl openssl_ok connect_with quote_text slurp spew verify_error);

# openssl('x509 -noout -subject', $input): (succeeded, standard output, standard error). The
# command is split at blanks; further arguments are its last words.
sub openssl
{
	my ($command, $input, @words) = @_;
	my ($out, $err) = ('', '');
	$input = '' unless defined $input;
	IPC::Run::run([ 'openssl', split(' ', $command), @words ], '<', \$input, '>', \$out, '2>', \$err);
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
# Returns (succeeded, what was printed).
#
# With TLS 1.3 the client is done before the server looks at its certificate: what it then sends to
# a server that has refused and gone makes the kernel throw away the alert with the reason, which
# is lost to psql as well. Only another attempt tells it.
sub connect_with
{
	my ($connection, $sql, %environment) = @_;
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => '/nonexistent', %environment);
	$connection = join ' ', map { "$_='$connection->{$_}'" } sort keys %$connection if ref $connection;
	for (1 .. 50)
	{
		IPC::Run::run([ 'psql', '-XqAtw', '-d', $connection, '-c', $sql ], '<', \undef, '>', \$out, '2>', \$err);
		last if $? == 0 || $err !~ /Connection reset by peer|Broken pipe|closed the connection unexpectedly|EOF detected/;
	}
	chomp $out;
	return ($? == 0, $? == 0 ? $out : $err);
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
