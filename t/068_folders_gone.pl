# A folder or file that went away, or that the server's account may not read: what looks says so, and
# does not fail.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('gone', layout => 'debian');
my $pki = $t->{pki};
my $ca_directory = "$t->{folder}/authority";
my $tls = "$t->{folder}/tls";
my $crls = "$t->{folder}/crls";
mkdir $_, 0700 or die "$_: $!" foreach $ca_directory, $tls, $crls;
open my $conf, '>>', "$t->{config}/postgresql.conf" or die $!;
print $conf "castssl.ca_directory = '$ca_directory'\n";
close $conf or die $!;
$t->reload;
$t->sql(q{SELECT castssl_create_ca('Our CA')});
$t->enable(source_dir => $t->{source}, target_dir => $tls, ca_file => 'root.crt', clientcert => 'verify-ca');
$t->sql(q{SELECT castssl_hba_add('hostssl', '{all}', '{alice}', '192.0.2.0/24', 'scram-sha-256')});
my $config = $t->{config};
my $crl_dir = $t->sql(q{SELECT count(*) FROM pg_settings WHERE name = 'ssl_crl_dir'});
if ($crl_dir)
{
	chomp(my $hash = `openssl x509 -noout -subject_hash -in '$ca_directory/root.crt'`);
	system('cp', "$ca_directory/root.crl", "$crls/$hash.r0") == 0 or die;
	$t->sql("ALTER SYSTEM SET ssl_crl_dir = '$crls'");
	$t->reload;
}

my $errors = q{SELECT string_agg(check_name || ' ' || message, '; ') FROM castssl_check() WHERE severity = 'error'};
my $before = $t->sql($errors);
my @reading = map { "SELECT count(*) FROM $_" } 'castssl_status()', 'castssl_check()', 'castssl_report()', 'castssl_certificates()',
  'castssl_fingerprint()', 'castssl_hba_rules()', q{castssl_hba_explain('postgres', 'alice', '192.0.2.1', 'tls')},   q{castssl_client_config('uri', 'localhost', user_name => 'alice')};

# Whatever became of it, every function that looks gives an answer; the check has a finding about it.
sub survives
{
	my ($name, $finding) = @_;
	foreach my $sql (@reading)
	{
		my ($ok, $out, $err) = $t->psql($sql);
		ok($ok, "$name: $sql") or diag $err;
	}
	return unless $finding;
	my $found = $t->rows(q{SELECT * FROM castssl_check() WHERE severity IN ('error', 'warning')});
	ok(scalar(grep { "$_->{check_name} $_->{subject} $_->{message}" =~ $finding } @$found), "$name: the check names it")
	  or diag explain [ map { "$_->{check_name}: $_->{subject}: $_->{message}" } @$found ];
	return;
}

sub without
{
	my ($path, $name, $finding) = @_;
	my $mode = (stat $path)[2] & 07777;
	rename $path, "$path.away" or die "$path: $!";
	survives("$name is gone", $finding);
	rename "$path.away", $path or die $!;
	chmod 0, $path or die $!;
	survives("$name cannot be read", $finding);
	chmod $mode, $path or die $!;
	if (-d $path)
	{
		rename $path, "$path.away" or die $!;
		$t->write($path, "a file\n");
		survives("$name is a file", $finding);
		unlink $path or die $!;
		rename "$path.away", $path or die $!;
	}
	return;
}

my $state = "$t->{data}/pg_castssl";
without($tls, 'the folder of the certificate', qr{files_readable.*\Q$tls\E});
without("$tls/root.crt", 'the CA file', qr{files_readable.*root\.crt});
without($ca_directory, 'castssl.ca_directory', qr{ca_directory|\Q$ca_directory\E});
without($crls, 'ssl_crl_dir', qr{\Q$crls\E}) if $crl_dir;
without((glob "$crls/*")[0], 'a CRL in it', qr{\Q$crls\E}) if $crl_dir;
without($t->sql('SHOW ident_file'), 'pg_ident.conf', qr{pg_ident});
without($t->sql('SHOW hba_file'), 'pg_hba.conf', qr{pg_hba});
my $newest = (sort { $a <=> $b } map { m{/(\d+)$} ? $1 : () } glob "$state/changes/*")[-1];
foreach my $case ([ "$state/changes/$newest/manifest", 'a manifest', qr{changes} ], [ "$state/changes/$newest", 'the folder of a change', qr{changes} ],
	[ "$state/changes", 'the folder of changes', qr{changes} ], [ "$state/staged", 'what is staged', undef ],
	[ $state, 'pg_castssl', qr{pg_castssl} ], [ $config, 'the folder of config_file', qr{\Q$config\E} ])
{
	my ($path, $name, $finding) = @$case;
	my $mode = (stat $path)[2] & 07777;
	chmod 0, $path or die "$path: $!";
	survives("$name cannot be read", $finding);
	chmod $mode, $path or die $!;
}
is($t->sql($errors), $before, 'all is as it was');
$t->stop;

done_testing();
