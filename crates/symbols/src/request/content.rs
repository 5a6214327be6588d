// SPDX-License-Identifier: MPL-2.0
//! The content of a job: its stacks, then its memory map, then whether the one fits the other.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::json::{self, Kind, Number, Text};
use super::messages as m;
use super::shape::Shape;
use super::{Entry, Frame, Job, Limits, Module, Offset};
use crate::module::ModuleKey;

/// Longest name of a module, in characters.
const MAX_NAME_CHARS: usize = 1024;
/// Digits of a number that Python takes from JSON.
const MAX_DIGITS: usize = 4300;
/// Digits that fit into 64 bits whatever they are.
const CHUNK_DIGITS: usize = 18;

pub(super) fn parse(shapes: &[Shape<'_>], limits: &Limits) -> Result<Vec<Job>, String> {
    let mut reader = Reader {
        limits,
        stacks: 0,
        frames: 0,
        modules: 0,
    };
    shapes.iter().map(|shape| reader.job(shape)).collect()
}

/// Reads the jobs of a request and counts what they hold.
struct Reader<'l> {
    limits: &'l Limits,
    stacks: usize,
    frames: usize,
    modules: usize,
}

impl Reader<'_> {
    fn job(&mut self, shape: &Shape<'_>) -> Result<Job, String> {
        let mut greatest_index = None;
        let mut stacks = Vec::new();
        json::each(shape.stacks, |stack| {
            count("stacks", &mut self.stacks, self.limits.frames)?;
            stacks.push(self.stack(stack, &mut greatest_index)?);
            Ok(())
        })?;
        let (entries, modules) = self.memory_map(shape.memory_map)?;
        if let Some(index) = greatest_index
            && usize::try_from(index).map_or(true, |index| index >= modules.len())
        {
            return Err(m::index_out_of_range(index, modules.len()));
        }
        let mut job = Job {
            entries,
            modules,
            stacks,
        };
        count_references(&mut job);
        Ok(job)
    }

    fn stack(&mut self, raw: &RawValue, greatest: &mut Option<u64>) -> Result<Vec<Frame>, String> {
        if json::kind(raw) != Kind::List {
            return Err(m::STACK_NOT_A_LIST.to_owned());
        }
        let mut stack = Vec::new();
        json::each(raw, |frame| {
            count("frames", &mut self.frames, self.limits.frames)?;
            let (index, offset) = match plain_frame(frame.get()) {
                Some((index, offset)) => (Some(index), Offset::Address(offset)),
                None => any_frame(frame)?,
            };
            *greatest = (*greatest).max(index);
            // An index that does not fit is out of range, which is found out once the memory
            // map is known.
            let module = index.map(|index| u32::try_from(index).unwrap_or(u32::MAX));
            stack.push(Frame { module, offset });
            Ok(())
        })?;
        Ok(stack)
    }

    fn memory_map(&mut self, raw: &RawValue) -> Result<(Vec<Entry>, Vec<Module>), String> {
        let mut positions: HashMap<(String, bool), usize> = HashMap::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut modules = Vec::new();
        json::each(raw, |item| {
            count("modules", &mut self.modules, self.limits.modules)?;
            let (name, debug_id) = module(item)?;
            let label = format!("{}/{debug_id}", name.text);
            let place = (label.clone(), name.is_lossy);
            let entry = *positions.entry(place).or_insert_with(|| {
                // A name that is not as it was sent may be that of another module.
                let key = ModuleKey::parse(&name.text, &debug_id).filter(|_| !name.is_lossy);
                entries.push(Entry {
                    label,
                    key,
                    stacks: 0,
                });
                entries.len() - 1
            });
            modules.push(Module {
                name: name.text,
                entry,
            });
            Ok(())
        })?;
        Ok((entries, modules))
    }
}

fn count(what: &str, counter: &mut usize, limit: usize) -> Result<(), String> {
    if *counter >= limit {
        return Err(m::too_many(what, limit));
    }
    *counter = counter.saturating_add(1);
    Ok(())
}

/// Two natural numbers, which nearly all frames are; the text is known to be valid JSON.
fn plain_frame(text: &str) -> Option<(u64, u64)> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let (index, offset) = inner.split_once(',')?;
    Some((
        index.trim_ascii().parse().ok()?,
        offset.trim_ascii().parse().ok()?,
    ))
}

