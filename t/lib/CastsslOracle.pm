# Random policies and random connections, and what a real server does with them.
#
# The client speaks the first messages of the protocol itself, because libpq cannot choose the
# address that it comes from.
package CastsslOracle;

use strict;
use warnings;
use IO::Socket::IP;
use IO::Socket::SSL;
use IO::Socket::UNIX;
use CastsslWire ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my @roles = qw(amy ben cat dora eve);
my @groups = qw(staff admins);
my @databases = qw(app shop amy staff replication);

# As the superuser, once: groups within groups, a superuser who is in no group.
sub setup_sql
{
	return join ";\n", (map { "CREATE ROLE $_ LOGIN REPLICATION PASSWORD 'wonderland'" } @roles), (map { "CREATE ROLE $_" } @groups),
	  'GRANT staff TO amy, ben', 'GRANT admins TO cat', 'GRANT staff TO admins', 'ALTER ROLE eve SUPERUSER',
	  'GRANT dora TO ben';
}

sub pick
{
	return $_[ int rand @_ ];
}

# ---- policies ----

sub octet
{
	return pick(0, 1, 1, 2, 3, 64, 128, 255, int rand 256);
}

sub source_address
{
	return '::1' if rand() < 0.1;
	return '127.0.0.1' if rand() < 0.2;
	my @bytes = (127, octet(), octet(), octet());
	@bytes = (127, 0, 0, 2) if $bytes[1] == 255 && $bytes[2] == 255 && $bytes[3] == 255;
	$bytes[3] = 1 if $bytes[1] == 0 && $bytes[2] == 0 && $bytes[3] == 0;
	return join '.', @bytes;
}

