//! How many bytes of this process are resident, without a call of the allocator: what /proc/self/smaps_rollup says of
//! anonymous memory. It is exact, where /proc/self/statm may be wrong by some hundred KiB, and has no files in it, nor what
//! is shared with the tool.

#![allow(unsafe_code)]

/// Anonymous bytes; 0 where the kernel does not say.
pub fn anonymous() -> u64 {
    let mut text = [0; 2048];
    // SAFETY: a C string, and the kernel writes into the array alone.
    let read = unsafe {
        let file = libc::open(c"/proc/self/smaps_rollup".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return 0;
        }
        let read = libc::read(file, text.as_mut_ptr().cast(), text.len());
        libc::close(file);
        read
    };
    figure(&text[..usize::try_from(read).unwrap_or(0)])
}

fn figure(text: &[u8]) -> u64 {
    let mut lines = text.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Anonymous:")).unwrap_or_default();
    let digits = line.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum: u64, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_is_anonymous() {
        assert_eq!(figure(b"Rss:  96 kB\nAnonymous:           12 kB\nLazyFree:  8 kB\n"), 12 << 10);
        assert_eq!(figure(b""), 0);
        assert!(anonymous() > 64 << 10);
    }
}
