# Which roles a rule of method scram-sha-256 would refuse: those that come in by the rule, and no others.
# What castssl_hba_apply() refuses is what castssl_hba_compare() shows.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('passwords', hba => $CastsslTest::stock_hba);
$t->enable(source_dir => $t->{source});
my $own = "local all all trust\n";
$t->sql(qq{SET password_encryption = 'md5'; } . join ' ', map { "CREATE ROLE $_ LOGIN PASSWORD 'old';" } 'connlim', 'fo', 'm1', 'm2', 'm3', 'repm REPLICATION', 'sum SUPERUSER', '"Odd role"');
$t->sql('CREATE DATABASE m1');
$t->sql('CREATE DATABASE closed');
$t->sql('REVOKE CONNECT ON DATABASE closed FROM PUBLIC; GRANT CONNECT ON DATABASE closed TO m2');

sub row
{
	my ($check) = @_;
	my $rows = $t->rows("SELECT * FROM castssl_check() WHERE check_name = '$check'");
	is(scalar @$rows, 1, "$check: one row") or diag explain $rows;
	return $rows->[0];
}

foreach my $case (
	[ 'host replication all 14.0.0.0/8 md5', 'repm, sum' ],
	[ 'host sameuser all 14.0.0.0/8 md5', 'm1' ],
	[ 'host closed all 14.0.0.0/8 md5', 'm2, sum' ],
	[ 'host nowhere,closed all 14.0.0.0/8 md5', 'm2, sum' ],
	[ 'host all all 14.0.0.0/8 md5', '"Odd role", connlim, fo, m1, m2, m3, repm, sum' ],
	[ 'host all "Odd role" 14.0.0.0/8 md5', '"Odd role"' ],
	[ 'host nowhere all 14.0.0.0/8 md5', undef ],
	[ 'host replication m1,fo 14.0.0.0/8 md5', undef ])
{
	my ($rule, $roles) = @$case;
	$t->set_hba("$own$rule\n");
	my $row = row('hba_md5');
	if (!defined $roles)
	{
		is($row->{hint}, $row->{fix}, "$rule: nobody would be refused, there is a fix");
		next;
	}
	is($row->{fix}, undef, "$rule: no fix before the passwords");
	my ($noun, $found, $how) = $row->{hint} =~ /^First set the (passwords?) of (.*?) \((in psql: .*?)\): scram-sha-256 would refuse (?:this role|these roles)\.  Then: BEGIN;SELECT castssl_hba_change/ or diag explain $row;
	is($found, $roles, "$rule: those that come in by it");
	is($noun, $roles =~ /,/ ? 'passwords' : 'password', 'singular for one');
	like($how, $roles =~ /,/ ? qr/for each role$/ : qr/\\password \Q$roles\E$/, 'how to set it');
	# the same of a rule that asks for SCRAM now
	$t->set_hba($own . $rule =~ s/md5$/scram-sha-256/r . "\n");
	like(row('md5_secrets')->{message}, qr/^scram-sha-256 refuses roles? \Q$roles\E: /, 'and they are refused by SCRAM');
}

# more than a hint can hold: the query lists them
{
	$t->sql(q{SET password_encryption = 'md5'; } . join ' ', map { "CREATE ROLE many_$_ LOGIN PASSWORD 'old';" } 10 .. 40);
	$t->set_hba("${own}host all all 14.0.0.0/8 md5\n");
	my $row = row('hba_md5');
	my ($more, $query) = $row->{hint} =~ / and (\d+) more \(.*?; all roles with an MD5 password: (SELECT rolname FROM pg_authid .*?)\):/ or diag explain $row;
	is($more, 19, 'how many more');
	is(scalar split(/\n/, $t->sql($query)), 39, 'the query has them all');
	$t->set_hba("${own}host all all 14.0.0.0/8 trust\n");
	(undef, $query) = row('hba_trust')->{hint} =~ /^First set the passwords of .*?; (all roles without a SCRAM password): (SELECT rolname FROM pg_authid .*?)\):/;
	like($t->sql($query), qr/^postgres$/m, 'also those without any');
	unlike($t->sql($query), qr/^alice$/m, 'and none with one of SCRAM');
}

# what apply refuses is what compare shows: nothing over GSSAPI where the server offers none
{
	$t->set_hba("${own}host all all 10.0.0.0/8 scram-sha-256\n");
	$t->sql(q{SELECT castssl_hba_add('hostgssenc all all 10.0.0.0/8 trust', before_line => 2)});
	my $rows = $t->rows('SELECT * FROM castssl_hba_compare()');
	my ($ok, undef, $err) = $t->psql('SELECT * FROM castssl_hba_apply()');
	is_deeply($rows, [], 'a server without a keytab: the comparison is empty');
	ok($ok, 'and the edit is applied') or diag $err;
	$t->sql(q{SELECT castssl_hba_add('local app all peer', before_line => 1)});
	$t->sql('SELECT * FROM castssl_hba_apply(force => true)');
	$t->sql(q{SELECT castssl_hba_remove(rule => 'local app all peer')});
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'trust for a socket', detail => qr/^For example database app, user all, a Unix-domain socket: peer before, trust afterwards\.$/,
		hint => qr/castssl_hba_compare/);
	like($t->sql('SELECT change FROM castssl_hba_compare()'), qr/^admitted without proof$/, 'which the comparison shows');
}

# many roles and many rules: what is asked for one role takes no memory from the next one
SKIP:
{
	skip 'no /proc here, or a build that keeps what it has freed', 1 if !-e '/proc/self/status' || $ENV{CASTSSL_SANITIZED};
	$t->sql(q{SET password_encryption = 'md5'; DO $$BEGIN FOR i IN 1 .. 1000 LOOP EXECUTE format('CREATE ROLE crowd_%s LOGIN PASSWORD %L', i, 'old'); END LOOP; END$$});
	$t->sql('SELECT castssl_hba_discard()');
	$t->set_hba(join '', $own, (map { "host db$_ all 14.0.0.0/8 scram-sha-256\n" } 1 .. 300), "host all sum 14.0.0.0/8 md5\n");
	my $used = q{SELECT substring(pg_read_file('/proc/self/status', 0, 10000) FROM 'VmHWM:\s+(\d+)')};
	my ($before, undef, $after) = split /\n/, $t->sql("$used; SELECT castssl_hba_change(302, 'host all sum 14.0.0.0/8 scram-sha-256') IS NULL; $used");
	cmp_ok($after - $before, '<', 40_000, 'kilobytes for a thousand roles and three hundred rules');
	$t->sql('SELECT castssl_hba_discard()');
}

$t->stop;
done_testing();
