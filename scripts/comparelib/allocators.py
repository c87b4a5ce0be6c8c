"""The allocators to be compared: glibc's own, metes, the peers of setup-peers, and any library by its path."""

import hashlib
import json
import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "target/bench"
METES = ROOT / "target/release/libmetes.so"
PEERS = ROOT / "target/peers/peers.json"


class Allocator:
    def __init__(self, name, library=None, version="", provenance="", peer=False, options="", special=False):
        self.name = name
        self.library = os.path.realpath(library) if library else ""
        self.options = options  # METES_OPTIONS
        self.version = version
        self.provenance = provenance
        self.peer = peer
        self.special = special  # made for finding bugs or for its profiler: in no benchmark that does not ask for it

    @property
    def digest(self):
        return hashlib.sha256(Path(self.library).read_bytes()).hexdigest()[:16] if self.library else ""

    @property
    def described(self):
        return {"library": self.library, "digest": self.digest, "version": self.version, "provenance": self.provenance,
                **({"options": self.options} if self.options else {})}  # fmt: skip

    def frozen(self):
        """The same, in a copy if it is a build, which may be replaced while it is measured."""
        if self.peer or not self.library:
            return self
        # A name must not have the character that separates two libraries to preload.
        copy = OUT / "lib" / f"{self.name.partition(':')[0]}-{self.digest}.so"
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            half = copy.with_suffix(f".{os.getpid()}")
            shutil.copyfile(self.library, half)
            half.rename(copy)
        return Allocator(self.name, copy, self.version, self.provenance, options=self.options)

    def with_options(self, options):
        """The same under METES_OPTIONS. In a name, + separates options."""
        return Allocator(f"{self.name}:{options}", self.library, self.version, self.provenance, self.peer, options.replace("+", ","))


def known():
    """All allocators that are there, by name, glibc first."""
    found = [Allocator("glibc", version=os.confstr("CS_GNU_LIBC_VERSION").split()[-1])]
    if METES.exists():
        found.append(Allocator("metes", METES))
    if PEERS.exists():
        for peer in json.loads(PEERS.read_text()):
            found.append(Allocator(peer["name"], peer["path"], peer["version"], peer["provenance"], peer=True,
                                   special=peer.get("special", False)))  # fmt: skip
    return {a.name: a for a in found}


def usual(everything):
    """All but the special ones, and the distribution's older builds of peers that are there in a newer version."""
    newer = {name.rstrip("0123456789") for name in everything}
    older = {name for name in everything if name.endswith("-debian") and name.removesuffix("-debian") in newer}
    return [a for a in everything.values() if not a.special and a.name not in older]


def choose(text):
    """The allocators of a list of names, paths, name=path or `all`; without one, the usual ones.

    A name may have options of metes: metes:fit=first+arenas=1. ValueError if one is not there.
    """
    everything = known()
    chosen = {}
    for word in filter(None, (text or "").split(",")):
        name, _, path = word.rpartition("=")
        if word == "all":
            chosen |= everything
        elif "/" in path or path.endswith(".so"):
            name = name or Path(path).stem.removeprefix("lib")
            if not Path(path).is_file():
                raise ValueError(f"no library {path}")
            chosen[name] = Allocator(name, path)
        elif word in everything:
            chosen[word] = everything[word]
        elif word.partition(":")[0] in everything:
            base, _, options = word.partition(":")
            chosen[word] = everything[base].with_options(options)
        else:
            raise ValueError(f"no allocator {word} (there are {', '.join(everything)}; `make`, scripts/setup-peers)")
    return [a.frozen() for a in chosen.values() or usual(everything)]
