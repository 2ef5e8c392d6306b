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
	my ($staging) = $fix =~ /^BEGIN;(.*) SELECT \* FROM castssl_hba_apply\(.*\); COMMIT;$/ or die $fix;
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

# --- fixes of one line, typed one after the other: none takes back what another one did

foreach my $weak ('trust', 'md5', 'password')
{
	$t->set_hba($own . "host all alice 10.0.0.0/8 $weak\n");
	my @fixes = fixes('hba_trust,hba_md5,hba_password,hba_plaintext');
	cmp_ok(scalar @fixes, '>', 1, "$weak in plaintext: more than one fix");
	my ($ok, undef, $err) = $t->psql(shift @fixes);
	ok($ok, 'the first one') or diag $err;
	$t->psql('SELECT castssl_confirm(force => true)');
	my $after = $t->hba;
	foreach my $fix (@fixes)
	{
		($ok, undef, $err) = $t->psql($fix);
		ok(!$ok && $err =~ /55000: line \d+ of .* is not the rule that is meant\n.*DETAIL:  No line of the file holds that rule\.\n.*HINT:  castssl_hba_rules/s,
			'the others find another line') or diag "$fix\n$err";
		is($t->sql('SELECT hba_staged FROM castssl_status()'), 'f', 'and leave nothing staged');
	}
	is($t->hba, $after, 'nothing is taken back');
	my ($fix) = fixes('hba_trust,hba_md5,hba_password,hba_plaintext');
	$t->sql($fix);
	$t->psql('SELECT castssl_confirm(force => true)');
	is($t->hba, $own . "hostssl all alice 10.0.0.0/8 scram-sha-256\n", 'and the fix of the next check is the other half');
}

