#!/bin/sh
# needs: perl
# Perl: hashes of lists and of hashes, strings built and taken apart.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.pl <<'EOF'
use strict;
use warnings;

my $state = 1;
sub chance { $state = ($state * 16807) % 2147483647; return $state % $_[0]; }

my ($total, %index) = (0);
for my $turn (1 .. 4) {
    for my $n (1 .. 60000) {
        my $word = join '', map { chr(97 + chance(26)) } 1 .. 3;
        push @{ $index{$word}{lines} }, $n;
        $index{$word}{text} .= "$word$n ";
    }
    for my $word (sort keys %index) {
        my @parts = split / /, $index{$word}{text};
        $total += scalar(grep { /7$/ } @parts) + length(join ',', reverse @parts) + @{ $index{$word}{lines} };
        delete $index{$word} if $total % 3 == 0;
    }
}
print "$total\n";
exit(@ARGV && $ARGV[0] ne $total ? 1 : 0);
EOF
}

program() { exec perl load.pl $expected; }

load perl
