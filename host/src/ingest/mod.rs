//! Turns bytes into valid samples or row errors. The only room that knows the formats of the wire.

mod arrivals;
mod batch;
mod body;
mod decode;
#[cfg(test)]
mod decode_laws;
mod refusal;
mod row;
mod scope;
mod source;

pub use arrivals::{Arrivals, ArrivalsError};
pub use batch::{Sample, SampleBatch};
pub use body::{BodyRows, RefusedRow};
pub use decode::Decoder;
pub use refusal::Refusal;
pub use scope::Scope;
pub use source::{Line, Source};