# a line for this host's own clients goes above the line that was changed, and above no other
{
	$t->set_hba($own . "host all alice 0.0.0.0/0 scram-sha-256\nhost all all ::1/128 reject\n");
	my ($fix) = fixes('hba_plaintext');
	like($fix, qr/castssl_hba_add\(rule => 'host all alice 127\.0\.0\.1\/32 .*before_rule => 'hostssl all alice/, 'with what the line holds then');
	$t->set_hba("# another line\n" . $t->hba);
	my $before = $t->hba;
	foreach my $statement ($fix =~ /(SELECT .*?;)/g)
	{
		my ($ok, undef, $err) = $t->psql($statement);
		ok(!$ok && $err =~ /55000|castssl_hba_apply/, "refused: $statement") or diag $err;
	}
	is($t->hba, $before, 'nothing happened');
}

# --- nothing stays staged that the next fix would make live, too

{
	my $hba = $own . "local all postgres trust\nhost all all 10.0.0.0/8 scram-sha-256\n";
	$t->set_hba($hba);
	my ($plaintext) = fixes('hba_plaintext');
	my ($dead) = fixes('hba_dead_rules');
	$t->sql(q{ALTER SYSTEM SET max_worker_processes = 0});
	$t->restart;
	my ($ok, undef, $err) = $t->psql($plaintext);
	ok(!$ok && $err =~ /55000/, 'without a background worker the fix of plaintext fails') or diag $err;
	is($t->sql('SELECT hba_staged FROM castssl_status()'), 'f', 'and leaves nothing staged');
	$t->sql($dead);
	is($t->hba, $own . "host all all 10.0.0.0/8 scram-sha-256\n", 'so the next one makes its own edit live alone');
	$t->sql('ALTER SYSTEM RESET max_worker_processes');
	$t->restart;

	# while a change waits, no edit can be made live: the hint says so
	$t->set_hba($hba);
	$t->sql(fixes('hba_plaintext'));
	my $id = $t->sql(q{SELECT change_id FROM castssl_status()});
	my ($row) = rows('hba_dead_rules');
	is($row->{fix}, undef, 'no fix while a change waits');
	like($row->{hint}, qr/^Change $id waits, and no other change can be made before its end: SELECT \* FROM castssl_changes\(\); shows it\./, 'but which change waits');
	$t->sql('SELECT castssl_rollback()');
	($row) = rows('hba_dead_rules');
	is($row->{hint}, $row->{fix}, 'then there is a fix again');
}

# --- the loopback address is among this host's own, whatever other networks it has

{
	foreach my $own_networks ('samenet', 'samehost')
	{
		$t->set_hba($own . "host all alice $own_networks trust\n");
		my ($fix) = fixes('hba_plaintext');
		is_deeply([ grep { /127\.0\.0\.1/ } effect($fix) ], [], "$own_networks: its own line for 127.0.0.1 admits nobody anew") if $fix;
		$t->set_hba($own . "host all all $own_networks reject\nhost all all 127.0.0.1/32 trust\n");
		is($t->sql(q{SELECT line_number FROM castssl_hba_explain('postgres', 'alice', '127.0.0.1', 'none')}), 2, "$own_networks answers for 127.0.0.1");
		is(join(' ', map { $_->{subject} } rows('hba_order')), 'pg_hba.conf:3', 'so a later line for it is never used');
		$t->sql('SELECT castssl_hba_remove(2)');
		is_deeply([ sort map { "$_->{change}, $_->{encryption}" } grep { $_->{address} =~ /127\.0\.0\.1/ && $_->{encryption} ne 'gss' } @{ $t->rows('SELECT * FROM castssl_hba_compare()') } ],
			[ 'newly admitted, none', 'newly admitted, tls' ], 'and without the first one it would be') or diag explain $t->rows('SELECT * FROM castssl_hba_compare()');
		$t->sql('SELECT castssl_hba_discard()');
	}
}

# --- a dead line whose text is not shown

{
	$t->set_hba($own . "host all all 10.0.0.0/8 scram-sha-256\n"
		  . "host all bob 10.0.0.0/8 ldap ldapserver=ldap.example.com ldapbasedn=\"o=x\" ldapbinddn=\"cn=x\" ldapbindpasswd=\"s3cret\"\n");
	my ($row) = rows('hba_order');
	unlike(join(' ', grep { defined } values %$row), qr/s3cret|hba_remove\(line_number => \d+\)/, 'neither the secret nor a removal without the line\'s text');
}

# --- several lines that the server refuses: all have to be mended before any of it is live

{
	$t->set_hba($own . "hostssl all all 10.0.0.0/8 scram-sha-256 clientcert=1\nhost all all 10.0.0.0/8 scram-sha-256\n"
		  . "hostssl all bob 192.168.0.0/16 scram-sha-256 clientcert=1\nlocal all all tyop\n") if $version >= 14;
	my @refused = $version >= 14 ? rows('hba_loads') : ();
	my $lines = join '|', map { $_->{subject} =~ /:(\d+)$/ } @refused;
	$t->fails(q{SELECT * FROM castssl_enable(plaintext => 'block', force => true)}, 'F0000', 'other changes are refused, with the line of the file as it is',
		detail => qr/line (?:$lines)\b/i, hint => qr/^See the rows hba_loads of castssl_check\(\)/) if @refused;
	foreach my $row (@refused)
	{
		is($row->{fix}, undef, 'a line of several is no fix by itself');
		my $hint = $row->{hint} =~ s/rule => '\.\.\.'\)/rule => 'local all all trust');/r;
		my ($statement) = $hint =~ /((?:SELECT )?castssl_hba_change\(.*?;)/ or die $hint;
		$t->sql($statement =~ /^SELECT/ ? $statement : "SELECT $statement");
	}
	if ($version >= 14)
	{
		my ($row) = rows('hba_plaintext');
		like($row->{hint}, qr/^Other edits of pg_hba\.conf are staged/, 'others wait for that');
		$t->sql(q{SELECT * FROM castssl_hba_apply(force => true)});
		is(scalar rows('hba_loads'), 0, 'then the server takes the file');
	}
}

# --- the same with a secret: what repairs it shows no line

