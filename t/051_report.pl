# castssl_report: one page that is valid HTML, holds what castssl_check says, and nothing that anybody
# put into a role, a database, a file or a certificate as markup.
# Needs: tidy chromium
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use Test::More;

my $evil = '<script>alert(1)</script>';
my $t = CastsslTest->new('report');
my $data = $t->{data};

sub report
{
	return $t->sql('SELECT castssl_report()');
}

# Every element that a browser would fetch or run something for.
sub is_self_contained
{
	my ($page, $when) = @_;
	like($page, qr/<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline';/, "$when: and a policy that loads nothing");
	unlike($page, qr/<(?:script|link|iframe|object|embed|img|base|form)\b/i, "$when: no element that loads or runs");
	unlike($page, qr/(?:src|href)\s*=|\@import|url\s*\(|https?:/i, "$when: names nothing elsewhere");
	unlike($page, qr/<[^>]*\son\w+\s*=/i, "$when: no event handlers");
	unlike($page, qr/[^\t\n -~]/, "$when: ASCII, whatever the encoding");
	return;
}

sub is_valid
{
	my ($page, $when) = @_;
  SKIP:
	{
		skip 'tidy is not installed', 1 unless grep { -x "$_/tidy" } split /:/, $ENV{PATH};
		my $file = $t->{work} // CastsslTest::temporary_folder();
		$file .= '/report.html';
		$t->write($file, $page);
		my $said = `tidy -quiet -errors -utf8 --show-info no --drop-empty-elements no '$file' 2>&1`;
		is($said, '', "$when: tidy finds nothing wrong");
	}
	return;
}

# --- before the main job

my $page = report();
like($page, qr/^<!DOCTYPE html>\n<html lang="en">/, 'an HTML page');
like($page, qr{<header class="error">.*<h1>Act now: \d+ error}, 'TLS is off: the verdict says so');
like($page, qr{TLS is off}, 'and the matrix');
is_self_contained($page, 'without TLS');
is_valid($page, 'without TLS');

# --- after it

$t->enable(source_dir => $t->{source}, plaintext => 'block', clientcert => 'verify-full');
$page = report();
like($page, qr{<header class="ok">.*<h1>All is well</h1>}, 'a clean server: all is well');
foreach my $row (@{ $t->rows('SELECT * FROM castssl_check()') })
{
	like($page, qr/\b$row->{check_name}\b/, "names check $row->{check_name}");
}
like($page, qr{<line class="today"}, 'a line for today');
my $bars = () = $page =~ /class="bar \w+"/g;
is($bars, $t->sql('SELECT count(*) FROM castssl_certificates()'), 'a bar for each certificate');
like($page, qr{<td class="word" data-label="What">enable</td>.*<span class="badge ok">applied</span>}, 'the last change');
is_valid($page, 'a clean server');

# --- more than a page has room for, other kinds of addresses, and GSSAPI

my $hba = $t->hba;
my @roles = map { "crew$_" } 1 .. 40;
$t->sql(join ';', map { "CREATE ROLE $_ LOGIN" } @roles);
$t->sql(q{ALTER SYSTEM SET krb_server_keyfile = 'MEMORY:castssl'});
$t->set_hba(join '', $hba, "hostgssenc all all 10.0.0.0/8 gss\n", "hostssl all @{[ join ',', @roles ]} samehost scram-sha-256\n",
	"hostssl all all samenet scram-sha-256\n", "hostssl all all db.example.com scram-sha-256\n",
	map { "hostssl all crew$_ 192.0.2.$_/32 scram-sha-256\n" } 1 .. 60);
$page = report();
like($page, qr/GSSAPI/, 'a column for GSSAPI where there is a keytab');
like($page, qr/crew1, crew2, crew3, crew4, crew5, crew6 and 34 more/, 'many names');
like($page, qr/this host&#x27;s addresses|this host&#39;s addresses|this host's addresses/, 'samehost');
like($page, qr/this host.{1,8}s networks/, 'samenet');
like($page, qr/db\.example\.com/, 'a host name');
like($page, qr/Only the first \d+ networks are shown/, 'many networks');
is_self_contained($page, 'a long one');
$t->sql(q{ALTER SYSTEM SET krb_server_keyfile = ''});
$t->set_hba($hba);
unlike(report(), qr/<th scope="col">GSSAPI/, 'and none without') unless $ENV{KRB5_KTNAME} || -e '/etc/krb5.keytab';
$t->sql('ALTER SYSTEM RESET krb_server_keyfile');
$t->reload;

# --- whatever others can put in

$t->sql(qq{CREATE ROLE "$evil" SUPERUSER LOGIN});
$t->sql(qq{CREATE DATABASE "$evil"});
$t->write("$data/evil.cnf", "[req]\ndistinguished_name=dn\nprompt=no\nutf8=yes\n[dn]\nCN=$evil\nO=\xc3\x84 & \"Co\"\n");
system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -config $data/evil.cnf"
	  . " -keyout $data/evil.key -out $data/evil.crt >/dev/null 2>&1") == 0
  or die 'openssl failed';
my $secret = 'correct-horse-battery';
$t->set_hba($t->hba
	  . qq{host "$evil" "$evil" 10.0.0.0/8 md5 # a remark $secret $evil\n}
	  . qq{local postgres all trust\n}
	  . qq{hostssl all all 10.1.0.0/16 ldap ldapserver=x ldapbasedn="$evil" ldapbinddn=y ldapbindpasswd=$secret\n});
$t->sql("SET SESSION AUTHORIZATION \"$evil\"; SELECT * FROM castssl_install(certificate => pg_read_file('evil.crt'), private_key => pg_read_file('evil.key'), confirm_within => '1 h')");
$page = report();
my $shown = () = $page =~ /&lt;script&gt;alert\(1\)&lt;\/script&gt;/g;
cmp_ok($shown, '>=', 4, "markup of others shows as text ($shown times)");
like($page, qr{<td data-label="Who">&lt;script}, 'of a role');
like($page, qr{<td data-label="Subject">[^<]*&lt;script}, 'of a certificate');
like($page, qr/&#xC4; &amp; /, 'what is not ASCII is there');
unlike($page, qr/$secret/, 'no secret, neither in options nor in comments');
like($page, qr/ldapbindpasswd=\*\*\*/, 'but that there is one');
like($page, qr{<li class="dead">.*local postgres all trust.*never reached: line \d+ answers before}, 'a dead line is marked, in words');
like($page, qr{<li class="warning">.*10\.0\.0\.0/8 md5.*plaintext from other hosts}, 'and one that admits plaintext');
like($page, qr{<th scope="row">10\.0\.0\.0/8</th><td data-label="Not encrypted"><ul><li><span class="badge warning">md5</span> &lt;script},
	'the matrix shows who comes in from there');
is_self_contained($page, 'with markup of others');
is_valid($page, 'with markup of others');

like($page, qr{every user to replication}, 'and replication, which a rule for all databases does not take');

# --- in a browser

SKIP:
{
	my ($chromium) = grep { -x } map { "$_/chromium" } split /:/, $ENV{PATH};
	skip 'chromium is not installed', 2 unless $chromium;
	my $folder = CastsslTest::temporary_folder();

	# The page's policy lets no script run, not even this test's.
	(my $bare = $page) =~ s{<meta http-equiv="Content-Security-Policy"[^>]*>}{};
	# The last word of the page tells how wide it is when 375 pixels are there.
	(my $probe = $bare) =~ s{</body>}{<script>document.title = 'width ' + document.documentElement.scrollWidth</script></body>};
	$t->write("$folder/probe.html", "<!DOCTYPE html><title>x</title><iframe id=f width=375 height=900 srcdoc=\""
		  . ($probe =~ s/&/&amp;/gr =~ s/"/&quot;/gr) . "\"></iframe><script>f.onload = function () { document.title = f.contentDocument.title }</script>");
	my $said = `HOME='$folder' '$chromium' --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=5000 --user-data-dir='$folder/profile' --dump-dom 'file://$folder/probe.html' 2>'$folder/log'`;
	like($said, qr{<title>width (?:3[0-7]\d)</title>}, 'at 375 pixels nothing is wider than the page');
	# the browser's own start page has something to say, too
	is(join("\n", grep { /CONSOLE/ && !m{source: chrome://} } split /\n/, $t->slurp("$folder/log")), '', 'no error on the console');
}

# --- it only reads, and reads for those who watch

my $before = $t->state;
$t->sql('SET default_transaction_read_only = on; SELECT castssl_report()');
is_deeply($t->state, $before, 'nothing was written');
$t->sql('CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher; CREATE ROLE nobody LOGIN');
my ($ok, $out, $err) = $t->psql('SET SESSION AUTHORIZATION watcher; SELECT castssl_report()');
ok($ok, 'pg_monitor may') or diag $err;
unlike($out, qr/$secret/, 'and sees no secret');
($ok) = $t->psql('SET SESSION AUTHORIZATION nobody; SELECT castssl_report()');
ok(!$ok, 'others may not');

done_testing();
