//! The tables' names.

/// Which table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Tab {
    /// Size classes.
    Classes,
    /// Arenas, heaps that the program has made, mappings.
    Heaps,
    /// Threads and their caches.
    Threads,
    /// What is not metes'.
    Maps,
}

impl Tab {
    /// All of them, as the keys 1 to 4 choose them.
    pub const ALL: [Self; 4] = [Self::Classes, Self::Heaps, Self::Threads, Self::Maps];

    /// What the key's line says.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Heaps => "heaps",
            Self::Threads => "threads",
            Self::Maps => "other maps",
        }
    }
}
