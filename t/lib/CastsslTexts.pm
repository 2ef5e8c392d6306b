# What the servers of a test file have said, for CastsslHints: CASTSSL_HINTS is the folder where two files
# with the name of the test keep it. One has the hints in their logs; the other, .texts, each line of words
# that an answer or a log had.
#
# A text of the source is every string of it that begins with a capital letter (or with %s, or with the
# name of a function of ours) and has three words: what a DETAIL, a HINT, a row or the log says. It is
# given where a line of the answers has its fixed parts in their order. Not counted: queries (they have
# pg_catalog.), descriptions of parameters, titles of checks.
package CastsslTexts;
use strict;
use warnings;
use CastsslHints ();
use CastsslOpenssl ();

my %texts;

sub note
{
	my ($answer) = @_;
	return unless $ENV{CASTSSL_HINTS};
	# what is longer is a file or a certificate
	$texts{$_} = 1 foreach grep { length $_ < 4000 && / \S+ / } split /\n/, $answer;
	return;
}

sub keep
{
	my (@logs) = @_;
	my $folder = $ENV{CASTSSL_HINTS} or return;
	my %hints;
	foreach my $log (grep { -f } @logs)
	{
		my $said = CastsslOpenssl::slurp($log);
		$hints{$_} = 1 foreach $said =~ /\bHINT:  (.*)/g;
		$texts{$_} = 1 foreach $said =~ /\b(?:DETAIL|LOG|WARNING):  (.*)/g;
	}
	foreach ([ '', \%hints ], [ '.texts', \%texts ])
	{
		my ($suffix, $noted) = @$_;
		open my $out, '>', "$folder/" . $0 =~ s{.*/|\.pl$}{}gr . $suffix or return;
		foreach my $line (sort keys %$noted)
		{
			utf8::encode($line) if utf8::is_utf8($line);
			print $out "$line\n";
		}
		close $out or return;
	}
	return;
}

# text => a file that has it
sub of_source
{
	my ($root) = @_;
	my %found;
	foreach my $file (sort split /\n/, `find '$root/src' -name '*.[ch]'`)
	{
		next if $file =~ m{/(?:base/settings|base/fault|flow/check/checks)\.[ch]$};
		my $source = CastsslOpenssl::slurp($file);
		# comments, but not what looks like one in a string
		$source =~ s{("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')|/\*.*?\*/}{$1 // ' '}gse;
		while ($source =~ /((?:"(?:[^"\\\n]|\\.)*"\s*)+)/g)
		{
			my $text = join '', $1 =~ /"((?:[^"\\\n]|\\.)*)"/g;
			$text =~ s/\\"/"/g;
			$text =~ s/\s+$//;
			$found{$text} //= $file =~ s{.*/src/}{}r if $text =~ /^(?:[A-Z]|%s |castssl_)/ && $text =~ /[a-z]{2,} [^ ]+ / && $text !~ /pg_catalog\./;
		}
	}
	return \%found;
}

# The texts of the source that no test has given: a hash as that of of_source().
sub not_given
{
	my ($root, $noted) = @_;
	my %given;
	foreach my $file (glob "$noted/*")
	{
		# as an answer of row_to_json() has them
		$given{s/\\n/ /gr =~ s/\\(["\\])/$1/gr} = 1 foreach split /\n/, CastsslOpenssl::slurp($file);
	}
	my $given = join "\n", '', keys %given, '';
	my $texts = of_source($root);
	foreach my $text (keys %$texts)
	{
		my @parts = split /%[-0-9.]*(?:l+|z)?[a-z]|%%|\\n/, $text;
		my ($longest) = sort { length $b <=> length $a } map { s/^\s+|\s+$//gr } @parts;
		my $pattern = join '.*?', map { quotemeta } @parts;
		# the lines that have the longest part, until one has them all
		for (my $at = index $given, $longest; $at >= 0; $at = index $given, $longest, $at)
		{
			my $begin = rindex($given, "\n", $at) + 1;
			$at = index $given, "\n", $at;
			next if substr($given, $begin, $at - $begin) !~ /$pattern/;
			delete $texts->{$text};
			last;
		}
	}
	return $texts;
}

sub listed
{
	return grep { !/^#/ } split /\n/, CastsslOpenssl::slurp(__FILE__ =~ s{[^/]+$}{texts_not_given}r);
}

# Those that are not listed in the file beside this one, and that have no row in CastsslHints, "file: text":
# each is new, and wants a test.
sub new_ones
{
	my ($root, $noted) = @_;
	my %listed = map { $_ => 1 } listed();
	my $not_given = not_given($root, $noted);
	my $has_row = sub { my ($text) = @_; return scalar grep { index($text, $_) == 0 } keys %CastsslHints::elsewhere };
	return map { "$not_given->{$_}: $_" } grep { !$listed{$_} && !$has_row->($_) } sort keys %$not_given;
}

1;
