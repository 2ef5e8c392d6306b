# castssl_check: a clean server has nothing above info; each planted fault is found, and gone once
# its hint was followed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslHints;
use CastsslTest;
use IO::Socket::INET;
use File::Path ();
use IPC::Run ();
use Test::More;

my $hba = <<'HBA';
local   all             all                                     trust
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256
HBA
my $t = CastsslTest->new('check', hba => $hba);
my $data = $t->{data};
my $version = ($t->sql('SHOW server_version_num')) / 10000;
my ($oldest, $newest) = map { $t->slurp("$FindBin::RealBin/../src/base/majors.h") =~ /${_}_MAJOR (\d+)/ } qw(OLDEST NEWEST);
my ($planted, $followed) = (0, 0);
my %planted;    # check => severity => true

# Faults that other tests plant, for they take more servers or a session with a certificate.
my %elsewhere = (
	parameters_changeable => '005_errors.pl',
	ca_rotation => '041_ca_rotation.pl',
	sessions_ca => '041_ca_rotation.pl',
	standby => '006_standby.pl', foreign_servers => '084_foreign_servers.pl',
	other_cluster => '011_debian.pl');

# A file of the data directory, with its mode; of(name): one of the PKI.
sub put
{
	my ($name, $content, $mode) = @_;
	$t->write("$data/$name", $content);
	chmod $mode // 0600, "$data/$name" or die "$name: $!";
	return;
}

sub of
{
	my ($name) = @_;
	return $t->slurp($t->{pki}->path($name));
}

