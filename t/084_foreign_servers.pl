# Foreign servers that point at this server: castssl_enable() warns, castssl_check() says which would be
# refused, and with its hint their queries work.
# Needs: postgres_fdw
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('foreign', hba => "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
my $port = $t->{node}->port;
plan skip_all => 'postgres_fdw is not installed' unless $t->sql(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'});

# A server, and a table there of what its connections show of themselves.
sub server
{
	my ($name, $options, $mapping) = @_;
	$t->sql("CREATE SERVER $name FOREIGN DATA WRAPPER postgres_fdw OPTIONS ($options)");
	$t->sql("CREATE USER MAPPING FOR postgres SERVER $name OPTIONS (user 'alice', password 'wonderland'" . ($mapping // '') . ')');
	(my $table = "of_$name") =~ s/\W//g;
	$t->sql("CREATE FOREIGN TABLE $table (ssl boolean) SERVER $name OPTIONS (table_name 'mine')");
	return $table;
}

sub found
{
	return $t->rows(q{SELECT severity, subject, message, hint FROM castssl_check() WHERE check_name = 'foreign_servers'});
}

sub warned
{
	my (%arguments) = @_;
	return [ map { "$_->{result}: $_->{detail}" } grep { ($_->{code} // '') eq 'foreign_servers' } @{ $t->enable(source_dir => $t->{source}, clientcert => 'none', %arguments) } ];
}

$t->sql('CREATE VIEW mine AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid(); GRANT SELECT ON mine TO alice; CREATE EXTENSION postgres_fdw');
my $tcp = "port '$port', dbname 'postgres'";
my $plain = server('"The plain"', "host 'localhost', $tcp, sslmode 'disable'");
is($t->sql("SELECT ssl FROM $plain"), 'f', 'a foreign server that is used in plaintext');
$t->clients_gone;
is_deeply(found(), [], 'it is let in');
is_deeply(warned(plaintext => 'keep', dry_run => 'true'), [], 'nothing to say where plaintext stays');
my $hint = qq{ALTER SERVER "The plain" OPTIONS (SET sslmode 'require');};
my $said = "1 foreign server points at this server and would be refused%s, such as server The plain as alice on database postgres";
my $before = [ 'warning: ' . sprintf($said, ' afterwards') . ".  $hint" ];
is_deeply(warned(plaintext => 'block', dry_run => 'true'), $before, 'castssl_enable() warns before');
is_deeply(warned(plaintext => 'block'), $before, 'and when it is done');
is_deeply(found(), [ { severity => 'warning', subject => 'foreign servers', message => sprintf($said, ''), hint => $hint } ], 'the check says so');
my (undef, undef, $err) = $t->psql("SELECT ssl FROM $plain");
like($err, qr/no pg_hba\.conf entry for host/, 'its query fails');
$t->sql(found()->[0]{hint});
is_deeply(found(), [], 'typed: nothing is left to say');
is($t->sql("SELECT ssl FROM $plain"), 't', 'and its query works');

# --- those that are none of this server's, or that find a way

my @none = (
	server('by_socket', "host '" . $t->{node}->host . "', $tcp, sslmode 'disable'"),
	server('elsewhere', "host '192.0.2.1', $tcp, sslmode 'disable'"),
	server('another', "host '127.0.0.1', port '1', dbname 'postgres', sslmode 'disable'"),
	server('prefers', "host '127.0.0.1', $tcp"));
$t->sql("CREATE SERVER unused FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', $tcp, sslmode 'disable')");
$t->sql("CREATE FOREIGN DATA WRAPPER other; CREATE SERVER other FOREIGN DATA WRAPPER other OPTIONS (host '127.0.0.1', $tcp, sslmode 'disable');
	CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (user 'alice')");
is_deeply(found(), [], 'by socket, elsewhere, over TLS, without a mapping, of another wrapper');
is($t->sql("SELECT ssl FROM $none[-1]"), 't', 'over TLS by default');

# --- rules that ask for a certificate

$t->enable(plaintext => 'block', clientcert => 'verify-ca', force => 'true');
is_deeply([ map { $_->{hint} } @{ found() } ], [ 'Give them a client certificate (options sslmode, sslcert and sslkey), or admit them in pg_hba.conf.' ], 'where a certificate is wanted, no statement');
like(found()->[0]{message}, qr/^2 foreign servers point at this server and would be refused/, 'each is counted once');
my ($certificate, $key) = map { $t->{pki}->path("alice.$_") } qw(crt key);
$t->sql("ALTER USER MAPPING FOR postgres SERVER $_ OPTIONS (ADD sslcert '$certificate', ADD sslkey '$key')") foreach '"The plain"', 'prefers';
is_deeply(found(), [], 'typed: with a certificate nothing is left to say');
is($t->sql("SELECT ssl FROM $plain"), 't', 'and the query works');

# --- who is told the users of others' mappings

$t->sql('CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
$t->sql(q{ALTER SERVER prefers OPTIONS (ADD sslmode 'disable')});
like(found()->[0]{message}, qr/such as server prefers as alice on database postgres$/, 'a superuser is told');
is($t->sql(q{SELECT message FROM castssl_check() WHERE check_name = 'foreign_servers'}, user => 'watcher'),
	'1 foreign server points at this server and would be refused, such as server prefers', 'a role that may not see the mapping is not told its user');

done_testing();
