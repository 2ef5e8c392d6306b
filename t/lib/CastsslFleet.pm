# Many servers by examples/ansible and examples/psql, from a folder of this test.
package CastsslFleet;

use strict;
use warnings;
use CastsslOpenssl qw(spew);
use CastsslTest;
use IPC::Run ();
use JSON::PP ();
use Test::More;

our $examples = __FILE__ =~ s{t/lib/[^/]*$}{examples}r;

# CastsslFleet->new(PKI): servers present certificates of its CA, the administrator that of postgres.
sub new
{
	my ($class, $pki) = @_;
	return bless { pki => $pki, folder => CastsslTest::temporary_folder() }, $class;
}

# (succeeded, standard output and standard error)
sub run
{
	my ($self, @command) = @_;
	my $output = '';
	local %ENV = (%ENV, PGPASSWORD => 'wonderland', HOME => $self->{folder}, ANSIBLE_NOCOLOR => 1, ANSIBLE_LOCALHOST_WARNING => 0);
	delete @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)};
	IPC::Run::run(\@command, '<', \undef, '>&', \$output);
	return ($? == 0, $output);
}

# An inventory of these servers: { name, node }, where vars are more variables of that server.
sub inventory
{
	my ($self, $name, $variables, @servers) = @_;
	my $json = JSON::PP->new->utf8->canonical;
	my $pki = $self->{pki};
	my %vars = (
		castssl_host => 'localhost', castssl_first_sslmode => 'disable', castssl_password => 'wonderland', castssl_plaintext => 'block', castssl_clientcert => 'verify-ca',
		castssl_sslrootcert => $pki->path('root.crt'),
		castssl_sslcert => $pki->path('postgres.crt'), castssl_sslkey => $pki->path('postgres.key'), %$variables);
	# in the order of the servers, which JSON::PP does not keep
	my $hosts = join ', ', map {
		qq("$_->{name}": ) . $json->encode({ castssl_port => $_->{port} // $_->{node}->port, castssl_source_dir => "$self->{folder}/$_->{name}", %{ $_->{vars} // {} } })
	} @servers;
	return spew("$self->{folder}/$name.yml", qq({"postgresql": {"hosts": {$hosts}, "vars": ) . $json->encode(\%vars) . '}}');
}

# (succeeded, output, { host => changed }): the hosts of the recap that did not fail.
sub play
{
	my ($self, $inventory, @options) = @_;
	my ($ok, $output) = $self->run('ansible-playbook', '-i', $inventory, @options, "$examples/ansible/secure.yml");
	my %changed = $output =~ /^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=0/mg;
	return ($ok, $output, \%changed);
}

# { host => reason } of the hosts that failed: one line for each.
sub reasons
{
	my ($output) = @_;
	my %reasons;
	while ($output =~ /^fatal: \[(\S+)\]: \S+! => (\{.*\})$/mg)
	{
		ok(!exists $reasons{$1}, "$1 failed once") or diag $output;
		$reasons{$1} = JSON::PP::decode_json($2)->{msg};
	}
	return %reasons;
}

# A pg_service.conf with these servers; more: lines that each has besides.
sub services
{
	my ($self, $name, @servers) = @_;
	my $pki = $self->{pki};
	return spew("$self->{folder}/$name", join "\n", map {
		"[$_->{name}]\nhost=localhost\nhostaddr=127.0.0.1\nport=" . ($_->{port} // $_->{node}->port) . "\nuser=postgres\ndbname=postgres\n"
		  . 'sslmode=' . ($_->{sslmode} // 'verify-full') . "\n"
		  . 'sslrootcert=' . $pki->path('root.crt') . "\nsslcert=" . $pki->path('postgres.crt') . "\nsslkey=" . $pki->path('postgres.key') . "\n"
	} @servers);
}

sub secure
{
	my ($self, $services, @environment) = @_;
	return $self->run('env', @environment, "$examples/psql/secure.sh", $services, "$self->{folder}/{}", 'block');
}

# What ansible-playbook needs is there.
sub has_ansible
{
	my ($self) = @_;
	my ($found) = $self->run('sh', '-c', 'ansible-doc community.postgresql.postgresql_query | grep -q ssl_key');
	return $found;
}

# An administrator's certificate, and one of a CA that the servers do not know.
sub administrator
{
	my ($self) = @_;
	$self->{pki}->certificate('postgres', 'root', '/CN=postgres', 'client', -1, 90);
	$self->{pki}->certificate('postgres-other', 'other-root', '/CN=postgres', 'client', -1, 90);
	return;
}

1;
