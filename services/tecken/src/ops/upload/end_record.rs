// SPDX-License-Identifier: MPL-2.0
//! The records at the end of a zip, read before the zip reader is: they say how many entries the
//! list has, and the reader takes the whole list into memory, several times the size of the file.

use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom};

const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_BYTES: usize = 20;
const END64: [u8; 4] = *b"PK\x06\x06";
const END64_BYTES: usize = 56;
/// Bytes of an `END64` record that its length does not count.
const END64_OVERHEAD: u64 = 12;
/// Bytes of an entry of the list, its name aside.
const ENTRY_BYTES: u64 = 46;
/// Number of entries that says: look into the `END64` record.
const SEE_END64: u64 = 0xffff;
/// Longest comment behind the record, and more than any reader looks at beyond that.
const TAIL_BYTES: u64 = (64 << 10) + 1024;

/// Returns the number of entries, `None` when nothing is the end of a zip. A reader that does not like
/// the last record tries those before it, so all of them are looked at and the largest number counts.
///
/// # Errors
/// The file cannot be read, or a record contradicts itself.
pub(super) fn count(file: &mut (impl Read + Seek)) -> io::Result<Option<u64>> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    let mut largest = None;
    for (at, record) in tail.windows(END_BYTES).enumerate() {
        if !record.starts_with(&END) || at + END_BYTES + size(record, 20) > tail.len() {
            continue;
        }
        let small = number(record, 8, 2).max(number(record, 10, 2));
        let locator_from = at.checked_sub(LOCATOR_BYTES);
        let locator = locator_from.and_then(|from| Some((from, tail.get(from..at)?)));
        let count = match locator.filter(|(_, locator)| locator.starts_with(&LOCATOR)) {
            Some((from, locator)) => {
                let from = u64::try_from(from).unwrap_or(u64::MAX);
                let large = count64(file, locator, start.saturating_add(from))?;
                if small == SEE_END64 {
                    large
                } else {
                    small.max(large)
                }
            }
            None => small,
        };
        largest = largest.max(Some(count));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(largest)
}

/// Returns the number of entries of the `END64` record, which must be where the locator says and fill
/// the place up to it: a reader would look for another one otherwise.
fn count64(file: &mut (impl Read + Seek), locator: &[u8], locator_at: u64) -> io::Result<u64> {
    let wrong = || Error::from(ErrorKind::InvalidData);
    let at = number(locator, 8, 8);
    let mut record = [0; END64_BYTES];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut record)?;
    let (on_this_disk, count) = (number(&record, 24, 8), number(&record, 32, 8));
    let end = number(&record, 4, 8)
        .checked_add(END64_OVERHEAD)
        .and_then(|length| length.checked_add(at))
        .ok_or_else(wrong)?;
    let list_end = count
        .checked_mul(ENTRY_BYTES)
        .and_then(|length| length.checked_add(number(&record, 48, 8)))
        .ok_or_else(wrong)?;
    let is_one_disk = on_this_disk == count
        && number(&record, 16, 4) == 0
        && number(&record, 20, 4) == number(locator, 4, 4)
        && number(locator, 16, 4) <= 1;
    if record.starts_with(&END64) && end == locator_at && list_end <= at && is_one_disk {
        Ok(count)
    } else {
        Err(wrong())
    }
}

fn number(record: &[u8], at: usize, length: usize) -> u64 {
    let bytes = record.get(at..at + length).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn size(record: &[u8], at: usize) -> usize {
    usize::try_from(number(record, at, 2)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn end(count: u16, comment: &[u8]) -> Vec<u8> {
        let mut record = END.to_vec();
        record.extend([0; 4]);
        record.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        record.extend([0; 8]);
        record.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
        record.extend(comment);
        record
    }

    fn end64(count: u64, at: u64, list_at: u64) -> Vec<u8> {
        let mut record = END64.to_vec();
        record.extend(44_u64.to_le_bytes());
        record.extend([0; 12]);
        for number in [count, count, 0, list_at] {
            record.extend(number.to_le_bytes());
        }
        record.extend(LOCATOR);
        record.extend([0; 4]);
        record.extend(at.to_le_bytes());
        record.extend(1_u32.to_le_bytes());
        record
    }

    fn count_of(bytes: Vec<u8>) -> Result<Option<u64>, ErrorKind> {
        count(&mut Cursor::new(bytes)).map_err(|e| e.kind())
    }

    #[test]
    fn the_number_is_that_of_the_record_at_the_end() {
        assert_eq!(count_of(Vec::new()), Ok(None));
        assert_eq!(count_of(vec![b'P'; 100_000]), Ok(None));
        assert_eq!(count_of(end(3, b"")), Ok(Some(3)));
        assert_eq!(
            count_of([vec![7; 200_000], end(3, b"text")].concat()),
            Ok(Some(3))
        );
        // A record whose comment does not fit is none.
        assert_eq!(count_of(end(3, b"text")[..24].to_vec()), Ok(None));
    }

    #[test]
    fn a_harmless_record_does_not_hide_another_one() {
        let hidden = [end(60_000, b""), end(0, b"")].concat();
        assert_eq!(count_of(hidden), Ok(Some(60_000)));
        assert_eq!(count_of(end(0, &end(60_000, b""))), Ok(Some(60_000)));
    }

    #[test]
    fn more_than_16_bits_stand_in_a_record_of_their_own() {
        let list = vec![0; 46 * 70_000];
        let at = u64::try_from(list.len()).unwrap();
        let whole = |record: Vec<u8>| [list.clone(), record, end(0xffff, b"")].concat();
        assert_eq!(count_of(whole(end64(70_000, at, 0))), Ok(Some(70_000)));
        for record in [
            end64(70_000, at - 1, 0),
            end64(70_000, at, 1),
            end64(u64::MAX, at, 0),
            [end64(70_000, at, 0)[..56].to_vec(), end64(2, at, 0)].concat(),
        ] {
            assert_eq!(count_of(whole(record)), Err(ErrorKind::InvalidData));
        }
        // Without it the small record has all there is.
        assert_eq!(count_of(whole(Vec::new())), Ok(Some(0xffff)));
    }
}
