//! The body of a request: rows are taken or refused, counted once, and survive the journal's encoding.
#![no_main]

use std::cell::RefCell;

use lapwing::ingest::{BodyRows, Decoder, SampleBatch};
use lapwing::model::Vocabulary;
use lapwing::time::Millis;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static DECODER: RefCell<(Vocabulary, Decoder)> = RefCell::new({
        let names = Vocabulary::default();
        let decoder = Decoder::new(names.metrics.clone(), names.types.clone(), names.ids.clone());
        (names, decoder)
    });
}

fuzz_target!(|body: &[u8]| {
    DECODER.with_borrow_mut(|(names, decoder)| {
        let rows = BodyRows::read(body, decoder, Millis(4_102_444_800_000), 10);
        assert!(rows.refused.len() <= 10 && rows.refused.len() as u64 <= rows.refused_count);
        let bytes = postcard::to_stdvec(&rows.samples).unwrap();
        let mut again: SampleBatch = postcard::from_bytes(&bytes).unwrap();
        again.rehash(&names.ids);
        assert_eq!(again.len(), rows.samples.len());
        for row in 0..again.len() {
            let (before, after) = (rows.samples.sample(row), again.sample(row));
            assert_eq!((before.system_id, before.id_hash, before.time), (after.system_id, after.id_hash, after.time));
            assert_eq!(before.values().len(), after.values().len());
            assert!(before.values().iter().all(|(_, value)| value.is_finite()));
        }
    });
});
