# What typing a hint changes: files of the configuration and of TLS, parameters, and who comes in how.
# And which test raises which hint, where t/058_errhints.pl does not.
package CastsslHints;
use strict;
use warnings;
use Digest::SHA;
use File::Glob ':bsd_glob';

# The beginning of a hint, and the test whose server gives it. After a run of all tests,
# scripts/test compares this with what the logs of their servers say.
our %elsewhere = (
	'Bring the definitions up to date: ALTER EXTENSION pg_castssl UPDATE;' => '060_upgrade',
	'Call it outside of a transaction.' => '069_transactions',
	'Declare the function that calls them PARALLEL UNSAFE.' => '062_caller',
	'Edits are staged: SELECT castssl_hba_diff(); shows them.' => '025_hba_lines',
	"Repair the server's files by hand" => '037_journal',
	'Repair the files by hand or from a backup' => '030_changes',
	'Try again when the other change has ended' => '069_transactions',
	'Try again when that transaction has ended.' => '069_staging',
	'SELECT * FROM castssl_changes() shows it.' => '036_survival',
	'Look at these files and at SELECT * FROM castssl_check();' => '036_survival',
	'COMMIT instead, or call castssl_* outside' => '069_transactions',
	"The server's log says why.  Without confirm_within" => '035_workers',
	'Call this again when that role has confirmed' => '031_confirm',
	'Raise max_worker_processes and restart the server' => '031_confirm',
	'The worker tries again every ' => '036_survival',
	'The next castssl_* call that changes something' => '036_survival',
	'A superuser starts the worker by: SELECT * FROM castssl_changes();' => '030_changes',
	"The server's log may say why" => '064_proof',
	'COMMIT that transaction, then confirm' => '069_transactions',
	'Make the change again, and confirm it in time.' => '031_confirm',
	'Correct that, and the server undoes the change by itself.' => '036_survival',
	'%sMake this change where the server is configured' => '074_managed',
	'COMMIT, and confirm it from a new connection' => '069_transactions',
	'Install a certificate with these names: castssl_csr' => '043_clients',
	'To keep TLS: ALTER SYSTEM SET ssl = on;' => '013_citizen',
	'To keep what is in effect: ' => '017_cut_off',
	'To drop them: ' => '017_cut_off',
	'Set their passwords again' => '055_judge',
	'%s%sLook at SELECT * FROM castssl_hba_compare(); before' => '055_judge',
	'To keep it: SELECT castssl_confirm(); from a new connection.  Somebody has edited' => '031_confirm',
	'Rolling back would lose %s.  %sTo keep the change' => '031_confirm',
	'Change what this server has instead' => '006_standby',
	'Look at the file: is it what hba_file should name?' => '020_hba_stage',
	'Copy the key, or let a superuser make this call.' => '066_where_files_go',
	"Make a CA with key_type => 'ec:P-384'" => '055_judge',
	'Let a superuser make this call' => '045_keys_hostile',
	'Let a superuser sign this one.' => '045_keys_hostile',
	'Make a request whose whole subject is CN=' => '045_keys_hostile',
	"Make a request with the role's name in UTF-8" => '045_keys_hostile',
	'SELECT pg_terminate_backend(%d); ends the first one' => '040_keys',
	'Look at the file.  Then discard the edits' => '020_hba_stage',
	'Use a role that the users are members of' => '065_interrupts',
	'SELECT castssl_hba_diff() shows all' => '025_hba_lines',
	'To take it back: SELECT' => '030_changes',
	'Run as root: chown %s:%d %%s' => '005_errors',
	'Run as root: %s' => '005_errors',
	'%s  Or run as root: %s' => '005_errors',
	'Name another target_dir.' => '066_where_files_go',
	'Mount the folder that holds the file' => '033_disk_full',
	'Put the file and its directories themselves there' => '066_where_files_go',
	'A superuser can add the directory to castssl.allowed' => '010_privileges',
	"As the server's account: mkdir -p -m 700 " => '046_input_files',
	'Give the server copies.  Run as root: ' => '046_input_files',
	'If it is not wanted any more: SELECT castssl_revoke' => '047_issued',
	'There is a copy: put it back.  Run as root: ' => '048_authority_place',
	"Put it back from a backup, or from a client's" => '048_authority_place',
	'Put it back from a backup.  Where there is none, start again with a new CA: move' => '048_authority_place',
	'Put it back from a backup.  Where there is none, start again with a new CA in' => '048_authority_place',
	'Leave the folder as it is, and use the usual one: ' => '048_authority_place',
	'To have another one beside it: ' => '048_authority_place',
	'Take that CRL into ssl_crl_file, with one of each other CA' => '048_revocations',
	'This server does not check the CRL yet.' => '048_revocations',
	'The CRL is "%s": SELECT * FROM castssl_install(crl => ...); on each other' => '048_revocations',
	'%s  Then revoke the certificate.' => '048_revocations',
	'Write the names into the rule' => '061_security',
	'Name another file.' => '061_security',
	'Include it by one name alone' => '026_two_names',
	'Start the server, and call this in a session.' => '013_citizen');

