//! Arenas against a model: a list of pieces with what was written to them.

#![allow(unsafe_code)]

use super::Arena;
use super::chunk::HEAD;
use super::options::Options;
use super::rewind::{Mark, Position, Wrong};
use crate::base::pointer;
use crate::special::memory::Memory;
use core::cell::RefCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};
use proptest::prelude::*;
use std::vec::Vec;

fn arena(options: Options) -> Arena {
    Arena::new(Memory::Process, options.resolve("test").unwrap())
}

fn small() -> Options {
    Options { first_chunk: 256, max_chunk: 4096, ..Options::default() }
}

fn close(arena: &Arena) {
    assert_eq!(arena.check(), Ok(()));
    // SAFETY: no test uses it afterwards.
    unsafe { arena.close() };
    assert_eq!(arena.held(), 0);
}

#[derive(Clone, Debug)]
enum Op {
    Alloc(u32, usize),
    Realloc(usize, usize),
    Mark,
    Rewind(usize),
    Cleanup,
    Reset,
    Trim,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => (0u32..8, prop_oneof![0usize..300, 0usize..6000]).prop_map(|(align, bytes)| Op::Alloc(align, bytes)),
        6 => (any::<usize>(), 0usize..700).prop_map(|(which, bytes)| Op::Realloc(which, bytes)),
        3 => Just(Op::Mark),
        3 => any::<usize>().prop_map(Op::Rewind),
        2 => Just(Op::Cleanup),
        1 => prop_oneof![Just(Op::Reset), Just(Op::Trim), Just(Op::Trim)],
    ]
}

struct Piece {
    place: NonNull<u8>,
    bytes: usize,
    fill: u8,
}

impl Piece {
    fn write(&self) {
        // SAFETY: the arena has handed it out.
        unsafe { self.place.write_bytes(self.fill, self.bytes) };
    }

    fn is_whole(&self, bytes: usize) -> bool {
        // SAFETY: it was written.
        unsafe { core::slice::from_raw_parts(self.place.as_ptr(), bytes) }.iter().all(|&byte| byte == self.fill)
    }
}

