# castssl_fingerprint: one hash that is equal on servers that treat a client alike, and on no others.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $primary = CastsslTest->new('primary', streaming => 1);
my $standby = $primary->from_backup('standby', standby => 1);
$standby->start;

my $total = 'SELECT fingerprint FROM castssl_fingerprint() LIMIT 1';
my $parts = 'SELECT part, subject, fingerprint FROM castssl_fingerprint()';

# The rows of one that the other does not have, "part subject".
sub only
{
	my ($one, $other) = @_;
	my %there = map { ("$_->{part} $_->{fingerprint}" => 1) } @{ $other->rows($parts) };
	return [ map { "$_->{part} " . ($_->{subject} // '') }
		grep { !$there{"$_->{part} $_->{fingerprint}"} && $_->{part} ne 'policy' } @{ $one->rows($parts) } ];
}

sub agree
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($standby->sql($total), $primary->sql($total), $name)
	  or diag explain only($primary, $standby), only($standby, $primary);
	return;
}

sub differ
{
	my ($name, @expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	isnt($standby->sql($total), $primary->sql($total), $name);
	is_deeply([ map { @{ $_ } } only($primary, $standby), only($standby, $primary) ], \@expected, "$name: the rows");
	return;
}

agree('before: both without TLS');
my $before = $primary->sql($total);
like($before, qr/^[0-9a-f]{64}$/, 'a SHA-256');
$primary->enable(source_dir => $primary->{source});
isnt($primary->sql($total), $before, 'castssl_enable changes it');
isnt($standby->sql($total), $primary->sql($total), 'one secured, the other not yet');
$standby->enable(source_dir => $standby->{source});
agree('both secured, each with a certificate of its own');
my $secured = $primary->sql($total);
is($primary->rows($parts)->[0]{part}, 'policy', 'the first row is the whole');
is_deeply([ sort keys %{ { map { $_->{part} => 1 } @{ $primary->rows($parts) } } } ],
	[qw(ca parameter policy rule)], 'kinds of rows');

subtest 'what makes no difference' => sub {
	my $hba = $standby->hba;
	$standby->set_hba("# a comment of its own\n\n" . ($hba =~ s/[ \t]+/\t/gr));
	agree('comments, blanks, line numbers');
	$standby->set_hba($hba . "host all all 127.0.0.1/8 reject\nlocal all alice reject\n");
	$primary->set_hba($primary->hba . "host all all 127.9.9.9/8 reject\n");
	agree('host bits, and a rule that is never reached');
	foreach my $t ($primary, $standby)
	{
		(my $text = $hba) =~ s/^local   all .*$/$t == $primary ? 'local all alice,bob,postgres trust' : 'local all "postgres",bob,alice trust'/me;
		$t->set_hba($text);
	}
	agree('the order of names, and quotes that mean nothing');
	$_->set_hba($hba) foreach $primary, $standby;
	is($standby->sql($total), $secured, 'as before');
	$standby->write('pg_ident.conf', "unused somebody alice\n");
	$standby->reload;
	agree('a map that no rule uses');
	my $conf = $standby->slurp('root.crt');
	$standby->write('root.crt', "a text around\n$conf");
	agree('text around the CA');
	$standby->write('root.crt', $conf);
};

subtest 'what makes one' => sub {
	my $hba = $standby->hba;
	(my $other = $hba) =~ s/^(hostssl.*127\.0\.0\.1.*)clientcert=verify-ca/$1clientcert=verify-full/m;
	$standby->set_hba($other);
	differ('one rule', 'rule hostssl all all 127.0.0.1 255.255.255.255 scram-sha-256 clientcert=verify-ca',
		'rule hostssl all all 127.0.0.1 255.255.255.255 scram-sha-256 clientcert=verify-full');
	my ($first, @rest) = split /^/m, $hba;
	$standby->set_hba(join '', "host all bob 127.0.0.0/8 reject\n", $first, @rest);
	differ('one more rule', 'rule host all bob 127.0.0.0 255.0.0.0 reject');
	$standby->set_hba(join '', $first, "host all bob ::1/128 scram-sha-256\nhost all bob ::/0 reject\n", @rest);
	my $order = $standby->sql($total);
	$standby->set_hba(join '', $first, "host all bob ::/0 reject\n", @rest);
	isnt($standby->sql($total), $order, 'the order of rules');
	$standby->set_hba($hba);
	agree('as before');

	$standby->sql(q{ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.3'});
	$standby->reload;
	differ('one parameter', 'parameter ssl_min_protocol_version = TLSv1.2', 'parameter ssl_min_protocol_version = TLSv1.3');
	$standby->sql('ALTER SYSTEM RESET ssl_min_protocol_version');
	$standby->reload;

	my $root = $standby->slurp('root.crt');
	my $stranger = $standby->slurp($standby->{pki}->path('other-root.crt'));
	$standby->write('root.crt', $root . $stranger);
	differ('one more CA', 'ca CN=castssl test other-root');
	my $both = $standby->sql($total);
	$standby->write('root.crt', $stranger . $root);
	is($standby->sql($total), $both, 'in whatever order');
	$standby->write('root.crt', $root);
	agree('as before');

	$standby->{pki}->openssl(qw(ca -config openssl.cnf -gencrl -crldays 30 -cert root.crt -keyfile root.key -out list.crl));
	$standby->enable(source_dir => $standby->{pki}->source("$standby->{folder}/source",
		'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key', 'list.crl' => 'list.crl'),
		crl_file => 'list.crl');
	differ('a CRL', 'crl CN=castssl test root');
	$standby->sql("ALTER SYSTEM SET ssl_crl_file = ''");
	$standby->reload;
	agree('without it');

	# from 14 on
	if ($standby->sql('SHOW server_version_num') >= 140000)
	{
		my $folder = "$standby->{data}/crls";
		mkdir $folder or die $!;
		my ($hash) = `openssl x509 -noout -subject_hash -in '${\ $standby->path('root.crt')}'` =~ /(\w+)/;
		$standby->write('crls/elsewhere.crl', $standby->slurp($standby->{pki}->path('list.crl')));
		$standby->sql("ALTER SYSTEM SET ssl_crl_dir = 'crls'");
		$standby->reload;
		agree('a directory of CRLs in which the server finds none');
		$standby->write("crls/$hash.r0", $standby->slurp($standby->{pki}->path('list.crl')));
		differ('a CRL in the directory', 'crl CN=castssl test root');
		$standby->sql("ALTER SYSTEM SET ssl_crl_dir = ''");
		$standby->reload;
	}

	$_->set_hba("hostssl all all 127.0.0.0/8 cert map=people\n$hba") foreach $primary, $standby;
	$_->write('pg_ident.conf', $_ == $primary ? "people alice bob\n" : "people alice alice\n"), $_->reload
	  foreach $primary, $standby;
	is_deeply([ map { @$_ } only($primary, $standby) ], ['mapping people alice bob'], 'a map that a rule uses');
};

# who may see it could guess a password by its hash
subtest 'secrets' => sub {
	my @seen = map {
		$primary->set_hba("host all bob 127.0.0.1/32 ldap ldapserver=localhost ldapprefix=x ldapbindpasswd=$_\n" . $CastsslTest::stock_hba);
		my $rows = $primary->rows($parts);
		unlike(join("\n", map { $_->{subject} // '' } @$rows), qr/$_/, 'no secret is shown');
		$rows->[0]{fingerprint};
	} qw(sesame wonderful);
	is($seen[0], $seen[1], 'nor takes part in a hash');
};

subtest 'files that the server would refuse' => sub {
	$primary->write('pg_hba.conf', "nonsense\nlocal all all trust\n");
	like(join("\n", map { "$_->{part} $_->{subject}" } grep { $_->{subject} } @{ $primary->rows($parts) }),
		qr/^rule refused: invalid connection type "nonsense"/m, 'say so');
	unlink $primary->path('root.crt');
	like(join("\n", map { "$_->{part} $_->{subject}" } grep { $_->{subject} } @{ $primary->rows($parts) }),
		qr/^ca refused: the file does not exist/m, 'a CA file that is gone');
};

$standby->stop;
$primary->stop;
done_testing();
