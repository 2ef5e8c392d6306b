# Which rules castssl_check() names because superusers come in by them from anywhere: by name, by group, by regular expression.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('superusers');
$t->enable(source_dir => $t->{source}, clientcert => 'none');
my $version = $t->sql('SHOW server_version_num') / 10000;
my $own = "local all all trust\n";
$t->sql('CREATE ROLE admins; CREATE ROLE staff; CREATE ROLE nobody; CREATE ROLE "+odd" SUPERUSER LOGIN; GRANT admins TO staff; GRANT staff TO postgres; GRANT nobody TO alice');

foreach my $case (
	[ 'all all', 1 ], [ 'all postgres', 1 ], [ 'all alice,postgres', 1 ], [ 'all alice', 0 ], [ 'all "all"', 0 ],
	[ 'all +admins', 1 ], [ 'all +staff', 1 ], [ 'all +nobody', 0 ], [ 'all "+odd"', 1 ], [ 'all +no_such_role', 0 ],
	$version >= 16 ? ([ 'all "/.*"', 1 ], [ 'all /^post', 1 ], [ 'all /^ali', 0 ]) : ())
{
	my ($lists, $found) = @$case;
	foreach my $address ('0.0.0.0/0', 'all')
	{
		$t->set_hba("${own}hostssl $lists $address scram-sha-256\n");
		is($t->sql(q{SELECT string_agg(severity || ' ' || subject, ' ') FROM castssl_check() WHERE check_name = 'hba_superusers'}),
			$found ? 'warning pg_hba.conf:2' : '', "$lists $address");
	}
}

# every other address, or all that there is of IPv6
foreach my $case ([ '0.0.0.0/1', 1 ], [ '128.0.0.0/1', 1 ], [ '::/0', 1 ], [ '2000::/3', 1 ], [ '10.0.0.0/8', 0 ], [ 'fc00::/7', 0 ], [ '10.0.0.1/32', 0 ])
{
	my ($address, $found) = @$case;
	$t->set_hba("${own}hostssl all all $address scram-sha-256\n");
	is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'hba_superusers'}), $found, "all $address");
}

# a certificate from each of them: that is sure only where the rule names superusers and nobody else
$t->set_hba("${own}hostssl all +admins 0.0.0.0/0 scram-sha-256\n");
is($t->sql(q{SELECT fix IS NULL FROM castssl_check() WHERE check_name = 'hba_superusers'}), 't', 'a group may get other members: no fix');

$t->stop;
done_testing();
