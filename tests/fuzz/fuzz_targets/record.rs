//! Records of the store: bytes are a record or an error, and never a panic.
#![no_main]

use lapwing::history::Chunk;
use lapwing::pipeline::Cut;
use lapwing::shard::SystemState;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    drop(postcard::from_bytes::<Chunk>(bytes));
    drop(postcard::from_bytes::<SystemState>(bytes));
    drop(postcard::from_bytes::<Cut>(bytes));
});