# The rows whose test did not get the hint: a list of those whose test has run and has passed over
# nothing, and one of those whose test did not run to its end, or has passed over something, which may
# be this. $noted: the folder of CASTSSL_HINTS; $skipped: the file of CASTSSL_SKIPPED.
sub missing
{
	my ($noted, $skipped) = @_;
	my %passed = map { $_ => 1 } slurp($skipped) =~ m{^t/(\w+)\.pl\t}mg;
	my (@missing, @unknown);
	foreach my $begin (sort keys %elsewhere)
	{
		my $test = $elsewhere{$begin};
		my $pattern = join '.*', map { quotemeta } split /%(?:l?d|s|\.0f)/, $begin =~ s/%%/%/gr;
		$pattern =~ s/\\\((?=\\[,)])/\\(\\d*/g;    # the number of a change, which is not in the string
		next if slurp("$noted/$test") =~ /^$pattern/m;
		push @{ $passed{$test} || !-e "$noted/$test" ? \@unknown : \@missing }, "t/$test.pl: $begin";
	}
	return (\@missing, \@unknown);
}

sub slurp
{
	my ($file) = @_;
	open my $in, '<', $file or return '';
	local $/;
	return scalar <$in> // '';
}

# Each class of connections with what answers it: the verdict, and the method with its options.
my $access = <<'SQL';
SELECT concat_ws(' ', 'access of', u, coalesce(host(a), 'by socket'), e, nullif(d, 'postgres'), CASE WHEN c IS NOT NULL THEN 'with a certificate' END) AS name,
	x.verdict || ' ' || coalesce(substring(split_part(x.rule, '#', 1) from '\m(?:trust|reject|scram-sha-256|md5|password|cert|ldap|radius|peer|ident)\M.*'), '') AS value
FROM unnest('{alice,bob,postgres}'::text[]) u,
	unnest('{NULL,10.1.2.3,192.168.1.1,127.0.0.1,::1}'::inet[]) a,
	unnest('{tls,none}'::text[]) e,
	unnest('{postgres,template1,replication}'::text[]) d,
	unnest(ARRAY[NULL, :cert]) c,
	LATERAL castssl_hba_explain(replace(d, 'replication', 'postgres'), u, a, e, replication => d = 'replication', client_certificate => c) x
WHERE (a IS NOT NULL OR e = 'none') AND (c IS NULL OR (e = 'tls' AND u = 'alice'))
SQL

# Parameters as they are in effect, and where their values stand.
my $parameters = <<'SQL';
SELECT 'parameter ' || name AS name, setting AS value FROM pg_settings WHERE name ~ '^(ssl|hba_|ident_|listen|password_enc|castssl)'
UNION ALL SELECT 'stored ' || name, string_agg(setting, ', ') FROM pg_file_settings WHERE sourcefile ~ '[.]auto[.]conf$' GROUP BY name
SQL

# The folders whose files count: of the configuration, of TLS, the data directory with what is in it
# but for the server's own, and what the small CA keeps.
my $servers_own = qr{^(?:base|global|log|pg_(?!hba|ident|castssl)\w+)$};

sub files
{
	my ($t) = @_;
	my %folders = map { (s{/[^/]*$}{}r) => 1 } grep { m{^/} } split /\n/, $t->sql(q{SELECT setting FROM pg_settings WHERE name ~ '^(ssl_.*_file|config_file|hba_file|ident_file)$'});
	my @left = ($t->{data}, grep { $_ ne $t->{data} } keys %folders);
	my @files;
	while (my $folder = shift @left)
	{
		foreach my $path (glob "$folder/*")
		{
			my $name = $path =~ s{^\Q$t->{data}\E/}{}r;
			push @files, [ $name, $path ] if -f $path && $name !~ m{^(?:postmaster\.|current_logfiles|postgresql\.auto\.conf|openssl\.log|was-asked|pg_castssl/[^/]+$)};
			push @left, $path if -d $path && !-l $path && $path =~ m{^\Q$t->{data}\E/} && $name !~ $servers_own && $name !~ m{^pg_castssl/(?!ca$|issued$)[^/]+$};
		}
	}
	return @files;
}

# name => what it is
sub look
{
	my ($t) = @_;
	# with a CA file that cannot be read nobody knows what a certificate is worth
	my $certificate = CastsslTest::quote($t->slurp($t->{pki}->path('alice.crt')));
	my ($known) = $t->psql("SELECT castssl_hba_explain('postgres', 'alice', inet '127.0.0.1', client_certificate => $certificate)");
	my $of_alice = $access =~ s/:cert/$known ? $certificate : 'NULL::text'/er;
	my %look = map { $_->{name} => $_->{value} } @{ $t->rows("$of_alice UNION ALL ($parameters)") };
	$look{"line $_"}++ foreach grep { /\S/ } split /\n/, $t->hba;
	foreach my $file (files($t))
	{
		my ($name, $path) = @$file;
		$look{"file $name"} = sprintf '%o %s', (stat $path)[2], -r $path ? Digest::SHA->new(256)->addfile($path)->hexdigest : '';
	}
	return \%look;
}

# "access of bob 10.1.2.3 none: in md5 -> refused", "line host ...: 1 -> not there": one for each that is another.
sub differences
{
	my ($before, $after) = @_;
	my %names = map { $_ => 1 } keys %$before, keys %$after;
	delete $names{'file pg_hba.conf'} if grep { /^line / && ($before->{$_} // 0) != ($after->{$_} // 0) } keys %names;
	return map { "$_: " . ($before->{$_} // 'not there') . ' -> ' . ($after->{$_} // 'not there') }
	  grep { ($before->{$_} // '') ne ($after->{$_} // '') } sort keys %names;
}

1;