sub address
{
	my ($names) = @_;
	my $kind = rand;
	return pick('all', 'samehost', 'samenet') if $kind < 0.2;
	return pick('localhost', '"localhost"', 'LOCALHOST', '.localdomain', 'nowhere.invalid')
	  if $names && $kind < 0.5;
	return pick('::1/128', '::/0', '::1/1', '::2/127', '::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '"all"')
	  if $kind < 0.3;
	my $address = join '.', 127, octet(), octet(), octet();
	return "$address " . pick('255.0.0.0', '255.255.0.0', '255.0.255.0', '255.255.255.255', '0.0.0.1', '0.0.0.0')
	  if $kind < 0.45;
	return "$address/" . pick(0, 1, 8, 8, 9, 12, 16, 17, 24, 31, 32);
}

sub database
{
	my ($version) = @_;
	my @choices = (('all') x 6, 'sameuser', 'samerole', 'samegroup', 'replication', '"replication"', '"all"', 'nodb',
		'"sameuser"', @databases);
	push @choices, '@dbs.txt', '@dbs.txt';
	push @choices, '/^a', '"/p$"', '/^(shop|staff)$' if $version >= 16;
	return pick(@choices);
}

sub user
{
	my ($version) = @_;
	my @choices = (('all') x 8, @roles, map({ "+$_" } @groups), '+amy', '+dora', '"+staff"', '+nogroup', '"all"', 'nobody',
		'@users.txt');
	push @choices, '/^[ab]', '"/e$"' if $version >= 16;
	return pick(@choices);
}

sub list
{
	my ($one) = @_;
	return $one->() if rand() < 0.6;
	return join pick(',', ', '), map { $one->() } 1 .. 2 + int rand 2;
}

# How the line goes on behind the address: a method that can be told apart from outside.
sub method
{
	my ($type) = @_;
	my @methods = qw(trust trust reject password password scram-sha-256);
	if ($type eq 'hostssl')
	{
		return 'cert' if rand() < 0.2;
		my $option = pick('', '', 'clientcert=verify-ca', 'clientcert=verify-full');
		# scram is told by its first message, which comes before the name is looked at
		@methods = grep { $_ ne 'scram-sha-256' } @methods if $option eq 'clientcert=verify-full';
		my $method = pick(@methods);
		return "$method $option" if $option;
		return $method;
	}
	return pick(@methods);
}

# One line: everything but the method, and the method.
sub rule
{
	my ($version, $names) = @_;
	my $type = pick(qw(local host host host hostssl hostssl hostnossl hostnogssenc hostgssenc));
	my $space = pick(' ', ' ', "\t", '  ');
	my @fields = ($type, list(sub { database($version) }), list(sub { user($version) }));
	push @fields, address($names) if $type ne 'local';
	return [ join($space, @fields), method($type) ];
}

# A policy: its files, and the same where every line asks for a password.
sub policy
{
	my ($version, $names) = @_;
	my @lines = map { rule($version, $names) } 1 .. 3 + int rand 22;
	my $keep = "local all postgres trust\n";
	my (@real, @password);
	foreach my $line (@lines)
	{
		my $more = pick('', '', '', "# a comment\n", "\n");
		my $end = pick('', '', ' # why');
		my $break = $version >= 14 && rand() < 0.05 ? "\\\n " : ' ';
		push @real, "$more$line->[0]$break$line->[1]$end\n";
		push @password, "$more$line->[0]${break}password$end\n";
	}
	my %files = ('dbs.txt' => "app, \"shop\"\nnodb # none\n", 'users.txt' => "ben\n+admins, nobody\n");
	if ($version >= 16 && rand() < 0.3)
	{
		my $cut = int rand @lines;
		$files{'more.conf'} = join '', splice @real, $cut;
		my $include = pick('include', 'include_if_exists') . " more.conf\n";
		return (
			{ %files, 'pg_hba.conf' => join('', $keep, @real, $include) },
			{ %files, 'more.conf' => join('', splice @password, $cut), 'pg_hba.conf' => join('', $keep, @password, $include) });
	}
	return ({ %files, 'pg_hba.conf' => join('', $keep, @real) }, { %files, 'pg_hba.conf' => join('', $keep, @password) });
}

# ---- connections ----

sub connection
{
	my ($names, $certificates) = @_;
	my %c = (user => pick(@roles, @roles, 'nobody', 'stranger'), database => pick(@databases, 'nodb', 'template1'));
	$c{address} = $names ? pick('127.0.0.1', '::1', '127.0.0.1') : source_address() if rand() < 0.9;
	$c{tls} = defined $c{address} && rand() < 0.5;
	$c{certificate} = pick(@$certificates) if $c{tls} && rand() < 0.6;
	$c{replication} = pick('true', 'database') if rand() < 0.15;
	return \%c;
}

# Opens the connection and goes as far as authentication goes. Returns 'accepted', 'refused',
# 'authenticate' (scram, which is not gone through with), 'authenticated' or 'failed' (after the
# password), and the key under which the log knows it.
sub try_connection
{
	my ($server, $c, $password) = @_;
	my $socket;
	my $key = '[local]';
	if (defined $c->{address})
	{
		$socket = IO::Socket::IP->new(
			PeerHost => $c->{address} eq '::1' ? '::1' : '127.0.0.1', PeerPort => $server->{port},
			LocalHost => $c->{address}, Proto => 'tcp') or die "no connection from $c->{address}: $@";
		setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
		$key = $c->{address} . '(' . $socket->sockport . ')';
	}
	else
	{
		$socket = IO::Socket::UNIX->new(Peer => "$server->{socket}/.s.PGSQL.$server->{port}") or die "no connection: $!";
	}
	return (handshake($server, $socket, $c) && authenticate($socket, $c, $password), $key);
}

sub handshake
{
	my ($server, $socket, $c) = @_;
	return 1 unless $c->{tls};
	syswrite $socket, pack('NN', 8, 80877103);
	my $answer = CastsslWire::take($socket, 1);
	die 'the server offers no TLS' unless $answer eq 'S';
	my $context = $server->{contexts}{ $c->{certificate} // '' } //= IO::Socket::SSL::SSL_Context->new(
		SSL_verify_mode => SSL_VERIFY_NONE,
		$c->{certificate} ? (SSL_cert_file => "$c->{certificate}.crt", SSL_key_file => "$c->{certificate}.key") : ())
	  or die $IO::Socket::SSL::SSL_ERROR;
	return IO::Socket::SSL->start_SSL($socket, SSL_reuse_ctx => $context, SSL_startHandshake => 1) ? 1 : 0;
}

sub authenticate
{
	my ($socket, $c, $password) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $startup = pack 'N', 196608;
	my %parameters = (user => $c->{user}, database => $c->{database});
	$parameters{replication} = $c->{replication} if $c->{replication};
	$startup .= "$_\0$parameters{$_}\0" foreach sort keys %parameters;
	$startup .= "\0";
	syswrite $socket, pack('N', 4 + length $startup) . $startup;
	my $asked = 0;
	for (;;)
	{
		my ($type, $body) = CastsslWire::message($socket);
		return $asked ? 'failed' : 'refused' if !defined $type || $type eq 'E';
		# after the proof the server looks at role and database
		return $asked ? 'authenticated' : 'accepted' if $type eq 'Z';
		next if $type ne 'R';
		my $request = unpack 'N', $body;
		next if $request == 0;
		return 'authenticate' if $request != 3;
		$asked = 1;
		my $answer = "$password\0";
		syswrite $socket, 'p' . pack('N', 4 + length $answer) . $answer;
	}
}

sub run_connection
{
	my ($server, $c, $password) = @_;
	my ($outcome, $key) = try_connection($server, $c, $password);
	return ($outcome || 'refused', $key);
}

# What the log says of each connection that was refused, by client and in order: the number of the
# line that matched and (from 16 on) its file, or nothing where no line did.
sub matched_lines
{
	my ($log) = @_;
	my %matched;
	while ($log =~ /^<([^>]*)> FATAL: .*\n((?:<[^>]*> DETAIL: .*\n(?:\t.*\n)*)?)/mg)
	{
		my ($client, $detail) = ($1, $2);
		my ($file, $line) = $detail =~ /Connection matched (?:pg_hba\.conf|file "(.*?)") line (\d+)/;
		push @{ $matched{$client} }, [ $line, $file ];
	}
	return \%matched;
}

1;
