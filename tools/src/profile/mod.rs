//! Profiles: samples of what a program allocates, with their stacks, as the library keeps them in a process or in a file.
//!
//! `read` takes a profile out of either, `attach` switches the sampling of a running process on and off, `sites` puts
//! names to its stacks, and the others write it: `page` as text, `flame` as a picture, `pprof` for other tools, and
//! `form` by a file's name. `kept` is where a program keeps its profile to its end. `pins` holds the live samples against
//! the slabs that they stand in.

pub mod attach;
pub mod flame;
pub mod form;
pub mod kept;
pub mod page;
pub mod pins;
pub mod pprof;
pub mod read;
pub mod sites;

/// A profile at one moment.
#[derive(Clone, Default)]
pub struct Profile {
    /// The process.
    pub pid: u32,
    /// Bytes between two samples, in the mean.
    pub rate: u64,
    /// From the first sample to the last, in milliseconds.
    pub lasted: u64,
    /// Samples so far.
    pub samples: u64,
    /// Samples that were lost: no room for the stack, none among the live samples, no memory.
    pub dropped: [u64; 3],
    /// The most bytes in use, and when that was, in milliseconds from the first sample on.
    pub peak: (u64, u64),
    /// The stacks.
    pub stacks: Vec<Stack>,
    /// The samples in use.
    pub live: Vec<Live>,
    /// The text of the process's /proc/PID/maps.
    pub maps: String,
}

/// Blocks and bytes, as estimated from samples.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Amount {
    /// Blocks.
    pub blocks: f64,
    /// Bytes.
    pub bytes: u64,
}

/// A stack, and what was allocated there.
#[derive(Clone, Default)]
pub struct Stack {
    /// Its place in the profile's table.
    pub index: usize,
    /// Return addresses, innermost first.
    pub frames: Vec<u64>,
    /// Whether there were more.
    pub is_cut: bool,
    /// Samples.
    pub samples: u64,
    /// Allocated so far.
    pub allocated: Amount,
    /// Freed so far.
    pub freed: Amount,
    /// In use at the peak.
    pub peak: Amount,
    /// Freed samples' lives together, in milliseconds.
    pub lives: u64,
    /// How many freed samples lived less than 1, 10, 100 ... milliseconds.
    pub lived: [u64; 8],
}

/// A sample in use.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Its address.
    pub address: u64,
    /// Its stack's index.
    pub stack: usize,
    /// Bytes asked for.
    pub size: u64,
    /// How many blocks it stands for.
    pub weight: f64,
    /// The object that keeps its place; 0 for none.
    pub anchor: u64,
}

/// What of a stack is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum What {
    /// What is in use now.
    InUse,
    /// What was allocated, freed or not.
    Allocated,
    /// What was in use when most was.
    Peak,
}

impl What {
    /// The words of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::InUse => "in use",
            Self::Allocated => "allocated",
            Self::Peak => "in use at the peak",
        }
    }
}

impl Amount {
    fn less(self, other: Self) -> Self {
        Self { blocks: (self.blocks - other.blocks).max(0.0), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}

impl Stack {
    /// How much of it there is.
    pub fn amount(&self, what: What) -> Amount {
        match what {
            What::InUse => self.allocated.less(self.freed),
            What::Allocated => self.allocated,
            What::Peak => self.peak,
        }
    }

    /// Samples that were freed.
    pub fn ended(&self) -> u64 {
        self.lived.iter().sum()
    }
}

impl Profile {
    /// How much of it there is, everywhere.
    pub fn amount(&self, what: What) -> Amount {
        self.stacks.iter().map(|stack| stack.amount(what)).fold(Amount::default(), |sum, more| Amount {
            blocks: sum.blocks + more.blocks,
            bytes: sum.bytes + more.bytes,
        })
    }

    /// What has come since an earlier moment of the same profile. What was in use then and is freed now counts as
    /// nothing.
    pub fn since(mut self, earlier: &Self) -> Self {
        for stack in &mut self.stacks {
            if let Some(before) = earlier.stacks.iter().find(|before| before.index == stack.index) {
                let grown = stack.amount(What::InUse).less(before.amount(What::InUse));
                stack.samples -= before.samples.min(stack.samples);
                stack.allocated = stack.allocated.less(before.allocated);
                stack.freed = stack.allocated.less(grown);
                stack.lives = stack.lives.saturating_sub(before.lives);
                stack.lived.iter_mut().zip(before.lived).for_each(|(now, then)| *now = now.saturating_sub(then));
            }
        }
        self.samples -= earlier.samples.min(self.samples);
        self
    }
}
