//! Tags: heaps that are known by their names in the whole process, and stay.

use super::heap::{AllocError, HeapStats, Scope};
use crate::compartment::table::Handle;
use crate::special::{heap, tags};

/// A heap that is known by its name in the whole process, to count memory by subsystem. It stays for good, so
/// [`scope`](Self::scope) may be left by what was allocated in it.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: metes::Metes = metes::Metes;
///
/// let parser = metes::Tag::new("parser")?;
/// let text = parser.scope(|| String::from("a text, wherever it goes"));
/// assert!(parser.stats().live >= text.len() && parser == metes::Tag::new("parser")?);
/// drop(text);
/// assert_eq!(parser.stats().live, 0);
/// # Ok::<(), metes::AllocError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag {
    handle: Handle,
}

impl Tag {
    /// The tag of a name, of which up to 31 bytes count: made at the first call. Fails if there is no memory, or there
    /// are 256 tags.
    pub fn new(name: &str) -> Result<Self, AllocError> {
        tags::tag(name.as_bytes()).map(|handle| Self { handle }).ok_or(AllocError)
    }

    /// Runs `work`, and has all that this thread allocates meanwhile count for the tag, as
    /// [`Heap::scope`](crate::Heap::scope) does, whichever thread frees it.
    pub fn scope<R>(self, work: impl FnOnce() -> R) -> R {
        let _scope = Scope::new(self.handle);
        work()
    }

    /// What is in use now, and what was.
    #[must_use]
    pub fn stats(self) -> HeapStats {
        heap::figures(self.handle).unwrap_or_default()
    }

    /// Whether an address is in the tag's memory.
    #[must_use]
    pub fn owns<T: ?Sized>(self, pointer: *const T) -> bool {
        heap::of(pointer.addr()) == Some(self.handle)
    }
}
