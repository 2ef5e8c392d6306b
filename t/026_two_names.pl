# One file that pg_hba.conf includes by two names: no edit of it can be judged, and the refusal says why. From 16 on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('two_names');
plan skip_all => 'included files are from 16 on' if $t->sql('SHOW server_version_num') < 160000;
mkdir "$t->{folder}/$_" or die $! foreach 'rules', 'linked';
my $file = "$t->{folder}/rules/app.conf";
my $rules = "host all app 10.0.0.0/8 scram-sha-256\n";
my $own = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
symlink $file, "$t->{folder}/linked/app.conf" or die $!;
my %refused = (message => qr/app\.conf" and ".*app\.conf" are one file$/, detail => qr/by both names/, hint => qr/^Include it by one name alone/);

foreach my $case (
	[ 'two slashes', "include $t->{folder}/rules//app.conf" ],
	[ 'a link in a folder', "include_dir $t->{folder}/linked" ])
{
	my ($name, $second) = @$case;
	$t->write($file, $rules);
	$t->set_hba("${own}include $file\n$second\n");
	$t->enable_fails({ source_dir => $t->{source}, plaintext => 'block', force => 'true' }, '55000', "$name: castssl_enable", %refused);
	is($t->slurp($file), $rules, 'the file is as it was');
	$t->fails("SELECT castssl_hba_add(rule => 'host all all 10.1.0.0/16 reject', file_name => '$file')", '55000', "$name: an edit of the file", %refused);
	$t->fails(q{SELECT castssl_hba_require_tls(plaintext => 'block')}, '55000', "$name: castssl_hba_require_tls", %refused);
	# what does not touch it goes on
	$t->sql(q{SELECT castssl_hba_add(rule => 'host all all 10.1.0.0/16 reject', before_line => 2)});
	$t->rows('SELECT * FROM castssl_hba_apply(force => true)');
	like($t->hba, qr/^host all all 10\.1/m, "$name: an edit of pg_hba.conf itself");
}

# as the hint says: one name, twice
$t->set_hba("${own}include $file\ninclude $file\n");
$t->enable(source_dir => $t->{source}, plaintext => 'block', force => 'true');
is($t->slurp($file), "hostssl all app 10.0.0.0/8 scram-sha-256 clientcert=verify-ca # castssl\n#castssl# $rules", 'by one name it is edited, once');
$t->disable(force => 'true');
is($t->slurp($file), $rules, 'and is as before');

$t->stop;
done_testing();
