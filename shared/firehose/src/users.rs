//! Where the users of a membership change go.

use crate::account::Account;
use crate::profile::Profile;

/// What takes the users of a membership change, while the message is parsed.
pub trait Users {
    /// Users of this account follow, changed at that time. Said again, those before do not count.
    fn begin(&mut self, account: &Account, timestamp_ms: Option<i64>);

    /// The next one, in the order of the message.
    fn take(&mut self, user: &Profile<'_>);
}

/// Takes nobody: for messages of which only the type matters.
impl Users for () {
    fn begin(&mut self, _: &Account, _: Option<i64>) {}
    fn take(&mut self, _: &Profile<'_>) {}
}
