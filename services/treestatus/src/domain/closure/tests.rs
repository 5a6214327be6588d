// SPDX-License-Identifier: MPL-2.0
use super::*;

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

fn entry(when: &str, status: &str, tags: &[&str]) -> LogEntry {
    LogEntry {
        id: 1,
        tree: "t".to_owned(),
        when: at(when),
        who: "demo/sheriff".to_owned(),
        status: status.to_owned(),
        reason: String::new(),
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
    }
}

fn days(since: &str, until: &str) -> ClosureQuery {
    ClosureQuery::new(Some(at(since)), Some(at(until)), Per::Day, at(until)).unwrap()
}

fn sum(query: &ClosureQuery, entries: &[LogEntry], now: &str) -> Vec<Period> {
    let mut closures = Closures::new(query);
    for entry in entries {
        closures.take(entry);
    }
    closures.finish(at(now))
}

/// Returns known hours and closed hours by category.
fn hours(period: &Period) -> (i64, Vec<(&str, i64)>) {
    let closed = period.closed.iter();
    let closed = closed.map(|(category, time)| (category.as_str(), time.num_hours()));
    (period.known.num_hours(), closed.collect())
}

#[test]
fn time_counts_for_the_category_that_was_in_force() {
    let query = days("2026-11-02 00:00", "2026-11-05 00:00");
    let entries = [
        entry("2026-11-01 12:00", "closed", &["infra"]),
        entry("2026-11-02 06:00", "open", &[]),
        entry("2026-11-02 20:00", "closed", &["", "checkin_test", "infra"]),
        entry("2026-11-03 02:00", "approval required", &["planned"]),
        entry("2026-11-03 22:00", "closed", &[]),
    ];
    let periods = sum(&query, &entries, "2026-11-04 03:00");
    assert_eq!(
        periods.iter().map(hours).collect::<Vec<_>>(),
        [
            (24, vec![("checkin_test", 4), ("infra", 6)]),
            (24, vec![("", 2), ("checkin_test", 2)]),
            (3, vec![("", 3)]),
        ]
    );
    assert_eq!(periods[0].closed_for().num_hours(), 10);
    assert_eq!(periods[0].permille(periods[0].closed_for()), 417);
    assert_eq!(periods[2].permille(periods[2].closed_for()), 1000);
}

#[test]
fn an_entry_without_a_status_keeps_it_and_may_name_another_category() {
    let query = days("2026-11-02 00:00", "2026-11-03 00:00");
    let entries = [
        // Before any status nothing is known.
        entry("2026-11-02 01:00", NO_CHANGE, &["infra"]),
        entry("2026-11-02 02:00", "closed", &["infra"]),
        entry("2026-11-02 04:00", NO_CHANGE, &[]),
        entry("2026-11-02 05:00", NO_CHANGE, &["backlog"]),
        entry("2026-11-02 06:00", "open", &[]),
        entry("2026-11-02 07:00", NO_CHANGE, &["backlog"]),
    ];
    let periods = sum(&query, &entries, "2026-11-03 00:00");
    assert_eq!(hours(&periods[0]), (22, vec![("backlog", 1), ("infra", 3)]));
}

#[test]
fn nothing_is_known_before_the_log_and_after_now() {
    let query = days("2026-11-02 00:00", "2026-11-04 00:00");
    assert_eq!(
        sum(&query, &[], "2026-11-04 00:00")[0].known,
        TimeDelta::zero()
    );
    let entries = [entry("2026-11-02 23:00", "closed", &["infra"])];
    let periods = sum(&query, &entries, "2026-11-03 01:00");
    assert_eq!(
        periods.iter().map(hours).collect::<Vec<_>>(),
        [(1, vec![("infra", 1)]), (1, vec![("infra", 1)])]
    );
    // No share of nothing.
    let unknown = sum(&query, &[], "2026-11-04 00:00");
    assert_eq!(unknown[0].permille(TimeDelta::zero()), 0);
}

#[test]
fn entries_of_one_moment_and_outside_the_time_do_no_harm() {
    let query = days("2026-11-02 00:00", "2026-11-03 00:00");
    let entries = [
        entry("2026-10-01 00:00", "closed", &["infra"]),
        entry("2026-11-02 12:00", "open", &[]),
        entry("2026-11-02 12:00", "closed", &["backlog"]),
        entry("2026-11-02 12:00", "open", &[]),
        entry("2026-11-05 00:00", "closed", &["other"]),
    ];
    let periods = sum(&query, &entries, "2026-11-06 00:00");
    assert_eq!(periods.len(), 1);
    assert_eq!(hours(&periods[0]), (24, vec![("infra", 12)]));
}

#[test]
fn periods_are_days_or_weeks_cut_by_the_time_that_is_asked_about() {
    let bounds = |since: &str, until: &str, per| {
        let query = ClosureQuery::new(Some(at(since)), Some(at(until)), per, at(until)).unwrap();
        query
            .bounds()
            .map(|(from, to)| format!("{} {}", from.format("%d-%H"), to.format("%d-%H")))
            .collect::<Vec<_>>()
    };
    // The second of November 2026 is a Monday.
    assert_eq!(
        bounds("2026-11-01 12:00", "2026-11-03 06:00", Per::Day),
        ["01-12 02-00", "02-00 03-00", "03-00 03-06"]
    );
    assert_eq!(
        bounds("2026-11-01 12:00", "2026-11-10 06:00", Per::Week),
        ["01-12 02-00", "02-00 09-00", "09-00 10-06"]
    );
    let now = at("2026-11-10 06:00");
    let usual = |per| ClosureQuery::new(None, None, per, now).unwrap();
    assert_eq!(usual(Per::Day).bounds().count(), 14);
    assert_eq!(usual(Per::Week).bounds().count(), 12);
    assert_eq!(usual(Per::Week).since, at("2026-08-24 00:00"));
}

#[test]
fn times_that_make_no_sense_are_refused() {
    let ask = |since: &str, until: &str| {
        let query = ClosureQuery::new(Some(at(since)), Some(at(until)), Per::Day, at(until));
        query.unwrap_err().message().to_owned()
    };
    assert!(ask("2026-11-02 00:00", "2026-11-02 00:00").contains("\"since\" must be before"));
    assert!(ask("2025-01-01 00:00", "2026-11-02 00:00").contains("at most 400 days apart"));
    assert!(
        Per::parse("month")
            .unwrap_err()
            .message()
            .contains("\"per\"")
    );
}
