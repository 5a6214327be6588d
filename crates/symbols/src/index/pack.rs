// SPDX-License-Identifier: MPL-2.0
//! Packing of what shrinks much: names, and the root.

use crate::number::index;

/// Largest text, unpacked.
const MAX_RAW_BYTES: u32 = 256 << 20;
/// What a packed byte becomes at most.
const MAX_RATIO: usize = 255;

/// Packs bytes and appends them.
pub(crate) fn pack(raw: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(
        start + lz4_flex::block::get_maximum_output_size(raw.len()),
        0,
    );
    let room = out.get_mut(start..).unwrap_or_default();
    // There is room for whatever comes out; with nothing written it would be no page.
    let written = lz4_flex::block::compress_into(raw, room).unwrap_or_default();
    out.truncate(start + written);
}

/// Unpacks what has exactly so many bytes.
pub(crate) fn unpack(packed: &[u8], raw_bytes: u32) -> Option<Vec<u8>> {
    // A wrong size must not reserve memory.
    if raw_bytes > MAX_RAW_BYTES || index(raw_bytes) > packed.len().saturating_mul(MAX_RATIO) {
        return None;
    }
    let mut raw = vec![0; index(raw_bytes)];
    let unpacked = lz4_flex::block::decompress_into(packed, &mut raw).ok()?;
    (unpacked == raw.len()).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::narrow;

    #[test]
    fn what_was_packed_comes_back_and_nothing_else_does() {
        for raw in [&b""[..], b"a", &b"abcabcd".repeat(10_000), &[0; 1 << 20]] {
            let mut packed = vec![7];
            pack(raw, &mut packed);
            let packed = &packed[1..];
            assert_eq!(unpack(packed, narrow(raw.len())).unwrap(), raw);
            assert_eq!(unpack(packed, narrow(raw.len()) + 1), None);
            for end in 0..packed.len() {
                assert_eq!(unpack(&packed[..end], narrow(raw.len())), None, "{end}");
            }
        }
        assert_eq!(unpack(&[0x1f; 100], u32::MAX), None);
    }
}
