# What the small CA has revoked stays out of a server that comes to trust this CA later: each hint is typed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use CastsslOpenssl ();
use Test::More;

my $rule = "local all all trust\nhostssl all all 127.0.0.1/32 cert\n";
my $t = CastsslTest->new('revocations', hba => $rule);
my ($pki, $d) = ($t->{pki}, $t->{data});
my $ca = "$d/pg_castssl/ca";
my $in_file = "pg_read_file('pg_castssl/issued/%s/client.crt')";
$pki->openssl(qw(ca -config openssl.cnf -cert root.crt -keyfile root.key -gencrl -crldays 30 -out other.crl));
my $other_crl = "pg_read_file('" . $pki->path('other.crl') . "')";

# Does this user's certificate of the small CA open the server?
sub comes_in
{
	my ($user) = @_;
	my $files = "$d/pg_castssl/issued/$user";
	my %connection = (
		$t->connection(user => $user, sslmode => 'require', sslrootcert => '/dev/null'),
		sslcert => "$files/client.crt",
		sslkey => "$files/client.key");
	delete $connection{sslrootcert};
	my ($ok, $said) = CastsslOpenssl::connect_with(\%connection, 'SELECT 1', HOME => $t->{folder});
	return $ok ? 'in' : $said =~ /(revoked|unknown ca)/ ? $1 : $said;
}

# What psql shows, and the first HINT of it, or that of the error.
sub said
{
	my ($sql) = @_;
	my (undef, undef, $err) = $t->psql($sql);
	my ($hint) = $err =~ /(?:.*ERROR: )?.*?^HINT: +(.*?)$/ms;
	return ($err, $hint // '');
}

sub row
{
	return $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'ca_revocations'})->[0];
}

sub typed
{
	my ($sql, $what) = @_;
	my ($ok, undef, $err) = $t->psql($sql || 'none');
	return ok($ok, "typed: $what") || diag "$sql\n$err";
}

my $accepts = qr/ 55000: the server would accept 1 revoked certificate$/m;

$t->enable(source_dir => $t->{source}, clientcert => 'none');
$t->sql(q{SELECT length(castssl_create_ca(common_name => 'Our CA'))});
my ($err, $hint) = said(q{SELECT castssl_issue_client('bob')});
like($err, qr/^DETAIL: .* Certificates can be revoked here only when there is a CRL of .*root/m, 'before it is trusted: revoking will need a CRL of the other CA');
like($hint, qr/^SELECT \* FROM castssl_install\(ca => [^,]*\);$/, 'nothing is revoked: the CA alone');
is(row(), undef, 'no row: the CA is not trusted');
my $revoke = sprintf "SELECT length(castssl_revoke($in_file, 'keyCompromise'))", 'bob';
$t->sql($revoke);
is(row(), undef, 'nor afterwards');

# --- beside a CA without a CRL

