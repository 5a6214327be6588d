// SPDX-License-Identifier: MPL-2.0
//! The drawing of closures: one bar per period, one colour per reason category. Colours come from the
//! stylesheet, so that they fit light and dark.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::domain::{Period, REASON_CATEGORIES};

/// Height of the area with the bars.
const HEIGHT: i64 = 150;
/// Room for the numbers at the left.
const LEFT: i64 = 52;
const TOP: i64 = 10;
/// Room for the days below.
const BOTTOM: i64 = 26;
/// Width of the area with the bars.
const WIDTH: i64 = 560;
/// Highest number of the scale, in thousandths: the first that is enough is taken.
const SCALES: [i64; 5] = [50, 100, 250, 500, 1000];

/// What is drawn.
pub(super) struct Chart {
    pub width: i64,
    pub height: i64,
    pub left: i64,
    pub right: i64,
    pub base: i64,
    pub lines: Vec<Line>,
    pub bars: Vec<Bar>,
    pub labels: Vec<Label>,
    /// Categories that occur, with their classes.
    pub legend: Vec<(String, &'static str)>,
    /// One sentence for those who do not see the drawing.
    pub summary: String,
}

/// A line of the scale.
pub(super) struct Line {
    pub y: i64,
    pub text: String,
}

/// A part of a bar.
pub(super) struct Bar {
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
    pub class: &'static str,
    pub title: String,
}

/// The name of a period below its bar.
pub(super) struct Label {
    pub x: i64,
    pub text: String,
}

/// Returns the class of a category; its colour stands in the stylesheet.
pub(super) fn class(category: &str) -> &'static str {
    match category {
        "checkin_compilation" => "c1",
        "checkin_test" => "c2",
        "infra" => "c3",
        "backlog" => "c4",
        "planned" => "c5",
        "merges" => "c6",
        "waiting_for_coverage" => "c7",
        _ => "c8",
    }
}

/// Returns the name of a category on the page.
pub(super) fn heading(category: &str) -> &str {
    if category.is_empty() {
        "No category"
    } else {
        super::category(category)
    }
}

impl Chart {
    /// Draws periods.
    pub(super) fn of(periods: &[Period]) -> Self {
        let most = periods.iter().map(|p| p.permille(p.closed_for())).max();
        let most = most.unwrap_or(0);
        let scale = SCALES.into_iter().find(|s| *s >= most).unwrap_or(1000);
        let count = i64::try_from(periods.len()).unwrap_or(i64::MAX).max(1);
        let mut chart = Self {
            width: LEFT + WIDTH,
            height: TOP + HEIGHT + BOTTOM,
            left: LEFT,
            right: LEFT + WIDTH,
            base: TOP + HEIGHT,
            lines: [0, scale / 2, scale].map(|at| line(at, scale)).into(),
            bars: Vec::new(),
            labels: Vec::new(),
            legend: legend(periods),
            summary: summary(periods),
        };
        for (at, period) in (0..).zip(periods) {
            let x = LEFT + WIDTH * at / count;
            let gap = (WIDTH / count / 4).min(2);
            let width = (WIDTH / count - 2 * gap).max(1);
            chart.stack(period, x + gap, width, scale);
            // Names that stood into each other would say nothing.
            let every = (count + 6) / 7;
            if at % every == 0 {
                chart.labels.push(Label {
                    x: x + gap + width / 2,
                    text: period.since.format("%m-%d").to_string(),
                });
            }
        }
        chart
    }

    /// Adds the bar of one period, a part per category.
    fn stack(&mut self, period: &Period, x: i64, width: i64, scale: i64) {
        let mut below = TimeDelta::zero();
        for (category, time) in &period.closed {
            let bottom = HEIGHT * period.permille(below) / scale;
            below += *time;
            let top = HEIGHT * period.permille(below) / scale;
            let permille = period.permille(*time);
            self.bars.push(Bar {
                x,
                y: TOP + HEIGHT - top,
                width,
                height: top - bottom,
                class: class(category),
                title: format!(
                    "{}: {} {}.{} %",
                    period.since.format("%Y-%m-%d"),
                    heading(category),
                    permille / 10,
                    permille % 10
                ),
            });
        }
    }
}

fn line(at: i64, scale: i64) -> Line {
    let percent = if at % 10 == 0 {
        format!("{} %", at / 10)
    } else {
        format!("{}.{} %", at / 10, at % 10)
    };
    Line {
        y: TOP + HEIGHT - HEIGHT * at / scale,
        text: percent,
    }
}

/// Returns the categories that occur, the known ones in their order before others.
fn legend(periods: &[Period]) -> Vec<(String, &'static str)> {
    let rank = |name: &str| {
        let known = REASON_CATEGORIES
            .iter()
            .position(|(known, _)| *known == name);
        known.unwrap_or(REASON_CATEGORIES.len())
    };
    let found: BTreeMap<(usize, &str), ()> = periods
        .iter()
        .flat_map(|period| period.closed.keys())
        .map(|name| ((rank(name), name.as_str()), ()))
        .collect();
    found
        .into_keys()
        .map(|(_, name)| (heading(name).to_owned(), class(name)))
        .collect()
}

fn summary(periods: &[Period]) -> String {
    let sum = |time: fn(&Period) -> TimeDelta| {
        periods
            .iter()
            .fold(TimeDelta::zero(), |sum, period| sum + time(period))
    };
    let (known, closed) = (sum(|p| p.known), sum(Period::closed_for));
    if known.is_zero() {
        return "Nothing is known about this time.".to_owned();
    }
    let permille = closed.num_minutes() * 1000 / known.num_minutes().max(1);
    format!(
        "Closed for {}.{} % of the time.",
        permille / 10,
        permille % 10
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn period(day: u32, closed: &[(&str, i64)]) -> Period {
        let since = NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        Period {
            since: since.and_hms_opt(0, 0, 0).unwrap(),
            until: since.and_hms_opt(23, 0, 0).unwrap(),
            known: TimeDelta::hours(20),
            closed: closed
                .iter()
                .map(|(name, hours)| ((*name).to_owned(), TimeDelta::hours(*hours)))
                .collect(),
        }
    }

    #[test]
    fn parts_of_a_bar_stand_on_each_other_and_inside_the_drawing() {
        let periods = [period(2, &[("infra", 5), ("other", 5)]), period(3, &[])];
        let chart = Chart::of(&periods);
        let [lower, upper] = chart.bars.as_slice() else {
            panic!("{}", chart.bars.len());
        };
        assert_eq!((lower.y + lower.height, lower.height), (chart.base, 75));
        assert_eq!((upper.y, upper.y + upper.height), (TOP, lower.y));
        let scale: Vec<&str> = chart.lines.iter().map(|line| &*line.text).collect();
        assert_eq!(scale, ["0 %", "25 %", "50 %"]);
        assert_eq!(chart.legend.len(), 2);
        assert_eq!(chart.summary, "Closed for 25.0 % of the time.");
    }

    #[test]
    fn many_periods_keep_their_bars_and_few_of_their_names() {
        let periods: Vec<Period> = (0..400)
            .map(|n| period(n % 28 + 1, &[("infra", 1)]))
            .collect();
        let chart = Chart::of(&periods);
        assert_eq!(chart.bars.len(), 400);
        assert!(chart.labels.len() <= 7);
        assert!(
            chart
                .bars
                .iter()
                .all(|bar| bar.x + bar.width <= chart.right)
        );
        assert_eq!(Chart::of(&[]).summary, "Nothing is known about this time.");
    }
}
