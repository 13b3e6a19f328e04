//! The one table of routes: method, path, who may come in, who answers.
//!
//! A line without a door does not compile. The document of the API is made from the same lines.

use axum::Router;
use axum::routing;

use super::Door::{self, Needs, Open, Reports};
use super::{
    Api, Pace, Route, administration, alerting, cases, events, guarded, health, plugins, reading, rules,
    samples,
};
use crate::access::Right::{Administer, Ingest, Operate, Read};

macro_rules! routes {
    ($($method:ident $path:literal $door:expr, $pace:ident => $module:ident::$handler:ident;)*) => {
        /// Every route that there is.
        pub const ROUTES: &[Route] = &[$(
            Route { method: stringify!($method), path: $path, door: $door, pace: Pace::$pace }
        ),*];

        /// The router of them, each behind its door.
        pub(super) fn table(api: &Api) -> Router<Api> {
            let guarded = |door: Door, pace, route| guarded(api, door, pace, route);
            Router::new()$(
                .route($path, guarded($door, Pace::$pace, routing::$method($module::$handler)))
            )*
        }

        /// What the handlers say of themselves.
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($module::$handler),*))]
        pub(super) struct Described;
    };
}

routes! {
    get    "/healthz"                                  Open, Timed => health::alive;
    get    "/readyz"                                   Open, Timed => health::ready;
    get    "/openapi.json"                             Open, Timed => health::document;
    get    "/docs"                                     Open, Timed => health::docs;
    get    "/metrics"                                  Needs(Read), Timed => health::metrics;

    post   "/api/v1/samples"                           Needs(Ingest), Timed => samples::take_in;
    post   "/api/v1/heartbeats"                        Needs(Ingest), Timed => samples::heartbeats;
    post   "/api/v1/systems/{id}/ping"                 Needs(Ingest), Timed => samples::ping;
    post   "/api/v1/systems/{id}/goodbye"              Needs(Ingest), Timed => samples::goodbye;

    get    "/api/v1/summary"                           Needs(Read), Timed => reading::summary;
    get    "/api/v1/observer"                          Needs(Read), Timed => reading::observer;
    get    "/api/v1/systems"                           Needs(Read), Timed => reading::systems;
    get    "/api/v1/systems/{id}"                      Needs(Read), Timed => reading::system;
    get    "/api/v1/systems/{id}/history"              Needs(Read), Timed => reading::history;
    get    "/api/v1/detections"                        Needs(Read), Timed => reading::detections;
    get    "/api/v1/detections/{id}"                   Needs(Read), Timed => reading::detection;
    post   "/api/v1/detections/{id}/acknowledge"       Needs(Operate), Timed => cases::acknowledge;
    post   "/api/v1/detections/{id}/unacknowledge"     Needs(Operate), Timed => cases::unacknowledge;
    post   "/api/v1/detections/{id}/assign"            Needs(Operate), Timed => cases::assign;
    post   "/api/v1/detections/{id}/comment"           Needs(Operate), Timed => cases::comment;
    post   "/api/v1/detections/{id}/resolve"           Needs(Operate), Timed => cases::resolve;
    post   "/api/v1/detections/{id}/false-positive"    Needs(Operate), Timed => cases::false_positive;
    post   "/api/v1/detections/{id}/reopen"            Needs(Operate), Timed => cases::reopen;
    get    "/api/v1/detections/{id}/attachments/{name}" Needs(Read), Timed => cases::attachment;
    post   "/api/v1/detections/{id}/explain"           Needs(Read), Timed => cases::explain;
    get    "/api/v1/why-not"                           Needs(Read), Timed => cases::why_not;

    get    "/api/v1/silences"                          Needs(Read), Timed => alerting::silences;
    post   "/api/v1/silences"                          Needs(Operate), Timed => alerting::add_silence;
    delete "/api/v1/silences/{id}"                     Needs(Operate), Timed => alerting::end_silence;
    post   "/api/v1/silences/preview"                  Needs(Read), Timed => alerting::preview;
    post   "/api/v1/routes/test"                       Needs(Read), Timed => alerting::route_test;
    get    "/api/v1/actions"                           Needs(Read), Timed => alerting::actions;
    post   "/api/v1/actions/{key}/report"              Reports, Timed => alerting::report;
    get    "/api/v1/owed"                              Needs(Read), Timed => alerting::owed;
    get    "/api/v1/owed/{key}"                        Needs(Read), Timed => alerting::one;
    post   "/api/v1/owed/{key}/approve"                Needs(Operate), Timed => alerting::approve;
    post   "/api/v1/owed/{key}/cancel"                 Needs(Operate), Timed => alerting::cancel;
    post   "/api/v1/owed/{key}/replay"                 Needs(Operate), Timed => alerting::replay;
    post   "/api/v1/owed/{key}/undo"                   Needs(Operate), Timed => alerting::undo;
    get    "/api/v1/blocklist"                         Needs(Read), Timed => alerting::blocklist;
    get    "/api/v1/blocklist/changes"                 Needs(Read), Timed => alerting::blocklist_changes;
    delete "/api/v1/blocklist/{subject}"               Needs(Operate), Timed => alerting::unblock;

    get    "/api/v1/dead-letters"                      Needs(Read), Timed => reading::dead_letters;
    get    "/api/v1/events"                            Needs(Read), Timed => events::listen;

    get    "/api/v1/rules"                             Needs(Read), Timed => rules::list;
    get    "/api/v1/rules/{rule_id}"                   Needs(Read), Timed => rules::one;
    patch  "/api/v1/rules/{rule_id}"                   Needs(Operate), Timed => rules::change;
    put    "/api/v1/rules/{rule_id}"                   Needs(Operate), Timed => rules::replace;
    delete "/api/v1/rules/{rule_id}"                   Needs(Operate), Timed => rules::drop_change;
    post   "/api/v1/rules/{rule_id}/release"           Needs(Operate), Timed => rules::release;

    get    "/api/v1/plugins"                           Needs(Read), Timed => plugins::list;
    get    "/api/v1/plugins/{name}"                    Needs(Read), Timed => plugins::one;
    post   "/api/v1/plugins/{name}"                    Needs(Administer), Patient => plugins::push;
    delete "/api/v1/plugins/{name}"                    Needs(Administer), Timed => plugins::delete;
    delete "/api/v1/plugins/{name}/versions/{version}" Needs(Administer), Timed => plugins::delete_version;
    post   "/api/v1/plugins/{name}/shadow"             Needs(Operate), Patient => plugins::shadow;
    delete "/api/v1/plugins/{name}/shadow"             Needs(Operate), Timed => plugins::end_shadow;
    get    "/api/v1/plugins/{name}/diff"               Needs(Read), Timed => plugins::diff;
    post   "/api/v1/plugins/{name}/promote"            Needs(Operate), Patient => plugins::promote;
    post   "/api/v1/plugins/{name}/rollback"           Needs(Operate), Patient => plugins::rollback;
    post   "/api/v1/plugins/{name}/enable"             Needs(Operate), Patient => plugins::enable;
    post   "/api/v1/plugins/{name}/disable"            Needs(Operate), Timed => plugins::disable;
    post   "/api/v1/plugins/{name}/release"            Needs(Operate), Timed => plugins::release;

    get    "/api/v1/tokens"                            Needs(Administer), Timed => administration::tokens;
    post   "/api/v1/tokens"                            Needs(Administer), Timed => administration::create_token;
    delete "/api/v1/tokens/{id}"                       Needs(Administer), Timed => administration::revoke_token;
    get    "/api/v1/audit"                             Needs(Administer), Timed => administration::audit;
    post   "/api/v1/configuration/reload"              Needs(Administer), Patient => administration::reload;
    post   "/api/v1/store/backup"                      Needs(Administer), Patient => administration::backup;
}
