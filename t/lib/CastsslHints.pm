# What typing a hint changes: files of the configuration and of TLS, parameters, and who comes in how.
package CastsslHints;
use strict;
use warnings;
use Digest::SHA;

# Each class of connections with what answers it: the verdict, and the method with its options.
my $access = <<'SQL';
SELECT 'access of ' || u || ' ' || coalesce(host(a), 'by socket') || ' ' || e AS name,
	x.verdict || ' ' || coalesce(substring(split_part(x.rule, '#', 1) from '\m(?:trust|reject|scram-sha-256|md5|password|cert|ldap|radius|peer|ident)\M.*'), '') AS value
FROM unnest('{alice,bob,postgres}'::text[]) u,
	unnest('{NULL,10.1.2.3,192.168.1.1,127.0.0.1,::1}'::inet[]) a,
	unnest('{tls,none}'::text[]) e,
	LATERAL castssl_hba_explain('postgres', u, a, e) x
WHERE a IS NOT NULL OR e = 'none'
SQL

# name => what it is
sub look
{
	my ($t) = @_;
	my %look;
	foreach my $row (@{ $t->rows($access . q{UNION ALL SELECT 'parameter ' || name, setting FROM pg_settings
		WHERE name ~ '^(ssl|hba_|ident_|listen|password_enc|castssl)'}) })
	{
		$look{ $row->{name} } = $row->{value};
	}
	foreach my $file (grep { -f } glob("$t->{data}/*"))
	{
		my ($name) = $file =~ m{([^/]+)$};
		next if $name =~ /^(postmaster\.|current_logfiles|postgresql\.auto\.conf|openssl\.log|was-asked)/;
		$look{"line $_"}++ foreach $name eq 'pg_hba.conf' ? grep { /\S/ } split /\n/, $t->hba : ();
		$look{"file $name"} = sprintf '%o %s', (stat $file)[2], Digest::SHA->new(256)->addfile($file)->hexdigest;
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
