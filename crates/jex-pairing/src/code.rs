//! The one-time code.

use std::fmt;

use rand::{CryptoRng, Rng};
use subtle::ConstantTimeEq as _;

/// Consonants alone (RFC 8628, 6.1): no digit is taken for a letter, and no word comes of them.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 16 of 20 letters are 69 bits.
const LENGTH: usize = 16;
/// Letters are read and typed in groups.
const GROUP: usize = 4;

/// Opens JEX to one browser, once.
#[derive(Clone)]
pub struct Code([u8; LENGTH]);

impl Code {
    /// A fresh one.
    pub fn random(rng: &mut (impl Rng + CryptoRng)) -> Self {
        Self(std::array::from_fn(|_| {
            LETTERS[rng.random_range(0..LETTERS.len())]
        }))
    }

    /// As somebody typed it: in any case, with or without what stands between the groups.
    pub fn parse(text: &str) -> Option<Self> {
        let mut letters = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
            .map(|c| c.to_ascii_uppercase());
        let mut code = [0; LENGTH];
        for place in &mut code {
            let letter = u8::try_from(letters.next()?).ok()?;
            if !LETTERS.contains(&letter) {
                return None;
            }
            *place = letter;
        }
        letters.next().is_none().then_some(Self(code))
    }

    /// Whether both are the same, in a time that does not tell how alike they are.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// `WDJB-MJHT-KQRS-ZXCV`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.0.iter().enumerate() {
            if place > 0 && place % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

/// A log must not show it.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    fn code(seed: u64) -> Code {
        Code::random(&mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn it_has_at_least_60_bits_and_every_letter_is_used() {
        let bits = (LETTERS.len() as f64).log2() * LENGTH as f64;
        let many: String = (0..100).map(|seed| code(seed).to_string()).collect();

        assert!(bits >= 60.0);
        assert!(LETTERS.iter().all(|l| many.contains(char::from(*l))));
    }

    #[test]
    fn it_is_read_in_groups_and_taken_however_it_is_typed() {
        let shown = code(1).to_string();
        let groups: Vec<&str> = shown.split('-').collect();
        assert!(groups.len() == 4 && groups.iter().all(|group| group.len() == 4));

        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            shown.replace('-', " "),
            shown.replace('-', " – "),
            format!("  {shown}\n"),
        ] {
            assert!(Code::parse(&typed).unwrap().is(&code(1)), "{typed:?}");
        }
    }

    #[test]
    fn what_has_another_length_or_other_letters_is_none() {
        let shown = code(1).to_string();
        for typed in [
            "",
            "-",
            "BCDF-GHJK-LMNP",
            "ACDF-GHJK-LMNP-QRST",
            "1CDF-GHJK-LMNP-QRST",
            "ÄCDF-GHJK-LMNP-QRST",
            &format!("{shown}B"),
            &shown[..18],
        ] {
            assert!(Code::parse(typed).is_none(), "{typed:?}");
        }
    }

    #[test]
    fn a_log_does_not_show_it() {
        let shown = code(1).to_string();

        assert!(!format!("{:?}", code(1)).contains(&shown[..4]));
    }

    proptest! {
        #[test]
        fn each_is_itself_and_no_other(a: u64, b: u64) {
            let (a, b) = (code(a), code(b));

            prop_assert!(Code::parse(&a.to_string()).unwrap().is(&a));
            prop_assert_eq!(a.is(&b), a.to_string() == b.to_string());
        }

        #[test]
        fn one_wrong_letter_is_another_code(seed: u64, at in 0..LENGTH, by in 1..LETTERS.len()) {
            let right = code(seed);
            let mut wrong = right.clone();
            let letter = LETTERS.iter().position(|l| *l == wrong.0[at]).unwrap();
            wrong.0[at] = LETTERS[(letter + by) % LETTERS.len()];

            prop_assert!(!wrong.is(&right));
        }

        #[test]
        fn any_text_is_a_code_or_none(text in "\\PC{0,40}|[b-zB-Z -]{14,24}") {
            if let Some(code) = Code::parse(&text) {
                prop_assert_eq!(code.to_string().len(), LENGTH + 3);
            }
        }
    }
}
