// SPDX-License-Identifier: MPL-2.0
//! The bytes of an answer, and the parts of JSON that nearly all of them are. They are kept in pieces,
//! so that nothing is copied when an answer grows and a piece can be let go of when it is sent.

use std::io;

/// Gives an answer so many bytes of memory more, or says no.
pub type Room<'a> = dyn FnMut(usize) -> bool + 'a;

/// The first piece; most answers are below that …
const FIRST_BYTES: usize = 16 << 10;
/// … and all others.
const PIECE_BYTES: usize = 64 << 10;

/// Bytes up to a limit.
pub(crate) struct Body<'r> {
    pieces: Vec<Vec<u8>>,
    last: Vec<u8>,
    /// Bytes that the last piece still takes.
    spare: usize,
    /// Bytes of all pieces, the spare ones included.
    taken: usize,
    limit: usize,
    room: &'r mut Room<'r>,
}

impl<'r> Body<'r> {
    pub(crate) fn new(limit: usize, room: &'r mut Room<'r>) -> Self {
        Self {
            pieces: Vec::new(),
            last: Vec::new(),
            spare: 0,
            taken: 0,
            limit,
            room,
        }
    }

    pub(crate) fn into_pieces(mut self) -> Vec<Vec<u8>> {
        self.pieces.push(self.last);
        self.pieces
    }

    /// Appends bytes.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.spare.checked_sub(bytes.len()) {
            Some(spare) => {
                self.spare = spare;
                self.last.extend_from_slice(bytes);
                Ok(())
            }
            None => self.push_on(bytes),
        }
    }

    #[cold]
    fn push_on(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((here, rest)) = bytes.split_at_checked(self.spare)
            && !rest.is_empty()
        {
            self.last.extend_from_slice(here);
            self.next_piece()?;
            bytes = rest;
        }
        self.spare -= bytes.len();
        self.last.extend_from_slice(bytes);
        Ok(())
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let wanted = if self.taken == 0 {
            FIRST_BYTES
        } else {
            PIECE_BYTES
        };
        let bytes = wanted.min(self.limit - self.taken);
        if bytes == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if !(self.room)(bytes) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let piece = std::mem::replace(&mut self.last, Vec::with_capacity(bytes));
        if !piece.is_empty() {
            self.pieces.push(piece);
        }
        self.spare = bytes;
        self.taken += bytes;
        Ok(())
    }

    /// Appends items with what stands around and between them.
    pub(crate) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> io::Result<()>,
    ) -> io::Result<()> {
        self.push(b"[")?;
        let mut separator: &[u8] = b"";
        for item in items {
            self.push(separator)?;
            write(self, item)?;
            separator = b",";
        }
        self.push(b"]")
    }

    /// Appends a string.
    #[inline]
    pub(crate) fn string(&mut self, text: &str) -> io::Result<()> {
        if !is_plain(text) {
            return serde_json::to_writer(self, text).map_err(io::Error::from);
        }
        self.push(b"\"")?;
        self.push(text.as_bytes())?;
        self.push(b"\"")
    }

    /// Appends a number.
    pub(crate) fn decimal(&mut self, number: u64) -> io::Result<()> {
        self.digits(number, 10)
    }

    /// Appends a string with a hexadecimal number.
    pub(crate) fn hex(&mut self, number: u64) -> io::Result<()> {
        self.push(b"\"0x")?;
        self.digits(number, 16)?;
        self.push(b"\"")
    }

    fn digits(&mut self, number: u64, base: u64) -> io::Result<()> {
        let mut digits = [b'0'; 20];
        let (mut rest, mut count) = (number, 0);
        for slot in digits.iter_mut().rev() {
            let digit = u8::try_from(rest % base).unwrap_or_default();
            *slot = if digit < 10 {
                b'0' + digit
            } else {
                b'a' + (digit - 10)
            };
            count += 1;
            rest /= base;
            if rest == 0 {
                break;
            }
        }
        self.push(digits.get(digits.len() - count..).unwrap_or_default())
    }
}

/// Tells whether a text stands in JSON as it is. It looks at all bytes, which is quicker than to stop
/// at the first that does not.
pub(crate) fn is_plain(text: &str) -> bool {
    let is_special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    !text
        .as_bytes()
        .iter()
        .fold(false, |any, byte| any | is_special(byte))
}

impl io::Write for Body<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(
        limit: usize,
        write: impl Fn(&mut Body<'_>) -> io::Result<()>,
    ) -> io::Result<String> {
        let mut given = 0;
        let mut room = |bytes| {
            given += bytes;
            true
        };
        let mut body = Body::new(limit, &mut room);
        write(&mut body)?;
        let pieces = body.into_pieces();
        let capacity: usize = pieces.iter().map(Vec::capacity).sum();
        assert!(capacity >= given && given <= limit);
        Ok(String::from_utf8(pieces.concat()).unwrap())
    }

    #[test]
    fn numbers_and_strings_are_as_serde_writes_them() {
        let numbers = [0, 1, 9, 10, 15, 16, 255, 1 << 53, u64::MAX - 1, u64::MAX];
        for number in numbers {
            let decimal = written(100, |body| body.decimal(number)).unwrap();
            assert_eq!(decimal, number.to_string());
            let hex = written(100, |body| body.hex(number)).unwrap();
            assert_eq!(hex, format!("\"{number:#x}\""));
        }
        let special: Vec<String> = (0..=0x20u8)
            .chain(*b"\"\\\x7f")
            .map(|byte| char::from(byte).to_string())
            .collect();
        let texts = [
            "",
            "f",
            "std::vector<int, a>::at(unsigned)",
            "ä\u{2028}\u{1f600}",
        ];
        for text in texts
            .iter()
            .copied()
            .chain(special.iter().map(String::as_str))
        {
            for text in [text.to_owned(), format!("{}{text}x", "y".repeat(70))] {
                let string = written(1000, |body| body.string(&text)).unwrap();
                assert_eq!(string, serde_json::to_string(&text).unwrap());
            }
        }
    }

    #[test]
    fn what_was_written_comes_back_whatever_the_pieces_up_to_the_limit() {
        let text = "0123456789".repeat(30_000);
        for step in [1, 7, 4096, 70_000, text.len()] {
            let write =
                |body: &mut Body<'_>| text.as_bytes().chunks(step).try_for_each(|c| body.push(c));
            assert_eq!(written(text.len(), write).unwrap(), text);
            let error = written(text.len() - 1, write).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        }
    }
}
