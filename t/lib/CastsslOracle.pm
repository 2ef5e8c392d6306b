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
use CastsslMachine ();
use CastsslWire ();
use Digest::MD5 ();
use Digest::SHA ();
use MIME::Base64 ();
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my @roles = qw(amy ben cat dora eve);
my @groups = qw(staff admins);
my @databases = qw(app shop amy staff replication);

# Roles and databases that the server refuses for a reason of their own, whatever the line says.
my %odd_roles = (
	nologin => 'NOLOGIN REPLICATION PASSWORD \'wonderland\'',
	nosecret => 'LOGIN REPLICATION',
	expired => 'LOGIN REPLICATION PASSWORD \'wonderland\' VALID UNTIL \'2001-01-01\'',
	lasting => 'LOGIN REPLICATION PASSWORD \'wonderland\' VALID UNTIL \'infinity\'',
	limited => 'LOGIN REPLICATION PASSWORD \'wonderland\' CONNECTION LIMIT 0',
	walker => 'LOGIN NOREPLICATION PASSWORD \'wonderland\'',
	mia => 'LOGIN REPLICATION PASSWORD \'md5' . Digest::MD5::md5_hex('wonderlandmia') . '\'');
my %odd_databases = (
	closed => 'ALTER DATABASE closed ALLOW_CONNECTIONS false',
	crowded => 'ALTER DATABASE crowded CONNECTION LIMIT 0',
	private => 'REVOKE CONNECT ON DATABASE private FROM PUBLIC; GRANT CONNECT ON DATABASE private TO staff');

# As the superuser, once: groups within groups, a superuser who is in no group.
sub setup_sql
{
	return join ";\n", (map { "CREATE ROLE $_ LOGIN REPLICATION PASSWORD 'wonderland'" } @roles), (map { "CREATE ROLE $_" } @groups),
	  'GRANT staff TO amy, ben', 'GRANT admins TO cat', 'GRANT staff TO admins', 'ALTER ROLE eve SUPERUSER',
	  'GRANT dora TO ben', map { "CREATE ROLE $_ $odd_roles{$_}" } sort keys %odd_roles;
}

# Statements that stand alone.
sub database_sql
{
	return ((map { "CREATE DATABASE \"$_\"" } @databases, sort keys %odd_databases), map { $odd_databases{$_} } sort keys %odd_databases);
}

# ---- certificates ----

