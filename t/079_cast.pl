# docs/cast.md from its first statement to its last, on a server that is set up as CAST Storage Service
# is: by the files of CAST's Step 1, and by files that the server makes. At the end certificates are
# required, and whoever came in before comes in by the lines of the page. Then the four traps.
# Needs: default-jdk-headless libpostgresql-jdbc-java
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslClients qw(jdbc_jar);
use CastsslOpenssl qw(openssl_ok);
use CastsslTest;
use Test::More;

my %password = (operator => 'CastAIP', guest => 'WelcomeToAIP');
my $page = CastsslTest->slurp("$FindBin::RealBin/../docs/cast.md");
my $jar = jdbc_jar();
CastsslTest::not_tried('no javac, or no JDBC driver') unless $jar;

# CAST's settings, from its page on what to do after the installation
my $conf = <<'CONF';
max_connections = 300
fsync = off
synchronous_commit = off
full_page_writes = off
password_encryption = 'md5'
CONF
my $hba = "local all all trust\nhost all all 0.0.0.0/0 md5\n";

# The blocks of the page: { heading, kind, body }.
my (@blocks, $heading);
while ($page =~ /^#+ (?<heading>[^\n]*)$|^```(?<kind>sql|psql|jdbc)(?<where>[^\n]*)\n(?<body>.*?)^```$/msg)
{
	my %found = %+;
	if ($found{heading}) { $heading = $found{heading} }
	else { push @blocks, { heading => $heading, %found } }
}
my %line = map { $_->{kind} => $_->{body} } grep { $_->{kind} ne 'sql' } @blocks;
cmp_ok(scalar(grep { $_->{kind} eq 'sql' } @blocks), '>=', 9, 'the page has statements');

# The files of CAST's Step 1, by its commands: server.crt is also root.crt.
sub make_files
{
	my ($certs, $ssl) = @_;
	openssl_ok("req -new -text -nodes -subj /CN=localhost -keyout $certs/server.key -out $certs/server.csr");
	openssl_ok("req -x509 -in $certs/server.csr -text -key $certs/server.key -out $certs/server.crt");
	system('cp', "$certs/server.crt", "$certs/root.crt") == 0 or die;
	foreach my $role (qw(operator guest))
	{
		my $folder = $role eq 'operator' ? $ssl : "$ssl/guest";
		mkdir $folder;
		openssl_ok("req -new -nodes -subj /CN=$role -keyout $folder/client.key -out $folder/client.csr");
		openssl_ok("x509 -req -in $folder/client.csr -CA $certs/root.crt -CAkey $certs/server.key -CAcreateserial -out $folder/client.crt");
		openssl_ok("pkcs8 -topk8 -nocrypt -in $folder/client.key -out $folder/client.pem.pk8");
		openssl_ok("pkcs8 -topk8 -nocrypt -outform DER -in $folder/client.key -out $folder/client.pk8");
		system('cp', "$certs/root.crt", $folder) == 0 or die;
		chmod 0600, "$folder/client.key", "$folder/client.pem.pk8" or die $!;
	}
	return;
}

# A client: what it has besides host, port and database, and who it is.
sub client
{
	my ($t, $role, $settings, $sql) = @_;
	my $connection = "host=localhost port=${\$t->{node}->port} dbname=postgres user=$role connect_timeout=60 $settings";
	return CastsslOpenssl::connect_with($connection, $sql // 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
		HOME => $t->{folder}, PGPASSWORD => $password{$role});
}

# CSSBackup is not to be had; what it does is a dump.
sub dump_with
{
	my ($t, $settings) = @_;
	local %ENV = (%ENV, PGPASSWORD => $password{operator}, HOME => $t->{folder});
	my ($ok, undef, $err) = CastsslOpenssl::run(undef, 'pg_dump', '-s', '-d', "host=localhost port=${\$t->{node}->port} dbname=postgres user=operator $settings");
	return ok($ok, "a dump with $settings" =~ s/\Q$t->{folder}\E//gr) || diag $err;
}

sub play
{
	my ($way) = @_;
	my $t = CastsslTest->new("cast_$way", conf => $conf . $CastsslTest::listen_on_localhost, hba => $hba . "host all all ::/0 md5\n");
	$t->sql('DROP EXTENSION pg_castssl');
	$t->sql("SET password_encryption = 'md5'; CREATE ROLE operator SUPERUSER LOGIN PASSWORD 'CastAIP'; CREATE ROLE guest LOGIN PASSWORD 'WelcomeToAIP'");
	is($t->sql('SHOW fsync'), 'off', 'set up as CAST Storage Service');
	my ($certs, $ssl) = ("$t->{folder}/certs", "$t->{folder}/ssl");
	mkdir $_ or die $! foreach $certs, $ssl;
	make_files($certs, $ssl) if $way eq 'files';

	my $here = sub {
		my ($text) = @_;
		$text =~ s/css1\.example\.com/localhost/g;
		$text =~ s/2284/$t->{node}->port/ge;
		$text =~ s{C:\\CAST\\certs}{$certs}g;
		$text =~ s{C:/CAST/ssl}{$ssl}g;
		$text =~ s/castssl_confirm\(\d+\)/'castssl_confirm(' . $t->in_effect . ')'/ge;
		return $text;
	};
	my ($psql) = $here->($line{psql}) =~ /"(.*)"/;
	my $jdbc = $here->($line{jdbc}) =~ s/\s+\z//r;

	is_deeply([ client($t, $_, 'sslmode=prefer') ], [ 1, 'f' ], "$_ comes in, in plaintext") foreach qw(operator guest);
	dump_with($t, 'sslmode=prefer');
	my $ini;
	foreach my $block (grep { $_->{kind} eq 'sql' } @blocks)
	{
		next if $way eq 'files' && $block->{heading} =~ /^Let the server make/;
		next if $way eq 'made' && $block->{where} =~ /files/;
		my $new = $block->{where} =~ /new connection/;
		my @said;
		foreach my $statement (split /(?<=;)\s*\n(?=[A-Z])/, $here->($block->{body}))
		{
			my ($done, $said) = $new ? CastsslOpenssl::connect_with($psql, $statement, HOME => $t->{folder}, PGPASSWORD => $password{operator})
			  : client($t, 'operator', 'sslmode=prefer', $statement);
			ok($done, ($new ? 'in a new connection: ' : '') . ($statement =~ /^(.{0,70})/)[0]) or diag $said;
			push @said, $said;
		}
		if ($block->{heading} =~ /^Let the server make/)
		{
			$t->sql("SELECT castssl_issue_client('guest')");
			system("cp -R $t->{data}/pg_castssl/issued/operator/. $ssl && cp -R $t->{data}/pg_castssl/issued/guest $ssl") == 0 or die;
			is(-s "$ssl/client.pfx" ? 'there' : 'missing', 'there', 'client.pfx');
		}
		if ($block->{heading} =~ /^The new connection/)
		{
			is_deeply([ client($t, 'operator', 'sslmode=prefer') ], [ 1, 't' ], 'who can, comes by TLS now');
			is_deeply([ client($t, 'guest', 'sslmode=disable') ], [ 1, 'f' ], 'and who cannot, as before');
			dump_with($t, 'sslmode=prefer');
		}
		$ini = $said[0] if $block->{body} =~ /castssl_client_config/;
		is($said[1], '', 'nobody would be stopped') if $block->{body} =~ /castssl_hba_impact/;
	}

	# certificates are required, and nobody is cut off
	like($ini, qr/^\[localhost:${\$t->{node}->port}\]\nssl=true\nsslmode=verify-full\n/, 'the .ini file has a section for the server');
	my %ini = $ini =~ /^(ssl\w+)=(.*)$/mg;
	s{^C:\\CAST\\ssl\\}{$ssl/} foreach values %ini;
	is_deeply([ grep { !-e $ini{$_} } qw(sslrootcert sslcert sslkey) ], [], 'its files are there');
	my $component = join ' ', map { "$_=$ini{$_}" } sort keys %ini;
	is_deeply([ client($t, 'operator', $component) ], [ 1, 't' ], 'a component comes in by the .ini file');
	is_deeply([ client($t, 'guest', "sslmode=verify-full sslrootcert=$ssl/root.crt sslcert=$ssl/guest/client.crt sslkey=$ssl/guest/client.key") ], [ 1, 't' ], 'so does guest, by its own');
	dump_with($t, $component);
	like((client($t, 'operator', 'sslmode=disable'))[1], qr/no pg_hba\.conf entry/, 'plaintext is refused');
	like((client($t, 'operator', 'sslmode=require sslcert=none'))[1], qr/requires a valid client certificate/, 'TLS without a certificate, too');
	unlike($t->hba, qr/clientcert=1|^host\s/m, 'pg_hba.conf is good for the next major');
	if ($jar)
	{
		local $ENV{PGPASSWORD} = $password{operator};
		my (undef, $out, $err) = CastsslOpenssl::run("$ssl\t$jdbc\n", 'java', '-cp', $jar, "$FindBin::RealBin/clients/Ask.java");
		is($out, "in TLS\n", 'JDBC comes in by the line of the page') or diag $err;
	}
	my %state = map { $_->{change_id} => $_->{state} } @{ $t->rows('SELECT * FROM castssl_changes()') };
	is_deeply([ grep { $_ ne 'applied' } values %state ], [], 'every change was confirmed');
	my @open = map { "$_->{check_name}: $_->{message}" } grep { $_->{severity} eq 'error' } @{ $t->rows('SELECT * FROM castssl_check()') };
	is_deeply(\@open, [], 'and no error is left');
	return $t;
}

my $t;
subtest 'files of Step 1' => sub { ($t = play('files'))->stop };
subtest 'files that the server makes' => sub { $t = play('made') };

sub found
{
	my ($check, $subject) = @_;
	return grep { $_->{check_name} eq $check && $_->{subject} =~ $subject } @{ $t->rows('SELECT * FROM castssl_check()') };
}

subtest 'the traps' => sub {
	my @named = $page =~ /^\| .*[Ff]ound by(?: hand:)? (`.*`) \|$|finds it by hand: (`\w+`)/mg;
	cmp_ok(scalar @named, '>=', 4, 'each is found by a check');
	my $own = "local all all trust\n";
	$t->set_hba("${own}host all all 0.0.0.0/0 md5\nhostssl all all 0.0.0.0/0 md5 clientcert=verify-ca\n");
	is(scalar(found('hba_order', qr/pg_hba\.conf:3/)), 1, 'host above hostssl: hba_order');
	$t->set_hba("${own}hostssl all all 0.0.0.0/0 scram-sha-256\n");
	is(scalar(found('md5_secrets', qr/pg_hba\.conf:2/)), 1, 'SCRAM over MD5 secrets: md5_secrets');
	my $version = $t->sql('SHOW server_version_num') / 10000;
	$t->set_hba("${own}hostssl all all 0.0.0.0/0 md5 clientcert=1\n");
	my @clientcert = grep { $_->{message} =~ /clientcert/ } found($version >= 14 ? 'hba_loads' : 'hba_future', qr/pg_hba\.conf:2/);
	is(scalar @clientcert, 1, 'clientcert=1: hba_loads, or on 13 hba_future');
	$t->stop;
	$t = CastsslTest->new('cast_debian', layout => 'debian');
	$t->enable(source_dir => $t->{source}, clientcert => 'none');
	$t->sql("ALTER SYSTEM SET ssl_$_->[0]_file = '$_->[1]'") foreach [ cert => 'server.crt' ], [ key => 'server.key' ];
	is(scalar(found('restart_safe', qr/server/)), 1, 'names without a folder: restart_safe');
};

$t->stop;
done_testing();
