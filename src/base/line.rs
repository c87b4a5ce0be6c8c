//! A line of text in a fixed buffer. With it the library formats text without allocating.

use core::fmt;

/// A text of at most `N` bytes. Longer text is cut, which is never an error.
pub struct Line<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Line<N> {
    /// An empty line.
    pub const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// The text so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The same as a `str`, up to the first byte that is not UTF-8.
    pub fn as_str(&self) -> &str {
        self.as_bytes().utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }

    /// Empties the line.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends raw bytes, and cuts those that do not fit.
    pub fn push(&mut self, text: &[u8]) {
        let n = text.len().min(N - self.len);
        self.bytes[self.len..self.len + n].copy_from_slice(&text[..n]);
        self.len += n;
    }

    /// Ends the line: its last byte becomes a newline even where text is cut for it.
    pub fn end(&mut self) {
        self.len = self.len.min(N - 1);
        self.push(b"\n");
    }
}

impl<const N: usize> Default for Line<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Write for Line<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;

    #[test]
    fn cuts_and_still_ends_with_a_newline() {
        let mut line = Line::<8>::new();
        write!(line, "{}", 123).unwrap();
        assert_eq!(line.as_bytes(), b"123");
        write!(line, "456789").unwrap();
        line.end();
        assert_eq!(line.as_bytes(), b"1234567\n");
        line.clear();
        line.push(b"ab\xffc");
        assert_eq!(line.as_str(), "ab");
    }
}
