# Would the server start again? What castssl_status() says of each parameter on disk is what a start does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('restart', hba => "local all all trust\nhost all all 127.0.0.1/32 trust\n");
$t->enable(source_dir => $t->{source}, clientcert => 'none', force => 'true');
my $conf = $t->slurp('postgresql.conf');

# The parameter is written and not in effect; says undef: the server starts.
sub next_start
{
	my ($name, $parameter, $value, $says) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$t->write('postgresql.conf', "$conf$parameter = '$value'\n");
	my $now = $t->status;
	is($now->{restart_safe}, defined $says ? 0 : 1, "$name: restart_safe") or diag $now->{restart_problem};
	like($now->{restart_problem} // '', $says // qr/^$/, "$name: why");
	$t->{node}->stop;
	is($t->{node}->start(fail_ok => 1) ? 1 : 0, defined $says ? 0 : 1, "$name: the server agrees");
	$t->write('postgresql.conf', $conf);
	defined $says ? $t->{node}->start : $t->restart;
	return;
}

my $file = "$t->{folder}/dh.pem";
next_start('missing DH parameters', 'ssl_dh_params_file', $file, qr/^\Q$file\E: could not open DH parameters file "\Q$file\E"/);
$t->write($file, "nothing\n");
next_start('DH parameters that are none', 'ssl_dh_params_file', $file, qr/^\Q$file\E: could not load DH parameters file/);

# A reload leaves them aside without an error; it is told all the same.
$t->write('postgresql.conf', "${conf}ssl_dh_params_file = '$file'\n");
like($t->sql('SELECT problem FROM castssl_reload()'), qr/^\Q$file\E: could not load DH parameters file/, 'castssl_reload() names the problem');
my ($row) = grep { $_->{check_name} eq 'restart_safe' } @{ $t->rows('SELECT * FROM castssl_check()') };
like("$row->{severity}: $row->{message}", qr/^error: the server would not start again: \Q$file\E/, 'and castssl_check()');
$t->write('postgresql.conf', $conf);
$t->reload;

is(system("openssl dhparam -dsaparam -out '$file' 2048 2>'$file.log'"), 0, 'DH parameters');
next_start('good DH parameters', 'ssl_dh_params_file', $file, undef);

my $missing = qr/^shared_preload_libraries: there is no library "no_such_library"$/;
next_start('a missing library', 'shared_preload_libraries', 'no_such_library', $missing);
next_start('one of two', 'shared_preload_libraries', 'pg_castssl, no_such_library', $missing);
next_start('$libdir', 'shared_preload_libraries', '$libdir/no_such_library', qr/there is no library "\$libdir\/no_such_library"$/);
next_start('libraries that are there', 'shared_preload_libraries', 'pg_castssl, $libdir/plpgsql', undef);
next_start('a missing folder for sockets', 'unix_socket_directories', "$t->{node}{_host},$t->{folder}/nowhere",
	qr/^unix_socket_directories: no socket can be made in "\Q$t->{folder}\E\/nowhere": No such file or directory$/);
next_start('a file in place of it', 'unix_socket_directories', $file, qr/^unix_socket_directories: no socket can be made in "\Q$file\E": Not a directory$/);

done_testing();
