# What people see in psql: rows that fit a terminal of 120 columns, on a server with eleven rules, where psql is told
# what docs/guide.md tells; few rows for hundreds of bad rules; and one line for one text, for programs.
use strict;
use warnings;
use File::Temp ();
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $columns = 120;
my $rules = <<'HBA';
local all all trust
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256
host    replication     all             127.0.0.1/32            scram-sha-256
host    replication     replicator      10.0.0.0/8              scram-sha-256
host    app             alice           10.1.0.0/16             scram-sha-256
host    app,reports     +staff          10.2.0.0/16             md5
hostssl "my data"       "o'neil"        2001:db8::/32           scram-sha-256
host    reports         all             172.16.0.0/12           scram-sha-256
host    all             bob             192.168.100.0/24        scram-sha-256
host    all             all             0.0.0.0/0               scram-sha-256
host    all             all             ::/0                    scram-sha-256
HBA
my $t = CastsslTest->new('terminal', hba => $rules);
my $folder = File::Temp->newdir('certs.XXXX', DIR => '/tmp');
my $source = "$folder";
system('cp', '-p', glob("$t->{source}/*"), $t->{pki}->path('alice.crt'), $source) == 0 or die;

# --- the guide, from its first statement to its last

# What it has a reader type, in its order: [ kind, text ]
sub typed
{
	my ($file) = @_;
	my @typed;
	my $text = $t->slurp("$FindBin::RealBin/../$file");
	while ($text =~ /<!-- setup: (?<setup>.*?) -->|`(?<psql>\\pset [^`]+)`|^```sql\n(?<sql>.*?)^```$/msg)
	{
		push @typed, [ %+ ];
	}
	return @typed;
}

# What psql prints for that, told all this before; and the width of its widest line.  A NOTICE is no row.
sub seen
{
	my ($sql, @told) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XqU', 'postgres', '-h', $t->{node}->host, '-p', $t->{node}->port, '-v', 'ON_ERROR_STOP=1', '-P', 'pager=off', 'postgres' ],
		'<', \join("\n", @told, $sql), '>', \$out, '2>', \$err)
	  or die "$sql: $err";
	my ($widest) = sort { $b <=> $a } 0, map { length } split /\n/, $out;
	return ($out, $widest);
}

sub fits
{
	my ($sql, @told) = @_;
	my ($out, $widest) = seen($sql, @told);
	cmp_ok($widest, '<=', $columns, "$widest columns" . (@told ? ", @told" : '') . ': ' . $sql =~ s/\s*\n.*/ .../sr) or diag $out;
	return $out;
}

my @told;
my $changes = 0;
my $looks = 'SELECT severity, subject, message FROM castssl_check();';
is($t->sql(q{SELECT subject FROM castssl_check() WHERE check_name = 'hba_superusers'}), 'pg_hba.conf:11, 12', 'one row for one cause, with the lines');
is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'files_readable'}), '0', 'with TLS off, a file that is not there is no finding of its own');
foreach my $typed (typed('docs/guide.md'))
{
	my ($kind, $text) = @$typed;
	$text =~ s{/etc/postgresql/tls}{$source}g;
	if ($kind eq 'psql') { push @told, $text; next }
	if ($kind eq 'setup') { seen($text); next }
	# what confirms comes from a new connection, here while alice has one over TLS
	my $guest = $text =~ s/castssl_confirm\(\d+\)/'castssl_confirm(' . $t->in_effect . ')'/e ? $t->guest : undef;
	foreach my $statement ($text =~ /\S.*?(?:;|\\gx)(?=\n)/gs)
	{
		if ($statement =~ /\\gx$/)
		{
			# what is there to paste is broken nowhere
			my ($out) = seen($statement, @told);
			my @hints = map { $_->{hint} } @{ $t->rows($statement =~ s/\s*\\gx$//r) };
			cmp_ok(scalar @hints, '>', 3, scalar(@hints) . ' hints');
			is_deeply([ map { s/\s+$//r } $out =~ /^hint +\| (.*)$/mg ], \@hints, 'each is one line to paste');
			next;
		}
		fits($statement, @told);
		$changes++ if $statement =~ /confirm_within/;
	}
	next unless $guest;
	$guest->quit;
	# also without being told anything
	like(fits($looks), qr/\(\d+ rows?\)/, 'the check, too');
}
is_deeply(\@told, [ '\pset format wrapped', "\\pset columns $columns" ], 'docs/guide.md tells how psql breaks long cells');
is($changes, 5, 'of five changes');
$t->sql('SELECT castssl_confirm(force => true)') if $t->status->{change_state} eq 'unconfirmed';
my @readme = typed('README.md');
is_deeply([ map { $_->[1] } grep { $_->[0] eq 'psql' } @readme ], \@told, 'and so does the README');
{
	my %guide = map { $_ => 1 } map { split /\n/, $_->[1] } typed('docs/guide.md');
	my @others = grep { !$guide{$_} } map { split /\n/, $_->[1] } grep { $_->[0] eq 'sql' && $_->[1] =~ /confirm_within/ && $_->[1] !~ /_disable/ } @readme;
	is_deeply(\@others, [], 'whose changes are among them');
}

# --- what warns in more than one way, and changes nothing

$t->set_hba($rules);
$t->sql("SELECT * FROM castssl_enable(source_dir => '$source', force => true)");
fits("SELECT * FROM castssl_enable(clientcert => 'verify-ca', dry_run => true);", @told);
$t->sql("SELECT * FROM castssl_enable(clientcert => 'verify-ca', plaintext => 'block', force => true)");
fits("SELECT * FROM castssl_enable(clientcert => 'verify-ca', plaintext => 'block', confirm_within => '10 min');", @told);

{
	my $rows = $t->rows(q{SELECT target, detail FROM castssl_enable(clientcert => 'verify-full', dry_run => true)});
	is_deeply([ grep { ($_->{detail} // '') =~ /\n/ } @$rows ], [], 'each detail is one line');
	is_deeply([ map { $_->{detail} } grep { $_->{target} eq 'pg_hba.conf:8' } @$rows ],
		['now: hostssl replication replicator 10.0.0.0/8 scram-sha-256 clientcert=verify-full'], 'as the rule stands') or diag explain $rows;
}

# --- hundreds of bad rules are few rows

{
	my $good = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
	$t->set_hba($good . join '', map { ("host db$_ all 10.1.$_.0/24 trust\n", "host db$_ all 10.2.$_.0/24 password\n", "hostssl db$_ all 10.3.$_.0/24 md5\n") } 1 .. 70);
	my $rows = $t->rows(q{SELECT * FROM castssl_check() WHERE check_name LIKE 'hba%'});
	cmp_ok(scalar @$rows, '<', 50, scalar(@$rows) . ' rows for 210 bad rules');
	foreach my $check (qw(hba_trust hba_password hba_md5))
	{
		my @rows = grep { $_->{check_name} eq $check } @$rows;
		is(scalar @rows, 11, "$check: ten rows, and one for the others");
		is(scalar(grep { $_->{hint} =~ m{castssl_hba_change} } @rows), 10, "$check: each of the ten says what to do");
		my ($named, $more) = $rows[-1]{subject} =~ /^pg_hba\.conf:([\d, ]+) and (\d+) more$/;
		is(scalar(split(/, /, $named // '')) + ($more // 0), 60, "$check: no line is lost") or diag $rows[-1]{subject};
		is($rows[-1]{message}, $rows[0]{message}, "$check: they have the same cause");
		like($rows[-1]{hint}, qr/^First follow the hints of the rows above\./, "$check: what to do first");
	}
	my ($plaintext) = grep { $_->{check_name} eq 'hba_plaintext' } @$rows;
	like($plaintext->{subject}, qr/^pg_hba\.conf:(?:\d+, ){11}\d+ and 128 more$/, 'one row for 140 lines that admit plaintext');
	# their fixes lead on: the next ten come up
	my ($first) = grep { $_->{check_name} eq 'hba_md5' } @$rows;
	$t->sql($first->{fix} =~ s/confirm_within => '10 min'/force => true/r);
	my ($last) = reverse @{ $t->rows(q{SELECT subject FROM castssl_check() WHERE check_name = 'hba_md5'}) };
	like($last->{subject}, qr/ and 47 more$/, 'one less');
	# other findings of one check in a row of their own
	$t->set_hba($good . join '', map { "hostssl all all 10.4.0.0/16 scram-sha-256\nhostssl all u$_ 10.4.0.0/16 scram-sha-256\n" } 1 .. 30);
	my @dead = @{ $t->rows(q{SELECT * FROM castssl_check() WHERE check_name = 'hba_dead_rules'}) };
	is(scalar @dead, 11, 'rules that are hidden by others each');
	like($dead[-1]{message}, qr/^(?:never used: .*|\d+ more findings of this check)$/, 'the last row says how many more');
}

$t->stop;
done_testing();
