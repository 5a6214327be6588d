// SPDX-License-Identifier: MPL-2.0
//! Frames and stacks. A frame is looked up while it is written: an answer of a million frames
//! never exists but as its JSON.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, Serializer};

use super::modules::Outcomes;
use crate::request::{Frame, Job, Offset};
use crate::table::{Inline, Symbol};

/// What a frame outside of any module has as its module.
const UNKNOWN_MODULE: &str = "<unknown>";

/// The stacks of a job, in the form that `stack` gives to each.
pub(crate) struct StacksOf<'a, W> {
    pub(crate) job: &'a Job,
    pub(crate) stack: W,
}

impl<'a, W, T> Serialize for StacksOf<'a, W>
where
    W: Fn(&'a [Frame]) -> T,
    T: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.job.stacks.iter().map(|stack| (self.stack)(stack)))
    }
}

/// One stack as objects.
pub(crate) struct FramesV5<'a> {
    pub(crate) job: &'a Job,
    pub(crate) outcomes: &'a Outcomes<'a>,
    pub(crate) frames: &'a [Frame],
}

/// One stack as texts.
pub(crate) struct FramesV4<'a> {
    pub(crate) job: &'a Job,
    pub(crate) outcomes: &'a Outcomes<'a>,
    pub(crate) frames: &'a [Frame],
}

impl Serialize for FramesV5<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let frames = self.frames.iter().enumerate();
        serializer.collect_seq(frames.map(|(number, frame)| {
            let symbol = symbol(self.job, self.outcomes, frame);
            let module = module_name(self.job, frame);
            FrameObject::new(number, module, &frame.offset, symbol)
        }))
    }
}

impl Serialize for FramesV4<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.frames.iter().map(|frame| FrameText {
            module: module_name(self.job, frame),
            offset: &frame.offset,
            function: function(self.job, self.outcomes, frame),
        }))
    }
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

#[derive(serde::Serialize)]
struct FrameObject<'a> {
    frame: usize,
    module: &'a str,
    module_offset: Text<&'a Offset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_offset: Option<Text<Hex>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_size: Option<Text<Hex>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inlines: Vec<Inline<'a>>,
}

impl<'a> FrameObject<'a> {
    fn new(frame: usize, module: &'a str, offset: &'a Offset, symbol: Option<Symbol<'a>>) -> Self {
        let mut object = Self {
            frame,
            module,
            module_offset: Text(offset),
            function: None,
            function_offset: None,
            function_size: None,
            file: None,
            line: None,
            inlines: Vec::new(),
        };
        if let Some(symbol) = symbol {
            object.function = Some(symbol.function);
            object.function_offset = Some(Text(Hex(symbol.function_offset)));
            object.function_size = symbol.function_size.map(|size| Text(Hex(size)));
            object.file = symbol.file;
            object.line = symbol.line;
            object.inlines = symbol.inlines;
        }
        object
    }
}

/// A value written as a JSON string of its display form.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Hex(u64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

struct FrameText<'a> {
    module: &'a str,
    offset: &'a Offset,
    function: Option<Cow<'a, str>>,
}

impl fmt::Display for FrameText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.function, self.offset) {
            (Some(function), _) => write!(f, "{function} (in {})", self.module),
            (None, Offset::Literal(text)) => f.write_str(text),
            (None, offset) => write!(f, "{offset} (in {})", self.module),
        }
    }
}

impl Serialize for FrameText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
