# Real files: castssl_hba_rules reads them as the server does.
#
# CASTSSL_CORPUS names a folder of them (../shared/corpus beside the project); without it this is skipped.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $corpus = $ENV{CASTSSL_CORPUS} // "$FindBin::RealBin/../../shared/corpus";
my @files = sort glob "$corpus/*.conf";
plan skip_all => "no folder of real files: $corpus (CASTSSL_CORPUS names another)" unless @files;

my $t = CastsslTest->new('corpus', hba => "local all all trust\n");
# with ssl off the server has a complaint of its own about each hostssl line
$t->enable(source_dir => $t->{source});
my $version = int($t->sql('SHOW server_version_num') / 10000);
my $columns = 'line_number, type, database, user_name, address, netmask, auth_method, options, error';
$columns = "file_name, $columns" if $version >= 16;

# The server says nothing about some lines that it refuses: all but the line number is NULL then.
sub comparable
{
	my ($rows, $theirs) = @_;
	foreach my $i (0 .. $#$rows)
	{
		my $row = $rows->[$i];
		$row->{options} //= [];
		next if defined $row->{auth_method};
		$row->{error} = 'refused' if defined $row->{error} && !defined $theirs->[$i]{error} || $row == $theirs->[$i] && !defined $row->{error};
	}
	return [ map { my $row = $_; join ' | ', map { my $v = $row->{$_}; "$_=" . (ref $v ? join(',', @$v) : $v // 'NULL') } sort keys %$row } @$rows ];
}

my $count = 0;
foreach my $file (@files)
{
	(my $name = $file) =~ s{.*/}{};
	$t->write('pg_hba.conf', $t->slurp($file));
	my $theirs = $t->rows("SELECT $columns FROM pg_hba_file_rules");
	my $ours = comparable($t->rows("SELECT $columns FROM castssl_hba_rules() ORDER BY rule_number"), $theirs);
	is_deeply($ours, comparable($theirs, $theirs), "$name: the rules") or diag explain $ours;
	$count += @$theirs;
}
cmp_ok($count, '>', @files, "$count rules in " . @files . ' files');

done_testing();
