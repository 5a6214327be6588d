// SPDX-License-Identifier: MPL-2.0
//! The outer shape of a request: that every job has a memory map and stacks, and both are lists.
//!
//! All jobs pass this before the content of any is looked at.

use serde_json::value::RawValue;

use super::Limits;
use super::json::{self, Kind, Members, Number};
use super::messages as m;

/// A job whose parts are lists of unknown content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) memory_map: &'a RawValue,
    pub(super) stacks: &'a RawValue,
}

/// The one job of the legacy form.
pub(super) fn parse_v4(body: &[u8]) -> Result<Shape<'_>, String> {
    let members = top_level(body)?;
    let stacks = members.stacks.ok_or_else(|| m::missing_key_v4("stacks"))?;
    let memory_map = members
        .memory_map
        .ok_or_else(|| m::missing_key_v4("memoryMap"))?;
    if !members.version.is_some_and(is_four) {
        return Err(m::WRONG_VERSION.to_owned());
    }
    if json::kind(stacks) != Kind::List || json::kind(memory_map) != Kind::List {
        return Err(m::NOT_A_LIST.to_owned());
    }
    Ok(Shape { memory_map, stacks })
}

/// The jobs: under the key `jobs`, or one alone at the top level, which wins.
pub(super) fn parse_v5<'a>(body: &'a [u8], limits: &Limits) -> Result<Vec<Shape<'a>>, String> {
    let members = top_level(body)?;
    if members.stacks.is_some() && members.memory_map.is_some() {
        return Ok(vec![shape(&members, 1)?]);
    }
    let jobs = members.jobs.ok_or_else(|| m::missing_key_v5("jobs"))?;
    if json::is_falsy(jobs)? {
        return Err(m::JOBS_EMPTY.to_owned());
    }
    if json::kind(jobs) != Kind::List {
        return Err(m::wrong_type("'jobs' is not a list"));
    }
    let mut shapes = Vec::new();
    json::each(jobs, |job| {
        if shapes.len() >= limits.jobs {
            return Err(m::too_many("jobs", limits.jobs));
        }
        let number = shapes.len().saturating_add(1);
        if json::kind(job) != Kind::Object {
            return Err(m::wrong_type(&format!(
                "Job number {number} is not an object"
            )));
        }
        shapes.push(shape(&json::members(job)?, number)?);
        Ok(())
    })?;
    Ok(shapes)
}

fn top_level(body: &[u8]) -> Result<Members<'_>, String> {
    let document = json::document(body)?;
    if json::kind(document) != Kind::Object {
        return Err(m::NOT_A_DICT.to_owned());
    }
    json::members(document)
}

fn shape<'a>(members: &Members<'a>, number: usize) -> Result<Shape<'a>, String> {
    let list = |key: &str, value: Option<&'a RawValue>| {
        let value = value.ok_or_else(|| m::missing_key_v5(key))?;
        match json::kind(value) {
            Kind::List => Ok(value),
            _ => Err(m::wrong_type(&format!(
                "Stack number {number} is '{key}' not a list"
            ))),
        }
    };
    let memory_map = list("memoryMap", members.memory_map)?;
    Ok(Shape {
        memory_map,
        stacks: list("stacks", members.stacks)?,
    })
}

fn is_four(version: &RawValue) -> bool {
    match json::number(version) {
        Some(Number::Natural(number)) => number == 4,
        Some(Number::Literal(text)) => text.parse::<f64>().is_ok_and(|number| number == 4.0),
        Some(Number::Negative(_) | Number::FarNegative(_) | Number::OutOfRange) | None => false,
    }
}
