// SPDX-License-Identifier: MPL-2.0
//! Conversions between widths of numbers that hold on every machine this runs on, and saturate
//! rather than wrap on any other.

/// A 32-bit number as a position in memory.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A position in memory as a 32-bit number; the largest when it does not fit.
pub(crate) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A position in memory as a 64-bit number.
pub(crate) fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A 64-bit number as a position in memory.
pub(crate) fn position(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
