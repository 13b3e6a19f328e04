//! How long to wait after a failure.

use super::destination::Destination;

/// The wait after so many failed tries of a key, in seconds: doubled with each, and between half and the whole of that,
/// so that what failed together does not come back together. The same for the same key and try.
pub(super) fn wait_s(policy: &Destination, key: &str, tries: u32) -> f64 {
    let doublings = tries.saturating_sub(1).min(62) as i32;
    let longest_s = policy.backoff_max_s.min(policy.backoff_first_s * 2_f64.powi(doublings));
    longest_s * 0.5 * (1.0 + share(key, tries))
}

/// A number in 0..1 that looks random: FNV-1a, with the last step of splitmix64 to spread its upper bits.
fn share(key: &str, tries: u32) -> f64 {
    let bytes = key.bytes().chain(tries.to_le_bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread_over_their_upper_half() {
        let policy = Destination::default();
        for (tries, longest_s) in [(1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0), (u32::MAX, 300.0)] {
            let waits_s: Vec<f64> =
                (0..1000).map(|key| wait_s(&policy, &format!("key-{key}"), tries) / longest_s).collect();
            assert!(waits_s.iter().all(|wait| (0.5..1.0).contains(wait)), "{tries}");
            for tenth in 0..10 {
                let from = 0.5 + 0.05 * f64::from(tenth);
                let within = waits_s.iter().filter(|&&wait| (from..from + 0.05).contains(&wait)).count();
                assert!((60..=140).contains(&within), "{tries} {tenth}: {within} of 1000");
            }
        }
        assert_eq!(wait_s(&policy, "a", 3), wait_s(&policy, "a", 3));
    }
}
