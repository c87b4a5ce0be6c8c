//! L7: thread caches: their layout, the fast paths of malloc and free, fills and flushes, and the caches' owners.

#[expect(clippy::module_inception, reason = "the cache itself is the folder's main subject")]
pub mod cache;
pub mod count;
pub mod fast;
mod halt;
pub mod held;
pub mod layout;
mod marks;
#[cfg(feature = "models")]
mod models;
pub mod refill;
pub mod rooms;
mod sampling;
pub mod scopes;
pub mod slots;
mod stacks;
mod table;
pub mod threads;
pub mod work;
