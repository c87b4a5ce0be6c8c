//! Work of an allocator's own in memory that valgrind takes for nobody's.

use crate::sys::valgrind;

/// While it lives, nothing is reported of what this thread reads and writes.
pub struct Quiet(bool);

impl Quiet {
    /// From here on.
    #[inline]
    pub fn new() -> Self {
        let listens = valgrind::listens();
        if listens {
            valgrind::quiet();
        }
        Self(listens)
    }
}

impl Drop for Quiet {
    #[inline]
    fn drop(&mut self) {
        if self.0 {
            valgrind::loud();
        }
    }
}
