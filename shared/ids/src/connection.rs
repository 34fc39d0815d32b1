//! The name of a connection: one configuration at mParticle that feeds one advertiser at TikTok.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, AdvertiserId};

/// A connection, written `advertiser.account`, such as `7123456789012345678.1234`: at most 40 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    /// The advertiser that is fed.
    pub advertiser: AdvertiserId,
    /// The configuration at mParticle that feeds it.
    pub account: AccountId,
}

/// The text is not an advertiser, a dot, and an account. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an advertiser's number, a dot, and an account's number")]
pub struct ParseConnectionError;

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.advertiser, self.account)
    }
}

impl FromStr for ConnectionId {
    type Err = ParseConnectionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (advertiser, account) = text.split_once('.').ok_or(ParseConnectionError)?;
        let advertiser = advertiser.parse().map_err(|_| ParseConnectionError)?;
        let account = account.parse().map_err(|_| ParseConnectionError)?;
        Ok(Self { advertiser, account })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_connection_reads_back_from_its_text(advertiser in 1..=u64::MAX, account in 1..=i64::MAX) {
            let text = format!("{advertiser}.{account}");
            let connection: ConnectionId = text.parse().unwrap();
            prop_assert_eq!(connection.to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_no_connection() {
        for wrong in ["", ".", "7", "7.", ".1", "7.1.0", "7.0", "0.1", "7.-1", "7 .1", "7.1 ", "7.9223372036854775808"]
        {
            assert_eq!(wrong.parse::<ConnectionId>(), Err(ParseConnectionError), "{wrong:?}");
        }
    }
}
