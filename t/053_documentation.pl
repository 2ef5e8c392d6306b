# README.md and docs/*.md: every SQL example runs, and the reference names exactly the functions,
# parameters and columns that there are.
#
# Each ```sql block runs as written, in the order of its document, each in a psql session of its own
# as superuser, on a server without the extension at first. In it
#   /etc/postgresql/tls             is a folder with server.key, server.crt, root.crt and alice.crt;
#                           it is the working directory of psql and the shell, with dba.crt and dba.key,
#                           too, and new-root.crt
#   /etc/postgresql/tls-new is the same with another server.crt and server.key
#   <!-- setup: SQL -->     before a block is run too, and not shown to readers
#   ```text                 directly after a block is what it prints, where … stands for anything
#   ```sql norun            is not run; the test counts these
#   ```bash run             is run without sudo; host=db1.example.com is this server
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use CastsslTest;
use File::Basename qw(basename);
use Test::More;

my $root = "$FindBin::RealBin/..";
my %norun = ('automation.md' => 1);    # how many examples of a document are not run; t/075_automation.pl runs this one
my %elsewhere = ('cast.md' => '079_cast.pl');    # documents that another test runs, on a server of another kind

sub text_of
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

# The examples of a document: { line, kind, body, output }.
sub examples
{
	my ($text) = @_;
	my @examples;
	while ($text =~ /<!-- setup: (?<setup>.*?) -->|^(?<pad>[ ]*)```(?<info>sql|sql norun|bash run)\n(?<body>.*?)^\g{pad}```\n(?:\s*\n```text\n(?<out>.*?)^```\n)?/msg)
	{
		my %example = %+;
		$example{line} = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
		push @examples, \%example;
	}
	return @examples;
}

# Whether the output is as the document says, apart from trailing blanks and what … stands for.
sub matches
{
	my ($output, $wanted) = @_;
	s/[ \t]+$//mg, s/\s+\z// foreach $output, $wanted;
	my $pattern = join '.*?', map { quotemeta } split /\xe2\x80\xa6/, $wanted, -1;
	return $output =~ /\A$pattern\z/s;
}

# Commands of a shell, as they stand but for the host, root's part, and the password.
sub run_shell
{
	my ($t, $commands) = @_;
	$commands =~ s/\bsudo //g;
	$commands =~ s/ -o postgres -g postgres\b//g;
	$commands =~ s/host=db1\.example\.com/'host=localhost hostaddr=127.0.0.1 port=' . $t->{node}->port/eg;
	local $ENV{PGPASSWORD} = 'wonderland';
	return CastsslOpenssl::run('', 'sh', '-e', '-c', $commands);
}

# The working directory of the examples.
sub here
{
	my ($t) = @_;
	my $pki = $t->{pki};
	my $here = CastsslTest::temporary_folder();
	$pki->openssl(qw(ca -config openssl.cnf -cert root.crt -keyfile root.key -gencrl -crldays 30 -out root.crl));
	foreach my $copy ([ 'alice.crt', "$t->{source}/alice.crt" ], [ 'alice.crt', "$here/dba.crt" ], [ 'alice.key', "$here/dba.key" ],
		[ 'other-root.crt', "$here/new-root.crt" ], [ 'other-root.crt', "$t->{source}/new-root.crt" ], [ 'root.crl', "$t->{source}/company.crl" ])
	{
		system('cp', '-p', $pki->path($copy->[0]), $copy->[1]) == 0 or die "no $copy->[1]";
	}
	$pki->source($here);
	$pki->source("$t->{source}-new", 'server.crt' => 'server-renewed.crt', 'server.key' => 'server-renewed.key');
	return $here;
}

