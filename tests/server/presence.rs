//! Systems that fall silent, that go on purpose, that vanish together; and a host that does not see.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use lapwing::time::Millis;
use serde_json::{Value, json};

use crate::server::Server;

/// Between two heartbeats.
const BEAT: Duration = Duration::from_millis(100);

/// A server that misses a system after about a second.
fn server(further: &str) -> Server {
    let mut server = Server::prepared("");
    let config = format!(
        "{further}\n[heartbeat]\ndetect_within_s = 1.0\n\
         [[rules]]\nrule_id = \"system_disconnection\"\nwindow_size = 1\n"
    );
    server.bench.write("lapwing.toml", config);
    server.start();
    server
}

/// Systems that send a sign of life ten times a second, from a thread of their own, as long as they are alive.
struct Fleet {
    alive: Arc<Mutex<Vec<Value>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fleet {
    fn beating(server: &Server, systems: Vec<Value>) -> Self {
        let alive = Arc::new(Mutex::new(systems));
        let ends = Arc::new(AtomicBool::new(false));
        let ask = server.ask("POST", "/api/v1/heartbeats");
        let (beating, ended) = (Arc::clone(&alive), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let beats = beating.lock().unwrap().clone();
                if !beats.is_empty() {
                    ask.clone().json(&json!(beats)).send().ok();
                }
                std::thread::sleep(BEAT);
            }
        });
        let fleet = Self { alive, ends, thread: Some(thread) };
        fleet.wait_until_known(server);
        fleet
    }

    fn wait_until_known(&self, server: &Server) {
        let alive = self.alive.lock().unwrap().clone();
        for beat in alive {
            let path = format!("/api/v1/systems/{}", beat["system_id"].as_str().unwrap());
            server.until("a learned heartbeat", || {
                let answer = server.ask("GET", &path).send();
                (answer.status == 200 && answer.json()["heartbeat"]["silence_limit_s"].is_f64()).then_some(())
            });
        }
    }

    /// Those for whom `stays` is false die. Returns them.
    fn lose(&self, stays: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut alive = self.alive.lock().unwrap();
        let (stay, gone) = alive.drain(..).partition(|beat| stays(beat));
        *alive = stay;
        gone
    }

    fn bring_back(&self, systems: Vec<Value>) {
        self.alive.lock().unwrap().extend(systems);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))), "beats failed");
    }
}

fn systems(count: usize, more: impl Fn(usize) -> Value) -> Vec<Value> {
    (0..count)
        .map(|place| crate::harness::with(json!({ "system_id": format!("s{place}") }), more(place)))
        .collect()
}

fn presence(server: &Server, system: &str) -> Value {
    server.get(&format!("/api/v1/systems/{system}"))["presence"].clone()
}

#[test]
fn a_system_that_falls_silent_is_missed_in_time_and_comes_back() {
    let server = server("");
    let fleet = Fleet::beating(&server, systems(3, |_| json!({})));
    let heartbeat = server.get("/api/v1/systems/s0")["heartbeat"].clone();
    assert_eq!(heartbeat["contract"], json!({ "detect_within_s": 1.0, "false_alarms_per_week": 1.0 }));
    assert_eq!(presence(&server, "s0")["state"], "healthy");

    let gone = fleet.lose(|beat| beat["system_id"] != "s1");
    let detection = server.detection_of("s1");
    assert_eq!(
        (&detection["rule_id"], &detection["status"]),
        (&json!("system_disconnection"), &json!("active"))
    );
    let conditions = detection["evidence"]["conditions"].as_array().unwrap().clone();
    let silence = conditions.iter().find(|condition| condition["metric"] == "silence_s").unwrap();
    assert!((0.2..=1.05).contains(&silence["observed"].as_f64().unwrap()), "{silence}");
    assert_eq!(presence(&server, "s1")["state"], "silent");
    assert_eq!(server.get("/api/v1/summary")["systems_by_state"], json!({ "healthy": 2, "silent": 1 }));

    fleet.bring_back(gone);
    server.until("its end", || (server.detections("?status=resolved").len() == 1).then_some(()));
    let presence = presence(&server, "s1");
    assert_eq!(presence["state"], "healthy");
    let states: Vec<&Value> =
        presence["changes"].as_array().unwrap().iter().map(|change| &change["state"]).collect();
    assert_eq!(states, ["healthy", "silent", "healthy"]);
    assert!(presence["availability_today"].as_f64().unwrap() < 1.0);
    assert_eq!(server.detections("").len(), 1, "nobody else was missed");
}

