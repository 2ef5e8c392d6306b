# The main job: one statement, in each layout of a server's files, and what it leaves behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use File::Copy;
use Test::More;

my $pki = CastsslTest::pki();

# What must be so after castssl_enable(plaintext => 'block'), in every layout.
sub enforced
{
	my ($t, $name) = @_;
	subtest "$name: enforced" => sub {
		$t->in('TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
		$t->out('TLS without one', qr/requires a valid client certificate/, sslmode => 'verify-full');
		$t->out('plaintext', qr/no pg_hba.conf entry/, sslmode => 'disable');
		is($t->served, $pki->fingerprint('server.crt'), 'the installed certificate is served');
		my $status = $t->status;
		ok($status->{ssl}, 'status: ssl');
		is($status->{cert_fingerprint}, $pki->fingerprint('server.crt'), 'status: file on disk');
		is($status->{served_fingerprint}, $pki->fingerprint('server.crt'), 'status: served');
		is($status->{hba_file}, "$t->{config}/pg_hba.conf", 'status: hba_file');
		is($t->sql('SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL'), 0,
			'pg_hba.conf has no error');
	};
	subtest "$name: survives a restart" => sub {
		$t->restart;
		$t->in('TLS with a certificate', sslmode => 'verify-full', cert => 'alice', encrypted => 't');
		$t->out('plaintext', qr/no pg_hba.conf entry/, sslmode => 'disable');
	};
	return;
}

# Off again, with every byte of pg_hba.conf.
sub gone
{
	my ($t, $name, $hba) = @_;
	$t->disable;
	is($t->hba, $hba, "$name: castssl_disable gives back pg_hba.conf");
	$t->in("$name: plaintext again", sslmode => 'disable', encrypted => 'f');
	return;
}

# initdb's layout: configuration and data in one folder
{
	my $t = CastsslTest->new('initdb');
	my $hba = $t->hba;
	$t->in('before: plaintext', sslmode => 'disable', encrypted => 'f');
	is($t->served, 'none', 'before: no TLS');

	my $steps = $t->enable(source_dir => $t->{source}, plaintext => 'block');
	is(
		join(', ', CastsslTest::actions($steps)),
		'install file, set permissions, check certificate, set parameter, edit pg_hba, reload, verify, summary',
		'actions, in order') or diag explain $steps;
	is_deeply([ grep { $_->{result} !~ /^(done|unchanged)$/ } @$steps ], [], 'each is done, or was so already');
	is($_->{result}, 'done', "$_->{action} $_->{target}: done")
	  foreach grep { $_->{action} !~ /set parameter/ } @$steps;
	is_deeply([ map { $_->{step} } @$steps ], [ 1 .. @$steps ], 'steps are numbered from 1');
	is_deeply(
		[ sort map { $_->{target} } grep { $_->{action} eq 'install file' } @$steps ],
		[qw(root.crt server.crt server.key)],
		'three files');
	is_deeply(
		[ sort map { $_->{target} } grep { $_->{action} eq 'set parameter' } @$steps ],
		[qw(ssl ssl_ca_file ssl_cert_file ssl_crl_file ssl_key_file)],
		'five parameters');
	my ($on) = grep { $_->{target} eq 'ssl' } @$steps;
	like($on->{detail}, qr/\boff\b.* -> .*\bon\b/, 'a parameter shows old and new');
	like($_->{target}, qr/^pg_hba\.conf:\d+$/, 'an edit names file and line')
	  foreach grep { $_->{action} eq 'edit pg_hba' } @$steps;
	my ($certificate) = grep { $_->{action} eq 'check certificate' } @$steps;
	like($certificate->{detail}, qr/localhost/, 'the certificate\'s subject is named');

	is($t->mode($_), '0600', "$_ is 0600") foreach qw(server.key server.crt root.crt);
	is($t->slurp($_), $t->slurp("$t->{source}/$_"), "$_ is the source's")
	  foreach qw(server.key server.crt root.crt);
	is($t->sql('SHOW ssl_cert_file'), 'server.crt', 'relative, for it lies in the data directory');
	enforced($t, 'initdb');
	gone($t, 'initdb', $hba);
	is($t->sql('SHOW ssl'), 'off', 'ssl is off again');
	is($t->served, 'none', 'TLS is off again');
	is($t->mode('server.key'), '0600', 'the installed key stays');

	# files in place, relative to the folder of config_file
	$steps = $t->enable(plaintext => 'block');
	is_deeply([ grep { $_->{action} eq 'install file' && $_->{result} ne 'unchanged' } @$steps ],
		[], 'in place: nothing is copied');
	enforced($t, 'in place');
	gone($t, 'in place', $hba);

	# absolute names elsewhere, nothing copied
	my $elsewhere = $pki->source("$t->{folder}/elsewhere");
	$t->enable(
		cert_file => "$elsewhere/server.crt", key_file => "$elsewhere/server.key",
		ca_file => "$elsewhere/root.crt", plaintext => 'block');
	is($t->sql('SHOW ssl_key_file'), "$elsewhere/server.key", 'absolute, for it lies elsewhere');
	enforced($t, 'absolute names');
	gone($t, 'absolute names', $hba);

	# other names, another folder to copy to
	my $from = "$t->{folder}/names";
	mkdir $from, 0700;
	copy($pki->path($_->[0]), "$from/$_->[1]")
	  foreach [ 'server.crt', 'my server.pem' ], [ 'server.key', "it's.key" ], [ 'root.crt', 'ca.pem' ];
	chmod 0600, "$from/it's.key";
	mkdir "$t->{folder}/tls", 0700;
	$t->enable(
		source_dir => $from, cert_file => 'my server.pem', key_file => "it's.key",
		ca_file => 'ca.pem', target_dir => "$t->{folder}/tls", plaintext => 'block');
	is($t->sql('SHOW ssl_cert_file'), "$t->{folder}/tls/my server.pem", 'outside of the data directory: absolute');
	is($t->mode("$t->{folder}/tls/it's.key"), '0600', 'key with a quote in its name');
	enforced($t, 'other names');
	gone($t, 'other names', $hba);

	# from another database, by name
	$t->sql('CREATE DATABASE "other db"');
	$t->sql('CREATE EXTENSION pg_castssl', database => 'other db');
	$t->sql("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', plaintext => 'block')",
		database => 'other db');
	enforced($t, 'another database');
	$t->sql('SELECT * FROM castssl_disable()', database => 'other db');
	is($t->hba, $hba, 'another database: disabled');

	# no certificates from clients
	$t->enable(source_dir => $t->{source}, ca_file => undef, clientcert => 'none', plaintext => 'block');
	$t->in('without a CA: TLS suffices', sslmode => 'verify-full', encrypted => 't');
	$t->out('without a CA: plaintext', qr/no pg_hba.conf entry/, sslmode => 'disable');
	gone($t, 'without a CA', $hba);

	# '1', as older documentation writes it
	$t->enable(source_dir => $t->{source}, clientcert => '1');
	unlike($t->hba, qr/clientcert=1/, 'clientcert 1 is not written');
	$t->out('clientcert 1 means verify-ca', qr/requires a valid client certificate/, sslmode => 'require');
	$t->in('any certificate of the CA', sslmode => 'require', cert => 'bob', user => 'alice', encrypted => 't');
	gone($t, 'clientcert 1', $hba);

	# a server that does not listen on TCP
	$t->{node}->append_conf('postgresql.conf', "listen_addresses = ''");
	$t->restart;
	$steps = $t->enable(source_dir => $t->{source}, plaintext => 'block');
	is_deeply([ map { $_->{result} } grep { $_->{action} eq 'verify' && $_->{target} eq 'certificate' } @$steps ],
		['skipped'], 'no TCP: verify is skipped') or diag explain $steps;
	$t->{node}->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
	$t->restart;
	enforced($t, 'enabled without TCP');

	# a server that listens on all addresses
	my %all = (source_dir => $t->{source}, plaintext => 'block');
	foreach my $addresses ('*', '0.0.0.0', '127.0.0.1, ::')
	{
		$t->{node}->append_conf('postgresql.conf', "listen_addresses = '$addresses'");
		$t->restart;
		my $verify = $t->rows('SELECT result FROM ' . CastsslTest::call('castssl_enable', %all)
			  . q{ WHERE action = 'verify' AND target = 'certificate'});
		is_deeply($verify, [ { result => 'unchanged' } ], "listen_addresses = '$addresses': the proof");
		is($t->sql('SELECT served_fingerprint FROM castssl_reload()'), $pki->fingerprint('server.crt'), 'and the handshake');
	}
	$t->stop;
}

# Debian's layout: configuration in a folder of its own, ssl = on in postgresql.conf
{
	my $t = CastsslTest->new('debian', layout => 'debian');
	my $hba = $t->hba;
	is($t->served, $pki->fingerprint('server-renewed.crt'), 'Debian: served before');
	my $before = $t->rows(q{SELECT name, setting FROM pg_settings WHERE name LIKE 'ssl%'});

	my $steps = $t->enable(source_dir => $t->{source}, plaintext => 'block');
	is_deeply(
		[ sort map { $_->{target} } grep { $_->{action} eq 'install file' } @$steps ],
		[qw(root.crt server.crt server.key)],
		'Debian: three files');
	is_deeply([ grep { !-e "$t->{config}/$_" } qw(root.crt server.crt server.key) ], [], 'Debian: files go to the folder of config_file');
	is($t->sql('SHOW ssl_cert_file'), "$t->{config}/server.crt", 'Debian: absolute, not in the data directory');
	is($t->mode('server.key'), '0600', 'Debian: key is 0600');
	ok(!-e "$t->{data}/server.key", 'Debian: no key in the data directory');
	enforced($t, 'Debian');

	gone($t, 'Debian', $hba);
	is($t->served, $pki->fingerprint('server-renewed.crt'), 'Debian: served as before');
	is_deeply($t->rows(q{SELECT name, setting FROM pg_settings WHERE name LIKE 'ssl%'}),
		$before, 'Debian: parameters as before');

	# what ALTER SYSTEM had set comes back too
	$t->sql("ALTER SYSTEM SET ssl_ca_file = '$t->{folder}/ssl/root.crt'");
	$t->reload;
	$t->enable(source_dir => $t->{source});
	is($t->sql('SHOW ssl_ca_file'), "$t->{config}/root.crt", 'ALTER SYSTEM value is replaced');
	$t->disable;
	is($t->sql('SHOW ssl_ca_file'), "$t->{folder}/ssl/root.crt", 'ALTER SYSTEM value is back');
	$t->stop;
}

done_testing();
