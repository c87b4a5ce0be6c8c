//! A Rust program on metes: this test binary's own allocations, on several threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[global_allocator]
static ALLOCATOR: metes::Metes = metes::Metes;

#[test]
fn a_rust_program_runs_on_metes() {
    let threads: Vec<_> = (0..4u64)
        .map(|seed| {
            thread::spawn(move || {
                let mut map = BTreeMap::new();
                let mut state = seed;
                for i in 0..20_000u64 {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    map.insert(state >> 48, vec![i; (state >> 54) as usize]);
                    map.remove(&(state >> 49));
                }
                map.values().map(Vec::len).sum::<usize>()
            })
        })
        .collect();
    let total: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(total > 0);
    let before = metes::stats();
    assert!(before.calls[metes::internals::operation::Operation::Malloc as usize] > 80_000);
    assert!(before.heaps.live > 0);
    let big = vec![1u8; 40 << 20];
    // Another test may give a mapping back meanwhile.
    assert!(metes::stats().mappings.bytes >= big.len());
    assert!(metes::check().is_ok());
}

#[test]
fn alignment_is_kept_when_growing() {
    #[repr(align(256))]
    #[derive(Clone)]
    struct Wide([u8; 256]);
    let mut wide = Vec::new();
    for i in 0..1000u32 {
        wide.push(Wide([u8::try_from(i % 251).unwrap(); 256]));
        assert!(wide.as_ptr().addr().is_multiple_of(256));
    }
    assert!((0..).zip(&wide).all(|(i, w): (u32, _)| u32::from(w.0[255]) == i % 251));
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn gives_up_at_the_third(bytes: usize) -> core::ffi::c_int {
    assert_eq!(bytes, 1 << 46);
    let kept = vec![1u8; 1000];
    i32::from(ASKED.fetch_add(1, Ordering::Relaxed) + 1 < 3 && kept[999] == 1)
}

#[test]
fn the_handler_is_asked_before_a_request_fails() {
    assert!(metes::set_oom_handler(Some(gives_up_at_the_third)).is_none());
    assert!(Vec::<u8>::new().try_reserve_exact(1 << 46).is_err());
    assert_eq!(ASKED.load(Ordering::Relaxed), 3);
    assert!(metes::set_oom_handler(None).is_some());
    assert!(Vec::<u8>::new().try_reserve_exact(1 << 46).is_err());
    assert_eq!(ASKED.load(Ordering::Relaxed), 3);
}
