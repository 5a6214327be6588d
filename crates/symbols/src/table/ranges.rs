// SPDX-License-Identifier: MPL-2.0
//! Overlapping address ranges of one function made disjoint, so that a lookup is one binary
//! search whatever the file holds.

use crate::number::position;

/// An address range of a function, relative to its start and clipped to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span<T> {
    /// Start before clipping: of several ranges the one with the greatest start counts.
    pub(crate) address: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) value: T,
}

impl<T> Span<T> {
    /// Clips a range to the function; nothing when no address of the function is in it.
    ///
    /// Only the first 4 GiB of a function have lines, which no code exceeds.
    pub(crate) fn clip(
        (address, size): (u64, u64),
        (function, function_size): (u64, u64),
        value: T,
    ) -> Option<Self> {
        let (start, size) = match address.checked_sub(function) {
            Some(start) => (start, size),
            None => (0, size.saturating_sub(function - address)),
        };
        let end = start.saturating_add(size).min(function_size);
        let end = u32::try_from(end).unwrap_or(u32::MAX);
        let start = u32::try_from(start).ok()?;
        (start < end).then_some(Self {
            address,
            start,
            end,
            value,
        })
    }
}

/// Passes on which value counts where, in address order and without overlap.
///
/// The spans come in the order of the file. At each address the one with the greatest start
/// counts, among equals the first in the file.
pub(crate) fn resolve<T: Copy>(spans: &mut [Span<T>], mut emit: impl FnMut(u32, u32, T)) {
    if is_disjoint(spans) {
        for span in spans {
            emit(span.start, span.end, span.value);
        }
        return;
    }
    // Calls with several ranges: out of order in the file, yet apart from each other.
    if emit_sorted(spans, &mut emit) {
        return;
    }
    spans.reverse();
    spans.sort_by_key(|span| span.address);
    // Spans not ended yet; the top one counts.
    let mut open: Vec<&Span<T>> = Vec::new();
    let mut at = 0;
    for span in &*spans {
        advance(&mut open, &mut at, span.start, &mut emit);
        open.push(span);
    }
    advance(&mut open, &mut at, u32::MAX, &mut emit);
}

/// Tells whether the spans ascend without overlap, as they do in real files.
pub(crate) fn is_disjoint<T>(spans: &[Span<T>]) -> bool {
    spans.is_sorted_by(|left, right| left.end <= right.start)
}

/// Passes on the spans in the order of their starts, unless they overlap. Numbers are sorted faster
/// than spans.
fn emit_sorted<T: Copy>(spans: &[Span<T>], emit: &mut impl FnMut(u32, u32, T)) -> bool {
    let start = |(at, span): (u32, &Span<T>)| u64::from(span.start) << 32 | u64::from(at);
    let mut order: Vec<u64> = (0..).zip(spans).map(start).collect();
    order.sort_unstable();
    let span = |place: &u64| spans.get(position(place & 0xffff_ffff));
    let sorted = order.iter().filter_map(span);
    let is_disjoint = sorted
        .clone()
        .is_sorted_by(|left, right| left.end <= right.start);
    if is_disjoint {
        sorted.for_each(|span| emit(span.start, span.end, span.value));
    }
    is_disjoint
}

fn advance<T: Copy>(
    open: &mut Vec<&Span<T>>,
    at: &mut u32,
    until: u32,
    emit: &mut impl FnMut(u32, u32, T),
) {
    while *at < until
        && let Some(top) = open.last()
    {
        if top.end <= *at {
            open.pop();
        } else {
            let end = top.end.min(until);
            emit(*at, end, top.value);
            *at = end;
        }
    }
    *at = until.max(*at);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(ranges: &[(u32, u32)]) -> Vec<(u32, u32, usize)> {
        let mut spans: Vec<_> = ranges
            .iter()
            .enumerate()
            .map(|(value, (start, end))| Span {
                address: u64::from(*start),
                start: *start,
                end: *end,
                value,
            })
            .collect();
        let mut found = Vec::new();
        resolve(&mut spans, |start, end, value| {
            found.push((start, end, value))
        });
        found
    }

    #[test]
    fn disjoint_ranges_stay_as_they_are() {
        assert_eq!(
            resolved(&[(0, 4), (4, 8), (10, 12)]),
            [(0, 4, 0), (4, 8, 1), (10, 12, 2)]
        );
    }

    #[test]
    fn an_inner_range_interrupts_the_outer() {
        assert_eq!(
            resolved(&[(0, 9), (2, 4)]),
            [(0, 2, 0), (2, 4, 1), (4, 9, 0)]
        );
    }

    #[test]
    fn at_an_equal_start_the_first_counts_until_it_ends() {
        assert_eq!(resolved(&[(0, 4), (0, 9)]), [(0, 4, 0), (4, 9, 1)]);
        assert_eq!(resolved(&[(0, 9), (0, 4)]), [(0, 9, 0)]);
    }

    #[test]
    fn unsorted_ranges_are_sorted() {
        assert_eq!(resolved(&[(6, 8), (0, 4)]), [(0, 4, 1), (6, 8, 0)]);
    }

    #[test]
    fn ranges_are_clipped_to_the_function() {
        let clip = |range, function| {
            Span::clip(range, function, ()).map(|span| (span.address, span.start, span.end))
        };
        assert_eq!(
            clip((0x1000, 0x10), (0x1000, 0x100)),
            Some((0x1000, 0, 0x10))
        );
        assert_eq!(clip((0xff0, 0x20), (0x1000, 0x100)), Some((0xff0, 0, 0x10)));
        assert_eq!(
            clip((0x10f0, 0x20), (0x1000, 0x100)),
            Some((0x10f0, 0xf0, 0x100))
        );
        assert_eq!(clip((0xff0, 0x10), (0x1000, 0x100)), None);
        assert_eq!(clip((0x1100, 0x10), (0x1000, 0x100)), None);
        assert_eq!(clip((0x1000, 0), (0x1000, 0x100)), None);
        assert_eq!(
            clip((u64::MAX, u64::MAX), (u64::MAX, 1)),
            Some((u64::MAX, 0, 1))
        );
        assert_eq!(clip((1 << 32, 1), (0, u64::MAX)), None);
    }
}
