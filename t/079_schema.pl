# Hints, fixes and rows name the schema of our functions where the caller would not find them without.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('schema');
my $source = $t->{source};
my $plain = $t->hba;

# The statements of a text: what is typed as it stands.
sub statements { return $_[0] =~ /(SELECT .*?;)/g }

sub hint_of
{
	my ($sql) = @_;
	my (undef, undef, $err) = $t->psql($sql);
	return ($err =~ /^HINT:\s+(.*)/m)[0] // "no hint in $err";
}

# --- public, where it is in the caller's search_path, and where it is not

my $wrong = 'castssl_check(1)';
is(hint_of("SELECT * FROM $wrong"), 'For example: castssl_check(target_version => 19).', 'public is not named');
is(hint_of("SET search_path = app, public, pg_catalog; SELECT * FROM $wrong"), 'For example: castssl_check(target_version => 19).', 'wherever it stands in search_path');
foreach my $path (q{''}, 'app', 'pg_catalog')
{
	is(hint_of("SET search_path = $path; SELECT * FROM public.$wrong"), 'For example: public.castssl_check(target_version => 19).', "search_path = $path");
	is(hint_of("BEGIN; SET LOCAL search_path = $path; SELECT * FROM public.$wrong"), 'For example: public.castssl_check(target_version => 19).', "SET LOCAL search_path = $path");
}

# --- a schema of its own, with a name that wants quotes

$t->sql(q{DROP EXTENSION pg_castssl; CREATE SCHEMA "castssl's own"; CREATE EXTENSION pg_castssl SCHEMA "castssl's own"});
my $own = q{"castssl's own".};
is(hint_of("SELECT * FROM ${own}$wrong"), "For example: ${own}castssl_check(target_version => 19).", 'a hint');
is(hint_of(qq{SET search_path = "castssl's own"; SELECT * FROM $wrong}), "For example: ${own}castssl_check(target_version => 19).", 'a new connection may have another search_path');
my $rows = $t->rows("SELECT * FROM ${own}castssl_enable(source_dir => '$source', confirm_within => '10 min')");
my ($waiting) = grep { $_->{result} eq 'waiting' } @$rows;
like($waiting->{detail}, qr/^SELECT \Q$own\Ecastssl_confirm\(\d+\);/, 'what confirms') or diag explain $rows;
my $hint = hint_of("SELECT * FROM ${own}castssl_disable()");
my @two = statements($hint);
is(scalar @two, 2, 'a hint with two statements') or diag $hint;
$t->sql(q{ALTER ROLE postgres PASSWORD 'secret'});    # it can come in by TCP
my $proof = hint_of('SELECT ' . $own . 'castssl_confirm()');
my ($command) = $proof =~ /^Confirm from a new connection: (psql .*?)(?:  |$)/ or diag $proof;
my @words = split /\n/, `sh -c 'for word; do echo "\$word"; done' $command`;
is_deeply([ $words[1], $words[2] =~ s/\d+/N/r ], [ '-c', "SELECT ${own}castssl_confirm(N)" ], 'the command that proves: as a shell takes it') or diag $command;
$t->sql($two[1]);
is($t->hba, $plain, 'typed as it stands');
my $guest = $t->guest(cert => undef, sslmode => 'disable');
$hint = hint_of("SELECT * FROM ${own}castssl_enable(source_dir => '$source', plaintext => 'block')");
like($hint, qr/: SELECT \* FROM \Q$own\Ecastssl_enable\(source_dir => '\Q$source\E', plaintext => 'block', confirm_within => '10 min'\);/, 'the call again');
$t->sql((statements($hint))[0]);
$t->sql("SELECT * FROM ${own}castssl_rollback()");
$guest->quit;

# what castssl_check() wants typed
$t->set_hba("local all all trust\nhost all all 0.0.0.0/0 scram-sha-256\n");
$t->sql("SELECT * FROM ${own}castssl_enable(source_dir => '$source')");
my $count = 0;
foreach my $row (@{ $t->rows("SELECT * FROM ${own}castssl_check(include_ok => true)") })
{
	foreach my $text (grep { defined } @$row{qw(message hint fix)})
	{
		unlike($text, qr/(?<!\Q$own\E)castssl_\w+\(/, "$row->{check_name}: $text") if $text =~ /castssl_/;
		$count += () = $text =~ /\Q$own\E/g;
	}
}
cmp_ok($count, '>', 0, 'functions are named');
unlike($t->sql("SELECT ${own}castssl_report()"), qr/[ >]castssl_\w+\(/, 'nor in the report');

# what only looks like one of them stays as it is
$t->write('pg_hba.conf', "local all all trust\nhost all castssl_x( 127.0.0.1/32 reject\n");
my ($rule) = grep { $_->{line_number} == 2 } @{ $t->rows("SELECT * FROM ${own}castssl_hba_rules()") };
is($rule->{user_name}[0], 'castssl_x(', 'a value is no call');
$t->set_hba($plain);

$t->stop;
done_testing();