if ($version >= 14)
{
	my $ldap = 'ldap ldapserver=ldap.example.com ldapbasedn="o=x" ldapbinddn="cn=x" ldapbindpasswd="s1cret" # the directory';
	my $secret = $ldap =~ s/ #/ clientcert=1 #/r;
	my @files = ("hostssl all bob 10.0.0.0/8 $secret\n",
		"hostssl all all 10.0.0.0/8 scram-sha-256 clientcert=1\nhostssl all bob 192.168.0.0/16 $secret\nhostssl all all 172.16.0.0/12 md5 clientcert=1 # ours\n",
		"hostssl all bob 192.168.0.0/16 $secret\nhostssl all al 172.16.0.0/12 $secret\n");
	foreach my $lines (@files)
	{
		$t->set_hba($own . $lines);
		my @refused = rows('hba_loads');
		cmp_ok(scalar @refused, '>', 0, 'the lines have a row');
		unlike(join(' ', map { values %$_ } map { { %$_, fix => $_->{fix} // '' } } @refused), qr/s1cret/, 'without the secret');
		is_deeply([ grep { $_->{message} !~ /clientcert.*"1"/ } @refused ], [], 'the value that is no secret is shown');
		is(defined $refused[0]{fix}, $lines eq $files[0], 'one line alone has a fix');
		foreach my $row (@refused)
		{
			my ($statement) = $row->{hint} =~ /(SELECT castssl_hba_\w+\(.*?\);)/ or diag $row->{hint};
			$t->sql($statement);
		}
		$t->sql(q{SELECT * FROM castssl_hba_apply(force => true)});
		is_deeply([ rows('hba_loads') ], [], 'typed in order: the server takes the file');
		is($t->hba, $own . $lines =~ s/clientcert=1/clientcert=verify-ca/gr, 'and nothing else changed');
	}
	$t->set_hba($own . $files[0]);
	$t->sql((rows('hba_loads'))[0]{fix});
	is($t->hba, $own . $files[0] =~ s/clientcert=1/clientcert=verify-ca/r, 'the fix alone');
	$t->sql('SELECT castssl_confirm(force => true)');
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
	like($row->{fix}, qr/^BEGIN;SELECT castssl_hba_change/, 'without them there is one');
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
my $typed = 0;
foreach my $round (1 .. 25)
{
	my $hba = $own . join '', map { random_line() } 1 .. 2 + rand 6;
	$t->set_hba($hba);
	my ($fix) = fixes('hba_plaintext') or next;
	$typed++;
	my @effect = effect($fix);
	is_deeply([ grep { !/^newly refused, none, / || /, (?:127\.0\.0\.1|::1)/ } @effect ], [], "random file $round: plaintext alone is refused, and not from this host")
	  or diag "$hba\n$fix\n@effect";
	# replication by itself: nobody but standbys
	foreach my $standbys (fixes('hba_replication'))
	{
		my @changes = effect($standbys);
		is_deeply([ grep { !/^newly refused, none, / || /, (?:127\.0\.0\.1|::1)/ } @changes ], [], "random file $round: nor by the fix for replication")
		  or diag "$hba\n$standbys\n@changes";
	}
	foreach my $dead (fixes('hba_dead_rules'))
	{
		is_deeply([ effect($dead) ], [], "random file $round: a dead line decides nothing") or diag "$hba\n$dead";
	}
}
cmp_ok($typed, '>', 10, "$typed files admitted plaintext, and a fix stops it");

# The file after the fix of the check was typed.
sub typed
{
	my ($check) = @_;
	my ($row) = rows($check);
	my ($ok, undef, $err) = $t->psql($row->{fix} // 'SELECT no_fix');
	ok($ok, "typed: the fix of $check") or diag explain $row, $err;
	$t->psql('SELECT castssl_confirm(force => true)');
	return $t->hba;
}

# --- plaintext: only the lines of the row

{
	my $here = "host all all 127.0.0.1/32 scram-sha-256\n";
	my $nets = join '', map { "host all all 10.$_.0.0/16 scram-sha-256\n" } 1 .. 9;
	$t->set_hba($own . $nets . $here);
	is(typed('hba_plaintext'), $own . $nets =~ s/^host /hostssl /gmr . $here, 'nine lines for other hosts: the one for this host stays');

	my $app = "host all app 192.0.2.0/24 scram-sha-256\n";
	$t->set_hba($own . $app . "host replication rep 10.0.0.0/8 scram-sha-256\n");
	is(typed('hba_replication'), $own . $app . "hostssl replication rep 10.0.0.0/8 scram-sha-256\n", 'replication: the line of the application stays');

	# where no statement can be shown, or where too many would be, somebody has to decide
	my $ldap = "host all bob 10.0.0.0/8 ldap ldapserver=ldap.example.com ldapbasedn=\"o=x\" ldapbinddn=\"cn=x\" ldapbindpasswd=\"s3cret\"\n";
	my $many = join '', map { "host all all 10.$_.0.0/16 scram-sha-256\n" } 1 .. 21;
	my $mixed = "host replication,app rep 10.0.0.0/8 scram-sha-256\nhost all all 10.0.0.0/8 md5\n";
	foreach my $case ([ 'hba_plaintext', $ldap . $here ], [ 'hba_plaintext', $many . $here ], [ 'hba_replication', $mixed ],
		[ 'hba_plaintext', "host all app 10.0.0.0/8 scram-sha-256\nhost all all samehost trust\n" ])
	{
		my ($check, $lines) = @$case;
		$t->set_hba($own . $lines);
		my ($row) = rows($check);
		is($row->{fix}, undef, "$check: no fix") or diag "$lines$row->{fix}";
		like($row->{hint}, qr/^Which clients must use TLS\?  .*castssl_hba_change\(\), the last line first\.  All clients, also those of this host: BEGIN;SELECT castssl_hba_require_tls/, 'but both ways');
		$t->sql($row->{hint} =~ /(BEGIN;.* COMMIT;)$/);
		$t->sql('SELECT castssl_confirm(force => true)');
		is(scalar(() = $t->hba =~ /^host /gm), 0, 'of which the second one blocks all');
	}
	# the same statement is the fix where it edits nothing else
	$t->set_hba($own . $ldap);
	is(typed('hba_plaintext'), $own . $ldap =~ s/^host (.*)$/hostssl $1 # castssl\n#castssl# host $1/mr, 'a line with a secret alone: it is not shown, and mended');
}

# --- twins: a fix leaves what castssl_disable() needs

{
	my $here = "host all all 127.0.0.1/32 scram-sha-256\n";
	my $enable = sub {
		my ($lines, $plaintext) = @_;
		$t->set_hba($own . $lines);
		$t->sql("SELECT * FROM castssl_enable(clientcert => 'verify-ca', plaintext => '$plaintext', force => true)");
		return join "\n", map { "$_->{check_name} $_->{severity} $_->{subject}" } rows('hba_order,hba_dead_rules,changes');
	};
	my $disabled = sub {
		$t->sql('SELECT * FROM castssl_disable(force => true)');
		my $hba = $t->hba;
		$t->enable(source_dir => $t->{source});
		return $hba;
	};
	my $lines = $here . "host all all 10.0.0.0/8 scram-sha-256 # ticket 7\nhost all alice all scram-sha-256\n";
	my $before = $enable->($lines, 'keep');
	like(typed('hba_plaintext'), qr{^#castssl# host all all 10\.0\.0\.0/8 scram-sha-256 # ticket 7\n}m, 'the line below a twin is commented out');
	like($t->hba, qr{^hostnossl all alice ::1/128 scram-sha-256\nhostssl all alice all .* # castssl\n#castssl# host all alice all}m,
		'and a line for this host stands above both, without TLS, for which the twin answers');
	is(join("\n", map { "$_->{check_name} $_->{severity} $_->{subject}" } rows('hba_order,hba_dead_rules,changes')), $before, 'no new row');
	is($disabled->() =~ s/^hostnossl .*\n//mgr, $own . $lines, 'castssl_disable() puts all back');

	$lines = "host all all 10.0.0.0/8 md5 # ticket 8\nhost all all 10.1.0.0/16 md5\n";
	$enable->($lines, 'block');
	like(typed('hba_md5'), qr{^hostssl all all 10\.0\.0\.0/8 scram-sha-256 clientcert=verify-ca # castssl\n#castssl# }m, 'a twin keeps its mark');
	is($disabled->(), $own . $lines, 'castssl_disable() takes it back');
	$enable->($lines, 'block');
	is(() = typed('hba_dead_rules') =~ /10\.1\./g, 0, 'a dead twin goes with the line that is commented out');
	is_deeply([ rows('hba_dead_rules,hba_order,changes') ], [], 'and leaves no row');
	is($disabled->(), $own . $lines =~ s/^.* 10\.1.*\n//mr, 'castssl_disable() puts the other one back');

	# a twin that is dead, above a line that would not be
	$lines = "hostssl all all 10.0.0.0/8 md5 clientcert=verify-ca\nhost all all 10.1.0.0/16 md5\n";
	$enable->($lines, 'block');
	my ($row) = rows('hba_dead_rules');
	is($row->{fix}, undef, 'without it castssl_disable() could not put that line back: no fix');
	like($row->{hint}, qr/^Leave it: castssl_disable\(\) needs this line/, 'and why');
	is($disabled->(), $own . $lines, 'so it does');
	$t->sql('SELECT castssl_reload()');
}

# --- comments and line breaks stay

{
	$t->set_hba($own . "host all alice 10.0.0.0/8 md5\t# ticket 4711: ask Anna\nhostssl all nobody_yet 0.0.0.0/0 trust # who?\n");
	typed($_) foreach ('hba_md5', 'hba_plaintext', 'hba_trust');
	is($t->hba, $own . "hostssl all alice 10.0.0.0/8 scram-sha-256\t# ticket 4711: ask Anna\nhostssl all nobody_yet 0.0.0.0/0 scram-sha-256 # who?\n", 'comments stay');
	if ($version >= 14)
	{
		$t->set_hba($own . "host all alice,\\\n  bob 10.0.0.0/8 \\\n    md5 # both\n");
		typed('hba_md5');
		is($t->hba, $own . "host all alice,\\\n  bob 10.0.0.0/8 \\\n    scram-sha-256 # both\n", 'so do line breaks, around the word that changes');
		typed('hba_plaintext');
		is($t->hba, $own . "hostssl all alice,\\\n  bob 10.0.0.0/8 \\\n    scram-sha-256 # both\n", 'and at the end of the line');
	}
}

# --- passwords that the caller cannot see

{
	$t->set_hba("local all postgres,editor trust\nhostssl all bob 10.0.0.0/8 md5\n");
	$t->sql('CREATE ROLE editor LOGIN; GRANT pg_monitor TO editor; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO editor');
	my $rows = $t->rows(q{SELECT check_name, fix, hint FROM castssl_check() WHERE check_name IN ('hba_md5', 'hba_future')}, user => 'editor');
	is_deeply([ map { $_->{check_name} } @$rows ], ['hba_md5'], 'one row, unless somebody asks for a major');
	is($rows->[0]{fix}, undef, 'no fix for who may not see the passwords');
	like($rows->[0]{hint}, qr/^Ask a superuser to run: SELECT \* FROM castssl_check\(\);/, 'but who has to look');
	$t->sql('DROP OWNED BY editor; DROP ROLE editor');
}

# --- an exception above what it is an exception from

{
	$t->set_hba($own . "hostssl all all 10.1.2.3/32 scram-sha-256\nhostssl all bob 10.0.0.0/8 reject\n");
	my ($row) = rows('hba_partly_hidden');
	is($row->{fix}, undef, 'no fix: it may be meant so');
	my ($move) = $row->{hint} =~ /^If this rule is meant for them, too: (BEGIN;SELECT castssl_hba_move\(.*; COMMIT;)$/ or diag explain $row;
	my ($ok, undef, $err) = $t->psql($move // 'none');
	ok($ok, 'typed where it is not') or diag $err;
	$t->psql('SELECT castssl_rollback(force => true)');
}

# --- a line that cannot be shown

{
	$t->set_hba($own . "host all all 10.0.0.0/8 trust\nhost all \"b\xf6b\" 10.1.0.0/16 scram-sha-256\n");
	my ($row) = rows('hba_order');
	like($row->{hint}, qr/^Which one is meant\?  The text of line 3 cannot be shown here\.  If pg_hba\.conf:2 \(host all all 10\.0\.0\.0\/8 trust\): remove line 3 in an editor\./, 'a byte that is not UTF-8: in an editor')
	  or diag explain $row;
}

# --- a file of names that is not there

foreach my $way ('the file', 'castssl_hba_change')
{
	# what the line is for, the line with its names written into it, and who is refused by it
	foreach my $case ([ 'admits', "host all \@listed 10.0.0.0/8 scram-sha-256\n", 'host all alice 10.0.0.0/8 scram-sha-256', 'mallory' ],
		[ 'rejects', "host all \@listed 10.0.0.0/8 reject\nhost all all 10.0.0.0/8 scram-sha-256\n", 'host all alice 10.0.0.0/8 reject', 'alice' ])
	{
		my ($does, $lines, $written, $refused) = @$case;
		$t->write('listed', "alice\n");
		$t->set_hba($own . $lines);
		unlink "$t->{data}/listed" or die $!;
		my ($row) = rows('hba_loads');
		my ($load, $change) = ($row->{hint} // '') =~ /^Put the file back, then: (SELECT \* FROM castssl_reload\(\);)  Or write its names into the line: (SELECT castssl_hba_change\(.*?\);) /;
		ok($change, "a file of names that is not there, of a line that $does") or diag explain $row;
		$t->write('listed', "alice\n") if $way eq 'the file';
		my @typed = $way eq 'the file' ? $load // 'none' : (($change // 'none') =~ s/'\.\.\.'/'$written'/r, 'SELECT * FROM castssl_hba_apply(force => true)');
		foreach my $statement (@typed)
		{
			my ($ok, undef, $err) = $t->psql($statement);
			ok($ok, "typed: $statement") or diag $err;
		}
		is_deeply([ rows('hba_loads') ], [], "$way: the file loads");
		is($t->sql("SELECT verdict FROM castssl_hba_explain('postgres', '$refused', '10.1.2.3', 'tls')"), 'refused', "$way: and the line means what it meant");
	}
}

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
	# the folder itself: closed, then gone
	my $folder = "$t->{data}/hba.d";
	chmod 0, $folder or die $!;
	($row) = grep { $_->{message} =~ /Permission denied|could not open directory/ } rows('hba_loads');
	like($row->{message}, qr/"\Q$folder\E/, 'a folder of include_dir that is closed, by its path');
	is(system($row->{hint} =~ /(chmod .*)/ ? $1 : 'false'), 0, 'is opened') or diag explain $row;
	rename $folder, "$folder.old" or die $!;
	($row) = rows('hba_loads');
	like($row->{message}, qr/"\Q$folder\E"/, 'one that is not there, by its path');
	my ($command) = $row->{hint} =~ /^Put the folder back with its files, .*  Only if it had no files, as root: (install -d .*?)  Then: SELECT \* FROM castssl_reload\(\);$/ or diag explain $row;
	is(system($command // 'false'), 0, 'is made');
	is_deeply([ grep { $_->{severity} ne 'ok' } rows('hba_loads') ], [], 'and the file loads');
	rmdir $folder or die $!;
	rename "$folder.old", $folder or die $!;
	is_deeply([ rows('hba_loads') ], [], 'and that is all');

	# an included file that is not there
	$t->write('gone.conf', "host all all 10.9.0.0/16 reject\n");
	$t->set_hba($own . "include gone.conf\nhost all all 10.0.0.0/8 scram-sha-256\n");
	unlink "$t->{data}/gone.conf" or die $!;
	($row) = rows('hba_loads');
	like($row->{hint} // '', qr/^Put the file back, or make "\Q$t->{data}\E\/gone\.conf" with the rules that belong there\.  Then: SELECT \* FROM castssl_reload\(\);$/, 'an included file that is not there')
	  or diag explain $row;
	$t->write('gone.conf', "host all all 10.9.0.0/16 reject\n");
	is($t->sql('SELECT problem IS NULL FROM castssl_reload()'), 't', 'typed: it loads');
	is_deeply([ rows('hba_loads') ], [], 'and the row is gone');

	# a file that is included twice
	chmod 0700, $folder or die $!;
	my $twice = "include hba.d/10-app.conf\n";
	$t->set_hba($own . $twice . "host all all 127.0.0.1/32 scram-sha-256\n" . $twice);
	($row) = rows('hba_dead_rules');
	like($row->{message}, qr/^never used where this file is included again: /, 'its line is dead the second time') or diag explain $row;
	is($row->{fix}, undef, 'but in use: no fix');
	is($t->slurp("$t->{data}/hba.d/10-app.conf"), "hostssl app all 10.0.0.0/8 scram-sha-256\n", 'it stays');
	$t->set_hba($own . "host all all 10.0.0.0/8 scram-sha-256\n" . $twice . $twice);
	is(scalar(rows('hba_dead_rules')), 1, 'a line that no include reaches: one row');
	$t->sql((rows('hba_dead_rules'))[0]{fix});
	is($t->slurp("$t->{data}/hba.d/10-app.conf"), '', 'and a fix');
	$t->set_hba($own . "include pg_hba.conf\n");
	is_deeply([ map { "$_->{check_name} $_->{subject}" } rows('hba_loads,hba_dead_rules,hba_order') ], ['hba_loads pg_hba.conf:2'], 'a loop: one row, with its line once');
}

$t->stop;
done_testing();
