# Every file of scripts/make-test-certificates in the place of a certificate, a key, a CA and a CRL: what
# castssl_check() says of it, and each statement in a hint typed to the letter.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslHints;
use CastsslTest;
use Test::More;

my $t = CastsslTest->new('every_file');
my $d = $t->{data};
my $files = CastsslTest::test_certificates("$t->{folder}/certificates");
my %good = map { $_ => $t->slurp("$files/$_") } qw(server.crt server.key root.crt root.crl);

sub put
{
	my ($name, $content) = @_;
	$t->write("$d/$name", $content);
	chmod 0600, "$d/$name" or die "$name: $!";
	return;
}

sub restore
{
	put($_, $good{$_}) foreach keys %good;
	foreach my $role (qw(cert key ca crl))
	{
		my $name = { cert => 'server.crt', key => 'server.key', ca => 'root.crt', crl => 'root.crl' }->{$role};
		$t->sql("ALTER SYSTEM SET ssl_${role}_file = '$name'");
	}
	$t->reload;
	return;
}

# What is judged of the files: check, subject and message, with the hint.
sub rows
{
	return map { ("$_->{check_name} of $_->{subject}: $_->{message}" => $_->{hint} // '') } @{ $t->rows(q{SELECT check_name, subject, message, hint FROM castssl_check()
		WHERE check_name IN ('certificate_parse', 'key_parse', 'key_matches_certificate', 'certificate_dates', 'ca_parse', 'ca_is_ca', 'crl_parse',
			'crl_dates', 'crl_issuer', 'chain', 'names', 'key_usage', 'weak')}) };
}

# What a statement of castssl_install() or castssl_enable() may change: files and parameters of TLS.
my $about = qr{^(?:file (?:\S*/)?(?:server|root)\.(?:crt|key|crl)|parameter ssl_\w+_file|stored ssl\w*|access of \S+ \S+ tls[^:]*): };

put($_, $good{$_}) foreach keys %good;
$t->sql("ALTER SYSTEM SET $_") foreach "ssl_ca_file = 'root.crt'", "ssl_crl_file = 'root.crl'", 'ssl = on';
$t->reload;
my %usual = rows();
my ($said, $typed) = (0, 0);
my %kinds;

sub judge
{
	my ($role, $file, $key) = @_;
	put($role, $t->slurp("$files/$file"));
	put('server.key', $t->slurp("$files/$key")) if $key;
	my %rows = rows();
	my @new = grep { !exists $usual{$_} } sort keys %rows;
	$said += @new;
	my $changed = 0;
	foreach my $row (@new)
	{
		# the whole hint is a statement, or ends with one that holds no example to be replaced
		my ($statement) = $rows{$row} =~ /(?:^|: )(SELECT \* FROM castssl_(?:install|enable)\(.*\);)$/ or next;
		# t/046 types those that begin with a command for the shell; each kind is typed once
		next if $statement =~ /'\.\.\.'|=> \.\.\./ || $rows{$row} =~ /openssl/ || $kinds{ $rows{$row} =~ s/[0-9a-f]{64}//gr }++;
		if ($changed)
		{
			restore();
			put($role, $t->slurp("$files/$file"));
			put('server.key', $t->slurp("$files/$key")) if $key;
		}
		$typed++;
		$changed = 1;
		my $before = CastsslHints::look($t);
		my ($ok, undef, $err) = $t->psql($statement);
		$t->psql('SELECT castssl_confirm(force => true)') if $statement =~ /confirm_within/;
		my %then = rows();
		# or it is refused for what another row is about, and says what comes next
		ok($ok ? !exists $then{$row} : $err =~ /^HINT: /m && keys %rows > 1, "$file as $role: typed for $row")
		  or diag "$statement\n$err\n", explain \%then;
		my @besides = grep { $_ !~ $about } CastsslHints::differences($before, CastsslHints::look($t));
		is_deeply(\@besides, [], 'and nothing else changed');
	}
	restore() if $changed;
	put($_, $good{$_}) foreach keys %good;
	return;
}

foreach my $path (glob "$files/*")
{
	my ($file, $name, $suffix) = $path =~ m{/(([^/]+)\.(crt|key|crl|pem|csr))$} or next;
	next if $name =~ /^[0-9A-F]{40}$/;
	judge('server.crt', $file, -e "$files/$name.key" ? "$name.key" : undef) if $suffix =~ /crt|pem|csr/;
	judge('root.crt', $file) if $suffix =~ /crt|pem/;
	judge('root.crl', $file) if $suffix =~ /crl|crt/;
	judge('server.key', $file) if $suffix =~ /key/;
}
is_deeply({ rows() }, \%usual, 'all files are as they were');
cmp_ok($said, '>', 300, "$said rows");
cmp_ok($typed, '>=', 5, "$typed statements typed");

$t->stop;
done_testing();
