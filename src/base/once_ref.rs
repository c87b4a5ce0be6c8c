//! A reference that is set once, when the process starts.
//!
//! Statics that hold addresses are written to by the loader, page by page, in every process; statics of zeroes cost nothing until
//! they are used.

use core::ops::Deref;

/// A reference to something that lives as long as the process, or none yet.
pub struct OnceRef<T: 'static>(Option<&'static T>);

impl<T> OnceRef<T> {
    /// None yet.
    pub const fn unset() -> Self {
        Self(None)
    }

    /// Binds it.
    pub fn bind(&mut self, to: &'static T) {
        self.0 = Some(to);
    }

    /// What it was set to. Panics before that.
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