std::thread_local! {
    static CALLED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

extern "C" fn called(argument: *mut c_void) {
    CALLED.with_borrow_mut(|list| list.push(argument.addr()));
}

fn argument(number: usize) -> *mut c_void {
    core::ptr::without_provenance_mut(number)
}

/// What there should be.
#[derive(Default)]
struct Model {
    pieces: Vec<Piece>,
    /// Each with the pieces, and the cleanups, that were there.
    marks: Vec<(Mark, usize, usize)>,
    cleanups: Vec<usize>,
    next: usize,
}

impl Model {
    fn alloc(&mut self, arena: &Arena, align: usize, bytes: usize) {
        let Some(place) = arena.alloc(align, bytes) else { return };
        assert!(place.addr().get().is_multiple_of(align));
        let piece = Piece { place, bytes, fill: u8::try_from(self.pieces.len() % 251).unwrap() };
        piece.write();
        self.pieces.push(piece);
    }

    /// The pieces from `first` on only: what a mark protects is not resized over it here.
    fn realloc(&mut self, arena: &Arena, which: usize, bytes: usize) {
        let first = self.marks.last().map_or(0, |mark| mark.1);
        if self.pieces.len() == first {
            return;
        }
        let index = first + which % (self.pieces.len() - first);
        let piece = &mut self.pieces[index];
        // SAFETY: it is a piece of so many bytes.
        let Some(place) = (unsafe { arena.realloc(piece.place, piece.bytes, bytes) }) else { return };
        let kept = Piece { place, bytes: piece.bytes.min(bytes), fill: piece.fill };
        assert!(kept.is_whole(kept.bytes));
        (piece.place, piece.bytes) = (place, bytes);
        piece.write();
    }

    fn rewind(&mut self, arena: &Arena, which: usize) {
        if self.marks.is_empty() {
            return;
        }
        let index = which % self.marks.len();
        let (mark, pieces, cleanups) = self.marks[index];
        let gone: Vec<_> = self.marks.drain(index + 1..).map(|(mark, ..)| mark).collect();
        // SAFETY: the model forgets what came after.
        unsafe { arena.rewind(mark) }.unwrap();
        self.pieces.truncate(pieces);
        self.called(cleanups);
        for past in gone.into_iter().filter(|past| *past != mark && !past.is_bare()) {
            // SAFETY: it changes nothing.
            assert_eq!(unsafe { arena.rewind(past) }, Err(Wrong::Past));
        }
    }

    /// Cleanups have been called until `left` were left, the last one first.
    fn called(&mut self, left: usize) {
        let expected: Vec<_> = self.cleanups.drain(left..).rev().collect();
        assert_eq!(CALLED.take(), expected);
    }

    fn reset(&mut self, arena: &Arena) {
        // SAFETY: the model forgets it all.
        unsafe { arena.reset() };
        self.pieces.clear();
        self.marks.clear();
        self.called(0);
        assert_eq!(arena.used(), 0);
    }

    fn run(&mut self, arena: &Arena, op: &Op) {
        match *op {
            Op::Alloc(align, bytes) => self.alloc(arena, 1 << align, bytes),
            Op::Realloc(which, bytes) => self.realloc(arena, which, bytes),
            Op::Mark => self.marks.push((arena.mark(), self.pieces.len(), self.cleanups.len())),
            Op::Rewind(which) => self.rewind(arena, which),
            Op::Cleanup => {
                self.next += 1;
                if arena.on_reset(called, argument(self.next)) {
                    self.cleanups.push(self.next);
                }
            }
            Op::Reset => self.reset(arena),
            Op::Trim => {
                arena.release_spare();
            }
        }
    }

    fn verify(&self, arena: &Arena) {
        assert_eq!(arena.check(), Ok(()));
        for piece in &self.pieces {
            assert!(piece.is_whole(piece.bytes));
            assert!(piece.bytes == 0 || arena.owns(piece.place.addr().get() + piece.bytes - 1));
        }
        let sum: usize = self.pieces.iter().map(|piece| piece.bytes).sum();
        assert!(sum <= arena.used() && arena.used() <= arena.held());
    }
}

fn agrees(arena: &Arena, ops: &[Op]) {
    let mut model = Model::default();
    for batch in ops.chunks(16) {
        batch.iter().for_each(|op| model.run(arena, op));
        model.verify(arena);
    }
    // SAFETY: the model uses nothing of it any more.
    unsafe { arena.close() };
    model.called(0);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 64 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_arena_is_what_the_model_is(ops in prop::collection::vec(op(), 1..if cfg!(miri) { 40 } else { 800 })) {
        agrees(&arena(small()), &ops);
        agrees(&arena(Options::default()), &ops);
    }

    #[test]
    fn a_limited_arena_is_what_the_model_is(ops in prop::collection::vec(op(), 1..if cfg!(miri) { 40 } else { 400 }), limit in 256usize..20_000) {
        agrees(&arena(Options { limit, keep: limit / 2, ..small() }), &ops);
    }

    #[test]
    fn an_arena_in_a_buffer_is_what_the_model_is(
        ops in prop::collection::vec(op(), 1..if cfg!(miri) { 40 } else { 400 }),
        bytes in 0usize..20_000,
        skipped in 0usize..16,
    ) {
        let mut buffer = std::vec![0u64; bytes / 8 + 3];
        let start = NonNull::from(buffer.as_mut_slice()).cast::<u8>();
        // SAFETY: within the buffer, which is there for longer.
        let arena = unsafe { Arena::over(start.add(skipped), bytes) };
        agrees(&arena, &ops);
        prop_assert_eq!(arena.figures().requests, 0);
    }
}

#[test]
fn pieces_of_small_alignment_stand_close_together() {
    let arena = arena(Options::default());
    let places: Vec<_> = [(1, 3), (1, 1), (2, 2), (16, 0), (16, 0), (4096, 1)]
        .map(|(align, bytes)| arena.alloc(align, bytes).unwrap().addr().get())
        .into();
    assert_eq!(places[1..5].iter().map(|place| place - places[0]).collect::<Vec<_>>(), [3, 4, 16, 32]);
    assert!(places[5].is_multiple_of(4096));
    close(&arena);
}

#[test]
fn chunks_double_to_the_cap_and_large_pieces_do_not_raise_them() {
    let arena = arena(small());
    let sizes: Vec<_> = (0..6)
        .map(|_| {
            let before = arena.held();
            while arena.held() == before {
                arena.alloc(16, 64).unwrap();
            }
            let own = arena.alloc(16, 100_000).unwrap();
            assert!(arena.owns(own.addr().get() + 99_999));
            arena.held() - before - 100_000 - HEAD
        })
        .collect();
    assert_eq!(sizes, [256, 512, 1024, 2048, 4096, 4096]);
    assert_eq!((arena.figures().chunks, arena.figures().large_chunks), (6, 6));
    close(&arena);
}

#[test]
fn after_a_reset_the_same_needs_no_memory() {
    let arena = arena(Options::default());
    let fill = |count: usize| (0..count).for_each(|k| assert!(arena.alloc(16, (k * 7919) % 3000).is_some()));
    let large = || [70_000, 9_000, 70_000, 300_000].map(|bytes| arena.alloc(64, bytes).unwrap());
    fill(1);
    large();
    fill(2000);
    let (requests, held) = (arena.figures().requests, arena.held());
    for _ in 0..3 {
        // SAFETY: nothing of it is used.
        unsafe { arena.reset() };
        assert_eq!((arena.held(), arena.used()), (held, 0));
        fill(1);
        large();
        fill(2000);
        assert_eq!((arena.figures().requests, arena.held()), (requests, held));
    }
    // SAFETY: nothing of it is used.
    unsafe { arena.reset() };
    assert_eq!(arena.release_spare(), held);
    assert_eq!((arena.held(), arena.figures().chunks), (0, 0));
    fill(10);
    close(&arena);
}

#[test]
fn a_reset_keeps_no_more_than_it_was_told_to() {
    let arena = arena(Options { keep: 5000, ..small() });
    (0..100).for_each(|_| assert!(arena.alloc(16, 200).is_some()));
    arena.alloc(16, 50_000).unwrap();
    // SAFETY: nothing of it is used.
    unsafe { arena.reset() };
    assert_eq!((arena.held(), arena.figures().chunks, arena.figures().large_chunks), (4096, 1, 0));
    close(&arena);
}

#[test]
fn a_limit_is_exact() {
    let limit = 10_000 & !15;
    let arena = arena(Options { limit, ..small() });
    let all = limit - HEAD;
    for _ in 0..3 {
        assert!(arena.alloc(16, all + 1).is_none());
        assert!(arena.alloc(16, all).is_some() && arena.held() == limit);
        assert!(arena.alloc(1, 1).is_none());
        // SAFETY: nothing of it is used.
        unsafe { arena.reset() };
        // What is kept gives way.
        while arena.alloc(16, 16).is_some() {}
        assert!(arena.held() == limit && arena.used() + arena.figures().chunks * HEAD == limit);
        // SAFETY: nothing of it is used.
        unsafe { arena.reset() };
    }
    close(&arena);
}

#[test]
fn an_empty_chunk_gives_way_under_a_scope() {
    let arena = arena(Options { limit: 4096, ..small() });
    arena.alloc(16, 200).unwrap();
    let start: Position = arena.position();
    for _ in 0..3 {
        arena.alloc(16, 300).unwrap();
        // SAFETY: nothing that came after is used.
        unsafe { arena.restore(start) };
        let inner = arena.position();
        assert!(arena.alloc(16, 4096 - 256 - HEAD).is_some());
        // SAFETY: as above.
        unsafe { arena.restore(inner) };
        assert_eq!(arena.check(), Ok(()));
    }
    close(&arena);
}

#[test]
fn the_last_piece_grows_and_shrinks_in_place() {
    let arena = arena(Options::default());
    let piece = arena.alloc(16, 10).unwrap();
    // SAFETY: each time it is the piece, and as large.
    unsafe {
        assert_eq!(arena.realloc(piece, 10, 1000), Some(piece));
        assert_eq!(arena.used(), 1000);
        assert_eq!(arena.realloc(piece, 1000, 0), Some(piece));
        assert_eq!(arena.realloc(piece, 0, 100), Some(piece));
        let other = arena.alloc(16, 1).unwrap();
        assert_eq!(arena.realloc(piece, 100, 50), Some(piece));
        assert_ne!(arena.realloc(piece, 50, 101), Some(piece));
        assert_ne!(arena.realloc(other, 1, 2), Some(other));
    }
    close(&arena);
}

#[test]
fn marks_of_others_and_those_rewound_past_are_no_good() {
    let (arena, other) = (arena(small()), arena(small()));
    let start = arena.mark();
    arena.alloc(16, 100).unwrap();
    let first = arena.mark();
    assert_eq!(first, arena.mark());
    arena.alloc(16, 1000).unwrap();
    let second = arena.mark();
    // SAFETY: nothing of it is used.
    unsafe {
        assert_eq!(other.rewind(first), Err(Wrong::Foreign));
        assert_eq!((arena.rewind(second), arena.rewind(first), arena.rewind(first)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(arena.rewind(second), Err(Wrong::Past));
        assert_eq!(arena.mark(), first);
        assert_eq!((arena.rewind(start), arena.rewind(start)), (Ok(()), Ok(())));
        assert_eq!(arena.rewind(first), Err(Wrong::Past));
        assert_eq!((arena.used(), arena.figures().marks), (0, 0));
    }
    close(&arena);
    close(&other);
}

#[test]
fn a_loop_of_marks_takes_one_record() {
    let arena = arena(Options::default());
    arena.alloc(16, 16).unwrap();
    for _ in 0..100 {
        let mark = arena.mark();
        arena.alloc(16, 1000).unwrap();
        // SAFETY: nothing of it is used.
        unsafe { arena.rewind(mark) }.unwrap();
    }
    assert!(arena.used() < 100 && arena.figures().marks == 1);
    close(&arena);
}

#[test]
fn a_full_buffer_can_be_marked() {
    let mut buffer = [MaybeUninit::<u64>::uninit(); 64];
    let start = NonNull::from(&mut buffer).cast();
    // SAFETY: the buffer is there for longer.
    let arena = unsafe { Arena::over(start, 512) };
    let room = 512 - HEAD - start.addr().get() % 16 * 2;
    arena.alloc(16, room - 32).unwrap();
    let mark = arena.mark();
    assert_eq!(arena.figures().marks, 0);
    for _ in 0..3 {
        assert!(arena.alloc(16, 32).is_some() && arena.alloc(1, 1).is_none());
        // SAFETY: nothing of it is used.
        unsafe { arena.rewind(mark) }.unwrap();
    }
    close_buffer(&arena);
}

fn close_buffer(arena: &Arena) {
    assert_eq!(arena.check(), Ok(()));
    // SAFETY: no test uses it afterwards.
    unsafe { arena.close() };
}

#[test]
fn damage_is_found() {
    let arena = arena(small());
    arena.alloc(16, 16).unwrap();
    let mark = arena.mark();
    let second: *mut u64 = pointer::at_mut(pointer::expose(mark.at.cast_const()) + 16);
    // SAFETY: in the arena's memory.
    unsafe {
        let before = *second;
        *second ^= 1 << 20;
        assert_eq!(arena.check(), Err(c"a mark was overwritten"));
        *second = before;
    }
    assert_ne!(mark.at, null_mut());
    close(&arena);
}
