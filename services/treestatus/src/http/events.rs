// SPDX-License-Identifier: MPL-2.0
//! `GET /events`: the change feed as server-sent events.

use std::collections::VecDeque;
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

/// Longest silence: then a line is sent that says nothing, because proxies cut what is silent for a minute.
const ALIVE: Duration = Duration::from_secs(15);
/// Streams say it at so many moments, so far apart: an event reaches all of them at once, and all would be
/// silent for the same time after it.
const MOMENTS: usize = 50;
const APART: Duration = Duration::from_millis(100);
/// Longest time that a stream which does not wait for more waits for what is committed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause between two looks for that.
const SHORT_LOOK: Duration = Duration::from_millis(50);
/// Pause between two tries to read while the database does not answer.
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
        in_flight: request.app_data::<InFlight>().cloned().unwrap_or_default(),
        silence: silence(listener.number),
        state,
        listener,
        cursor,
        pieces: VecDeque::from([Bytes::from(head)]),
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

/// Returns for how long a stream is silent at most.
fn silence(number: usize) -> Duration {
    let moment = u32::try_from(number % MOMENTS).unwrap_or_default();
    ALIVE.saturating_sub(APART * moment)
}

/// Returns how an event looks in a stream.
fn rendered(event: &FeedEvent) -> Bytes {
    let FeedEvent { cursor, body } = event;
    Bytes::from(format!("id: {cursor}\nevent: tree\ndata: {body}\n\n"))
}

struct Stream {
    in_flight: InFlight,
    state: Data<State>,
    listener: Listener,
    cursor: Cursor,
    /// What is to be sent next.
    pieces: VecDeque<Bytes>,
    /// Whether events are in the database that the live feed has passed already.
    is_behind: bool,
    /// Whether the client knows that the database does not answer.
    is_stale: bool,
    /// The newest event when the request came: where a stream ends that does not wait for more.
    until: Option<Cursor>,
    spoke: Instant,
    silence: Duration,
}

impl Stream {
    /// Returns the next piece of text; `None` when the process is about to end, so that clients go
    /// elsewhere.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                self.spoke = Instant::now();
                return Ok(Some((piece, self)));
            }
            if self.in_flight.is_draining() {
                return Ok(None);
            }
            let is_impatient = self.until.is_some() && self.spoke.elapsed() >= PATIENCE;
            if self.is_behind && !is_impatient {
                self.catch_up().await;
                continue;
            }
            if let Some(until) = self.until {
                if self.cursor >= until || is_impatient {
                    return Ok(None);
                }
                // It is committed; a transaction that began earlier may still put one before it.
                tokio::time::sleep(SHORT_LOOK).await;
                self.is_behind = true;
                continue;
            }
            tokio::select! {
                news = self.listener.live.recv() => match news {
                    Ok(News::Event(told)) => {
                        let piece = told.text.get(|| Ok(rendered(&told.event)))?;
                        self.push(told.event.cursor, piece);
                    }
                    Ok(News::LookYourself | News::Fresh) | Err(RecvError::Lagged(_)) => {
                        self.is_behind = true;
                    }
                    Ok(News::Reset(cursor)) => self.reset(cursor),
                    Ok(News::Stale) => self.set_stale(true),
                    Err(RecvError::Closed) => return Ok(None),
                },
                () = self.in_flight.draining() => return Ok(None),
                () = tokio::time::sleep_until(self.spoke + self.silence) => self.say(": alive"),
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
            self.push(event.cursor, rendered(&event));
        }
    }

    fn set_stale(&mut self, is_stale: bool) {
        if self.is_stale != is_stale {
            self.is_stale = is_stale;
            let name = if is_stale { "stale" } else { "fresh" };
            self.say(&format!("event: {name}\ndata: {{}}"));
        }
    }

    /// Goes on from another place.
    fn reset(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        self.say(&format!("id: {cursor}\nevent: reset\ndata: {{}}"));
    }

    fn say(&mut self, text: &str) {
        self.pieces.push_back(Bytes::from(format!("{text}\n\n")));
    }

    /// Adds an event unless it was sent already.
    fn push(&mut self, cursor: Cursor, piece: Bytes) {
        if cursor > self.cursor {
            self.cursor = cursor;
            self.pieces.push_back(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;
    use crate::feed::{Feed, Told};

    #[tokio::test]
    async fn an_event_is_rendered_once_for_all_who_listen() {
        let feed = Feed::new(2);
        let mut listeners = [feed.listen().unwrap(), feed.listen().unwrap()];
        let (cursor, body) = (Cursor { tx: 1, id: 2 }, "{}".to_owned());
        let event = FeedEvent { cursor, body };
        feed.tell(News::Event(Arc::new(Told::new(event))));
        let mut places = HashSet::new();
        for listener in &mut listeners {
            let Ok(News::Event(told)) = listener.live.recv().await else {
                panic!("no event");
            };
            let piece = told.text.get(|| Ok(rendered(&told.event))).unwrap();
            assert_eq!(piece, "id: 1-2\nevent: tree\ndata: {}\n\n");
            places.insert(piece.as_ptr());
        }
        assert_eq!(places.len(), 1, "the same bytes");
    }

    #[test]
    fn streams_are_not_silent_for_the_same_time_and_never_for_long() {
        let silences: HashSet<Duration> = (0..1000).map(silence).collect();
        assert_eq!(silences.len(), 50);
        assert!(silences.iter().all(|s| (ALIVE * 2 / 3..=ALIVE).contains(s)));
    }
}
