# Configuration that another program writes: castssl_enable refuses and says what to tell the other
# program; a real Patroni does as it is told.
# Needs: patroni python3-pysyncobj
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl ();
use CastsslTest;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);

my %secure = (plaintext => 'block', clientcert => 'verify-full');

# --- marks of those who generate files

{
	my $t = CastsslTest->new('marks');
	my $hba = $t->hba;
	my %arguments = (source_dir => $t->{source}, %secure);
	foreach my $mark ('This file is managed by Puppet', 'Generated: managed by Chef for node', 'Ansible managed')
	{
		my ($name) = $mark =~ /(Puppet|Chef|Ansible)/;
		$t->set_hba("# $mark\n$hba");
		my $error = $t->enable_fails(\%arguments, '55000', "pg_hba.conf of $name",
			message => qr/^$name writes ".*pg_hba\.conf"/, hint => qr/^Copy the files .*server\.key.*force => true/);
		like($error->{detail}, qr/^postgresql:\n  parameters:\n    ssl_ca_file: "root.crt"\n    ssl: "on"$/m, 'the parameters');
		like($error->{detail}, qr/^  pg_hba:$/m, 'the rules');
		like($error->{detail}, qr/^    - "hostssl .*clientcert=verify-full # castssl"$/m, 'with what is asked for');
		unlike($error->{detail}, qr/^    - "host\s/m, 'without what is to be blocked');
	}
	is_deeply([ $t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', %arguments, dry_run => 'true'),
			'55000', 'dry_run says it too', hint => 1)->{sqlstate} ], ['55000']);
	$t->enable(%arguments, force => 'true');
	is($t->sql("SHOW ssl"), 'on', 'done with force');
	$t->sql('SELECT * FROM castssl_rollback()');
	is($t->sql("SHOW ssl"), 'off', 'and taken back without');

	$t->set_hba($hba);
	$t->write('postgresql.conf', "# managed by Puppet\n" . $t->slurp('postgresql.conf'));
	$t->enable(%arguments);
	is($t->sql("SHOW ssl"), 'on', "postgresql.conf of Puppet: ALTER SYSTEM does not touch it");
}

# --- a file system that cannot be written to

SKIP: {
	skip 'CASTSSL_READ_ONLY names no folder: scripts/test makes one when it runs as root', 1 unless $ENV{CASTSSL_READ_ONLY};
	my $t = CastsslTest->new('readonly');
	$t->sql("ALTER SYSTEM SET hba_file = '$ENV{CASTSSL_READ_ONLY}/pg_hba.conf'");
	$t->restart;
	my $error = $t->enable_fails({ source_dir => $t->{source}, %secure }, '55000', 'a read-only pg_hba.conf',
		message => qr/^"\Q$ENV{CASTSSL_READ_ONLY}\E\/pg_hba\.conf" lies on a read-only file system$/, hint => qr/^Copy the files/);
	like($error->{detail}, qr/^    - "hostssl .*clientcert=verify-full # castssl"$/m, 'says what to put there');
}

# --- Patroni

