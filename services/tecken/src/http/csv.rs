// SPDX-License-Identifier: MPL-2.0
//! `/missingsymbols.csv`, written while it is read (tecken.md §4.2).

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use releng_common::Result;
use releng_common::http::query::Query;

use crate::State;
use crate::domain::MissingSymbol;
use crate::ops::{self, CsvPage};

const HEAD: &str = "debug_file,debug_id,code_file,code_id\r\n";

#[utoipa::path(get, path = "/missingsymbols.csv",
    params(("today" = Option<String>, Query, description = "Not empty: since the beginning of today")),
    responses((status = 200, description = "Missing symbols of Windows modules", content_type = "text/csv")))]
pub(super) async fn missing(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let is_today = Query::of(&request)
        .get("today")
        .is_some_and(|value| !value.is_empty());
    let today = state.clock.now().date_naive();
    let date = if is_today {
        Some(today)
    } else {
        today.pred_opt()
    }
    .unwrap_or(today);
    let begin = ops::csv_begin(&state, is_today);
    // The first page before the head, so that an outage is an error and no short list.
    let (rows, next) = ops::csv_next(&state, begin).await?;
    let first = Bytes::from(format!("{HEAD}{}", lines(&rows)));
    let rest = stream::try_unfold((next, state), |(next, state)| async move {
        step(next, state).await.map_err(actix_web::Error::from)
    });
    let body = futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest);
    Ok(HttpResponse::Ok()
        .content_type("text/csv")
        .insert_header((
            "content-disposition",
            format!("attachment; filename=\"missing-symbols-{date}.csv\""),
        ))
        .streaming(body))
}

type Step = Option<(Bytes, (Option<CsvPage>, Data<State>))>;

async fn step(next: Option<CsvPage>, state: Data<State>) -> Result<Step> {
    let Some(page) = next else { return Ok(None) };
    let (rows, next) = ops::csv_next(&state, page).await?;
    Ok(Some((Bytes::from(lines(&rows)), (next, state))))
}

fn lines(rows: &[MissingSymbol]) -> String {
    let mut text = String::new();
    for row in rows {
        let optional = |value: &Option<String>| field(value.as_deref().unwrap_or_default());
        text.push_str(&format!(
            "{},{},{},{}\r\n",
            field(&row.symbol),
            field(&row.debug_id),
            optional(&row.code_file),
            optional(&row.code_id)
        ));
    }
    text
}

fn field(text: &str) -> String {
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
