# As transact.py, for DBD::Pg; with AutoCommit off, but for hold.
use strict;
use warnings;
use DBI;

$| = 1;
my @held;
while (my $line = <STDIN>)
{
	chomp $line;
	my ($mode, $target, $sql) = split /\t/, $line;
	my $db = DBI->connect("dbi:Pg:$target", '', '', { AutoCommit => $mode eq 'hold', PrintError => 0 });
	if (!$db)
	{
		print 'error ', join(' ', split ' ', $DBI::errstr), "\n";
		next;
	}
	my ($value) = $db->selectrow_array($sql);
	if (defined $db->err)
	{
		print join(' ', 'error', $db->state, $db->pg_error_field('constraint') // 'none', split ' ', $db->errstr), "\n";
	}
	else
	{
		$db->commit if $mode eq 'commit';
		$db->rollback if $mode eq 'rollback';
		print "ok $value\n";
	}
	if ($mode eq 'hold') { push @held, $db }
	else { $db->disconnect }
}
