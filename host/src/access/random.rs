//! Random numbers and hexadecimal text.

use ring::rand::{SecureRandom, SystemRandom};

use super::TokenError;

/// Random bytes of the operating system.
pub(super) fn bytes<const N: usize>() -> Result<[u8; N], TokenError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| TokenError::NoRandomness)?;
    Ok(bytes)
}

/// Lower-case hexadecimal digits, two a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}
