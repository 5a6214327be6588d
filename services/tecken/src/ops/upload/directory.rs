// SPDX-License-Identifier: MPL-2.0
//! Names that stand twice in an archive. The zip reader keeps the last of them, so the central
//! directory is read once more here, entry by entry.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

const SIGNATURE: [u8; 4] = *b"PK\x01\x02";
const HEAD_BYTES: usize = 46;

/// Returns the sentence for the first name that stands twice with different sizes.
pub(super) fn conflict(reader: &mut (impl Read + Seek), start: u64) -> io::Result<Option<String>> {
    reader.seek(SeekFrom::Start(start))?;
    let mut sizes: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut head = [0; HEAD_BYTES];
    loop {
        if reader.read_exact(&mut head).is_err() || !head.starts_with(&SIGNATURE) {
            return Ok(None);
        }
        let size = number(&head, 24, 4);
        let (extra, comment) = (number(&head, 30, 2), number(&head, 32, 2));
        let mut name = vec![0; usize::try_from(number(&head, 28, 2)).unwrap_or_default()];
        reader.read_exact(&mut name)?;
        reader.seek(SeekFrom::Current(i64::from(extra) + i64::from(comment)))?;
        match sizes.get(&name) {
            Some(earlier) if *earlier != size => {
                let name = String::from_utf8_lossy(&name);
                return Ok(Some(format!(
                    "The zipfile buffer contains two files both called {name} and they have \
                     difference sizes ({size} != {earlier})"
                )));
            }
            _ => sizes.insert(name, size),
        };
    }
}

fn number(head: &[u8], at: usize, length: usize) -> u32 {
    let bytes = head.get(at..at + length).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| (number << 8) | u32::from(*byte))
}
