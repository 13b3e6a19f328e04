use proptest::prelude::*;

use crate::evaluation::{Proportion, Spread, Verdicts};

#[test]
fn intervals_are_wilsons() {
    // Of Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
    let cases =
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)];
    for (successes, trials, low, high) in cases {
        let found = Proportion::of(successes, trials);
        assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{found:?}");
    }
}

#[test]
fn without_trials_nothing_is_known() {
    let nothing = Proportion::of(0, 0);
    assert_eq!((nothing.share, nothing.low, nothing.high), (None, 0.0, 1.0));
    assert!(nothing.overlaps(&Proportion::of(1000, 1000)));
}

#[test]
fn intervals_overlap_or_not() {
    let of = Proportion::of;
    assert!(of(8, 10).overlaps(&of(6, 10)));
    assert!(!of(90, 100).overlaps(&of(10, 100)));
}

#[test]
fn percentiles_are_interpolated() {
    let spread =
        |seconds: &[f64]| Spread::of(seconds.to_vec()).map(|s| (s.count, s.median_s, s.p90_s, s.p99_s));
    assert_eq!(spread(&[]), None);
    assert_eq!(spread(&[-2.5]), Some((1, -2.5, -2.5, -2.5)));
    assert_eq!(spread(&[20.0, 10.0]), Some((2, 15.0, 19.0, 19.9)));
    let hundred: Vec<f64> = (0..=100).rev().map(f64::from).collect();
    assert_eq!(spread(&hundred), Some((101, 50.0, 90.0, 99.0)));
}

#[test]
fn open_verdicts_are_no_evidence() {
    let verdicts = Verdicts { confirmed: 3, false_positive: 1, open: 96 };
    assert_eq!(verdicts.precision(), Proportion::of(3, 4));
    assert_eq!(Verdicts { open: 7, ..Verdicts::default() }.precision().share, None);
    let many = Verdicts { confirmed: u64::MAX, false_positive: u64::MAX, open: 0 };
    assert_eq!(many.precision().share, Some(1.0), "more than can be counted");
}

proptest! {
    #[test]
    fn an_interval_holds_its_share_and_narrows_with_trials(successes in 0_u64..2000, more in 0_u64..2000) {
        let found = Proportion::of(successes, successes + more);
        prop_assert!(0.0 <= found.low && found.high <= 1.0 && found.low <= found.high);
        if let Some(share) = found.share {
            prop_assert!(found.low <= share && share <= found.high);
            let tenfold = Proportion::of(10 * successes, 10 * (successes + more));
            prop_assert!(tenfold.high - tenfold.low < found.high - found.low);
        }
        let mirrored = Proportion::of(more, successes + more);
        prop_assert!((mirrored.low - (1.0 - found.high)).abs() < 1e-12, "{found:?} {mirrored:?}");
    }

    #[test]
    fn percentiles_lie_in_order_among_the_values(seconds in prop::collection::vec(-1e6_f64..1e6, 1..50)) {
        let spread = Spread::of(seconds.clone()).unwrap();
        let low = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let high = seconds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let order = [low, spread.median_s, spread.p90_s, spread.p99_s, high];
        prop_assert!(order.is_sorted_by(|a, b| *a <= b + 1e-6), "{order:?}");
        prop_assert_eq!(spread.count, seconds.len() as u64);
    }
}
