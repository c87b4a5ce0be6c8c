//! A path from an option, in which `%p` stands for the process id.

use super::line::Line;
use core::fmt::Write;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Room for a path's bytes and the zero at its end.
const MAX: usize = 256;

/// What such an option takes.
pub const TAKES: &str = "a path of at most 255 bytes, %p in it is the process id";

/// The path with the process id in it, and a zero at its end.
pub type Path = Line<{ MAX + 16 }>;

/// A place for one path; empty at first.
pub struct PathTemplate([AtomicU8; MAX]);

impl PathTemplate {
    /// No path.
    pub const fn new() -> Self {
        Self([const { AtomicU8::new(0) }; MAX])
    }

    /// Sets the path; false, and nothing is changed, if it is empty or too long.
    pub fn set(&self, path: &str) -> bool {
        let fits = !path.is_empty() && path.len() < MAX;
        if fits {
            self.0.iter().zip(path.bytes().chain([0])).for_each(|(slot, byte)| slot.store(byte, Relaxed));
        }
        fits
    }

    /// The path for the process `pid`, if there is one. A path that gets too long by that is none.
    pub fn expand(&self, pid: i32) -> Option<Path> {
        let mut path = Line::new();
        let mut bytes = self.0.iter().map(|slot| slot.load(Relaxed)).take_while(|&byte| byte != 0).peekable();
        bytes.peek()?;
        while let Some(byte) = bytes.next() {
            if byte == b'%' && bytes.next_if_eq(&b'p').is_some() {
                let _ = write!(path, "{pid}");
            } else {
                path.push(&[byte]);
            }
        }
        path.push(&[0]);
        path.as_bytes().ends_with(&[0]).then_some(path)
    }
}

impl Default for PathTemplate {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_process() {
        let template = PathTemplate::new();
        assert!(template.expand(42).is_none() && !template.set(""));
        assert!(template.set("/tmp/x-%p.txt"));
        assert_eq!(template.expand(42).unwrap().as_bytes(), b"/tmp/x-42.txt\0");
        assert!(template.set("100%"));
        assert_eq!(template.expand(42).unwrap().as_bytes(), b"100%\0");
    }

    #[test]
    fn a_path_too_long_is_none() {
        let template = PathTemplate::new();
        assert!(!template.set(core::str::from_utf8(&[b'x'; MAX]).unwrap()));
        assert!(template.set(&"%p".repeat(MAX / 2 - 1)));
        assert!(template.expand(1_234_567).is_none());
    }
}
