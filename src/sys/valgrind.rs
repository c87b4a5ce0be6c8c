//! Valgrind's client requests: a sequence of instructions that does nothing on a real machine and that valgrind
//! recognises (`valgrind.h`, "magic instruction sequences").

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
fn request(code: usize, args: [usize; 2], default: usize) -> usize {
    let block = [code, args[0], args[1], 0, 0, 0];
    let mut result = default;
    // SAFETY: rotations of rdi by 128 bits in all and an exchange of rbx with itself: no effect on a real machine.
    // Under valgrind rdx receives the answer, and the block is read.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") block.as_ptr(),
            inout("rdx") result,
            inout("rdi") 0usize => _,
        );
    }
    result
}

#[cfg(target_arch = "aarch64")]
fn request(code: usize, args: [usize; 2], default: usize) -> usize {
    let block = [code, args[0], args[1], 0, 0, 0];
    let mut result = default;
    // SAFETY: rotations of x12 by 128 bits in all and an orr of x10 with itself: no effect on a real machine.
    unsafe {
        core::arch::asm!(
            "ror x12, x12, #3", "ror x12, x12, #13", "ror x12, x12, #51", "ror x12, x12, #61",
            "orr x10, x10, x10",
            in("x4") block.as_ptr(),
            inout("x3") result,
            inout("x12") 0usize => _,
        );
    }
    result
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn request(_: usize, _: [usize; 2], default: usize) -> usize {
    default
}

const RUNNING_ON_VALGRIND: usize = 0x1001;

/// Whether the process runs under valgrind.
pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, [0; 2], 0) != 0
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(not(miri))]
    fn a_real_machine_answers_no() {
        assert!(!super::is_running());
    }
}
