//! The name of a lane of a connection: the message group in which SQS keeps order.

use std::fmt;
use std::str::FromStr;

use ids::ConnectionId;

/// A lane of a connection, written `advertiser.account.lane`: at most 44 characters of the 128 that SQS allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId {
    /// Whose lane it is.
    pub connection: ConnectionId,
    /// Which one, counted from 0.
    pub lane: u8,
}

/// The text is not the name of a lane. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an advertiser's number, an account's number and a lane's number, with dots between them")]
pub struct ParseGroupError;

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.connection, self.lane)
    }
}

impl FromStr for GroupId {
    type Err = ParseGroupError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (connection, lane) = text.rsplit_once('.').ok_or(ParseGroupError)?;
        let plain = lane == "0" || (lane.bytes().all(|b| b.is_ascii_digit()) && !lane.starts_with('0'));
        let lane = if plain { lane.parse().map_err(|_| ParseGroupError)? } else { return Err(ParseGroupError) };
        Ok(Self { connection: connection.parse().map_err(|_| ParseGroupError)?, lane })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_group_reads_back_from_its_text(advertiser in 1..=u64::MAX, account in 1..=i64::MAX, lane in any::<u8>()) {
            let text = format!("{advertiser}.{account}.{lane}");
            let group: GroupId = text.parse().unwrap();
            prop_assert_eq!(group.lane, lane);
            prop_assert_eq!(group.to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_no_group() {
        for wrong in
            ["", "7.1", "7.1.", "7.1.256", "7.1.-1", "7.1.+1", "7.1.01", "7.1.00", "7.1.0.0", "7..0", ".1.0", "x"]
        {
            assert_eq!(wrong.parse::<GroupId>(), Err(ParseGroupError), "{wrong:?}");
        }
    }
}
