//! Tells people and systems: by webhook, Slack, PagerDuty, Alertmanager or mail.

mod alertmanager;
mod email;
mod names;
mod pagerduty;
mod settings;
mod slack;
mod template;
mod webhook;

use lapwing_sdk::action::{Action, Failure, Host, Outcome, Request};

use settings::Channel;
pub use settings::Settings;
use template::Words;

/// The action: one way to be told, or none.
pub struct SendAlert(Option<Channel>);

impl Action for SendAlert {
    type Settings = Settings;
    const UNDOES: bool = false;

    fn configure(settings: Settings) -> Result<Self, String> {
        settings.channel().map(Self)
    }

    fn describe(&self) -> (&str, &str) {
        ("Send alert", "Tells people and systems, by webhook, Slack, PagerDuty, Alertmanager or mail")
    }

    fn run(&self, request: &Request, host: &dyn Host) -> Result<Outcome, Failure> {
        let Some(channel) = &self.0 else {
            return Ok(Outcome::new("nobody is set up to be told"));
        };
        // The report's token is for those who report back, which no receiver of an alert does.
        let mut request = request.clone();
        request.occasion.report = None;
        match channel {
            Channel::Webhook(webhook) => webhook.send(&request, host),
            Channel::Slack(slack) => slack.send(&request, host),
            Channel::PagerDuty(pagerduty) => pagerduty.send(&request, host),
            Channel::Alertmanager(alertmanager) => alertmanager.send(&request, host),
            Channel::Email(email) => email.send(&request, host),
        }
    }
}

/// The outcome of what was told, with what was wrong with the operator's templates: an alert in other words is better
/// than none.
fn told(how: String, words: &[&Words]) -> Outcome {
    let problems = words.iter().filter_map(|words| words.problem.as_deref());
    Outcome::new(problems.fold(how, |summary, problem| format!("{summary}; {problem}")))
}

lapwing_sdk::export_action!(SendAlert);

#[cfg(test)]
mod tests;
