use proptest::prelude::*;
use regex::Regex;

use super::labels;
use crate::alerts::index::{Index, Remembered};
use crate::alerts::{Labels, Matcher, Matchers};

#[test]
fn conditions_mean_what_they_say() {
    for (label, condition, value, expected) in [
        ("zone", "eu-1", "eu-1", true),
        ("zone", "eu-1", "eu-12", false),
        ("zone", "", "", true),
        ("zone", "!=eu-1", "eu-1", false),
        ("zone", "!=eu-1", "", true),
        ("zone", "~eu-.*", "eu-1", true),
        ("zone", "~eu-.*", "eu-1\n2", true),
        ("zone", "~eu-.*", "x-eu-1", false),
        ("zone", "~eu", "eu-1", false),
        ("zone", "~eu|us", "us", true),
        ("zone", "~eu|us", "us-1", false),
        ("zone", "~eux?", "eu", true),
        ("zone", "~eux{0,1}", "eu", true),
        ("zone", "~(?i)EU", "eu", true),
        ("zone", "!~eu-.*", "us-1", true),
        ("zone", "!~eu-.*", "eu-1", false),
        ("zone", "=~eu", "~eu", true),
        ("severity", ">=high", "high", true),
        ("severity", ">=high", "medium", false),
        ("severity", ">high", "high", false),
        ("severity", "<high", "medium", true),
        ("severity", "<=high", "critical", false),
        ("severity", "<=critical", "unheard", false),
    ] {
        let matcher = Matcher::parse(label, condition).unwrap();
        let labels = [(label, value)].into_iter().collect::<Labels>();
        assert_eq!(matcher.matches(&labels), expected, "{label} = {condition:?} on {value:?}");
    }
}

#[test]
fn conditions_that_mean_nothing_are_refused_in_words() {
    for (label, condition, expected) in [
        ("", "x", "expected a label's name"),
        ("zone", "~eu-(", "zone: the regular expression \"eu-(\" cannot be read"),
        ("zone", "~(a{1000}){1000}", "cannot be read"),
        ("zone", ">=high", "only severity can be compared"),
        ("severity", ">=severe", "expected low, medium, high or critical"),
    ] {
        let problem = Matcher::parse(label, condition).unwrap_err();
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn conditions_are_written_as_they_are_read() {
    let text = r#"{"a":"x","b":"!=x","c":"~x.*","d":"!~x","e":"=~x","severity":">=high"}"#;
    let matchers: Matchers = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&matchers).unwrap(), text);
    let bytes = postcard::to_allocvec(&matchers).unwrap();
    assert_eq!(postcard::from_bytes::<Matchers>(&bytes).unwrap(), matchers);
}

fn condition() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]{1,2}",
        "!=[ab]{1,2}",
        Just("~a.*".to_owned()),
        Just("~.*b".to_owned()),
        Just("!~a.*".to_owned()),
        Just("~a|b".to_owned()),
    ]
}

fn matchers() -> impl Strategy<Value = Matchers> {
    prop::collection::btree_map("[xyz]", condition(), 0..3)
        .prop_map(|conditions| Matchers::parse(&conditions).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_finds_all_that_match(
        sets in prop::collection::vec(matchers(), 0..20),
        gone in prop::collection::vec(0_usize..20, 0..10),
        alerts in prop::collection::vec(prop::collection::btree_map("[xyz]", "[ab]{0,2}", 0..3), 1..10),
    ) {
        let mut index = Index::default();
        for (number, set) in sets.iter().enumerate() {
            index.insert(number, set);
        }
        for &number in gone.iter().filter(|&&number| number < sets.len()) {
            index.remove(number, &sets[number]);
        }
        let mut remembered = Remembered::default();
        for alert in alerts {
            let labels = Labels(alert);
            let expected: Vec<usize> = (0..sets.len())
                .filter(|number| !gone.contains(number) && sets[*number].matches(&labels))
                .collect();
            let (mut found, mut found_again) = (Vec::new(), Vec::new());
            index.candidates(&labels, &mut found);
            index.candidates_again(&labels, &mut remembered, &mut found_again);
            prop_assert_eq!(&found, &found_again);
            found.retain(|&number| sets[number].matches(&labels));
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_is_told_from_the_beginning_alone_changes_nothing(
        pattern in "[ab.*?+|(){}1-]{1,6}",
        value in "[ab]{0,4}",
    ) {
        if let (Ok(matcher), Ok(regex)) =
            (Matcher::parse("x", &format!("~{pattern}")), Regex::new(&format!("^(?:{pattern})$")))
        {
            let labels = [("x", value.as_str())].into_iter().collect::<Labels>();
            prop_assert_eq!(matcher.matches(&labels), regex.is_match(&value));
        }
    }
}

#[test]
fn labels_that_are_missing_are_empty() {
    assert_eq!(labels("a=1").get("b"), "");
    let mut common = labels("a=1 b=2");
    common.keep_common(&labels("b=2 c=3"));
    assert_eq!(common, labels("b=2"));
}
