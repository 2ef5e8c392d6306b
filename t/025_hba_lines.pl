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
		like(call("castssl_hba_move($again)"), qr/NOTICE: .*stands there already/, "($again) is no move");
		is_deeply(staged(), $before, 'and stages nothing');
	}
	$t->fails("SELECT castssl_hba_move($_->[0])", '22023', "($_->[0])", hint => $_->[1])
	  foreach [ '9, 1', qr/castssl_hba_rules/ ], [ '1, 9', qr/castssl_hba_rules/ ], [ '0, 1', qr/castssl_hba_rules/ ],
	  [ 'NULL, 1', qr/castssl_hba_rules/ ], [ '1, 0', qr/NULL/ ], [ q{1, 2, '/nowhere'}, qr/make it on the server first, empty\.  castssl_hba_rules/ ],
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
	call(q{castssl_hba_remove(4, rule => '# a note')});
	is($t->sql('SELECT castssl_hba_diff()') =~ /^-# a note$/m ? 'gone' : 'there', 'gone', 'a comment');
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
	like($told, qr/NOTICE: .*stands already in line 3 /, 'also in other words: the line is named');
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
	is((grep { $_->{result} eq 'warning' && ($_->{detail} // '') =~ /^staged by other, the last of it at \d/ } @$rows), 1, 'a row says whose they are');
	$t->sql("SELECT * FROM castssl_hba_apply(expected => '" . $t->status->{staged_hash} . "')");
	like($t->hba, qr/^host all all 11\.0\.0\.0/m, 'with the hash of what is staged it goes');
	my $none = $t->status;
	is_deeply([ @$none{qw(staged_hash staged_by)} ], [ undef, undef ], 'nothing is staged any more');
};

$t->stop;
done_testing();
