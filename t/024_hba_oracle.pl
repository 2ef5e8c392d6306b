# Random policies and connections: castssl_hba_explain against what the real server does and logs;
# then, with castssl_hba_explain as the judge, castssl_hba_compare, dead rules, and what
# castssl_hba_require_tls leaves behind.
#
# CASTSSL_ORACLE_PAIRS (1000), CASTSSL_ORACLE_SEED (always the same): how much, and which. scripts/hba-oracle
# sets them, for many more pairs, and others each time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use JSON::PP ();
use Test::More;

plan skip_all => 'IO::Socket::SSL is not installed (libio-socket-ssl-perl)'
  unless eval { require CastsslOracle; 1 };
plan skip_all => 'only Linux has all of 127.0.0.0/8 for its own' unless $^O eq 'linux';

my $pairs = $ENV{CASTSSL_ORACLE_PAIRS} || 1000;
my $seed = $ENV{CASTSSL_ORACLE_SEED} || 20261127;
my $connections_each = 100;
my $policies = int(($pairs + $connections_each - 1) / $connections_each);
srand $seed;
diag "seed $seed, $policies policies with $connections_each connections each";

my $t = CastsslTest->new('oracle', streaming => 1, hba => "local all postgres trust\n", conf => <<'CONF');
listen_addresses = '127.0.0.1, ::1'
log_line_prefix = '<%r> '
log_min_messages = warning
fsync = off
max_connections = 50
log_statement = none
CONF
my $version = int($t->sql('SHOW server_version_num') / 10000);
my $pki = $t->{pki};
my @certificates = CastsslOracle::make_certificates($pki);
$t->enable(source_dir => $t->{source});
$t->sql("SET password_encryption = 'scram-sha-256'; " . CastsslOracle::setup_sql());
$t->sql($_) foreach CastsslOracle::database_sql();
$t->sql('CREATE TABLE certificates (name text PRIMARY KEY, pem text)');
$t->sql("INSERT INTO certificates VALUES ('$_', \$pem\$" . $t->slurp("$_.crt") . '$pem$)') foreach @certificates;
# with a keytab there can be GSSAPI, where the server is built with it
$t->write('keytab', '');
$t->sql("ALTER SYSTEM SET krb_server_keyfile = '" . $t->path('keytab') . "'");
$t->reload;
my @channels = grep
{
	$_ ne 'gss' || $t->sql("SELECT reason FROM castssl_hba_explain('app', 'amy', '127.0.0.1', 'gss')") !~ /offers no GSSAPI/
} qw(none tls gss);
my %server = (port => $t->{node}->port, socket => $t->{node}->host);
my $json = JSON::PP->new->canonical;

