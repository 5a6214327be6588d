// SPDX-License-Identifier: MPL-2.0
//! How much memory the system hands out at once.

use rustix::thread::disable_transparent_huge_pages;

/// Has the system back memory with its ordinary pages (4 KiB) and not with huge ones (2 MiB), here and
/// in child processes.
///
/// A service holds little memory in many places. With huge pages, which the allocator asks for,
/// symbolication for 64 clients took 600 MB in place of 180 at the same rate, and the first request
/// after a start waited for the system to clear them.
///
/// A system that does not allow it leaves things as they are.
pub fn use_small_pages() {
    let _ = disable_transparent_huge_pages(true);
}

#[cfg(test)]
mod tests {
    use rustix::thread::transparent_huge_pages_are_disabled;

    use super::*;

    #[test]
    fn huge_pages_are_off() {
        use_small_pages();
        assert!(transparent_huge_pages_are_disabled().unwrap());
    }
}
