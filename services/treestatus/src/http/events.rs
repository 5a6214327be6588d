// SPDX-License-Identifier: MPL-2.0
//! `GET /events`: the change feed as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use releng_common::http::in_flight::InFlight;
use releng_common::http::query::Query;
use releng_common::{Error, Result};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::domain::{Cursor, FeedEvent};
use crate::feed::{Listener, News};
use crate::{State, ops};

/// Silence after which a line is sent that says nothing: proxies cut what is silent for a minute.
const ALIVE: Duration = Duration::from_secs(15);
/// Longest time that a stream which does not wait for more waits for what is committed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause between two looks for that.
const SHORT_LOOK: Duration = Duration::from_millis(50);
/// Pause between two looks whether the process is about to end.
const LOOK: Duration = Duration::from_secs(1);

#[utoipa::path(get, path = "/events",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event"),
        ("wait" = Option<u8>, Query, description = "0: end when all that happened so far is sent")),
    responses((status = 200, description = "A stream of events `tree`: what happened and the state after it; `reset`: read the trees again; `stale` and `fresh`: the database does not answer, and does again", content_type = "text/event-stream"),
        (status = 400, description = "No such kind of id"), (status = 503, description = "Too many streams")))]
pub(super) async fn stream(request: HttpRequest, state: Data<State>) -> Result<HttpResponse> {
    let last = last_event_id(&request)?;
    // Before the place is looked up, so that nothing falls in between.
    let listener = state.feed.listen()?;
    let until = match Query::of(&request).number("wait")? {
        Some(0) => Some(ops::feed_newest(&state).await?),
        _ => None,
    };
    let (cursor, is_reset) = ops::feed_start(&state, last).await?;
    let mut head = format!("id: {cursor}\nretry: 2000\n");
    head.push_str(if is_reset {
        "event: reset\ndata: {}\n\n"
    } else {
        ": connected\n\n"
    });
    let stream = Stream {
        in_flight: request.app_data::<InFlight>().cloned(),
        state,
        listener,
        cursor,
        text: head,
        is_behind: true,
        is_stale: false,
        until,
        spoke: Instant::now(),
    };
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .content_type("text/event-stream")
        .streaming(stream::try_unfold(stream, Stream::next)))
}

fn last_event_id(request: &HttpRequest) -> Result<Option<Cursor>> {
    let text = request.headers().get("last-event-id");
    // Empty means none, as browsers have it.
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let cursor = text.to_str().ok().and_then(|text| text.parse().ok());
    cursor
        .map(Some)
        .ok_or_else(|| Error::invalid("Last-Event-ID must be the id of an event of this feed"))
}

struct Stream {
    in_flight: Option<InFlight>,
    state: Data<State>,
    listener: Listener,
    cursor: Cursor,
    /// What is to be sent next.
    text: String,
    /// Whether events are in the database that the live feed has passed already.
    is_behind: bool,
    /// Whether the client knows that the database does not answer.
    is_stale: bool,
    /// The newest event when the request came: where a stream ends that does not wait for more.
    until: Option<Cursor>,
    spoke: Instant,
}

impl Stream {
    /// Returns the next piece of text; `None` when the process is about to end, so that clients go
    /// elsewhere.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        loop {
            if !self.text.is_empty() {
                let text = std::mem::take(&mut self.text);
                self.spoke = Instant::now();
                return Ok(Some((Bytes::from(text), self)));
            }
            if self.in_flight.as_ref().is_some_and(InFlight::is_draining) {
                return Ok(None);
            }
            if self.is_behind {
                self.catch_up().await;
                continue;
            }
            if let Some(until) = self.until {
                if self.cursor >= until || self.spoke.elapsed() >= PATIENCE {
                    return Ok(None);
                }
                // It is committed; a transaction that began earlier may still put one before it.
                tokio::time::sleep(SHORT_LOOK).await;
                self.is_behind = true;
                continue;
            }
            match tokio::time::timeout(LOOK, self.listener.live.recv()).await {
                Ok(Ok(News::Event(event))) => self.push(&event),
                Ok(Ok(News::LookYourself | News::Fresh) | Err(RecvError::Lagged(_))) => {
                    self.is_behind = true;
                }
                Ok(Ok(News::Stale)) => self.set_stale(true),
                Ok(Err(RecvError::Closed)) => return Ok(None),
                Err(_) if self.spoke.elapsed() >= ALIVE => self.text.push_str(": alive\n\n"),
                Err(_) => {}
            }
        }
    }

    /// Reads what the live feed has passed. While the database does not answer the client hears that,
    /// and stays.
    async fn catch_up(&mut self) {
        let Ok(events) = ops::feed_after(&self.state, self.cursor).await else {
            if self.is_stale {
                tokio::time::sleep(LOOK).await;
            }
            return self.set_stale(true);
        };
        self.set_stale(false);
        self.is_behind = !events.is_empty();
        for event in events {
            self.push(&Arc::new(event));
        }
    }

    fn set_stale(&mut self, is_stale: bool) {
        if self.is_stale != is_stale {
            self.is_stale = is_stale;
            let name = if is_stale { "stale" } else { "fresh" };
            self.text
                .push_str(&format!("event: {name}\ndata: {{}}\n\n"));
        }
    }

    /// Adds an event unless it was sent already.
    fn push(&mut self, event: &Arc<FeedEvent>) {
        if event.cursor > self.cursor {
            self.cursor = event.cursor;
            let line = format!(
                "id: {}\nevent: tree\ndata: {}\n\n",
                event.cursor, event.body
            );
            self.text.push_str(&line);
        }
    }
}
