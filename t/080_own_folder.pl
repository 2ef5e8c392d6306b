# The extension from a folder of its own, which root never touched: extension_control_path and
# dynamic_library_path of PostgreSQL 18, as an extension image of CloudNativePG is mounted, too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use File::Copy 'copy';
use File::Path 'make_path';
use Test::More;

my ($major) = `pg_config --version` =~ /^PostgreSQL (\d+)/;
plan skip_all => "PostgreSQL $major has no extension_control_path, which is there from 18 on" if $major < 18;

# config NAME: a folder of this PostgreSQL
sub config { chomp(my $path = `pg_config --$_[0]`); return $path }

my $t = CastsslTest->new('own_folder');
my $own = "$t->{folder}/own";
my $others = "$t->{folder}/others";
make_path("$own/share/extension", "$own/lib", $others);
copy($_, "$own/share/extension") or die "$_: $!" foreach glob config('sharedir') . '/extension/pg_castssl*';
copy(config('pkglibdir') . '/pg_castssl.so', "$own/lib") or die "pg_castssl.so: $!";
copy(config('pkglibdir') . '/plpgsql.so', $others) or die "plpgsql.so: $!";

# Without $system and $libdir: what is in PostgreSQL's own folders is not found. The scripts use PL/pgSQL.
$t->sql('DROP EXTENSION pg_castssl');
my $conf = $t->slurp('postgresql.conf');
my $libraries = "dynamic_library_path = '$own/lib:$others'\n";
$t->write('postgresql.conf', "${conf}extension_control_path = '$own/share'\n$libraries");
$t->reload;
is($t->sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'plpgsql'"), 0, 'no other folder is looked at');

# the libraries that this backend has in memory, by name
my $loaded = q{SELECT DISTINCT substring(line FROM '/.*') FROM regexp_split_to_table(
	pg_read_file('/proc/self/maps', 0, 1000000), '\n') line WHERE line ~ 'pg_castssl'};

$t->sql(q{CREATE EXTENSION pg_castssl VERSION '0.1.0'});
$t->sql('ALTER EXTENSION pg_castssl UPDATE');
is($t->sql("SELECT extversion FROM pg_extension WHERE extname = 'pg_castssl'"),
	$t->sql("SELECT default_version FROM pg_available_extensions WHERE name = 'pg_castssl'"), 'created, and updated');
is($t->sql("SELECT count(*) FROM castssl_hba_rules(); $loaded") =~ s/^\d+\n//r, "$own/lib/pg_castssl.so", 'the library is that of the folder');
my $named = $t->sql(q{SELECT string_agg(DISTINCT probin, ' ') FROM pg_proc WHERE proname ^@ 'castssl_'});
is($t->sql("LOAD '$named'; $loaded"), "$own/lib/pg_castssl.so", "LOAD '$named', as pg_upgrade does it, finds it, too");

# A worker is a process of its own, which has to find the library, too.
my $steps = $t->enable(source_dir => $t->{source}, plaintext => 'block', confirm_within => '10 min');
my ($waiting) = grep { $_->{action} eq 'await confirmation' } @$steps;
is($waiting->{result}, 'waiting', 'a worker watches over the change');
is($t->served, $t->{pki}->fingerprint('server.crt'), 'the certificate is served');
$t->sql("SELECT castssl_confirm($waiting->{change_id}, force => true)");

# Preloaded: what the next start needs is there.
$t->write('postgresql.conf', $t->slurp('postgresql.conf') . "shared_preload_libraries = 'pg_castssl'\n");
is($t->status->{restart_safe}, 1, 'the next start finds the library');
$t->restart;
is($t->sql($loaded), "$own/lib/pg_castssl.so", 'and it does');
$t->write('postgresql.conf', $t->slurp('postgresql.conf') =~ s{^\Q$libraries\E}{dynamic_library_path = '$others'\n}mr);
like($t->status->{restart_problem} // '', qr/^shared_preload_libraries: there is no library "pg_castssl"$/,
	'without the folder it would not');

$t->disable(force => 'true');
is($t->hba, $CastsslTest::stock_hba, 'and all is as before');
done_testing();
