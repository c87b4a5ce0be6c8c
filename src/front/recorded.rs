//! Calls that are recorded: see `record`. Each function is given the same call again, which serves it without being recorded.

use crate::base::family::Family;
use crate::process::recording;
use crate::record::recorder::Call;
use crate::record::window::Window;

/// Serves and records an allocation. `None` if it is not to be recorded: then the caller goes on.
#[inline]
pub fn allocation(call: Call, n: usize, align: usize, serve: impl FnOnce() -> *mut u8) -> Option<*mut u8> {
    let window = open()?;
    let p = serve();
    window.allocated(call, p.addr(), n, align, 0);
    Some(p)
}

/// The same for a block that is resized. A null `p` is none.
#[inline]
pub fn resizing(p: *mut u8, n: usize, serve: impl FnOnce() -> *mut u8) -> Option<*mut u8> {
    let window = open()?;
    let new = serve();
    window.allocated(Call::Realloc, new.addr(), n, 0, p.addr());
    Some(new)
}

/// The same for a block that is given back. False if it is not to be recorded.
#[inline]
pub fn freeing(family: Family, p: *mut u8, release: impl FnOnce()) -> bool {
    let Some(window) = (if p.is_null() { None } else { open() }) else { return false };
    window.frees(if family == Family::Malloc { Call::Free } else { Call::Delete }, p.addr());
    release();
    window.close();
    true
}

/// What a call of an operator or of `malloc` is recorded as.
pub fn of(family: Family, otherwise: Call) -> Call {
    if family == Family::Malloc { otherwise } else { Call::New }
}

#[inline]
fn open() -> Option<Window> {
    if recording::is_asked() { Window::open() } else { None }
}
