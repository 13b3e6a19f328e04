//! Keys in an order that the database keeps.

use uuid::Uuid;

/// What a table may be keyed by. The bytes sort as the values do.
pub trait Key: Sized {
    /// The bytes of the key.
    fn bytes(&self) -> Vec<u8>;
    /// The key behind the bytes; `None` if they are not one.
    fn parse(bytes: &[u8]) -> Option<Self>;
}

/// The key of a table's only record.
impl Key for () {
    fn bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.is_empty().then_some(())
    }
}

impl Key for u64 {
    fn bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl Key for String {
    fn bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        Self::from_utf8(bytes.to_vec()).ok()
    }
}

impl Key for Uuid {
    fn bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}

/// A name and a number: first by name (shorter ones first), then by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair(pub String, pub u64);

impl Pair {
    /// What all keys of one name begin with.
    #[must_use]
    pub fn prefix(name: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(name.len() + 10);
        bytes.extend((name.len() as u16).to_be_bytes());
        bytes.extend(name.as_bytes());
        bytes
    }
}

impl Key for Pair {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Self::prefix(&self.0);
        bytes.extend(self.1.to_be_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (name, number) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        Some(Self(String::parse(name)?, u64::parse(number)?))
    }
}
