# Edits of single lines: a rule is put where it takes effect, a line is changed, moved or removed only
# if it is the one that was meant, and a job that runs again changes nothing. What others staged is told.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my @base = ('local all all trust', 'host all all 127.0.0.1/32 trust');
my $t = CastsslTest->new('lines', hba => join("\n", @base) . "\n");
my $version = int($t->sql('SHOW server_version_num') / 10000);
$t->sql('CREATE ROLE other SUPERUSER LOGIN');

# call(statement): what it printed as notices and warnings, and the staged lines behind the first two.
sub call
{
	my ($call, $user) = @_;
	my ($ok, $out, $err) = $t->psql("SELECT $call", user => $user // 'postgres');
	ok($ok, $call) or diag $err;
	return $err;
}

sub staged
{
	my $differs = $t->status->{hba_staged};
	return [ map { $_->{line_number} . ' ' . join(' ', $_->{type}, @{ $_->{database} }, @{ $_->{user_name} }, $_->{address} // '-', $_->{auth_method}) }
		  @{ $t->rows("SELECT * FROM castssl_hba_rules(staged => true) WHERE line_number > 2") } ];
}

# begin(lines): these lines stand behind the first two, and nothing is staged.
sub begin
{
	$t->sql('SELECT castssl_hba_discard()');
	$t->set_hba(join("\n", @base, @_) . "\n");
	$t->sql('SELECT castssl_reload()');
	return;
}

subtest 'a rule is put where it takes effect' => sub {
	begin('host app all 10.1.0.0/16 scram-sha-256', 'host all all all reject');
	my $told = call(q{castssl_hba_add('host db2 all 10.2.0.0/16 scram-sha-256')});
	like($told, qr/NOTICE: .*put above line 4 of .*pg_hba\.conf/, 'above the last reject: where, is told');
	is(staged()->[1], '4 host db2 all 10.2.0.0 scram-sha-256', 'there it stands');
	$told = call(q{castssl_hba_add('hostssl', '{app}', '{bob}', '10.1.2.0/24', 'cert')});
	like($told, qr/put above line 3 of/, 'above a wider rule');
	is(staged()->[0], '3 hostssl app bob 10.1.2.0 cert', 'there it stands');
	$told = call(q{castssl_hba_add('local app all peer')});
	like($told, qr/put above line 1 of/, 'above a rule for all of the socket');

	begin('host app all 10.1.0.0/16 scram-sha-256');
	is(call(q{castssl_hba_add('host app all 10.2.0.0/16 scram-sha-256')}), '', 'at the end, if it is reached there');
	is(staged()->[1], '4 host app all 10.2.0.0 scram-sha-256', 'there it stands');

	begin('host all all 10.0.0.0/9 md5', 'host all all 10.128.0.0/9 md5', 'host all all 11.0.0.0/8 md5');
	like(call(q{castssl_hba_add('host app all 10.0.0.0/8 scram-sha-256')}), qr/put above line 3 of/, 'two lines block it: above the first');
	begin();
	$t->sql('ALTER SYSTEM SET ssl = off');
	is(call(q{castssl_hba_add('hostssl app all 10.2.0.0/16 cert')}), '', 'a rule that waits for TLS is not blocked');
	$t->sql('ALTER SYSTEM RESET ssl');
};

subtest 'a rule that is put where nothing reaches it is told' => sub {
	begin('host app all 10.1.0.0/16 scram-sha-256', 'host all all 10.0.0.0/8 reject', 'host all all 192.168.0.0/16 md5');
	my $told = call(q{castssl_hba_add('host db2 all 10.2.0.0/16 scram-sha-256', before_line => 5)});
	like($told, qr/WARNING: .*no connection reaches line 5/, 'before_line is obeyed, with a warning');
	like($told, qr/DETAIL: .*Line 4 /, 'that names the line that answers first');
	my ($hint) = $told =~ /HINT:\s+.*?(SELECT castssl_hba_move\(.*?\))/;
	ok($hint, 'and a statement') or return;
	$t->sql($hint);
	is(staged()->[1], '4 host db2 all 10.2.0.0 scram-sha-256', 'which mends it');
};

subtest 'castssl_hba_move' => sub {
	begin('host app all 10.1.0.0/16 scram-sha-256 # kept', 'host all all 10.0.0.0/8 reject', 'host all all 192.168.0.0/16 md5');
	call('castssl_hba_move(line_number => 5, before_line => 3)');
	is_deeply(staged(), [ '3 host all all 192.168.0.0 md5', '4 host app all 10.1.0.0 scram-sha-256', '5 host all all 10.0.0.0 reject' ], 'up');
	like(call('castssl_hba_move(line_number => 4, before_line => NULL)'), qr/WARNING: .*no connection reaches line 5/, 'to the end, where it is blocked');
	is_deeply(staged(), [ '3 host all all 192.168.0.0 md5', '4 host all all 10.0.0.0 reject', '5 host app all 10.1.0.0 scram-sha-256' ], 'down');
	like($t->sql('SELECT castssl_hba_diff()'), qr{^[ +]host app all 10\.1\.0\.0/16 scram-sha-256 # kept$}m, 'with its comment');
	my $before = staged();
	foreach my $again ('4, 4', '4, 5', '5, NULL')
	{
		like(call("castssl_hba_move($again)"), qr/NOTICE: .*is already there/, "($again) is no move");
		is_deeply(staged(), $before, 'and stages nothing');
	}
	$t->fails("SELECT castssl_hba_move($_->[0])", '22023', "($_->[0])", hint => $_->[1])
	  foreach [ '9, 1', qr/castssl_hba_rules/ ], [ '1, 9', qr/castssl_hba_rules/ ], [ '0, 1', qr/castssl_hba_rules/ ],
	  [ 'NULL, 1', qr/castssl_hba_rules/ ], [ '1, 0', qr/NULL/ ], [ q{1, 2, '/nowhere'}, qr/first make an empty file on the server\.  castssl_hba_rules/ ],
	  [ q{1, 2, '/etc/passwd'}, qr/^castssl_hba_rules/ ];
  SKIP:
	{
		skip 'lines are joined from 14 on', 1 if $version < 14;
		begin("host app \\\n  all 10.1.0.0/16 md5", 'host all all 192.168.0.0/16 md5');
		call('castssl_hba_move(line_number => 3, before_line => NULL)');
		like($t->sql('SELECT castssl_hba_diff()'), qr{^[ +]host app \\\n[ +]  all 10\.1\.0\.0/16 md5$}m, 'a rule on two lines moves as it stands');
	}
};

subtest 'castssl_hba_remove takes the line that was meant' => sub {
	my @rules = ('host app all 10.1.0.0/16 scram-sha-256 # app', 'host all all 10.0.0.0/8 reject', '# a note');
	begin(@rules);
	$t->fails(q{SELECT castssl_hba_remove(4, rule => 'host app all 10.1.0.0/16 scram-sha-256')},
		'55000', 'another line', detail => qr/line 3/, hint => qr/line_number => 3/, constraint => 'castssl_stale');
	is_deeply(staged(), [ '3 host app all 10.1.0.0 scram-sha-256', '4 host all all 10.0.0.0 reject' ], 'stays');
	call(q{castssl_hba_remove(3, rule => 'host  app all  10.1.0.0/16   scram-sha-256')});
	is_deeply(staged(), ['3 host all all 10.0.0.0 reject'], 'its own text, blanks and comment aside');
	like(call(q{castssl_hba_remove(3, rule => 'host app all 10.1.0.0/16 scram-sha-256')}), qr/NOTICE: .*no line .* holds this rule/, 'what is gone');
	is_deeply(staged(), ['3 host all all 10.0.0.0 reject'], 'stays gone, and nothing else goes');
	$t->fails(q{SELECT castssl_hba_change(3, rule => 'host all all 10.0.0.0/8 md5', old_rule => 'host app all 10.1.0.0/16 scram-sha-256')},
		'55000', 'the live file still has it', detail => qr/^No line of the staged file holds that rule\.$/, hint => qr/^Edits are staged: SELECT castssl_hba_diff\(\); shows them\./,
		constraint => 'castssl_stale');
	call(q{castssl_hba_remove(4, rule => '# a note')});
	is($t->sql('SELECT castssl_hba_diff()') =~ /^-# a note$/m ? 'gone' : 'there', 'gone', 'a comment');
};

subtest 'a line by its text, wherever it stands' => sub {
	begin('host app all 10.1.0.0/16 md5 # app', 'host all all 10.0.0.0/8 reject', 'host all all 11.0.0.0/8 md5', 'host all all 11.0.0.0/8 md5');
	call(q{castssl_hba_move(rule => 'host all all 10.0.0.0/8  reject', before_rule => 'host app all 10.1.0.0/16 md5')});
	is_deeply([ @{ staged() }[ 0, 1 ] ], [ '3 host all all 10.0.0.0 reject', '4 host app all 10.1.0.0 md5' ], 'moved');
	like(call(q{castssl_hba_move(rule => 'host all all 10.0.0.0/8 reject', before_rule => 'host app all 10.1.0.0/16 md5')}), qr/NOTICE: .*line 3 of .* is already there/, 'once');
	call(q{castssl_hba_add(rule => 'host db2 all 10.2.0.0/16 md5', before_rule => 'host app all 10.1.0.0/16 md5')});
	is(staged()->[1], '4 host db2 all 10.2.0.0 md5', 'added above it');
	call(q{castssl_hba_change(NULL, 'host app all 10.1.0.0/16 scram-sha-256', old_rule => 'host app all 10.1.0.0/16 md5')});
	is(staged()->[2], '5 host app all 10.1.0.0 scram-sha-256', 'changed');
	like(call(q{castssl_hba_change(NULL, 'host app all 10.1.0.0/16 scram-sha-256', old_rule => 'host app all 10.1.0.0/16 md5')}), qr/NOTICE: .*a line of .* is this rule already/, 'once');
	call(q{castssl_hba_remove(rule => 'host db2 all 10.2.0.0/16 md5')});
	like(call(q{castssl_hba_remove(rule => 'host db2 all 10.2.0.0/16 md5')}), qr/NOTICE: .*no line .* holds this rule/, 'removed, once');
	my $before = staged();
	foreach my $call (q{remove(rule => %s)}, q{move(rule => %s, before_line => 1)}, q{change(NULL, 'local db3 all trust', old_rule => %s)}, q{add(rule => 'local db2 all peer', before_rule => %s)})
	{
		$t->fails('SELECT castssl_hba_' . sprintf($call, q{'host all all 11.0.0.0/8 md5'}), '22023', "two lines hold it: $call",
			message => qr/^several lines of .* hold this rule$/, detail => qr/^These are lines 5, 6\.$/, hint => qr/^Name one of them: (?:line_number|before_line) => 5\.$/);
		next if $call =~ /remove/;
		$t->fails('SELECT castssl_hba_' . sprintf($call, q{'host all all 12.0.0.0/8 md5'}), '55000', "no line holds it: $call",
			message => qr/^no line of .* holds the rule that is meant$/, detail => qr/^No line of the staged file/, constraint => 'castssl_stale');
	}
	$t->fails(q{SELECT castssl_hba_move(3, 4, rule => 'host all all 10.0.0.0/8 reject', before_rule => 'host all all 10.0.0.0/8 reject')}, '55000', 'the other line is checked, too',
		detail => qr/^The rule is in line 3\.$/, hint => qr/name it: before_line => 3\.$/, constraint => 'castssl_stale');
	$t->fails("SELECT castssl_hba_$_", '22023', "$_: none is named", message => qr/^line_number must not be null$/, detail => qr/^It or (?:old_)?rule must name a line of the file\.$/, hint => qr/castssl_hba_rules/)
	  foreach 'move()', 'move(before_line => 1)', 'remove()', q{change(NULL, 'local all all trust')};
	is_deeply(staged(), $before, 'nothing else is staged');
};

# a fix of several statements that comes too late: its own edits go with its transaction
subtest 'edits of the transaction that fails are not in the way' => sub {
	begin('host all all 10.0.0.0/8 md5', 'host all all 11.0.0.0/8 md5');
	my $late = q{SELECT castssl_hba_change(4, 'host all all 11.0.0.0/8 cert', old_rule => 'host all all 12.0.0.0/8 md5');};
	my (undef, undef, $err) = $t->psql("BEGIN;SELECT castssl_hba_change(3, 'host all all 10.0.0.0/8 scram-sha-256'); $late COMMIT;");
	like($err, qr/DETAIL:  No line of the staged file holds that rule\.\n/, 'the second statement fails');
	like($err, qr/HINT:  castssl_hba_rules\(staged => true\) shows .*  Then look again: SELECT \* FROM castssl_check\(\);\n/, 'and leads on');
	unlike($err, qr/discard/, 'and not to edits that there are none of');
	is($t->sql('SELECT hba_staged FROM castssl_status()'), 'f', 'nothing stays staged');
	# what was staged before stays
	call('castssl_hba_remove(4)');
	(undef, undef, $err) = $t->psql(q{BEGIN;SELECT castssl_hba_change(3, 'host all all 10.0.0.0/8 trust'); SELECT castssl_hba_change(2, 'local all all trust', old_rule => 'host all all 12.0.0.0/8 md5'); COMMIT;});
	like($err, qr/HINT:  Edits are staged: SELECT castssl_hba_diff\(\); shows them\./, 'what was staged before is');
	is_deeply(staged(), ['3 host all all 10.0.0.0 md5'], 'and stays');
};

subtest 'lines of castssl and what they replace' => sub {
	my @pair = ('hostssl app all 10.1.0.0/16 scram-sha-256 clientcert=verify-ca # castssl', '# a note', '#castssl# host app all 10.1.0.0/16 scram-sha-256 # app');
	my $staged = sub {
		my $diff = $t->sql('SELECT castssl_hba_diff()');
		return join "\n", map { s/^[ +]//r } grep { /^[ +](?!\+\+)/ } split /\n/, $diff;
	};
	begin('host all all 192.168.0.0/16 md5', @pair);
	like(call('castssl_hba_remove(4)'), qr/NOTICE: .*line 6 of .* is removed, too\n.*DETAIL:  castssl commented it out, and wrote line 4 from it/, 'both are removed');
	is($staged->(), join("\n", @base, 'host all all 192.168.0.0/16 md5', '# a note'), 'and nothing else');
	begin('host all all 192.168.0.0/16 md5', @pair);
	is(call('castssl_hba_move(4, 3)'), '', 'both are moved');
	is($staged->(), join("\n", @base, @pair[ 0, 2 ], 'host all all 192.168.0.0/16 md5', '# a note'), 'and stay together');
	like(call("castssl_hba_move(3, $_)"), qr/is already there/, "(3, $_) is no move") foreach 4, 5;
	call('castssl_hba_move(3, NULL)');
	is($staged->(), join("\n", @base, 'host all all 192.168.0.0/16 md5', '# a note', @pair[ 0, 2 ]), 'down, too');

	begin($pair[0], 'host app all 10.1.0.0/16 scram-sha-256 # app', 'host db2 all 10.1.0.0/16 md5');
	like(call('castssl_hba_remove(4)'), qr/NOTICE: .*line 4 of .* is commented out\n.*DETAIL:  .*castssl_disable\(\) removes that line and puts this one in force again/, 'the line below a twin is commented out');
	is($staged->(), join("\n", @base, $pair[0], '#castssl# host app all 10.1.0.0/16 scram-sha-256 # app', 'host db2 all 10.1.0.0/16 md5'), 'where it is');
	call('castssl_hba_remove(5)');
	call('castssl_hba_remove(4)');
	like($staged->(), qr/clientcert=verify-ca # castssl$/, 'a comment and any other rule are removed');
	begin($pair[0] =~ s/ #.*//r, 'host app all 10.1.0.0/16 scram-sha-256 # app');
	is(call('castssl_hba_remove(4)'), '', 'below a line that castssl did not write: removed');
	is($staged->(), join("\n", @base, $pair[0] =~ s/ #.*//r), 'no trace is left');
};

subtest 'a job that runs again changes nothing' => sub {
	begin('host all all 10.0.0.0/8 reject');
	my @results;
	foreach my $run (1 .. 3)
	{
		call(q{castssl_hba_add('hostssl', '{app}', '{alice}', '10.1.0.0/16', 'scram-sha-256')});
		push @results, $t->sql('SELECT string_agg(DISTINCT result, $$ $$ ORDER BY result) FROM castssl_hba_apply()');
	}
	like($results[0], qr/done/, 'the first adds the rule');
	is_deeply([ @results[ 1, 2 ] ], [ 'unchanged', 'unchanged' ], 'the others do not');
	is(() = $t->hba =~ /^hostssl app alice/mg, 1, 'it stands once');
	my $told = call(q{castssl_hba_add('hostssl app alice 10.1.0.0 255.255.0.0 scram-sha-256 # same', before_line => 1)});
	like($told, qr/NOTICE: .*is already in line 3 /, 'also in other words: the line is named');
	is($t->status->{hba_staged} ? 'yes' : 'no', 'no', 'nothing is staged');
	$t->set_hba($t->hba . "host all all 11.0.0.0/8 md5\n");
	call(q{castssl_hba_add('host all all 12.0.0.0/8 md5')});
	is(staged()->[-1], '6 host all all 12.0.0.0 md5', 'what was not staged does not mind that the file changes');

	begin('host all all 10.0.0.0/8 reject', 'hostssl app alice 10.1.0.0/16 scram-sha-256');
	call(q{castssl_hba_add('hostssl app alice 10.1.0.0/16 scram-sha-256')});
	is(scalar(@{ staged() }), 3, 'one that stands where nothing reaches it does not count');
};

subtest 'what others staged' => sub {
	begin();
	is(call(q{castssl_hba_add('host all all 10.0.0.0/8 scram-sha-256')}), '', 'nobody staged before');
	my $mine = $t->status;
	is($mine->{staged_by}, 'postgres', 'castssl_status() says who staged');
	like($mine->{staged_hash}, qr/^[0-9a-f]{64}$/, 'and has a hash');
	my $told = call(q{castssl_hba_add('host all all 11.0.0.0/8 scram-sha-256')}, 'other');
	like($told, qr/NOTICE: .*edits of another role are staged/, 'another role is told');
	like($told, qr/DETAIL: .*staged by postgres/, 'whose they are');
	is($t->status->{staged_by}, 'postgres, other', 'castssl_status() has both');
	$t->fails("SELECT * FROM castssl_hba_apply(expected => '$mine->{staged_hash}')", '55000', 'other edits than those looked at are not applied',
		detail => qr/[0-9a-f]{64}/, hint => qr/castssl_hba_diff/, constraint => 'castssl_stale');
	my $rows = $t->rows("SELECT * FROM castssl_hba_apply(dry_run => true)");
	is((grep { $_->{result} eq 'warning' && ($_->{detail} // '') =~ /^staged by other, last at \d/ } @$rows), 1, 'a row says whose they are');
	$t->sql("SELECT * FROM castssl_hba_apply(expected => '" . $t->status->{staged_hash} . "')");
	like($t->hba, qr/^host all all 11\.0\.0\.0/m, 'with the hash of what is staged it goes');
	my $none = $t->status;
	is_deeply([ @$none{qw(staged_hash staged_by)} ], [ undef, undef ], 'nothing is staged any more');
};

# the summary of castssl_enable() counts lines that it adds at one place
{
	begin('hostssl all all 10.0.0.0/8 scram-sha-256', 'host all all 11.0.0.0/8 scram-sha-256');
	my $summary = sub {
		my ($arguments) = @_;
		my $rows = $t->rows("SELECT * FROM castssl_enable(source_dir => '$t->{source}', dry_run => true, force => true, $arguments)");
		return $rows->[-1]{detail} =~ /^(\d+ rules?) edited/ ? $1 : $rows->[-1]{detail};
	};
	is($summary->("addresses => '{192.0.2.0/24,198.51.100.0/24,203.0.113.0/24}'"), '3 rules', 'three addresses are three rules');
	is($summary->("addresses => '{11.1.0.0/16}'"), '1 rule', 'one above a rule that stays');
	is($summary->("clientcert => 'verify-ca'"), '3 rules', 'a twin and what it replaces are one rule');
	is($summary->("plaintext => 'block'"), '2 rules', 'also where plaintext is blocked');
}

$t->stop;
done_testing();
