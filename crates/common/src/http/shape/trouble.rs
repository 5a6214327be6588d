// SPDX-License-Identifier: MPL-2.0
//! Finds the place in a JSON text that cannot be read although the text is JSON: a number beyond
//! what a double holds, half of a surrogate pair, endless nesting. Python reads the first two.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Returns the rule that a text breaks and the place; `None` when it is no JSON at all.
pub(super) fn find(body: &[u8]) -> Option<(&'static str, Vec<String>)> {
    // This looks at the form alone.
    serde_json::from_slice::<&RawValue>(body).ok()?;
    let place = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let error = deserializer.deserialize_any(Walk(&place)).err()?;
    let mut place = place.into_inner();
    // The library has no codes for these.
    let text = error.to_string();
    if text.starts_with("number out of range") {
        return Some(("a number is out of range", place));
    }
    if text.starts_with("recursion limit") {
        place.truncate(1);
        return Some(("a value is nested too deeply", place));
    }
    Some(("a text must not contain half a surrogate pair", place))
}

/// Reads a value and forgets it; where that fails, the place stays.
#[derive(Clone, Copy)]
struct Walk<'a>(&'a RefCell<Vec<String>>);

impl Walk<'_> {
    fn enter(self, name: String) {
        self.0.borrow_mut().push(name);
    }

    fn leave(self) {
        self.0.borrow_mut().pop();
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index: usize = 0;
        loop {
            self.enter(index.to_string());
            let is_end = items.next_element_seed(self)?.is_none();
            self.leave();
            if is_end {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            self.enter(name);
            members.next_value_seed(self)?;
            self.leave();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Option<(&'static str, String)> {
        find(body.as_bytes()).map(|(rule, place)| (rule, place.join(".")))
    }

    #[test]
    fn the_place_is_the_one_that_cannot_be_read() {
        const NUMBER: &str = "a number is out of range";
        const HALF: &str = "a text must not contain half a surrogate pair";
        let big = format!("1{}", "0".repeat(400));
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
        for (body, rule, place) in [
            (r#"{"a":1,"b":{"c":[0,1e999]}}"#, NUMBER, "b.c.1"),
            (&format!(r#"{{"a":{big}}}"#), NUMBER, "a"),
            (&format!("-{big}"), NUMBER, ""),
            (r#"["\ud800"]"#, HALF, "0"),
            (r#"["\ud83d x"]"#, HALF, "0"),
            (r#"["x","\ud83d\ud83d"]"#, HALF, "1"),
            (r#"{"a":{"b":"\udc00"}}"#, HALF, "a.b"),
            (r#"{"a":{"\udc00":1}}"#, HALF, "a"),
            (&deep, "a value is nested too deeply", "a"),
        ] {
            assert_eq!(found(body), Some((rule, place.to_owned())), "{body}");
        }
    }

    #[test]
    fn what_is_no_json_has_no_place() {
        for body in ["", "{", "{} {}", "[NaN]", "[\"\\ud800\"", "{\"a\":01}"] {
            assert_eq!(found(body), None, "{body}");
        }
        assert_eq!(find(b"[\"\xff\"]"), None);
    }

    #[test]
    fn what_can_be_read_is_no_trouble() {
        assert_eq!(found(r#"{"a":[1,-1,1.5,true,null,"\ud83e\udd8a"]}"#), None);
    }
}
