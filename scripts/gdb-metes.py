"""gdb-metes.py: commands for gdb that look at the heap of a program with metes: `source scripts/gdb-metes.py`.

    metes heap          what there is: arenas, regions, slabs by size, blocks, mappings
    metes block ADDR    what is at an address
    metes check         whether the heap is whole

They need no debug information and, but for `check` in a running process, call nothing there: they work on core files too. A heap in the
middle of an operation may look damaged.
"""

import struct

import gdb

VERSION = 4
UNIT = 64 << 10
GRAIN = 16
LEAF_ENTRIES = 1 << 15
LEAF = LEAF_ENTRIES * UNIT
WINDOW = 16
MASK = (1 << 64) - 1
# base/seal.rs
ODD, ADDRESS_ODD = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
HEADER_BITS, TRAILER_BITS = 36, 44
# slab/key.rs and base/config.rs
KEY_ODD, KEY_AT = 0x6D657465, 8
# heap/block.rs and report/trailer.rs
IN_USE, PREV_IN_USE, PURGED, TAG = (1 << bit for bit in (32, 33, 34, 35))
FREED, VACANT = 1 << 32, 1 << 42
FAMILIES = ["malloc", "new", "new[]", "new[]"]
# heap/span.rs
REGION, MAPPING, RETAINED, GUARDED = 1, 2, 3, 4
# report/guard_pool.rs
SLOTS, STATES, SLOT, USED = 256, 7 * 8, 4 * 8 + 2 * (8 + 16 * 8), 2
# slab/slab.rs
ARENA_SHIFT, RECORD_SHIFT, RECORD_ALIGN, RECORD, BIN = 11, 20, 64, 64, 4


def sizes():
    """The sizes of the classes in slabs, from class 1: base/class.rs."""
    size, found = 16, [0]
    while size <= 32 << 10:
        found.append(size)
        size += 16 if size < 128 else (1 << size.bit_length() - 1) // (8 if size < 8 << 10 else 4)
    return found


SIZES = sizes()


def evaluated(expression):
    """The value of an expression of C, whatever the language where the program stands."""
    language = gdb.parameter("language")
    gdb.execute("set language c", to_string=True)
    try:
        return gdb.parse_and_eval(expression)
    finally:
        gdb.execute(f"set language {language}", to_string=True)


