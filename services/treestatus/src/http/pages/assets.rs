// SPDX-License-Identifier: MPL-2.0
//! What the pages load.

use releng_common::http::assets::{self, Asset};

macro_rules! script {
    ($name:literal) => {
        Asset::script(
            concat!("/static/", $name),
            include_bytes!(concat!("../../../assets/", $name)),
        )
    };
}

/// Styles and scripts.
pub(in crate::http) const ASSETS: [Asset; 17] = [
    assets::STYLESHEET,
    assets::HAWK,
    assets::SIGN_IN,
    Asset::stylesheet(
        "/static/treestatus.css",
        include_bytes!("../../../assets/treestatus.css"),
    ),
    script!("treestatus.js"),
    script!("login.js"),
    script!("session.js"),
    script!("rights.js"),
    script!("api.js"),
    script!("live.js"),
    script!("page.js"),
    script!("notice.js"),
    script!("list.js"),
    script!("log.js"),
    script!("forms.js"),
    script!("changes.js"),
    script!("keys.js"),
];