fn any_frame(frame: &RawValue) -> Result<(Option<u64>, Offset), String> {
    if json::kind(frame) != Kind::List {
        return Err(m::FRAME_NOT_A_LIST.to_owned());
    }
    let Some((index, offset)) = json::pair(frame)? else {
        return Err(m::FRAME_NOT_A_PAIR.to_owned());
    };
    let index = match json::number(index) {
        Some(Number::Natural(index)) => Some(index),
        Some(Number::Negative(_) | Number::FarNegative(_)) => None,
        Some(Number::OutOfRange) => return Err(m::INVALID_JSON.to_owned()),
        Some(Number::Literal(_)) | None => return Err(m::FRAME_NOT_INTEGERS.to_owned()),
    };
    let offset = match json::number(offset) {
        Some(Number::Natural(offset)) => Offset::Address(offset),
        Some(Number::Negative(offset)) => Offset::Negative(offset),
        Some(Number::FarNegative(digits)) => match far_hex(digits) {
            Some(hex) => Offset::FarNegative(hex.into()),
            None => return Err(m::INVALID_JSON.to_owned()),
        },
        Some(Number::Literal(text)) => Offset::Literal(text.into()),
        Some(Number::OutOfRange) => return Err(m::INVALID_JSON.to_owned()),
        None => return Err(m::FRAME_NOT_INTEGERS.to_owned()),
    };
    Ok((index, offset))
}

/// The hex digits of a number of many decimal ones; nothing beyond so many that the first
/// implementation's language takes.
fn far_hex(digits: &str) -> Option<String> {
    if digits.len() > MAX_DIGITS {
        return None;
    }
    // Least first, in base 2^64.
    let mut words: Vec<u64> = Vec::new();
    for chunk in digits.as_bytes().chunks(CHUNK_DIGITS) {
        let value: u64 = str::from_utf8(chunk).ok()?.parse().ok()?;
        let factor = 10_u128.pow(u32::try_from(chunk.len()).ok()?);
        let mut carry = u128::from(value);
        for word in &mut words {
            let sum = u128::from(*word) * factor + carry;
            // The low half of the sum.
            *word = u64::try_from(sum & u128::from(u64::MAX)).ok()?;
            carry = sum >> u64::BITS;
        }
        if carry != 0 {
            words.push(u64::try_from(carry).ok()?);
        }
    }
    let mut words = words.iter().rev();
    let mut hex = format!("{:x}", words.next()?);
    words.for_each(|word| hex.push_str(&format!("{word:016x}")));
    Some(hex)
}

fn module(item: &RawValue) -> Result<(Text, String), String> {
    if json::kind(item) != Kind::List {
        return Err(m::MODULE_NOT_A_PAIR.to_owned());
    }
    let Some((name, debug_id)) = json::pair(item)? else {
        return Err(m::MODULE_NOT_A_PAIR.to_owned());
    };
    let Some(name) = json::string(name)? else {
        return Err(m::NAME_NOT_A_STRING.to_owned());
    };
    if name.text.chars().nth(MAX_NAME_CHARS).is_some() {
        return Err(m::NAME_TOO_LONG.to_owned());
    }
    let debug_id = match json::kind(debug_id) {
        Kind::Null => String::new(),
        _ => {
            let text = json::string(debug_id)?;
            text.ok_or_else(|| m::DEBUG_ID_NOT_A_STRING.to_owned())?
                .text
        }
    };
    if debug_id.is_empty() {
        return Err(m::DEBUG_ID_EMPTY.to_owned());
    }
    if name.text.contains('\0') {
        return Err(m::NAME_WITH_NUL.to_owned());
    }
    Ok((name, debug_id))
}

/// Counts for each module the stacks that refer to it with an integer offset.
fn count_references(job: &mut Job) {
    let mut counts = vec![0usize; job.entries.len()];
    // The last stack, counted from 1, in which each module was seen.
    let mut seen_in = vec![0usize; job.entries.len()];
    for (number, stack) in (1..).zip(&job.stacks) {
        for module in stack.iter().filter_map(|frame| job.looked_up_module(frame)) {
            let slots = counts
                .get_mut(module.entry)
                .zip(seen_in.get_mut(module.entry));
            if let Some((count, seen_in)) = slots
                && *seen_in != number
            {
                *seen_in = number;
                *count += 1;
            }
        }
    }
    for (entry, count) in job.entries.iter_mut().zip(counts) {
        entry.stacks = count;
    }
}
