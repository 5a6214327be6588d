// SPDX-License-Identifier: MPL-2.0
//! Frames and stacks. A frame is looked up while it is written: an answer of a million frames
//! never exists but as its JSON.

use std::borrow::Cow;
use std::io;

use super::body::{Body, is_plain};
use super::modules::Outcomes;
use crate::request::{Frame, Job, Offset};
use crate::table::{Inline, Symbol};

/// What a frame outside of any module has as its module.
const UNKNOWN_MODULE: &str = "<unknown>";

/// Writes the stacks of a job as objects.
pub(crate) fn stacks_v5(body: &mut Body<'_>, job: &Job, outcomes: &Outcomes<'_>) -> io::Result<()> {
    body.list(&job.stacks, |body, stack| {
        body.list((0..).zip(stack), |body, (number, frame)| {
            let offset = &frame.offset;
            let head = (number, module_name(job, frame), offset);
            frame_v5(body, head, symbol(job, outcomes, frame).as_ref())
        })
    })
}

/// Writes the stacks of a job as texts.
pub(crate) fn stacks_v4(body: &mut Body<'_>, job: &Job, outcomes: &Outcomes<'_>) -> io::Result<()> {
    body.list(&job.stacks, |body, stack| {
        body.list(stack, |body, frame| {
            let module = module_name(job, frame);
            match (function(job, outcomes, frame), &frame.offset) {
                (Some(function), _) => frame_v4(body, &function, module),
                (None, Offset::Literal(text)) => body.string(text),
                (None, offset) => frame_v4(body, &offset.to_string(), module),
            }
        })
    })
}

fn symbol<'a>(job: &'a Job, outcomes: &Outcomes<'a>, frame: &Frame) -> Option<Symbol<'a>> {
    let Offset::Address(address) = frame.offset else {
        return None;
    };
    let module = job.looked_up_module(frame)?;
    outcomes.get(module.entry)?.symbols()?.lookup(address)
}

fn function<'a>(job: &'a Job, outcomes: &Outcomes<'a>, frame: &Frame) -> Option<Cow<'a, str>> {
    let Offset::Address(address) = frame.offset else {
        return None;
    };
    let module = job.looked_up_module(frame)?;
    let (name, _) = outcomes.get(module.entry)?.symbols()?.name(address)?;
    Some(name)
}

fn module_name<'a>(job: &'a Job, frame: &Frame) -> &'a str {
    job.module(frame)
        .map_or(UNKNOWN_MODULE, |module| &module.name)
}

fn frame_v5(
    body: &mut Body<'_>,
    (number, module, offset): (u64, &str, &Offset),
    symbol: Option<&Symbol<'_>>,
) -> io::Result<()> {
    body.push(b"{\"frame\":")?;
    body.decimal(number)?;
    body.push(b",\"module\":")?;
    body.string(module)?;
    body.push(b",\"module_offset\":")?;
    match offset {
        Offset::Address(address) => body.hex(*address)?,
        other => body.string(&other.to_string())?,
    }
    if let Some(symbol) = symbol {
        body.push(b",\"function\":")?;
        body.string(&symbol.function)?;
        body.push(b",\"function_offset\":")?;
        body.hex(symbol.function_offset)?;
        if let Some(size) = symbol.function_size {
            body.push(b",\"function_size\":")?;
            body.hex(size)?;
        }
        if let Some(file) = &symbol.file {
            body.push(b",\"file\":")?;
            body.string(file)?;
        }
        if let Some(line) = symbol.line {
            body.push(b",\"line\":")?;
            body.decimal(line.into())?;
        }
        if !symbol.inlines.is_empty() {
            body.push(b",\"inlines\":")?;
            body.list(&symbol.inlines, inline)?;
        }
    }
    body.push(b"}")
}

/// Writes an inlined call; what is not known of it is left out.
fn inline(body: &mut Body<'_>, call: &Inline<'_>) -> io::Result<()> {
    let mut before: &[u8] = b"{";
    for (key, text) in [
        (&b"\"function\":"[..], &call.function),
        (b"\"file\":", &call.file),
    ] {
        if let Some(text) = text {
            body.push(before)?;
            body.push(key)?;
            body.string(text)?;
            before = b",";
        }
    }
    if let Some(line) = call.line {
        body.push(before)?;
        body.push(b"\"line\":")?;
        body.decimal(line.into())?;
        before = b",";
    }
    if before == b"{" {
        body.push(before)?;
    }
    body.push(b"}")
}

fn frame_v4(body: &mut Body<'_>, what: &str, module: &str) -> io::Result<()> {
    if !is_plain(what) || !is_plain(module) {
        return body.string(&format!("{what} (in {module})"));
    }
    let parts = ["\"", what, " (in ", module, ")\""];
    parts.iter().try_for_each(|part| body.push(part.as_bytes()))
}
