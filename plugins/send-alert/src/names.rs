//! Names that other systems tell the same trouble by.

/// A text of at most `bytes` bytes that differs wherever `text` does: a long one ends in a fingerprint of the whole.
pub(crate) fn bounded(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(bytes.saturating_sub(33));
    format!("{}-{:032x}", &text[..head], fingerprint(text))
}

/// A `Message-ID` without brackets that stands for `text`. What may not stand in one is written as `=` and two digits.
pub(crate) fn message_id(text: &str) -> String {
    let mut local = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            local.push(char::from(byte));
        } else {
            local.push_str(&format!("={byte:02x}"));
        }
    }
    format!("{}@lapwing", bounded(&local, 200))
}

/// FNV-1a of 128 bits: the names come from the operator's own systems, nobody gains by two that collide.
fn fingerprint(text: &str) -> u128 {
    text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_fingerprints() {
        // The test vectors of draft-eastlake-fnv.
        assert_eq!(fingerprint(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fingerprint("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(fingerprint("foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    proptest! {
        #[test]
        fn names_are_bounded_and_differ(one in ".{0,400}", other in ".{0,400}") {
            let id = message_id(&one);
            prop_assert!(id.len() <= 208, "{}", id);
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=@".contains(&b)), "{}", id);
            prop_assert!(bounded(&one, 255).len() <= 255);
            prop_assert_eq!(one == other, id == message_id(&other));
            prop_assert_eq!(one == other, bounded(&one, 255) == bounded(&other, 255));
        }
    }
}
