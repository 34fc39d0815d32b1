//! Ids that travel as digits in text. TikTok's have up to 19 digits, and many JSON parsers keep only 15 of a number:
//! they are read from and written as strings.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Why a text is not an id. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of 1 to 20 digits without a leading zero")]
pub struct ParseIdError;

/// A TikTok advertiser (ad account): the number in the URL of the ads dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AdvertiserId(u64);

/// A TikTok custom audience, which TikTok also calls a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AudienceId(u64);

/// mParticle's id of a user: a signed 64-bit number in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mpid(i64);

/// mParticle's own number of a customer's configuration (`account_id`). mParticle gives it out: unlike the settings of the
/// configuration, nobody can type another's. Positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(i64);

fn digits(text: &str) -> Result<u64, ParseIdError> {
    // Nineteen digits always fit.
    let (fit, rest) = text.as_bytes().split_at_checked(19).unwrap_or((text.as_bytes(), &[]));
    let mut number: u64 = 0;
    for byte in fit {
        number = number * 10 + digit(*byte)?;
    }
    for byte in rest {
        number = number.checked_mul(10).and_then(|tens| tens.checked_add(digit(*byte).ok()?)).ok_or(ParseIdError)?;
    }
    if number == 0 || text.starts_with('0') { Err(ParseIdError) } else { Ok(number) }
}

fn digit(byte: u8) -> Result<u64, ParseIdError> {
    if byte.is_ascii_digit() { Ok(u64::from(byte - b'0')) } else { Err(ParseIdError) }
}

impl AudienceId {
    /// The id of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// How many digits the id has.
    #[must_use]
    pub const fn digits(self) -> usize {
        match self.0.checked_ilog10() {
            Some(log) => log as usize + 1,
            None => 1,
        }
    }
}

impl AccountId {
    /// The account of that number, as mParticle's JSON has it; `None` for 0 and less.
    #[must_use]
    pub const fn new(number: i64) -> Option<Self> {
        if number > 0 { Some(Self(number)) } else { None }
    }
}

impl FromStr for AccountId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        digits(text)?.try_into().ok().and_then(Self::new).ok_or(ParseIdError)
    }
}

impl FromStr for AdvertiserId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        digits(text).map(Self)
    }
}

impl FromStr for AudienceId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        digits(text).map(Self)
    }
}

impl FromStr for Mpid {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text.parse().map(Self).map_err(|_| ParseIdError)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $name {
            /// Adds its text to `to`: ASCII digits, after a sign where it is negative.
            pub fn push_to(self, to: &mut Vec<u8>) {
                to.extend_from_slice(itoa::Buffer::new().format(self.0).as_bytes());
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!(stringify!($name), " as a string of digits"))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )*};
}

as_text!(AccountId, AdvertiserId, AudienceId, Mpid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_digits_are_an_id() {
        assert_eq!("7123456789012345678".parse::<AdvertiserId>().unwrap().to_string(), "7123456789012345678");
        for wrong in ["", "0", "012", "+1", "-1", "1 ", " 1", "1a", "１", "18446744073709551616"] {
            assert!(wrong.parse::<AdvertiserId>().is_err(), "{wrong:?}");
            assert!(wrong.parse::<AudienceId>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_account_is_a_positive_number_of_mparticles() {
        let account = AccountId::new(1234).unwrap();
        assert_eq!("1234".parse(), Ok(account));
        assert_eq!(serde_json::to_string(&account).unwrap(), "\"1234\"");
        assert_eq!(serde_json::from_str::<AccountId>("\"1234\"").unwrap(), account);
        for wrong in ["0", "-1", "01", "", "1.", "9223372036854775808"] {
            assert!(wrong.parse::<AccountId>().is_err(), "{wrong:?}");
        }
        assert_eq!((AccountId::new(0), AccountId::new(-1), AccountId::new(i64::MIN)), (None, None, None));
    }

    #[test]
    fn the_text_that_is_added_is_the_one_that_is_shown() {
        let mut text = b"x".to_vec();
        "-7346244611012968789".parse::<Mpid>().unwrap().push_to(&mut text);
        "18446744073709551615".parse::<AudienceId>().unwrap().push_to(&mut text);
        assert_eq!(text, b"x-734624461101296878918446744073709551615");
    }

    #[test]
    fn an_mpid_is_signed() {
        assert_eq!("-7346244611012968789".parse::<Mpid>().unwrap().to_string(), "-7346244611012968789");
        assert!("9223372036854775808".parse::<Mpid>().is_err());
    }

    #[test]
    fn ids_are_strings_in_json() {
        let id: AudienceId = serde_json::from_str("\"7123456789012345678\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"7123456789012345678\"");
        assert!(serde_json::from_str::<AudienceId>("7123456789012345678").is_err());
    }
}