# What castssl_hba_explain says of each connection: a list of hashes in order.
sub explanations
{
	my ($connections, $staged) = @_;
	my $n = 0;
	my $list = $json->encode([ map { { %$_, n => $n++, encryption => $_->{encryption} // ($_->{tls} ? 'tls' : 'none') } } @$connections ]);
	$staged = $staged ? 'true' : 'false';
	return $t->rows(<<"SQL");
SELECT e.verdict, e.file_name, e.line_number, e.rule, e.reason
FROM jsonb_to_recordset(\$c\$$list\$c\$) AS c(n int, database text, "user" text, address inet, encryption text, certificate text, replication text)
LEFT JOIN certificates ON name = c.certificate
CROSS JOIN LATERAL castssl_hba_explain(c.database, c."user", c.address, c.encryption, c.replication IS NOT DISTINCT FROM 'true', pem, $staged) e
ORDER BY c.n
SQL
}

sub install
{
	my ($files, $reload) = @_;
	$t->write($_, $files->{$_}) foreach sort keys %$files;
	$t->reload if $reload;
	return;
}

sub describe
{
	my ($c) = @_;
	return join ' ', map { defined $c->{$_} ? "$_=$c->{$_}" : () } sort keys %$c;
}

my %agrees = (
	accepted => { accepted => 1 },
	refused => { refused => 1, failed => 1 },
	authenticate => { authenticate => 1, authenticated => 1 });

# The verdict that was explained against the outcome that was seen.
sub verdict_agrees
{
	my ($explained, $outcome) = @_;
	return 1 if $agrees{ $explained->{verdict} }{$outcome};
	# who the client is to the operating system is not known beforehand
	return $explained->{verdict} eq 'authenticate' && $explained->{rule} =~ /\b(?:peer|ident)\b/ && $outcome =~ /^(?:accepted|refused)$/;
}

my %count;
my $disagreements = 0;

sub disagree
{
	my ($files, @text) = @_;
	return if $disagreements++ > 5;
	diag join "\n", @text, map { "--- $_\n$files->{$_}" } grep { /conf$/ } sort keys %$files;
	return;
}

# One policy against the real server.
sub check_policy
{
	my ($real, $password, $names) = @_;
	my @connections = map { CastsslOracle::connection($names, \@certificates) } 1 .. $connections_each;
	my ($ca, $crl) = CastsslOracle::trust($pki);

	$real = { %$real, 'root.crt' => $ca, 'root.crl' => $crl };
	$t->sql("ALTER SYSTEM SET ssl_crl_file = '" . ($crl ? 'root.crl' : '') . "'");
	install($real, 1);
	my $errors = $t->sql('SELECT coalesce(min(line_number || chr(32) || error), $$$$) FROM pg_hba_file_rules WHERE error IS NOT NULL');
	if ($errors ne '')
	{
		disagree($real, "the generator made a policy that the server refuses: $errors");
		return;
	}
	my $explained = explanations(\@connections);
	my @outcomes = map { (CastsslOracle::run_connection(\%server, $_, 'wonderland'))[0] } @connections;

	install($password, 1);
	my $start = -s $t->{node}->logfile;
	my @keys = map { (CastsslOracle::run_connection(\%server, { %$_, certificate => undef }, 'wrong'))[1] } @connections;
	my $lines = CastsslOracle::matched_lines(substr $t->slurp($t->{node}->logfile), $start);
	foreach my $i (0 .. $#connections)
	{
		my ($c, $e) = ($connections[$i], $explained->[$i]);
		my $matched = shift @{ $lines->{ $keys[$i] } // [] } // ['no trace in the log'];
		my $line = $matched->[0] // 'none';
		my $same = $line eq ($e->{line_number} // 'none')
		  && (!defined $matched->[1] || $matched->[1] eq $e->{file_name});
		$count{ $e->{verdict} }++;
		$count{lines}++ if $line ne 'none';
		$count{certificates}++ if $c->{certificate};
		$count{"says $1"}++
		  while $e->{reason} =~ /(\bmaps the certificate|pg_ident\.conf (?:lets|has no)|certificate revoked|certificate has expired|CRL has expired|no CRL of|extended key usage|client does not send the issuer|without a map it must|NOLOGIN|No password is stored|was valid until|stored as MD5|CONNECTION LIMIT 0|NOREPLICATION|accepts no connections|no CONNECT privilege|no database|no role)/g;
		next if $same && verdict_agrees($e, $outcomes[$i]);
		disagree($real, describe($c), "server: line $line, $outcomes[$i]",
			'explained: line ' . ($e->{line_number} // 'none') . ", $e->{verdict}: " . $e->{reason} =~ s/\n.*//sr);
	}
	return;
}

subtest 'castssl_hba_explain says what the server does' => sub {
	foreach my $number (1 .. $policies)
	{
		my $names = $number % 10 == 0;
		check_policy(CastsslOracle::policy($version, $names), $names);
	}
	is($disagreements, 0, "disagreements in " . $policies * $connections_each . " pairs (seed $seed)");
	note join ', ', map { "$_: $count{$_}" } sort keys %count;
	cmp_ok($count{$_} // 0, '>=', $pairs / 100, "enough pairs: $_") foreach qw(accepted authenticate refused lines certificates);
	cmp_ok(scalar(grep { /^says / } keys %count), '>=', 15, 'reasons of most kinds') if $pairs >= 1000;
};


# ---- with castssl_hba_explain as the judge ----

my $bulk = $policies < 20 ? $policies : 40 + int($policies / 10);

# Over all channels that pg_hba.conf knows.
sub many_connections
{
	my @connections = map { CastsslOracle::connection(0, []) } 1 .. 120;
	$_->{encryption} = CastsslOracle::pick(@channels) foreach @connections;
	return \@connections;
}

# Rules by file and line, with what they do: refused or method and options, and the certificate asked for.
sub rules
{
	my ($staged) = @_;
	my %rules;
	foreach my $rule (@{ $t->rows("SELECT * FROM castssl_hba_rules(staged => $staged)") })
	{
		my @options = sort grep { !/^(clientcert=|clientname=CN$)/ } @{ $rule->{options} };
		my ($clientcert) = map { /^clientcert=(.*)/ ? $1 : () } @{ $rule->{options} };
		$rule->{clientcert} = $clientcert // ($rule->{auth_method} eq 'cert' ? 'verify-full' : 'none');
		$rule->{does} = $rule->{auth_method} eq 'reject' || grep({ $_ eq 'map=gone' } @options) ? 'refused' : join ' ', $rule->{auth_method}, @options;
		$rules{"$rule->{file_name}:$rule->{line_number}"} = $rule;
	}
	return \%rules;
}

my $no_line = { does => 'refused', clientcert => 'none' };

# The rule that answers.
sub answer
{
	my ($rules, $explained) = @_;
	return $no_line unless defined $explained->{line_number};
	return $rules->{"$explained->{file_name}:$explained->{line_number}"} // die "no rule $explained->{line_number}";
}

# 2: it asks who it is; 1: for a certificate of the CA; 0: for nothing.
sub asks
{
	my ($rule) = @_;
	return 2 if $rule->{does} !~ /^trust(?: |$)/ || $rule->{clientcert} eq 'verify-full';
	return $rule->{clientcert} eq 'none' ? 0 : 1;
}

sub change
{
	my ($before, $after) = @_;
	return if $before->{does} eq 'refused' && $after->{does} eq 'refused';
	return 'newly admitted' if $before->{does} eq 'refused';
	return 'newly refused' if $after->{does} eq 'refused';
	return 'admitted without proof' if asks($after) < asks($before);
	return 'client certificate now required' if $before->{clientcert} eq 'none' && $after->{clientcert} ne 'none';
	return 'client certificate no longer required' if $before->{clientcert} ne 'none' && $after->{clientcert} eq 'none';
	return 'method changed' if $before->{does} ne $after->{does} || $before->{clientcert} ne $after->{clientcert};
	return;
}

sub channel
{
	my ($c) = @_;
	return defined $c->{address} ? $c->{encryption} : 'socket';
}

sub row_key
{
	my ($change, $channel, $before, $after) = @_;
	return join '|', $change, $channel, $before // 'none', $after // 'none';
}

# Another policy: a few lines changed, or all of them.
sub changed
{
	my ($content) = @_;
	return (CastsslOracle::policy($version, 0))[0]->{'pg_hba.conf'} if rand() < 0.3;
	my @lines = split /(?<!\\)\n/, $content;
	foreach (1 .. 1 + int rand 4)
	{
		my $at = 1 + int rand @lines;
		my $new = join ' ', @{ CastsslOracle::rule($version, 0) };
		splice @lines, $at, CastsslOracle::pick(0, 1), CastsslOracle::pick(0, 1) ? $new : ();
	}
	return join("\n", @lines) . "\n";
}

sub stage
{
	my ($content) = @_;
	$t->sql("SELECT castssl_hba_discard(); SELECT castssl_hba_stage(\$content\$$content\$content\$)");
	return;
}

my $falls_back = 'may fall back to plaintext';

sub check_compare
{
	my ($tally) = @_;
	my ($real) = CastsslOracle::policy($version, 0);
	install($real, 0);
	my $content = changed($real->{'pg_hba.conf'});
	stage($content);
	my $rows = $t->rows('SELECT *, example_address::text AS address_text FROM castssl_hba_compare()');
	my %row = map { row_key($_->{change}, $_->{encryption}, $_->{before_line}, $_->{after_line}) => 1 } @$rows;
	my ($live, $staged) = (rules('false'), rules('true'));
	my $connections = many_connections();
	my ($before, $after) = (explanations($connections, 0), explanations($connections, 1));
	my %files = (%$real, 'staged.conf' => $content);
	foreach my $i (0 .. $#$connections)
	{
		my $change = change(answer($live, $before->[$i]), answer($staged, $after->[$i])) // next;
		$tally->{changes}++;
		next if $row{ row_key($change, channel($connections->[$i]), $before->[$i]{line_number}, $after->[$i]{line_number}) };
		disagree(\%files, describe($connections->[$i]), "$change is in no row of castssl_hba_compare: line "
			  . ($before->[$i]{line_number} // 'none') . ' before, line ' . ($after->[$i]{line_number} // 'none') . ' after');
	}

	my @certain = grep { $_->{certain} } @$rows;
	return unless @certain;
	my @examples = map { {
			database => $_->{example_database} // 'postgres', user => $_->{example_user}, address => $_->{example_address},
			encryption => $_->{encryption} eq 'socket' ? 'none' : $_->{encryption},
			defined $_->{example_database} ? () : (replication => 'true') } } @certain;
	# who falls back comes over TLS before, and in plaintext after
	my @then = map { $certain[$_]{change} eq $falls_back ? { %{ $examples[$_] }, encryption => 'none' } : $examples[$_] } 0 .. $#certain;
	($before, $after) = (explanations(\@examples, 0), explanations(\@then, 1));
	foreach my $i (0 .. $#certain)
	{
		$tally->{examples}++;
		my $row = $certain[$i];
		my ($then, $now) = (answer($live, $before->[$i]), answer($staged, $after->[$i]));
		my $change = change($then, $now) // 'nothing';
		$change = $falls_back if $row->{change} eq $falls_back && $then->{does} ne 'refused' && $now->{does} ne 'refused' && $then->{clientcert} eq 'none';
		my $found = row_key($change, $row->{encryption}, $before->[$i]{line_number}, $after->[$i]{line_number});
		my $said = row_key($row->{change}, $row->{encryption}, $row->{before_line}, $row->{after_line});
		disagree(\%files, describe($examples[$i]), "the example of a row of castssl_hba_compare", "row: $said", "explained: $found")
		  if $found ne $said;
	}
	return;
}

sub check_dead
{
	my ($tally) = @_;
	my ($real) = CastsslOracle::policy($version, 0);
	install($real, 0);
	my $rules = rules('false');
	my $connections = many_connections();
	my $explained = explanations($connections, 0);
	$tally->{dead} += grep { $_->{dead} } values %$rules;
	$tally->{alive} += grep { !$_->{dead} } values %$rules;
	foreach my $i (0 .. $#$connections)
	{
		my $rule = answer($rules, $explained->[$i]);
		disagree($real, describe($connections->[$i]), "line $rule->{line_number} answers, and is called dead because of @{ $rule->{dead_because} }")
		  if $rule->{dead};
	}
	return;
}

my %strength = (none => 0, 'verify-ca' => 1, 'verify-full' => 2);

# What castssl_hba_require_tls promises: over TLS the same method and a certificate; plaintext as before or
# refused; everything else as before.
sub promise_broken
{
	my ($c, $before, $after, $clientcert, $plaintext) = @_;
	my $channel = channel($c);
	if ($channel eq 'tls')
	{
		return 'another method over TLS' if $before->{does} ne $after->{does};
		return if $after->{does} eq 'refused';
		return 'no certificate is asked for'
		  if $strength{ $after->{clientcert} } < $strength{$clientcert}
		  || $strength{ $after->{clientcert} } < $strength{ $before->{clientcert} };
		return;
	}
	return $after->{does} eq 'refused' ? undef : 'plaintext is not refused' if $channel eq 'none' && $plaintext eq 'block';
	return if $before->{does} eq $after->{does} && $before->{clientcert} eq $after->{clientcert};
	return "another outcome over $channel";
}

sub check_require
{
	my ($tally) = @_;
	my ($real) = CastsslOracle::policy($version, 0);
	my $clientcert = CastsslOracle::pick(qw(verify-ca verify-full));
	my $plaintext = CastsslOracle::pick(qw(keep block));
	install($real, 0);
	$t->sql('SELECT castssl_hba_discard()');
	$t->sql('SELECT ' . CastsslTest::call('castssl_hba_require_tls', clientcert => $clientcert, plaintext => $plaintext));
	my ($live, $staged) = (rules('false'), rules('true'));
	my $connections = many_connections();
	my ($before, $after) = (explanations($connections, 0), explanations($connections, 1));
	foreach my $i (0 .. $#$connections)
	{
		my $broken = promise_broken($connections->[$i], answer($live, $before->[$i]), answer($staged, $after->[$i]), $clientcert, $plaintext);
		$tally->{ channel($connections->[$i]) . " $plaintext" }++;
		disagree({ %$real, 'diff.conf' => $t->sql('SELECT castssl_hba_diff()') }, describe($connections->[$i]), "clientcert => $clientcert, plaintext => $plaintext: $broken")
		  if $broken;
	}
	my $admitted = $t->sql("SELECT count(*) FROM castssl_hba_compare() WHERE change = 'newly admitted'");
	disagree($real, "castssl_hba_require_tls admits somebody new ($clientcert, $plaintext)") if $admitted;
	return;
}

sub check_in_bulk
{
	my ($check, @enough) = @_;
	my %tally;
	$disagreements = 0;
	$check->(\%tally) foreach 1 .. $bulk;
	is($disagreements, 0, "disagreements in $bulk policies (seed $seed)");
	note join ', ', map { "$_: $tally{$_}" } sort keys %tally;
	cmp_ok($tally{$_} // 0, '>=', int($bulk / 2), "enough: $_") foreach @enough;
	return;
}

subtest 'castssl_hba_compare misses no change, and its examples are real' => sub {
	check_in_bulk(\&check_compare, 'changes', 'examples');
};
subtest 'dead rules answer nobody' => sub {
	check_in_bulk(\&check_dead, 'dead', 'alive');
};
subtest 'castssl_hba_require_tls keeps its promises' => sub {
	check_in_bulk(\&check_require, 'tls keep', 'tls block', 'none keep', 'none block');
};

done_testing();
