//! Laws of the decoder: nothing that arrives can upset it, and what is refused leaves no trace.

use proptest::prelude::*;
use serde_json::json;

use super::{Decoder, SampleBatch};
use crate::limits::SYSTEM_TYPES_MAX;
use crate::model::{Names, SharedNames};

fn decoder() -> Decoder {
    Decoder::new(
        SharedNames::new(Names::of_metrics()),
        SharedNames::new(Names::new(SYSTEM_TYPES_MAX)),
        Default::default(),
    )
}

fn good(system: &str, throughput: f64) -> String {
    json!({
        "system_id": system,
        "timestamp": "2026-01-05T00:00:00Z",
        "health_status": "healthy",
        "throughput": throughput,
        "custom_metrics": { "lag": 3, "primary": true, "zone": "eu-1" },
    })
    .to_string()
}

/// A good line with a byte replaced here and there: JSON that is nearly right.
fn nearly_right() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((0_usize..170, any::<u8>()), 0..6).prop_map(|changes| {
        let mut line = good("a", 12.5).into_bytes();
        for (place, byte) in changes {
            let place = place % line.len();
            line[place] = byte;
        }
        line
    })
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), nearly_right()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn refused_rows_leave_no_trace(lines in prop::collection::vec(anything(), 1..8)) {
        let mut decoder = decoder();
        let mut batch = SampleBatch::default();
        decoder.decode(good("before", 1.0).as_bytes(), &mut batch).unwrap();
        let mut kept = 1;
        for line in &lines {
            match decoder.decode(line, &mut batch) {
                Ok(()) => kept += 1,
                Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
            }
            prop_assert_eq!(batch.len(), kept);
        }
        decoder.decode(good("after", 2.0).as_bytes(), &mut batch).unwrap();
        for (row, system, throughput) in [(0, "before", 1.0), (kept, "after", 2.0)] {
            let sample = batch.sample(row);
            prop_assert_eq!(sample.system_id, system);
            prop_assert_eq!(sample.values().len(), 3);
            prop_assert_eq!(sample.values()[0].1, throughput);
            prop_assert_eq!(sample.texts().map(|(_, text)| text).collect::<Vec<_>>(), ["healthy", "eu-1"]);
        }
    }
}
