//! The tree of routes: which branches an alert takes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::config::{AlertsConfig, RouteConfig};
use super::index::Index;
use super::labels::{Labels, push_number, push_values};
use super::matcher::Matchers;
use super::plan::{Problems, in_range, matchers, receivers};
use crate::limits::{MATCHERS_MAX, ROUTE_DEPTH_MAX, ROUTES_MAX};

/// The name of the root, with which every path begins.
const ROOT: &str = "root";

/// Who can be told.
pub(super) type Receiver = Arc<str>;

/// A branch, with all that it has from its parents.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) path: String,
    pub(super) matchers: Matchers,
    pub(super) goes_on: bool,
    pub(super) receivers: Vec<Receiver>,
    pub(super) group_by: Vec<String>,
    pub(super) wait_s: f64,
    pub(super) interval_s: f64,
    /// 0: never.
    pub(super) repeat_s: f64,
    pub(super) growth_s: f64,
    /// By its place in the plan.
    pub(super) escalation: Option<usize>,
    /// By their places in the plan.
    pub(super) mute: Vec<usize>,
    pub(super) children: Vec<usize>,
    index: Index<usize>,
}

impl Route {
    /// What tells the groups of all routes apart.
    pub(super) fn group_key(&self, labels: &Labels, key: &mut String) {
        push_number(key, self.path.len());
        key.push_str(&self.path);
        for name in &self.group_by {
            push_number(key, name.len());
            key.push_str(name);
        }
        push_values(key, labels, &self.group_by);
    }
}

/// All routes; the root, if there is one, is the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes(pub(super) Vec<Route>);

impl Routes {
    /// The routes that take an alert, in order.
    pub(super) fn select(&self, labels: &Labels, taken: &mut Vec<usize>) {
        if !self.0.is_empty() {
            self.descend(0, labels, taken);
        }
    }

    fn descend(&self, at: usize, labels: &Labels, taken: &mut Vec<usize>) {
        let before = taken.len();
        let mut candidates = Vec::new();
        self.0[at].index.candidates(labels, &mut candidates);
        for child in candidates {
            if self.0[child].matchers.matches(labels) {
                self.descend(child, labels, taken);
                if !self.0[child].goes_on {
                    break;
                }
            }
        }
        if taken.len() == before {
            taken.push(at);
        }
    }
}

/// What a route's names refer to.
pub(super) struct Known<'a> {
    pub(super) receivers: &'a BTreeSet<String>,
    pub(super) escalations: Vec<&'a str>,
    pub(super) windows: Vec<&'a str>,
}

pub(super) fn compile(config: &AlertsConfig, known: &Known<'_>, problems: &mut Problems) -> Routes {
    let mut routes = Routes::default();
    let Some(root) = &config.route else { return routes };
    let count = count(root, 1);
    if count > ROUTES_MAX {
        problems.say("alerts.route", format!("{count} routes, at most {ROUTES_MAX} are allowed"));
        return routes;
    }
    if !root.matchers.is_empty() || root.goes_on || !root.name.is_empty() {
        problems.say("route root", "takes everything: expected no name, no match and no continue");
    }
    let above = Route {
        path: ROOT.to_owned(),
        matchers: Matchers::default(),
        goes_on: false,
        receivers: Vec::new(),
        group_by: Vec::new(),
        wait_s: config.group_wait_s,
        interval_s: config.group_interval_s,
        repeat_s: config.repeat_interval_s,
        growth_s: config.growth_update_s,
        escalation: None,
        mute: Vec::new(),
        children: Vec::new(),
        index: Index::default(),
    };
    waits("alerts", &above, problems);
    add(root, above, 1, &mut routes, known, problems);
    routes
}

/// The routes of a branch. One that is too deep counts once, and is a problem of its own.
fn count(config: &RouteConfig, depth: usize) -> usize {
    if depth > ROUTE_DEPTH_MAX {
        return 1;
    }
    1 + config.routes.iter().map(|child| count(child, depth + 1)).sum::<usize>()
}

