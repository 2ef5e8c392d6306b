# Certificates for the tests, made with the openssl command line.
#
#   CastsslPki->make($folder);
#   my $pki = CastsslPki->new($folder);
#   $pki->path('alice.crt')
#
# root.crt signs server*, alice*, bob; other-root.crt is a stranger's. All keys are EC P-256, 0600.
package CastsslPki;

use strict;
use warnings;
use Carp;
use Digest::SHA ();
use File::Copy ();
use MIME::Base64 ();

# name => [issuer, subject, extensions, valid from and to as days from now]
my %certificates = (
	'server' => [ 'root', '/CN=localhost', 'server', -1, 90 ],
	'server-renewed' => [ 'root', '/CN=localhost', 'server', -1, 180 ],
	'server-expired' => [ 'root', '/CN=localhost', 'server', -20, -10 ],
	'server-future' => [ 'root', '/CN=localhost', 'server', 10, 20 ],
	'alice' => [ 'root', '/CN=alice', 'client', -1, 90 ],
	'alice-expired' => [ 'root', '/CN=alice', 'client', -20, -10 ],
	'alice-other' => [ 'other-root', '/CN=alice', 'client', -1, 90 ],
	'bob' => [ 'root', '/CN=bob', 'client', -1, 90 ],);

my $config = <<'CONFIG';
[ca]
default_ca = c
[c]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
[req]
distinguished_name = dn
x509_extensions = authority
[dn]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
CONFIG

sub new
{
	my ($class, $folder) = @_;
	return bless { folder => $folder }, $class;
}

sub make
{
	my ($class, $folder) = @_;
	my $self = $class->new($folder);
	mkdir $folder, 0700 or croak "$folder: $!";
	$self->write('openssl.cnf', $config);
	$self->write('index.txt', '');
	$self->write('serial', "01\n");
	$self->authority($_) foreach qw(root other-root);
	$self->certificate($_, @{ $certificates{$_} }) foreach sort keys %certificates;

	$self->openssl('ec', '-in', 'server.key', '-aes256', '-passout', 'pass:open sesame', '-out',
		'server-encrypted.key');
	chmod 0600, $self->path('server-encrypted.key');
	$self->openssl('x509', '-in', 'server.crt', '-outform', 'DER', '-out', 'server.der');
	$self->write('garbage', "-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n");
	$self->write('empty', '');
	return $self;
}

sub path
{
	my ($self, $name) = @_;
	return "$self->{folder}/$name";
}

sub write    ## no critic
{
	my ($self, $name, $content) = @_;
	open my $out, '>', $self->path($name) or croak "$name: $!";
	print $out $content;
	close $out or croak "$name: $!";
	return;
}

sub openssl
{
	my ($self, @arguments) = @_;
	my $pid = fork;
	croak "fork: $!" unless defined $pid;
	if ($pid == 0)
	{
		chdir $self->{folder} or die $!;
		open STDOUT, '>', 'openssl.log';
		open STDERR, '>&', \*STDOUT;
		exec 'openssl', @arguments or die "openssl: $!";
	}
	waitpid $pid, 0;
	croak "openssl @arguments failed, see $self->{folder}/openssl.log" if $?;
	return;
}

sub key
{
	my ($self, $name) = @_;
	my $umask = umask 0077;
	$self->openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out',
		"$name.key");
	umask $umask;
	return;
}

sub authority
{
	my ($self, $name) = @_;
	$self->certificate($name, undef, "/CN=castssl test $name", 'authority', -1, 365);
	return;
}

sub moment
{
	my ($days) = @_;
	my @t = gmtime(time + $days * 86400);
	return sprintf '%04d%02d%02d%02d%02d%02dZ', $t[5] + 1900, $t[4] + 1, @t[ 3, 2, 1, 0 ];
}

# Signed by itself where there is no issuer.
sub certificate
{
	my ($self, $name, $issuer, $subject, $extensions, $from, $to) = @_;
	$self->key($name);
	$self->openssl('req', '-new', '-config', 'openssl.cnf', '-key', "$name.key", '-subj', $subject,
		'-out', "$name.csr");
	$self->openssl(
		'ca', '-batch', '-notext', '-config', 'openssl.cnf', $issuer ? ('-cert', "$issuer.crt") : '-selfsign', '-keyfile',
		($issuer // $name) . '.key', '-extensions', $extensions, '-startdate', moment($from), '-enddate',
		moment($to), '-in', "$name.csr", '-out', "$name.crt");
	return;
}

# A folder as castssl_enable(source_dir) wants it: source('dir', 'server.crt' => 'server-renewed.crt')
# has server.crt, server.key and root.crt, with the named replaced; undef leaves one away.
sub source
{
	my ($self, $folder, %replace) = @_;
	my %files = ('server.crt' => 'server.crt', 'server.key' => 'server.key', 'root.crt' => 'root.crt');
	%files = (%files, %replace);
	mkdir $folder, 0700 or $!{EEXIST} or croak "$folder: $!";
	foreach my $name (sort keys %files)
	{
		unlink "$folder/$name";
		next unless defined $files{$name};
		File::Copy::copy($self->path($files{$name}), "$folder/$name") or croak "$name: $!";
		chmod 0600, "$folder/$name";
	}
	return $folder;
}

# SHA-256 of the DER form, lower-case hex, as the castssl_* functions write it.
sub fingerprint
{
	my ($self, $name) = @_;
	open my $in, '<', $self->path($name) or croak "$name: $!";
	local $/;
	return fingerprint_of(<$in> =~ /-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----/s);
}

# The same of what stands between the lines BEGIN and END.
sub fingerprint_of
{
	my ($base64) = @_;
	return Digest::SHA::sha256_hex(MIME::Base64::decode_base64($base64));
}

1;
