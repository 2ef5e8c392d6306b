# castssl_disable() and castssl_rollback() admit nobody who is refused today, and take back no more than
# castssl_enable() did.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('taking_back');
my %block = (source_dir => $t->{source}, clientcert => 'none', plaintext => 'block', force => 'true');
my $local = "local all all trust\n";

sub codes { return join ' ', sort map { $_->{code} } grep { defined $_->{code} } @{ $_[0] } }
sub warned { return $t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'changes' AND message LIKE '%commented this line out%'}) }

# --- a rule that was removed, and one that was made stricter, do not come back

$t->set_hba("${local}host all bob 127.0.0.1/32 trust\nhost all alice 127.0.0.1/32 trust\n");
$t->enable(%block);
is(warned(), 0, 'each line stands beside its twin');
(my $edited = $t->hba) =~ s/^hostssl all bob .*\n//m or die;
$t->set_hba($edited);
is(warned(), 1, 'castssl_check() sees that one does not');
my $steps = $t->disable;
like(codes($steps), qr/\bline_left\b/, 'a removed rule: its line is left, and named') or diag explain $steps;
$t->out('its client stays out', qr/no pg_hba\.conf entry/, user => 'bob');
$t->in('others are in', encrypted => 'f', user => 'alice');

$t->set_hba("${local}host all bob 127.0.0.1/32 trust\n");
$t->enable(%block);
($edited = $t->hba) =~ s/^hostssl all bob 127.0.0.1\/32 trust.*$/hostssl all bob 127.0.0.1\/32 scram-sha-256/m or die;
$t->set_hba($edited);
my $error = $t->fails('SELECT * FROM castssl_disable()', '55000', 'trust does not come back where proof is asked for', hint => qr/force => true/);
like($error->{detail}, qr/user bob\b/, 'who');
$t->out('without a password', qr/password/, user => 'bob', password => '');
$t->disable(force => 'true');
$t->in('with force it does', encrypted => 'f', user => 'bob');

# --- comments that another program moved

$t->set_hba("${local}host all bob 0.0.0.0/0 reject\nhost all all 127.0.0.1/32 trust\n");
$t->enable(%block);
my @lines = split /^/, $t->hba;
$t->set_hba(join '', (grep { /^#/ } @lines), grep { !/^#/ } @lines);
is(warned(), 1, 'castssl_check() sees comments that were moved');
$steps = $t->disable;
like(codes($steps), qr/\bline_left\b/, 'a moved line is left');
$t->out('who was rejected still is', qr/rejects|SSL/, user => 'bob');

# --- nothing was enabled, or nobody knows what was before

$t->set_hba("${local}hostssl all all 127.0.0.1/32 trust\n");
foreach my $name (qw(server.crt server.key))
{
	$t->write($name, CastsslOpenssl::slurp("$t->{source}/$name"));
	chmod 0600, $t->path($name) or die;
}
$t->sql('ALTER SYSTEM SET ssl = on');
$t->reload;
is_deeply(CastsslTest::changes($t->disable), [], 'never enabled: all is unchanged');
is($t->sql('SHOW ssl'), 'on', 'and TLS as it was');
$t->set_hba("${local}hostssl all alice 127.0.0.1/32 trust # castssl\n#castssl# host all alice 127.0.0.1/32 trust\nhostssl all bob 127.0.0.1/32 trust\n");
$steps = $t->disable;
like(codes($steps), qr/\bno_baseline\b/, 'marked lines without a record: said so');
is_deeply([ map { $_->{detail} } grep { ($_->{code} // '') eq 'no_baseline' } @$steps ],
	['stays as it is: there is no record of the parameters before castssl_enable(), as after pg_upgrade'], 'and nothing of lines, which have rows of their own');
like($t->hba, qr/^host all alice 127\.0\.0\.1\/32 trust$/m, 'the lines are taken back');
is($t->sql('SHOW ssl'), 'on', 'TLS stays');
$t->sql('ALTER SYSTEM RESET ssl');
$t->reload;

# --- rules of others that go dead

$t->enable(source_dir => $t->{source}, clientcert => 'none');
is((grep { ($_->{code} // '') eq 'tls_off' } @{ $t->disable(dry_run => 'true') }), 1, 'a hostssl rule that goes dead is named');
$t->disable;
$t->stop;

done_testing();
