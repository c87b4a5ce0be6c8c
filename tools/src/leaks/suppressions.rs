//! Leaks that are known, and not to be told: lines `leak:` with a piece of a frame, as the library's option
//! `suppressions` takes them. All that is known of a frame counts: function, file, line, module.

use super::found::{Frame, Leaks};
use crate::failure::Failure;
use crate::input;
use std::path::Path;

/// The pieces of a file.
pub struct Suppressions(Vec<String>);

impl Suppressions {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let bytes = input::read(path)?;
        Ok(Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    fn parse(text: &str) -> Self {
        let pieces = text.lines().filter_map(|line| line.strip_prefix("leak:")).map(str::trim);
        Self(pieces.filter(|piece| !piece.is_empty()).map(str::to_owned).collect())
    }

    fn has(&self, frame: &Frame) -> bool {
        let line = frame.line.map_or(String::new(), |line| format!(":{line}"));
        let text = format!("{} at {}{line} {}", frame.function, frame.file.as_deref().unwrap_or(""), frame.address);
        self.0.iter().any(|piece| text.contains(piece))
    }

    /// Takes out the sites that they name.
    pub fn apply(&self, leaks: &mut Leaks) {
        let (known, told) = std::mem::take(&mut leaks.sites)
            .into_iter()
            .partition::<Vec<_>, _>(|site| site.frames.iter().any(|frame| self.has(frame)));
        known.iter().for_each(|site| leaks.suppressed.add(site.blocks, site.bytes));
        leaks.sites = told;
        leaks.sum_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaks::found::{Reach, Site, Sum};

    fn site(function: &str, bytes: u64) -> Site {
        let (file, address) = (Some("/src/a b.c".into()), "/lib/libx.so+0x10".into());
        let frames = vec![Frame { function: function.into(), file, line: Some(12), address }];
        Site::of(Reach::Direct, 1, bytes, frames)
    }

    #[test]
    fn what_a_line_names_is_taken_out_and_counted() {
        for (text, left) in [
            ("leak:known\n", 1),
            ("# leak:other\nleak:\n leak:other\n", 2),
            ("leak: a b.c:12 \r\n", 0),
            ("leak:libx.so", 0),
            ("leak:liby.so", 2),
        ] {
            let mut leaks = Leaks::of("x".into(), vec![1], vec![site("known", 10), site("other", 20)]);
            Suppressions::parse(text).apply(&mut leaks);
            assert_eq!(leaks.sites.len(), left, "{text}");
            let all = leaks.direct.bytes + leaks.suppressed.bytes;
            assert_eq!((all, leaks.direct.blocks + leaks.suppressed.blocks), (30, 2));
            assert!(left != 1 || leaks.suppressed == Sum { blocks: 1, bytes: 10 });
        }
    }
}
