//! Switching the sampling of a running process on and off, from outside.
//!
//! The tool writes the rate into the process, and empties the tables of its thread caches, so that each thread's next
//! allocation takes the slow path and finds the rate. Both are what the process itself does when it sets the option.

use crate::failure::Failure;
use crate::heap::source::Source;
use crate::heap::walk::caches;
use crate::process::Process;
use metes::internals::profiling::Control;
use std::mem::offset_of;

/// The sampling of a process that was switched on, and is switched off at the end, also where the tool fails meanwhile.
pub struct Attached<'a> {
    process: &'a Process,
    source: &'a Source<'a>,
    /// Whether it samples for somebody else, too.
    was_on: bool,
}

impl<'a> Attached<'a> {
    /// Switches it on. A process that samples already goes on as it does.
    pub fn to(process: &'a Process, source: &'a Source<'a>, rate: u64) -> Result<Self, Failure> {
        let control = source.channel.profiling.get() as u64;
        if control == 0 {
            return Err(Failure::about(process.pid(), "its libmetes.so is too old for profiles"));
        }
        let before = source.word(control + offset_of!(Control, rate) as u64).ok_or_else(|| process.gone())?;
        let attached = Self { process, source, was_on: before != 0 };
        if before == 0 {
            attached.write(offset_of!(Control, ever), 1)?;
            attached.write(offset_of!(Control, rate), rate)?;
            attached.remind()?;
        }
        Ok(attached)
    }

    /// Whether the process sampled before.
    pub fn was_on(&self) -> bool {
        self.was_on
    }

    /// Empties the tables of all caches. A thread may just have filled its table anew, so this is said again from time to
    /// time.
    pub fn remind(&self) -> Result<(), Failure> {
        let layout = &self.source.channel.cache;
        let zeroes = vec![0; layout.table_bytes as usize];
        for (cache, _) in caches::all(self.source) {
            self.process.write(cache + u64::from(layout.table), &zeroes)?;
        }
        Ok(())
    }

    fn write(&self, offset: usize, value: u64) -> Result<(), Failure> {
        self.process.write(self.source.channel.profiling.get() as u64 + offset as u64, &value.to_le_bytes())
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        if !self.was_on {
            // The process may have ended.
            let _ = self.write(offset_of!(Control, rate), 0);
        }
    }
}
