// SPDX-License-Identifier: MPL-2.0
//! The shapes of request bodies; what does not fit is a 400 in the known words.

use releng_common::http::shape::{Member, Shape};

use crate::domain::Visibility;

pub(super) const BATCH: Shape = Shape::Object(&[
    Member::required("message", Shape::Text),
    Member::required(
        "files",
        Shape::Map(&Shape::Object(&[
            Member::required("size", Shape::Integer),
            Member::required("digest", Shape::Text),
            Member::required("algorithm", Shape::Text),
            Member::required("visibility", Shape::OneOf(&Visibility::WORDS)),
        ])),
    ),
]);

pub(super) const CHANGES: Shape = Shape::List(&Shape::Object(&[]));
