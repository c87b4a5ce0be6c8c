//! The numbers the layout hangs on. Each is fixed at compile time; what may change at start is in `front::options`.

/// Every payload is aligned to this many bytes, and every block is a multiple of it.
pub const GRAIN: usize = 16;

/// Bytes of a block's header, which stands directly before the payload.
pub const HEADER: usize = 8;

/// Bytes of a free object up to the end of its key: see `slab::key`.
pub const KEY_END: usize = 16;

/// The smallest block: a header, three links, a summary, and the boundary tag.
pub const MIN_BLOCK: usize = 48;

/// The granule of the page map: 64 KiB, the largest page size the supported kernels use.
pub const UNIT: usize = 64 << 10;

/// Regions are multiples of this, and aligned to it; only where address space is short they are as small as a unit.
pub const REGION_GRANULE: usize = 2 << 20;

/// A heap never asks for more than this at once unless one request needs it.
pub const REGION_STEP_MAX: usize = 64 << 20;

/// A heap grows by its own size divided by this.
pub const GROWTH_DIVISOR: usize = 8;

/// The same of regions that are all huge pages.
pub const DENSE_DIVISOR: usize = 128;

/// User-space address bits: what lies above is foreign by definition.
pub const ADDRESS_BITS: u32 = if cfg!(target_arch = "x86_64") { 47 } else { 48 };

/// What is asked for beyond this no address space has. Refused before the system is asked.
pub const REQUEST_MAX: usize = 1 << ADDRESS_BITS;

/// No block is larger, so that a size in grains fits a header; what is asked for beyond it is a mapping long before.
pub const BLOCK_MAX: usize = 32 << 30;

/// The mmap cutoff before a program or an option moves it, in bytes.
pub const CUTOFF_DEFAULT: usize = 256 << 10;

/// The cutoff never follows past this by itself: blocks of 64 MiB, a size that programs like, are below it.
pub const CUTOFF_DYNAMIC_MAX: usize = (64 << 20) + UNIT;

/// A cutoff somebody sets is at most this.
pub const CUTOFF_MAX: usize = 8 << 30;

/// Arenas at most. One bit or one lock each, so a small number.
pub const ARENAS_MAX: usize = 32;

/// Whether what is wrong with the program is looked for: off only in a build that measures what that costs.
pub const CHECKED: bool = !cfg!(feature = "unchecked");

const _: () = assert!(MIN_BLOCK.is_multiple_of(GRAIN) && MIN_BLOCK >= HEADER + 5 * 8);
const _: () = assert!(REGION_GRANULE.is_multiple_of(UNIT) && UNIT.is_power_of_two());
// A header counts a block's size in grains with 32 bits.
const _: () = assert!(BLOCK_MAX / GRAIN < (1 << 32) && CUTOFF_MAX < BLOCK_MAX && REGION_STEP_MAX < BLOCK_MAX);
