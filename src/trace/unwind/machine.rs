//! What unwinding must know of a machine: its registers, what the kernel leaves on the stack for a
//! signal handler, and what a call looks like.

#![allow(unsafe_code)]

use gimli::Register;

/// The three registers that a walk needs, and a fourth.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    /// The address of the current instruction.
    pub pc: usize,
    /// The stack pointer.
    pub sp: usize,
    /// The frame pointer, or whatever a function has put into that register.
    pub fp: usize,
    /// The link register, if it is known.
    pub lr: Option<usize>,
}

#[cfg(target_arch = "aarch64")]
mod of {
    use super::*;

    pub const SP: Register = Register(31);
    pub const FP: Register = Register(29);
    pub const RA: Register = Register(30);
    /// More registers than code saves: ten that hold numbers, eight of floating point, these, and whether the address is signed.
    pub const SAVED: usize = 24;
    /// Whether a call leaves the return address in a register.
    pub const HAS_LINK_REGISTER: bool = true;
    /// Bytes from the stack pointer, as in the code that a signal handler returns to, up to the context: a `siginfo_t`.
    pub const CONTEXT: usize = 128;
    /// Offsets in a `ucontext_t`.
    pub const CONTEXT_PC: usize = 440;
    pub const CONTEXT_SP: usize = 432;
    pub const CONTEXT_FP: usize = 416;
    pub const CONTEXT_LR: Option<usize> = Some(424);
    /// The kernel's code that a signal handler returns to: mov x8, 139; svc 0. Since Linux 5.8 no unwind information
    /// says what it is.
    pub const SIGNAL_RETURN: Option<[u8; 8]> = Some([0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4]);

    /// A return address without its signature.
    pub fn bare(address: usize) -> usize {
        address & ((1 << 48) - 1)
    }

    /// Whether the instruction before an address, its last four bytes, is a call.
    pub fn is_call(bytes: [u8; 8]) -> bool {
        let [.., a, b, c, d] = bytes;
        let instruction = u32::from_le_bytes([a, b, c, d]);
        instruction >> 26 == 0x25 || instruction & 0xffff_fc1f == 0xd63f_0000
    }

    #[cfg(not(miri))]
    #[inline(always)]
    pub fn here() -> Registers {
        let (pc, sp, fp): (usize, usize, usize);
        // SAFETY: reads registers.
        unsafe {
            core::arch::asm!("adr {pc}, .", "mov {sp}, sp", "mov {fp}, x29", pc = out(reg) pc, sp = out(reg) sp, fp = out(reg) fp,
                options(nomem, nostack, preserves_flags));
        }
        Registers { pc, sp, fp, lr: None }
    }
}

#[cfg(not(target_arch = "aarch64"))]
mod of {
    use super::*;

    pub const SP: Register = Register(7);
    pub const FP: Register = Register(6);
    pub const RA: Register = Register(16);
    /// More registers than code saves: there are 16, and the return address.
    pub const SAVED: usize = 18;
    /// Whether a call leaves the return address in a register.
    pub const HAS_LINK_REGISTER: bool = false;
    /// Bytes from the stack pointer, as in the code that a signal handler returns to, up to the context.
    pub const CONTEXT: usize = 0;
    /// Offsets in a `ucontext_t`.
    pub const CONTEXT_PC: usize = 168;
    pub const CONTEXT_SP: usize = 160;
    pub const CONTEXT_FP: usize = 120;
    pub const CONTEXT_LR: Option<usize> = None;
    /// The code that a signal handler returns to is known by its unwind information.
    pub const SIGNAL_RETURN: Option<[u8; 8]> = None;

    /// A return address as it is.
    #[inline(always)]
    pub fn bare(address: usize) -> usize {
        address
    }

    /// Whether the eight bytes before an address end with a call: of an address, or by a register or a word in memory.
    pub fn is_call(bytes: [u8; 8]) -> bool {
        const RELATIVE: u8 = 0xe8;
        const INDIRECT: u8 = 0xff;
        bytes[3] == RELATIVE || bytes.windows(2).skip(1).any(|pair| pair[0] == INDIRECT && pair[1] >> 3 & 7 == 2)
    }

    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub fn here() -> Registers {
        let (pc, sp, fp): (usize, usize, usize);
        // SAFETY: reads registers.
        unsafe {
            core::arch::asm!("lea {pc}, [rip]", "mov {sp}, rsp", "mov {fp}, rbp", pc = out(reg) pc, sp = out(reg) sp, fp = out(reg) fp,
                options(nomem, nostack, preserves_flags));
        }
        Registers { pc, sp, fp, lr: None }
    }
}

/// Zeroes, where the registers cannot be read.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn nowhere() -> Registers {
    Registers { pc: 0, sp: 0, fp: 0, lr: None }
}

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub use nowhere as here;
#[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use of::here;
pub use of::{
    CONTEXT, CONTEXT_FP, CONTEXT_LR, CONTEXT_PC, CONTEXT_SP, FP, HAS_LINK_REGISTER, RA, SAVED, SIGNAL_RETURN, SP, bare,
    is_call,
};
