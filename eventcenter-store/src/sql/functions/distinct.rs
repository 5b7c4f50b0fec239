//! How many different values there were: exact while they are few, a HyperLogLog beyond, so that memory is bounded.
//!
//! With 2^12 registers the standard error is 1.04 / sqrt(4096), 1.6 %.

use std::collections::HashSet;

/// Values that are remembered one by one.
const EXACT: usize = 4096;
/// Registers: 2 to the power of this.
const BITS: u32 = 12;
const REGISTERS: usize = 1 << BITS;

/// See the [module](self).
#[derive(Debug)]
pub(super) enum Distinct {
    Few(HashSet<u64>),
    Many(Box<[u8; REGISTERS]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(HashSet::new())
    }
}

impl Distinct {
    /// Values of different types are different.
    pub(super) fn add(&mut self, kind: u8, bytes: &[u8]) {
        let hash = hash(kind, bytes);
        match self {
            Self::Few(seen) => {
                seen.insert(hash);
                if seen.len() > EXACT {
                    let mut registers = Box::new([0; REGISTERS]);
                    for hash in seen.iter() {
                        note(&mut registers, *hash);
                    }
                    *self = Self::Many(registers);
                }
            }
            Self::Many(registers) => note(registers, hash),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a float that is rounded saturates")]
    pub(super) fn count(&self) -> i64 {
        match self {
            Self::Few(seen) => i64::try_from(seen.len()).unwrap_or(i64::MAX),
            Self::Many(registers) => {
                let m = REGISTERS as f64;
                let alpha = 0.7213 / (1.0 + 1.079 / m);
                let sum: f64 = registers.iter().map(|rank| 2_f64.powi(-i32::from(*rank))).sum();
                let raw = alpha * m * m / sum;
                let empty = registers.iter().filter(|rank| **rank == 0).count();
                // The estimate of few values is too high; the number of empty registers tells more then.
                if raw <= 2.5 * m && empty > 0 {
                    (m * (m / empty as f64).ln()).round() as i64
                } else {
                    raw.round() as i64
                }
            }
        }
    }
}

fn note(registers: &mut [u8; REGISTERS], hash: u64) {
    let place = usize::try_from(hash >> (64 - BITS)).unwrap_or(0);
    // At most 64 - BITS + 1.
    let rank =
        u8::try_from((hash << BITS | 1 << (BITS - 1)).leading_zeros() + 1).unwrap_or(u8::MAX);
    if let Some(register) = registers.get_mut(place) {
        *register = (*register).max(rank);
    }
}

/// FNV-1a, mixed: what an attacker can make of it is a wrong count of his own rows.
fn hash(kind: u8, bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in std::iter::once(&kind).chain(bytes) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_exact_and_many_within_a_few_per_cent() {
        for number in [0_u32, 1, 4096, 5000, 20_000, 300_000] {
            let mut distinct = Distinct::default();
            for value in (0..number).chain(0..number.min(1000)) {
                distinct.add(2, value.to_string().as_bytes());
            }
            let error =
                (distinct.count() as f64 - f64::from(number)).abs() / f64::from(number.max(1));
            let allowed = if number <= 4096 { 0.0 } else { 0.06 };
            assert!(error <= allowed, "{number}: {}", distinct.count());
        }
    }
}