my $install_both = "SELECT * FROM castssl_install(ca => pg_read_file('root.crt') || E'\\n' || pg_read_file('pg_castssl/ca/root.crt'))";
my $before = $t->state;
($err, $hint) = said($install_both);
like($err, $accepts, 'with the CA alone, bob would come in: refused');
my ($argument) = $hint =~ /^A server that checks CRLs needs one of each CA: get the CRL of .*root.* from that CA, .* and add: (crl => .*)$/;
ok($argument, 'the HINT has the argument that is missing') or diag $hint;
($err) = said($install_both =~ s/\)$/, $argument)/r);
like($err, qr/ F0000: there is no CRL for certificate 1 of/m, 'with the dots it is refused, too');
is_deeply($t->state, $before, 'nothing has changed');
(undef, $hint) = said(q{SELECT castssl_issue_client('alice')});
my ($statement) = $hint =~ /^A server that checks CRLs needs .* Then: (SELECT \* FROM castssl_install\(ca => .*, crl => .*\);)$/;
ok($statement, 'castssl_issue_client() names both files') or diag $hint;
typed(($statement // '') =~ s/'\.\.\.'/$other_crl/r, 'with the text of that CRL');
is(comes_in('alice') . ', ' . comes_in('bob'), 'in, revoked', 'alice comes in, and bob does not');
is(row(), undef, 'no row');
($err, $hint) = said($revoke);
like($err, qr/already revoked/, 'once more');
like($hint, qr/^The CRL is "\Q$ca\E\/root\.crl": SELECT \* FROM castssl_install\(crl => \.\.\.\); on each other server/, 'here nothing is left to do');

# --- the CRL is dropped again

my $drop = q{SELECT count(*) FROM castssl_enable(crl_file => '')};
($err) = said($drop);
like($err, $accepts, "crl_file => '' would let bob in");
like($err, qr/^HINT: +Take that CRL into ssl_crl_file, .* force => true/m, 'with how to keep it');
$t->sql($drop =~ s/\)$/, force => true)/r);
is(comes_in('bob'), 'in', 'force lets him in');
my $found = row() // {};
is($found->{severity} // 'none', 'error', 'and the check says so');
like($found->{message}, qr/^this server accepts 1 certificate that its own CA has revoked/, 'in a row');
is($found->{fix}, undef, 'there is no fix without the CRL of the other CA');
($err, $hint) = said($revoke);
like($hint, qr/^This server does not check the CRL yet\.  A server that checks CRLs needs one of each CA/, 'castssl_revoke() again: the next step');
($statement) = $hint =~ /Then: (SELECT \* FROM castssl_install\(crl => .*\);)$/;
ok(index($found->{hint}, $statement // 'none') >= 0, 'which is that of the row');
# a row, where nobody is revoked yet
rename "$ca/$_", "$t->{folder}/$_" or die $! foreach qw(root.crl revoked);
is(row()->{severity}, 'info', 'nothing is revoked: a row says that nothing can be');
like(row()->{message}, qr/^no certificate of this server's own CA can be revoked here, because there is no CRL of .*root/, 'and why');
rename "$t->{folder}/$_", "$ca/$_" or die $! foreach qw(root.crl revoked);
($err, $hint) = said(sprintf "SELECT length(castssl_revoke($in_file))", 'alice');
like($err, qr/ F0000: there is no CRL for .*root.*, which this server trusts, too$/m, 'alice cannot be revoked');
($statement) = $hint =~ /Then: (SELECT \* FROM castssl_install\(crl => .*\);)  Then revoke the certificate\.$/;
typed(($statement // '') =~ s/'\.\.\.'/$other_crl/r, 'with the text of that CRL');
is(comes_in('bob'), 'revoked', 'bob is out');
is(row(), undef, 'and the row is gone');

# --- taking back admits nobody either

my $newest = 'SELECT max(change_id) FROM castssl_changes()';
my $installed = $t->sql($newest);
($err) = said("SELECT * FROM castssl_rollback($installed)");
like($err, $accepts, 'to take that back would let bob in again: refused');
is(comes_in('bob'), 'revoked', 'so he stays out');
typed(sprintf("SELECT length(castssl_revoke($in_file, 'superseded'))", 'alice'), 'now alice can be revoked');
is(comes_in('alice') . ', ' . comes_in('bob'), 'revoked, revoked', 'and both are out');
typed('SELECT count(*) FROM castssl_rollback(' . $t->sql($newest) . ')', 'a revocation can be taken back');
is(comes_in('alice') . ', ' . comes_in('bob'), 'in, revoked', 'that one alone');

# --- the small CA alone

$t->sql(q{ALTER SYSTEM RESET ssl_crl_file});
$t->sql(q{ALTER SYSTEM SET ssl_ca_file = ''});
$t->reload;
my $source = "$t->{folder}/small";
mkdir $source or die $!;
$t->write("$source/$_", $t->slurp($_)) foreach qw(server.crt server.key);
chmod 0600, "$source/server.key" or die $!;
$t->write("$source/root.crt", $t->slurp("$ca/root.crt"));
foreach my $case (
	[ 'castssl_install', q{SELECT * FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'))} ],
	[ 'castssl_install, with a certificate', q{SELECT * FROM castssl_install(ca => pg_read_file('pg_castssl/ca/root.crt'), certificate => castssl_sign(purpose => 'server', request => castssl_csr('localhost', dns_names => '{localhost}')))} ],
	[ 'castssl_enable with source_dir', "SELECT * FROM castssl_enable(source_dir => '$source', clientcert => 'none')" ],
	[ 'castssl_enable with ca_file', "SELECT * FROM castssl_enable(ca_file => '$source/root.crt')" ])
{
	my ($name, $sql) = @$case;
	($err, $hint) = said($sql);
	like($err, $accepts, "$name: refused");
	($argument) = $hint =~ /^Call castssl_install\(\) again, and add: (crl => .*)$/;
	typed($argument ? $sql =~ s/\)$/, $argument)/r : $hint, 'with the CRL');
	is(comes_in('alice') . ', ' . comes_in('bob'), 'in, revoked', "$name: alice comes in, and bob does not");
	$t->sql(q{ALTER SYSTEM SET ssl_crl_file = ''});
	$t->reload;
	is(comes_in('bob'), 'in', 'without the CRL he would');
	# nothing is worse than it is: a renewal is not refused
	typed("SELECT count(*) FROM castssl_enable(cert_file => '$source/server.crt', key_file => '$source/server.key')", 'another certificate, meanwhile');
	$found = row() // {};
	is($found->{fix} // 'none', $found->{hint}, 'the row has a fix');
	typed($found->{fix}, 'the fix');
	is(comes_in('alice') . ', ' . comes_in('bob') . ', ' . (row() ? 'a row' : 'no row'), 'in, revoked, no row', 'after which he is out');
	$t->sql(q{SELECT count(*) FROM castssl_disable(force => true)});
	$t->sql(q{SELECT count(*) FROM castssl_enable(ca_file => '', crl_file => '', force => true)});
}

$t->stop;
done_testing();
