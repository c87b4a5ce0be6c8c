//! The names of compartments.

/// Bytes of a name, the zero at its end included.
pub const NAME: usize = 32;

/// A name, as it is or was.
pub struct Name([u8; NAME]);

impl Name {
    /// The name that stands there.
    pub fn of(bytes: [u8; NAME]) -> Self {
        Self(bytes)
    }

    /// The name of these bytes: up to 31 of them, without control characters.
    pub fn new(bytes: &[u8]) -> Self {
        let mut name = [0; NAME];
        let kept = bytes.iter().copied().filter(|&byte| byte >= b' ');
        name[..NAME - 1].iter_mut().zip(kept).for_each(|(to, byte)| *to = byte);
        Self(name)
    }

    /// Its text, up to the first byte that is not UTF-8; empty if there is none.
    pub fn text(&self) -> &str {
        let len = self.0.iter().position(|&byte| byte == 0).unwrap_or(NAME);
        self.0[..len].utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }

    /// Its bytes, zeroes at the end.
    pub fn bytes(&self) -> &[u8; NAME] {
        &self.0
    }
}

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.text() {
            "" => f.write_str("without a name"),
            name => write!(f, "\"{name}\""),
        }
    }
}
