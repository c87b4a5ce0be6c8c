//! Which memory of a heap asks for huge pages, and what may do so before it is known to be touched: see `huge`.

/// Which memory of a heap asks for huge pages: see `huge`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Huge {
    /// All. The first, so that a heap is made of zeroes.
    Always,
    /// None, and it refuses those that the system would give unasked.
    Never,
    /// What will be touched densely; of slabs, once they have so many bytes.
    Dense(usize),
}

/// What a heap may ask for before it is known to be touched.
pub(super) struct Credit {
    /// Bytes that were seen to be touched, and have not been given back since.
    pub(super) seen: usize,
    /// The most they have been.
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
