//! What the parser hands the users of a membership change to.

use crate::account::Account;
use crate::profile::Profile;

/// Takes the users of a membership change one by one, while the message is parsed.
pub trait Users {
    /// Users of this account follow, changed at that time, in milliseconds since 1970. A second call voids the users that were taken before it.
    fn begin(&mut self, account: &Account, timestamp_ms: Option<i64>);

    /// The next one, in the order of the message.
    fn take(&mut self, user: &Profile<'_>);
}

/// Takes nobody: for messages of which only the type matters.
impl Users for () {
    fn begin(&mut self, _: &Account, _: Option<i64>) {}
    fn take(&mut self, _: &Profile<'_>) {}
}
