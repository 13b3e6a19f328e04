//! How samples are written down: what agents send are short decimals that change little, and those take a byte or two.
//!
//! Times, and then each metric's values, are a column of differences. A column is of decimals if every value is a whole
//! number of tenths, hundredths, … that gives back the very same bits; any other column is written as it is.

use crate::time::Millis;

/// Decimal places that are tried.
const PLACES_MAX: u8 = 6;
const POWERS: [f64; PLACES_MAX as usize + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Marks a column that is written as it is.
const RAW: u8 = u8::MAX;
/// Whole numbers up to this are exact, and so is their quotient by a power of ten.
const EXACT: f64 = (1_u64 << 52) as f64;

/// Packs samples; `values` has `width` numbers for each time.
pub(super) fn pack(times: &[Millis], values: &[f64], width: usize) -> Vec<u8> {
    let mut packed = Vec::with_capacity(times.len() * (2 * width + 2));
    let mut before = 0;
    for time in times {
        put_varint(&mut packed, zigzag(time.0.wrapping_sub(before)));
        before = time.0;
    }
    for metric in 0..width {
        let column = || values.iter().skip(metric).step_by(width).copied();
        match decimal_places(column()) {
            Some(places) => {
                packed.push(places);
                let power = POWERS[usize::from(places)];
                let mut before = 0;
                for value in column() {
                    if value.is_nan() {
                        packed.push(0);
                        continue;
                    }
                    let number = (value * power).round() as i64;
                    put_varint(&mut packed, zigzag(number - before) + 1);
                    before = number;
                }
            }
            None => {
                packed.push(RAW);
                column().for_each(|value| packed.extend_from_slice(&value.to_le_bytes()));
            }
        }
    }
    packed
}

/// The inverse of [`pack`]; `None`: these are not so many samples of this width.
pub(super) fn unpack(mut packed: &[u8], rows: usize, width: usize) -> Option<(Vec<Millis>, Vec<f64>)> {
    // Every time takes a byte at least, and so does every value: nothing is reserved that is not there.
    if rows.checked_mul(width + 1)? > packed.len() {
        return None;
    }
    let mut times = Vec::with_capacity(rows);
    let mut before = 0_i64;
    for _ in 0..rows {
        before = before.wrapping_add(unzigzag(take_varint(&mut packed)?));
        times.push(Millis(before));
    }
    let mut values = vec![f64::NAN; rows * width];
    for metric in 0..width {
        let places = *packed.split_off_first()?;
        let column = values.iter_mut().skip(metric).step_by(width);
        if places == RAW {
            for value in column {
                let (number, rest) = packed.split_first_chunk::<8>()?;
                *value = f64::from_le_bytes(*number);
                packed = rest;
            }
        } else {
            let power = *POWERS.get(usize::from(places))?;
            let mut before = 0_i64;
            for value in column {
                let code = take_varint(&mut packed)?;
                if code > 0 {
                    before = before.wrapping_add(unzigzag(code - 1));
                    *value = before as f64 / power;
                }
            }
        }
    }
    Some((times, values))
}

/// How many decimal places the values have, if all of them are decimals.
fn decimal_places(mut column: impl Iterator<Item = f64>) -> Option<u8> {
    let more = |places: u8, value: f64| {
        if value.is_nan() {
            Some(places)
        } else {
            (places..=PLACES_MAX).find(|&places| is_decimal(value, places))
        }
    };
    column.try_fold(0, more)
}

fn is_decimal(value: f64, places: u8) -> bool {
    let power = POWERS[usize::from(places)];
    let number = (value * power).round();
    number.abs() <= EXACT && (number as i64 as f64 / power).to_bits() == value.to_bits()
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn unzigzag(code: u64) -> i64 {
    (code >> 1) as i64 ^ -((code & 1) as i64)
}

fn put_varint(packed: &mut Vec<u8>, mut code: u64) {
    while code >= 0x80 {
        packed.push(code as u8 | 0x80);
        code >>= 7;
    }
    packed.push(code as u8);
}

#[inline]
fn take_varint(packed: &mut &[u8]) -> Option<u64> {
    let (mut code, mut shift) = (0, 0);
    loop {
        let byte = *packed.split_off_first()?;
        code |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(code);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn value() -> impl Strategy<Value = f64> {
        let decimal = (-1_000_000_i64..1_000_000, 0_u8..6)
            .prop_map(|(number, places)| number as f64 / POWERS[usize::from(places)]);
        prop_oneof![8 => decimal, 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(-0.0)]
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_bit_for_bit(
            width in 1_usize..5,
            times in prop::collection::vec(any::<i64>().prop_map(Millis), 0..40),
            pool in prop::collection::vec(value(), 160),
        ) {
            let values = &pool[..times.len() * width];
            let packed = pack(&times, values, width);
            let (unpacked_times, unpacked) = unpack(&packed, times.len(), width).unwrap();
            prop_assert_eq!(unpacked_times, times);
            // Which NaN it was is of no meaning.
            let known = |values: &[f64]| bits(&values.iter().map(|v| if v.is_nan() { f64::NAN } else { *v }).collect::<Vec<_>>());
            prop_assert_eq!(known(&unpacked), known(values));
        }

        #[test]
        fn bytes_from_anywhere_are_samples_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200), rows in 0_usize..50, width in 0_usize..9) {
            drop(unpack(&bytes, rows, width));
        }
    }

    #[test]
    fn an_agents_decimals_take_a_quarter() {
        let times: Vec<Millis> = (0..32).map(|step| Millis(1_700_000_000_000 + step * 10_000)).collect();
        let values: Vec<f64> =
            (0..32).flat_map(|step| [50.0 + f64::from(step % 7) / 10.0, 0.005, 93.0]).collect();
        let packed = pack(&times, &values, 3);
        assert!(packed.len() < 32 * 7, "{} bytes", packed.len());
    }
}
