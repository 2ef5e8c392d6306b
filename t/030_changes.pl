# The journal: what it holds and for how long; rolling back one change, several, and a rollback.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use File::Find ();
use Test::More;

my $t = CastsslTest->new('changes');
my ($pki, $data) = ($t->{pki}, $t->{data});
my $hba = $t->hba;
my $renewed = $pki->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');

sub changes
{
	return $t->rows('SELECT * FROM castssl_changes()');
}

sub states
{
	return join ' ', map { "$_->{change_id}:$_->{action}:$_->{state}" } @{ changes() };
}

# Every file below pg_castssl, by name: its mode and content.
sub books
{
	my %books;
	File::Find::find(
		sub {
			my @s = lstat or return;
			(my $name = $File::Find::name) =~ s{^\Q$data\E/}{};
			$books{$name} = { mode => sprintf('%04o', $s[2] & 07777), content => -f _ ? $t->slurp($File::Find::name) : undef };
		}, "$data/pg_castssl") if -d "$data/pg_castssl";
	return \%books;
}

sub keys_kept
{
	my $books = books();
	return [ grep { ($books->{$_}{content} // '') =~ /PRIVATE KEY/ } sort keys %$books ];
}

sub rollback
{
	my ($id) = @_;
	return $t->rows('SELECT * FROM castssl_rollback(' . ($id // $t->in_effect) . ')');
}

# What counts of a server for the question whether it is as it was.
sub server
{
	my $auto = $t->slurp("$data/postgresql.auto.conf");
	return { hba => $t->hba, auto => join('', sort $auto =~ /^ssl.*\n/mg), served => $t->served,
		map { $_ => -e "$data/$_" ? $t->mode($_) . ' ' . Digest::SHA::sha256_hex($t->slurp($_)) : 'absent' } qw(server.crt server.key root.crt) };
}

# --- nothing yet

is_deeply(changes(), [], 'no change yet');
$t->fails('SELECT * FROM castssl_rollback()', '55000', 'nothing to roll back', message => qr/no change is waiting/, detail => qr/^Nothing was changed so far\./,
	hint => 1, constraint => 'castssl_nothing_to_roll_back');
$t->fails('SELECT * FROM castssl_rollback(7)', '22023', 'no such change', hint => 1);
$t->fails('SELECT castssl_confirm()', '55000', 'nothing to confirm', hint => 1);
$t->fails("SELECT castssl_postpone('1 min')", '55000', 'nothing to postpone', hint => 1);
$t->fails('SELECT castssl_postpone(NULL)', '22023', 'postpone by nothing', hint => 1, no_detail => 1);

# --- what is kept of a change

my $never = server();
$t->enable(source_dir => $t->{source}, plaintext => 'block');
my $first = server();
my ($change) = @{ changes() };
is($change->{change_id}, 1, 'the first change');
is($change->{action}, 'enable', 'its action');
is($change->{state}, 'applied', 'its state');
is($change->{user_name}, 'postgres', 'its user');
is($change->{confirm_deadline}, undef, 'no deadline');
ok($change->{started_at} && $change->{finished_at} && $change->{started_at} lt $change->{finished_at}, 'its times');
is_deeply([ sort map { m{([^/]+)$} } grep { !/pg_castssl/ } @{ $change->{files} } ], [qw(pg_hba.conf root.crt server.crt server.key)], 'its files')
  or diag explain $change;
my $books = books();
is_deeply([ grep { $books->{$_}{mode} ne (defined $books->{$_}{content} ? '0600' : '0700') } sort keys %$books ], [],
	'directories 0700, files 0600') or diag explain $books;
ok((grep { ($_->{content} // '') eq $hba } values %$books), 'the before-image of pg_hba.conf');
is_deeply(keys_kept(), [], 'no private key: there was none before');

# --- the same call again is no change

$t->enable(source_dir => $t->{source}, plaintext => 'block');
is(scalar @{ changes() }, 1, 'nothing changed: no new change');

# --- roll back and forth

$t->enable(source_dir => $renewed, plaintext => 'block');
my $second = server();
is($second->{served}, $pki->fingerprint('server-renewed.crt'), 'the second certificate');
is(scalar @{ keys_kept() }, 1, 'the private key that it replaced is kept');
my $steps = rollback();
is_deeply(server(), $first, 'back to the first: files, parameters, pg_hba.conf, served');
is(states(), '1:enable:applied 2:enable:rolled back 3:rollback:applied', 'states');
sub first_rows { return map { "$_->{action}: $_->{target}: $_->{result}: $_->{detail}" } grep { $_->{action} eq 'roll back' } @{ $_[0] } }
is($steps->[0]{action}, 'roll back', 'its first row');
my $time = qr{(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d [+\w-]+};
like(join("\n", first_rows($steps)), qr/^roll back: change 2: done: taken back: enable by postgres, $time$/, 'says what is taken back');
ok((grep { $_->{action} eq 'verify' && $_->{result} eq 'done' } @$steps), 'a rollback is verified');
ok((grep { $_->{action} eq 'install file' && $_->{target} =~ /server\.key$/ } @$steps), 'its steps name the files');
unlike(join(' ', map { $_->{target} // '' } @$steps), qr/pg_castssl/, 'and not our own books');
like(join("\n", first_rows(rollback())), qr/^roll back: change 3: done: taken back: rollback by postgres, $time\nroll back: change 2: done: in effect again: enable by postgres, $time$/,
	'a rollback rolled back: what is in effect again');
is_deeply(server(), $second, 'a rollback rolled back: the second again');
is(states(), '1:enable:applied 2:enable:applied 3:rollback:rolled back 4:rollback:applied', 'states of that');

$t->disable;
$t->enable(source_dir => $renewed, clientcert => 'verify-full');
isnt($t->hba, $second->{hba}, 'two more changes');
is(join(' ', map { /change (\d+)/ } first_rows(rollback(2))), '6 5 4 2', 'back to before 2: every change that is taken back, and none that returns');
is_deeply(server(), $first, 'back to before change 2, and of all those after it');
rollback(1);
is_deeply(server(), $never, 'back to before the first');
is($t->hba, $hba, 'pg_hba.conf byte for byte');
is_deeply([ grep { -e } glob "$data/*.castssl.tmp $data/server.* $data/root.crt" ], [], 'and no file is left');
$t->fails('SELECT * FROM castssl_rollback(2)', '55000', 'already rolled back', detail => qr/^Change 2 \(enable by postgres, $time\) was taken back by a later change\.$/, hint => 1);
$t->fails('SELECT * FROM castssl_rollback(-1)', '22023', 'a negative id', hint => 1);

# --- edited by hand since: refused, and shown

$t->enable(source_dir => $t->{source}, plaintext => 'block');
$t->set_hba($t->hba . "# a note\n");
my $before = $t->state;
my $lines = () = $t->hba =~ /\n/g;
my $error = $t->fails($CastsslTest::back, '55000', 'edited by hand', detail => qr{^Edited: \Q$data\E/pg_hba\.conf\.\n\+pg_hba\.conf:$lines: # a note$}, hint => 1);
is_deeply($t->state, $before, 'nothing has changed');
$t->set_hba($t->hba =~ s/(?=# a note)/host all all 10.9.9.9\/32 ldap ldapserver=l ldapprefix="cn=" ldapsuffix="" ldapbindpasswd=topsecret\n/r =~ s/^(#castssl# host .*)\n//mr);
$error = $t->fails($CastsslTest::back, '55000', 'more edits', detail => qr{\n-pg_hba\.conf:\d+: #castssl# host .*\n\+pg_hba\.conf:\d+: host all all 10\.9\.9\.9/32 ldap .*\*\*\*}, hint => 1);
unlike($error->{detail}, qr/topsecret/, 'without a secret');
$t->set_hba($t->hba . "# note\n" x 20);
like($t->fails($CastsslTest::back, '55000', 'many edits')->{detail}, qr/(?:\n[-+].*){12}\n\.\.\. and \d+ more$/, 'no more than twelve lines');
my @hint = $error->{hint} =~ /(SELECT (?:[^;']|'[^']*')*;)/g;
is(scalar @hint, 3, 'three statements') or diag $error->{hint};
$t->sql($_) foreach @hint;
is_deeply(server(), $never, 'the hint, typed: rolled back, and the edit is undone');
$t->enable(source_dir => $t->{source}, plaintext => 'block');
$t->sql(q{ALTER SYSTEM SET ssl_ca_file = 'it''s.crt'});
$error = $t->fails($CastsslTest::back, '55000', 'a parameter set since', hint => qr/^Rolling back would lose these values\.  To set them back: ALTER SYSTEM SET ssl_ca_file = 'root\.crt';  Then: SELECT \* FROM castssl_rollback\(\d+\);$/);
$t->sql($_) foreach $error->{hint} =~ /((?:SELECT|ALTER) [^;]*;)/g;
is_deeply(server(), $never, 'the hint, typed: rolled back');
$t->enable(source_dir => $t->{source}, plaintext => 'block');
unlink "$data/root.crt" or die $!;
$t->fails($CastsslTest::back, '55000', 'a file removed by hand', detail => qr{root\.crt}, hint => qr{Put \S+/root\.crt back as change \d+ wrote it\.  Then: SELECT \* FROM castssl_rollback\(\d+\);$});
$t->write("$data/root.crt", $t->slurp($pki->path('root.crt')));
chmod 0600, "$data/root.crt";
rollback();
is_deeply(server(), $never, 'the edit undone: rolled back');

# --- without a number: what waits, and nothing else

sub no_change_waits
{
	my ($name, %expected) = @_;
	my $before = server();
	$t->fails('SELECT * FROM castssl_rollback()', '55000', $name, message => qr/^no change is waiting$/, constraint => 'castssl_nothing_to_roll_back', %expected);
	is_deeply(server(), $before, "$name: nothing is taken back");
	return;
}
my $number = $t->enable(source_dir => $t->{source}, plaintext => 'block')->[0]{change_id};
no_change_waits('the last change is in effect', detail => qr/^The last one, $number, has been in effect since $time\.$/,
	hint => qr/^To take it back: SELECT \* FROM castssl_rollback\($number\);$/);
$number = $t->enable(source_dir => $renewed, confirm_within => '10 min')->[0]{change_id};
$steps = $t->rows('SELECT * FROM castssl_rollback()');
like(join("\n", first_rows($steps)), qr/^roll back: change $number: done: taken back: enable by postgres, $time$/, 'unconfirmed: taken back');
is($t->served, $pki->fingerprint('server.crt'), 'and not the change before');
$t->fails("BEGIN; SELECT FROM castssl_enable(source_dir => '$t->{source}', clientcert => 'none'); SELECT 1/0", '22012', 'a change that fails', no_detail => 1);
$t->settle;
my $failed = server();
# what a program does in its branch for errors
$t->psql("BEGIN; SELECT FROM castssl_enable(source_dir => '$renewed'); SELECT castssl_rollback(); COMMIT");
is_deeply(server(), $failed, 'uncommitted, of this transaction: taken back');
no_change_waits('after a rollback', detail => qr/^The last one, \d+, has been in effect/, hint => 1);
$t->psql("BEGIN; SELECT FROM castssl_enable(source_dir => '$renewed'); ROLLBACK");
$t->settle;
$number = changes()->[-1]{change_id};
no_change_waits('its transaction did not commit', detail => qr/^The last one, $number, was undone at $time: its transaction did not commit\.$/,
	hint => qr/castssl_changes\(\)/);
$t->disable;

# --- a key that others could read does not become readable again

$t->write("$data/$_", $t->slurp($pki->path($_))) foreach qw(server.crt server.key root.crt);
chmod 0644, "$data/server.key";
$t->enable;
is($t->mode('server.key'), '0600', 'enabled: for the server alone');
($change) = grep { $_->{action} eq 'install file' && $_->{target} =~ /server\.key$/ } @{ rollback() };
like($change->{detail}, qr/^put back as it was before, except for its mode: other accounts could read the key$/, 'rolled back: says so');
is($t->mode('server.key'), '0600', 'and so it is');
unlink map { "$data/$_" } qw(server.crt server.key root.crt);

# --- modes come back as they were

$t->write("$data/$_", $t->slurp($pki->path($_))) foreach qw(server.crt server.key root.crt);
chmod 0644, "$data/server.crt", "$data/root.crt";
chmod 0400, "$data/server.key";
$t->enable;
$t->enable(source_dir => $renewed);
rollback();
is(join(' ', map { $t->mode($_) } qw(server.crt root.crt server.key)), '0644 0644 0400', 'modes as before');
$t->disable;
unlink map { "$data/$_" } qw(server.crt server.key root.crt);

# --- a failed change

my $last = changes()->[-1]{change_id};
$before = $t->state;
$t->fails("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{folder}/nowhere')", '58P01', 'refused before anything is written', hint => 1);
is(changes()->[-1]{change_id}, $last, 'is no change');

# --- castssl.keep_changes

sub keep
{
	my ($number) = @_;
	$t->sql("LOAD 'pg_castssl'; ALTER SYSTEM SET castssl.keep_changes = $number");
	$t->reload;
	return;
}

sub rotate
{
	my ($n, %arguments) = @_;
	$t->enable(source_dir => $_ % 2 ? $t->{source} : $renewed, %arguments) foreach 1 .. $n;
	return;
}
keep(3);
rotate(6);
my @ids = map { $_->{change_id} } @{ changes() };
is(scalar(grep { $_->{state} eq 'applied' } @{ changes() }), 3, 'keep_changes = 3: three that can be rolled back');
is($ids[-1], $last + 6, 'the newest among them');
$t->fails('SELECT * FROM castssl_rollback(' . ($last + 1) . ')', '22023', 'a pruned change', detail => qr/keep_changes/, hint => 1);
$t->alone;
is(scalar @{ keys_kept() }, 3, 'as many private keys are kept');
rollback($ids[-3]);
is(changes()->[-1]{action} . ' ' . changes()->[-1]{state}, 'rollback applied', 'the oldest that is kept can be rolled back');

keep(0);
rotate(2);
$t->alone;
is_deeply(keys_kept(), [], 'keep_changes = 0: no private key is kept');
is_deeply([ grep { $_->{state} eq 'applied' } @{ changes() } ], [], 'and no change that could be rolled back');
$t->enable(source_dir => $t->{source}, confirm_within => '10 min');
is(scalar @{ keys_kept() }, 1, 'keep_changes = 0: the key of an unconfirmed change is kept');
is(changes()->[-1]{state}, 'unconfirmed', 'and the change is not pruned');
$t->confirm;
$t->alone;
is_deeply(keys_kept(), [], 'until it is confirmed');
rotate(1);
my $high = $t->sql('SELECT max(change_id) FROM castssl_changes()');
keep(20);
rotate(2);
my @new = map { $_->{change_id} } @{ changes() };
ok(@new >= 1 && $new[0] > $last + 6, 'ids grow on, also over pruned changes: ' . join ' ', @new);
is(scalar(@new), scalar(keys %{ { map { $_ => 1 } @new } }), 'each id once');

# --- a journal that was tampered with: what it saved is not put in place, and nothing changes

my $folder = "$data/pg_castssl/changes/$new[-1]";
my ($image) = grep { $t->slurp($_) eq $t->slurp($pki->path('server.crt')) } glob "$folder/before-*";
my $saved = $t->slurp($image);
$before = $t->state;
$t->write($image, $t->slurp($pki->path('server-renewed.crt')) . "# not what was saved\n");
$t->fails($CastsslTest::back, 'F0000', 'a damaged before-image', detail => qr/server\.crt/, hint => 1);
unlink $image;
$t->fails($CastsslTest::back, '58P01', 'a before-image that is gone');
$t->write($image, $saved);
my $manifest = $t->slurp("$folder/manifest");
$t->write("$folder/manifest", substr $manifest, 0, 30);
$t->fails($CastsslTest::back, 'F0000', 'a manifest that cannot be parsed', detail => qr/manifest/, hint => qr/remove the folder/);
$t->enable_fails({ source_dir => $t->{source} }, 'F0000', 'nor is anything changed on top of it', detail => qr/manifest/);
$t->write("$folder/manifest", $manifest);
is_deeply($t->state, $before, 'nothing has changed');

# --- after a crash of the server nothing of it is lost

my $told = states();
$t->{node}->stop('immediate');
$t->start;
is(states(), $told, 'the journal survives a crash');
rollback();
is(changes()->[-1]{action}, 'rollback', 'and can be used');

# --- readers say that something was interrupted, and only look; castssl_changes() of a superuser and changing calls undo it

$t->disable;
$hba = $t->hba;
$t->sql('CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
foreach my $call (qw(castssl_changes() castssl_reload() castssl_hba_discard()))
{
	$t->enable(source_dir => $t->{source}, plaintext => 'block');
	$t->sql("SELECT castssl_hba_add('hostssl', '{app}', '{all}', '192.0.2.0/24', 'scram-sha-256')");
	my ($newest) = $t->newest_change =~ m{(\d+)$};
	$t->edit_state($t->newest_change . '/manifest', sub { s/^state = 'applied'/state = 'applying'/m or die $_ });
	my $before = $t->state;
	is($t->sql("SELECT severity || ': ' || message || ': ' || hint FROM castssl_check() WHERE check_name = 'changes'"),
		'warning: was interrupted, and waits to be undone: SELECT * FROM castssl_changes(); by a superuser undoes it.', 'castssl_check() says so, and who does what');
	like($t->sql('SELECT castssl_report()'), qr/interrupted/, 'and castssl_report()');
	is_deeply($t->state, $before, 'and both only look');
	foreach my $reader (qw(castssl_status() castssl_certificates() castssl_hba_rules() castssl_fingerprint() castssl_hba_compare() castssl_hba_impact() castssl_changes()),
		"castssl_hba_explain('app', 'alice')", "castssl_client_config('uri', 'localhost', 'alice', 'app')")
	{
		my ($ok, undef, $err) = $t->psql("SELECT count(*) FROM $reader", user => 'monitor');
		ok($ok, "$reader by pg_monitor") or diag $err;
		like($err, qr/WARNING: .*change $newest \(enable\) waits to be undone\nDETAIL:  It was interrupted, and no worker is running to undo it\.\nHINT:  A superuser starts the worker by: SELECT \* FROM castssl_changes\(\);/, "$reader says what waits, and how to have it undone");
	}
	is_deeply($t->state, $before, 'and all of them only look');
	my ($ok, undef, $err) = $t->psql("SELECT count(*) FROM $call");
	ok($ok, "$call after an interruption") or diag $err;
	like($err, qr/WARNING: .*change $newest \(enable by postgres\) was undone: it had been interrupted/, "$call says that it undid it");
	is($t->hba, $hba, "$call did");
	$t->sql('SELECT castssl_hba_discard()');
}

# --- a file that is larger than what memory contexts keep in blocks of several, undone (servers that
# run sanitized see who still writes to it when it is freed)

my $large = $hba . "# a line of the file's history\n" x 8192;
$t->set_hba($large);
my $session = $t->session;
my $newest = $t->newest_change;
$t->sql("BEGIN; SELECT * FROM castssl_enable(source_dir => '$t->{source}', plaintext => 'block', confirm_within => '10 min'); ROLLBACK;");
$t->{node}->poll_query_until('postgres', "SELECT state = 'rolled back' FROM castssl_changes() ORDER BY change_id DESC LIMIT 1");
isnt($t->newest_change, $newest, '240 kB of pg_hba.conf: changed');
is($t->hba, $large, 'and undone');
$session->ask('SELECT 1;');
is($session->answer, "1\n", 'and no process of the server crashed');
$session->quit;

# --- a record that goes away before its transaction commits

$t->set_hba($hba);
$session = $t->session;
$session->ask("BEGIN; SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}', plaintext => 'block', force => true);");
$session->answer;
my $record = $t->newest_change;
rename $record, "$t->{folder}/record" or die $!;
$session->ask('COMMIT;');
like($session->answer, qr/ERROR:  F0000: the record of change \d+ is missing\nDETAIL:  Somebody has removed the folder "[^"]*"\./, 'no commit without the record, and no crash');
rename "$t->{folder}/record", $record or die $!;
$t->settle; # the worker, which found no record, may still hold the lock
is($t->hba, $hba, 'undone when the record is back');
$session->quit;
$t->stop;

done_testing();
