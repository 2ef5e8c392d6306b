# No room, or no permission, in the middle of a change: undone, with the SQLSTATE of the cause, and nothing lost.
#
# CASTSSL_SMALL_DISK names a directory on a file system of its own that is about 200 kB large (scripts/test makes one
# when it runs as root).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('disk_full');
my $hba = $t->hba;

# What counts: modes and contents. Undoing may write a file again as it was.
sub whole
{
	my $state = $t->state;
	s/^\d+ (\d+) \d+ \S+ (\w*)$/$1 $2/ foreach values %$state;
	return $state;
}

# --- a directory that cannot be written to

my $closed = "$t->{folder}/closed";
mkdir $closed, 0500 or die $!;
$t->enable_fails({ source_dir => $t->{source}, target_dir => $closed }, '42501', 'a closed target directory', hint => 1);

SKIP:
{
	my $disk = $ENV{CASTSSL_SMALL_DISK} // '';
	skip 'CASTSSL_SMALL_DISK names no small file system: scripts/test makes one when it runs as root', 1 unless -d $disk;

	# fills the disk until as many bytes are free
	my $fill = sub {
		my ($left) = @_;
		unlink "$disk/filler";
		open my $out, '>', "$disk/filler" or die $!;
		$out->autoflush(1);
		1 while syswrite $out, '.' x 1024;
		close $out;
		truncate "$disk/filler", (-s "$disk/filler") - $left if $left;
		return;
	};

	# files on it, in the place of old ones
	my $target = "$disk/certificates";
	mkdir $target, 0700 or die $!;
	my @refused;
	foreach my $free (0, 4096, 8192)
	{
		$fill->($free);
		my $state = whole();
		my ($ok, $out, $err) = $t->psql("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', target_dir => '$target')");
		push @refused, $err =~ /ERROR:\s+53100/ ? 'disk full' : $ok ? 'done' : $err;
		like($err, qr/DETAIL:.*Everything is as it was before\./, "$free bytes free: says that everything is as before") unless $ok;
		is_deeply(whole(), $state, "$free bytes free: and so it is") unless $ok;
		is_deeply([ grep { -e } glob "$target/*" ], [], "$free bytes free: no file is left on the disk") unless $ok;
	}
	is($refused[0], 'disk full', 'a full disk: 53100') or diag $refused[0];
	is($refused[1], 'disk full', 'a disk that becomes full in the middle: 53100') or diag $refused[1];
	unlink "$disk/filler";
	$t->enable(source_dir => $t->{source}, target_dir => $target);
	is($t->served, $t->{pki}->fingerprint('server.crt'), 'with room it works');

	# a renewal that finds no room keeps what is served
	my $renewed = $t->{pki}->source("$t->{folder}/renewed", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	$fill->(0);
	my $state = whole();
	$t->fails("SELECT * FROM castssl_enable(clientcert => 'verify-ca', source_dir => '$renewed', target_dir => '$target')", '53100', 'a renewal on a full disk');
	is_deeply(whole(), $state, 'the old certificate is in place and served');
	unlink "$disk/filler";

	$t->disable;
}

# --- files that are mount points: seen before anything is written

SKIP:
{
	my $folder = $ENV{CASTSSL_MOUNTED_FILES} // '';
	skip 'CASTSSL_MOUNTED_FILES names no folder: scripts/test makes one when it runs as root', 1 unless -d $folder;
	my %mounted = map { $_ => $t->slurp("$folder/$_") } qw(pg_hba.conf server.crt);
	$t->enable_fails({ source_dir => $t->{source}, target_dir => $folder, force => 'true' }, '55006', 'a certificate that is a mount point', message => qr/mount point/, hint => qr/folder/);
	$t->{node}->append_conf('postgresql.conf', "hba_file = '$folder/pg_hba.conf'");
	$t->restart;
	foreach my $dry_run (qw(true false))
	{
		my %arguments = (source_dir => $t->{source}, plaintext => 'block', dry_run => $dry_run);
		$t->enable_fails(\%arguments, '55000', "pg_hba.conf is a mount point, dry_run => $dry_run", message => qr/mount point/, detail => qr/hostssl/, hint => 1);
		$t->enable_fails({ %arguments, force => 'true' }, '55000', "with force, dry_run => $dry_run", message => qr/mount point/);
	}
	is_deeply({ map { $_ => $t->slurp("$folder/$_") } keys %mounted }, \%mounted, 'they are as they were');
	is_deeply([ glob "$folder/*.tmp" ], [], 'and nothing lies beside them');
}

# --- a file system that is read-only where pg_hba.conf lies is seen before anything is written

my $etc = "$t->{folder}/etc";
mkdir $etc, 0700 or die $!;
$t->write("$etc/pg_hba.conf", $hba);
chmod 0500, $etc;
$t->{node}->append_conf('postgresql.conf', "hba_file = '$etc/pg_hba.conf'");
$t->restart;
$t->enable_fails({ source_dir => $t->{source}, plaintext => 'block' }, '42501', 'the folder of pg_hba.conf is read-only', hint => 1);
$t->stop;

done_testing();