class Heap:
    def __init__(self):
        self.inferior = gdb.selected_inferior()
        try:
            place = int(evaluated("(unsigned long) &metes_debugger"))
        except gdb.error:
            raise gdb.GdbError("there is no metes in this program, or it is older than these commands") from None
        try:
            version, self.root, self.root_entries, secret = self.words(place, 4)
            if version != VERSION:
                raise gdb.GdbError(f"this metes has layouts of version {version}, and these commands know version {VERSION}")
            self.secret = self.word(secret)
        except gdb.MemoryError:
            raise gdb.GdbError("metes has not started: there is no process") from None

    def bytes(self, address, count):
        return self.inferior.read_memory(address, count).tobytes()

    def words(self, address, count):
        return struct.unpack(f"{count}Q", self.bytes(address, 8 * count))

    def word(self, address):
        return self.words(address, 1)[0]

    def opened(self, address, raw, bits):
        """What a sealed word says, or nothing."""
        low = raw & (1 << bits) - 1
        place = (address ^ self.secret) * ADDRESS_ODD & MASK
        place = (place << bits | place >> 64 - bits) & MASK
        return low if raw == low | ((low ^ place) * ODD & MASK) >> bits << bits else None

    # ---- the page map

    def leaves(self):
        for index, leaf in enumerate(self.words(self.root, self.root_entries)):
            if leaf:
                yield index * LEAF, leaf

    def leaf(self, address):
        index = address // LEAF
        return self.word(self.root + 8 * index) if index < self.root_entries else 0

    def unit(self, address):
        """The slab entry and the span of an address."""
        leaf = self.leaf(address)
        place = leaf + WINDOW + 8 * (address % LEAF // UNIT)
        return (self.word(place), self.word(place + 8 * LEAF_ENTRIES)) if leaf else (0, 0)

    def spans(self):
        found = set()
        for _, leaf in self.leaves():
            found |= {span for span in self.words(leaf + WINDOW + 8 * LEAF_ENTRIES, LEAF_ENTRIES) if span}
        return sorted((Span(self, span) for span in found), key=lambda span: span.start)

    def slabs(self):
        found = set()
        for _, leaf in self.leaves():
            entries = self.words(leaf + WINDOW, LEAF_ENTRIES)
            found |= {entry >> RECORD_SHIFT << 6 for entry in entries if entry}
        return [Slab(self, record) for record in sorted(found)]

    # ---- blocks

    def blocks(self, regions, up_to=None):
        """The blocks of joined regions, one after the other: address, size, flags. Raises where a header is damaged."""
        block = regions[0].start + GRAIN
        while block - 8 < regions[-1].end:
            raw = self.word(block - 8)
            slab = Slab.of(self, self.unit(block)[0]) if block % UNIT == 0 else None
            if slab and raw == 0:
                # A purge has taken the header with the page.
                size, flags = slab.bytes, IN_USE
            else:
                low = self.opened(block - 8, raw, HEADER_BITS)
                if low is None or low & TAG:
                    raise Damaged(block, raw)
                size, flags = (low & 0xFFFFFFFF) * GRAIN, low
            if size == 0 or up_to is not None and block > up_to:
                return
            yield block, size, flags
            block += size

    def segments(self):
        """The regions of each heap, in lists of those that are joined."""
        segments = []
        for span in self.spans():
            if span.kind != REGION:
                continue
            if span.joined and segments and segments[-1][-1].end == span.start:
                segments[-1].append(span)
            else:
                segments.append([span])
        return segments


class Damaged(Exception):
    def __init__(self, block, raw):
        super().__init__(f"the header of the block at {block:#x} is damaged: the 8 bytes before it are {raw:#018x}")


class Span:
    def __init__(self, heap, address):
        state, self.arena, self.start, self.len, self.mark, self.joined = struct.unpack("IIQQQI", heap.bytes(address, 36))
        self.kind, self.end = state & 7, self.start + self.len


class Slab:
    def __init__(self, heap, record):
        self.heap, self.record = heap, record
        head = struct.unpack("QBBBBH", heap.bytes(record, 14))
        self.start, self.klass, self.arena, _, units, self.free = head
        self.bytes = units * UNIT
        self.is_parked = self.klass == len(SIZES)
        self.size = 0 if self.is_parked else SIZES[self.klass]
        self.objects = (self.bytes - 8) // self.size if self.size else 0

    @staticmethod
    def of(heap, entry):
        return Slab(heap, entry >> RECORD_SHIFT << 6) if entry else None

    def bit(self, index, bitmap=0):
        place = self.record + RECORD + bitmap * (self.bytes // GRAIN // 8) + index // 8
        return self.heap.bytes(place, 1)[0] >> index % 8 & 1

    def object(self, address):
        """Where the object around an address starts, its size, and whether the bitmap has it as free."""
        offset = address - self.start
        if self.is_parked:
            return None
        if self.size:
            index = offset // self.size
            return (self.start + index * self.size, self.size, self.bit(index)) if index < self.objects else None
        first = grain = offset // GRAIN
        if self.bit(grain):
            return self.start + grain * GRAIN, GRAIN, 1
        while first > 0 and not self.bit(first, 1):
            first -= 1
        end = grain + 1
        while not self.bit(end, 1):
            end += 1
        return self.start + first * GRAIN, (end - first) * GRAIN, 0


def plural(count, what):
    return f"{count:,} {what}" + ("" if count == 1 else "s")


class Metes(gdb.Command):
    """The heap of a program with metes: metes heap, metes block ADDR, metes check."""

    def __init__(self):
        super().__init__("metes", gdb.COMMAND_DATA, prefix=True)


class MetesHeap(gdb.Command):
    """What there is: arenas, regions, slabs by size, blocks, mappings."""

    def __init__(self):
        super().__init__("metes heap", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        heap = Heap()
        slabs, segments = heap.slabs(), heap.segments()
        for arena in sorted({segment[0].arena for segment in segments}):
            mine = [segment for segment in segments if segment[0].arena == arena]
            regions = [region for segment in mine for region in segment]
            print(f"arena {arena}: {plural(len(regions), 'region')}, {sum(r.len for r in regions):,} bytes")
            for region in regions:
                print(f"  region {region.start:#x} to {region.end:#x}, {region.len:,} bytes")
            used = free = used_bytes = free_bytes = 0
            try:
                for segment in mine:
                    for block, size, flags in heap.blocks(segment):
                        if not flags & IN_USE:
                            free, free_bytes = free + 1, free_bytes + size
                        elif block % UNIT or not heap.unit(block)[0]:
                            used, used_bytes = used + 1, used_bytes + size
            except Damaged as damaged:
                print(f"  {damaged}; what is behind it is not counted")
            print(f"  {plural(used, 'block')} in use, {used_bytes:,} bytes; {plural(free, 'free block')}, {free_bytes:,} bytes")
            here = [slab for slab in slabs if slab.arena == arena and not slab.is_parked]
            for size in sorted({slab.size for slab in here}):
                same = [slab for slab in here if slab.size == size]
                out = sum(slab.objects - slab.free for slab in same)
                what = f"objects of {size:,} bytes: {out:,} of {sum(s.objects for s in same):,} are out" if size else "of mixed sizes"
                print(f"  {plural(len(same), 'slab')} {'of ' if size else ''}{what}")
            if parked := sum(slab.is_parked for slab in slabs if slab.arena == arena):
                print(f"  {plural(parked, 'slab')} parked, without objects")
        mappings = [span for span in heap.spans() if span.kind == MAPPING]
        print(f"{plural(len(mappings), 'mapping')}, {sum(span.len for span in mappings):,} bytes")
        print("Out are objects in use, in a thread's cache, and, where blocks are checked, in quarantine.")


class MetesBlock(gdb.Command):
    """What is at an address: metes block ADDR."""

    def __init__(self):
        super().__init__("metes block", gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        if not argument:
            raise gdb.GdbError("metes block ADDR")
        address = int(evaluated(f"(unsigned long) ({argument})"))
        heap = Heap()
        entry, span = heap.unit(address)
        if entry:
            self.slab(heap, Slab.of(heap, entry), address)
        elif span and Span(heap, span).kind == REGION:
            self.region(heap, address)
        elif span and Span(heap, span).kind == GUARDED:
            self.guarded(heap, Span(heap, span).start, address)
        else:
            self.mapping(heap, address)

    def slab(self, heap, slab, address):
        if slab.is_parked:
            print(f"{address:#x} is in a parked slab, at {slab.start:#x} of arena {slab.arena}: memory that is free")
            return
        found = slab.object(address)
        if not found:
            print(f"{address:#x} is behind the last object of the slab at {slab.start:#x}")
            return
        start, size, free = found
        cached = not free and heap.word(start + KEY_AT) == start * KEY_ODD & MASK
        state = "free" if free else "free, in a thread's cache" if cached else "in use"
        what = f"an object of {size:,} bytes, {state}, in the slab at {slab.start:#x} of arena {slab.arena}"
        self.say(address, start, what)
        if not free and not cached:
            self.trailer(heap, start, start + size)

    def guarded(self, heap, pool, address):
        slots_start, slot_bytes = heap.words(pool + 16, 2)
        index = (address - slots_start) // (slot_bytes + 4096)
        slot = pool + STATES + SLOTS * 8 + index * SLOT
        block, size = heap.words(slot, 2) if address >= slots_start and index < SLOTS else (0, 0)
        if not block:
            print(f"{address:#x} is in the pool of guarded blocks, where there was none so far")
            return
        state = "in use" if heap.word(pool + STATES + index * 8) & 3 == USED else "freed"
        if address < block:
            print(f"{address:#x} is {block - address:,} bytes before a guarded block of {size:,} bytes, {state}, at {block:#x}")
        else:
            self.say(address, block, f"a guarded block of {size:,} bytes, {state}")
            print(f"  {size:,} bytes from {FAMILIES[heap.bytes(slot + 16, 1)[0]]}, {state}")

    def region(self, heap, address):
        segment = next(s for s in heap.segments() if s[0].start <= address < s[-1].end)
        found = None
        try:
            for block, size, flags in heap.blocks(segment, address + 8):
                found = (block, size, flags) if block - 8 <= address else found
        except Damaged as damaged:
            print(damaged)
        if not found or address >= found[0] - 8 + found[1]:
            print(f"{address:#x} is in a region of arena {segment[0].arena}, in no block that can be found")
            return
        block, size, flags = found
        state = "in use" if flags & IN_USE else "free, its pages given back" if flags & PURGED else "free"
        before = "in use" if flags & PREV_IN_USE else "free"
        usable = size - 8
        what = f"a heap block of {usable:,} bytes, {state}, of arena {segment[0].arena}; the block before it is {before}"
        self.say(address, block, what)
        if flags & IN_USE:
            self.trailer(heap, block, block + usable)

    def mapping(self, heap, address):
        for span in heap.spans():
            if span.kind in (MAPPING, RETAINED) and span.start <= address < span.end:
                state = "in use" if span.kind == MAPPING else "free"
                self.say(address, span.start, f"a mapping of {span.len:,} bytes, {state}, for {span.mark:,} that were asked for")
                if span.kind == MAPPING:
                    # Where blocks are checked, whole pages were asked for, and the last may not be touched.
                    self.trailer(heap, span.start, span.start + span.mark - 4096)
                return
        print(f"{address:#x} is not from metes")

    def say(self, address, start, what):
        inside = f" {address - start:,} bytes into" if address >= start else " in the header of"
        print(f"{address:#x} is{'' if address == start else inside} {what}" + ("" if address == start else f", at {start:#x}"))

    def trailer(self, heap, start, end):
        """What the checked route has noted at a block's end, if it did."""
        try:
            raw = heap.word(end - 8)
        except gdb.MemoryError:
            return
        low = heap.opened(end - 8, raw, TRAILER_BITS)
        if low is None or low & VACANT:
            return
        size = end - start - (low & 0xFFFFFFFF)
        align = 1 << (low >> 35 & 63)
        state = "freed, in quarantine" if low & FREED else "in use"
        print(f"  {size:,} bytes from {FAMILIES[low >> 33 & 3]}, {state}" + (f", aligned to {align}" if align > GRAIN else ""))


class MetesCheck(gdb.Command):
    """Whether the heap is whole: by metes_check in a running process, by the headers alone in a core file."""

    def __init__(self):
        super().__init__("metes check", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        heap = Heap()
        connection = gdb.selected_inferior().connection
        if connection and connection.type != "core":
            try:
                text = evaluated("((const char *(*)(void)) metes_check)()")
                print(text.string() if int(text) else "The heap is whole.")
                return
            except gdb.error as error:
                print(f"metes_check cannot be called ({str(error).rstrip('.')}): the headers are looked at.")
        else:
            print("A core file cannot call metes_check: the headers are looked at.")
        self.headers(heap)

    def headers(self, heap):
        count = 0
        try:
            for segment in heap.segments():
                count += sum(1 for _ in heap.blocks(segment))
        except Damaged as damaged:
            print(f"{str(damaged)[0].upper()}{str(damaged)[1:]}.")
            return
        print(f"The headers of {plural(count, 'block')} are whole.")


Metes()
MetesHeap()
MetesBlock()
MetesCheck()