sub findings
{
	my ($arguments) = @_;
	return $t->rows('SELECT * FROM castssl_check(' . join(', ', $arguments // (), 'include_ok => true') . ')');
}

# The rows above info, but for checks that follow from the planted one.
sub loud
{
	return grep { $_->{severity} =~ /^(warning|error)$/ } @{ findings() };
}

sub find
{
	my ($check, $severity, $subject, $arguments) = @_;
	$subject //= qr//;    # an empty pattern would be the last one that matched
	return grep { $_->{check_name} eq $check && $_->{severity} eq $severity && ($_->{subject} // '') =~ $subject
		  # whatever this host is called, the names of certificates made for a test are others
		  && $_->{message} !~ /is for none of this host's names/ } @{ findings($arguments) };
}

# The statements of a row, as somebody would paste them into psql; or the command, into a shell.
sub follow
{
	my ($hint, $fix, $what, $about) = @_;
	$followed++;
	$hint = ($fix // $hint) =~ s/^If this rule is meant for them, too: //r;
	my $before = CastsslHints::look($t);
	if ($hint =~ /^chmod /)
	{
		is(system($hint), 0, "followed: $hint");
		return;
	}
	my $guest = $hint =~ /castssl_confirm/ ? $t->guest : undef;
	my ($ok, $out, $err) = $t->psql(($hint =~ /^(?:To keep it, [^:]*: )?(.*;)/s)[0] // die "no statement in: $hint");
	ok($ok, "followed: $hint") or diag $err;
	$guest->quit if $guest;
	$t->psql('SELECT castssl_confirm(force => true)') if $hint =~ /confirm_within/;
	$t->sql('SELECT pg_reload_conf()') if $hint =~ /restart/;
	my @besides = grep { $_ !~ $about } CastsslHints::differences($before, CastsslHints::look($t));
	is_deeply(\@besides, [], "$what: and nothing else changed") or diag join "\n", @besides;
	return;
}

# Plant a fault, see it, follow its hint (or mend it by the given code), see it gone.
sub fault
{
	my ($what, %f) = @_;
	$planted++;
	$planted{ $f{check} }{ $f{severity} } = 1;
	$f{plant}->();
	my @found = find($f{check}, $f{severity}, $f{subject} // qr//, $f{arguments});
	is(scalar @found, $f{count} // 1, "$what: found by $f{check} as $f{severity}")
	  or diag explain [ grep { $_->{severity} ne 'ok' } @{ findings() } ];
	if (@found)
	{
		like($found[0]{message} // '', $f{message} // qr/\S/, "$what: a message");
		like($found[0]{hint} // '', $f{hint} // qr/\S/, "$what: a hint");
		is($found[0]{hint}, $found[0]{fix}, "$what: the fix is the hint as well") if defined $found[0]{fix};
		# SQL is typed here; what says more than to type it is for a person
		is($found[0]{fix}, undef, "$what: no SQL that is not typed") if $f{mend};
		$f{mend} ? $f{mend}->($found[0]{hint}) : follow($found[0]{hint}, $found[0]{fix}, $what, $f{about} // qr/^$/);
	}
	is(scalar(find($f{check}, $f{severity}, $f{subject} // qr//, $f{arguments})), 0, "$what: gone")
	  or diag explain [ find($f{check}, $f{severity}, $f{subject} // qr//, $f{arguments}) ];
	return;
}

sub append_hba
{
	my ($lines) = @_;
	$t->set_hba($t->hba . $lines);
	return;
}

# A parameter of ours: ALTER SYSTEM knows it in sessions that called a castssl function only.
sub configure
{
	$t->{node}->append_conf('postgresql.conf', $_[0]);
	$t->reload;
	return;
}

sub system_set
{
	my ($setting) = @_;
	$t->sql("ALTER SYSTEM SET $setting");
	$t->reload;
	return;
}

# --- before and after the main job

is(scalar(find('ssl_enabled', 'error')), 1, 'TLS is off: an error');
$t->enable(source_dir => $t->{source}, plaintext => 'block', clientcert => 'verify-full');
is_deeply([loud()], [], 'a clean server: nothing above info') or diag explain [loud()];

my @names = map { $_->{check_name} } @{ findings() };
my %seen;
is_deeply([ grep { $seen{$_}++ } @names ], [], 'a clean server: one row for each check');
is($t->sql('SELECT * FROM castssl_check()'), 'all|ok||none of ' . @names . ' checks found anything||', 'one row for all where nothing is found');
cmp_ok(scalar @names, '>=', 40, scalar(@names) . ' checks');
my $next = $version < $newest ? int $version + 1 : $newest;
like($t->sql("SELECT * FROM castssl_check($next)"), qr/^hba_future\|ok\|\|ready for $next: [^|]*\|\|$/, 'ready for the next major');
like($t->sql("SELECT message FROM castssl_check($oldest) WHERE check_name = 'hba_future'"), $oldest == int $version ? qr/^ready for $oldest: this server runs it$/ :
	qr/^nothing to compare: this server runs PostgreSQL ${\ int $version}, and $oldest is an earlier major$/, 'an earlier major');
is($t->sql(sprintf 'SELECT message FROM castssl_check(%d)', $version), sprintf('ready for %d: this server runs it', $version), 'and its own');
$t->fails('SELECT * FROM castssl_check(target_version => ' . ($oldest - 1) . ')', '22023', 'an unknown major', hint => 1);
$t->sql('CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
my $clean_hba = $t->hba;

# What a hint may have changed besides is put back as well.
sub restore_hba
{
	$t->set_hba($clean_hba);
	return;
}

# --- four layers of truth

my $configuration = $t->slurp("$data/postgresql.conf");
fault('a configuration file that the server refuses',
	check => 'parameters_in_effect', severity => 'error', subject => qr/^postgresql.conf$/,
	plant => sub { put('postgresql.conf', "$configuration\nno such line = =\n") },
	mend => sub { put('postgresql.conf', $configuration); $t->reload });
fault('ssl off',
	about => qr/^(?:parameter|stored) ssl: off -> on$|^access of \w+ \S+ tls[^:]*: refused /,
	check => 'ssl_enabled', severity => 'error', plant => sub { system_set('ssl = off') });
fault('a hostssl rule while TLS is off',
	about => qr/^(?:parameter|stored) ssl: off -> on$|^access of \w+ \S+ tls[^:]*: refused /,
	check => 'hba_tls_off', severity => 'warning', subject => qr/^pg_hba.conf:\d+, \d+$/,
	plant => sub { system_set('ssl = off') });
my $certificate = $t->slurp("$data/server.crt");
my $key = $t->slurp("$data/server.key");
fault('a certificate that was replaced and not loaded',
	check => 'served_matches_disk', severity => 'error', subject => qr/server.crt$/,
	plant => sub {
		put('server.crt', of('server-renewed.crt'));
		put('server.key', of('server-renewed.key'));
	});
fault('a parameter that was stored and not loaded',
	check => 'parameters_in_effect', severity => 'warning', subject => qr/ssl_prefer_server_ciphers/,
	plant => sub { $t->sql('ALTER SYSTEM SET ssl_prefer_server_ciphers = off') },
	mend => sub { $t->sql('SELECT castssl_reload()') });
fault('pg_hba.conf edited and not loaded',
	check => 'hba_in_effect', severity => 'warning', subject => qr/pg_hba.conf$/,
	plant => sub { CastsslTest::next_second(); $t->write("$data/pg_hba.conf", $t->hba . "# edited\n") },
	mend => sub { $t->sql('SELECT castssl_reload()') });
fault('a line that the server refuses',
	check => 'hba_loads', severity => 'error', subject => qr/pg_hba.conf:\d+$/,
	plant => sub { append_hba("host all all 10.0.0.0/8 nonsense\n") },
	hint => qr/^Correct the line, and do not remove it: castssl_hba_change\(line_number => \d+, rule/, mend => \&restore_hba);
fault('a line that the server refuses, and that has a meaning',
	about => qr/^line hostssl all all 10.* clientcert=|^access of \w+ 10\.1\.2\.3 tls[^:]*: refused  -> \w+ .*clientcert=verify-ca/,
	check => 'hba_loads', severity => 'error', subject => qr/^pg_hba.conf:\d+$/,
	plant => sub { append_hba("hostssl all all 10.0.0.0/8 scram-sha-256 clientcert=1\n") },
	hint => qr/castssl_hba_change\(.*clientcert=verify-ca/)
  if $version >= 14;
restore_hba();
fault('edits that are staged for another file',
	check => 'hba_staged', severity => 'warning', subject => qr/pg_hba.conf$/,
	message => qr/^edits of postgres from \d.* that are staged can no longer be applied: live file ".*pg_hba\.conf" changed since the edits were staged$/,
	plant => sub {
		$t->sql("SELECT castssl_hba_add(rule => 'local all bob reject', before_line => 1)");
		is(scalar find('hba_staged', 'warning'), 0, 'edits that fit: no row');
		append_hba("host all all 10.0.0.0/8 scram-sha-256\n");
		my ($row) = find('hba_plaintext', 'warning');
		is("$row->{hint}", 'First forget the edits that are staged and no longer fit: SELECT castssl_hba_discard();', 'other rows name that one first');
	});
restore_hba();
fault('a server that would not start again',
	check => 'restart_safe', severity => 'error',
	plant => sub { $t->write("$data/pg_hba.conf", "# nothing\n") }, mend => \&restore_hba);

# --- parameters

fault('an old protocol',
	about => qr/^(?:parameter|stored) ssl_min_protocol_version: TLSv1 -> TLSv1.2$/,
	check => 'protocol_version', severity => 'error',
	plant => sub { system_set("ssl_min_protocol_version = 'TLSv1'") });
fault('ciphers that do not encrypt',
	about => qr/^(?:parameter|stored) ssl_ciphers: /,
	check => 'ciphers', severity => 'error',
	plant => sub { system_set("ssl_ciphers = 'NULL-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:\@SECLEVEL=0'") });

fault('ciphers without a certificate',
	about => qr/^(?:parameter|stored) ssl_ciphers: /,
	check => 'ciphers', severity => 'error',
	plant => sub { system_set("ssl_ciphers = 'ADH-AES256-GCM-SHA384:\@SECLEVEL=0'") });
my $encrypted = 'server-encrypted.key';
system("openssl ec -in $data/server.key -aes256 -passout 'pass:open sesame' -out $data/$encrypted 2>$data/openssl.log") == 0 or die;
chmod 0600, "$data/$encrypted";
fault('an encrypted key that no reload takes up',
	about => qr/^(?:parameter|stored) ssl_passphrase_command_supports_reload: .* -> on$/,
	check => 'passphrase', severity => 'warning', subject => qr/^ssl_passphrase_command_supports_reload$/,
	plant => sub {
		put('passphrase', "#!/bin/sh\ntouch $data/was-asked\necho open sesame\n", 0700);
		system_set("ssl_passphrase_command = '$data/passphrase'");
		system_set("ssl_key_file = '$encrypted'");
		$t->restart;
		unlink "$data/was-asked" or die $!;
		findings();
		ok(!-e "$data/was-asked", 'a passphrase command is not run');
	});
$t->sql("ALTER SYSTEM RESET $_") foreach qw(ssl_passphrase_command ssl_passphrase_command_supports_reload);
$t->sql("ALTER SYSTEM SET ssl_key_file = 'server.key'");
$t->reload;
unlink map { "$data/$_" } $encrypted, qw(passphrase was-asked openssl.log);

# --- files

fault('a private key that others can use',
	about => qr/^file server.key: 100644 (\w+) -> 100600 \1$/,
	check => 'key_permissions', severity => 'error', subject => qr/server.key$/,
	plant => sub { chmod 0644, "$data/server.key" }, hint => qr/castssl_enable/);
fault('a copy of a private key that others can read',
	check => 'key_copies', severity => 'warning', subject => qr/server.key.bak$/,
	plant => sub { put('server.key.bak', $key, 0644) },
	hint => qr/^chmod 0600/);
unlink "$data/server.key.bak";
fault("the CA's private key",
	check => 'ca_key', severity => 'warning', subject => qr/ca.key$/,
	plant => sub { put('ca.key', of('root.key')) }, mend => sub { unlink "$data/ca.key" });
# what the small CA has issued: each name has a certificate that lasts, or is revoked, or has ended long ago
$t->sql("SELECT length(castssl_create_ca(common_name => 'Small'))");
foreach my $user ([ 'alice', '3 days' ], [ 'bob', '3 days' ], [ 'carol', '1 year' ], [ 'dave', '2 days' ])
{
	fault("the end of the certificate of $user->[0]",
		check => 'issued_certificates', severity => 'warning', subject => qr/^$user->[0]$/, count => $user->[1] =~ /days/ ? 1 : 0,
		message => qr/for a client ends on \d{4}-\d\d-\d\d/,
		plant => sub { $t->sql("SELECT castssl_issue_client('$user->[0]', valid_for => '$user->[1]')") },
		$user->[0] eq 'dave'
		? (mend => sub { $t->sql(q{SELECT length(castssl_revoke(pg_read_file('pg_castssl/issued/dave/client.crt')))}) })
		: (hint => qr/^SELECT castssl_issue_client\(user_name => '$user->[0]'\); /, about => qr{^file pg_castssl/(?:issued/$user->[0]|ca/certificates)/}));
}
fault('a CA that is trusted, whose CRL is not checked', about => qr/^(?:(?:parameter|stored) ssl_crl_file|file root\.crl): /,
	check => 'ca_revocations', severity => 'error', subject => qr/^ssl_crl_file$/, plant => sub { system_set("ssl_ca_file = 'pg_castssl/ca/root.crt'") });
File::Path::remove_tree("$data/pg_castssl/ca");
$t->sql("SELECT count(*) FROM castssl_enable(ca_file => 'root.crt', crl_file => '', force => true)");
fault('a symbolic link in the data directory',
	about => qr/^(?:parameter|stored) ssl_cert_file: link.crt -> .*\/server.crt$/,
	check => 'symbolic_links', severity => 'warning', subject => qr/link.crt$/,
	plant => sub {
		symlink "$data/server.crt", "$data/link.crt";
		system_set("ssl_cert_file = 'link.crt'");
	});
unlink "$data/link.crt";
fault('a CRL that does not exist',
	check => 'files_readable', severity => 'error', subject => qr/ssl_crl_file/, plant => sub { system_set("ssl_crl_file = 'nowhere.crl'") },
	message => qr/^could not open file ".*nowhere\.crl": No such file or directory$/, hint => qr/^Put it back there, .* Or name another file: SELECT \* FROM castssl_enable\(crl_file => '\.\.\.'\);$/,
	mend => sub { $t->sql('ALTER SYSTEM RESET ssl_crl_file'); $t->reload });

# --- certificates

fault('an expired certificate',
	check => 'certificate_dates', severity => 'error',
	plant => sub {
		put('server.crt', of('server-expired.crt'));
		put('server.key', of('server-expired.key'));
		my $served = $t->status->{served_fingerprint};
		my $row = (find('served_matches_disk', 'error'))[0];
		like($row->{hint}, qr/^First repair this file: .*server\.crt: .*expired/, 'no reload is proposed for it');
		is($row->{fix}, undef, 'nor is it a fix');
		my $reload = $t->rows('SELECT * FROM castssl_reload()')->[0];
		ok(!$reload->{reloaded}, 'castssl_reload() does not load it');
		like($reload->{problem}, qr/^not reloaded, because this would take effect: .*server\.crt: .*expired/, 'and says why');
		is($t->status->{served_fingerprint}, $served, 'clients get the one that they got');
		$t->{node}->reload;
		$t->{node}->poll_query_until('postgres', qq{SELECT served_fingerprint <> '$served' FROM castssl_status()});
		is($t->sql('SELECT reloaded FROM castssl_reload()'), 't', 'where it is in effect already, a reload is in the way of nothing');
	},
	mend => sub {
		put('server.crt', $certificate);
		put('server.key', $key);
		$t->reload;
	});
# whose certificate it is
put('ssl-cert-snakeoil.pem', $certificate);
fault("Debian's certificate for tests",
	check => 'certificate_origin', severity => 'warning', subject => qr/snakeoil\.pem$/,
	plant => sub { system_set("ssl_cert_file = 'ssl-cert-snakeoil.pem'") },
	mend => sub { system_set("ssl_cert_file = 'server.crt'") });
unlink "$data/ssl-cert-snakeoil.pem";
fault('a self-signed certificate',
	check => 'certificate_origin', severity => 'info', subject => qr/server\.crt$/,
	plant => sub {
		system("openssl req -x509 -key $data/server.key -subj /CN=localhost -days 90 -out $data/server.crt 2>$data/openssl.log") == 0 or die;
		unlink "$data/openssl.log";
	},
	mend => sub { put('server.crt', $certificate) });
fault('an edit of postgresql.conf that has no effect',
	check => 'two_values', severity => 'info', subject => qr/^ssl_ciphers$/,
	plant => sub { $t->sql("ALTER SYSTEM SET ssl_ciphers = 'HIGH:!aNULL:!3DES'"); CastsslTest::next_second(); configure("ssl_ciphers = 'HIGH:!aNULL'") },
	hint => qr/^If postgresql\.conf is right: ALTER SYSTEM RESET ssl_ciphers; SELECT \* FROM castssl_reload\(\);  If not/,
	mend => sub { $t->sql('ALTER SYSTEM RESET ssl_ciphers'); $t->reload });
# a third of the lifetime before at the earliest: of 90 days, not on the first one
configure("castssl.expiry_warning = '9000d'");
is_deeply([ find('certificate_dates', 'warning', qr/server\.crt$/) ], [], 'a new certificate is not one that ends soon');
configure("castssl.expiry_warning = '30d'");

# One fault for each thing that is judged of certificates, keys, CAs and CRLs.
my $files = "$t->{folder}/certificates";
CastsslTest::test_certificates($files);
my %good = ('server.crt' => 'server.crt', 'server.key' => 'server.key', 'root.crt' => 'root.crt', 'root.crl' => 'root.crl');
my %ours = map { $_ => $t->slurp("$data/$_") } qw(server.crt server.key root.crt);

sub install
{
	my (%names) = @_;
	put($_, $t->slurp("$files/$names{$_}")) foreach keys %names;
	$t->reload;
	return;
}

install(%good);
system_set("ssl_crl_file = 'root.crl'");
foreach (
	[ 'certificate_parse', 'error', 'server.crt' => 'truncated.crt' ],
	[ 'key_parse', 'error', 'server.key' => 'truncated.key' ],
	[ 'key_matches_certificate', 'error', 'server.key' => 'ed25519.key' ],
	[ 'certificate_dates', 'error', 'server.crt' => 'future.crt' ],
	[ 'certificate_dates', 'warning', 'server.crt' => 'soon.crt' ],
	[ 'ca_parse', 'error', 'root.crt' => 'der.crt' ],
	[ 'ca_is_ca', 'error', 'root.crt' => 'client.crt' ],
	[ 'crl_parse', 'error', 'root.crl' => 'der.crl' ],
	[ 'crl_dates', 'error', 'root.crl' => 'stale.crl' ],
	[ 'crl_dates', 'warning', 'root.crl' => 'soon.crl' ],
	[ 'crl_issuer', 'error', 'root.crl' => 'other.crl' ],
	[ 'chain', 'error', 'server.crt' => 'chain-notca.crt' ],
	[ 'chain', 'warning', 'server.crt' => 'leaf1.crt' ],
	[ 'names', 'warning', 'server.crt' => 'nosan.crt' ],
	[ 'key_usage', 'error', 'server.crt' => 'clienteku.crt' ],
	[ 'weak', 'error', 'server.crt' => 'sha1.crt' ])
{
	my ($check, $severity, $name, $file) = @$_;
	fault("$file as $name", check => $check, severity => $severity, subject => qr/$name$/, plant => sub { install($name => $file) }, mend => sub { install(%good) });
}
fault('a CA file that was replaced and not loaded',
	check => 'served_matches_disk', severity => 'warning', subject => qr/root.crt$/,
	plant => sub { CastsslTest::next_second(); put('root.crt', $t->slurp("$files/ca-two.crt")) },
	mend => sub { $t->sql($_[0] =~ /(SELECT \* FROM castssl_reload\(\);)$/) });
fault('a CRL that was replaced and not loaded',
	check => 'served_matches_disk', severity => 'warning', subject => qr/root.crl$/,
	plant => sub { CastsslTest::next_second(); put('root.crl', $t->slurp("$files/root-other.crl")) });
put($_, $ours{$_}) foreach keys %ours;
$t->sql('ALTER SYSTEM RESET ssl_crl_file');
$t->reload;
unlink "$data/root.crl";

# --- pg_hba.conf

fault('a rule that no connection reaches',
	about => qr/^line local postgres all trust: 1 -> not there$/,
	check => 'hba_dead_rules', severity => 'info', subject => qr/pg_hba.conf:\d+$/,
	plant => sub { append_hba("local postgres all trust\n") },
	hint => qr/castssl_hba_remove/);
fault('a rule below a broader one with another outcome',
	check => 'hba_order', severity => 'warning', subject => qr/pg_hba.conf:\d+$/,
	plant => sub { append_hba("local postgres all reject\n") },
	hint => qr/^Which one is meant\?  If pg_hba.conf:1 \(local .* trust\): SELECT castssl_hba_remove.*  If pg_hba.conf:\d+ \(local postgres all reject\): SELECT castssl_hba_move/,
	mend => \&restore_hba);
# Rules that differ in options alone, or in what they ask for beside the method.
foreach (
	[ 'map', 'cert map=a', 'cert map=b' ],
	[ 'server', 'ldap ldapserver=a ldapbasedn=x', 'ldap ldapserver=b ldapbasedn=x' ],
	[ 'clientcert', 'scram-sha-256 clientcert=verify-full', 'scram-sha-256' ],
	$version >= 14 ? [ 'clientname', 'cert clientname=DN', 'cert' ] : ())
{
	my ($what, $above, $below) = @$_;
	fault("a rule below a broader one with another $what",
		check => 'hba_order', severity => 'warning', subject => qr/pg_hba.conf:\d+$/,
		plant => sub { append_hba("hostssl all all 10.0.0.0/8 $above\nhostssl all bob 10.1.0.0/16 $below\n") }, mend => \&restore_hba);
	restore_hba();
}
fault('a rule below a broader one with the same options in another order',
	about => qr/^line hostssl all bob .*: 1 -> not there$/,
	check => 'hba_dead_rules', severity => 'info', subject => qr/pg_hba.conf:\d+$/,
	plant => sub {
		append_hba("hostssl all all 10.0.0.0/8 ldap ldapserver=a ldapbasedn=x\n"
			  . "hostssl all bob 10.1.0.0/16 ldap ldapbasedn=x ldapserver=a\n");
	});
restore_hba();
# A rule for standbys that asks for a certificate, below one for everybody that does not.
my $everybody = "hostssl all,replication all 10.0.0.0/8 scram-sha-256\n";
my $standbys = "hostssl all,replication alice 0.0.0.0/0 cert\n";
fault('a rule that a broader one hides in part',
	about => qr/^file pg_hba.conf: |^access of alice 10\.1\.2\.3 tls[^:]*: \w+ .* -> \w+ cert/,
	check => 'hba_partly_hidden', severity => 'info', subject => qr/^pg_hba.conf:\d+$/,
	plant => sub { append_hba($everybody . $standbys) },
	hint => qr/castssl_hba_move\(rule => '.*', before_rule => '.*'\)/);
restore_hba();
fault('the same above a rule that rejects',
	check => 'hba_partly_hidden', severity => 'info',
	plant => sub { append_hba("${everybody}host all,replication alice 10.9.0.0/16 reject\n$standbys") },
	hint => qr/^If this rule is meant/, mend => \&restore_hba, count => 2);
fault('a reject that a broader rule hides in part',
	about => qr/^file pg_hba.conf: |^access of bob 10\.1\.2\.3 tls[^:]*: authenticate .* -> refused reject/,
	check => 'hba_partly_hidden', severity => 'info',
	plant => sub { append_hba("hostssl all all 10.0.0.0/8 scram-sha-256\nhost all bob all reject\n") },
	hint => qr/castssl_hba_move/);
restore_hba();
foreach (
	[ 'the narrower address first', "hostssl all alice 10.0.0.0/8 scram-sha-256\nhostssl all alice 0.0.0.0/0 cert\n" ],
	[ 'other users', "hostssl all bob 10.0.0.0/8 scram-sha-256\nhostssl all alice 0.0.0.0/0 cert\n" ],
	[ 'other addresses', "hostssl all all 10.0.0.0/8 scram-sha-256\nhostssl all alice 192.168.0.0/16 cert\n" ],
	[ 'another kind of connection', "hostnossl all all 10.0.0.0/8 scram-sha-256\nhostssl all alice 0.0.0.0/0 cert\n" ],
	[ 'a rule that asks for less', "hostssl all all 10.0.0.0/8 cert\nhostssl all alice 0.0.0.0/0 scram-sha-256\n" ])
{
	append_hba($_->[1]);
	is(scalar(find('hba_partly_hidden', 'info')), 0, "$_->[0]: hides nothing");
	restore_hba();
}
fault('plaintext from other hosts',
	about => qr/^line host(ssl)? all all 10|^access of \w+ 10\.1\.2\.3 none[^:]*: .* -> refused $/,
	check => 'hba_plaintext', severity => 'warning', subject => qr/pg_hba.conf:\d+$/,
	plant => sub { append_hba("host all all 10.0.0.0/8 scram-sha-256\n") },
	hint => qr/rule => 'hostssl all all 10\.0\.0\.0\/8 scram-sha-256'/);
restore_hba();
fault('plaintext alone from other hosts',
	about => qr/^line hostnossl all all 10|^access of \w+ 10\.1\.2\.3 none[^:]*: .* -> refused reject$/,
	check => 'hba_plaintext', severity => 'warning', subject => qr/pg_hba.conf:\d+$/,
	plant => sub { append_hba("hostnossl all all 10.0.0.0/8 scram-sha-256\n") });
restore_hba();
fault('trust from other hosts',
	about => qr/^line hostssl all alice 10|^access of alice 10\.1\.2\.3 tls[^:]*: accepted trust -> authenticate scram-sha-256$/,
	check => 'hba_trust', severity => 'error',
	plant => sub { append_hba("hostssl all alice 10.0.0.0/8 trust\n") },
	hint => qr/^BEGIN;SELECT.*scram-sha-256/);
restore_hba();
fault('trust from other hosts, for a role without a password',
	check => 'hba_trust', severity => 'error',
	plant => sub { append_hba("hostssl all postgres 10.0.0.0/8 trust\n") },
	hint => qr/^First set the password of postgres \(in psql: .*; then \\password postgres\): scram-sha-256 would refuse this role\./, mend => \&restore_hba);
fault('clear-text passwords',
	about => qr/^line host all all 10|^access of \w+ 10\.1\.2\.3 \w+[^:]*: (\w+) password -> \1 scram-sha-256$/,
	check => 'hba_password', severity => 'error',
	plant => sub { append_hba("host all all 10.0.0.0/8 password\n") });
restore_hba();
fault('md5',
	about => qr/^line hostssl all all 10|^access of \w+ 10\.1\.2\.3 tls[^:]*: (\w+) md5 -> \1 scram-sha-256$/,
	check => 'hba_md5', severity => 'info',
	plant => sub { append_hba("hostssl all all 10.0.0.0/8 md5\n") });
restore_hba();
$t->sql(q{SET password_encryption = 'md5'; ALTER ROLE bob PASSWORD 'builder'});
fault('an MD5 password where SCRAM is asked for',
	check => 'md5_secrets', severity => 'warning', subject => qr/^pg_hba.conf:\d+/,
	plant => sub { append_hba("hostssl all bob 10.0.0.0/8 scram-sha-256\n") },
	hint => qr/^Set that password again, in psql: /,
	mend => sub {
		my $row = (find('md5_secrets', 'warning'))[0];
		like($row->{message}, qr/refuses role bob:/, 'the role is named');
		is($t->sql(q{SELECT count(*) FROM castssl_check() WHERE check_name = 'md5_secrets'}, user => 'watcher'), 0, 'but only to superusers');
		$t->sql(q{SET password_encryption = 'scram-sha-256'; ALTER ROLE bob PASSWORD 'builder'});
	});
restore_hba();
$t->sql(q{SET password_encryption = 'md5'; ALTER ROLE bob PASSWORD 'builder'});
fault('an MD5 password under md5: passwords first',
	check => 'hba_md5', severity => 'info',
	plant => sub { append_hba("hostssl all bob 10.0.0.0/8 md5\n") },
	hint => qr/^First set the password of bob \(.*Then: BEGIN;SELECT castssl_hba_change/, mend => \&restore_hba);
$t->sql(q{SET password_encryption = 'scram-sha-256'; ALTER ROLE bob PASSWORD 'builder'});
fault('superusers from anywhere',
	about => qr/^line hostssl all postgres all|^access of postgres \S+ tls[^:]*: \w+ scram-sha-256 -> \w+ scram-sha-256 clientcert=verify-full$/,
	check => 'hba_superusers', severity => 'warning',
	plant => sub { append_hba("hostssl all postgres all scram-sha-256\n") });
restore_hba();
fault('replication in plaintext',
	about => qr/^line host(ssl)? replication |^access of \w+ 10\.1\.2\.3 none replication: .* -> refused $/,
	check => 'hba_replication', severity => 'warning',
	plant => sub { append_hba("host replication all 10.0.0.0/8 scram-sha-256\n") });
restore_hba();
fault('client certificates without a CA',
	about => qr/^(?:parameter|stored) ssl_ca_file: .*-> root.crt$|^access of \w+ \S+ tls[^:]*: refused /,
	check => 'hba_clientcert', severity => 'error', subject => qr/^pg_hba.conf:\d+, \d+$/,
	plant => sub { system_set("ssl_ca_file = ''") });
my $ident = $t->slurp("$data/pg_ident.conf");
fault('a map without a line',
	check => 'hba_cert_users', severity => 'error', subject => qr/pg_hba.conf:\d+$/,
	plant => sub { append_hba("hostssl all bob,alice 10.0.0.0/8 cert map=people\n") },
	hint => qr/people "name in certificate" role/,
	mend => sub { $t->write("$data/pg_ident.conf", $ident . "people bob.example.com bob\n"); $t->reload });
fault('a user whom no certificate reaches',
	check => 'hba_cert_users', severity => 'warning', plant => sub { },
	hint => qr/people "name in certificate" alice/,
	mend => sub { $t->write("$data/pg_ident.conf", $ident . "people /^(.*)[.]example[.]com\$ \\1\n"); $t->reload });
$t->write("$data/pg_ident.conf", $ident);
restore_hba();
fault('a map for sockets without a line',
	check => 'hba_cert_users', severity => 'error', plant => sub { $t->set_hba("local all postgres trust\nlocal all bob peer map=people\n") },
	hint => qr/people "operating-system account" role/, mend => \&restore_hba);
fault('a pg_ident.conf that the server refuses, and no rule uses',
	check => 'ident_loads', severity => 'warning', subject => qr/pg_ident.conf:\d+$/,
	plant => sub { $t->write("$data/pg_ident.conf", "${ident}people /( bob\n") },
	mend => sub { $t->write("$data/pg_ident.conf", $ident); $t->reload });
fault('the same, where a rule has a map',
	check => 'ident_loads', severity => 'error', subject => qr/pg_ident.conf:\d+$/,
	plant => sub { append_hba("hostssl all bob 10.0.0.0/8 cert map=people\n"); $t->write("$data/pg_ident.conf", "${ident}people bob bob\npeople x\n") },
	mend => sub {
		my $status = $t->status;
		ok(!$status->{restart_safe}, 'then a restart is not safe');
		like($status->{restart_problem}, qr/^no map works after a restart: the server refuses line \d+ of ".*pg_ident\.conf": missing entry/, 'and why');
		is(scalar(find('restart_safe', 'error', qr/server/)), 1, 'which is found, too');
		like($t->sql('SELECT problem FROM castssl_reload()'), qr/^no map works after a restart: .*pg_ident\.conf/, 'nor is a reload without a problem');
		restore_hba();
		like($t->sql('SELECT problem FROM castssl_reload()'), qr/^the server refuses line \d+ of ".*pg_ident\.conf"/, 'without a rule neither');
		$t->write("$data/pg_ident.conf", $ident);
		$t->reload;
		is($t->sql('SELECT problem IS NULL FROM castssl_reload()'), 't', 'mended');
	});
# what a session wants to see of the log changes nothing
{
	my $found = "SELECT string_agg(check_name || ' ' || coalesce(subject, ''), ', ') FROM castssl_check() WHERE severity = 'error'";
	append_hba("host all all 10.0.0.0/40 md5\n");
	my $usual = $t->sql($found);
	like($usual, qr/pg_hba\.conf:\d+/, 'a line that the server refuses');
	is($t->sql("SET log_min_messages = $_->[0]; SET client_min_messages = $_->[1]; $found"), $usual, "with messages from $_->[0] on")
	  foreach [ qw(debug5 debug5) ], [ qw(log log) ], [ qw(fatal error) ];
	restore_hba();
}
fault('no TCP at all',
	check => 'listen_addresses', severity => 'info',
	plant => sub { $t->sql("ALTER SYSTEM SET listen_addresses = ''"); $t->restart },
	hint => qr/; then restart the server\.$/,
	mend => sub { follow($_[0], undef, 'no TCP', qr/^stored listen_addresses:/); $t->restart });
$t->sql('ALTER SYSTEM RESET listen_addresses');
$t->restart;
foreach my $preloaded (0, 1)
{
	# the launcher of logical replication takes the only one
	configure("max_worker_processes = $preloaded\nshared_preload_libraries = '" . ($preloaded ? 'pg_castssl' : '') . "'");
	$t->restart;
	fault('no background worker to be had' . ($preloaded ? ', by a preloaded library' : ''),
		check => 'recovery_worker', severity => 'warning', subject => qr/^max_worker_processes$/,
		plant => sub { }, hint => qr/; then restart the server\.$/,
		mend => sub {
			my ($row) = find('recovery_worker', 'warning');
			like($row->{message}, $preloaded ? qr/^all background workers \(1\) are in use, .*after a crash nobody undoes/
				: qr/^there is no background worker \(max_worker_processes = 0\), .*confirm_within is refused/, 'what that means');
			follow($_[0], undef, '', qr/max_worker_processes/);
			$t->restart;
		});
	$t->sql('ALTER SYSTEM RESET max_worker_processes');
}
configure("max_worker_processes = 8\nshared_preload_libraries = ''");
$t->restart;
fault('files of another cluster',
	check => 'other_cluster', severity => 'warning', subject => qr/^ssl_cert_file, ssl_key_file$/,
	plant => sub {
		my $other = "$t->{folder}/another cluster";
		mkdir $other or die "$other: $!";
		$t->write("$other/$_", $t->slurp("$data/$_")) foreach qw(PG_VERSION server.crt server.key);
		chmod 0600, "$other/server.key" or die $!;
		$t->sql("ALTER SYSTEM SET ssl_cert_file = '$other/server.crt'");
		$t->sql("ALTER SYSTEM SET ssl_key_file = '$other/server.key'");
		$t->sql('SELECT castssl_reload()');
	},
	hint => qr/^Copy the files to "\Q$data\E", also in place of links to them, and let these parameters name the copies\.$/,
	mend => sub {
		$t->sql("ALTER SYSTEM RESET ssl_$_") foreach qw(cert_file key_file);
		$t->reload;
	});
fault('what the next major refuses',
	check => 'hba_future', severity => 'warning', arguments => 'target_version => 19',
	plant => sub { append_hba("host all all 10.9.9.9/32 radius radiusservers=127.0.0.1 radiussecrets=s\n") },
	mend => \&restore_hba)
  if $version < 19;
fault('MD5, of which 18 warns',
	check => 'hba_future', severity => 'info', arguments => 'target_version => 18',
	plant => sub { append_hba("hostssl all all 10.9.9.9/32 md5\n") },
	hint => qr/scram-sha-256/,
	mend => \&restore_hba)
  if $version < 18;
fault('a name that 16 takes for a regular expression',
	check => 'hba_future', severity => 'warning', arguments => 'target_version => 16',
	plant => sub { append_hba("hostssl all /app 10.9.9.9/32 scram-sha-256\n") },
	mend => \&restore_hba)
  if $version < 16;
fault('an option that 14 no longer knows',
	check => 'hba_future', severity => 'warning', arguments => 'target_version => 14',
	plant => sub { append_hba("hostssl all all 10.9.9.9/32 scram-sha-256 clientcert=1\n") },
	mend => \&restore_hba)
  if $version < 14;

# --- changes, and who else manages the files

fault('an unconfirmed change',
	check => 'changes', severity => 'warning', subject => qr/^change \d+ \(disable\)$/,
	plant => sub { $t->sql("SELECT * FROM castssl_disable(confirm_within => '1 hour')") },
	hint => qr/castssl_confirm/);
$t->enable(source_dir => $t->{source}, plaintext => 'block', clientcert => 'verify-full');
# what a change did is taken back as a whole
my $undone = qr/^(?:access of|line|(?:parameter|stored) ssl(?:_ca_file)?:) ?/;
fault('an interrupted change',
	about => $undone,
	check => 'changes', severity => 'warning', subject => qr/^change \d+ \(enable\)$/,
	plant => sub {
		$t->edit_state($t->newest_change . '/manifest', sub { s/^state = 'applied'/state = 'applying'/m });
	},
	hint => qr/castssl_changes/);
$t->enable(source_dir => $t->{source}, plaintext => 'block', clientcert => 'verify-full');
fault('a change that should have been undone',
	about => $undone,
	check => 'changes', severity => 'error', subject => qr/^change \d+ \(enable\)$/,
	plant => sub {
		$t->edit_state($t->newest_change . '/manifest', sub { s/^state = 'applied'/state = 'unconfirmed'/m; s/^confirm_deadline = '\d+'/confirm_deadline = '1'/m });
	},
	hint => qr/castssl_changes/);
$t->enable(source_dir => $t->{source}, plaintext => 'block', clientcert => 'verify-full');
fault('edited by hand since the last change',
	check => 'edited_since', severity => 'info', subject => qr/pg_hba.conf$/,
	plant => sub { append_hba("# by hand\n") }, mend => \&restore_hba);
fault('files that Patroni writes',
	check => 'managed_elsewhere', severity => 'warning', subject => qr/pg_hba.conf$/,
	plant => sub { $t->set_hba("# Do not edit this file manually!\n# It will be overwritten by Patroni!\n$clean_hba") },
	mend => \&restore_hba);

SKIP: {
	skip 'CASTSSL_READ_ONLY names no folder: scripts/test makes one when it runs as root', 1 unless $ENV{CASTSSL_READ_ONLY};
	fault('a configuration that cannot be written',
		check => 'managed_elsewhere', severity => 'info', subject => qr/pg_hba.conf$/,
		plant => sub { $t->sql("ALTER SYSTEM SET hba_file = '$ENV{CASTSSL_READ_ONLY}/pg_hba.conf'"); $t->restart },
		mend => sub { $t->sql('ALTER SYSTEM RESET hba_file'); $t->restart });
}

# a function that takes castssl_confirm(72), which is an int, from ours of bigint
$t->sql('CREATE ROLE intruder; CREATE SCHEMA "x; DROP TABLE y"; GRANT CREATE ON SCHEMA public, "x; DROP TABLE y" TO intruder');
my $renamed = sub { ok(($t->psql($_[0] =~ /(ALTER ROUTINE .*)/ ? $1 : 'none'))[0], "typed: $_[0]") };
foreach my $schema ('public', '"x; DROP TABLE y"')
{
	fault("another function in $schema", mend => $renamed, message => qr/^in a session with schema "\Q${\ ($schema =~ s{"}{}gr)}\E" in its search_path/,
		check => 'function_names', severity => 'error', subject => qr/^\Q$schema\E\.castssl_confirm\(integer\)$/,
		plant => sub { $t->sql("SET ROLE intruder; CREATE FUNCTION $schema.castssl_confirm(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE; CREATE VIEW uses_it AS SELECT $schema.castssl_confirm(1)") });
	is($t->sql('TABLE uses_it; DROP VIEW uses_it'), 1, 'a view that depends on it works');
}
fault('a procedure',
	check => 'function_names', severity => 'error', subject => qr/castssl_status\(text\)$/, mend => $renamed, plant => sub { $t->sql("CREATE PROCEDURE public.castssl_status(text) LANGUAGE sql AS 'SELECT 1'") });

# --- jobs of pg_cron: a table of its name and shape

$t->sql('CREATE SCHEMA cron AUTHORIZATION intruder; SET ROLE intruder;
	CREATE VIEW cron.job AS SELECT 1 AS jobid, 1/0 AS database, 1 AS username, 1 AS nodename, 1 AS nodeport, 1 AS active');
is(scalar(find('cron_jobs', 'ok')), 1, "somebody else's view of that name is not read");
$t->sql('DROP VIEW cron.job; CREATE TABLE cron.job (jobid bigint, schedule text, command text, nodename text DEFAULT $$localhost$$, nodeport int,
	database text DEFAULT $$postgres$$, username text DEFAULT $$alice$$, active boolean DEFAULT true)');
my $port = $t->{node}->port;
$t->sql("INSERT INTO cron.job (jobid, nodename, nodeport, active) VALUES (1, 'localhost', $port, false), (2, '', $port, true), (3, '192.0.2.1', $port, true)");
is(scalar(find('cron_jobs', 'ok')), 1, 'jobs that are off, by socket or of another server');
$t->set_hba($CastsslTest::stock_hba);
$t->sql("INSERT INTO cron.job (jobid, nodeport) VALUES (4, $port)");
is(scalar(find('cron_jobs', 'ok')), 1, 'a job that is let in');
{
	my ($row) = grep { ($_->{code} // '') eq 'cron_jobs' } @{ $t->enable(clientcert => 'verify-ca', plaintext => 'block', dry_run => 'true') };
	like($row->{detail} // '', qr/^1 active job connects by TCP and would be refused afterwards, such as job 4 of alice on database postgres/, 'castssl_enable() warns before');
	is($row->{result} // '', 'warning', 'in a row');
	my @none = grep { ($_->{code} // '') eq 'cron_jobs' } @{ $t->enable(clientcert => 'verify-ca', plaintext => 'keep', dry_run => 'true') };
	is_deeply(\@none, [], 'nothing to say where plaintext stays');
}
fault('a job that would be refused',
	check => 'cron_jobs', severity => 'warning', subject => qr/^pg_cron$/,
	plant => sub { restore_hba(); $t->sql("INSERT INTO cron.job (jobid, nodeport) VALUES (5, $port)") }, hint => qr/SET nodename = '[^']*' WHERE jobid IN \(4, 5\);/);
my $socket = $t->sql('SHOW unix_socket_directories');
is($t->sql(q{SELECT string_agg(jobid || ' ' || nodename, ', ' ORDER BY jobid) FROM cron.job}), "1 localhost, 2 , 3 192.0.2.1, 4 $socket, 5 $socket", 'no other job is changed, such as that of another server');
$t->sql('DROP SCHEMA cron CASCADE');

# --- sessions

{
	my $guest;
	my $application = $ENV{PGAPPNAME} // 'psql';
	fault('a session in plaintext that goes on after its rule is gone',
		check => 'sessions_refused', severity => 'warning', subject => qr/^sessions$/,
		message => qr/^1 live session would be refused if it came now$/,
		hint => qr/^Still open: client backend "alice", database "postgres", from 127\.0\.0\.1, application "\Q$application\E"\.  Let a pool reconnect/,
		plant => sub {
			$t->set_hba($CastsslTest::stock_hba);
			$guest = $t->guest(sslmode => 'disable');
			$t->set_hba($CastsslTest::stock_hba =~ s/^host .*127.*$/hostssl all all 127.0.0.1\/32 scram-sha-256/mr);
		},
		mend => sub {
			like($t->sql((find('sessions_refused', 'warning'))[0]{hint} =~ /, or now: (SELECT .*?;)  Reason: /), qr/^\d+\|t$/, 'the statement of the hint ends it');
			$guest->quit; restore_hba(); });
}

# An address of this machine that is not the loopback's: what comes from it is another host to a
# server. Asking for the way there sends nothing.
my $way = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '192.0.2.1', PeerPort => 9);
SKIP: {
	skip 'this machine has no address but the loopback\'s', 1 unless $way;
	my $own = $way->sockhost;
	my ($in, $out) = ("SELECT 'in';\n", '');
	my $session;
	$t->sql("ALTER SYSTEM SET listen_addresses = '127.0.0.1, $own'");
	$t->restart;
	append_hba("hostnossl all alice $own/32 scram-sha-256\n");
	fault('a session in plaintext from another host',
		check => 'sessions_plaintext', severity => 'warning',
		plant => sub {
			local $ENV{PGPASSWORD} = 'wonderland';
			$session = IPC::Run::start(
				[ 'psql', '-XqAt', '-d', "host=$own port=${\$t->{node}->port} user=alice dbname=postgres sslmode=disable" ],
				'<', \$in, '>', \$out, '2>&1', IPC::Run::timeout(1800));
			$session->pump until $out =~ /in\n/ || !$session->pumpable;
		},
		mend => sub {
			$in .= "\\q\n";
			$session->finish;
			$t->{node}->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'alice')});
		});
	restore_hba();
	$t->sql('ALTER SYSTEM RESET listen_addresses');
	$t->restart;
}

# --- nothing is a check that nobody has seen find something

{
	my %worst = $t->slurp("$FindBin::RealBin/../src/flow/check/checks.h") =~ /^\tCHECK\((\w+), \w+, CASTSSL_(\w+),/mg;
	is_deeply([ sort keys %worst ], [ sort @names ], 'the table of checks is what castssl_check() shows');
	foreach my $check (sort keys %worst)
	{
		my $file = delete $elsewhere{$check};
		if ($file)
		{
			like($t->slurp("$FindBin::RealBin/$file"), qr/check_name = '$check'/, "$check: $file plants a fault");
			next;
		}
		# of which it was said above that it cannot be planted here
		next if $check eq 'sessions_plaintext' && !$way;
		next if $check eq 'hba_future' && $version >= $newest;    # there is no later one to upgrade to
		ok($planted{$check}{ lc $worst{$check} }, "$check: a fault of severity " . lc($worst{$check}) . ' was planted');
	}
	is_deeply([ keys %elsewhere ], [], 'no test is named for a check that there is not');
}

cmp_ok($followed, '>=', 25, "$planted faults planted, of which $followed mended by nothing but their hint");
is_deeply([loud()], [], 'all mended: nothing above info') or diag explain [loud()];

# --- it only reads, and reads for those who watch

my $before = $t->state;
$t->sql('SET default_transaction_read_only = on; SELECT count(*) FROM castssl_check()');
is_deeply($t->state, $before, 'nothing was written');
my $reader = $t->session;
$reader->ask("BEGIN; SELECT count(*) > 40 FROM castssl_check(include_ok => true);");
is($reader->answer, "t\n", 'in a transaction that stays open');
$reader->ask("SELECT string_agg(DISTINCT locktype || ' ' || mode, ', ' ORDER BY locktype || ' ' || mode) FROM pg_locks WHERE pid = pg_backend_pid();");
is($reader->answer, "relation AccessShareLock, virtualxid ExclusiveLock\n", 'it holds no lock that a change would wait for');
cmp_ok(@{ CastsslTest::changes($t->disable) }, '>', 0, 'and a change does not wait for it');
$reader->quit;
my ($ok, $out, $err) = $t->psql('SET SESSION AUTHORIZATION watcher; SELECT count(*) FROM castssl_check()');
ok($ok, 'pg_monitor may') or diag $err;
done_testing();