# Makes the certificates of the clients, and what the server may have as CA and CRL; returns the paths of
# the certificates, without .crt.
sub make_certificates
{
	my ($pki) = @_;
	$pki->certificate($_, 'root', '/CN=castssl test ' . $_, 'authority', -1, 90) foreach qw(inter inter-revoked);
	my %made = (
		amy => [qw(root amy)], ben => [qw(root ben)], eve => [qw(root eve)], 'amy-revoked' => [qw(root amy)],
		'amy-server' => [qw(root amy server)], 'amy-other' => [qw(other-root amy)], 'amy-sent' => [qw(inter amy)],
		'amy-alone' => [qw(inter amy)], 'ben-below' => [qw(inter-revoked ben)], web => [qw(root web.example.com)],
		upper => [qw(root AMY)], 'amy-adm' => [qw(root amy-adm)], mia => [qw(root mia)], nologin => [qw(root nologin)]);
	$pki->certificate($_, $made{$_}[0], "/CN=$made{$_}[1]", $made{$_}[2] // 'client', -1, 90) foreach sort keys %made;
	$pki->certificate('amy-expired', 'root', '/CN=amy', 'client', -20, -10);
	$pki->openssl('ca', '-config', 'openssl.cnf', '-cert', 'root.crt', '-keyfile', 'root.key', '-revoke', "$_.crt") foreach qw(amy-revoked inter-revoked);
	foreach my $crl ([qw(root root)], [qw(inter inter)], [qw(inter-revoked inter-revoked)], [ 'root-stale', 'root', '-crlsec', 1 ], [ 'inter-stale', 'inter', '-crlsec', 1 ])
	{
		my ($name, $issuer, @valid) = @$crl;
		$pki->openssl('ca', '-config', 'openssl.cnf', '-gencrl', '-cert', "$issuer.crt", '-keyfile', "$issuer.key", '-out', "$name.crl", @valid ? @valid : ('-crldays', 30));
	}
	my ($inter, $revoked) = map { slurp($pki->path("$_.crt")) } qw(inter inter-revoked);
	append($pki->path('amy-sent.crt'), $inter);
	append($pki->path('ben-below.crt'), $revoked);
	sleep 2;    # until the stale ones are past their time
	return map { $pki->path($_) } sort(keys %made), 'amy-expired', 'alice-other';
}

# What the server has as CA file and as CRL file ('': none).
sub trust
{
	my ($pki) = @_;
	my @ca = pick(([qw(root)]) x 6, ([qw(root inter)]) x 3, [qw(root other-root)], [qw(other-root)], [qw(inter)])->@*;
	my @crl = pick(([]) x 5, [qw(root)], [qw(root)], ([qw(root inter)]) x 2, ([qw(root inter inter-revoked)]) x 2, [qw(root-stale)], [qw(root inter-stale)], [qw(root-stale root)])->@*;
	return (join('', map { slurp($pki->path("$_.crt")) } @ca), join('', map { slurp($pki->path("$_.crl")) } @crl));
}

sub slurp
{
	my ($path) = @_;
	open my $in, '<', $path or die "$path: $!";
	local $/;
	return scalar <$in>;
}

sub append
{
	my ($path, $text) = @_;
	open my $out, '>>', $path or die "$path: $!";
	print $out $text;
	close $out or die "$path: $!";
	return;
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

my $ipv6 = CastsslMachine::has_ipv6();

sub source_address
{
	return '::1' if rand() < 0.1 && $ipv6;
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
	my ($type, $version) = @_;
	my @methods = qw(trust trust reject password password scram-sha-256 md5);
	return pick('peer', 'peer map=m1', 'peer map=gone') if $type eq 'local' && rand() < 0.2;
	return pick('ident', 'ident map=m2', 'ident map=gone') if $type ne 'local' && rand() < 0.05;
	if ($type eq 'hostssl')
	{
		return pick('cert', 'cert map=m1', 'cert map=m1', 'cert map="m2"', 'cert map=gone', $version >= 14 ? 'cert clientname=DN map=m3' : 'cert')
		  if rand() < 0.35;
		my $option = pick('', '', 'clientcert=verify-ca', 'clientcert=verify-full');
		my $method = pick(@methods);
		return "$method $option" if $option;
		return $method;
	}
	return pick(@methods);
}

# One line: everything but the method, and the method.
sub rule
{
	my ($version, $names, $broad) = @_;
	if ($broad && rand() < 0.6)
	{
		my $wide = pick(qw(local hostssl hostssl hostssl host));
		my $line = join ' ', $wide, pick('all', 'all', list(sub { database($version) })), pick('all', 'all', list(sub { user($version) }));
		my @by_name = ('cert', 'cert map=m1', 'cert map="m2"', $version >= 14 ? 'cert clientname=DN map=m3' : 'cert map=m1');
		return [ $wide eq 'local' ? $line : "$line all", $wide eq 'hostssl' && rand() < 0.5 ? pick(@by_name) : method($wide, $version) ];
	}
	my $type = pick(qw(local local host host host hostssl hostssl hostnossl hostnogssenc hostgssenc));
	my $space = pick(' ', ' ', "\t", '  ');
	my @fields = ($type, list(sub { database($version) }), list(sub { user($version) }));
	push @fields, address($names) if $type ne 'local';
	return [ join($space, @fields), method($type, $version) ];
}

# pg_ident.conf and what it includes. Each of the maps m1, m2 and m3 has a line, and "gone" has none.
sub ident
{
	my ($version) = @_;
	my @system = (('/^(.*)$') x 5, ('amy') x 3, ('/^(.*)-adm$') x 2, qw(ben eve mia web.example.com AMY amy-adm postgres "amy"), '/^a(.*)$', '/^(a)my', '/y$',
		'"/^(.*)[.]example[.]com$"', '/^(b)?a', '/^()amy$', '/(?i)^amy$');
	my @role = (('\1') x 7, ('all') x 2, @roles, sort(keys %odd_roles), '"\1"', '\1my', 'a\1', '"all"', '+staff', '"+staff"', '/^[ab]', '"/y$"', 'AMY', 'a\1\1', '\1\1', '+\1');
	my @lines = map { "m$_ " . pick(@system) . ' ' . pick(@role) . "\n" } 1, 2;
	push @lines, map { pick(qw(m1 m1 m2 "m1" m4)) . pick(' ', "\t", '  ') . pick(@system) . ' ' . pick(@role) . pick('', '', ' # why') . "\n" } 0 .. rand 8;
	push @lines, map { 'm3 ' . pick(qw("CN=amy" CN=ben /^CN=(.*)$ "/^CN=(a.*)")) . ' ' . pick(@roles, '\1', '\1') . "\n" } 0 .. rand 2;
	@lines = map { $_->[0] } sort { $a->[1] <=> $b->[1] } map { [ $_, rand ] } @lines;
	return ('pg_ident.conf' => join('', @lines)) if $version < 16 || rand() < 0.7;
	my $cut = int rand @lines;
	return ('more_ident.conf' => join('', splice @lines, $cut), 'pg_ident.conf' => join('', @lines, "include more_ident.conf\n"));
}

# A policy: its files, and the same where every line asks for a password.
sub policy
{
	my ($version, $names) = @_;
	# of every other one the first lines answer most connections, so that what comes behind the line is seen
	my $broad = rand() < 0.5;
	my @lines = map { rule($version, $names, $broad) } 1 .. 3 + int rand($broad ? 6 : 22);
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
	my %files = (ident($version), 'dbs.txt' => "app, \"shop\"\nnodb # none\n", 'users.txt' => "ben\n+admins, nobody\n");
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
	my %c = (user => pick(@roles, @roles, 'nobody', 'stranger'), database => pick(@databases, @databases, 'nodb', 'template1'));
	$c{user} = pick('mia', sort keys %odd_roles) if rand() < 0.25;
	$c{database} = pick(sort keys %odd_databases) if rand() < 0.15;
	$c{address} = $names ? pick('127.0.0.1', '::1', '127.0.0.1') : source_address() if rand() < 0.9;
	$c{tls} = defined $c{address} && rand() < 0.5;
	$c{certificate} = pick(@$certificates) if $c{tls} && rand() < 0.6;
	# often one whose name the certificate has, or can have by a map
	$c{user} = $c{certificate} =~ m{/(amy|ben|eve|mia|nologin)[^/]*$} ? $1 : pick(@roles) if $c{certificate} && rand() < 0.6;
	$c{replication} = pick('true', 'database') if rand() < 0.15;
	# castssl_hba_explain knows of physical replication alone: whoever replicates one database must be able to,
	# and is not counted
	if (($c{replication} // '') eq 'database')
	{
		$c{user} = 'amy' if $c{user} =~ /^(?:walker|limited)$/;
		$c{database} = 'app' if $c{database} eq 'crowded';
	}
	return \%c;
}

# Opens the connection and goes as far as authentication goes. Returns 'accepted', 'refused',
# 'authenticated' or 'failed' (after the password), 'authenticate' (a method that is not known here), and the key under which the log knows it.
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
		next if $request == 12;    # the server's own proof
		my $answer =
			$request == 3 ? "$password\0"
		  : $request == 5 ? 'md5' . Digest::MD5::md5_hex(Digest::MD5::md5_hex($password . $c->{user}) . substr $body, 4) . "\0"
		  : $request == 10 ? "SCRAM-SHA-256\0" . pack('N/a*', 'n,,n=,r=oracle')
		  : $request == 11 ? scram_proof($password, substr $body, 4)
		  : return 'authenticate';
		$asked = 1;
		syswrite $socket, 'p' . pack('N', 4 + length $answer) . $answer;
	}
}

my %salted;

# RFC 5802, without channel binding. The long part is kept for the next time.
sub scram_proof
{
	my ($password, $challenge) = @_;
	my ($nonce, $salt, $iterations) = $challenge =~ /^r=([^,]*),s=([^,]*),i=(\d+)$/ or die "SCRAM: $challenge";
	my $key = $salted{"$password $salt $iterations"} //= do {
		my $u = Digest::SHA::hmac_sha256(MIME::Base64::decode_base64($salt) . pack('N', 1), $password);
		my $sum = $u;
		$sum ^= $u = Digest::SHA::hmac_sha256($u, $password) foreach 2 .. $iterations;
		Digest::SHA::hmac_sha256('Client Key', $sum);
	};
	my $final = "c=biws,r=$nonce";
	my $signature = Digest::SHA::hmac_sha256("n=,r=oracle,$challenge,$final", Digest::SHA::sha256($key));
	return "$final,p=" . MIME::Base64::encode_base64($key ^ $signature, '');
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