#[test]
fn a_ping_is_a_sign_of_life_and_a_type_or_system_has_a_contract_of_its_own() {
    let server = server(
        "[heartbeat.types.cron]\ndetect_within_s = 3600.0\n[heartbeat.systems.nightly]\nfalse_alarms_per_week = 0.1\n",
    );
    for _ in 0..2 {
        server.ask("POST", "/api/v1/systems/hourly/ping").send().ok();
    }
    server.post("/api/v1/heartbeats", &json!({ "system_id": "nightly", "system_type": "cron" })).ok();
    let contract = |system: &str| {
        server.until("the system", || {
            let answer = server.ask("GET", &format!("/api/v1/systems/{system}")).send();
            (answer.status == 200).then(|| answer.json()["heartbeat"]["contract"].clone())
        })
    };
    assert_eq!(contract("hourly")["detect_within_s"], 1.0);
    assert_eq!(contract("nightly"), json!({ "detect_within_s": 3600.0, "false_alarms_per_week": 0.1 }));
    let viewer = server.token("viewer");
    server.ask("POST", "/api/v1/systems/hourly/ping").token(&viewer).send().problem(403, "forbidden");
    server.post("/api/v1/heartbeats", &json!({ "timestamp": "now" })).problem(400, "no-row-accepted");
}

#[test]
fn a_contract_out_of_range_is_named_before_anything_starts() {
    let mut server = Server::prepared("[heartbeat.types.web]\ndetect_within_s = -1.0\n");
    let (code, said) = server.try_start().unwrap_err();
    assert_ne!(code, 0);
    assert!(said.contains("heartbeat.types.web.detect_within_s is -1"), "{said}");
}

#[test]
fn who_said_goodbye_is_missed_only_after_the_time_of_return() {
    let server = server("[presence]\noverdue_s = 0.5\n");
    let fleet = Fleet::beating(&server, systems(3, |_| json!({})));
    let returns_at = Millis::now().plus_seconds(2.0);
    let goodbye = json!({ "returns_at": returns_at, "reason": "a new disk" });
    fleet.lose(|beat| beat["system_id"] != "s1");
    // A beat that was under way may come after it, and would be a return.
    let presence = server.until("the goodbye", || {
        server.post("/api/v1/systems/s1/goodbye", &goodbye).ok();
        let presence = presence(&server, "s1");
        (presence["state"] == "absent").then_some(presence)
    });
    assert_eq!((&presence["reason"], &presence["returns_at"]), (&json!("a new disk"), &json!(returns_at)));
    let detection = server.detection_of("s1");
    let opened = Millis::parse(detection["timestamp"].as_str().unwrap()).unwrap();
    let after_s = opened.seconds_since(returns_at);
    assert!((0.5..2.0).contains(&after_s), "missed {after_s} s after the announced return");
    assert_eq!(server.detections("").len(), 1);
}

#[test]
fn who_falls_silent_in_a_maintenance_window_is_absent() {
    let server = server(
        "[[alerts.maintenance]]\nname = \"always\"\nowner = \"ann\"\nmatch = { zone = \"eu-1\" }\n\
         days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n\
         start = \"00:00\"\nduration_s = 86400\n",
    );
    let zone = |place: usize| json!({ "zone": format!("eu-{place}") });
    let fleet = Fleet::beating(&server, systems(4, zone));
    let gone = fleet.lose(|beat| beat["zone"] == "eu-0" || beat["zone"] == "eu-3");
    server.detection_of("s2");
    let absent = server.until("the absence", || {
        let presence = presence(&server, "s1");
        (presence["state"] == "absent").then_some(presence)
    });
    assert_eq!(absent["reason"], "maintenance window always");
    assert!(absent["returns_at"].is_string(), "{absent}");
    assert_eq!(server.detections("").len(), 1, "and nobody is told of it");
    fleet.bring_back(gone);
    server.until("its return", || (presence(&server, "s1")["state"] == "healthy").then_some(()));
}

#[test]
fn a_silent_system_is_looked_at_again_before_anybody_is_told() {
    let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (answers, silent) = (open.local_addr().unwrap(), taken.local_addr().unwrap());
    drop(taken); // nobody listens there any more
    let server = server(&format!(
        "[groups]\nhold_share = 1.0\n\
         [[probes]]\nsystem_ids = [\"s1\"]\ntarget = \"tcp://{answers}\"\n\
         [[probes]]\nsystem_ids = [\"s2\"]\ntarget = \"http://{silent}/healthz\"\n\
         [[probes]]\nsystem_ids = [\"s3\"]\ntarget = \"https://{{system_id}}.invalid/\"\n"
    ));
    let fleet = Fleet::beating(&server, systems(5, |_| json!({})));
    fleet.lose(|beat| beat["system_id"] == "s0");
    let probe = |system: &str| {
        let detection = server.detection_of(system);
        let probe = detection["evidence"]["probe"].clone();
        if probe.is_object() {
            let said =
                format!("{}: {}", probe["target"].as_str().unwrap(), probe["result"].as_str().unwrap());
            assert!(detection["description"].as_str().unwrap().ends_with(&said), "{detection}");
        }
        probe
    };
    let found = probe("s1");
    assert_eq!((&found["answered"], &found["result"]), (&json!(true), &json!("connected")), "{found}");
    assert_eq!(found["target"], format!("tcp://{answers}"));
    let found = probe("s2");
    assert_eq!(found["answered"], false);
    assert!(found["result"].as_str().unwrap().starts_with("unreachable: "), "{found}");
    assert_eq!(probe("s3")["answered"], false);
    assert_eq!(probe("s4"), Value::Null, "for that one there is none");
}

