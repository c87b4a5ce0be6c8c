//! Which memory of a heap asks for huge pages, and how much may ask before it is known to be touched. See `huge`.

/// Which memory of a heap asks for huge pages. See `huge`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Huge {
    /// All of it. This variant is the first, so that a new heap is all zeroes.
    Always,
    /// None. The heap also refuses huge pages that the system would give unasked.
    Never,
    /// Memory that will be touched densely. Slabs have such memory once they have so many bytes.
    Dense(usize),
}

/// How many bytes of a heap may ask before they are known to be touched.
pub(super) struct Credit {
    /// Bytes that were seen touched and have not been given back since.
    pub(super) seen: usize,
    /// The most that `seen` has been, or the most bytes seen touched at once.
    pub(super) most: usize,
    /// Bytes that have asked for huge pages and may never be touched.
    pub(super) owed: usize,
}

impl Credit {
    pub(super) fn add_seen(&mut self, bytes: usize) {
        self.seen += bytes;
        self.most = self.most.max(self.seen);
    }

    pub(super) fn allows(&self, bytes: usize) -> bool {
        self.owed + bytes <= self.most
    }
}
