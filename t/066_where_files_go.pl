# Where certificates, keys, CAs and CRLs may be written, and what is written of them: for everybody, and more
# narrowly for a role that was granted EXECUTE and is no superuser.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use POSIX ();
use Test::More;

# hba_file, ident_file and config_file lie outside of the data directory
my $t = CastsslTest->new('where', layout => 'debian');
my $pki = $t->{pki};
my $folder = "$t->{folder}/files";
my @kinds = (['cert_file', 'server.crt'], ['key_file', 'server.key'], ['ca_file', 'root.crt']);
mkdir $_, 0700 or die "$_: $!" foreach $folder, map { "$folder/$_" } qw(in tls conf.d ca lists open closed);
$pki->source("$folder/in");
$t->sql('CREATE ROLE operator LOGIN');
$t->sql("GRANT EXECUTE ON FUNCTION $_ TO operator") foreach split /\n/,
  $t->sql(q{SELECT oid::regprocedure FROM pg_proc WHERE proname IN ('castssl_enable', 'castssl_install', 'castssl_disable')});
$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM SET castssl.allowed_directories = '$folder'");
$t->sql("SELECT count(*) FROM castssl_status(); ALTER SYSTEM SET castssl.ca_directory = '$folder/ca'");
$t->reload;

sub install
{
	my (%arguments) = @_;
	return 'SELECT * FROM ' . CastsslTest::call('castssl_enable', source_dir => "$folder/in", clientcert => 'none', %arguments);
}

# Every file below the folder with what it holds.
sub everything
{
	my %content;
	foreach my $file (glob "$folder/* $folder/*/* $t->{config}/* $t->{config}/*/*")
	{
		$content{$file} = -l $file ? readlink $file : -f $file ? $t->slurp($file) : -p $file ? 'a FIFO' : 'a folder';
	}
	return \%content;
}

sub is_refused
{
	my ($what, $sqlstate, $user, $expected, %arguments) = @_;
	my $before = everything();
	$t->fails(install(%arguments), $sqlstate, "$user: $what", psql => { user => $user }, %$expected);
	is_deeply(everything(), $before, "$user: $what: every file is as it was");
	return;
}

# --- relative names: they are looked up in the data directory

