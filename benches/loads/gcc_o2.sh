#!/bin/sh
# needs: gcc
# GCC: the compiler proper on a large generated C file, at -O2.
. "${0%/*}/load.inc"

inputs()
{
    gcc -print-prog-name=cc1 > compiler
    awk 'BEGIN {
        for (i = 0; i < 110; i++) {
            printf "struct node%d { int key; double weight[%d]; struct node%d *next; };\n", i, i % 7 + 1, i
            printf "int walk%d(struct node%d *p, int n, int *out)\n{\n    int sum = %d;\n", i, i, i
            printf "    for (int i = 0; i < n; i++) {\n"
            printf "        for (struct node%d *q = p; q; q = q->next) {\n", i
            printf "            switch ((q->key ^ i) %% 9) {\n"
            for (c = 0; c < 9; c++)
                printf "            case %d: sum += q->key * %d + (int)q->weight[%d]; out[(sum & 63) + %d] ^= sum >> %d; break;\n", c, (i * 31 + c * 17) % 101, c % (i % 7 + 1), c, c + 1
            printf "            }\n            if (sum > %d) q->weight[0] *= 1.%d;\n        }\n", i * 1000, i
            printf "        out[i & 31] += sum + (sum << %d);\n    }\n", i % 13 + 1
            if (i > 0)
                printf "    if (n > 3) sum += walk%d((struct node%d *)out, n - 1, out);\n", i - 1, i - 1
            printf "    return sum;\n}\n\n"
        }
    }' > load.c
}

program()
{
    read -r compiler < compiler
    exec "$compiler" -quiet -O2 load.c -o -
}

load gcc awk
