//! The constants of the layout, fixed at compile time. The values that may change at the start are in
//! `process::options`.

/// Every payload is aligned to this many bytes, and every block's size is a multiple of it.
pub const GRAIN: usize = 16;

/// Bytes of a block's header, which lies directly before the payload.
pub const HEADER: usize = 8;

/// Bytes of a free object up to the end of its key. See `slab::key`.
pub const KEY_END: usize = 16;

/// The smallest block: a header, three links, a summary, and the boundary tag.
pub const MIN_BLOCK: usize = 48;

/// The granule of the page map: 64 KiB, the largest page size that the supported kernels use.
pub const UNIT: usize = 64 << 10;

/// Region sizes are multiples of this, and regions are aligned to it. A region may be as small as a
/// unit only where address space is short.
pub const REGION_GRANULE: usize = 2 << 20;

/// A heap never maps more than this at once, unless one request needs more.
pub const REGION_STEP_MAX: usize = 64 << 20;

/// A heap grows by its own size divided by this.
pub const GROWTH_DIVISOR: usize = 8;

/// The same for regions that consist of huge pages.
pub const DENSE_DIVISOR: usize = 128;

/// User-space address bits. An address above them is foreign by definition.
pub const ADDRESS_BITS: u32 = if cfg!(target_arch = "x86_64") { 47 } else { 48 };

/// No address space has more bytes than this. A larger request is refused before the system is asked.
pub const REQUEST_MAX: usize = 1 << ADDRESS_BITS;

/// The largest block: a size in grains fits a header. Far smaller requests are mappings already.
pub const BLOCK_MAX: usize = 32 << 30;

/// The cutoff in bytes, until a program or an option moves it.
pub const CUTOFF_DEFAULT: usize = 256 << 10;

/// The cutoff by itself never rises above this. Blocks of 64 MiB, a size that many programs use, are below it.
pub const CUTOFF_DYNAMIC_MAX: usize = (64 << 20) + UNIT;

/// The largest cutoff that an option or a program can set.
pub const CUTOFF_MAX: usize = 8 << 30;

/// The largest number of arenas. Each takes a bit or a lock, so the number is small.
pub const ARENAS_MAX: usize = 32;

/// Whether metes looks for errors of the program. Off only in a build that measures what the checks cost.
pub const CHECKED: bool = !cfg!(feature = "unchecked");

const _: () = assert!(MIN_BLOCK.is_multiple_of(GRAIN) && MIN_BLOCK >= HEADER + 5 * 8);
const _: () = assert!(REGION_GRANULE.is_multiple_of(UNIT) && UNIT.is_power_of_two());
// A header stores a block's size in grains in 32 bits.
const _: () = assert!(BLOCK_MAX / GRAIN < (1 << 32) && CUTOFF_MAX < BLOCK_MAX && REGION_STEP_MAX < BLOCK_MAX);
