# What castssl_enable does to all kinds of pg_hba.conf, byte by byte, and that undoing gives them back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

# The Unix socket is how the tests themselves come in.
my $socket = "local all all trust\n";
my $t = CastsslTest->new('hba', hba => $socket);
my $version = int($t->sql('SHOW server_version_num') / 10000);

# edited('name', before, after, arguments): the exact file after castssl_enable, and after
# castssl_disable the exact file before (or $back, where there was something to repair).
sub edited
{
	my ($name, $before, $after, %arguments) = @_;
	my $back = delete $arguments{back} // $before;
	$t->set_hba($before);
	$t->enable(source_dir => $t->{source}, %arguments);
	is($t->hba, $after, $name) if defined $after;
	is($t->sql('SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL'), 0, "$name: no error");
	my $edited = $t->hba;
	my $steps = $t->enable(source_dir => $t->{source}, %arguments);
	is_deeply([ grep { ($_->{code} // '') ne 'asks_for_more' } @{ CastsslTest::changes($steps) } ], [], "$name: the second time, unchanged");
	is($t->hba, $edited, "$name: the second time, the same bytes");
	$t->disable(force => 'true');
	is($t->hba, $back, "$name: disabled");
	return $edited;
}

# --- the file of older documentation: host stands above hostssl, and clientcert=1

my $old = <<'HBA';
local   all all              peer
host    all all 127.0.0.1/32 scram-sha-256
host    all all 0.0.0.0/0    scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=1
hostssl all all 0.0.0.0/0    scram-sha-256 clientcert=1
host    all all ::1/128      scram-sha-256
host    all all ::0/0        scram-sha-256
hostssl all all ::1/128      scram-sha-256 clientcert=1
hostssl all all ::0/0        scram-sha-256 clientcert=1
HBA
$old =~ s/^local.*\n/local   all all              trust\n/;    # the tests' own way in

foreach my $plaintext (qw(keep block))
{
	# from 14 on the server has refused this file and runs on what it had
	$t->write('pg_hba.conf', $old);
	$t->sql('SELECT pg_reload_conf()');
	my $steps = $t->enable(source_dir => $t->{source}, plaintext => $plaintext);
	$t->in("old documentation, $plaintext: TLS with a certificate", sslmode => 'require', cert => 'alice',
		encrypted => 't');
	$t->out("old documentation, $plaintext: TLS without", qr/requires a valid client certificate/,
		sslmode => 'require');
	if ($plaintext eq 'keep') { $t->in('old documentation: plaintext stays', sslmode => 'disable') }
	else { $t->out('old documentation: plaintext blocked', qr/no pg_hba.conf entry/, sslmode => 'disable') }
	unlike($t->hba, qr/clientcert=1/, "old documentation, $plaintext: repaired");
	is($t->sql('SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL'),
		0, "old documentation, $plaintext: no error");
	ok((grep { $_->{action} eq 'edit pg_hba' && $_->{detail} =~ /clientcert/ } @$steps),
		"old documentation, $plaintext: a step tells of the repair");
	$t->disable;
	my $repaired = $old;
	$repaired =~ s/clientcert=1/clientcert=verify-ca/g;
	is($t->hba, $repaired, "old documentation, $plaintext: disabled, all but the repair");
}

# --- exact bytes

edited(
	'host, keep',
	$socket . "host all all 127.0.0.1/32 scram-sha-256\n",
	$socket
	  . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca # castssl\n"
	  . "host all all 127.0.0.1/32 scram-sha-256\n");
edited(
	'host, block',
	$socket . "host all all 127.0.0.1/32 scram-sha-256\n",
	$socket
	  . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca # castssl\n"
	  . "#castssl# host all all 127.0.0.1/32 scram-sha-256\n",
	plaintext => 'block');
edited(
	'hostnossl, block',
	$socket . "hostnossl all all 127.0.0.1/32 scram-sha-256\n",
	$socket . "#castssl# hostnossl all all 127.0.0.1/32 scram-sha-256\n",
	plaintext => 'block');
edited('hostnossl, keep', $socket . "hostnossl all all 127.0.0.1/32 scram-sha-256\n",
	$socket . "hostnossl all all 127.0.0.1/32 scram-sha-256\n");
edited(
	'hostssl asks for more than is wanted',
	$socket . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n",
	$socket . "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n");
edited(
	'cert implies verify-full',
	$socket . "hostssl all all 127.0.0.1/32 cert\n",
	$socket . "hostssl all all 127.0.0.1/32 cert\n",
	clientcert => 'verify-full');
edited(
	'reject, comments and blanks',
	"# mine\n\n$socket\t# indented\nhost all all 10.0.0.0/8 reject\nhostgssenc all all 0.0.0.0/0 reject\n",
	"# mine\n\n$socket\t# indented\nhost all all 10.0.0.0/8 reject\nhostgssenc all all 0.0.0.0/0 reject\n",
	plaintext => 'block');

# --- every other byte stays: what the file is without our lines and marks is the file before

my %odd = (
	'quoted names' => qq{host "my db" "it's ""me""" 10.0.0.0/8 scram-sha-256\nhost "all" "+staff" 10.0.0.0/8 md5\n},
	'groups and the like' => "host sameuser +staff samenet scram-sha-256\nhost samerole all samehost md5\n",
	'lists' => "host db1,db2 alice,bob 10.0.0.0/8 scram-sha-256\nhost db1, db2 alice, bob all scram-sha-256\n",
	'host names' => "host all all db.example.com scram-sha-256\nhost all all .example.com md5\n",
	'separate netmask' => "host all all 10.1.0.0 255.255.0.0 scram-sha-256\nhost\tall\tall\tfe80::\tffff::\tmd5\n",
	'tabs' => "host\tall\t\tall\t10.0.0.0/8\tscram-sha-256\t\n",
	'trailing comments' => "host all all 10.0.0.0/8 scram-sha-256 # the office\nhost all all 11.0.0.0/8 md5#tight\n",
	'replication' => "host replication all 10.0.0.0/8 scram-sha-256\nhost replication,all all 10.0.0.0/8 md5\n",
	'no last newline' => 'host all all 10.0.0.0/8 scram-sha-256',
	'options' => qq{host all all 10.0.0.0/8 ldap ldapserver=ldap.example.net ldapprefix="cn=" ldapsuffix=", dc=example"\n},
	'UTF-8 and Latin-1 bytes' => "# gr\xc3\xbc\xc3\x9fe, gr\xfc\xdfe\nhost \xc3\xa4 \"\xc3\xb6 \xc3\xbc\" 10.0.0.0/8 md5\n",
	'leading blanks' => "   host all all 10.0.0.0/8 scram-sha-256\n\n\n");
foreach my $name (sort keys %odd)
{
	foreach my $plaintext (qw(keep block))
	{
		my $before = $socket . $odd{$name};
		my $after = edited("$name, $plaintext", $before, undef, plaintext => $plaintext);
		(my $stripped = $after) =~ s/^[^\n]*# castssl\n//mg;
		$stripped =~ s/^#castssl# //mg;
		is($stripped, $before, "$name, $plaintext: every other byte stays");
		my @twins = grep { /# castssl$/ } split /\n/, $after;
		my @hosts = grep { /^\s*host\b/ } split /\n/, $before;
		is(scalar @twins, scalar @hosts, "$name, $plaintext: one twin for each host rule") or diag $after;
	}
}

{
	(my $before = "$socket# CRLF\nhost all all 10.0.0.0/8 scram-sha-256\nhost all all 11.0.0.0/8 reject\n") =~ s/\n/\r\n/g;
	my $after = edited('CRLF', $before, undef, plaintext => 'block');
	unlike($after, qr/(?<!\r)\n/, 'CRLF: every line ends so');
}

if ($version >= 14)
{
	my $before = $socket . "host all \\\n  all \\\n  10.0.0.0/8 scram-sha-256\n";
	my $after = edited('continued lines, keep', $before, undef);
	like($after, qr/^hostssl +all +all +10\.0\.0\.0\/8 scram-sha-256 clientcert=verify-ca # castssl$/m, 'continued lines: a twin');
	edited('continued lines, block', $before, undef, plaintext => 'block');
}

# --- a twin has its columns where the line has them

# The exact files after it, by castssl_enable() and by castssl_hba_require_tls(), which castssl_disable() takes back to the byte.
sub aligned
{
	my ($name, $before, $after, $plaintext) = @_;
	edited($name, "$socket$before", "$socket$after", plaintext => $plaintext);
	$t->sql("SELECT * FROM castssl_enable(source_dir => '$t->{source}', force => true)");
	is($t->hba, "$socket$before", "$name: no rule is touched where nothing is asked for");
	$t->sql("SELECT castssl_hba_require_tls(clientcert => 'verify-ca', plaintext => '$plaintext'); SELECT * FROM castssl_hba_apply(force => true)");
	is($t->hba, "$socket$after", "$name: castssl_hba_require_tls() writes the same");
	$t->disable(force => 'true');
	is($t->hba, "$socket$before", "$name: and it is taken back to the byte");
	return;
}

aligned('columns of blanks', <<'BEFORE', <<'AFTER', 'keep');
# TYPE  DATABASE        USER            ADDRESS                 METHOD
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256   # IPv6
  host  "my data"       "o'neil"        2001:db8::/32           md5
host  all  all    10.0.0.0   255.0.0.0   md5
host all all all md5
BEFORE
# TYPE  DATABASE        USER            ADDRESS                 METHOD
hostssl all             all             127.0.0.1/32            scram-sha-256 clientcert=verify-ca # castssl
host    all             all             127.0.0.1/32            scram-sha-256
hostssl all             all             ::1/128                 scram-sha-256 clientcert=verify-ca # castssl
host    all             all             ::1/128                 scram-sha-256   # IPv6
  hostssl "my data"     "o'neil"        2001:db8::/32           md5 clientcert=verify-ca # castssl
  host  "my data"       "o'neil"        2001:db8::/32           md5
hostssl all all   10.0.0.0   255.0.0.0   md5 clientcert=verify-ca # castssl
host  all  all    10.0.0.0   255.0.0.0   md5
hostssl all all all md5 clientcert=verify-ca # castssl
host all all all md5
AFTER
aligned('columns of tabs',
	"host\tall\t\tall\t::1/128\tmd5\nhost   \tall\tall\tall\tmd5\t# here\nhostnogssenc\tall\tall\tall\tmd5\n",
	"hostssl\tall\t\tall\t::1/128\tmd5 clientcert=verify-ca # castssl\n#castssl# host\tall\t\tall\t::1/128\tmd5\n"
	  . "hostssl\tall\tall\tall\tmd5 clientcert=verify-ca # castssl\n#castssl# host   \tall\tall\tall\tmd5\t# here\n"
	  . "hostssl\t\tall\tall\tall\tmd5 clientcert=verify-ca # castssl\n#castssl# hostnogssenc\tall\tall\tall\tmd5\n",
	'block');

# --- a reject above a broad host still rejects

$t->set_hba($socket . "host all bob 127.0.0.1/32 reject\nhost all all 0.0.0.0/0 scram-sha-256\n");
$t->enable(source_dir => $t->{source}, addresses => ['127.0.0.0/8']);
$t->out('reject stays: TLS with a certificate', qr/rejects connection/, sslmode => 'require', cert => 'bob', user => 'bob');
$t->out('reject stays: plaintext', qr/rejects connection/, sslmode => 'disable', user => 'bob');
$t->in('others come in', sslmode => 'require', cert => 'alice', encrypted => 't');
$t->disable;

# --- addresses

$t->set_hba($socket . "hostssl all alice 127.0.0.1/32 scram-sha-256\n");
my $hba = $t->hba;
$t->out('bob has no rule', qr/no pg_hba.conf entry/, sslmode => 'disable', user => 'bob');
$t->enable(source_dir => $t->{source}, addresses => [ '127.0.0.1/32', '::1/128' ]);
$t->in('addresses: bob has one', sslmode => 'require', cert => 'bob', user => 'bob', encrypted => 't');
$t->out('addresses: with a certificate only', qr/requires a valid client certificate/, sslmode => 'require', user => 'bob');
$t->out('addresses: and TLS only', qr/no pg_hba.conf entry/, sslmode => 'disable', user => 'bob');
$t->disable;
is($t->hba, $hba, 'addresses: disabled');

# --- auth_method for the rules that are rewritten

$t->set_hba($socket . "host all all 127.0.0.1/32 md5\n");
$t->enable(source_dir => $t->{source}, auth_method => 'cert', clientcert => 'verify-full', plaintext => 'block');
$t->in('auth_method cert: no password', sslmode => 'require', cert => 'alice', password => '', encrypted => 't');
$t->out('auth_method cert: not as somebody else', qr/authentication failed/, sslmode => 'require', cert => 'bob', user => 'alice');
$t->disable;

# --- a symbolic link: its target is edited, the link stays

rename "$t->{config}/pg_hba.conf", "$t->{folder}/real_hba.conf" or die $!;
symlink "$t->{folder}/real_hba.conf", "$t->{config}/pg_hba.conf" or die $!;
$hba = $t->hba;
$t->enable(source_dir => $t->{source}, plaintext => 'block');
ok(-l "$t->{config}/pg_hba.conf", 'symbolic link: stays');
isnt($t->slurp("$t->{folder}/real_hba.conf"), $hba, 'symbolic link: its target is edited');
$t->out('symbolic link: in force', qr/no pg_hba.conf entry/, sslmode => 'disable');
$t->disable;
ok(-l "$t->{config}/pg_hba.conf", 'symbolic link: stays when disabled');
is($t->slurp("$t->{folder}/real_hba.conf"), $hba, 'symbolic link: target as before');

# --- the mode of pg_hba.conf stays, and its group: another one, where we are in another (Debian's ssl-cert)

my ($primary_group, @groups) = split ' ', $);
my ($group) = (grep({ $_ != $primary_group } @groups), $primary_group);
chown -1, $group, "$t->{folder}/real_hba.conf" or die $!;
chmod 0640, "$t->{folder}/real_hba.conf";
my $access = sub { $t->mode("$t->{folder}/real_hba.conf") . ' of group ' . (stat "$t->{folder}/real_hba.conf")[5] };
my $kept = $access->();
$t->enable(source_dir => $t->{source});
is($access->(), $kept, 'mode and group of pg_hba.conf stay');
$t->disable;
is($access->(), $kept, 'mode and group of pg_hba.conf stay when disabled');
$t->stop;

done_testing();
