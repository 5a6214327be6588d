// SPDX-License-Identifier: MPL-2.0
//! For how long a tree was closed, as a drawing and as a table.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::TimeDelta;
use releng_common::Result;
use releng_common::http::page;
use releng_common::http::query::Query;

use super::chart::{Chart, heading};
use super::{Around, badge, category, first, given};
use crate::State;
use crate::domain::{Per, Period, REASON_CATEGORIES, author, pieces};
use crate::http::{closures, tree_in_path};
use crate::ops;

#[derive(Template)]
#[template(path = "statistics.html")]
struct Statistics {
    around: Around,
    tree: String,
    is_weekly: bool,
    periods: Vec<Period>,
    chart: Chart,
    /// What was asked for, for the table to download.
    query: String,
}

pub(in crate::http) async fn statistics(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse> {
    let tree = tree_in_path(&request)?;
    let wanted = closures::query(&Query::of(&request), &state)?;
    let around = Around::of(&request, &state).await?;
    let periods = ops::closure_list(&state, tree.clone(), wanted).await?;
    page::html(&Statistics {
        around,
        tree,
        is_weekly: wanted.per == Per::Week,
        chart: Chart::of(&periods),
        periods,
        query: request.query_string().to_owned(),
    })
}

/// Returns a share of a period as a percentage with one place.
fn percent(period: &Period, time: &TimeDelta) -> String {
    let permille = period.permille(*time);
    format!("{}.{} %", permille / 10, permille % 10)
}

/// Returns the share for which the tree was closed.
fn closed(period: &Period) -> String {
    percent(period, &period.closed_for())
}

/// Returns a time as hours and minutes.
fn hours(time: TimeDelta) -> String {
    let minutes = time.num_minutes();
    format!("{} h {:02} min", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(hours(TimeDelta::minutes(61)), "1 h 01 min");
        assert_eq!(hours(TimeDelta::hours(168)), "168 h 00 min");
        assert_eq!(hours(TimeDelta::seconds(59)), "0 h 00 min");
    }
}
