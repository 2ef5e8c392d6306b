# Statements over a connection of their own, as psql -XAtq sends them and prints what comes, without
# starting psql, which takes several times as long as the server takes to answer.
#
#   my ($ok, $out, $err) = CastsslWire::run($socket, $user, $database, $sql, $on_error_stop);
#
# Returns nothing where psql itself must do it, before anything was done: for its own commands, for COPY,
# where the server wants more than a name, and where it does not let the user in.
package CastsslWire;

use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;

# the fields of an error behind its message, in psql's order and words
my @parts = ([ D => 'DETAIL' ], [ H => 'HINT' ], [ q => 'QUERY' ], [ W => 'CONTEXT' ], [ s => 'SCHEMA NAME' ], [ t => 'TABLE NAME' ],
	[ c => 'COLUMN NAME' ], [ d => 'DATATYPE NAME' ], [ n => 'CONSTRAINT NAME' ]);

sub run
{
	my ($path, $user, $database, $sql, $on_error_stop) = @_;
	return if $sql =~ m{[\\\0]|/\*|\b(?:COPY|LISTEN|ATOMIC)\b}i;
	my @statements = statements($sql) or return;
	utf8::encode($_) foreach grep { utf8::is_utf8($_) } @statements;
	return if grep { /^PG(?:CLIENTENCODING|DATESTYLE|TZ|GEQO|SERVICE|SERVICEFILE|REQUIREAUTH)$/ } keys %ENV;
	my $socket = IO::Socket::UNIX->new(Peer => $path) or return;
	local $SIG{PIPE} = 'IGNORE';
	my %parameters = (user => $user, database => $database, application_name => $ENV{PGAPPNAME} // 'psql',
		defined $ENV{PGOPTIONS} ? (options => $ENV{PGOPTIONS}) : ());
	my $startup = pack('N', 196608) . join('', map { "$_\0$parameters{$_}\0" } sort keys %parameters) . "\0";
	put($socket, pack('N', 4 + length $startup) . $startup);
	my ($out, $err) = ('', '');
	while (1)
	{
		my ($type, $body) = message($socket) or return;
		return if $type eq 'E' || ($type eq 'R' && unpack('N', $body) != 0);
		$err .= told($body, 0) if $type eq 'N';
		last if $type eq 'Z';
	}
	my ($line, $ok) = (1, 1);
	foreach my $statement (@statements)
	{
		my $state = answer($socket, $statement, $line, \$out, \$err);
		$line += ($statement =~ tr/\n//);
		if ($state eq 'lost')
		{
			$ok = 0;
			last;
		}
		next if $state eq 'ok' || !$on_error_stop;
		$ok = 0;
		last;
	}
	put($socket, pack('aN', 'X', 4));
	close $socket;
	chomp($out, $err);
	return ($ok, $out, $err);
}

# At the semicolons that end a statement; nothing for a text that does not come to its end.
sub statements
{
	my ($sql) = @_;
	my ($depth, $current, @statements) = (0, '');
	while ($sql =~ /\G((?:'[^']*')+|"[^"]*"|\$(?<tag>(?:[a-zA-Z_]\w*)?)\$.*?\$\g{tag}\$|--[^\n]*|[;()]|[^'"\$;()-]+|-|\$(?=\d))/gcs)
	{
		my $token = $1;
		$depth += $token eq '(' ? 1 : $token eq ')' ? -1 : 0;
		if ($token eq ';' && $depth == 0)
		{
			push @statements, "$current;";
			$current = '';
		}
		else { $current .= $token }
	}
	return if (pos($sql) // 0) < length $sql || $depth != 0;
	push @statements, $current;
	# what holds nothing is not sent, but has lines
	return grep { !/\A(?:\s|--[^\n]*)*;?\z/ } @statements;
}

# The fingerprint of the certificate that the server at this port of the loopback shows; 'none' when it
# is not there or does not speak TLS; nothing where openssl must find out.
sub served
{
	my ($port) = @_;
	return if $ENV{CASTSSL_WINDOWS} || !eval { require IO::Socket::SSL; 1 };
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return 'none';
	local $SIG{PIPE} = 'IGNORE';
	put($socket, pack('NN', 8, 80877103));
	return 'none' if (take($socket, 1) // '') ne 'S';
	my $tls = IO::Socket::SSL->start_SSL($socket, SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE(), SSL_startHandshake => 1)
	  or return;
	my $pem = Net::SSLeay::PEM_get_string_X509($tls->peer_certificate // return);
	# as openssl's client ends: what the server still sends is read, for it would log a connection that is reset
	$tls->stop_SSL(SSL_fast_shutdown => 1);
	shutdown $socket, 1;
	1 while sysread $socket, my $rest, 4096;
	return unless $pem =~ /-----BEGIN CERTIFICATE-----(.*?)-----END/s;
	return CastsslPki::fingerprint_of($1);
}

# Sends one statement, and adds what comes to the outputs: 'ok', 'failed' or 'lost'.
sub answer
{
	my ($socket, $statement, $line, $out, $err) = @_;
	my $state = 'ok';
	$statement =~ s/\A\s+//;
	put($socket, pack('aNZ*', 'Q', 5 + length $statement, $statement));
	while (1)
	{
		my ($type, $body) = message($socket);
		if (!defined $type)
		{
			$$err .= "psql:<stdin>:$line: server closed the connection unexpectedly\n"
			  . "\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n"
			  . "psql:<stdin>:$line: error: connection to server was lost\n";
			return 'lost';
		}
		return $state if $type eq 'Z';
		if ($type eq 'D')
		{
			my ($count, $at, @values) = (unpack('n', $body), 2);
			for (1 .. $count)
			{
				my $length = unpack 'l>', substr $body, $at, 4;
				push @values, $length < 0 ? '' : substr $body, $at + 4, $length;
				$at += 4 + ($length < 0 ? 0 : $length);
			}
			$$out .= join('|', @values) . "\n" if $count;
		}
		elsif ($type eq 'E' || $type eq 'N')
		{
			$$err .= told($body, $line, $statement);
			$state = 'failed' if $type eq 'E';
		}
		elsif ($type =~ /[GHW]/) { die "COPY is for psql: $statement" }
	}
}

# An error or a notice, in the form that psql has with VERBOSITY=verbose.
sub told
{
	my ($body, $line, $statement) = @_;
	my %field = map { substr($_, 0, 1) => substr $_, 1 } grep { length } split /\0/, $body;
	my $text = ($line ? "psql:<stdin>:$line: " : '') . "$field{S}:  $field{C}: $field{M}\n";
	if (defined $field{P} && defined $statement)
	{
		utf8::decode(my $characters = $statement);
		my $before = substr $characters, 0, $field{P} - 1;
		my ($row) = substr($characters, length($before =~ s/[^\n]*\z//r)) =~ /\A([^\n]*)/;
		my $start = 'LINE ' . (1 + ($before =~ tr/\n//)) . ': ';
		$text .= "$start$row\n" . ' ' x (length($start) + length $before =~ s/.*\n//sr) . "^\n";
		utf8::encode($text) if utf8::is_utf8($text);
	}
	# psql shows the context of errors only
	delete @field{qw(q W)} unless $field{V} =~ /ERROR|FATAL|PANIC/;
	$text .= "$_->[1]:  $field{ $_->[0] }\n" foreach grep { defined $field{ $_->[0] } } @parts;
	$text .= "LOCATION:  $field{R}, $field{F}:$field{L}\n" if defined $field{R};
	return $text;
}

sub put
{
	my ($socket, $bytes) = @_;
	while (length $bytes)
	{
		my $written = syswrite $socket, $bytes;
		last unless defined $written || $!{EINTR};
		substr $bytes, 0, $written // 0, '';
	}
	return;
}

# The next message: type and body; nothing at the end of the connection.
sub message
{
	my ($socket) = @_;
	my $head = take($socket, 5);
	return unless defined $head;
	my ($type, $length) = unpack 'aN', $head;
	my $body = take($socket, $length - 4);
	return unless defined $body;
	return ($type, $body);
}

sub take
{
	my ($socket, $length) = @_;
	my $bytes = '';
	while (length $bytes < $length)
	{
		my $read = sysread $socket, $bytes, $length - length $bytes, length $bytes;
		next if !defined $read && $!{EINTR};
		return unless $read;
	}
	return $bytes;
}

1;
