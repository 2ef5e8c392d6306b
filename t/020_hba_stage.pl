# Staging edits of pg_hba.conf: they add up, are looked at, applied as a whole or forgotten; and bad
# input changes nothing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $hba = "# who may come\nlocal all all trust # the tests\nhost\tall\tall\t127.0.0.1/32\tscram-sha-256\n";
my $t = CastsslTest->new('stage', hba => $hba);
my $version = int($t->sql('SHOW server_version_num') / 10000);
my $staged = "$t->{data}/pg_castssl/staged";
my $dn = $version >= 14 ? 'clientname=DN ' : '';    # an option that 13 does not know

sub staging
{
	my ($function, %arguments) = @_;
	return $t->sql('SELECT ' . CastsslTest::call($function, %arguments));
}

sub add
{
	my (%arguments) = @_;
	return staging('castssl_hba_add',
		type => 'host', database => ['all'], user_name => ['all'], address => '10.0.0.0/8',
		auth_method => 'scram-sha-256', %arguments);
}

sub discard
{
	return $t->sql('SELECT castssl_hba_discard()');
}

# The files under pg_castssl/staged with what is in them, but for the mark that they are committed.
sub staged_files
{
	return { map { $_ => $t->slurp($_) } grep { !m{/committed-} } glob "$staged/*" };
}

