//! A path from an option, in which `%p` stands for the process id.

use super::line::Line;
use super::read_only::{TEXT, Text};
use core::fmt::Write;

/// The path with the process id in it, and a zero byte at its end.
pub type Path = Line<{ TEXT + 16 }>;

/// The path for the process `pid`. `None` if the template is empty, or if the path with its process ids is too long.
pub fn expand(template: Text, pid: i32) -> Option<Path> {
    let mut path = Line::new();
    let mut bytes = template.bytes().peekable();
    bytes.peek()?;
    while let Some(byte) = bytes.next() {
        if byte == b'%' && bytes.next_if_eq(&b'p').is_some() {
            let _ = write!(path, "{pid}");
        } else {
            path.push(&[byte]);
        }
    }
    path.push(&[0]);
    // A path without the zero at its end is cut: the process ids made it too long.
    path.as_bytes().ends_with(&[0]).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_process() {
        let template = Text::new(3);
        assert!(expand(template, 42).is_none() && !template.set(""));
        assert!(template.set("/tmp/x-%p.txt"));
        assert_eq!(expand(template, 42).unwrap().as_bytes(), b"/tmp/x-42.txt\0");
        assert!(template.set("100%"));
        assert_eq!(expand(template, 42).unwrap().as_bytes(), b"100%\0");
        assert!(!template.set(core::str::from_utf8(&[b'x'; TEXT]).unwrap()));
        assert!(template.set(&"%p".repeat(TEXT / 2 - 1)));
        assert!(expand(template, 1_234_567).is_none());
    }
}
