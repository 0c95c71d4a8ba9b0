//! Values that are neither any text nor one of a list: numbers of threads, sizes, widths, and passwords.

use std::num::NonZeroUsize;

/// What groups, and hits as much again, may take of memory.
pub(super) const MEMORY: &str = "1GiB";

/// Reads a number of threads: more than any machine has cores can only be a mistake.
pub(super) fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= 1024);
    number.ok_or_else(|| "give a number from 1 to 1024".to_owned())
}

/// Reads a size, which is not 0: bytes, or with a unit of `KiB`, `MiB`, `GiB` or `TiB`, in any case, the `iB` optional.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        _ => 64,
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1_u64.checked_shl(shift)?));
    let bytes = bytes.filter(|&bytes| bytes > 0);
    bytes.ok_or_else(|| "give a number of bytes above 0, or one with a unit, for example 512MiB or 4GiB".to_owned())
}

/// A size as [`size`] reads it, in the largest unit that it is a multiple of.
pub(super) fn sized(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let of_unit = |&(shift, _): &(u32, &str)| bytes > 0 && bytes.trailing_zeros() >= shift;
    let unit = units.into_iter().find(of_unit);
    unit.map_or_else(|| bytes.to_string(), |(shift, name)| format!("{}{name}", bytes >> shift))
}

/// Reads how wide a table is, in columns.
pub(super) fn width(text: &str) -> Result<u16, String> {
    let number = text.parse().ok().filter(|number| (40..=1000).contains(number));
    number.ok_or_else(|| "give a number of columns from 40 to 1000, for example 120".to_owned())
}

/// Reads a password, which is not empty: nothing that an empty one opens needs one.
pub(super) fn password(text: &str) -> Result<String, String> {
    let given = Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    given.ok_or_else(|| "give the password, for example infected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_written_as_it_is_read() {
        for text in ["1", "1023", "1KiB", "1536MiB", "16GiB", "2TiB", "1025"] {
            assert_eq!(sized(size(text).unwrap()), text);
        }
    }
}