SKIP: {
	chomp(my $patroni = `sh -c 'command -v patroni' 2>/dev/null`);
	skip 'patroni is not installed', 1 unless $patroni;
	skip 'python3-pysyncobj is not installed', 1 if system(q{python3 -c 'import pysyncobj' 2>/dev/null});

	# a cluster that is not started lends its port and the client's ways
	my $t = CastsslTest->new('patroni', start => 0);
	my $node = $t->{node};
	my $folder = $t->{folder};
	chomp(my $bin = `pg_config --bindir`);
	my $port = $node->port;
	my ($rest, $raft) = map { IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport } 1, 2;
	$t->{data} = $t->{config} = "$folder/data";
	CastsslOpenssl::spew("$folder/patroni.yml", <<"YAML");
scope: castssl
name: one
restapi: { listen: '127.0.0.1:$rest', connect_address: '127.0.0.1:$rest' }
raft: { data_dir: $folder/raft, self_addr: '127.0.0.1:$raft' }
bootstrap:
  dcs:
    ttl: 30
    loop_wait: 1
    retry_timeout: 3
    postgresql:
      pg_hba:
        - local all all trust
        - host all all 127.0.0.1/32 scram-sha-256
        - host replication all 127.0.0.1/32 scram-sha-256
  initdb: [ { encoding: UTF8 }, { locale: C } ]
postgresql:
  listen: 127.0.0.1:$port
  connect_address: 127.0.0.1:$port
  data_dir: $folder/data
  bin_dir: $bin
  pgpass: $folder/pgpass
  authentication:
    superuser: { username: postgres, password: secret }
    replication: { username: replicator, password: secret }
  parameters: { unix_socket_directories: '@{[ $node->host ]}' }
YAML
	my $pid = fork // die;
	if ($pid == 0)
	{
		open STDOUT, '>', "$folder/patroni.log" or die;
		open STDERR, '>&', \*STDOUT or die;
		exec $patroni, "$folder/patroni.yml" or die;
	}
	my $until = sub {
		my ($sql, $answer, $name) = @_;
		local $Test::Builder::Level = $Test::Builder::Level + 1;
		my ($ok, $out);
		foreach (1 .. 600)
		{
			($ok, $out) = $t->psql($sql);
			last if $ok && $out eq $answer;
			sleep 0.2;
		}
		return is($out, $answer, $name) || diag CastsslOpenssl::slurp("$folder/patroni.log");
	};
	END { kill TERM => $pid and waitpid $pid, 0 if $pid }

	$until->('SELECT pg_is_in_recovery()', 'f', 'Patroni runs a primary') or skip 'no Patroni', 1;
	$t->sql('CREATE EXTENSION pg_castssl');
	$t->sql(q{CREATE ROLE alice LOGIN PASSWORD 'wonderland'});

	my $error = $t->enable_fails({ source_dir => $t->{source}, %secure }, '55000', 'Patroni',
		message => qr/^Patroni writes ".*pg_hba\.conf"/, hint => qr/patronictl edit-config/);
	my ($yaml) = $error->{detail} =~ /^(postgresql:.*)/ms;
	my ($copy) = $error->{hint} =~ /on every node: (.*?)\. /;
	foreach my $path ($copy =~ /"([^"]+)"/g)
	{
		my ($name) = $path =~ m{([^/]+)$};
		CastsslOpenssl::spew($path, CastsslOpenssl::slurp("$t->{source}/$name"));
		chmod 0600, $path or die;
	}
	CastsslOpenssl::spew("$folder/change.yml", $yaml);

	# Patroni writes its configuration to the store only once it leads, some time after PostgreSQL answers
	my $patronictl = "patronictl -c $folder/patroni.yml";
	foreach (1 .. 300)
	{
		last if `$patronictl show-config castssl 2>/dev/null` =~ /pg_hba/;
		sleep 0.2;
	}
	my $said = `$patronictl edit-config castssl --apply $folder/change.yml --force 2>&1`;
	is($?, 0, 'patronictl edit-config takes what the DETAIL said') or diag $said;
	$until->('SHOW ssl', 'on', 'Patroni turns TLS on');
	is($t->served, $t->{pki}->fingerprint('server.crt'), 'with the certificate');
	$t->in('a client with a certificate', encrypted => 't', user => 'alice', cert => 'alice', password => 'wonderland');
	$t->out('without a certificate', qr/certificate/, user => 'alice', password => 'wonderland', sslmode => 'require');
	$t->out('without TLS', qr/no pg_hba\.conf entry/, user => 'alice', password => 'wonderland', sslmode => 'disable');
	$t->enable(%secure, source_dir => $t->{pki}->source("$folder/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key'));
	is($t->served, $t->{pki}->fingerprint('server-renewed.crt'), 'a renewed certificate is rotated on the node');
	is($t->sql(q{SELECT string_agg(check_name || ' ' || subject, ', ') FROM castssl_check() WHERE severity = 'error'}),
		'', 'castssl_check finds no error');
}

done_testing();
