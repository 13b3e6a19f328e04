//! An action as the component that exports it.

use std::cell::OnceCell;

use super::{Action, Failure, Host, Outcome, Request};
use crate::bindings::action::exports::lapwing::plugin::action as wit;
use crate::rule::parse_settings;

/// Where an exported action lives between calls; [`export_action!`](crate::export_action) makes it.
pub type Slot<A> = OnceCell<A>;

#[doc(hidden)]
pub fn configure<A: Action>(slot: &Slot<A>, settings: &str) -> Result<wit::Descriptor, String> {
    crate::panics::to_log();
    let action = A::configure(parse_settings(settings)?)?;
    let (name, description) = action.describe();
    let descriptor =
        wit::Descriptor { name: name.to_owned(), description: description.to_owned(), undoes: A::UNDOES };
    slot.set(action).map_err(|_| "configured twice".to_owned())?;
    Ok(descriptor)
}

#[doc(hidden)]
pub fn run<A: Action>(slot: &Slot<A>, request: wit::Request, host: &dyn Host) -> Result<Outcome, Failure> {
    configured(slot)?.run(&read(request)?, host)
}

#[doc(hidden)]
pub fn undo<A: Action>(slot: &Slot<A>, request: wit::Request, host: &dyn Host) -> Result<Outcome, Failure> {
    configured(slot)?.undo(&read(request)?, host)
}

fn configured<A: Action>(slot: &Slot<A>) -> Result<&A, Failure> {
    slot.get().ok_or_else(|| Failure::permanent("not configured"))
}

fn read(request: wit::Request) -> Result<Request, Failure> {
    let occasion = serde_json::from_str(&request.occasion)
        .map_err(|error| Failure::permanent(format!("the occasion cannot be read: {error}")))?;
    Ok(Request { key: request.idempotency_key, attempt: request.attempt, now: request.now, occasion })
}

/// Makes a type that implements [`Action`](crate::action::Action) the action that this component exports.
#[macro_export]
macro_rules! export_action {
    ($action:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::action::exports::lapwing::plugin::action as wit;

            thread_local! {
                static ACTION: $crate::action::Slot<$action> = const { $crate::action::Slot::new() };
            }

            struct Component;

            impl wit::Guest for Component {
                fn configure(settings: String) -> Result<wit::Descriptor, String> {
                    ACTION.with(|action| $crate::action::configure(action, &settings))
                }

                fn run(request: wit::Request) -> Result<wit::Outcome, wit::Failure> {
                    ACTION.with(|action| $crate::action::run(action, request, &$crate::action::Imports))
                }

                fn undo(request: wit::Request) -> Result<wit::Outcome, wit::Failure> {
                    ACTION.with(|action| $crate::action::undo(action, request, &$crate::action::Imports))
                }
            }

    $crate::bindings::action::export!(Component with_types_in $crate::bindings::action);
        };
    };
}

/// Makes one [`Runbook`](crate::action::Runbook) the action that this component exports.
///
/// ```ignore
/// lapwing_sdk::export_runbook!("recovery", "Initiate recovery", "Asks the operator's automation to bring a system back");
/// ```
#[macro_export]
macro_rules! export_runbook {
    ($runbook:literal, $name:literal, $description:literal) => {
        /// The action.
        pub struct Initiate($crate::action::Runbook);

        impl $crate::action::Action for Initiate {
            type Settings = $crate::action::RunbookSettings;
            const UNDOES: bool = true;

            fn configure(settings: Self::Settings) -> Result<Self, String> {
                $crate::action::Runbook::new($runbook, settings).map(Self)
            }

            fn describe(&self) -> (&str, &str) {
                ($name, $description)
            }

            fn run(
                &self,
                request: &$crate::action::Request,
                host: &dyn $crate::action::Host,
            ) -> Result<$crate::action::Outcome, $crate::action::Failure> {
                self.0.run(request, host)
            }

            fn undo(
                &self,
                request: &$crate::action::Request,
                host: &dyn $crate::action::Host,
            ) -> Result<$crate::action::Outcome, $crate::action::Failure> {
                self.0.undo(request, host)
            }
        }

        $crate::export_action!(Initiate);
    };
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::testing::FakeHost;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Repeat {
        word: String,
    }

    impl Action for Repeat {
        type Settings = Self;
        const UNDOES: bool = false;

        fn configure(settings: Self) -> Result<Self, String> {
            Ok(settings)
        }

        fn describe(&self) -> (&str, &str) {
            ("Repeat", "Says a word again")
        }

        fn run(&self, request: &Request, _: &dyn Host) -> Result<Outcome, Failure> {
            Ok(Outcome::new(format!("{} {} {}", self.word, request.occasion.title, request.attempt)))
        }
    }

    fn request(occasion: &str) -> wit::Request {
        let (idempotency_key, occasion) = ("k".to_owned(), occasion.to_owned());
        wit::Request { idempotency_key, attempt: 2, now: 0.0, occasion }
    }

    #[test]
    fn an_action_is_configured_once_and_reads_its_occasion() {
        let (slot, host) = (Slot::<Repeat>::new(), FakeHost::new());
        assert_eq!(run(&slot, request("{}"), &host).unwrap_err().reason, "not configured");
        assert!(configure(&slot, r#"{"wort": "x"}"#).unwrap_err().contains("unknown field `wort`"));
        let descriptor = configure(&slot, r#"{"word": "again"}"#).unwrap();
        assert_eq!((descriptor.name.as_str(), descriptor.undoes), ("Repeat", false));
        assert_eq!(configure(&slot, r#"{"word": "again"}"#).unwrap_err(), "configured twice");

        let told = run(&slot, request(r#"{"kind": "page", "title": "T", "new_field": 1}"#), &host).unwrap();
        assert_eq!(told.summary, "again T 2");
        let refused = run(&slot, request("{"), &host).unwrap_err();
        assert!(!refused.retry && refused.reason.starts_with("the occasion cannot be read"), "{refused:?}");
        assert!(!undo(&slot, request(r#"{"kind": "act"}"#), &host).unwrap_err().retry);
    }
}
