//! Times as samples carry them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of [`rfc3339`].
pub(crate) const STAMP_BYTES: usize = 24;

/// The wall clock, in Unix milliseconds.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Unix milliseconds as `2026-01-05T00:00:00.000Z`: always as long, so that it can be patched in place.
pub(crate) fn rfc3339(ms: i64) -> [u8; STAMP_BYTES] {
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (place, width, value) in [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, of_day / 3_600_000),
        (14, 2, of_day / 60_000 % 60),
        (17, 2, of_day / 1000 % 60),
        (20, 3, of_day % 1000),
    ] {
        let mut rest = value;
        for digit in (place..place + width).rev() {
            text[digit] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    text
}

/// Unix milliseconds of an RFC 3339 time in UTC, with any number of decimals; `None` if it is another form.
pub(crate) fn parse_ms(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let number = |range: std::ops::Range<usize>| whole.get(range)?.parse::<i64>().ok();
    if whole.len() != 19 {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let padded = format!("{decimals:0<3}");
    let ms: i64 = padded.get(..3)?.parse().ok()?;
    Some((((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms)
}

/// Year, month and day of a day since the epoch, in the proleptic Gregorian calendar (Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil`].
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_way_there_and_back() {
        assert_eq!(&rfc3339(1_767_571_200_123), b"2026-01-05T00:00:00.123Z");
        for ms in [0, 951_782_399_999, 951_782_400_000, 1_709_164_800_001, 4_102_444_799_999] {
            let text = rfc3339(ms);
            assert_eq!(parse_ms(std::str::from_utf8(&text).unwrap()), Some(ms));
        }
    }

    #[test]
    fn other_forms_of_the_same_time_are_read() {
        assert_eq!(parse_ms("2026-01-05T00:00:00Z"), Some(1_767_571_200_000));
        assert_eq!(parse_ms("2026-01-05T00:00:00.5+00:00"), Some(1_767_571_200_500));
        assert_eq!(parse_ms("2026-01-05 00:00"), None);
    }
}
