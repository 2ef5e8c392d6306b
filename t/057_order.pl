# The choices of hba_order, typed to the letter: all rows in the order shown, whichever choice each time.
# A choice names every line that it overtakes, those that reject first.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('order', hba => $CastsslTest::stock_hba);
$t->enable(source_dir => $t->{source});
my $own = "local all postgres trust\n";

sub rows
{
	my ($check) = @_;
	return @{ $t->rows("SELECT * FROM castssl_check() WHERE check_name = '$check'") };
}

# The two choices of a row, as statements.
sub choices
{
	my ($row) = @_;
	my ($upper, $remove, $lower, $move) =
	  $row->{hint} =~ /^Which one is meant\?  If (.*?): (SELECT castssl_hba_remove\(.*?\);)  If (.*?): (SELECT castssl_hba_(?:move|add)\(.*?\);)  Then see castssl_hba_compare\(\), and apply it: SELECT/
	  or diag explain $row;
	return { names => $upper, remove => $remove, says => $lower, move => $move };
}

# Type them one after the other; what they do to access, as rows of castssl_hba_compare().
sub typed
{
	my ($name, @statements) = @_;
	return unless @statements;
	foreach my $statement (@statements)
	{
		my ($ok, undef, $err) = $t->psql($statement // 'no statement');
		ok($ok, "$name: $statement") or diag $err, $t->hba;
	}
	my @effect = grep { !/ gss / } map { "$_->{change}: $_->{encryption} $_->{user_name} $_->{address}" } @{ $t->rows('SELECT * FROM castssl_hba_compare()') };
	$t->sql('SELECT castssl_hba_discard()');
	return @effect;
}

# --- a line between those that hide it takes a part of its clients: it is named, too

{
	my @hidden = ("host all all 10.0.0.0/9 md5\n", "host all all 10.128.0.0/16 reject\n", "host all all 10.128.0.0/9 md5\n");
	my $bob = "hostssl all bob 10.0.0.0/8 scram-sha-256 clientcert=verify-ca\n";
	$t->set_hba($own . join '', @hidden, $bob);
	my ($row) = rows('hba_order');
	like($row->{message}, qr/^never used: lines 2, 4 match /, 'two lines hide it');
	my $choice = choices($row);
	is($choice->{names}, 'pg_hba.conf:3 (host all all 10.128.0.0/16 reject), pg_hba.conf:2 (host all all 10.0.0.0/9 md5), pg_hba.conf:4', 'the choice names three, the reject first');
	like($choice->{says}, qr/^pg_hba\.conf:5 \(hostssl all bob .*\), also for clients that pg_hba\.conf:3 rejects$/, 'and whom the other choice would admit');
	is_deeply([ grep { /^newly admitted/ } typed('above all', $choice->{move}) ], ['newly admitted: tls bob 10.128.0.0/16'], 'as it does');
	is_deeply([ typed('removed', $choice->{remove}) ], [], 'without the rule nothing changes');

	# the same reject where it takes none of these clients, or none that it does not leave to others
	foreach my $reject ('host all alice 10.128.0.0/16 reject', 'host all all 192.168.0.0/16 reject', 'hostnossl all all 10.128.0.0/16 reject', 'local all all reject')
	{
		$t->set_hba($own . join '', $hidden[0], "$reject\n", $hidden[2], $bob);
		$choice = choices((rows('hba_order'))[0]);
		unlike($choice->{names} . $choice->{says}, qr/reject/, "not named: $reject");
		is_deeply([ grep { /^newly admitted/ } typed('above all', $choice->{move}) ], [], 'nobody is admitted');
	}
	foreach my $reject ("host all +staff 10.128.0.0/16 reject", 'host replication,sameuser bob all reject')
	{
		$t->set_hba($own . join '', $hidden[0], "$reject\n", $hidden[2], $bob);
		like(choices((rows('hba_order'))[0])->{says}, qr/rejects$/, "named: $reject");
	}
	$t->set_hba($own . join '', $hidden[0], (map { "host all all 10.128.$_.0/24 reject\n" } 1 .. 7), $hidden[2], $bob);
	like(choices((rows('hba_order'))[0])->{names}, qr/^pg_hba\.conf:3 \(.*?\), (?:pg_hba\.conf:\d, ){3}pg_hba\.conf:7 and 2 more, pg_hba\.conf:2 \(/, 'many: five and how many more');
}

# --- all rows in the order shown, and each choice

{
	my @files = (
		[ 'host all all 10.0.0.0/8 md5', 'host all all 11.1.0.0/16 reject', 'host all all 11.0.0.0/8 md5', 'host all all 12.0.0.0/8 md5',
			'hostssl all bob 11.0.0.0/8 scram-sha-256 clientcert=verify-ca', 'host all bob 10.0.0.0/8 reject' ],
		[ 'host all all 0.0.0.0/0 md5', 'host all all ::/0 md5', 'host all postgres 0.0.0.0/0 reject', 'host all postgres ::/0 reject' ],
		[ 'host all all 0.0.0.0/0 md5', 'host all all 10.0.0.0/8 reject', 'host all bob 10.0.0.0/8 trust', 'hostssl all bob 11.0.0.0/8 cert' ]);
	foreach my $file (@files)
	{
		my $hba = $own . join '', map { "$_\n" } @$file;
		$t->set_hba($hba);
		my @rows = rows('hba_order');
		cmp_ok(scalar @rows, '>=', 2, scalar(@rows) . ' rows');
		my @numbers = map { $_->{subject} =~ /:(\d+)$/ } @rows;
		is_deeply(\@numbers, [ sort { $a <=> $b } @numbers ], 'from the first line down');
		my @choices = map { choices($_) } @rows;
		foreach my $bits (0 .. 2**@choices - 1)
		{
			my $name = join ' ', map { $bits >> $_ & 1 ? 'move' : 'remove' } 0 .. $#choices;
			my @effect = typed($name, map { $choices[$_]{ $bits >> $_ & 1 ? 'move' : 'remove' } } 0 .. $#choices);
			# no choice of these files leads over a line that rejects
			is_deeply([ grep { /^newly admitted/ } @effect ], [], "$name: nobody is admitted");
			is_deeply(\@effect, [], 'and nothing changes') if $bits == 0;
		}
		is($t->hba, $hba, 'all of it was staged alone');
	}
}

# --- lines that are equal: their numbers stand beside the text

{
	$t->set_hba($own . "host all all 10.0.0.0/8 md5\nhost all bob 10.0.0.0/8 reject\nhost all bob 10.0.0.0/8 reject # again\n");
	my @choices = map { choices($_) } rows('hba_order');
	like($choices[0]{move}, qr/line_number => 3, rule => /, 'the number, too');
	typed('of two equal lines', $choices[0]{move});
}

# --- random files: every choice alone, and all of them in order

srand 34;
sub pick { return $_[ rand @_ ] }
sub random_line
{
	return join ' ', pick(qw(host host hostssl hostnossl)), pick('all', 'all', 'app', 'replication'), pick('all', 'all', 'alice', 'bob', '+staff'),
	  pick('0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/9', '10.128.0.0/9', '10.1.0.0/16', 'all'), pick(qw(scram-sha-256 md5 trust reject reject)) . "\n";
}
$t->sql('CREATE ROLE staff; GRANT staff TO bob');
my ($typed, $admitting) = (0, 0);
foreach my $round (1 .. 20)
{
	my $hba = $own . join '', map { random_line() } 1 .. 4 + rand 8;
	$t->set_hba($hba);
	my @choices = map { choices($_) } rows('hba_order');
	$typed += @choices;
	foreach my $choice (@choices)
	{
		my @admitted = grep { /^newly admitted/ } typed("file $round", $choice->{move});
		$admitting += @admitted > 0;
		is($choice->{says} =~ /rejects$/ || @admitted == 0 ? 'told' : 'not told', 'told', "file $round: who is admitted is told") or diag $hba, explain $choice, \@admitted;
		is_deeply([ typed("file $round", $choice->{remove}) ], [], "file $round: nothing changes without the rule") or diag $hba;
	}
	typed("file $round, in order", map { $_->{ pick('move', 'move', 'remove') } } @choices);
}
cmp_ok($typed, '>', 10, "$typed choices");
cmp_ok($admitting, '>', 2, "$admitting of them lead over a line that rejects");

# --- rules that are hidden in part, in the order shown

{
	$t->set_hba($own . "host all all 10.0.0.0/8 md5\nhostssl all carol 0.0.0.0/0 cert\nhost all bob all reject\nhost all alice all reject\n");
	my @moves = map { $_->{hint} =~ /^If this rule is meant for them, too: BEGIN;(SELECT castssl_hba_move\(.*?\);) SELECT \* FROM castssl_hba_apply\(/ } rows('hba_partly_hidden');
	is(scalar @moves, 2, 'two rows; a reject does not overtake another one');
	is_deeply([ grep { /^newly admitted/ } typed('in order', @moves) ], [], 'typed in order: nobody is admitted');
}

$t->stop;
done_testing();
