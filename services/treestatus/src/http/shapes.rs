// SPDX-License-Identifier: MPL-2.0
//! The shapes of request bodies; what does not fit is a 400 in the known words.

use releng_common::http::shape::{Member, Shape};

const NAMES: Shape = Shape::List(&Shape::Text);

pub(super) const UPDATE: Shape = Shape::Object(&[
    Member::required("trees", NAMES),
    Member::optional("status", Shape::Text),
    Member::optional("reason", Shape::Text),
    Member::optional("message_of_the_day", Shape::Text),
    Member::optional("tags", NAMES),
    Member::optional("category", Shape::Text),
    Member::optional("remember", Shape::Bool),
    Member::optional("if_log_ids", Shape::Map(&Shape::Integer)),
]);

pub(super) const NEW_TREE: Shape = Shape::Object(&[
    Member::required("tree", Shape::Text),
    Member::required("status", Shape::Text),
    Member::required("reason", Shape::Text),
    Member::required("message_of_the_day", Shape::Text),
    Member::optional("category", Shape::Text),
]);

pub(super) const EDIT: Shape = Shape::Object(&[
    Member::optional("reason", Shape::Text),
    Member::optional("tags", NAMES),
]);

pub(super) const TREE_NAMES: Shape = Shape::Object(&[Member::required("trees", NAMES)]);