sub run_document
{
	my ($file) = @_;
	my $name = basename($file);
	my @examples = examples(text_of($file));
	my @skipped = grep { ($_->{info} // '') eq 'sql norun' } @examples;
	is(scalar @skipped, $norun{$name} // 0, "$name: examples that are not run: " . join(', ', map { "line $_->{line}" } @skipped));
	return unless grep { ($_->{info} // '') eq 'sql' } @examples;
	my $t = CastsslTest->new('doc_' . basename($file, '.md'));
	my $here = here($t);
	chdir $here or die "$here: $!";
	$t->sql('DROP EXTENSION pg_castssl');
	$t->sql('CREATE EXTENSION pg_castssl') if $name ne 'README.md';
	foreach my $example (@examples)
	{
		next if ($example->{info} // '') eq 'sql norun';
		my $sql = $example->{setup} // $example->{body};
		$sql =~ s{/etc/postgresql/tls}{$t->{source}}g;
		my $shell = ($example->{info} // '') eq 'bash run';
		# what confirms is typed in a new connection: here alice comes in, too, and the number is the one that waits
		my $guest = $sql =~ /castssl_confirm/ && !$shell ? $t->guest : undef;
		$sql =~ s/castssl_confirm\(\d*\)/'castssl_confirm(' . $t->in_effect . ')'/e;
		my ($ok, $out, $err) = $shell ? run_shell($t, $sql)
		  : CastsslOpenssl::run($sql, 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-P', 'pager=off', '-h', $t->{node}->host,
			'-p', $t->{node}->port, '-U', 'postgres', 'postgres');
		$guest->quit if $guest;
		ok($ok, "$name, line $example->{line} runs") or diag "$sql\n$err";
		next unless defined $example->{out};
		ok(matches($out, $example->{out}), "$name, line $example->{line} prints that") or diag $out;
	}
	$t->stop;
	return;
}

# function => { parameters => [ 'name type default' ... ], columns => [ 'name type' ... ] } as the pages of the reference
# have them
sub reference
{
	my %functions;
	my ($function, $part);
	foreach my $line (map { split /\n/, text_of($_) } sort glob "$root/docs/reference-*.md")
	{
		undef $function if $line =~ /^# /;
		$functions{ $function = $1 } = { parameters => [], columns => [], text => '' } if $line =~ /^### (castssl_\w+(?:\(\w+\))?)$/;
		next unless $function;
		$functions{$function}{text} .= "$line\n";
		$part = { parameter => 'parameters', column => 'columns' }->{$1} // $1 if $line =~ /^\| (\w+) \|/;
		push @{ $functions{$function}{$part} }, "$1 $2" . ($part eq 'parameters' && $3 ? " $3" =~ tr/`//dr : '')
		  if $line =~ /^\| `([\w-]+)` \| ([^|]+?) \| (?:(`[^|]*`|required) \|)?/;
	}
	return \%functions;
}

subtest 'the reference is that of pg_proc' => sub {
	my $t = CastsslTest->new('reference');
	my %proc;
	foreach my $row (@{ $t->rows(<<'SQL') })
	SELECT p.proname || CASE WHEN EXISTS (SELECT FROM pg_proc older WHERE older.proname = p.proname AND older.oid < p.oid)
		THEN '(' || p.proargnames[1] || ')' ELSE '' END AS proname, a.mode, a.name, format_type(a.type, NULL) AS type,
		regexp_replace(pg_get_function_arg_default(p.oid, a.position::int), '::[a-z ]+(\[\])?$', '') AS "default",
		format_type(p.prorettype, NULL) AS returned,
		CASE WHEN 'pg_monitor'::regrole IN (SELECT grantee FROM aclexplode(p.proacl)) THEN 'Read' ELSE 'Change' END AS head
	FROM pg_proc p
	JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_castssl'
	LEFT JOIN LATERAL unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes, p.proargnames)
		WITH ORDINALITY AS a (type, mode, name, position) ON a.type IS NOT NULL
	ORDER BY p.oid, a.position
SQL
	{
		my $f = $proc{ $row->{proname} } //= { parameters => [], columns => [] };
		$f->{$_} = $row->{$_} foreach qw(head returned);
		next unless $row->{name};
		my $in = ($row->{mode} // 'i') =~ /[ib]/;
		push @{ $f->{ $in ? 'parameters' : 'columns' } }, "$row->{name} $row->{type}" . ($in ? ' ' . ($row->{default} // 'required') : '');
	}
	my $reference = reference();
	is_deeply([ sort keys %$reference ], [ sort keys %proc ], 'the functions');
	my @listed = text_of("$root/docs/reference.md") =~ /\[(castssl_\w+(?:\(\w+\))?)\]\(reference-/g;
	is_deeply([ sort @listed ], [ sort keys %proc ], 'docs/reference.md lists them');
	foreach my $name (sort keys %proc)
	{
		my $f = $reference->{$name} or next;
		is_deeply($f->{$_}, $proc{$name}{$_}, "$name: $_") or diag explain $proc{$name}{$_} foreach qw(parameters columns);
		like($f->{text}, qr/^\Q$_\E/m, "$name: $_") foreach 'Errors: ', 'Since ', '```sql';
		like($f->{text}, qr/\A\N*\n\n\N* $proc{$name}{head}\.\n/, "$name: who may call it");
		like($f->{text}, qr/^Returns \Q$proc{$name}{returned}\E: /m, "$name: what it returns") unless @{ $proc{$name}{columns} };
		like(text_of("$root/README.md"), qr/\b\Q$name\E/, "$name is in the README");
	}
	foreach my $row (text_of("$root/README.md") =~ /^(\| `castssl_.*)$/mg)
	{
		while ($row =~ /`(castssl_\w+)\(([\w, ]+)\)`/g)
		{
			my ($name, @named) = ($1, split /, /, $2);
			my ($f) = grep { $_ } map { $proc{$_} } "$name($named[0])", $name;
			my @have = map { (split / /)[0] } @{ $f->{parameters} };
			is_deeply(\@named, [ grep { defined } @have[ 0 .. $#named ] ], "README: $name(@named)");
		}
	}
	$t->stop;
};

# What a source file says in such texts, in its order, with … for what is filled in.
sub sentences
{
	my ($file, $pattern) = @_;
	my $text = text_of($file);
	$text =~ s{/\*.*?\*/|^\#[^\n]*}{}msg;
	my @found;
	while ($text =~ /((?:"(?:[^"\\]|\\.)*"\s*)+)/g)
	{
		my $sentence = join '', $1 =~ /"((?:[^"\\]|\\.)*)"/g;
		$sentence =~ s/^\\n//;
		$sentence =~ s/\\"/"/g;
		next unless $sentence =~ $pattern;
		$sentence =~ s/%[sd]/\xe2\x80\xa6/g;
		push @found, $sentence unless grep { $_ eq $sentence } @found;
	}
	return @found;
}

# The values of a parameter or column are those that the server names; each parameter that has some
# stands here, and what the reference says of it, the COMMENT and the documents are compared.
subtest 'the reasons of errors are those of the source' => sub {
	my %raised = map { $_ => 1 } map { text_of($_) =~ /castssl_err_reason\("(\w+)"\)/g } split /\n/, `find '$root/src' -name '*.c'`;
	my ($section) = text_of("$root/docs/reference.md") =~ /^## The reason of an error.*?\n(.*?)^## /ms;
	is_deeply([ $section =~ /^\| `(\w+)` \|/mg ], [ sort keys %raised ], 'docs/reference.md has them all');
};

subtest 'values are those of the server' => sub {
	my $t = CastsslTest->new('values');
	my $reference = reference();
	my $detail = sub {
		my ($call) = @_;
		my (undef, undef, $err) = $t->psql("SELECT * FROM $call");
		return [ split /, | and /, ($err =~ /Valid values are (.*)\.$/m)[0] // "no list of values: $err" ];
	};
	my %values = (
		'castssl_client_config format' => $detail->(q{castssl_client_config(format => '?', host => 'h', user_name => 'u')}),
		'castssl_enable profile' => $detail->(qq{castssl_enable(clientcert => 'verify-ca', source_dir => '$t->{source}', profile => '?', dry_run => true)}),
		'castssl_sign purpose' => $detail->(q{castssl_sign('x', purpose => '?')}),
		'castssl_hba_explain encryption' => $detail->(q{castssl_hba_explain('d', 'u', encryption => '?')}));
	foreach my $function (qw(castssl_enable castssl_hba_require_tls))
	{
		$values{"$function $_"} = $detail->("$function($_ => '?')") foreach qw(clientcert plaintext auth_method);
	}
	my ($states) = text_of("$root/src/change/record.c") =~ /\bstate_names\[\] = \{(.*?)\}/s;
	$values{'castssl_changes state'} = [ $states =~ /"([^"]+)"/g ];
	my ($severities) = text_of("$root/src/base/finding.c") =~ /\bnames\[\] = \{(.*?)\}/s;
	$values{'castssl_check severity'} = [ $severities =~ /"([^"]+)"/g ];
	$values{'castssl_changes action'} = [ map { text_of($_) =~ /castssl_plan_new\("([^"]+)"\)/g } map { "$root/src/flow/recipe/$_.c" } qw(enable install revoke undo staging) ];
	my ($channels) = text_of("$root/src/hba/access/compare.c") =~ /\bchannel_names\[\w*\] = \{(.*?)\}/s;
	$values{"$_ encryption"} = [ $channels =~ /"([^"]+)"/g ] foreach qw(castssl_hba_compare castssl_hba_impact);
	my ($changes) = text_of("$root/src/hba/match/outcome.c") =~ /^castssl_hba_change_name\((.*?)^\}/ms;
	$values{'castssl_hba_compare change'} = [ $changes =~ /return "([^"]+)"/g ];
	my ($verdicts) = text_of("$root/src/flow/ask/explain.c") =~ /^castssl_verdict_name\(.*?names\[\] = \{(.*?)\}/ms;
	$values{'castssl_hba_explain verdict'} = [ $verdicts =~ /"([^"]+)"/g ];
	foreach my $key (sort keys %values)
	{
		my ($function, $name) = split / /, $key;
		my ($row) = $reference->{$function}{text} =~ /^(\| `$name` \|.*)$/m;
		my @listed = ($row // '') =~ /`([^`]+)`/g;
		shift @listed;
		@listed = grep { !/^'/ } @listed;    # the default
		@listed = grep { $_ ne 'NULL' } @listed;
		cmp_ok(scalar @{ $values{$key} }, '>', 1, "$key: @{ $values{$key} }");
		is_deeply(\@listed, $values{$key}, "$key: the reference");
	}
	is_deeply([ $reference->{castssl_hba_explain}{text} =~ /^- `(.*)`$/mg ],
		[ map({ sentences("$root/src/$_", qr/^(?:[A-Z]|pg_ident).* .*(?:[.:]|%s)$/) } qw(flow/ask/explain.c tls/terms.c flow/ask/maps.c flow/ask/account.c)),
			sentences("$root/src/flow/ask/rotation.c", qr/^Its certificate was issued by/),
			sentences("$root/src/hba/match/reason.c", qr/ .*%s|%s.* /) ],
		'reasons of castssl_hba_explain');
	is_deeply([ $reference->{castssl_hba_impact}{text} =~ /^- `(.*)`$/mg ], [ sentences("$root/src/flow/ask/impact.c", qr/most drivers/) ],
		'reasons of castssl_hba_impact');
	is($t->sql("SELECT count(*) > 0 AND count(role) + count(file_name) = 0 FROM castssl_certificate_info(pg_read_file('$t->{source}/server.crt'))"), 't',
		'castssl_certificate_info: what is NULL');
	my $formats = $values{'castssl_client_config format'};
	my $listed = join(', ', @$formats[ 0 .. $#$formats - 1 ]) . " or $formats->[-1]";
	like($t->sql(q{SELECT obj_description('castssl_client_config'::regproc, 'pg_proc')}), qr/: \Q$listed\E$/, 'formats: the COMMENT');
	like($reference->{castssl_client_config}{text}, qr/: \Q$listed\E\. Read\.$/m, 'formats: the head of the reference');
	my ($line) = text_of("$root/docs/keys.md") =~ /^with formats (.*?); /ms;
	$line =~ s/\([^)]*\)//g;
	($line) = $line =~ /^(.*?)\./s if $line =~ /\./;
	is_deeply([ ($line // '') =~ /`(\w+)`/g ], $formats, 'formats: docs/keys.md');
	my @checks = text_of("$root/src/flow/check/checks.h") =~ /^\tCHECK\((\w+, \w+, \w+, "[^"]*")\)/mg;
	is_deeply(
		[ $reference->{castssl_check}{text} =~ /^\| (`\w+` \| `\w+` \| .*) \|$/mg ],
		[ map { /^(\w+), \w+, CASTSSL_(\w+), "(.*)"/; "`$1` | `" . lc($2) . "` | $3" } @checks ],
		'checks: names, severities and titles');
	# column code: a closed list
	my $steps = text_of("$root/src/flow/plan/steps.h");
	my %codes = $steps =~ /^\tCODE\((\w+), "(.*)"\)/mg;
	my ($section) = text_of("$root/docs/reference.md") =~ /^## Codes\n(.*)/ms;
	is_deeply({ ($section // '') =~ /^\| `(\w+)` \| (.*) \|$/mg }, \%codes, 'codes: the reference');
	my $source = join '', map { text_of($_) } glob "$root/src/*/*.[ch] $root/src/*/*/*.[ch]";
	foreach my $code (sort keys %codes)
	{
		ok($source =~ /\bCASTSSL_CODE_$code\b|"$code"/, "codes: $code comes up");
	}
	$t->stop;
};

run_document($_) foreach grep { !$elsewhere{ basename($_) } } "$root/README.md", sort glob "$root/docs/*.md";
like(text_of("$root/t/$elsewhere{$_}"), qr{docs/\Q$_\E}, "$_: t/$elsewhere{$_} runs it") foreach sort keys %elsewhere;

# the cheat sheet has nothing but what the pages of tasks have, which was run above
{
	my $tasks = join '', map { text_of($_) } glob "$root/docs/tasks*.md";
	my @statements = text_of("$root/docs/cheatsheet.md") =~ /`(SELECT .*?;)`/g;
	cmp_ok(scalar @statements, '>=', 25, 'cheatsheet.md has ' . @statements . ' statements');
	is_deeply([ grep { index($tasks, "\n$_\n") < 0 } @statements ], [], 'cheatsheet.md: each is run for docs/tasks*.md');
}

is(`'$root/scripts/check-links'`, '', 'no broken link');
# in a package, too, which has README.md and what make documentation takes with it
my $packaged = CastsslTest::temporary_folder();
is(`make -s -C '$root' documentation TO='$packaged' 2>&1; '$root/scripts/check-links' '$packaged'`, '', 'no broken link in a package');

# the README leads to each page, the reference to its own
foreach my $page (map { basename($_) } glob "$root/docs/*.md")
{
	like(text_of($page =~ /^reference-/ ? "$root/docs/reference.md" : "$root/README.md"), qr{\]\((?:docs/)?\Q$page\E[)#]}, "$page is linked");
}

# no page is longer than one can read, and each says first what the reader can do after it
my @folders = ('.', qw(bench debian docs examples monitoring src));
foreach my $file (map({ glob "$root/$_/*.md" } @folders), glob "$root/src/*/*/README.md")
{
	my $name = basename($file);
	like(text_of($file), qr/\A# .*\n\n(?:After|On) this page [^.]*\byou/, "$name: begins with what the reader can do after it")
	  if $file =~ m{/docs/[^/]*$};
	cmp_ok(text_of($file) =~ tr/\n//, '<=', 300, "$name: at most 300 lines") unless $name eq 'CHANGELOG.md';
}

done_testing();
