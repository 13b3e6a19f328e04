//! Points in time as text.

/// A time in seconds since the Unix epoch as RFC 3339 in UTC, to the millisecond: "2026-03-01T12:04:10.250Z". Times
/// outside of the years 0 to 9999, and NaN, become the nearest that can be written, and the epoch.
#[must_use]
pub fn rfc3339(seconds: f64) -> String {
    // The first and the last millisecond with a year of four digits.
    let millis = ((seconds * 1e3).floor() as i64).clamp(-62_167_219_200_000, 253_402_300_799_999);
    let (day, in_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, date) = civil(day);
    let (second, milli) = (in_day / 1000, in_day % 1000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The time of day in UTC, to the second: "12:04:10".
#[must_use]
pub fn time_of_day(seconds: f64) -> String {
    rfc3339(seconds)[11..19].to_owned()
}

/// Year, month and day of a day since the Unix epoch, by Howard Hinnant's `civil_from_days`: years begin in March.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        assert_eq!(rfc3339(0.0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_709_210_045.25), "2024-02-29T12:34:05.250Z");
        assert_eq!(rfc3339(-0.001), "1969-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(f64::INFINITY), "9999-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(f64::NEG_INFINITY), "0000-01-01T00:00:00.000Z");
        assert_eq!(time_of_day(1_709_210_045.9), "12:34:05");
    }

    proptest! {
        #[test]
        fn every_time_reads_back(millis in -62_167_219_200_000i64..=253_402_207_200_000) {
            let text = rfc3339(millis as f64 / 1e3);
            let back = text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            prop_assert!((millis - back).abs() <= 1, "{text} is {back}, not {millis}");
        }
    }
}
