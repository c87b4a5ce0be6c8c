#!/bin/sh
# needs: git
# Git: the work of repack in one process, which searches the deltas of a whole history anew. One thread does it, so
# the pack is always the same.
. "${0%/*}/load.inc"

export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null

inputs()
{
    awk 'BEGIN {
        for (commit = 0; commit < 400; commit++) {
            printf "commit refs/heads/main\ncommitter Somebody <somebody@example.org> %d +0000\n", 1600000000 + commit * 60
            text = "Change " commit
            printf "data %d\n%s\n", length(text), text
            for (k = 0; k < 5; k++) {
                file = (commit * 5 + k) % 200
                body = ""
                for (n = 0; n < 100 + file; n++)
                    body = body "line " n " of file " file " since " (commit - (commit * n) % 13) "\n"
                printf "M 100644 inline dir%d/file%d.txt\ndata %d\n%s\n", file % 10, file, length(body), body
            }
        }
    }' > history
    rm -rf repository
    git init -q --bare -b main repository
    git -C repository fast-import --quiet < history
}

program()
{
    exec git -C repository pack-objects -q --all --stdout --no-reuse-delta --no-reuse-object --window=30 --threads=1 < /dev/null
}

load git awk
