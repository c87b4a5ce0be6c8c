"""git: a generated repository: import, commits, diffs, blame, repack by threads, clone and fsck"""

NEEDS = {"git": "git"}

ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.org",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "Somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.org",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


def content(file, version):
    return "".join(f"line {n} of file {file} since {version - (version * n) % 13}\n" for n in range(100 + file))


def history(commits):
    """A stream for fast-import: each commit changes five of two hundred files."""
    for commit in range(commits):
        text = f"Change {commit}"
        yield "commit refs/heads/main"
        yield f"committer Somebody <somebody@example.org> {1_600_000_000 + commit * 60} +0000"
        yield f"data {len(text)}\n{text}"
        for k in range(5):
            file = (commit * 5 + k) % 200
            body = content(file, commit)
            yield f"M 100644 inline dir{file % 10}/file{file}.txt\ndata {len(body)}\n{body}"


def load(run):
    def git(*argv, **more):
        return run.call(["git", *argv], env=ENV, **more)

    run.write("history", "\n".join(history(400 * run.scale)) + "\n")
    git("init", "-q", "-b", "main", ".")
    git("fast-import", "--quiet", stdin="history")
    git("checkout", "-q", "-f", "main")
    for n in range(5):
        run.write(f"dir{n}/file{n}.txt", content(n, 1_000_000 + n))
        git("add", "dir0", "dir1", "dir2", "dir3", "dir4")
        git("commit", "-q", "-m", f"Commit {n}")
    git("log", "--stat", "-p")
    git("blame", "dir3/file3.txt")
    git("grep", "-c", "-E", "since [0-9]*7$")
    git("repack", "-a", "-d", "-f", "-q", "--threads=2", "--window=30")
    git("gc", "-q", "--prune=now")
    git("fsck", "--full", "--strict", "--no-progress")
    git("clone", "-q", "--no-local", ".", "copy")
    git("-C", "copy", "rev-parse", "HEAD")
    git("-C", "copy", "rev-list", "--all", "--objects")
