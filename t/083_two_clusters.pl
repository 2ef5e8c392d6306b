# Two clusters of one host: neither writes files of the other, nor files that may be those of another
# server, unless it is told to. Each hint is typed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $one = CastsslTest->new('one', streaming => 1);
my $two = CastsslTest->new('two');
my $pki = $one->{pki};
my $renewed = $pki->source("$two->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
my $shared = "$one->{folder}/shared";
mkdir $shared, 0700 or die $!;
my @names = qw(server.crt server.key root.crt);

sub contents
{
	my ($folder) = @_;
	return { map { $_ => CastsslTest->slurp("$folder/$_") } grep { -e "$folder/$_" } @names };
}

sub codes
{
	my ($steps) = @_;
	return [ map { "$_->{target}: $_->{detail}" } grep { ($_->{code} // '') eq 'other_cluster' } @$steps ];
}

sub typed
{
	my ($t, $error) = @_;
	my ($statement) = $error->{hint} =~ /(SELECT .*?;)/;
	my ($ok, undef, $err) = $t->psql($statement // 'nothing');
	ok($ok, 'typed: ' . ($statement // 'nothing')) or diag $err;
	return;
}

# --- a folder that is nobody's

is_deeply(codes($one->enable(source_dir => $one->{source}, target_dir => $shared)), [], 'a folder that is empty');
my $installed = contents($shared);
my $served = $one->served;
my %call = (source_dir => $renewed, target_dir => $shared);
my %expected = (
	message => qr{^"\Q$shared\E/server\.crt" may belong to another server$},
	detail => qr/^This server did not install it, and no parameter of TLS names it\.$/,
	hint => qr/^Use a folder of this cluster's own: SELECT .*, target_dir => '\Q$two->{data}\E'\);  To replace the file anyway: force => true\.$/,
	constraint => 'castssl_other_cluster');
my $error = $two->enable_fails(\%call, '55000', "another server's files in the target_dir", %expected);
is_deeply(contents($shared), $installed, 'they stay');
my $steps = $two->enable(%call, dry_run => 'true');
is_deeply([ map { s/: .*//sr } @{ codes($steps) } ], [ map { "$shared/$_" } @names[ 0, 1 ] ], 'a dry run says which; a file with the same bytes is none of them');
like(codes($steps)->[0], qr/: without force the call would be refused: This server did not install it, .*target_dir => /, 'and what to do');
typed($two, $error);
is($two->sql('SHOW ssl_cert_file') . ' ' . $two->served, 'server.crt ' . $pki->fingerprint('server-renewed.crt'), 'which has files of its own');
is($one->served, $served, 'and the other one is as before');

# the same files are no loss, and then they are its own
$two->disable;
is_deeply(codes($two->enable(source_dir => $one->{source}, target_dir => $shared)), [], 'a folder that was prepared with the same files');
is_deeply(codes($two->enable(%call)), [], 'a renewal of files in use');
$installed = contents($shared);
is($installed->{'server.crt'}, $two->slurp("$renewed/server.crt"), 'is installed');
is_deeply(codes($one->enable(source_dir => $one->{source}, target_dir => $shared)), [], 'also for the other that uses them');
$two->disable;
$error = $two->enable_fails(\%call, '55000', 'not in use any more, and as somebody else left it', %expected);

# a file that was installed here and is as it was left; text around the blocks
$two->enable(%call, force => 'true');
$two->disable;
is_deeply(codes($two->enable(source_dir => $one->{source}, target_dir => $shared)), [], 'not in use any more, and as it was installed here');
$two->disable;
my $text = "kept elsewhere\n" . $one->slurp("$renewed/server.crt");
$one->write("$shared/server.crt", $text);
$one->write("$shared/server.key", $one->slurp("$renewed/server.key"));
is_deeply(codes($two->enable(%call)), [], 'another text around the same blocks');
$two->disable;

# with force
mkdir "$one->{folder}/forced", 0700 or die $!;
$one->write("$one->{folder}/forced/$_", $one->slurp("$one->{source}/$_")) foreach @names;
chmod 0600, "$one->{folder}/forced/server.key";
$steps = $two->enable(%call, target_dir => "$one->{folder}/forced", force => 'true');
is_deeply(codes($steps), [ map { "$one->{folder}/forced/$_: This server did not install it, and no parameter of TLS names it." } @names[ 0, 1 ] ], 'force replaces them, and says so');
is($two->served, $pki->fingerprint('server-renewed.crt'), 'in use');
$two->sql($CastsslTest::back);
is_deeply(contents("$one->{folder}/forced"), contents($one->{source}), 'taken back: they are there again');
$two->enable_fails({ %call, target_dir => "$one->{folder}/forced" }, '55000', 'and are not its own', constraint => 'castssl_other_cluster');
is_deeply(codes($two->enable(source_dir => $renewed, cert_file => 'server.crt', target_dir => $two->{data}, dry_run => 'true')), [], "its own folder needs no word");

# --- a folder of another cluster

my $before = contents($one->{data});
$error = $two->enable_fails({ %call, target_dir => $one->{data} }, '55000', 'the data directory of another cluster',
	message => qr{^"\Q$one->{data}\E/server\.crt" belongs to another cluster$},
	detail => qr/^It lies in "\Q$one->{data}\E", a folder of another cluster\.$/, hint => qr/target_dir => '\Q$two->{data}\E'\);/, constraint => 'castssl_other_cluster');
is_deeply(contents($one->{data}), $before, 'nothing is written there');
is_deeply([ map { s/: .*//sr } @{ codes($two->enable(%call, target_dir => $one->{data}, dry_run => 'true')) } ], [ map { "$one->{data}/$_" } @names ], 'a dry run says so');
typed($two, $error);
$two->disable;
my $debian = CastsslTest->new('debian', layout => 'debian');
$two->enable_fails({ %call, target_dir => $debian->{config} }, '55000', "the folder of another cluster's configuration",
	detail => qr/^It lies in "\Q$debian->{config}\E", a folder of another cluster\.$/, constraint => 'castssl_other_cluster');

# castssl_install() writes beside the certificate in use only where that is nobody else's folder
foreach my $kind ('crt', 'key')
{
	$one->write("$one->{data}/named.$kind", $one->slurp("$one->{source}/server.$kind"));
	chmod 0600, "$one->{data}/named.$kind" or die $!;
}
$debian->sql("ALTER SYSTEM SET ssl_$_->[0]_file = '$one->{data}/named.$_->[1]'") foreach [ cert => 'crt' ], [ key => 'key' ];
$debian->reload;
chmod 0555, $debian->{config} or die $!;
$debian->sql('SELECT * FROM ' . CastsslTest::call('castssl_install', map { $_->[0] => $one->slurp("$renewed/$_->[1]") }
		[ certificate => 'server.crt' ], [ private_key => 'server.key' ]));
is($debian->sql('SHOW ssl_cert_file') . ' ' . $debian->served, 'server.crt ' . $pki->fingerprint('server-renewed.crt'), 'castssl_install() writes into its own data directory');
is_deeply(contents($one->{data}), $before, 'and not into that of the other');
chmod 0755, $debian->{config};

# --- a copy of the data directory knows who installed the files outside

$one->{node}->backup('copy');
my $copy = $one->from_backup('copy', backup => 'copy');
$copy->start;
$copy->enable_fails({ source_dir => $one->{source}, target_dir => $shared }, '55000', 'files that the original installed',
	message => qr{^"\Q$shared\E/server\.(?:crt|key)" belongs to another cluster$},
	detail => qr/^The cluster in "\Q$one->{data}\E", of which this data directory is a copy, installed it\.$/, constraint => 'castssl_other_cluster');
$copy->stop;

# --- pg_hba.conf of another cluster

my $rules = $one->hba;
my $stock = $two->hba;
$two->write('postgresql.conf', $two->slurp('postgresql.conf') . "hba_file = '$one->{data}/pg_hba.conf'\n");
$two->restart;
$error = $two->enable_fails({ source_dir => $renewed, plaintext => 'block', confirm_within => '10 min' }, '55000', "another cluster's pg_hba.conf",
	message => qr{^"\Q$one->{data}\E/pg_hba\.conf" belongs to another cluster$}, detail => qr/^It lies in "\Q$one->{data}\E", a folder of another cluster\.$/,
	hint => qr/^Let this server use a copy in its data directory\.  Run as root: install .*  Then: ALTER SYSTEM SET hba_file = /, constraint => 'castssl_other_cluster');
like(codes($two->enable(source_dir => $renewed, plaintext => 'block', dry_run => 'true'))->[0], qr{^\Q$one->{data}\E/pg_hba\.conf: without force the call would be refused: It lies in }, 'a dry run says so');
is_deeply(codes($two->enable(source_dir => $renewed)), [], 'a call that does not write the file');
$two->sql("SELECT castssl_hba_add('host all all 10.0.0.0/8 reject')");
$two->fails("SELECT * FROM castssl_hba_apply(confirm_within => '10 min')", '55000', 'castssl_hba_apply()', constraint => 'castssl_other_cluster', hint => 1);
{
	my $line = "hostssl all all 10.0.0.0/8 scram-sha-256 # castssl\n";
	$one->set_hba($rules . $line);
	$two->fails('SELECT * FROM castssl_disable()', '55000', 'castssl_disable()', constraint => 'castssl_other_cluster', hint => 1);
	is($one->hba, $rules . $line, 'the line stays');
	$one->set_hba($rules);
}
is($one->hba, $rules, 'it is as it was');
is_deeply(codes($two->rows('SELECT * FROM castssl_hba_apply(force => true)')), [ "$one->{data}/pg_hba.conf: It lies in \"$one->{data}\", a folder of another cluster." ], 'force writes it, and says so');
isnt($one->hba, $rules, 'it is written');
$two->sql($CastsslTest::back);
is($one->hba, $rules, 'and taken back without force');
my ($set) = $error->{hint} =~ /(ALTER SYSTEM .*?;)/;
my ($command) = $error->{hint} =~ /Run as root: (.*?)  Then: /;
is(system('sh', '-c', $command // 'false'), 0, 'typed: ' . ($command // 'nothing'));
$two->sql($set // 'nothing');
$two->restart;
isnt($two->sql('SHOW hba_file'), "$one->{data}/pg_hba.conf", 'typed: ' . ($set // 'nothing'));
is($two->slurp($two->sql('SHOW hba_file')), $rules, 'the rules are the same');
is_deeply(codes($two->enable(source_dir => $renewed, plaintext => 'block', confirm_within => '10 min')), [], 'then the call works');
$two->confirm;
is($one->hba, $rules, 'and the other cluster keeps its rules');
is($two->slurp('pg_hba.conf'), $stock, 'the file that was there is not touched');

# --- what the check says is what the guard before a write says

my $find = "SELECT subject, message, hint FROM castssl_check() WHERE check_name = 'other_cluster'";
my $in_one = "in \"$one->{data}\", a folder of another cluster, which is removed when that cluster is dropped";
my $prose = "Copy the files to \"$two->{data}\", also in place of links to them, and let these parameters name the copies.";

sub says
{
	my ($what, @rows) = @_;
	return is_deeply($two->rows($find), [ map { { subject => $_->[0], message => $in_one, hint => $_->[1] } } @rows ], $what) || diag explain $two->rows($find);
}

# a parameter of another cluster's folder, in a configuration of its own
sub set_parameters
{
	my (%value) = @_;
	$two->sql('ALTER SYSTEM RESET ALL');
	$two->sql("LOAD 'pg_castssl';\nALTER SYSTEM SET $_ = " . CastsslTest::quote($value{$_})) foreach sort keys %value;
	$two->reload;
	return;
}

mkdir "$one->{data}/crls" or die $!;
mkdir "$one->{data}/pass words" or die $!;
symlink $one->{data}, "$two->{folder}/link to one" or die $!;
set_parameters();
says('nothing of another cluster');
foreach my $case (
	[ 'ssl_dh_params_file', "$one->{data}/dh.pem" ],
	[ 'ssl_passphrase_command', "$one->{data}/pass" ],
	[ 'ssl_passphrase_command', "cat '$one->{data}/pass words/secret'" ],
	[ 'ssl_passphrase_command', "cat <$two->{folder}/none;cat \"$two->{folder}/link\\ to one/secret\" $one->{data}/secret" ],
	[ 'castssl.ca_directory', "$one->{data}/ca" ],
	[ 'castssl.ca_directory', "$two->{folder}/link to one" ],
	[ 'castssl.allowed_directories', "$shared, \"$one->{data}/sources\"" ],
	[ 'castssl.allowed_directories', $one->{data} ],
	$two->sql('SHOW server_version_num') >= 140000 ? [ 'ssl_crl_dir', "$one->{data}/crls" ] : ())
{
	set_parameters($case->[0] => $case->[1]);
	says("$case->[0]: $case->[1]", [ $case->[0], $prose ]);
}
set_parameters('ssl_passphrase_command' => "cat $shared/secret", 'castssl.allowed_directories' => $shared);
says('a folder that is nobody\'s');

# the statement where it copies all that is said, and another row for the rest
$one->write("$one->{data}/$_", $one->slurp("$one->{source}/$_")) foreach @names;
chmod 0600, "$one->{data}/server.key" or die $!;
my %tls = (ssl_cert_file => 'server.crt', ssl_key_file => 'server.key', ssl_ca_file => 'root.crt');
set_parameters((map { $_ => "$one->{data}/$tls{$_}" } keys %tls), 'castssl.ca_directory' => "$one->{data}/ca");
my $statement = "SELECT * FROM castssl_enable(source_dir => '$one->{data}', cert_file => 'server.crt', key_file => 'server.key', ca_file => 'root.crt', target_dir => '$two->{data}');";
says('two rows', [ 'ssl_cert_file, ssl_key_file, ssl_ca_file', $statement ], [ 'castssl.ca_directory', $prose ]);
unlink map { "$two->{data}/$_" } @names;
$two->sql($statement);
says('typed: the statement', [ 'castssl.ca_directory', $prose ]);
is($two->sql('SHOW ssl_key_file') =~ s{^\Q$two->{data}\E/}{}r, 'server.key', 'the key is its own');

# links: in its own folder, in a folder of nobody's, and to the folder itself
set_parameters();
unlink map { "$two->{data}/$_" } @names;
symlink "$one->{data}/$_", "$two->{data}/$_" or die $! foreach @names;
set_parameters(%tls, ssl => 'on');
says('links in its own folder', [ 'ssl_cert_file, ssl_key_file, ssl_ca_file', $prose ]);
foreach my $name (@names)
{
	is(system('cp', '-aL', '--remove-destination', "$one->{data}/$name", "$two->{data}/$name"), 0, "typed: a copy of $name");
}
says('with copies');
symlink $one->{data}, "$two->{data}/linked" or die $!;
set_parameters(map { $_ => "$two->{data}/linked/$tls{$_}" } keys %tls);
says('a link to the folder', [ 'ssl_cert_file, ssl_key_file, ssl_ca_file', $statement =~ s{source_dir => '[^']*}{source_dir => '$two->{data}/linked}r ]);
unlink map { "$two->{data}/$_" } @names;
$two->sql($two->rows($find)->[0]{hint});
says('typed: the statement');
$two->sql('SELECT * FROM castssl_disable(force => true)');
set_parameters();

# rules by a link
my $own = $two->sql('SHOW hba_file');
rename $own, "$own.aside" or die $!;
symlink "$one->{data}/pg_hba.conf", $own or die $!;
$two->reload;
says('pg_hba.conf is a link', [ 'hba_file', $prose ]);
$two->sql("SELECT castssl_hba_add('host all all 10.0.0.0/8 reject')");
$two->fails("SELECT * FROM castssl_hba_apply(confirm_within => '10 min')", '55000', 'and castssl_hba_apply() is refused', constraint => 'castssl_other_cluster', hint => 1);
$two->sql('SELECT castssl_hba_discard()');
rename "$own.aside", $own or die $!;
$two->reload;
says('its own rules');

done_testing();
