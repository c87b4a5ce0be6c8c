//! `metes::Pool` and the `slab` crate, the same work: `special-pool metes|slab`. See `pool.cpp` for what is measured.

use std::hint::black_box;
use std::time::Duration;

/// What is measured, 64 bytes large.
#[derive(Clone, Copy)]
struct Value([u64; 7]);

trait Pool {
    type Key: Copy;
    fn new() -> Self;
    fn insert(&mut self, value: Value) -> Self::Key;
    fn remove(&mut self, key: Self::Key) -> Value;
    fn get(&self, key: Self::Key) -> &Value;
}

impl Pool for metes::Pool<Value> {
    type Key = metes::Handle<Value>;
    fn new() -> Self {
        Self::new()
    }
    fn insert(&mut self, value: Value) -> Self::Key {
        self.insert(value)
    }
    fn remove(&mut self, key: Self::Key) -> Value {
        self.remove(key).unwrap()
    }
    fn get(&self, key: Self::Key) -> &Value {
        &self[key]
    }
}

impl Pool for slab::Slab<Value> {
    type Key = usize;
    fn new() -> Self {
        Self::new()
    }
    fn insert(&mut self, value: Value) -> usize {
        self.insert(value)
    }
    fn remove(&mut self, key: usize) -> Value {
        self.remove(key)
    }
    fn get(&self, key: usize) -> &Value {
        &self[key]
    }
}

fn now() -> Duration {
    let mut time = libc_timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(2, &mut time) };
    Duration::new(time.seconds as u64, time.nanoseconds as u32)
}

#[repr(C)]
#[allow(non_camel_case_types)]
struct libc_timespec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut libc_timespec) -> i32;
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

fn nanoseconds(count: usize, work: impl FnOnce()) -> f64 {
    let start = now();
    work();
    (now() - start).as_secs_f64() * 1e9 / count as f64
}

fn alternating<P: Pool>() -> f64 {
    let mut pool = P::new();
    nanoseconds(20_000_000, || {
        for i in 0..20_000_000 {
            let key = black_box(pool.insert(black_box(Value([i; 7]))));
            black_box(pool.remove(key).0[0]);
        }
    })
}

fn thousand<P: Pool>() -> f64 {
    let (mut pool, mut random) = (P::new(), Random(1));
    let mut order: Vec<usize> = (0..1000).collect();
    (1..1000).rev().for_each(|i| order.swap(i, random.below(i + 1)));
    let mut keys = Vec::with_capacity(1000);
    nanoseconds(10_000_000, || {
        for i in 0..10_000 {
            keys.clear();
            keys.extend((0..1000).map(|_| pool.insert(Value([i; 7]))));
            order.iter().for_each(|&which| _ = black_box(pool.remove(keys[which]).0[0]));
        }
    })
}

/// Also what a look at a random one costs.
fn million<P: Pool>() -> (f64, f64) {
    const LIVE: usize = 1_000_000;
    let (mut pool, mut random) = (P::new(), Random(1));
    let mut keys = Vec::with_capacity(LIVE);
    let mut get = 0.0;
    let pairs = nanoseconds(5 * LIVE, || {
        keys.extend((0..LIVE as u64).map(|i| pool.insert(Value([i; 7]))));
        for i in 0..4 * LIVE as u64 {
            let which = random.below(LIVE);
            black_box(pool.remove(keys[which]).0[0]);
            keys[which] = pool.insert(Value([i; 7]));
        }
        get = nanoseconds(LIVE, || (0..LIVE).for_each(|_| _ = black_box(pool.get(keys[random.below(LIVE)]).0[0])));
        (1..LIVE).rev().for_each(|i| keys.swap(i, random.below(i + 1)));
        keys.iter().for_each(|&key| _ = black_box(pool.remove(key).0[0]));
    });
    (pairs - get / 5.0, get)
}

fn run<P: Pool>() {
    let (million, get) = million::<P>();
    println!("{:.2} {:.2} {million:.2} {get:.2}", alternating::<P>(), thousand::<P>());
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("metes") => run::<metes::Pool<Value>>(),
        _ => run::<slab::Slab<Value>>(),
    }
}
