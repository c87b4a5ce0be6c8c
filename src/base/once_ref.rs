//! A reference that is set once, when the process starts.
//!
//! The loader writes to statics that hold addresses, page by page, in every process. Statics of zeroes
//! cost nothing until they are used.

use core::ops::Deref;

/// A reference to a value that lives as long as the process, or none yet.
pub struct OnceRef<T: 'static>(Option<&'static T>);

impl<T> OnceRef<T> {
    /// No reference yet.
    pub const fn unset() -> Self {
        Self(None)
    }

    /// Sets the reference.
    pub fn bind(&mut self, to: &'static T) {
        self.0 = Some(to);
    }

    /// The reference. Panics before it is set.
    #[inline]
    pub fn as_static(&self) -> &'static T {
        self.0.expect("set at the start")
    }
}

impl<T> Deref for OnceRef<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.as_static()
    }
}
