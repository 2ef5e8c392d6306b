# Whose certificates of the small CA end soon: the row of the check, its hint, and how the end is said at issue.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use POSIX ();
use Test::More;

my $t = CastsslTest->new('issued');
my $data = $t->{data};

sub rows
{
	my ($subject) = @_;
	$subject //= qr//;
	return grep { $_->{subject} =~ /$subject/ } @{ $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'issued_certificates'}) };
}

is(scalar(rows()), 0, 'no CA: no row');
$t->sql("SELECT length(castssl_create_ca(common_name => 'Small'))");

# --- at issue: the output is the path alone, and the end is in the log

my (undef, $out, $err) = $t->psql("SELECT castssl_issue_client('alice', password => 'not to be logged', valid_for => '3 days')");
is("$out$err", "$data/pg_castssl/issued/alice", 'what psql shows is a path');
my $log = $t->slurp($t->{node}->logfile);
my ($end) = $log =~ /LOG:.* the certificate of CN=alice is valid until (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+\w-]+)$/m;
ok($end, "the end is in the server's log") or diag $log;
unlike($log, qr/STATEMENT:.*not to be logged/, 'without the statement');
$end = $t->sql("SELECT to_char('$end'::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')");    # it has the server's time zone
$t->sql('ALTER DATABASE postgres SET client_min_messages = log');
(undef, undef, $err) = $t->psql(q{SELECT castssl_issue_client('alice', valid_for => '3 days')});
$t->sql('ALTER DATABASE postgres RESET client_min_messages');
like($err, qr/LOG:.* CN=alice is valid until .*\nHINT: +Issue a new one/, 'who wants to see it sees it');
like($err, qr/LOG:.* the earlier certificate of CN=alice stays valid until /, 'and that the first one stays valid');
my ($revoke) = $err =~ /^HINT: +If it is not wanted any more: (SELECT castssl_revoke\(.*\);)$/m;
ok(($t->psql($revoke // 'none'))[0], 'typed: it is revoked') or diag $err;
my $row = $t->rows(q{SELECT directory, subject, to_char(not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS ends FROM castssl_issue_client(user_name => 'alice', valid_for => '3 days') AS directory,
	castssl_certificate_info(pg_read_file(directory || '/client.crt'))})->[0];
is("$row->{directory} $row->{subject}", "$data/pg_castssl/issued/alice CN=alice", 'one statement issues it and shows its end');
cmp_ok($row->{ends}, 'ge', $end, 'which is that of the new one');

# --- a row for each name whose newest certificate ends soon

($row) = rows();
is(scalar(rows()), 1, 'three certificates of one name: one row') or diag explain [ rows() ];
like($row->{message}, qr/ for a client ends on \d{4}-\d\d-\d\d/, 'with its end');
ok(!$t->status->{ssl}, 'also where TLS is off');
my ($statement) = $row->{hint} =~ /^(SELECT castssl_issue_client\(user_name => 'alice'\);)/;
ok(($t->psql($statement // 'none'))[0], 'typed: its statement') or diag explain $row;
is(scalar(rows()), 0, 'and the row is gone');
$t->sql(q{SELECT castssl_issue_client('bob', valid_for => '3 days')});
is(scalar(rows(qr/^bob$/)), 1, 'another one');
$t->sql(q{SELECT length(castssl_revoke(pg_read_file('pg_castssl/issued/bob/client.crt')))});
# what this change wrote goes with the CA to another folder, which is no edit by hand
rename "$data/pg_castssl/ca", "$t->{folder}/ca" or die $!;
$t->sql("LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.ca_directory = '$t->{folder}/ca'");
$t->reload;
is($t->sql(q{SELECT subject FROM castssl_check() WHERE check_name = 'edited_since'}), '', 'a CA that was moved is no edit by hand');
rename "$t->{folder}/ca", "$data/pg_castssl/ca" or die $!;
$t->sql(q{LOAD 'pg_castssl'; ALTER SYSTEM RESET castssl.ca_directory});
$t->reload;
is(scalar(rows()), 0, 'a revoked one has none');
$t->sql(q{SELECT length(castssl_sign(castssl_csr('of a request', dns_names => '{x}'), valid_for => '3 days')), length(castssl_sign(castssl_csr('db2', dns_names => '{db2}'), valid_for => '3 days', purpose => 'server'))});
like((rows(qr/^of a request$/))[0]{hint}, qr/^Have it sign a new request of the client: castssl_sign/, 'a name that is no user: no statement for it');
like((rows(qr/^db2$/))[0]{message}, qr/for a server ends on/, "another server's");
{
	# as they are after their end, for which nobody waits
	my ($ca, $made) = ("$data/pg_castssl/ca", "$t->{folder}/ended");
	mkdir $made or die $!;
	my $end = sub { return POSIX::strftime('%Y%m%d%H%M%SZ', gmtime(time - 86400 * $_[0])) };
	foreach my $ended ([ 'erin', 1, 1 ], [ 'frank', 50, 0 ])
	{
		my ($user, $days, $rows) = @$ended;
		$t->write("$made/cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=$made/index\nserial=$made/serial\nnew_certs_dir=$made\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[e]\nextendedKeyUsage=clientAuth\n");
		$t->write("$made/index", '');
		$t->write("$made/serial", "0$rows\n");
		system("openssl req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout $made/key -subj /CN=$user -out $made/csr 2>/dev/null && "
			  . "openssl ca -batch -notext -config $made/cnf -cert $ca/root.crt -keyfile $ca/ca.key -extensions e -startdate 20200101000000Z -enddate @{[$end->($days)]} -in $made/csr -out $ca/certificates/0$rows.crt 2>/dev/null") == 0 or die;
		is(scalar(rows(qr/^$user$/)), $rows, "$user, whose certificate ended $days days ago: " . ($rows ? 'a row' : 'none'));
	}
	like((rows(qr/^erin$/))[0]{message}, qr/for a client ended on/, 'it is said that it has ended');
}
# more than can be read
foreach my $number (1 .. 12)
{
	$t->sql("SELECT castssl_issue_client('many$number', valid_for => '1 day')");
}
is(scalar(rows()), 11, 'at most ten, and one for the others');
is((rows(qr/certificates$/))[0]{message}, '5 more certificates end soon', 'with their number');

# --- a damaged list, and a folder that is gone, are said and end nothing

$t->write("$data/pg_castssl/ca/certificates/zz.crt", "no certificate\n");
is(scalar(rows()), 11, 'what is no certificate is passed over');
$t->write("$data/pg_castssl/ca/revoked", "no list\n");
($row) = rows();
like($row->{message}, qr/^this could not be checked: .*revoked/, 'a damaged list of what is revoked');
like($row->{hint}, qr/^Restore the file from a backup/, 'with what to do');

# --- a certificate of the small CA for this server: its root need not be ssl_ca_file

my $own = CastsslTest->new('own_server');
my $of_server = sub { return grep { $_->{check_name} eq 'chain' } @{ $own->rows('SELECT * FROM castssl_check()') } };
$own->sql("SELECT length(castssl_create_ca(common_name => 'Small'))");
$own->sql(q{SELECT count(*) FROM castssl_install(certificate => castssl_sign(castssl_csr('localhost', dns_names => '{localhost}'), purpose => 'server'))});
is($own->sql('SHOW ssl_ca_file'), '', 'clients are asked for no certificate');
is_deeply([ $of_server->() ], [], 'nothing is wrong with a certificate whose root is here');
rename "$own->{data}/pg_castssl/ca/root.crt", "$own->{data}/pg_castssl/ca/elsewhere" or die $!;
($row) = $of_server->();
like($row->{message} // '', qr/the issuer of .* is not in a file of the server/, 'without the root it is said that it is nowhere');
$own->stop;

$t->stop;
done_testing();