# refused('name', call, sqlstate, expected): fails, and neither a live nor a staged file has changed.
sub refused
{
	my ($name, $call, $sqlstate, %expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($live, $before) = ($t->hba, staged_files());
	$t->fails("SELECT $call", $sqlstate, $name, %expected);
	is($t->hba, $live, "$name: pg_hba.conf is as it was");
	is_deeply(staged_files(), $before, "$name: what is staged is as it was");
	return;
}

sub rules
{
	my ($staged) = @_;
	return $t->rows("SELECT * FROM castssl_hba_rules(staged => $staged)");
}

# castssl_hba_diff() given to patch(1) makes the staged file of the live one.
sub patched
{
	my ($diff) = @_;
	my $file = "$t->{folder}/patched";
	$t->write($file, $t->hba);
	$t->write("$file.diff", $diff);
	system("patch -s --binary '$file' '$file.diff'") == 0 or return 'patch failed';
	return $t->slurp($file);
}

my $have_patch = !system 'patch --version >/dev/null 2>&1';

subtest 'nothing is staged' => sub {
	foreach my $call ('castssl_hba_diff()', 'castssl_hba_apply()', 'castssl_hba_compare()', 'castssl_hba_impact()')
	{
		$t->fails("SELECT * FROM $call", '55000', $call, hint => qr/castssl_hba_add/);
	}
	is(discard(), 'f', 'castssl_hba_discard has nothing to forget');
	is_deeply(rules('true'), rules('false'), 'the staged rules are the live ones');
	is($t->status->{hba_staged} ? 'yes' : 'no', 'no', 'castssl_status says so');
};

subtest 'several stagings add up' => sub {
	my $diff = add();
	like($diff, qr/^--- .*pg_hba\.conf\n\+\+\+ .*pg_hba\.conf \(staged\)\n\@\@ /, 'a diff comes back');
	like($diff, qr/^\+host all all 10\.0\.0\.0\/8 scram-sha-256$/m, 'with the new line');
	$diff = add(type => 'hostssl', database => [ 'app', 'a b' ], user_name => [ 'bob', '+staff' ], address => '::1/128',
		auth_method => 'cert', options => [ split(' ', $dn), 'map=people' ], before_line => 3);
	like($diff, qr/^\+hostssl app,"a b" bob,\+staff ::1\/128 cert ${dn}map=people$/m, 'a line before another');
	is($t->status->{hba_staged} ? 'yes' : 'no', 'yes', 'castssl_status says that edits are staged');
	# the numbers are those of the staged file: 3 is the new line, 4 the one that was 3
	staging('castssl_hba_change', line_number => 4, rule => 'host all all 127.0.0.1/32 md5 # for now');
	$diff = staging('castssl_hba_remove', line_number => 1);
	my $wanted = "local all all trust # the tests\n"
	  . "hostssl app,\"a b\" bob,+staff ::1/128 cert ${dn}map=people\n"
	  . "host all all 127.0.0.1/32 md5 # for now\nhost all all 10.0.0.0/8 scram-sha-256\n";
	is($diff, $t->sql('SELECT castssl_hba_diff()'), 'castssl_hba_diff shows it again');
	is($t->hba, $hba, 'the live file has not changed');
	my @rules = @{ rules('true') };
	is_deeply([ map { $_->{line_number} } @rules ], [ 1, 2, 3, 4 ], 'castssl_hba_rules shows the staged lines');
	is_deeply($rules[1]{database}, [ 'app', 'a b' ], 'and their values');
  SKIP:
	{
		skip 'patch is not installed', 1 unless $have_patch;
		is(patched($diff), $wanted, 'patch makes the staged file of the live one');
	}
	is($t->mode($staged), '0700', 'mode of the folder');
	is_deeply([ grep { $t->mode($_) ne '0600' } keys %{ staged_files() } ], [], 'modes of the files');

	chmod 0640, $t->path('pg_hba.conf');
	my @before = stat $t->path('pg_hba.conf');
	my $dry = $t->rows('SELECT * FROM castssl_hba_apply(dry_run => true)');
	is_deeply([ sort map { $_->{result} } grep { $_->{action} eq 'edit pg_hba' && $_->{target} =~ /:\d/ } @$dry ],
		[ ('planned') x 5 ], 'a dry run says what it would do');
	is($t->hba, $hba, 'and does nothing');
	my $steps = $t->rows('SELECT * FROM castssl_hba_apply()');
	is($t->hba, $wanted, 'castssl_hba_apply writes it');
	my @after = stat $t->path('pg_hba.conf');
	is_deeply([ @after[ 2, 4, 5 ] ], [ @before[ 2, 4, 5 ] ], 'mode and owner stay');
	is_deeply([ CastsslTest::actions($steps) ], [ 'edit pg_hba', 'reload', 'verify' ], 'its steps');
	is((grep { $_->{result} eq 'warning' && $_->{target} eq 'newly admitted' } @$steps) > 0, 1, 'who is newly admitted is told');
	is($t->sql('SELECT count(*) FROM pg_hba_file_rules'), 4, 'the server reads it');
	$t->in('and lives by it', user => 'alice');
	$t->fails('SELECT castssl_hba_diff()', '55000', 'nothing is staged any more');
	is(-e $staged ? 'there' : 'gone', 'gone', 'the folder is gone');
	is($t->rows('SELECT * FROM castssl_changes()')->[-1]{action}, 'apply pg_hba', 'castssl_changes knows it');
	$t->back;
	is($t->hba, $hba, 'castssl_rollback takes it back');
	chmod 0600, $t->path('pg_hba.conf');
};

subtest 'a whole file' => sub {
	my $content = "local all all trust\r\n\r\nhost all all all scram-sha-256\r\n# no newline";
	my $diff = $t->sql("SELECT castssl_hba_stage(E'" . ($content =~ s/\r/\\r/gr =~ s/\n/\\n/gr) . "')");
	like($diff, qr/No newline at end of file/, 'its last line');
	is_deeply([ map { $_->{line_number} } @{ rules('true') } ], [ 1, 3 ], 'its rules');
	add(before_line => 3);
	$t->sql('SELECT * FROM castssl_hba_apply()');
	is($t->hba, $content =~ s/(?=host all)/host all all 10.0.0.0\/8 scram-sha-256\r\n/r, 'CRLF and a missing newline stay');
	$t->set_hba($hba);
	add();
	is(discard(), 't', 'castssl_hba_discard forgets');
	is($t->hba, $hba, 'and leaves the live file alone');
	$t->sql('SELECT castssl_hba_stage($c$' . $hba . '$c$)');
	is($t->sql('SELECT castssl_hba_diff()'), '', 'the same content: no difference');
	is_deeply(CastsslTest::changes($t->rows('SELECT * FROM castssl_hba_apply()')), [], 'applying it changes nothing');
	discard();
};

subtest 'castssl_hba_require_tls goes the same way' => sub {
	my $diff = staging('castssl_hba_require_tls', clientcert => 'verify-full', plaintext => 'block');
	like($diff, qr/^\+hostssl\tall\tall\t127\.0\.0\.1\/32\tscram-sha-256 clientcert=verify-full # castssl$/m, 'twin');
	like($diff, qr/^\+#castssl# host\tall/m, 'and the line that is disabled');
	is(staging('castssl_hba_require_tls', clientcert => 'verify-full', plaintext => 'block'), $diff, 'twice is once');
	discard();
};

subtest 'secrets are not shown' => sub {
	my $secret = 'ldap ldapserver=x ldapbasedn="dc=x" ldapbinddn=y ldapbindpasswd="swordfish 2"';
	my $diff = staging('castssl_hba_change', line_number => 3, rule => "host all all all $secret");
	unlike($diff, qr/swordfish/, 'in the diff');
	like($diff, qr/ldapbindpasswd=\*\*\*/, 'but that there is one');
	$t->sql('CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
	my $rules = 'SELECT options FROM castssl_hba_rules(staged => true)';
	unlike($t->sql($rules, user => 'watcher'), qr/swordfish/, 'in castssl_hba_rules');
	like($t->sql($rules), qr/swordfish/, 'which shows it to a superuser');
	my $explain = q{SELECT * FROM castssl_hba_explain('postgres', 'bob', '10.1.1.1', 'none', staged => true)};
	unlike($t->sql($explain, user => 'watcher'), qr/swordfish/, 'in castssl_hba_explain');
	like($t->sql($explain), qr/swordfish/, 'which shows it to a superuser');
	unlike($t->sql('SELECT * FROM castssl_hba_compare()'), qr/swordfish/, 'in castssl_hba_compare');
	unlike($t->sql('SELECT * FROM castssl_hba_apply(dry_run => true)'), qr/swordfish/, 'in the steps');
	refused('the error of a line with a secret', CastsslTest::call('castssl_hba_change', line_number => 3,
			rule => 'host all all all ldap ldapserver=x ldapprefix=a ldapbinddn=b ldapbindpasswd="swordfish"'), 'F0000',
		message => qr/^(?!.*swordfish)/, detail => qr/^(?!.*swordfish)/);
	refused('a word behind a password, in a file with CR LF',
		q{castssl_hba_stage(E'local all all trust\r\nhost all all all ldap ldapserver=x ldapprefix=a ldapbindpasswd=x swordfish\r\n')},
		'F0000', message => qr/\*\*\*/, detail => qr/^(?!.*swordfish)/);
	if ($version < 19)
	{
		refused('RADIUS secrets that are no list', CastsslTest::call('castssl_hba_change', line_number => 3,
				rule => 'host all all all radius radiusservers=127.0.0.1 radiussecrets="""swordfish"'), 'F0000',
			message => qr/RADIUS secret list "\*\*\*"/, detail => qr/^(?!.*swordfish)/);
		if (!CastsslMachine::knows_no_name()) { CastsslTest::not_tried('a RADIUS server that has no address: nowhere.invalid has one here') }
		else { refused('a RADIUS server that has no address', CastsslTest::call('castssl_hba_change', line_number => 3,
				rule => 'host all all all radius radiusservers=nowhere.invalid radiussecrets=swordfish'), 'F0000',
			message => qr/^could not translate RADIUS server name/, detail => qr/^Line 3 of (?!.*swordfish)/) }
	}
	if ($version >= 14)
	{
		$diff = $t->sql(q{SELECT castssl_hba_stage(E'local all all trust\nhost all all all ldap ldapserver=x ldapbasedn=y ldapbinddn=z \\\\\nldapbindpasswd="sword\\\\\nfish"\n')});
		unlike($diff, qr/sword|fish/, 'over several lines');
	}
	discard();
};

subtest 'bad input' => sub {
	add(address => '192.0.2.0/24');
	my @change = ('castssl_hba_change', line_number => 3);
	my %add = (type => 'host', database => ['all'], user_name => ['all'], address => '10.0.0.0/8', auth_method => 'md5');
	refused("line_number $_", "castssl_hba_remove($_)", '22023', hint => qr/castssl_hba_rules/)
	  foreach 0, -1, 5, 2147483647, 'NULL';
	refused('before_line 9', CastsslTest::call('castssl_hba_add', %add, before_line => 9), '22023');
	refused('before_line 0', CastsslTest::call('castssl_hba_add', %add, before_line => 0), '22023', no_detail => 1);
	refused('a file that is none of pg_hba.conf', "castssl_hba_remove(1, '/etc/passwd')", '22023', hint => 1);
	refused('a rule with a line break', CastsslTest::call(@change, rule => "host all all all md5\nhost all all all trust"),
		'22023', message => qr/line break/);
	refused('a rule that takes in the next line', CastsslTest::call(@change, rule => 'host all all all md5 # x\\'), '22023');
	refused('a quote that is not closed', CastsslTest::call(@change, rule => 'host all "all 10.0.0.0/8 md5'), '22023',
		message => qr/quote/);
	refused('one in a whole file', q{castssl_hba_stage(E'local all all trust\nhost all all all "trust # x\n')}, '22023',
		message => qr/quote/, detail => qr/in line 2/);
	refused('an empty rule', CastsslTest::call(@change, rule => ''), '22023', no_detail => 1);
	refused('NULL', 'castssl_hba_stage(NULL)', '22023', no_detail => 1);
	refused('an unknown type', CastsslTest::call('castssl_hba_add', %add, type => 'hostess'), '22023');
	refused('a line break in a value', CastsslTest::call('castssl_hba_add', %add, user_name => ["a\nb"]), '22023');
	refused('no user', CastsslTest::call('castssl_hba_add', %add, user_name => []), '22023');
	my %server = (
		'a malformed address' => [ 'host all all 10.0.0.0/33 md5', qr/invalid CIDR mask/ ],
		'an address without a mask' => [ 'host all all 10.0.0.0 md5', qr/mask/ ],
		'an unknown option' => [ 'host all all all md5 colour=red', qr/unrecognized authentication option name: "colour"/ ],
		'an unknown method' => [ 'host all all all magic', qr/invalid authentication method "magic"/ ],
		'an option that is no pair' => [ 'host all all all md5 red', qr/not in name=value format/ ],
		'too few fields' => [ 'host all', qr/end-of-line before role specification/ ],
		'clientcert where there is no TLS' => [ 'host all all all md5 clientcert=verify-ca', qr/clientcert can only be configured for "hostssl"/ ]);
	refused($_, CastsslTest::call(@change, rule => $server{$_}[0]), 'F0000', message => $server{$_}[1], detail => qr/[Ll]ine 3 /)
	  foreach sort keys %server;
	refused('a file with one bad line', q{castssl_hba_stage(E'local all all trust\n\nhost all\n')}, 'F0000',
		message => qr/end-of-line before role/, detail => qr/[Ll]ine 3 /);
	refused('nine bad lines', q{castssl_hba_stage(E'local all all trust\n' || repeat(E'host all\n', 9))}, 'F0000',
		message => qr/end-of-line before role/, detail => qr/[Ll]ine 2 /);
	refused('a file without a rule', q{castssl_hba_stage('# nothing')}, 'F0000', no_detail => 1);
	if (CastsslMachine::memory_is_short()) { CastsslTest::not_tried('a policy of 200 MB: too little memory') }
	else { refused('200 MB', q{castssl_hba_stage(repeat('# 3456789' || chr(10), 20 * 1024 * 1024))}, '22023', no_detail => 1) }
	is_deeply([ map { $_->{line_number} } @{ rules('true') } ], [ 2, 3, 4 ], 'what was staged before is still there');
	discard();
};

subtest 'host bits' => sub {
	my ($ok, $out, $err) = $t->psql('SELECT ' . CastsslTest::call('castssl_hba_change', line_number => 3, rule => 'host all all 172.18.0.1/16 md5'));
	ok($ok, 'an address with host bits set is accepted');
	like($err, qr/WARNING:.*line 3 /, 'with a WARNING');
	like($err, qr/172\.18\.0\.0\/16/, 'that names the range');
	($ok, $out, $err) = $t->psql('SELECT castssl_hba_remove(1)');
	unlike($err, qr/WARNING/, 'once');
	discard();
	($ok, $out, $err) = $t->psql(q{SELECT castssl_hba_stage(E'local all all trust\nhost all all 172.18.0.1/16 md5\n')});
	like($err, qr/172\.18\.0\.0\/16/, 'in a whole file too');
	discard();
};

subtest 'a line that was broken before' => sub {
	my $broken = "${hba}host all all 10.0.0.0/33 md5\n";
	$t->write('pg_hba.conf', $broken);
	like(add(), qr/^\+host\s+all\s+all\s+10\.0\.0\.0\/8/m, 'a good line is staged all the same');
	refused('a bad one', CastsslTest::call('castssl_hba_change', line_number => 3, rule => 'host all all all magic'), 'F0000',
		message => qr/invalid authentication method "magic"/, detail => qr/[Ll]ine 3 /);
	$t->fails('SELECT * FROM castssl_hba_apply()', 'F0000', 'nothing is applied while it is there', message => qr/invalid CIDR mask/, detail => qr/[Ll]ine 4 /);
	is($t->hba, $broken, 'the live file stays');
	staging('castssl_hba_change', line_number => 4, rule => 'host all all 10.0.0.0/34 md5');
	is(rules('true')->[2]{error} =~ /CIDR/, 1, 'it may be changed without being mended');
	staging('castssl_hba_remove', line_number => 4);
	discard();
	refused('the last rule', q{castssl_hba_stage(E'\n')}, 'F0000', no_detail => 1);
	$t->write('pg_hba.conf', "local all all trust\n");
	refused('the only rule', 'castssl_hba_remove(1)', 'F0000', message => qr/contains no entries/);
	$t->write('pg_hba.conf', $hba);
	discard();
};

subtest 'a live file that changed meanwhile' => sub {
	add();
	$t->write('pg_hba.conf', "$hba# by hand\n");
	foreach my $call ('castssl_hba_diff()', 'castssl_hba_apply()', 'castssl_hba_apply(force => true)', 'castssl_hba_remove(1)',
		'castssl_hba_rules(staged => true)', 'castssl_hba_compare()')
	{
		$t->fails("SELECT * FROM $call", '55000', $call, message => qr/changed since/, hint => qr/castssl_hba_discard/);
	}
	is($t->hba, "$hba# by hand\n", 'the change by hand stays');
	$t->write('pg_hba.conf', $hba);
	like($t->sql('SELECT castssl_hba_diff()'), qr/10\.0\.0\.0/, 'once it is undone, the edits are good again');
	discard();
};

subtest 'a staged file that was tampered with' => sub {
	add();
	my ($copy) = grep { !/manifest/ } keys %{ staged_files() };
	my $content = $t->slurp($copy);
	$t->write($copy, $content =~ s/scram-sha-256/trust/r);
	$t->fails("SELECT * FROM $_", '55000', $_, message => qr/staged file/, hint => qr/castssl_hba_discard/)
	  foreach 'castssl_hba_apply()', 'castssl_hba_diff()', 'castssl_hba_remove(1)';
	$t->write($copy, $content);
	like($t->sql('SELECT castssl_hba_diff()'), qr/10\.0\.0\.0/, 'put right, it is good again');
	my $manifest = "$staged/manifest";
	my $good = $t->slurp($manifest);
	unlink $copy;
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'gone');
	$t->write($copy, $content);
	$t->edit_state($manifest, sub { s/^file_1_hash.*\n//m });
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'a manifest with a hole', hint => qr/discard/);
	foreach my $damaged ("what is this?\n", '', substr($good, 0, -10), $good =~ s/count = '1'/count = '0'/r)
	{
		$t->write($manifest, $damaged);
		$t->fails('SELECT * FROM castssl_hba_apply()', 'F0000', 'a manifest that is none', hint => qr/discard/);
	}
	is($t->hba, $hba, 'pg_hba.conf is as it was');
	discard();
	is(-e $staged ? 'there' : 'gone', 'gone', 'castssl_hba_discard takes it away');
	mkdir "$t->{folder}/elsewhere" or die $!;
	$t->write("$t->{folder}/elsewhere/precious", 'precious');
	symlink "$t->{folder}/elsewhere", $staged or die $!;
	discard();
	ok(!-l $staged && -e "$t->{folder}/elsewhere/precious", 'of a link in its place only the link goes');
};

subtest 'a live file that is no text is never rewritten' => sub {
	foreach my $blob ("local all all trust\n\0\n", "local all all trust\n" . join('', map { chr } 1 .. 31))
	{
		$t->write('pg_hba.conf', $blob);
		$t->fails($_, 'F0000', $_, message => qr/not a text file/)
		  foreach 'SELECT ' . CastsslTest::call('castssl_hba_remove', line_number => 1), q{SELECT castssl_hba_stage('local all all trust')},
		  q{SELECT castssl_hba_add('local', '{all}', '{all}', NULL, 'peer')};
		is($t->hba, $blob, 'it stays as it is');
	}
	unlink $t->path('pg_hba.conf');
	$t->fails(q{SELECT castssl_hba_stage('local all all trust')}, 'F0000', 'nor is one that does not exist', message => qr/pg_hba\.conf/);
	$t->write('pg_hba.conf', $hba);
	discard();
};

subtest 'a symbolic link stays one' => sub {
	rename $t->path('pg_hba.conf'), "$t->{folder}/real_hba.conf";
	symlink "$t->{folder}/real_hba.conf", $t->path('pg_hba.conf');
	add();
	$t->sql('SELECT * FROM castssl_hba_apply()');
	ok(-l $t->path('pg_hba.conf'), 'the link');
	like($t->slurp("$t->{folder}/real_hba.conf"), qr/10\.0\.0\.0/, 'its target has the edit');
	unlink $t->path('pg_hba.conf');
	$t->set_hba($hba);
};

subtest 'locked out' => sub {
	$t->sql(q{SELECT castssl_hba_stage('host all all 10.0.0.0/8 md5')});
	$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'an edit that would lock the caller out', hint => qr/confirm_within/);
	is($t->hba, $hba, 'is not made');
	like($t->sql('SELECT castssl_hba_diff()'), qr/10\.0\.0\.0/, 'and stays staged');
	discard();
};

subtest 'lists of names in files' => sub {
	$t->write("names$_", "role$_\n") foreach 0 .. 9;
	$t->write('bytes', "a\0b\n");
	my $list = join ',', map { "\@names$_" } 0 .. 9;
	my $absolute = $t->path('names0');
	foreach my $rule ("local all $list trust", "local all \@$absolute trust", $version >= 14 ? "local all \@nam\\\nes0 trust" : ())
	{
		is($t->sql("SELECT castssl_hba_stage(E'local all all trust\\n' || \$\$$rule\n\$\$) IS NOT NULL"), 't', $rule);
		is($t->sql(q{SELECT 'role0' = ANY (user_name) FROM castssl_hba_rules(staged => true) ORDER BY line_number DESC LIMIT 1}), 't', 'is read');
		discard();
	}
	refused('a file that is not there', CastsslTest::call('castssl_hba_change', line_number => 3, rule => 'local all @"no such ""file" trust'),
		'F0000', message => qr/could not open .*no such "file"/);
	is($t->sql(q{SELECT castssl_hba_stage(E'local all all trust\nlocal all @bytes trust\n') IS NOT NULL}), 't', 'one with a zero byte: the server takes it');
	discard();
	$t->sql('CREATE ROLE stager LOGIN; GRANT EXECUTE ON FUNCTION castssl_hba_stage(text) TO stager');
	$t->set_hba("${hba}local all \@names1 trust\n");
	is($t->sql(q{SELECT castssl_hba_stage(E'local all all trust\nlocal all @names1 reject\n') IS NOT NULL}, user => 'stager'), 't',
		'who is no superuser may name a file that pg_hba.conf names');
	discard();
	$t->set_hba($hba);
	unlink map { $t->path("names$_") } 0 .. 9;
};

subtest 'privileges' => sub {
	$t->sql('CREATE ROLE plain LOGIN');
	$t->fails("SELECT * FROM $_", '42501', $_, no_detail => 1, psql => { user => 'plain' })
	  foreach q{castssl_hba_stage('x')}, 'castssl_hba_diff()', 'castssl_hba_apply()', 'castssl_hba_discard()', 'castssl_hba_remove(1)',
	  q{castssl_hba_explain('a', 'b')}, 'castssl_hba_compare()', 'castssl_hba_impact()';
	$t->fails('SELECT castssl_hba_remove(1)', '42501', 'pg_monitor changes nothing', no_detail => 1, psql => { user => 'watcher' });
	is($t->sql(q{SELECT verdict FROM castssl_hba_explain('postgres', 'alice')}, user => 'watcher'), 'accepted', 'pg_monitor may ask');
	$t->sql('GRANT EXECUTE ON FUNCTION castssl_hba_stage(text) TO plain');
	my $file = "$t->{folder}/outside.conf";
	$t->write($file, "host all all all trust\n");
	my $include = $version >= 16 ? "include $file" : "local \@$file all trust";
	$t->fails("SELECT castssl_hba_stage(E'local all all trust\\n$include\\n')", '42501',
		'who is no superuser cannot have just any file read', psql => { user => 'plain' }, no_detail => 1);
};

SKIP:
{
	skip 'include comes with 16', 1 if $version < 16;
	subtest 'included files' => sub {
		my $more = $t->path('more.conf');
		$t->write('more.conf', "# more\nhost all all 192.0.2.0/24 md5\n");
		$t->set_hba("${hba}include more.conf\n");
		staging('castssl_hba_change', line_number => 2, rule => 'host all all 192.0.2.0/24 scram-sha-256', file_name => $more);
		my $diff = add();
		like($diff, qr/^--- \Q$more\E$/m, 'the diff has both files');
		is_deeply([ map { $_->{line_number} } @{ rules('true') } ], [ 2, 3, 2, 5 ], 'rules of both');
		$t->sql('SELECT * FROM castssl_hba_apply()');
		is($t->slurp('more.conf'), "# more\nhost all all 192.0.2.0/24 scram-sha-256\n", 'edited where it lies');
		is($t->hba, "${hba}include more.conf\nhost all all 10.0.0.0/8 scram-sha-256\n", 'and the main file');
		add(file_name => $more, address => '198.51.100.0/24');
		$t->write('more.conf', "# by hand\n");
		$t->fails('SELECT * FROM castssl_hba_apply()', '55000', 'an included file that changed meanwhile', message => qr/more\.conf/);
		discard();
		# a file that only the staged edits include
		$t->write('new.conf', "host all all 203.0.113.0/24 md5\n");
		staging('castssl_hba_change', line_number => 4, rule => 'include new.conf');
		staging('castssl_hba_remove', line_number => 1, file_name => $t->path('new.conf'));
		add(file_name => $t->path('new.conf'), address => '203.0.113.0/24');
		$t->sql('SELECT * FROM castssl_hba_apply()');
		is($t->slurp('new.conf'), "host all all 203.0.113.0/24 scram-sha-256\n", 'is edited too');
		$t->set_hba($hba);
	};
}

done_testing();
