//! Addresses of symbols that may be missing. The linker fills them in.

#![allow(unsafe_code)]

/// The address of a symbol, or 0 if nothing has that name: `linked_address!("name")`. With `hidden` before the
/// name only this library is searched. The macro reads a word that the loader has written, and looks nothing up.
macro_rules! linked_address {
    ($name:literal) => {
        $crate::sys::linked::linked_address!(@ $name)
    };
    (hidden $name:literal) => {
        $crate::sys::linked::linked_address!(@ $name, ".hidden ")
    };
    (@ $name:literal $(, $hidden:literal)?) => {{
        #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_pointer_width = "64", not(miri)))]
        let address = {
            let address: usize;
            // SAFETY: reads a word that the loader has written.
            unsafe {
                #[cfg(target_arch = "x86_64")]
                core::arch::asm!(
                    concat!(".weak ", $name),
                    $(concat!($hidden, $name),)?
                    concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                    out(reg) address,
                    options(pure, readonly, nostack, preserves_flags),
                );
                #[cfg(target_arch = "aarch64")]
                core::arch::asm!(
                    concat!(".weak ", $name),
                    $(concat!($hidden, $name),)?
                    concat!("adrp {0}, :got:", $name),
                    concat!("ldr {0}, [{0}, :got_lo12:", $name, "]"),
                    out(reg) address,
                    options(pure, readonly, nostack, preserves_flags),
                );
            }
            address
        };
        #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_pointer_width = "64", not(miri))))]
        let address = 0_usize;
        address
    }};
}

pub(crate) use linked_address;

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_there_has_an_address_and_what_is_not_has_none() {
        assert_eq!(linked_address!("metes_no_such_symbol"), 0);
        let here = linked_address!("free") != 0;
        assert!(here || cfg!(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64")))));
    }
}
