# Who gets in: sslmode x client certificate x plaintext x clientcert, each outcome by itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('matrix');
my $hba = $t->hba;

my %certificate = (none => undef, good => 'alice', 'other CA' => 'alice-other', expired => 'alice-expired');

# What the server must do. alice connects; 'good' is a certificate with her name.
#   tls: 'in', or why not; plaintext: 'in', or why not
sub expected
{
	my ($certificate, $plaintext, $clientcert) = @_;
	my $tls = 'in';
	$tls = qr/requires a valid client certificate/ if $certificate eq 'none' && $clientcert ne 'none';
	# with a CA in place the handshake refuses what the CA did not sign, asked for or not
	$tls = qr/unknown ca|certificate verify failed|closed the connection|decrypt error/i
	  if $certificate eq 'other CA';
	$tls = qr/certificate expired|closed the connection/i if $certificate eq 'expired';
	return ($tls, $plaintext eq 'keep' ? 'in' : qr/no pg_hba.conf entry.*(?:no encryption|SSL off)/);
}

foreach my $plaintext (qw(keep block))
{
	foreach my $clientcert (qw(none verify-ca verify-full))
	{
		$t->enable(source_dir => $t->{source}, plaintext => $plaintext, clientcert => $clientcert);
		subtest "plaintext $plaintext, clientcert $clientcert" => sub {
			foreach my $certificate (sort keys %certificate)
			{
				my ($tls, $clear) = expected($certificate, $plaintext, $clientcert);
				my @cert = (cert => $certificate{$certificate});
				foreach my $sslmode (qw(require verify-ca verify-full))
				{
					my $name = "$sslmode, certificate: $certificate";
					if (ref $tls) { $t->out($name, $tls, sslmode => $sslmode, @cert) }
					else { $t->in($name, sslmode => $sslmode, @cert, encrypted => 't') }
				}

				my $name = "disable, certificate: $certificate";
				if (ref $clear) { $t->out($name, $clear, sslmode => 'disable', @cert) }
				else { $t->in($name, sslmode => 'disable', @cert, encrypted => 'f') }

				# prefer: libpq goes on in plaintext when the server refuses the login, but not
				# when the refusal of a certificate reaches it after its own handshake (TLS 1.3)
				my ($ok, $output) = $t->client(sslmode => 'prefer', @cert);
				my $got = $ok ? "in $output" : 'out';
				$name = "prefer, certificate: $certificate";
				if (!ref $tls) { is($got, 'in t', $name) or diag $output }
				elsif (ref $clear) { is($got, 'out', $name) }
				elsif ($certificate eq 'none') { is($got, 'in f', $name) or diag $output }
				else { like($got, qr/^(in f|out)$/, $name) or diag $output }
			}

			# a certificate of the CA with another name than the role's
			if ($clientcert eq 'verify-full')
			{
				$t->out('the certificate of somebody else', qr/certificate|authentication failed/,
					sslmode => 'require', cert => 'bob', user => 'alice');
			}
			else
			{
				$t->in('the certificate of somebody else', sslmode => 'require', cert => 'bob',
					user => 'alice', encrypted => 't');
			}
			$t->out('a wrong password', qr/password authentication failed/, sslmode => 'require',
				cert => 'alice', password => 'wrong');
		};
		$t->disable;
		is($t->hba, $hba, "plaintext $plaintext, clientcert $clientcert: disabled");
	}
}

# A client that wants another CA refuses our server; that is the client's own doing.
$t->enable(source_dir => $t->{source});
$t->out('verify-ca with another root', qr/certificate verify failed/, sslmode => 'verify-ca',
	cert => 'alice', sslrootcert => $t->{pki}->path('other-root.crt'));
$t->out('verify-full with another host name', qr/does not match host name/, sslmode => 'verify-full',
	cert => 'alice', host => 'elsewhere.example');
$t->stop;

done_testing();
