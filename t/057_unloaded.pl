# What somebody has edited or set, and nobody has loaded: no fix makes it live, and the hints about it,
# typed, lead out both ways.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl qw(slurp spew);
use CastsslTest;
use Test::More;

my $rules = "local all all trust\nlocal all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
my $t = CastsslTest->new('unloaded', hba => $rules);
my $pki = $t->{pki};
my $data = $t->{data};
local $ENV{HOME} = $t->{folder};    # without certificates
$t->set_hba($rules);
$t->enable(source_dir => $t->{source}, clientcert => 'none', force => 'true');

sub row
{
	my ($name) = @_;
	return $t->rows("SELECT * FROM castssl_check() WHERE check_name = '$name' AND severity <> 'ok'")->[0] // {};
}

sub fixes
{
	return $t->sql('SELECT count(*) FROM castssl_check() WHERE fix IS NOT NULL');
}

sub loads
{
	my ($result) = @_;
	return map { $_->{target} } grep { ($_->{code} // '') eq 'loads_edits' } @{ $t->rows("SELECT * FROM $result") };
}

# --- files of rules and maps

sub waits
{
	my ($what, $file, $text, $look) = @_;
	my $before = slurp($file);
	CastsslTest::next_second();
	$t->write($file, $text . $before);
	my $row = row('hba_in_effect');
	is($row->{subject}, $file, "$what: not loaded");
	like($row->{hint}, qr/^$look  To load it: SELECT \* FROM castssl_reload\(\);  Otherwise put the file back as it was\.$/, "$what: both ways");
	is(fixes(), 0, "$what: no row has a fix");
	like(row($_)->{hint}, qr/^First see to the row hba_in_effect: a reload would also load "\Q$file\E"/, "$what: $_ says what comes first") foreach qw(hba_dead_rules key_permissions);
	is_deeply([ loads('castssl_enable(dry_run => true)') ], [$file], "$what: castssl_enable() names it");
	$t->sql(q{SELECT castssl_hba_add(rule => 'host all bob 10.9.9.9/32 reject')});
	is_deeply([ loads('castssl_hba_apply(dry_run => true)') ], [$file], "$what: castssl_hba_apply() as well");
	$t->sql('SELECT castssl_hba_discard()');
	my ($load) = $row->{hint} =~ /To load it: (.*?;)/;
	$t->sql($load);
	is_deeply(row('hba_in_effect'), {}, "$what: typed, it is loaded");
	cmp_ok(fixes(), '>', 0, "$what: and there are fixes again");
	is_deeply([ loads('castssl_enable(dry_run => true)') ], [], "$what: nothing else is loaded");
	$t->write($file, $before);
	$t->reload;
	return;
}
# a row about who gets in says that it speaks of the file
CastsslTest::next_second();
$t->write('pg_hba.conf', "${rules}hostssl all all 10.0.0.0/8 trust\nhostssl all bob 11.0.0.0/8 md5\n");
my %said = map { $_ => row($_)->{message} } qw(hba_trust hba_md5);
like($_, qr/^by the file, which is not loaded: /, 'a line that nobody has loaded') foreach values %said;
$t->reload;
is(row($_)->{message}, $said{$_} =~ s/^by the file, which is not loaded: //r, "$_: then it is in force") foreach keys %said;
$t->set_hba($rules);
chmod 0640, "$data/server.key" or die $!;
$t->reload;
cmp_ok(fixes(), '>', 1, 'there is something to fix');
my $look = qr/Who gets in by it: SELECT \* FROM castssl_hba_rules\(\);/;
waits('pg_hba.conf', "$data/pg_hba.conf", "# edited\n", $look);
waits('pg_ident.conf', "$data/pg_ident.conf", "m /.* postgres\n", qr/Whoever the file maps to a role can log in as that role: read it first\./);
$t->write("$data/names", "bob\n");
$t->set_hba("$rules" . "host all \@names 10.9.9.8/32 reject\n");
waits('an @file', "$data/names", "alice\n", $look);
$t->set_hba($rules);

# a line that lets clients in without a password is named, whoever loads it
{
	my $detail = sub {
		return (map { $_->{detail} } grep { ($_->{code} // '') eq 'loads_edits' } @{ $t->rows("SELECT * FROM $_[0]") })[0] // 'no row';
	};
	CastsslTest::next_second();
	$t->write("$data/pg_hba.conf", "host all all 0.0.0.0/0 trust\nhost all all 192.0.2.0/24 md5\n" . $rules =~ s/^local/host all bob 10.9.9.9\/32 trust\nlocal/r);
	my $says = qr/, and stays when the change is undone\.  It lets clients in without a password \(trust\): pg_hba\.conf:1, pg_hba\.conf:3, pg_hba\.conf:4, pg_hba\.conf:5$/;
	like($detail->('castssl_enable(dry_run => true)'), $says, 'castssl_enable() names the lines without a password');
	$t->sql(q{SELECT castssl_hba_remove(line_number => 5, rule => 'local all all trust')});
	like($detail->('castssl_hba_apply(dry_run => true)'), $says, 'castssl_hba_apply() as well');
	$t->sql('SELECT castssl_hba_discard()');
	$t->write("$data/pg_hba.conf", "local all all trust\n" . join '', map { "host all all 10.0.0.$_/32 trust\n" } 1 .. 6);
	like($detail->('castssl_enable(dry_run => true, force => true)'), qr/ \(trust\): pg_hba\.conf:1, .*, pg_hba\.conf:5, and 2 more$/, 'five of many');
	$t->write("$data/pg_hba.conf", "local all all peer\nhost all all 192.0.2.0/24 md5\n");
	like($detail->('castssl_enable(dry_run => true, force => true)'), qr/, and stays when the change is undone$/, 'no such line: no such sentence');
	$t->set_hba($rules);
}

# a line that the server refuses is mended first, and the row about it has no fix that loads the rest
CastsslTest::next_second();
$t->write("$data/pg_hba.conf", "host all all 10.0.0.0/8 trust\n${rules}hostssl all all 10.1.1.1/32 md5 clientcert=1\n");
SKIP: {
	skip 'clientcert=1 is no error before 14', 3 if $t->sql('SHOW server_version_num') < 140000;
	is(row('hba_loads')->{fix}, undef, 'no fix for the line');
	like(row('hba_loads')->{hint}, qr/castssl_hba_change\(/, 'but what to do');
	like(row('hba_in_effect')->{hint}, qr/^First correct the lines/, 'which comes first');
}
$t->set_hba($rules);
chmod 0600, "$data/server.key" or die $!;

# what was touched holds what the newest change has loaded
$t->enable(addresses => '{10.9.9.7/32}', force => 'true');
CastsslTest::next_second();
utime undef, undef, "$data/pg_hba.conf", "$data/root.crt" or die $!;
is_deeply(row('hba_in_effect'), {}, 'a file of rules that was touched');
is_deeply([ loads('castssl_enable(dry_run => true)') ], [], 'is not one that was edited');
is_deeply(row('served_matches_disk'), {}, 'nor is a CA file');

# --- values of parameters

$t->set_hba("local all all trust\nhostssl all alice 127.0.0.1/32 trust clientcert=verify-ca\n");
spew($pki->path('index-revoked.txt'), '');
spew($pki->path('revoked.cnf'), slurp($pki->path('openssl.cnf')) =~ s/index\.txt/index-revoked.txt/r);
my @ca = qw(ca -config revoked.cnf -cert root.crt -keyfile root.key);
$pki->openssl(@ca, '-gencrl', '-crlsec', 1, '-out', 'stale.crl');
$pki->openssl(@ca, qw(-gencrl -crldays 30 -out none.crl));
$pki->openssl(@ca, '-revoke', 'bob.crt');
$pki->openssl(@ca, qw(-gencrl -crldays 30 -out revoked.crl));
sleep 2;
$t->write("$data/$_", slurp($pki->path($_))) foreach qw(stale.crl none.crl other-root.crt server-expired.crt server-expired.key);
chmod 0600, "$data/server-expired.key" or die $!;
$t->sql('SELECT FROM ' . CastsslTest::call('castssl_install', crl => slurp($pki->path('revoked.crl')), force => 'true'));
my $guest = $t->guest(cert => 'alice');

sub is_judged
{
	my ($what, $says, %set) = @_;
	my %before = map { $_ => $t->sql("SHOW $_") } keys %set;
	$t->sql("ALTER SYSTEM SET $_ = '$set{$_}'") foreach keys %set;
	my ($reload) = @{ $t->rows('SELECT * FROM castssl_reload()') };
	is($reload->{reloaded}, 0, "$what: castssl_reload() does not load it");
	like($reload->{problem}, qr/^not reloaded, because this would take effect: $says/, "$what: and says why");
	my $hint = row('parameters_in_effect')->{hint};
	my $names = join '|', keys %set;
	like($hint, qr/^A reload would put this into effect: $says.*  To keep what is in effect: ALTER SYSTEM .*;  To load it all the same: SELECT pg_reload_conf\(\);$/s, "$what: the hint says it, and both ways");
	$t->sql($_) foreach ($hint =~ /in effect: (ALTER .*;)  To load/)[0] =~ /ALTER [^;]*;/g;
	is($t->sql("SHOW $_"), $before{$_}, "$what: typed, $_ is kept") foreach keys %set;
	is_deeply(row('parameters_in_effect'), {}, "$what: and the row has gone");
	is($t->sql('SELECT problem FROM castssl_reload()'), '', "$what: a reload is good again");
	return;
}
is_judged('an expired CRL', qr/\S+stale\.crl: .*expired/, ssl_crl_file => 'stale.crl');
is_judged('no CA', qr/ssl_ca_file: it is empty, and the rule at \S+pg_hba\.conf:2 asks for a client certificate/, ssl_ca_file => '');
is_judged('an expired certificate', qr/\S+server-expired\.crt: .*expired/, ssl_cert_file => 'server-expired.crt', ssl_key_file => 'server-expired.key');
is_judged('no CRL', qr/ssl_crl_file: 1 revoked certificate would be accepted again/, ssl_crl_file => '');
is_judged('a CRL that lacks it', qr/ssl_crl_file: 1 revoked certificate would be accepted again/, ssl_crl_file => 'none.crl');
is_judged('no such file', qr/ssl_ca_file: .*nowhere\.crt/, ssl_ca_file => 'nowhere.crt');
is_judged('a curve that there is not', qr{ssl_(?:groups|ecdh_curve): }, ($t->sql('SHOW server_version_num') < 180000 ? 'ssl_ecdh_curve' : 'ssl_groups') => 'nope');

# the CA of a session that is connected; without a CRL, which would name the CA as well
$t->sql(q{SELECT FROM castssl_enable(crl_file => '', force => true)});
is_judged('the CA of somebody else', qr/1 live session could not come back\..*alice/s, ssl_ca_file => 'other-root.crt');

# what is good is loaded by the hint
$t->sql(q{ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.3'});
my $hint = row('parameters_in_effect')->{hint};
like($hint, qr/^To keep what is in effect: ALTER SYSTEM .*;  To load it: SELECT \* FROM castssl_reload\(\);$/, 'a good value: both ways');
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE fix ~ 'reload'}), 0, 'and no fix loads it');
$t->sql($hint =~ /To load it: (.*;)$/);
is($t->sql('SHOW ssl_min_protocol_version'), 'TLSv1.3', 'typed: it is loaded');

# --- a CA file that was replaced: whether a session is open or not

sub replaced
{
	my ($what, $hint) = @_;
	my $row = row('served_matches_disk');
	is($row->{fix}, undef, "$what: no fix");
	like($row->{hint}, $hint, "$what: but who needs the CA that it lacks");
	return;
}
my $root = slurp("$data/root.crt");
CastsslTest::next_second();
$t->write("$data/root.crt", slurp($pki->path('other-root.crt')));
replaced('with a session', qr/^After a reload, clients that are connected now could not connect again\. .*alice/s);
$guest->quit;
replaced('without one', qr/^A reload would drop "\/[^"]*": everybody with a certificate of it would be refused\./);
$t->write("$data/root.crt", $root);
$t->reload;

# --- postgresql.conf, which was edited after ALTER SYSTEM

my $conf = $t->slurp('postgresql.conf');
$t->sql(q{ALTER SYSTEM SET ssl_cert_file = 'server.crt'});

sub overruled
{
	my ($line, $says) = @_;
	CastsslTest::next_second();
	$t->write('postgresql.conf', "$conf$line\n");
	my $hint = row('two_values')->{hint} // '';
	like($hint, qr/^The values in postgresql\.conf cannot work: $says.*  Remove them from postgresql\.conf, or correct them\.$/s, "$line: is judged first");
	unlike($hint, qr/RESET/, "$line: and no statement makes it live");
	$t->write('postgresql.conf', $conf);
	return;
}
overruled(q{ssl_ca_file = ''}, qr/ssl_ca_file: it is empty/);
overruled(q{ssl_cert_file = '/nope/server.crt'}, qr/ssl_cert_file: .*nope/);
$t->reload;

# --- a restart with values that nobody has tried

sub restarts
{
	my ($says, %set) = @_;
	my $what = join ', ', map { "$_ = '$set{$_}'" } sort keys %set;
	$t->sql("ALTER SYSTEM SET $_ = '$set{$_}'") foreach sort keys %set;
	my $status = $t->status;
	is($status->{restart_safe}, 0, "$what: restart_safe");
	like($status->{restart_problem}, $says, "$what: names the parameter");
	my $hint = row('restart_safe')->{hint} // '';
	like($hint, qr/^(?:ALTER SYSTEM (?:RESET|SET) ssl_\w+[^;]*; ?)+$/, "$what: the hint is a statement");
	$t->sql($_) foreach $hint =~ /ALTER [^;]*;/g;
	is($t->status->{restart_problem} // '', '', "$what: typed, the server would start");
	$t->restart;
	return;
}
my $groups = $t->sql('SHOW server_version_num') < 180000 ? 'ssl_ecdh_curve' : 'ssl_groups';
$t->sql('ALTER SYSTEM RESET ssl_min_protocol_version');
$t->reload;
restarts(qr/^$groups: /, $groups => 'nope');
restarts(qr/^ssl_ciphers: /, ssl_ciphers => 'nonsense') if $t->sql('SHOW server_version_num') < 190000;
restarts(qr/^ssl_min_protocol_version, ssl_max_protocol_version: /, ssl_max_protocol_version => 'TLSv1.1');
restarts(qr/^ssl_min_protocol_version, ssl_max_protocol_version: /, ssl_min_protocol_version => 'TLSv1.3', ssl_max_protocol_version => 'TLSv1.2');
restarts(qr{^/nope: }, ssl_dh_params_file => '/nope');

# loaded, and the server goes on with what it had
$t->sql(qq{ALTER SYSTEM SET $groups = 'nope'});
$t->reload;
$hint = row('restart_safe')->{hint};
like($hint, qr/^ALTER SYSTEM SET $groups = '\w[^']*'; SELECT \* FROM castssl_reload\(\);$/, 'a value that is in effect by its name alone: the hint');
$t->sql($_) foreach $hint =~ /[^;]+;/g;
is($t->status->{restart_safe}, 1, 'typed: the server would start');

$t->stop;
done_testing();
