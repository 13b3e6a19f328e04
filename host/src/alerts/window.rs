//! Maintenance windows: times of quiet that come back, by the clocks of a place.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::config::MaintenanceConfig;
use super::labels::Labels;
use super::matcher::Matchers;
use super::plan::{Problems, in_range, matchers};
use crate::limits::{WINDOW_DATES_MAX, WINDOWS_MAX};
use crate::time::Millis;

const DAY_S: f64 = 86_400.0;
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A recurring time of quiet.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) name: String,
    /// What it hides by itself.
    matchers: Option<Matchers>,
    begins: Begins,
    start: Time,
    duration_s: f64,
    zone: TimeZone,
    until: Option<Millis>,
}

#[derive(Clone, Debug)]
enum Begins {
    Days(Vec<Weekday>),
    Dates(BTreeSet<Date>),
}

/// Where a window stands, and when it will stand otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) active: bool,
    /// When it ends or next begins; none if it never does.
    pub(super) edge: Option<Millis>,
}

impl Window {
    /// Whether it hides these labels while it is active.
    pub(super) fn hides(&self, labels: &Labels) -> bool {
        self.matchers.as_ref().is_some_and(|matchers| matchers.matches(labels))
    }

    /// Until when systems with these labels are expected to be away, if they are now.
    pub(super) fn covers(&self, labels: &Labels, now: Millis) -> Option<Millis> {
        let standing = self.hides(labels).then(|| self.at(now))?;
        if standing.active { standing.edge } else { None }
    }

    /// Where it stands as of now.
    pub(super) fn at(&self, now: Millis) -> Standing {
        let today = Timestamp::from_millisecond(now.0).map(|now| self.zone.to_datetime(now).date());
        let Ok(today) = today else { return Standing { active: false, edge: None } };
        let days_back = (self.duration_s / DAY_S).ceil() as i64 + 1;
        let nearby = (-days_back..=1).filter_map(|day| today.checked_add(day.days()).ok());
        let spans: Vec<(Millis, Millis)> =
            nearby.filter(|&date| self.begins_on(date)).filter_map(|date| self.span(date)).collect();
        let mut end = None;
        // Spans may overlap: it goes on until none of them does.
        for &(start, until) in &spans {
            if start <= end.unwrap_or(now) && until > end.unwrap_or(now) {
                end = Some(until);
            }
        }
        if end.is_some() {
            return Standing { active: true, edge: end };
        }
        Standing { active: false, edge: self.next_start(today, now) }
    }

    fn next_start(&self, today: Date, now: Millis) -> Option<Millis> {
        let starts_after = |date: Date| Some(self.span(date)?.0).filter(|&start| start > now);
        let yesterday = today.checked_add((-1).days()).ok()?;
        match &self.begins {
            // A clock that is set forward may skip a day: two weeks hold every weekday that there is.
            Begins::Days(_) => (0..16)
                .filter_map(|day| yesterday.checked_add(day.days()).ok())
                .filter(|&date| self.begins_on(date))
                .find_map(starts_after),
            Begins::Dates(dates) => dates.range(yesterday..).find_map(|&date| starts_after(date)),
        }
    }

    fn begins_on(&self, date: Date) -> bool {
        match &self.begins {
            Begins::Days(days) => days.contains(&date.weekday()),
            Begins::Dates(dates) => dates.contains(&date),
        }
    }

    /// The window that begins on this date. An hour that the clocks skip is taken as the one after, of an hour that
    /// comes twice the first.
    fn span(&self, date: Date) -> Option<(Millis, Millis)> {
        let start = self.zone.to_timestamp(date.to_datetime(self.start)).ok()?;
        let start = Millis(start.as_millisecond());
        let end = start.plus_seconds(self.duration_s);
        let end = self.until.map_or(end, |until| until.min(end));
        (start < end).then_some((start, end))
    }
}

pub(super) fn compile(configs: &[MaintenanceConfig], problems: &mut Problems) -> Vec<Window> {
    if configs.len() > WINDOWS_MAX {
        problems.say(
            "alerts.maintenance",
            format!("{} windows, at most {WINDOWS_MAX} are allowed", configs.len()),
        );
    }
    let mut names = BTreeSet::new();
    let mut windows = Vec::new();
    for config in configs {
        let place = format!("alerts.maintenance {:?}", config.name);
        if config.name.is_empty() {
            problems.say(&place, "expected a name");
        }
        if !names.insert(&config.name) {
            problems.say(&place, "there are two of this name");
        }
        if config.owner.trim().is_empty() {
            problems.say(&place, "owner is empty, expected who answers for it");
        }
        in_range(&place, "duration_s", config.duration_s, 60.0, 7.0 * DAY_S, problems);
        let zone = TimeZone::get(&config.timezone).unwrap_or_else(|_| {
            let expected = "expected an IANA name such as \"Europe/Berlin\"";
            problems.say(&place, format!("timezone {:?} is not known, {expected}", config.timezone));
            TimeZone::UTC
        });
        let start = config.start.parse::<Time>().unwrap_or_else(|_| {
            problems.say(&place, format!("start is {:?}, expected a time such as \"22:00\"", config.start));
            Time::midnight()
        });
        windows.push(Window {
            name: config.name.clone(),
            matchers: config
                .matchers
                .as_ref()
                .map(|conditions| matchers(&place, "match", conditions, problems)),
            begins: begins(config, &place, problems),
            start,
            duration_s: config.duration_s,
            zone,
            until: config.until,
        });
    }
    windows
}

fn begins(config: &MaintenanceConfig, place: &str, problems: &mut Problems) -> Begins {
    if config.days.is_empty() == config.dates.is_empty() {
        problems.say(place, "expected either days or dates");
    }
    if config.days.len().max(config.dates.len()) > WINDOW_DATES_MAX {
        problems.say(place, format!("at most {WINDOW_DATES_MAX} dates are allowed"));
    }
    if !config.days.is_empty() {
        let day = |name: &String| {
            let known = WEEKDAYS.iter().find(|(known, _)| known == name);
            if known.is_none() {
                problems
                    .say(place, format!("days has {name:?}, expected mon, tue, wed, thu, fri, sat or sun"));
            }
            known.map(|&(_, day)| day)
        };
        return Begins::Days(config.days.iter().filter_map(day).collect());
    }
    let date = |text: &String| {
        let date = text.parse::<Date>();
        if date.is_err() {
            problems.say(place, format!("dates has {text:?}, expected a date such as \"2026-12-24\""));
        }
        date.ok()
    };
    Begins::Dates(config.dates.iter().filter_map(date).collect())
}
