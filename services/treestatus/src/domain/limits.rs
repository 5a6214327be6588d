// SPDX-License-Identifier: MPL-2.0
//! How long may be what people write. What stands in the database already is never measured.

use releng_common::{Error, Result};

use super::{Edit, NewTree, TreeName, Update};

/// Longest texts and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of a reason and of a message of the day.
    pub text: usize,
    /// Tags of one change.
    pub tags: usize,
    /// Characters of a tag.
    pub tag: usize,
}

impl Limits {
    /// Checks an update.
    ///
    /// # Errors
    /// `InvalidInput` that names the member and the limit.
    pub fn check_update(&self, update: &Update) -> Result<()> {
        for name in &update.trees {
            TreeName::check_length("trees: the name of a tree", name)?;
        }
        self.check_text("reason", update.reason.as_deref())?;
        self.check_text("message_of_the_day", update.message_of_the_day.as_deref())?;
        self.check_tags(update.tags.as_deref())
    }

    /// Checks a correction.
    ///
    /// # Errors
    /// As [`Limits::check_update`].
    pub fn check_edit(&self, edit: &Edit) -> Result<()> {
        self.check_text("reason", edit.reason.as_deref())?;
        self.check_tags(edit.tags.as_deref())
    }

    /// Checks a tree to be made.
    ///
    /// # Errors
    /// As [`Limits::check_update`].
    pub fn check_new(&self, tree: &NewTree) -> Result<()> {
        self.check_text("reason", Some(&tree.reason))?;
        self.check_text("message_of_the_day", Some(&tree.message_of_the_day))
    }

    fn check_text(&self, name: &str, text: Option<&str>) -> Result<()> {
        check_length(name, text.unwrap_or_default(), self.text)
    }

    fn check_tags(&self, tags: Option<&[String]>) -> Result<()> {
        let tags = tags.unwrap_or_default();
        if tags.len() > self.tags {
            let text = format!("tags must be at most {}", self.tags);
            return Err(Error::invalid(text));
        }
        for (at, tag) in tags.iter().enumerate() {
            check_length(&format!("tags.{at}"), tag, self.tag)?;
        }
        Ok(())
    }
}

/// Checks the length of a text in characters.
pub(super) fn check_length(name: &str, text: &str, most: usize) -> Result<()> {
    // Bytes first: they are counted already, and there are never fewer of them.
    if text.len() > most && text.chars().count() > most {
        return Err(Error::invalid(format!(
            "{name} must be at most {most} characters long"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_and_not_bytes() {
        assert!(check_length("reason", &"ü".repeat(5), 5).is_ok());
        let error = check_length("reason", &"ü".repeat(6), 5).unwrap_err();
        assert_eq!(error.message(), "reason must be at most 5 characters long");
    }
}
