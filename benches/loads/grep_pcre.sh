#!/bin/sh
# needs: grep
# Grep: a generated tree searched with Perl's regular expressions.
. "${0%/*}/load.inc"

inputs()
{
    rm -rf tree
    for d in 0 1 2 3 4 5 6 7 8 9; do mkdir -p tree/dir$d; done
    awk 'BEGIN {
        x = 1
        for (file = 0; file < 2500; file++) {
            name = "tree/dir" file % 10 "/file" file ".txt"
            for (line = 0; line < 300; line++) {
                text = ""
                for (word = 0; word < 9; word++) {
                    x = (x * 16807) % 2147483647
                    text = text substr("bearingdistancestonecornercreekoakthence", 1 + x % 31, 2 + x % 9) " "
                }
                print text line > name
            }
            close(name)
        }
    }'
}

program() { exec grep -rPoh '\b(\w)\w*(\w)(?=\s+\w*\1\w*\2)|(?<!n)ce\w+\s+\d+7$' tree; }

load grep awk