fn add(
    config: &RouteConfig,
    mut route: Route,
    depth: usize,
    routes: &mut Routes,
    known: &Known<'_>,
    problems: &mut Problems,
) {
    let place = format!("route {}", route.path);
    route.matchers = matchers(&place, "match", &config.matchers, problems);
    route.goes_on = config.goes_on;
    if let Some(given) = &config.receivers {
        receivers(&place, given, known.receivers, problems);
        let mut seen = BTreeSet::new();
        route.receivers =
            given.iter().filter(|name| seen.insert(*name)).map(|name| name.as_str().into()).collect();
    }
    if let Some(given) = &config.group_by {
        labels(&place, "group_by", given, problems);
        route.group_by.clone_from(given);
    }
    for (ours, given) in [
        (&mut route.wait_s, config.group_wait_s),
        (&mut route.interval_s, config.group_interval_s),
        (&mut route.repeat_s, config.repeat_interval_s),
        (&mut route.growth_s, config.growth_update_s),
    ] {
        *ours = given.unwrap_or(*ours);
    }
    waits(&place, &route, problems);
    if let Some(name) = &config.escalation {
        route.escalation = known.escalations.iter().position(|known| known == name);
        if route.escalation.is_none() && !name.is_empty() {
            problems.say(&place, format!("there is no escalation {name:?}{}", or_one_of(&known.escalations)));
        }
    }
    route.mute.clear();
    for name in &config.mute {
        match known.windows.iter().position(|known| known == name) {
            Some(window) => route.mute.push(window),
            None => problems.say(
                &place,
                format!("mute names no maintenance window: {name:?}{}", or_one_of(&known.windows)),
            ),
        }
    }
    let at = routes.0.len();
    routes.0.push(route.clone());
    if depth == ROUTE_DEPTH_MAX && !config.routes.is_empty() {
        problems.say(&place, format!("has routes at depth {}, at most {ROUTE_DEPTH_MAX}", depth + 1));
        return;
    }
    let mut names = BTreeSet::new();
    for child in &config.routes {
        let path = format!("{}/{}", route.path, child.name);
        if child.name.is_empty() || child.name.contains('/') {
            problems
                .say(&place, format!("has a route named {:?}, expected a name without \"/\"", child.name));
        }
        if !names.insert(&child.name) {
            problems.say(&format!("route {path}"), "there are two of this name");
        }
        let number = routes.0.len();
        add(child, Route { path, ..route.clone() }, depth + 1, routes, known, problems);
        let matchers = routes.0[number].matchers.clone();
        routes.0[at].children.push(number);
        routes.0[at].index.insert(number, &matchers);
    }
}

fn waits(place: &str, route: &Route, problems: &mut Problems) {
    in_range(place, "group_wait_s", route.wait_s, 0.0, 600.0, problems);
    in_range(place, "group_interval_s", route.interval_s, 1.0, 86_400.0, problems);
    if route.repeat_s != 0.0 && !(10.0..=2_592_000.0).contains(&route.repeat_s) {
        problems.say(
            place,
            format!("repeat_interval_s is {}, expected 0 (never) or 10 to 2592000", route.repeat_s),
        );
    }
    in_range(place, "growth_update_s", route.growth_s, 1.0, 86_400.0, problems);
}

/// Whether these are labels, each once.
pub(super) fn labels(place: &str, key: &str, names: &[String], problems: &mut Problems) {
    if names.len() > MATCHERS_MAX {
        problems.say(place, format!("{key} has {} labels, at most {MATCHERS_MAX} are allowed", names.len()));
    }
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            problems.say(place, format!("{key} has an empty label, expected a label's name"));
        } else if !seen.insert(name) {
            problems.say(place, format!("{key} has {name:?} twice"));
        }
    }
}

fn or_one_of(known: &[&str]) -> String {
    if known.is_empty() { "; there is none".to_owned() } else { format!("; there is {}", known.join(", ")) }
}
