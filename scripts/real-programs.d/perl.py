"""perl: hashes, sorting, regular expressions, long strings and forked children"""

NEEDS = {"perl": "perl"}

SCRIPT = r"""
use strict;
use warnings;

my $state = 1;
sub chance { $state = ($state * 1103515245 + 12345) % 2147483648; return $state % $_[0] }

my $rounds = shift;
for my $round (1 .. $rounds) {
    my %words;
    for my $n (1 .. 300_000) {
        my $word = join '', map { chr(97 + chance(26)) } 1 .. 2 + chance(3);
        push @{ $words{$word} }, $n if chance(3);
    }
    my @order = sort { @{ $words{$b} } <=> @{ $words{$a} } || $a cmp $b } keys %words;
    print "$round: ", scalar(@order), " words, first @order[0 .. 9]\n";
    my $text = join ' ', @order;
    my $count = () = $text =~ /\b([a-z])[a-z]*\1\b/g;
    (my $changed = $text) =~ s/([aeiou])([a-z]?)/<$2$1>/g;
    print "$count matches, ", length($changed), " characters, checksum ", unpack('%32C*', $changed), "\n";
    delete @words{ @order[0 .. @order / 2] };
    my $string = '';
    $string .= 'abc' x chance(40) for 1 .. 50_000;
    print length($string), "\n";
    for my $child (1 .. 4) {
        my $pid = open(my $pipe, '-|') // die "fork: $!";
        if (!$pid) { my @list = map { "$_" x 3 } 1 .. 20_000; print scalar(@list), " from child $child\n"; exit 0 }
        print <$pipe>;
        close $pipe or die "child: $?";
    }
}
"""


def load(run):
    run.write("load.pl", SCRIPT)
    run.call(["perl", "load.pl", 2 * run.scale], env={"PERL_HASH_SEED": "0"}, calls=100_000, served=9)