foreach my $user (undef, 'operator')
{
	foreach my $name ('pg_wal', 'base', 'global', 'pg_tblspc', './base', 'base/1', 'global/../base//')
	{
		foreach my $dry ('true', 'false')
		{
			is_refused("target_dir $name, dry_run $dry", '42501', $user // 'postgres',
				{ message => qr{^"\Q$t->{data}\E.*/server\.crt" cannot be installed there$}, detail => qr/^It lies in a subfolder of the data directory,/ },
				target_dir => $name, dry_run => $dry);
		}
	}
	$t->fails(install(target_dir => 'base', source_dir => '.', dry_run => 'true'), '58P01', ($user // 'postgres') . ': the data directory as source_dir',
		psql => { user => $user // 'postgres' }, message => qr/^there is no certificate with its private key in "\."$/);
}
{
	(my $plain = "$t->{data}/PG_VERSION") =~ s{.*/}{};
	foreach my $name ($plain, "$plain/below", "$t->{data}/$plain")
	{
		$t->fails(install(target_dir => $name, dry_run => 'true'), '42501', "target_dir $name: a file",
			message => qr{^could not open directory "\Q$t->{data}\E/PG_VERSION.*": Not a directory$}, detail => qr/^It is target_dir,/, hint => qr/^Make a folder for the files\./);
	}
	$t->fails(install(target_dir => $plain, dry_run => 'true'), '42501', 'operator: a file', psql => { user => 'operator' },
		message => qr{^could not open directory ".*/PG_VERSION": Not a directory$}, detail => qr/^It is the folder/, hint => qr/^Name another target_dir\.$/);
	(my $data = $t->{data}) =~ s{.*/}{};
	(my $beside = $t->{data}) =~ s{[^/]*$}{tls-beside};
	mkdir $beside, 0700 or die $!;
	foreach my $name ('.', '../tls-beside', './../tls-beside/', "../$data")
	{
		my $rows = $t->rows(install(target_dir => $name, dry_run => 'true'));
		my $expected = $name =~ /beside/ ? $beside : $t->{data};
		my ($step) = grep { $_->{target} eq 'ssl_cert_file' } @$rows;
		(my $as_given = $name) =~ s{/$}{};    # 13 and 14 leave the .. in a path
		like($step->{detail}, $expected eq $t->{data} ? qr{'(?:\Q$as_given\E/)?server\.crt'|already} : qr{'(?:\Q$expected\E|\Q$as_given\E)/server\.crt'}, "target_dir $name, by what it is");
	}
	rmdir $beside or die $!;
}

# --- what a configuration file names, there or not; the folder of the CA

my $pem = $t->slurp("$folder/in/server.crt");
my $list = $t->slurp("$folder/in/root.crt");
$t->write("$folder/lists/names.crt", $list);
$t->write("$t->{config}/postgresql.conf", $t->slurp("$t->{config}/postgresql.conf")
	  . "  Include_If_Exists='$folder/tls/later.crt'   # not there\ninclude_dir = '$folder/conf.d'\n");
$t->write("$folder/conf.d/10-more.conf", "work_mem = 5MB\ninclude_if_exists 'deeper.crt'\n");
$t->set_hba("$CastsslTest::stock_hba\nhost \@$folder/lists/names.crt all 192.0.2.1/32 reject\n");
$t->write("$folder/ca/ca.crt", $t->slurp("$folder/in/root.crt"));
foreach my $user ('postgres', 'operator')
{
	foreach my $case ([ 'tls', 'later.crt', 'a file of include_if_exists that is not there' ],
		[ 'conf.d', 'new.conf', 'a new file in a folder of include_dir' ],
		[ 'conf.d', 'deeper.crt', 'what an included file includes' ],
		[ 'lists', 'names.crt', 'a list that pg_hba.conf names, though it is PEM' ],
		[ 'ca', 'ca.crt', "the CA's certificate" ], [ 'ca', 'new.crt', 'a new file beside the CA' ])
	{
		my ($place, $name, $what) = @$case;
		system('cp', "$folder/in/server.crt", "$folder/in/$name") == 0 or die;
		is_refused($what, '42501', $user, { hint => 1, message => qr/cannot be installed there/ }, cert_file => $name, target_dir => "$folder/$place");
		unlink "$folder/in/$name" or die $!;
	}
	is_refused('pg_hba.conf beside config_file', '42501', $user, { hint => 1 }, cert_file => 'pg_hba.conf', target_dir => $t->{config})
	  if system('cp', "$folder/in/server.crt", "$folder/in/pg_hba.conf") == 0;
	unlink "$folder/in/pg_hba.conf";
}

# --- a target that is no regular file, or is reached by a link; each name of a hard link is a file

my $target = "$folder/tls/server.crt";
foreach my $user ('postgres', 'operator')
{
	POSIX::mkfifo($target, 0600) or die $!;
	is_refused('a FIFO as target', 'F0000', $user, { message => qr/not a regular file/ }, target_dir => "$folder/tls");
	unlink $target;
	mkdir $target or die $!;
	is_refused('a directory as target', 'F0000', $user, { message => qr/not a regular file/ }, target_dir => "$folder/tls");
	rmdir $target;
	foreach my $to ("$folder/lists/names.crt", "$folder/lists/nowhere", '/dev/null', $target)
	{
		symlink $to, $target or die $!;

		my (undef, undef, $err) = $t->psql(install(target_dir => "$folder/tls"), user => $user);
		like($err, qr/ERROR:\s+(?:F0000|58P01|42501)/, "$user: a link to $to as target is refused");
		unlink $target;
	}
	is($t->slurp("$folder/lists/names.crt"), $list, "$user: what a link led to stands");
	ok(!-e "$folder/lists/nowhere", "$user: nothing is made where a link led to");
}
$t->write("$folder/lists/other.crt", $t->slurp("$folder/in/server.crt") . "kept\n");
link "$folder/lists/other.crt", $target or die $!;
$t->sql(install(target_dir => "$folder/tls"));
like($t->slurp("$folder/lists/other.crt"), qr/kept/, 'the other name of a hard link keeps what it held');
is($t->slurp($target), $t->slurp("$folder/in/server.crt"), 'the target has the new file');
symlink "$folder/tls", "$folder/linked" or die $!;
unlink glob "$folder/tls/*";
$t->sql(install(target_dir => "$folder/linked"));
is($t->slurp($target), $t->slurp("$folder/in/server.crt"), 'a folder that is a link is resolved once, and its files lie behind it');
$t->disable;
unlink "$folder/linked";
unlink glob "$folder/tls/*";

# --- a path longer than PostgreSQL's own 1024 bytes is not taken for another one, which its beginning names

{
	my $long = "$folder/tls";
	$long .= '/' . 'x' x 100 while length $long < 900;
	my $cut = $long . '/' . 'y' x (1023 - length($long) - 1);
	system('mkdir', '-p', $cut, "$cut-longer") == 0 or die 'mkdir';
	$pki->source("$long/in");
	foreach my $user ('operator', 'postgres')
	{
		$t->fails(install(target_dir => "$cut-longer"), '58P01', "$user: a folder with a long path", psql => { user => $user }, message => qr/-longer": File name too long$/);
		$t->fails(install(ca_file => "$cut-longer/root.crt"), '58P01', "$user: a file with a long path", psql => { user => $user }, message => qr/root\.crt": File name too long$/);
	}
	is(join(' ', glob("$cut/* $cut-longer/*")), '', 'nothing is written to it, nor to the one that its beginning names');
	system('rm', '-rf', glob "$folder/tls/*");
}

# --- who else may write to the folder

foreach my $case ([ 0770, 'tls', 'its group' ], [ 0777, 'tls', 'everybody' ], [ 01777, 'tls', 'everybody, sticky' ])
{
	my ($mode, $name, $who) = @$case;
	chmod $mode, "$folder/$name" or die $!;
	my $shown = sprintf '%04o', $mode;
	is_refused("a folder that $who can write to", '42501', 'operator',
		{ message => qr/others may write to directory "\Q$folder\E\/tls"/, detail => qr/mode is $shown/, hint => qr/chmod go-w \Q$folder\E\/tls/ }, target_dir => "$folder/tls");
	chmod 0700, "$folder/$name";
}
mkdir "$folder/open/tls", 0700 or die $!;
chmod 0777, "$folder/open" or die $!;
is_refused('a folder whose parent everybody can write to', '42501', 'operator',
	{ message => qr/others may write to directory "\Q$folder\E\/open"/, detail => qr/0777/ }, target_dir => "$folder/open/tls");
chmod 01777, "$folder/open" or die $!;
my $hostile = $t->slurp("$folder/in/server.crt");
$hostile = "local all all trust\n-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n" . $hostile . "host all all all trust\n";
$t->write("$folder/in/server.crt", $hostile);
my ($ok, undef, $err) = $t->psql(install(target_dir => "$folder/open/tls"), user => 'operator');
ok($ok, 'operator: a sticky parent will do where the folder in it is ours') or diag $err;

# --- what is written are the blocks alone, for those who are no superusers

is($t->slurp("$folder/open/tls/server.crt"), $pem, 'operator: the PEM blocks alone');
is($t->sql(install(target_dir => "$folder/open/tls") =~ s/\*/string_agg(action || result, ',')/r . " WHERE result = 'done' AND action = 'install file'", user => 'operator'),
	'', 'operator: the same call again installs nothing');
$t->disable;
$t->sql(install(target_dir => "$folder/tls"));
is($t->slurp($target), $hostile, 'a superuser: the file as it is');
$t->disable;
($ok, undef, $err) = $t->psql('SELECT * FROM ' . CastsslTest::call('castssl_install', certificate => $hostile,
		private_key => "local all all trust\n" . $t->slurp("$folder/in/server.key"), ca => "trust\n" . $t->slurp("$folder/in/root.crt")), user => 'operator');
ok($ok, 'operator: castssl_install') or diag $err;
foreach my $setting (qw(ssl_cert_file ssl_key_file ssl_ca_file))
{
	my $path = $t->sql("SELECT setting FROM pg_settings WHERE name = '$setting'");
	$path = "$t->{data}/$path" unless $path =~ m{^/};
	unlike($t->slurp($path), qr/trust|NOTHING/, "operator: castssl_install has written the blocks of $setting alone");
}
$t->write("$folder/in/server.crt", "$pem-----BEGIN CERTIFICATE-----\nAAAA\n");
$t->fails(install(target_dir => "$folder/tls"), 'F0000', 'operator: a broken block', psql => { user => 'operator' }, message => qr/server\.crt/);
$t->write("$folder/in/server.crt", $pem);

# --- a key with another name

link "$folder/in/server.key", "$folder/closed/server.key" or die $!;
is_refused('a key with another name', '42501', 'operator', { message => qr/more than one name/, detail => qr/2 hard links/, hint => 1 }, target_dir => "$folder/tls");
$t->fails('SELECT * FROM ' . CastsslTest::call('castssl_enable', map { $_->[0] => "$folder/in/$_->[1]" } @kinds), '42501',
	'operator: such a key where it lies', psql => { user => 'operator' }, message => qr/more than one name/);
($ok, undef, $err) = $t->psql(install(target_dir => "$folder/tls"));
ok($ok, 'a superuser may use it') or diag $err;
$t->disable;

done_testing();
