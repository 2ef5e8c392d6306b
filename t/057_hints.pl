# Hints typed to the letter: all of one check in the order shown, those of random files, and those
# beside edits of somebody else. t/050_check.pl types each by itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('hints', hba => $CastsslTest::stock_hba);
my $version = $t->sql('SHOW server_version_num') / 10000;
$t->enable(source_dir => $t->{source});
my $own = "local all postgres trust\n";

sub rows
{
	my ($checks) = @_;
	return @{ $t->rows("SELECT * FROM castssl_check() WHERE check_name = ANY('{$checks}')") };
}

sub fixes
{
	return grep { defined } map { $_->{fix} } rows(@_);
}

# What the statements of a fix do to access, before they are made live.
sub effect
{
	my ($fix) = @_;
	(my $staging = $fix) =~ s/ SELECT \* FROM castssl_hba_apply\(.*//;
	my ($ok, undef, $err) = $t->psql($staging);
	ok($ok, "staged: $staging") or diag $err;
	my @changes = map { "$_->{change}, $_->{encryption}, $_->{address}" } @{ $t->rows('SELECT * FROM castssl_hba_compare()') };
	$t->sql('SELECT castssl_hba_discard()');
	# without a keytab there are none over GSSAPI
	return grep { !/, gss, / } @changes;
}

# --- in the order shown

{
	my $reject = "host all all 192.168.0.0/16 reject\n";
	$t->set_hba($own . "host all all 10.0.0.0/8 scram-sha-256\nhost app all 10.1.0.0/16 scram-sha-256\n$reject"
		  . "host db2 all 10.2.0.0/16 scram-sha-256\nhost db3 bob,alice 10.3.0.0/16 scram-sha-256 # a comment\nhost all all all scram-sha-256\n");
	my @dead = fixes('hba_dead_rules');
	is(scalar @dead, 3, 'three lines that are never used');
	foreach my $fix (@dead)
	{
		my ($ok, undef, $err) = $t->psql($fix);
		ok($ok, "in order: $fix") or diag $err;
	}
	is($t->hba, $own . "host all all 10.0.0.0/8 scram-sha-256\n${reject}host all all all scram-sha-256\n", 'they are gone, and nothing else');

	# the order turned round, and a line that somebody put above in between: another line is refused
	$t->set_hba($own . "host all all 10.0.0.0/8 scram-sha-256\nhost app all 10.1.0.0/16 scram-sha-256\nhost db2 all 10.2.0.0/16 scram-sha-256\n");
	@dead = fixes('hba_dead_rules');
	$t->set_hba("# another line\n" . $t->hba);
	my $before = $t->hba;
	foreach my $fix (@dead)
	{
		my ($ok, undef, $err) = $t->psql($fix);
		ok(!$ok && $err =~ /55000/, "a line that has moved is not removed: $fix");
		like($err, qr/HINT:.*line_number => \d+/, 'and the one that is meant is named');
	}
	is($t->hba, $before, 'nothing happened');

	# several findings of several checks
	$t->set_hba($own . "host all alice 10.0.0.0/8 md5\nhostssl all bob 10.0.0.0/8 trust\nhostssl all bob 10.1.0.0/16 trust\nhost all all 192.168.0.0/16 password\n");
	for my $round (1 .. 6)
	{
		my @left = fixes('hba_dead_rules,hba_plaintext,hba_md5,hba_trust,hba_password');
		last unless @left;
		my ($ok, undef, $err) = $t->psql($left[0]);
		ok($ok, "round $round: $left[0]") or diag $err;
		$t->psql('SELECT castssl_confirm(force => true)');
	}
	is_deeply([ sort split /\n/, $t->hba ],
		[ sort 'local all postgres trust', 'hostssl all alice 10.0.0.0/8 scram-sha-256', 'hostssl all bob 10.0.0.0/8 scram-sha-256',
			'hostssl all bob 10.1.0.0/16 trust', 'hostssl all all 192.168.0.0/16 scram-sha-256' ],
		'each fix is a step, and they end where somebody has to say which of two lines is meant') or diag $t->hba;
}

# --- beside the edits of somebody else

{
	$t->set_hba($own . "host all all 10.0.0.0/8 scram-sha-256\n");
	$t->sql(q{SELECT castssl_hba_add('host', '{app}', '{alice}', '192.0.2.0/24', 'scram-sha-256')});
	my ($row) = rows('hba_plaintext');
	is($row->{fix}, undef, 'edits that wait would be applied, too: no fix');
	like($row->{hint}, qr/^Other edits of pg_hba\.conf are staged: SELECT castssl_hba_diff\(\); shows them\./, 'and the hint says so');
	$t->sql('SELECT castssl_hba_discard()');
	($row) = rows('hba_plaintext');
	like($row->{fix}, qr/^SELECT castssl_hba_change/, 'without them there is one');
}

# --- plaintext: random files, and no connection but those in plaintext from other hosts

srand 29;
sub pick { return $_[ rand @_ ] }
sub random_line
{
	my $type = pick(qw(host host host hostssl hostnossl hostnogssenc));
	my $method = pick(qw(scram-sha-256 scram-sha-256 md5 trust reject));
	return join ' ', $type, pick('all', 'app', 'all,replication', 'replication', 'postgres'), pick('all', 'alice', 'bob', 'alice,bob', '+staff'),
	  pick('10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '::/0', 'all', '192.168.0.0/16', '127.0.0.1/32', 'samehost', '10.1.2.3/32'), "$method\n";
}
$t->sql('CREATE ROLE staff; GRANT staff TO bob');
my ($typed, $long) = (0, 0);
foreach my $round (1 .. 25)
{
	my $hba = $own . join '', map { random_line() } 1 .. 2 + rand 6;
	$t->set_hba($hba);
	my ($fix) = fixes('hba_plaintext') or next;
	$typed++;
	$long++ if $fix =~ /require_tls/;
	my @others = grep { !/^newly refused, none, / } effect($fix);
	# castssl_hba_require_tls does the same to this host's own clients
	@others = grep { !/^newly refused, / } @others if $fix =~ /require_tls/;
	is_deeply(\@others, [], "random file $round: plaintext alone is refused") or diag "$hba\n$fix\n@others";
	my @own = grep { /, (?:127\.0\.0\.1|::1)/ } effect($fix);
	is_deeply(\@own, [], "random file $round: not from this host") or diag "$hba\n$fix\n@own" unless $fix =~ /require_tls/;
	foreach my $dead (fixes('hba_dead_rules'))
	{
		is_deeply([ effect($dead) ], [], "random file $round: a dead line decides nothing") or diag "$hba\n$dead";
	}
}
cmp_ok($typed, '>', 10, "$typed files admitted plaintext");
cmp_ok($typed - $long, '>', 5, 'of which ' . ($typed - $long) . ' are changed line by line');

# --- rules in other files (16 and later)

SKIP: {
	skip 'no include before 16', 1 if $version < 16;
	mkdir "$t->{data}/hba.d" or die $!;
	my $main = $own . "include_dir hba.d\nhost all all 127.0.0.1/32 scram-sha-256\n";
	$t->write("$t->{data}/hba.d/10-app.conf", "host app all 10.0.0.0/8 scram-sha-256\nhost app alice 10.1.0.0/16 scram-sha-256\n");
	$t->set_hba($main);
	my ($row) = rows('hba_dead_rules');
	like($row->{message}, qr/10-app\.conf:1 /, 'the file of the answering line');
	$t->sql($row->{fix});
	is($t->hba, $main, 'pg_hba.conf stays');
	is($t->slurp("$t->{data}/hba.d/10-app.conf"), "host app all 10.0.0.0/8 scram-sha-256\n", 'the dead line of the fragment is gone');
	my ($fix) = fixes('hba_plaintext');
	$t->psql($fix);
	$t->psql('SELECT castssl_confirm(force => true)');
	is($t->slurp("$t->{data}/hba.d/10-app.conf"), "hostssl app all 10.0.0.0/8 scram-sha-256\n", 'and the other one asks for TLS');
	is($t->hba, $main, 'pg_hba.conf stays');
	chmod 0, "$t->{data}/hba.d/10-app.conf" or die $!;
	($row) = grep { $_->{message} =~ /Permission denied/ } rows('hba_loads');
	is(system($row->{hint} =~ /(chmod .*)/ ? $1 : 'false'), 0, 'a fragment that cannot be read: a chmod') or diag explain $row;
	is_deeply([ rows('hba_loads') ], [], 'and that is all');
}

$t->stop;
done_testing();
