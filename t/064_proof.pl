# What proves a change, and what does not: an answer that says nothing about pg_hba.conf is a warning with its
# reason, never "done", and a handshake that fails does not prove that TLS is off.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('proof', conf => "max_connections = 6\nsuperuser_reserved_connections = 0\nmax_wal_senders = 0\n");

# The last step "verify": the one about pg_hba.conf.
sub proof
{
	my ($steps) = @_;
	return (grep { $_->{action} eq 'verify' } @$steps)[-1];
}

# --- the first call of a session tries a login over TLS, too

my $from = -s $t->{node}->logfile;
my $step = proof($t->enable(source_dir => $t->{source}, clientcert => 'verify-full', plaintext => 'block', force => 'true'));
is($step->{target}, 'pg_hba.conf', 'the step about pg_hba.conf');
is($step->{result}, 'done', 'is done, proven');
like($t->log_since($from), qr/connection requires a valid client certificate/, 'by a login over TLS without a certificate');
like($t->log_since($from), qr/no encryption|SSL off/, 'and one in plaintext');
is(proof($t->enable(source_dir => $t->{source}, clientcert => 'verify-full', plaintext => 'block'))->{result},
	'unchanged', 'nothing to prove where nothing changes');
$t->disable;

# --- every connection is taken

my @sessions = map { $t->session } 1 .. 5;
$step = proof($t->enable(source_dir => $t->{source}, plaintext => 'block', force => 'true'));
is($step->{target}, 'pg_hba.conf', 'all connections taken: the step about pg_hba.conf');
is($step->{result}, 'warning', 'is a warning');
like($step->{detail}, qr/^the answer to a login \S+.* proves nothing: .*too many clients/, 'with the reason');
is($t->served, $t->{pki}->fingerprint('server.crt'), 'the certificate is proven all the same');
$_->quit foreach @sessions[ 1 .. 4 ];

# --- TLS off: no answer in time does not prove it

my $hba = $t->hba;
my $session = $sessions[0];
$session->delay(5);
$session->ask(q{SET castssl.verify_timeout = '3s'; SELECT count(*) FROM castssl_disable();});
my $answer = $session->answer;
like($answer, qr/ERROR:  58000: the change did not take effect: no answer in time/, 'no answer in time: not proven');
like($answer, qr/DETAIL:  Files and parameters are as they were before/, 'and undone');
$session->delay(0);
is($t->hba, $hba, 'pg_hba.conf is as before');
is($t->served, $t->{pki}->fingerprint('server.crt'), 'so is what is served');
$session->ask('RESET castssl.verify_timeout; SELECT count(*) FROM castssl_disable();');
unlike($session->answer, qr/ERROR/, 'a server that says no to TLS proves that it is off');
is($t->served, 'none', 'which it is');
$session->quit;
$t->stop;

done_testing();
