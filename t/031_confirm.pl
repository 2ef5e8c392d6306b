# Commit confirmed: a change takes effect now, and undoes itself unless somebody who could still get in says yes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Cwd ();
use Test::More;
use Time::HiRes qw(usleep);

my $pki = CastsslTest::pki();
*wait_until = \&CastsslTest::wait_until;

# The state of the latest change; undef when there is none.
sub latest
{
	my ($t) = @_;
	my $changes = $t->rows('SELECT change_id, action, state, confirm_deadline FROM castssl_changes() ORDER BY 1 DESC LIMIT 1');
	return $changes->[0];
}

sub is_undone
{
	my ($t, $hba, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	# castssl_changes() itself would undo what is due: the files are looked at first
	ok(wait_until(sub { $t->hba eq $hba && $t->served eq 'none' }), "$name: undone");
	ok(wait_until(sub { latest($t)->{state} eq 'expired' }), "$name: its state, which is written behind the files") or diag latest($t)->{state};
	return;
}

sub worker
{
	my ($t) = @_;
	my $pid = '';
	wait_until(sub { ($pid = $t->sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_castssl' AND query LIKE 'waiting%'")) ne '' });
	return $pid;
}

my $t = CastsslTest->new('confirm', conf => 'restart_after_crash = on');
my $hba = $t->hba;
my %enable = (source_dir => $t->{source}, plaintext => 'block');
my $renewed_source = $pki->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');

# --- confirmed from a new session, and not from an older one

my $old = $t->session;
my $steps = $t->enable(%enable, confirm_within => '10 min');
is("$steps->[-2]{action} $steps->[-1]{action}", 'await confirmation summary', 'the last steps');
is($steps->[-2]{result}, 'waiting', 'its result') or diag explain $steps->[-2];
is("$steps->[-2]{target} $steps->[-2]{code}", "change $steps->[-2]{change_id} unconfirmed", 'names the change');
is($steps->[-2]{detail}, "SELECT castssl_confirm($steps->[-2]{change_id}); from a new connection within 10 min, or this change is undone", 'what keeps it, and the time');
like($steps->[-1]{detail}, qr/^\d+ rules edited, 0 sessions could not come back, \d+ warnings?; next: SELECT castssl_confirm\($steps->[-1]{change_id}\) from a new connection$/, 'and so does the summary');
is(latest($t)->{state}, 'unconfirmed', 'unconfirmed');
my $status = $t->status;
is($status->{change_state}, 'unconfirmed', 'castssl_status says so');
ok($status->{confirm_deadline}, 'and until when');
$steps = $t->enable(%enable, confirm_within => '10 min');
is(scalar @{ CastsslTest::changes($steps) }, 1, 'the same call again does nothing') or diag explain $steps;
is("$steps->[-2]{action} $steps->[-2]{result}", 'await confirmation warning', 'but says that a change waits');
like($steps->[-2]{detail}, qr/^SELECT castssl_confirm\(1\); from a new connection before .*\d\d:\d\d:\d\d [+\w-]+, or this change is undone$/, 'which, and until when');
$old->ask('SELECT castssl_confirm();');
my $answer = $old->answer;
like($answer, qr/ERROR:  55000: no client has connected over TLS with a client certificate since change 1 took effect\nDETAIL:  This session began at .*; the change took effect at .*  It was open before the change, so it does not show that a new login works\.  If there is a pooler/,
	'an older session: 55000, when both began');
like($answer, qr/^CONSTRAINT NAME:  castssl_no_proof$/m, 'a word for programs');
$old->ask("SELECT count(*) FROM castssl_enable(clientcert => 'verify-full');");
like($old->answer, qr/ERROR:  55000: change 1 is not confirmed yet\nDETAIL:  It will be undone at /, 'a new change meanwhile: 55000 with id and deadline');
$old->ask('SELECT castssl_hba_add(\'local\', \'{app}\', \'{all}\', NULL, \'trust\') IS NOT NULL; SELECT count(*) FROM castssl_hba_apply();');
like($old->answer, qr/ERROR:  55000: change 1 is not confirmed yet/, 'castssl_hba_apply meanwhile: 55000');
$t->sql('CREATE ROLE carol SUPERUSER LOGIN');
$t->fails(q{SELECT * FROM castssl_enable(clientcert => 'verify-full')}, '55000', "somebody else's change", psql => { user => 'carol' },
	message => qr/^change 1 is not confirmed yet$/, detail => qr/^Role postgres made it\.  It will be undone at /,
	hint => qr/^Call this again when that role has confirmed or taken back its change, or it was undone\.  To keep it for that role: SELECT castssl_confirm\(1\); from a new connection\.$/);
$old->ask('SELECT castssl_hba_discard();');
$old->answer;
$t->fails('SELECT castssl_confirm(99)', '55000', 'another id', detail => qr/^Change 1 /, hint => 1);
no_proof('by the Unix socket', $t->psql('SELECT castssl_confirm()'), qr/It connected by a Unix-domain socket, so it does not show that a login over TLS with a client certificate works\./);
is($t->confirm, 1, 'a client that has come in so since shows that one can');
is(latest($t)->{state}, 'applied', 'applied');
ok(wait_until(sub { $t->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_castssl'") eq '0' }), 'the worker ends');
$t->fails('SELECT castssl_confirm()', '55000', 'twice', hint => 1);
isnt($t->served, 'none', 'and it stays');

# --- by a client over TLS with its certificate, as it is meant

$t->sql('ALTER ROLE alice SUPERUSER');
$t->enable(source_dir => $t->{source}, clientcert => 'verify-full', plaintext => 'block', confirm_within => '10 min');
$t->in('over TLS with a certificate', sslmode => 'verify-full', cert => 'alice', sql => 'SELECT castssl_confirm()');
is(latest($t)->{state}, 'applied', 'a client over TLS confirms');

# --- what shows that clients come in, and what does not

sub no_proof
{
	my ($name, $ok, $out, $err, $detail, $hint) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($err || $out, qr/ERROR:  55000: .*DETAIL: .*$detail.*HINT: .*CONSTRAINT NAME:  castssl_no_proof/s, "$name: no proof");
	unlike($err || $out, qr/force/, "$name: force is not proposed");
	like($err || $out, qr/HINT: .*$hint/, "$name: the way to go") if $hint;
	return;
}

# The command of a hint, as somebody pastes it into a shell.
sub paste
{
	my ($text, %environment) = @_;
	my ($command) = $text =~ /HINT:  .*?(psql .*?'SELECT castssl_confirm\(\d+\)')/ or return "no command in $text";
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => $t->{folder}, %environment);
	my $answer = `$command -XAtq 2>&1`;
	chomp $answer;
	return $answer;
}
my @by_alice = ("SELECT castssl_confirm()", user => 'alice');
my %certificate = (PGSSLCERT => $pki->path('alice.crt'), PGSSLKEY => $pki->path('alice.key'));

$t->disable(force => 'true');
my $early = $t->guest(sslmode => 'disable');
my $bob = $t->guest(user => 'bob', cert => undef, sslmode => 'disable');
$t->enable(source_dir => $t->{source}, clientcert => 'verify-full', plaintext => 'block', confirm_within => '10 min', force => 'true');
my $number = $t->in_effect;
no_proof('the Unix socket', $t->psql(@by_alice), qr/It connected by a Unix-domain socket/, qr/psql '.*' -c 'SELECT castssl_confirm\($number\)'  The connection needs a client certificate/);
$early->ask('SELECT castssl_confirm();');
my $refused = qr/Live sessions that could not come back as they are: .*client backend "bob", database "postgres", from 127\.0\.0\.1/;
no_proof('an old session in plaintext', 0, '', $early->answer, qr/It was open before the change.*If there is a pooler in between.*$refused/);
is(latest($t)->{state}, 'unconfirmed', 'it waits still');
$t->sql('CREATE ROLE operator LOGIN; GRANT EXECUTE ON FUNCTION castssl_confirm TO operator');
my $told = ($t->psql('SELECT castssl_confirm()', user => 'operator'))[2];
like($told, qr/could not come back as they are: .*client backend "bob", database "postgres"/, 'an operator learns who');
unlike($told, qr/from 127/, 'and not from where, which pg_stat_activity does not show either');
$t->sql('DROP OWNED BY operator; DROP ROLE operator');
like(paste(($t->psql(@by_alice))[2]), qr/connection requires a valid client certificate/, 'the command of the hint, without a certificate');
is(paste(($t->psql(@by_alice))[2], %certificate), $number, 'and with it: confirmed');
is(latest($t)->{state}, 'applied', 'the change is kept');
$_->quit foreach $early, $bob;

# a pooler's connection to the server is over TLS, and older than the change
my $pooler = $t->guest;
$number = $t->enable(source_dir => $t->{source}, plaintext => 'keep', clientcert => 'none', confirm_within => '10 min')->[0]{change_id}
  // $t->enable(source_dir => $renewed_source, confirm_within => '10 min')->[0]{change_id};
$pooler->ask('SELECT castssl_confirm();');
no_proof('an old session over TLS', 0, '', $pooler->answer, qr/It was open before the change/);
$pooler->quit;
is($t->confirm, $number, 'a new one is another matter');

# plaintext where TLS is to be had
$t->disable(force => 'true');
$t->enable(source_dir => $t->{source}, clientcert => 'none', confirm_within => '10 min');
my ($in, $said) = $t->client(sslmode => 'disable', sql => 'SELECT castssl_confirm()');
like($said, qr/no client has connected over TLS.*It connected without TLS/s, 'plaintext: no proof');
is(paste($said), latest($t)->{change_id}, 'the command of the hint confirms');

# a name that is quoted for libpq and for the shell
$t->sql(q{CREATE ROLE "o'\\ k$x" SUPERUSER LOGIN PASSWORD 'wonderland'});
$t->disable(confirm_within => '10 min', force => 'true');
$number = latest($t)->{change_id};
no_proof('TLS turned off, by the Unix socket', my @answer = $t->psql(@by_alice), qr/does not show that a login by TCP works/, qr/sslmode=disable/);
my $odd = $t->session(user => q{o'\\ k$x});
$odd->ask('SELECT castssl_confirm();');
is(paste($odd->answer), $number, 'TLS turned off: a new connection by TCP, as the rules admit it');
$odd->quit;

# lines for the Unix socket alone: a new session, whichever
$t->sql(q{SELECT castssl_hba_add('local', '{app}', '{all}', NULL, 'reject', before_line => 1)});
$old->ask(q{SELECT count(*) > 0 FROM castssl_hba_apply(confirm_within => '10 min');});
$old->answer;
$old->ask('SELECT castssl_confirm();');
like($old->answer, qr/ERROR:  55000: this session began before change \d+ took effect.*HINT:  Open a new connection and run there: SELECT castssl_confirm\(\d+\);/s, 'local lines: not an old one');
like($t->sql('SELECT castssl_confirm()'), qr/^\d+$/, 'local lines: a new session by the Unix socket');
$t->sql($CastsslTest::back_by_force);

# lines for plaintext alone, where none but a walsender comes over TLS
$t->sql('SELECT castssl_hba_discard()');    # what the rollback has brought back
my $with_tls = $t->hba;
$t->set_hba("local all all trust\nhostssl replication all 127.0.0.1/32 scram-sha-256\nhostnossl all all 127.0.0.1/32 scram-sha-256\n");
$t->sql(q{SELECT castssl_hba_add(rule => 'hostnossl all nobody 127.0.0.1/32 reject', before_line => 3)});
$number = $t->sql(q{SELECT max(change_id) FROM castssl_hba_apply(confirm_within => '10 min')});
no_proof('hostnossl lines, by the Unix socket', $t->psql(@by_alice), qr/does not show that a login by TCP works/, qr/sslmode=disable/);
is(paste(($t->psql(@by_alice))[2]), $number, 'hostnossl lines: a new connection in plaintext');
$t->set_hba($with_tls);

# edited by hand while it waits: each hint leads out
$t->sql(q{SELECT castssl_hba_add('local', '{app}', '{all}', NULL, 'reject', before_line => 1)});
$number = $t->sql(q{SELECT max(change_id) FROM castssl_hba_apply(confirm_within => '10 min')});
$t->set_hba($t->hba . "# by hand\n");
my $keep = qr/SELECT castssl_confirm\($number\); from a new connection\./;
my $not_taken_back = $t->fails('SELECT * FROM castssl_rollback()', '55000', 'it waits and was edited: not taken back', constraint => 'castssl_edited_since',
	detail => qr/^Edited: \S+\.\n\+pg_hba\.conf:\d+: # by hand$/,
	hint => qr/^Rolling back would lose those edits\.  To undo it all the same, in a minute: SELECT castssl_postpone.*To keep the change: $keep$/);
$t->fails($_, '55000', "it waits and was edited: $_", constraint => 'castssl_change_waiting',
	hint => qr/^To keep it: $keep  Somebody has edited its files since then, so castssl_rollback\(\) refuses\.  At the deadline/)
  foreach "SELECT * FROM castssl_enable(source_dir => '$t->{source}')", q{SELECT * FROM castssl_enable(addresses => '{10.0.0.0/8}')};
is($t->sql('SELECT castssl_confirm()'), $number, 'the hint, typed');
$t->set_hba($with_tls);
$t->enable(source_dir => $t->{source}, confirm_within => '10 min', force => 'true');
$t->sql(q{ALTER SYSTEM SET ssl_ca_file = ''});
$t->fails('SELECT * FROM castssl_rollback()', '55000', 'a parameter that was set meanwhile', constraint => 'castssl_edited_since',
	hint => qr/^Rolling back would lose these values\.  To set them back: ALTER SYSTEM SET ssl_ca_file = 'root\.crt';  To keep the change/);
$t->sql(q{ALTER SYSTEM SET ssl_ca_file = 'root.crt'});
$t->sql('SELECT castssl_confirm(force => true)');
$t->disable(force => 'true');

# the state gets worse while it waits: the proof that is wanted stays the same
{
	my @lines = split /^/, $t->hba;
	my $off = join '', map { s/^(?=host)/#/r } @lines;
	my $closed = sub {
		my ($name, $message, $detail, $number) = @_;
		local $Test::Builder::Level = $Test::Builder::Level + 1;
		$t->fails('SELECT castssl_confirm()', '55000', $name, message => $message, detail => $detail, constraint => 'castssl_no_proof',
			hint => qr/^If this change blocks such connections, take it back: SELECT \* FROM castssl_rollback\($number\);  If something else blocks them, remove that first, then confirm from a new connection\.$/);
	};
	$number = $t->enable(%enable, confirm_within => '10 min')->[0]{change_id};
	my $live = $t->hba;
	my $guest = $t->guest;
	$t->sql('ALTER SYSTEM SET ssl = off');
	$t->sql('SELECT pg_reload_conf()');
	ok(wait_until(sub { $t->sql('SHOW ssl') eq 'off' }), 'TLS is turned off');
	$closed->('TLS is off since', qr/^nobody could connect by TCP$/, qr/^TLS is off, and no line of pg_hba\.conf admits anybody without TLS\.$/, $number);
	$t->sql('ALTER SYSTEM SET ssl = on');
	$t->sql('SELECT pg_reload_conf()');
	ok(wait_until(sub { $t->sql('SHOW ssl') eq 'on' }), 'and on again');
	$t->write("$t->{data}/pg_hba.conf", $off);
	$closed->('lines taken out, and not reloaded', qr/^nobody could connect by TCP$/, qr/^No line of pg_hba\.conf admits anybody in this way\.$/, $number);
	$t->write("$t->{data}/pg_hba.conf", $live);
	is($t->sql('SELECT castssl_confirm()'), $number, 'all is as it was: the client that came in shows it');
	$guest->quit;
	$t->disable(force => 'true');

	$number = $t->enable(source_dir => $t->{source}, clientcert => 'none', confirm_within => '10 min')->[0]{change_id};
	$t->sql('ALTER SYSTEM SET ssl = off');
	$t->sql('SELECT pg_reload_conf()');
	ok(wait_until(sub { $t->sql('SHOW ssl') eq 'off' }), 'TLS is turned off where plaintext stays');
	$guest = $t->guest(sslmode => 'disable');
	$closed->('plaintext, where it was TLS', qr/^nobody could connect over TLS$/, qr/^TLS is off\.$/, $number);
	$guest->quit;
	is($t->sql('SELECT castssl_confirm(force => true)'), $number, 'force keeps it all the same');
	$t->sql('ALTER SYSTEM SET ssl = on');
	$t->sql('SELECT pg_reload_conf()');
	$t->disable(force => 'true');
}

# rules that ask for a certificate: a client that has none shows nothing
{
	my $rules = "local all all trust\nhostssl all bob 127.0.0.1/32 scram-sha-256\nhostssl all alice 127.0.0.1/32 scram-sha-256\nhostssl all postgres 127.0.0.1/32 scram-sha-256\n";
	my $stock = $t->hba;
	$t->enable(source_dir => $t->{source}, force => 'true');
	my $own = $t->hba;
	$t->set_hba($rules);
	$t->sql(q{SELECT castssl_hba_change(3, 'hostssl all alice 127.0.0.1/32 scram-sha-256 clientcert=verify-full')});
	$number = $t->sql(q{SELECT max(change_id) FROM castssl_hba_apply(confirm_within => '10 min')});
	my $guest = $t->guest(user => 'bob', cert => undef);
	no_proof('another rule, no certificate', my @answer = $t->psql(@by_alice), qr/by a Unix-domain socket, so it does not show that a login over TLS with a client certificate works/,
		qr/psql '.*sslmode=require.*' -c 'SELECT castssl_confirm\($number\)'  The connection needs a client certificate: .*sslcert and sslkey/);
	like($answer[2], qr/no client has connected over TLS with a client certificate since change $number took effect/, 'and says so');
	$guest->quit;
	$t->sql('GRANT EXECUTE ON FUNCTION castssl_confirm TO bob');
	my ($in, $said) = $t->client(user => 'bob', cert => undef, sql => 'SELECT castssl_confirm()');
	$t->sql('REVOKE EXECUTE ON FUNCTION castssl_confirm FROM bob');
	like($said, qr/It connected without a client certificate, so it does not show/, 'over TLS, without one');
	is(paste(($t->psql(@by_alice))[2], %certificate), $number, 'the command of the hint, with one, confirms');

	$t->sql(q{SELECT castssl_hba_change(2, 'hostssl all bob 127.0.0.0/8 scram-sha-256')});
	$number = $t->sql(q{SELECT max(change_id) FROM castssl_hba_apply(confirm_within => '10 min')});
	$guest = $t->guest(user => 'bob', cert => undef);
	is($t->sql('SELECT castssl_confirm()'), $number, 'a change of a rule that asks for none: none is wanted');
	$guest->quit;

	$t->sql(q{SELECT castssl_hba_change(2, 'hostssl all bob 127.0.0.1/32 scram-sha-256 clientcert=verify-full')});
	$number = $t->sql(q{SELECT max(change_id) FROM castssl_hba_apply(confirm_within => '10 min', force => true)});
	like($t->slurp("$t->{data}/pg_castssl/changes/$number/manifest"), qr/^way_in = '?3'?$/m, 'the manifest says which way is wanted');
	is($t->confirm, $number, 'a certificate confirms');
	$t->set_hba($own);
	$t->disable(force => 'true');
	$t->set_hba($stock);
}

# a server without TLS: nobody is left by TCP
{
	my $stock = $t->hba;
	$t->sql(q{SELECT castssl_hba_require_tls(plaintext => 'block')});
	my %closed = (constraint => 'castssl_would_cut_off', message => qr/^nobody could connect by TCP any more$/,
		detail => qr/^TLS is off, and no line of pg_hba\.conf would admit anybody without TLS\.$/, hint => qr/confirm_within => '10 min'.*force => true/);
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'plaintext blocked where TLS is off', %closed);
	is($t->hba, $stock, 'and nothing has changed');
	like($t->rows(q{SELECT detail FROM castssl_hba_apply(dry_run => true) WHERE code = 'confirmation_needed'})->[0]{detail},
		qr/would\s+be\s+refused:\s+nobody\s+could\s+connect\s+by\s+TCP\s+any\s+more\./, 'a dry run says so');
	$number = $t->sql(q{SELECT max(change_id) FROM castssl_hba_apply(confirm_within => '10 min')});
	$t->fails('SELECT castssl_confirm()', '55000', 'with confirm_within: no proof', constraint => 'castssl_no_proof', message => qr/^nobody could connect by TCP$/,
		hint => qr/take it back: SELECT \* FROM castssl_rollback\($number\);  If something else blocks them, remove that first, then confirm from a new connection\.$/);
	$t->sql("SELECT * FROM castssl_rollback($number)");
	is($t->hba, $stock, 'the hint, typed');
	$t->sql('SELECT castssl_hba_discard()');

	# before it nobody could either
	$t->set_hba("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n");
	$t->sql(q{SELECT castssl_hba_add(rule => 'hostssl all all ::1/128 scram-sha-256')});
	$number = $t->sql(q{SELECT max(change_id) FROM castssl_hba_apply(confirm_within => '10 min')});
	is($t->sql('SELECT castssl_confirm()'), $number, 'nobody could come by TCP before: a new session by the Unix socket');
	$t->set_hba($stock);
}

# nobody can come by TCP
$t->{node}->append_conf('postgresql.conf', "listen_addresses = ''");
$t->restart;
$t->enable(source_dir => $t->{source}, confirm_within => '10 min');
like($t->sql('SELECT castssl_confirm()'), qr/^\d+$/, 'no TCP port: a new session by the Unix socket');
$t->{node}->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
$t->restart;
$t->disable(force => 'true');
is($t->hba, $hba, 'all is as it was');
$old->quit;
$old = $t->session;
$t->enable(source_dir => $t->{source}, clientcert => 'verify-full', plaintext => 'block');

# --- force

$old->ask("SELECT count(*) > 0 FROM castssl_disable(confirm_within => '10 min'); SELECT castssl_confirm(force => true);");
like($old->answer, qr/^t\n\d+$/m, 'force => true confirms from the same session');
is($t->hba, $hba, 'castssl_disable with confirm_within');

# --- a rollback of it that fails leaves it waiting, and castssl_status says so

$t->enable(%enable, confirm_within => '10 min');
$number = latest($t)->{change_id};
$old->delay(5);
$old->ask("SET castssl.verify_timeout = '3s'; SELECT * FROM castssl_rollback($number);");
like($old->answer, qr/ERROR: .*did not take effect/, 'a rollback that fails');
$old->ask('RESET castssl.verify_timeout;');
$old->answer;
$old->delay(0);
is(latest($t)->{state}, 'failed', 'is the last change');
is(join(' ', @{ $t->status }{qw(change_id change_state)}), "$number unconfirmed", 'castssl_status has the one that waits');
$t->sql('SELECT count(*) FROM castssl_rollback()');

# --- postponed

my ($ok, $deadline);
foreach (1 .. 20)
{
	$t->enable(%enable, confirm_within => '6 s');
	($ok, $deadline) = $t->psql("SELECT castssl_postpone('10 min')");
	last if $ok; # on a busy machine the deadline may have passed
}
is($t->sql("SELECT confirm_deadline = '$deadline' AND confirm_deadline > now() + '9 min' FROM castssl_status()"), 't', 'postponed: the new deadline, counted from now');
usleep(7_000_000);
is(latest($t)->{state}, 'unconfirmed', 'postponed: nothing happens at the old one');
$t->sql("SELECT castssl_postpone('1 s')");
is_undone($t, $hba, 'postponed to an earlier deadline');
my $undone = qr/LOG:  pg_castssl: change \d+ \(enable by postgres\) was undone: nobody confirmed it in time$/m;
ok(wait_until(sub { $t->slurp($t->{node}->logfile) =~ $undone }), 'the log says so');
is(() = $t->slurp($t->{node}->logfile) =~ /$undone/g, 1, 'in one clear line');

# --- edited by hand before the deadline: undone nonetheless, and the edit stays

$t->enable(%enable, confirm_within => '10 min');
my $by_hand = "host all mallory all reject\n";
$t->set_hba($by_hand . $t->hba . "# by hand, and dear to somebody\n");
$t->sql($1) if $not_taken_back->{hint} =~ /(SELECT castssl_postpone[^;]*;)/;
is($t->sql("SELECT confirm_deadline <= now() + interval '1 min' FROM castssl_status()"), 't', 'the hint of a rollback that is refused, typed');
$t->expire;
is_undone($t, "$by_hand$hba# by hand, and dear to somebody\n", 'edited meanwhile');
{
	my ($kept) = glob "$t->{data}/pg_castssl/changes/" . latest($t)->{change_id} . '/replaced-*';
	ok($kept, 'what was edited is kept');
	like($t->slurp($kept), qr/^# by hand, and dear to somebody$/m, 'whole');
	is(sprintf('%04o', (stat $kept)[2] & 07777), '0600', 'for the server alone');
	like($t->slurp($t->{node}->logfile),
		qr/WARNING:  file ".*pg_hba\.conf" was edited since change \d+, which is being undone.*DETAIL:  The edit stays\.  A copy of the edited file is kept in "[^"]*replaced-\d+"/s,
		'a WARNING says where');
	my $last = latest($t)->{change_id};
	is($t->sql("SELECT reason FROM castssl_changes() WHERE change_id = $last"),
		qq(nobody confirmed it in time; "$t->{data}/pg_hba.conf" was edited meanwhile: the edit stays), 'and so does castssl_changes()');
	$t->alone;    # its worker clears up behind that
	is_deeply([ map { s{.*/}{}r } glob "$t->{data}/pg_castssl/changes/$last/{after,before,back}-*" ], [], 'nothing else is kept of it');
}

# the same where a transaction is rolled back, and after a crash in it
foreach my $end ('ROLLBACK', 'crash')
{
	$t->set_hba($hba);
	my $session = $t->session;
	$session->ask("BEGIN; SELECT count(*) FROM castssl_enable(source_dir => '$t->{source}', plaintext => 'block', force => true);");
	$session->answer;
	like($t->hba, qr/^#castssl# host/m, "$end: in effect");
	$t->set_hba($by_hand . $t->hba);
	if ($end eq 'ROLLBACK')
	{
		$session->ask('ROLLBACK;');
		$session->answer;
	}
	else
	{
		$t->{node}->stop('immediate');
		$t->start;
		$t->sql('SELECT count(*) FROM castssl_changes()');
	}
	ok(wait_until(sub { $t->hba eq $by_hand . $hba }), "$end: undone, and the edit stays") or diag $t->hba;
	$t->reload;
}

# one that the server would refuse does not stay: with it, the server would not start
$t->set_hba($hba);
$t->enable(%enable, confirm_within => '10 min');
$t->set_hba("host all mallory all rejekt\n" . $t->hba);
$t->expire;
is_undone($t, $hba, 'edited meanwhile, with a line that the server refuses');
like($t->sql('SELECT reason FROM castssl_changes() ORDER BY change_id DESC LIMIT 1'), qr/ was edited meanwhile: the edited file is kept in "\S+replaced-\d+"$/, 'what it held is kept');
$t->enable(%enable, confirm_within => '3 s');
is_undone($t, $hba, 'not edited');

# --- and what everybody is told of it

{
	my $last = latest($t)->{change_id};
	my $time = qr{(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d [+\w-]+};
	my $told = qr/was undone at $time: nobody confirmed it within 3 s/;
	$t->fails("SELECT castssl_confirm($last)", '55000', 'expired: castssl_confirm()', message => qr/^change $last $told$/, detail => qr/^The change was: enable by postgres, $time\.$/,
		hint => qr/confirm it in time/, constraint => 'castssl_deadline_passed');
	$t->fails('SELECT castssl_confirm()', '55000', 'expired: without a number', message => qr/^no change is waiting$/, detail => qr/^The last one, $last, $told\.$/,
		hint => 1, constraint => 'castssl_nothing_to_confirm');
	$t->fails("SELECT castssl_postpone('1 min')", '55000', 'expired: castssl_postpone()', detail => qr/ $told\.$/, constraint => 'castssl_nothing_to_confirm');
	$t->fails('SELECT * FROM castssl_rollback()', '55000', 'expired: castssl_rollback()', detail => qr/^The last one, $last, $told\.$/, constraint => 'castssl_nothing_to_roll_back');
	$t->fails("SELECT * FROM castssl_rollback($last)", '55000', 'expired: castssl_rollback() of it', detail => qr/ $told\.$/, constraint => 'castssl_nothing_to_roll_back');
	$t->fails('SELECT castssl_confirm(1)', '55000', 'one that is finished', message => qr/^change 1 does not wait for confirmation$/, constraint => 'castssl_nothing_to_confirm');
	$t->fails('SELECT castssl_confirm(4711)', '55000', 'one that never was', detail => qr/^There is no such change\.$/, constraint => 'castssl_nothing_to_confirm');
	is($t->rows('SELECT reason FROM castssl_changes() ORDER BY change_id DESC LIMIT 1')->[0]{reason}, 'nobody confirmed it within 3 s', 'castssl_changes().reason');
	like($t->sql("SELECT severity || ': ' || subject || ' ' || message FROM castssl_check() WHERE check_name = 'changes'"), qr/^info: change $last \(enable\) $told$/, 'castssl_check()');
}

# --- seconds where minutes may have been meant

{
	my $call = "castssl_enable(source_dir => '$t->{source}', plaintext => 'block', confirm_within => '10', dry_run => true)";
	my $short = qr/WARNING:  \w+: confirm_within is only 10 seconds\nDETAIL:  An interval without a unit counts seconds\.\nHINT:  If minutes were meant: confirm_within => '10 min'\./;
	like(($t->psql("SELECT count(*) FROM $call"))[2], $short, "confirm_within => '10': a WARNING");
	is_deeply([ map { "$_->{target}: $_->{result}" } @{ $t->rows("SELECT * FROM $call WHERE code = 'short_deadline'") } ], ['confirm_within: warning'], 'and a row');
	unlike(($t->psql("SELECT count(*) FROM " . $call =~ s/'10'/'10 min'/r))[2], qr/WARNING/, 'ten minutes: none');
	like(($t->psql("SELECT count(*) FROM " . $call =~ s/'10'/'1'/r))[2], qr/confirm_within is only 1 second$/m, 'one second');
	$t->enable(%enable, confirm_within => '10 min');
	like(($t->psql("SELECT castssl_postpone('29')"))[2], qr/confirm_within is only 29 seconds/, 'castssl_postpone() too');
	$t->sql('SELECT * FROM castssl_rollback()');
}

# --- rolled back by hand before the deadline

$t->enable(%enable, confirm_within => '10 min');
$t->sql('SELECT * FROM castssl_rollback()');
is($t->hba, $hba, 'rolled back by hand');
is_deeply([ map { "$_->{action} $_->{state}" } @{ $t->rows('SELECT action, state FROM castssl_changes() ORDER BY change_id DESC LIMIT 2') } ],
	[ 'rollback applied', 'enable rolled back' ], 'its state');

# --- the other functions

my $pem = sub { (my $text = $t->slurp($pki->path($_[0]))) =~ s/'/''/g; $text };
$t->enable(%enable);
my $served = $t->served;
$t->sql("SELECT * FROM castssl_install(certificate => '" . $pem->('server-renewed.crt') . "', private_key => '" . $pem->('server-renewed.key') . "', confirm_within => '1 s')");
ok(wait_until(sub { $t->served eq $served }), 'castssl_install with confirm_within: undone');
my $secured = $t->hba;
$t->sql("SELECT castssl_hba_add('hostssl', '{app}', '{all}', '192.0.2.0/24', 'scram-sha-256')");
$t->sql("SELECT * FROM castssl_hba_apply(confirm_within => '1 s')");
ok(wait_until(sub { latest($t)->{state} eq 'expired' }), 'castssl_hba_apply with confirm_within: expired');
is($t->hba, $secured, 'undone');
is($t->sql('SELECT hba_staged FROM castssl_status()'), 't', 'and what was staged is staged again');
$t->sql('SELECT castssl_hba_discard()');
$t->sql("SELECT * FROM castssl_disable(confirm_within => '1 s')");
ok(wait_until(sub { $t->served eq $served && $t->hba eq $secured }), 'castssl_disable with confirm_within: undone');
$t->disable;

# --- arguments

foreach my $bad ('0 s', '-1 min', 'infinity')
{
	my ($ok, $out, $err) = $t->psql("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', confirm_within => '$bad')");
	like($err, qr/ERROR:  22/, "confirm_within => '$bad': refused");
}
is($t->hba, $hba, 'and nothing has changed');

# --- the worker is cancelled, and terminated

$t->enable(%enable, confirm_within => '10 min');
my $pid = worker($t);
$t->sql("SELECT pg_cancel_backend($pid)");
is(worker($t), $pid, 'a cancelled worker goes on');
$t->sql("SELECT pg_terminate_backend($pid)");
ok(wait_until(sub { worker($t) ne $pid }), 'terminated: another one comes');
$t->expire;
is_undone($t, $hba, 'terminated');
$t->enable(%enable, confirm_within => '10 min');
$t->kill_process(worker($t));
$t->expire;
is_undone($t, $hba, 'killed');

# --- the client is gone, and so is every session

$old->quit;
$t->enable(%enable, confirm_within => '1 s');
is_undone($t, $hba, 'client gone');

# --- a server that was restarted in between: not preloaded, the next call undoes it

$t->enable(%enable, confirm_within => '10 min');
$t->overdue;
isnt($t->hba, $hba, 'restarted: nothing has undone it yet');
($ok, undef, my $err) = $t->psql('SELECT count(*) FROM castssl_changes()');
like($err, qr/WARNING:  \w+: pg_castssl: change \d+ \(enable by postgres\) was undone: nobody confirmed it within 10 min/, 'the next call says so');
is_undone($t, $hba, 'restarted');
$t->enable(%enable, confirm_within => '10 min');
$deadline = $t->status->{confirm_deadline};
$t->restart;
is($t->status->{change_state}, 'unconfirmed', 'restarted inside the deadline: still unconfirmed');
is($t->status->{confirm_deadline}, $deadline, 'until when it was');
is(latest($t)->{state}, 'unconfirmed', 'restarted inside the deadline: castssl_changes()');
like(worker($t), qr/^\d+$/, 'starts the worker again');
$t->sql("SELECT castssl_postpone('1 s')");
is_undone($t, $hba, 'restarted inside the deadline');
$t->enable(%enable, confirm_within => '10 min');
$t->restart;
$t->confirm;
is(latest($t)->{state}, 'applied', 'restarted, and confirmed');
$t->disable;

# --- no worker slot

$t->{node}->append_conf('postgresql.conf', 'max_worker_processes = 0');
$t->restart;
my $before = $t->state;
$t->fails("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', confirm_within => '10 min')",
	'55000', 'no worker slot', detail => qr/max_worker_processes/, hint => qr/max_worker_processes/);
is_deeply($t->state, $before, 'no worker slot: nothing has changed');
$t->fails("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', confirm_within => '10 min', dry_run => true)",
	'55000', 'no worker slot: a dry run says so, too', detail => qr/max_worker_processes/, constraint => 'castssl_no_worker');
my $no_worker = sub { [ map { "$_->{target}: $_->{detail}" } grep { ($_->{code} // '') eq 'no_worker' } @{ $_[0] } ] };
my $lacks = $no_worker->($t->enable(%enable, dry_run => 'true'));
is_deeply($t->state, $before, 'a dry run without confirm_within changes nothing');
is_deeply($no_worker->($t->enable(%enable)), $lacks, 'without confirm_within none is needed, and both say in the same row that none watches');
like($lacks->[0] // '', qr/^background worker: no background worker watches this change: after ROLLBACK, .*For a free slot: ALTER SYSTEM SET max_worker_processes = 8; then restart the server\.$/, 'what that means, and what to do');
isnt($t->served, 'none', 'and the change is made');
is_deeply($no_worker->($t->enable(%enable)), [], 'nothing to change: nothing to say');
$t->disable;

# --- preloaded: undone at the start, before anything else

$t->{node}->append_conf('postgresql.conf', "max_worker_processes = 8\nshared_preload_libraries = 'pg_castssl'");
$t->restart;
is_deeply($no_worker->($t->enable(%enable, confirm_within => '10 min')), [], 'with a worker: no such row');
$t->overdue('immediate');
is_undone($t, $hba, 'preloaded: undone by the start');
$t->enable(%enable, confirm_within => '10 min');
$deadline = $t->status->{confirm_deadline};
$t->restart;
like(worker($t), qr/^\d+$/, 'preloaded: the worker watches');
isnt($t->hba, $hba, 'preloaded: inside the deadline it stays');
is($t->status->{confirm_deadline}, $deadline, 'preloaded: the remaining time counts on');
$t->sql("SELECT castssl_postpone('1 s')");
is_undone($t, $hba, 'preloaded: at the deadline');
$t->enable(%enable, confirm_within => '10 min');
$t->restart;
$t->confirm;
is(latest($t)->{state}, 'applied', 'preloaded: confirmed after a restart');
$t->disable;

# --- would a restart succeed?

is($t->status->{restart_safe}, 1, 'restart_safe') or diag explain $t->status;
$t->enable(%enable);
my %break = (
	'a broken pg_hba.conf' => [ 'pg_hba.conf', $t->hba . "host all all nonsense\n", qr/pg_hba\.conf/ ],
	'an empty pg_hba.conf' => [ 'pg_hba.conf', "# nothing\n", qr/pg_hba\.conf/ ],
	'a key of another certificate' => [ 'server.key', $t->slurp($pki->path('bob.key')), qr/server\.key|key/ ],
	'a certificate that is none' => [ 'server.crt', "nothing\n", qr/server\.crt/ ],
	'a CA file that is none' => [ 'root.crt', "nothing\n", qr/root\.crt/ ],
	'a parameter that does not exist' => [ 'postgresql.conf', $t->slurp('postgresql.conf') . "no_such_parameter = 1\n", qr/no_such_parameter/ ],);
foreach my $what (sort keys %break)
{
	my ($file, $content, $problem) = @{ $break{$what} };
	my $good = $t->slurp($file);
	$t->write($file, $content);
	my $now = $t->status;
	ok(!$now->{restart_safe}, "$what: not restart_safe");
	like($now->{restart_problem}, $problem, "$what: restart_problem");
	$t->write($file, $good);
}
is($t->status->{restart_safe}, 1, 'mended: restart_safe again') or diag explain $t->status;
$t->write('postgresql.conf', $t->slurp('postgresql.conf') . "max_connections = 77\n");
$t->reload;
is($t->status->{restart_safe}, 1, 'a parameter that waits for a restart does not prevent it') or diag explain $t->status;
$t->disable;
$t->stop;

# --- on a standby

my $primary = CastsslTest->new('confirm_primary', streaming => 1);
my $standby = $primary->from_backup('confirm_standby', standby => 1);
$standby->start;
$hba = $standby->hba;
$standby->enable(source_dir => $standby->{source}, plaintext => 'block', confirm_within => '1 s');
is_undone($standby, $hba, 'on a standby');
$standby->enable(source_dir => $standby->{source}, plaintext => 'block', confirm_within => '10 min');
$standby->fails('SELECT castssl_confirm()', '55000', 'on a standby: by the Unix socket', message => qr/no client has connected over TLS/, constraint => 'castssl_no_proof', hint => 1);
$standby->confirm;
is(latest($standby)->{state}, 'applied', 'on a standby: confirmed');
$standby->back;
is($standby->hba, $hba, 'on a standby: rolled back');
$standby->stop;

# --- a copy beside the server: it undoes the open change that it was copied with, in its own files alone

$primary->enable(source_dir => $primary->{source}, plaintext => 'block', confirm_within => '10 min');
$primary->{node}->backup('open');
$primary->confirm;
my $kept = $primary->state;
my $copy = $primary->from_backup('confirm_beside', standby => 1, backup => 'open');
$copy->start;
is(latest($copy)->{state}, 'unconfirmed', 'a copy has the open change');
my @files = map { $_->{file} } @{ $copy->rows("SELECT unnest(files) AS file FROM castssl_changes() WHERE state = 'unconfirmed'") };
is_deeply([ grep { index $_, Cwd::realpath($copy->{data}) } @files ], [], 'and names its own files');
is(scalar @files, 5, 'all of them') or diag "@files";
$copy->sql("SELECT castssl_postpone('1 s')");
is_undone($copy, $hba, 'in a copy');
is_deeply($primary->state, $kept, 'and the server that was copied keeps what it confirmed');
$copy->stop;
$primary->stop;

done_testing();