#[test]
fn a_zone_that_vanishes_is_one_detection_that_shrinks_and_ends() {
    let server = server("");
    let zone = |place: usize| json!({ "zone": if place.is_multiple_of(2) { "eu-1" } else { "eu-2" } });
    let fleet = Fleet::beating(&server, systems(16, zone));
    let mut gone = fleet.lose(|beat| beat["zone"] != "eu-1");
    let group = |id: &Value| server.get(&format!("/api/v1/detections/{}", id.as_str().unwrap()));
    let detection = server.detection_of("zone=eu-1");
    let id = &detection["detection_id"];
    server.until("all members", || (group(id)["evidence"]["group"]["gone"] == 8).then_some(()));
    let told = group(id);
    assert_eq!(told["description"], "System disconnection: 8 of 8 systems with zone = eu-1 are gone");
    assert_eq!(told["evidence"]["group"]["members"][0], "s0");
    assert_eq!(server.detections("").len(), 1, "and no other");

    let half = gone.split_off(4);
    fleet.bring_back(gone);
    server.until("half of them", || (group(id)["evidence"]["group"]["gone"] == 4).then_some(()));
    fleet.bring_back(half);
    server.until("its end", || (group(id)["status"] == "resolved").then_some(()));
    assert_eq!(group(id)["resolution_notes"], "all of them are back");
    assert_eq!(server.detections("").len(), 1);
}

#[test]
fn a_group_survives_a_kill() {
    let mut server = server("");
    let zone = |place: usize| json!({ "zone": if place.is_multiple_of(2) { "eu-1" } else { "eu-2" } });
    let all = systems(12, zone);
    let fleet = Fleet::beating(&server, all.clone());
    fleet.lose(|beat| beat["zone"] != "eu-1");
    let id = server.detection_of("zone=eu-1")["detection_id"].clone();
    fleet.lose(|_| false);
    drop(fleet);
    server.kill();
    server.start();
    let path = format!("/api/v1/detections/{}", id.as_str().unwrap());
    assert_eq!(server.get(&path)["status"], "active");
    let fleet = Fleet::beating(&server, all);
    server.until("its end", || (server.get(&path)["status"] == "resolved").then_some(()));
    drop(fleet);
    assert!(server.detections("").iter().all(|detection| detection["status"] == "resolved"));
}

#[test]
fn a_host_that_was_stopped_blames_nobody() {
    let server = server("");
    let fleet = Fleet::beating(&server, systems(8, |_| json!({})));
    let events = server.events("");
    // What was learned must be worth something: three beats are not.
    server.until("a heartbeat of some length", || {
        (server.metric("lapwing_samples_accepted_total") > 8.0 * 20.0).then_some(())
    });
    server.signal("STOP");
    std::thread::sleep(Duration::from_secs(2)); // twice as long as it takes to miss a system
    server.signal("CONT");
    let observer = server.until("the pause", || {
        let observer = server.get("/api/v1/observer");
        observer["blind"]
            .as_array()
            .unwrap()
            .iter()
            .any(|blind| blind["cause"] == "pause")
            .then_some(observer)
    });
    assert_eq!(observer["degraded"], false);
    assert_eq!(events.wait_for("observer_recovered").data["cause"], "pause");
    assert_eq!(server.detections(""), Vec::<Value>::new());

    let gone = fleet.lose(|beat| beat["system_id"] != "s1");
    assert_eq!(gone.len(), 1);
    server.detection_of("s1");
    assert_eq!(server.detections("").len(), 1, "and it sees again");
}

#[test]
fn a_token_may_be_good_for_some_systems_only() {
    let server = server("");
    let made = server
        .post("/api/v1/tokens", &json!({ "name": "db-1", "role": "ingest", "systems": ["db-1", "cron-*"] }));
    let token = made.ok()["token"].as_str().unwrap().to_owned();
    let ask = |path: &str, body: Value| server.ask("POST", path).token(&token).json(&body).send();
    let rows = json!([{ "system_id": "db-1" }, { "system_id": "db-2" }, { "system_id": "cron-nightly" }]);
    let receipt = ask("/api/v1/heartbeats", rows).ok();
    assert_eq!((&receipt["accepted"], &receipt["refused"]), (&json!(2), &json!(1)));
    assert_eq!(
        (&receipt["errors"][0]["row"], &receipt["errors"][0]["field"]),
        (&json!(2), &json!("system_id"))
    );
    let goodbye = json!({ "returns_at": Millis::now().plus_seconds(60.0) });
    ask("/api/v1/systems/db-1/goodbye", goodbye.clone()).ok();
    ask("/api/v1/systems/db-2/goodbye", goodbye).problem(400, "no-row-accepted");
    let wrong = json!({ "name": "x", "role": "viewer", "systems": ["db-1"] });
    assert!(
        server.post("/api/v1/tokens", &wrong).problem(400, "invalid-request")["detail"]
            .to_string()
            .contains("systems")
    );
}
