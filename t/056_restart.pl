# Would the server start again? What castssl_status() says of each parameter on disk is what a start does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslOpenssl;
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

# A reload would leave them aside without an error; it is told before.
$t->write('postgresql.conf', "${conf}ssl_dh_params_file = '$file'\n");
like($t->sql('SELECT problem FROM castssl_reload()'), qr/^not reloaded, because this would take effect: \Q$file\E: could not load DH parameters file/, 'castssl_reload() names the problem');
my ($row) = grep { $_->{check_name} eq 'restart_safe' } @{ $t->rows('SELECT * FROM castssl_check()') };
like("$row->{severity}: $row->{message}", qr/^error: the server would not start again: \Q$file\E/, 'and castssl_check()');
$t->write('postgresql.conf', $conf);
$t->reload;

# What another row says, too, is said there, with the way to mend it: restart_safe names that row.
my $key = $t->slurp('server.key');
foreach my $case (
	[ 'key_permissions', sub { chmod 0640, "$t->{data}/server.key" or die $! }, undef ],
	[ 'files_readable', sub { rename "$t->{data}/server.crt", "$t->{data}/moved" or die $! }, sub { rename "$t->{data}/moved", "$t->{data}/server.crt" or die $! } ],
	[ 'key_matches_certificate', sub { $t->write('server.key', CastsslOpenssl::slurp($t->{pki}->path('root.key'))) }, sub { $t->write('server.key', $key) } ],
	[ 'hba_loads', sub { $t->write('pg_hba.conf', $t->hba . "local all all nonsense\n") }, sub { $t->write('pg_hba.conf', $t->hba =~ s/^.*nonsense\n//mr) } ],
	[ 'parameters_in_effect', sub { $t->write('postgresql.conf', "${conf}nonsense\n") }, sub { $t->write('postgresql.conf', $conf) } ])
{
	my ($check, $plant, $mend) = @$case;
	$plant->();
	my %row = map { $_->{check_name} => $_ } grep { $_->{severity} eq 'error' } @{ $t->rows('SELECT * FROM castssl_check()') };
	is_deeply([ sort keys %row ], [ sort 'restart_safe', $check ], "$check: the two rows") or diag explain \%row;
	is($row{restart_safe}{message}, "the server would not start again: see the row $check", "$check: restart_safe names the other one");
	is("$row{restart_safe}{hint}" . ($row{restart_safe}{fix} // ''), "First do what the row $check says.", "$check: and has no fix of its own");
	$mend ? $mend->() : $t->sql($row{$check}{fix});
	is_deeply([ grep { $_->{severity} eq 'error' } @{ $t->rows('SELECT * FROM castssl_check()') } ], [], "$check: both are gone");
}

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
next_start('a missing file of rules', 'hba_file', '/nowhere/pg_hba.conf', qr{^hba_file: "/nowhere/pg_hba\.conf" does not exist$});

# what ALTER SYSTEM has stored is taken back by the hint
foreach my $case ([ hba_file => '/nowhere/pg_hba.conf' ], [ shared_preload_libraries => 'no_such_library' ])
{
	my ($parameter, $value) = @$case;
	my $in_effect = $t->sql("SHOW $parameter");
	$t->sql("ALTER SYSTEM SET $parameter = '$value'");
	my $hint = $t->sql("SELECT hint FROM castssl_check() WHERE check_name = 'restart_safe'");
	like($hint, qr/^ALTER SYSTEM (?:RESET $parameter|SET $parameter = '\Q$in_effect\E');$/, "$parameter: the hint has the statement");
	$t->sql($hint);
	is($t->status->{restart_safe}, 1, "$parameter: which puts it right");
	$t->restart;
	is($t->sql("SHOW $parameter"), $in_effect, "$parameter: and nothing else");
}

# two that name the same: each is named by its own hint
$t->sql(q{ALTER SYSTEM SET ssl_cert_file = 'base'});
$t->sql(q{ALTER SYSTEM SET hba_file = 'base'});
foreach my $parameter (qw(hba_file ssl_cert_file))
{
	my $hint = $t->sql("SELECT hint FROM castssl_check() WHERE check_name = 'restart_safe'");
	like($hint, qr/^ALTER SYSTEM (?:RESET|SET) $parameter\b/, "two that name the same: $parameter");
	$t->sql($hint =~ /^(ALTER SYSTEM [^;]*;)/);
}
is($t->status->{restart_safe}, 1, 'both are put right');

done_testing();
